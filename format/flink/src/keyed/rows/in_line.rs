//! Entries of heap files, which have no lengths: namespace, key, and a value, or a timer.
//!
//! ```text
//! state   namespace | key | value     list: i32 n | n elements     map: i32 n | n × (key | bool is null, value)
//! timer   timestamp | key | namespace
//! ```
//!
//! # Source
//! Flink, `HeapSnapshotStrategy`, `CopyOnWriteStateMapSnapshot`.

use spt_format::{Cursor, Result, ResultExt, StateKind};

use super::KeyedRows;
use crate::serializers::FlinkType;
use crate::serializers::values::{Tail, append};

impl KeyedRows {
    /// Adds the row of one entry of a heap file, which a cursor over the file's bytes stands at.
    ///
    /// Where a value does not tell its end, `tail` may.
    ///
    /// # Errors
    /// For bytes that are damaged, not all there, or of a value whose end cannot be found. Nothing was added
    /// then.
    pub(crate) fn append_in_line(
        &mut self,
        key_group: u16,
        cursor: &mut Cursor<'_>,
        tail: Tail,
    ) -> Result<()> {
        self.all_or_nothing(cursor, |rows, cursor| match rows.table.kind {
            StateKind::Timer => rows.timer_in_line(key_group, cursor, tail),
            _ => {
                rows.namespace_and_key(key_group, cursor)?;
                rows.value(cursor, tail).within(|| "value")
            }
        })
    }

    /// Adds the row of one entry of a heap file that ends where the cursor does.
    ///
    /// # Errors
    /// As [`KeyedRows::append_in_line`], and for bytes behind it.
    pub(crate) fn append_whole(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        let before = self.len();
        let appended = self.append_in_line(key_group, cursor, Some(0)).and_then(|()| cursor.end("entry"));
        appended.inspect_err(|_| self.truncate(before))
    }

    /// Entries of a heap file hold a whole list or map each, a row per element.
    pub(crate) fn is_collection(&self) -> bool {
        matches!(self.table.kind, StateKind::List | StateKind::Map)
    }

    /// Reads what stands before the elements of a list or map in a heap file: namespace and key, as bytes, and
    /// the number of elements.
    ///
    /// # Errors
    /// As [`KeyedRows::append_in_line`].
    pub(crate) fn collection_head(&mut self, cursor: &mut Cursor<'_>) -> Result<(Vec<u8>, u32)> {
        let start = cursor.clone();
        let rows = self.len();
        let head = self.namespace_and_key(0, cursor);
        self.truncate(rows);
        head?;
        let length = cursor.position() - start.position();
        let place = cursor.clone();
        let count = cursor.i32_be()?;
        let count = u32::try_from(count).map_err(|_| place.invalid(format!("{count} elements")))?;
        Ok((start.rest().get(..length).unwrap_or_default().to_vec(), count))
    }

    /// Adds the row of one element of a list or map in a heap file; `head` is what
    /// [`KeyedRows::collection_head`] returned.
    ///
    /// # Errors
    /// As [`KeyedRows::append_in_line`].
    pub(crate) fn append_element(
        &mut self,
        key_group: u16,
        head: &[u8],
        index: u64,
        cursor: &mut Cursor<'_>,
        tail: Tail,
    ) -> Result<()> {
        self.all_or_nothing(cursor, |rows, cursor| {
            rows.namespace_and_key(key_group, &mut Cursor::new(head))?;
            if rows.table.kind == StateKind::Map {
                return rows.map_entry_in_line(cursor, tail);
            }
            rows.index.push(index);
            rows.value(cursor, tail).within(|| format!("element {index}"))
        })
    }

    /// The elements of a list that do not tell their ends are shown as one, as in canonical files.
    pub(crate) fn joins_elements(&self) -> bool {
        self.table.kind == StateKind::List && matches!(self.table.value, Some(FlinkType::Opaque(_)))
    }

    fn all_or_nothing<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        append: impl FnOnce(&mut Self, &mut Cursor<'a>) -> Result<()>,
    ) -> Result<()> {
        let (before, start) = (self.len(), cursor.position());
        let result = append(self, cursor);
        match &result {
            Ok(()) => self.grew(before, cursor.position() - start),
            Err(_) => self.truncate(before),
        }
        result
    }

    /// `i64` timestamp with its sign bit flipped, key, namespace.
    pub(super) fn timer_in_line(
        &mut self,
        key_group: u16,
        cursor: &mut Cursor<'_>,
        tail: Tail,
    ) -> Result<()> {
        self.timestamp.push(cursor.i64_be()? ^ i64::MIN);
        let after_key = tail.zip(self.namespace_bytes).map(|(tail, length)| tail + length);
        append(&self.table.key, &mut self.key, cursor, after_key).within(|| "key")?;
        self.namespace(cursor, tail)?;
        self.key_groups.push(key_group);
        Ok(())
    }

    fn namespace_and_key(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<()> {
        self.namespace(cursor, None)?;
        append(&self.table.key, &mut self.key, cursor, None).within(|| "key")?;
        self.key_groups.push(key_group);
        Ok(())
    }

    fn map_entry_in_line(&mut self, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
        let null_key = self.table.null_keys && cursor.bool("null flag of a map's key")?;
        match (&self.table.map_key, &mut self.map_key) {
            (Some(_), Some(column)) if null_key => column.push_null(),
            (Some(data_type), Some(column)) => {
                append(data_type, column, cursor, None).within(|| "map key")?;
            }
            _ => return Err(cursor.invalid("an entry of a state that is no map")),
        }
        match cursor.bool("null flag of a map's value")? {
            true => self.null_value(cursor),
            false => self.value(cursor, tail).within(|| "value"),
        }
    }
}
