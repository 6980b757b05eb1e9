//! Patches: any text is applied to a savepoint, and what comes of it is thrown away.

use std::path::Path;
use std::sync::LazyLock;

use arrow_array::RecordBatch;
use spt_format::patch::{Patch, write_patch};
use spt_format::{
    ColumnarReader, Operator, Result, Savepoint, SavepointSink, SavepointSource, State, StateSink,
    first_out_of_order,
};

/// The savepoints that patches are made from, and applied to.
static SAVEPOINTS: LazyLock<Vec<Box<dyn SavepointSource>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/columnar/v1");
    let open = |name: &&str| ColumnarReader::options().open(folder.join(name)).ok();
    let sources = ["every-type", "word-count"].iter().filter_map(open);
    sources.map(|source| Box::new(source) as Box<dyn SavepointSource>).collect()
});

/// Applies a patch to every savepoint it might be for.
pub fn apply(bytes: &[u8]) {
    for source in SAVEPOINTS.iter() {
        let Ok(patch) = Patch::open(bytes) else { return };
        let _ = (patch.before_id().len(), patch.after_id().len(), patch.check_input(source.as_ref()).is_ok());
        match patch.apply(source.as_ref(), &mut Nowhere) {
            Ok(patched) => {
                assert!(patched.states.iter().all(|done| patched.target.state(done.place).is_some()));
            }
            Err(error) => assert!(!error.full().is_empty()),
        }
    }
}

/// Patches between all of them, the same with every row removed, and with every row changed.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for left in SAVEPOINTS.iter() {
        for right in SAVEPOINTS.iter() {
            seeds.extend(text(left.as_ref(), right.as_ref()));
        }
    }
    for (other, source) in std::iter::zip(SAVEPOINTS.iter().rev(), SAVEPOINTS.iter()) {
        let Some(added) = text(other.as_ref(), source.as_ref()) else { continue };
        let (Ok(added), Some(same)) = (String::from_utf8(added), text(source.as_ref(), source.as_ref()))
        else {
            continue;
        };
        let Ok(same) = String::from_utf8(same) else { continue };
        for change in [removed, changed] {
            seeds.push(with_rows(&same, &added, change).into_bytes());
        }
    }
    seeds
}

fn text(left: &dyn SavepointSource, right: &dyn SavepointSource) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut tell = |bytes: &[u8]| {
        text.extend_from_slice(bytes);
        Ok(())
    };
    write_patch(left, right, &mut tell).ok()?;
    Some(text)
}

fn is_row(line: &str) -> bool {
    line.starts_with("{\"op\"")
}

fn removed(line: &str) -> String {
    line.replace("\"op\":\"+\"", "\"op\":\"-\"")
        .replace("\"after\":", "\"before\":")
        .replace("_after", "_before")
}

fn changed(line: &str) -> String {
    let (head, value) = line.split_once("\"after\":").unwrap_or((line, ""));
    format!("{}\"before\":{value}", head.replace("\"op\":\"+\"", "\"op\":\"~\""))
        .replace('}', ",\"after\":null}")
}

/// A patch without rows, with those of another that adds them, changed: states come in the same order.
fn with_rows(same: &str, added: &str, change: fn(&str) -> String) -> String {
    let mut lines = Vec::new();
    let mut others = added.lines().skip_while(|line| !line.starts_with("{\"state\"")).skip(1);
    let mut rows = 0;
    for line in same.lines() {
        if line.starts_with("{\"end\"") {
            break;
        }
        lines.push(line.to_owned());
        if line.starts_with("{\"state\"") {
            let of_state = others.by_ref().take_while(|line| !line.starts_with("{\"state\""));
            let of_state = of_state.filter(|line| is_row(line)).map(change);
            let before = lines.len();
            lines.extend(of_state);
            rows += lines.len() - before;
        }
    }
    lines.push(format!("{{\"end\":{{\"rows\":{rows}}}}}\n"));
    lines.join("\n")
}

/// Looks at what would be written.
struct Nowhere;

impl SavepointSink for Nowhere {
    fn state(&mut self, _: &Operator, state: &State) -> Result<Box<dyn StateSink + '_>> {
        Ok(Box::new(Unwritten { state: state.clone() }))
    }

    fn commit(self: Box<Self>, _: &Savepoint) -> Result<()> {
        Ok(())
    }
}

struct Unwritten {
    state: State,
}

impl StateSink for Unwritten {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let order = first_out_of_order(batch, &self.state.schema.sort_columns(self.state.kind));
        assert_eq!(order.unwrap_or_default(), None, "rows out of order");
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
