//! Dates and times: Java's and SQL's forms, as days, milliseconds or nanoseconds.
//!
//! Each form has its own null: a number that no date has.

use spt_format::{Cursor, Result, TimeUnit};

use super::column::Column;
use super::types::unit_of;
use super::unsupported;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// `i64` milliseconds; `i64::MIN` is null.
pub(super) fn append_millis(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    match cursor.i64_be()? {
        i64::MIN => push_null(column),
        millis => column.i64()?.push(millis),
    }
}

/// `i64` milliseconds, `i32` nanoseconds of the second, which repeat the milliseconds.
pub(super) fn append_sql_timestamp(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    let (millis, nanos) = (cursor.i64_be()?, cursor.i32_be()?);
    match millis {
        i64::MIN => push_null(column),
        _ => push_nanos(millis.div_euclid(1000), nanos, column, &start),
    }
}

/// `i64` seconds, `i32` nanoseconds.
pub(super) fn append_instant(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    match (cursor.i64_be()?, cursor.i32_be()?) {
        (i64::MIN, i32::MIN) => push_null(column),
        (seconds, nanos) => push_nanos(seconds, nanos, column, &start),
    }
}

fn push_null(column: &mut Column) -> Result<()> {
    column.push_null();
    Ok(())
}

/// Seconds and nanoseconds of the second.
fn push_nanos(seconds: i64, nanos: i32, column: &mut Column, start: &Cursor<'_>) -> Result<()> {
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(start.invalid(format!("{nanos} nanoseconds of a second")));
    }
    let fields = column.fields()?;
    fields.column(0)?.i64()?.push(seconds)?;
    fields.column(1)?.i32()?.push(nanos)?;
    fields.end();
    Ok(())
}

/// `i32` year, `i8` month, `i8` day.
pub(super) fn append_date(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    match read_date(cursor)? {
        None => push_null(column),
        Some(days) => match i32::try_from(days) {
            Ok(days) => column.i32()?.push(days),
            Err(_) => Err(unsupported(&start, "a date millions of years away")),
        },
    }
}

/// Days since 1970-01-01.
fn read_date(cursor: &mut Cursor<'_>) -> Result<Option<i64>> {
    let start = cursor.clone();
    match (cursor.i32_be()?, cursor.i8()?, cursor.i8()?) {
        (i32::MIN, i8::MIN, _) => Ok(None),
        (year, month, day) => match days(year.into(), month.into(), day.into()) {
            Some(days) => Ok(Some(days)),
            None => Err(start.invalid(format!("{year}-{month:02}-{day:02} is no date"))),
        },
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, extended into the past.
///
/// # Source
/// The formula counts 400-year cycles of 146,097 days, and years from March.
pub(crate) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    Some(cycle * 146_097 + day_of_cycle - 719_468)
}

/// `i8` hour, `i8` minute, `i8` second, `i32` nanoseconds.
pub(super) fn append_time(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    match read_time(cursor)? {
        None => push_null(column),
        Some(nanos) => column.i64()?.push(nanos),
    }
}

/// Nanoseconds of the day.
fn read_time(cursor: &mut Cursor<'_>) -> Result<Option<i64>> {
    let start = cursor.clone();
    let time = (cursor.i8()?, cursor.i8()?, cursor.i8()?, cursor.i32_be()?);
    match time {
        (i8::MIN, i8::MIN, _, _) => Ok(None),
        (hour @ 0..=23, minute @ 0..=59, second @ 0..=59, nanos @ 0..=999_999_999) => {
            let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
            Ok(Some(seconds * NANOS_PER_SECOND + i64::from(nanos)))
        }
        (hour, minute, second, nanos) => {
            Err(start.invalid(format!("{hour}:{minute}:{second} and {nanos} ns is no time of day")))
        }
    }
}

/// A date, then a time.
pub(super) fn append_date_time(column: &mut Column, cursor: &mut Cursor<'_>) -> Result<()> {
    let start = cursor.clone();
    match (read_date(cursor)?, read_time(cursor)?) {
        (None, None) => push_null(column),
        (Some(days), Some(nanos)) => {
            let seconds = days * 86_400 + nanos / NANOS_PER_SECOND;
            push_nanos(seconds, (nanos % NANOS_PER_SECOND) as i32, column, &start)
        }
        _ => Err(start.invalid("half of a date and time is null")),
    }
}

/// `i64` milliseconds; beyond a precision of 3 also `i32` nanoseconds of the millisecond.
pub(super) fn append_timestamp_data(
    precision: u8,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
) -> Result<()> {
    let start = cursor.clone();
    let millis = cursor.i64_be()?;
    let nanos = if precision > 3 { cursor.i32_be()? } else { 0 };
    push_timestamp(millis, nanos, precision, column, &start)
}

/// Milliseconds and nanoseconds of the millisecond, in the unit of a column of this precision.
pub(super) fn push_timestamp(
    millis: i64,
    nanos: i32,
    precision: u8,
    column: &mut Column,
    start: &Cursor<'_>,
) -> Result<()> {
    if !(0..1_000_000).contains(&nanos) {
        return Err(start.invalid(format!("{nanos} nanoseconds of a millisecond")));
    }
    let per_unit = match unit_of(precision) {
        Some(TimeUnit::Ms) => 1_000_000,
        Some(_) => 1_000,
        None => {
            let nanos = (millis.rem_euclid(1000) * 1_000_000) as i32 + nanos;
            return push_nanos(millis.div_euclid(1000), nanos, column, start);
        }
    };
    let whole = i128::from(millis) * 1_000_000 + i128::from(nanos);
    if whole % per_unit != 0 {
        return Err(unsupported(start, "a timestamp finer than its precision"));
    }
    match i64::try_from(whole / per_unit) {
        Ok(value) => column.i64()?.push(value),
        Err(_) => Err(unsupported(start, "a timestamp beyond 64 bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970_in_both_directions() {
        let cases = [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2026, 11, 22), 20_779),
            ((1, 1, 1), -719_162),
            ((0, 3, 1), -719_468),
        ];
        for ((year, month, day), expected) in cases {
            assert_eq!(days(year, month, day), Some(expected), "{year}-{month}-{day}");
        }
        assert_eq!(days(2023, 2, 29), None);
        assert_eq!(days(2024, 13, 1), None);
    }
}
