//! Types that somebody names for the state of a Python process.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use serde_json::{Value, json};
use spt_flink::{FlinkSource, PythonTypes};
use spt_format::{
    Completeness, Field, JsonOptions, JsonValues, Result, SavepointSource, Scan, StateRef, first_out_of_order,
};

use crate::support::case;

const PROCESS: &str = "2.1.0/pyflink-process-rocksdb-canonical";
const TYPES: &str = r#"{
    "states-001": {
        "total": "int64", "label": "utf8", "names": "utf8*", "counts": "map<utf8, int32>",
        "row": "row:struct<name: utf8, amount: int64, maybe: int32>", "mean": "tuple<int64, int64>"
    },
    "window-session-001": {"python-state-merging-window-set": "map<time_window, time_window>"},
    "broadcast-001": {"rules": "map<utf8, int64>"}
}"#;

fn typed(case_name: &str, types: &str) -> Result<Box<dyn SavepointSource>> {
    let source = Box::new(FlinkSource::open(&case(case_name).path).unwrap());
    PythonTypes::from_json(types)?.apply(source)
}

fn place(source: &dyn SavepointSource, uid: &str, state: &str) -> StateRef {
    let named = source.savepoint().states().find(|(_, operator, found)| {
        operator.uid.as_ref().is_some_and(|found| found.as_str() == uid) && found.name == state
    });
    named.unwrap().0
}

fn read(
    source: &dyn SavepointSource,
    place: StateRef,
    sorted: bool,
) -> Result<(Vec<RecordBatch>, Completeness)> {
    let mut rows = source.scan(place, &Scan { sorted, ..Scan::default() })?;
    let batches = rows.by_ref().collect::<Result<Vec<_>>>()?;
    Ok((batches, rows.completeness()))
}

fn json_of(field: &Field, batch: &RecordBatch, row: usize) -> Value {
    let column = batch.column_by_name(&field.name).unwrap();
    let values = JsonValues::new(field, column, JsonOptions::default()).unwrap();
    serde_json::from_str(&values.text(row)).unwrap()
}

/// The values of a state by the name that is its key.
fn values(source: &dyn SavepointSource, uid: &str, state: &str) -> BTreeMap<String, Value> {
    let place = place(source, uid, state);
    let (_, found) = source.savepoint().state(place).unwrap();
    let (key, value) = (found.schema.key.as_ref().unwrap(), found.schema.value.as_ref().unwrap());
    let mut values = BTreeMap::new();
    for batch in read(source, place, false).unwrap().0 {
        for row in 0..batch.num_rows() {
            let name = json_of(key, &batch, row)["f0"].as_str().unwrap().to_owned();
            values.insert(name, json_of(value, &batch, row));
        }
    }
    values
}

#[test]
fn named_types_make_values_of_what_python_wrote() {
    let source = typed(PROCESS, TYPES).unwrap();
    let of_ada = |state: &str| values(source.as_ref(), "states-001", state).remove("ada").unwrap();
    assert_eq!(of_ada("python-state-total"), json!(8));
    assert_eq!(of_ada("python-state-label"), json!("ada!"));
    assert_eq!(of_ada("python-state-names"), json!(["ada3", "ada5"]));
    assert_eq!(of_ada("python-state-row"), json!({"name": "ada", "amount": 5, "maybe": null}));
    assert_eq!(of_ada("python-state-mean"), json!({"f0": 8, "f1": 2}));
    let windows = values(source.as_ref(), "window-session-001", "python-state-merging-window-set");
    assert_eq!(windows["ada"], json!({"start": 1000, "end": 91000}));
    let untouched = values(source.as_ref(), "states-001", "python-state-sum");
    assert!(untouched["ada"]["$opaque"]["class"] == "pyflink", "{untouched:?}");
}

#[test]
fn rows_with_named_types_come_in_the_order_of_these_types_and_nothing_is_opaque() {
    let source = typed(PROCESS, TYPES).unwrap();
    for (uid, state, rows) in [
        ("states-001", "python-state-counts", 6),
        ("states-001", "python-state-total", 4),
        ("window-session-001", "python-state-merging-window-set", 4),
        ("broadcast-001", "python-state-rules", 4),
    ] {
        let place = place(source.as_ref(), uid, state);
        let (_, found) = source.savepoint().state(place).unwrap();
        let (batches, seen) = read(source.as_ref(), place, true).unwrap();
        let columns = found.schema.sort_columns(found.kind);
        for batch in &batches {
            assert_eq!(batch.schema(), found.schema.to_arrow(found.kind).unwrap(), "{state}");
            assert_eq!(first_out_of_order(batch, &columns).unwrap(), None, "{state}");
        }
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows, "{state}");
        assert_eq!(seen, Completeness::default(), "{state}");
        let counted = source.count(place, &Scan::default()).unwrap();
        assert_eq!(counted, (rows as u64, Completeness::default()), "{state}");
    }
}

#[test]
fn bytes_of_another_type_than_the_named_one_are_an_error_with_their_state() {
    let source = typed(PROCESS, r#"{"28ffb474898dad557495e153a31dc742": {"total": "int32"}}"#).unwrap();
    let error = read(source.as_ref(), place(source.as_ref(), "states-001", "python-state-total"), false);
    let error = error.unwrap_err().full();
    let place = "operator states-001, state \"python-state-total\", value";
    assert!(error.starts_with(&format!("{place}: a value of 8 bytes as int32")), "{error}");
}

#[test]
fn only_states_of_a_python_process_are_named_others_keep_their_types() {
    let refused = |case: &str, types: &str| typed(case, types).err().map(|error| error.to_string());
    let thread = "2.1.0/pyflink-thread-rocksdb-canonical";
    let total = |text: &str| format!(r#"{{"states-001": {{"total": "{text}"}}}}"#);
    assert!(refused(thread, &total("utf8")).unwrap().contains("its type is recorded"));
    assert_eq!(refused(thread, &total("int64")), None);
    assert_eq!(
        refused(thread, r#"{"states-002": {"total": "utf8"}, "states-001": {"other": "utf8"}}"#),
        None
    );
    let twice =
        refused(PROCESS, r#"{"states-001": {"total": "int64", "python-state-total": "int32"}}"#).unwrap();
    assert!(twice.ends_with("two types are named for it"), "{twice}");
    let map = refused(PROCESS, r#"{"states-001": {"counts": "int32"}}"#).unwrap();
    assert!(map.contains("the type of a map state is a map"), "{map}");
    let unknown = PythonTypes::from_json(&total("date")).unwrap_err().to_string();
    assert!(unknown.starts_with("operator states-001, state \"total\": date is no type"), "{unknown}");
    assert!(PythonTypes::from_json("[]").is_err());
}
