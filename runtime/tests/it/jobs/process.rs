//! Functions with state and timers: what they keep, when timers fire, and that it survives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use spt_runtime::operators::{
    Aggregate, AggregatingState, BroadcastState, Descriptor, FiredTimer, KeyedBroadcastProcess,
    KeyedCoProcess, KeyedContext, KeyedProcess, ListState, MapState, ProcessContext, ReducingState, States,
    UnionListState, ValueState,
};
use spt_runtime::sources::Source;
use spt_runtime::state::{Domain, Ttl};
use spt_runtime::{Clock, Environment, JobControl, JobOptions, Out, RestoreOptions, Watermarks};

use super::collect::Collect;
use super::leash::Leash;
use super::stored::states;
use super::word_count::at;

type Result<T> = spt_runtime::Result<T>;

/// Sum and number of what was added.
#[derive(Clone)]
pub(super) struct Mean;

impl Aggregate<i64> for Mean {
    type Accumulator = (i64, i64);
    type Result = i64;

    fn start(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, (sum, count): &mut (i64, i64), record: i64) {
        *sum += record;
        *count += 1;
    }

    fn merge(&self, held: &mut (i64, i64), other: (i64, i64)) {
        *held = (held.0 + other.0, held.1 + other.1);
    }

    fn result(&self, (sum, count): &(i64, i64)) -> i64 {
        sum / count
    }
}

/// Keeps everything there is to keep of the numbers of a key, and tells it when the time is over.
#[derive(Clone, Default)]
pub(super) struct Everything {
    /// How long what is kept of a key lives.
    ttl: Option<Ttl>,
    count: ValueState<i64>,
    recent: ListState<i64>,
    digits: MapState<String, i64>,
    largest: ReducingState<i64>,
    mean: Option<AggregatingState<i64, Mean>>,
    started: UnionListState<i64>,
}

impl Everything {
    /// What is kept of a key lives so long.
    pub(super) fn mortal(ttl: Ttl) -> Self {
        Self { ttl: Some(ttl), ..Self::default() }
    }
}

impl KeyedProcess<i64> for Everything {
    type In = i64;
    type Out = (i64, String);

    fn declare(&mut self, states: &mut States<i64>) {
        let state = |name: &str| self.ttl.into_iter().fold(Descriptor::new(name), Descriptor::ttl);
        self.count = states.value(state("count"));
        self.recent = states.list(state("recent"));
        self.digits = states.map(state("digits"));
        self.largest = states.reducing(state("largest"), |a: &i64, b: &i64| *a.max(b));
        self.mean = Some(states.aggregating(state("mean"), Mean));
        self.started = states.of_operator().union_list("started");
        states.timers();
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        if self.started.restored(context).is_empty() && self.started.own(context).is_empty() {
            self.started.own_mut(context).push(1);
        }
        self.count.update(context, || 0, |count| *count += 1);
        self.recent.push(context, record);
        if self.recent.get(context).count() > 5 {
            let kept: Vec<_> = self.recent.get(context).skip(1).copied().collect();
            self.recent.replace(context, kept);
        }
        let digit = (record % 10).to_string();
        let seen = self.digits.get(context, &digit).copied().unwrap_or_default();
        self.digits.put(context, &digit, seen + 1);
        self.largest.add(context, record);
        if let Some(mean) = &self.mean {
            mean.add(context, record);
        }
        context.set_event_timer(1_000_000);
        context.set_event_timer(record);
        context.delete_event_timer(record);
        Ok(())
    }

    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        assert_eq!(timer, FiredTimer { domain: Domain::Event, timestamp: 1_000_000 });
        let recent: Vec<_> = self.recent.get(context).copied().collect();
        let digits: Vec<_> =
            self.digits.iter(context).map(|(digit, seen)| format!("{digit}:{seen}")).collect();
        let (count, digits) = (self.count.take(context).unwrap(), digits.join(","));
        let largest = *self.largest.get(context).unwrap();
        let mean = self.mean.as_ref().unwrap().get(context).unwrap();
        let text = format!("{count} {recent:?} {digits} {largest} {mean}");
        let key = *context.key();
        context.emit((key, text));
        Ok(())
    }
}

