//! What `spt validate --against` says of a job and a savepoint is what a start of the job does.

use std::path::{Path, PathBuf};

use spt_format::migrate::quoted;
use spt_format::preflight::{Preflight, Target, Verdict, preflight};
use spt_format::{ColumnarReader, SavepointSource};
use spt_runtime::operators::{KeyedContext, KeyedProcess, OperatorListState, States, ValueState};
use spt_runtime::state::State;
use spt_runtime::{Environment, Error, JobControl, JobOptions, RestoreOptions, Result};

use super::collect::Collect;
use super::leash::Leash;
use super::word_count::at;

#[derive(Debug, Clone, PartialEq, State)]
struct Held {
    count: i32,
    note: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, State)]
enum Kind {
    Small,
    Large,
}

impl Default for Held {
    fn default() -> Self {
        Self { count: 1, note: String::new(), kind: Kind::Large }
    }
}

/// Keeps a value of this type for every key.
#[derive(Clone)]
struct Keep<V>(ValueState<V>);

impl<V: State + Default + Clone> KeyedProcess<i64> for Keep<V> {
    type In = i64;
    type Out = i64;

    fn declare(&mut self, states: &mut States<i64>) {
        self.0 = states.value("held");
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        self.0.set(context, V::default());
        context.emit(record);
        Ok(())
    }
}

/// Keeps a list of the operator's own, under the same name.
#[derive(Clone, Default)]
struct KeepNoKey(OperatorListState<i64>);

impl KeyedProcess<i64> for KeepNoKey {
    type In = i64;
    type Out = i64;

    fn declare(&mut self, states: &mut States<i64>) {
        self.0 = states.of_operator().list("held");
    }

    fn process(&mut self, record: i64, context: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        self.0.get_mut(context).push(record);
        context.emit(record);
        Ok(())
    }
}

fn keeping(process: impl KeyedProcess<i64, In = i64, Out = i64>, uid: &str) -> Environment {
    let env = Environment::new();
    let numbers = env.source(Leash::new(0..10_000)).uid("numbers").key_by_value(|n| n % 10);
    numbers.process(process).uid(uid).sink(Collect::default());
    env
}

fn keep<V: State + Default + Clone>() -> Environment {
    keeping(Keep(ValueState::<V>::default()), "keep")
}

/// What the preflight says of a job, and what comes of its start.
fn both(env: &Environment, path: &Path, options: JobOptions) -> (Preflight, Result<(), Error>) {
    let plan = env.plan("keep", &options).unwrap();
    let operators = plan.operators().unwrap();
    let aliases = |operator: &spt_format::Operator, state: &str| plan.aliases(operator, state);
    let source = ColumnarReader::options().open(path).unwrap();
    let said = preflight(source.savepoint(), &Target::new(&operators).aliases(&aliases));
    let options = JobOptions { restore: Some(RestoreOptions::new(path)), ..options };
    (said, env.start("keep", options).map(|job| job.cancel().unwrap()))
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Added {
    count: i32,
    note: String,
    kind: Option<Kind>,
    more: Option<i64>,
    #[state(default = 7u8)]
    weight: u8,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Moved {
    note: String,
    count: i32,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Widened {
    count: f64,
    #[state(alias = "note")]
    text: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Grown {
    count: i64,
    kind: Option<GrownKind>,
}

#[derive(Debug, Clone, PartialEq, State)]
enum GrownKind {
    Small,
    Large,
    Huge,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Required {
    count: i32,
    more: i64,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Narrowed {
    count: i16,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Other {
    note: i64,
}

#[derive(Debug, Clone, Default, PartialEq, State)]
struct Shrunk {
    kind: Option<OneKind>,
}

#[derive(Debug, Clone, PartialEq, State)]
enum OneKind {
    Small,
}

/// A savepoint of a job with max parallelism 8.
fn savepoint(dir: &Path) -> PathBuf {
    let options = JobOptions { max_parallelism: Some(8), ..at(2) };
    let job = keep::<Held>().start("keep", options).unwrap();
    while job.status().vertices[1].records_in < 100 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    job.stop(Some(dir), false).unwrap()
}

#[test]
fn a_start_does_what_the_preflight_says_of_every_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = savepoint(dir.path());
    let (eight, sixteen) =
        (JobOptions { max_parallelism: Some(8), ..at(3) }, JobOptions { max_parallelism: Some(16), ..at(3) });
    let jobs: [(&str, Environment, JobOptions, bool); 18] = [
        ("the same", keep::<Held>(), at(3), true),
        ("the same key groups", keep::<Held>(), eight, true),
        ("fields added", keep::<Added>(), at(3), true),
        ("fields removed and moved", keep::<Moved>(), at(3), true),
        ("fields widened, renamed, made optional", keep::<Widened>(), at(3), true),
        ("names added", keep::<Grown>(), at(3), true),
        ("state without keys, more subtasks than key groups", keeping_nothing(), at(9), true),
        ("a field without default", keep::<Required>(), at(3), false),
        ("a field narrowed", keep::<Narrowed>(), at(3), false),
        ("another type", keep::<Other>(), at(3), false),
        ("names removed", keep::<Shrunk>(), at(3), false),
        ("no struct any more", keep::<String>(), at(3), false),
        ("a list", keep::<Vec<i64>>(), at(3), false),
        ("no keys any more", keeping(KeepNoKey::default(), "keep"), at(3), false),
        ("another uid", keeping(Keep(ValueState::<Held>::default()), "kept"), at(3), false),
        ("other key groups", keep::<Held>(), sixteen, false),
        ("more subtasks than key groups", keep::<Held>(), at(9), false),
        ("nothing of it", nothing(), at(3), false),
    ];
    for (what, env, options, restores) in jobs {
        let (said, outcome) = both(&env, &path, options);
        assert_eq!(said.verdict().restores(), restores, "{what}: {said:?}");
        let refusal = outcome.err();
        assert_eq!(refusal.is_none(), restores, "{what}: {refusal:?}");
        let Some(refusal) = refusal else { continue };
        assert!(refusal.is_refusal(), "{what}: {refusal:?}");
        // Both name the operator, the state with both its types, and the migration that helps where one does.
        let text = refusal.full();
        for state in said.states.iter().filter(|state| state.verdict == Verdict::NeedsMigration) {
            assert!(text.contains(state.reason.as_ref().unwrap()), "{what}: {text}");
            assert!(
                text.contains("state \"held\"") && text.contains(" in the savepoint, "),
                "{what}: {text}"
            );
        }
        assert!(text.contains("keep") || text.contains("numbers"), "{what}: {text}");
        for argument in said.migrate().chunks(2).filter(|argument| argument[0] != "--rename-uid") {
            let argument = format!("{} {}", argument[0], quoted(&argument[1]));
            assert!(text.contains(&argument), "{what}: {argument:?}: {text}");
        }
    }
}

/// The operator is there, and keeps nothing; the source has more subtasks than the operator had key groups.
fn keeping_nothing() -> Environment {
    let env = Environment::new();
    let numbers = env.source(Leash::new(0..10_000)).uid("numbers");
    numbers.map(|n| *n).uid("keep").parallelism(2).sink(Collect::default());
    env
}

fn nothing() -> Environment {
    let env = Environment::new();
    env.collection(vec![1i64]).uid("something else").sink(Collect::default());
    env
}
