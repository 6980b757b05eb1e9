//! `spt explain`: what a finding's code means, or why a job did not restore.

mod log;

use std::path::PathBuf;

use serde::Serialize;
use spt_format::validate::Code;

use crate::error::Result;
use crate::exit::Exit;
use crate::open::Opening;
use crate::render::table::{Lean, Table};
use crate::ui::{Style, Ui};

/// Explain the code of a finding, or why a job did not restore
///
/// Without arguments it lists all codes. `--log FILE` looks in a job's log (ours, or that of Flink's JobManager,
/// TaskManagers or client; `-` is stdin) for restores that failed, and says of each the operator, the state, the
/// cause and what helps. The savepoint that was restored turns operator ids into uids. Exits 1 if the log tells of
/// no failure that is known.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt explain SPT-104
  spt explain
  spt explain --log flink-taskexecutor.log savepoint-1
  kubectl logs my-job | spt explain --log -")]
pub(crate) struct Args {
    /// A code as findings have it; with --log the savepoint that was restored
    #[arg(value_name = "CODE|SAVEPOINT")]
    subject: Option<PathBuf>,
    /// Find the failed restores that this log tells of
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    opening: Opening,
}

/// `spt.explain/1`: a code and its meaning.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    code: &'static str,
    severity: &'static str,
    title: &'static str,
    explanation: String,
    help: &'static str,
}

impl Report {
    fn new(code: Code) -> Self {
        Self {
            schema: "spt.explain/1",
            code: code.name(),
            severity: code.severity().name(),
            title: code.title(),
            explanation: code.explanation().split_whitespace().collect::<Vec<_>>().join(" "),
            help: code.help(),
        }
    }
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    if let Some(file) = &args.log {
        return log::explain(file, args.subject.as_deref(), &args.opening, ui);
    }
    match &args.subject {
        Some(code) => {
            let report = Report::new(code.to_string_lossy().parse()?);
            if ui.json { ui.answer_json(&report)? } else { ui.answer(&text(&report, ui))? }
        }
        None if ui.json => {
            let lines: Vec<String> = Code::ALL
                .iter()
                .map(|code| serde_json::json!(Report::new(*code)).to_string() + "\n")
                .collect();
            ui.answer(&lines.concat())?;
        }
        None => {
            let mut table = Table::new(["CODE", "SEVERITY", "MEANING"].map(|name| (name, Lean::Left)), ui);
            for code in Code::ALL {
                table.row([code.name(), code.severity().name(), code.title()].map(str::to_owned));
            }
            ui.answer(&table.text())?;
        }
    }
    Ok(Exit::Fine)
}

fn text(report: &Report, ui: &Ui) -> String {
    let head = Style::Bold.paint(&format!("{}  {}", report.code, report.title), ui.stdout_colors());
    format!("{head}  ({})\n\n{}\n\nwhat to do: {}\n", report.severity, report.explanation, report.help)
}
