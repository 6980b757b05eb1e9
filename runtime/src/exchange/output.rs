//! The end of a chain that sends its records to another task.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use spt_format::Partitioning;

use super::batch::{Batch, KeyedBatch, Lane, Records};
use super::link::{Element, Exchange, LinkSender};
use super::select::{KeyOf, ValueOf};
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::operators::{Signal, Stage};
use crate::state::{Key, KeyArena, Places};
use crate::tasks::{Blame, TaskContext, TaskMetrics};

/// A batch under construction for each downstream subtask.
struct Targets<B> {
    links: Vec<LinkSender<B>>,
    batches: Vec<B>,
    metrics: Arc<TaskMetrics>,
}

impl<B: Batch> Targets<B> {
    fn new(links: Vec<LinkSender<B>>, metrics: Arc<TaskMetrics>) -> Self {
        let batches = links.iter().map(|_| B::default()).collect();
        Self { links, batches, metrics }
    }

    /// Fills the batch of a target, and sends it if that made it full.
    #[inline(always)]
    fn with(&mut self, target: usize, fill: impl FnOnce(&mut B)) -> Result<()> {
        let Some(batch) = self.batches.get_mut(target) else { return Ok(()) };
        fill(batch);
        if batch.is_full() { self.send(target) } else { Ok(()) }
    }

    #[cold]
    fn send(&mut self, target: usize) -> Result<()> {
        match (self.links.get(target), self.batches.get_mut(target)) {
            (Some(link), Some(batch)) if !batch.is_empty() => {
                self.metrics.sent(batch.len());
                let since = Instant::now();
                let sent = link.send(Element::Batch(std::mem::replace(batch, link.batch())));
                self.metrics.held_up(since.elapsed());
                sent
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        (0..self.links.len()).try_for_each(|target| self.send(target))
    }

    fn broadcast(&mut self, element: impl Fn() -> Element<B>) -> Result<()> {
        self.flush()?;
        self.links.iter().try_for_each(|link| link.send(element()))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        match signal {
            Signal::Flush => self.flush(),
            Signal::Watermark(watermark) => {
                let watermark = *watermark;
                self.broadcast(|| Element::Watermark(watermark))
            }
            Signal::Barrier(barrier, _) => {
                let barrier = *barrier;
                self.broadcast(|| Element::Barrier(barrier))
            }
            Signal::End(_) => self.broadcast(|| Element::End),
            Signal::Idle(is_idle) => {
                let is_idle = *is_idle;
                self.broadcast(|| Element::Idle(is_idle))
            }
            Signal::Committed(_) | Signal::Split(_) | Signal::Tick(_) => Ok(()),
        }
    }
}

/// To which subtasks a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// To one after the other. Where there is a single link, to its end.
    InTurn,
    /// To any.
    AtRandom,
    /// To the first.
    First,
    /// To every one.
    Every,
}

impl From<Partitioning> for Route {
    fn from(partitioning: Partitioning) -> Self {
        match partitioning {
            Partitioning::Shuffle => Self::AtRandom,
            Partitioning::Global => Self::First,
            Partitioning::Broadcast => Self::Every,
            Partitioning::Forward | Partitioning::Rebalance | Partitioning::Hash => Self::InTurn,
        }
    }
}

/// Sends records without regard to what they are.
pub(crate) struct RecordsOutput<T: Data, L: Lane> {
    targets: Targets<L::Batch>,
    route: Route,
    /// The subtask that was sent to last, or the state of a generator of random numbers.
    last: u64,
    records: PhantomData<fn(T)>,
}

impl<T: Data, L: Lane<Part = Records<T>>> RecordsOutput<T, L> {
    /// The way out of a subtask. Each begins its turns elsewhere, so that together they treat all alike.
    pub(crate) fn new(exchange: &Exchange<L::Batch>, context: &TaskContext, route: Route) -> Self {
        let targets = Targets::new(exchange.outputs(context.index()), context.metrics());
        let last = match route {
            Route::AtRandom => SEED ^ u64::from(context.index()),
            _ => u64::from(context.index()),
        };
        Self { targets, route, last, records: PhantomData }
    }

    fn target(&mut self) -> usize {
        let links = self.targets.links.len() as u64;
        match self.route {
            Route::InTurn => {
                self.last = if self.last + 1 < links { self.last + 1 } else { 0 };
                self.last as usize
            }
            Route::AtRandom => {
                self.last = xorshift(self.last);
                self.last.checked_rem(links).unwrap_or_default() as usize
            }
            Route::First | Route::Every => 0,
        }
    }
}

/// Where a generator of random numbers begins; anything but 0.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// # Source
/// Marsaglia, Xorshift RNGs (2003).
fn xorshift(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

impl<T: Data, L: Lane<Part = Records<T>>> Stage<T> for RecordsOutput<T, L> {
    #[inline]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        if self.route == Route::Every {
            let all = 0..self.targets.links.len();
            return all
                .into_iter()
                .try_for_each(|target| self.targets.with(target, |batch| L::part(batch).push(record, time)));
        }
        let target = self.target();
        self.targets.with(target, |batch| L::part(batch).push(record, time))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.targets.signal(signal)
    }
}

/// Sends the key and a value of each record to the subtask that owns the key's group.
pub(crate) struct KeyedOutput<K, V, L: Lane, F, G> {
    targets: Targets<L::Batch>,
    places: Places,
    /// The owner of each key group.
    owners: Vec<u32>,
    key: F,
    value: G,
    /// The operator whose key and value they are.
    blame: Blame,
    types: PhantomData<fn(K, V)>,
}

impl<K, V, L: Lane, F, G> KeyedOutput<K, V, L, F, G> {
    /// Over these links to the operator `node`. `owners` has the subtask of each of its key groups; `key` and
    /// `value` are taken from records.
    pub(crate) fn new(
        links: Vec<LinkSender<L::Batch>>,
        context: &TaskContext,
        node: usize,
        owners: Vec<u32>,
        key: F,
        value: G,
    ) -> Self {
        let targets = Targets::new(links, context.metrics());
        let places = Places::new(owners.len() as u32);
        Self { targets, places, owners, key, value, blame: context.blame(node), types: PhantomData }
    }
}

impl<T, K, V, L, F, G> Stage<T> for KeyedOutput<K, V, L, F, G>
where
    T: Data,
    K: Key,
    V: Data,
    L: Lane<Part = KeyedBatch<K, V>>,
    F: KeyOf<T, K>,
    G: ValueOf<T, V>,
{
    #[inline(always)]
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        let record = T::shorten(record);
        let Self { targets, places, owners, key, value, blame, .. } = self;
        let send = |key: &K::Borrowed| {
            let place = places.of::<K>(key);
            let owner = owners.get(usize::from(place.group.0)).copied().unwrap_or_default();
            targets.with(owner as usize, |batch| {
                let batch = L::part(batch);
                batch.times.push(batch.places.len(), time);
                batch.keys.push(key);
                batch.places.push(place);
                value.push(&record, &mut batch.values);
            })
        };
        blame.on(|| key.with(&record, send))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.targets.signal(signal)
    }
}
