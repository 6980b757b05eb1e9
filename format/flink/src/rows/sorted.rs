//! Rows in the model's order, where the stored order is another.
//!
//! Keyed rows come by key group, so a few key groups at a time are sorted: the first rows come soon, and
//! nothing is spilled unless one key group alone is larger than the memory. Other rows are sorted as a whole.
//!
//! ```text
//! stored   0 0 0 | 1 1 | 2 2 2 2 …        sorted together, once there are enough: 0 0 0 1 1
//! ```

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use arrow_schema::SchemaRef;
use spt_format::{Column, Completeness, Error, ExternalSorter, Result, RowStream, SortedRows};

/// Key groups are sorted together until they have this many rows.
const ENOUGH_ROWS: usize = 65_536;
/// So many times as many as the ones before: the first key group is sorted alone, so that rows come soon.
const MORE_ROWS: usize = 8;

/// A stream of rows, sorted.
pub(crate) struct Sorted {
    rows: Box<dyn RowStream>,
    schema: SchemaRef,
    columns: Vec<Column>,
    /// Beyond so much memory rows are spilled.
    memory_bytes: usize,
    /// Rows that are enough to be sorted next.
    enough: usize,
    /// Rows come by key group.
    by_key_group: bool,
    /// The key group of the last row that was read.
    last_group: u16,
    /// The first rows of a key group that is not complete yet.
    rest: Option<RecordBatch>,
    ready: Option<SortedRows>,
    ended: bool,
}

impl Sorted {
    /// The rows, sorted by these columns, of which the first is the key group if there is one.
    pub(crate) fn new(rows: Box<dyn RowStream>, columns: Vec<Column>, memory_bytes: usize) -> Self {
        Self {
            schema: rows.schema(),
            rows,
            by_key_group: columns.first() == Some(&Column::KeyGroup),
            columns,
            memory_bytes,
            enough: 1,
            last_group: 0,
            rest: None,
            ready: None,
            ended: false,
        }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.as_mut().and_then(Iterator::next) {
                return batch.map(Some);
            }
            if self.ended {
                return Ok(None);
            }
            self.ready = Some(self.gather()?);
        }
    }

    /// Sorts whole key groups, or everything.
    fn gather(&mut self) -> Result<SortedRows> {
        let mut sorter = ExternalSorter::new(self.schema.clone(), self.columns.clone(), self.memory_bytes);
        let (mut taken, wanted) = (0, self.enough);
        self.enough = ENOUGH_ROWS.min(wanted * MORE_ROWS);
        loop {
            let Some(batch) = self.rest.take().map(Ok).or_else(|| self.rows.next()).transpose()? else {
                self.ended = true;
                return sorter.finish();
            };
            // What is spilled is merged again, so key groups are not gathered until the memory is full.
            let enough = if sorter.held_bytes() > self.memory_bytes / 2 { 0 } else { wanted };
            let cut = if self.by_key_group { self.cut(&batch, taken, enough)? } else { None };
            taken += cut.unwrap_or(batch.num_rows());
            match cut {
                Some(rows) => {
                    sorter.push(batch.slice(0, rows))?;
                    self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
                    return sorter.finish();
                }
                None => sorter.push(batch)?,
            }
        }
    }

    /// Where the batch can be cut so that only whole key groups are before it, once there are enough rows.
    fn cut(&mut self, batch: &RecordBatch, taken: usize, enough: usize) -> Result<Option<usize>> {
        let groups = batch.column(0).as_primitive_opt::<UInt16Type>();
        let groups = groups.ok_or_else(|| Error::invalid("the first column is not the key group"))?.values();
        if !groups.is_sorted() || groups.first().is_some_and(|group| *group < self.last_group) {
            return Err(Error::invalid("key groups do not ascend"));
        }
        self.last_group = groups.last().copied().unwrap_or(self.last_group);
        let start = groups.partition_point(|group| *group < self.last_group);
        Ok((start > 0 && taken + start >= enough).then_some(start))
    }
}

impl Iterator for Sorted {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.next_batch().transpose();
        if matches!(batch, Some(Err(_))) {
            (self.ended, self.ready) = (true, None);
        }
        batch
    }
}

impl RowStream for Sorted {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness()
    }
}
