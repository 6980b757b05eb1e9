//! `spt plan`: what a job is made of, and which state it will look for.

use std::ffi::OsString;
use std::fmt::Write;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use spt_format::{Operator, Partitioning, Plan};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::ui::Ui;

/// Show the operators and states of a job without running it
///
/// The program builds its graph, prints it and ends: no record flows, nothing is opened. With --json the
/// document (spt.plan/1) is what `spt validate --against` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt plan -- ./wordcount
  spt plan --json -- ./wordcount > plan.json
  spt plan --format mermaid -- ./wordcount")]
pub(crate) struct Args {
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// The document
    Json,
    /// A flowchart for Markdown
    Mermaid,
    /// A graph for Graphviz
    Dot,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let document = ask(&args.program)?;
    let plan = Plan::from_json(&document)?;
    let operators = plan.operators()?;
    for warning in &plan.warnings {
        ui.warn(warning);
    }
    let format = if ui.json { Format::Json } else { args.format };
    ui.answer(&match format {
        Format::Text => text(&plan, &operators),
        Format::Json => document.trim_end().to_owned() + "\n",
        Format::Mermaid => mermaid(&plan, &operators),
        Format::Dot => dot(&plan, &operators),
    })?;
    Ok(Exit::Fine)
}

/// The plan document that the program prints.
pub(super) fn ask(program: &[OsString]) -> Result<String> {
    let (name, arguments) = program.split_first().ok_or_else(|| Failure::new("no program"))?;
    let output = Command::new(name)
        .args(arguments)
        .env("SPT_PLAN", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("{}: start failed: {error}", name.display())))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{}: printed no plan ({})", name.display(), output.status)));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("{}: what it printed is not UTF-8", name.display())))
}

/// ```text
/// job wordcount, parallelism 2
///   sum-001  sum  2 of 128
///     reducing  sum  utf8 → int64
/// ```
fn text(plan: &Plan, operators: &[Operator]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "job {}", plan.job.as_deref().unwrap_or("without a name"));
    if let Some(parallelism) = plan.parallelism {
        let _ = write!(text, ", parallelism {parallelism}");
    }
    text.push('\n');
    for operator in operators {
        let name = operator.name.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {}  {name}  {}", operator.label(), subtasks(operator));
        for state in &operator.states {
            let key = state.schema.key.as_ref().map(|key| format!("{key} → ")).unwrap_or_default();
            let value = state.schema.value.as_ref().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "    {}  {}  {key}{value}", state.kind, state.name);
        }
    }
    text
}

fn subtasks(operator: &Operator) -> String {
    match (operator.parallelism, operator.max_parallelism) {
        (0, _) => String::new(),
        (parallelism, 0) => format!("×{parallelism}"),
        (parallelism, max) => format!("×{parallelism} of {max}"),
    }
}

fn mermaid(plan: &Plan, operators: &[Operator]) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for operator in operators {
        let label = caption(operator, "<br/>").replace('"', "#quot;");
        let _ = writeln!(text, "  {}[\"{label}\"]", operator.id);
    }
    for edge in &plan.edges {
        let _ = match arrow(edge.partitioning) {
            Some(label) => writeln!(text, "  {} -->|{label}| {}", edge.from, edge.to),
            None => writeln!(text, "  {} --> {}", edge.from, edge.to),
        };
    }
    text
}

fn dot(plan: &Plan, operators: &[Operator]) -> String {
    let mut text = "digraph job {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for operator in operators {
        let label = caption(operator, "\n").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(text, "  \"{}\" [label=\"{label}\"];", operator.id);
    }
    for edge in &plan.edges {
        let label = arrow(edge.partitioning).map(|label| format!(" [label=\"{label}\"]")).unwrap_or_default();
        let _ = writeln!(text, "  \"{}\" -> \"{}\"{label};", edge.from, edge.to);
    }
    text + "}\n"
}

/// Name, uid, and each state on a line of its own.
fn caption(operator: &Operator, line: &str) -> String {
    let name = operator.name.clone().unwrap_or_else(|| operator.label());
    let uid = operator.uid.as_ref().map(|uid| format!("{line}{uid}")).unwrap_or_default();
    let states = operator.states.iter().map(|state| format!("{line}{} {}", state.kind, state.name));
    name + &uid + &states.collect::<String>()
}

/// What an edge says; one that goes straight on says nothing.
fn arrow(partitioning: Partitioning) -> Option<&'static str> {
    match partitioning {
        Partitioning::Forward => None,
        Partitioning::Hash => Some("hash"),
        Partitioning::Rebalance => Some("rebalance"),
        Partitioning::Shuffle => Some("shuffle"),
        Partitioning::Global => Some("global"),
        Partitioning::Broadcast => Some("broadcast"),
    }
}
