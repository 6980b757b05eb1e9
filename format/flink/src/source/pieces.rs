//! The states of one subtask: what its headers say, and where its rows are.
//!
//! A state of the catalogue is the union of what its subtasks found; see [`catalogue`](super::catalogue).

use std::collections::BTreeSet;
use std::sync::Arc;

use spt_format::{
    Error, ErrorKind, Field, KeyGroupRange, KeyHash, Location, Logical, OperatorId, ReadLimits, Result,
    ResultExt, StateKind, StateSchema, Ttl, Type,
};

use crate::files::Files;
use crate::keyed::{KeyedHeader, KeyedTable, TimerQueue};
use crate::metadata::{
    Incremental, KeyGroupFile, KeyedHandle, OperatorHandle, OperatorState, Partitions, RedistributionMode,
    StreamHandle, SubtaskState,
};
use crate::operator::OperatorHeader;
use crate::read_at::ReadAt;
use crate::rows::{BroadcastMap, Element, Elements};
use crate::serializers::values::{field_of, is_unsupported};
use crate::serializers::{FlinkType, KryoVersion, Opaque, OpaqueEnd};
use crate::state_meta::StateMeta;
use crate::timers::{self, DOMAINS, Service};

/// A state as one subtask has it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: StateKind,
    pub(super) schema: StateSchema,
    pub(super) ttl: Option<Ttl>,
    pub(super) key_hash: Option<KeyHash>,
    pub(super) rows: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) piece: Piece,
}

/// Where the rows are that one subtask has of a state.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// A list of the operator, or bytes.
    Elements(Elements),
    /// A copy of a broadcast map.
    Broadcast(BroadcastMap),
    /// One state among those of a keyed handle.
    Keyed(KeyedPiece),
    /// Something that cannot be read, and why.
    Unreadable(Unreadable),
}

impl Piece {
    /// Of keyed state.
    pub(super) fn key_groups(&self) -> Option<KeyGroupRange> {
        match self {
            Self::Keyed(piece) => Some(piece.handle.key_groups()),
            _ => None,
        }
    }
}

/// One state among those of a keyed handle.
#[derive(Debug, Clone)]
pub(super) struct KeyedPiece {
    pub(super) handle: Arc<KeyedHandle>,
    pub(super) place: KeyedPlace,
    pub(super) table: Arc<KeyedTable>,
    /// The Kryo of the Flink that wrote it.
    pub(super) kryo: KryoVersion,
}

/// Where a state is in a keyed handle.
#[derive(Debug, Clone)]
pub(super) enum KeyedPlace {
    /// It has this number in the handle's header.
    State(u16),
    /// The handle is of raw state, and these are the timers in it.
    RawTimers(TimerQueue),
}

impl KeyedPiece {
    /// It may hold rows of these key groups.
    pub(super) fn meets(&self, key_groups: Option<KeyGroupRange>) -> bool {
        key_groups.is_none_or(|range| range.intersection(self.handle.key_groups()).is_some())
    }
}

/// Why something cannot be read. The error itself was reported once; this makes it again.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    /// The bytes are in order, but this program cannot read them.
    unsupported: bool,
    text: String,
}

impl Unreadable {
    pub(super) fn new(error: &Error) -> Self {
        let unsupported =
            matches!(error.kind(), ErrorKind::Unsupported { .. } | ErrorKind::UnsupportedVersion { .. });
        let text = error.full();
        // The kind of the error that is made again says this.
        let text = text.strip_suffix(" is not supported").filter(|_| unsupported).unwrap_or(&text).to_owned();
        Self { unsupported, text }
    }

    pub(super) fn error(&self) -> Error {
        let what = self.text.clone();
        let kind =
            if self.unsupported { ErrorKind::Unsupported { what } } else { ErrorKind::Invalid { what } };
        Error::new(kind, Location::default())
    }
}

/// Whose state is looked at, and with what.
pub(super) struct Subtask<'a> {
    pub(super) files: &'a Files,
    pub(super) limits: &'a ReadLimits,
    pub(super) operator: OperatorId,
    /// The operator, whose other subtasks may tell what this one does not.
    pub(super) whole: &'a OperatorState,
    pub(super) index: u32,
    pub(super) state: &'a SubtaskState,
    /// The Kryo of the Flink that wrote the snapshot.
    pub(super) kryo: KryoVersion,
}

