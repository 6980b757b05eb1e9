//! `spt inspect`: what is in a savepoint, from the whole down to one key.

mod count;
mod graph;
mod list;
mod offsets;
mod rows;
mod sizes;
mod start;
mod top;

use std::path::PathBuf;

use spt_format::{Savepoint, SavepointSource, StateRef, find_operator_by_prefix, find_state};

use crate::commands::choose;
use crate::commands::migrate::now_ms;
use crate::error::Result;
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render;
use crate::report::inspect::InspectReport;
use crate::ui::Ui;
use crate::watch::Watched;

/// Show what is in a savepoint: operators, states, keys
///
/// The summary reads metadata alone, whatever the size. `--uid` and `--state` go into detail, `--rows` shows
/// the state itself, and `--key` reads no more than what can hold that key.
///
/// `--where` takes a condition on the columns shown by `--rows`, such as
/// `value.count > 10 and (key like 'a%' or value.user is null)`. It knows = != < <= > >=, in, like, is null,
/// and, or, not; text in single quotes, odd names in double quotes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt inspect savepoints/sp-1
  spt inspect savepoints
  spt inspect savepoints@latest --json | jq .totals
  spt inspect sp-1 --uid sum-001 --state counts
  spt inspect sp-1 --uid sum-001 --state counts --key hello
  spt inspect sp-1 --uid sum-001 --rows --where \"value > 100\" --json > big.ndjson
  spt inspect sp-1 --count
  spt inspect sp-1 --sizes -p 8
  spt inspect sp-1 --uid sum-001 --top 10
  spt inspect sp-1 --start-report --as-of 2026-11-22T10:00:00Z
  spt inspect sp-1 --offsets")]
pub(crate) struct Args {
    /// A savepoint's folder, its manifest.json or _metadata, or FOLDER@latest; a folder of savepoints is listed
    path: PathBuf,
    /// Only this operator: its uid, operator id, or the beginning of one
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// Only this state of it: its name, or KIND:NAME
    #[arg(long, value_name = "NAME", requires = "uid")]
    state: Option<String>,
    /// Show the rows of the state
    #[arg(long)]
    rows: bool,
    #[command(flatten)]
    filter: choose::Rows,
    /// Only these columns, or fields in them, such as key,value.count
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "count")]
    columns: Vec<String>,
    /// No more rows than this; without --json the default is 20
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Find every row and count; rows are decoded only where nothing else tells their end
    #[arg(long, conflicts_with_all = ["rows", "limit"])]
    count: bool,
    /// Show how rows are spread over key groups, and how skewed
    #[arg(long, conflicts_with_all = ["rows", "count", "offsets", "limit", "columns"])]
    sizes: bool,
    /// With --sizes: show what each subtask would get at this parallelism
    #[arg(short, long, value_name = "N", requires = "sizes")]
    parallelism: Option<u32>,
    /// Show the N heaviest keys of every keyed state: largest values, longest lists and maps
    #[arg(long, value_name = "N", conflicts_with_all = ["rows", "count", "sizes", "offsets", "limit", "columns"])]
    top: Option<usize>,
    /// Show what starting from it would mean: timers that fire at once, expired rows, pending output
    #[arg(long, conflicts_with_all = ["rows", "count", "sizes", "offsets", "top", "limit", "columns"])]
    start_report: bool,
    /// With --start-report: if it was started then, such as 2026-11-22T10:00:00Z; now without
    #[arg(long, value_name = "TIME", requires = "start_report")]
    as_of: Option<String>,
    /// Show the lists operators keep per subtask, such as source positions
    #[arg(long, conflicts_with_all = ["rows", "count", "limit", "columns"])]
    offsets: bool,
    /// Show the job's graph, where the savepoint remembers it
    #[arg(long, conflicts_with_all = ["rows", "count", "sizes", "offsets", "top", "start_report", "limit", "columns", "uid"])]
    graph: bool,
    #[command(flatten)]
    opening: Opening,
}

impl Args {
    /// Rows are asked for, not what the metadata tells of them.
    fn wants_rows(&self) -> bool {
        self.rows || !self.columns.is_empty() || self.filter.is_filtered()
    }
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let below = if args.uid.is_none() && !args.wants_rows() && !args.graph {
        list::below(&args.path)
    } else {
        Vec::new()
    };
    if !below.is_empty() {
        return list::show(&below, &args.opening, now_ms(), ui);
    }
    let source = open(&args.path, &args.opening, ui)?;
    if args.graph {
        return graph::show(source.savepoint(), ui);
    }
    if args.count && args.filter.is_filtered() {
        let place = choose::state(source.as_ref(), args.uid.as_deref(), args.state.as_deref())?;
        return count::matching(source.as_ref(), place, &args.filter.query(source.as_ref(), place)?, ui);
    }
    if args.wants_rows() && !args.count {
        let place = choose::state(source.as_ref(), args.uid.as_deref(), args.state.as_deref())?;
        let query = args.filter.query(source.as_ref(), place)?;
        return rows::show(args, source.as_ref(), place, &query, ui);
    }
    if args.count || args.sizes || args.top.is_some() || args.start_report {
        return summary(args, Watched::whole(source, "reading", ui).as_ref(), ui);
    }
    summary(args, source.as_ref(), ui)
}

/// The operator and state that were named, if any.
fn named(args: &Args, savepoint: &Savepoint) -> Result<(Option<usize>, Option<usize>)> {
    let operator = args.uid.as_deref().map(|uid| find_operator_by_prefix(savepoint, uid)).transpose()?;
    let state = match (operator.and_then(|place| savepoint.operators.get(place)), &args.state) {
        (Some(operator), Some(name)) => Some(find_state(operator, name)?),
        _ => None,
    };
    Ok((operator, state))
}

fn summary(args: &Args, source: &dyn SavepointSource, ui: &Ui) -> Result<Exit> {
    let savepoint = source.savepoint();
    let (operator, state) = named(args, savepoint)?;
    let wanted = |place: StateRef| {
        operator.is_none_or(|operator| operator == place.operator)
            && state.is_none_or(|state| state == place.state)
    };
    if args.sizes {
        return sizes::show(source, &wanted, args.parallelism, ui);
    }
    if let Some(keys) = args.top {
        return top::show(source, &wanted, keys, ui);
    }
    if args.start_report {
        let as_of_ms = args.as_of.as_deref().map(start::time).transpose()?;
        return start::show(source, &wanted, as_of_ms.unwrap_or_else(now_ms), ui);
    }
    if args.offsets {
        return offsets::show(source, &wanted, ui);
    }
    let mut report = InspectReport::new(savepoint);
    if args.count {
        let counted = count::all(source, &wanted, ui);
        report.count(&counted.rows, counted.seen, counted.failed);
    }
    if let Some(operator) = operator {
        report.keep(operator, state);
    }
    match (ui.json, report.operators.first()) {
        (true, _) => ui.answer_json(&report)?,
        (false, Some(first)) if operator.is_some() => ui.answer(&render::inspect::operator(first, ui))?,
        (false, _) => ui.answer(&render::inspect::summary(&report, savepoint.created_at_ms, ui))?,
    }
    Ok(if report.complete { Exit::Fine } else { Exit::Trouble })
}
