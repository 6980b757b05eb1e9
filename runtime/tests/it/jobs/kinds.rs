//! State of every kind and of every type: what the next version of a job reads, and what becomes of it while no
//! operator declares it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use spt_runtime::config::NonRestored;
use spt_runtime::operators::{
    Aggregate, AggregatingState, BroadcastState, KeyedBroadcastProcess, KeyedContext, KeyedProcess,
    ListState, MapState, OperatorListState, ProcessContext, ReducingState, States, UnionListState,
    ValueState,
};
use spt_runtime::state::{Bytes, Decimal, Key, State, Uuid};
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions, Result};

use super::collect::Collect;
use super::leash::Leash;
use super::process::{everything, expected};
use super::script::Script;
use super::stored::states;
use super::word_count::at;

fn from(path: &std::path::Path, parallelism: u32) -> JobOptions {
    JobOptions { restore: Some(RestoreOptions::new(path)), ..at(parallelism) }
}

/// What a version of a job keeps of a number.
trait Version: State + PartialEq {
    fn new(number: i64) -> Self;

    /// The number, and a weight.
    fn tell(&self) -> (i64, u8);
}

#[derive(Debug, Clone, PartialEq, State)]
struct Count {
    count: i32,
    note: String,
}

#[derive(Debug, Clone, PartialEq, State)]
struct NextCount {
    #[state(default = 7u8)]
    weight: u8,
    #[state(alias = "count")]
    seen: i64,
}

impl Version for Count {
    fn new(number: i64) -> Self {
        Self { count: number as i32, note: "of no use any more".to_owned() }
    }

    fn tell(&self) -> (i64, u8) {
        (self.count.into(), 7)
    }
}

impl Version for NextCount {
    fn new(number: i64) -> Self {
        Self { weight: 0, seen: number }
    }

    fn tell(&self) -> (i64, u8) {
        (self.seen, self.weight)
    }
}

#[derive(Clone)]
struct Total<V>(PhantomData<fn() -> V>);

impl<V: Version> Aggregate<i64> for Total<V> {
    type Accumulator = V;
    type Result = i64;

    fn start(&self) -> V {
        V::new(0)
    }

    fn add(&self, total: &mut V, number: i64) {
        *total = V::new(total.tell().0 + number);
    }

    fn merge(&self, total: &mut V, other: V) {
        self.add(total, other.tell().0);
    }

    fn result(&self, total: &V) -> i64 {
        total.tell().0
    }
}

/// Keeps numbers in state of every kind; a number from `TELL` on asks for what is kept.
#[derive(Clone)]
struct Keep<V: Version> {
    value: ValueState<V>,
    list: ListState<V>,
    map: MapState<String, V>,
    sum: ReducingState<V>,
    total: Option<AggregatingState<i64, Total<V>>>,
    own: OperatorListState<V>,
    union: UnionListState<V>,
    rules: BroadcastState<String, V>,
}

const NUMBERS: i64 = 20;
const KEYS: i64 = 5;
const TELL: i64 = 100;
/// What is told of no key.
const NOBODY: i64 = -1;

impl<V: Version> Keep<V> {
    fn new() -> Self {
        let (value, list, map, sum, own, union, rules) = Default::default();
        Self { value, list, map, sum, total: None, own, union, rules }
    }

    fn keep(&self, number: i64, context: &mut KeyedContext<'_, i64, (i64, String)>) {
        let version = || V::new(number);
        self.value.set(context, version());
        self.list.push(context, version());
        self.map.put(context, &format!("e{}", number % 3), version());
        self.sum.add(context, version());
        self.total.as_ref().unwrap().add(context, number);
        self.own.get_mut(context).push(version());
        self.union.own_mut(context).push(version());
    }

    fn tell(&self, context: &mut KeyedContext<'_, i64, (i64, String)>) {
        let value = self.value.get(context).map(V::tell).unwrap();
        let list: Vec<_> = self.list.get(context).map(V::tell).collect();
        let map: BTreeMap<_, _> =
            self.map.iter(context).map(|(entry, held)| (entry.clone(), held.tell())).collect();
        let sum = self.sum.get(context).map(V::tell).unwrap();
        let total = self.total.as_ref().unwrap().get(context).unwrap();
        let rule = self.rules.get(context, "rule").map(V::tell).unwrap();
        let key = *context.key();
        context.emit((key, told(value, &list, &map, sum, total, rule)));
        let mut own: Vec<_> = std::mem::take(self.own.get_mut(context)).iter().map(V::tell).collect();
        let mut all: Vec<_> = self.union.restored(context).iter().map(V::tell).collect();
        if !own.is_empty() {
            own.sort_unstable();
            all.sort_unstable();
            context.emit((NOBODY, format!("{own:?} {all:?}")));
        }
    }
}

