//! `spt explain`: what a finding's code means.

use serde::Serialize;
use spt_format::validate::Code;

use crate::error::Result;
use crate::exit::Exit;
use crate::render::table::{Lean, Table};
use crate::ui::{Style, Ui};

/// Explain the code of a finding; without one, list all codes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt explain SPT-104
  spt explain")]
pub(crate) struct Args {
    /// A code as findings have it
    code: Option<String>,
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
    match &args.code {
        Some(code) => {
            let report = Report::new(code.parse()?);
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
