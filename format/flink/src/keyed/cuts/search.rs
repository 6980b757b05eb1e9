//! All divisions of a key group's bytes into entries and states, as far as it matters whether there is one.
//!
//! From the place of a state's header the rest of the key group can be divided in no way, in one, or in
//! several. That is found out once for a place and the states that are left, depth first; the work is
//! limited by the number of bytes.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use spt_format::Cursor;

use super::chain::{Chains, SLACK};
use super::probe::{Probe, Shown};
use super::{Rest, Uncertain};

/// Bytes of a state's header in a key group: its number, and how many entries follow.
const HEADER: usize = 6;
/// Steps for each byte of the rest of a key group. Each state whose entries do not tell their ends takes a few.
const STEPS_PER_BYTE: u64 = 64;
/// Steps that are always free.
const FREE_STEPS: u64 = 1 << 16;
/// More entries of one state in a key group are not told apart.
const MAX_ENTRIES: usize = 1 << 20;

/// What is known of the key group from elsewhere.
pub(super) struct Bounds<'a> {
    pub(super) key_group: u16,
    /// Where compressed streams begin, each a state.
    pub(super) streams: Option<&'a [usize]>,
}

pub(super) struct Search<'a> {
    bytes: &'a [u8],
    bounds: &'a Bounds<'a>,
    probes: &'a mut [Option<Probe>],
    order: Option<&'a [u16]>,
    /// What Kryo wrote and is not understood is of classes of the job.
    of_the_job: bool,
    /// Divisions from a header on, by its place and the states that are left.
    known: HashMap<(usize, u64), Ways>,
    steps: u64,
}

/// The divisions there are.
#[derive(Clone)]
enum Ways {
    None,
    /// The state there, `None` at the end of the key group.
    One(Option<Rc<Run>>),
    Many,
}

/// A state and where its entries end.
struct Run {
    state: u16,
    ends: Vec<usize>,
    then: Option<Rc<Run>>,
}

