//! Parquet files.

use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StructArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, Fields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use spt_format::evolution::{adopt, compare};
use spt_format::{Aliases, Binding, Field, StateSchema, TimeUnit, Type};

use super::folder::cannot;
use super::record::aliases_of;
use super::{FilePosition, OpenFile, ReadFormat, Tally};
use crate::data::{Data, columns_of};
use crate::error::{Error, Result};
use crate::operators::Out;
use crate::state::{State, StateReader};

/// Rows decoded at once.
const BATCH_ROWS: usize = 1024;

/// Parquet files, whose columns are bound to the type's fields by name, by the rules of schema evolution: a type
/// may be wider than the file's, a column may have a former name, one that is absent has its default or is null.
/// A column may be declared to hold nulls where the field may not: then a null is a malformed record.
#[derive(Debug)]
pub struct ParquetRows<T>(PhantomData<fn() -> T>);

impl<T> Default for ParquetRows<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for ParquetRows<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Data + State> ReadFormat for ParquetRows<T> {
    type Item = T;
    type File = ParquetFile<T>;
    const NAME: &'static str = "parquet-files";

    fn open(&self, position: &FilePosition) -> Result<ParquetFile<T>> {
        let path = Path::new(&position.path);
        let file = File::open(path).map_err(|error| cannot("open", path, error))?;
        let failed = |what: &str| Error::failed(format!("{}: {what}", position.path));
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|error| failed("no Parquet file").caused_by(error))?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        if rows < position.offset {
            return Err(Error::refused(format!(
                "{}: {rows} rows, but {} of them had been read: it was replaced",
                position.path, position.offset
            )));
        }
        let wanted = columns_of::<T>("Parquet")?;
        let aliases = aliases_of::<T>();
        let present = known_columns(builder.schema(), &wanted, &aliases);
        let projection = ProjectionMask::roots(builder.parquet_schema(), present);
        let rows = builder
            .with_projection(projection)
            .with_batch_size(BATCH_ROWS)
            .with_offset(usize::try_from(position.offset).unwrap_or(usize::MAX))
            .build()
            .map_err(|error| failed("cannot be read").caused_by(error))?;
        let columns = FileColumns::new::<T>(&rows.schema(), &aliases)
            .map_err(|error| Error::failed(position.path.clone()).caused_by(error.full()))?;
        Ok(ParquetFile { rows, columns, decoded: None, record: PhantomData })
    }
}

/// The places of the columns that the type knows.
fn known_columns(schema: &Schema, wanted: &[Field], aliases: &Aliases) -> Vec<usize> {
    let is_known = |name: &String| {
        wanted
            .iter()
            .any(|field| field.name == *name || aliases.of(&format!("value.{}", field.name)).contains(name))
    };
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_known(field.name())).map(|(place, _)| place).collect()
}

/// How the columns of a file become a column of records.
struct FileColumns {
    /// What they are cast to: the model knows fewer types than Arrow.
    fields: Fields,
    binding: Binding,
}

impl FileColumns {
    fn new<T: State>(schema: &Schema, aliases: &Aliases) -> Result<Self> {
        let mut written = Vec::new();
        for field in schema.fields() {
            written.push(Field::from_arrow(&without_dictionary(field))?);
        }
        let declared = StateSchema::per_subtask(T::field());
        let claim = claimed(written, declared.value.as_ref(), aliases);
        let mut read = claim.clone();
        relax(&mut read);
        let stored = StateSchema::per_subtask(claim);
        let verdict = compare(&stored, &declared, aliases);
        if let Some(refusal) = verdict.refusals().first() {
            let absent = || "absent".to_owned();
            return Err(Error::failed(format!(
                "column {}: {} in the file, {} in the record: {}",
                refusal.path.trim_start_matches("value."),
                refusal.old.clone().unwrap_or_else(absent),
                refusal.new.clone().unwrap_or_else(absent),
                refusal.reason
            )));
        }
        let mut wanted = adopt(&stored, &declared, aliases);
        wanted.value.iter_mut().for_each(relax);
        let side = |schema: StateSchema| schema.value.into_iter().collect::<Vec<_>>();
        let binding = Binding::new(&side(stored), &side(wanted))?;
        match read.ty.to_arrow() {
            DataType::Struct(fields) => Ok(Self { fields, binding }),
            _ => Err(Error::failed("the file has no columns")),
        }
    }

    /// The rows as one column of records.
    fn records(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let cast = |(column, field): (&ArrayRef, &Arc<ArrowField>)| {
            cast_with_options(column, field.data_type(), &strict).map_err(unreadable)
        };
        let columns = batch.columns().iter().zip(&self.fields).map(cast).collect::<Result<Vec<_>>>()?;
        let rows = batch.num_rows();
        let records = StructArray::try_new_with_length(self.fields.clone(), columns, None, rows);
        let records: ArrayRef = Arc::new(records.map_err(unreadable)?);
        let column = ArrowField::new("value", records.data_type().clone(), true);
        let rows = RecordBatch::try_new(Arc::new(Schema::new(vec![column])), vec![records]);
        let bound = self.binding.bind(&rows.map_err(unreadable)?)?;
        bound.columns().first().cloned().ok_or_else(|| Error::failed("there is no column"))
    }
}

fn unreadable(error: ArrowError) -> Error {
    Error::failed("rows cannot be read").caused_by(error)
}

/// Text that is stored as numbers of a dictionary is text all the same.
fn without_dictionary(field: &ArrowField) -> ArrowField {
    match field.data_type() {
        DataType::Dictionary(_, value) => field.clone().with_data_type(value.as_ref().clone()),
        _ => field.clone(),
    }
}

