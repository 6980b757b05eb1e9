//! A savepoint whose operators have got names that its metadata does not record.

use std::any::Any;

use crate::error::Result;
use crate::model::{
    Completeness, Extent, RowStream, Savepoint, SavepointSource, Scan, Segment, StateRef, UidList,
};

/// A savepoint with the uids of a list. Everything else is as it was.
pub struct NamedSource {
    inner: Box<dyn SavepointSource>,
    savepoint: Savepoint,
}

impl NamedSource {
    /// The savepoint with the uids that the list knows of its operators.
    pub fn new(inner: Box<dyn SavepointSource>, uids: &UidList) -> Self {
        let mut savepoint = inner.savepoint().clone();
        uids.name(&mut savepoint);
        Self { inner, savepoint }
    }
}

impl SavepointSource for NamedSource {
    fn savepoint(&self) -> &Savepoint {
        &self.savepoint
    }

    fn segments(&self, state: StateRef) -> Result<Vec<Segment>> {
        self.inner.segments(state)
    }

    fn extents(&self, state: StateRef) -> Vec<Extent> {
        self.inner.extents(state)
    }

    fn scan(&self, state: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>> {
        self.inner.scan(state, scan)
    }

    fn count(&self, state: StateRef, scan: &Scan) -> Result<(u64, Completeness)> {
        self.inner.count(state, scan)
    }

    fn checks_key_groups(&self, state: StateRef) -> bool {
        self.inner.checks_key_groups(state)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        self.inner.as_any()
    }
}
