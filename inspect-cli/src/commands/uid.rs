//! `spt uid`: from a uid to its operator id, and back from candidates.

use std::io::Read;
use std::path::PathBuf;

use serde::Serialize;
use spt_format::{Operator, OperatorId, Uid, UidList};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::open::{Opening, add_uids, open};
use crate::render::text::counted;
use crate::ui::Ui;

/// Show the operator id that a uid becomes, or which uid became an id
///
/// A savepoint finds an operator's state by a 128 bit id: the hash of its uid. The hash has no way back, but
/// candidates can be tried: give them as arguments, with --uid-list, or one a line on stdin. Flink's savepoints
/// record uids from version 2.0 on; for older ones `--resolve SAVEPOINT` writes a list that every command takes
/// with --uid-list. The committers of a sink, whose uids Flink derives, are found with the sink's uid.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt uid sum-001
  spt uid stream-001 map-001 sum-001
  spt uid --resolve 8cf889e999ec449278fe4c4a68026b6b stream-001 map-001
  spt uid --resolve savepoint-1.20 --uid-list savepoint-2.1 > uids.txt
  spt inspect savepoint-1.20 --uid-list uids.txt
  grep -oh 'uid(\"[^\"]*' src/*.rs | cut -c6- | spt uid --resolve 8cf889e9")]
pub(crate) struct Args {
    /// The uids
    #[arg(value_name = "TEXT", required_unless_present = "resolve")]
    uids: Vec<String>,
    /// Find among the uids given that of this operator id (or of the only one that begins so), or those of all
    /// operators of a savepoint
    #[arg(long, value_name = "ID|SAVEPOINT")]
    resolve: Option<PathBuf>,
    /// More candidates: a file with a uid a line, a plan, or another savepoint of the job
    #[arg(long, value_name = "FILE", requires = "resolve")]
    uid_list: Vec<PathBuf>,
}

/// `spt.uid/1`: a uid and its operator id.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    uid: Option<&'a str>,
    operator_id: OperatorId,
}

impl<'a> Report<'a> {
    fn new(uid: Option<&'a Uid>, operator_id: OperatorId) -> Self {
        Self { schema: "spt.uid/1", uid: uid.map(Uid::as_str), operator_id }
    }
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let Some(wanted) = &args.resolve else { return show(&args.uids, ui) };
    let candidates = candidates(args)?;
    match wanted.to_str().and_then(hex_prefix) {
        Some(prefix) => resolve(&prefix, &candidates, ui),
        None => {
            let source = open(wanted, &Opening::default(), ui)?;
            resolve_all(&source.savepoint().operators, &candidates, ui)
        }
    }
}

/// The id alone for one uid, `id  uid` lines for several.
fn show(uids: &[String], ui: &Ui) -> Result<Exit> {
    let mut text = String::new();
    for uid in uids {
        let id = OperatorId::of_uid(uid);
        let report = Report::new(Some(&Uid::new(uid.as_str())?), id).line();
        text += &match (ui.json, uids.len()) {
            (true, _) => report,
            (false, 1) => format!("{id}\n"),
            (false, _) => format!("{id}  {uid}\n"),
        };
    }
    ui.answer(&text)?;
    Ok(Exit::Fine)
}

impl Report<'_> {
    fn line(&self) -> String {
        serde_json::json!(self).to_string() + "\n"
    }
}

fn resolve(prefix: &str, candidates: &UidList, ui: &Ui) -> Result<Exit> {
    let found: Vec<_> = candidates.iter().filter(|(id, _)| id.to_string().starts_with(prefix)).collect();
    match found.as_slice() {
        [(id, uid)] if ui.json => ui.answer(&Report::new(Some(uid), *id).line())?,
        [(_, uid)] => ui.answer(&format!("{uid}\n"))?,
        [] => {
            return Err(Failure::new(format!("none of the candidates has the id {prefix}"))
                .hint("an id that was derived from the job's graph belongs to no uid"));
        }
        several => {
            let names: Vec<String> = several.iter().map(|(_, uid)| format!("{:?}", uid.as_str())).collect();
            return Err(Failure::new(format!("{prefix} begins the ids of {}", names.join(", ")))
                .hint("give more digits of the id"));
        }
    }
    Ok(Exit::Fine)
}

/// `id  uid` lines, which are a list of uids themselves; operators without a name are told on stderr.
fn resolve_all(operators: &[Operator], candidates: &UidList, ui: &Ui) -> Result<Exit> {
    let mut text = String::new();
    let mut unnamed = Vec::new();
    for operator in operators {
        let uid = operator.uid.as_ref().or_else(|| candidates.uid(operator.id));
        match uid {
            _ if ui.json => text += &Report::new(uid, operator.id).line(),
            Some(uid) => text += &format!("{}  {uid}\n", operator.id),
            None => unnamed.push(operator.id.to_string()),
        }
    }
    ui.answer(&text)?;
    if !unnamed.is_empty() {
        let operators = counted(unnamed.len() as u64, "operator");
        ui.note(&format!("{operators} without a name among the candidates: {}", unnamed.join(", ")));
    }
    Ok(Exit::Fine)
}

/// The uids given and listed, or the lines of stdin.
fn candidates(args: &Args) -> Result<UidList> {
    let mut uids = UidList::default();
    args.uid_list.iter().try_for_each(|list| add_uids(list, &mut uids))?;
    for uid in args.uids.iter().filter(|uid| !uid.is_empty()) {
        uids.add(Uid::new(uid.as_str())?);
    }
    if args.uids.is_empty() && args.uid_list.is_empty() {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| Failure::new(format!("stdin: read failed: {error}")))?;
        uids.add_lines(&text).map_err(|error| error.in_file("stdin"))?;
    }
    Ok(uids)
}

/// An operator id, or the first digits of one. A savepoint that is called so has `./` before its name.
fn hex_prefix(text: &str) -> Option<String> {
    let is_hex = matches!(text.len(), 1..=32) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| text.to_ascii_lowercase())
}