impl Subtask<'_> {
    /// All its states. What cannot be read is one of them.
    pub(super) fn states(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for handle in &self.state.managed_operator {
            if handle.stream == StreamHandle::Empty {
                continue;
            }
            let size = handle.stream.size();
            found.extend(self.or_unreadable("operator state", size, self.operator_states(handle)));
        }
        if let Some(handle) = &self.state.managed_keyed {
            found.extend(self.or_unreadable("keyed state", handle.size(), self.keyed_states(handle)));
        }
        found.extend(self.state.raw_operator.iter().map(|handle| self.raw_operator(handle)));
        if let Some(handle) = &self.state.raw_keyed {
            found.extend(self.or_unreadable("raw keyed state", handle.size(), self.raw_keyed(handle)));
        }
        found.extend(
            self.state.legacy.iter().map(|stream| self.whole("legacy state", StateKind::Raw, stream)),
        );
        found
    }

    fn or_unreadable(&self, name: &str, size: u64, states: Result<Vec<Found>>) -> Vec<Found> {
        let states = states.within(|| format!("operator {}, subtask {}", self.operator, self.index));
        states.unwrap_or_else(|error| vec![unreadable(name, Some(size), &error)])
    }

    fn operator_states(&self, handle: &OperatorHandle) -> Result<Vec<Found>> {
        let stream = self.files.open(&handle.stream)?;
        let offsets: BTreeSet<u64> = handle.states.iter().flat_map(|state| &state.offsets).copied().collect();
        let header = OperatorHeader::read(&stream, offsets.first().copied(), self.limits);
        let mut header = header.in_file(stream.name())?;
        header.set_kryo(self.kryo);
        let end = stream.size();
        let ends = Ends { offsets, end };
        let state = |meta: &StateMeta| {
            let state = self.operator_state(handle, &header, meta, &ends);
            state.unwrap_or_else(|error| unreadable(&meta.name, None, &error))
        };
        Ok(header.states().map(state).collect())
    }

    fn operator_state(
        &self,
        handle: &OperatorHandle,
        header: &OperatorHeader,
        meta: &StateMeta,
        ends: &Ends,
    ) -> Result<Found> {
        let places = handle.states.iter().find(|places| places.name == meta.name);
        let none = Partitions { name: String::new(), mode: RedistributionMode::Split, offsets: Vec::new() };
        let places = places.unwrap_or(&none);
        let value = serializer(meta, "VALUE_SERIALIZER")?;
        let bytes = places.offsets.iter().map(|offset| ends.end_of(*offset).saturating_sub(*offset));
        let bytes = bytes.fold(0, u64::saturating_add);
        let kind = match meta.option("OPERATOR_STATE_DISTRIBUTION_MODE") {
            Some("UNION") => StateKind::Union,
            Some("BROADCAST") => StateKind::Broadcast,
            Some("SPLIT_DISTRIBUTE") => StateKind::OperatorList,
            other => return Err(Error::invalid(format!("state {:?} has the mode {other:?}", meta.name))),
        };
        let (schema, rows, piece) = if kind == StateKind::Broadcast {
            let key = serializer(meta, "KEY_SERIALIZER")?;
            let schema = StateSchema {
                map_key: Some(field_of(key)),
                value: Some(field_of(value)),
                ..StateSchema::default()
            };
            let offset = places.offsets.first().copied();
            let range = offset.map_or((ends.end, ends.end), |offset| (offset, ends.end_of(offset)));
            let (key, value, compressed) = (key.clone(), value.clone(), header.compressed);
            let map = BroadcastMap { stream: handle.stream.clone(), compressed, key, value, range };
            (schema.number(), None, Piece::Broadcast(map))
        } else {
            let elements =
                self.elements(&handle.stream, header.compressed, value.clone(), ends.places(places));
            let rows = places.offsets.len() as u64;
            (StateSchema::per_subtask(field_of(value)), Some(rows), Piece::Elements(elements))
        };
        let name = meta.name.clone();
        Ok(Found { name, kind, schema, ttl: None, key_hash: None, rows, bytes: Some(bytes), piece })
    }

    fn elements(
        &self,
        stream: &StreamHandle,
        compressed: bool,
        data_type: FlinkType,
        places: Vec<Element>,
    ) -> Elements {
        Elements {
            subtask: self.index,
            stream: stream.clone(),
            compressed,
            data_type: Arc::new(data_type),
            places,
        }
    }

    fn keyed_states(&self, handle: &KeyedHandle) -> Result<Vec<Found>> {
        let mut header = match handle {
            KeyedHandle::KeyGroups(file) => self.header_of_file(file)?,
            KeyedHandle::Incremental(database) => self.header_of_database(database)?,
            KeyedHandle::Changelog(changelog) if changelog.changes.is_empty() => {
                return Ok(changelog
                    .base
                    .iter()
                    .map(|base| self.keyed_states(base))
                    .collect::<Result<Vec<_>>>()?
                    .concat());
            }
            KeyedHandle::Changelog(changelog) => self.header_of_changelog(changelog)?,
            KeyedHandle::MemoryChanges(_) | KeyedHandle::FileChanges(_) => {
                let what = "a log of changes on its own".to_owned();
                return Err(Error::new(ErrorKind::Unsupported { what }, Location::default()));
            }
        };
        header.set_kryo(self.kryo);
        let handle = Arc::new(handle.clone());
        // Several states share their files: what each takes, only the data would tell.
        let bytes = (header.states.len() == 1).then(|| handle.size());
        let state = |(number, meta): (u16, &StateMeta)| match KeyedTable::new(&header.key, meta) {
            Ok(table) => {
                let place = KeyedPlace::State(number);
                keyed(
                    bytes,
                    KeyedPiece {
                        handle: Arc::clone(&handle),
                        place,
                        table: Arc::new(table),
                        kryo: self.kryo,
                    },
                )
            }
            Err(error) => unreadable(&meta.name, bytes, &error),
        };
        Ok((0..).zip(&header.states).map(state).collect())
    }

    pub(super) fn header_of_file(&self, file: &KeyGroupFile) -> Result<KeyedHeader> {
        let stream = self.files.open(&file.stream)?;
        let first =
            file.offsets.iter().filter_map(|offset| u64::try_from(*offset).ok()).filter(|offset| *offset > 0);
        KeyedHeader::read(&stream, first.min(), self.limits).in_file(stream.name())
    }

    pub(super) fn header_of_database(&self, database: &Incremental) -> Result<KeyedHeader> {
        let stream = self.files.open(&database.meta)?;
        KeyedHeader::read(&stream, None, self.limits).in_file(stream.name())
    }

    fn raw_operator(&self, handle: &OperatorHandle) -> Found {
        let offsets = handle.states.iter().flat_map(|state| &state.offsets).copied().collect();
        let ends = Ends { offsets, end: handle.stream.size() };
        let places = handle.states.iter().flat_map(|state| ends.places(state)).collect();
        self.bytes("raw operator state", StateKind::Raw, &handle.stream, places)
    }

    /// Timers, where it is timers.
    fn raw_keyed(&self, handle: &KeyedHandle) -> Result<Vec<Found>> {
        let KeyedHandle::KeyGroups(file) = handle else {
            let what = "raw keyed state of this kind".to_owned();
            return Err(Error::new(ErrorKind::Unsupported { what }, Location::default()));
        };
        let stream = self.files.open(&file.stream)?;
        match timers::services(&stream, file, self.limits) {
            Ok(Some(services)) => Ok(self.raw_timers(handle, &services)),
            Ok(None) => Ok(vec![self.raw_key_groups(file)]),
            Err(error) if is_unsupported(&error) => Ok(vec![self.raw_key_groups(file)]),
            Err(error) => Err(error),
        }
    }

    fn raw_timers(&self, handle: &KeyedHandle, services: &[Service]) -> Vec<Found> {
        let handle = Arc::new(handle.clone());
        let queue = |service: &Service, domain| {
            let queue = TimerQueue { service: service.name.clone(), domain };
            let table = Arc::new(KeyedTable::of_timers(queue.clone(), &service.key, &service.namespace));
            let place = KeyedPlace::RawTimers(queue);
            keyed(None, KeyedPiece { handle: Arc::clone(&handle), place, table, kryo: self.kryo })
        };
        services.iter().flat_map(|service| DOMAINS.map(|domain| queue(service, domain))).collect()
    }

    /// Each key group is an element, whose index is the key group.
    fn raw_key_groups(&self, file: &KeyGroupFile) -> Found {
        let groups = file.key_groups.iter().zip(&file.offsets);
        let written: Vec<_> =
            groups.filter_map(|(group, offset)| Some((group, u64::try_from(*offset).ok()?))).collect();
        let ends =
            Ends { offsets: written.iter().map(|(_, offset)| *offset).collect(), end: file.stream.size() };
        let places = written.iter().map(|(group, start)| ends.place((*group).into(), *start)).collect();
        self.bytes("raw keyed state", StateKind::Raw, &file.stream, places)
    }

    /// Bytes nobody but the operator understands, as one element.
    pub(super) fn whole(&self, name: &str, kind: StateKind, stream: &StreamHandle) -> Found {
        self.bytes(name, kind, stream, vec![Element { index: 0, start: 0, end: stream.size() }])
    }

    fn bytes(&self, name: &str, kind: StateKind, stream: &StreamHandle, places: Vec<Element>) -> Found {
        let data_type = FlinkType::Opaque(Opaque { class: name.to_owned(), end: OpaqueEnd::Unmarked });
        Found {
            name: name.to_owned(),
            kind,
            schema: StateSchema::per_subtask(field_of(&data_type)),
            ttl: None,
            key_hash: None,
            rows: Some(places.len() as u64),
            bytes: Some(stream.size()),
            piece: Piece::Elements(self.elements(stream, false, data_type, places)),
        }
    }
}

