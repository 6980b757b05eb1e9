//! spt's own savepoint format: one manifest and Parquet files. `SPEC.md` is its normative text.

mod adopt;
mod check;
mod checksum;
mod data_file;
mod finishing;
mod layout;
mod manifest;
mod read;
mod sink;
mod sorted;
mod write;

pub use checksum::Digest;
pub use layout::{DataPath, MANIFEST, slug};
pub use manifest::VERSION as FORMAT_VERSION;
pub(crate) use manifest::{canonical_schema, parse_schema};
pub use read::{ColumnarReader, ColumnarReaderOptions};
pub use write::{
    BlockEncoder, ColumnarStateWriter, ColumnarWriter, ColumnarWriterOptions, Committed, CommittedState,
    EncodedBlock,
};
