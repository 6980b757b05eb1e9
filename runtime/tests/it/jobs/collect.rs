//! A sink for tests: keeps the last value of each key, and everything that was written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spt_runtime::job::Subtask;
use spt_runtime::sinks::{Sink, SinkWriter, Start};
use spt_runtime::{Data, Result};

/// Collects records; copies share what they collect.
pub(super) struct Collect<T> {
    records: Arc<Mutex<Vec<T>>>,
}

impl<T> Clone for Collect<T> {
    fn clone(&self) -> Self {
        Self { records: Arc::clone(&self.records) }
    }
}

impl<T> Default for Collect<T> {
    fn default() -> Self {
        Self { records: Arc::default() }
    }
}

impl<T: Clone> Collect<T> {
    /// Waits until so many records are there.
    pub(super) fn wait_for(&self, records: usize) {
        self.wait_until(|seen| seen.len() >= records);
    }

    /// Waits until the records are as wished.
    pub(super) fn wait_until(&self, is_so: impl Fn(&[T]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so(&self.records.lock().unwrap()) {
            assert!(Instant::now() < deadline, "{} records", self.records().len());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Everything collected so far.
    pub(super) fn records(&self) -> Vec<T> {
        self.records.lock().unwrap().clone()
    }
}

impl<K: Ord + Clone, V: Ord + Copy> Collect<(K, V)> {
    /// The largest value of each key: for counts, the last.
    pub(super) fn largest(&self) -> BTreeMap<K, V> {
        let mut largest = BTreeMap::new();
        for (key, value) in self.records() {
            let held = largest.entry(key).or_insert(value);
            *held = value.max(*held);
        }
        largest
    }
}

impl<T: Data> Sink<T> for Collect<T> {
    type Writer = Self;
    type Committable = ();

    fn name(&self) -> &'static str {
        "collect"
    }

    fn is_exactly_once(&self) -> bool {
        false
    }

    fn writer(&self, _: &Subtask) -> Result<Self> {
        Ok(self.clone())
    }

    fn commit(&self, _: &[()]) -> Result<()> {
        Ok(())
    }

    fn recover(&self, _: &Start, _: &[()]) -> Result<()> {
        Ok(())
    }
}

impl<T: Data> SinkWriter<T> for Collect<T> {
    type Committable = ();

    fn write(&mut self, record: T::Ref<'_>) -> Result<()> {
        self.records.lock().unwrap().push(T::from_ref(record));
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _: u64) -> Result<Vec<()>> {
        Ok(Vec::new())
    }
}
