//! How each column is stored: `SPEC.md`, "Encodings". Everything that decides about bytes is fixed here.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::parquet as parquet_error;
use crate::error::Result;
use crate::model::{Column, State, StateKind, Type};

/// Recorded in every file. It names the writer's rules, not the program's release: equal rules, equal bytes.
const CREATED_BY: &str = "spt version 1";
/// Rows of a page at most.
const PAGE_ROWS: usize = 20_480;
/// Bytes of a page or dictionary before compression, roughly.
const PAGE_BYTES: usize = 1 << 20;

/// The Parquet schema of a state's files and how they are written.
pub(crate) struct FileShape {
    pub(crate) arrow: SchemaRef,
    pub(crate) descriptor: SchemaDescriptor,
    pub(crate) properties: WriterPropertiesPtr,
}

impl FileShape {
    pub(crate) fn of(state: &State) -> Result<Self> {
        let arrow = state.schema.to_arrow(state.kind)?;
        let descriptor = ArrowSchemaConverter::new().convert(&arrow).map_err(parquet_error)?;
        let level = ZstdLevel::try_new(1).map_err(parquet_error)?;
        let mut builder = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(Compression::ZSTD(level))
            .set_created_by(CREATED_BY.to_owned())
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_dictionary_page_size_limit(PAGE_BYTES)
            .set_write_batch_size(1024)
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(None);
        for (column, field) in state.schema.columns(state.kind)? {
            if let Some(encoding) = encoding(column, state.kind, &field.ty) {
                let path = ColumnPath::from(column.name());
                builder = builder
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, encoding);
            }
        }
        let mut properties = builder.build();
        add_encoded_arrow_schema_to_metadata(&arrow, &mut properties);
        Ok(Self { arrow, descriptor, properties: Arc::new(properties) })
    }
}

/// The encoding of a column; `None` for a dictionary. Key groups are sorted, and what a dictionary saves of long runs
/// compression saves as well, for less.
fn encoding(column: Column, kind: StateKind, ty: &Type) -> Option<Encoding> {
    match column {
        Column::KeyGroup => Some(Encoding::PLAIN),
        Column::Key => match kind {
            StateKind::Value | StateKind::Reducing | StateKind::Aggregating => encoding_of_unique(ty),
            _ => None,
        },
        Column::MapKey | Column::Index | Column::Timestamp | Column::LastAccess => encoding_of_unique(ty),
        _ => None,
    }
}

/// The encoding of values that hardly repeat.
fn encoding_of_unique(ty: &Type) -> Option<Encoding> {
    match ty {
        Type::Utf8 | Type::Binary => Some(Encoding::DELTA_BYTE_ARRAY),
        Type::Int8
        | Type::Int16
        | Type::Int32
        | Type::Int64
        | Type::UInt8
        | Type::UInt16
        | Type::UInt32
        | Type::UInt64
        | Type::Date
        | Type::Time(_)
        | Type::Timestamp { .. }
        | Type::Duration(_) => Some(Encoding::DELTA_BINARY_PACKED),
        _ => None,
    }
}
