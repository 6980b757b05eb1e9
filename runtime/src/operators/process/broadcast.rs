//! A function of a keyed stream and of one that every subtask sees in full.

use super::context::{FiredTimer, KeyedContext, ProcessContext};
use super::function::{KeyedFunction, KeyedHead};
use crate::data::Data;
use crate::error::Result;
use crate::exchange::{KeyedBatch, Pair, Records};
use crate::operators::input::{HeadOperator, StreamKey};
use crate::operators::stage::{Signal, Stage};
use crate::operators::states::States;
use crate::tasks::{Head, TaskContext};

/// A function of a keyed stream whose behaviour a second, broadcast stream changes: rules, rates, switches. What
/// the second says is kept in [broadcast state](crate::operators::BroadcastState), of which every subtask has a copy.
pub trait KeyedBroadcastProcess<K: StreamKey>: Clone + Send + 'static {
    /// The records of the keyed stream.
    type In: Data;
    /// The records of the broadcast stream.
    type Broadcast: Data;
    /// The records it emits.
    type Out: Data;

    /// Declares its states. Called once, when the graph is built.
    fn declare(&mut self, states: &mut States<K>);

    /// Called for each record of the keyed stream. Reads broadcast state, and leaves it as it is.
    ///
    /// # Errors
    /// Whatever fails the operator: the job then restarts as configured.
    fn process(
        &mut self,
        record: <Self::In as Data>::Ref<'_>,
        context: &mut KeyedContext<'_, K, Self::Out>,
    ) -> Result<()>;

    /// Called for each record of the broadcast stream, in every subtask: changes broadcast state, everywhere alike.
    ///
    /// # Errors
    /// As [`KeyedBroadcastProcess::process`].
    fn process_broadcast(
        &mut self,
        record: <Self::Broadcast as Data>::Ref<'_>,
        context: &mut ProcessContext<'_, Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that has come due.
    ///
    /// # Errors
    /// As [`KeyedBroadcastProcess::process`].
    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, K, Self::Out>) -> Result<()> {
        let _ = (timer, context);
        Ok(())
    }
}

/// What such a function receives.
pub(crate) type KeyedAndBroadcast<K, A, B> = Pair<KeyedBatch<K, A>, Records<B>>;

impl<K, P> HeadOperator<KeyedAndBroadcast<K, P::In, P::Broadcast>> for KeyedFunction<K, P>
where
    K: StreamKey,
    P: KeyedBroadcastProcess<K>,
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

impl<K, P, E> Head<KeyedAndBroadcast<K, P::In, P::Broadcast>> for KeyedHead<K, P, E>
where
    K: StreamKey,
    P: KeyedBroadcastProcess<K>,
    E: Stage<P::Out>,
{
    fn feed(&mut self, Pair { first, second }: &KeyedAndBroadcast<K, P::In, P::Broadcast>) -> Result<()> {
        let Self { function, core } = self;
        for (place, key, record, time) in first.entries() {
            core.call(place, key, time, |context| function.process(record, context))?;
        }
        for (record, time) in second.entries() {
            core.call_without_key(time, |context| function.process_broadcast(record, context))?;
        }
        Ok(())
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        let Self { function, core } = self;
        core.signal(signal, |timer, context| function.on_timer(timer, context))
    }
}
