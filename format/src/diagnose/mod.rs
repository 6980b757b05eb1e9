//! Why did the job not restore? Known messages in its log, and what helps.
//!
//! ```text
//! log ─► blocks (a line and its trace) ─► known messages ─► operator, state, cause, command
//!                       └─► task, first frame of the job's own code ┘
//! savepoint, if there is one ─► uid of the operator's id
//! ```
//!
//! The log is read once, in fixed memory. What is said twice is counted.

mod block;
mod patterns;
mod template;

#[cfg(test)]
mod tests;

use std::io::BufRead;

use self::block::{Blocks, Line};
use self::patterns::{PATTERNS, Pattern};
use self::template::{Holes, Template};
use crate::error::Result;
use crate::model::{Operator, OperatorId, Savepoint};
use crate::validate::Code;

/// A failure that a log tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it comes under.
    pub code: Code,
    /// The first line that tells of it, from 1 on.
    pub line: u64,
    /// How often it is told.
    pub times: u64,
    /// What the line says.
    pub message: String,
    /// The operator: its uid where one is known, else its id, or the name of the task it is in.
    pub operator: Option<String>,
    /// The operator's id, where the log tells.
    pub operator_id: Option<OperatorId>,
    /// The state, where the log tells.
    pub state: Option<String>,
    /// The place in the job's own code.
    pub frame: Option<String>,
    /// What it means.
    pub cause: String,
    /// What to do about it: a command where there is one.
    pub help: String,
}

/// Different failures that are told of one log.
const TOLD: usize = 100;

/// The failed restores that a log tells of, in its order. `savepoint` is the one that was restored, and how a
/// command would name it.
///
/// # Errors
/// If the log cannot be read.
pub fn diagnose(log: impl BufRead, savepoint: Option<(&Savepoint, &str)>) -> Result<Vec<Diagnosis>> {
    let mut blocks = Blocks::new(log);
    let mut found: Vec<Diagnosis> = Vec::new();
    loop {
        let block = blocks.next()?;
        if block.is_empty() {
            return Ok(found);
        }
        for diagnosis in of_block(&block, savepoint) {
            let is_same = |known: &Diagnosis| {
                (known.code, &known.operator_id, &known.state, &known.cause)
                    == (diagnosis.code, &diagnosis.operator_id, &diagnosis.state, &diagnosis.cause)
            };
            let is_full = found.len() >= TOLD;
            match found.iter().position(is_same).and_then(|place| found.get_mut(place)) {
                Some(known) => known.times += 1,
                None if is_full => {}
                None => found.push(diagnosis),
            }
        }
    }
}

fn of_block(block: &[Line], savepoint: Option<(&Savepoint, &str)>) -> Vec<Diagnosis> {
    let is_restore = block.iter().any(|line| line.text.contains("estor"));
    let mut found: Vec<Diagnosis> = Vec::new();
    for line in block {
        let fits = |pattern: &&Pattern| is_restore || !pattern.in_restore;
        let mut matches = PATTERNS.iter().filter(fits);
        let Some((pattern, holes)) = matches.find_map(|known| Some((known, known.message.find(&line.text)?)))
        else {
            continue;
        };
        let place = Place::of(block, &holes, savepoint);
        let diagnosis = place.diagnosis(pattern, holes, line, savepoint.map(|(_, path)| path));
        // Java tells a cause again in what it causes.
        if found.iter().all(|known| known.cause != diagnosis.cause) {
            found.push(diagnosis);
        }
    }
    found
}

/// Where in the job it happened.
#[derive(Default)]
struct Place {
    operator: Option<String>,
    id: Option<OperatorId>,
    frame: Option<String>,
}

