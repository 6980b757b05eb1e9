//! `spt export`: the rows of states, for other tools.

mod arrow;
mod csv;
mod folder;
mod target;

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;
use spt_format::{
    Completeness, FileFormat, Int64Style, JsonOptions, JsonRows, Operator, Projection, SavepointSource,
    SelectedRows, State,
};

use self::target::Target;
use crate::commands::{choose, saw_all};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::text::{bytes, counted};
use crate::ui::Ui;
use crate::watch::Watched;

/// Write the rows of a state to a file or to stdout
///
/// Rows come in the order of the savepoint: by key group, then by key. A summary goes to stderr, as JSON with
/// `--json`. The file appears when it is complete, and never replaces another. `--where` takes what
/// `spt inspect --where` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt export sp-1 --uid sum-001 > counts.ndjson
  spt export sp-1 --uid sum-001 --state counts --format csv -o counts.csv
  spt export sp-1 --uid sum-001 --state counts --format parquet -o counts.parquet
  spt export sp-1 --uid sum-001 --where 'value > 100' | jq .key
  spt export sp-1 --all --format parquet -o tables")]
pub(crate) struct Args {
    /// A savepoint's folder, its manifest.json or _metadata, or FOLDER@latest
    path: PathBuf,
    /// Every state, each as a table in the folder OUTPUT, with an index of them in tables.json
    #[arg(long, requires = "output", conflicts_with_all = ["uid", "key", "key_group", "condition"])]
    all: bool,
    /// The operator: its uid, operator id, or the beginning of one
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// The state of it: its name, or KIND:NAME
    #[arg(long, value_name = "NAME", requires = "uid")]
    state: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// The file to write, stdout without; with --all the folder to make
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    filter: choose::Rows,
    /// How 64 bit integers are written in NDJSON
    #[arg(long, value_enum, default_value_t = Int64::Number)]
    int64: Int64,
    #[command(flatten)]
    opening: Opening,
}

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON document a line
    Ndjson,
    /// Comma-separated values: structs spread over columns, other nested values as JSON
    Csv,
    /// An Arrow IPC file: the table with its types
    Arrow,
    /// A Parquet file: the table with its types
    Parquet,
}

impl Format {
    /// What its files are called.
    fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// The same as the library knows it.
    pub(crate) fn file_format(self) -> FileFormat {
        match self {
            Self::Ndjson => FileFormat::Ndjson,
            Self::Csv => FileFormat::Csv,
            Self::Arrow => FileFormat::Arrow,
            Self::Parquet => FileFormat::Parquet,
        }
    }
}

/// How 64 bit integers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Int64 {
    /// As numbers, all digits
    Number,
    /// As strings, for readers that would round them
    String,
}

/// `spt.export/1`: what was written.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    rows: u64,
    bytes: u64,
    complete: bool,
    rows_unread: u64,
    rows_opaque: u64,
}

/// Rows and bytes of what was written.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    rows: u64,
    bytes: u64,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let source = open(&args.path, &args.opening, ui)?;
    let (written, seen) = match &args.output {
        Some(output) if args.all => {
            folder::write_all(args, Watched::whole(source, "exporting", ui).as_ref(), output, ui)?
        }
        Some(_) => {
            let place = choose::state(source.as_ref(), args.uid.as_deref(), args.state.as_deref())?;
            let state = choose::parts(source.as_ref(), place)?.1;
            let total = state.bytes.filter(|_| state.rows.is_some());
            write_one(args, Watched::part(source, "exporting", total, ui).as_ref())?
        }
        None => write_one(args, source.as_ref())?,
    };
    report(written, seen, ui)?;
    Ok(saw_all(seen, ui))
}

/// Writes the rows of one state that are asked for.
fn write_one(args: &Args, source: &dyn SavepointSource) -> Result<(Written, Completeness)> {
    let place = choose::state(source, args.uid.as_deref(), args.state.as_deref())?;
    let (operator, state) = choose::parts(source, place)?;
    let query = args.filter.query(source, place)?;
    let mut rows = query.rows(source, place)?;
    let written = write_table(args, operator, state, &mut rows, Target::create(args.output.as_deref())?)?;
    Ok((written, rows.completeness()))
}

/// Writes rows of one state as the format says.
fn write_table(
    args: &Args,
    operator: &Operator,
    state: &State,
    rows: &mut SelectedRows<'_>,
    mut target: Target,
) -> Result<Written> {
    let rows = match args.format {
        Format::Ndjson => write_ndjson(args, state, rows, &mut target)?,
        Format::Arrow => arrow::write_ipc(&arrow::schema(operator, state)?, rows, &mut target)?,
        Format::Parquet => arrow::write_parquet(arrow::schema(operator, state)?, rows, &mut target)?,
        Format::Csv => csv::write(&Projection::flat(state.kind, &state.schema)?, rows, &mut target)?,
    };
    Ok(Written { rows, bytes: target.finish()? })
}

fn write_ndjson(args: &Args, state: &State, rows: &mut SelectedRows<'_>, target: &mut Target) -> Result<u64> {
    let int64 = match args.int64 {
        Int64::Number => Int64Style::Number,
        Int64::String => Int64Style::String,
    };
    let mut lines =
        JsonRows::new(state.kind, &state.schema, JsonOptions { int64, ..JsonOptions::default() })?;
    let mut text = Vec::new();
    let mut written = 0;
    for batch in rows {
        let batch = batch?;
        written += batch.num_rows() as u64;
        lines.write(&batch, &mut text)?;
        target.append(&text)?;
        text.clear();
    }
    lines.finish(&mut text);
    target.append(&text)?;
    Ok(written)
}

fn report(written: Written, seen: Completeness, ui: &Ui) -> Result<()> {
    if !ui.json {
        ui.note(&format!("{}, {}", counted(written.rows, "row"), bytes(written.bytes)));
        return Ok(());
    }
    let report = Report {
        schema: "spt.export/1",
        rows: written.rows,
        bytes: written.bytes,
        complete: seen.is_complete(),
        rows_unread: seen.rows_unread,
        rows_opaque: seen.rows_opaque,
    };
    let text = serde_json::to_string(&report).map_err(|error| Failure::new(error.to_string()))?;
    ui.summary(&text);
    Ok(())
}
