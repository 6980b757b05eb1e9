//! Windows against a model: random shapes, and records out of order, each behind the watermark of those before it.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use spt_runtime::{
    Environment, JobControl, JobHandle, JobOptions, Out, OutputTag, RestoreOptions, Watermarks, Windows,
};

use super::collect::Collect;
use super::script::Script;
use super::word_count::at;

/// Key, then event time and number.
pub(super) type Record = (i64, (i64, i64));

#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Aligned { size: i64, slide: i64, offset: i64 },
    Session { gap: i64 },
}

#[derive(Debug, Clone, Copy)]
struct Terms {
    shape: Shape,
    lateness: i64,
    out_of_orderness: i64,
}

/// What comes out: a line for each result of a key, in order, and the late records.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    results: BTreeMap<i64, Vec<String>>,
    late: Vec<Record>,
}

pub(super) fn ms(ms: i64) -> Duration {
    Duration::from_millis(ms as u64)
}

fn line(start: i64, end: i64, mut numbers: Vec<i64>) -> String {
    numbers.sort_unstable();
    format!("{start}..{end} {numbers:?}")
}

impl Shape {
    pub(super) fn windows(self) -> Windows {
        match self {
            Self::Aligned { size, slide, offset } => Windows::sliding(ms(size), ms(slide)).offset(ms(offset)),
            Self::Session { gap } => Windows::session(ms(gap)),
        }
    }
}

/// Where the windows that hold a time begin, the last one first.
pub(super) fn starts(time: i64, size: i64, slide: i64, offset: i64) -> Vec<i64> {
    let all = ((time - size + 1)..=time).rev();
    all.filter(|start| (start - offset).rem_euclid(slide) == 0).collect()
}

impl Terms {
    /// What a job finds, and one that goes on from its savepoint, taken behind so many records, at another parallelism.
    fn run(self, records: &[Record], stop_at: Option<usize>) -> Outcome {
        let (script, sink, late) = (Script::new(records.to_vec()), Collect::default(), Collect::default());
        let mut options = at(1);
        let dir = tempfile::tempdir().unwrap();
        if let Some(stop_at) = stop_at {
            let job = self.start(&script, &sink, &late, options);
            script.read_to(stop_at);
            let path = job.stop(Some(dir.path()), false).unwrap();
            options = JobOptions { restore: Some(RestoreOptions::new(path)), ..at(2) };
        }
        script.let_go();
        self.start(&script, &sink, &late, options).wait().unwrap();
        let mut outcome = Outcome { late: late.records(), ..Outcome::default() };
        outcome.late.sort_by_key(|(_, (_, number))| *number);
        for (key, line) in sink.records() {
            outcome.results.entry(key).or_default().push(line);
        }
        outcome
    }

    fn start(
        self,
        script: &Script<Record>,
        sink: &Collect<(i64, String)>,
        late: &Collect<Record>,
        options: JobOptions,
    ) -> JobHandle {
        let (env, tag) = (Environment::new(), OutputTag::new("late"));
        let watermarks = Watermarks::bounded_out_of_orderness(ms(self.out_of_orderness)).after_each_record();
        let windowed = env
            .source(script.clone())
            .uid("script")
            .assign_timestamps(|(_, (time, _))| *time, watermarks)
            .uid("time")
            .key_by_value(|(key, _)| *key)
            .window(self.shape.windows())
            .allowed_lateness(ms(self.lateness))
            .late_to(&tag)
            .process(|key: &i64, window, records, out: &mut Out<'_, (i64, String)>| {
                let numbers = records.iter().map(|(_, (_, number))| *number).collect();
                out.emit((*key, line(window.start, window.end, numbers)));
            })
            .uid("windows");
        windowed.side_output(&tag).sink(late.clone());
        windowed.sink(sink.clone());
        env.start("windows", options).unwrap()
    }
}

/// A window of a key, by hand.
#[derive(Debug, Clone)]
struct Held {
    key: i64,
    start: i64,
    end: i64,
    numbers: Vec<i64>,
}

/// The same by hand: every window that there is lies in a list.
struct Model {
    terms: Terms,
    held: Vec<Held>,
    watermark: i64,
    outcome: Outcome,
}

impl Model {
    fn run(terms: Terms, records: &[Record]) -> Outcome {
        let mut model = Self { terms, held: Vec::new(), watermark: i64::MIN, outcome: Outcome::default() };
        let mut latest = i64::MIN;
        for record in records {
            model.put(*record);
            latest = latest.max(record.1.0);
            model.advance(latest - terms.out_of_orderness - 1);
        }
        model.advance(i64::MAX);
        model.outcome
    }

