//! How heavy keys are: the bytes their values take, and the rows they have.
//!
//! Rows come in the model's order, so that those of one key follow each other: a running sum, and the heaviest
//! so far, is all that is kept.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::error::{Error, Result};
use crate::export::{JsonOptions, JsonValues};
use crate::model::{Column, Completeness, RowOrder, SavepointSource, Scan, StateRef, columns_of};

/// One key of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeavyKey {
    /// The key as JSON.
    pub key: String,
    /// Its key group.
    pub key_group: u16,
    /// Its rows: elements of its lists, entries of its maps, timers, over all namespaces.
    pub rows: u64,
    /// Bytes of its map keys and values, uncompressed.
    pub bytes: u64,
}

/// The heaviest keys of a state, the heaviest first, and the state as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heaviest {
    /// At most as many as were asked for.
    pub keys: Vec<HeavyKey>,
    /// Keys of the state.
    pub distinct_keys: u64,
    /// Rows of the state.
    pub rows: u64,
    /// Bytes of all map keys and values, uncompressed.
    pub bytes: u64,
    /// What could not be read.
    pub seen: Completeness,
}

/// Finds the `count` heaviest keys of a keyed state: by bytes, then by rows, then in the order of the state.
///
/// # Errors
/// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the state is not keyed; otherwise as its rows.
pub fn heaviest_keys(source: &dyn SavepointSource, place: StateRef, count: usize) -> Result<Heaviest> {
    let (_, state) = source.savepoint().state(place).ok_or_else(|| Error::not_found("the state"))?;
    let field = state.schema.key.as_ref().filter(|_| state.kind.is_keyed());
    let field = field.ok_or_else(|| Error::bad_request(format!("{} state has no keys", state.kind)))?;
    let mut scale = Scale { count, found: Heaviest::default(), open: None };
    let mut rows = source.scan(place, &Scan { sorted: true, ..Scan::default() })?;
    for batch in rows.by_ref() {
        let batch = batch?;
        if batch.num_rows() > 0 {
            let key = |batch: &RecordBatch, row: usize| {
                let keys = columns_of(batch, &[Column::Key])?;
                let keys = keys.first().ok_or_else(|| Error::invalid("rows have no key"))?;
                Ok(JsonValues::new(field, keys, JsonOptions::default())?.text(row))
            };
            scale.weigh(&batch, &key)?;
        }
    }
    let mut found = scale.finish();
    found.seen = rows.completeness();
    Ok(found)
}

/// The text of the key in a row.
type KeyText<'a> = &'a dyn Fn(&RecordBatch, usize) -> Result<String>;

struct Scale {
    count: usize,
    found: Heaviest,
    /// The key that the last batch ended with: more rows of it may come.
    open: Option<(RecordBatch, HeavyKey)>,
}

impl Scale {
    fn weigh(&mut self, batch: &RecordBatch, text: KeyText<'_>) -> Result<()> {
        let columns = [Column::KeyGroup, Column::Key];
        let bytes = batch_bytes(batch);
        let order = RowOrder::of_batches(batch, batch, &columns)?;
        let goes_on = match &self.open {
            Some((last, _)) => RowOrder::of_batches(last, batch, &columns)?.compare(0, 0).is_eq(),
            None => false,
        };
        if !goes_on && let Some((_, key)) = self.open.take() {
            self.offer(key);
        }
        let mut start = 0;
        while start < batch.num_rows() {
            let differs = |row: &usize| order.compare(start, *row).is_ne();
            let end = (start + 1..batch.num_rows()).find(differs).unwrap_or(batch.num_rows());
            let weight = bytes.get(start..end).unwrap_or_default().iter().sum();
            self.group(batch, start..end, weight, text)?;
            start = end;
        }
        Ok(())
    }

