//! State: Rust types as typed columns, and tables of them that are snapshot while they change.
//!
//! ```text
//! State   a type as a column            Key    what a table is partitioned, looked up and sorted by
//! Cell    what a key holds, as rows     KeyedTable ──freeze──► Frozen ──► sorted RecordBatches
//!                                            ▲────────────────restore────────────────┘
//! ```

mod arena;
mod cell;
mod column;
#[doc(hidden)]
pub mod derive;
mod key;
mod table;
mod types;

pub use arena::{KeyArena, TextArena};
pub use cell::{Cell, CellColumns, CellRows, ValueColumn, ValueRows};
pub use column::{
    State, StateBuilder, StateReader, StructColumns, StructParts, downcast, present, struct_type,
};
pub use key::{
    Key, Place, both, common_prefix_of_bytes, java_hash_long, sort_prefix_of_bytes, spt_hash, write_escaped,
    write_fixed,
};
pub use spt_derive::{Key, State};
pub use table::{Batches, Frozen, KeyedTable};
pub use types::{Bytes, Uuid};