/// A state whose entries are being looked for.
struct Open {
    state: u16,
    /// Of those that are behind.
    ends: Vec<usize>,
    left: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        bounds: &'a Bounds<'a>,
        probes: &'a mut [Option<Probe>],
        order: Option<&'a [u16]>,
        of_the_job: bool,
    ) -> Self {
        Self { bytes, bounds, probes, order, of_the_job, known: HashMap::new(), steps: 0 }
    }

    /// Where the entries end that `rest` is about.
    pub(super) fn rest(&mut self, rest: &Rest<'_>) -> Result<Vec<usize>, Uncertain> {
        let open = Open { state: rest.state, ends: Vec::new(), left: rest.left };
        let ways = match self.probe(rest.state).filter(|_| rest.inside) {
            Some(probe) => match probe.element(rest.bytes, 0) {
                Some(first) => self.open(open, first, rest.entries),
                None => Ways::None,
            },
            None => self.entries(open, 0, rest.entries),
        };
        match ways {
            Ways::One(run) => Ok(runs(run).flat_map(|run| run.ends.clone()).collect()),
            _ if self.is_exhausted() => Err("looking for them takes too long"),
            Ways::Many => Err("more than one division of the key group is possible"),
            Ways::None => Err("no division of the key group fits"),
        }
    }

    /// The order of the states in a whole key group.
    pub(super) fn order(&mut self) -> Option<Vec<u16>> {
        let all = (0..self.probes.len()).fold(0, |all, state| all | 1 << state);
        match self.states(0, all) {
            Ways::One(run) => Some(runs(run).map(|run| run.state).collect()),
            _ => None,
        }
    }

    fn probe(&mut self, state: u16) -> Option<&mut Probe> {
        self.probes.get_mut(usize::from(state))?.as_mut()
    }

    fn is_exhausted(&self) -> bool {
        self.steps > FREE_STEPS + STEPS_PER_BYTE * self.bytes.len() as u64
    }

    /// The divisions from this header on.
    fn states(&mut self, at: usize, left: u64) -> Ways {
        if left == 0 {
            return if at == self.bytes.len() { Ways::One(None) } else { Ways::None };
        }
        if let Some(known) = self.known.get(&(at, left)) {
            return known.clone();
        }
        let ways = match self.header(at, left) {
            Some((state, entries)) => {
                let open = Open { state, ends: Vec::new(), left: left & !(1 << state) };
                self.entries(open, at + HEADER, entries)
            }
            None => Ways::None,
        };
        self.known.insert((at, left), ways.clone());
        ways
    }

    /// A state that may come next, and how many entries it has.
    fn header(&self, at: usize, left: u64) -> Option<(u16, u32)> {
        let mut cursor = Cursor::new(self.bytes.get(at..)?);
        let state = cursor.u16_be().ok().filter(|state| self.may_follow(*state, left))?;
        let entries = u32::try_from(cursor.i32_be().ok()?).ok()?;
        (entries as usize <= cursor.remaining()).then_some((state, entries))
    }

    fn may_follow(&self, state: u16, left: u64) -> bool {
        let is_left = |state: u16| state < 64 && left & 1 << state != 0;
        match self.order.and_then(|order| order.iter().find(|state| is_left(**state))) {
            Some(next) => state == *next,
            None => is_left(state),
        }
    }

    /// The divisions from the first of these entries on: one after the other, as long as they tell their ends.
    fn entries(&mut self, mut open: Open, mut at: usize, entries: u32) -> Ways {
        let (bytes, key_group) = (self.bytes, self.bounds.key_group);
        for left in (1..=entries).rev() {
            let mut steps = 0;
            let Some(probe) = self.probe(open.state) else {
                // Nothing is known of them; they are something, and one.
                return self.open(
                    open,
                    Shown { start: at, value: at, least: at, end: None, of_the_job: true },
                    1,
                );
            };
            let shown = probe.entry(bytes, at, key_group, &mut steps);
            self.steps += steps;
            match shown {
                Some(Shown { end: Some(end), .. }) if end > at && open.ends.len() < MAX_ENTRIES => {
                    open.ends.push(end);
                    at = end;
                }
                Some(first @ Shown { end: None, .. }) => return self.open(open, first, left),
                _ => return Ways::None,
            }
        }
        let ways = self.states(at, open.left);
        behind(open, ways)
    }

    /// The divisions from this entry on, which does not tell its end.
    fn open(&mut self, open: Open, first: Shown, entries: u32) -> Ways {
        let entries = entries as usize;
        if entries > MAX_ENTRIES {
            return Ways::Many;
        }
        let start = first.start;
        let places = self.places(open.state, first, entries);
        if places.len() < entries {
            return Ways::None;
        }
        let chains = Chains::new(&places, entries);
        let last_place = places.last().map_or(start, |place| place.start);
        let too_many = places.len() > entries + SLACK;
        let mut found = Ways::None;
        let from = places.get(entries - 1).map_or(start, |place| place.start);
        for end in self.ends(start, from, open.left) {
            self.steps += 1;
            if self.is_exhausted() {
                return Ways::Many;
            }
            if !self.may_end(end, open.left) {
                continue;
            }
            let ways = if too_many && end > last_place { 2 } else { chains.ways(&places, end) };
            if ways == 0 {
                continue;
            }
            match (self.states(end, open.left), &found) {
                (Ways::None, _) => {}
                (Ways::One(then), Ways::None) if ways == 1 => {
                    let chosen = chains.chosen(&places, end);
                    if !self.are_different(&chosen) {
                        continue;
                    }
                    let ends = chosen.iter().skip(1).map(|place| place.start).chain([end]);
                    let open = Open { ends: open.ends.iter().copied().chain(ends).collect(), ..open };
                    found = behind(open, Ways::One(then));
                }
                _ => return Ways::Many,
            }
        }
        found
    }

    /// Where the first entry begins and others may: as many as are wanted and some more.
    fn places(&mut self, state: u16, first: Shown, entries: usize) -> Vec<Shown> {
        let (bytes, key_group) = (self.bytes, self.bounds.key_group);
        let end = self.stream_end(first.start).unwrap_or(bytes.len());
        let mut at = first.least;
        let mut places = vec![first];
        while entries > 1 && places.len() <= entries + SLACK && at < end && !self.is_exhausted() {
            let mut steps = 0;
            let shown = self.probe(state).and_then(|probe| probe.entry(bytes, at, key_group, &mut steps));
            places.extend(shown.filter(|shown| shown.of_the_job || !self.of_the_job));
            self.steps += steps;
            at += 1;
        }
        places
    }

    /// Every namespace and key is there once.
    fn are_different(&self, entries: &[&Shown]) -> bool {
        let mut known = HashSet::new();
        entries.iter().all(|entry| known.insert(self.bytes.get(entry.start..entry.value)))
    }

    /// Where this state may end.
    fn ends(&self, start: usize, from: usize, left: u64) -> std::ops::RangeInclusive<usize> {
        match self.stream_end(start) {
            Some(end) => end..=end,
            None if left == 0 => self.bytes.len()..=self.bytes.len(),
            None => from..=self.bytes.len(),
        }
    }

    /// Where the compressed stream ends that this byte is in.
    fn stream_end(&self, start: usize) -> Option<usize> {
        let streams = self.bounds.streams?;
        Some(streams.iter().copied().find(|stream| *stream > start).unwrap_or(self.bytes.len()))
    }

    fn may_end(&self, end: usize, left: u64) -> bool {
        if left == 0 { end == self.bytes.len() } else { self.header(end, left).is_some() }
    }
}

/// A state whose entries were all found, and what follows it.
fn behind(Open { state, ends, .. }: Open, then: Ways) -> Ways {
    match then {
        Ways::One(then) => Ways::One(Some(Rc::new(Run { state, ends, then }))),
        other => other,
    }
}

fn runs(first: Option<Rc<Run>>) -> impl Iterator<Item = Rc<Run>> {
    std::iter::successors(first, |run| run.then.clone())
}
