//! Writes a savepoint: data files first, the manifest last. Until then there is none.
//!
//! ```text
//! create ─ begin_state ─ encode* ─ append* ─ finish ─ … ─ commit
//!                        any thread, any order
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;

use super::data_file::encode::{EncodedRowGroup, Encoder};
use super::data_file::row_groups::MAX_ROWS;
use super::data_file::writer::FileWriter;
use super::finishing::Finishing;
use super::layout::{DataPath, MANIFEST};
use super::manifest::{Manifest, Part, Table, canonical_schema};
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::location::Location;
use crate::model::{
    Engine, KeyGroupRange, Layout, MAX_PARALLELISM_LIMIT, Operator, OperatorId, Savepoint, State, StateKind,
    StateRef,
};
use crate::parallel::processors;
use crate::storage::{LocalStorage, Sharing, Storage};

/// How a savepoint is written.
#[derive(Debug, Clone)]
pub struct ColumnarWriterOptions {
    pub(super) independent: bool,
    pub(super) threads: usize,
}

impl Default for ColumnarWriterOptions {
    fn default() -> Self {
        Self { independent: false, threads: processors() }
    }
}

impl ColumnarWriterOptions {
    /// Files taken over from another savepoint become copies that share nothing with it.
    #[must_use]
    pub fn independent(mut self, independent: bool) -> Self {
        self.independent = independent;
        self
    }

    /// Threads that encode rows written through [`SavepointSink`](crate::SavepointSink); without it, one for
    /// each processor. Their number has no influence on the bytes.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Begins a savepoint in a new directory. It is staged: not yet a savepoint.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if something is there already.
    pub fn create(&self, path: impl AsRef<Path>) -> Result<ColumnarWriter> {
        Ok(self.create_in(Arc::new(LocalStorage::create_root(path)?)))
    }

    /// Begins a savepoint in an empty storage.
    pub fn create_in(&self, storage: Arc<dyn Storage>) -> ColumnarWriter {
        let staged = Staged {
            storage,
            tables: Mutex::default(),
            sharing: Mutex::default(),
            finishing: Finishing::default(),
        };
        ColumnarWriter { staged: Arc::new(staged), options: self.clone(), is_committed: false }
    }
}

/// A savepoint that is being written. Dropped before [`ColumnarWriter::commit`], it removes what it wrote.
#[derive(Debug)]
pub struct ColumnarWriter {
    pub(super) staged: Arc<Staged>,
    pub(super) options: ColumnarWriterOptions,
    is_committed: bool,
}

/// What names a state across savepoints.
type StateKey = (OperatorId, StateKind, String);

/// What the writer and the states it has open share.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) storage: Arc<dyn Storage>,
    /// `None` for a state that was begun and is not finished.
    tables: Mutex<BTreeMap<StateKey, Option<Table>>>,
    /// How files of other savepoints were taken over, and their bytes.
    sharing: Mutex<BTreeMap<Sharing, u64>>,
    /// Files that are written, and not known to be durable yet.
    finishing: Finishing,
}

/// A savepoint that is there, durably.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Where.
    pub path: String,
    /// Rows of all states.
    pub rows: u64,
    /// Data files.
    pub files: u64,
    /// Bytes of the data files and the manifest.
    pub bytes: u64,
    /// Every state of the catalogue, in its order.
    pub states: Vec<CommittedState>,
}

/// A state of a savepoint that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedState {
    /// Its operator: the uid, or the id of one without.
    pub operator: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: StateKind,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its files.
    pub bytes: u64,
}

impl Staged {
    /// Takes note of a state, which nobody may have begun before.
    pub(super) fn begin(&self, operator: &Operator, state: &State) -> Result<StateKey> {
        let key = (operator.id, state.kind, state.name.clone());
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.contains_key(&key) {
            return Err(Error::bad_request("was begun before"));
        }
        tables.insert(key.clone(), None);
        Ok(key)
    }

