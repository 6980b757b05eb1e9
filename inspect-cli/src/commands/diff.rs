//! `spt diff`: what changed between two savepoints, whoever wrote them.

mod patch;
mod pending;
mod positions;

use std::io::{BufWriter, StdoutLock, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use spt_format::{
    Completeness, JsonChanges, Operator, OperatorPair, Pairing, RowChange, RowChanges, RowCounts, Savepoint,
    SavepointSource, SchemaChange, Side, State, StateComparison, StatePair, StateRef,
    find_operator_by_prefix, find_state, pair_operators, pair_states, schema_changes,
};

use self::positions::Moves;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::diff::{RowLines, differences, statistics};
use crate::report::diff::{Change, DiffReport, Identity, Movement, OperatorDiff, StateDiff};
use crate::ui::Ui;
use crate::watch::Watched;

/// Rows that are shown of a state unless asked for more.
const SHOWN_ROWS: u64 = 10;

/// Show what changed between two savepoints
///
/// Compares operators, then schemas, then rows. Backend, layout, parallelism and files make no difference:
/// states do. An operator whose states are on both sides under different uids is shown as renamed, if there is
/// no doubt. Where a source stands is shown as a movement of its position, wherever it is read now. Output of sinks
/// that is not committed yet is compared too. States of different schemas are compared in the fields that both
/// have, and their differences in schema are shown. Exits 0 if they are the same, 1 if they differ, 2 if that could not be found out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt diff sp-1 sp-2
  spt diff sp-1 sp-2 --stat
  spt diff sp-1 sp-2 --uid sum-001 --rows --json | jq 'select(.op == \"~\") | .key'
  spt diff old.spt flink-savepoint --name-only
  spt diff sp-1 sp-2 --format patch | spt patch sp-1 - -o sp-2-again")]
pub(crate) struct Args {
    /// The savepoint before
    left: PathBuf,
    /// The savepoint after
    right: PathBuf,
    /// Only this operator: its uid, operator id, or the beginning of one
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// Only this state of it
    #[arg(long, value_name = "NAME", requires = "uid")]
    state: Option<String>,
    /// Only count, one line a state
    #[arg(long, conflicts_with_all = ["rows", "limit", "name_only"])]
    stat: bool,
    /// Only name what differs: uid and state, one pair a line
    #[arg(long, conflicts_with_all = ["rows", "limit", "json"])]
    name_only: bool,
    /// Show every changed row; with --json one line a row
    #[arg(long)]
    rows: bool,
    /// No more changed rows than this (of each state, without --json)
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Rows that differ in their last access alone are a difference
    #[arg(long)]
    ttl: bool,
    /// How differences are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    opening: Opening,
}

/// How differences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs, as --json
    Json,
    /// As lines that `spt patch` applies
    Patch,
}

impl Args {
    /// A patch is of everything, in the one form it has.
    fn is_patch(&self, ui: &Ui) -> Result<bool> {
        if self.format != Format::Patch {
            return Ok(false);
        }
        let others = [
            ("--uid", self.uid.is_some()),
            ("--stat", self.stat),
            ("--name-only", self.name_only),
            ("--rows", self.rows),
            ("--limit", self.limit.is_some()),
            ("--json", ui.json),
        ];
        match others.iter().find(|(_, is_given)| *is_given) {
            None => Ok(true),
            Some((flag, _)) => Err(Failure::new(format!(
                "--format patch cannot be used with {flag}: a patch is of everything"
            ))),
        }
    }
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let is_patch = args.is_patch(ui)?;
    let left = open(&args.left, &args.opening, ui)?;
    let right = open(&args.right, &args.opening, ui)?;
    if is_patch {
        return patch::write(left.as_ref(), right.as_ref(), ui);
    }
    let ui = &ui.with_json(args.format == Format::Json);
    let [left, right] = Watched::both([left, right], "comparing", ui);
    let mut comparer = Comparer::new(args, left.as_ref(), right.as_ref(), ui);
    let mut operators = Vec::new();
    let pairs = wanted_pairs(args, left.savepoint(), right.savepoint())?;
    for pair in &pairs {
        operators.push(comparer.operator(*pair)?);
    }
    let pending = match &args.state {
        None => pending::compare(left.savepoint(), right.savepoint(), &pairs, args.uid.is_none()),
        Some(_) => Vec::new(),
    };
    let Comparer { seen, failed, shown, lines, .. } = comparer;
    lines.map(|mut out| out.flush()).transpose().map_err(Failure::stdout)?;
    let report = DiffReport::new(operators, pending, seen, failed);
    if ui.json && !args.rows {
        ui.answer_json(&report)?;
    } else if args.name_only {
        ui.answer(&names(&report))?;
    } else if args.stat {
        ui.answer(&statistics(&report, ui))?;
    } else if !ui.json {
        ui.answer(&differences(&report, &shown, ui))?;
    }
    super::saw_all(seen, ui);
    if report.equal && report.complete {
        ui.note("the states are the same");
    }
    Ok(match (report.complete, report.equal) {
        (false, _) => Exit::Trouble,
        (true, true) => Exit::Fine,
        (true, false) => Exit::No,
    })
}

