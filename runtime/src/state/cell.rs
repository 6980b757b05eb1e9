//! What a table holds for a key and namespace, and how that becomes rows: one for a value, one per element
//! of a list, one per entry of a map, one per timer.

use std::ops::Range;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use spt_format::{Aliases, Column, Error, Result, StateSchema};

use super::column::{State, StateBuilder, StateReader};
use super::payload::{Payload, PayloadColumns, PayloadRows};

/// The content of one key and namespace.
pub trait Cell: Clone + Send + Sync + 'static {
    /// Collects the cell's columns.
    type Columns: CellColumns<Self>;
    /// Reads them back.
    type Rows: CellRows<Self>;
    /// Every cell takes one row.
    const IS_ONE_ROW: bool = false;

    /// Adds the types of the cell's columns to a schema that has the key's.
    fn describe(schema: &mut StateSchema);

    /// Adds what fields of these columns were called before.
    fn aliases(aliases: &mut Aliases);

    /// Rows it takes in the state's table.
    fn rows(&self) -> usize;
}

/// Builds the columns that follow key and namespace.
pub trait CellColumns<C>: Send {
    /// Empty columns as the table's schema has them.
    ///
    /// # Errors
    /// If the schema lacks one.
    fn new(schema: &Schema, capacity: usize) -> Result<Self>
    where
        Self: Sized;

    /// Appends some of a cell's rows.
    fn append(&mut self, cell: &C, rows: Range<usize>);

    /// Bytes collected so far.
    fn bytes(&self) -> usize;

    /// The arrays in table order.
    ///
    /// # Errors
    /// As [`StateBuilder::finish`].
    fn finish(&mut self) -> Result<Vec<ArrayRef>>;
}

/// Reads cells from the rows of a batch.
pub trait CellRows<C>: Send {
    /// Binds to the columns of a batch.
    ///
    /// # Errors
    /// If one is missing or of another type.
    fn new(batch: &RecordBatch) -> Result<Self>
    where
        Self: Sized;

    /// The cell that begins with this row.
    ///
    /// # Errors
    /// If the row's values are not those of a cell's first row.
    fn first(&self, row: usize) -> Result<C>;

    /// Adds a further row of the same key and namespace.
    ///
    /// # Errors
    /// If the cell cannot have a further row, or not this one.
    fn next(&self, row: usize, cell: &mut C) -> Result<()>;
}

/// The builder of one named column.
pub(super) fn builder<T: State>(schema: &Schema, column: Column, capacity: usize) -> Result<T::Builder> {
    let field = schema.field_with_name(column.name()).map_err(super::column::arrow_error)?;
    Ok(T::Builder::new(field.data_type(), capacity))
}

/// The column of a batch.
pub(super) fn column(batch: &RecordBatch, column: Column) -> Result<&ArrayRef> {
    let name = column.name();
    batch.column_by_name(name).ok_or_else(|| Error::invalid(format!("column {name:?} is missing")))
}

/// The reader of one named column.
pub(super) fn reader<T: State>(batch: &RecordBatch, name: Column) -> Result<T::Reader> {
    T::Reader::new(column(batch, name)?.as_ref())
        .map_err(|error| error.within(format!("column {:?}", name.name())))
}

/// A single value: value, reducing and aggregating state.
impl<P: Payload> Cell for P {
    type Columns = Single<P::Columns>;
    type Rows = Single<P::Rows>;
    const IS_ONE_ROW: bool = true;

    fn describe(schema: &mut StateSchema) {
        P::describe(schema);
    }

    fn aliases(aliases: &mut Aliases) {
        P::aliases(aliases);
    }

    fn rows(&self) -> usize {
        1
    }
}

/// The columns of single values.
pub struct Single<T>(T);

impl<P: Payload> CellColumns<P> for Single<P::Columns> {
    fn new(schema: &Schema, capacity: usize) -> Result<Self> {
        P::Columns::new(schema, capacity).map(Self)
    }

    fn append(&mut self, cell: &P, _: Range<usize>) {
        self.0.append(cell);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>> {
        self.0.finish()
    }
}

impl<P: Payload> CellRows<P> for Single<P::Rows> {
    fn new(batch: &RecordBatch) -> Result<Self> {
        P::Rows::new(batch).map(Self)
    }

    fn first(&self, row: usize) -> Result<P> {
        self.0.get(row)
    }

    fn next(&self, _: usize, _: &mut P) -> Result<()> {
        Err(Error::invalid("a second row for the same key and namespace"))
    }
}
