//! `spt export --all`: every state of a savepoint as a table of its own, and an index of them.
//!
//! ```text
//! DIR/tables.json             which file is which state: uid, kind, types, rows
//!     sum-001.sum.parquet     a table; the name is a hint
//! ```

use std::collections::HashSet;
use std::path::Path;

use spt_format::{
    Completeness, IndexedTable, RowQuery, SavepointSource, TABLES_INDEX, TableDescription, TablesIndex, slug,
};

use super::target::Target;
use super::{Args, Written, write_table};
use crate::error::{Failure, Result};
use crate::staged::Staged;
use crate::ui::Ui;

/// Writes the folder; it appears when it is complete.
///
/// # Errors
/// If a state cannot be read or a table not be written. Then there is nothing at `output`.
pub(super) fn write_all(
    args: &Args,
    source: &dyn SavepointSource,
    output: &Path,
    ui: &Ui,
) -> Result<(Written, Completeness)> {
    let staged = Staged::begin(output, ui)?;
    let mut index = TablesIndex::new(source.savepoint());
    let mut names = HashSet::new();
    let (mut all, mut seen) = (Written::default(), Completeness::default());
    for (place, operator, state) in source.savepoint().states() {
        let extension = args.format.extension();
        let file =
            free_name(&format!("{}.{}", slug(&operator.label()), slug(&state.name)), extension, &mut names);
        let query = RowQuery::default();
        let mut rows = query.rows(source, place)?;
        let target = Target::create(Some(&staged.path().join(&file)))?;
        let written = write_table(args, operator, state, &mut rows, target)?;
        let read = rows.completeness();
        index.tables.push(IndexedTable {
            file,
            format: args.format.file_format(),
            rows: written.rows,
            bytes: written.bytes,
            rows_unread: read.rows_unread,
            table: TableDescription::new(operator, state),
        });
        all = Written { rows: all.rows + written.rows, bytes: all.bytes + written.bytes };
        seen = seen.and(read);
    }
    all.bytes += write_index(&index, staged.path())?;
    staged.publish()?;
    Ok((all, seen))
}

/// The name, or with a number behind it if a table has it already.
fn free_name(stem: &str, extension: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{stem}-{number}.{extension}"));
    let mut names = std::iter::once(format!("{stem}.{extension}")).chain(numbered);
    names.find(|name| taken.insert(name.clone())).unwrap_or_default()
}

/// Writes the index last, and makes the names in the folder durable.
fn write_index(index: &TablesIndex, folder: &Path) -> Result<u64> {
    let mut text = serde_json::to_vec_pretty(index).map_err(|error| Failure::new(error.to_string()))?;
    text.push(b'\n');
    let mut target = Target::create(Some(&folder.join(TABLES_INDEX)))?;
    target.append(&text)?;
    let bytes = target.finish()?;
    let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Failure::new(format!("{}: sync failed: {error}", folder.display())))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_get_a_number() {
        let mut taken = HashSet::new();
        let names: Vec<String> = ["A b", "a-b", "结果", "a/b"]
            .iter()
            .map(|name| free_name(&slug(name), "csv", &mut taken))
            .collect();
        assert_eq!(names, ["a-b.csv", "a-b-2.csv", "x.csv", "a-b-3.csv"]);
    }
}
