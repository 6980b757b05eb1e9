//! Rows have one order, and key bytes have the same.

use std::cmp::Ordering;
use std::slice::from_ref;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Float64Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Float64Array,
    Int8Array, Int64Array, PrimitiveArray, RecordBatch, StringArray, StructArray, UInt16Array,
};
use arrow_schema::{DataType, Field as ArrowField};
use spt_format::{
    Column, RowOrder, first_out_of_order, key_bytes_hash, sort_batch, sort_indices, write_key_bytes,
};

/// Values in ascending order, of every shape.
fn ascending() -> Vec<ArrayRef> {
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists.append_null();
    lists.append_value([]);
    lists.append_value([None]);
    lists.append_value([Some(-1)]);
    lists.append_value([Some(-1), None]);
    lists.append_value([Some(0)]);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for entries in [&[][..], &[("a", 1)], &[("a", 1), ("b", 0)], &[("a", 2)], &[("b", 0)]] {
        for (key, value) in entries {
            maps.keys().append_value(key);
            maps.values().append_value(*value);
        }
        maps.append(true).unwrap();
    }
    let structs = StructArray::from(vec![
        (
            Arc::new(ArrowField::new("a", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![None, None, Some(-5), Some(3)])) as ArrayRef,
        ),
        (
            Arc::new(ArrowField::new("b", DataType::Boolean, true)),
            Arc::new(BooleanArray::from(vec![None, Some(false), Some(true), Some(false)])),
        ),
    ]);
    vec![
        Arc::new(BooleanArray::from(vec![None, Some(false), Some(true)])),
        Arc::new(Int8Array::from(vec![None, Some(i8::MIN), Some(-1), Some(0), Some(i8::MAX)])),
        Arc::new(Int64Array::from(vec![None, Some(i64::MIN), Some(-1), Some(0), Some(1), Some(i64::MAX)])),
        Arc::new(UInt16Array::from(vec![0, 1, 255, 256, u16::MAX])),
        Arc::new(Float64Array::from(vec![
            f64::NEG_INFINITY,
            -1.5,
            -0.0,
            0.0,
            f64::MIN_POSITIVE,
            2.0,
            f64::INFINITY,
            f64::NAN,
        ])),
        Arc::new(StringArray::from(vec![
            None,
            Some(""),
            Some("\0"),
            Some("\0\0"),
            Some("\0a"),
            Some("a"),
            Some("a\0"),
            Some("ab"),
            Some("\u{ffff}"),
            Some("😀"),
        ])),
        Arc::new(BinaryArray::from(vec![&b""[..], b"\0", b"\0\xff", b"\x01", b"\xff", b"\xff\0"])),
        Arc::new(FixedSizeBinaryArray::try_from_iter([[0, 9], [1, 0], [255, 0]].into_iter()).unwrap()),
        Arc::new(
            Decimal128Array::from(vec![-10_i128, -1, 0, 7, 1 << 90]).with_precision_and_scale(38, 2).unwrap(),
        ),
        Arc::new(lists.finish()),
        Arc::new(maps.finish()),
        Arc::new(structs),
    ]
}

#[test]
fn values_order_as_the_spec_says_and_so_do_their_key_bytes() {
    for values in ascending() {
        let order = RowOrder::between(from_ref(&values), from_ref(&values)).unwrap();
        let bytes: Vec<Vec<u8>> = (0..values.len())
            .map(|row| {
                let mut bytes = Vec::new();
                write_key_bytes(&values, row, &mut bytes).unwrap();
                bytes
            })
            .collect();
        for left in 0..values.len() {
            for right in 0..values.len() {
                let expected = left.cmp(&right);
                let context = format!("{} rows {left} and {right}", values.data_type());
                assert_eq!(order.compare(left, right), expected, "{context}");
                assert_eq!(bytes[left].cmp(&bytes[right]), expected, "key bytes of {context}");
            }
        }
    }
}

#[test]
fn every_nan_is_the_same_nan() {
    let bits = [0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001_u64];
    let values: ArrayRef =
        Arc::new(PrimitiveArray::<Float64Type>::from_iter_values(bits.map(f64::from_bits)));
    let order = RowOrder::between(from_ref(&values), from_ref(&values)).unwrap();
    let hash = |row| key_bytes_hash(from_ref(&values), row, &mut Vec::new()).unwrap();
    for row in 1..3 {
        assert_eq!(order.compare(0, row), Ordering::Equal);
        assert_eq!(hash(0), hash(row));
    }
}

#[test]
fn a_batch_is_sorted_by_key_group_then_key() {
    let batch = RecordBatch::try_from_iter([
        ("key_group", Arc::new(UInt16Array::from(vec![2, 1, 1, 2])) as ArrayRef),
        ("key", Arc::new(StringArray::from(vec!["a", "c", "b", "A"]))),
    ])
    .unwrap();
    let by = [Column::KeyGroup, Column::Key];
    assert_eq!(first_out_of_order(&batch, &by).unwrap(), Some(1));
    let sorted = sort_batch(&batch, &by).unwrap();
    assert_eq!(first_out_of_order(&sorted, &by).unwrap(), None);
    let keys = sorted.column(1).as_any().downcast_ref::<StringArray>().unwrap();
    assert_eq!(keys.iter().flatten().collect::<Vec<_>>(), ["b", "c", "A", "a"]);
}

/// Columns of every shape of number that rows are sorted by, with ties in each.
fn tied(kind: usize, n: u64) -> ArrayRef {
    let numbers = (0..n).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
    let texts = ["word-", "word-\0", "word-a", "word-alphabetic", "word-alphabets", "word-é", "word-a\0"];
    let text = |number: u64| texts[number as usize % texts.len()];
    let structs = |column: ArrayRef| {
        let field = Arc::new(ArrowField::new("a", column.data_type().clone(), true));
        Arc::new(StructArray::from(vec![(field, column)])) as ArrayRef
    };
    match kind {
        0 => Arc::new(StringArray::from_iter_values(numbers.map(text))),
        1 => Arc::new(Int64Array::from_iter_values(numbers.map(|number| number as i64 % 7 - 3))),
        2 => Arc::new(BinaryArray::from_iter_values(numbers.map(|number| text(number).as_bytes()))),
        3 => Arc::new(Int8Array::from_iter(numbers.map(|number| (number % 3 > 0).then_some(number as i8)))),
        4 => Arc::new(Float64Array::from_iter_values(numbers.map(|number| (number % 5) as f64 - 2.0))),
        5 => structs(tied(0, n)),
        6 => structs(tied(3, n)),
        _ => Arc::new(UInt16Array::from_iter_values(numbers.map(|number| number as u16 % 4))),
    }
}

#[test]
fn sorting_agrees_with_comparing_rows() {
    for key in 0..7 {
        for namespace in 0..7 {
            let columns = [tied(7, 500), tied(key, 500), tied(namespace, 500)];
            let names = [Column::KeyGroup, Column::Key, Column::Namespace];
            let batch =
                RecordBatch::try_from_iter(names.iter().zip(&columns).map(|(n, c)| (n.name(), c.clone())));
            let batch = batch.unwrap();
            let order = RowOrder::between(&columns, &columns).unwrap();
            let mut expected: Vec<u32> = (0..500).collect();
            expected.sort_by(|a, b| order.compare(*a as usize, *b as usize));
            assert_eq!(sort_indices(&batch, &names).unwrap().values(), &expected[..], "{key} {namespace}");
        }
    }
}
