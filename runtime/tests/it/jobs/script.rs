//! A source for tests: records in order, read as far as the test lets them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use spt_runtime::job::Subtask;
use spt_runtime::sources::{Poll, Source, SourceReader, Span};
use spt_runtime::{Data, Out, Result};

/// Records that one subtask reads up to a mark, and to their end once it is let go. Copies share the mark.
#[derive(Clone)]
pub(super) struct Script<T> {
    records: Arc<Vec<T>>,
    mark: Arc<AtomicUsize>,
    /// Records that were emitted, all before them included.
    emitted: Arc<AtomicUsize>,
    /// The next barrier lets it go.
    waits_for_barrier: Arc<AtomicBool>,
}

impl<T> Script<T> {
    /// Nothing is read yet.
    pub(super) fn new(records: Vec<T>) -> Self {
        let (mark, emitted, waits_for_barrier) = Default::default();
        Self { records: Arc::new(records), mark, emitted, waits_for_barrier }
    }

    /// Reads on to this record, and waits until that has happened.
    pub(super) fn read_to(&self, mark: usize) {
        self.mark.store(mark, Ordering::SeqCst);
        let end = Instant::now() + Duration::from_secs(60);
        while self.emitted.load(Ordering::SeqCst) < mark {
            assert!(Instant::now() < end, "{} of {mark} records", self.emitted.load(Ordering::SeqCst));
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Reads on to the end.
    pub(super) fn let_go(&self) {
        self.mark.store(usize::MAX, Ordering::SeqCst);
    }

    /// Reads on to the end right behind the next barrier, while what is before it is still written.
    pub(super) fn let_go_at_barrier(&self) {
        self.waits_for_barrier.store(true, Ordering::SeqCst);
    }
}

impl<T: Data + Sync> Source for Script<T> {
    type Item = T;
    type Split = Span;
    type Reader = ScriptReader<T>;

    fn name(&self) -> &'static str {
        "script"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn parallelism(&self) -> Option<u32> {
        Some(1)
    }

    fn splits(&self, _: u32) -> Result<Vec<Span>> {
        Ok(vec![Span { next: 0, end: self.records.len() as i64 }])
    }

    fn reader(&self, _: &Subtask, splits: Vec<Span>) -> Result<ScriptReader<T>> {
        Ok(ScriptReader { script: self.clone(), span: splits[0] })
    }
}

pub(super) struct ScriptReader<T> {
    script: Script<T>,
    span: Span,
}

impl<T: Data + Sync> SourceReader for ScriptReader<T> {
    type Item = T;
    type Split = Span;

    fn poll(&mut self, out: &mut Out<'_, T>) -> Result<Poll> {
        let (next, mark) = (self.span.next as usize, self.script.mark.load(Ordering::SeqCst));
        let end = mark.min(self.script.records.len());
        self.script.records[next.min(end)..end].iter().for_each(|record| out.emit_ref(record.as_ref()));
        self.span.next = next.max(end) as i64;
        self.script.emitted.store(self.span.next as usize, Ordering::SeqCst);
        Ok(if mark == usize::MAX { Poll::End } else { Poll::Idle(Duration::from_millis(1)) })
    }

    fn splits(&self) -> Vec<Span> {
        vec![self.span]
    }

    fn snapshot(&mut self, _: u64) -> Vec<Span> {
        if self.script.waits_for_barrier.swap(false, Ordering::SeqCst) {
            self.script.let_go();
        }
        self.splits()
    }
}