/// The pairs of operators to compare: all, or the one that was named in either savepoint.
fn wanted_pairs(args: &Args, left: &Savepoint, right: &Savepoint) -> Result<Vec<OperatorPair>> {
    let pairs = pair_operators(left, right);
    let Some(uid) = &args.uid else { return Ok(pairs) };
    let (in_left, in_right) = (find_operator_by_prefix(left, uid), find_operator_by_prefix(right, uid));
    if let (Err(error), Err(_)) = (&in_left, &in_right) {
        return Err(Failure::new(error.to_string()));
    }
    let is_wanted = |pair: &OperatorPair| {
        in_left.as_ref().is_ok_and(|place| pair.left == Some(*place))
            || in_right.as_ref().is_ok_and(|place| pair.right == Some(*place))
    };
    Ok(pairs.into_iter().filter(is_wanted).collect())
}

/// `uid<TAB>state` for every state that differs, `uid` for what differs as a whole.
fn names(report: &DiffReport) -> String {
    let mut text = String::new();
    for operator in report.operators.iter().filter(|operator| operator.change != Change::Same) {
        let name = operator.uid.clone().unwrap_or_else(|| operator.operator_id.to_string());
        let changed = operator.states.iter().filter(|state| state.change != Change::Same);
        let states: Vec<String> = changed.map(|state| format!("{name}\t{}\n", state.name)).collect();
        text += &if states.is_empty() { format!("{name}\n") } else { states.concat() };
    }
    for sink in &report.pending {
        let name = sink.uid.clone().unwrap_or_else(|| sink.operator_id.to_string());
        text += &format!("{name}\tpending output\n");
    }
    text
}

/// Walks through two savepoints and keeps what was found.
struct Comparer<'a> {
    args: &'a Args,
    left: &'a dyn SavepointSource,
    right: &'a dyn SavepointSource,
    ui: &'a Ui,
    seen: Completeness,
    failed: bool,
    /// Lines about rows for people, by operator and state.
    shown: Vec<Vec<Vec<String>>>,
    /// Where lines about rows for programs go, if they are asked for.
    lines: Option<BufWriter<StdoutLock<'static>>>,
    lines_left: u64,
}

