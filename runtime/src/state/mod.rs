//! State: Rust types as typed columns, and tables of them that are snapshot while they change.
//!
//! ```text
//! State   a type as a column            Key    what a table is partitioned, looked up and sorted by
//! Cell    what a key holds, as rows     KeyedTable ──freeze──► Frozen ──► sorted RecordBatches
//!                                            ▲────────────────restore────────────────┘
//! ```

mod arena;
mod backend;
mod broadcast;
mod cell;
mod column;
mod declaration;
#[doc(hidden)]
pub mod derive;
mod held;
mod key;
mod list;
mod map;
mod payload;
mod table;
mod timers;
mod ttl;
mod types;

pub use arena::{KeyArena, TextArena};
pub use backend::{FrozenStore, KeyedStore};
pub use broadcast::{BroadcastTable, FrozenBroadcast};
pub use cell::{Cell, CellColumns, CellRows, Single};
pub use column::{
    State, StateBuilder, StateReader, StructColumns, StructParts, downcast, present, struct_type,
};
pub use declaration::Declaration;
pub use held::{Held, Hold};
pub use key::{
    Key, Place, Places, both, common_prefix_of_bytes, java_hash_long, sort_prefix_of_bytes, spt_hash,
    write_escaped, write_fixed,
};
pub use list::{ListCell, ListColumns, ListRows};
pub use map::{MapCell, MapColumns, MapRows};
pub use payload::{Payload, PayloadColumns, PayloadRows, TimedColumns, TimedRows, ValueColumn, ValueRows};
pub use spt_derive::{Key, State};
pub use table::{BatchUpdate, Batches, Frozen, KeyedTable};
pub use timers::{Domain, Timer, TimerCell, Timers};
pub use ttl::{Timed, Touch, Ttl, now_ms};
pub use types::{Bytes, Decimal, TimeWindow, Uuid};
