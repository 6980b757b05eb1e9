//! A start that is refused names the `spt migrate` that would help: it does.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use spt_runtime::operators::{KeyedContext, KeyedProcess, ListState, MapState, States, ValueState};
use spt_runtime::sinks::Discard;
use spt_runtime::sources::Sequence;
use spt_runtime::state::{Bytes, Decimal, Key, State, Uuid};
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions, Result};

use crate::support::spt;

/// Keeps a value, elements and entries of this type for each key.
#[derive(Clone)]
struct Keep<V> {
    value: ValueState<V>,
    list: ListState<V>,
    map: MapState<i32, V>,
    make: fn() -> V,
}

impl<K: Key, V: State + Debug> KeyedProcess<K> for Keep<V>
where
    K: spt_runtime::operators::StreamKey,
{
    type In = i64;
    type Out = i64;

    fn declare(&mut self, states: &mut States<K>) {
        self.value = states.value("value");
        self.list = states.list("list");
        self.map = states.map("map");
    }

    fn process(&mut self, number: i64, context: &mut KeyedContext<'_, K, i64>) -> Result<()> {
        let found = (self.value.get(context).is_some(), self.list.get(context).count());
        assert!(found == (false, 0) || self.map.get(context, &1).is_some(), "{found:?}");
        self.value.set(context, (self.make)());
        self.list.push(context, (self.make)());
        self.map.put(context, &1, (self.make)());
        context.emit(number);
        Ok(())
    }
}

struct Job<K, V> {
    /// Empty if it has none.
    uid: &'static str,
    groups: Option<u32>,
    key: fn(i64) -> K,
    make: fn() -> V,
}

fn of<V>(make: fn() -> V) -> Job<i64, V> {
    Job { uid: "keep", groups: None, key: |number| number % 3, make }
}

impl<K: spt_runtime::operators::StreamKey, V: State + Debug> Job<K, V> {
    /// Starts it, and waits until it has seen every key.
    fn start(&self, from: Option<&Path>) -> Result<JobHandle> {
        let (env, key) = (Environment::new(), self.key);
        let keep = Keep {
            value: ValueState::default(),
            list: ListState::default(),
            map: MapState::default(),
            make: self.make,
        };
        let numbers = env.source(Sequence::new(0..1_000_000).per_second(5_000.0)).uid("numbers");
        let mut kept = numbers.key_by_value(move |number| key(*number)).process(keep);
        if !self.uid.is_empty() {
            kept = kept.uid(self.uid);
        }
        if let Some(groups) = self.groups {
            kept = kept.max_parallelism(groups);
        }
        kept.sink(Discard);
        let options = JobOptions {
            parallelism: Some(2),
            restore: from.map(RestoreOptions::new),
            ..JobOptions::default()
        };
        let job = env.start("keep", options)?;
        while job.status().vertices[1].records_in < 6 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(job)
    }
}

/// Migrates as the refusals say, as often as there is one, and starts the job from what comes of it.
fn follow<K, L, V, W>(what: &str, old: &Job<K, V>, new: &Job<L, W>)
where
    K: spt_runtime::operators::StreamKey,
    L: spt_runtime::operators::StreamKey,
    V: State + Debug,
    W: State + Debug,
{
    let dir = tempfile::tempdir().unwrap();
    let mut path = old.start(None).unwrap().stop(Some(dir.path()), false).unwrap();
    for step in 0..5 {
        let refusal = match new.start(Some(&path)) {
            Ok(job) => {
                assert!(step > 0, "{what}: it was not refused");
                return job.cancel().unwrap();
            }
            Err(refusal) => refusal.full(),
        };
        let call = refusal.split_once("`spt migrate IN OUT ").and_then(|(_, call)| call.split_once('`'));
        let (call, _) = call.unwrap_or_else(|| panic!("{what}: nothing is said to help: {refusal}"));
        let call = call.replace("=DEFAULT", "=7").replace("=NEW", &format!("={}", new.uid));
        let out = dir.path().join(format!("step-{step}"));
        migrate(what, &path, &out, &call);
        path = out;
    }
    panic!("{what}: refused again and again");
}

/// As if it were pasted into a shell.
fn migrate(what: &str, path: &Path, out: &Path, call: &str) {
    let script = format!("exec \"$0\" migrate \"$1\" \"$2\" {call}");
    let spt = spt(&[] as &[&str]);
    let said = Command::new("sh").arg("-c").arg(script).arg(spt.get_program()).args([path, out]).output();
    let said = said.unwrap();
    assert!(said.status.success(), "{what}: {call}: {}", String::from_utf8_lossy(&said.stderr));
}

