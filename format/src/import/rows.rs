//! From rows in any order to the table of a state: key groups computed, sorted, unique, places counted.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::SchemaRef;

use crate::error::{Error, Result, ResultExt};
use crate::export::{JsonOptions, JsonValues};
use crate::model::{Column, Field, KeyHash, Operator, RowOrder, State, StateKind, key_group_of};
use crate::sort::{ExternalSorter, SortedRows};

/// Collects the rows of one state.
pub(super) struct RowCollector<'a> {
    operator: &'a Operator,
    state: &'a State,
    schema: SchemaRef,
    columns: Vec<(Column, Field)>,
    sorter: ExternalSorter,
    /// When rows that do not tell were touched last.
    as_of_ms: i64,
    rows: u64,
}

impl<'a> RowCollector<'a> {
    pub(super) fn new(
        operator: &'a Operator,
        state: &'a State,
        as_of_ms: i64,
        memory_bytes: usize,
    ) -> Result<Self> {
        let schema = state.schema.to_arrow(state.kind)?;
        let sorter = ExternalSorter::new(schema.clone(), state.schema.sort_columns(state.kind), memory_bytes);
        let columns = state.schema.columns(state.kind)?;
        Ok(Self { operator, state, schema, columns, sorter, as_of_ms, rows: 0 })
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes rows that have the state's columns by name, but those that can be computed.
    ///
    /// # Errors
    /// If a column is missing; with the row's place if a key has no key group.
    pub(super) fn push(&mut self, rows: &RecordBatch, place: &dyn Fn(usize) -> String) -> Result<()> {
        let arrays = self.columns.iter().map(|(column, field)| self.column(*column, field, rows, place));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|error| Error::bad_request("rows").caused_by(error))?;
        self.rows += batch.num_rows() as u64;
        self.sorter.push(batch)
    }

    fn column(
        &self,
        column: Column,
        field: &Field,
        rows: &RecordBatch,
        place: &dyn Fn(usize) -> String,
    ) -> Result<ArrayRef> {
        let found = rows.column_by_name(column.name()).cloned();
        let count = rows.num_rows();
        match (column, found) {
            (Column::KeyGroup, given) => self.key_groups(rows, given, place),
            (Column::Subtask, Some(given)) => self.subtasks(given, place),
            (Column::Domain, Some(given)) => domains(given, place),
            (_, Some(given)) => Ok(given),
            (Column::Subtask, None) => Ok(Arc::new(UInt32Array::from(vec![0; count]))),
            (Column::Index, None) => {
                Ok(Arc::new(UInt64Array::from_iter_values(self.rows..self.rows + count as u64)))
            }
            (Column::LastAccess, None) => {
                let times = TimestampMillisecondArray::from(vec![self.as_of_ms; count]);
                Ok(Arc::new(times.with_data_type(field.ty.to_arrow())))
            }
            (column, None) => Err(Error::bad_request(format!("there is no column {:?}", column.name()))),
        }
    }

    /// The key group of each key; as given where only the job could compute it.
    fn key_groups(
        &self,
        rows: &RecordBatch,
        given: Option<ArrayRef>,
        place: &dyn Fn(usize) -> String,
    ) -> Result<ArrayRef> {
        let groups = self.operator.max_parallelism;
        let hash = self.state.key_hash.unwrap_or(KeyHash::Unknown);
        if hash == KeyHash::Unknown {
            let given = given.ok_or_else(|| {
                Error::bad_request("only the job knows the hash of these keys: a column key_group is needed")
            })?;
            let numbers = given.as_primitive_opt::<arrow_array::types::UInt16Type>();
            let outside = numbers
                .and_then(|numbers| numbers.values().iter().position(|group| u32::from(*group) >= groups));
            return match outside {
                None => Ok(given),
                Some(row) => {
                    Err(Error::bad_request(format!("key group above {}", groups - 1))).within(|| place(row))
                }
            };
        }
        let key = self.state.schema.key.as_ref().zip(rows.column_by_name(Column::Key.name()));
        let (field, keys) = key.ok_or_else(|| Error::bad_request("there is no column \"key\""))?;
        let group = |row: usize| {
            let group = key_group_of(field, keys, row, groups, hash).map(|group| group.0);
            let none = || Error::bad_request(format!("a key of type {field} has no {} hash", hash.name()));
            group.ok_or_else(none).within(|| place(row))
        };
        let numbers = (0..rows.num_rows()).map(group).collect::<Result<Vec<u16>>>()?;
        Ok(Arc::new(UInt16Array::from(numbers)))
    }

    fn subtasks(&self, given: ArrayRef, place: &dyn Fn(usize) -> String) -> Result<ArrayRef> {
        let count = self.operator.parallelism;
        let numbers = given.as_primitive_opt::<arrow_array::types::UInt32Type>();
        let outside =
            numbers.and_then(|numbers| numbers.values().iter().position(|subtask| *subtask >= count));
        match outside {
            None => Ok(given),
            Some(row) => {
                let what = format!("a subtask beyond the operator's parallelism, which is {count}");
                Err(Error::bad_request(what)).within(|| place(row))
            }
        }
    }

