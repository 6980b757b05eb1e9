//! A function of a keyed stream.

use super::context::{FiredTimer, KeyedContext};
use super::function::{KeyedFunction, KeyedHead};
use crate::data::Data;
use crate::error::Result;
use crate::exchange::KeyedBatch;
use crate::operators::input::{HeadOperator, StreamKey};
use crate::operators::stage::{Signal, Stage};
use crate::operators::states::States;
use crate::tasks::{Head, TaskContext};

/// A function that is called for every record of a keyed stream, with state and timers of the record's key.
///
/// ```
/// use spt_runtime::operators::{FiredTimer, KeyedContext, KeyedProcess, States, ValueState};
///
/// /// Counts the records of a key, and emits the count when none has come for a minute of event time.
/// #[derive(Clone, Default)]
/// struct Visits {
///     count: ValueState<i64>,
///     last: ValueState<i64>,
/// }
///
/// impl KeyedProcess<String> for Visits {
///     type In = (String, i64);
///     type Out = (String, i64);
///
///     fn declare(&mut self, states: &mut States<String>) {
///         self.count = states.value("count");
///         self.last = states.value("last");
///         states.timers();
///     }
///
///     fn process(
///         &mut self,
///         (_, at): (&str, i64),
///         context: &mut KeyedContext<'_, String, Self::Out>,
///     ) -> spt_runtime::Result<()> {
///         self.count.update(context, || 0, |count| *count += 1);
///         self.last.set(context, at);
///         context.set_event_timer(at + 60_000);
///         Ok(())
///     }
///
///     fn on_timer(
///         &mut self,
///         timer: FiredTimer,
///         context: &mut KeyedContext<'_, String, Self::Out>,
///     ) -> spt_runtime::Result<()> {
///         if self.last.get(context).is_some_and(|last| timer.timestamp == last + 60_000) {
///             let count = self.count.take(context).unwrap_or_default();
///             let key = context.key().to_owned();
///             context.emit((key, count));
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait KeyedProcess<K: StreamKey>: Clone + Send + 'static {
    /// The records it takes.
    type In: Data;
    /// The records it emits.
    type Out: Data;

    /// Declares its states. Called once, when the graph is built.
    fn declare(&mut self, states: &mut States<K>);

    /// Called for each record.
    ///
    /// # Errors
    /// Whatever fails the operator: the job then restarts as configured.
    fn process(
        &mut self,
        record: <Self::In as Data>::Ref<'_>,
        context: &mut KeyedContext<'_, K, Self::Out>,
    ) -> Result<()>;

    /// Called for each timer that has come due.
    ///
    /// # Errors
    /// As [`KeyedProcess::process`].
    fn on_timer(&mut self, timer: FiredTimer, context: &mut KeyedContext<'_, K, Self::Out>) -> Result<()> {
        let _ = (timer, context);
        Ok(())
    }
}

impl<K: StreamKey, P: KeyedProcess<K>> HeadOperator<KeyedBatch<K, P::In>> for KeyedFunction<K, P> {
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

impl<K, P, E> Head<KeyedBatch<K, P::In>> for KeyedHead<K, P, E>
where
    K: StreamKey,
    P: KeyedProcess<K>,
    E: Stage<P::Out>,
{
    fn feed(&mut self, batch: &KeyedBatch<K, P::In>) -> Result<()> {
        let Self { function, core } = self;
        for (place, key, record, time) in batch.entries() {
            core.call(place, key, time, |context| function.process(record, context))?;
        }
        Ok(())
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        let Self { function, core } = self;
        core.signal(signal, |timer, context| function.on_timer(timer, context))
    }
}
