//! Rows leave the model here: as JSON lines for programs and people, as tables for other tools.

mod big_text;
mod json_changes;
mod json_rows;
mod json_table;
mod json_text;
mod json_value;
mod pickle;
mod time_text;

pub use json_changes::JsonChanges;
pub use json_rows::JsonRows;
pub use json_table::write_json_table;
pub use json_value::{Int64Style, JsonOptions, JsonValues, PickleStyle};
pub use time_text::instant_text;
pub(crate) use time_text::write_date;
