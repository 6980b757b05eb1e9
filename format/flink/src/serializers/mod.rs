//! Flink's type serializers: what a snapshot says about a type, and the values such a type writes.
//!
//! ```text
//! snapshot bytes ──► Serializer { class, FlinkType } ──► Field (the model's type) ──► columns of values
//! ```
//!
//! A snapshot is read to its last byte, and so is every value. A class that is not in the
//! [`catalogue`] becomes [`FlinkType::Opaque`]: its values keep their bytes.

mod avro;
mod basic;
mod catalogue;
mod cep;
mod collections;
mod flink_type;
mod generic;
mod hazard;
pub(crate) mod java_object;
pub(crate) mod key_hash;
mod legacy;
mod objects;
pub(crate) mod python;
mod scala;
mod snapshot;
mod sql_type;
mod streaming;
mod table;
pub(crate) mod unknown;
pub(crate) mod values;

use std::sync::Arc;

use arrow_array::ArrayRef;
use spt_format::{Cursor, Result};

pub use avro::{AvroBranch, AvroField, AvroLogical, AvroType};
pub use flink_type::{
    Either, EnumType, Field as TypeField, FlinkType, Kryo, KryoVersion, MapType, Nulls, Opaque, OpaqueEnd,
    Optional, PojoType, Record, RowType, Scalar, Sequence, Side, Subclass, Unit,
};
pub use hazard::Hazard;
pub(crate) use hazard::hazards;
pub(crate) use snapshot::SnapshotReader;
pub use sql_type::{SqlField, SqlType};

/// A type serializer, as its snapshot describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Serializer {
    /// The snapshot's class, `Class.getName()`.
    pub class: String,
    /// The version of that class.
    pub version: i32,
    /// How its values are encoded.
    pub data_type: FlinkType,
    /// The snapshot as it was read, without frame, for writing it again.
    pub bytes: Arc<[u8]>,
}

impl Serializer {
    /// Reads one framed snapshot that fills its bytes.
    ///
    /// # Errors
    /// With the byte and the chain of enclosing classes, for whatever is no snapshot of Flink 1.7 or newer.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let section = Cursor::new(bytes);
        unknown::resynchronised(&section, |cursor, unknowns| {
            let serializer = SnapshotReader::new(cursor, unknowns).framed()?;
            cursor.end("serializer snapshot")?;
            Ok(serializer)
        })
    }

    /// Decodes one value that fills its bytes, as an array of one.
    ///
    /// # Errors
    /// With the byte, and where in the value it is.
    pub fn decode(&self, bytes: &[u8]) -> Result<ArrayRef> {
        let mut column = values::Column::new(&values::field_of(&self.data_type).ty.to_arrow())?;
        values::append_whole(&self.data_type, &mut column, &mut Cursor::new(bytes))?;
        column.finish()
    }
}

/// How many of these bytes the Java object stream takes that they begin with.
///
/// # Errors
/// With the byte, if they do not begin with a whole one.
pub fn java_stream_length(bytes: &[u8]) -> Result<usize> {
    let mut cursor = Cursor::new(bytes);
    java_object::read_stream(&mut cursor)?;
    Ok(cursor.position())
}

#[cfg(test)]
mod tests;
