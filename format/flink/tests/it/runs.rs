//! States of one handle: whoever reads the second does not read the first again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use bytes::Bytes;
use spt_flink::metadata::{KeyGroupFile, KeyedHandle, StreamHandle};
use spt_flink::{CanonicalEntries, Entries, FlinkSource, HeapScan, KeyedFile, KeyedLayout, ReadAt};
use spt_format::{ReadLimits, Result, RowStream, SavepointSource, Scan};

use crate::support::corpus;

/// Bytes that know how many of them were read.
struct Counting {
    bytes: Bytes,
    read: AtomicU64,
}

impl ReadAt for Counting {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes> {
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        self.bytes.read_at(offset, length)
    }
}

fn bytes(handle: &KeyGroupFile, folder: &Path) -> Option<Bytes> {
    match &handle.stream {
        StreamHandle::Inline { data, .. } => Some(data.clone()),
        StreamHandle::Relative { path, .. } => Some(std::fs::read(folder.join(path)).unwrap().into()),
        _ => None,
    }
}

/// Rows or entries of a state, `None` if they cannot be read.
fn read(file: &KeyedFile, state: u16) -> Option<u64> {
    match file.layout {
        KeyedLayout::Canonical => CanonicalEntries::new(file, state, None).count().ok(),
        KeyedLayout::Heap => {
            let (rows, seen) = HeapScan::new(file, state, None).ok()?.count_rows().ok()?;
            seen.is_complete().then_some(rows)
        }
    }
}

/// Every keyed file of the corpus with several states, opened; what is opened counts its bytes.
fn files() -> Vec<(String, KeyedFile, Arc<Counting>)> {
    let mut files = Vec::new();
    for case in corpus() {
        let source = FlinkSource::open(&case.path).unwrap();
        let folder = if case.path.is_dir() { &*case.path } else { case.path.parent().unwrap() };
        for operator in &source.snapshot().operators {
            for (_, subtask) in operator.states() {
                let Some(KeyedHandle::KeyGroups(handle)) = &subtask.managed_keyed else { continue };
                let Some(bytes) = bytes(handle, folder) else { continue };
                let counting = Arc::new(Counting { bytes, read: AtomicU64::new(0) });
                let file: Arc<dyn ReadAt> = counting.clone();
                let Ok(file) =
                    KeyedFile::open(file, handle, operator.max_parallelism, &ReadLimits::default())
                else {
                    continue;
                };
                if file.header.states.len() > 1 && !file.header.compressed {
                    files.push((case.name.clone(), file, counting));
                }
            }
        }
    }
    files
}

#[test]
fn all_states_but_the_first_are_read_in_one_go() {
    let mut layouts = [0, 0];
    for (name, file, counting) in files() {
        let Some(_) = read(&file, 0) else { continue };
        counting.read.store(0, Ordering::Relaxed);
        let states = u16::try_from(file.header.states.len()).unwrap();
        if (1..states).any(|state| read(&file, state).is_none()) {
            continue;
        }
        let again = counting.read.load(Ordering::Relaxed);
        // The number of a key group is looked at for every state.
        let numbers = 4 * u64::from(states) * file.blocks.len() as u64;
        assert!(again <= counting.size() + numbers, "{name}: {again} of {} bytes", counting.size());
        layouts[usize::from(file.layout == KeyedLayout::Heap)] += 1;
    }
    assert!(layouts[0] > 100 && layouts[1] > 5, "{layouts:?} canonical and heap files");
}

#[test]
fn rows_are_the_same_in_whichever_order_states_are_read() {
    let mut states = 0;
    for case in corpus().into_iter().filter(|case| case.name.starts_with("2.1.0/")) {
        let read = |source: &FlinkSource, place| {
            let rows =
                source.scan(place, &Scan::default()).and_then(Iterator::collect::<Result<Vec<RecordBatch>>>);
            rows.map_err(|error| error.full())
        };
        let open = || FlinkSource::open(&case.path).unwrap();
        let backwards = open();
        let places: Vec<_> = backwards.savepoint().states().map(|(place, ..)| place).collect();
        for place in places.iter().rev().chain(&places) {
            assert_eq!(read(&backwards, *place), read(&open(), *place), "{} {place:?}", case.name);
            states += 1;
        }
    }
    assert!(states > 500, "{states}");
}
