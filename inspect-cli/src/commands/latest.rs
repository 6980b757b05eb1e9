//! `spt latest`: the newest savepoint or checkpoint that is whole, its path alone.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde::Serialize;
use spt_format::validate::Severity;

use crate::commands::validate::{Depth, check};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::locate::{Metadata, newest};
use crate::open::Opening;
use crate::ui::Ui;

/// Print the path of the newest savepoint or checkpoint below a folder
///
/// Those that are damaged or lack a file are passed over, and stderr says why. Exits 1 if there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt latest savepoints
  spt run -s \"$(spt latest checkpoints)\" -- ./wordcount")]
pub(crate) struct Args {
    /// The folder to search
    dir: PathBuf,
    /// Read everything of a candidate, as `spt validate` does, before it counts as whole
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    opening: Opening,
}

/// `spt.latest/1`: where it is. A path that is not UTF-8 is shown as well as it can be.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    path: String,
}

/// No error is found in it.
fn is_whole(candidate: &Metadata, opening: &Opening, depth: Depth) -> Result<()> {
    let checks = check(candidate, opening, depth)?;
    match checks.findings.iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(Failure::new(format!("{}: {}", finding.location, finding.message))),
        None => Ok(()),
    }
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let depth = if args.full { Depth::Full } else { Depth::Presence };
    let Some(found) = newest(&args.dir, ui, &mut |candidate| is_whole(candidate, &args.opening, depth))?
    else {
        ui.note(&format!("there is no savepoint below {}", args.dir.display()));
        return Ok(Exit::No);
    };
    if ui.json {
        ui.answer_json(&Report { schema: "spt.latest/1", path: found.folder().display().to_string() })?;
    } else {
        let mut out = ui.stdout();
        let path = found.folder().as_os_str().as_bytes();
        out.write_all(path)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(Failure::stdout)?;
    }
    Ok(Exit::Fine)
}
