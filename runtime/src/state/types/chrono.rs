//! The dates and times of the crate `chrono`, to the microsecond: what is finer is cut off.
//!
//! | type | column |
//! | --- | --- |
//! | `NaiveDate` | `date`: days since 1970 |
//! | `NaiveTime` | `time(us)` |
//! | `NaiveDateTime` | `timestamp(us)`: local, no zone |
//! | `DateTime<Utc>` | `timestamp(us, UTC)` |

use std::cmp::Ordering;

use arrow_array::types::{Date32Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use spt_format::{Error, Field, KeyHash, Result, TimeUnit, Type};

use crate::state::column::{State, StateBuilder, StateReader};
use crate::state::key::{Key, spt_hash, write_fixed};
use crate::state::types::number::{NumberBuilder, NumberReader};

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

macro_rules! chrono_state {
    ($($rust:ty, $native:ty, $arrow:ty, $ty:expr, $to:ident, $from:ident, $builder:ident, $reader:ident;)*) => {$(
        /// Builds a column of chrono's type.
        pub struct $builder(NumberBuilder<$arrow>);

        /// Reads a column of chrono's type.
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
                write_fixed(&($to(key) ^ <$native>::MIN).to_be_bytes(), bytes);
            }

            fn order(a: &Self, b: &Self) -> Ordering {
                a.cmp(b)
            }

            fn sort_prefix(key: &Self, _: usize) -> u64 {
                i64::from($to(key)).cast_unsigned() ^ (1 << 63)
            }
        }

        crate::data!($rust);
    )*};
}

chrono_state! {
    NaiveDate, i32, Date32Type, Type::Date, days_of_date, date_of_days, DateBuilder, DateReader;
    NaiveTime, i64, Time64MicrosecondType, Type::Time(TimeUnit::Us), micros_of_time, time_of_micros,
        TimeOfDayBuilder, TimeOfDayReader;
    NaiveDateTime, i64, TimestampMicrosecondType, Type::Timestamp { unit: TimeUnit::Us, zone: None },
        micros_of_local, local_of_micros, LocalBuilder, LocalReader;
    DateTime<Utc>, i64, TimestampMicrosecondType,
        Type::Timestamp { unit: TimeUnit::Us, zone: Some("UTC".into()) },
        micros_of_instant, instant_of_micros, InstantBuilder, InstantReader;
}
