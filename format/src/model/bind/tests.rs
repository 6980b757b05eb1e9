//! Values through a binding, and what no binding takes.

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, Int32Array, StringArray};

use super::*;

fn with_id(id: u32, field: Field) -> Field {
    Field { id, ..field }
}

fn structure(fields: Vec<Field>) -> Field {
    with_id(7, Field::new("value", Type::Struct(fields)))
}

fn written() -> (Field, RecordBatch) {
    let field = structure(vec![
        with_id(16, Field::new("count", Type::Int32)),
        with_id(17, Field::new("tag", Type::Utf8).nullable()),
    ]);
    let DataType::Struct(fields) = field.ty.to_arrow() else { panic!("a struct") };
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![1, 300])), Arc::new(StringArray::from(vec![Some("a"), None]))];
    let array = StructArray::new(fields, columns, None);
    let schema = Arc::new(Schema::new(vec![field.to_arrow()]));
    (field, RecordBatch::try_new(schema, vec![Arc::new(array)]).unwrap())
}

#[test]
fn a_renamed_moved_widened_field_keeps_its_values_and_a_new_one_has_its_default() {
    let (from, batch) = written();
    let to = structure(vec![
        with_id(17, Field::new("label", Type::Utf8).nullable()),
        Field { default: Some(true.into()), ..with_id(18, Field::new("seen", Type::Boolean)) },
        with_id(16, Field::new("n", Type::Int64)),
    ]);
    let bound = Binding::new(&[from], &[to]).unwrap().bind(&batch).unwrap();
    let value = bound.column(0).as_struct();
    assert_eq!(value.column_names(), ["label", "seen", "n"]);
    assert_eq!(value.column(0).as_string::<i32>().value(0), "a");
    assert_eq!(value.column(1).as_boolean(), &BooleanArray::from(vec![true, true]));
    assert_eq!(value.column(2).as_primitive::<Int64Type>().values(), &[1, 300]);
}

#[test]
fn a_value_that_does_not_fit_is_an_error_with_its_field() {
    let (from, batch) = written();
    let to = structure(vec![with_id(16, Field::new("count", Type::Int8))]);
    let error = Binding::new(&[from], &[to]).unwrap().bind(&batch).unwrap_err();
    assert_eq!(error.to_string(), "value, count: a value does not fit its type");
    assert!(error.full().contains("300"), "{}", error.full());
}

#[test]
fn a_number_is_never_rounded_in_silence() {
    let numbers = |values: Vec<f64>| -> ArrayRef { Arc::new(arrow_array::Float64Array::from(values)) };
    let whole = exact_cast(&numbers(vec![1.0, -2.0]), &DataType::Int64).unwrap();
    assert_eq!(whole.as_primitive::<Int64Type>().values(), &[1, -2]);
    assert!(exact_cast(&numbers(vec![1.5]), &DataType::Int64).is_err());
    let large: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![(1 << 53) + 1]));
    assert!(exact_cast(&large, &DataType::Float64).is_err());
}

#[test]
fn what_can_never_fit_is_refused_before_a_row_is_read() {
    let (from, _) = written();
    let to = structure(vec![with_id(19, Field::new("new", Type::Int8))]);
    let error = Binding::new(std::slice::from_ref(&from), &[to]).err().unwrap();
    assert_eq!(error.to_string(), "value, new: the field is required, was not written, and has no default");
    let to = with_id(7, Field::new("value", Type::Int8));
    assert!(Binding::new(&[from], &[to]).is_err());
}

#[test]
fn the_elements_of_a_list_are_bound_too() {
    let list = |element: Field| with_id(7, Field::new("value", Type::list(with_id(16, element))));
    let (from, to) = (list(Field::new("", Type::Utf8)), list(Field::new("", Type::Int64)));
    let mut builder = ListBuilder::new(StringBuilder::new())
        .with_field(Field { id: 16, ..Field::new("element", Type::Utf8) }.to_arrow());
    builder.append_value([Some("1"), Some("2")]);
    builder.append_value([Some("3")]);
    let schema = Arc::new(Schema::new(vec![from.to_arrow()]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(builder.finish())]).unwrap();
    let bound = Binding::new(&[from], &[to]).unwrap().bind(&batch).unwrap();
    let values = bound.column(0).as_list::<i32>().values().clone();
    assert_eq!(values.as_primitive::<Int64Type>().values(), &[1, 2, 3]);
}

#[test]
fn a_file_s_types_may_widen_or_be_what_parquet_cannot_tell_and_nothing_else() {
    let field = |text: &str| with_id(7, text.parse().unwrap());
    let bound = |from: &str, to: &str| Binding::widening(&[field(from)], &[field(to)]).is_ok();
    for (from, to) in [
        ("int8", "int64"),
        ("int64", "duration(ms)"),
        ("list<map<utf8, int64>>", "list<map<utf8, duration(ns)>>"),
    ] {
        assert!(bound(from, to), "{from} to {to}");
        assert!(!bound(to, from), "{to} to {from}");
    }
    assert!(bound("timestamp(us, UTC)", "timestamp(us, Europe/Berlin)"));
    for (from, to) in [
        ("timestamp(ms, UTC)", "timestamp(us, UTC)"),
        ("timestamp(ms)", "timestamp(ms, UTC)"),
        ("utf8", "binary"),
        ("int32", "utf8"),
        ("list<int64>", "int64"),
    ] {
        assert!(!bound(from, to), "{from} to {to}");
    }
}
