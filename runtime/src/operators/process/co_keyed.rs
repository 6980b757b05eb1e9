//! A function of two keyed streams that share state.

use super::context::{FiredTimer, KeyedContext};
use super::function::{KeyedFunction, KeyedHead};
use crate::data::Data;
use crate::error::Result;
use crate::exchange::{KeyedBatch, Pair};
use crate::operators::input::{HeadOperator, StreamKey};
use crate::operators::stage::{Signal, Stage};
use crate::operators::states::States;
use crate::tasks::{Head, TaskContext};

/// A function that is called for every record of two streams keyed alike: both see the same state.
pub trait KeyedCoProcess<K: StreamKey>: Clone + Send + 'static {
    /// The records of the first stream.
    type First: Data;
    /// The records of the second stream.
    type Second: Data;
    /// The records it emits.
    type Out: Data;

    /// Declares its states. Called once, when the graph is built.
    fn declare(&mut self, states: &mut States<K>);

    /// Called for each record of the first stream.
    ///
    /// # Errors
    /// Whatever fails the operator: the job then restarts as configured.
    fn first(
        &mut self,
        record: <Self::First as Data>::Ref<'_>,
        context: &mut KeyedContext<'_, K, Self::Out>,
    ) -> Result<()>;

    /// Called for each record of the second stream.
    ///
    /// # Errors
    /// As [`KeyedCoProcess::first`].
    fn second(
        &mut self,
        record: <Self::Second as Data>::Ref<'_>,
        context: &mut KeyedContext<'_, K, Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that has come due.
    ///
    /// # Errors
    /// As [`KeyedCoProcess::first`].
    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, K, Self::Out>) -> Result<()> {
        let _ = (timer, context);
        Ok(())
    }
}

/// What such a function receives.
pub(crate) type KeyedPair<K, A, B> = Pair<KeyedBatch<K, A>, KeyedBatch<K, B>>;

impl<K, P> HeadOperator<KeyedPair<K, P::First, P::Second>> for KeyedFunction<K, P>
where
    K: StreamKey,
    P: KeyedCoProcess<K>,
{
    type Out = P::Out;
    type Head<E: Stage<P::Out> + 'static> = KeyedHead<K, P, E>;
    const HAS_SIDE_OUTPUTS: bool = true;

    fn head<E: Stage<P::Out> + 'static>(
        self,
        context: &TaskContext,
        node: usize,
        next: E,
    ) -> Result<KeyedHead<K, P, E>> {
        self.open(context, node, next)
    }
}

impl<K, P, E> Head<KeyedPair<K, P::First, P::Second>> for KeyedHead<K, P, E>
where
    K: StreamKey,
    P: KeyedCoProcess<K>,
    E: Stage<P::Out>,
{
    fn feed(&mut self, Pair { first, second }: &KeyedPair<K, P::First, P::Second>) -> Result<()> {
        let Self { function, core } = self;
        for (place, key, record, time) in first.entries() {
            core.call(place, key, time, |context| function.first(record, context))?;
        }
        for (place, key, record, time) in second.entries() {
            core.call(place, key, time, |context| function.second(record, context))?;
        }
        Ok(())
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        let Self { function, core } = self;
        core.signal(signal, |timer, context| function.on_timer(timer, context))
    }
}
