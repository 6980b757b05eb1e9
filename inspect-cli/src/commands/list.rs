//! `spt list`: the jobs that run.

use std::time::{SystemTime, UNIX_EPOCH};

use comfy_table::{Table, presets};
use serde::Serialize;
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
    let lasted = row.get("duration").and_then(serde_json::Value::as_i64);
    let tasks = row.pointer("/tasks/total").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let duration_ms = lasted.unwrap_or_else(|| now_ms() - entry.started_at_ms);
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
            duration(job.duration_ms),
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

/// The largest two units: `3 d 4 h`, `12 min 5 s`, `0 s`.
fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_show_their_largest_two_units() {
        let shown = [999, 61_000, 3_660_000, 90_000_000, -5].map(duration);
        assert_eq!(shown, ["0 s", "1 min 1 s", "1 h 1 min", "1 d 1 h", "0 s"]);
    }
}
