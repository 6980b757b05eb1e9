//! A Rust type as a typed column: the traits, and what their implementations share.
//!
//! ```text
//!            State::field()            the column's type, once, when the graph is built
//! &T  ──►  StateBuilder::append  ──►  Arrow array  ──►  StateReader::get  ──►  T
//! ```
//!
//! Arrays are built directly, field by field: no intermediate value, no reflection.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::{ArrowError, DataType, Fields};
use spt_format::{Aliases, Error, ErrorKind, Field, Location, Result, ResultExt, Type};

/// A type that can be kept in state: it becomes a column with its own Arrow type.
///
/// Derive it with `#[derive(State)]`; it is there for numbers, strings, options, collections, tuples, times.
pub trait State: Clone + Send + Sync + 'static {
    /// Collects values into an array.
    type Builder: StateBuilder<Self>;
    /// Gives an array's values back.
    type Reader: StateReader<Self>;
    /// The column may hold nulls, see [`Field::nullable`].
    const NULLABLE: bool = false;

    /// The column's type. Its name and ids are given by whoever places it.
    fn field() -> Field;

    /// Adds what the type's fields were called before; `at` is the path of the column.
    fn aliases(at: &str, aliases: &mut Aliases) {
        let _ = (at, aliases);
    }
}

/// Builds the array of a column from values.
pub trait StateBuilder<T: ?Sized>: Send {
    /// An empty column of this type, which is that of [`State::field`] with ids filled in.
    fn new(ty: &DataType, capacity: usize) -> Self;

    /// Appends a value.
    fn append(&mut self, value: &T);

    /// Appends the null that stands where there is no value at all, below an absent option or variant.
    fn append_null(&mut self);

    /// Bytes collected so far, roughly: what decides when a batch is large enough.
    fn bytes(&self) -> usize;

    /// The array; the builder is empty afterwards.
    ///
    /// # Errors
    /// If a list holds more elements than Arrow counts (2³¹).
    fn finish(&mut self) -> Result<ArrayRef>;
}

/// Reads the values of a column.
pub trait StateReader<T>: Send + Sized {
    /// Binds to a column.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if the column has another type.
    fn new(array: &dyn Array) -> Result<Self>;

    /// The value of a row below the array's length.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the value is null or means nothing for this type.
    fn get(&self, row: usize) -> Result<T>;
}

/// The array as the type that is expected of it.
pub fn downcast<A: Array + Clone + 'static>(
    array: &dyn Array,
    expected: &dyn std::fmt::Display,
) -> Result<A> {
    array.as_any().downcast_ref::<A>().cloned().ok_or_else(|| {
        let kind = ErrorKind::Mismatch {
            what: "column type".into(),
            found: array.data_type().to_string(),
            expected: expected.to_string(),
        };
        Error::new(kind, Location::default())
    })
}

/// Refuses a null where a value must be.
#[inline]
pub fn present(array: &impl Array, row: usize) -> Result<()> {
    match array.nulls() {
        Some(nulls) if nulls.is_null(row) => Err(absent(row)),
        _ => Ok(()),
    }
}

#[cold]
fn absent(row: usize) -> Error {
    Error::invalid(format!("row {row} is null, which its type has no place for"))
}

pub(super) fn arrow_error(error: ArrowError) -> Error {
    Error::invalid("array cannot be built").caused_by(error)
}

/// The part of a struct's builder that is not its children.
pub struct StructParts {
    fields: Fields,
    validity: NullBufferBuilder,
}

impl StructParts {
    /// Of a struct type; of any other there are no fields, and [`StructParts::finish`] fails.
    pub fn new(ty: &DataType, capacity: usize) -> Self {
        let fields = match ty {
            DataType::Struct(fields) => fields.clone(),
            _ => Fields::empty(),
        };
        Self { fields, validity: NullBufferBuilder::new(capacity) }
    }

    /// The type of a child.
    pub fn child(&self, index: usize) -> &DataType {
        self.fields.get(index).map_or(&DataType::Null, |field| field.data_type())
    }

    /// Notes a row that is there, or one that is not.
    pub fn append(&mut self, present: bool) {
        self.validity.append(present);
    }

    /// The struct array of these children.
    ///
    /// # Errors
    /// If the children do not have the types or the length that they should.
    pub fn finish(&mut self, children: Vec<ArrayRef>) -> Result<ArrayRef> {
        let array = StructArray::try_new(self.fields.clone(), children, self.validity.finish());
        Ok(Arc::new(array.map_err(arrow_error)?))
    }
}

/// The part of a struct's reader that is not its children.
#[derive(Clone)]
pub struct StructColumns {
    columns: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
}

impl StructColumns {
    /// Binds to a struct column of this many children.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if it is none, or has another number of children.
    pub fn new(array: &dyn Array, children: usize) -> Result<Self> {
        let array: StructArray = downcast(array, &format_args!("a struct of {children} fields"))?;
        if array.num_columns() != children {
            let kind = ErrorKind::Mismatch {
                what: "number of fields".into(),
                found: array.num_columns().to_string(),
                expected: children.to_string(),
            };
            return Err(Error::new(kind, Location::default()));
        }
        let (_, columns, nulls) = array.into_parts();
        Ok(Self { columns, nulls })
    }

    /// A child.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if there is none at this place; `name` is what it should be.
    pub fn column(&self, index: usize, name: &str) -> Result<&dyn Array> {
        let column = self.columns.get(index).map(AsRef::as_ref);
        column.ok_or_else(|| Error::invalid(format!("field {name:?} is missing")))
    }

    /// A reader for a child.
    ///
    /// # Errors
    /// As [`StateReader::new`], naming the child.
    pub fn child<T: State>(&self, index: usize, name: &str) -> Result<T::Reader> {
        T::Reader::new(self.column(index, name)?).within(|| format!("field {name:?}"))
    }

    /// Refuses a row that is null.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`].
    pub fn present(&self, row: usize) -> Result<()> {
        if self.is_null(row) { Err(absent(row)) } else { Ok(()) }
    }

    /// The row is null.
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

/// A struct type of named fields.
pub fn struct_type(fields: impl IntoIterator<Item = (String, Field)>) -> Type {
    Type::Struct(fields.into_iter().map(|(name, field)| field.named(name)).collect())
}
