//! Rows of the tables themselves: what expires is gone from memory, not only from what is read.

use spt_format::KeyGroupRange;

use super::*;
use crate::operators::{Descriptor, ListState, MapState, States};
use crate::state::{ListCell, MapCell, Places, Timed, Touch};
use crate::tasks::Clock;

const GROUPS: u32 = 8;

/// The tables of one operator, by a clock that is set by hand, at one key after the other.
struct At {
    tables: Tables<i64>,
    key: i64,
    clock: Clock,
    alarm: Alarm,
}

impl At {
    /// An operator with one state, whose cells are of type `C`.
    fn new<C: Cell>(states: States<i64>) -> Self {
        let clock = Clock::manual(0);
        let alarm = Alarm::new(clock.clone());
        let range = KeyGroupRange::all(GROUPS);
        let tables: Vec<Box<dyn AnyTable<i64>>> = vec![Box::new(KeyedTable::<i64, C>::new(range))];
        let (keyed, ..) = states.into_parts();
        let tables = Tables::of(tables, &keyed, range.len(), &alarm, 0);
        Self { tables, key: 0, clock, alarm }
    }

    fn at(&mut self, key: i64) -> &mut Self {
        self.key = key;
        self
    }

    fn rows<C: Cell>(&mut self) -> usize {
        self.tables.get::<C>(0).len()
    }

    /// Sets the clock to each of these times, and gives the tables a tick where the alarm goes off.
    fn pass(&mut self, times: impl IntoIterator<Item = i64>) {
        for ms in times {
            self.clock.set(ms);
            if let Some(now) = self.alarm.ring() {
                self.tables.tick(now, &self.alarm);
            }
        }
    }
}

impl KeyedAccess for At {
    type Key = i64;

    fn scope(&mut self) -> Scope<'_, i64> {
        let place = Places::new(GROUPS).of::<i64>(&self.key);
        Scope::new(place, &self.key, &mut self.tables, &self.alarm)
    }
}

type Elements = ListCell<Timed<i64>>;
type Entries = MapCell<i64, Timed<i64>>;

fn list(ttl: Ttl) -> (ListState<i64>, At) {
    let mut states = States::default();
    let state = states.list(Descriptor::new("list").ttl(ttl));
    (state, At::new::<Elements>(states))
}

fn map(ttl: Ttl) -> (MapState<i64, i64>, At) {
    let mut states = States::default();
    let state = states.map(Descriptor::new("map").ttl(ttl));
    (state, At::new::<Entries>(states))
}

#[test]
fn no_row_is_left_of_a_list_that_is_read_when_all_of_it_has_expired() {
    for touch in [Touch::OnWrite, Touch::OnReadAndWrite] {
        let (state, mut at) = list(Ttl { touch, ..Ttl::of_ms(100) });
        for key in 0..50 {
            state.extend(at.at(key), [1, 2, 3]);
        }
        at.clock.set(100);
        for key in 0..50 {
            assert_eq!(state.get(at.at(key)).count(), 0);
        }
        at.pass(101..300);
        assert_eq!(at.rows::<Elements>(), 0, "{touch:?}");
    }
}

#[test]
fn nothing_is_stored_of_a_list_or_a_map_without_elements() {
    let ttl = Ttl { touch: Touch::OnReadAndWrite, ..Ttl::of_ms(100) };
    let (state, mut at) = list(ttl);
    state.extend(&mut at, []);
    state.replace(&mut at, []);
    assert_eq!((state.get(&mut at).count(), at.rows::<Elements>()), (0, 0));
    state.push(&mut at, 1);
    state.replace(&mut at, []);
    assert_eq!(at.rows::<Elements>(), 0);
    let (state, mut at) = map(ttl);
    assert_eq!((state.contains(&mut at, &1), state.remove(&mut at, &1)), (false, None));
    assert_eq!(at.rows::<Entries>(), 0);
    state.put(&mut at, &1, 2);
    at.clock.set(100);
    // It has expired, but is the last.
    assert_eq!((state.contains(&mut at, &1), state.remove(&mut at, &1)), (false, None));
    assert_eq!(at.rows::<Entries>(), 0);
}

#[test]
fn a_sweep_removes_cells_without_elements() {
    let (_, mut at) = list(Ttl::of_ms(100));
    let place = at.scope().place;
    at.tables.get::<Elements>(0).put(place, &0, &(), ListCell::default());
    at.pass(0..200);
    assert_eq!(at.rows::<Elements>(), 0);
    let (_, mut at) = map(Ttl::of_ms(100));
    at.tables.get::<Entries>(0).put(place, &0, &(), MapCell::default());
    at.pass(0..200);
    assert_eq!(at.rows::<Entries>(), 0);
}

#[test]
fn a_sweep_goes_on_at_once_when_the_clock_steps_back() {
    let (state, mut at) = list(Ttl::of_ms(100));
    at.clock.set(3_600_000);
    at.pass(3_600_000..3_600_100);
    // An hour back; what is written now expires by the clock of now.
    at.clock.set(0);
    for key in 0..50 {
        state.push(at.at(key), 1);
    }
    at.pass(0..300);
    assert_eq!(at.rows::<Elements>(), 0);
}
