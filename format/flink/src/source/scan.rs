//! The rows of one state, from the pieces its subtasks have.

use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, Operator, Result, RowStream, Scan, Segment, State, StateKind};

use super::FlinkSource;
use super::ahead::Ahead;
use super::keyed::{KeyedScan, Opener};
use super::pieces::{KeyedPiece, Piece};
use crate::rows::{BroadcastMap, BroadcastReader, Counted, ElementReader, Elements, Rows, Sorted};

/// Memory for sorting, of all threads together; beyond it rows are spilled.
const SORT_BYTES: usize = 128 << 20;

/// A piece as the model sees it.
pub(super) fn segment(piece: &Piece) -> Segment {
    let (key_groups, rows, bytes) = match piece {
        Piece::Elements(list) => (None, Some(list.places.len() as u64), Some(list.bytes())),
        Piece::Broadcast(map) => (None, None, Some(map.range.1.saturating_sub(map.range.0))),
        Piece::Keyed(piece) => (Some(piece.key_groups), None, None),
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

/// The entries of one copy of a broadcast map.
pub(super) fn broadcast(source: &FlinkSource, state: &State, map: &BroadcastMap) -> Result<BroadcastReader> {
    let schema = state.schema.to_arrow(state.kind)?;
    BroadcastReader::open(&source.files, &source.limits, schema, map.clone())
}

/// The rows of a state that `scan` asks for.
pub(super) fn rows(
    source: &FlinkSource,
    operator: &Operator,
    state: &State,
    pieces: &[Piece],
    scan: &Scan,
) -> Result<Box<dyn RowStream>> {
    stored(source, operator, state, pieces, scan).map(|rows| counted(rows, state))
}

/// Counts the opaque ones among the rows, where there may be some.
fn counted(rows: Box<dyn RowStream>, state: &State) -> Box<dyn RowStream> {
    match Counted::is_needed(&state.schema) {
        true => Box::new(Counted::new(rows, &state.schema)),
        false => rows,
    }
}

fn stored(
    source: &FlinkSource,
    operator: &Operator,
    state: &State,
    pieces: &[Piece],
    scan: &Scan,
) -> Result<Box<dyn RowStream>> {
    if state.kind.is_keyed() {
        return keyed(source, operator, state, asked(state, pieces, scan)?, scan);
    }
    let schema = state.schema.to_arrow(state.kind)?;
    let pieces = asked(state, pieces, scan)?;
    let rows: Box<dyn RowStream> = match pieces.first() {
        Some(Piece::Broadcast(map)) => Box::new(Rows::new(schema, broadcast(source, state, map)?)),
        _ => Box::new(elements(source, schema, pieces)?),
    };
    // Elements come by subtask and index, which is their order.
    if scan.sorted && state.kind == StateKind::Broadcast {
        return Ok(Box::new(Sorted::new(rows, state.schema.sort_columns(state.kind), SORT_BYTES)));
    }
    Ok(rows)
}

/// How many rows a scan of a keyed state returns, decoded only where nothing else tells.
pub(super) fn count(
    source: &FlinkSource,
    operator: &Operator,
    state: &State,
    pieces: &[Piece],
    scan: &Scan,
) -> Result<(u64, Completeness)> {
    let (mut opener, pieces) = opener(source, operator, asked(state, pieces, scan)?, scan, None)?;
    let (mut rows, mut seen) = (0, Completeness::default());
    // Where a value may be opaque or not, only reading it tells.
    let all_opaque = Counted::is_every_row(&state.schema);
    let countable = all_opaque || !Counted::is_needed(&state.schema);
    for piece in pieces {
        let quickly = if countable { opener.count(&piece)? } else { None };
        let (found, read) = match quickly {
            Some(found) => {
                let rows_opaque = if all_opaque { found } else { 0 };
                (found, Completeness { rows_opaque, ..Completeness::default() })
            }
            None => counted(opener.rows(&piece)?, state).count_rows()?,
        };
        rows += found;
        seen = seen.and(read);
    }
    Ok((rows, seen))
}

/// The segments a scan asks for.
fn asked<'a>(state: &State, pieces: &'a [Piece], scan: &Scan) -> Result<&'a [Piece]> {
    let pieces = used(state.kind, pieces);
    match &scan.segments {
        Some(range) => {
            pieces.get(range.clone()).ok_or_else(|| Error::not_found("there are not so many segments"))
        }
        None => Ok(pieces),
    }
}

