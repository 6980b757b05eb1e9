//! How much a reader takes on trust. Always on, generous, adjustable.

use crate::error::{Error, ErrorKind, Result};
use crate::location::Location;

/// Upper bounds for what a file may claim before the reader refuses it.
///
/// Every limit guards memory or time against hostile or damaged input; none is a property of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// Bytes of a manifest or of a Flink `_metadata` that are held in memory.
    pub metadata_bytes: u64,
    /// Nesting of types, values and JSON.
    pub depth: u32,
    /// Bytes of one key or one value.
    pub value_bytes: u64,
    /// Bytes of one decompressed block, page or chunk.
    pub block_bytes: u64,
    /// Operators in one savepoint.
    pub operators: u64,
    /// States in one operator.
    pub states: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            metadata_bytes: 1 << 30,
            depth: 64,
            value_bytes: 1 << 30,
            block_bytes: 256 << 20,
            operators: 1_000_000,
            states: 100_000,
        }
    }
}

impl ReadLimits {
    /// Refuses `found` above `limit`.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`], naming `what`.
    pub fn check(what: &'static str, found: u64, limit: u64) -> Result<()> {
        if found > limit {
            return Err(Error::new(ErrorKind::LimitExceeded { what, found, limit }, Location::default()));
        }
        Ok(())
    }
}