    /// All rows in the model's order. The places of elements are counted anew.
    ///
    /// # Errors
    /// If spilled rows cannot be read back; from the iterator, if a key comes twice.
    pub(super) fn finish(self) -> Result<UniqueRows> {
        let table = Table::of(self.state)?;
        Ok(UniqueRows { rows: self.sorter.finish()?, table, last: None })
    }
}

fn domains(given: ArrayRef, place: &dyn Fn(usize) -> String) -> Result<ArrayRef> {
    let texts: Option<&StringArray> = given.as_string_opt::<i32>();
    let is_known = |text: Option<&str>| matches!(text, Some("event" | "processing"));
    match texts.and_then(|texts| texts.iter().position(|text| !is_known(text))) {
        None => Ok(given),
        Some(row) => Err(Error::bad_request("a timer's domain is event or processing")).within(|| place(row)),
    }
}

/// What of a state's table matters to sorted rows.
struct Table {
    schema: SchemaRef,
    sort_columns: Vec<Column>,
    /// Columns within whose equal rows the index counts.
    counted_within: Option<Vec<Column>>,
    columns: Vec<(Column, Field)>,
}

impl Table {
    fn of(state: &State) -> Result<Self> {
        let sort_columns = state.schema.sort_columns(state.kind);
        let has_index = state.kind == StateKind::List || state.kind.is_per_subtask();
        let mut within = sort_columns.clone();
        within.retain(|column| *column != Column::Index);
        Ok(Self {
            schema: state.schema.to_arrow(state.kind)?,
            sort_columns,
            counted_within: has_index.then_some(within),
            columns: state.schema.columns(state.kind)?,
        })
    }

    /// Row `row` as JSON members of what identifies it.
    fn describe(&self, batch: &RecordBatch, row: usize) -> Result<String> {
        let mut parts = Vec::new();
        for (column, field) in &self.columns {
            if *column != Column::KeyGroup && self.sort_columns.contains(column) {
                let array = batch.column_by_name(column.name());
                let array = array.ok_or_else(|| Error::invalid("a column is missing"))?;
                let text = JsonValues::new(field, array, JsonOptions::default())?.text(row);
                parts.push(format!("{} {text}", column.name()));
            }
        }
        Ok(parts.join(", "))
    }
}

/// Sorted rows, each of which is there once.
pub(super) struct UniqueRows {
    rows: SortedRows,
    table: Table,
    /// The last row of the batch before, and how many elements its list had.
    last: Option<(RecordBatch, u64)>,
}

impl UniqueRows {
    fn check(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let columns = &self.table.sort_columns;
        let order = RowOrder::of_batches(&batch, &batch, columns)?;
        let before = match &self.last {
            Some((last, _)) => RowOrder::of_batches(last, &batch, columns)?.compare(0, 0).is_eq(),
            None => false,
        };
        let twice = if before {
            Some(0)
        } else {
            (1..batch.num_rows()).find(|row| order.compare(row - 1, *row).is_eq())
        };
        if let Some(row) = twice {
            let what = format!("{} comes twice", self.table.describe(&batch, row)?);
            return Err(Error::bad_request(what));
        }
        self.count(batch)
    }

    /// The rows with the places of their elements counted from 0 in each list.
    fn count(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let last_row = batch.slice(batch.num_rows().saturating_sub(1), 1);
        let Some(within) = &self.table.counted_within else {
            self.last = Some((last_row, 0));
            return Ok(batch);
        };
        let order = RowOrder::of_batches(&batch, &batch, within)?;
        let mut next = match &self.last {
            Some((last, count)) if RowOrder::of_batches(last, &batch, within)?.compare(0, 0).is_eq() => {
                *count
            }
            _ => 0,
        };
        let mut places = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            if row > 0 && order.compare(row - 1, row).is_ne() {
                next = 0;
            }
            places.push(next);
            next += 1;
        }
        self.last = Some((last_row, next));
        let index: ArrayRef = Arc::new(UInt64Array::from(places));
        let schema = batch.schema();
        let arrays = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
            if field.name() == Column::Index.name() { index.clone() } else { array.clone() }
        });
        RecordBatch::try_new(self.table.schema.clone(), arrays.collect())
            .map_err(|error| Error::invalid("rows").caused_by(error))
    }
}

impl Iterator for UniqueRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self
                .rows
                .next()?
                .and_then(|batch| if batch.num_rows() == 0 { Ok(batch) } else { self.check(batch) })
            {
                Ok(batch) if batch.num_rows() == 0 => {}
                result => return Some(result),
            }
        }
    }
}
