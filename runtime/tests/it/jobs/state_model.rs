//! Handles of keyed state with a time to live, and timers, against a model: a function does what its records say, in
//! one go and after a restore.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use spt_runtime::operators::{
    AggregatingState, Descriptor, FiredTimer, KeyedContext, KeyedProcess, ListState, MapState, ReducingState,
    States, ValueState,
};
use spt_runtime::state::{Domain, Touch, Ttl};
use spt_runtime::{Clock, Environment, JobControl, JobHandle, JobOptions, RestoreOptions, Watermarks};

use super::collect::Collect;
use super::process::Mean;
use super::script::Script;
use super::word_count::at;

/// Key, then event time, what to do, and with what.
type Record = (i64, (i64, (i64, i64)));

/// Kinds of things to do.
const STEPS: i64 = 19;
/// When the clock of each job begins.
const BEGIN: i64 = 1_000;

/// Does what its records say, and says what it saw.
#[derive(Clone)]
struct Obedient {
    ttl: Option<Ttl>,
    clock: Clock,
    value: ValueState<i64>,
    list: ListState<i64>,
    map: MapState<i64, i64>,
    sum: ReducingState<i64>,
    mean: Option<AggregatingState<i64, Mean>>,
}

impl Obedient {
    fn new(ttl: Option<Ttl>, clock: Clock) -> Self {
        let (value, list, map, sum, mean) = Default::default();
        Self { ttl, clock, value, list, map, sum, mean }
    }
}

impl KeyedProcess<i64> for Obedient {
    type In = Record;
    type Out = (i64, String);

    fn declare(&mut self, states: &mut States<i64>) {
        let state = |name: &str| self.ttl.into_iter().fold(Descriptor::new(name), Descriptor::ttl);
        self.value = states.value(state("value"));
        self.list = states.list(state("list"));
        self.map = states.map(state("map"));
        self.sum = states.reducing(state("sum"), |a: &i64, b: &i64| a + b);
        self.mean = Some(states.aggregating(state("mean"), Mean));
        states.timers();
    }

