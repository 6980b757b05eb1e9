//! Lengths of time and points in time, to the nanosecond.
//!
//! Both are stored as a signed 64-bit count of nanoseconds: lengths up to 292 years, points from 1677 to
//! 2262. What lies beyond is stored as the nearest value that can be.

use std::cmp::Ordering;
use std::time::{Duration, SystemTime};

use arrow_array::types::{DurationNanosecondType, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use spt_format::{Error, Field, KeyHash, Result, TimeUnit, Type};

use crate::state::column::{State, StateBuilder, StateReader};
use crate::state::key::{Key, spt_hash, write_fixed};
use crate::state::types::number::{NumberBuilder, NumberReader};

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

macro_rules! time_state {
    ($rust:ty, $arrow:ty, $ty:expr, $to:ident, $from:ident, $builder:ident, $reader:ident) => {
        /// Builds a column of nanoseconds.
        pub struct $builder(NumberBuilder<$arrow>);

        /// Reads a column of nanoseconds.
        pub struct $reader(NumberReader<$arrow>);

        impl State for $rust {
            type Builder = $builder;
            type Reader = $reader;

            fn field() -> Field {
                Field::new("", $ty)
            }
        }

        impl StateBuilder<$rust> for $builder {
            fn new(ty: &DataType, capacity: usize) -> Self {
                Self(NumberBuilder::new(ty, capacity))
            }

            fn append(&mut self, value: &$rust) {
                self.0.append(&$to(value));
            }

            fn append_null(&mut self) {
                self.0.append_null();
            }

            fn bytes(&self) -> usize {
                self.0.bytes()
            }

            fn finish(&mut self) -> Result<ArrayRef> {
                self.0.finish()
            }
        }

        impl StateReader<$rust> for $reader {
            fn new(array: &dyn Array) -> Result<Self> {
                NumberReader::new(array).map(Self)
            }

            fn get(&self, row: usize) -> Result<$rust> {
                $from(self.0.get(row)?)
            }
        }

        impl Key for $rust {
            type Borrowed = Self;
            type Arena = Vec<Self>;
            const KEY_HASH: KeyHash = KeyHash::Spt1;

            fn key_hash(key: &Self) -> i32 {
                spt_hash::<Self>(key)
            }

            fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
                write_fixed(&($to(key) ^ i64::MIN).to_be_bytes(), bytes);
            }

            fn order(a: &Self, b: &Self) -> Ordering {
                a.cmp(b)
            }

            fn sort_prefix(key: &Self, _: usize) -> u64 {
                $to(key).cast_unsigned() ^ (1 << 63)
            }
        }
    };
}

time_state!(
    Duration,
    DurationNanosecondType,
    Type::Duration(TimeUnit::Ns),
    nanos_of_duration,
    duration_of_nanos,
    DurationBuilder,
    DurationReader
);
time_state!(
    SystemTime,
    TimestampNanosecondType,
    Type::Timestamp { unit: TimeUnit::Ns, zone: Some("UTC".into()) },
    nanos_of_time,
    time_of_nanos,
    TimeBuilder,
    TimeReader
);
