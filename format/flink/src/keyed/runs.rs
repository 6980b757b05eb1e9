//! Where the entries of each state begin in the key groups of a stream, remembered as they are met.
//!
//! ```text
//! key group   │ state 0 | entries … | state 1 | entries … | state 2 | entries … │
//! runs          ▲                     ▲                     ▲                    known to be all
//! ```
//!
//! Only reading a state's entries tells where those of the next begin. Whoever reads first walks over everything
//! and leaves behind what it found; whoever reads another state goes straight to it. Nothing is known of compressed
//! key groups, where a place in the file is none in what it holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known of the key groups of one stream, to all who read it.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    groups: Mutex<HashMap<u16, Known>>,
}

/// The runs of a key group, as far as they were met.
#[derive(Debug, Clone, Default)]
struct Known {
    runs: Vec<Run>,
    /// There are no more.
    whole: bool,
}

/// Entries of one state behind each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    state: usize,
    /// Where its number stands in the stream.
    start: u64,
}

/// Where a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Where it is: nothing is known of what follows.
    Here,
    /// At the number of a state, whose entries end before `end` if that is known.
    At { start: u64, end: Option<u64> },
    /// Nowhere: no entries of the state follow.
    Nowhere,
}

impl Runs {
    fn groups(&self) -> MutexGuard<'_, HashMap<u16, Known>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs of one state each: there are no more than states, or nothing is remembered.
    fn note(&self, key_group: u16, place: usize, run: Run, states: usize) {
        let mut groups = self.groups();
        let known = groups.entry(key_group).or_default();
        if known.runs.len() == place && place < states && !known.whole {
            known.runs.push(run);
        }
    }

    fn note_end(&self, key_group: u16, place: usize) {
        let mut groups = self.groups();
        let known = groups.entry(key_group).or_default();
        known.whole |= known.runs.len() == place;
    }
}

/// A walk over the runs of one key group, in their order.
#[derive(Debug)]
pub(super) struct Walk {
    /// `None` where places are not remembered.
    runs: Option<Arc<Runs>>,
    key_group: u16,
    states: usize,
    /// What was known when the walk began.
    known: Known,
    /// How many runs are behind.
    place: usize,
}

impl Walk {
    /// A walk of a stream with so many states; without `runs` nothing is known or remembered.
    pub(super) fn new(runs: Option<Arc<Runs>>, key_group: u16, states: usize) -> Self {
        let known = runs.as_ref().and_then(|runs| runs.groups().get(&key_group).cloned()).unwrap_or_default();
        Self { runs, key_group, states, known, place: 0 }
    }

    /// How many runs were met or passed.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Where the next run of this state begins, as far as that is known; otherwise the last run that is known,
    /// to be read to its end.
    pub(super) fn next(&mut self, wanted: usize) -> Step {
        let rest = self.known.runs.get(self.place..).unwrap_or_default();
        let found = rest.iter().position(|run| run.state == wanted);
        let ahead = match (found, rest.len()) {
            (Some(ahead), _) => ahead,
            (None, _) if self.known.whole => return Step::Nowhere,
            (None, 0) => return Step::Here,
            (None, runs) => runs - 1,
        };
        let start = rest.get(ahead).map_or(0, |run| run.start);
        let end = rest.get(ahead + 1).map(|run| run.start);
        self.place += ahead;
        Step::At { start, end }
    }

    /// The states of the runs that were known and are behind.
    pub(super) fn passed(&self) -> impl Iterator<Item = usize> {
        self.known.runs.iter().take(self.place).map(|run| run.state)
    }

    /// Leaves nothing more to others.
    pub(super) fn keep_quiet(&mut self) {
        self.runs = None;
    }

    /// The number of a state was read at `start`.
    pub(super) fn met(&mut self, state: usize, start: u64) {
        if let Some(runs) = &self.runs {
            runs.note(self.key_group, self.place, Run { state, start }, self.states);
        }
        self.place += 1;
    }

    /// The key group has ended behind the last run that was met.
    pub(super) fn ended(&self) {
        if let Some(runs) = &self.runs {
            runs.note_end(self.key_group, self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks over states 0, 2 and 5 at 100, 200 and 300 as far as `runs` of them.
    fn walked(runs: &Arc<Runs>, count: usize) {
        let mut walk = Walk::new(Some(Arc::clone(runs)), 7, 6);
        for (state, start) in [(0, 100), (2, 200), (5, 300)].into_iter().take(count) {
            assert_eq!(walk.next(9), Step::Here);
            walk.met(state, start);
        }
        if count == 3 {
            walk.ended();
        }
    }

    #[test]
    fn a_state_is_found_where_another_walk_met_it() {
        let runs = Arc::default();
        walked(&runs, 3);
        let mut walk = Walk::new(Some(Arc::clone(&runs)), 7, 6);
        assert_eq!(walk.next(2), Step::At { start: 200, end: Some(300) });
        walk.met(2, 200);
        assert_eq!(walk.place(), 2);
        assert_eq!(walk.next(2), Step::Nowhere);
        assert_eq!(Walk::new(Some(Arc::clone(&runs)), 7, 6).next(5), Step::At { start: 300, end: None });
        assert_eq!(Walk::new(Some(Arc::clone(&runs)), 7, 6).next(1), Step::Nowhere);
        assert_eq!(Walk::new(Some(Arc::clone(&runs)), 8, 6).next(0), Step::Here);
        assert_eq!(Walk::new(None, 7, 6).next(0), Step::Here);
    }

    #[test]
    fn what_was_not_walked_to_its_end_is_read_on_from_the_last_run() {
        let runs = Arc::default();
        walked(&runs, 2);
        let mut walk = Walk::new(Some(Arc::clone(&runs)), 7, 6);
        assert_eq!(walk.next(5), Step::At { start: 200, end: None });
        walk.met(2, 200);
        assert_eq!(walk.next(5), Step::Here);
        walk.met(5, 300);
        walk.ended();
        assert_eq!(Walk::new(Some(runs), 7, 6).next(0), Step::At { start: 100, end: Some(200) });
    }

    #[test]
    fn more_runs_than_states_are_not_remembered() {
        let runs = Arc::default();
        let mut walk = Walk::new(Some(Arc::clone(&runs)), 7, 2);
        (0..5).for_each(|place| walk.met(0, 100 * place));
        walk.ended();
        assert_eq!(runs.groups().get(&7).unwrap().runs.len(), 2);
        assert_eq!(Walk::new(Some(runs), 7, 2).next(1), Step::At { start: 100, end: None });
    }
}