    fn is_gone(&self, end: i64) -> bool {
        end - 1 + self.terms.lateness <= self.watermark
    }

    fn put(&mut self, record: Record) {
        let (_, (time, _)) = record;
        let is_kept = match self.terms.shape {
            Shape::Aligned { size, slide, offset } => {
                let starts = starts(time, size, slide, offset).into_iter();
                let kept = starts.filter(|start| self.put_aligned(record, *start, size)).count();
                kept > 0
            }
            Shape::Session { gap } => self.put_session(record, gap),
        };
        if !is_kept && time + self.terms.lateness <= self.watermark {
            self.outcome.late.push(record);
        }
    }

    fn put_aligned(&mut self, (key, (_, number)): Record, start: i64, size: i64) -> bool {
        if self.is_gone(start + size) {
            return false;
        }
        let is_it = |held: &Held| (held.key, held.start) == (key, start);
        let at = self.held.iter().position(is_it).unwrap_or_else(|| {
            self.held.push(Held { key, start, end: start + size, numbers: Vec::new() });
            self.held.len() - 1
        });
        self.held[at].numbers.push(number);
        self.emit_if_over(self.held[at].clone());
        true
    }

    fn put_session(&mut self, (key, (time, number)): Record, gap: i64) -> bool {
        let mut session = Held { key, start: time, end: time + gap, numbers: vec![number] };
        let touches = |held: &Held| held.key == key && held.start <= time + gap && time <= held.end;
        let (touching, others): (Vec<_>, Vec<_>) = self.held.iter().cloned().partition(touches);
        for held in &touching {
            session.start = session.start.min(held.start);
            session.end = session.end.max(held.end);
            session.numbers.extend(&held.numbers);
        }
        if self.is_gone(session.end) {
            return false;
        }
        self.held = others;
        self.held.push(session.clone());
        self.emit_if_over(session);
        true
    }

    fn emit_if_over(&mut self, held: Held) {
        if held.end - 1 <= self.watermark {
            self.emit(held);
        }
    }

    fn emit(&mut self, held: Held) {
        let lines = self.outcome.results.entry(held.key).or_default();
        lines.push(line(held.start, held.end, held.numbers));
    }

    fn advance(&mut self, watermark: i64) {
        let before = self.watermark;
        self.watermark = watermark.max(before);
        let mut over: Vec<_> = self.held.clone();
        over.retain(|held| held.end - 1 > before && held.end - 1 <= watermark);
        over.sort_by_key(|held| held.end);
        over.into_iter().for_each(|held| self.emit(held));
        let (lateness, now) = (self.terms.lateness, self.watermark);
        self.held.retain(|held| held.end - 1 + lateness > now);
    }
}

pub(super) fn shapes() -> impl Strategy<Value = Shape> {
    let aligned = (1i64..40, 1i64..40, 0i64..50).prop_map(|(size, slide, offset)| Shape::Aligned {
        size,
        slide,
        offset,
    });
    let tumbling = (1i64..40).prop_map(|size| Shape::Aligned { size, slide: size, offset: 0 });
    prop_oneof![aligned, tumbling, (1i64..30).prop_map(|gap| Shape::Session { gap })]
}

fn terms() -> impl Strategy<Value = Terms> {
    (shapes(), 0i64..40, 0i64..20).prop_map(|(shape, lateness, out_of_orderness)| Terms {
        shape,
        lateness,
        out_of_orderness,
    })
}

/// Event times that go forward on the whole, and back and far ahead now and then.
pub(super) fn records() -> impl Strategy<Value = Vec<Record>> {
    let step = (0i64..3, prop_oneof![8 => -15i64..20, 1 => -90i64..-15, 1 => 40i64..120]);
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let mut now = 1_000;
        let record = |(number, (key, step)): (usize, (i64, i64))| {
            let time = now + step;
            now += step.max(0) / 2;
            (key, (time, number as i64))
        };
        steps.into_iter().enumerate().map(record).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn windows_hold_fire_and_forget_what_the_model_does(terms in terms(), records in records()) {
        prop_assert_eq!(terms.run(&records, None), Model::run(terms, &records));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(2), ..ProptestConfig::default() })]

    #[test]
    fn a_savepoint_in_their_midst_changes_nothing(
        terms in terms(),
        records in records(),
        stop_at in any::<prop::sample::Index>(),
    ) {
        let stop_at = stop_at.index(records.len() + 1);
        prop_assert_eq!(terms.run(&records, Some(stop_at)), Model::run(terms, &records));
    }
}
