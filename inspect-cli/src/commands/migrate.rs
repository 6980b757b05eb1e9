//! `spt migrate`: a changed copy of a savepoint. Never in place.

pub(super) mod write;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use spt_format::migrate::{MigrationPlan, Operation, Work};
use spt_format::{Error, Savepoint, SavepointSource};

use self::write::{Made, Order, write};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::table::{Lean, Table};
use crate::render::text::{bytes, clean, count, counted};
use crate::ui::Ui;
use crate::watch::Watched;

/// Make a changed copy of a savepoint: rename, drop, cast, re-key, edit
///
/// The savepoint at IN is never touched; OUT must not exist, and appears when it is complete and verified.
/// Renames, dropped, added and widened fields rewrite no data: files are shared with IN where the file system
/// allows. U is an operator's uid (or id), S a state of it, f a field such as value.user.age.
///
/// Exits 1 if the changes were refused, because they fit the savepoint in no way or would lose state.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt migrate sp-1 sp-2 --rename-uid sum-001=total
  spt migrate sp-1 sp-2 --rename-field sum-001/counts:value.n=value.count --dry-run
  spt migrate sp-1 sp-2 --max-parallelism 1024
  spt migrate sp-1 sp-2 --delete-where \"sum-001/counts:value.count < 2\"
  spt migrate sp-1 sp-2 --drop-state sum-001/old --set sum-001/counts:hello=7")]
pub(crate) struct Args {
    /// The savepoint to start from
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The folder to make
    #[arg(value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    changes: Changes,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Share no file with IN
    #[arg(long)]
    copy: bool,
    #[command(flatten)]
    opening: Opening,
}

/// What to change. Every flag may be given more than once.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Changes")]
struct Changes {
    /// Give an operator another uid
    #[arg(long, value_name = "U=NEW")]
    rename_uid: Vec<String>,
    /// Leave an operator and its state out
    #[arg(long, value_name = "U")]
    drop_uid: Vec<String>,
    /// Give a state another name
    #[arg(long, value_name = "U/S=NEW")]
    rename_state: Vec<String>,
    /// Leave a state out
    #[arg(long, value_name = "U/S")]
    drop_state: Vec<String>,
    /// Give a field another name
    #[arg(long, value_name = "U/S:f=NEW")]
    rename_field: Vec<String>,
    /// Leave a field out
    #[arg(long, value_name = "U/S:f")]
    drop_field: Vec<String>,
    /// Add a field, with a default or null
    #[arg(long, value_name = "U/S:f=TYPE[=DEFAULT]")]
    add_field: Vec<String>,
    /// Change a field's type
    #[arg(long, value_name = "U/S:f=TYPE")]
    cast: Vec<String>,
    /// Leave out the rows for which a condition is true
    #[arg(long, value_name = "U/S:CONDITION")]
    delete_where: Vec<String>,
    /// Change the value of a key that is there
    #[arg(long, value_name = "U/S:KEY=VALUE")]
    set: Vec<String>,
    /// Deal keys out to this many key groups, of one operator or of all
    #[arg(long, value_name = "[U=]N")]
    max_parallelism: Vec<String>,
    /// The parallelism of a job that sets none
    #[arg(long, value_name = "N")]
    parallelism: Option<u32>,
    /// Leave out rows that outlived the time to live their state records
    #[arg(long)]
    purge_expired: bool,
    /// Give the job another name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write every row anew, so that other tools see today's names and types in the files
    #[arg(long)]
    rewrite: bool,
}

type Parse = fn(&Savepoint, &str) -> Result<Operation, Error>;

impl Changes {
    /// The operations, rows first and names last, so that all flags may use the names of the savepoint at IN.
    fn operations(&self, savepoint: &Savepoint) -> Result<Vec<Operation>, Error> {
        let flags: [(&[String], Parse); 11] = [
            (&self.drop_uid, Operation::drop_uid),
            (&self.drop_state, Operation::drop_state),
            (&self.set, Operation::set),
            (&self.delete_where, Operation::delete_where),
            (&self.cast, Operation::cast),
            (&self.drop_field, Operation::drop_field),
            (&self.add_field, Operation::add_field),
            (&self.rename_field, Operation::rename_field),
            (&self.rename_state, Operation::rename_state),
            (&self.rename_uid, Operation::rename_uid),
            (&self.max_parallelism, Operation::max_parallelism),
        ];
        let mut operations = Vec::new();
        for (texts, parse) in flags {
            for text in texts {
                operations.push(parse(savepoint, text)?);
            }
        }
        operations.extend(self.parallelism.map(|subtasks| Operation::Parallelism { subtasks }));
        if self.purge_expired {
            let as_of_ms = now_ms();
            operations.push(Operation::PurgeExpired { uid: None, state: None, ttl_ms: None, as_of_ms });
        }
        operations.extend(self.name.clone().map(|name| Operation::Name { name }));
        operations.extend(self.rewrite.then_some(Operation::Rewrite));
        Ok(operations)
    }
}

