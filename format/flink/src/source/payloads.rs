//! What connectors wrote, among the states of an operator: see [`payloads`](crate::payloads).
//!
//! The lists of sources and sinks are read when the snapshot is opened, because only all of their elements
//! together tell whose they are. They are small: a source has an element per split.

use bytes::Bytes;
use spt_format::{Cursor, ReadAs, ReadLimits, Result, StateKind, StateSchema};

use super::pieces::{Found, Piece};
use crate::files::Files;
use crate::payloads::{Frame, Layout, Payload, Versioned, sinks, sources};
use crate::rows::Encoding;
use crate::serializers::{FlinkType, Scalar};

/// The list in which source operators keep their splits.
const SPLITS: &str = "SourceReaderState";
/// The lists in which sinks keep what they have open.
const SINKS: [&str; 3] = ["writer_raw_states", "bucket-states", "streaming_committer_raw_states"];

/// Says how the payloads of connectors are read among the states of one operator's subtasks. What is not in
/// the frame of a payload stays as it is.
pub(super) fn recognise(found: &mut [Found], files: &Files, limits: &ReadLimits) {
    if found.iter().any(|state| is_list(state, SPLITS)) {
        recognise_source(found, files, limits);
    }
    for name in SINKS {
        let Some(elements) = elements(found, name, files, limits).filter(|elements| !elements.is_empty())
        else {
            continue;
        };
        let Ok(payloads) = open(&elements, Frame::Element) else { continue };
        if let Some(layout) = sinks::layout(name, &payloads) {
            set(found.iter_mut().filter(|state| is_list(state, name)), Frame::Element, layout, &payloads);
        }
    }
}

fn recognise_source(found: &mut [Found], files: &Files, limits: &ReadLimits) {
    let Some(splits) = elements(found, SPLITS, files, limits) else { return };
    let Ok(splits) = open(&splits, Frame::Element) else { return };
    let coordinator = found.iter().find(|state| state.kind == StateKind::Coordinator);
    let coordinator = coordinator.map_or(Some(Vec::new()), |state| read(state, files, limits));
    // A coordinator whose state is in no source's frame is of an operator that is no source.
    let Some(coordinator) = coordinator else { return };
    let Ok(enumerator) = open(&coordinator, Frame::Coordinator) else { return };
    let connector = sources::connector(&splits, enumerator.first().copied()).unwrap_or(&sources::UNKNOWN);
    set(found.iter_mut().filter(|state| is_list(state, SPLITS)), Frame::Element, &connector.split, &splits);
    let coordinator = found.iter_mut().filter(|state| state.kind == StateKind::Coordinator);
    set(coordinator, Frame::Coordinator, &connector.enumerator, &enumerator);
}

/// A list of `byte[]` with this name.
fn is_list(state: &Found, name: &str) -> bool {
    let is_bytes = match &state.piece {
        Piece::Elements(list) => {
            matches!(&list.encoding, Encoding::Type(ty) if **ty == FlinkType::Scalar(Scalar::Bytes))
        }
        _ => false,
    };
    state.name == name && state.kind == StateKind::OperatorList && is_bytes
}

/// The elements of a list in all subtasks, `None` if one cannot be read: whoever asks for its rows learns why.
fn elements(found: &[Found], name: &str, files: &Files, limits: &ReadLimits) -> Option<Vec<Bytes>> {
    let mut elements = Vec::new();
    for state in found.iter().filter(|state| state.name == name) {
        if !is_list(state, name) {
            return None;
        }
        elements.extend(read(state, files, limits)?);
    }
    Some(elements)
}

fn read(state: &Found, files: &Files, limits: &ReadLimits) -> Option<Vec<Bytes>> {
    match &state.piece {
        Piece::Elements(list) => list.read(files, limits).ok(),
        _ => None,
    }
}

fn open(elements: &[Bytes], frame: Frame) -> Result<Vec<Versioned<'_>>> {
    elements.iter().map(|bytes| open_one(bytes, frame)).collect()
}

fn open_one(bytes: &[u8], frame: Frame) -> Result<Versioned<'_>> {
    let mut cursor = Cursor::new(bytes);
    let payload = frame.open(&mut cursor)?;
    cursor.end("payload")?;
    Ok(payload)
}

fn set<'a>(
    states: impl Iterator<Item = &'a mut Found>,
    frame: Frame,
    layout: &'static Layout,
    payloads: &[Versioned<'_>],
) {
    let verified = layout.is_verified(payloads);
    for state in states {
        if let Piece::Elements(list) = &mut state.piece {
            list.encoding = Encoding::Payload(Payload { frame, layout });
            state.schema = StateSchema::per_subtask((layout.field)());
            state.read_as = verified.map(|verified| ReadAs { what: layout.name.to_owned(), verified });
        }
    }
}