type Told = (i64, u8);

fn told(
    value: Told,
    list: &[Told],
    map: &BTreeMap<String, Told>,
    sum: Told,
    total: i64,
    rule: Told,
) -> String {
    format!("value {value:?} list {list:?} map {map:?} sum {sum:?} total {total} rule {rule:?}")
}

impl<V: Version> KeyedBroadcastProcess<i64> for Keep<V> {
    type In = i64;
    type Broadcast = i64;
    type Out = (i64, String);

    fn declare(&mut self, states: &mut States<i64>) {
        self.value = states.value("value");
        self.list = states.list("list");
        self.map = states.map("map");
        // Of two, the larger one, as it is.
        self.sum =
            states.reducing("sum", |a: &V, b: &V| if a.tell() < b.tell() { b.clone() } else { a.clone() });
        self.total = Some(states.aggregating("total", Total(PhantomData)));
        self.own = states.of_operator().list("own");
        self.union = states.of_operator().union_list("union");
        self.rules = states.of_operator().broadcast("rules");
    }

    fn process(&mut self, number: i64, context: &mut KeyedContext<'_, i64, Self::Out>) -> Result<()> {
        match number < TELL {
            true => self.keep(number, context),
            false => self.tell(context),
        }
        Ok(())
    }

    fn process_broadcast(&mut self, rule: i64, context: &mut ProcessContext<'_, Self::Out>) -> Result<()> {
        self.rules.put(context, "rule", V::new(rule));
        context.emit((NOBODY, String::new()));
        Ok(())
    }
}

fn keeping<V: Version>(
    script: &Script<i64>,
    sink: &Collect<(i64, String)>,
    options: JobOptions,
) -> JobHandle {
    let env = Environment::new();
    let rules = env.collection(vec![11i64]).uid("rules");
    env.source(script.clone())
        .uid("script")
        .key_by_value(|number| number % KEYS)
        .connect_broadcast(rules)
        .process(Keep::<V>::new())
        .uid("keep")
        .sink(sink.clone());
    env.start("keep", options).unwrap()
}

#[test]
fn state_of_every_kind_is_read_by_the_next_version() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new((0..NUMBERS).chain(TELL..TELL + KEYS).collect());
    let sink = Collect::default();
    let job = keeping::<Count>(&script, &sink, at(2));
    script.read_to(NUMBERS as usize);
    // Both subtasks have the rule.
    sink.wait_for(2);
    let path = job.stop(Some(dir.path()), false).unwrap();
    let kinds: BTreeSet<_> = states(&path, "keep").into_iter().map(|(_, kind, _)| kind).collect();
    let all = ["value", "list", "map", "reducing", "aggregating", "operator-list", "union", "broadcast"];
    assert_eq!(kinds, all.map(str::to_owned).into());

    let sink = Collect::default();
    script.let_go();
    keeping::<NextCount>(&script, &sink, from(&path, 1)).wait().unwrap();
    let mut said = sink.records();
    said.sort();
    let everything: Vec<Told> = (0..NUMBERS).map(|number| (number, 7)).collect();
    let mut by_hand = vec![(NOBODY, format!("{everything:?} {everything:?}"))];
    for key in 0..KEYS {
        let list: Vec<Told> = (key..NUMBERS).step_by(KEYS as usize).map(|number| (number, 7)).collect();
        let map = list.iter().map(|(number, weight)| (format!("e{}", number % 3), (*number, *weight)));
        let (last, total) = (*list.last().unwrap(), list.iter().map(|(number, _)| number).sum());
        by_hand.push((key, told(last, &list, &map.collect(), last, total, (11, 7))));
    }
    assert_eq!(said, by_hand);
}

/// Operators with the uids of those that keep everything, none of which keeps anything.
fn keeping_nothing(parallelism: u32, path: PathBuf, dir: &std::path::Path) -> PathBuf {
    let env = Environment::new();
    let numbers = env.source(Leash::new(0..100_000)).uid("other").map(|number| *number).uid("numbers");
    let numbers = numbers.map(|number| *number).uid("time").rebalance();
    numbers.map(|number| *number).uid("everything").sink(Collect::default());
    let options = JobOptions { checkpoint_dir: Some(dir.join("checkpoints")), ..from(&path, parallelism) };
    let job = env.start("nothing", options).unwrap();
    // From its first checkpoint on it needs what it started from no more.
    job.checkpoint().unwrap();
    std::fs::remove_dir_all(path).unwrap();
    job.stop(Some(dir), false).unwrap()
}