pub(super) fn everything(source: impl Source<Item = i64>, sink: &Collect<(i64, String)>) -> Environment {
    let env = Environment::new();
    env.source(source)
        .uid("numbers")
        .assign_timestamps(|n| *n, Watermarks::ascending())
        .uid("time")
        .key_by_value(|n| n % 23)
        .process(Everything::default())
        .uid("everything")
        .sink(sink.clone());
    env
}

/// Two streams of numbers of one subtask each stay in order, so that what is kept is the same.
pub(super) fn expected() -> Vec<(i64, String)> {
    let (numbers, sink) = (Leash::one(0..8_000), Collect::default());
    numbers.let_go();
    everything(numbers, &sink).start("everything", at(1)).unwrap().wait().unwrap();
    let mut records = sink.records();
    records.sort();
    records
}

#[test]
fn all_kinds_of_state_and_timers_go_from_any_parallelism_to_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let expected = expected();
    assert_eq!(expected.len(), 23);
    let sink = Collect::default();
    let (mut path, mut union_rows) = (None::<PathBuf>, BTreeSet::new());
    for parallelism in [2, 5, 1, 3, 8] {
        let restore = path.as_deref().map(RestoreOptions::new);
        let job = everything(Leash::one(0..8_000), &sink)
            .start("everything", JobOptions { restore, ..at(parallelism) })
            .unwrap();
        std::thread::sleep(Duration::from_millis(60));
        let stopped = job.stop(Some(dir.path()), false).unwrap();
        let union = states(&stopped, "everything").into_iter().find(|(name, ..)| name == "started").unwrap();
        union_rows.insert(union.2);
        path = Some(stopped);
    }
    assert!(sink.records().is_empty(), "no timer fires when a job stops");
    // Once there is an element, nobody adds another.
    union_rows.remove(&0);
    assert_eq!(union_rows.len(), 1, "union lists do not grow: {union_rows:?}");
    let path = path.unwrap();
    let rows: BTreeMap<_, _> =
        states(&path, "everything").into_iter().map(|(name, kind, rows)| (name, (kind, rows))).collect();
    assert_eq!(rows["timers"], ("timer".to_owned(), 23));
    assert_eq!(rows["count"], ("value".to_owned(), 23));
    assert_eq!(rows["mean"], ("aggregating".to_owned(), 23));
    assert_eq!((rows["recent"].0.as_str(), rows["digits"].0.as_str()), ("list", "map"));
    assert_eq!(rows["started"].0, "union");
    assert!(rows["started"].1 <= 2, "union lists do not grow: {rows:?}");
    let numbers = Leash::one(0..8_000);
    numbers.let_go();
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(2) };
    everything(numbers, &sink).start("everything", options).unwrap().wait().unwrap();
    let mut records = sink.records();
    records.sort();
    assert_eq!(records, expected);
}

/// Emits how often a timer of the time of day has fired.
#[derive(Clone, Default)]
struct Alarm;

impl KeyedProcess<i64> for Alarm {
    type In = i64;
    type Out = (i64, i64);

    fn declare(&mut self, states: &mut States<i64>) {
        states.timers();
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        context.set_processing_timer(1_000 - record % 7);
        Ok(())
    }

    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        let key = *context.key();
        context.emit((key, timer.timestamp));
        Ok(())
    }
}

fn alarms(sink: &Collect<(i64, i64)>) -> Environment {
    let env = Environment::new();
    let numbers = env.source(Leash::new(0..100_000)).uid("numbers");
    numbers.key_by_value(|n| n % 50).process(Alarm).uid("alarm").sink(sink.clone());
    env
}

fn stopped(env: &Environment, options: JobOptions, dir: &Path) -> PathBuf {
    let job = env.start("alarms", options).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    job.stop(Some(dir), false).unwrap()
}

