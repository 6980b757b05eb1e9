//! The merge join over parts of two states, on all cores; changes are told in order all the same.
//!
//! ```text
//! parts   0 1 2 3 4 5 …        a worker takes the next part while it is less than a window ahead
//! workers [0]   [1]            and sends what it finds, packed, into the part's own bounded channel
//! caller   0, then 1, then 2   empties one channel after the other
//! ```
//!
//! What waits to be told is bounded by the window, whatever the number of parts and changes.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use arrow_array::RecordBatch;

use super::merge::{Comparison, RowChange, RowChanges, Rows, merge};
use super::pack::Pack;
use super::parts::Part;
use super::state::{RowCounts, StateComparison};
use crate::error::{Error, Result, ResultExt};
use crate::model::RowStream;
use crate::parallel::processors;

/// Packs of one part that may wait to be told.
const WAITING_PACKS: usize = 2;

/// Opens both sides of a part.
pub(crate) type Open<'a> = dyn Fn(&Part) -> Result<[Box<dyn RowStream>; 2]> + Sync + 'a;

/// Who is told of changes, in order.
pub(crate) type Tell<'a> = dyn FnMut(&RowChanges<'_>) -> Result<()> + 'a;

/// What a worker says of its part.
enum Said {
    Changes(Pack),
    End(Result<StateComparison>),
}

/// A part to do, and where to say what was found.
struct Ticket {
    part: usize,
    said: SyncSender<Said>,
}

/// Compares part by part and tells every change, in the order of the parts.
///
/// # Errors
/// Those of the streams and of `tell`.
pub(crate) fn join(
    parts: &[Part],
    open: &Open<'_>,
    comparison: &Comparison<'_>,
    tell: &mut Tell<'_>,
) -> Result<StateComparison> {
    let cores = processors();
    let threads = cores.min(parts.len());
    let mut found = StateComparison::default();
    if threads > 1 {
        in_parallel(parts, threads, open, comparison, tell, &mut found)?;
    } else {
        for part in parts {
            found.add(one(part, open, comparison, tell)?);
        }
    }
    Ok(found)
}

fn one(
    part: &Part,
    open: &Open<'_>,
    comparison: &Comparison<'_>,
    tell: &mut Tell<'_>,
) -> Result<StateComparison> {
    let [mut left, mut right] = open(part)?;
    let mut counts = RowCounts::default();
    let (left_rows, right_rows) = (placed(left.by_ref(), "left"), placed(right.by_ref(), "right"));
    merge(left_rows, right_rows, comparison, &mut counts, tell)?;
    Ok(StateComparison { counts, completeness: left.completeness().and(right.completeness()) })
}

/// The rows, their errors saying on which side they are.
pub(super) fn placed<'a>(
    rows: impl Iterator<Item = Result<RecordBatch>> + 'a,
    side: &'static str,
) -> Rows<'a> {
    Box::new(rows.map(move |batch| batch.within(|| side)))
}

fn in_parallel(
    parts: &[Part],
    threads: usize,
    open: &Open<'_>,
    comparison: &Comparison<'_>,
    tell: &mut Tell<'_>,
    found: &mut StateComparison,
) -> Result<()> {
    let (tickets, queue) = channel::<Ticket>();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        // Whatever ends this closure, tickets and channels go with it, and the workers with them.
        let tickets = tickets;
        for _ in 0..threads {
            scope.spawn(|| work(&queue, parts, open, comparison));
        }
        let mut waiting: VecDeque<Receiver<Said>> = VecDeque::new();
        let mut next = 0;
        loop {
            while waiting.len() <= threads && next < parts.len() {
                let (said, hears) = sync_channel(WAITING_PACKS);
                if tickets.send(Ticket { part: next, said }).is_err() {
                    return Err(lost_worker());
                }
                waiting.push_back(hears);
                next += 1;
            }
            let Some(part) = waiting.pop_front() else { return Ok(()) };
            found.add(listen(&part, tell)?);
        }
    })
}

fn work(queue: &Mutex<Receiver<Ticket>>, parts: &[Part], open: &Open<'_>, comparison: &Comparison<'_>) {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Ticket { part, said }) = next() {
        let Some(part) = parts.get(part) else { return };
        let ended = packed(part, open, comparison, &said);
        // Nobody listens any more after an error: the queue ends too.
        let _ = said.send(Said::End(ended));
    }
}

/// One part, its changes packed and sent.
fn packed(
    part: &Part,
    open: &Open<'_>,
    comparison: &Comparison<'_>,
    said: &SyncSender<Said>,
) -> Result<StateComparison> {
    let send = |pack: Pack| said.send(Said::Changes(pack)).map_err(|_| lost_worker());
    let mut pack = Pack::default();
    let ended = one(part, open, comparison, &mut |changes: &RowChanges<'_>| {
        pack.add(changes)?;
        if pack.is_full() { send(std::mem::take(&mut pack)) } else { Ok(()) }
    })?;
    if !pack.is_empty() {
        send(pack)?;
    }
    Ok(ended)
}