    pub(super) fn finish(&self, key: StateKey, table: Table) {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Some(table));
    }

    pub(super) fn note_sharing(&self, sharing: Sharing, bytes: u64) {
        let mut noted = self.sharing.lock().unwrap_or_else(PoisonError::into_inner);
        *noted.entry(sharing).or_default() += bytes;
    }

    pub(super) fn sharing(&self) -> BTreeMap<Sharing, u64> {
        self.sharing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ColumnarWriter {
    /// How to write.
    pub fn options() -> ColumnarWriterOptions {
        ColumnarWriterOptions::default()
    }

    /// Begins the table of a state whose number of rows is known. Several states may be open at once.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] if `state.rows` is `None`, the max parallelism is out of range, or the state
    /// was begun before; [`ErrorKind::Invalid`] if its schema does not fit its kind.
    pub fn begin_state(&self, operator: &Operator, state: &State) -> Result<ColumnarStateWriter> {
        let place = || format!("operator {}, {} state {:?}", operator.label(), state.kind, state.name);
        self.begin(operator, state).within(place)
    }

    fn begin(&self, operator: &Operator, state: &State) -> Result<ColumnarStateWriter> {
        let state = &State { schema: state.schema.clone().number(), ..state.clone() };
        let rows = state.rows.ok_or_else(|| Error::bad_request("the number of rows is not known"))?;
        if !(1..=MAX_PARALLELISM_LIMIT).contains(&operator.max_parallelism) {
            return Err(Error::bad_request(format!("max parallelism is {}", operator.max_parallelism)));
        }
        let place = format!("operator {}, {} state {:?}", operator.label(), state.kind, state.name);
        let encoder = BlockEncoder { encoder: Arc::new(Encoder::new(state)?), place };
        let key = self.staged.begin(operator, state)?;
        let block_bits = if state.kind.is_keyed() { block_bits(rows, operator.max_parallelism) } else { 0 };
        Ok(ColumnarStateWriter {
            staged: self.staged.clone(),
            key,
            operator: Operator { states: Vec::new(), ..operator.clone() },
            state: state.clone(),
            rows,
            block_bits,
            encoder,
            next_group: 0,
            file: None,
            parts: Vec::new(),
        })
    }

    /// Makes it a savepoint: its catalogue is `savepoint`, with the rows and bytes that were written.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] if the catalogue and the finished states are not the same; otherwise whatever
    /// could not be made durable. Then there is no savepoint.
    pub fn commit(mut self, savepoint: &Savepoint) -> Result<Committed> {
        let manifest = self.manifest(savepoint)?;
        let bytes = manifest.to_bytes()?;
        self.staged.finishing.wait()?;
        self.staged.storage.put_if_absent(MANIFEST, &bytes)?;
        self.is_committed = true;
        Ok(Committed {
            path: self.staged.storage.describe(),
            rows: manifest.tables.values().flat_map(|table| &table.parts).map(|part| part.rows).sum(),
            files: manifest.savepoint.files,
            bytes: manifest.savepoint.bytes + bytes.len() as u64,
            states: manifest
                .savepoint
                .states()
                .map(|(_, operator, state)| committed(operator, state))
                .collect(),
        })
    }

    fn manifest(&self, savepoint: &Savepoint) -> Result<Manifest> {
        let mut written =
            std::mem::take(&mut *self.staged.tables.lock().unwrap_or_else(PoisonError::into_inner));
        let mut savepoint = Savepoint {
            engine: Engine::Spt,
            format_version: super::manifest::VERSION,
            layout: Layout::Columnar,
            ..savepoint.clone()
        };
        let mut tables = BTreeMap::new();
        for (place, operator) in savepoint.operators.iter_mut().enumerate() {
            let label = operator.label();
            for (index, state) in operator.states.iter_mut().enumerate() {
                let table = written.remove(&(operator.id, state.kind, state.name.clone())).flatten();
                let table = table
                    .ok_or_else(|| Error::bad_request("is in the catalogue and was not written"))
                    .and_then(|table| match canonical_schema(&state.schema)?.1 == table.schema {
                        true => Ok(table),
                        false => Err(Error::bad_request("has another schema in the catalogue")),
                    })
                    .within(|| format!("operator {label}, {} state {:?}", state.kind, state.name))?;
                state.rows = Some(table.parts.iter().map(|part| part.rows).sum());
                state.bytes = Some(table.parts.iter().map(|part| part.bytes).sum());
                tables.insert(StateRef { operator: place, state: index }, table);
            }
        }
        if let Some((id, kind, name)) = written.keys().next() {
            let what =
                format!("{kind} state {name:?} of operator {id} was written and is not in the catalogue");
            return Err(Error::bad_request(what));
        }
        savepoint.files = tables.values().map(|table: &Table| table.parts.len() as u64).sum();
        savepoint.bytes = savepoint.states().filter_map(|(_, _, state)| state.bytes).sum();
        Ok(Manifest { savepoint, tables })
    }
}

fn committed(operator: &Operator, state: &State) -> CommittedState {
    CommittedState {
        operator: operator.label(),
        name: state.name.clone(),
        kind: state.kind,
        rows: state.rows.unwrap_or_default(),
        bytes: state.bytes.unwrap_or_default(),
    }
}

impl Drop for ColumnarWriter {
    fn drop(&mut self) {
        if !self.is_committed {
            // Without a manifest it is no savepoint either way: cleaning up is a courtesy.
            let _ = self.staged.finishing.wait();
            let _ = self.staged.storage.delete_all();
        }
    }
}

/// Rows of one block, encoded.
pub struct EncodedBlock {
    block: KeyGroupRange,
    row_groups: Vec<EncodedRowGroup>,
}

impl EncodedBlock {
    /// The block.
    pub fn block(&self) -> KeyGroupRange {
        self.block
    }

    /// Rows in it.
    pub fn rows(&self) -> u64 {
        self.row_groups.iter().map(|row_group| row_group.rows).sum()
    }
}

/// Encodes blocks of one state, on any thread.
#[derive(Clone)]
pub struct BlockEncoder {
    pub(super) encoder: Arc<Encoder>,
    place: String,
}

impl BlockEncoder {
    /// See [`ColumnarStateWriter::encode`].
    ///
    /// # Errors
    /// As there.
    pub fn encode(
        &self,
        block: KeyGroupRange,
        batches: impl Iterator<Item = Result<RecordBatch>>,
    ) -> Result<EncodedBlock> {
        let row_groups = self.encoder.encode(block, batches).within(|| self.place.as_str())?;
        Ok(EncodedBlock { block, row_groups })
    }
}

/// The table of one state while it is written, block by block.
pub struct ColumnarStateWriter {
    staged: Arc<Staged>,
    key: StateKey,
    pub(super) operator: Operator,
    pub(super) state: State,
    pub(super) rows: u64,
    pub(super) block_bits: u32,
    pub(super) encoder: BlockEncoder,
    /// The first key group that no appended block reaches.
    next_group: u32,
    file: Option<FileWriter>,
    parts: Vec<Part>,
}

impl ColumnarStateWriter {
    /// The blocks of key groups that rows come in, ascending. A state that is not keyed has one.
    pub fn blocks(&self) -> Vec<KeyGroupRange> {
        if !self.state.kind.is_keyed() {
            return vec![KeyGroupRange::all(1)];
        }
        blocks(self.block_bits, self.operator.max_parallelism)
    }

    /// Encodes all rows of one block: in any order of blocks, on any thread, without touching a file.
    ///
    /// Rows are sorted in the model's order, none twice, and have the state's schema (names decide, and field
    /// ids are added). How they are spread over batches has no influence on the bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the rows are not like that, or belong to another block; and every error of
    /// `batches`.
    pub fn encode(
        &self,
        block: KeyGroupRange,
        batches: impl Iterator<Item = Result<RecordBatch>>,
    ) -> Result<EncodedBlock> {
        self.encoder.encode(block, batches)
    }

    /// Encodes as [`ColumnarStateWriter::encode`] does, also while blocks are appended.
    pub fn encoder(&self) -> BlockEncoder {
        self.encoder.clone()
    }

    /// Writes a block; blocks come in ascending order, and those without rows need not come.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] if the block is not one of [`ColumnarStateWriter::blocks`] or comes too late;
    /// [`ErrorKind::Io`] if it could not be written.
    pub fn append(&mut self, block: EncodedBlock) -> Result<()> {
        let first = u32::from(block.block.first());
        if self.state.kind.is_keyed() {
            let expected = block_at(first, self.block_bits, self.operator.max_parallelism);
            if expected != block.block || first < self.next_group {
                let what = format!("block {} does not follow key group {}", block.block, self.next_group);
                return Err(Error::bad_request(what).within(self.place()));
            }
        } else if self.next_group > 0 {
            return Err(Error::bad_request("has one block").within(self.place()));
        }
        self.next_group = u32::from(block.block.last()) + 1;
        block.row_groups.into_iter().try_for_each(|row_group| self.append_row_group(row_group))
    }

    pub(super) fn append_row_group(&mut self, row_group: EncodedRowGroup) -> Result<()> {
        if self.file.as_ref().is_some_and(FileWriter::is_full) {
            self.end_file()?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let path = DataPath::of_file(&self.operator, &self.state, self.parts.len());
                none.insert(FileWriter::create(
                    self.staged.storage.as_ref(),
                    path,
                    &self.encoder.encoder.shape,
                )?)
            }
        };
        file.append(row_group)
    }

    fn end_file(&mut self) -> Result<()> {
        if let Some(file) = self.file.take() {
            let (part, object) = file.finish()?;
            self.staged.finishing.begin(object, part.path.as_str())?;
            self.parts.push(part);
        }
        Ok(())
    }

    /// Ends the table. Its files become durable while others are written; [`ColumnarWriter::commit`] waits for that.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if the number of rows is not the announced one; otherwise whatever could not be
    /// written.
    pub fn finish(mut self) -> Result<()> {
        self.end_file()?;
        let rows = self.parts.iter().map(|part| part.rows).sum::<u64>();
        if rows != self.rows {
            let (found, expected) = (rows.to_string(), self.rows.to_string());
            let kind = ErrorKind::Mismatch { what: "number of rows".to_owned(), found, expected };
            return Err(Error::new(kind, Location::default()).within(self.place()));
        }
        let schema = canonical_schema(&self.state.schema)?.1;
        let parts = std::mem::take(&mut self.parts);
        self.staged.finish(self.key, Table { block_bits: self.block_bits, schema, parts });
        Ok(())
    }

    pub(super) fn place(&self) -> &str {
        &self.encoder.place
    }
}

/// The largest L with rows · 2^L / `max_parallelism` ≤ 262,144, else 0; never more than one block needs.
pub(super) fn block_bits(rows: u64, max_parallelism: u32) -> u32 {
    let most = max_parallelism.next_power_of_two().ilog2();
    let fits = |bits: &u32| (u128::from(rows) << bits) <= MAX_ROWS as u128 * u128::from(max_parallelism);
    (0..=most).rev().find(fits).unwrap_or(0)
}

/// Aligned blocks of 2^`bits` key groups; the last one may be shorter.
pub(super) fn blocks(bits: u32, max_parallelism: u32) -> Vec<KeyGroupRange> {
    let firsts = (0..max_parallelism).step_by(1 << bits);
    firsts.map(|first| block_at(first, bits, max_parallelism)).collect()
}

/// The block that begins with this key group, or would if blocks began there.
pub(super) fn block_at(first: u32, bits: u32, max_parallelism: u32) -> KeyGroupRange {
    let all = KeyGroupRange::all(max_parallelism);
    let start = first >> bits << bits;
    let last = (start + (1 << bits) - 1).min(u32::from(all.last()));
    KeyGroupRange::new(start as u16, last as u16).unwrap_or(all)
}
