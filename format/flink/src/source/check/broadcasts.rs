//! Are all copies of a broadcast map the same? Every subtask writes its own, and a restore deals the copies out by the
//! new parallelism.

use std::cmp::Ordering;

use arrow_array::RecordBatch;
use spt_format::{Column, Error, Result, ResultExt, RowOrder, State, StateKind, sort_batch};

use super::super::FlinkSource;
use super::super::pieces::Piece;
use super::super::scan::broadcast;
use super::{Trouble, TroubleKind, kind_of};
use crate::rows::BatchReader;

const COLUMNS: [Column; 2] = [Column::MapKey, Column::Value];

/// Maps of which a copy differs from the first.
pub(super) fn check(source: &FlinkSource) -> Vec<Trouble> {
    let operators = source.savepoint.operators.iter().zip(&source.tables);
    let states = operators.flat_map(|(operator, tables)| {
        operator.states.iter().zip(tables).map(move |(state, pieces)| (operator, state, pieces))
    });
    let maps = states.filter(|(_, state, pieces)| state.kind == StateKind::Broadcast && pieces.len() > 1);
    maps.filter_map(|(operator, state, pieces)| {
        let place = format!("operator {}, state {:?}", operator.label(), state.name);
        match differing(source, state, pieces) {
            Ok(None) => None,
            Ok(Some(copy)) => {
                let what = format!("copy {copy} of {} is not the same as the first", pieces.len());
                Some(Trouble::new(TroubleKind::Copies, Error::invalid(what).within(place)))
            }
            Err(error) => Some(Trouble::new(kind_of(&error), error.within(place))),
        }
    })
    .collect()
}

/// The first copy that is not the same as copy 1.
fn differing(source: &FlinkSource, state: &State, pieces: &[Piece]) -> Result<Option<usize>> {
    let mut first: Option<Vec<RecordBatch>> = None;
    for (copy, piece) in (1..).zip(pieces) {
        let found = rows(source, state, piece)?;
        match &first {
            None => first = Some(found),
            Some(first) if !is_same(first, &found)? => return Ok(Some(copy)),
            Some(_) => {}
        }
    }
    Ok(None)
}

/// The entries of a copy, those of each batch in the order of their keys.
fn rows(source: &FlinkSource, state: &State, piece: &Piece) -> Result<Vec<RecordBatch>> {
    let Piece::Broadcast(map) = piece else { return Ok(Vec::new()) };
    let mut reader = broadcast(source, state, map)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push(batch);
    }
    let whole = match batches.as_slice() {
        [] => return Ok(batches),
        [first, ..] => arrow_select::concat::concat_batches(&first.schema(), &batches),
    };
    let whole = whole.map_err(|error| Error::invalid("copies do not fit their schema").caused_by(error))?;
    Ok(vec![sort_batch(&whole, &[Column::MapKey])?])
}

fn is_same(left: &[RecordBatch], right: &[RecordBatch]) -> Result<bool> {
    match (left, right) {
        ([], []) => Ok(true),
        ([left], [right]) if left.num_rows() == right.num_rows() => {
            let order = RowOrder::of_batches(left, right, &COLUMNS).within(|| "copies")?;
            Ok((0..left.num_rows()).all(|row| order.compare(row, row) == Ordering::Equal))
        }
        _ => Ok(false),
    }
}
