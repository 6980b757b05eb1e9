//! Decides what a migrate does, from the metadata alone.

use super::draft::Draft;
use super::operation::Operation;
use super::rewrite::Rewriter;
use super::salvage::{Loss, Readable};
use crate::error::{Error, Result, ResultExt};
use crate::model::{PendingOutput, Savepoint, SavepointSource, Scan, StateRef};

/// Everything a migrate is going to do.
#[derive(Debug, Clone)]
pub struct MigrationPlan {
    /// The operations, in the order they take effect.
    pub operations: Vec<Operation>,
    /// The catalogue of the savepoint that will be made; its `id` is the source's until it is applied.
    pub target: Savepoint,
    /// One step for every state of the target, in order.
    pub steps: Vec<StateStep>,
    /// States of the source that are left out.
    pub dropped: Vec<StateRef>,
    /// Output of sinks that are left out: nobody will commit it.
    pub dropped_pending: Vec<PendingOutput>,
    /// What cannot be read, and is left out; [`MigrationPlan::salvage`] finds it.
    pub lost: Vec<Loss>,
    /// [`Operation::DropUnreadable`] is one of the operations.
    pub drops_unreadable: bool,
}

/// Where a state of the target comes from.
#[derive(Debug, Clone)]
pub struct StateStep {
    /// Its place in the source.
    pub source: StateRef,
    /// Its place in the target.
    pub target: StateRef,
    /// What has to be done for it.
    pub work: Work,
}

/// What a state costs.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Its files are taken over as they are.
    Keep,
    /// Its rows are read, changed and written.
    Rewrite(Rewrite),
}

/// How rows change on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rewrite {
    /// Keys get new key groups, so that the rows have to be sorted.
    pub(super) regroup: bool,
    /// Rows last touched before this instant (ms since 1970) are left out.
    pub(super) expired_before_ms: Option<i64>,
    /// Rows for which one of these conditions is true are left out.
    pub(super) delete_where: Vec<String>,
    /// The values of these keys become these.
    pub(super) set: Vec<(String, serde_json::Value)>,
    /// These splits are read on from these positions.
    pub(super) offsets: Vec<(String, String)>,
    /// The parts that can be read, where others cannot.
    pub(super) readable: Option<Vec<Readable>>,
}

impl Rewrite {
    /// What to read of the state, in the way of `scan`.
    pub(super) fn scans(&self, scan: &Scan) -> Vec<Scan> {
        let Some(readable) = &self.readable else { return vec![scan.clone()] };
        readable
            .iter()
            .map(|part| Scan { sorted: scan.sorted, ahead: scan.ahead, ..part.0.clone() })
            .collect()
    }
}

impl MigrationPlan {
    /// Plans `operations` on a savepoint.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for an operator, state or field that is not there;
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) for a change that would lose or mix up state.
    /// The operation is named.
    pub fn new(source: &Savepoint, operations: &[Operation]) -> Result<Self> {
        Self::placed(source, operations, &[])
    }

    /// Plans `operations` that stand in these places, such as the lines of a file: errors name them.
    ///
    /// # Errors
    /// As [`MigrationPlan::new`].
    pub fn placed(source: &Savepoint, operations: &[Operation], places: &[String]) -> Result<Self> {
        let mut draft = Draft::new(source);
        let places = places.iter().map(Some).chain(std::iter::repeat(None));
        for (operation, place) in operations.iter().zip(places) {
            draft.apply(operation).within(|| operation.to_string()).map_err(|error| match place {
                Some(place) => error.in_file(place.as_str()),
                None => error,
            })?;
        }
        draft.finish(operations)
    }

    /// Tries what metadata alone cannot tell: that every key to be set and every split is there. It reads a row
    /// group for each key, and the splits.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if one is not there, naming the splits that are.
    pub fn rehearse(&self, source: &dyn SavepointSource) -> Result<()> {
        if self.drops_unreadable {
            // What is to be edited may be among what cannot be read: that is seen when it is written.
            return Ok(());
        }
        for step in &self.steps {
            let Work::Rewrite(rewrite) = &step.work else { continue };
            let (Some((_, from)), Some((operator, to))) =
                (source.savepoint().state(step.source), self.target.state(step.target))
            else {
                return Err(Error::bad_request("the plan is for another savepoint"));
            };
            let rewriter = Rewriter::new(from, operator, to, rewrite)?;
            let mut scans = rewriter.key_scans();
            scans.extend((!rewrite.offsets.is_empty()).then(Scan::default));
            let rehearsed = scans.iter().try_for_each(|scan| {
                source.scan(step.source, scan)?.try_for_each(|batch| rewriter.rewrite(&batch?).map(drop))
            });
            rehearsed
                .and_then(|()| rewriter.finish())
                .within(|| format!("operator {}, state {:?}", operator.label(), from.name))?;
        }
        Ok(())
    }

    /// Nothing is rewritten: the target's data are the source's files.
    pub fn is_metadata_only(&self) -> bool {
        self.steps.iter().all(|step| step.work == Work::Keep)
    }

    /// Rows and bytes of the source that are read and written anew, as far as the metadata tells.
    pub fn rewritten(&self, source: &Savepoint) -> (u64, u64) {
        let rewritten = self.steps.iter().filter(|step| step.work != Work::Keep);
        rewritten.filter_map(|step| source.state(step.source)).fold((0, 0), |(rows, bytes), (_, state)| {
            (rows + state.rows.unwrap_or(0), bytes + state.bytes.unwrap_or(0))
        })
    }

    /// Bytes of the source that are only linked.
    pub fn linked_bytes(&self, source: &Savepoint) -> u64 {
        let kept = self.steps.iter().filter(|step| step.work == Work::Keep);
        kept.filter_map(|step| source.state(step.source)).filter_map(|(_, state)| state.bytes).sum()
    }
}
