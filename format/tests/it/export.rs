use std::sync::Arc;

use arrow_array::builder::{Int64Builder, MapBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, DurationMillisecondArray,
    FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, ListArray, StringArray, StructArray,
    TimestampMillisecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{OffsetBuffer, i256};
use arrow_schema::DataType;
use spt_format::{
    Column, Field, Int64Style, JsonOptions, JsonRows, JsonValues, Logical, PickleStyle, StateKind,
    StateSchema, TimeUnit, Type,
};

use crate::support::{array, batch};

fn texts(field: &Field, values: &ArrayRef) -> Vec<String> {
    let json = JsonValues::new(field, values, JsonOptions::default()).unwrap();
    (0..values.len()).map(|row| json.text(row)).collect()
}

fn structure(field: &Field, columns: Vec<ArrayRef>) -> ArrayRef {
    let DataType::Struct(fields) = field.ty.to_arrow() else { panic!("a struct") };
    array(StructArray::new(fields, columns, None))
}

fn fields(types: &[(&str, Type)]) -> Type {
    Type::Struct(types.iter().map(|(name, ty)| Field::new(*name, ty.clone()).nullable()).collect())
}

#[test]
fn bytes_have_one_form_where_a_program_reads_them() {
    let pickle: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"\x80\x04]K\x01a."]));
    let field = Field::new("value", Type::Binary);
    assert_eq!(texts(&field, &pickle), [r#"{"$pickle":[1],"$bytes":"gARdSwFhLg=="}"#]);
    let options = JsonOptions { pickles: PickleStyle::Bytes, ..JsonOptions::default() };
    let json = JsonValues::new(&field, &pickle, options).unwrap();
    assert_eq!(json.text(0), r#"{"$bytes":"gARdSwFhLg=="}"#);
}

#[test]
fn integers_keep_every_digit() {
    let values = array(Int64Array::from(vec![Some(i64::MIN), Some(9_007_199_254_740_993), None]));
    let field = Field::new("value", Type::Int64).nullable();
    assert_eq!(texts(&field, &values), ["-9223372036854775808", "9007199254740993", "null"]);
    let options = JsonOptions { int64: Int64Style::String, ..JsonOptions::default() };
    let json = JsonValues::new(&field, &values, options).unwrap();
    assert_eq!(json.text(1), "\"9007199254740993\"");
    assert_eq!(json.text(2), "null");
}

#[test]
fn decimals_are_strings_with_their_scale() {
    let small = Decimal128Array::from(vec![-5, 12_000]).with_precision_and_scale(10, 2).unwrap();
    let field = Field::new("value", Type::Decimal { precision: 10, scale: 2 });
    assert_eq!(texts(&field, &array(small)), ["\"-0.05\"", "\"120.00\""]);
    let wide = Decimal256Array::from(vec![i256::MAX]).with_precision_and_scale(76, 0).unwrap();
    let field = Field::new("value", Type::Decimal { precision: 76, scale: 0 });
    assert_eq!(texts(&field, &array(wide)), [format!("\"{}\"", i256::MAX)]);
}

#[test]
fn numbers_without_a_size_are_strings() {
    let field = Field::new("value", Type::Binary).with_logical(Logical::BigInteger);
    let bytes: Vec<&[u8]> = vec![&[0xff], &[0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]];
    assert_eq!(texts(&field, &array(BinaryArray::from(bytes))), ["\"-1\"", "\"18446744073709551616\""]);
    let field = Field::big_decimal();
    let values = structure(
        &field,
        vec![
            array(BinaryArray::from(vec![[0x04, 0xd2].as_slice(), &[0x01]])),
            array(Int32Array::from(vec![3, -2])),
        ],
    );
    assert_eq!(texts(&field, &values), ["\"1.234\"", "\"1E+2\""]);
}

#[test]
fn bytes_and_what_nobody_understands_are_marked() {
    let bytes = array(BinaryArray::from(vec![b"\x00\xff".as_slice()]));
    assert_eq!(texts(&Field::new("value", Type::Binary), &bytes), [r#"{"$bytes":"AP8="}"#]);
    let opaque = Field::new("value", Type::Binary).with_logical(Logical::Opaque("com.acme.Blob".into()));
    assert_eq!(texts(&opaque, &bytes), [r#"{"$opaque":{"class":"com.acme.Blob","bytes":"AP8="}}"#]);
    let uuid = FixedSizeBinaryArray::try_from_iter([[0x12; 16]].iter()).unwrap();
    let field = Field::new("value", Type::FixedBinary(16)).with_logical(Logical::Uuid);
    assert_eq!(texts(&field, &array(uuid)), [r#""12121212-1212-1212-1212-121212121212""#]);
}

#[test]
fn a_map_of_strings_is_an_object_unless_a_key_looks_like_a_marker() {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for entries in [vec![("a", Some(1)), ("b", None)], vec![("$bytes", Some(2)), ("a", Some(3))], vec![]] {
        for (key, value) in entries {
            maps.keys().append_value(key);
            maps.values().append_option(value);
        }
        maps.append(true).unwrap();
    }
    let field =
        Field::new("value", Type::map(Field::new("", Type::Utf8), Field::new("", Type::Int64).nullable()));
    assert_eq!(
        texts(&field, &array(maps.finish())),
        [r#"{"a":1,"b":null}"#, r#"[["$bytes",2],["a",3]]"#, "{}"]
    );
}

#[test]
fn a_map_of_anything_else_is_an_array_of_pairs() {
    let mut maps = MapBuilder::new(None, Int64Builder::new(), StringBuilder::new());
    maps.keys().append_value(7);
    maps.values().append_value("x");
    maps.append(true).unwrap();
    let field =
        Field::new("value", Type::map(Field::new("", Type::Int64), Field::new("", Type::Utf8).nullable()));
    assert_eq!(texts(&field, &array(maps.finish())), [r#"[[7,"x"]]"#]);
}

#[test]
fn a_row_shows_its_kind_unless_it_is_an_insertion() {
    let ty = fields(&[("$kind", Type::Utf8), ("$n", Type::Int64)]);
    let field = Field::new("value", ty).with_logical(Logical::Row);
    let values = structure(
        &field,
        vec![array(StringArray::from(vec!["+I", "-D"])), array(Int64Array::from(vec![1, 2]))],
    );
    assert_eq!(texts(&field, &values), [r#"{"$$n":1}"#, r#"{"$kind":"-D","$$n":2}"#]);
}

#[test]
fn a_variant_shows_the_field_its_tag_names() {
    let ty = fields(&[("tag", Type::Utf8), ("left", Type::Int64), ("right", Type::Boolean)]);
    let field = Field::new("value", ty).with_logical(Logical::Variant);
    let values = structure(
        &field,
        vec![
            array(StringArray::from(vec!["left", "right"])),
            array(Int64Array::from(vec![Some(1), None])),
            array(BooleanArray::from(vec![None, Some(true)])),
        ],
    );
    assert_eq!(texts(&field, &values), [r#"{"left":1}"#, r#"{"right":true}"#]);
}

#[test]
fn times_are_iso_8601() {
    let field = Field::new("value", Type::Timestamp { unit: TimeUnit::Ms, zone: None });
    let ticks = array(TimestampMillisecondArray::from(vec![1_700_000_000_120]));
    assert_eq!(texts(&field, &ticks), [r#""2023-11-14T22:13:20.12""#]);
    let field = Field::new("value", Type::Duration(TimeUnit::Ms));
    assert_eq!(texts(&field, &array(DurationMillisecondArray::from(vec![61_500]))), [r#""PT1M1.5S""#]);
}

#[test]
fn a_column_of_another_type_is_an_error() {
    let field = Field::new("value", Type::Int64);
    let error = JsonValues::new(&field, &array(StringArray::from(vec!["x"])), JsonOptions::default());
    assert_eq!(error.err().unwrap().to_string(), "field \"value\": column of type Utf8 is not Int64");
}

fn lines(kind: StateKind, schema: &StateSchema, batches: &[arrow_array::RecordBatch], limit: u64) -> String {
    let mut rows = JsonRows::new(kind, schema, JsonOptions::default()).unwrap().limit(limit);
    let mut out = Vec::new();
    for batch in batches {
        rows.write(batch, &mut out).unwrap();
    }
    rows.finish(&mut out);
    assert_eq!(rows.lines(), out.iter().filter(|byte| **byte == b'\n').count() as u64);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_value_is_one_line() {
    let value = Field::new("", fields(&[("count", Type::Int64), ("avg", Type::Float64)]));
    let schema = StateSchema::keyed(Field::new("", Type::Utf8), value);
    let rows = batch(
        StateKind::Value,
        &schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![0, 127]))),
            (Column::Key, array(StringArray::from(vec!["a/b", "结果"]))),
            (
                Column::Value,
                structure(
                    schema.value.as_ref().unwrap(),
                    vec![
                        array(Int64Array::from(vec![Some(1), None])),
                        array(Float64Array::from(vec![-0.0, f64::INFINITY])),
                    ],
                ),
            ),
        ],
    );
    assert_eq!(
        lines(StateKind::Value, &schema, &[rows], u64::MAX),
        "{\"key_group\":0,\"key\":\"a/b\",\"value\":{\"count\":1,\"avg\":-0.0}}\n\
         {\"key_group\":127,\"key\":\"结果\",\"value\":{\"count\":null,\"avg\":\"Infinity\"}}\n"
    );
}

fn list_rows(schema: &StateSchema, rows: &[(&str, u64, i64)]) -> arrow_array::RecordBatch {
    let count = rows.len();
    batch(
        StateKind::List,
        schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![5; count]))),
            (Column::Key, array(rows.iter().map(|row| Some(row.0)).collect::<StringArray>())),
            (Column::Index, array(rows.iter().map(|row| row.1).collect::<UInt64Array>())),
            (Column::Value, array(rows.iter().map(|row| row.2).collect::<Int64Array>())),
            (Column::LastAccess, array(TimestampMillisecondArray::from(vec![1; count]).with_timezone("UTC"))),
        ],
    )
}

#[test]
fn a_list_is_one_line_however_its_rows_are_cut() {
    let schema = StateSchema {
        ttl: true,
        ..StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", Type::Int64))
    };
    let rows = [("a", 0, 10), ("a", 1, 11), ("b", 0, 12), ("b", 1, 13)];
    let whole = lines(StateKind::List, &schema, &[list_rows(&schema, &rows)], u64::MAX);
    assert_eq!(
        whole,
        "{\"key_group\":5,\"key\":\"a\",\"value\":[10,11],\"last_access\":[\"1970-01-01T00:00:00.001Z\",\"1970-01-01T00:00:00.001Z\"]}\n\
         {\"key_group\":5,\"key\":\"b\",\"value\":[12,13],\"last_access\":[\"1970-01-01T00:00:00.001Z\",\"1970-01-01T00:00:00.001Z\"]}\n"
    );
    for cut in 0..=rows.len() {
        let parts = [list_rows(&schema, &rows[..cut]), list_rows(&schema, &rows[cut..])];
        assert_eq!(lines(StateKind::List, &schema, &parts, u64::MAX), whole, "cut at {cut}");
    }
    let first = whole.lines().next().unwrap().to_owned() + "\n";
    assert_eq!(lines(StateKind::List, &schema, &[list_rows(&schema, &rows)], 1), first);
}

#[test]
fn timers_and_lists_per_subtask_have_the_members_of_the_design() {
    let schema = StateSchema { key: Some(Field::new("", Type::Int64)), ..StateSchema::default() }.number();
    let rows = batch(
        StateKind::Timer,
        &schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![1]))),
            (Column::Key, array(Int64Array::from(vec![7]))),
            (Column::Service, array(StringArray::from(vec!["window-timers"]))),
            (Column::Domain, array(StringArray::from(vec!["event"]))),
            (Column::Timestamp, array(TimestampMillisecondArray::from(vec![0]).with_timezone("UTC"))),
        ],
    );
    assert_eq!(
        lines(StateKind::Timer, &schema, &[rows], u64::MAX),
        "{\"key_group\":1,\"key\":7,\"timestamp\":\"1970-01-01T00:00:00Z\",\"domain\":\"event\",\"service\":\"window-timers\"}\n"
    );
    let schema = StateSchema::per_subtask(Field::new("", Type::list(Field::new("", Type::Int64))));
    let DataType::List(element) = schema.value.as_ref().unwrap().ty.to_arrow() else { panic!("a list") };
    let values = ListArray::new(
        element,
        OffsetBuffer::from_lengths([2, 0]),
        Arc::new(Int64Array::from(vec![1, 2])),
        None,
    );
    let rows = batch(
        StateKind::Union,
        &schema,
        vec![
            (Column::Subtask, array(UInt32Array::from(vec![0, 1]))),
            (Column::Index, array(UInt64Array::from(vec![0, 0]))),
            (Column::Value, array(values)),
        ],
    );
    assert_eq!(
        lines(StateKind::Union, &schema, &[rows], u64::MAX),
        "{\"subtask\":0,\"index\":0,\"value\":[1,2]}\n{\"subtask\":1,\"index\":0,\"value\":[]}\n"
    );
}
