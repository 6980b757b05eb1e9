//! Windows of two streams: what has the same key and falls into the same window meets.

use std::marker::PhantomData;

use spt_format::StateKind;

use super::contents::Contents;
use super::core::{WindowCore, WindowTerms};
use crate::data::Data;
use crate::error::Result;
use crate::exchange::{KeyedBatch, Pair};
use crate::operators::input::{HeadOperator, StreamKey};
use crate::operators::out::Out;
use crate::operators::process::KeyedPair;
use crate::operators::stage::{Signal, Stage};
use crate::savepoint::{KeyedPart, Snapshot, StateSlot};
use crate::state::{Declaration, KeyedTable, ListCell, Place, State, TimeWindow};
use crate::tasks::{Head, TaskContext};

/// What makes of both sides of a key and window what is emitted. Either may be empty, not both.
pub(crate) trait Group<K: StreamKey, A, B, O>:
    FnMut(&K::Borrowed, TimeWindow, &ListCell<A>, &ListCell<B>, &mut Out<'_, O>) + Clone + Send + 'static
{
}

impl<K: StreamKey, A, B, O, F> Group<K, A, B, O> for F where
    F: FnMut(&K::Borrowed, TimeWindow, &ListCell<A>, &ListCell<B>, &mut Out<'_, O>) + Clone + Send + 'static
{
}

/// Two windowed streams in the graph.
pub(crate) struct Joined<K, A, B, O, F> {
    pub(crate) terms: WindowTerms,
    pub(crate) group: F,
    pub(crate) types: PhantomData<fn(K, A, B) -> O>,
}

impl<K, A, B, O, F: Clone> Clone for Joined<K, A, B, O, F> {
    fn clone(&self) -> Self {
        Self { terms: self.terms, group: self.group.clone(), types: PhantomData }
    }
}

impl<K: StreamKey, A: Data + State, B: Data + State, O, F> Joined<K, A, B, O, F> {
    pub(crate) fn declarations(&self) -> Vec<Declaration> {
        let first = Declaration::keyed::<K, ListCell<A>, TimeWindow>("window-first", StateKind::List);
        let second = Declaration::keyed::<K, ListCell<B>, TimeWindow>("window-second", StateKind::List);
        [first, second].into_iter().chain(self.terms.declarations::<K>()).collect()
    }
}

/// The records of one side.
struct Side<K: StreamKey, T: State> {
    table: KeyedTable<K, ListCell<T>, TimeWindow>,
    slot: StateSlot,
}

impl<K: StreamKey, T: State> Side<K, T> {
    fn open(context: &TaskContext, slot: StateSlot) -> Result<Self> {
        Ok(Self { table: context.keyed_table(slot)?, slot })
    }

    fn add(&mut self, place: Place, key: &K::Borrowed, window: &TimeWindow, record: T) {
        if let Some(cell) = self.table.get_or_insert_with(place, key, window, ListCell::default) {
            cell.push(record);
        }
    }

    fn merge(&mut self, place: Place, key: &K::Borrowed, from: &TimeWindow, into: &TimeWindow) {
        let Some(moved) = self.table.remove(place, key, from) else { return };
        if let Some(cell) = self.table.get_or_insert_with(place, key, into, ListCell::default) {
            cell.extend(moved.iter().cloned());
        }
    }

    fn keep(&mut self, snapshot: &mut Snapshot) {
        snapshot.keep(self.slot, KeyedPart(self.table.freeze()));
    }
}

/// The contents of such windows in one subtask.
struct Sides<K: StreamKey, A: State, B: State, O, F> {
    first: Side<K, A>,
    second: Side<K, B>,
    group: F,
    out: PhantomData<fn() -> O>,
}

impl<K, A, B, O, F> Contents<K> for Sides<K, A, B, O, F>
where
    K: StreamKey,
    A: State,
    B: State,
    O: Data,
    F: Group<K, A, B, O>,
{
    type Out = O;

    fn has(&self, place: Place, key: &K::Borrowed, window: &TimeWindow) -> bool {
        self.first.table.get(place, key, window).is_some()
            || self.second.table.get(place, key, window).is_some()
    }

    fn merge(&mut self, place: Place, key: &K::Borrowed, from: &TimeWindow, into: &TimeWindow) -> Result<()> {
        self.first.merge(place, key, from, into);
        self.second.merge(place, key, from, into);
        Ok(())
    }

    fn fire(
        &mut self,
        place: Place,
        key: &K::Borrowed,
        window: TimeWindow,
        out: &mut Out<'_, O>,
    ) -> Result<()> {
        let (none, nothing) = (ListCell::default(), ListCell::default());
        let first = self.first.table.get(place, key, &window).unwrap_or(&none);
        let second = self.second.table.get(place, key, &window).unwrap_or(&nothing);
        if !(first.is_empty() && second.is_empty()) {
            (self.group)(key, window, first, second, out);
        }
        Ok(())
    }

    fn purge(&mut self, place: Place, key: &K::Borrowed, window: &TimeWindow) {
        drop(self.first.table.remove(place, key, window));
        drop(self.second.table.remove(place, key, window));
    }

    fn keep(&mut self, snapshot: &mut Snapshot) {
        self.first.keep(snapshot);
        self.second.keep(snapshot);
    }
}

pub(crate) struct JoinedHead<K: StreamKey, A: State, B: State, O, F, E> {
    contents: Sides<K, A, B, O, F>,
    core: WindowCore<K, E>,
}

impl<K, A, B, O, F> HeadOperator<KeyedPair<K, A, B>> for Joined<K, A, B, O, F>
where
    K: StreamKey,
    A: Data + State,
    B: Data + State,
    O: Data,
    F: Group<K, A, B, O>,
{
    type Out = O;
    type Head<E: Stage<O> + 'static> = JoinedHead<K, A, B, O, F, E>;
    const HAS_SIDE_OUTPUTS: bool = true;

    fn head<E: Stage<O> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<Self::Head<E>> {
        let slot = |state| StateSlot { operator: node, state };
        context.blame(node).on_result(|| {
            let contents = Sides {
                first: Side::open(context, slot(0))?,
                second: Side::open(context, slot(1))?,
                group: self.group,
                out: PhantomData,
            };
            Ok(JoinedHead { contents, core: WindowCore::open(self.terms, context, slot(2), next)? })
        })
    }
}

impl<K, A, B, O, F, E> JoinedHead<K, A, B, O, F, E>
where
    K: StreamKey,
    A: Data + State,
    B: Data + State,
    O: Data,
    F: Group<K, A, B, O>,
    E: Stage<O>,
{
    fn take<T: Data + State>(
        &mut self,
        batch: &KeyedBatch<K, T>,
        side: impl Fn(&mut Sides<K, A, B, O, F>) -> &mut Side<K, T>,
    ) -> Result<()> {
        for (place, key, record, time) in batch.entries() {
            let add = |contents: &mut Sides<K, A, B, O, F>, window: &TimeWindow| {
                side(contents).add(place, key, window, T::from_ref(record));
                Ok(())
            };
            if !self.core.put(place, key, time, &mut self.contents, add)? {
                self.core.drop_late();
            }
        }
        Ok(())
    }
}

impl<K, A, B, O, F, E> Head<KeyedPair<K, A, B>> for JoinedHead<K, A, B, O, F, E>
where
    K: StreamKey,
    A: Data + State,
    B: Data + State,
    O: Data,
    F: Group<K, A, B, O>,
    E: Stage<O>,
{
    fn feed(&mut self, Pair { first, second }: &KeyedPair<K, A, B>) -> Result<()> {
        self.take(first, |sides| &mut sides.first)?;
        self.take(second, |sides| &mut sides.second)
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.core.signal(signal, &mut self.contents)
    }
}
