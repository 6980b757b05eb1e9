//! Segments decoded on several threads, given out in their order.
//!
//! ```text
//! thread 0   segment 0, 2, 4, …  ─► lane 0 ─┐
//! thread 1   segment 1, 3, 5, …  ─► lane 1 ─┴► 0, 1, 2, 3, … batch by batch
//! ```
//!
//! A lane holds so many bytes and no more: a thread that is ahead waits, so memory follows neither the state nor
//! its segments.

mod lane;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{Completeness, Error, Result, RowStream, bytes_of_rows};

use self::lane::{Lane, Producer};
use super::keyed::Opener;
use super::pieces::KeyedPiece;

/// Bytes of batches that wait in all lanes together.
const WAITING_BYTES: usize = 64 << 20;

/// The rows of some pieces, made ahead.
pub(super) struct Ahead {
    schema: SchemaRef,
    lanes: Vec<Arc<Lane<Made>>>,
    threads: Vec<JoinHandle<()>>,
    /// Where the next batch comes from; counts segments.
    segment: usize,
    segments: usize,
    /// Of segments that ended, and of the current one.
    completeness: [Completeness; 2],
}

/// What a thread makes of a segment.
enum Made {
    Batch(RecordBatch, Completeness),
    Failed(Error),
    End(Completeness),
}

impl Ahead {
    /// Starts reading these pieces with so many threads.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(
        opener: &Opener,
        schema: SchemaRef,
        pieces: &[KeyedPiece],
        threads: usize,
    ) -> Result<Self> {
        let mut ahead = Self {
            schema,
            lanes: Vec::new(),
            threads: Vec::new(),
            segment: 0,
            segments: pieces.len(),
            completeness: Default::default(),
        };
        for number in 0..threads {
            let lane = Lane::new(WAITING_BYTES / threads);
            let producer = Producer::new(Arc::clone(&lane));
            let pieces: Vec<_> = pieces.iter().skip(number).step_by(threads).cloned().collect();
            let opener = opener.clone();
            let thread = thread::Builder::new().name(format!("scan-{number}"));
            let thread = thread.spawn(move || read(opener, &pieces, &producer));
            ahead.threads.push(thread.map_err(|error| Error::io("start", "a thread", error))?);
            ahead.lanes.push(lane);
        }
        Ok(ahead)
    }

    fn end(&mut self) {
        self.segment = self.segments;
        self.lanes.iter().for_each(|lane| lane.close());
    }
}

/// Reads pieces until nobody wants them, or one cannot be read.
fn read(mut opener: Opener, pieces: &[KeyedPiece], producer: &Producer<Made>) {
    for piece in pieces {
        match read_piece(&mut opener, piece, producer) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                producer.push(Made::Failed(error), 0);
                return;
            }
        }
    }
}

/// False if nobody wants its rows.
fn read_piece(opener: &mut Opener, piece: &KeyedPiece, producer: &Producer<Made>) -> Result<bool> {
    let mut rows = opener.rows(piece)?;
    while let Some(batch) = rows.next().transpose()? {
        let bytes = bytes_of_rows(&batch);
        if !producer.push(Made::Batch(batch, rows.completeness()), bytes) {
            return Ok(false);
        }
    }
    Ok(producer.push(Made::End(rows.completeness()), 0))
}

impl Iterator for Ahead {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.segment < self.segments {
            let lane = self.lanes.get(self.segment % self.lanes.len().max(1))?;
            match lane.pop() {
                Some(Made::Batch(batch, seen)) => {
                    self.completeness[1] = seen;
                    return Some(Ok(batch));
                }
                Some(Made::End(seen)) => {
                    self.completeness = [self.completeness[0].and(seen), Completeness::default()];
                    self.segment += 1;
                }
                Some(Made::Failed(error)) => {
                    self.end();
                    return Some(Err(error));
                }
                None => {
                    self.end();
                    return Some(Err(Error::invalid("a thread that decodes rows has stopped")));
                }
            }
        }
        None
    }
}

impl RowStream for Ahead {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn completeness(&self) -> Completeness {
        self.completeness[0].and(self.completeness[1])
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.end();
        for thread in self.threads.drain(..) {
            // A thread that panicked has been reported by its lane.
            let _ = thread.join();
        }
    }
}
