//! `spt migrate`: a changed copy of a savepoint. Never in place.

mod changes;
mod report;
mod saved;
pub(super) mod write;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use spt_format::migrate::{MigrationPlan, Operation};
use spt_format::{Error, ErrorKind, FORMAT_VERSION, SavepointSource, processors};

use self::changes::Changes;
use self::report::Report;
use self::saved::Outcome;
use self::write::{Order, write};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::locate::{Metadata, locate};
use crate::open::{Opening, open_found};
use crate::ui::Ui;
use crate::watch::Watched;

/// Make a changed copy of a savepoint: rename, drop, cast, re-key, edit
///
/// The savepoint at IN is never touched; OUT must not exist, and appears when it is complete and verified.
/// Renames, dropped, added and widened fields rewrite no data: files are shared with IN by reflink, else by hard
/// link if nobody may write to them, else they are copied.
///
/// U is an operator's uid (or its id, 32 hex digits), S a state of it, f a field such as value.user.age. Names
/// are those of IN, whatever other flags make of them. They may hold any character, and nothing is escaped:
/// every way to read a flag is tried, and the one whose operator and state are there is meant. If two are, it is
/// refused: write the operator's id then, or a plan file.
///
/// Exits 1 if the changes were refused, because they fit the savepoint in no way or would lose state.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt migrate sp-1 sp-2 --rename-uid sum-001=total
  spt migrate sp-1 sp-2 --rename-field sum-001/counts:value.n=value.count --dry-run
  spt migrate sp-1 sp-2 --max-parallelism 1024
  spt migrate sp-1 sp-2 --delete-where \"sum-001/counts:value.count < 2\"
  spt migrate sp-1 sp-2 --drop-state sum-001/old --set sum-001/counts:hello=7
  spt migrate sp-1 sp-2 --set-offset source:/in/a.txt=120
  spt migrate sp-1 sp-2 --purge-expired sum-001/counts=7d --as-of 2026-11-22
  spt migrate sp-1 --dry-run --rename-uid sum-001=total --out-plan plan.toml
  spt migrate sp-1 sp-2 --plan plan.toml
  spt migrate damaged sp-2 --drop-unreadable

A plan file has the same changes, a table each; `op` is a flag without its dashes, and --out-plan shows the
other members:
  schema = \"spt.migrate-plan/1\"
  [[change]]
  op = \"rename-uid\"
  uid = \"sum-001\"
  to = \"total\"")]
pub(crate) struct Args {
    /// The savepoint to start from
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The folder to make
    #[arg(value_name = "OUT", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    #[command(flatten)]
    changes: Changes,
    /// Do what a plan file says, and then what the flags say
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Save the changes as a plan file that fits IN alone
    #[arg(long, value_name = "FILE")]
    out_plan: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Share no file with IN
    #[arg(long)]
    copy: bool,
    #[command(flatten)]
    opening: Opening,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let found = locate(&args.input, ui)?;
    let source = Watched::whole(open_found(&found, &args.opening)?, "migrating", ui);
    let mut plan = match planned(args, &found, source.as_ref())? {
        Ok(plan) => plan,
        Err(refusal) => {
            ui.failure(&refusal);
            return Ok(Exit::No);
        }
    };
    plan.salvage(source.as_ref(), processors())?;
    if let Some(path) = &args.out_plan {
        saved::save(path, saved::identity(&found, source.savepoint())?, &plan.operations)?;
    }
    let report = Report::of_plan(&plan, source.savepoint());
    if !ui.json {
        report.show(ui)?;
    }
    remark(&plan, source.as_ref(), ui);
    let report = match &args.output {
        Some(output) if !args.dry_run => {
            let order = Order {
                operation: "migrate",
                plan: &plan,
                source: source.as_ref(),
                input: &args.input,
                independent: args.copy,
            };
            report.done(&write(&order, output, ui)?)
        }
        _ => report,
    };
    if ui.json {
        ui.answer_json(&report)?;
    } else {
        report.conclude(ui)?;
    }
    if !args.dry_run {
        ui.note(&format!("to go back, start from {}: it was not touched", args.input.display()));
    }
    Ok(Exit::Fine)
}

/// What is to be done, or why it is refused.
fn planned(
    args: &Args,
    found: &Metadata,
    source: &dyn SavepointSource,
) -> Result<std::result::Result<MigrationPlan, Failure>> {
    let savepoint = source.savepoint();
    let mut operations = Vec::new();
    let mut places = Vec::new();
    if let Some(path) = &args.plan {
        match saved::read(path, || saved::identity(found, savepoint))? {
            Outcome::Plan(file) => (operations, places) = (file.operations, file.places),
            Outcome::Refused(refusal) => return Ok(Err(refusal)),
        }
    }
    let plan = args.changes.operations(savepoint).and_then(|flags| {
        operations.extend(flags);
        let plan = MigrationPlan::placed(savepoint, &operations, &places)?;
        plan.rehearse(source).map(|()| plan)
    });
    match plan {
        Ok(plan) if plan.operations.is_empty() => {
            Err(Failure::new("nothing to change").hint("`spt help migrate` lists what can be changed"))
        }
        Err(error) if !is_refusal(&error) => Err(error.into()),
        plan => Ok(plan.map_err(Failure::from)),
    }
}

/// The changes do not fit, as opposed to trouble with the savepoint.
fn is_refusal(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Io { .. }
            | ErrorKind::Missing
            | ErrorKind::Vanished
            | ErrorKind::ChecksumMismatch { .. }
            | ErrorKind::Mismatch { .. }
            | ErrorKind::Truncated { .. }
    )
}

/// What the plan means beyond what it says.
fn remark(plan: &MigrationPlan, source: &dyn SavepointSource, ui: &Ui) {
    for pending in &plan.dropped_pending {
        let operator = source.savepoint().operator(pending.operator);
        let label = operator.map_or_else(|| pending.operator.to_string(), |operator| operator.label());
        ui.warn(&format!("output that {label} had pending is left out: nobody will commit it"));
    }
    if plan.operations.contains(&Operation::Upgrade) {
        ui.note(&match source.savepoint().format_version {
            FORMAT_VERSION => {
                format!("format version {FORMAT_VERSION} is the newest: there is nothing to upgrade")
            }
            older => format!("format version {older} becomes version {FORMAT_VERSION}"),
        });
    }
    if plan.drops_unreadable && plan.lost.is_empty() {
        ui.note("everything can be read: nothing is lost");
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