fn listen(part: &Receiver<Said>, tell: &mut Tell<'_>) -> Result<StateComparison> {
    loop {
        match part.recv() {
            Ok(Said::Changes(pack)) => pack.tell(tell)?,
            Ok(Said::End(ended)) => return ended,
            Err(_) => return Err(lost_worker()),
        }
    }
}

fn lost_worker() -> Error {
    Error::invalid("the other side of a comparison has ended")
}

/// All of these rows, each with this change.
pub(super) fn all_rows(rows: usize, change: fn(usize) -> RowChange) -> Vec<RowChange> {
    (0..rows).map(change).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, Int64Array};
    use arrow_schema::{DataType, Field, Schema, SchemaRef};

    use super::*;
    use crate::diff::merge::Pick;
    use crate::model::Completeness;

    /// Numbers from `first` on in steps, of which one could not be read.
    struct Numbers {
        batches: std::vec::IntoIter<RecordBatch>,
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
    }

    impl Numbers {
        fn boxed(numbers: impl Iterator<Item = i64>) -> Box<dyn RowStream> {
            let numbers: Vec<i64> = numbers.collect();
            let batch = |numbers: &[i64]| {
                RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from(numbers.to_vec()))]).unwrap()
            };
            let batches: Vec<RecordBatch> = numbers.chunks(700).map(batch).collect();
            Box::new(Self { batches: batches.into_iter() })
        }
    }

    impl Iterator for Numbers {
        type Item = Result<RecordBatch>;

        fn next(&mut self) -> Option<Self::Item> {
            self.batches.next().map(Ok)
        }
    }

    impl RowStream for Numbers {
        fn schema(&self) -> SchemaRef {
            schema()
        }

        fn completeness(&self) -> Completeness {
            Completeness { rows_unread: 1, rows_opaque: 0 }
        }
    }

    fn comparison() -> Comparison<'static> {
        let all = || -> Pick<'static> { Box::new(|batch| Ok(batch.columns().to_vec())) };
        let none = || -> Pick<'static> { Box::new(|_| Ok(Vec::new())) };
        Comparison { identity: [all(), all()], value: [none(), none()], touched: [none(), none()] }
    }

    fn number(batch: Option<&RecordBatch>, row: usize) -> i64 {
        batch.unwrap().column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(row)
    }

    const PARTS: i64 = 40;
    const ROWS: i64 = 20_000;

    /// Part n has the numbers of its range: the left those that 3 divides, the right those that 2 divides.
    fn open(part: &Part) -> Result<[Box<dyn RowStream>; 2]> {
        let first = part.left.start as i64 * ROWS;
        let of = |step| Numbers::boxed((first..first + ROWS).filter(move |n| n % step == 0));
        Ok([of(3), of(2)])
    }

    fn parts() -> Vec<Part> {
        let part = |n| Part { left: n..n + 1, right: 0..0, key_groups: None };
        (0..PARTS as usize).map(part).collect()
    }

    #[test]
    fn changes_are_told_in_order_whoever_finds_them_first() {
        for threads in [1, 2, 7] {
            let mut told = Vec::new();
            let mut found = StateComparison::default();
            let mut tell = |changes: &RowChanges<'_>| {
                told.extend(changes.rows.iter().map(|change| match *change {
                    RowChange::Removed(row) => -number(changes.left, row),
                    RowChange::Added(row) => number(changes.right, row),
                    other => panic!("{other:?}"),
                }));
                Ok(())
            };
            in_parallel(&parts(), threads, &open, &comparison(), &mut tell, &mut found).unwrap();
            let expected: Vec<i64> = (0..PARTS * ROWS)
                .filter(|n| (n % 3 == 0) != (n % 2 == 0))
                .map(|n| if n % 3 == 0 { -n } else { n })
                .collect();
            assert!(told == expected, "{threads} threads");
            assert_eq!(found.counts.same, (PARTS * ROWS).unsigned_abs().div_ceil(6));
            assert_eq!(found.completeness.rows_unread, 2 * PARTS.unsigned_abs());
        }
    }

    #[test]
    fn an_error_on_either_end_ends_all() {
        let mut found = StateComparison::default();
        let mut told = 0;
        let mut refuse = |_: &RowChanges<'_>| {
            told += 1;
            if told == 3 { Err(Error::invalid("enough")) } else { Ok(()) }
        };
        let error = in_parallel(&parts(), 3, &open, &comparison(), &mut refuse, &mut found).unwrap_err();
        assert_eq!(error.to_string(), "enough");
        let broken = |part: &Part| match part.left.start {
            7 => Err(Error::invalid("part 7")),
            _ => open(part),
        };
        let mut ignore = |_: &RowChanges<'_>| Ok(());
        let error = in_parallel(&parts(), 3, &broken, &comparison(), &mut ignore, &mut found).unwrap_err();
        assert_eq!(error.to_string(), "part 7");
    }
}
