//! `spt convert`: a savepoint in another format, its state the same.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;
use spt_format::migrate::MigrationPlan;

use super::migrate::write::{Order, write};
use crate::error::Result;
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::text::{bytes, counted};
use crate::ui::Ui;
use crate::watch::Watched;

/// Write a savepoint in another format
///
/// Every state is taken over, row by row, with uids, ids and key groups as they are. OUT must not exist, and
/// appears when it is complete and verified. `spt diff IN OUT` proves that nothing was lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt convert flink-savepoint sp-1 --to spt && spt diff flink-savepoint sp-1")]
pub(crate) struct Args {
    /// The savepoint to read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The folder to make
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// The format to write
    #[arg(long, value_enum)]
    to: To,
    #[command(flatten)]
    opening: Opening,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// This project's own: columnar, one Parquet table a state
    Spt,
}

/// `spt.convert/1`: what was made.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    path: String,
    operators: usize,
    states: usize,
    rows: Option<u64>,
    bytes: u64,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let source = Watched::whole(open(&args.input, &args.opening, ui)?, "converting", ui);
    let plan = MigrationPlan::new(source.savepoint(), &[])?;
    let made = match args.to {
        To::Spt => {
            let order = Order {
                operation: "convert",
                plan: &plan,
                source: source.as_ref(),
                input: &args.input,
                independent: false,
            };
            write(&order, &args.output, ui)?
        }
    };
    let target = open(&made.path, &Opening::default(), ui)?;
    let savepoint = target.savepoint();
    let report = Report {
        schema: "spt.convert/1",
        path: made.path.display().to_string(),
        operators: savepoint.operators.len(),
        states: savepoint.states().count(),
        rows: savepoint.rows(),
        bytes: savepoint.bytes,
    };
    if ui.json {
        ui.answer_json(&report)?;
    } else {
        let states = counted(report.states as u64, "state");
        let rows = counted(report.rows.unwrap_or(0), "row");
        ui.answer(&format!("made {}: {states}, {rows}, {}\n", report.path, bytes(report.bytes)))?;
    }
    Ok(Exit::Fine)
}