/// A state of either savepoint, or of both.
struct Found<'a> {
    left: Option<(&'a State, StateRef)>,
    right: Option<(&'a State, StateRef)>,
}

impl<'a> Comparer<'a> {
    fn new(
        args: &'a Args,
        left: &'a dyn SavepointSource,
        right: &'a dyn SavepointSource,
        ui: &'a Ui,
    ) -> Self {
        let lines = (args.rows && ui.json).then(|| ui.stdout());
        let lines_left = args.limit.unwrap_or(u64::MAX);
        let (seen, failed, shown) = (Completeness::default(), false, Vec::new());
        Self { args, left, right, ui, seen, failed, shown, lines, lines_left }
    }

    fn operator(&mut self, pair: OperatorPair) -> Result<OperatorDiff> {
        let left = pair.left.and_then(|place| self.left.savepoint().operators.get(place));
        let right = pair.right.and_then(|place| self.right.savepoint().operators.get(place));
        let one = right.or(left).ok_or_else(|| Failure::new("there is no such operator"))?;
        self.shown.push(Vec::new());
        let mut states = Vec::new();
        for states_pair in state_pairs(left, right) {
            let place = |operator: Option<usize>, state: Option<usize>| {
                operator.zip(state).map(|(operator, state)| StateRef { operator, state })
            };
            let found = Found {
                left: place(pair.left, states_pair.left)
                    .and_then(|place| Some((self.left.savepoint().state(place)?.1, place))),
                right: place(pair.right, states_pair.right)
                    .and_then(|place| Some((self.right.savepoint().state(place)?.1, place))),
            };
            if self.is_wanted(left, right, states_pair)? {
                states.push(self.state(one, &found)?);
            }
        }
        let groups = |operator: &Operator| operator.max_parallelism;
        let regrouped =
            left.zip(right).filter(|(left, right)| groups(left) != groups(right) && !left.states.is_empty());
        Ok(OperatorDiff {
            uid: one.uid.as_ref().map(ToString::to_string),
            operator_id: one.id,
            change: OperatorDiff::change_of(pair.pairing, &states, regrouped.is_some()),
            renamed_from: left.filter(|_| pair.pairing == Pairing::Renamed).map(Identity::of),
            max_parallelism: regrouped
                .map(|(left, right)| Movement { before: groups(left), after: groups(right) }),
            states,
        })
    }

    /// It was named by `--state`, on either side, or nothing was.
    fn is_wanted(&self, left: Option<&Operator>, right: Option<&Operator>, pair: StatePair) -> Result<bool> {
        let Some(name) = &self.args.state else { return Ok(true) };
        let find = |operator: Option<&Operator>| operator.map(|operator| find_state(operator, name));
        match (find(left), find(right)) {
            (Some(Err(error)), None | Some(Err(_))) | (None, Some(Err(error))) => Err(error.into()),
            (left, right) => {
                let (left, right) = (left.and_then(|found| found.ok()), right.and_then(|found| found.ok()));
                Ok(left.is_some() && left == pair.left || right.is_some() && right == pair.right)
            }
        }
    }

    fn state(&mut self, operator: &Operator, found: &Found<'_>) -> Result<StateDiff> {
        let (left, right) = (found.left.map(|(state, _)| state), found.right.map(|(state, _)| state));
        let one = right.or(left).ok_or_else(|| Failure::new("there is no such state"))?;
        let changes = left.zip(right).map(|(left, right)| schema_changes(left, right)).unwrap_or_default();
        let limit = match (self.args.rows, self.args.limit) {
            _ if self.args.stat || self.args.name_only || self.ui.json => 0,
            (true, limit) => limit.unwrap_or(u64::MAX),
            (false, limit) => limit.unwrap_or(SHOWN_ROWS),
        };
        let mut people = RowLines::new(left, right, limit, self.args.ttl, self.ui)?;
        let programs = JsonChanges::new(head(operator, one), left, right, self.args.ttl)?;
        let mut moves = Moves::of(left, right);
        let compared = self.rows(found, limit > 0, &mut people, &programs, &mut moves)?;
        if moves.untold > 0 {
            self.ui.note(&format!("{}: {} more splits moved", one.name, moves.untold));
        }
        if let Some(states) = self.shown.last_mut() {
            states.push(people.into_lines());
        }
        let change = match (left, right) {
            (Some(_), Some(_)) => self.change(compared, &changes),
            (Some(_), None) => Change::Removed,
            _ => Change::Added,
        };
        let positions = moves.told;
        Ok(StateDiff { positions, ..StateDiff::new(&one.name, change, compared, changes) })
    }

    /// Compares rows. What cannot be read is told, and leaves the comparison incomplete.
    fn rows(
        &mut self,
        found: &Found<'_>,
        shows_rows: bool,
        people: &mut RowLines,
        programs: &JsonChanges,
        moves: &mut Moves,
    ) -> Result<Option<RowCounts>> {
        if let Some(counts) = known_counts(found).filter(|_| !shows_rows && self.lines.is_none()) {
            return Ok(Some(counts));
        }
        let mut text = Vec::new();
        let mut trouble = None;
        let (lines, left_over) = (&mut self.lines, &mut self.lines_left);
        let mut tell = |changes: &RowChanges<'_>| {
            people.take(changes)?;
            moves.take(changes)?;
            if let Some(out) = lines {
                *left_over -= programs.write(changes, *left_over, &mut text)?;
                trouble = out.write_all(&text).err().map(Failure::stdout);
                text.clear();
            }
            match trouble {
                Some(_) => Err(spt_format::Error::bad_request("stdout is closed")),
                None => Ok(()),
            }
        };
        let left = found.left.map(|(_, place)| Side { source: self.left, place });
        let right = found.right.map(|(_, place)| Side { source: self.right, place });
        let result = match (left, right) {
            (Some(left), Some(right)) => StateComparison::of_both(left, right, &mut tell),
            (Some(left), None) => StateComparison::of_one(left, RowChange::Removed, &mut tell),
            (None, Some(right)) => StateComparison::of_one(right, RowChange::Added, &mut tell),
            (None, None) => Ok(StateComparison::default()),
        };
        match (result, trouble) {
            (_, Some(failure)) => Err(failure),
            (Ok(compared), None) => {
                self.seen = self.seen.and(compared.completeness);
                Ok(Some(compared.counts))
            }
            (Err(error), None) => {
                self.failed = true;
                self.seen.rows_unread += not_compared(found);
                self.ui.warn(&error.full());
                Ok(None)
            }
        }
    }

    fn change(&self, counts: Option<RowCounts>, schema: &[SchemaChange]) -> Change {
        let differ = |counts: RowCounts| counts.any() || self.args.ttl && counts.touched > 0;
        if !schema.is_empty() || counts.is_some_and(differ) { Change::Changed } else { Change::Same }
    }
}