#[derive(Debug, Clone, PartialEq, State)]
struct Count {
    count: i64,
}

#[derive(Debug, Clone, PartialEq, State)]
struct SmallCount {
    count: i16,
}

#[derive(Debug, Clone, PartialEq, State)]
struct CountAndMore {
    count: i64,
    more: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, State)]
enum Kind {
    Small,
    #[state(rename = "very, very large")]
    Large,
}

#[derive(Debug, Clone, Copy, PartialEq, State)]
enum OneKind {
    Small,
}

type Case = Box<dyn Fn(&str)>;

#[test]
fn what_a_refusal_says_would_help_helps() {
    let cases: Vec<(&str, Case)> = vec![
        ("an integer", Box::new(|what| follow(what, &of(|| 7i64), &of(|| 7i32)))),
        ("a sign", Box::new(|what| follow(what, &of(|| 7u64), &of(|| 7i64)))),
        ("a float", Box::new(|what| follow(what, &of(|| 7.0f64), &of(|| 7i64)))),
        ("a text", Box::new(|what| follow(what, &of(|| "7".to_owned()), &of(|| 7i64)))),
        ("to a text", Box::new(|what| follow(what, &of(|| 7i64), &of(|| "7".to_owned())))),
        ("a truth", Box::new(|what| follow(what, &of(|| true), &of(|| 1i64)))),
        ("a null", Box::new(|what| follow(what, &of(|| Some(7i64)), &of(|| 7i64)))),
        ("a letter", Box::new(|what| follow(what, &of(|| 'a'), &of(|| "a".to_owned())))),
        ("a uuid", Box::new(|what| follow(what, &of(Uuid::default), &of(|| Uuid::default().to_string())))),
        (
            "a scale",
            Box::new(|what| follow(what, &of(Decimal::<10, 2>::default), &of(Decimal::<10, 3>::default))),
        ),
        ("a decimal", Box::new(|what| follow(what, &of(Decimal::<10, 2>::default), &of(|| 1.5f64)))),
        ("bytes", Box::new(|what| follow(what, &of(|| Bytes(b"a".to_vec())), &of(|| "a".to_owned())))),
        ("a time", Box::new(|what| follow(what, &of(|| SystemTime::UNIX_EPOCH), &of(|| 7i64)))),
        ("a length of time", Box::new(|what| follow(what, &of(|| Duration::from_secs(1)), &of(|| 7i64)))),
        ("names", Box::new(|what| follow(what, &of(|| Kind::Small), &of(|| OneKind::Small)))),
        ("a name as text", Box::new(|what| follow(what, &of(|| Kind::Large), &of(String::new)))),
        (
            "a text as name",
            Box::new(|what| follow(what, &of(|| "very, very large".to_owned()), &of(|| Kind::Large))),
        ),
        (
            "a field",
            Box::new(|what| follow(what, &of(|| Count { count: 7 }), &of(|| SmallCount { count: 7 }))),
        ),
        (
            "a new field",
            Box::new(|what| {
                follow(what, &of(|| Count { count: 7 }), &of(|| CountAndMore { count: 7, more: 7 }))
            }),
        ),
        (
            "an element",
            Box::new(|what| {
                follow(what, &of(|| vec![Count { count: 7 }]), &of(|| vec![SmallCount { count: 7 }]))
            }),
        ),
        (
            "an entry",
            Box::new(|what| {
                follow(what, &of(|| BTreeMap::from([(1i32, 7i64)])), &of(|| BTreeMap::from([(1i32, 7i8)])))
            }),
        ),
        (
            "a key",
            Box::new(|what| {
                follow(
                    what,
                    &of(|| 7i64),
                    &Job { uid: "keep", groups: None, key: |n| (n % 3).to_string(), make: || 7i64 },
                )
            }),
        ),
        (
            "a key that no migration makes, and a value",
            Box::new(|what| {
                follow(
                    what,
                    &Job { uid: "keep", groups: None, key: |n| (n % 3, n % 2), make: || 7i64 },
                    &Job { uid: "keep", groups: Some(50), key: |n| n % 3, make: || 7i32 },
                )
            }),
        ),
        ("key groups", Box::new(|what| follow(what, &of(|| 7i64), &Job { groups: Some(50), ..of(|| 7i64) }))),
        ("a uid", Box::new(|what| follow(what, &of(|| 7i64), &Job { uid: "kept", ..of(|| 7i64) }))),
        ("no uid", Box::new(|what| follow(what, &Job { uid: "", ..of(|| 7i64) }, &of(|| 7i64)))),
    ];
    let mut wrong = Vec::new();
    for (what, case) in cases {
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(what))) {
            wrong.push(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| what.to_owned()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
