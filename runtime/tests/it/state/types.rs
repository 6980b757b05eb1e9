//! Values of every type through an Arrow array and back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use arrow_array::{ArrayRef, ListArray, StringArray};
use chrono::{NaiveDate, NaiveTime};
use spt_runtime::state::{Bytes, Decimal, State, StateReader, TimeWindow, Uuid, downcast};

use super::column;

pub(super) fn read<T: State>(array: &ArrayRef) -> Vec<T> {
    let reader = T::Reader::new(array.as_ref()).unwrap();
    (0..array.len()).map(|row| reader.get(row).unwrap()).collect()
}

pub(super) fn round_trip<T: State + PartialEq + Debug>(values: impl IntoIterator<Item = T>) {
    let values: Vec<T> = values.into_iter().collect();
    assert_eq!(read::<T>(&column(&values)), values);
    let options: Vec<_> = values.into_iter().flat_map(|value| [Some(value), None]).collect();
    assert_eq!(read::<Option<T>>(&column(&options)), options);
}

#[test]
fn numbers_come_back_at_their_bounds() {
    round_trip([i8::MIN, 0, i8::MAX]);
    round_trip([i16::MIN, i16::MAX]);
    round_trip([i32::MIN, i32::MAX]);
    round_trip([i64::MIN, i64::MAX]);
    round_trip([u8::MAX, 0]);
    round_trip([u16::MAX]);
    round_trip([u32::MAX]);
    round_trip([u64::MAX]);
    round_trip([f32::MIN_POSITIVE, f32::INFINITY, -0.0]);
    round_trip([f64::MAX, f64::NEG_INFINITY]);
    round_trip([true, false]);
    assert!(read::<f64>(&column(&[f64::NAN]))[0].is_nan());
    assert!(read::<f64>(&column(&[-0.0f64]))[0].is_sign_negative());
}

#[test]
fn texts_and_bytes_come_back() {
    round_trip(["", "word", "né", "😀\u{0}"].map(str::to_owned));
    round_trip(['a', 'é', '😀']);
    round_trip([Bytes(vec![]), Bytes(vec![0, 255])]);
    round_trip([Uuid([7; 16]), Uuid::default()]);
    assert_eq!(Uuid(*b"0123456789abcdef").to_string(), "30313233-3435-3637-3839-616263646566");
}

#[test]
fn times_come_back_to_the_nanosecond() {
    round_trip([Duration::ZERO, Duration::new(5, 7)]);
    let epoch = SystemTime::UNIX_EPOCH;
    round_trip([epoch, epoch + Duration::new(1_700_000_000, 1), epoch - Duration::from_nanos(1)]);
}

#[test]
fn dates_and_times_of_chrono_come_back_to_the_microsecond() {
    let day = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    let before = NaiveDate::from_ymd_opt(1969, 12, 31).unwrap();
    let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    round_trip([day, before, NaiveDate::MIN, NaiveDate::MAX]);
    round_trip([time, NaiveTime::MIN]);
    round_trip([day.and_time(time), before.and_time(time)]);
    round_trip([day.and_time(time).and_utc(), before.and_time(time).and_utc()]);
    let finer = NaiveTime::from_hms_nano_opt(1, 2, 3, 4_999).unwrap();
    assert_eq!(read::<NaiveTime>(&column(&[finer])), [NaiveTime::from_hms_micro_opt(1, 2, 3, 4).unwrap()]);
}

#[test]
fn decimals_come_back_with_their_scale() {
    type Price = Decimal<12, 2>;
    let largest = Price::new(999_999_999_999).unwrap();
    round_trip([Price::default(), largest, Price::new(-5).unwrap()]);
    round_trip([Decimal::<38, 0>::new(10i128.pow(38) - 1).unwrap()]);
    assert_eq!((Price::new(1_000_000_000_000), Price::new(i128::MIN)), (None, None));
    for (text, unscaled) in [("1.5", 150), ("-0.05", -5), ("7", 700), ("0.00", 0)] {
        assert_eq!(text.parse::<Price>().unwrap().unscaled(), unscaled);
    }
    for wrong in ["", "-", "1.234", "1e3", "+1", "99999999999", ".5", "1.-5"] {
        assert!(wrong.parse::<Price>().is_err(), "{wrong}");
    }
    assert_eq!(Price::new(-5).unwrap().to_string(), "-0.05");
    assert_eq!(largest.checked_add(Price::new(1).unwrap()), None);
    let stored = column(&[Price::new(1).unwrap()]);
    let other_scale: Result<<Decimal<12, 3> as State>::Reader, _> =
        StateReader::<Decimal<12, 3>>::new(stored.as_ref());
    assert!(other_scale.is_err());
}

