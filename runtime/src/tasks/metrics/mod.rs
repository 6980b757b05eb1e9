//! What a job counts while it runs. Tasks add to it once per batch or flush; whoever asks reads it at any time.
//!
//! ```text
//! task      one thread: a chain in one subtask        time, records over its edges, watermark
//! operator  one operator of the chain in one subtask  records in and out, dropped and skipped ones, watermarks
//! ```

mod operator;
mod task;

use std::sync::Arc;

pub(crate) use operator::OperatorMetrics;
pub(crate) use task::TaskMetrics;

use super::command::TaskId;
use super::context::OperatorInfo;
use crate::job::JobStatus;

/// The counters of every subtask of a job. They go on through restarts.
#[derive(Debug)]
pub(crate) struct JobMetrics {
    /// By vertex and subtask.
    tasks: Vec<Vec<Arc<TaskMetrics>>>,
    /// By operator and subtask.
    operators: Vec<Vec<Arc<OperatorMetrics>>>,
}

impl JobMetrics {
    /// Of vertices with so many subtasks, and of these operators.
    pub(crate) fn new(vertices: &[u32], operators: &[OperatorInfo]) -> Self {
        Self {
            tasks: vertices.iter().map(|subtasks| of_each(*subtasks)).collect(),
            operators: operators.iter().map(|operator| of_each(operator.parallelism)).collect(),
        }
    }

    /// Those of a task.
    pub(crate) fn task(&self, id: TaskId) -> Arc<TaskMetrics> {
        at(&self.tasks, id.vertex, id.subtask)
    }

    /// Those of an operator in one subtask. What is no operator of the graph has some that nobody reads.
    pub(crate) fn operator(&self, node: usize, subtask: u32) -> Arc<OperatorMetrics> {
        at(&self.operators, node, subtask)
    }

    /// Writes what was counted so far into a status.
    pub(crate) fn tell(&self, status: &mut JobStatus) {
        for (vertex, tasks) in status.vertices.iter_mut().zip(&self.tasks) {
            vertex.records_in = tasks.iter().map(|task| task.records_in()).sum();
            vertex.records_out = tasks.iter().map(|task| task.records_out()).sum();
            vertex.watermark_ms = tasks.iter().map(|task| task.watermark()).min().flatten();
            vertex.times = tasks.iter().map(|task| task.times()).collect();
        }
        for (operator, subtasks) in status.operators.iter_mut().zip(&self.operators) {
            operator.subtasks = subtasks.iter().map(|subtask| subtask.counts()).collect();
        }
    }
}

fn of_each<M: Default>(subtasks: u32) -> Vec<Arc<M>> {
    (0..subtasks).map(|_| Arc::default()).collect()
}

fn at<M: Default>(all: &[Vec<Arc<M>>], index: usize, subtask: u32) -> Arc<M> {
    let found = all.get(index).and_then(|subtasks| subtasks.get(subtask as usize));
    found.map(Arc::clone).unwrap_or_default()
}
