//! A job's configuration: Flink's own keys where they exist, from three layers.
//!
//! ```text
//! -D key=value   >   SPT_* environment   >   YAML file   >   default
//!     (flag)         (SPT_PARALLELISM)       (nested or flat)
//! ```
//!
//! Every value is parsed when it is loaded, so a typo is reported with its place before a job starts.
//! An unknown key is a warning, with the known key that looks most like it.

mod duration;
mod environment;
mod layers;
pub mod options;
mod values;
mod yaml;

#[cfg(test)]
mod tests;

pub use duration::{format_duration, parse_duration};
pub use environment::{variable_name, variable_names};
pub use layers::{Configuration, Layers, Origin};
pub use options::{ConfigOption, nearest};
pub use values::{ClaimMode, NonRestored, PendingOutput, RestartStrategy, RetainedCheckpoints};
