//! Writes a snapshot: gathers each state's parts by block, encodes blocks in parallel, appends them in order.
//!
//! It runs on threads of its own while the job goes on; what the subtasks froze is dropped here too, since
//! this may be the last owner of many pages.

use std::path::Path;
use std::sync::Arc;

use spt_format::{
    ColumnarReader, ColumnarWriter, Committed, Error, KeyGroupRange, MAX_PARALLELISM_LIMIT, Operator,
    PendingOutput, Result, ResultExt, Savepoint, SavepointSource, Scan, State, StateKind, StateRef, Workers,
};

use super::permit::Permit;
use super::snapshot::{Part, PartBatches, Snapshot, StateSlot};

/// A state that no operator of the graph declares any more, and that goes from snapshot to snapshot.
#[derive(Clone)]
pub(crate) struct Carried {
    /// The snapshot that holds it.
    pub(crate) source: Arc<ColumnarReader>,
    /// Where in it, and the operator of the graph that it belongs to.
    pub(crate) states: Vec<(usize, StateRef)>,
}

/// Everything a snapshot is written from.
pub(crate) struct Draft {
    /// Its catalogue, the states of each operator as the graph declares them.
    pub(crate) savepoint: Savepoint,
    /// The snapshots of all subtasks; those of one operator are in the order of its subtasks.
    pub(crate) snapshots: Vec<(u32, Arc<Snapshot>)>,
    pub(crate) carried: Option<Carried>,
    /// They encode.
    pub(crate) encoders: Arc<Workers>,
}

/// Writes a whole snapshot.
///
/// # Errors
/// If anything could not be written or made durable, or the snapshot was given up; then there is none.
pub(crate) fn write(path: &Path, mut draft: Draft, permit: &Permit) -> Result<Committed> {
    let writer = ColumnarWriter::options().create(path)?;
    draft.savepoint.pending = draft.pending();
    for operator in 0..draft.savepoint.operators.len() {
        permit.check()?;
        draft.write_operator(&writer, operator)?;
    }
    permit.check()?;
    writer.commit(&draft.savepoint)
}

impl Draft {
    fn pending(&self) -> Vec<PendingOutput> {
        let outputs = self.snapshots.iter().flat_map(|(_, snapshot)| snapshot.pending());
        let mut outputs: Vec<_> = outputs.collect();
        outputs.sort_by_key(|(operator, _)| *operator);
        let named = outputs.into_iter().filter_map(|(operator, output)| {
            let operator = self.savepoint.operators.get(operator)?.id;
            Some(PendingOutput { operator, output: output.clone() })
        });
        named.collect()
    }

    fn write_operator(&mut self, writer: &ColumnarWriter, index: usize) -> Result<()> {
        let Some(mut operator) = self.savepoint.operators.get(index).cloned() else { return Ok(()) };
        for (state, declared) in operator.states.clone().iter().enumerate() {
            let mut parts = Parts::of(&self.snapshots, StateSlot { operator: index, state });
            if declared.kind == StateKind::Broadcast {
                parts.keep_one_copy(declared).within(|| operator.label())?;
            }
            let counted = State { rows: Some(parts.rows()), ..declared.clone() };
            write_state(writer, &operator, counted, parts, &self.encoders)?;
        }
        for (_, place) in
            self.carried.iter().flat_map(|carried| &carried.states).filter(|(of, _)| *of == index)
        {
            let Some(carried) = &self.carried else { continue };
            let Some((_, state)) = carried.source.savepoint().state(*place) else { continue };
            let parts = CarriedState { source: Arc::clone(&carried.source), place: *place };
            write_state(writer, &operator, state.clone(), parts, &self.encoders)?;
            operator.states.push(state.clone());
        }
        if let Some(written) = self.savepoint.operators.get_mut(index) {
            written.states = operator.states;
            written.states.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        }
        Ok(())
    }
}

/// Where the rows of a state come from.
trait Rows: Send + Sync + 'static {
    /// The rows of these key groups, sorted.
    fn of_block(&self, block: KeyGroupRange, state: &State) -> Result<PartBatches<'_>>;
}

/// The parts of all subtasks, in the order of the subtasks, which is that of key groups.
struct Parts(Vec<(u32, Arc<dyn Part>)>);

impl Parts {
    fn of(snapshots: &[(u32, Arc<Snapshot>)], slot: StateSlot) -> Self {
        Self(
            snapshots
                .iter()
                .filter_map(|(subtask, snapshot)| Some((*subtask, snapshot.part(slot)?)))
                .collect(),
        )
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|(_, part)| part.rows()).sum()
    }

    /// Of a state that is the same in every subtask.
    ///
    /// # Errors
    /// If it is not: which copy is right, nobody knows.
    fn keep_one_copy(&mut self, state: &State) -> Result<()> {
        let schema = state.schema.to_arrow(state.kind)?;
        let everything = KeyGroupRange::all(MAX_PARALLELISM_LIMIT);
        let rows = |part: &dyn Part| part.batches(0, everything, &schema).collect::<Result<Vec<_>>>();
        let mut copies = self.0.iter();
        let Some((first, part)) = copies.next() else { return Ok(()) };
        let kept = rows(part.as_ref())?;
        for (subtask, part) in copies {
            if rows(part.as_ref())? != kept {
                let differ =
                    format!("the copies of broadcast state in subtasks {first} and {subtask} differ");
                return Err(Error::invalid(differ)).within(|| state.name.clone());
            }
        }
        self.0.truncate(1);
        Ok(())
    }
}

impl Rows for Parts {
    fn of_block(&self, block: KeyGroupRange, state: &State) -> Result<PartBatches<'_>> {
        let schema = state.schema.to_arrow(state.kind)?;
        let parts = self.0.iter();
        Ok(Box::new(parts.flat_map(move |(subtask, part)| part.batches(*subtask, block, &schema))))
    }
}

/// A state of an earlier snapshot.
struct CarriedState {
    source: Arc<ColumnarReader>,
    place: StateRef,
}

impl Rows for CarriedState {
    fn of_block(&self, block: KeyGroupRange, state: &State) -> Result<PartBatches<'_>> {
        let key_groups = state.kind.is_keyed().then_some(block);
        Ok(Box::new(self.source.scan(self.place, &Scan { key_groups, sorted: true, ..Scan::default() })?))
    }
}

fn write_state(
    writer: &ColumnarWriter,
    operator: &Operator,
    state: State,
    rows: impl Rows,
    encoders: &Workers,
) -> Result<()> {
    let mut table = writer.begin_state(operator, &state)?;
    let (blocks, encoder) = (table.blocks(), table.encoder());
    encoders.in_order(
        blocks.into_iter().map(Ok),
        move |block| encoder.encode(block, rows.of_block(block, &state)?),
        |encoded| table.append(encoded),
    )?;
    table.finish()
}
