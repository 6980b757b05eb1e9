//! What people see: reports as tables and short texts. Nothing here reads a savepoint.

pub(crate) mod ci;
pub(crate) mod diff;
pub(crate) mod graph;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod rows;
pub(crate) mod sizes;
pub(crate) mod start;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod top;
pub(crate) mod validate;
