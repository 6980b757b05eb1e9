//! What the rows of a state are compared with: those of another state, read as this one's.
//!
//! ```text
//! rows of the input ─► bound to the result's schema ─► key groups of the result ─► sorted, if those changed
//! ```
//!
//! The basis only has to be the same for whoever writes a patch and whoever applies it; the nearer it comes to
//! the result, the smaller the patch. Fields are bound by name, as `diff` compares them; of those left over, by
//! id, so that a renamed field keeps its values. No value may be lost or fail on the way, or there is no basis.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt16Array};
use arrow_schema::SchemaRef;

use crate::diff::same_storage;
use crate::error::{Error, Result, ResultExt};
use crate::model::{
    Binding, Column, Completeness, Field, KeyHash, Operator, RowStream, SavepointSource, Scan, State,
    StateRef, Type, columns_of, key_group_of,
};
use crate::sort::{ExternalSorter, SortedRows};

/// Memory for sorting, before rows are spilled.
const SORT_BYTES: usize = 128 << 20;

/// How rows of one state are read as rows of another.
pub(super) struct Basis {
    place: StateRef,
    binding: Arc<Binding>,
    sort_columns: Vec<Column>,
    /// Keys get new key groups.
    regroup: Option<Regroup>,
}

#[derive(Clone)]
struct Regroup {
    key: Field,
    key_hash: KeyHash,
    max_parallelism: u32,
}

impl Basis {
    /// How the state at `place`, which is `before`, is read as `after`; `None` if it cannot be.
    pub(super) fn find(
        place: StateRef,
        (before_operator, before): (&Operator, &State),
        (after_operator, after): (&Operator, &State),
    ) -> Result<Option<Self>> {
        let sort_columns = after.schema.sort_columns(after.kind);
        if before.schema.sort_columns(before.kind) != sort_columns {
            return Ok(None);
        }
        let (from, to) = (before.schema.columns(before.kind)?, after.schema.columns(after.kind)?);
        let Some(written) = bindable(&from, &to, &sort_columns) else { return Ok(None) };
        let wanted: Vec<Field> = to.into_iter().map(|(_, field)| field).collect();
        let Ok(binding) = Binding::new(&written, &wanted) else { return Ok(None) };
        let same_groups = before_operator.max_parallelism == after_operator.max_parallelism
            && before.key_hash == after.key_hash;
        let regroup = match (&after.schema.key, after.key_hash) {
            _ if !after.kind.is_keyed() || same_groups => None,
            (Some(_), None | Some(KeyHash::Unknown)) | (None, _) => return Ok(None),
            (Some(key), Some(key_hash)) => {
                let max_parallelism = after_operator.max_parallelism;
                Some(Regroup { key: key.clone(), key_hash, max_parallelism })
            }
        };
        Ok(Some(Self { place, binding: Arc::new(binding), sort_columns, regroup }))
    }

    /// The rows are those of the state as they are: equal segments mean equal rows.
    pub(super) fn is_identity(&self) -> bool {
        self.binding.is_identity() && self.regroup.is_none()
    }

    /// Rows come in the order of the segments, which may then be read one by one.
    pub(super) fn keeps_order(&self) -> bool {
        self.regroup.is_none()
    }

    /// The state that is read.
    pub(super) fn place(&self) -> StateRef {
        self.place
    }

    /// The rows that `scan` asks for, in the result's order.
    pub(super) fn rows(&self, source: &dyn SavepointSource, scan: &Scan) -> Result<Box<dyn RowStream>> {
        let rows = source.scan(self.place, scan)?;
        let bound = Bound { rows, binding: self.binding.clone(), regroup: self.regroup.clone() };
        match &self.regroup {
            None => Ok(Box::new(bound)),
            Some(_) => Ok(Box::new(Sorted::new(bound, &self.sort_columns)?)),
        }
    }

    /// All rows, in the result's order.
    pub(super) fn all_rows(&self, source: &dyn SavepointSource) -> Result<Box<dyn RowStream>> {
        self.rows(source, &Scan { sorted: self.regroup.is_none(), ahead: true, ..Scan::default() })
    }
}

/// Rows, bound and given their key groups.
struct Bound {
    rows: Box<dyn RowStream>,
    binding: Arc<Binding>,
    regroup: Option<Regroup>,
}

impl Iterator for Bound {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| self.binding.bind(&batch)).and_then(|batch| match &self.regroup {
            None => Ok(batch),
            Some(regroup) => regroup.apply(&batch),
        }))
    }
}

impl RowStream for Bound {
    fn schema(&self) -> SchemaRef {
        self.binding.schema().clone()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness()
    }
}

