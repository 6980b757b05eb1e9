//! Keys agree with the format, which computes the same from columns.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::slice;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use spt_format::{KeyHash, RowOrder, key_group_of, write_key_bytes};
use spt_runtime::state::{Bytes, Decimal, Key, Places, TimeWindow, Uuid};

use super::column;

/// Hash rule, key group, key bytes and order are those that the format finds in the column of these keys.
pub(super) fn agrees<K: Key + Debug>(keys: &[K]) {
    let array = column(keys);
    assert_eq!(K::KEY_HASH, KeyHash::for_key(&K::field()));
    let order = RowOrder::between(slice::from_ref(&array), slice::from_ref(&array)).unwrap();
    for (row, key) in keys.iter().enumerate() {
        let group = key_group_of(&K::field(), array.as_ref(), row, 32768, K::KEY_HASH).unwrap();
        assert_eq!(Places::new(32768).of::<K>(key.borrow()).group, group, "{key:?}");

        let (mut ours, mut formats) = (Vec::new(), Vec::new());
        K::write_key_bytes(key.borrow(), &mut ours);
        write_key_bytes(array.as_ref(), row, &mut formats).unwrap();
        assert_eq!(ours, formats, "{key:?}");

        for (other_row, other) in keys.iter().enumerate() {
            let found = K::order(key.borrow(), other.borrow());
            assert_eq!(found, order.compare(row, other_row), "{key:?} {other:?}");
            assert_eq!(found == Ordering::Equal, key == other);
            let skip = K::common_prefix(key.borrow(), other.borrow());
            let prefixes = [key, other].map(|key| K::sort_prefix(key.borrow(), skip));
            assert!(prefixes[0].cmp(&prefixes[1]).then(found) == found, "{key:?} {other:?}");
        }
    }
}

macro_rules! keys {
    ($($name:ident: $type:ty, $strategy:expr;)*) => {
        proptest! {$(
            #[test]
            fn $name(keys in prop::collection::vec($strategy, 1..12)) {
                agrees::<$type>(&keys);
            }
        )*}
    };
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<i64>().prop_map(|nanos| Duration::from_nanos(nanos.unsigned_abs() >> 1))
}

keys! {
    booleans_agree: bool, any::<bool>();
    bytes_of_8_bits_agree: i8, any::<i8>();
    shorts_agree: i16, any::<i16>();
    integers_agree: i32, any::<i32>();
    longs_agree: i64, prop_oneof![any::<i64>(), Just(i64::MIN), Just(-1)];
    unsigned_numbers_agree: (u8, u16, u32, u64), any::<(u8, u16, u32, u64)>();
    a_single_unsigned_number_agrees: u64, any::<u64>();
    strings_agree: String, "[a-b\u{0}é😀]{0,12}";
    characters_agree: char, any::<char>();
    byte_strings_agree: Bytes, prop::collection::vec(0..3u8, 0..12).prop_map(Bytes);
    uuids_agree: Uuid, any::<[u8; 16]>().prop_map(Uuid);
    durations_agree: Duration, duration();
    windows_agree: TimeWindow, (-2..3i64, -2..3i64).prop_map(|(start, end)| TimeWindow { start, end });
    dates_agree: NaiveDate, (-800_000..100_000i32).prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days).unwrap());
    instants_agree: DateTime<Utc>, (-1i64 << 50..1 << 50).prop_map(|us| DateTime::from_timestamp_micros(us).unwrap());
    decimals_agree: Decimal<38, 4>, (-1i128 << 100..1 << 100).prop_map(|number| Decimal::new(number).unwrap());
    times_agree: SystemTime, duration().prop_map(|since| SystemTime::UNIX_EPOCH + since);
    tuples_with_java_twins_agree: (String, i64, Option<i32>), ("[ab]{0,2}", 0..3i64, any::<Option<i32>>());
    tuples_without_agree: (Option<String>, u8, (bool, Option<Option<i8>>)),
        (prop::option::of("[ab]{0,2}"), 0..2u8, (any::<bool>(), any::<Option<Option<i8>>>()));
}
