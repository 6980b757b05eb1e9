//! `spt import`: a savepoint's state from tables, which `spt export` or any other tool has written.

mod inputs;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use spt_format::{
    ColumnNames, ColumnarWriter, Error, Field, FileFormat, Import, ImportMode, Imported, Lineage,
    LocalStorage, Savepoint, SavepointKind, SavepointSource, StateFiles, StateKind, StateRequest,
};

use self::inputs::{Input, inputs};
use super::export::Format;
use super::migrate::now_ms;
use super::migrate::write::verify;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::text::{bytes, clean, counted};
use crate::staged::Staged;
use crate::ui::Ui;

/// Make a savepoint's state from Parquet, Arrow, CSV or NDJSON files
///
/// Without `--into`, OUT is a new savepoint that holds what the files say. With it, OUT is a copy of SAVEPOINT in
/// which one state is replaced, merged (`--upsert`) or added; SAVEPOINT itself is never touched. OUT appears
/// when it is complete and verified.
///
/// Rows may come in any order; key groups are computed. A file has the columns that `spt export` writes: `key`
/// and `value`, with `map_key`, `namespace`, `index` and so on where the state has them. A file without `value`
/// has the value's fields as columns. Files that `spt export` wrote as Parquet or Arrow, and folders it wrote
/// with `--all`, know what they are; of Parquet and Arrow files by other tools the types are known; for CSV and
/// NDJSON they are given. Types are written as `spt inspect` shows them, such as
/// `struct<count: int64, name: utf8?>`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt import counts.csv -o sp-1 --uid sum-001 --state sum --key-type utf8 --value-type int64
  spt import users.parquet -o sp-1 --uid users --state profile --key-column user_id
  spt export sp-1 --uid sum-001 | spt import -o sp-2 --into sp-1 --uid sum-001 --state sum
  spt import fixed.ndjson -o sp-2 --into sp-1 --uid sum-001 --state sum --upsert
  spt export sp-1 --all -o tables --format parquet && spt import tables -o sp-2
  spt import rules.csv -o sp-2 --into sp-1 --uid rules --state rules --kind broadcast \\
      --map-key-type utf8 --value-type utf8")]
pub(crate) struct Args {
    /// The files to read, or one folder that `spt export --all` wrote; stdin without
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder to make
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The savepoint to put the state into
    #[arg(long, value_name = "SAVEPOINT")]
    into: Option<PathBuf>,
    /// Keep the rows that are there, but for those with a key that the files have
    #[arg(long, requires = "into")]
    upsert: bool,
    /// How the files are written; without, their names tell, and stdin is NDJSON
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    state: StateFlags,
    #[command(flatten)]
    columns: ColumnFlags,
    /// The job's name, of a new savepoint
    #[arg(long, value_name = "NAME", conflicts_with = "into")]
    name: Option<String>,
    #[command(flatten)]
    opening: Opening,
}

/// Which state, and what it is made of.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "State")]
struct StateFlags {
    /// The operator's uid
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// The state's name
    #[arg(long, value_name = "NAME")]
    state: Option<String>,
    /// value, list, map, reducing, aggregating, timer, operator-list, union or broadcast
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<StateKind>,
    /// Type of its keys, such as utf8, int64 or tuple<utf8, int32>
    #[arg(long, value_name = "TYPE", value_parser = field)]
    key_type: Option<Field>,
    /// Type of its values; a `?` behind a type lets it be null
    #[arg(long, value_name = "TYPE", value_parser = field)]
    value_type: Option<Field>,
    /// Type of the keys in its maps
    #[arg(long, value_name = "TYPE", value_parser = field)]
    map_key_type: Option<Field>,
    /// Type of its namespaces, such as time_window
    #[arg(long, value_name = "TYPE", value_parser = field)]
    namespace_type: Option<Field>,
    /// Key groups of a new operator; 128 unless given
    #[arg(long, value_name = "N")]
    max_parallelism: Option<u32>,
    /// Subtasks of a new operator; 1 unless given
    #[arg(long, value_name = "N")]
    parallelism: Option<u32>,
}

/// What the files call their columns.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Columns")]
struct ColumnFlags {
    /// The column that holds the key
    #[arg(long, value_name = "NAME")]
    key_column: Option<String>,
    /// The columns that hold the value; several are the fields of a struct, and others are left out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    value_columns: Vec<String>,
    /// The column that holds the keys in maps
    #[arg(long, value_name = "NAME")]
    map_key_column: Option<String>,
    /// The column that holds the namespace
    #[arg(long, value_name = "NAME")]
    namespace_column: Option<String>,
}

fn kind(text: &str) -> Result<StateKind, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn field(text: &str) -> Result<Field, String> {
    text.parse().map_err(|error: Error| error.full())
}

impl Args {
    fn request(&self) -> StateRequest {
        let state = &self.state;
        StateRequest {
            uid: state.uid.clone(),
            state: state.state.clone(),
            kind: state.kind,
            key: state.key_type.clone(),
            namespace: state.namespace_type.clone(),
            map_key: state.map_key_type.clone(),
            value: state.value_type.clone(),
            parallelism: state.parallelism,
            max_parallelism: state.max_parallelism,
            names: self.names(),
        }
    }

    fn names(&self) -> ColumnNames {
        ColumnNames {
            key: self.columns.key_column.clone(),
            namespace: self.columns.namespace_column.clone(),
            map_key: self.columns.map_key_column.clone(),
            value: self.columns.value_columns.clone(),
        }
    }
}

/// `spt.import/1`: what was made.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    path: String,
    states: Vec<StateReport>,
    rows_read: u64,
    rows_written: u64,
    bytes: u64,
}