fn state_pairs(left: Option<&Operator>, right: Option<&Operator>) -> Vec<StatePair> {
    let one_side = |operator: &Operator, is_left: bool| -> Vec<StatePair> {
        let side = |place| if is_left { (Some(place), None) } else { (None, Some(place)) };
        (0..operator.states.len()).map(side).map(|(left, right)| StatePair { left, right }).collect()
    };
    match (left, right) {
        (Some(left), Some(right)) => pair_states(left, right),
        (Some(left), None) => one_side(left, true),
        (None, Some(right)) => one_side(right, false),
        (None, None) => Vec::new(),
    }
}

/// Rows of a state of which nothing can be said, on both sides: at least one, if their number is not known.
fn not_compared(found: &Found<'_>) -> u64 {
    let rows = [found.left, found.right].into_iter().flatten().map(|(state, _)| state.rows.unwrap_or(1));
    rows.sum::<u64>().max(1)
}

/// What the metadata tells of a state that is on one side only.
fn known_counts(found: &Found<'_>) -> Option<RowCounts> {
    match (found.left, found.right) {
        (Some((state, _)), None) => Some(RowCounts { removed: state.rows?, ..RowCounts::default() }),
        (None, Some((state, _))) => Some(RowCounts { added: state.rows?, ..RowCounts::default() }),
        _ => None,
    }
}

/// The members that begin every line about a row of this state.
fn head(operator: &Operator, state: &State) -> String {
    let uid = operator.uid.as_ref().map(ToString::to_string);
    format!(
        "\"operator_id\":\"{}\",\"uid\":{},\"state\":{}",
        operator.id,
        serde_json::json!(uid),
        serde_json::json!(state.name)
    )
}
