//! The serialized parts of one state, cut out of streams where nothing but their types says how long they are.
//!
//! A heap file and a changelog write keys, namespaces and values after each other; canonical files and
//! RocksDB write a composite key and a value. This is the way from the one to the other, without decoding
//! more than it takes to find where a part ends.

use std::sync::Arc;

use spt_format::{Cursor, ErrorKind, Result, ResultExt, StateKind};

use super::table::KeyedTable;
use crate::serializers::FlinkType;
use crate::serializers::values::{Column, append, field_of};

/// What stands between the elements of a list.
const DELIMITER: u8 = b',';

/// Composite key and value, as in a canonical file.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// Cuts the parts of one state.
pub(crate) struct Parts {
    table: Arc<KeyedTable>,
    prefix_bytes: usize,
    key: Knife,
    namespace: Knife,
    map_key: Option<Knife>,
    /// A value, an element, or the value of a map's entry; with its last access.
    value: Option<Knife>,
}

/// Finds the end of a value by decoding it into a column that is emptied at once.
struct Knife {
    data_type: FlinkType,
    column: Column,
}

impl Knife {
    fn new(data_type: FlinkType) -> Result<Self> {
        let column = Column::new(&field_of(&data_type).ty.to_arrow())?;
        Ok(Self { data_type, column })
    }

    /// The bytes of the next value.
    fn cut<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        let (rest, start) = (cursor.rest(), cursor.position());
        let found = append(&self.data_type, &mut self.column, cursor, None);
        self.column.truncate(0);
        found.map(|()| rest.get(..cursor.position() - start).unwrap_or_default())
    }
}

impl Parts {
    /// The parts of a state of an operator with this max parallelism.
    ///
    /// # Errors
    /// If one of them has a type that cannot be read.
    pub(crate) fn new(table: &Arc<KeyedTable>, max_parallelism: u32) -> Result<Self> {
        let value = table.value.clone().map(|value| match table.ttl {
            Some(_) => FlinkType::Ttl(Box::new(value)),
            None => value,
        });
        Ok(Self {
            prefix_bytes: if max_parallelism > 128 { 2 } else { 1 },
            key: Knife::new(table.key.clone())?,
            namespace: Knife::new(table.namespace.clone())?,
            map_key: table.map_key.clone().map(Knife::new).transpose()?,
            value: value.map(Knife::new).transpose()?,
            table: Arc::clone(table),
        })
    }

    /// What kind of state it is.
    pub(crate) fn kind(&self) -> StateKind {
        self.table.kind
    }

    /// The key group as it stands before every composite key.
    pub(crate) fn prefix(&self, key_group: u16) -> Vec<u8> {
        let bytes = key_group.to_be_bytes();
        bytes.get(2 - self.prefix_bytes..).unwrap_or_default().to_vec()
    }

    /// The key group of a composite key.
    pub(crate) fn key_group(&self, key: &[u8]) -> u16 {
        let prefix = key.get(..self.prefix_bytes).unwrap_or_default();
        prefix.iter().fold(0, |group, &byte| group << 8 | u16::from(byte))
    }

    /// Key, then namespace, as the beginning of a composite key: a changelog writes them so.
    pub(crate) fn key_and_namespace(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
        let key = self.key(cursor)?;
        let namespace = self.namespace(cursor)?;
        Ok(self.composite(key_group, key, namespace))
    }

    /// Namespace, then key, as the beginning of a composite key: a heap file writes them so.
    pub(crate) fn namespace_and_key(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
        let namespace = self.namespace(cursor)?;
        let key = self.key(cursor)?;
        Ok(self.composite(key_group, key, namespace))
    }

    fn composite(&self, key_group: u16, key: &[u8], namespace: &[u8]) -> Vec<u8> {
        let mut composite = self.prefix(key_group);
        for part in [key, namespace] {
            composite.extend_from_slice(part);
            if self.table.is_ambiguous() {
                append_length(&mut composite, part.len());
            }
        }
        composite
    }

    /// A timer as a composite key.
    pub(crate) fn timer(&mut self, key_group: u16, cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
        let mut composite = self.prefix(key_group);
        composite.extend_from_slice(cursor.take(8, "timestamp")?);
        composite.extend_from_slice(self.key(cursor)?);
        composite.extend_from_slice(self.namespace(cursor)?);
        Ok(composite)
    }

    /// The next namespace.
    pub(crate) fn namespace<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        self.namespace.cut(cursor).within(|| "namespace")
    }

    /// The next key.
    pub(crate) fn key<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        self.key.cut(cursor).within(|| "key")
    }

    /// The next value or element.
    pub(crate) fn value<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        match &mut self.value {
            Some(value) => value.cut(cursor).within(|| "value"),
            None => Err(cursor.invalid("a timer has no value")),
        }
    }

    /// The next key of a map.
    pub(crate) fn map_key<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
        match &mut self.map_key {
            Some(key) => key.cut(cursor).within(|| "map key"),
            None => Err(cursor.invalid("a state that is no map has no map keys")),
        }
    }

    /// `i32 n`, n elements: with a byte between each, as in a canonical file. Empty for an empty list.
    pub(crate) fn list(&mut self, cursor: &mut Cursor<'_>) -> Result<Vec<u8>> {
        let mut list = Vec::new();
        let count = cursor.i32_be()?;
        for _ in 0..cursor.count(count, 0, "elements")? {
            join(&mut list, self.value(cursor)?);
        }
        Ok(list)
    }

    /// `i32 n`, n × (key, bool null, value): an entry for each, its key behind `start`.
    pub(crate) fn map(&mut self, start: &[u8], cursor: &mut Cursor<'_>) -> Result<Vec<Entry>> {
        if self.table.null_keys {
            let what = "a map that may have a null key, written as a whole".into();
            return Err(cursor.error(ErrorKind::Unsupported { what }));
        }
        let count = cursor.i32_be()?;
        let count = cursor.count(count, 1, "map entries")?;
        (0..count)
            .map(|_| {
                let key = [start, self.map_key(cursor)?].concat();
                let null = cursor.bool("null flag of a map's value")?;
                let value = if null { &[][..] } else { self.value(cursor)? };
                Ok((key, [&[u8::from(null)], value].concat()))
            })
            .collect()
    }
}

/// Appends an element or a list of them.
pub(crate) fn join(list: &mut Vec<u8>, more: &[u8]) {
    if !list.is_empty() {
        list.push(DELIMITER);
    }
    list.extend_from_slice(more);
}

/// Low byte first, without a mark where it ends.
///
/// # Source
/// Flink, `CompositeKeySerializationUtils.writeVariableIntBytes`.
fn append_length(composite: &mut Vec<u8>, mut length: usize) {
    loop {
        composite.push((length & 0xFF) as u8);
        length >>= 8;
        if length == 0 {
            return;
        }
    }
}
