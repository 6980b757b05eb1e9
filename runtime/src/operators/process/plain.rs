//! Functions of streams that are not keyed.

use super::context::ProcessContext;
use crate::data::{Data, EventTime};
use crate::error::Result;
use crate::exchange::{Pair, Records};
use crate::operators::chain::Operator;
use crate::operators::input::HeadOperator;
use crate::operators::side_output::SideOutputs;
use crate::operators::stage::{Signal, Stage};
use crate::operators::states::{OpenOperator, OperatorStates, OperatorTables, StateSet};
use crate::savepoint::StateSlot;
use crate::state::Declaration;
use crate::tasks::{Alarm, Blame, Head, TaskContext};

/// A function that is called for every record of a stream. It may keep lists of its own, and emit to side outputs.
pub trait Process<T: Data>: Clone + Send + 'static {
    /// The records it emits.
    type Out: Data;

    /// Declares its states. Called once, when the graph is built.
    fn declare(&mut self, states: &mut OperatorStates) {
        let _ = states;
    }

    /// Called for each record.
    ///
    /// # Errors
    /// Whatever fails the operator: the job then restarts as configured.
    fn process(&mut self, record: T::Ref<'_>, context: &mut ProcessContext<'_, Self::Out>) -> Result<()>;
}

/// A function that is called for every record of two streams, of which the second may be broadcast.
pub trait CoProcess: Clone + Send + 'static {
    /// The records of the first stream.
    type First: Data;
    /// The records of the second stream.
    type Second: Data;
    /// The records it emits.
    type Out: Data;

    /// Declares its states. Called once, when the graph is built.
    fn declare(&mut self, states: &mut OperatorStates) {
        let _ = states;
    }

    /// Called for each record of the first stream.
    ///
    /// # Errors
    /// Whatever fails the operator: the job then restarts as configured.
    fn first(
        &mut self,
        record: <Self::First as Data>::Ref<'_>,
        context: &mut ProcessContext<'_, Self::Out>,
    ) -> Result<()>;

    /// Called for each record of the second stream.
    ///
    /// # Errors
    /// As [`CoProcess::first`].
    fn second(
        &mut self,
        record: <Self::Second as Data>::Ref<'_>,
        context: &mut ProcessContext<'_, Self::Out>,
    ) -> Result<()>;
}

/// A [`Process`] or [`CoProcess`] in the graph, and what it declared.
#[derive(Clone)]
pub(crate) struct PlainFunction<P> {
    function: P,
    states: StateSet<OpenOperator>,
}

impl<P> PlainFunction<P> {
    /// Has the function declare its states.
    pub(crate) fn new(mut function: P, declare: impl FnOnce(&mut P, &mut OperatorStates)) -> Self {
        let mut states = OperatorStates::default();
        declare(&mut function, &mut states);
        Self { function, states: states.into_set() }
    }

    pub(crate) fn declarations(&self) -> Vec<Declaration> {
        self.states.declarations().collect()
    }

    /// The function in one subtask, its states restored.
    fn open<E>(self, context: &TaskContext, node: usize, next: E) -> Result<PlainStage<P, E>> {
        let core = PlainCore::open(&self.states, context, node, next)?;
        Ok(PlainStage { function: self.function, core })
    }
}

/// The state of such a function in one subtask, and the way out of it.
struct PlainCore<E> {
    tables: OperatorTables,
    watermark: Option<i64>,
    alarm: Alarm,
    blame: Blame,
    side: SideOutputs,
    next: E,
}

impl<E> PlainCore<E> {
    fn open(states: &StateSet<OpenOperator>, context: &TaskContext, node: usize, next: E) -> Result<Self> {
        let blame = context.blame(node);
        let first = StateSlot { operator: node, state: 0 };
        Ok(Self {
            tables: blame.on_result(|| OperatorTables::open(states, context, first))?,
            watermark: None,
            alarm: context.alarm(),
            blame,
            side: context.side_outputs(node),
            next,
        })
    }

    fn call<O: Data>(
        &mut self,
        time: EventTime,
        function: impl FnOnce(&mut ProcessContext<'_, O>) -> Result<()>,
    ) -> Result<()>
    where
        E: Stage<O>,
    {
        let Self { tables, watermark, alarm, blame, side, next } = self;
        let mut context = ProcessContext::new(next, side, tables, alarm, time, *watermark);
        let called = blame.on_result(|| function(&mut context));
        called.and(context.finish())
    }

    fn signal<O: Data>(&mut self, signal: &mut Signal<'_>) -> Result<()>
    where
        E: Stage<O>,
    {
        match signal {
            Signal::Watermark(watermark) => self.watermark = Some(watermark.0),
            Signal::Barrier(_, snapshot) | Signal::End(snapshot) => self.tables.keep(snapshot),
            _ => {}
        }
        self.side.signal(signal)?;
        self.next.signal(signal)
    }
}

/// A [`PlainFunction`] in one subtask.
pub(crate) struct PlainStage<P, E> {
    function: P,
    core: PlainCore<E>,
}

impl<T: Data, P: Process<T>> Operator<T> for PlainFunction<P> {
    type Out = P::Out;
    type Stage<E: Stage<P::Out> + 'static> = PlainStage<P, E>;
    const HAS_SIDE_OUTPUTS: bool = true;

    fn stage<E: Stage<P::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<PlainStage<P, E>> {
        self.open(context, node, next)
    }
}

impl<T: Data, P: Process<T>, E: Stage<P::Out>> Stage<T> for PlainStage<P, E> {
    fn push(&mut self, record: T::Ref<'_>, time: EventTime) -> Result<()> {
        let Self { function, core } = self;
        core.call(time, |context| function.process(record, context))
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.core.signal(signal)
    }
}

/// What a function of two streams receives.
pub(crate) type RecordsPair<A, B> = Pair<Records<A>, Records<B>>;

impl<P: CoProcess> HeadOperator<RecordsPair<P::First, P::Second>> for PlainFunction<P> {
    type Out = P::Out;
    type Head<E: Stage<P::Out> + 'static> = PlainStage<P, E>;
    const HAS_SIDE_OUTPUTS: bool = true;

    fn head<E: Stage<P::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<PlainStage<P, E>> {
        self.open(context, node, next)
    }
}

impl<P: CoProcess, E: Stage<P::Out>> Head<RecordsPair<P::First, P::Second>> for PlainStage<P, E> {
    fn feed(&mut self, Pair { first, second }: &RecordsPair<P::First, P::Second>) -> Result<()> {
        let Self { function, core } = self;
        for (record, time) in first.entries() {
            core.call(time, |context| function.first(record, context))?;
        }
        for (record, time) in second.entries() {
            core.call(time, |context| function.second(record, context))?;
        }
        Ok(())
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.core.signal(signal)
    }
}