#[test]
fn state_of_every_kind_that_is_not_declared_for_a_while_goes_on_as_it_was_at_any_parallelism() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Collect::default();
    let job = everything(Leash::one(0..8_000), &sink).start("everything", at(2)).unwrap();
    std::thread::sleep(Duration::from_millis(60));
    let mut path = job.stop(Some(dir.path()), false).unwrap();
    let before = states(&path, "everything");
    for parallelism in [5, 1] {
        path = keeping_nothing(parallelism, path, dir.path());
        assert_eq!(states(&path, "everything"), before);
    }
    let numbers = Leash::one(0..8_000);
    numbers.let_go();
    let left = NonRestored::Allow(vec!["other".to_owned()]);
    let restore = RestoreOptions { non_restored: left, ..RestoreOptions::new(&path) };
    let options = JobOptions { restore: Some(restore), ..at(3) };
    everything(numbers, &sink).start("everything", options).unwrap().wait().unwrap();
    let mut records = sink.records();
    records.sort();
    assert_eq!(records, expected());
}

#[test]
fn each_state_that_would_be_left_behind_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let job = everything(Leash::one(0..8_000), &Collect::default()).start("everything", at(2)).unwrap();
    let path = job.stop(Some(dir.path()), false).unwrap();
    let start = |non_restored: NonRestored| {
        let env = Environment::new();
        env.source(Leash::one(0..8_000)).uid("numbers").sink(Collect::default());
        let restore = RestoreOptions { non_restored, ..RestoreOptions::new(&path) };
        env.start("nothing", JobOptions { restore: Some(restore), ..at(2) })
    };
    let refusal = start(NonRestored::Refuse).err().unwrap();
    let job = start(NonRestored::AllowAll).unwrap();
    job.cancel().unwrap();
    let notes = job.notes().join("\n");
    for (name, kind, rows) in states(&path, "everything").into_iter().filter(|(.., rows)| *rows > 0) {
        let told = format!("{kind} state {name:?} ({rows} rows)");
        assert!(refusal.to_string().contains(&told), "{told}: {refusal}");
        assert!(notes.contains(&told), "{told}: {notes}");
    }
}

/// Whatever may be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
struct AnyKey {
    truth: bool,
    signed: (i8, i16, i32, i64),
    unsigned: (u8, u16, u32, u64),
    text: String,
    letter: char,
    bytes: Bytes,
    uuid: Uuid,
    price: Decimal<20, 3>,
    day: NaiveDate,
    instant: DateTime<Utc>,
    since: SystemTime,
    length: Duration,
    maybe: Option<Option<u8>>,
    kind: Kind,
    nothing: (),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
enum Kind {
    Plain,
    Sized(i64),
    Named { name: String, size: Option<u32> },
}

type Leaves = BTreeMap<i16, (Uuid, Option<String>)>;

/// Whatever may be kept.
#[derive(Debug, Clone, PartialEq, State)]
struct Anything {
    key: AnyKey,
    floats: (f32, f64),
    time: NaiveTime,
    local: NaiveDateTime,
    small: Decimal<4, 4>,
    large: Decimal<38, 0>,
    list: Vec<Option<Kind>>,
    set: BTreeSet<String>,
    map: HashMap<AnyKey, Vec<Vec<u8>>>,
    leaves: Vec<Leaves>,
    boxed: Option<Box<AnyKey>>,
}

fn key(n: i64) -> AnyKey {
    let day = NaiveDate::from_ymd_opt(1969, 12, 30).unwrap() + chrono::Days::new(n as u64);
    AnyKey {
        truth: n % 2 == 0,
        signed: (-n as i8, n as i16, -n as i32, i64::MIN + n),
        unsigned: (n as u8, n as u16, u32::MAX - n as u32, u64::MAX - n as u64),
        text: format!("text {n} \u{0} \u{1f600}"),
        letter: char::from_u32(0x1f600 + n as u32).unwrap(),
        bytes: Bytes(vec![0xff; n as usize % 4]),
        uuid: Uuid([n as u8; 16]),
        price: Decimal::new(-i128::from(n)).unwrap(),
        day,
        instant: day.and_time(NaiveTime::MIN).and_utc() - Duration::from_micros(1),
        since: SystemTime::UNIX_EPOCH - Duration::from_nanos(n as u64),
        length: Duration::from_nanos(u64::MAX >> (n % 60 + 1)),
        maybe: [None, Some(None), Some(Some(n as u8))][n as usize % 3],
        kind: kind(n),
        nothing: (),
    }
}

fn kind(n: i64) -> Kind {
    match n % 3 {
        0 => Kind::Plain,
        1 => Kind::Sized(n),
        _ => Kind::Named { name: n.to_string(), size: (n % 2 == 0).then_some(n as u32) },
    }
}

fn anything(n: i64) -> Anything {
    let time = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999 - n as u32).unwrap();
    let leaf = (Uuid([7; 16]), Some(String::new()));
    Anything {
        key: key(n),
        floats: (
            [f32::MIN_POSITIVE, f32::NEG_INFINITY][n as usize % 2],
            [f64::MAX, -0.0, 0.1][n as usize % 3],
        ),
        time,
        local: key(n).day.and_time(time),
        small: Decimal::new(9_999 - i128::from(n)).unwrap(),
        large: Decimal::new(10i128.pow(38) - 1 - i128::from(n)).unwrap(),
        list: (0..n % 4).map(|m| (m > 0).then(|| kind(m))).collect(),
        set: (0..n % 5).map(|m| m.to_string()).collect(),
        map: (0..n % 3).map(|m| (key(m), vec![vec![], vec![m as u8; 3]])).collect(),
        leaves: vec![BTreeMap::from([(n as i16, leaf), (-1, (Uuid::default(), None))]); n as usize % 3],
        boxed: (n % 2 == 0).then(|| Box::new(key(n + 1))),
    }
}