#[test]
fn timers_of_the_time_of_day_fire_in_order_and_overdue_ones_before_the_first_record() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, clock) = (Collect::default(), Clock::manual(0));
    let options = || JobOptions { clock: clock.clone(), ..at(2) };
    let path = stopped(&alarms(&sink), options(), dir.path());
    assert!(sink.records().is_empty());
    clock.set(996);
    let restore = Some(RestoreOptions::new(&path));
    let path = stopped(&alarms(&sink), JobOptions { restore, ..options() }, dir.path());
    let fired = sink.records();
    assert!(!fired.is_empty() && fired.iter().all(|(_, time)| *time <= 996), "{fired:?}");
    // A clock that steps back fires none again.
    clock.set(500);
    let restore = Some(RestoreOptions::new(&path));
    let path = stopped(&alarms(&sink), JobOptions { restore, ..options() }, dir.path());
    assert_eq!(sink.records(), fired);
    clock.set(2_000);
    let restore = Some(RestoreOptions::new(&path));
    let sink = Collect::default();
    let job = alarms(&sink).start("alarms", JobOptions { restore, ..options() }).unwrap();
    sink.wait_for(100);
    job.cancel().unwrap();
    for key in 0..50 {
        let times: Vec<_> =
            sink.records().iter().filter(|(found, _)| *found == key).map(|(_, time)| *time).take(3).collect();
        assert!(times.is_sorted(), "{key}: {times:?}");
    }
}

/// Remembers a number of each key for a while.
#[derive(Clone)]
struct Forgetful {
    ttl: Ttl,
    seen: ValueState<i64>,
    list: ListState<i64>,
    map: MapState<i64, i64>,
}

impl KeyedProcess<i64> for Forgetful {
    type In = i64;
    type Out = (i64, i64);

    fn declare(&mut self, states: &mut States<i64>) {
        self.seen = states.value(Descriptor::new("seen").ttl(self.ttl));
        self.list = states.list(Descriptor::new("list").ttl(self.ttl));
        self.map = states.map(Descriptor::new("map").ttl(self.ttl));
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        let seen = self.seen.get(context).copied().unwrap_or_default();
        let list = self.list.get(context).count() as i64;
        let map = self.map.iter(context).count() as i64;
        context.emit((seen, 10 * list + map));
        self.seen.set(context, seen + 1);
        self.list.push(context, record);
        self.map.put(context, &(record % 3), record);
        Ok(())
    }
}

#[test]
fn what_has_expired_is_never_returned_and_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let (sink, clock) = (Collect::default(), Clock::manual(1_000));
    let job = |range: std::ops::Range<i64>| {
        let env = Environment::new();
        let forgetful = Forgetful {
            ttl: Ttl::of_ms(100),
            seen: ValueState::default(),
            list: ListState::default(),
            map: MapState::default(),
        };
        env.source(Leash::one(range))
            .uid("numbers")
            .key_by_value(|_| 1i64)
            .process(forgetful)
            .uid("f")
            .sink(sink.clone());
        env
    };
    let options = || JobOptions { clock: clock.clone(), ..at(1) };
    let first = job(0..100_000).start("forget", options()).unwrap();
    sink.wait_for(5);
    let path = first.stop(Some(dir.path()), false).unwrap();
    assert_eq!(sink.records()[..5], [(0, 0), (1, 11), (2, 22), (3, 33), (4, 43)]);
    let before = sink.records().len();
    clock.set(1_100);
    let restore = || Some(RestoreOptions::new(&path));
    let second = job(0..100_000).start("forget", JobOptions { restore: restore(), ..options() }).unwrap();
    sink.wait_for(before + 2);
    second.cancel().unwrap();
    assert_eq!(sink.records()[before..before + 2], [(0, 0), (1, 11)]);
    // Without a record that would look at them, expired values are swept away.
    let env = Environment::new();
    let forgetful = Forgetful {
        ttl: Ttl::of_ms(100),
        seen: ValueState::default(),
        list: ListState::default(),
        map: MapState::default(),
    };
    let none = env.source(Leash::one(0..100_000)).uid("numbers").filter(|_| false);
    none.key_by_value(|_| 1i64).process(forgetful).uid("f").sink(sink.clone());
    let third = env.start("forget", JobOptions { restore: restore(), ..options() }).unwrap();
    for time in 0..400 {
        clock.set(2_000 + time);
        std::thread::sleep(Duration::from_millis(6));
        if time % 50 == 49 {
            let path = third.savepoint(Some(dir.path())).unwrap();
            if states(&path, "f").iter().all(|(_, _, rows)| *rows == 0) {
                return third.cancel().unwrap();
            }
        }
    }
    panic!("expired values are still there");
}

