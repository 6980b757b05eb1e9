//! Writes the savepoint that an import makes: the states of files, and those of the savepoint they go into.

use super::file::TableFile;
use super::names::ColumnNames;
use super::rows::RowCollector;
use super::upsert::Upserted;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Operator, Savepoint, SavepointSink, SavepointSource, Scan, State, StateRef};
use crate::sort::Batches;

/// Memory for sorting, before rows are spilled.
const SORT_BYTES: usize = 128 << 20;

/// What becomes of the rows of a state that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// They are gone: the state is what the files say.
    Replace,
    /// They stay, but for the entries that are in the files. A key's list is one entry.
    Upsert,
}

/// The files of one state.
pub struct StateFiles {
    /// Its operator; states of it are not looked at.
    pub operator: Operator,
    /// The state to make.
    pub state: State,
    /// Where its rows are, in any order.
    pub files: Vec<TableFile>,
    /// What the files call their columns.
    pub names: ColumnNames,
}

/// States made from files, alone or in the place of those of a savepoint.
pub struct Import<'a> {
    base: Option<&'a dyn SavepointSource>,
    mode: ImportMode,
    as_of_ms: i64,
    states: Vec<(StateRef, StateFiles)>,
    target: Savepoint,
}

/// What was imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Rows that were read from files.
    pub rows_read: u64,
    /// Rows of the states they became.
    pub rows_written: u64,
}

impl<'a> Import<'a> {
    /// An import into `base`, or into an empty savepoint called `id`. Rows of a state with a time to live that
    /// do not tell when they were touched were so at `as_of_ms`, in ms since 1970.
    ///
    /// # Errors
    /// If two tables are of one state, or a state cannot be upserted.
    pub fn new(
        base: Option<&'a dyn SavepointSource>,
        empty: Savepoint,
        mode: ImportMode,
        as_of_ms: i64,
        tables: Vec<StateFiles>,
    ) -> Result<Self> {
        let mut target = base.map_or(empty, |base| base.savepoint().clone());
        for table in &tables {
            if mode == ImportMode::Upsert && table.state.kind.is_per_subtask() {
                let what =
                    format!("elements of {} state have no key: they can only be replaced", table.state.kind);
                return Err(Error::bad_request(what));
            }
            add(&mut target, table);
        }
        let mut states: Vec<(StateRef, StateFiles)> = Vec::with_capacity(tables.len());
        for table in tables {
            let place = find(&target, &table).ok_or_else(|| Error::invalid("a state was not added"))?;
            if states.iter().any(|(other, _)| *other == place) {
                let (label, name) = (table.operator.label(), &table.state.name);
                return Err(Error::bad_request(format!("state {name:?} of operator {label} comes twice")));
            }
            states.push((place, table));
        }
        Ok(Self { base, mode, as_of_ms, states, target })
    }

    /// The savepoint that will be.
    pub fn target(&self) -> &Savepoint {
        &self.target
    }

    /// Writes every state; the sink is not yet committed. `progress` is told the bytes read since it was told
    /// last.
    ///
    /// # Errors
    /// If a file or a row is not what it must be, with its place.
    pub fn write(
        self,
        sink: &mut dyn SavepointSink,
        progress: &dyn Fn(u64),
    ) -> Result<(Savepoint, Imported)> {
        let Self { base, mode, as_of_ms, mut states, target } = self;
        let mut imported = Imported::default();
        for (place, operator, state) in target.states() {
            let within = || format!("operator {}, {} state {:?}", operator.label(), state.kind, state.name);
            let files = states.iter().position(|(found, _)| *found == place);
            match files.map(|index| states.swap_remove(index).1) {
                Some(files) => {
                    let existing = base.filter(|_| mode == ImportMode::Upsert);
                    let existing = existing.and_then(|base| rows_there(base, operator, state).transpose());
                    // A row that does not fit has a place of its own.
                    let rows = collect(files, operator, state, as_of_ms, progress)?;
                    imported.rows_read += rows.rows();
                    imported.rows_written += existing
                        .transpose()
                        .and_then(|existing| write(rows, existing, operator, state, sink))
                        .within(within)?;
                }
                None => copy(base, operator, state, sink).within(within)?,
            }
        }
        Ok((target, imported))
    }
}

