//! One start of the job's tasks, until they have all ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use spt_format::failpoint;

use crate::error::Result;
use crate::graph::Graph;
use crate::savepoint::Snapshot;
use crate::tasks::{
    Alarm, Blame, Command, Event, Hold, JobMetrics, StartContext, TaskContext, TaskId, TaskPorts, spawn,
};

/// What a task is doing.
#[derive(Debug, Clone)]
pub(super) enum TaskState {
    /// Restores its state.
    Starting,
    /// Waits for records or has them.
    Running,
    /// Has read all of its input; this was its last state.
    Finished(Arc<Snapshot>),
    /// Has ended otherwise.
    Gone,
}

struct TaskHandle {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
    state: TaskState,
    is_source: bool,
}

/// The tasks of one start.
pub(super) struct Attempt {
    name: String,
    tasks: BTreeMap<TaskId, TaskHandle>,
    pub(super) events: Receiver<(TaskId, Event)>,
    halt: Arc<AtomicBool>,
}

impl Attempt {
    /// Prepares sources and sinks, and starts a thread for each subtask of each vertex.
    ///
    /// # Errors
    /// If a source or sink refuses, or the system gives no thread. Then none runs.
    pub(super) fn start(graph: &Graph, context: &StartContext, metrics: &Arc<JobMetrics>) -> Result<Self> {
        failpoint("start.before-hooks")?;
        Blame::catch("start", || graph.checks.iter().chain(&graph.hooks).try_for_each(|hook| hook(context)))?;
        let parallelism = |vertex: usize| context.vertices.get(vertex).copied().unwrap_or(1);
        for connection in &graph.connections {
            connection.open(parallelism(connection.from), parallelism(connection.to));
        }
        let (sender, events) = unbounded();
        let name = context.start.attempt.clone();
        let mut attempt = Self { name, tasks: BTreeMap::new(), events, halt: Arc::default() };
        for vertex in 0..graph.vertices.len() {
            for subtask in 0..parallelism(vertex) {
                let id = TaskId { vertex, subtask };
                if let Err(error) = attempt.start_task(graph, context, id, metrics, &sender) {
                    attempt.end();
                    return Err(error);
                }
            }
        }
        Ok(attempt)
    }

    /// No other start of any process is named like it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn start_task(
        &mut self,
        graph: &Graph,
        context: &StartContext,
        id: TaskId,
        metrics: &Arc<JobMetrics>,
        events: &Sender<(TaskId, Event)>,
    ) -> Result<()> {
        let Some(recipe) = graph.vertices.get(id.vertex).and_then(|vertex| vertex.recipe.as_ref()) else {
            return Ok(());
        };
        let (commands, receiver) = unbounded();
        let ports =
            TaskPorts { id, commands: receiver, events: events.clone(), halt: Arc::clone(&self.halt) };
        let build = recipe.instantiate();
        let (start, metrics) = (context.clone(), Arc::clone(metrics));
        let name = graph.nodes_of(id.vertex).next().map_or("exchange", |(_, node)| node.label());
        let alarm = Alarm::new(context.clock.clone());
        let is_source = graph.connections.iter().all(|connection| connection.to != id.vertex);
        let hold = is_source.then(Hold::default);
        let thread = spawn(&format!("{name} ({})", id.subtask), ports, move |ports| {
            build(&TaskContext { start, ports: ports.clone(), metrics, alarm, hold })
        })?;
        let state = TaskState::Starting;
        self.tasks.insert(id, TaskHandle { commands, thread: Some(thread), state, is_source });
        Ok(())
    }

    /// Notes what a task is doing.
    pub(super) fn enter(&mut self, id: TaskId, state: TaskState) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.state = state;
        }
    }

    /// Every task has restored its state.
    pub(super) fn is_running(&self) -> bool {
        !self.tasks.values().any(|task| matches!(task.state, TaskState::Starting))
    }

    /// Every task has read all of its input.
    pub(super) fn is_finished(&self) -> bool {
        self.tasks.values().all(|task| matches!(task.state, TaskState::Finished(_)))
    }

    /// Every subtask of a vertex has read all of its input.
    pub(super) fn has_finished(&self, vertex: usize) -> bool {
        let mut tasks = self.tasks.iter().filter(|(id, _)| id.vertex == vertex);
        tasks.all(|(_, task)| matches!(task.state, TaskState::Finished(_)))
    }

    /// Every task, with its last state if it has read all of its input.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (TaskId, Option<Arc<Snapshot>>)> {
        self.tasks.iter().map(|(id, task)| match &task.state {
            TaskState::Finished(last) => (*id, Some(Arc::clone(last))),
            _ => (*id, None),
        })
    }

    /// Tells every source that still runs.
    pub(super) fn tell_sources(&self, command: Command) {
        self.tasks.values().filter(|task| task.is_source).for_each(|task| task.tell(command));
    }

    /// Tells every task that still runs.
    pub(super) fn tell_all(&self, command: Command) {
        self.tasks.values().for_each(|task| task.tell(command));
    }

    /// Ends all tasks, and waits for their threads.
    pub(super) fn end(&mut self) {
        self.halt.store(true, Ordering::Relaxed);
        self.tell_all(Command::Exit);
        for task in self.tasks.values_mut() {
            if let Some(thread) = task.thread.take() {
                // A panic was reported as an event.
                let _ = thread.join();
            }
        }
    }
}

impl TaskHandle {
    fn tell(&self, command: Command) {
        // A task that has ended needs to be told nothing.
        let _ = self.commands.send(command);
    }
}
