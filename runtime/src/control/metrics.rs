//! What a job measures, in Prometheus' text format.
//!
//! # Source
//! Prometheus, exposition format 0.0.4.

use std::fmt::Write;

use spt_format::CommittedState;

use crate::job::{Checkpoints, JobStatus, VertexStatus};

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
    snapshots(&mut page, checkpoints);
    page.text
}

fn vertices(page: &mut Page, job: &JobStatus) {
    page.family("spt_records_in_total", "counter", "records taken in, by chain of operators");
    for vertex in &job.vertices {
        let id = vertex.id.to_string();
        page.sample("spt_records_in_total", &[("vertex", &id), ("name", &vertex.name)], vertex.records_in);
    }
    page.family("spt_records_out_total", "counter", "records passed on, by chain of operators");
    for vertex in &job.vertices {
        let id = vertex.id.to_string();
        page.sample("spt_records_out_total", &[("vertex", &id), ("name", &vertex.name)], vertex.records_out);
    }
    page.family("spt_late_records_dropped_total", "counter", "records too late for all of their windows");
    for vertex in &job.vertices {
        let labels = [("vertex", &*vertex.id.to_string()), ("name", &*vertex.name)];
        page.sample("spt_late_records_dropped_total", &labels, vertex.late_records);
    }
    page.family("spt_idle_ms_total", "counter", "time without input, of all subtasks together");
    for vertex in &job.vertices {
        page.sample("spt_idle_ms_total", &of_vertex(vertex, &vertex.id.to_string()), vertex.idle_ms);
    }
    page.family(
        "spt_backpressured_ms_total",
        "counter",
        "time in which nobody took the output; the rest is busy",
    );
    for vertex in &job.vertices {
        let id = vertex.id.to_string();
        page.sample("spt_backpressured_ms_total", &of_vertex(vertex, &id), vertex.backpressured_ms);
    }
    page.family("spt_watermark_ms", "gauge", "the watermark that reached a subtask last, in ms since 1970");
    for vertex in &job.vertices {
        if let Some(watermark) = vertex.watermark_ms {
            page.sample("spt_watermark_ms", &of_vertex(vertex, &vertex.id.to_string()), watermark);
        }
    }
}

/// The labels of a chain of operators.
fn of_vertex<'a>(vertex: &'a VertexStatus, id: &'a str) -> [(&'static str, &'a str); 2] {
    [("vertex", id), ("name", &vertex.name)]
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
    /// The job's id, fit for a label.
    job: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.text, "{name}{{job=\"{}\"", self.job);
        for (key, text) in labels {
            let _ = write!(self.text, ",{key}=\"{}\"", label(text));
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
