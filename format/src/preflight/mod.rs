//! Will this job restore from that savepoint? State by state, from metadata alone.
//!
//! ```text
//! savepoint's operators ──┐
//!                         ├─► same id? ─► same state? ─► evolution rules ─► verdict, reason, `spt migrate` …
//! job's operators ────────┘      └─ no: lost, unless the evidence of its states finds it under another uid
//! ```
//!
//! The job's side is its plan, or another savepoint: a [`Target`]. Where Flink is to restore, its rules count as
//! well. What cannot be known is said to be unknown; unknown is never counted as compatible.

mod flink;
mod rename;
mod state;
mod target;

#[cfg(test)]
mod tests;

pub use rename::rename_candidates;
pub use target::{FlinkVersion, Objection, Target};

use crate::model::{Operator, OperatorId, Savepoint, StateRef, UidOrigin};
use crate::validate::{Code, Finding};

/// What becomes of a state, or of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It restores.
    Compatible,
    /// The job declares it and the savepoint has none: it starts empty.
    New,
    /// The savepoint has it, its operator is there and does not declare it: it is carried along unused.
    CarriedUnused,
    /// Whether it restores cannot be told from metadata.
    Unknown,
    /// It restores once the named migrations were made.
    NeedsMigration,
    /// The savepoint has it and the job has no such operator: the restore is refused, or it is left behind.
    Lost,
    /// It does not restore.
    Incompatible,
}

impl Verdict {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::New => "new",
            Self::CarriedUnused => "carried-unused",
            Self::Unknown => "unknown",
            Self::NeedsMigration => "needs-migration",
            Self::Lost => "lost",
            Self::Incompatible => "incompatible",
        }
    }

    /// The code that a finding of it has, unless more is known.
    fn code(self) -> Code {
        match self {
            Self::Compatible | Self::New => Code::StateNew,
            Self::CarriedUnused => Code::StateUnused,
            Self::Unknown => Code::StateUnknown,
            Self::NeedsMigration => Code::StateNeedsMigration,
            Self::Lost => Code::StateLost,
            Self::Incompatible => Code::StateIncompatible,
        }
    }

    /// A restore goes through without anybody doing anything.
    pub fn restores(self) -> bool {
        self < Self::Unknown
    }
}

/// What becomes of one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateVerdict {
    /// The operator's uid, or its id where it has none.
    pub uid: String,
    /// The operator's id.
    pub operator_id: OperatorId,
    /// The state's name; `None` if it concerns the operator as a whole.
    pub state: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What that comes under as a finding.
    pub code: Code,
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// Arguments of the `spt migrate` that would make it restore.
    pub migrate: Vec<String>,
}

impl StateVerdict {
    /// What becomes of a state, or of the operator as a whole.
    fn new(operator: &Operator, state: Option<&str>, verdict: Verdict) -> Self {
        Self {
            uid: operator.label(),
            operator_id: operator.id,
            state: state.map(str::to_owned),
            verdict,
            code: verdict.code(),
            reason: None,
            migrate: Vec::new(),
        }
    }

    fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// What it is as a finding; nothing if the state restores as it is.
    pub fn finding(&self) -> Option<Finding> {
        if self.verdict == Verdict::Compatible {
            return None;
        }
        let place = match &self.state {
            Some(name) => format!("operator {}, state {name:?}", self.uid),
            None => format!("operator {}", self.uid),
        };
        let reason = self.reason.clone().unwrap_or_else(|| self.code.title().to_owned());
        let finding = Finding::new(self.code, place, reason);
        let severity = self.verdict.code().severity().max(finding.severity);
        Some(Finding { severity, ..finding })
    }
}

/// What becomes of every state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The states, in the order of the savepoint, those that are new after them.
    pub states: Vec<StateVerdict>,
    /// Operators of the job that keep state and have no uid of their own.
    pub without_uid: Vec<String>,
    /// The savepoint is drained: its windows and timers have fired already.
    pub drained: bool,
}

impl Preflight {
    /// The worst that becomes of any state. New and unused states are as good as compatible.
    pub fn verdict(&self) -> Verdict {
        let worst = self.states.iter().map(|state| state.verdict).max().unwrap_or(Verdict::Compatible);
        if worst.restores() { Verdict::Compatible } else { worst }
    }

    /// The arguments of one `spt migrate` that does everything that would help.
    pub fn migrate(&self) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        for pair in self.states.iter().flat_map(|state| state.migrate.chunks(2)) {
            if !arguments.chunks(2).any(|known| known == pair) {
                arguments.extend_from_slice(pair);
            }
        }
        arguments
    }
}

/// Judges every state of `savepoint` against the job that is to start from it.
pub fn preflight(savepoint: &Savepoint, target: &Target<'_>) -> Preflight {
    let job = target.operators();
    let mut states = Vec::new();
    for (index, found) in savepoint.operators.iter().enumerate() {
        match job.iter().find(|wanted| wanted.id == found.id) {
            Some(wanted) => {
                let place = |state| StateRef { operator: index, state };
                states.extend(state::judge_operator(found, wanted, target, &place));
            }
            None => states.extend(rename::judge_lost(savepoint, found, job)),
        }
    }
    states.extend(lost_output(savepoint, job));
    for wanted in job.iter().filter(|wanted| savepoint.operator(wanted.id).is_none()) {
        states.extend(wanted.states.iter().map(|new| state::new_state(wanted, new)));
    }
    let fragile = job.iter().filter(|operator| !operator.states.is_empty());
    let fragile = fragile.filter(|operator| operator.uid_origin == UidOrigin::Generated);
    Preflight { states, without_uid: fragile.map(rename::name).collect(), drained: savepoint.drained }
}

/// Output that was written and not committed, of sinks that the job does not have.
fn lost_output(savepoint: &Savepoint, job: &[Operator]) -> Vec<StateVerdict> {
    let mut lost: Vec<StateVerdict> = Vec::new();
    for pending in &savepoint.pending {
        let is_there = job.iter().any(|operator| operator.id == pending.operator);
        if is_there || lost.iter().any(|known| known.operator_id == pending.operator) {
            continue;
        }
        let nameless = Operator::with_id(pending.operator, 0, 0);
        let sink = savepoint.operator(pending.operator).unwrap_or(&nameless);
        let verdict = StateVerdict::new(sink, None, Verdict::Lost);
        let reason = "it had written output that is not committed, and the job has no such sink";
        lost.push(StateVerdict { code: Code::PendingOutputLost, ..verdict.because(reason) });
    }
    lost
}