/// Prices numbers by the rate that was last broadcast.
#[derive(Clone, Default)]
pub(super) struct Price {
    rates: BroadcastState<String, i64>,
    count: ValueState<i64>,
}

impl KeyedBroadcastProcess<i64> for Price {
    type In = i64;
    type Broadcast = (String, i64);
    type Out = (i64, i64);

    fn declare(&mut self, states: &mut States<i64>) {
        self.rates = states.of_operator().broadcast("rates");
        self.count = states.value("count");
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        self.count.update(context, || 0, |count| *count += 1);
        let rate = self.rates.get(context, "rate").copied().unwrap_or_default();
        context.emit((record, record * rate));
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        (name, rate): (&str, i64),
        context: &mut ProcessContext<'_, Self::Out>,
    ) -> Result<()> {
        self.rates.put(context, name, rate);
        Ok(())
    }
}

fn prices(rates: Vec<(String, i64)>, sink: &Collect<(i64, i64)>) -> Environment {
    let env = Environment::new();
    let rates = env.collection(rates).uid("rates");
    let numbers = env.source(Leash::new(0..100_000)).uid("numbers").key_by_value(|n| n % 10);
    numbers.connect_broadcast(rates).process(Price::default()).uid("price").sink(sink.clone());
    env
}

#[test]
fn broadcast_state_is_stored_once_and_given_to_every_subtask() {
    let dir = tempfile::tempdir().unwrap();
    let rates = vec![("other".to_owned(), 5), ("rate".to_owned(), 3)];
    let sink = Collect::default();
    let job = prices(rates.clone(), &sink).start("prices", at(3)).unwrap();
    // A subtask that knows the last rate knows both.
    let is_priced =
        |seen: &[(i64, i64)], key| seen.iter().any(|(number, priced)| number % 10 == key && *priced > 0);
    sink.wait_until(|seen| seen.len() >= 3_000 && (0..10).all(|key| is_priced(seen, key)));
    let path = job.stop(Some(dir.path()), false).unwrap();
    let stored = states(&path, "price");
    assert!(stored.contains(&("rates".to_owned(), "broadcast".to_owned(), 2)), "{stored:?}");
    let sink = Collect::default();
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(5) };
    let job = prices(rates, &sink).start("prices", options).unwrap();
    sink.wait_for(2_000);
    job.cancel().unwrap();
    assert!(sink.records().iter().all(|(number, priced)| *priced == number * 3));
}

/// Changes broadcast state as its own subtask likes.
#[derive(Clone, Default)]
struct Wilful {
    copies: BroadcastState<i64, i64>,
}

impl KeyedProcess<i64> for Wilful {
    type In = i64;
    type Out = i64;

    fn declare(&mut self, states: &mut States<i64>) {
        self.copies = states.of_operator().broadcast("copies");
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        self.copies.put(context, &(record % 10), record);
        context.emit(record);
        Ok(())
    }
}

#[test]
fn copies_of_broadcast_state_that_differ_are_refused_in_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (env, sink) = (Environment::new(), Collect::default());
    env.source(Leash::new(0..100_000))
        .uid("numbers")
        .key_by_value(|n| n % 10)
        .process(Wilful::default())
        .uid("wilful")
        .sink(sink.clone());
    let job = env.start("wilful", at(2)).unwrap();
    sink.wait_for(1_000);
    let error = job.savepoint(Some(dir.path())).unwrap_err().full();
    for part in ["wilful", "copies", "subtasks 0 and 1 differ"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    job.cancel().unwrap();
}

/// Pairs numbers of two streams, whichever comes first.
#[derive(Clone, Default)]
struct Meet {
    first: ValueState<i64>,
    second: ValueState<String>,
}

impl KeyedCoProcess<i64> for Meet {
    type First = i64;
    type Second = (i64, String);
    type Out = (i64, String);

    fn declare(&mut self, states: &mut States<i64>) {
        self.first = states.value("first");
        self.second = states.value("second");
    }

    fn first(&mut self, record: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        match self.second.take(context) {
            Some(text) => context.emit((record, text)),
            None => self.first.set(context, record),
        }
        Ok(())
    }