/// Rows that were all read and sorted.
struct Sorted {
    schema: SchemaRef,
    rows: SortedRows,
    completeness: Completeness,
}

impl Sorted {
    fn new(mut bound: Bound, columns: &[Column]) -> Result<Self> {
        let schema = bound.schema();
        let mut sorter = ExternalSorter::new(schema.clone(), columns.to_vec(), SORT_BYTES);
        for batch in bound.by_ref() {
            sorter.push(batch?)?;
        }
        Ok(Self { schema, rows: sorter.finish()?, completeness: bound.completeness() })
    }
}

impl Iterator for Sorted {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

impl RowStream for Sorted {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        self.completeness
    }
}

impl Regroup {
    fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let [keys] = <[ArrayRef; 1]>::try_from(columns_of(batch, &[Column::Key])?)
            .map_err(|_| Error::invalid("rows have no key"))?;
        let groups: ArrayRef =
            Arc::new(key_groups(&self.key, &keys, 0..keys.len(), self.key_hash, self.max_parallelism)?);
        let schema = batch.schema();
        let is_group = |name: &str| name == Column::KeyGroup.name();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, old)| if is_group(field.name()) { &groups } else { old });
        RecordBatch::try_new(schema.clone(), columns.cloned().collect())
            .map_err(|error| Error::invalid("key groups").caused_by(error))
    }
}

/// The key groups of these keys.
pub(super) fn key_groups(
    field: &Field,
    keys: &dyn Array,
    rows: Range<usize>,
    key_hash: KeyHash,
    max_parallelism: u32,
) -> Result<UInt16Array> {
    let group = |row| {
        key_group_of(field, keys, row, max_parallelism, key_hash)
            .map(|group| group.0)
            .ok_or_else(|| Error::invalid("the key's hash cannot be computed"))
            .within(|| format!("row {row}"))
    };
    rows.map(group).collect::<Result<Vec<u16>>>().map(UInt16Array::from)
}

/// The columns of the input with the ids of those of the result that they are read as, 0 for what is left out;
/// `None` if a column by which rows are sorted is not read as it is.
fn bindable(from: &[(Column, Field)], to: &[(Column, Field)], sort: &[Column]) -> Option<Vec<Field>> {
    let counterpart = |column: Column| to.iter().find(|(found, _)| *found == column).map(|(_, field)| field);
    let mut written = Vec::with_capacity(from.len());
    for (column, field) in from {
        let bound = counterpart(*column).and_then(|after| read_as(field, after));
        if sort.contains(column) && !counterpart(*column).is_some_and(|to| same_storage(&field.ty, &to.ty)) {
            return None;
        }
        written.push(bound.unwrap_or_else(|| Field { id: 0, ..field.clone() }));
    }
    Some(written)
}

/// The field with ids such that binding reads it as `after`; `None` if some value of it might not fit.
fn read_as(before: &Field, after: &Field) -> Option<Field> {
    if before.nullable && !after.nullable {
        return None;
    }
    let ty = match (&before.ty, &after.ty) {
        (Type::Struct(olds), Type::Struct(news)) => Type::Struct(members(olds, news)?),
        (Type::List(old), Type::List(new)) => Type::List(Box::new(read_as(old, new)?)),
        (Type::Map { key, value }, Type::Map { key: new_key, value: new_value })
            if same_storage(&key.ty, &new_key.ty) =>
        {
            let (key, value) = (read_as(key, new_key)?, read_as(value, new_value)?);
            Type::Map { key: Box::new(key), value: Box::new(value) }
        }
        (old, new) if same_storage(old, new) || old.widens_to(new) => old.clone(),
        _ => return None,
    };
    // A field that is the same in all its parts stays the same: rows then pass as they are.
    Some(Field { id: after.id, ty, ..before.clone() })
}

/// The fields of a struct, those that are read with the ids of those they are read as.
fn members(olds: &[Field], news: &[Field]) -> Option<Vec<Field>> {
    let named = |name: &str| news.iter().find(|new| new.name == name);
    let renamed = |old: &Field| {
        let is_left_over = |new: &&Field| olds.iter().all(|other| other.name != new.name);
        news.iter().filter(is_left_over).find(|new| new.id == old.id)
    };
    let bind = |old: &Field| {
        let new = named(&old.name).or_else(|| renamed(old));
        new.and_then(|new| read_as(old, new)).unwrap_or_else(|| Field { id: 0, ..old.clone() })
    };
    let written: Vec<Field> = olds.iter().map(bind).collect();
    let has_value =
        |new: &Field| new.nullable || new.default.is_some() || written.iter().any(|old| old.id == new.id);
    news.iter().all(has_value).then_some(written)
}