/// The file's columns as they are compared with the type: without ids, which would be another schema's; without
/// nulls, which are looked for row by row; times in the type's resolution if it is finer; and text as the enum
/// that it is read as.
fn claimed(written: Vec<Field>, declared: Option<&Field>, aliases: &Aliases) -> Field {
    let logical = declared.and_then(|field| field.logical.clone());
    let mut claim = Field { logical, ..Field::new("value", Type::Struct(written)) };
    if let Some(declared) = declared {
        claim_field(&mut claim, declared, "value", aliases);
    }
    claim
}

fn claim_field(written: &mut Field, declared: &Field, path: &str, aliases: &Aliases) {
    written.id = 0;
    written.nullable = false;
    if written.logical.is_none() && written.ty == declared.ty {
        written.logical.clone_from(&declared.logical);
    }
    match (&mut written.ty, &declared.ty) {
        (Type::Struct(written), Type::Struct(declared)) => {
            for field in written {
                let is_it = |declared: &&Field| {
                    let former = aliases.of(&format!("{path}.{}", declared.name));
                    declared.name == field.name || former.contains(&field.name)
                };
                match declared.iter().find(is_it) {
                    Some(declared) => {
                        claim_field(field, declared, &format!("{path}.{}", declared.name), aliases);
                    }
                    None => field.visit_mut(&mut |field| field.id = 0),
                }
            }
        }
        (Type::List(written), Type::List(declared)) => {
            claim_field(written, declared, &format!("{path}.element"), aliases);
        }
        (Type::Map { key, value }, Type::Map { key: declared_key, value: declared }) => {
            claim_field(key, declared_key, &format!("{path}.key"), aliases);
            claim_field(value, declared, &format!("{path}.value"), aliases);
        }
        (Type::Timestamp { unit, zone }, Type::Timestamp { unit: declared_unit, zone: declared_zone })
            if zone.is_some() == declared_zone.is_some() && is_as_fine(*declared_unit, *unit) =>
        {
            written.ty = declared.ty.clone();
        }
        (Type::Time(unit), Type::Time(finer)) | (Type::Duration(unit), Type::Duration(finer))
            if is_as_fine(*finer, *unit) =>
        {
            written.ty = declared.ty.clone();
        }
        _ => {}
    }
}

/// Every time in the second resolution is one in the first.
fn is_as_fine(unit: TimeUnit, other: TimeUnit) -> bool {
    matches!(
        (unit, other),
        (TimeUnit::Ns, _) | (TimeUnit::Us, TimeUnit::Us | TimeUnit::Ms) | (TimeUnit::Ms, TimeUnit::Ms)
    )
}

/// Lets everything be null but the keys of maps.
fn relax(field: &mut Field) {
    field.nullable = true;
    match &mut field.ty {
        Type::Struct(fields) => fields.iter_mut().for_each(relax),
        Type::List(element) => relax(element),
        Type::Map { value, .. } => relax(value),
        _ => {}
    }
}

/// A Parquet file that is being read.
pub struct ParquetFile<T> {
    rows: ParquetRecordBatchReader,
    columns: FileColumns,
    /// Rows that are decoded and not emitted yet.
    decoded: Option<RecordBatch>,
    record: PhantomData<fn() -> T>,
}

impl<T> ParquetFile<T> {
    /// The next rows, at most `room`.
    fn next(&mut self, room: u64) -> std::result::Result<Option<RecordBatch>, ArrowError> {
        let Some(decoded) = self.decoded.take().map(Ok).or_else(|| self.rows.next()).transpose()? else {
            return Ok(None);
        };
        let now = decoded.num_rows().min(usize::try_from(room).unwrap_or(usize::MAX));
        let later = decoded.num_rows() - now;
        self.decoded = (later > 0).then(|| decoded.slice(now, later));
        Ok(Some(decoded.slice(0, now)))
    }
}

impl<T: Data + State> OpenFile for ParquetFile<T> {
    type Item = T;

    fn read(&mut self, position: &mut FilePosition, tally: &mut Tally, out: &mut Out<'_, T>) -> Result<bool> {
        let batch = self.next(out.room()).map_err(|error| {
            let place = format!("{}, below row {}", position.path, position.offset);
            Error::failed(format!("{place}: cannot be read")).caused_by(error)
        })?;
        let Some(batch) = batch else { return Ok(false) };
        let first = position.offset;
        position.offset += batch.num_rows() as u64;
        // Together they are cheap; one by one it is found which of them are none.
        if let Ok(records) = self.columns.records(&batch) {
            return emit::<T>(&records, first, tally, out).map(|()| true);
        }
        for (row, place) in (0..batch.num_rows()).zip(first..) {
            match self.columns.records(&batch.slice(row, 1)) {
                Ok(record) => emit::<T>(&record, place, tally, out)?,
                Err(error) => tally.malformed(&format!("row {place}"), error)?,
            }
        }
        Ok(true)
    }
}

fn emit<T: Data + State>(
    records: &ArrayRef,
    first: u64,
    tally: &mut Tally,
    out: &mut Out<'_, T>,
) -> Result<()> {
    let reader = T::Reader::new(records.as_ref())?;
    (0..records.len()).zip(first..).try_for_each(|(row, place)| match reader.get(row) {
        Ok(record) => {
            out.emit_ref(record.as_ref());
            Ok(())
        }
        Err(error) => tally.malformed(&format!("row {place}"), error.into()),
    })
}
