//! Patches: what has to be done to one savepoint to get the state of another, as a document of lines.
//!
//! ```text
//! {"schema":"spt.patch/1","before":{…},"after":{…}}         whom it is for, and what comes of it
//! {"operator":{…},"from":"90f4…"}                           an operator of the result, and which one it was
//! {"state":{…},"from":{"name":"n","kind":"value"}}          a state of it, and which one it was
//! {"op":"~","key_group":17,"key":"b","before":2,"after":20} a row, in the order of the rows
//! …
//! {"end":{"rows":1}}                                        without this line it is not whole
//! ```
//!
//! The document tells the whole catalogue of the result; only rows are told by their difference. What they
//! differ from is the *basis*: the rows of the state named by `from`, read as the result's schema and dealt out
//! to its key groups. Whoever writes a patch and whoever applies it find the same basis ([`basis`]), so both are
//! one merge of two sorted streams, in fixed memory. `docs/patch.md` describes the document for other programs.

mod apply;
mod basis;
mod document;
mod fingerprint;
mod proof;
mod read;
mod rows;
mod splice;
mod write;

pub use apply::{Patched, PatchedState};
pub use read::Patch;
pub use write::{PatchSummary, write_patch};

/// Names the document, in its first line.
pub const PATCH_SCHEMA: &str = "spt.patch/1";
