//! A savepoint's catalogue while operations change it, one after the other.

mod fields;
mod names;
mod rows;

use std::collections::BTreeSet;

use super::operation::Operation;
use super::plan::{MigrationPlan, Rewrite, StateStep, Work};
use super::rewrite::Rewriter;
use crate::error::{Error, Result, ResultExt};
use crate::model::{Layout, PendingOutput, Savepoint, State, StateRef};
use crate::select::{find_operator, find_state};

/// A catalogue under construction: every state with where it came from and what it costs.
///
/// Operators and states are found by what they are called by now or, failing that, by what the source calls
/// them, so that the operations of one command may all use the names a person sees in the source.
pub(super) struct Draft<'a> {
    source: &'a Savepoint,
    savepoint: Savepoint,
    /// The places in the source of the operators of `savepoint`.
    operators: Vec<usize>,
    /// Parallel to the operators and states of `savepoint`.
    origins: Vec<Vec<Origin>>,
    dropped_pending: Vec<PendingOutput>,
    drops_unreadable: bool,
}

#[derive(Debug, Clone)]
struct Origin {
    source: StateRef,
    rewrite: Option<Rewrite>,
}

impl Origin {
    /// Its rows have to be written anew; what for, the caller notes.
    fn rewrite(&mut self) -> &mut Rewrite {
        self.rewrite.get_or_insert_default()
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(source: &'a Savepoint) -> Self {
        let origins = source.operators.iter().enumerate().map(|(operator, entry)| {
            let states = 0..entry.states.len();
            states.map(|state| Origin { source: StateRef { operator, state }, rewrite: None }).collect()
        });
        Self {
            source,
            savepoint: source.clone(),
            operators: (0..source.operators.len()).collect(),
            origins: origins.collect(),
            dropped_pending: Vec::new(),
            drops_unreadable: false,
        }
    }

    /// The plan, once every rewrite was tried on the types alone.
    ///
    /// # Errors
    /// If an operator would have more subtasks than key groups, or a state's rows cannot become what is wanted.
    pub(super) fn finish(self, operations: &[Operation]) -> Result<MigrationPlan> {
        let source = self.source;
        self.check_parallelism()?;
        // Other files than our own cannot be taken over.
        let can_keep = source.layout == Layout::Columnar;
        let mut steps = Vec::new();
        for (operator, states) in self.origins.into_iter().enumerate() {
            for (state, Origin { source, rewrite }) in states.into_iter().enumerate() {
                let rewrite = rewrite.or_else(|| (!can_keep).then(Rewrite::default));
                let work = rewrite.map_or(Work::Keep, Work::Rewrite);
                steps.push(StateStep { source, target: StateRef { operator, state }, work });
            }
        }
        let kept: BTreeSet<StateRef> = steps.iter().map(|step| step.source).collect();
        let dropped = source.states().map(|(place, _, _)| place).filter(|place| !kept.contains(place));
        let plan = MigrationPlan {
            operations: operations.to_vec(),
            dropped: dropped.collect(),
            target: self.savepoint,
            steps,
            dropped_pending: self.dropped_pending,
            lost: Vec::new(),
            drops_unreadable: self.drops_unreadable,
        };
        for step in &plan.steps {
            if let (Work::Rewrite(rewrite), Some((_, from)), Some((operator, to))) =
                (&step.work, source.state(step.source), plan.target.state(step.target))
            {
                Rewriter::new(from, operator, to, rewrite)
                    .within(|| format!("operator {}, state {:?}", operator.label(), to.name))?;
            }
        }
        Ok(plan)
    }

    fn operator(&self, uid: &str) -> Result<usize> {
        find_operator(&self.savepoint, uid).or_else(|unknown| {
            let former = find_operator(self.source, uid).ok();
            let place = former.and_then(|former| self.operators.iter().position(|place| *place == former));
            place.ok_or(unknown)
        })
    }

    fn state(&self, uid: &str, name: &str) -> Result<StateRef> {
        let operator = self.operator(uid)?;
        let gone = || Error::not_found("operator is gone");
        let entry = self.savepoint.operators.get(operator).ok_or_else(gone)?;
        let state = find_state(entry, name).or_else(|unknown| {
            let source = *self.operators.get(operator).ok_or_else(gone)?;
            let former = self.source.operators.get(source).and_then(|former| find_state(former, name).ok());
            let origins = self.origins.get(operator).ok_or_else(gone)?;
            let place = former.map(|state| StateRef { operator: source, state });
            origins.iter().position(|origin| Some(origin.source) == place).ok_or(unknown)
        })?;
        Ok(StateRef { operator, state })
    }

    fn at(&mut self, place: StateRef) -> Result<(&mut State, &mut Origin)> {
        let state = self
            .savepoint
            .operators
            .get_mut(place.operator)
            .and_then(|operator| operator.states.get_mut(place.state));
        let origin = self.origins.get_mut(place.operator).and_then(|states| states.get_mut(place.state));
        state.zip(origin).ok_or_else(|| Error::not_found("state is gone"))
    }

    pub(super) fn apply(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::RenameUid { uid, to } => self.rename_uid(uid, to),
            Operation::DropUid { uid } => self.drop_uid(uid),
            Operation::RenameState { uid, state, to } => self.rename_state(uid, state, to),
            Operation::DropState { uid, state } => self.drop_state(uid, state),
            Operation::RenameField { uid, state, field, to } => self.rename_field(uid, state, field, to),
            Operation::DropField { uid, state, field } => self.drop_field(uid, state, field),
            Operation::AddField { uid, state, field, r#type, default } => {
                self.add_field(uid, state, field, r#type, default.as_ref())
            }
            Operation::Cast { uid, state, field, r#type } => self.cast(uid, state, field, r#type),
            Operation::DeleteWhere { uid, state, predicate } => {
                let place = self.state(uid, state)?;
                self.at(place)?.1.rewrite().delete_where.push(predicate.clone());
                Ok(())
            }
            Operation::Set { uid, state, key, value } => self.set(uid, state, key, value),
            Operation::SetOffset { uid, split, position } => self.set_offset(uid, split, position),
            Operation::MaxParallelism { uid, groups } => self.max_parallelism(uid.as_deref(), *groups),
            Operation::Parallelism { subtasks } => self.parallelism(*subtasks),
            Operation::PurgeExpired { uid, state, ttl_ms, as_of_ms } => {
                self.purge_expired(uid.as_deref().zip(state.as_deref()), *ttl_ms, *as_of_ms)
            }
            Operation::DropUnreadable => {
                self.drops_unreadable = true;
                Ok(())
            }
            // What is written is of the newest version, whatever was read.
            Operation::Upgrade => Ok(()),
            Operation::Name { name } => {
                self.savepoint.job.name = Some(name.clone());
                Ok(())
            }
            Operation::Rewrite => {
                self.origins.iter_mut().flatten().for_each(|origin| {
                    origin.rewrite();
                });
                Ok(())
            }
        }
    }
}
