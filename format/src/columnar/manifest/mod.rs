//! The manifest: the one file that makes a directory a savepoint.
//!
//! Its digest is compared first, then its version decides who reads it. Everyone else sees [`Manifest`].

mod schema;
mod seal;
mod v1;
mod wire;

use std::collections::BTreeMap;

use super::checksum::Digest;
use super::layout::DataPath;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::ReadLimits;
use crate::location::Location;
use crate::model::{KeyGroupRange, Savepoint, StateRef};

/// The newest version, which is written.
pub const VERSION: u32 = 1;

/// A savepoint's catalogue and its files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) savepoint: Savepoint,
    /// What stores each state of the catalogue.
    pub(crate) tables: BTreeMap<StateRef, Table>,
}

/// The stored form of one state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Rows are grouped by blocks of 2^`block_bits` key groups.
    pub(crate) block_bits: u32,
    /// Digest of the schema's canonical text.
    pub(crate) schema: Digest,
    /// Files in the order of their rows.
    pub(crate) parts: Vec<Part>,
}

/// A file of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) path: DataPath,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) row_groups: u32,
    /// Of its rows; `None` for states that are not keyed.
    pub(crate) key_groups: Option<KeyGroupRange>,
    pub(crate) sha256: Digest,
    /// Where the page indexes and the footer begin.
    pub(crate) tail_offset: u64,
    pub(crate) tail_sha256: Digest,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ErrorKind::NotASavepoint`] for anything that does not begin like one,
    /// [`ErrorKind::ChecksumMismatch`] or [`ErrorKind::Mismatch`] if a bit was flipped or the end is missing,
    /// [`ErrorKind::UnsupportedVersion`] and [`ErrorKind::UnsupportedFeature`] if it is newer.
    pub(crate) fn parse(bytes: &[u8], limits: &ReadLimits) -> Result<Self> {
        let (text, version) = seal::unseal(bytes)?;
        match version {
            1 => v1::read(text, limits),
            found => {
                let kind = ErrorKind::UnsupportedVersion { what: "format", found, readable: "1" };
                Err(Error::new(kind, Location::default()))
            }
        }
    }

    /// The manifest's bytes, in the newest version.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        Ok(seal::seal(v1::write(self)?).into_bytes())
    }
}

pub(crate) use schema::{canonical as canonical_schema, parse as parse_schema};