    fn process(
        &mut self,
        record: Record,
        context: &mut KeyedContext<'_, i64, Self::Out>,
    ) -> spt_runtime::Result<()> {
        let (key, (time, (step, with))) = record;
        let (entry, now) = (with % 4, context.now_ms());
        let said = match step {
            0 => format!("value {:?}", self.value.get(context)),
            1 => {
                self.value.set(context, with);
                String::new()
            }
            2 => {
                let updated = self.value.update(
                    context,
                    || with,
                    |value| {
                        *value += 1;
                        *value
                    },
                );
                format!("updated {updated:?}")
            }
            3 => format!("taken {:?}", self.value.take(context)),
            4 => {
                self.list.push(context, with);
                String::new()
            }
            5 => format!("list {:?}", self.list.get(context).collect::<Vec<_>>()),
            6 => {
                self.list.replace(context, (0..with % 3).map(|n| with + n));
                String::new()
            }
            7 => {
                self.map.put(context, &entry, with);
                String::new()
            }
            8 => format!("entry {:?}", self.map.get(context, &entry)),
            9 => format!("map {:?}", self.map.iter(context).collect::<Vec<_>>()),
            10 => format!("removed {:?}", self.map.remove(context, &entry)),
            11 => {
                self.sum.add(context, with);
                String::new()
            }
            12 => format!("sum {:?}", self.sum.get(context)),
            13 => {
                self.clock.set(now + with);
                String::new()
            }
            14 => {
                context.set_processing_timer(now + with);
                String::new()
            }
            15 => {
                context.set_event_timer(time + with - 20);
                String::new()
            }
            16 => {
                context.delete_event_timer(time + with - 20);
                context.delete_processing_timer(now + with);
                String::new()
            }
            17 => {
                self.mean.as_ref().unwrap().add(context, with);
                String::new()
            }
            _ => format!("mean {:?}", self.mean.as_ref().unwrap().get(context)),
        };
        if !said.is_empty() {
            context.emit((key, said));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        timer: FiredTimer,
        context: &mut KeyedContext<'_, i64, Self::Out>,
    ) -> spt_runtime::Result<()> {
        let (key, sum) = (*context.key(), self.sum.get(context).copied());
        context.emit((key, fired(timer.domain, timer.timestamp, sum)));
        Ok(())
    }
}

fn fired(domain: Domain, time: i64, sum: Option<i64>) -> String {
    format!("{} timer at {time}, sum {sum:?}", domain.name())
}

type Said = BTreeMap<i64, Vec<String>>;

fn by_key(sink: &Collect<(i64, String)>) -> Said {
    let mut said = Said::new();
    for (key, line) in sink.records() {
        said.entry(key).or_default().push(line);
    }
    said
}

fn start(
    ttl: Option<Ttl>,
    script: &Script<Record>,
    sink: &Collect<(i64, String)>,
    options: JobOptions,
) -> JobHandle {
    let env = Environment::new();
    env.source(script.clone())
        .uid("script")
        .assign_timestamps(|(_, (time, _))| *time, Watermarks::ascending().after_each_record())
        .uid("time")
        .key_by_value(|(key, _)| *key)
        .process(Obedient::new(ttl, options.clock.clone()))
        .uid("obedient")
        .sink(sink.clone());
    env.start("obey", options).unwrap()
}

fn by(clock: i64) -> JobOptions {
    JobOptions { clock: Clock::manual(clock), ..at(1) }
}

/// What a job says of all records.
fn run(ttl: Option<Ttl>, records: &[Record]) -> Said {
    let (script, sink) = (Script::new(records.to_vec()), Collect::default());
    script.let_go();
    start(ttl, &script, &sink, by(BEGIN)).wait().unwrap();
    by_key(&sink)
}

/// The same of a job of which a savepoint is taken while it goes on, and of one that starts from there.
fn run_twice(ttl: Option<Ttl>, records: &[Record], from: From) -> [Said; 2] {
    let dir = tempfile::tempdir().unwrap();
    let (script, sinks) = (Script::new(records.to_vec()), [Collect::default(), Collect::default()]);
    let job = start(ttl, &script, &sinks[0], by(BEGIN));
    script.read_to(from.record);
    script.let_go_at_barrier();
    let path = job.savepoint(Some(dir.path())).unwrap();
    job.wait().unwrap();
    let restore = Some(RestoreOptions::new(path));
    start(ttl, &script, &sinks[1], JobOptions { restore, ..by(from.clock) }).wait().unwrap();
    sinks.each_ref().map(by_key)
}

/// Where a job goes on: behind so many records, and at what time.
#[derive(Debug, Clone, Copy)]
struct From {
    record: usize,
    clock: i64,
}

/// A value, and when it was last touched.
type Timed<V = i64> = (V, i64);

/// What one key has, by hand.
#[derive(Debug, Default)]
struct Held {
    value: Option<Timed>,
    list: Vec<Timed>,
    map: BTreeMap<i64, Timed>,
    sum: Option<Timed>,
    /// Sum and number.
    mean: Option<Timed<(i64, i64)>>,
    timers: BTreeSet<(Domain, i64)>,
}

struct Model {
    ttl: Option<Ttl>,
    now: i64,
    keys: BTreeMap<i64, Held>,
    said: Said,
}

impl Model {
    fn run(ttl: Option<Ttl>, records: &[Record]) -> Said {
        Self::run_from(ttl, records, 0, 0).0
    }

    /// What is said behind so many records, if the clock is then ahead by this, and what it shows.
    fn run_from(ttl: Option<Ttl>, records: &[Record], record: usize, ahead: i64) -> (Said, From) {
        let mut model = Self { ttl, now: BEGIN, keys: BTreeMap::new(), said: Said::new() };
        model.obey(&records[..record]);
        model.said.clear();
        model.now += ahead;
        let from = From { record, clock: model.now };
        model.fire(Domain::Processing, model.now);
        model.obey(&records[record..]);
        model.fire(Domain::Event, i64::MAX);
        (model.said, from)
    }

    fn obey(&mut self, records: &[Record]) {
        for (key, (time, (step, with))) in records {
            if let Some(said) = self.step(*key, *time, *step, *with) {
                self.said.entry(*key).or_default().push(said);
            }
            self.fire(Domain::Processing, self.now);
            self.fire(Domain::Event, *time - 1);
        }
    }

