//! Flink's own fixtures, from 1.7 to 2.3: everything in them is read, or says why not.

use spt_flink::FlinkSource;
use spt_format::{SavepointSource, Scan, StateKind};

use crate::support::upstream;

/// States that are listed and cannot be read: fixture, what the error says. `docs/flink-mapping.md` has them.
const UNREADABLE: [(&str, &str); 1] =
    [("new-stateful-udf-migration-itcase-flink1.17-hashmap-checkpoint", "a log of changes before its base")];

#[test]
fn every_state_of_flinks_fixtures_is_read_or_says_why() {
    let (mut states, mut rows, mut unread) = (0, 0, 0);
    let mut errors = Vec::new();
    let mut raw_timers = 0;
    for fixture in upstream() {
        let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
        let source = FlinkSource::open(&fixture).unwrap_or_else(|error| panic!("{name}: {}", error.full()));
        for (place, operator, state) in source.savepoint().states() {
            states += 1;
            let before = rows;
            let read = source.scan(place, &Scan::default()).and_then(|mut stream| {
                for batch in stream.by_ref() {
                    rows += batch?.num_rows();
                }
                Ok(stream.completeness())
            });
            let what = format!("{name}: {}: {} {}", operator.label(), state.kind, state.name);
            match read {
                Ok(_) if state.kind == StateKind::Timer && name.contains("legacy-raw-state-heap-timers") => {
                    raw_timers += rows - before;
                }
                Ok(completeness) if completeness.rows_unread > 0 => {
                    unread += completeness.rows_unread;
                    println!("{what}: {} rows unread", completeness.rows_unread);
                }
                Ok(_) => {}
                Err(error) => {
                    let error = error.full();
                    let is_known = UNREADABLE.iter().any(|known| name == known.0 && error.contains(known.1));
                    if !is_known {
                        errors.push(format!("{what}: {error}"));
                    }
                }
            }
        }
    }
    println!("{states} states, {rows} rows, {unread} rows unread, {raw_timers} timers in raw state");
    // Those of a serializer of a test of Flink's own, in a heap file.
    assert!(unread <= 4, "{unread} rows unread");
    assert_eq!(states > 0, raw_timers > 0, "timers on the heap of RocksDB");
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
