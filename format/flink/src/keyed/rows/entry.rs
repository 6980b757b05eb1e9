//! Entries of canonical files and of databases: a composite key, and a value with a length.
//!
//! ```text
//! composite key   key group | key | length of key | namespace | length of namespace | key in the map
//!                 1 or 2 B          └ only if key and namespace both vary in length ┘
//! timer           key group | timestamp | key | namespace
//! value           a value | elements with a byte between each | bool is null, value | nothing
//! ```
//!
//! # Source
//! Flink, `SerializedCompositeKeyBuilder`, `ListDelimitedSerializer`.

use spt_format::{Cursor, Result, ResultExt, StateKind};

use super::KeyedRows;
use crate::serializers::values::{Tail, append, is_unsupported, shows_its_end};

/// How far an entry got: a long list fills more than one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    position: usize,
    index: u64,
}

impl KeyedRows {
    /// Adds the rows of one entry of a canonical file or of a RocksDB database.
    ///
    /// Returns `None` once the whole entry is in. Otherwise the rows are full: take a batch and go on with
    /// the progress that was returned. An entry that cannot be shown is counted as unread.
    ///
    /// # Errors
    /// For bytes that are damaged; nothing of the entry was added by this call then.
    pub fn append_entry(&mut self, key: &[u8], value: &[u8], progress: Progress) -> Result<Option<Progress>> {
        let before = self.len();
        let result = match self.table.kind {
            StateKind::Timer => self.timer_entry(key, value).map(|()| None),
            StateKind::List => self.list_entry(key, value, progress),
            _ => self.single_entry(key, value).map(|()| None),
        };
        if self.table.kind != StateKind::List {
            self.grew(before, key.len() + value.len());
        }
        self.settle(before, result.map_err(|error| error.within(format!("state {:?}", self.table.name))))
    }

    /// Takes away the rows of an entry that failed, and counts it if it is merely not understood.
    fn settle<T>(&mut self, before: usize, result: Result<Option<T>>) -> Result<Option<T>> {
        match result {
            Ok(progress) => Ok(progress),
            Err(error) => {
                self.truncate(before);
                if is_unsupported(&error) {
                    self.count_unread(1, error);
                    return Ok(None);
                }
                Err(error)
            }
        }
    }

    /// The key group at the start of a composite key.
    fn key_group(&self, key: &mut Cursor<'_>) -> Result<u16> {
        match self.prefix_bytes {
            1 => key.u8().map(u16::from),
            _ => key.u16_be(),
        }
    }

    /// Everything of a composite key but the key in the map.
    fn composite_key(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let key_group = self.key_group(cursor)?;
        // What follows the key has a known length, unless a key in the map does.
        let open = self.table.map_key.is_some() || self.ambiguous;
        let tail = |length: Option<usize>| if open { None } else { length };
        let start = cursor.position();
        append(&self.table.key, &mut self.key, cursor, tail(self.namespace_bytes)).within(|| "key")?;
        self.length_suffix(start, cursor)?;
        let start = cursor.position();
        self.namespace(cursor, tail(Some(0)))?;
        self.length_suffix(start, cursor)?;
        self.key_groups.push(key_group);
        Ok(())
    }

    /// The length of what began at `start`, low byte first, if lengths are written.
    fn length_suffix(&self, start: usize, cursor: &mut Cursor<'_>) -> Result<()> {
        if !self.ambiguous {
            return Ok(());
        }
        let place = cursor.clone();
        let mut length = cursor.position() - start;
        loop {
            if cursor.u8()? != (length & 0xFF) as u8 {
                return Err(place.invalid("another length stands behind a part of a key than the part has"));
            }
            length >>= 8;
            if length == 0 {
                return Ok(());
            }
        }
    }

    /// One row: a value, or one entry of a map.
    fn single_entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut key = Cursor::new(key);
        let mut value = Cursor::new(value);
        self.composite_key(&mut key)?;
        if let (Some(data_type), Some(column)) = (&self.table.map_key, &mut self.map_key) {
            append(data_type, column, &mut key, Some(0)).within(|| "map key")?;
        }
        key.end("key")?;
        let null = self.table.kind == StateKind::Map && value.bool("null flag of a map's value")?;
        if null {
            return self.null_value(&value);
        }
        self.value(&mut value, Some(0)).within(|| "value")?;
        value.end("value").within(|| "value")
    }

    /// A row per element. Elements are read one after the other: the byte between them may occur inside.
    fn list_entry(&mut self, key: &[u8], value: &[u8], progress: Progress) -> Result<Option<Progress>> {
        let Progress { position, mut index } = progress;
        let mut value = Cursor::at(value.get(position..).unwrap_or_default(), position as u64);
        while !value.is_empty() {
            if self.is_full() {
                return Ok(Some(Progress { position: value.offset() as usize, index }));
            }
            let (key_bytes, start) = (key.len(), value.position());
            let mut key = Cursor::new(key);
            self.composite_key(&mut key)?;
            key.end("key")?;
            self.index.push(index);
            let tail = self.tail_of_element(&value);
            self.value(&mut value, tail).within(|| format!("element {index}"))?;
            index += 1;
            self.grew(self.len() - 1, key_bytes + value.position() - start);
            if !value.is_empty() {
                value.u8()?;
                if value.is_empty() {
                    return Err(value.invalid("a list ends with a delimiter"));
                }
            }
        }
        Ok(None)
    }

    /// An element of unknown length can only be shown together with those behind it.
    fn tail_of_element(&self, element: &Cursor<'_>) -> Tail {
        let mut value = element.clone();
        if self.table.ttl.is_some() {
            value.i64_be().ok()?;
        }
        let data_type = self.table.value.as_ref()?;
        (!shows_its_end(data_type, &value)).then_some(0)
    }

    /// A timer is all key; its value is empty.
    fn timer_entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut key = Cursor::new(key);
        let key_group = self.key_group(&mut key)?;
        self.timer_in_line(key_group, &mut key, Some(0))?;
        key.end("timer")?;
        Cursor::new(value).end("value of a timer")
    }
}