    /// The rows of one key in a batch.
    fn group(
        &mut self,
        batch: &RecordBatch,
        rows: Range<usize>,
        bytes: u64,
        text: KeyText<'_>,
    ) -> Result<()> {
        let count = rows.len() as u64;
        let is_last = rows.end == batch.num_rows();
        if let Some((_, key)) = self.open.as_mut().filter(|_| rows.start == 0) {
            key.rows += count;
            key.bytes += bytes;
            if !is_last && let Some((_, key)) = self.open.take() {
                self.offer(key);
            }
            return Ok(());
        }
        // Most keys are light: only of those that could be kept the text is made.
        if !is_last && !self.is_wanted(bytes, count) {
            self.total(bytes, count);
            return Ok(());
        }
        let groups = columns_of(batch, &[Column::KeyGroup])?;
        let groups =
            groups.first().and_then(|array| array.as_primitive_opt::<arrow_array::types::UInt16Type>());
        let key_group = groups.ok_or_else(|| Error::invalid("rows have no key group"))?.value(rows.start);
        let key = HeavyKey { key: text(batch, rows.start)?, key_group, rows: count, bytes };
        if is_last {
            self.open = Some((batch.slice(rows.start, 1), key));
        } else {
            self.offer(key);
        }
        Ok(())
    }

    fn is_wanted(&self, bytes: u64, rows: u64) -> bool {
        let lightest = self.found.keys.last().filter(|_| self.found.keys.len() >= self.count);
        self.count > 0 && lightest.is_none_or(|key| (bytes, rows) > (key.bytes, key.rows))
    }

    fn offer(&mut self, key: HeavyKey) {
        self.total(key.bytes, key.rows);
        if self.is_wanted(key.bytes, key.rows) {
            let keys = &mut self.found.keys;
            let place = keys.partition_point(|found| (found.bytes, found.rows) >= (key.bytes, key.rows));
            keys.insert(place, key);
            keys.truncate(self.count);
        }
    }

    fn total(&mut self, bytes: u64, rows: u64) {
        self.found.distinct_keys += 1;
        self.found.bytes += bytes;
        self.found.rows += rows;
    }

    fn finish(mut self) -> Heaviest {
        if let Some((_, key)) = self.open.take() {
            self.offer(key);
        }
        self.found
    }
}

/// Bytes of map key and value, row by row.
fn batch_bytes(batch: &RecordBatch) -> Vec<u64> {
    let mut sums = vec![0; batch.num_rows()];
    for column in [Column::MapKey, Column::Value] {
        let bytes = batch.column_by_name(column.name()).map(value_bytes);
        for (sum, bytes) in sums.iter_mut().zip(bytes.into_iter().flatten()) {
            *sum += bytes;
        }
    }
    sums
}

/// Bytes each value takes without any encoding; a null takes none.
fn value_bytes(array: &ArrayRef) -> Vec<u64> {
    let rows = array.len();
    let mut bytes: Vec<u64> = match array.data_type() {
        DataType::Utf8 => lengths(array.as_string::<i32>().offsets()).collect(),
        DataType::Binary => lengths(array.as_binary::<i32>().offsets()).collect(),
        DataType::FixedSizeBinary(size) => vec![size.unsigned_abs().into(); rows],
        DataType::Boolean => vec![1; rows],
        DataType::Struct(_) => {
            let mut sums = vec![0; rows];
            for column in array.as_struct().columns() {
                sums.iter_mut().zip(value_bytes(column)).for_each(|(sum, bytes)| *sum += bytes);
            }
            sums
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            within(lists.offsets(), &value_bytes(lists.values()))
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(maps.entries().clone());
            within(maps.offsets(), &value_bytes(&entries))
        }
        fixed => vec![fixed.primitive_width().unwrap_or(0) as u64; rows],
    };
    if let Some(nulls) = array.nulls() {
        bytes.iter_mut().zip(nulls).filter(|(_, valid)| !valid).for_each(|(bytes, _)| *bytes = 0);
    }
    bytes
}

fn lengths(offsets: &[i32]) -> impl Iterator<Item = u64> {
    offsets.windows(2).map(|pair| match pair {
        [start, end] => end.abs_diff(*start).into(),
        _ => 0,
    })
}

/// The sums over the elements of each list.
fn within(offsets: &[i32], elements: &[u64]) -> Vec<u64> {
    let sum = |pair: &[i32]| match pair {
        [start, end] => elements.get(*start as usize..*end as usize).unwrap_or_default().iter().sum(),
        _ => 0,
    };
    offsets.windows(2).map(sum).collect()
}
