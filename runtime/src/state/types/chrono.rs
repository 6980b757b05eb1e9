//! The dates and times of the crate `chrono`, to the microsecond: what is finer is cut off.
//!
//! | type | column |
//! | --- | --- |
//! | `NaiveDate` | `date`: days since 1970 |
//! | `NaiveTime` | `time(us)` |
//! | `NaiveDateTime` | `timestamp(us)`: local, no zone |
//! | `DateTime<Utc>` | `timestamp(us, UTC)` |

use arrow_array::types::{Date32Type, Time64MicrosecondType, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use spt_format::{Error, Result, TimeUnit, Type};

use super::counted::counted_state;

/// The day 1970-01-01 as chrono counts days.
const EPOCH_DAY: i32 = 719_163;

fn days_of_date(date: &NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAY
}

fn date_of_days(days: i32) -> Result<NaiveDate> {
    let date = days.checked_add(EPOCH_DAY).and_then(NaiveDate::from_num_days_from_ce_opt);
    date.ok_or_else(|| Error::invalid(format!("{days} days since 1970 is no date that chrono knows")))
}

fn micros_of_time(time: &NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(time.nanosecond() / 1_000)
}

fn time_of_micros(micros: i64) -> Result<NaiveTime> {
    let parts = || {
        let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok()?;
        let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1_000).ok()?;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)
    };
    parts().ok_or_else(|| Error::invalid(format!("{micros} us since midnight is no time of day")))
}

fn micros_of_instant(time: &DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

fn instant_of_micros(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| Error::invalid(format!("{micros} us since 1970 is no time that chrono knows")))
}

fn micros_of_local(time: &NaiveDateTime) -> i64 {
    time.and_utc().timestamp_micros()
}

fn local_of_micros(micros: i64) -> Result<NaiveDateTime> {
    instant_of_micros(micros).map(|time| time.naive_utc())
}

counted_state! {
    NaiveDate, i32, Date32Type, Type::Date, days_of_date, date_of_days, DateBuilder, DateReader;
    NaiveTime, i64, Time64MicrosecondType, Type::Time(TimeUnit::Us), micros_of_time, time_of_micros,
        TimeOfDayBuilder, TimeOfDayReader;
    NaiveDateTime, i64, TimestampMicrosecondType, Type::Timestamp { unit: TimeUnit::Us, zone: None },
        micros_of_local, local_of_micros, LocalBuilder, LocalReader;
    DateTime<Utc>, i64, TimestampMicrosecondType,
        Type::Timestamp { unit: TimeUnit::Us, zone: Some("UTC".into()) },
        micros_of_instant, instant_of_micros, InstantBuilder, InstantReader;
}

crate::data!(NaiveDate);
crate::data!(NaiveTime);
crate::data!(NaiveDateTime);
crate::data!(DateTime<Utc>);
