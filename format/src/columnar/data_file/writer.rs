//! Assembles encoded row groups into a file, and learns every digest on the way.

use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::columns::FileShape;
use super::encode::EncodedRowGroup;
use super::{ROW_GROUPS_KEY, ROW_GROUPS_PER_FILE, RowGroupEntry, parquet};
use crate::columnar::checksum::DigestWriter;
use crate::columnar::layout::DataPath;
use crate::columnar::manifest::Part;
use crate::error::{Error, Result, ResultExt};
use crate::model::KeyGroupRange;
use crate::storage::{NewObject, Storage};

/// A data file that is being written.
pub(crate) struct FileWriter {
    path: DataPath,
    file: SerializedFileWriter<DigestWriter<Box<dyn NewObject>>>,
    row_groups: Vec<RowGroupEntry>,
}

impl FileWriter {
    pub(crate) fn create(storage: &dyn Storage, path: DataPath, shape: &FileShape) -> Result<Self> {
        let object = DigestWriter::new(storage.create(path.as_str())?);
        let root = shape.descriptor.root_schema_ptr();
        let file = SerializedFileWriter::new(object, root, shape.properties.clone()).map_err(parquet);
        Ok(Self { file: file.in_file(path.as_str())?, path, row_groups: Vec::new() })
    }

    /// It takes no more row groups.
    pub(crate) fn is_full(&self) -> bool {
        self.row_groups.len() == ROW_GROUPS_PER_FILE
    }

    pub(crate) fn append(&mut self, row_group: EncodedRowGroup) -> Result<()> {
        let path = self.path.clone();
        self.append_inner(row_group).in_file(path.as_str())
    }

    fn append_inner(&mut self, row_group: EncodedRowGroup) -> Result<()> {
        let EncodedRowGroup { chunks, rows, key_groups } = row_group;
        let mut target = self.file.next_row_group().map_err(parquet)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut target).map_err(parquet)?;
        }
        target.close().map_err(parquet)?;
        self.file.flush().map_err(|error| parquet(error.into()))?;
        let run = self.file.inner_mut().end_run();
        self.row_groups.push(RowGroupEntry {
            offset: run.offset,
            bytes: run.bytes,
            rows,
            key_groups,
            sha256: run.sha256,
        });
        Ok(())
    }

    /// Ends the file, which is not durable yet.
    pub(crate) fn finish(self) -> Result<(Part, Box<dyn NewObject>)> {
        let path = self.path.clone();
        self.finish_inner().in_file(path.as_str())
    }

    fn finish_inner(mut self) -> Result<(Part, Box<dyn NewObject>)> {
        let entries = serde_json::to_string(&self.row_groups);
        let entries = entries.map_err(|error| Error::invalid("row groups").caused_by(error))?;
        self.file.append_key_value_metadata(KeyValue::new(ROW_GROUPS_KEY.to_owned(), entries));
        let mut object = self.file.into_inner().map_err(parquet)?;
        let tail = object.end_run();
        let (whole, object) = object.finish();
        let key_groups: Option<Option<KeyGroupRange>> = self
            .row_groups
            .iter()
            .map(|entry| entry.key_groups)
            .reduce(|left, right| Some(left?.union(right?)));
        let part = Part {
            path: self.path,
            bytes: whole.bytes,
            rows: self.row_groups.iter().map(|entry| entry.rows).sum(),
            row_groups: self.row_groups.len() as u32,
            key_groups: key_groups.flatten(),
            sha256: whole.sha256,
            tail_offset: tail.offset,
            tail_sha256: tail.sha256,
        };
        Ok((part, object))
    }
}
