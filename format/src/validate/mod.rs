//! Is a savepoint what it says it is? Everything that is wrong, in one run.
//!
//! ```text
//! files     there, of their length and digest, none too many      the format's own check
//! catalogue ids, uids, fields and references fit each other         [`check_catalogue`], on the model
//! rows      in order, unique, in their key group, as many as said  [`check_rows`], on the model
//! restore   by a job                                               [`preflight`](crate::preflight)
//! ```
//!
//! What is found is no error but a [`Finding`]: one run reports all of them, each with a [`Code`] that never
//! changes its meaning.

mod catalogue;
mod code;
mod finding;
mod places;
mod rows;

pub use catalogue::check_catalogue;
pub use code::{Code, Severity};
pub(crate) use finding::WHOLE_FILE;
pub use finding::{Finding, Findings};
pub use rows::{RowChecks, check_rows};

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files, the metadata included.
    pub files: u64,
    /// Bytes whose digest or form was checked.
    pub bytes: u64,
    /// Rows that were read.
    pub rows: u64,
}