/// One state that was imported.
#[derive(Serialize)]
struct StateReport {
    uid: String,
    state: String,
    kind: StateKind,
    key_type: Option<String>,
    value_type: Option<String>,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let base = args.into.as_deref().map(|path| open(path, &args.opening, ui)).transpose()?;
    let inputs = inputs(&args.files, args.format)?;
    let mut empty = Savepoint::new(SavepointKind::Savepoint, "");
    empty.job.name = args.name.clone().or_else(|| inputs.job_name.clone());
    let tables = tables(args, base.as_deref(), inputs.files)?;
    let states: Vec<StateReport> = tables.iter().map(StateReport::new).collect();
    let mode = if args.upsert { ImportMode::Upsert } else { ImportMode::Replace };
    let import = Import::new(base.as_deref(), empty, mode, now_ms(), tables)?;
    let staged = Staged::begin(&args.output, ui)?;
    let (imported, size) = write(import, base.as_deref(), args, &staged, ui)?;
    verify(staged.path(), false)?;
    staged.publish()?;
    tell(args, states, imported, size, ui)
}

/// The states of the files: what every file says of itself, and what the flags say.
fn tables(args: &Args, base: Option<&dyn SavepointSource>, inputs: Vec<Input>) -> Result<Vec<StateFiles>> {
    let request = args.request();
    let base = base.map(SavepointSource::savepoint);
    let mut tables: Vec<StateFiles> = Vec::new();
    for input in inputs {
        let told = match &input.described {
            Some(told) => Some(told.clone()),
            None => input.file.description()?,
        };
        let schema = input.file.arrow_schema().map(AsRef::as_ref);
        let (operator, state) = request.resolve(base, told.as_ref(), schema).map_err(|error| {
            Failure::from(error).hint(
                "`--uid` and `--state` name the state, `--key-type`, `--value-type` and so on its types; \
                 `spt help import` shows examples",
            )
        })?;
        let same = tables.iter_mut().find(|table| {
            table.operator.id == operator.id
                && (table.state.kind, &table.state.name) == (state.kind, &state.name)
        });
        match same {
            Some(table) if table.state.schema == state.schema => table.files.push(input.file),
            Some(_) => {
                let what = format!("the files give state {:?} different types", state.name);
                return Err(Failure::new(what).hint("`--key-type` and `--value-type` say which are meant"));
            }
            None => {
                let (files, names) = (vec![input.file], args.names());
                tables.push(StateFiles { operator, state, files, names });
            }
        }
    }
    Ok(tables)
}

fn write(
    import: Import<'_>,
    base: Option<&dyn SavepointSource>,
    args: &Args,
    staged: &Staged,
    ui: &Ui,
) -> Result<(Imported, u64)> {
    let storage = LocalStorage::open(staged.path())?;
    let mut sink = ColumnarWriter::options().create_in(Arc::new(storage));
    let progress = ui.progress("importing", text_bytes(&args.files));
    let (mut target, imported) = import.write(&mut sink, &|bytes| progress.advance(bytes))?;
    let files: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
    target.lineage.push(Lineage {
        operation: "import".to_owned(),
        source_id: base.map(|base| base.savepoint().id.clone()),
        source_path: args.into.as_ref().and_then(|path| path.to_str()).map(str::to_owned),
        at_ms: now_ms(),
        receipt: Some(serde_json::json!({"files": files, "upsert": args.upsert, "rows": imported.rows_read})),
    });
    target.id = staged.id().to_owned();
    target.created_at_ms = target.created_at_ms.or_else(|| Some(now_ms()));
    let committed = sink.commit(&target)?;
    Ok((imported, committed.bytes))
}

/// Bytes of all files, if they are text: what of them was read is their part of the whole.
fn text_bytes(files: &[PathBuf]) -> Option<u64> {
    let size = |path: &PathBuf| {
        let is_text = matches!(FileFormat::of_path(path)?, FileFormat::Csv | FileFormat::Ndjson);
        Some(path.metadata().ok().filter(|_| is_text)?.len())
    };
    files.iter().map(size).sum::<Option<u64>>().filter(|bytes| *bytes > 0)
}

fn tell(args: &Args, states: Vec<StateReport>, imported: Imported, size: u64, ui: &Ui) -> Result<Exit> {
    let report = Report {
        schema: "spt.import/1",
        path: args.output.display().to_string(),
        states,
        rows_read: imported.rows_read,
        rows_written: imported.rows_written,
        bytes: size,
    };
    if ui.json {
        ui.answer_json(&report)?;
    } else {
        let states = report.states.iter().map(StateReport::line);
        let states: String = states.collect();
        let rows = counted(report.rows_written, "row");
        ui.answer(&format!("{states}made {}: {rows}, {}\n", clean(&report.path), bytes(size)))?;
    }
    Ok(Exit::Fine)
}

impl StateReport {
    fn new(table: &StateFiles) -> Self {
        let text = |field: &Option<Field>| field.as_ref().map(ToString::to_string);
        Self {
            uid: table.operator.label(),
            state: table.state.name.clone(),
            kind: table.state.kind,
            key_type: text(&table.state.schema.key),
            value_type: text(&table.state.schema.value),
        }
    }

    /// `  sum-001, sum: value of utf8 → int64`.
    fn line(&self) -> String {
        let types: Vec<&str> =
            [&self.key_type, &self.value_type].into_iter().flatten().map(String::as_str).collect();
        format!("  {}, {}: {} of {}\n", clean(&self.uid), clean(&self.state), self.kind, types.join(" → "))
    }
}