    fn second(
        &mut self,
        (_, text): (i64, &str),
        context: &mut KeyedContext<'_, i64, Self::Out>,
    ) -> Result<()> {
        match self.first.take(context) {
            Some(number) => context.emit((number, text.to_owned())),
            None => self.second.set(context, text.to_owned()),
        }
        Ok(())
    }
}

#[test]
fn records_of_two_keyed_streams_with_one_key_meet() {
    let (env, sink) = (Environment::new(), Collect::default());
    let numbers = env.sequence(0..500).key_by_value(|n| *n);
    let texts = env.collection((0..500).rev().map(|n: i64| (n, format!("text {n}")))).key_by(|(n, _)| n);
    numbers.connect(texts).process(Meet::default()).uid("meet").sink(sink.clone());
    env.start("meet", at(3)).unwrap().wait().unwrap();
    let mut met = sink.records();
    met.sort();
    assert_eq!(met, (0..500).map(|n| (n, format!("text {n}"))).collect::<Vec<_>>());
}

/// Uses a state that it never declared.
#[derive(Clone, Default)]
struct Careless {
    count: ValueState<i64>,
}

impl KeyedProcess<i64> for Careless {
    type In = i64;
    type Out = i64;

    fn declare(&mut self, _: &mut States<i64>) {}

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        self.count.set(context, record);
        Ok(())
    }
}

#[test]
fn a_state_that_was_not_declared_fails_the_operator_by_name() {
    let env = Environment::new();
    env.sequence(0..10)
        .key_by_value(|n| *n)
        .process(Careless::default())
        .uid("careless")
        .sink(Collect::default());
    let error = env.start("careless", at(1)).and_then(|job| job.wait()).unwrap_err().full();
    assert!(error.contains("careless") && error.contains("not declared"), "{error}");
}

#[test]
fn what_is_kept_of_a_key_so_far_is_emitted_for_each_record() {
    let (env, lowest, highest, means) =
        (Environment::new(), Collect::default(), Collect::default(), Collect::default());
    let numbers = || env.collection(vec![5i64, 3, 9, 3, 12, 1]).key_by_value(|n| n % 2);
    numbers().min(|n| *n).uid("min").sink(lowest.clone());
    numbers().max(|n| *n as f64).uid("max").map(|(key, max)| (*key, *max as i64)).sink(highest.clone());
    numbers().aggregate(Mean).uid("mean").sink(means.clone());
    env.start("so-far", at(1)).unwrap().wait().unwrap();
    assert_eq!(lowest.records(), [(1, 5), (1, 3), (1, 3), (1, 3), (0, 12), (1, 1)]);
    assert_eq!(highest.records(), [(1, 5), (1, 5), (1, 9), (1, 9), (0, 12), (1, 9)]);
    assert_eq!(means.records(), [(1, 5), (1, 4), (1, 5), (1, 5), (0, 12), (1, 4)]);
}

#[derive(Clone)]
struct TwoOfOneName;

impl KeyedProcess<i64> for TwoOfOneName {
    type In = i64;
    type Out = i64;

    fn declare(&mut self, states: &mut States<i64>) {
        let _: ValueState<i64> = states.value("watermark");
        states.timers();
    }

    fn process(&mut self, _: i64, _: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn two_states_of_one_name_are_refused() {
    let env = Environment::new();
    env.sequence(0..10).key_by_value(|n| *n).process(TwoOfOneName).uid("two").sink(Collect::default());
    let error = env.start("two", at(1)).err().unwrap().full();
    assert!(error.contains("two") && error.contains("\"watermark\""), "{error}");
}

#[test]
fn a_key_that_cannot_be_made_is_the_fault_of_the_operator_that_wants_it() {
    let env = Environment::new();
    env.sequence(0..10)
        .flat_map(|n, out: &mut Out<'_, i64>| out.emit(*n))
        .uid("innocent")
        .key_by_value(|n| if *n < 5 { *n } else { panic!("no key for {n}") })
        .sum(|n| *n)
        .uid("guilty")
        .sink(Collect::default());
    let error = env.start("keys", at(1)).and_then(|job| job.wait()).unwrap_err().full();
    assert!(
        error.contains("guilty failed: panicked: no key for 5") && !error.contains("innocent"),
        "{error}"
    );
}
