//! Dates beyond the years a calendar library covers: `+292278994-08-17`.
//!
//! Timers for "never" stand there, at the largest number of milliseconds.

use chrono::{NaiveTime, Timelike};

use crate::export::write_date;

const DAY_SECONDS: i128 = 86_400;

/// Days since 1970-01-01, if the text is exactly how that date is written.
pub(super) fn days(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = rest.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (sign * parts.next()??, parts.next()??, parts.next()??);
    let is_possible = year.abs() < 1 << 40 && (1..=12).contains(&month) && (1..=31).contains(&day);
    let days = days_from_civil(is_possible.then_some(year)?, month, day);
    let mut again = Vec::new();
    write_date(days, &mut again);
    (again == text.as_bytes()).then_some(days)
}

/// Seconds since 1970 and nanoseconds of the second; an instant ends with a `Z`.
pub(super) fn seconds_and_nanos(text: &str, instant: bool) -> Option<(i128, u32)> {
    let text = if instant { text.strip_suffix('Z')? } else { text };
    let (date, time) = text.split_once('T')?;
    let time: NaiveTime = time.parse().ok()?;
    let seconds = i128::from(days(date)?) * DAY_SECONDS + i128::from(time.num_seconds_from_midnight());
    Some((seconds, time.nanosecond()))
}

/// # Source
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        for day in [0, 1, -1, 59, 60, -719_529, 95_026_237, 106_751_991_167, -106_751_991_168, 2_932_897] {
            let mut text = Vec::new();
            write_date(day, &mut text);
            assert_eq!(days(std::str::from_utf8(&text).unwrap()), Some(day));
        }
        for text in ["", "2026-02-30", "2026-13-01", "2026-1-01", "+2026-01-01", "1-2", "x-01-01"] {
            assert_eq!(days(text), None, "{text:?}");
        }
    }
}
