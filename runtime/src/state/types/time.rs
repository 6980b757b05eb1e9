//! Lengths of time and points in time, to the nanosecond.
//!
//! Both are stored as a signed 64-bit count of nanoseconds: lengths up to 292 years, points from 1677 to
//! 2262. What lies beyond is stored as the nearest value that can be.

use std::time::{Duration, SystemTime};

use arrow_array::types::{DurationNanosecondType, TimestampNanosecondType};
use spt_format::{Error, Result, TimeUnit, Type};

use super::counted::counted_state;

fn nanos_of_duration(duration: &Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn nanos_of_time(time: &SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => nanos_of_duration(&since),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

fn duration_of_nanos(nanos: i64) -> Result<Duration> {
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| Error::invalid(format!("a length of time is {nanos} ns, below zero")))
}

fn time_of_nanos(nanos: i64) -> Result<SystemTime> {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time = if nanos < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
    time.ok_or_else(|| Error::invalid(format!("{nanos} ns since 1970 is no time this system knows")))
}

counted_state! {
    Duration, i64, DurationNanosecondType, Type::Duration(TimeUnit::Ns), nanos_of_duration, duration_of_nanos,
        DurationBuilder, DurationReader;
    SystemTime, i64, TimestampNanosecondType, Type::Timestamp { unit: TimeUnit::Ns, zone: Some("UTC".into()) },
        nanos_of_time, time_of_nanos, TimeBuilder, TimeReader;
}

crate::data!(Duration);
crate::data!(SystemTime);
