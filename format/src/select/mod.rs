//! Which operator, which state, which rows: what a person means by the words they type.

mod key;
mod name;
mod named;
mod path;
mod predicate;
mod projection;
mod query;
mod splits;

pub use key::KeyFilter;
pub use name::{find_operator, find_operator_by_prefix, find_state};
pub use named::NamedSource;
pub use predicate::Predicate;
pub use projection::Projection;
pub use query::{RowQuery, SelectedRows};
pub use splits::Splits;
