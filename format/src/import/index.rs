//! The index of a folder of tables: which file holds which state.

use serde::{Deserialize, Serialize};

use super::description::TableDescription;
use super::file::FileFormat;
use crate::model::{Job, Savepoint};

/// The name of a [`TablesIndex`] in its folder.
pub const TABLES_INDEX: &str = "tables.json";
/// The `schema` of a [`TablesIndex`].
pub const TABLES_SCHEMA: &str = "spt.tables/1";

/// A savepoint as a folder of tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablesIndex {
    /// [`TABLES_SCHEMA`].
    pub schema: String,
    /// The id of the savepoint the tables came from.
    pub savepoint: String,
    /// The job it was taken of.
    pub job: Job,
    /// One table a state, in the savepoint's order.
    pub tables: Vec<IndexedTable>,
}

/// One table of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedTable {
    /// The name of its file in the folder.
    pub file: String,
    /// How the file is written.
    pub format: FileFormat,
    /// Rows of the state.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows of the state that could not be read, and are not in the file.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_unread: u64,
    /// Whose rows they are.
    #[serde(flatten)]
    pub table: TableDescription,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl TablesIndex {
    /// The index of a savepoint's tables, none of which is there yet.
    pub fn new(savepoint: &Savepoint) -> Self {
        Self {
            schema: TABLES_SCHEMA.to_owned(),
            savepoint: savepoint.id.clone(),
            job: savepoint.job.clone(),
            tables: Vec::new(),
        }
    }
}
