//! `spt demo`: a word count that is interrupted in the middle, looked into, and goes on from its savepoint.
//!
//! ```text
//! text ─► job, parallelism 2 ─► savepoint ─► cancelled
//!                                   ├─► inspect
//!                                   └─► job, parallelism 3 ─► end of the text ─► every count compared
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use spt_format::{ColumnarReader, Error, SavepointSource, Scan, StateRef, find_operator, find_state};
use spt_runtime::sinks::Discard;
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::render;
use crate::render::text::counted;
use crate::report::inspect::InspectReport;
use crate::ui::Ui;

/// Run a word count, take a savepoint in the middle, go on from it, and check every count
///
/// The text is that of this program's own documents. The savepoint stays, so that you can look into it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt demo
  spt demo --keep my-savepoints")]
pub(crate) struct Args {
    /// Put the savepoint into this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The documents whose words are counted.
const TEXTS: &[&str] = &[
    include_str!("../../../README.md"),
    include_str!("../../../CHANGELOG.md"),
    include_str!("../../../docs/architecture.md"),
    include_str!("../../../docs/flink-mapping.md"),
];

/// How long the whole text would take the first job.
const DURATION: Duration = Duration::from_secs(10);
/// When its savepoint is taken: long before its end, which a busy machine must not come to first.
const INTERRUPTION: Duration = Duration::from_millis(1500);

/// Words and how often each was there.
type Counts = BTreeMap<String, i64>;

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let lines: Vec<&'static str> = TEXTS.iter().flat_map(|text| text.lines()).collect();
    let expected = count(&lines);
    let folder = folder(args.keep.as_deref())?;
    ui.answer(&format!(
        "1. A word count runs at parallelism 2, over {} of text: {}, {} of them different.\n",
        counted(lines.len() as u64, "line"),
        counted(total(&expected), "word"),
        expected.len()
    ))?;
    let savepoint = first_part(&lines, &folder)?;
    let reader = open(&savepoint)?;
    let reached = total(&counts(&reader)?);
    ui.answer(&format!(
        "2. Savepoint taken while it ran, after {}; then the job was cancelled.\n\
         3. What is in it: spt inspect {}\n\n",
        counted(reached, "word"),
        savepoint.display()
    ))?;
    let catalogue = reader.savepoint();
    ui.answer(&render::inspect::summary(&InspectReport::new(catalogue), catalogue.created_at_ms, ui))?;

    ui.answer("\n4. The same job goes on from there at parallelism 3, to the end of the text.\n")?;
    let found = second_part(&lines, &savepoint, &folder.join("checkpoints"))?;
    compare(&found, &expected)?;
    ui.answer(&format!(
        "5. Every count equals that of a plain sequential count: {}, {} of them different.\n\n\
         The savepoint lies in {path}\nTry next:\n  \
         spt inspect {path} --uid sum-001 --state sum --rows --limit 5\n",
        counted(total(&found), "word"),
        found.len(),
        path = savepoint.display()
    ))?;
    Ok(Exit::Fine)
}

/// Runs the job for a while, takes a savepoint while it runs, and cancels it.
fn first_part(lines: &[&'static str], folder: &Path) -> Result<PathBuf> {
    let job = start(lines, Some(DURATION), JobOptions { parallelism: Some(2), ..JobOptions::default() })?;
    std::thread::sleep(INTERRUPTION);
    let savepoint = job.savepoint(Some(folder))?;
    job.cancel()?;
    Ok(savepoint)
}

/// Runs the job from the savepoint to its end, and returns the counts in its last checkpoint.
fn second_part(lines: &[&'static str], savepoint: &Path, checkpoints: &Path) -> Result<Counts> {
    let options = JobOptions {
        parallelism: Some(3),
        restore: Some(RestoreOptions::new(savepoint)),
        checkpoint_dir: Some(checkpoints.to_owned()),
        ..JobOptions::default()
    };
    let job = start(lines, None, options)?;
    job.wait()?;
    let last = job.checkpoints().latest_completed.and_then(|checkpoint| checkpoint.path);
    let last = last.ok_or_else(|| Failure::new("the job ended without a last checkpoint"))?;
    let found = counts(&open(&last)?)?;
    // It has served its purpose; what stays is the savepoint.
    std::fs::remove_dir_all(checkpoints).map_err(|error| Error::io("remove", checkpoints, error))?;
    Ok(found)
}

/// The word count of the documentation, over numbered lines that come at a steady pace or as fast as they can.
fn start(lines: &[&'static str], duration: Option<Duration>, options: JobOptions) -> Result<JobHandle> {
    let env = Environment::new();
    let end = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let pace = duration.map_or(0.0, |duration| lines.len() as f64 / duration.as_secs_f64());
    let lines: Vec<&'static str> = lines.to_vec();
    env.source(Sequence::new(0..end).per_second(pace))
        .uid("stream-001")
        .flat_map(move |number, out| {
            let line = usize::try_from(*number).ok().and_then(|number| lines.get(number));
            out.extend(line.into_iter().flat_map(|line| line.split_whitespace()));
        })
        .uid("flatMap-001")
        .map_to::<(String, i64)>(|word| (word, 1))
        .uid("map-001")
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(Discard)
        .uid("discard-001");
    Ok(env.start("wordcount", options)?)
}

/// The plain sequential count.
fn count(lines: &[&str]) -> Counts {
    let mut counts = Counts::new();
    for word in lines.iter().flat_map(|line| line.split_whitespace()) {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

fn total(counts: &Counts) -> u64 {
    counts.values().map(|count| count.unsigned_abs()).sum()
}

fn open(path: &Path) -> Result<ColumnarReader> {
    Ok(ColumnarReader::options().open(path)?)
}

/// The counts a savepoint holds.
fn counts(savepoint: &ColumnarReader) -> Result<Counts> {
    let operator = find_operator(savepoint.savepoint(), "sum-001")?;
    let sum = savepoint.savepoint().operators.get(operator);
    let state = sum.map(|sum| find_state(sum, "sum")).transpose()?.unwrap_or_default();
    let mut counts = Counts::new();
    for batch in savepoint.scan(StateRef { operator, state }, &Scan::default())? {
        add(&batch?, &mut counts)?;
    }
    Ok(counts)
}

fn add(batch: &RecordBatch, counts: &mut Counts) -> Result<()> {
    let words = batch.column_by_name("key").and_then(|column| column.as_string_opt::<i32>());
    let values = batch.column_by_name("value").and_then(|column| column.as_primitive_opt::<Int64Type>());
    let (Some(words), Some(values)) = (words, values) else {
        return Err(Failure::new("the state `sum` is not made of words and their counts"));
    };
    counts.extend(words.iter().zip(values).filter_map(|(word, count)| Some((word?.to_owned(), count?))));
    Ok(())
}

/// Every word with its count, no more and no fewer.
fn compare(found: &Counts, expected: &Counts) -> Result<()> {
    let differing = |word: &&String| found.get(*word) != expected.get(*word);
    match expected.keys().chain(found.keys()).find(differing) {
        None => Ok(()),
        Some(word) => Err(Failure::new(format!(
            "the word {word:?} was counted {} times and is there {} times",
            found.get(word).copied().unwrap_or(0),
            expected.get(word).copied().unwrap_or(0)
        ))),
    }
}

/// Where the savepoint is put.
fn folder(keep: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = keep {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        return Ok(folder.to_owned());
    }
    let folder = tempfile::Builder::new().prefix("spt-demo-").tempdir();
    Ok(folder.map_err(|error| Error::io("create", std::env::temp_dir().as_path(), error))?.keep())
}
