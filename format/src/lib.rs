//! Savepoints as one model: operators, states, key groups and typed rows, whoever wrote them.

mod cursor;
mod error;
mod limits;
mod location;

pub use cursor::Cursor;
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use limits::ReadLimits;
pub use location::Location;
