//! `spt explain --log`: the failed restores that a log tells of.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Serialize;
use spt_format::diagnose::{Diagnosis, diagnose};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, open};
use crate::render::text::clean;
use crate::ui::{Style, Ui};

/// `spt.explain-log/1`: what a log tells of.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    failures: Vec<FailureReport>,
}

/// One failed restore.
#[derive(Serialize)]
struct FailureReport {
    code: &'static str,
    title: &'static str,
    line: u64,
    times: u64,
    uid: Option<String>,
    operator_id: Option<String>,
    state: Option<String>,
    at: Option<String>,
    cause: String,
    help: String,
    message: String,
}

impl From<Diagnosis> for FailureReport {
    fn from(found: Diagnosis) -> Self {
        Self {
            code: found.code.name(),
            title: found.code.title(),
            line: found.line,
            times: found.times,
            uid: found.operator,
            operator_id: found.operator_id.map(|id| id.to_string()),
            state: found.state,
            at: found.frame,
            cause: found.cause,
            help: found.help,
            message: found.message,
        }
    }
}

/// Says what the log tells of.
///
/// # Errors
/// If the log or the savepoint cannot be read.
pub(super) fn explain(file: &Path, savepoint: Option<&Path>, opening: &Opening, ui: &Ui) -> Result<Exit> {
    let source = savepoint.map(|path| open(path, opening, ui)).transpose()?;
    let name = savepoint.map(|path| path.display().to_string());
    let known = source.as_ref().map(|source| source.savepoint()).zip(name.as_deref());
    let found = diagnose(reader(file)?, known)?;
    if found.is_empty() {
        ui.note(&format!("{} tells of no failed restore that is known here", file.display()));
    }
    let exit = if found.is_empty() { Exit::No } else { Exit::Fine };
    let failures: Vec<FailureReport> = found.into_iter().map(FailureReport::from).collect();
    if ui.json {
        ui.answer_json(&Report { schema: "spt.explain-log/1", failures })?;
    } else {
        ui.answer(&failures.iter().map(|failure| text(failure, ui)).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(exit)
}

fn reader(file: &Path) -> Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let failed = |error| Failure::new(format!("{}: {error}", file.display()));
    Ok(Box::new(BufReader::new(File::open(file).map_err(failed)?)))
}

/// ```text
/// SPT-401  state would be left behind  (line 12, 3 times)
///   operator    sum-001
///   cause       …
///   what to do  …
/// ```
fn text(failure: &FailureReport, ui: &Ui) -> String {
    let head = format!("{}  {}", failure.code, failure.title);
    let times = if failure.times > 1 { format!(", {} times", failure.times) } else { String::new() };
    let mut text =
        format!("{}  (line {}{times})\n", Style::Bold.paint(&head, ui.stdout_colors()), failure.line);
    let facts = [
        ("operator", &failure.uid),
        ("state", &failure.state),
        ("at", &failure.at),
        ("cause", &Some(failure.cause.clone())),
        ("what to do", &Some(failure.help.clone())),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            text += &format!("  {name:<10}  {}\n", clean(fact));
        }
    }
    text
}
