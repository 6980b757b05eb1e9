//! A sink whose rows stay in memory, and what they read as.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use spt_format::{
    JsonOptions, JsonRows, Operator, Result, Savepoint, SavepointSink, SavepointSource, State, StateRef,
    StateSink,
};

/// What was written, state by state: `uid/state` and its rows as JSON lines.
#[derive(Default)]
pub(crate) struct MemorySink {
    pub(crate) states: BTreeMap<String, Vec<String>>,
    /// States that were taken over without reading a row.
    pub(crate) adopted: Vec<String>,
    /// Takes over states if it is asked to.
    pub(crate) adopts: bool,
}

impl SavepointSink for MemorySink {
    fn state(&mut self, operator: &Operator, state: &State) -> Result<Box<dyn StateSink + '_>> {
        let lines = self.states.entry(format!("{}/{}", operator.label(), state.name)).or_default();
        let rows = JsonRows::new(state.kind, &state.schema, JsonOptions::default())?;
        Ok(Box::new(Table { rows, text: Vec::new(), lines }))
    }

    fn adopt(
        &mut self,
        operator: &Operator,
        state: &State,
        _: &dyn SavepointSource,
        _: StateRef,
    ) -> Result<bool> {
        if self.adopts {
            self.adopted.push(format!("{}/{}", operator.label(), state.name));
        }
        Ok(self.adopts)
    }

    fn commit(self: Box<Self>, _: &Savepoint) -> Result<()> {
        Ok(())
    }
}

struct Table<'a> {
    rows: JsonRows,
    text: Vec<u8>,
    lines: &'a mut Vec<String>,
}

impl StateSink for Table<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows.write(batch, &mut self.text)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.rows.finish(&mut self.text);
        let text = String::from_utf8(std::mem::take(&mut self.text)).unwrap();
        self.lines.extend(text.lines().map(str::to_owned));
        Ok(())
    }
}
