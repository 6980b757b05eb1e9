//! Segments read on several threads give what one thread reads from front to back.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use spt_flink::{FlinkOptions, FlinkSource};
use spt_format::{Completeness, Result, SavepointSource, Scan, StateRef};

use crate::support::{Case, case, corpus};

/// Cases of one release, which has every layout.
fn cases() -> impl Iterator<Item = Case> {
    corpus().into_iter().filter(|case| case.name.starts_with("2.1.0/"))
}

/// One thread and whole handles.
fn plain(case: &Case) -> FlinkSource {
    FlinkOptions::default().threads(1).segment_bytes(u64::MAX).open(&case.path).unwrap()
}

/// Three threads, and a segment for each key group.
fn cut(case: &Case) -> FlinkSource {
    FlinkOptions::default().threads(3).segment_bytes(1).open(&case.path).unwrap()
}

fn rows(source: &FlinkSource, place: StateRef, sorted: bool) -> Result<(RecordBatch, Completeness)> {
    let mut stream = source.scan(place, &Scan { sorted, ahead: true, ..Scan::default() })?;
    let batches = stream.by_ref().collect::<Result<Vec<_>>>()?;
    Ok((concat_batches(&stream.schema(), &batches).unwrap(), stream.completeness()))
}

#[test]
fn segments_on_three_threads_give_the_rows_that_one_thread_reads() {
    let (mut states, mut several) = (0, 0);
    for case in cases() {
        let (plain, cut) = (plain(&case), cut(&case));
        for (place, _, state) in plain.savepoint().states() {
            let context = format!("{} {}", case.name, state.name);
            for sorted in [false, true] {
                match (rows(&plain, place, sorted), rows(&cut, place, sorted)) {
                    (Ok(plain), Ok(cut)) => assert_eq!(plain, cut, "{context}, sorted: {sorted}"),
                    (Err(plain), Err(cut)) => assert_eq!(plain.full(), cut.full(), "{context}"),
                    (plain, cut) => panic!("{context}: {plain:?} is not {cut:?}"),
                }
            }
            states += 1;
            several += usize::from(cut.segments(place).unwrap().len() > 2);
        }
    }
    assert!(states > 300 && several > 200, "{several} of {states} states have several segments");
}

#[test]
fn rows_are_counted_as_they_are_read_and_segments_add_up() {
    for case in cases() {
        let (plain, cut) = (plain(&case), cut(&case));
        for (place, _, state) in plain.savepoint().states() {
            let Ok((rows, seen)) = rows(&plain, place, false) else { continue };
            let expected = rows.num_rows() as u64 + seen.rows_unread;
            let all = |(rows, seen): (u64, Completeness)| rows + seen.rows_unread;
            let whole = all(plain.count(place, &Scan::default()).unwrap());
            let segments = cut.segments(place).unwrap().len();
            let scan = |segment| Scan { segments: Some(segment..segment + 1), ..Scan::default() };
            let parts: u64 =
                (0..segments).map(|segment| all(cut.count(place, &scan(segment)).unwrap())).sum();
            assert_eq!((whole, parts), (expected, expected), "{} {}", case.name, state.name);
        }
    }
}

#[test]
fn a_stream_may_be_left_before_its_end() {
    let cut = cut(&case("2.1.0/collections-rocksdb-canonical-p2"));
    let mut begun = 0;
    for (place, _, _) in cut.savepoint().states() {
        let mut stream = cut.scan(place, &Scan { ahead: true, ..Scan::default() }).unwrap();
        begun += usize::from(stream.next().is_some());
    }
    assert!(begun > 5, "{begun} states have rows");
}
