//! What is wrong with a snapshot, as far as it can be told without reading rows: structure, files, databases.
//!
//! ```text
//! _metadata ─► operators: ids, parallelism, key groups          operators.rs
//!           ─► handles: is the file there, of the right length  files.rs
//!           ─► databases: manifest, tables, states              databases.rs
//!           ─► broadcast maps: the same in all subtasks?           broadcasts.rs
//!           ─► keys that are rows: in the group of their hash?      key_groups.rs
//!           ─► values of heap files whose end had to be inferred  ends.rs
//!           ─► states whose header cannot be read
//! ```
//!
//! One run reports everything it finds. Rows are checked by reading them, as those of any savepoint.

mod broadcasts;
mod databases;
mod ends;
mod files;
mod key_groups;
mod operators;

pub(super) use key_groups::hashes_keys;
use spt_format::Error;

use super::FlinkSource;
use super::pieces::Piece;

/// Something that is wrong with a snapshot, or good to know.
#[derive(Debug)]
pub struct Trouble {
    /// What kind of thing it is.
    pub kind: TroubleKind,
    /// What is wrong, and where.
    pub error: Error,
}

/// Kinds of trouble, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TroubleKind {
    /// A file is missing, has another length, or cannot be read. A restore fails.
    File,
    /// Operators, subtasks or key groups contradict each other. A restore fails or loses state.
    Structure,
    /// Bytes of state are damaged. A restore fails.
    State,
    /// Copies of what should be the same are not. A restore takes one or another.
    Copies,
    /// The bytes are in order, but this program cannot read them.
    Unsupported,
    /// Values of a heap file do not tell their ends, which were inferred from where the next entries were found.
    Inferred,
    /// A file that nothing refers to: a leftover, or part of what somebody mixed up.
    Orphan,
    /// A file is not where the snapshot says and was found elsewhere. Flink itself would not find it.
    Moved,
}

impl TroubleKind {
    /// The snapshot is damaged.
    pub fn is_damage(self) -> bool {
        self <= Self::Copies
    }
}

impl Trouble {
    fn new(kind: TroubleKind, error: Error) -> Self {
        Self { kind, error }
    }
}

impl FlinkSource {
    /// Everything that is wrong, worst first. With `thorough` also what lies in tables beside their rows is
    /// read: filters and dictionaries, which only RocksDB would miss; keys that are rows are hashed; and heap files
    /// are read in which values do not tell their ends.
    pub fn check(&self, thorough: bool) -> Vec<Trouble> {
        let mut troubles = operators::check(&self.snapshot);
        troubles.extend(files::check(&self.snapshot, &self.files));
        troubles.extend(databases::check(self, thorough));
        if thorough {
            troubles.extend(key_groups::check(self));
            troubles.extend(broadcasts::check(self));
            troubles.extend(ends::check(self));
        }
        troubles.extend(self.unreadable_states());
        troubles.sort_by_key(|trouble| trouble.kind);
        troubles
    }

    fn unreadable_states(&self) -> impl Iterator<Item = Trouble> {
        let pieces = self.tables.iter().flatten().flatten();
        pieces.filter_map(|piece| match piece {
            Piece::Unreadable(reason) => {
                Some(reason.error()).map(|error| Trouble::new(kind_of(&error), error))
            }
            _ => None,
        })
    }
}

/// Damage is told from what this program does not know.
fn kind_of(error: &Error) -> TroubleKind {
    use spt_format::ErrorKind::{Io, Missing, PathEscapes, Unsupported, UnsupportedVersion, Vanished};
    match error.kind() {
        Unsupported { .. } | UnsupportedVersion { .. } => TroubleKind::Unsupported,
        Io { .. } | Missing | Vanished | PathEscapes { .. } => TroubleKind::File,
        _ => TroubleKind::State,
    }
}
