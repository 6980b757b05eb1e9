//! What comparing two schemas says.

use std::fmt;

/// What a restore will do to a field by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new, and has its default or null in old rows.
    Added,
    /// It is gone, and its values are not read.
    Removed,
    /// It was called this.
    Renamed(String),
    /// Its values have this type, and fit into the new one without loss.
    Widened(String),
    /// It may be null now.
    MadeOptional,
    /// An enum knows these names too.
    NamesAdded(Vec<String>),
    /// Rows have a `last_access` now; old rows count as touched when they are restored.
    TtlAdded,
    /// Rows have no `last_access` any more.
    TtlRemoved,
}

/// Why a field's old values cannot be read, and what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The field, from the column on: `value.amount`.
    pub path: String,
    /// Its type in the savepoint, as text; `None` if it is not there.
    pub old: Option<String>,
    /// Its type in the job; `None` if it is not there.
    pub new: Option<String>,
    /// Why not.
    pub reason: String,
    /// A migrate can make it fit; otherwise only dropping the state lets the rest restore.
    pub can_migrate: bool,
}

/// Whether old rows can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They can; each field's path and what happens to it. Nothing happens if the list is empty.
    Compatible {
        /// Path and change.
        changes: Vec<(String, Change)>,
    },
    /// Not as they are; after the migrations that the refusals name.
    NeedsMigration {
        /// All that has to change.
        refusals: Vec<Refusal>,
    },
    /// No migration of fields helps with at least one of these.
    Incompatible {
        /// All that does not fit.
        refusals: Vec<Refusal>,
    },
}

impl Verdict {
    pub(super) fn of(changes: Vec<(String, Change)>, refusals: Vec<Refusal>) -> Self {
        if refusals.is_empty() {
            Self::Compatible { changes }
        } else if refusals.iter().all(|refusal| refusal.can_migrate) {
            Self::NeedsMigration { refusals }
        } else {
            Self::Incompatible { refusals }
        }
    }

    /// Old rows can be read.
    pub fn is_compatible(&self) -> bool {
        matches!(self, Self::Compatible { .. })
    }

    /// Why not; empty if they can.
    pub fn refusals(&self) -> &[Refusal] {
        match self {
            Self::Compatible { .. } => &[],
            Self::NeedsMigration { refusals } | Self::Incompatible { refusals } => refusals,
        }
    }

    /// All that does not fit, in one line.
    pub fn reasons(&self) -> String {
        let reasons: Vec<String> = self.refusals().iter().map(ToString::to_string).collect();
        reasons.join("; ")
    }

    /// The arguments of `spt migrate` that would help, for a state of an operator; each option once. A state that is
    /// dropped needs no other.
    pub fn migrate_arguments(&self, uid: &str, state: &str) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let is_dropped = matches!(self, Self::Incompatible { .. });
        for refusal in self.refusals().iter().filter(|refusal| refusal.can_migrate != is_dropped) {
            let [option, value] = refusal.migrate_argument(uid, state);
            if !arguments.contains(&value) {
                arguments.extend([option, value]);
            }
        }
        arguments
    }
}

impl Refusal {
    /// The option of `spt migrate` that would help, and its value.
    pub fn migrate_argument(&self, uid: &str, state: &str) -> [String; 2] {
        let Self { path, .. } = self;
        match (&self.new, self.can_migrate) {
            (Some(new), true) if self.old.is_some() => {
                ["--cast".to_owned(), format!("{uid}/{state}:{path}={new}")]
            }
            (Some(new), true) => ["--add-field".to_owned(), format!("{uid}/{state}:{path}={new}=DEFAULT")],
            (None, true) => ["--drop-field".to_owned(), format!("{uid}/{state}:{path}")],
            (_, false) => ["--drop-state".to_owned(), format!("{uid}/{state}")],
        }
    }
}

/// `value.amount: utf8 in the savepoint, int64 in the job: …`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |ty: &Option<String>| ty.clone().unwrap_or_else(|| "absent".to_owned());
        let (old, new) = (text(&self.old), text(&self.new));
        write!(f, "{}: {old} in the savepoint, {new} in the job: {}", self.path, self.reason)
    }
}
