//! RocksDB tables and manifests from anywhere.

use std::sync::Arc;

use bytes::Bytes;
use spt_flink::ReadAt;
use spt_flink::sst::{LogReader, Merge, Run, Span, Table, TableHints, Version};
use spt_format::Result;

use crate::limits;

/// Reads a table from its first key, and from one in its middle.
pub fn table(bytes: &[u8]) {
    let Ok(all) = keys(bytes, &[]) else { return };
    if let Some(middle) = all.get(all.len() / 2)
        && let Ok(rest) = keys(bytes, middle)
    {
        assert!(
            rest.iter().all(|key| key >= middle && all.contains(key)),
            "a walk has keys of the whole one"
        );
    }
}

fn keys(bytes: &[u8], lower: &[u8]) -> Result<Vec<Vec<u8>>> {
    let input: Arc<dyn ReadAt> = Arc::new(Bytes::copy_from_slice(bytes));
    let open = move || {
        let table = Table::open(input, TableHints::default(), &limits())?;
        table.verify_meta_blocks()?;
        Ok(table)
    };
    let run = Run {
        file: "fuzzed".into(),
        name: "000001.sst".into(),
        smallest: Vec::new(),
        end: vec![0xff; 64],
        open: Box::new(open),
    };
    let mut merge = Merge::new(vec![run], Span { lower: lower.to_vec(), upper: None }, &limits());
    let mut keys = Vec::new();
    while merge.advance()? {
        assert!(keys.last().is_none_or(|last: &Vec<u8>| last.as_slice() < merge.key()), "keys ascend");
        assert!(merge.value().len() <= 1 << 20, "values respect the limit");
        keys.push(merge.key().to_vec());
    }
    Ok(keys)
}

/// Replays a manifest.
pub fn manifest(bytes: &[u8]) {
    let log = LogReader::new(Arc::new(Bytes::copy_from_slice(bytes)), &limits());
    if let Ok(version) = Version::replay(log, &limits()) {
        assert!(version.families().count() > 0, "the default family is always there");
        for table in version.families().flat_map(|family| family.tables.values()) {
            assert!(table.file_name().ends_with(".sst"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_noise_are_read_without_a_panic() {
        for length in [0, 1, 52, 53, 54, 4096] {
            let noise = (0..length).map(|n: u32| n.wrapping_mul(2_654_435_761) as u8).collect::<Vec<_>>();
            table(&noise);
            manifest(&noise);
        }
    }
}
