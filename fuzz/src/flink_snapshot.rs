//! Whole snapshots of Flink from anywhere: `_metadata`, the headers and the rows of state inside it.

use std::path::Path;

use bytes::Bytes;
use spt_flink::metadata::{self, StreamHandle};
use spt_flink::{FlinkSource, KeyedHeader, OperatorHeader};
use spt_format::{SavepointSource, Scan};

use crate::limits;

/// Reads a `_metadata` and asks everything of it that needs no file.
pub fn metadata(bytes: &[u8]) {
    let Ok(snapshot) = metadata::read(&Bytes::copy_from_slice(bytes), &limits()) else { return };
    for operator in &snapshot.operators {
        assert!(operator.states().count() <= operator.parallelism as usize, "subtasks are different");
        let channels =
            operator.states().map(|(_, state)| state.input_channels.len() + state.output_channels.len());
        assert!(
            channels.sum::<usize>() > 0 || operator.channel_bytes() == 0,
            "only channels have channel bytes"
        );
    }
    let inside = snapshot.streams().into_iter().filter_map(|stream| match stream {
        StreamHandle::Inline { data, .. } => Some(data.len()),
        _ => None,
    });
    assert!(inside.sum::<usize>() <= bytes.len(), "state inside _metadata is a part of it");
}

/// Opens a snapshot and reads all rows of every state, then one key group of each.
///
/// `folder` is where its files are; state inside `_metadata` needs none.
pub fn snapshot(bytes: &[u8], folder: &Path) {
    let options = FlinkSource::options().limits(limits());
    let Ok(source) = options.open_bytes(&Bytes::copy_from_slice(bytes), folder) else { return };
    for (place, _, state) in source.savepoint().states() {
        let all = rows(&source, place, &Scan::default());
        let group = source.segments(place).ok().and_then(|segments| segments.first()?.key_groups);
        let some = rows(&source, place, &Scan { key_groups: group, ..Scan::default() });
        if let (Some(all), Some(some)) = (all, some) {
            assert!(some <= all, "{}: a part has {some} rows, the whole {all}", state.name);
        }
    }
}

/// A snapshot without files: only state inside `_metadata` has rows.
pub fn snapshot_alone(bytes: &[u8]) {
    snapshot(bytes, Path::new(NOWHERE));
}

/// A folder that is not there.
const NOWHERE: &str = "/nonexistent/chk-1";

/// Rows of a state, `None` if they end with an error.
fn rows(source: &FlinkSource, place: spt_format::StateRef, scan: &Scan) -> Option<usize> {
    let mut rows = 0;
    for batch in source.scan(place, scan).ok()? {
        rows += batch.ok()?.num_rows();
    }
    Some(rows)
}

/// Reads the header of keyed and of operator state.
pub fn header(bytes: &[u8]) {
    if let Ok(header) = KeyedHeader::parse(bytes) {
        assert_eq!(header.length, bytes.len() as u64, "a header fills its bytes");
    }
    if let Ok(header) = OperatorHeader::parse(bytes) {
        assert_eq!(header.states().count(), header.lists.len() + header.broadcasts.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Snapshots with all state inside `_metadata`: every layout and nearly every type between them.
    const INSIDE: [&str; 7] = [
        "1.15.4/wordcount-rocksdb-native/savepoint",
        "1.18.1/kryo-rocksdb-canonical/savepoint",
        "2.1.0/wordcount-hashmap-canonical-compressed/savepoint",
        "2.1.0/ttl-rocksdb-canonical/savepoint",
        "2.3.0/timers-hashmap-canonical/savepoint",
        "2.3.0/kryo-hashmap-native/savepoint",
        "1.20.5/operatorstates-hashmap-canonical-p3/savepoint",
    ];
    /// One byte in this many is changed; a prime, so that every part of every structure gets its turn.
    const STRIDE: usize = 29;

    #[test]
    fn no_changed_byte_of_a_snapshot_makes_the_reader_panic() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/flink");
        for (number, name) in INSIDE.iter().enumerate() {
            let folder = corpus.join(name);
            let whole = std::fs::read(folder.join("_metadata")).unwrap();
            snapshot(&whole, &folder);
            for index in (number..whole.len()).step_by(STRIDE) {
                let mut bytes = whole.clone();
                bytes[index] ^= [0x01, 0x80, 0xFF, 0x40][index % 4];
                metadata(&bytes);
                snapshot(&bytes, &folder);
                header(bytes.get(index..).unwrap_or_default());
            }
        }
    }
}
