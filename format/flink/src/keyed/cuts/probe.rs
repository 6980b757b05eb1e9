//! What can be told of an entry from where it would begin.

use std::sync::Arc;

use spt_format::{Cursor, KeyGroup, Result, StateKind};

use super::super::blocks::KeyedFile;
use super::super::parts::Parts;
use super::super::table::KeyedTable;
use crate::serializers::values::{is_unsupported, kryo_head};
use crate::serializers::{FlinkType, Kryo, Opaque, OpaqueEnd, Scalar, key_hash};
use crate::state_meta::StateMeta;

/// An entry, as far as it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its first byte.
    pub(super) start: usize,
    /// The byte behind its namespace and key.
    pub(super) value: usize,
    /// It does not end before this.
    pub(super) least: usize,
    /// The byte behind it, where its own bytes tell.
    pub(super) end: Option<usize>,
    /// If Kryo wrote what does not tell its end: it is of a class of the job.
    pub(super) of_the_job: bool,
}

impl Shown {
    /// Whether something else may begin here.
    pub(super) fn may_end_at(&self, place: usize) -> bool {
        self.end.map_or(place >= self.least, |end| place == end)
    }
}

/// Looks for entries of one state.
pub(super) struct Probe {
    table: Arc<KeyedTable>,
    parts: Parts,
    max_parallelism: u32,
    /// The hash of a key is known, and with it its key group.
    is_hashed: bool,
    /// What Kryo may name, where it is Kryo that writes the values.
    kryo: Option<Kryo>,
}

/// Why the end of an entry does not show.
enum Stop {
    /// Nothing can be told of what follows; Kryo's value, if it is one, begins here.
    Open(Option<usize>),
    /// This is no such entry.
    Wrong,
}

impl Probe {
    pub(super) fn new(file: &KeyedFile, state: &StateMeta) -> Result<Self> {
        let table = Arc::new(KeyedTable::new(&file.header.key, state)?);
        let kryo = match &table.value {
            Some(FlinkType::Opaque(Opaque { end: OpaqueEnd::Kryo(kryo), .. })) => Some(kryo.clone()),
            _ => None,
        };
        Ok(Self {
            parts: Parts::new(&table, file.max_parallelism)?,
            max_parallelism: file.max_parallelism,
            is_hashed: key_hash::is_known(&table.key),
            kryo,
            table,
        })
    }

    /// The entry that begins here, if one can. `work` grows by the bytes that were looked at.
    pub(super) fn entry(
        &mut self,
        bytes: &[u8],
        start: usize,
        key_group: u16,
        work: &mut u64,
    ) -> Option<Shown> {
        let mut cursor = Cursor::new(bytes.get(start..)?);
        let begins = self.head(&mut cursor, key_group);
        let shown = begins.and_then(|()| {
            let value = start + cursor.position();
            let rest = self.value(&mut cursor);
            Some(Shown { value, ..self.shown(bytes, start, &cursor, rest)? })
        });
        *work += 1 + cursor.position() as u64;
        shown
    }

    /// As [`Probe::entry`], from an element of a list or map on.
    pub(super) fn element(&mut self, bytes: &[u8], start: usize) -> Option<Shown> {
        let mut cursor = Cursor::new(bytes.get(start..)?);
        let rest = match self.table.kind {
            StateKind::Map => self.map_entry(&mut cursor),
            _ => self.one(&mut cursor),
        };
        self.shown(bytes, start, &cursor, rest)
    }

    fn shown(
        &self,
        bytes: &[u8],
        start: usize,
        cursor: &Cursor<'_>,
        rest: Result<(), Stop>,
    ) -> Option<Shown> {
        let least = start + cursor.position();
        let shown = |end, least, of_the_job| Shown { start, value: start, least, end, of_the_job };
        match (rest, &self.kryo) {
            (Ok(()), _) => Some(shown(Some(least), least, true)),
            (Err(Stop::Wrong), _) => None,
            (Err(Stop::Open(Some(place))), Some(kryo)) => {
                let place = start + place;
                let head = kryo_head(bytes.get(place..)?, kryo)?;
                Some(shown(None, least.max(place + head.bytes), head.of_the_job))
            }
            (Err(Stop::Open(_)), _) => Some(shown(None, least, true)),
        }
    }

    /// Namespace and key; of a timer, all there is.
    fn head(&mut self, cursor: &mut Cursor<'_>, key_group: u16) -> Option<()> {
        let timer = self.table.kind == StateKind::Timer;
        if timer {
            cursor.take(8, "timestamp").ok()?;
        } else {
            self.namespace(cursor)?;
        }
        self.key(cursor, key_group)?;
        if timer { self.namespace(cursor) } else { Some(()) }
    }

    /// Those without information are zeros.
    fn namespace(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        match self.table.namespace {
            FlinkType::Unit(unit) => {
                let bytes = cursor.take(unit.bytes, "namespace").ok()?;
                bytes.iter().all(|byte| *byte == 0).then_some(())
            }
            _ => self.parts.namespace(cursor).ok().map(drop),
        }
    }

    /// No key is null.
    fn key(&mut self, cursor: &mut Cursor<'_>, key_group: u16) -> Option<()> {
        let null: &[u8] = match self.table.key {
            FlinkType::Scalar(Scalar::Text) => &[0],
            FlinkType::Scalar(Scalar::BigInteger | Scalar::BigDecimal) => &[0; 4],
            _ => &[],
        };
        if !null.is_empty() && cursor.rest().starts_with(null) {
            return None;
        }
        if !self.is_hashed {
            return self.parts.key(cursor).ok().map(drop);
        }
        let hash = key_hash::java_hash(&self.table.key, cursor).ok()??;
        (KeyGroup::of_hash(hash, self.max_parallelism).0 == key_group).then_some(())
    }

    fn value(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        match self.table.kind {
            StateKind::Timer => Ok(()),
            StateKind::List => (0..elements(cursor)?).try_for_each(|_| self.one(cursor)),
            StateKind::Map => (0..elements(cursor)?).try_for_each(|_| self.map_entry(cursor)),
            _ => self.one(cursor),
        }
    }

    fn map_entry(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let is_null = |cursor: &mut Cursor<'_>| cursor.bool("null flag").map_err(|_| Stop::Wrong);
        if !self.table.null_keys || !is_null(cursor)? {
            stopped(self.parts.map_key(cursor).map(drop), None)?;
        }
        if is_null(cursor)? { Ok(()) } else { self.one(cursor) }
    }

    /// A value, an element, or the value of a map's entry.
    fn one(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let last_access = if self.table.ttl.is_some() { 8 } else { 0 };
        let start = cursor.position() + last_access;
        stopped(self.parts.value(cursor).map(drop), Some(start))
    }
}

fn elements(cursor: &mut Cursor<'_>) -> Result<usize, Stop> {
    let declared = cursor.i32_be().map_err(|_| Stop::Wrong)?;
    cursor.count(declared, 1, "elements").map_err(|_| Stop::Wrong)
}

/// What is in order and not understood may end anywhere; what is damaged is something else.
fn stopped(result: Result<()>, kryo: Option<usize>) -> Result<(), Stop> {
    result.map_err(|error| if is_unsupported(&error) { Stop::Open(kryo) } else { Stop::Wrong })
}
