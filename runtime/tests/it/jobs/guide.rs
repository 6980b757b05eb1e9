//! The code that `docs/writing-jobs.md` shows, as it is: it does what the page says.

use std::path::Path;

use spt_runtime::operators::{Descriptor, KeyedContext, KeyedProcess, States, ValueState};
use spt_runtime::state::{State, Ttl};
use spt_runtime::{Clock, Environment, JobControl, JobOptions, RestoreOptions, Result};

use super::collect::Collect;
use super::leash::Leash;
use super::script::Script;
use super::word_count::at;

#[derive(Clone, Default)]
struct Dedup {
    seen: ValueState<bool>,
}

impl KeyedProcess<String> for Dedup {
    type In = (String, i64);
    type Out = (String, i64);

    fn declare(&mut self, states: &mut States<String>) {
        self.seen = states.value(Descriptor::new("seen").ttl(Ttl::of_ms(86_400_000)));
    }

    fn process(
        &mut self,
        record: (&str, i64),
        context: &mut KeyedContext<'_, String, Self::Out>,
    ) -> Result<()> {
        if self.seen.get(context).is_none() {
            self.seen.set(context, true);
            context.emit(record);
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, State)]
struct Visits {
    #[state(alias = "times")]
    seen: i64,
    #[state(default = 1u8)]
    weight: u8,
    referrer: Option<String>,
}

/// The version before that.
#[derive(Debug, Clone, PartialEq, State)]
struct OldVisits {
    times: i32,
}

/// And one whose author was careless.
#[derive(Debug, Clone, PartialEq, State)]
struct SmallVisits {
    seen: i32,
}

#[test]
fn a_record_that_was_seen_is_emitted_again_after_a_day() {
    let (script, clock, sink) = (
        Script::new(["a", "b", "a", "a", "b"].map(str::to_owned).to_vec()),
        Clock::manual(0),
        Collect::default(),
    );
    let env = Environment::new();
    env.source(script.clone())
        .map(|text| ((*text).to_owned(), 1i64))
        .key_by(|(text, _)| *text)
        .process(Dedup::default())
        .uid("dedup")
        .sink(sink.clone());
    let job = env.start("dedup", JobOptions { clock: clock.clone(), ..at(1) }).unwrap();
    script.read_to(3);
    sink.wait_for(2);
    clock.set(86_400_000);
    script.let_go();
    job.wait().unwrap();
    let texts: Vec<_> = sink.records().into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["a", "b", "a", "b"]);
}

/// Keeps a value of this type for its only key, and tells what it finds.
#[derive(Clone)]
struct Keep<V>(ValueState<V>, fn(i64) -> V);

impl<V: State + std::fmt::Debug> KeyedProcess<i64> for Keep<V> {
    type In = i64;
    type Out = String;

    fn declare(&mut self, states: &mut States<i64>) {
        self.0 = states.value("visits");
    }

    fn process(&mut self, number: i64, context: &mut KeyedContext<'_, i64, String>) -> Result<()> {
        let found = format!("{:?}", self.0.get(context));
        self.0.set(context, (self.1)(number));
        context.emit(found);
        Ok(())
    }
}

fn keeping<V: State + std::fmt::Debug>(make: fn(i64) -> V, sink: &Collect<String>) -> Environment {
    let env = Environment::new();
    let numbers = env.source(Leash::one(7..1_000_000)).uid("numbers").key_by_value(|_| 1i64);
    numbers.process(Keep(ValueState::default(), make)).uid("visits").sink(sink.clone());
    env
}

fn from(path: &Path) -> JobOptions {
    JobOptions { restore: Some(RestoreOptions::new(path)), ..at(1) }
}

#[test]
fn the_next_version_reads_what_the_last_one_kept_and_a_careless_one_is_refused_as_shown() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Collect::default();
    let old = keeping(|number| OldVisits { times: number as i32 }, &sink);
    let job = old.start("visits", at(1)).unwrap();
    sink.wait_for(1);
    let path = job.stop(Some(dir.path()), false).unwrap();
    let sink = Collect::default();
    let next = |seen| Visits { seen, weight: 2, referrer: None };
    let job = keeping(next, &sink).start("visits", from(&path)).unwrap();
    sink.wait_for(1);
    let first = sink.records()[0].clone();
    assert!(
        first.starts_with("Some(Visits { seen: ") && first.ends_with(", weight: 1, referrer: None })"),
        "{first}"
    );
    let path = job.stop(Some(dir.path()), false).unwrap();

    let small = keeping(|number| SmallVisits { seen: number as i32 }, &Collect::default());
    let refusal = small.start("visits", from(&path)).err().unwrap().full();
    assert!(page().contains(&refusal), "{refusal}");
}

fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join("../docs/writing-jobs.md")).unwrap()
}

#[test]
fn the_page_shows_this_code() {
    let page = page();
    let shown: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(shown.len(), 2);
    for piece in shown {
        assert!(include_str!("guide.rs").contains(piece.trim()), "not in this file:\n{piece}");
    }
}
