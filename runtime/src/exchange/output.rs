//! The end of a chain that sends its records to another task.

use std::sync::Arc;

use super::batch::{Batch, KeyedBatch, Records};
use super::link::{Element, LinkSender};
use super::select::{KeyOf, ValueOf};
use crate::data::{Column, Data};
use crate::error::Result;
use crate::operators::{Signal, Stage};
use crate::state::{Key, KeyArena, Place};
use crate::tasks::VertexMetrics;

/// A batch under construction for each downstream subtask.
struct Targets<B> {
    links: Vec<LinkSender<B>>,
    batches: Vec<B>,
    metrics: Arc<VertexMetrics>,
}

impl<B: Batch> Targets<B> {
    fn new(links: Vec<LinkSender<B>>, metrics: Arc<VertexMetrics>) -> Self {
        let batches = links.iter().map(|_| B::default()).collect();
        Self { links, batches, metrics }
    }

    /// Fills the batch of a target, and sends it if that made it full.
    #[inline]
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
                link.send(Element::Batch(std::mem::replace(batch, link.batch())))
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
            Signal::Committed(_) => Ok(()),
        }
    }
}

/// Sends each record to one subtask after the other.
pub(crate) struct RebalanceOutput<T: Data> {
    targets: Targets<Records<T>>,
    next: usize,
}

impl<T: Data> RebalanceOutput<T> {
    /// Over these links.
    pub(crate) fn new(links: Vec<LinkSender<Records<T>>>, metrics: Arc<VertexMetrics>) -> Self {
        Self { targets: Targets::new(links, metrics), next: 0 }
    }
}

impl<T: Data> Stage<T> for RebalanceOutput<T> {
    #[inline]
    fn push(&mut self, record: T::Ref<'_>) -> Result<()> {
        let target = self.next;
        self.next = if target + 1 < self.targets.links.len() { target + 1 } else { 0 };
        self.targets.with(target, |batch| batch.0.push(record))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.targets.signal(signal)
    }
}

/// Sends the key and a value of each record to the subtask that owns the key's group.
pub(crate) struct KeyedOutput<K: Key, V: Data, F, G> {
    targets: Targets<KeyedBatch<K, V>>,
    /// The owner of each key group.
    owners: Vec<u32>,
    key: F,
    value: G,
}

impl<K: Key, V: Data, F, G> KeyedOutput<K, V, F, G> {
    /// Over these links. `owners` has the subtask of each key group; `key` and `value` are taken from records.
    pub(crate) fn new(
        links: Vec<LinkSender<KeyedBatch<K, V>>>,
        metrics: Arc<VertexMetrics>,
        owners: Vec<u32>,
        key: F,
        value: G,
    ) -> Self {
        Self { targets: Targets::new(links, metrics), owners, key, value }
    }
}

impl<T, K, V, F, G> Stage<T> for KeyedOutput<K, V, F, G>
where
    T: Data,
    K: Key,
    V: Data,
    F: KeyOf<T, K>,
    G: ValueOf<T, V>,
{
    #[inline]
    fn push(&mut self, record: T::Ref<'_>) -> Result<()> {
        let record = T::shorten(record);
        let max_parallelism = self.owners.len() as u32;
        let Self { targets, owners, key, value } = self;
        key.with(&record, |key| {
            let place = Place::of::<K>(key, max_parallelism);
            let owner = owners.get(usize::from(place.group.0)).copied().unwrap_or_default();
            targets.with(owner as usize, |batch| {
                batch.keys.push(key);
                batch.places.push(place);
                value.push(&record, &mut batch.values);
            })
        })
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.targets.signal(signal)
    }
}