/// One state of a keyed handle.
fn keyed(bytes: Option<u64>, piece: KeyedPiece) -> Found {
    let table = &piece.table;
    Found {
        name: table.name.clone(),
        kind: table.kind,
        schema: table.schema.clone(),
        ttl: table.ttl,
        key_hash: Some(key_hash(table.schema.key.as_ref())),
        rows: None,
        bytes,
        piece: Piece::Keyed(piece),
    }
}

/// Keys of Java's own types have a hash that can be computed; of other classes only Java knows it.
fn key_hash(key: Option<&Field>) -> KeyHash {
    match key.map(KeyHash::for_key) {
        Some(KeyHash::Java1) => KeyHash::Java1,
        _ => KeyHash::Unknown,
    }
}

fn serializer<'a>(meta: &'a StateMeta, key: &str) -> Result<&'a FlinkType> {
    let serializer = meta.serializer(key).map(|serializer| &serializer.data_type);
    serializer.ok_or_else(|| Error::invalid(format!("state {:?} has no {key}", meta.name)))
}

fn unreadable(name: &str, bytes: Option<u64>, error: &Error) -> Found {
    let value = Field::new("", Type::Binary).with_logical(Logical::Opaque(name.to_owned()));
    Found {
        name: name.to_owned(),
        kind: StateKind::Raw,
        schema: StateSchema::per_subtask(value),
        ttl: None,
        key_hash: None,
        rows: None,
        bytes,
        piece: Piece::Unreadable(Unreadable::new(error)),
    }
}

/// Where elements end: at the next one of any state, the last at the end of the stream.
struct Ends {
    offsets: BTreeSet<u64>,
    end: u64,
}

impl Ends {
    fn end_of(&self, start: u64) -> u64 {
        self.offsets.range(start + 1..).next().copied().unwrap_or(self.end).max(start)
    }

    fn place(&self, index: u64, start: u64) -> Element {
        Element { index, start, end: self.end_of(start) }
    }

    fn places(&self, state: &Partitions) -> Vec<Element> {
        let offsets = state.offsets.iter().enumerate();
        offsets.map(|(index, start)| self.place(index as u64, *start)).collect()
    }
}
