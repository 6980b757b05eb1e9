//! What a function says of its states when the graph is built.

use std::sync::Arc;

use spt_format::StateKind;

use super::aggregating::{Aggregate, AggregatingState, ReducingState};
use super::broadcast::BroadcastState;
use super::list::ListState;
use super::map::MapState;
use super::operator_list::{OperatorListState, UnionListState};
use super::tables::{OpenOperator, OpenTable, StateSet};
use super::value::ValueState;
use crate::data::Data;
use crate::state::{Declaration, Key, ListCell, MapCell, State, Timed, Ttl};

/// A state's name, and how long its values live.
#[derive(Debug, Clone)]
pub struct Descriptor {
    pub(super) name: String,
    pub(super) ttl: Option<Ttl>,
}

impl Descriptor {
    /// A state with this name, whose values live for ever.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ttl: None }
    }

    /// Values are gone when they were not touched for so long.
    #[must_use]
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    fn declare(&self, declaration: Declaration) -> Declaration {
        match self.ttl {
            Some(ttl) => declaration.with_ttl_ms(ttl.duration_ms),
            None => declaration,
        }
    }
}

impl From<&str> for Descriptor {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// The states of a function whose input is keyed. A state's name is unique in its operator.
pub struct States<K: Key> {
    keyed: StateSet<OpenTable<K>>,
    operator: OperatorStates,
    has_timers: bool,
}

/// The states of a function that belong to a subtask, not to keys.
#[derive(Default)]
pub struct OperatorStates {
    states: StateSet<OpenOperator>,
}

impl<K: Key> Default for States<K> {
    fn default() -> Self {
        Self { keyed: StateSet::default(), operator: OperatorStates::default(), has_timers: false }
    }
}

impl<K: Key> States<K> {
    /// A value per key.
    pub fn value<V: State>(&mut self, state: impl Into<Descriptor>) -> ValueState<V> {
        let state = state.into();
        ValueState::new(self.single::<V>(&state, StateKind::Value), state.ttl)
    }

    /// A list per key.
    pub fn list<V: State>(&mut self, state: impl Into<Descriptor>) -> ListState<V> {
        let state = state.into();
        let index = match state.ttl {
            None => self.keyed.add(
                Declaration::keyed::<K, ListCell<V>, ()>(&state.name, StateKind::List),
                OpenTable::of::<ListCell<V>>(),
            ),
            Some(ttl) => self.keyed.add(
                state.declare(Declaration::keyed::<K, ListCell<Timed<V>>, ()>(&state.name, StateKind::List)),
                OpenTable::of::<ListCell<Timed<V>>>().swept(
                    ttl,
                    |ttl, now, cell: &ListCell<Timed<V>>| {
                        cell.is_empty() || !cell.iter().all(ttl.is_live(now))
                    },
                    |ttl, now, cell| {
                        cell.retain(ttl.is_live(now));
                        !cell.is_empty()
                    },
                ),
            ),
        };
        ListState::new(index, state.ttl)
    }

    /// A map per key, in the order of its keys.
    pub fn map<M: Key, V: State>(&mut self, state: impl Into<Descriptor>) -> MapState<M, V> {
        let state = state.into();
        let index = match state.ttl {
            None => self.keyed.add(
                Declaration::keyed::<K, MapCell<M, V>, ()>(&state.name, StateKind::Map),
                OpenTable::of::<MapCell<M, V>>(),
            ),
            Some(ttl) => self.keyed.add(
                state.declare(Declaration::keyed::<K, MapCell<M, Timed<V>>, ()>(&state.name, StateKind::Map)),
                OpenTable::of::<MapCell<M, Timed<V>>>().swept(
                    ttl,
                    |ttl, now, cell: &MapCell<M, Timed<V>>| {
                        cell.is_empty() || !cell.iter().map(|(_, value)| value).all(ttl.is_live(now))
                    },
                    |ttl, now, cell| {
                        let is_live = ttl.is_live(now);
                        cell.retain(|_, value| is_live(value));
                        !cell.is_empty()
                    },
                ),
            ),
        };
        MapState::new(index, state.ttl)
    }

    /// A value per key into which others are folded.
    pub fn reducing<V: State>(
        &mut self,
        state: impl Into<Descriptor>,
        fold: impl Fn(&V, &V) -> V + Send + Sync + 'static,
    ) -> ReducingState<V> {
        let state = state.into();
        let value = ValueState::new(self.single::<V>(&state, StateKind::Reducing), state.ttl);
        ReducingState::new(value, Arc::new(fold))
    }

    /// An accumulator per key to which records are added.
    pub fn aggregating<I: Data, A: Aggregate<I>>(
        &mut self,
        state: impl Into<Descriptor>,
        aggregate: A,
    ) -> AggregatingState<I, A> {
        let state = state.into();
        let value = ValueState::new(self.single::<A::Accumulator>(&state, StateKind::Aggregating), state.ttl);
        AggregatingState::new(value, aggregate)
    }

    /// The function sets timers.
    pub fn timers(&mut self) {
        self.has_timers = true;
    }

    /// States that belong to the subtask, not to keys.
    pub fn of_operator(&mut self) -> &mut OperatorStates {
        &mut self.operator
    }

    fn single<V: State>(&mut self, state: &Descriptor, kind: StateKind) -> usize {
        match state.ttl {
            None => self.keyed.add(Declaration::keyed::<K, V, ()>(&state.name, kind), OpenTable::of::<V>()),
            Some(ttl) => self.keyed.add(
                state.declare(Declaration::keyed::<K, Timed<V>, ()>(&state.name, kind)),
                OpenTable::of::<Timed<V>>().swept(
                    ttl,
                    |ttl, now, cell: &Timed<V>| !ttl.is_live(now)(cell),
                    |_, _, _| false,
                ),
            ),
        }
    }

    /// What was declared: keyed states, states of the operator, and whether there are timers.
    pub(crate) fn into_parts(self) -> (StateSet<OpenTable<K>>, StateSet<OpenOperator>, bool) {
        (self.keyed, self.operator.states, self.has_timers)
    }
}

impl OperatorStates {
    /// A list whose elements are dealt out anew when the parallelism changes.
    pub fn list<V: State>(&mut self, name: &str) -> OperatorListState<V> {
        let declaration = Declaration::per_subtask::<V>(name, StateKind::OperatorList);
        OperatorListState::new(self.states.add(declaration, OpenOperator::list::<V>()))
    }

    /// A list of which every subtask is given all elements after a restore.
    pub fn union_list<V: State>(&mut self, name: &str) -> UnionListState<V> {
        let declaration = Declaration::per_subtask::<V>(name, StateKind::Union);
        UnionListState::new(self.states.add(declaration, OpenOperator::union::<V>()))
    }

    /// A map that is the same in every subtask, see [`BroadcastState`].
    pub fn broadcast<M: Key, V: State + PartialEq>(&mut self, name: &str) -> BroadcastState<M, V> {
        BroadcastState::new(
            self.states.add(Declaration::broadcast::<M, V>(name), OpenOperator::broadcast::<M, V>()),
        )
    }

    pub(crate) fn into_set(self) -> StateSet<OpenOperator> {
        self.states
    }
}
