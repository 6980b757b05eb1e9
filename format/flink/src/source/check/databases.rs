//! RocksDB databases: is the manifest whole, is every table it names there, and is every family a state?

use spt_format::{Error, ResultExt};

use super::super::FlinkSource;
use super::{Trouble, TroubleKind, kind_of};
use crate::keyed::{KeyedHeader, RocksDatabase};
use crate::metadata::{Incremental, KeyedHandle, OperatorState};

/// What is wrong with the databases.
pub(super) fn check(source: &FlinkSource, thorough: bool) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for operator in &source.snapshot.operators {
        for (index, state) in operator.states() {
            for database in state.managed_keyed.iter().flat_map(databases) {
                let found = database_troubles(source, operator, database, thorough);
                let place = || format!("operator {}, subtask {index}", operator.id);
                troubles.extend(
                    found
                        .into_iter()
                        .map(|Trouble { kind, error }| Trouble { kind, error: error.within(place()) }),
                );
            }
        }
    }
    troubles
}

/// The database of a handle; those a changelog is based on.
fn databases(handle: &KeyedHandle) -> Vec<&Incremental> {
    match handle {
        KeyedHandle::Incremental(database) => vec![database],
        KeyedHandle::Changelog(changelog) => changelog.base.iter().flat_map(databases).collect(),
        _ => Vec::new(),
    }
}

fn database_troubles(
    source: &FlinkSource,
    operator: &OperatorState,
    handle: &Incremental,
    thorough: bool,
) -> Vec<Trouble> {
    let opened = RocksDatabase::open(handle, operator.max_parallelism, &source.files, &source.limits);
    let database = match opened {
        Ok(database) => database,
        Err(error) => return vec![Trouble::new(kind_of(&error), error)],
    };
    let mut troubles = Vec::new();
    if let Err(error) = check_states(source, handle, &database) {
        troubles.push(Trouble::new(kind_of(&error), error));
    }
    if thorough && let Err(error) = database.verify_meta_blocks() {
        troubles.push(Trouble::new(kind_of(&error), error));
    }
    troubles.extend(database.unreferenced_tables().map(|table| {
        let error = Error::invalid("no column family of the database has this table").within(table);
        Trouble::new(TroubleKind::Orphan, error)
    }));
    troubles
}

/// The header names the states; each must have its column family. A header that cannot be read is reported
/// where its states are.
fn check_states(
    source: &FlinkSource,
    handle: &Incremental,
    database: &RocksDatabase,
) -> spt_format::Result<()> {
    let stream = source.files.open(&handle.meta)?;
    match KeyedHeader::read(&stream, None, &source.limits) {
        Ok(header) => database
            .check_states(header.states.iter().map(|state| state.name.as_str()))
            .in_file(stream.name()),
        Err(_) => Ok(()),
    }
}
