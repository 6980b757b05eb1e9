//! Windows: what of a keyed stream belongs together in time.
//!
//! ```text
//! record ─► its windows ─► contents of (key, window) ─── the clock passes the window's end ─► result
//!                │                                       └─ and then the lateness: contents are gone
//!                └─ all of them are gone: the record is late
//! ```

mod assign;
mod contents;
mod core;
mod head;
mod join;

pub use assign::Windows;
pub(crate) use contents::{
    Aggregated, Apply, Collected, EmitKeyed, EmitResult, EmitValue, Fill, Folded, Reduced, WindowResult,
};
pub(crate) use core::WindowTerms;
pub(crate) use head::Window;
pub(crate) use join::{Group, Joined};
