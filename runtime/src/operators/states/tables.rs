//! The tables behind the handles, in one subtask.

use std::any::Any;
use std::sync::Arc;

use crate::error::Result;
use crate::savepoint::{BroadcastPart, KeyedPart, ListPart, Snapshot, StateSlot};
use crate::state::{BroadcastTable, Cell, Declaration, Key, KeyedTable, Place, State, Ttl};
use crate::tasks::{Alarm, TaskContext};

/// The index of a handle that nobody declared.
pub(super) const UNDECLARED: usize = usize::MAX;

/// States in the order of their declaration, with what opens each in a subtask.
pub(crate) struct StateSet<O> {
    states: Arc<Vec<(Declaration, O)>>,
}

impl<O> Clone for StateSet<O> {
    fn clone(&self) -> Self {
        Self { states: Arc::clone(&self.states) }
    }
}

impl<O> Default for StateSet<O> {
    fn default() -> Self {
        Self { states: Arc::default() }
    }
}

impl<O> StateSet<O> {
    /// Adds a state, and gives its index.
    pub(super) fn add(&mut self, declaration: Declaration, open: O) -> usize {
        let index = self.states.len();
        if let Some(states) = Arc::get_mut(&mut self.states) {
            states.push((declaration, open));
        }
        index
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.states.len()
    }

    /// What is known of them when the graph is built.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = Declaration> {
        self.states.iter().map(|(declaration, _)| declaration.clone())
    }
}

/// The current key of an operator, and its tables.
pub struct Scope<'a, K: Key> {
    pub(super) place: Place,
    pub(super) key: &'a K::Borrowed,
    pub(super) tables: &'a mut Tables<K>,
    pub(super) alarm: &'a Alarm,
}

impl<'a, K: Key> Scope<'a, K> {
    pub(crate) fn new(
        place: Place,
        key: &'a K::Borrowed,
        tables: &'a mut Tables<K>,
        alarm: &'a Alarm,
    ) -> Self {
        Self { place, key, tables, alarm }
    }

    /// The time of day, where it matters.
    pub(super) fn now_ms(&self, ttl: Option<Ttl>) -> i64 {
        ttl.map_or(0, |_| self.alarm.now_ms())
    }
}

/// Where handles of keyed states work: the context of a function while it is called for a key.
pub trait KeyedAccess {
    /// The type of the keys.
    type Key: Key;

    /// The current key.
    #[doc(hidden)]
    fn scope(&mut self) -> Scope<'_, Self::Key>;
}

/// Where handles of an operator's own states work: the context of any function.
pub trait OperatorAccess {
    /// The tables, to be read.
    #[doc(hidden)]
    fn operator_tables(&self) -> &OperatorTables;

    /// The tables, to be changed.
    #[doc(hidden)]
    fn operator_tables_mut(&mut self) -> &mut OperatorTables;
}

/// A keyed table, whatever its cells are.
trait AnyTable<K>: Send {
    fn keep(&mut self, slot: StateSlot, snapshot: &mut Snapshot);

    fn as_any(&mut self) -> &mut dyn Any;
}

