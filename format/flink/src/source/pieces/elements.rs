//! Operator state: lists, unions and broadcast maps, whose elements the handle has the places of.

use std::collections::BTreeSet;
use std::sync::Arc;

use spt_format::{Error, Result, ResultExt, StateKind, StateSchema};

use super::{Found, Piece, Subtask};
use crate::metadata::{OperatorHandle, Partitions, StreamHandle};
use crate::operator::OperatorHeader;
use crate::read_at::ReadAt;
use crate::rows::{BroadcastMap, Element, Elements, Encoding};
use crate::serializers::FlinkType;
use crate::serializers::values::field_of;
use crate::state_meta::StateMeta;

impl Subtask<'_> {
    pub(super) fn operator_states(&self, handle: &OperatorHandle) -> Result<Vec<Found>> {
        let stream = self.files.open(&handle.stream)?;
        let ends = Ends::new(&handle.states, stream.size());
        let header = OperatorHeader::read(&stream, ends.offsets.first().copied(), self.limits);
        let mut header = header.in_file(stream.name())?;
        header.set_kryo(self.kryo);
        let state = |meta: &StateMeta| {
            let state = self.operator_state(handle, header.compressed, meta, &ends);
            state.unwrap_or_else(|error| Found::unreadable(&meta.name, None, &error))
        };
        Ok(header.states().map(state).collect())
    }

    fn operator_state(
        &self,
        handle: &OperatorHandle,
        compressed: bool,
        meta: &StateMeta,
        ends: &Ends,
    ) -> Result<Found> {
        let partitions = handle.states.iter().find(|partitions| partitions.name == meta.name);
        let places = partitions.map(|partitions| ends.places(partitions)).unwrap_or_default();
        let stream = handle.stream.clone();
        match meta.option("OPERATOR_STATE_DISTRIBUTION_MODE") {
            Some("SPLIT_DISTRIBUTE") => self.list(StateKind::OperatorList, meta, stream, compressed, places),
            Some("UNION") => self.list(StateKind::Union, meta, stream, compressed, places),
            Some("BROADCAST") => broadcast(meta, stream, compressed, &places),
            other => Err(Error::invalid(format!("state {:?} has the mode {other:?}", meta.name))),
        }
    }

    fn list(
        &self,
        kind: StateKind,
        meta: &StateMeta,
        stream: StreamHandle,
        compressed: bool,
        places: Vec<Element>,
    ) -> Result<Found> {
        let value = serializer(meta, "VALUE_SERIALIZER")?;
        let encoding = Encoding::Type(Arc::new(value.clone()));
        let list = Elements { subtask: self.index, stream, compressed, encoding, places };
        Ok(Found {
            name: meta.name.clone(),
            kind,
            schema: StateSchema::per_subtask(field_of(value)),
            read_as: None,
            ttl: None,
            key_hash: None,
            rows: Some(list.places.len() as u64),
            bytes: Some(list.bytes()),
            piece: Piece::Elements(list),
            hazards: meta.hazards(),
        })
    }
}

/// How many entries a map has, only the map itself tells.
fn broadcast(meta: &StateMeta, stream: StreamHandle, compressed: bool, places: &[Element]) -> Result<Found> {
    let (key, value) = (serializer(meta, "KEY_SERIALIZER")?, serializer(meta, "VALUE_SERIALIZER")?);
    let schema =
        StateSchema { map_key: Some(field_of(key)), value: Some(field_of(value)), ..StateSchema::default() };
    let place =
        places.first().ok_or_else(|| Error::invalid(format!("state {:?} has no place", meta.name)))?;
    let range = (place.start, place.end);
    let map = BroadcastMap { stream, compressed, key: key.clone(), value: value.clone(), range };
    Ok(Found {
        name: meta.name.clone(),
        kind: StateKind::Broadcast,
        schema: schema.number(),
        read_as: None,
        ttl: None,
        key_hash: None,
        rows: None,
        bytes: Some(place.end.saturating_sub(place.start)),
        piece: Piece::Broadcast(map),
        hazards: meta.hazards(),
    })
}

fn serializer<'a>(meta: &'a StateMeta, key: &str) -> Result<&'a FlinkType> {
    let serializer = meta.serializer(key).map(|serializer| &serializer.data_type);
    serializer.ok_or_else(|| Error::invalid(format!("state {:?} has no {key}", meta.name)))
}

/// Where elements end: at the next one of any state, the last at the end of the stream.
pub(super) struct Ends {
    pub(super) offsets: BTreeSet<u64>,
    pub(super) end: u64,
}

impl Ends {
    /// Of the elements of all states in a stream of `end` bytes.
    pub(super) fn new(states: &[Partitions], end: u64) -> Self {
        Self { offsets: states.iter().flat_map(|state| &state.offsets).copied().collect(), end }
    }

    /// The place of the element that begins at `start`.
    pub(super) fn place(&self, index: u64, start: u64) -> Element {
        let end = self.offsets.range(start + 1..).next().copied().unwrap_or(self.end);
        Element { index, start, end: end.max(start) }
    }

    /// The places of a state's elements.
    pub(super) fn places(&self, state: &Partitions) -> Vec<Element> {
        let offsets = state.offsets.iter().enumerate();
        offsets.map(|(index, start)| self.place(index as u64, *start)).collect()
    }
}