/// Puts the operator and the state into the catalogue, or the state in the place of the one that is there.
fn add(target: &mut Savepoint, table: &StateFiles) {
    let id = table.operator.id;
    if target.operator(id).is_none() {
        target.operators.push(Operator { states: Vec::new(), ..table.operator.clone() });
    }
    let Some(operator) = target.operators.iter_mut().find(|operator| operator.id == id) else { return };
    let state = &table.state;
    operator.states.retain(|found| (found.kind, &found.name) != (state.kind, &state.name));
    operator.states.push(state.clone());
    operator.states.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
}

fn find(savepoint: &Savepoint, table: &StateFiles) -> Option<StateRef> {
    place_of(savepoint, &table.operator, &table.state)
}

fn place_of(savepoint: &Savepoint, operator: &Operator, state: &State) -> Option<StateRef> {
    let mut states = savepoint.states();
    let is_it = |found: &Operator, other: &State| {
        found.id == operator.id && (other.kind, &other.name) == (state.kind, &state.name)
    };
    states.find(|(_, found, other)| is_it(found, other)).map(|(place, _, _)| place)
}

/// The rows of the state in the savepoint it goes into, if it is there.
fn rows_there(base: &dyn SavepointSource, operator: &Operator, state: &State) -> Result<Option<Batches>> {
    let Some(place) = place_of(base.savepoint(), operator, state) else { return Ok(None) };
    let mut rows = base.scan(place, &Scan { sorted: true, ahead: true, ..Scan::default() })?;
    let mut ended = false;
    Ok(Some(Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        rows.next().or_else(|| {
            ended = true;
            let unread = rows.completeness().rows_unread;
            (unread > 0).then(|| Err(unreadable(unread)))
        })
    }))))
}

fn unreadable(rows: u64) -> Error {
    Error::invalid(format!("{rows} rows cannot be read, and would be lost"))
}

/// Takes a state over from the savepoint that is imported into.
fn copy(
    base: Option<&dyn SavepointSource>,
    operator: &Operator,
    state: &State,
    sink: &mut dyn SavepointSink,
) -> Result<()> {
    let base = base.ok_or_else(|| Error::invalid("a state without a file"))?;
    let place = place_of(base.savepoint(), operator, state);
    let place = place.ok_or_else(|| Error::invalid("a state that is in no savepoint"))?;
    if sink.adopt(operator, state, base, place)? {
        return Ok(());
    }
    let rows = rows_there(base, operator, state)?;
    let mut table = sink.state(operator, state)?;
    for batch in rows.into_iter().flatten() {
        table.write(&batch?)?;
    }
    table.finish()
}

/// The rows of one state's files.
fn collect<'a>(
    files: StateFiles,
    operator: &'a Operator,
    state: &'a State,
    as_of_ms: i64,
    progress: &dyn Fn(u64),
) -> Result<RowCollector<'a>> {
    let mut rows = RowCollector::new(operator, state, as_of_ms, SORT_BYTES)?;
    for file in files.files {
        file.read(state, &files.names, &mut rows, progress)?;
    }
    Ok(rows)
}

/// Writes a state and counts its rows.
fn write(
    rows: RowCollector<'_>,
    existing: Option<Batches>,
    operator: &Operator,
    state: &State,
    sink: &mut dyn SavepointSink,
) -> Result<u64> {
    let rows: Batches = match existing {
        Some(existing) => Box::new(Upserted::new(state, existing, Box::new(rows.finish()?))?),
        None => Box::new(rows.finish()?),
    };
    let mut written = 0;
    let mut table = sink.state(operator, state)?;
    for batch in rows {
        let batch = batch?;
        written += batch.num_rows() as u64;
        table.write(&batch)?;
    }
    table.finish()?;
    Ok(written)
}