/// Keeps anything by any key, and looks at it when it sees the key again.
#[derive(Clone, Default)]
struct Hoard {
    value: ValueState<Anything>,
    list: ListState<Anything>,
    map: MapState<AnyKey, Anything>,
    own: OperatorListState<Anything>,
}

impl KeyedProcess<AnyKey> for Hoard {
    type In = i64;
    type Out = (i64, String);

    fn declare(&mut self, states: &mut States<AnyKey>) {
        self.value = states.value("value");
        self.list = states.list("list");
        self.map = states.map("map");
        self.own = states.of_operator().list("own");
        states.timers();
    }

    fn process(&mut self, n: i64, context: &mut KeyedContext<'_, AnyKey, Self::Out>) -> Result<()> {
        let held = self.value.get(context).cloned();
        let Some(held) = held else {
            self.value.set(context, anything(n));
            self.list.extend(context, [anything(n), anything(n + 1)]);
            self.map.put(context, &key(n + 1), anything(n));
            self.own.get_mut(context).push(anything(n));
            context.set_event_timer(i64::MAX - 1);
            context.emit((n, "is new".to_owned()));
            return Ok(());
        };
        assert_eq!(held, anything(n));
        assert!(self.list.get(context).eq(&[anything(n), anything(n + 1)]));
        assert_eq!(self.map.get(context, &key(n + 1)), Some(&anything(n)));
        assert!(self.own.get(context).iter().all(|own| *own == anything(i64::from(own.unsigned()))));
        context.emit((n, "is the same".to_owned()));
        Ok(())
    }
}

impl Anything {
    fn unsigned(&self) -> u16 {
        self.key.unsigned.1
    }
}

#[test]
fn keys_and_values_of_every_type_come_back_from_a_savepoint_at_another_parallelism() {
    const MANY: i64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let (script, sink) = (Script::new((0..MANY).chain(0..MANY).collect()), Collect::default());
    let start = |options: JobOptions| {
        let env = Environment::new();
        env.source(script.clone())
            .uid("numbers")
            .key_by_value(|n| key(*n))
            .process(Hoard::default())
            .uid("hoard")
            .sink(sink.clone());
        env.start("hoard", options).unwrap()
    };
    let job = start(at(3));
    script.read_to(MANY as usize);
    let path = job.stop(Some(dir.path()), false).unwrap();
    let rows: BTreeMap<_, _> =
        states(&path, "hoard").into_iter().map(|(name, _, rows)| (name, rows)).collect();
    let count = MANY as u64;
    let stored = ["value", "list", "map", "own", "timers"].map(|name| rows[name]);
    assert_eq!(stored, [count, 2 * count, count, count, count]);
    script.let_go();
    start(from(&path, 2)).wait().unwrap();
    let mut said = sink.records();
    said.sort();
    let by_hand = (0..MANY).flat_map(|n| ["is new", "is the same"].map(|text| (n, text.to_owned())));
    assert_eq!(said, by_hand.collect::<Vec<_>>());
}
