//! Runs the real `spt` and puts stdout, stderr and the exit code into one text.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use spt_flink::FlinkSource;
use spt_format::{
    ColumnarWriter, Edge, Engine, JobGraph, Layout, Node, Operator, Partitioning, Savepoint, SavepointSink,
    SavepointSource, Scan,
};

/// `spt` with nothing of this machine's environment in it.
pub(crate) fn spt(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spt"));
    command.args(args).env_clear();
    command
}

/// Runs `spt` and shows everything it said.
pub(crate) fn run(args: &[impl AsRef<OsStr>]) -> String {
    transcript(&spt(args).stdin(Stdio::null()).output().unwrap())
}

/// The same with something on stdin.
pub(crate) fn run_with_stdin(args: &[impl AsRef<OsStr>], stdin: &str) -> String {
    let mut child =
        spt(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    transcript(&child.wait_with_output().unwrap())
}

fn transcript(output: &Output) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    if !stderr.is_empty() {
        text += &format!("--- stderr\n{stderr}");
    }
    text + &format!("--- exit {}\n", output.status.code().unwrap())
}

/// A savepoint that Flink wrote, from the repository's test data.
pub(crate) fn flink(case: &str) -> String {
    format!("{}/../testdata/flink/{case}/savepoint", env!("CARGO_MANIFEST_DIR"))
}

/// The word count's savepoint, by the layout that Flink was told to use.
pub(crate) fn word_count(layout: &str) -> String {
    flink(&format!("2.1.0/wordcount-{layout}"))
}

/// Writes the states of a savepoint anew in this project's own format, `change` being asked about every batch.
pub(crate) fn columnar(
    from: &str,
    to: &std::path::Path,
    change: impl Fn(&str, &RecordBatch) -> RecordBatch,
) -> String {
    let source = FlinkSource::open(from).unwrap();
    let mut sink = ColumnarWriter::options().create(to).unwrap();
    for (place, operator, state) in source.savepoint().states() {
        let mut table = SavepointSink::state(&mut sink, operator, state).unwrap();
        let rows = source.scan(place, &Scan { sorted: true, ..Scan::default() }).unwrap();
        let (schema, batches) = (rows.schema(), rows.map(|batch| batch.unwrap()).collect::<Vec<_>>());
        let whole = concat_batches(&schema, &batches).unwrap();
        table.write(&change(&state.name, &whole)).unwrap();
        table.finish().unwrap();
    }
    let savepoint = Savepoint {
        engine: Engine::Spt,
        format_version: 1,
        layout: Layout::Columnar,
        id: "0123456789abcdef".into(),
        created_at_ms: Some(1_700_000_000_000),
        graph: Some(chain(source.savepoint())),
        ..source.savepoint().clone()
    };
    sink.commit(&savepoint).unwrap();
    to.to_str().unwrap().to_owned()
}

/// For [`columnar`]: changes nothing.
pub(crate) fn as_it_is(_: &str, batch: &RecordBatch) -> RecordBatch {
    batch.clone()
}

/// Every file below a folder.
pub(crate) fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// A graph in which every operator sends to the next by key.
fn chain(savepoint: &Savepoint) -> JobGraph {
    let node = |(place, operator): (usize, &Operator)| Node {
        id: operator.id,
        name: operator.name.clone().unwrap_or_default(),
        uid: operator.uid.as_ref().map(ToString::to_string),
        parallelism: operator.parallelism,
        chain: place as u32,
    };
    let edge =
        |pair: &[Operator]| Edge { from: pair[0].id, to: pair[1].id, partitioning: Partitioning::Hash };
    JobGraph {
        nodes: savepoint.operators.iter().enumerate().map(node).collect(),
        edges: savepoint.operators.windows(2).map(edge).collect(),
    }
}