/// `spt.migrate/1`: what was done, or would be.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    dry_run: bool,
    path: Option<String>,
    operations: &'a [Operation],
    states: Vec<StepReport>,
    rows_rewritten: u64,
    bytes_rewritten: u64,
    bytes_shared: u64,
}

/// What becomes of one state.
#[derive(Serialize)]
struct StepReport {
    uid: String,
    state: String,
    work: &'static str,
    rows: Option<u64>,
    bytes: Option<u64>,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let source = Watched::whole(open(&args.input, &args.opening, ui)?, "migrating", ui);
    let plan = args
        .changes
        .operations(source.savepoint())
        .and_then(|operations| MigrationPlan::new(source.savepoint(), &operations));
    let plan = match plan {
        Ok(plan) if plan.operations.is_empty() => {
            return Err(
                Failure::new("nothing to change").hint("`spt help migrate` lists what can be changed")
            );
        }
        Ok(plan) => plan,
        Err(error) => {
            ui.failure(&Failure::from(error));
            return Ok(Exit::No);
        }
    };
    let made = if args.dry_run {
        None
    } else {
        let order = Order {
            operation: "migrate",
            plan: &plan,
            source: source.as_ref(),
            input: &args.input,
            independent: args.copy,
        };
        Some(write(&order, &args.output, ui)?)
    };
    tell(&plan, source.as_ref(), made.as_ref(), ui)?;
    if made.is_some() {
        ui.note(&format!("to go back, start from {}: it was not touched", args.input.display()));
    }
    Ok(Exit::Fine)
}

fn tell(plan: &MigrationPlan, source: &dyn SavepointSource, made: Option<&Made>, ui: &Ui) -> Result<()> {
    let (rows, size) = plan.rewritten(source.savepoint());
    let report = Report {
        schema: "spt.migrate/1",
        dry_run: made.is_none(),
        path: made.map(|made| made.path.display().to_string()),
        operations: &plan.operations,
        states: steps(plan, source.savepoint()),
        rows_rewritten: rows,
        bytes_rewritten: size,
        bytes_shared: plan.linked_bytes(source.savepoint()),
    };
    if ui.json { ui.answer_json(&report) } else { ui.answer(&text(&report, ui)) }
}

/// The states of the new savepoint, then those that are left out.
fn steps(plan: &MigrationPlan, source: &Savepoint) -> Vec<StepReport> {
    let step = |savepoint: &Savepoint, place, work| {
        savepoint.state(place).map(|(operator, state)| StepReport {
            uid: operator.label(),
            state: state.name.clone(),
            work,
            rows: state.rows,
            bytes: state.bytes,
        })
    };
    let kept = plan.steps.iter().filter_map(|found| {
        let work = if found.work == Work::Keep { "kept" } else { "rewritten" };
        let mut report = step(&plan.target, found.target, work)?;
        (report.rows, report.bytes) =
            source.state(found.source).map_or((None, None), |(_, state)| (state.rows, state.bytes));
        Some(report)
    });
    let dropped = plan.dropped.iter().filter_map(|place| step(source, *place, "dropped"));
    kept.chain(dropped).collect()
}

fn text(report: &Report<'_>, ui: &Ui) -> String {
    let columns = ["OPERATOR", "STATE", ""].map(|name| (name, Lean::Left));
    let numbers = ["ROWS", "SIZE"].map(|name| (name, Lean::Right));
    let mut table = Table::new(columns.into_iter().chain(numbers), ui);
    for state in &report.states {
        table.row([
            clean(&state.uid),
            clean(&state.state),
            state.work.to_owned(),
            state.rows.map_or("?".to_owned(), count),
            state.bytes.map_or("?".to_owned(), bytes),
        ]);
    }
    let changes: String =
        report.operations.iter().map(|operation| format!("  {}\n", clean(&operation.to_string()))).collect();
    let sums = format!(
        "{} rewritten ({}), {} shared",
        counted(report.rows_rewritten, "row"),
        bytes(report.bytes_rewritten),
        bytes(report.bytes_shared)
    );
    let last = match &report.path {
        Some(path) => format!("made {}: {sums}\n", clean(path)),
        None => format!("would be: {sums}\n"),
    };
    format!("{changes}\n{}\n{last}", table.text())
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
