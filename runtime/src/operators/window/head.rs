//! Windows of one stream.

use std::marker::PhantomData;

use super::contents::{Contents, Fill, WindowResult};
use super::core::{WindowCore, WindowTerms};
use crate::data::Data;
use crate::error::Result;
use crate::exchange::KeyedBatch;
use crate::operators::input::{HeadOperator, StreamKey};
use crate::operators::out::Out;
use crate::operators::side_output::OutputTag;
use crate::operators::stage::{Signal, Stage};
use crate::savepoint::{KeyedPart, Snapshot, StateSlot};
use crate::state::{Declaration, KeyedTable, Place, TimeWindow};
use crate::tasks::{Head, TaskContext};

/// Windows of a keyed stream in the graph.
pub(crate) struct Window<K, T, F, R> {
    pub(crate) terms: WindowTerms,
    pub(crate) fill: F,
    pub(crate) result: R,
    /// Where late records go.
    pub(crate) late: Option<OutputTag<T>>,
    pub(crate) keys: PhantomData<fn() -> K>,
}

impl<K, T, F: Clone, R: Clone> Clone for Window<K, T, F, R> {
    fn clone(&self) -> Self {
        Self {
            terms: self.terms,
            fill: self.fill.clone(),
            result: self.result.clone(),
            late: self.late.clone(),
            keys: PhantomData,
        }
    }
}

impl<K: StreamKey, T: Data, F: Fill<T>, R> Window<K, T, F, R> {
    pub(crate) fn declarations(&self) -> Vec<Declaration> {
        let contents = Declaration::keyed::<K, F::Cell, TimeWindow>("window-contents", F::KIND);
        [contents].into_iter().chain(self.terms.declarations::<K>()).collect()
    }
}

/// The contents of such windows in one subtask.
struct Single<K: StreamKey, T: Data, F: Fill<T>, R> {
    table: KeyedTable<K, F::Cell, TimeWindow>,
    fill: F,
    result: R,
    slot: StateSlot,
}

impl<K, T, F, R> Single<K, T, F, R>
where
    K: StreamKey,
    T: Data,
    F: Fill<T>,
{
    fn add(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        window: &TimeWindow,
        record: T::Ref<'_>,
    ) -> Result<()> {
        if let Some(cell) = self.table.get_mut(place, key, window) {
            return self.fill.add(cell, record);
        }
        let first = self.fill.first(record);
        self.table.put(place, key, window, first);
        Ok(())
    }
}

impl<K, T, F, R> Contents<K> for Single<K, T, F, R>
where
    K: StreamKey,
    T: Data,
    F: Fill<T>,
    R: WindowResult<K, F::Cell>,
{
    type Out = R::Out;

    fn has(&self, place: Place, key: &K::Borrowed, window: &TimeWindow) -> bool {
        self.table.get(place, key, window).is_some()
    }

    fn merge(&mut self, place: Place, key: &K::Borrowed, from: &TimeWindow, into: &TimeWindow) -> Result<()> {
        let Some(moved) = self.table.remove(place, key, from) else { return Ok(()) };
        match self.table.get_mut(place, key, into) {
            Some(cell) => self.fill.merge(cell, moved),
            None => {
                self.table.put(place, key, into, moved);
                Ok(())
            }
        }
    }

    fn fire(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        window: TimeWindow,
        out: &mut Out<'_, R::Out>,
    ) -> Result<()> {
        if let Some(cell) = self.table.get(place, key, &window) {
            self.result.emit(key, window, cell, out);
        }
        Ok(())
    }

    fn purge(&mut self, place: Place, key: &K::Borrowed, window: &TimeWindow) {
        drop(self.table.remove(place, key, window));
    }

    fn keep(&mut self, snapshot: &mut Snapshot) {
        snapshot.keep(self.slot, KeyedPart(self.table.freeze()));
    }
}

pub(crate) struct WindowHead<K: StreamKey, T: Data, F: Fill<T>, R, E> {
    contents: Single<K, T, F, R>,
    core: WindowCore<K, E>,
    late: Option<OutputTag<T>>,
}

impl<K, T, F, R> HeadOperator<KeyedBatch<K, T>> for Window<K, T, F, R>
where
    K: StreamKey,
    T: Data,
    F: Fill<T>,
    R: WindowResult<K, F::Cell>,
{
    type Out = R::Out;
    type Head<E: Stage<R::Out> + 'static> = WindowHead<K, T, F, R, E>;
    const HAS_SIDE_OUTPUTS: bool = true;

    fn head<E: Stage<R::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<Self::Head<E>> {
        let slot = StateSlot { operator: node, state: 0 };
        context.blame(node).on_result(|| {
            let contents =
                Single { table: context.keyed_table(slot)?, fill: self.fill, result: self.result, slot };
            let core = WindowCore::open(self.terms, context, StateSlot { state: 1, ..slot }, next)?;
            Ok(WindowHead { contents, core, late: self.late })
        })
    }
}

impl<K, T, F, R, E> Head<KeyedBatch<K, T>> for WindowHead<K, T, F, R, E>
where
    K: StreamKey,
    T: Data,
    F: Fill<T>,
    R: WindowResult<K, F::Cell>,
    E: Stage<R::Out>,
{
    fn feed(&mut self, batch: &KeyedBatch<K, T>) -> Result<()> {
        for (place, key, record, time) in batch.entries() {
            let add = |contents: &mut Single<K, T, F, R>, window: &TimeWindow| {
                contents.add(place, key, window, record)
            };
            if self.core.put(place, key, time, &mut self.contents, add)? {
                continue;
            }
            match &self.late {
                Some(tag) => self.core.side.emit_ref(tag, record, time)?,
                None => self.core.drop_late(),
            }
        }
        Ok(())
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.core.signal(signal, &mut self.contents)
    }
}
