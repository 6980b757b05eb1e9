//! Parquet files that hold the rows of one state.
//!
//! ```text
//! "PAR1"                       ┐
//! row group 0: column chunks   ┘ segment 0   SHA-256 in the footer, under `spt.row_groups`
//! row group 1                  ─ segment 1
//! …
//! page indexes                 ┐
//! footer (Thrift)              │ tail        SHA-256 in the manifest
//! length of the footer, "PAR1" ┘
//! ```

pub(super) mod canonical;
pub(super) mod columns;
pub(super) mod encode;
pub(super) mod pages;
pub(super) mod reader;
pub(super) mod row_groups;
pub(super) mod sizes;
pub(super) mod thrift;
pub(super) mod writer;

use serde::{Deserialize, Serialize};

use super::checksum::Digest;
use crate::error::Error;
use crate::model::KeyGroupRange;

/// Key of the footer's metadata under which the row groups' digests stand.
pub(super) const ROW_GROUPS_KEY: &str = "spt.row_groups";

/// A file ends after this many row groups.
pub(super) const ROW_GROUPS_PER_FILE: usize = 256;

/// What the footer says of a row group, as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowGroupEntry {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) key_groups: Option<KeyGroupRange>,
    pub(super) sha256: Digest,
}

/// The Parquet library's refusal, without a place yet.
pub(super) fn parquet(error: parquet::errors::ParquetError) -> Error {
    use parquet::errors::ParquetError;
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(io) => Error::io("write", crate::Location::default(), *io),
            Err(other) => Error::invalid("Parquet data is invalid").caused_by(other),
        },
        other => Error::invalid("Parquet data is invalid").caused_by(other),
    }
}

/// Arrow's refusal, without a place yet.
pub(super) fn arrow(error: arrow_schema::ArrowError) -> Error {
    match error {
        arrow_schema::ArrowError::IoError(_, io) => Error::io("read", crate::Location::default(), io),
        other => Error::invalid("data is invalid").caused_by(other),
    }
}
