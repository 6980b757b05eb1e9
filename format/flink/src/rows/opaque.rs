//! Counts rows with a value that is shown by its bytes, batch by batch. A field that may be opaque often is
//! not: Kryo's collections are understood unless they hold a class of the job's own.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Field, Logical, Result, RowStream, StateSchema, Type};

/// Rows whose opaque ones are counted.
pub(crate) struct Counted {
    rows: Box<dyn RowStream>,
    /// The columns in which something may be opaque.
    fields: Vec<Field>,
    found: u64,
}

impl Counted {
    /// Something in such a state may be opaque.
    pub(crate) fn is_needed(schema: &StateSchema) -> bool {
        schema.parts().any(|(_, field)| field.has_opaque())
    }

    /// Every row of such a state has something opaque: a whole key or value that is never null.
    pub(crate) fn is_every_row(schema: &StateSchema) -> bool {
        let is_opaque = |field: &Field| matches!(field.logical, Some(Logical::Opaque(_))) && !field.nullable;
        schema.parts().any(|(_, field)| is_opaque(field))
    }

    /// Counts in these rows.
    pub(crate) fn new(rows: Box<dyn RowStream>, schema: &StateSchema) -> Self {
        let fields = schema.parts().map(|(_, field)| field).filter(|field| field.has_opaque());
        Self { rows, fields: fields.cloned().collect(), found: 0 }
    }

    fn count(&mut self, batch: &RecordBatch) {
        let mut opaque = vec![false; batch.num_rows()];
        for field in &self.fields {
            if let Some(column) = batch.column_by_name(&field.name) {
                mark(field, column, &mut opaque);
            }
        }
        self.found += opaque.iter().filter(|opaque| **opaque).count() as u64;
    }
}

/// Marks the values of which something is opaque.
fn mark(field: &Field, array: &ArrayRef, marks: &mut [bool]) {
    if matches!(field.logical, Some(Logical::Opaque(_))) {
        marks.iter_mut().enumerate().for_each(|(row, mark)| *mark |= array.is_valid(row));
        return;
    }
    if !field.has_opaque() {
        return;
    }
    match &field.ty {
        Type::Struct(fields) => {
            let columns = array.as_struct_opt().map(|array| array.columns()).unwrap_or_default();
            fields.iter().zip(columns).for_each(|(field, column)| mark(field, column, marks));
        }
        Type::List(element) => {
            if let Some(array) = array.as_list_opt::<i32>() {
                mark_runs(element, array.values(), array.value_offsets(), marks);
            }
        }
        Type::Map { key, value } => {
            if let Some(array) = array.as_map_opt() {
                mark_runs(key, array.keys(), array.value_offsets(), marks);
                mark_runs(value, array.values(), array.value_offsets(), marks);
            }
        }
        _ => {}
    }
}

/// The same for values that are made of runs of others.
fn mark_runs(field: &Field, values: &ArrayRef, ends: &[i32], marks: &mut [bool]) {
    let mut inner = vec![false; values.len()];
    mark(field, values, &mut inner);
    for (run, mark) in ends.windows(2).zip(marks) {
        let &[start, end] = run else { continue };
        let run = inner.get(start as usize..end as usize).unwrap_or_default();
        *mark |= run.contains(&true);
    }
}

impl Iterator for Counted {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        if let Ok(batch) = &batch {
            self.count(batch);
        }
        Some(batch)
    }
}

impl RowStream for Counted {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness().and(Completeness { rows_opaque: self.found, ..Completeness::default() })
    }
}
