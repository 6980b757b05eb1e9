//! Values and rows come into the model here, with the same meaning in which they leave it.
//!
//! ```text
//! NDJSON ─► objects ─────────────────┐
//! CSV ────► records ─► objects ──────┴─► columns of the state's types ─┐
//! Parquet, Arrow ─► columns ─► cast ───────────────────────────────────┴─► key groups, sort, unique ─► sink
//! ```

mod arrow_table;
mod check;
mod csv;
mod csv_table;
mod description;
mod far;
mod file;
mod from_json;
mod from_text;
mod index;
mod json_table;
mod lines;
mod names;
mod parse;
mod request;
mod rows;
mod upsert;
mod write;

pub use description::{TABLE_KEY, TableDescription};
pub use file::{FileFormat, TableFile};
pub use from_json::array_from_json;
pub use from_text::{array_from_text, json_from_text};
pub use index::{IndexedTable, TABLES_INDEX, TABLES_SCHEMA, TablesIndex};
pub use names::ColumnNames;
pub use request::StateRequest;
pub use write::{Import, ImportMode, Imported, StateFiles};
