//! Plain Java objects (POJOs), field by field.
//!
//! ```text
//! utf class | optmap fields | optmap registered subclasses | optmap other subclasses
//! field     key: utf declaring class, utf name      value: snapshot
//! ```
//!
//! # Source
//! Flink, `PojoSerializerSnapshot`, `PojoSerializerSnapshotData`.

use spt_format::{Result, ResultExt};

use super::flink_type::{Field, FlinkType, PojoType, Subclass};
use super::snapshot::{Header, SnapshotReader};
use crate::java;

/// Reads a snapshot of this family, `None` if the class belongs to another one.
pub(super) fn read(header: &Header, reader: &mut SnapshotReader<'_, '_>) -> Result<Option<FlinkType>> {
    if header.class != "org.apache.flink.api.java.typeutils.runtime.PojoSerializerSnapshot" {
        return Ok(None);
    }
    if header.version != 2 {
        return Err(reader.version("POJO serializer snapshot", header.version, "2"));
    }
    pojo(reader).map(FlinkType::Pojo).map(Some)
}

fn pojo(reader: &mut SnapshotReader<'_, '_>) -> Result<PojoType> {
    let class = java::utf(reader.cursor, "POJO class")?;
    let mut fields = Vec::new();
    for entry in reader.optional_map()? {
        let data_type = reader.in_frame(entry.value).within(|| format!("field {}", entry.name))?;
        fields.push(Field { name: entry.name, data_type });
    }
    Ok(PojoType { class, fields, registered: subclasses(reader)?, others: subclasses(reader)? })
}

fn subclasses(reader: &mut SnapshotReader<'_, '_>) -> Result<Vec<Subclass>> {
    let mut subclasses = Vec::new();
    for entry in reader.optional_map()? {
        let data_type = reader.in_frame(entry.value).within(|| format!("subclass {}", entry.name))?;
        subclasses.push(Subclass { class: entry.name, data_type });
    }
    Ok(subclasses)
}
