//! What a job measures, in Prometheus' text format.
//!
//! # Source
//! Prometheus, exposition format 0.0.4.

use std::fmt::Write;

use spt_format::CommittedState;

use crate::job::{Checkpoints, JobStatus, OperatorCounts, TaskTimes, VertexStatus};

/// The content type of [`text`].
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of the job.
pub(super) fn text(job: &JobStatus, checkpoints: &Checkpoints) -> String {
    let mut page = Page { text: String::new(), job: label(&job.id) };
    page.family("spt_job_running", "gauge", "1 while records flow");
    page.sample("spt_job_running", &[("state", job.state.name())], u64::from(job.state.name() == "RUNNING"));
    page.family("spt_job_restarts_total", "counter", "starts after a failure");
    page.sample("spt_job_restarts_total", &[], u64::from(job.restarts));
    vertices(&mut page, job);
    tasks(&mut page, job);
    operators(&mut page, job);
    snapshots(&mut page, checkpoints);
    page.text
}

/// What is told of each chain of operators.
fn vertices(page: &mut Page, job: &JobStatus) {
    let mut family = |name, kind, help, value: fn(&VertexStatus) -> Option<i128>| {
        page.family(name, kind, help);
        for vertex in &job.vertices {
            let labels = [("vertex", &*vertex.id.to_string()), ("name", &*vertex.name)];
            value(vertex).into_iter().for_each(|value| page.sample(name, &labels, value));
        }
    };
    family("spt_records_in_total", "counter", "records taken in, by chain of operators", |vertex| {
        Some(vertex.records_in.into())
    });
    family("spt_records_out_total", "counter", "records passed on, by chain of operators", |vertex| {
        Some(vertex.records_out.into())
    });
    family(
        "spt_watermark_ms",
        "gauge",
        "the lowest watermark that has reached a chain's subtasks, in ms since 1970",
        |vertex| vertex.watermark_ms.map(i128::from),
    );
}

/// What is told of each task: a chain of operators in one subtask.
fn tasks(page: &mut Page, job: &JobStatus) {
    let mut family = |name, help, value: fn(&TaskTimes) -> u64| {
        page.family(name, "counter", help);
        for vertex in &job.vertices {
            for (subtask, times) in vertex.times.iter().enumerate() {
                let (id, subtask) = (vertex.id.to_string(), subtask.to_string());
                let labels = [("vertex", &*id), ("name", &*vertex.name), ("subtask", &*subtask)];
                page.sample(name, &labels, value(times));
            }
        }
    };
    family("spt_busy_ms_total", "time at work", |times| times.busy_ms);
    family("spt_idle_ms_total", "time without input", |times| times.idle_ms);
    family("spt_backpressured_ms_total", "time in which nobody took the output", |times| {
        times.backpressured_ms
    });
}

/// What is told of each operator in each subtask.
fn operators(page: &mut Page, job: &JobStatus) {
    let mut family = |name, kind, help, value: fn(&OperatorCounts) -> Option<i128>| {
        page.family(name, kind, help);
        for operator in &job.operators {
            let (label, vertex) = (operator.label(), operator.vertex.to_string());
            for (subtask, counts) in operator.subtasks.iter().enumerate() {
                let labels = [
                    ("operator", &*label),
                    ("name", &*operator.name),
                    ("vertex", &*vertex),
                    ("subtask", &*subtask.to_string()),
                ];
                value(counts).into_iter().for_each(|value| page.sample(name, &labels, value));
            }
        }
    };
    let mut counter =
        |name, help, value: fn(&OperatorCounts) -> Option<i128>| family(name, "counter", help, value);
    counter("spt_operator_records_in_total", "records taken in, or read by a source", |counts| {
        Some(counts.records_in.into())
    });
    counter("spt_operator_records_out_total", "records emitted", |counts| Some(counts.records_out.into()));
    counter("spt_late_records_dropped_total", "records too late for all of their windows", |counts| {
        Some(counts.late_records.into())
    });
    counter("spt_skipped_records_total", "what a source read that was no record", |counts| {
        Some(counts.skipped_records.into())
    });
    let mut gauge =
        |name, help, value: fn(&OperatorCounts) -> Option<i128>| family(name, "gauge", help, value);
    gauge("spt_operator_input_watermark_ms", "the watermark that came in last, in ms since 1970", |counts| {
        counts.input_watermark_ms.map(i128::from)
    });
    gauge(
        "spt_operator_output_watermark_ms",
        "the watermark that went out last, in ms since 1970",
        |counts| counts.output_watermark_ms.map(i128::from),
    );
}

fn snapshots(page: &mut Page, seen: &Checkpoints) {
    page.family("spt_checkpoints_total", "counter", "checkpoints and savepoints, by what became of them");
    page.sample("spt_checkpoints_total", &[("status", "completed")], seen.counts.completed);
    page.sample("spt_checkpoints_total", &[("status", "failed")], seen.counts.failed);
    page.family("spt_checkpoints_in_progress", "gauge", "checkpoints and savepoints under way");
    page.sample("spt_checkpoints_in_progress", &[], seen.counts.in_progress);
    page.family(
        "spt_checkpoint_duration_ms",
        "summary",
        "from the trigger to the end, of those that completed",
    );
    page.sample("spt_checkpoint_duration_ms_sum", &[], seen.completed_ms);
    page.sample("spt_checkpoint_duration_ms_count", &[], seen.counts.completed);
    page.family("spt_checkpoint_size_bytes_total", "counter", "bytes of all that completed");
    page.sample("spt_checkpoint_size_bytes_total", &[], seen.completed_bytes);
    states(page, seen);
    let Some(last) = &seen.latest_completed else { return };
    page.family("spt_last_checkpoint_duration_ms", "gauge", "from its trigger to its end");
    page.sample("spt_last_checkpoint_duration_ms", &[], last.duration_ms.unwrap_or(0));
    page.family("spt_last_checkpoint_size_bytes", "gauge", "bytes of its files");
    page.sample("spt_last_checkpoint_size_bytes", &[], last.bytes);
    page.family("spt_last_checkpoint_rows", "gauge", "rows of all states in it");
    page.sample("spt_last_checkpoint_rows", &[], last.rows);
}

/// Known from the newest snapshot: counting rows while they change would cost every record something.
fn states(page: &mut Page, seen: &Checkpoints) {
    let mut family = |name, help, value: fn(&CommittedState) -> u64| {
        page.family(name, "gauge", help);
        for state in &seen.states {
            let labels =
                [("operator", state.operator.as_str()), ("state", &state.name), ("kind", state.kind.name())];
            page.sample(name, &labels, value(state));
        }
    };
    family("spt_state_rows", "rows of a state in the newest snapshot", |state| state.rows);
    family("spt_state_bytes", "bytes of a state's files in the newest snapshot", |state| state.bytes);
}

struct Page {
    text: String,
    /// The job's id, fit for a label. The label is not called `job`: Prometheus has one of that name of its own.
    job: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.text, "{name}{{job_id=\"{}\"", self.job);
        for (key, text) in labels {
            let _ = write!(self.text, ",{key}=\"{}\"", label(text));
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