impl<K: Key, C: Cell> AnyTable<K> for KeyedTable<K, C> {
    fn keep(&mut self, slot: StateSlot, snapshot: &mut Snapshot) {
        snapshot.keep(slot, KeyedPart(self.freeze()));
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

type Open<K> = fn(&TaskContext, StateSlot) -> Result<Box<dyn AnyTable<K>>>;
type Sweep<K> = Arc<dyn Fn(&mut dyn AnyTable<K>, usize, i64) + Send + Sync>;

/// Opens a keyed table, and knows how to remove what has expired in it.
pub(crate) struct OpenTable<K> {
    open: Open<K>,
    sweep: Option<(Ttl, Sweep<K>)>,
}

impl<K: Key> OpenTable<K> {
    pub(super) fn of<C: Cell>() -> Self {
        Self { open: |context, slot| Ok(Box::new(context.keyed_table::<K, C, ()>(slot)?)), sweep: None }
    }

    /// With a time to live. `is_stale` finds cells with something that has expired, or with nothing; `keep` drops
    /// that, and says whether anything is left.
    pub(super) fn swept<C: Cell>(
        mut self,
        ttl: Ttl,
        is_stale: fn(Ttl, i64, &C) -> bool,
        keep: fn(Ttl, i64, &mut C) -> bool,
    ) -> Self {
        let sweep = move |table: &mut dyn AnyTable<K>, group: usize, now: i64| {
            if let Some(table) = table.as_any().downcast_mut::<KeyedTable<K, C>>() {
                table.sweep(group, |cell| is_stale(ttl, now, cell), |cell| keep(ttl, now, cell));
            }
        };
        self.sweep = Some((ttl, Arc::new(sweep)));
        self
    }
}

/// How long a key group with expired values waits for its turn at most, in ms.
const SWEEP_AT_MOST_MS: u64 = 60_000;

/// The keyed tables of an operator in one subtask.
pub(crate) struct Tables<K: Key> {
    tables: Vec<Box<dyn AnyTable<K>>>,
    sweeps: Vec<(usize, Sweep<K>)>,
    /// The key group that is swept next, of how many.
    next: usize,
    groups: usize,
    /// When it is swept, and the pause between one key group and the next.
    due_ms: i64,
    pause_ms: i64,
    operator: usize,
}

impl<K: Key> Tables<K> {
    /// Opens the tables; the first is the operator's state 0.
    pub(crate) fn open(states: &StateSet<OpenTable<K>>, context: &TaskContext, node: usize) -> Result<Self> {
        let numbered = states.states.iter().enumerate();
        let tables = numbered
            .map(|(state, (_, how))| (how.open)(context, StateSlot { operator: node, state }))
            .collect::<Result<_>>()?;
        Ok(Self::of(tables, states, context.key_groups(node)?.len(), &context.alarm(), node))
    }

    /// Opened tables, swept as they were declared.
    fn of(
        tables: Vec<Box<dyn AnyTable<K>>>,
        states: &StateSet<OpenTable<K>>,
        groups: usize,
        alarm: &Alarm,
        operator: usize,
    ) -> Self {
        let numbered = states.states.iter().enumerate();
        let swept: Vec<_> =
            numbered.filter_map(|(index, (_, how))| Some((index, how.sweep.as_ref()?))).collect();
        let sweeps = swept.iter().map(|(index, (_, sweep))| (*index, Arc::clone(sweep))).collect();
        let shortest = swept.iter().map(|(_, (ttl, _))| ttl.duration_ms);
        let pause = shortest.min().unwrap_or(SWEEP_AT_MOST_MS).min(SWEEP_AT_MOST_MS) / groups.max(1) as u64;
        let pause_ms = pause.max(1).cast_signed();
        let due_ms = alarm.now_ms().saturating_add(pause_ms);
        let tables = Self { tables, sweeps, next: 0, groups, due_ms, pause_ms, operator };
        tables.wish(alarm);
        tables
    }

    /// The table of a handle.
    #[inline]
    #[expect(
        clippy::expect_used,
        reason = "a handle that was not declared is a mistake in the program; the operator is blamed"
    )]
    pub(super) fn get<C: Cell>(&mut self, index: usize) -> &mut KeyedTable<K, C> {
        let table = self.tables.get_mut(index).and_then(|table| table.as_any().downcast_mut());
        table.expect("this state was not declared by this function")
    }

    /// Adds all tables to a snapshot.
    pub(crate) fn keep(&mut self, snapshot: &mut Snapshot) {
        for (state, table) in self.tables.iter_mut().enumerate() {
            table.keep(StateSlot { operator: self.operator, state }, snapshot);
        }
    }