    fn step(&mut self, key: i64, time: i64, step: i64, with: i64) -> Option<String> {
        let (ttl, now, entry) = (self.ttl, self.now, with % 4);
        let held = self.keys.entry(key).or_default();
        held.forget(ttl, now);
        fn touch<V: Copy>(timed: &mut Timed<V>, ttl: Option<Ttl>, now: i64) -> V {
            if ttl.is_some_and(|ttl| ttl.touch == Touch::OnReadAndWrite) {
                timed.1 = now;
            }
            timed.0
        }
        let touched = |timed: &mut Timed| touch(timed, ttl, now);
        match step {
            0 => return Some(format!("value {:?}", held.value.as_mut().map(touched))),
            1 => held.value = Some((with, now)),
            2 => {
                let value = held.value.map_or(with, |(value, _)| value) + 1;
                held.value = Some((value, now));
                return Some(format!("updated {:?}", Some(value)));
            }
            3 => return Some(format!("taken {:?}", held.value.take().map(|(value, _)| value))),
            4 => held.list.push((with, now)),
            5 => return Some(format!("list {:?}", held.list.iter_mut().map(touched).collect::<Vec<_>>())),
            6 => held.list = (0..with % 3).map(|n| (with + n, now)).collect(),
            7 => drop(held.map.insert(entry, (with, now))),
            8 => return Some(format!("entry {:?}", held.map.get_mut(&entry).map(touched))),
            9 => {
                let entries: Vec<_> = held.map.iter().map(|(entry, (value, _))| (entry, value)).collect();
                return Some(format!("map {entries:?}"));
            }
            10 => return Some(format!("removed {:?}", held.map.remove(&entry).map(|(value, _)| value))),
            11 => held.sum = Some((held.sum.map_or(0, |(sum, _)| sum) + with, now)),
            12 => return Some(format!("sum {:?}", held.sum.as_mut().map(touched))),
            13 => self.now += with,
            14 => drop(held.timers.insert((Domain::Processing, now + with))),
            15 => drop(held.timers.insert((Domain::Event, time + with - 20))),
            16 => {
                held.timers.remove(&(Domain::Event, time + with - 20));
                held.timers.remove(&(Domain::Processing, now + with));
            }
            17 => {
                let (sum, count) = held.mean.map_or((0, 0), |(mean, _)| mean);
                held.mean = Some(((sum + with, count + 1), now));
            }
            _ => {
                let mean = held.mean.as_mut().map(|timed| touch(timed, ttl, now));
                return Some(format!("mean {:?}", mean.map(|(sum, count)| sum / count)));
            }
        }
        None
    }

    fn fire(&mut self, domain: Domain, until: i64) {
        for (key, held) in &mut self.keys {
            while let Some(due) = held.timers.iter().find(|due| due.0 == domain && due.1 <= until).copied() {
                held.timers.remove(&due);
                held.forget(self.ttl, self.now);
                if let (Some(sum), Some(Touch::OnReadAndWrite)) =
                    (&mut held.sum, self.ttl.map(|ttl| ttl.touch))
                {
                    sum.1 = self.now;
                }
                let line = fired(domain, due.1, held.sum.map(|(sum, _)| sum));
                self.said.entry(*key).or_default().push(line);
            }
        }
    }
}

impl Held {
    /// Drops what has expired.
    fn forget(&mut self, ttl: Option<Ttl>, now: i64) {
        let lives = |touched: i64| ttl.is_none_or(|ttl| touched + ttl.duration_ms as i64 > now);
        self.value = self.value.filter(|timed| lives(timed.1));
        self.list.retain(|timed| lives(timed.1));
        self.map.retain(|_, timed| lives(timed.1));
        self.sum = self.sum.filter(|timed| lives(timed.1));
        self.mean = self.mean.filter(|timed| lives(timed.1));
    }
}

fn ttls() -> impl Strategy<Value = Option<Ttl>> {
    let touch = prop_oneof![Just(Touch::OnWrite), Just(Touch::OnReadAndWrite)];
    prop::option::weighted(0.8, (1u64..80, touch).prop_map(|(duration_ms, touch)| Ttl { duration_ms, touch }))
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let step = (0i64..3, 0..STEPS, 0i64..40);
    prop::collection::vec(step, 1..120).prop_map(|steps| {
        let record =
            |(number, (key, step, with)): (usize, (i64, i64, i64))| (key, (number as i64 * 10, (step, with)));
        steps.into_iter().enumerate().map(record).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn handles_and_timers_do_what_the_model_does(ttl in ttls(), records in records()) {
        prop_assert_eq!(run(ttl, &records), Model::run(ttl, &records));
    }

    #[test]
    fn a_restore_goes_on_from_the_barrier_whatever_was_changed_behind_it(
        ttl in ttls(),
        records in records(),
        at in any::<prop::sample::Index>(),
        ahead in prop_oneof![Just(0), 0i64..100],
    ) {
        let (expected, from) = Model::run_from(ttl, &records, at.index(records.len() + 1), ahead);
        prop_assert_eq!(run_twice(ttl, &records, from), [Model::run(ttl, &records), expected]);
    }
}
