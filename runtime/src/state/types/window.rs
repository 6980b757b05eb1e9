//! Time windows: the namespace of windowed state.

use std::cmp::Ordering;

use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use spt_format::{Field, KeyHash, Result};

use crate::state::column::{State, StateBuilder, StateReader, StructColumns, StructParts};
use crate::state::key::{Key, spt_hash};
use crate::state::types::number::{NumberBuilder, NumberReader};

/// A window of time: from `start` to before `end`, in ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeWindow {
    /// The first millisecond in it.
    pub start: i64,
    /// The first millisecond after it.
    pub end: i64,
}

impl TimeWindow {
    /// The last millisecond in it: what its timer is set to.
    pub fn last(self) -> i64 {
        self.end.saturating_sub(1)
    }
}

crate::data!(TimeWindow);

/// Builds a column of windows.
pub struct TimeWindowBuilder {
    parts: StructParts,
    starts: NumberBuilder<Int64Type>,
    ends: NumberBuilder<Int64Type>,
}

/// Reads a column of windows.
pub struct TimeWindowReader {
    columns: StructColumns,
    starts: NumberReader<Int64Type>,
    ends: NumberReader<Int64Type>,
}

impl State for TimeWindow {
    type Builder = TimeWindowBuilder;
    type Reader = TimeWindowReader;

    fn field() -> Field {
        Field::time_window()
    }
}

impl StateBuilder<TimeWindow> for TimeWindowBuilder {
    fn new(ty: &DataType, capacity: usize) -> Self {
        let parts = StructParts::new(ty, capacity);
        let (starts, ends) = (parts.child(0), parts.child(1));
        let (starts, ends) = (NumberBuilder::new(starts, capacity), NumberBuilder::new(ends, capacity));
        Self { parts, starts, ends }
    }

    fn append(&mut self, window: &TimeWindow) {
        self.parts.append(true);
        self.starts.append(&window.start);
        self.ends.append(&window.end);
    }

    fn append_null(&mut self) {
        self.parts.append(false);
        self.starts.append_null();
        self.ends.append_null();
    }

    fn bytes(&self) -> usize {
        self.starts.bytes() + self.ends.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let children = vec![self.starts.finish()?, self.ends.finish()?];
        self.parts.finish(children)
    }
}

impl StateReader<TimeWindow> for TimeWindowReader {
    fn new(array: &dyn Array) -> Result<Self> {
        let columns = StructColumns::new(array, 2)?;
        let (starts, ends) = (columns.child::<i64>(0, "start")?, columns.child::<i64>(1, "end")?);
        Ok(Self { columns, starts, ends })
    }

    fn get(&self, row: usize) -> Result<TimeWindow> {
        self.columns.present(row)?;
        Ok(TimeWindow { start: self.starts.get(row)?, end: self.ends.get(row)? })
    }
}

impl Key for TimeWindow {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = KeyHash::Spt1;

    fn key_hash(key: &Self) -> i32 {
        spt_hash::<Self>(key)
    }

    fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
        bytes.push(1);
        i64::write_key_bytes(&key.start, bytes);
        i64::write_key_bytes(&key.end, bytes);
    }

    fn order(a: &Self, b: &Self) -> Ordering {
        a.cmp(b)
    }

    fn sort_prefix(key: &Self, skip: usize) -> u64 {
        i64::sort_prefix(&key.start, skip)
    }
}
