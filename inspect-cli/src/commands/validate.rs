//! `spt validate`: is a savepoint what it says it is, and will a job restore from it?

mod against;
mod check;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use spt_format::preflight::{FlinkVersion, Verdict};

use self::check::check_watched;
pub(crate) use self::check::{Checks, Depth, check};
use crate::error::Result;
use crate::exit::Exit;
use crate::locate::locate;
use crate::open::{Opening, open_found};
use crate::render;
use crate::report::validate::{SeverityName, ValidateReport};
use crate::ui::Ui;
use crate::watch::Watched;

/// Check a savepoint, or whether a job will restore from it
///
/// Reads everything: every file's presence, length and digest, every row's order, uniqueness and key group,
/// all counts. `--quick` checks metadata and digests and decodes no row.
///
/// With a job (`--against`, or a program after `--`) it judges from metadata alone what will become of every
/// state when that job starts from here, and names the `spt migrate` that would help. If Flink restores
/// it, Flink's rules count: the job's side is then a savepoint of Flink's, a plan with "flink_version", or
/// --flink-target is given. See docs/flink-preflight.md.
///
/// Exits 0 if no error was found, 1 if one was, 2 if it could not be checked or the answer is unknown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt validate sp-1
  spt validate sp-1 --quick
  spt validate sp-1 --against plan.json
  spt validate sp-1 --against sp-2
  spt validate sp-1 -- target/release/wordcount --port 8888
  spt validate flink-1.20-savepoint --flink-target 2.1
  spt validate sp-1 --format junit > validate.xml")]
pub(crate) struct Args {
    /// A savepoint's folder, its manifest.json or _metadata, or FOLDER@latest
    path: PathBuf,
    /// Check metadata, presence and digests; decode no row
    #[arg(long, conflicts_with = "sample")]
    quick: bool,
    /// Read this share of the rows, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    sample: Option<f64>,
    /// Judge whether a job restores from it: a plan (`spt plan --json`), or another savepoint of that job
    #[arg(long, value_name = "JOB", conflicts_with_all = ["quick", "sample"])]
    against: Option<PathBuf>,
    /// Judge by the rules of this version of Flink, such as 2.1; alone, whether the same job restores there
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["quick", "sample"])]
    flink_target: Option<FlinkVersion>,
    /// Exit 0 though it cannot be told of some states whether they restore; they are shown all the same
    #[arg(long)]
    accept_unknown: bool,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = SeverityName::Error)]
    fail_on: SeverityName,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Judge whether this program restores from it
    #[arg(last = true, value_name = "PROGRAM", conflicts_with_all = ["quick", "sample", "against"])]
    program: Vec<OsString>,
    #[command(flatten)]
    opening: Opening,
}

impl Args {
    /// A restore is asked about, not the savepoint alone.
    fn is_preflight(&self) -> bool {
        self.against.is_some() || self.flink_target.is_some() || !self.program.is_empty()
    }
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One document, as --json
    Json,
    /// For code scanning
    Sarif,
    /// For test reports
    Junit,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let found = locate(&args.path, ui)?;
    let report = if args.is_preflight() {
        let source = open_found(&found, &args.opening)?;
        let job = against::job(source.as_ref(), args.against.as_deref(), &args.program, &args.opening, ui)?;
        against::judge(source.as_ref(), &job.on(args.flink_target))
    } else {
        let depth = match (args.quick, args.sample) {
            (true, _) => Depth::Quick,
            (false, Some(percent)) => Depth::Sample(percent),
            (false, None) => Depth::Full,
        };
        let watch = |source| Watched::whole(source, "validating", ui);
        ValidateReport::new(check_watched(&found, &args.opening, depth, &watch)?)
    };
    let format = if ui.json { Format::Json } else { args.format };
    match format {
        Format::Table => ui.answer(&render::validate::findings(&report, found.folder(), ui))?,
        Format::Json => ui.answer_json(&report)?,
        Format::Sarif => ui.answer_json(&render::ci::sarif(&report))?,
        Format::Junit => ui.answer(&render::ci::junit(&report))?,
    }
    Ok(if report.fails(args.fail_on) {
        Exit::No
    } else if report.complete && (args.accept_unknown || report.verdict != Some(Verdict::Unknown.name())) {
        Exit::Fine
    } else {
        Exit::Trouble
    })
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    number
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .ok_or_else(|| "a share is like 5%".to_owned())
}
