//! In how many ways a number of entries can begin at some of the places where one may begin.
//!
//! ```text
//! place where one may begin   0   1   2   3   4   5
//! entry                       0       1       2       one way; with place 4 for entry 2 it is another
//! ```
//!
//! There is exactly one place for the first. Ways are counted up to two: only one is of interest. There are
//! as many places as entries, or a few more; if there are many more, the ways are many, too, and nobody asks.

use super::probe::Shown;

/// How many more places than entries are looked at.
pub(super) const SLACK: usize = 16;

/// One entry beginning at one place.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// Ways to get here, two for more.
    ways: u8,
    /// How many places were left out until the entry before; if there is one way.
    left_out: u8,
}

/// The ways to place a number of entries.
pub(super) struct Chains {
    /// For every entry, by how many places were left out before it.
    steps: Vec<[Step; SLACK + 1]>,
}

impl Chains {
    /// Places `entries`, at least one, the first of them at the first of `places`.
    pub(super) fn new(places: &[Shown], entries: usize) -> Self {
        let mut first = [Step::default(); SLACK + 1];
        first[0].ways = 1;
        let mut steps = vec![first];
        while steps.len() < entries {
            let Some(before) = steps.last() else { break };
            let next = next(places, steps.len() - 1, before);
            steps.push(next);
        }
        Self { steps }
    }

    /// In how many ways the last entry ends here, two for more.
    pub(super) fn ways(&self, places: &[Shown], end: usize) -> u8 {
        self.last(places, end).fold(0, |sum, (_, step)| two_at_most(sum + step.ways))
    }

    /// The place of each entry if the last ends here: to be asked where there is one way.
    pub(super) fn chosen<'a>(&self, places: &'a [Shown], end: usize) -> Vec<&'a Shown> {
        let mut left_out = self.last(places, end).next().map_or(0, |(left_out, _)| left_out);
        let mut chosen = Vec::with_capacity(self.steps.len());
        for (entry, steps) in self.steps.iter().enumerate().rev() {
            chosen.extend(places.get(entry + left_out));
            left_out = steps.get(left_out).map_or(0, |step| step.left_out.into());
        }
        chosen.reverse();
        chosen
    }

    /// The last entries that may end here, by how many places were left out.
    fn last<'a>(&'a self, places: &'a [Shown], end: usize) -> impl Iterator<Item = (usize, Step)> + 'a {
        let entry = self.steps.len() - 1;
        let steps = self.steps.last().into_iter().flatten().copied().enumerate();
        steps.filter(move |(left_out, step)| {
            let place = places.get(entry + left_out);
            step.ways > 0 && place.is_some_and(|place| place.start < end && place.may_end_at(end))
        })
    }
}

/// The entry behind this one, whose steps are known.
fn next(places: &[Shown], entry: usize, before: &[Step; SLACK + 1]) -> [Step; SLACK + 1] {
    let mut steps = [Step::default(); SLACK + 1];
    for (left_out, step) in steps.iter_mut().enumerate() {
        let Some(place) = places.get(entry + 1 + left_out) else { break };
        let earlier = before.iter().enumerate().take(left_out + 1).filter(|(_, earlier)| earlier.ways > 0);
        for (earlier_left_out, earlier) in earlier {
            let from = places.get(entry + earlier_left_out);
            if from.is_some_and(|from| from.may_end_at(place.start)) {
                *step = Step {
                    ways: two_at_most(step.ways + earlier.ways),
                    left_out: u8::try_from(earlier_left_out).unwrap_or_default(),
                };
            }
        }
    }
    steps
}

fn two_at_most(ways: u8) -> u8 {
    ways.min(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(start: usize) -> Shown {
        Shown { start, value: start, least: start + 2, end: None, of_the_job: true }
    }

    fn closed(start: usize, end: usize) -> Shown {
        Shown { end: Some(end), ..open(start) }
    }

    #[test]
    fn as_many_places_as_entries_are_one_way_and_one_more_is_several() {
        let places = [open(0), open(10), open(20)];
        let three = Chains::new(&places, 3);
        assert_eq!((three.ways(&places, 30), starts(&three, &places, 30)), (1, vec![0, 10, 20]));
        assert_eq!(three.ways(&places, 21), 0, "an entry has two bytes at least");
        assert_eq!(Chains::new(&places, 2).ways(&places, 30), 2);
        assert_eq!(Chains::new(&places, 2).ways(&places, 20), 1, "the third is not inside");
        assert_eq!(Chains::new(&places, 4).ways(&places, 30), 0);
        assert_eq!(Chains::new(&places, 1).ways(&places, 30), 1, "one entry takes it all");
    }

    #[test]
    fn an_entry_that_tells_its_end_decides_between_places() {
        let places = [open(0), open(6), closed(10, 20), open(20)];
        let three = Chains::new(&places, 3);
        assert_eq!((three.ways(&places, 30), starts(&three, &places, 30)), (2, vec![0, 10, 20]));
        let places = [open(0), closed(7, 9), closed(10, 20), open(20)];
        let three = Chains::new(&places, 3);
        assert_eq!((three.ways(&places, 30), starts(&three, &places, 30)), (1, vec![0, 10, 20]));
    }

    #[test]
    fn ways_are_those_of_trying_every_choice() {
        let mut number = 1u64;
        let mut random = |below: usize| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (number >> 33) as usize % below
        };
        for _ in 0..2000 {
            let mut start = 0;
            let mut places = Vec::new();
            for _ in 0..1 + random(8) {
                let end = start + 1 + random(6);
                places.push(if random(2) == 0 { open(start) } else { closed(start, end) });
                start += 1 + random(4);
            }
            let (entries, end) = (1 + random(5), start + random(4));
            let chains = Chains::new(&places, entries);
            assert_eq!(chains.ways(&places, end), tried(&places, 0, entries, end).min(2));
        }
    }

    fn starts(chains: &Chains, places: &[Shown], end: usize) -> Vec<usize> {
        chains.chosen(places, end).into_iter().map(|place| place.start).collect()
    }

    fn tried(places: &[Shown], at: usize, entries: usize, end: usize) -> u8 {
        let place = &places[at];
        if entries == 1 {
            return u8::from(place.start < end && place.may_end_at(end));
        }
        let later = (at + 1..places.len()).filter(|next| place.may_end_at(places[*next].start));
        later.map(|next| tried(places, next, entries - 1, end)).sum()
    }
}
