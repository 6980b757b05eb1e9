//! Which snapshot class means which encoding.
//!
//! The class name is the type's tag. It is looked up, never taken apart: classes of the same simple name
//! live in several packages and differ.

use spt_format::Result;

use super::flink_type::FlinkType;
use super::snapshot::{Header, SnapshotReader};
use super::{basic, cep, collections, generic, objects, scala, streaming, table};

/// Reads the body of a snapshot, `None` if no family has its class.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    let families = [
        basic::read,
        collections::read,
        objects::read,
        streaming::read,
        table::read,
        generic::read,
        scala::read,
        cep::read,
    ];
    for family in families {
        if let Some(data_type) = family(header, reader)? {
            return Ok(Some(data_type));
        }
    }
    Ok(None)
}