    /// Removes what has expired, one key group at a time, however often others want to know the time.
    pub(crate) fn tick(&mut self, now: i64, alarm: &Alarm) {
        let next_ms = now.saturating_add(self.pause_ms);
        if self.due_ms <= now {
            for (index, sweep) in &self.sweeps {
                if let Some(table) = self.tables.get_mut(*index) {
                    sweep(table.as_mut(), self.next, now);
                }
            }
            self.next = if self.next + 1 < self.groups { self.next + 1 } else { 0 };
            self.due_ms = next_ms;
        }
        // By a clock that stepped back, it would be far away.
        self.due_ms = self.due_ms.min(next_ms);
        self.wish(alarm);
    }

    fn wish(&self, alarm: &Alarm) {
        if !self.sweeps.is_empty() {
            alarm.wish(self.due_ms);
        }
    }
}

/// A state of an operator's own, whatever it holds.
trait AnyOperatorState: Send {
    fn keep(&self, slot: StateSlot, snapshot: &mut Snapshot);

    fn as_any(&self) -> &dyn Any;

    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<V: State> AnyOperatorState for Vec<V> {
    fn keep(&self, slot: StateSlot, snapshot: &mut Snapshot) {
        snapshot.keep(slot, ListPart(self.clone()));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// A union list in one subtask: what it was given after a restore, and what it gives to the next snapshot.
pub(super) struct UnionList<V> {
    pub(super) restored: Vec<V>,
    pub(super) own: Vec<V>,
}

impl<V: State> AnyOperatorState for UnionList<V> {
    fn keep(&self, slot: StateSlot, snapshot: &mut Snapshot) {
        snapshot.keep(slot, ListPart(self.own.clone()));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<M: Key, V: State + PartialEq> AnyOperatorState for BroadcastTable<M, V> {
    fn keep(&self, slot: StateSlot, snapshot: &mut Snapshot) {
        snapshot.keep(slot, BroadcastPart(self.freeze()));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Opens a state of an operator's own.
pub(crate) struct OpenOperator(fn(&TaskContext, StateSlot) -> Result<Box<dyn AnyOperatorState>>);

impl OpenOperator {
    pub(super) fn list<V: State>() -> Self {
        Self(|context, slot| Ok(Box::new(context.elements::<V>(slot)?.0)))
    }

    pub(super) fn union<V: State>() -> Self {
        Self(|context, slot| {
            let (own, restored) = context.elements::<V>(slot)?;
            Ok(Box::new(UnionList { restored, own }))
        })
    }

    pub(super) fn broadcast<M: Key, V: State + PartialEq>() -> Self {
        Self(|context, slot| Ok(Box::new(context.broadcast_table::<M, V>(slot)?)))
    }
}

/// The states of an operator's own, in one subtask.
#[derive(Default)]
pub struct OperatorTables {
    states: Vec<Box<dyn AnyOperatorState>>,
    /// Where the first of them is.
    first: StateSlot,
}

impl OperatorTables {
    /// Opens the states; `first` is where the first of them is.
    pub(crate) fn open(
        states: &StateSet<OpenOperator>,
        context: &TaskContext,
        first: StateSlot,
    ) -> Result<Self> {
        let open = |(index, (_, open)): (usize, &(Declaration, OpenOperator))| {
            open.0(context, StateSlot { state: first.state + index, ..first })
        };
        Ok(Self { states: states.states.iter().enumerate().map(open).collect::<Result<_>>()?, first })
    }

    #[expect(clippy::expect_used, reason = "as for keyed states")]
    pub(super) fn get<T: 'static>(&self, index: usize) -> &T {
        let state = self.states.get(index).and_then(|state| state.as_any().downcast_ref());
        state.expect("this state was not declared by this function")
    }

    #[expect(clippy::expect_used, reason = "as for keyed states")]
    pub(super) fn get_mut<T: 'static>(&mut self, index: usize) -> &mut T {
        let state = self.states.get_mut(index).and_then(|state| state.as_any_mut().downcast_mut());
        state.expect("this state was not declared by this function")
    }

    /// Adds all of them to a snapshot.
    pub(crate) fn keep(&self, snapshot: &mut Snapshot) {
        for (index, state) in self.states.iter().enumerate() {
            state.keep(StateSlot { state: self.first.state + index, ..self.first }, snapshot);
        }
    }
}

#[cfg(test)]
mod tests;
