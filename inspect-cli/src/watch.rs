//! A savepoint whose reading is shown as progress: wraps any source, and counts the rows that leave it.

use std::any::Any;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use spt_format::{
    Completeness, Extent, Result, RowStream, Savepoint, SavepointSource, Scan, Segment, StateRef,
};

use crate::ui::{Progress, Ui};

/// A source that tells how much of it was read.
pub(crate) struct Watched {
    inner: Box<dyn SavepointSource>,
    progress: Arc<Progress>,
}

impl Watched {
    /// The source, its reading shown as `what`; `total_bytes` is what is going to be read as it is stored, if
    /// that is known.
    pub(crate) fn part(
        inner: Box<dyn SavepointSource>,
        what: &'static str,
        total_bytes: Option<u64>,
        ui: &Ui,
    ) -> Box<dyn SavepointSource> {
        Box::new(Self { inner, progress: Arc::new(ui.progress(what, total_bytes)) })
    }

    /// The same where all of it is going to be read.
    pub(crate) fn whole(
        inner: Box<dyn SavepointSource>,
        what: &'static str,
        ui: &Ui,
    ) -> Box<dyn SavepointSource> {
        let total = stored_bytes(inner.as_ref());
        Self::part(inner, what, total, ui)
    }

    /// Two sources that are read together, as one progress.
    pub(crate) fn both(
        pair: [Box<dyn SavepointSource>; 2],
        what: &'static str,
        ui: &Ui,
    ) -> [Box<dyn SavepointSource>; 2] {
        let total = pair.iter().map(|source| stored_bytes(source.as_ref())).sum();
        let progress = Arc::new(ui.progress(what, total));
        pair.map(|inner| Box::new(Self { inner, progress: progress.clone() }) as Box<dyn SavepointSource>)
    }
}

/// Bytes of all states, where their rows are counted too.
fn stored_bytes(source: &dyn SavepointSource) -> Option<u64> {
    let savepoint = source.savepoint();
    savepoint.rows()?;
    savepoint.states().map(|(_, _, state)| state.bytes).sum()
}

impl SavepointSource for Watched {
    fn savepoint(&self) -> &Savepoint {
        self.inner.savepoint()
    }

    fn segments(&self, state: StateRef) -> Result<Vec<Segment>> {
        self.inner.segments(state)
    }

    fn extents(&self, state: StateRef) -> Vec<Extent> {
        self.inner.extents(state)
    }

    fn scan(&self, place: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>> {
        let rows = self.inner.scan(place, scan)?;
        let state = self.inner.savepoint().state(place).map(|(_, state)| state);
        let known = state.and_then(|state| Some((state.bytes?, state.rows.filter(|rows| *rows > 0)?)));
        Ok(Box::new(WatchedRows { rows, known, progress: self.progress.clone() }))
    }

    /// Rows that a reader counts without decoding do not leave it: what it went over are the segments.
    fn count(&self, place: StateRef, scan: &Scan) -> Result<(u64, Completeness)> {
        let counted = self.inner.count(place, scan)?;
        let segments = self.inner.segments(place)?;
        let asked = scan.segments.clone().unwrap_or(0..segments.len());
        let bytes = segments.get(asked).unwrap_or_default().iter().filter_map(|segment| segment.bytes).sum();
        self.progress.advance(bytes);
        Ok(counted)
    }

    fn checks_key_groups(&self, state: StateRef) -> bool {
        self.inner.checks_key_groups(state)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        self.inner.as_any()
    }
}

struct WatchedRows {
    rows: Box<dyn RowStream>,
    /// Bytes and rows of the whole state: rows count as their part of its bytes.
    known: Option<(u64, u64)>,
    progress: Arc<Progress>,
}

impl Iterator for WatchedRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.rows.next();
        if let Some(Ok(batch)) = &next {
            let rows = batch.num_rows() as u128;
            let part = |(bytes, all): (u64, u64)| (u128::from(bytes) * rows / u128::from(all)) as u64;
            self.progress.advance(self.known.map_or(batch.get_array_memory_size() as u64, part));
        }
        next
    }
}

impl RowStream for WatchedRows {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn completeness(&self) -> Completeness {
        self.rows.completeness()
    }
}

#[cfg(test)]
mod tests {
    use spt_format::{Error, NamedSource, SavepointKind, UidList};

    use super::*;

    /// Knows how many rows there are and cannot show one.
    struct Tally(Savepoint);

    impl SavepointSource for Tally {
        fn savepoint(&self) -> &Savepoint {
            &self.0
        }

        fn segments(&self, _: StateRef) -> Result<Vec<Segment>> {
            Ok(Vec::new())
        }

        fn scan(&self, _: StateRef, _: &Scan) -> Result<Box<dyn RowStream>> {
            Err(Error::invalid("rows are only counted"))
        }

        fn count(&self, _: StateRef, _: &Scan) -> Result<(u64, Completeness)> {
            Ok((7, Completeness::default()))
        }
    }

    #[test]
    fn rows_are_counted_by_the_reader_however_it_is_wrapped() {
        let reader = Box::new(Tally(Savepoint::new(SavepointKind::Savepoint, "a")));
        let named = Box::new(NamedSource::new(reader, &UidList::default()));
        let watched = Watched { inner: named, progress: Arc::new(Progress::silent()) };
        let counted = watched.count(StateRef { operator: 0, state: 0 }, &Scan::default());
        assert_eq!(counted.unwrap(), (7, Completeness::default()));
    }
}
