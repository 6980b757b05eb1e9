//! Nowhere: for jobs of which only the state matters, and for measuring.

use super::{Sink, SinkWriter, Start};
use crate::data::Data;
use crate::error::Result;
use crate::job::Subtask;

/// Forgets every record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl<T: Data> Sink<T> for Discard {
    type Writer = Self;
    type Committable = ();

    fn name(&self) -> &'static str {
        "discard"
    }

    fn is_exactly_once(&self) -> bool {
        true
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

impl<T: Data> SinkWriter<T> for Discard {
    type Committable = ();

    fn write(&mut self, _: T::Ref<'_>) -> Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        Ok(Vec::new())
    }
}
