//! What a snapshot holds, read back by the format's own reader.

use std::path::{Path, PathBuf};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use spt_format::{ColumnarReader, SavepointSource, Scan, StateRef};

/// The newest checkpoint of the only job below a folder.
pub(super) fn newest(checkpoints: &Path) -> PathBuf {
    let job = std::fs::read_dir(checkpoints).unwrap().next().unwrap().unwrap().path();
    let folders = std::fs::read_dir(job).unwrap().map(|entry| entry.unwrap().path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("chk-")?.parse::<u64>().ok();
    folders.filter(|path| number(path).is_some()).max_by_key(number).unwrap()
}

/// The rows of each state of an operator: name, kind, rows.
pub(super) fn states(savepoint: &Path, uid: &str) -> Vec<(String, String, u64)> {
    let reader = ColumnarReader::options().open(savepoint).unwrap();
    let operator = reader.savepoint().operators.iter().find(|operator| operator.label() == uid).unwrap();
    let of =
        |state: &spt_format::State| (state.name.clone(), state.kind.name().to_owned(), state.rows.unwrap());
    operator.states.iter().map(of).collect()
}

/// The values of a state of integers.
pub(super) fn values(savepoint: &Path, uid: &str, name: &str) -> Vec<i64> {
    let reader = ColumnarReader::options().open(savepoint).unwrap();
    let operators = &reader.savepoint().operators;
    let operator = operators.iter().position(|operator| operator.label() == uid).unwrap();
    let state = operators[operator].states.iter().position(|state| state.name == name).unwrap();
    let mut values = Vec::new();
    for batch in reader.scan(StateRef { operator, state }, &Scan::default()).unwrap() {
        let batch = batch.unwrap();
        let column = batch.column_by_name("value").unwrap();
        assert_eq!(column.null_count(), 0);
        values.extend(column.as_primitive::<Int64Type>().values());
    }
    values
}
