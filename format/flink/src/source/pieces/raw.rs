//! State that operators wrote on their own: bytes, unless it is timers.

use std::sync::Arc;

use spt_format::{Error, ErrorKind, Location, Result, StateKind, StateSchema};

use super::elements::Ends;
use super::keyed::keyed;
use super::{Found, KeyedPiece, KeyedPlace, Piece, Subtask};
use crate::keyed::{KeyedTable, TimerQueue};
use crate::metadata::{KeyGroupFile, KeyedHandle, OperatorHandle, StreamHandle};
use crate::rows::{Element, Elements, Encoding};
use crate::serializers::values::{field_of, is_unsupported};
use crate::serializers::{FlinkType, Opaque, OpaqueEnd};
use crate::timers::{self, DOMAINS, Service};

impl Subtask<'_> {
    pub(super) fn raw_operator(&self, handle: &OperatorHandle) -> Found {
        let ends = Ends::new(&handle.states, handle.stream.size());
        let places = handle.states.iter().flat_map(|state| ends.places(state)).collect();
        self.bytes("raw operator state", StateKind::Raw, &handle.stream, places)
    }

    /// Timers, where it is timers.
    pub(super) fn raw_keyed(&self, handle: &KeyedHandle) -> Result<Vec<Found>> {
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
            keyed(None, KeyedPiece::whole(&handle, place, table, self.kryo))
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
    pub(in crate::source) fn whole(&self, name: &str, kind: StateKind, stream: &StreamHandle) -> Found {
        self.bytes(name, kind, stream, vec![Element { index: 0, start: 0, end: stream.size() }])
    }

    fn bytes(&self, name: &str, kind: StateKind, stream: &StreamHandle, places: Vec<Element>) -> Found {
        let data_type = FlinkType::Opaque(Opaque { class: name.to_owned(), end: OpaqueEnd::Unmarked });
        Found {
            name: name.to_owned(),
            kind,
            hazards: Vec::new(),
            schema: StateSchema::per_subtask(field_of(&data_type)),
            read_as: None,
            ttl: None,
            key_hash: None,
            rows: Some(places.len() as u64),
            bytes: Some(stream.size()),
            piece: Piece::Elements(Elements {
                subtask: self.index,
                stream: stream.clone(),
                compressed: false,
                encoding: Encoding::Type(Arc::new(data_type)),
                places,
            }),
        }
    }
}
