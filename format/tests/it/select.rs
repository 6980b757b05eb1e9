use arrow_array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray, StructArray, UInt16Array};
use arrow_schema::DataType;
use spt_format::{
    Column, Field, KeyFilter, KeyHash, Predicate, State, StateKind, StateSchema, Type, key_group_of,
};

use crate::support::{array, batch, operator};

fn schema() -> StateSchema {
    let value =
        Type::Struct(vec![Field::new("count", Type::Int64).nullable(), Field::new("ok", Type::Boolean)]);
    StateSchema::keyed(Field::new("", Type::Utf8), Field::new("", value))
}

/// Keys a1, a2, b1, `b"2`; counts 1, null, 30, 40; ok true, false, true, false.
fn rows() -> RecordBatch {
    let schema = schema();
    let DataType::Struct(fields) = schema.value.as_ref().unwrap().ty.to_arrow() else { panic!("a struct") };
    let values = StructArray::new(
        fields,
        vec![
            array(Int64Array::from(vec![Some(1), None, Some(30), Some(40)])),
            array(BooleanArray::from(vec![true, false, true, false])),
        ],
        None,
    );
    batch(
        StateKind::Value,
        &schema,
        vec![
            (Column::KeyGroup, array(UInt16Array::from(vec![0, 1, 2, 3]))),
            (Column::Key, array(StringArray::from(vec!["a1", "a2", "b1", "b\"2"]))),
            (Column::Value, array(values)),
        ],
    )
}

fn groups(batch: &RecordBatch) -> Vec<u16> {
    batch.column(0).as_any().downcast_ref::<UInt16Array>().unwrap().values().to_vec()
}

fn kept(condition: &str) -> Vec<u16> {
    let predicate = Predicate::new(condition, StateKind::Value, &schema()).unwrap();
    groups(&predicate.apply(&rows()).unwrap())
}

#[test]
fn conditions_keep_the_rows_for_which_they_are_true() {
    for (condition, expected) in [
        ("value.count > 10 and key like 'a%'", vec![]),
        ("value.count > 10 or key like 'a%'", vec![0, 1, 2, 3]),
        ("value.count >= 30", vec![2, 3]),
        ("value.count <> 30", vec![0, 3]),
        ("not value.count = 30", vec![0, 3]),
        ("value.count is null", vec![1]),
        ("value.count IS NOT NULL AND value.ok", vec![0, 2]),
        ("value.count in (1, 40)", vec![0, 3]),
        ("value.count not in (1, 40)", vec![2]),
        ("key in ('a1','b\"2')", vec![0, 3]),
        ("key not like '_1'", vec![1, 3]),
        ("value.ok = false", vec![1, 3]),
        ("key_group < 2 and (value.ok or key = 'a2')", vec![0, 1]),
        ("\"key\" = 'a1' or not (key_group != 3)", vec![0, 3]),
    ] {
        assert_eq!(kept(condition), expected, "{condition}");
    }
}

#[test]
fn a_condition_that_fits_no_row_says_why() {
    for (condition, message) in [
        ("", "condition: expected a column, found the end"),
        ("key =", "condition: expected a number, 'text', true or false, found the end"),
        ("key = 'a", "condition: 'a has no closing '"),
        ("(key = 'a'", "condition: expected `)`, found the end"),
        ("key = 'a' key", "condition: expected `and`, `or` or the end, found `key`"),
        ("valu > 1", "condition: there is no \"valu\"; there are key_group, key, value"),
        ("value.cnt > 1", "condition: there is no \"cnt\"; there are count, ok"),
        ("key.x > 1", "condition: key is utf8 and has no \"x\""),
        ("value.count like 'a'", "condition: value.count is int64?, like needs utf8"),
        ("value.count", "condition: value.count is int64?, a condition of its own needs boolean"),
        ("value.count > 'x'", "field \"count\": \"x\" is no int64"),
        ("key ; 1", "condition: `;` means nothing"),
    ] {
        let error = Predicate::new(condition, StateKind::Value, &schema()).unwrap_err();
        assert_eq!(error.to_string(), message, "{condition}");
    }
    let deep = format!("{}key = 'a'{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(Predicate::new(&deep, StateKind::Value, &schema()).is_err());
}

#[test]
fn a_key_is_read_from_its_key_group_alone() {
    let state = State::new("counts", StateKind::Value, schema());
    let filter = KeyFilter::from_text(&operator("sum"), &state, "b1").unwrap();
    let field = state.schema.key.as_ref().unwrap();
    let group = key_group_of(field, filter.key(), 0, 128, KeyHash::Java1).unwrap();
    let range = filter.scan().key_groups.unwrap();
    assert_eq!((range.first(), range.last()), (group.0, group.0));
    assert_eq!(filter.scan().key.unwrap().len(), 1);
    assert_eq!(groups(&filter.apply(&rows()).unwrap()), [2]);
}

#[test]
fn a_state_without_keys_has_no_key() {
    let schema = StateSchema::per_subtask(Field::new("", Type::Int64));
    let state = State::new("offsets", StateKind::Union, schema);
    let error = KeyFilter::from_text(&operator("sum"), &state, "b1").unwrap_err();
    assert_eq!(error.to_string(), "union state has no keys");
}