/// Key groups stay together, so segments are read, and sorted, on their own.
fn keyed(
    source: &FlinkSource,
    operator: &Operator,
    state: &State,
    pieces: &[Piece],
    scan: &Scan,
) -> Result<Box<dyn RowStream>> {
    let schema = state.schema.to_arrow(state.kind)?;
    let apart = are_apart(pieces);
    let threads = if scan.ahead { source.threads.clamp(1, pieces.len().max(1)) } else { 1 };
    // Whoever asks for some segments reads others at the same time.
    let sharing = if scan.segments.is_some() { source.threads } else { threads };
    let sort_bytes = (scan.sorted && apart).then_some(SORT_BYTES / sharing);
    let (opener, pieces) = opener(source, operator, pieces, scan, sort_bytes)?;
    let threads = threads.min(pieces.len());
    let rows: Box<dyn RowStream> = if threads > 1 {
        Box::new(Ahead::start(&opener, schema, &pieces, threads)?)
    } else {
        Box::new(KeyedScan::new(opener, schema, pieces))
    };
    if scan.sorted && !apart {
        return Ok(Box::new(Sorted::new(rows, state.schema.sort_columns(state.kind), SORT_BYTES)));
    }
    Ok(rows)
}

/// Every piece begins behind the one before.
fn are_apart(pieces: &[Piece]) -> bool {
    let ranges: Vec<_> = pieces.iter().map(Piece::key_groups).collect();
    ranges.is_sorted_by(|one, next| match (one, next) {
        (Some(one), Some(next)) => one.last() < next.first(),
        _ => false,
    })
}

/// What opens the pieces, and those that may hold rows of the key groups a scan asks for.
fn opener(
    source: &FlinkSource,
    operator: &Operator,
    pieces: &[Piece],
    scan: &Scan,
    sort_bytes: Option<usize>,
) -> Result<(Opener, Vec<KeyedPiece>)> {
    let opener = Opener {
        files: source.files.clone(),
        limits: source.limits.clone(),
        max_parallelism: operator.max_parallelism,
        key_groups: scan.key_groups,
        sort_bytes,
        shared: None,
    };
    let keyed = |piece: &Piece| match piece {
        Piece::Keyed(piece) => Ok(piece.clone()),
        Piece::Unreadable(reason) => Err(reason.error()),
        Piece::Elements(_) | Piece::Broadcast(_) => {
            Err(Error::invalid("subtasks keep a state in different ways"))
        }
    };
    let mut pieces: Vec<_> = pieces.iter().map(keyed).collect::<Result<_>>()?;
    pieces.retain(|piece| opener.wants(piece));
    Ok((opener, pieces))
}

fn elements(source: &FlinkSource, schema: SchemaRef, pieces: &[Piece]) -> Result<Rows<ElementReader>> {
    let lists = pieces.iter().map(|piece| match piece {
        Piece::Elements(list) => Ok(list.clone()),
        Piece::Unreadable(reason) => Err(reason.error()),
        Piece::Broadcast(_) | Piece::Keyed(_) => {
            Err(Error::invalid("subtasks keep a state in different ways"))
        }
    });
    let lists: Vec<Elements> = lists.collect::<Result<_>>()?;
    let (files, limits) = (source.files.clone(), source.limits.clone());
    let reader = ElementReader::new(files, limits, schema.clone(), lists);
    Ok(Rows::new(schema, reader))
}
