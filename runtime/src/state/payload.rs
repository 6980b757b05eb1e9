//! What a value is in a table: the column `value`, and `last_access` where values have a time to live.

use arrow_array::types::TimestampMillisecondType;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use spt_format::{Aliases, Column, Result, StateSchema};

use super::cell::{builder, reader};
use super::column::{State, StateBuilder, StateReader};
use super::ttl::{Timed, now_ms};
use super::types::{NumberBuilder, NumberReader};

/// A value, an element of a list or the value of a map's entry.
pub trait Payload: Clone + Send + Sync + 'static {
    /// Collects the columns.
    type Columns: PayloadColumns<Self>;
    /// Reads them back.
    type Rows: PayloadRows<Self>;

    /// Adds the types of the columns to a schema.
    fn describe(schema: &mut StateSchema);

    /// Adds what fields of the columns were called before.
    fn aliases(aliases: &mut Aliases);
}

/// Builds the columns of payloads.
pub trait PayloadColumns<P>: Send {
    /// Empty columns as the table's schema has them.
    ///
    /// # Errors
    /// If the schema lacks one.
    fn new(schema: &Schema, capacity: usize) -> Result<Self>
    where
        Self: Sized;

    /// Appends a row.
    fn append(&mut self, payload: &P);

    /// Bytes collected so far.
    fn bytes(&self) -> usize;

    /// The arrays in table order.
    ///
    /// # Errors
    /// As [`StateBuilder::finish`].
    fn finish(&mut self) -> Result<Vec<ArrayRef>>;
}

/// Reads payloads.
pub trait PayloadRows<P>: Send {
    /// Binds to the columns of a batch.
    ///
    /// # Errors
    /// If one is missing or of another type.
    fn new(batch: &RecordBatch) -> Result<Self>
    where
        Self: Sized;

    /// The payload of a row.
    ///
    /// # Errors
    /// As [`StateReader::get`].
    fn get(&self, row: usize) -> Result<P>;
}

/// The column `value`.
pub struct ValueColumn<V: State>(V::Builder);

/// The column `value`, read.
pub struct ValueRows<V: State>(V::Reader);

impl<V: State> Payload for V {
    type Columns = ValueColumn<V>;
    type Rows = ValueRows<V>;

    fn describe(schema: &mut StateSchema) {
        schema.value = Some(V::field());
    }

    fn aliases(aliases: &mut Aliases) {
        V::aliases(Column::Value.name(), aliases);
    }
}

impl<V: State> PayloadColumns<V> for ValueColumn<V> {
    fn new(schema: &Schema, capacity: usize) -> Result<Self> {
        builder::<V>(schema, Column::Value, capacity).map(Self)
    }

    fn append(&mut self, payload: &V) {
        self.0.append(payload);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.0.finish()?])
    }
}

impl<V: State> PayloadRows<V> for ValueRows<V> {
    fn new(batch: &RecordBatch) -> Result<Self> {
        reader::<V>(batch, Column::Value).map(Self)
    }

    fn get(&self, row: usize) -> Result<V> {
        self.0.get(row)
    }
}

/// The columns `value` and `last_access`.
pub struct TimedColumns<V: State> {
    values: V::Builder,
    last_access: NumberBuilder<TimestampMillisecondType>,
}

/// The columns `value` and `last_access`, read.
pub struct TimedRows<V: State> {
    values: V::Reader,
    /// Absent in rows from before the state had a time to live: they count as touched now.
    last_access: Option<NumberReader<TimestampMillisecondType>>,
    now_ms: i64,
}

impl<V: State> Payload for Timed<V> {
    type Columns = TimedColumns<V>;
    type Rows = TimedRows<V>;

    fn describe(schema: &mut StateSchema) {
        schema.value = Some(V::field());
        schema.ttl = true;
    }

    fn aliases(aliases: &mut Aliases) {
        V::aliases(Column::Value.name(), aliases);
    }
}

impl<V: State> PayloadColumns<Timed<V>> for TimedColumns<V> {
    fn new(schema: &Schema, capacity: usize) -> Result<Self> {
        let last_access = schema.field_with_name(Column::LastAccess.name());
        let last_access = last_access.map_err(super::column::arrow_error)?;
        Ok(Self {
            values: builder::<V>(schema, Column::Value, capacity)?,
            last_access: StateBuilder::<i64>::new(last_access.data_type(), capacity),
        })
    }

    fn append(&mut self, payload: &Timed<V>) {
        self.values.append(&payload.value);
        self.last_access.append(&payload.last_access_ms);
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + self.last_access.bytes()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values.finish()?, self.last_access.finish()?])
    }
}

impl<V: State> PayloadRows<Timed<V>> for TimedRows<V> {
    fn new(batch: &RecordBatch) -> Result<Self> {
        let last_access = batch.column_by_name(Column::LastAccess.name());
        Ok(Self {
            values: reader::<V>(batch, Column::Value)?,
            last_access: last_access.map(|column| StateReader::<i64>::new(column.as_ref())).transpose()?,
            now_ms: now_ms(),
        })
    }

    fn get(&self, row: usize) -> Result<Timed<V>> {
        let last_access_ms = match &self.last_access {
            Some(times) => times.get(row)?,
            None => self.now_ms,
        };
        Ok(Timed { value: self.values.get(row)?, last_access_ms })
    }
}
