//! How much a source emits before the runtime looks whether there is a barrier.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use spt_runtime::job::Subtask;
use spt_runtime::sources::{Poll, Source, SourceReader};
use spt_runtime::{Environment, Out, Result};

use super::collect::Collect;
use super::word_count::at;

/// The numbers below this, as many in a poll as there is room for.
const NUMBERS: i64 = 6;

/// Notes how much room each poll has.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<u64>>>);

struct NotingReader {
    rooms: Noting,
    next: i64,
}

impl Source for Noting {
    type Item = i64;
    type Split = i64;
    type Reader = NotingReader;

    fn name(&self) -> &'static str {
        "noting"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, _: u32) -> Result<Vec<i64>> {
        Ok(vec![0])
    }

    fn reader(&self, _: &Subtask, splits: Vec<i64>) -> Result<NotingReader> {
        Ok(NotingReader { rooms: self.clone(), next: splits.first().copied().unwrap_or(NUMBERS) })
    }
}

impl SourceReader for NotingReader {
    type Item = i64;
    type Split = i64;

    fn poll(&mut self, out: &mut Out<'_, i64>) -> Result<Poll> {
        if self.next >= NUMBERS {
            return Ok(Poll::End);
        }
        self.rooms.0.lock().unwrap().push(out.room());
        while out.room() > 0 && self.next < NUMBERS {
            out.emit(self.next);
            self.next += 1;
        }
        Ok(Poll::Ready)
    }

    fn splits(&self) -> Vec<i64> {
        vec![self.next]
    }
}

#[test]
fn a_barrier_waits_for_one_record_of_operators_that_are_slow() {
    let (source, sink) = (Noting::default(), Collect::default());
    let env = Environment::new();
    let slow = |number: &i64| {
        std::thread::sleep(Duration::from_millis(11));
        *number
    };
    env.source(source.clone()).uid("noting-001").map(slow).sink(sink.clone()).uid("sink-001");
    env.start("slow", at(1)).unwrap().wait().unwrap();
    assert_eq!(sink.records(), (0..NUMBERS).collect::<Vec<_>>());
    assert_eq!(*source.0.lock().unwrap(), [1; NUMBERS as usize]);
}
