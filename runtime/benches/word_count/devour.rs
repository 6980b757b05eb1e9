//! A sink that keeps nothing, and notes how long it waited for what it got.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use spt_runtime::job::Subtask;
use spt_runtime::sinks::{Sink, SinkWriter, Start};
use spt_runtime::{Data, Result};

/// Records between two looks at the clock.
const LOOK_EVERY: u32 = 1024;

/// A duration, and how much of it the thread was on the processor, which a busy machine does not lengthen.
#[derive(Clone, Copy)]
pub struct Span {
    pub passed: Duration,
    pub on_processor: Duration,
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1?} ({:.1?} on the processor)", self.passed, self.on_processor)
    }
}

/// The longest of several, in nanoseconds; passed and on the processor apart.
#[derive(Default)]
struct Longest([AtomicU64; 2]);

impl Longest {
    fn note(&self, span: Span) {
        for (longest, found) in self.0.iter().zip([span.passed, span.on_processor]) {
            longest.fetch_max(found.as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// The longest since the last time.
    fn take(&self) -> Span {
        let [passed, on_processor] =
            [0, 1].map(|which| Duration::from_nanos(self.0[which].swap(0, Ordering::Relaxed)));
        Span { passed, on_processor }
    }
}

/// What all subtasks of the sink have seen.
#[derive(Default)]
pub struct Pauses {
    outputs: Longest,
    barriers: Longest,
    /// A record came.
    pub is_reached: AtomicBool,
}

impl Pauses {
    /// The longest time without output, but for some [`LOOK_EVERY`] records.
    pub fn output(&self) -> Span {
        self.outputs.take()
    }

    /// The longest time from the last output before a barrier to the barrier: what the state before the sink was
    /// frozen in. A few records may be in it.
    pub fn barrier(&self) -> Span {
        self.barriers.take()
    }
}

/// Looks at every record and keeps none.
#[derive(Clone)]
pub struct Devour {
    pub pauses: Arc<Pauses>,
}

impl<T: Data> Sink<T> for Devour {
    type Writer = DevourWriter;
    type Committable = ();

    fn name(&self) -> &'static str {
        "devour"
    }

    fn is_exactly_once(&self) -> bool {
        false
    }

    fn writer(&self, _: &Subtask) -> Result<DevourWriter> {
        Ok(DevourWriter { pauses: Arc::clone(&self.pauses), records: 0, last: None })
    }

    fn commit(&self, _: &[()]) -> Result<()> {
        Ok(())
    }

    fn recover(&self, _: &Start, _: &[()]) -> Result<()> {
        Ok(())
    }
}

pub struct DevourWriter {
    pauses: Arc<Pauses>,
    records: u32,
    /// When it last looked at the clocks.
    last: Option<(Instant, Duration)>,
}

impl DevourWriter {
    /// The time since the last look.
    fn look(&mut self) -> Option<Span> {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let now = (Instant::now(), Duration::new(time.tv_sec as u64, time.tv_nsec as u32));
        let last = self.last.replace(now)?;
        Some(Span { passed: now.0 - last.0, on_processor: now.1 - last.1 })
    }

    #[cold]
    fn look_at_output(&mut self) {
        self.pauses.is_reached.store(true, Ordering::Relaxed);
        if let Some(span) = self.look() {
            self.pauses.outputs.note(span);
        }
    }
}

impl<T: Data> SinkWriter<T> for DevourWriter {
    type Committable = ();

    #[inline]
    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        black_box(record);
        if self.records.is_multiple_of(LOOK_EVERY) {
            self.look_at_output();
        }
        self.records = self.records.wrapping_add(1);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        if let Some(span) = self.look() {
            self.pauses.outputs.note(span);
            self.pauses.barriers.note(span);
        }
        Ok(Vec::new())
    }
}
