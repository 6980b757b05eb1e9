//! Whether state that was written with one schema can be read with another: one table of rules, used by a
//! restore and by `spt validate --against`.
//!
//! ```text
//! field added        if it may be null, or has a default       field removed, moved   always
//! field renamed      if the new one names the old as alias     made optional          always
//! int, uint, float   wider; or a float that holds it exactly   enum name added        always
//! decimal            more digits before or behind the point
//! everything else    refused, with the `spt migrate` argument that would help
//! ```
//!
//! Keys, namespaces, map keys and the elements of sets may only have their fields renamed: another type is
//! another hash, or another order.

mod adopt;
mod aliases;
mod compare;
mod reading;
mod rules;
mod verdict;

pub use adopt::adopt;
pub use aliases::Aliases;
pub use compare::{compare, compare_states};
pub use reading::Reading;
pub use verdict::{Change, Refusal, Verdict};