#[test]
fn a_length_of_time_that_is_too_long_becomes_the_longest() {
    assert_eq!(read::<Duration>(&column(&[Duration::MAX])), [Duration::from_nanos(i64::MAX as u64)]);
}

#[test]
fn collections_come_back() {
    round_trip([vec![1i64, 2], vec![], vec![3]]);
    round_trip([vec![Some("a".to_owned()), None]]);
    round_trip([vec![vec![1u8], vec![]], vec![]]);
    round_trip([BTreeSet::from([3, 1, 2]), BTreeSet::new()]);
    round_trip([HashSet::from(["b".to_owned(), "a".to_owned()])]);
    round_trip([BTreeMap::from([(2, "b".to_owned()), (1, "a".to_owned())]), BTreeMap::new()]);
    round_trip([HashMap::from([("k".to_owned(), vec![Some(1.5f64), None])])]);
    round_trip([Box::new(5i32)]);
}

#[test]
fn tuples_and_units_come_back() {
    round_trip([(1i64,), (2,)]);
    round_trip([("a".to_owned(), 1i64), ("b".to_owned(), 2)]);
    round_trip([(1i8, 2i16, 3i32, 4i64, 5u8, 6u16, 7u32, 8u64)]);
    round_trip([((1i64, Some("x".to_owned())), vec![(true, 'c')])]);
    round_trip([(), ()]);
}

#[test]
fn an_absent_option_differs_from_a_present_one_that_holds_none() {
    round_trip([Some(Some(1i64)), Some(None), None]);
    round_trip([Some(Some(Some(1i64))), Some(Some(None)), Some(None), None]);
}

#[test]
fn sets_and_maps_are_written_sorted_by_the_models_order() {
    let sets: ListArray =
        downcast(&column(&[HashSet::from(["é", "z", "a"].map(str::to_owned))]), &"").unwrap();
    let texts: StringArray = downcast(sets.values(), &"").unwrap();
    assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["a", "z", "é"]);
}

#[test]
fn a_column_of_another_type_is_refused_with_both_types() {
    let error = <i64 as State>::Reader::new(&column(&["a".to_owned()])).err().unwrap();
    assert_eq!(error.to_string(), "column type is Utf8, expected Int64");
    let pairs = column(&[(1i64, "a".to_owned())]);
    let error = <(i64, i64) as State>::Reader::new(&pairs).err().unwrap();
    assert_eq!(error.to_string(), "field \"f1\": column type is Utf8, expected Int64");
    let error = <(i64,) as State>::Reader::new(&pairs).err().unwrap();
    assert_eq!(error.to_string(), "number of fields is 2, expected 1");
}

#[test]
fn a_null_where_a_value_must_be_is_an_error() {
    let array = column(&[None::<i64>]);
    let error = <i64 as State>::Reader::new(&array).unwrap().get(0).unwrap_err();
    assert_eq!(error.to_string(), "row 0 is null, which its type has no place for");
}

#[test]
fn a_text_that_is_not_one_character_is_an_error() {
    let array = column(&["ab".to_owned()]);
    let reader: <char as State>::Reader = StateReader::<char>::new(&array).unwrap();
    let error = StateReader::<char>::get(&reader, 0).unwrap_err();
    assert_eq!(error.to_string(), "\"ab\" is not one character");
}

#[test]
fn time_windows_come_back() {
    round_trip([TimeWindow { start: i64::MIN, end: 0 }, TimeWindow { start: 1, end: 2 }]);
    assert_eq!(TimeWindow::field().to_string(), "time_window");
}
