//! The rows of one state, from the pieces its subtasks have.

use arrow_schema::SchemaRef;
use spt_format::{Error, Operator, Result, RowStream, Scan, Segment, State, StateKind};

use super::FlinkSource;
use super::keyed::KeyedScan;
use super::pieces::Piece;
use crate::rows::{BroadcastReader, ElementReader, Elements, Rows, Sorted};

/// A piece as the model sees it.
pub(super) fn segment(piece: &Piece) -> Segment {
    let (key_groups, rows, bytes) = match piece {
        Piece::Elements(list) => (None, Some(list.places.len() as u64), Some(list.bytes())),
        Piece::Broadcast(map) => (None, None, Some(map.range.1.saturating_sub(map.range.0))),
        Piece::Keyed(piece) => (Some(piece.handle.key_groups()), None, None),
        Piece::Unreadable(_) => (None, None, None),
    };
    Segment { key_groups, rows, bytes, digest: None }
}

/// The pieces that count: of a broadcast map every subtask has a copy, and one is enough.
pub(super) fn used(kind: StateKind, pieces: &[Piece]) -> &[Piece] {
    match kind {
        StateKind::Broadcast => pieces.get(..1).unwrap_or(pieces),
        _ => pieces,
    }
}

/// The rows of a state that `scan` asks for.
pub(super) fn rows(
    source: &FlinkSource,
    operator: &Operator,
    state: &State,
    pieces: &[Piece],
    scan: &Scan,
) -> Result<Box<dyn RowStream>> {
    let schema = state.schema.to_arrow(state.kind)?;
    let pieces = used(state.kind, pieces);
    let pieces = match &scan.segments {
        Some(range) => {
            pieces.get(range.clone()).ok_or_else(|| Error::not_found("there are not so many segments"))?
        }
        None => pieces,
    };
    let rows: Box<dyn RowStream> = match pieces.first() {
        Some(Piece::Broadcast(map)) => {
            let opaque = is_opaque(state);
            let reader =
                BroadcastReader::open(&source.files, &source.limits, schema.clone(), opaque, map.clone())?;
            Box::new(Rows::new(schema, reader))
        }
        _ if state.kind.is_keyed() => {
            let (files, limits) = (&source.files, &source.limits);
            let rows =
                KeyedScan::new(files, limits, operator.max_parallelism, scan.key_groups, schema, pieces)?;
            Box::new(rows)
        }
        _ => Box::new(elements(source, state, schema, pieces)?),
    };
    // Elements come by subtask and index, which is their order.
    if scan.sorted && (state.kind.is_keyed() || state.kind == StateKind::Broadcast) {
        return Ok(Box::new(Sorted::new(rows, state.schema.sort_columns(state.kind))));
    }
    Ok(rows)
}

fn is_opaque(state: &State) -> bool {
    state.schema.parts().any(|(_, field)| field.has_opaque())
}

fn elements(
    source: &FlinkSource,
    state: &State,
    schema: SchemaRef,
    pieces: &[Piece],
) -> Result<Rows<ElementReader>> {
    let lists = pieces.iter().map(|piece| match piece {
        Piece::Elements(list) => Ok(list.clone()),
        Piece::Unreadable(reason) => Err(reason.error()),
        Piece::Broadcast(_) | Piece::Keyed(_) => {
            Err(Error::invalid("subtasks keep a state in different ways"))
        }
    });
    let lists: Vec<Elements> = lists.collect::<Result<_>>()?;
    let (files, limits) = (source.files.clone(), source.limits.clone());
    let reader = ElementReader::new(files, limits, schema.clone(), is_opaque(state), lists);
    Ok(Rows::new(schema, reader))
}