impl Place {
    fn of(block: &[Line], holes: &Holes, savepoint: Option<(&Savepoint, &str)>) -> Self {
        let told = holes.iter().find(|(name, _)| *name == "operator").map(|(_, value)| value.clone());
        let lines = || block.iter().map(|line| line.text.as_str());
        let task = lines().find_map(|line| TASK.find(line));
        let backend = lines().find_map(|line| BACKEND.find(line));
        let id = told
            .as_deref()
            .and_then(id_in)
            .or_else(|| backend.and_then(|holes| id_in(&holes.first()?.1)))
            .or_else(|| task.as_ref().and_then(|holes| vertex_in(&holes.get(1)?.1)));
        let known = |operator: &&Operator| {
            Some(operator.id) == id
                || (told.is_some() && operator.uid.as_ref().map(ToString::to_string) == told)
        };
        let known = savepoint.and_then(|(savepoint, _)| savepoint.operators.iter().find(known));
        let task = task.and_then(|holes| holes.into_iter().next()).map(|(_, name)| task_name(&name));
        Self {
            operator: known
                .map(Operator::label)
                .or_else(|| told.filter(|_| id.is_none()))
                .or_else(|| id.map(|id| id.to_string()))
                .or(task),
            id: known.map(|operator| operator.id).or(id),
            frame: lines().find_map(own_frame),
        }
    }

    fn diagnosis(
        self,
        pattern: &Pattern,
        mut holes: Holes,
        line: &Line,
        savepoint: Option<&str>,
    ) -> Diagnosis {
        let state = holes.iter().find(|(name, _)| *name == "state").map(|(_, value)| value.clone());
        holes.retain(|(name, _)| *name != "operator");
        holes.iter_mut().for_each(|(_, value)| *value = readable(value));
        holes.push(("operator", self.operator.clone().unwrap_or_else(|| "UID".to_owned())));
        holes.push(("savepoint", savepoint.unwrap_or("SAVEPOINT").to_owned()));
        Diagnosis {
            code: pattern.code,
            line: line.number,
            times: 1,
            message: line.text.trim().to_owned(),
            operator: self.operator,
            operator_id: self.id,
            state,
            frame: self.frame,
            cause: pattern.cause.fill(&holes),
            help: pattern.help.fill(&holes),
        }
    }
}

/// A task and its attempt: `<graph>_<vertex>_<subtask>_<attempt>`, the vertex being its first operator's id.
const TASK: Template = Template(" - {task} ({execution}) switched from");
/// The backend of an operator: `StreamGroupedReduceOperator_<operator id>_(1/1)`.
const BACKEND: Template = Template("state backend for {backend} from ");

/// `org.acme.Serializer@68892e9e` without its identity, which says nothing.
fn readable(value: &str) -> String {
    let identity = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match value.rsplit_once('@') {
        Some((class, text)) if identity(text) => class.to_owned(),
        _ => value.to_owned(),
    }
}

/// The last 32 hex digits between marks, which are an operator's id.
fn id_in(text: &str) -> Option<OperatorId> {
    ids(text).next_back()
}

/// The vertex of an attempt. Older releases of Flink give it a random id alone.
fn vertex_in(attempt: &str) -> Option<OperatorId> {
    ids(attempt).nth(1)
}

fn ids(text: &str) -> impl DoubleEndedIterator<Item = OperatorId> {
    text.split(['_', ' ', '(', ')']).filter_map(|part| part.parse().ok())
}

/// `kryo -> out (1/1)#0` without its subtask.
fn task_name(task: &str) -> String {
    task.rsplit_once(" (").map_or(task, |(name, _)| name).to_owned()
}

/// The frame, if it is neither Flink's nor Java's.
fn own_frame(line: &str) -> Option<String> {
    const FOREIGN: [&str; 8] =
        ["org.apache.flink.", "java.", "java/", "jdk.", "javax.", "sun.", "com.esotericsoftware.", "scala."];
    let frame = line.trim_start().strip_prefix("at ")?;
    let name =
        frame.split_once('/').filter(|(module, _)| !module.contains('(')).map_or(frame, |(_, name)| name);
    (!FOREIGN.iter().any(|prefix| name.starts_with(prefix))).then(|| frame.to_owned())
}
