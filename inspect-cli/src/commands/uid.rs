//! `spt uid`: from a uid to its operator id, and back from candidates.

use std::io::{self, BufRead};

use serde::Serialize;
use spt_format::{OperatorId, Uid};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::ui::Ui;

/// Show the operator id that a uid becomes, or which uid became an id
///
/// A savepoint finds an operator's state by a 128 bit id: the hash of its uid. The hash has no way back, but
/// candidates can be tried: give them as arguments, or one a line on stdin.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt uid sum-001
  spt uid stream-001 map-001 sum-001
  spt uid --resolve 8cf889e999ec449278fe4c4a68026b6b stream-001 map-001
  grep -oh 'uid(\"[^\"]*' src/*.rs | cut -c6- | spt uid --resolve 8cf889e9")]
pub(crate) struct Args {
    /// The uids
    #[arg(value_name = "TEXT", required_unless_present = "resolve")]
    uids: Vec<String>,
    /// Find the uid of this operator id (or of the only id that begins so) among the uids given
    #[arg(long, value_name = "ID", value_parser = hex_prefix)]
    resolve: Option<String>,
}

/// `spt.uid/1`: a uid and its operator id.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    uid: &'a str,
    operator_id: OperatorId,
}

impl<'a> Report<'a> {
    fn new(uid: &'a str) -> Result<Self> {
        Uid::new(uid)?;
        Ok(Self { schema: "spt.uid/1", uid, operator_id: OperatorId::of_uid(uid) })
    }
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    match &args.resolve {
        Some(prefix) => resolve(prefix, &candidates(&args.uids)?, ui),
        None => show(&args.uids, ui),
    }
}

/// The id alone for one uid, `id  uid` lines for several.
fn show(uids: &[String], ui: &Ui) -> Result<Exit> {
    let mut text = String::new();
    for uid in uids {
        let report = Report::new(uid)?;
        text += &match (ui.json, uids.len()) {
            (true, _) => serde_json::json!(report).to_string(),
            (false, 1) => report.operator_id.to_string(),
            (false, _) => format!("{}  {uid}", report.operator_id),
        };
        text.push('\n');
    }
    ui.answer(&text)?;
    Ok(Exit::Fine)
}

fn resolve(prefix: &str, candidates: &[String], ui: &Ui) -> Result<Exit> {
    let found: Vec<&String> =
        candidates.iter().filter(|uid| OperatorId::of_uid(uid).to_string().starts_with(prefix)).collect();
    match found.as_slice() {
        [uid] if ui.json => ui.answer_json(&Report::new(uid)?)?,
        [uid] => ui.answer(&format!("{uid}\n"))?,
        [] => {
            return Err(Failure::new(format!("none of {} candidates has the id {prefix}", candidates.len()))
                .hint("an id that was derived from the job's graph belongs to no uid"));
        }
        several => {
            let names: Vec<String> = several.iter().map(|uid| format!("{uid:?}")).collect();
            return Err(Failure::new(format!("{prefix} begins the ids of {}", names.join(", ")))
                .hint("give more digits of the id"));
        }
    }
    Ok(Exit::Fine)
}

/// The uids given, or the distinct lines of stdin.
fn candidates(given: &[String]) -> Result<Vec<String>> {
    let mut uids = if given.is_empty() {
        let lines: io::Result<Vec<String>> = io::stdin().lock().lines().collect();
        lines.map_err(|error| Failure::new(format!("stdin: read failed: {error}")))?
    } else {
        given.to_vec()
    };
    uids.retain(|uid| !uid.is_empty());
    uids.sort_unstable();
    uids.dedup();
    Ok(uids)
}

fn hex_prefix(text: &str) -> Result<String, String> {
    if matches!(text.len(), 1..=32) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("an operator id is 32 hex digits, or the first few of them".to_owned())
}
