//! `spt list`: the jobs that run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comfy_table::{Table, presets};
use serde::Serialize;
use spt_runtime::config::format_duration;
use spt_runtime::control::{Client, JobEntry, Registry};

use crate::error::Result;
use crate::exit::Exit;
use crate::ui::Ui;

/// List the jobs that run
///
/// Jobs of this user on this machine. A job whose process has ended without a word is said once, and forgotten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt list
  spt list --json | jq -r '.jobs[] | select(.state == \"RUNNING\") | .id'")]
pub(crate) struct Args {}

/// `spt.list/1`
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    jobs: Vec<Job>,
    stale: Vec<JobEntry>,
}

/// A job and what it says of itself.
#[derive(Debug, Serialize)]
struct Job {
    #[serde(flatten)]
    entry: JobEntry,
    /// As Flink names it, or `UNREACHABLE`.
    state: String,
    duration_ms: i64,
    tasks: u64,
}

pub(crate) fn run(_: &Args, ui: &Ui) -> Result<Exit> {
    let listing = Registry::of_user()?.list()?;
    let jobs = listing.running.into_iter().map(|entry| ask(entry, ui)).collect();
    let report = Report { schema: "spt.list/1", jobs, stale: listing.stale };
    for gone in &report.stale {
        ui.warn(&format!(
            "job {} ({}) is gone: process {} ended without a word",
            gone.id, gone.name, gone.pid
        ));
    }
    if ui.json {
        ui.answer_json(&report)?;
    } else if report.jobs.is_empty() {
        ui.note("no job is running");
    } else {
        ui.answer(&table(&report.jobs))?;
    }
    Ok(Exit::Fine)
}

fn ask(entry: JobEntry, ui: &Ui) -> Job {
    let answer = Client::of(&entry).and_then(|client| client.overview());
    let row = answer.unwrap_or_else(|error| {
        ui.warn(&error.full());
        serde_json::Value::Null
    });
    let state = row.get("state").and_then(|state| state.as_str()).unwrap_or("UNREACHABLE").to_owned();
    let duration = row.get("duration").and_then(serde_json::Value::as_i64);
    let tasks = row.pointer("/tasks/total").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let duration_ms = duration.unwrap_or_else(|| now_ms() - entry.started_at_ms);
    Job { state, duration_ms, tasks, entry }
}

fn table(jobs: &[Job]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["JOB", "NAME", "STATE", "FOR", "TASKS", "PID", "ADDRESS"]);
    for job in jobs {
        table.add_row([
            job.entry.id.clone(),
            job.entry.name.clone(),
            job.state.clone(),
            seconds(job.duration_ms),
            job.tasks.to_string(),
            job.entry.pid.to_string(),
            job.entry.address.clone(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn seconds(ms: i64) -> String {
    format_duration(Duration::from_secs(u64::try_from(ms / 1000).unwrap_or(0)))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
