//! Ways out of an operator besides its main one: late records, rejects, copies of another type.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use super::counted::Counted;
use super::stage::{Signal, Stage};
use crate::data::{Data, EventTime, Record};
use crate::error::Result;
use crate::exchange::{Only, Records, RecordsOutput};

/// Names a side output and the type of its records. Copies mean the same output; two tags of one name do not.
pub struct OutputTag<T> {
    name: Arc<str>,
    records: PhantomData<fn() -> T>,
}

impl<T> Clone for OutputTag<T> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), records: PhantomData }
    }
}

impl<T: Data> OutputTag<T> {
    /// A tag with a name for people.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), records: PhantomData }
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn id(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

/// The side outputs of an operator in one subtask.
#[derive(Default)]
pub struct SideOutputs(Vec<(Arc<str>, Box<dyn SideStage>)>);

/// A side output in one subtask.
type SideEnd<T> = Counted<RecordsOutput<T, Only<Records<T>>>>;

/// A side output, whatever its records are.
pub(crate) trait SideStage: Send {
    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()>;

    fn as_any(&mut self) -> &mut dyn Any;
}

impl<T: Data> SideStage for SideEnd<T> {
    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        Stage::signal(self, signal)
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl SideOutputs {
    pub(crate) fn new(outputs: impl IntoIterator<Item = (Arc<str>, Box<dyn SideStage>)>) -> Self {
        Self(outputs.into_iter().collect())
    }

    /// Emits a record to everyone who reads this output; if nobody does, it is gone.
    ///
    /// # Errors
    /// As [`Stage::push`].
    pub(crate) fn emit<T: Data>(
        &mut self,
        tag: &OutputTag<T>,
        record: impl Record<Data = T>,
        time: EventTime,
    ) -> Result<()> {
        record.lend(|record| self.emit_ref(tag, record, time))
    }

    /// Emits the view of a record.
    ///
    /// # Errors
    /// As [`Stage::push`].
    pub(crate) fn emit_ref<T: Data>(
        &mut self,
        tag: &OutputTag<T>,
        record: T::Ref<'_>,
        time: EventTime,
    ) -> Result<()> {
        let mut outputs = self.0.iter_mut().filter(|(id, _)| Arc::ptr_eq(id, &tag.name));
        outputs.try_for_each(|(_, output)| {
            // A tag's type is that of all outputs that were opened with it.
            let output = output.as_any().downcast_mut::<SideEnd<T>>();
            output.map_or(Ok(()), |output| output.push(record, time))
        })
    }

    /// Passes a signal on to all of them.
    ///
    /// # Errors
    /// As [`Stage::signal`].
    pub(crate) fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        self.0.iter_mut().try_for_each(|(_, output)| output.signal(signal))
    }
}
