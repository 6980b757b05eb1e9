//! `spt patch`: a savepoint with the changes that `spt diff --format patch` found between two others.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use spt_format::patch::{Patch, Patched};
use spt_format::{
    ColumnarWriter, Lineage, LocalStorage, Operator, ResultExt, Savepoint, SavepointSource, State,
};

use super::migrate::now_ms;
use super::migrate::write::verify;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::table::{Lean, Table};
use crate::render::text::{clean, count, counted};
use crate::staged::Staged;
use crate::ui::Ui;

/// Apply a patch that `spt diff --format patch` made to a savepoint
///
/// With A and B the two that were compared, the result has the state of B, and `spt diff` finds no difference
/// between them. Rows come from IN, and only what changed from the patch. OUT is in this project's own format
/// whatever IN is; it must not exist, and appears when it is complete and verified. A patch for another savepoint
/// is refused, and so is one that does not fit row by row.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt diff sp-1 sp-2 --format patch > changes.ndjson
  spt patch sp-1 changes.ndjson -o sp-2-again
  spt diff sp-1 sp-2 --format patch | spt patch sp-1 - -o sp-2-again && spt diff sp-2 sp-2-again
  spt patch sp-9 changes.ndjson -o sp-9-corrected --other-input")]
pub(crate) struct Args {
    /// The savepoint to start from
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The patch; - for stdin
    #[arg(value_name = "PATCH")]
    patch: PathBuf,
    /// The folder to make
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// IN may be another savepoint than the patch was made from, if every row it changes is as it was
    #[arg(long)]
    other_input: bool,
    /// Copy files that are taken over, so that OUT shares nothing with IN
    #[arg(long)]
    copy: bool,
    #[command(flatten)]
    opening: Opening,
}

/// `spt.patched/1`: what was made.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    path: String,
    states: Vec<StateReport>,
    changes: u64,
    rows_written: u64,
}

#[derive(Serialize)]
struct StateReport {
    uid: String,
    state: String,
    work: &'static str,
    changes: u64,
    rows: Option<u64>,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let source = open(&args.input, &args.opening, ui)?;
    let staged = Staged::begin(&args.output, ui)?;
    let name = if is_stdin(&args.patch) { "stdin".to_owned() } else { args.patch.display().to_string() };
    let patched = match is_stdin(&args.patch) {
        true => fill(args, source.as_ref(), stdin().lock(), &staged, &name)?,
        false => {
            let file = File::open(&args.patch);
            let file = file.map_err(|error| Failure::new(format!("{name}: {error}")))?;
            fill(args, source.as_ref(), BufReader::with_capacity(1 << 20, file), &staged, &name)?
        }
    };
    verify(staged.path(), false)?;
    staged.publish()?;
    tell(&patched, &args.output, ui)?;
    ui.note(&format!("to go back, start from {}: it was not touched", args.input.display()));
    Ok(Exit::Fine)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads the patch and writes the savepoint.
fn fill(
    args: &Args,
    source: &dyn SavepointSource,
    patch: impl BufRead,
    staged: &Staged,
    name: &str,
) -> Result<Patched> {
    let patch = Patch::open(patch).in_file(name)?;
    if !args.other_input {
        patch.check_input(source).in_file(name).map_err(|error| {
            let hint = "name the savepoint it was made from, or apply it to another one with --other-input";
            Failure::from(error).hint(hint)
        })?;
    }
    let (before, after) = (patch.before_id().to_owned(), patch.after_id().to_owned());
    let storage = LocalStorage::open(staged.path())?;
    let mut sink = ColumnarWriter::options().independent(args.copy).create_in(Arc::new(storage));
    let patched = patch.apply(source, &mut sink).in_file(name)?;
    let mut target: Savepoint = patched.target.clone();
    target.lineage.push(Lineage {
        operation: "patch".to_owned(),
        source_id: Some(source.savepoint().id.clone()),
        source_path: args.input.to_str().map(str::to_owned),
        at_ms: now_ms(),
        receipt: Some(serde_json::json!({"before": before, "after": after})),
    });
    target.id = staged.id().to_owned();
    sink.commit(&target)?;
    Ok(patched)
}

fn tell(patched: &Patched, output: &Path, ui: &Ui) -> Result<()> {
    let written = open(output, &Opening::default(), ui)?;
    let state = |place| -> Option<(&Operator, &State)> { written.savepoint().state(place) };
    let states = patched.states.iter().filter_map(|done| {
        let (operator, state) = state(done.place)?;
        Some(StateReport {
            uid: operator.label(),
            state: state.name.clone(),
            work: if done.is_taken_over { "kept" } else { "rewritten" },
            changes: done.changes,
            rows: state.rows,
        })
    });
    let report = Report {
        schema: "spt.patched/1",
        path: output.display().to_string(),
        states: states.collect(),
        changes: patched.states.iter().map(|state| state.changes).sum(),
        rows_written: patched.states.iter().map(|state| state.rows_written).sum(),
    };
    if ui.json { ui.answer_json(&report) } else { ui.answer(&text(&report, ui)) }
}

fn text(report: &Report, ui: &Ui) -> String {
    let columns = ["OPERATOR", "STATE", ""].map(|name| (name, Lean::Left));
    let numbers = ["CHANGES", "ROWS"].map(|name| (name, Lean::Right));
    let mut table = Table::new(columns.into_iter().chain(numbers), ui);
    for state in &report.states {
        table.row([
            clean(&state.uid),
            clean(&state.state),
            state.work.to_owned(),
            count(state.changes),
            state.rows.map_or("?".to_owned(), count),
        ]);
    }
    let changes = counted(report.changes, "change");
    let rows = counted(report.rows_written, "row");
    format!("{}\nmade {}: {changes}, {rows} rewritten\n", table.text(), clean(&report.path))
}
