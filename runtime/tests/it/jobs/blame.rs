//! Whoever panics is named, whatever it is and wherever in a chain it runs.

use std::time::Duration;

use spt_runtime::job::Subtask;
use spt_runtime::operators::{
    Aggregate, FiredTimer, KeyedBroadcastProcess, KeyedContext, KeyedProcess, ProcessContext, States,
};
use spt_runtime::sinks::{Sink, SinkWriter, Start};
use spt_runtime::sources::{Poll, Source, SourceReader};
use spt_runtime::{Chain, DataStream, Environment, Out, Result, Watermarks, Windows};

use super::collect::Collect;
use super::word_count::at;

/// Fails whatever it is part of.
#[derive(Clone)]
struct Poison;

#[expect(clippy::panic, reason = "what is tested")]
fn poison<T>() -> T {
    panic!("poison")
}

/// Numbers with event times, behind an operator that does nothing wrong.
fn numbers(env: &Environment) -> DataStream<i64, impl Chain<Out = i64>> {
    let numbers = env.sequence(0..10).uid("numbers").assign_timestamps(|n| *n, Watermarks::ascending());
    numbers.uid("time").map(|n| *n).uid("innocent")
}

/// The end of a stream, behind another operator that does nothing wrong.
fn end<T: spt_runtime::Data>(stream: DataStream<T, impl Chain<Out = T>>) {
    stream.uid("guilty").filter(|_| true).uid("innocent too").sink(Collect::default());
}

type Build = fn(&Environment);

fn windows() -> Windows {
    Windows::tumbling(Duration::from_millis(5))
}

impl Aggregate<i64> for Poison {
    type Accumulator = i64;
    type Result = i64;

    fn start(&self) -> i64 {
        0
    }

    fn add(&self, _: &mut i64, _: i64) {}

    fn merge(&self, _: &mut i64, _: i64) {}

    fn result(&self, _: &i64) -> i64 {
        poison()
    }
}

impl KeyedProcess<i64> for Poison {
    type In = i64;
    type Out = i64;

    fn declare(&mut self, states: &mut States<i64>) {
        states.timers();
    }

    fn process(&mut self, _: i64, context: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        context.set_event_timer(3);
        Ok(())
    }

    fn on_timer(&mut self, _: FiredTimer, _: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        poison()
    }
}

impl KeyedBroadcastProcess<i64> for Poison {
    type In = i64;
    type Broadcast = i64;
    type Out = i64;

    fn declare(&mut self, _: &mut States<i64>) {}

    fn process(&mut self, _: i64, _: &mut KeyedContext<'_, i64, i64>) -> Result<()> {
        Ok(())
    }

    fn process_broadcast(&mut self, _: i64, _: &mut ProcessContext<'_, i64>) -> Result<()> {
        poison()
    }
}

impl Source for Poison {
    type Item = i64;
    type Split = i64;
    type Reader = Self;

    fn name(&self) -> &'static str {
        "poison"
    }

    fn is_replayable(&self) -> bool {
        true
    }

    fn splits(&self, _: u32) -> Result<Vec<i64>> {
        Ok(vec![0])
    }

    fn reader(&self, _: &Subtask, _: Vec<i64>) -> Result<Self> {
        Ok(Self)
    }
}

impl SourceReader for Poison {
    type Item = i64;
    type Split = i64;

    fn poll(&mut self, _: &mut Out<'_, i64>) -> Result<Poll> {
        poison()
    }

    fn splits(&self) -> Vec<i64> {
        vec![0]
    }
}

impl Sink<i64> for Poison {
    type Writer = Self;
    type Committable = ();

    fn name(&self) -> &'static str {
        "poison"
    }

    fn is_exactly_once(&self) -> bool {
        false
    }

    fn writer(&self, _: &Subtask) -> Result<Self> {
        Ok(Self)
    }

    fn commit(&self, _: &[()]) -> Result<()> {
        Ok(())
    }

    fn recover(&self, _: &Start, _: &[()]) -> Result<()> {
        Ok(())
    }
}

impl SinkWriter<i64> for Poison {
    type Committable = ();

    fn write(&mut self, _: i64) -> Result<()> {
        poison()
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        Ok(Vec::new())
    }
}

#[test]
fn whoever_panics_is_named() {
    let jobs: [(&str, Build); 21] = [
        ("map", |env| end(numbers(env).map(|_| poison::<i64>()))),
        ("map to", |env| end(numbers(env).map_to::<i64>(|_| poison::<i64>()))),
        ("flat map", |env| end(numbers(env).flat_map(|_, _: &mut Out<'_, i64>| poison()))),
        ("filter", |env| end(numbers(env).filter(|_| poison()))),
        ("event time", |env| {
            end(env.sequence(0..10).assign_timestamps(|_| poison(), Watermarks::ascending()));
        }),
        ("key", |env| end(numbers(env).key_by_value(|_| poison::<i64>()).sum(|n| *n))),
        ("sum", |env| end(numbers(env).key_by_value(|n| *n).sum(|_| poison::<i64>()))),
        ("reduce", |env| end(numbers(env).key_by_value(|_| 1i64).reduce(|_, _| poison()))),
        ("aggregate", |env| end(numbers(env).key_by_value(|n| *n).aggregate(Poison))),
        ("timer", |env| end(numbers(env).key_by_value(|n| *n).process(Poison))),
        ("broadcast", |env| {
            let both = numbers(env).key_by_value(|n| *n).connect_broadcast(env.collection(vec![1i64]));
            end(both.process(Poison));
        }),
        ("window sum", |env| {
            end(numbers(env).key_by_value(|n| *n).window(windows()).sum(|_| poison::<i64>()))
        }),
        ("window reduce", |env| {
            end(numbers(env).key_by_value(|_| 1i64).window(windows()).reduce(|_, _| poison()))
        }),
        ("window aggregate", |env| {
            end(numbers(env).key_by_value(|n| *n).window(windows()).aggregate(Poison))
        }),
        ("window process", |env| {
            let windowed = numbers(env).key_by_value(|n| *n).window(windows());
            end(windowed.process(|_: &i64, _, _, _: &mut Out<'_, i64>| poison()));
        }),
        ("join", |env| {
            let right = env.sequence(0..10).assign_timestamps(|n| *n, Watermarks::ascending());
            let both = numbers(env).key_by_value(|n| *n).connect(right.key_by_value(|n| *n));
            end(both.window(windows()).join(|_, _, _: &mut Out<'_, i64>| poison()));
        }),
        ("co-group", |env| {
            let right = env.sequence(0..10).assign_timestamps(|n| *n, Watermarks::ascending());
            let both = numbers(env).key_by_value(|n| *n).connect(right.key_by_value(|n| *n));
            end(both.window(windows()).co_group(|_: &i64, _, _, _, _: &mut Out<'_, i64>| poison()));
        }),
        ("generator", |env| end(env.generate(0..10, |_| poison::<i64>()))),
        ("source", |env| end(env.source(Poison))),
        ("sink", |env| drop(numbers(env).sink(Poison).uid("guilty"))),
        ("sink behind an exchange", |env| drop(numbers(env).rebalance().sink(Poison).uid("guilty"))),
    ];
    for (what, build) in jobs {
        let env = Environment::new();
        build(&env);
        let failure = env.start("poison", at(1)).and_then(|job| job.wait()).unwrap_err().full();
        assert_eq!(failure, "operator guilty failed: panicked: poison", "{what}");
    }
}
