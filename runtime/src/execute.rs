//! Starts a job: embedded in a program, or as the program.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{Configuration, Layers, options};
use crate::control::{Session, new_id};
use crate::coordinator::{JobHandle, launch};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Environment;
use crate::job::{JobControl, JobOptions, JobState, note, set_up as set_up_log};
use crate::signals::Watch;

impl Environment {
    /// Runs the job as this program: options come from `SPT_*` variables and the file that `SPT_CONFIG` names,
    /// the job can be found by `spt list`, and the call returns when it is over.
    ///
    /// SIGTERM and SIGINT end the job in good order: with a savepoint if `spt.savepoint-on-sigterm` is set, otherwise
    /// as it is, its checkpoints kept. A second one ends the process at once.
    ///
    /// With `plan` as the program's first argument, or `SPT_PLAN=1`, the plan is printed and nothing is run.
    ///
    /// # Errors
    /// A refusal, if the job was not started; otherwise why it failed.
    pub fn execute(&self, name: &str) -> Result<JobState> {
        set_up_log()?;
        let (configuration, warnings) = Layers::of_process().load()?;
        warnings.iter().for_each(|warning| note(warning));
        let options = JobOptions::from_configuration(&configuration);
        if asks_for_plan() {
            return self.print_plan(name, &options).map(|()| JobState::Created);
        }
        let result = self.run_as_program(name, options, &configuration);
        if let Err(error) = &result {
            Session::failed(error);
        }
        result
    }

    fn run_as_program(
        &self,
        name: &str,
        mut job_options: JobOptions,
        configuration: &Configuration,
    ) -> Result<JobState> {
        let takes_savepoint = configuration.get(&options::SAVEPOINT_ON_TERMINATE).unwrap_or(false);
        if takes_savepoint && job_options.savepoint_dir.is_none() {
            return Err(Error::refused(
                "a signal is to stop the job with a savepoint, and there is no folder for it: set \
                 execution.checkpointing.savepoint-dir (SPT_SAVEPOINT_DIR)",
            ));
        }
        let id = job_options.job_id.take().map_or_else(new_id, Ok)?;
        // Before anything is done: a second job with this id would clean up what the first has pending.
        let mut session = Session::claim(&id, configuration).map_err(|error| Error::refused(error.full()))?;
        let job = self.start(name, JobOptions { job_id: Some(id), ..job_options })?;
        let watch = Watch::over(&job, takes_savepoint).inspect_err(|_| {
            let _ = job.cancel();
        })?;
        session.open(Arc::new(job.clone()), configuration).inspect_err(|_| {
            // Nobody could find it: better no job than one that nobody can stop.
            let _ = job.cancel();
        })?;
        session.running(job.notes());
        let outcome = job.wait();
        session.close();
        watch.outcome(outcome)
    }

    /// Starts the job in this process, and returns once it runs, its state restored.
    ///
    /// # Errors
    /// A refusal, if the graph, the options and the savepoint do not go together; or why it could not start.
    pub fn start(&self, name: &str, options: JobOptions) -> Result<JobHandle> {
        launch(self.take(), name, options)
    }

    /// The job's plan: every operator, uid, state and type, before a record flows.
    ///
    /// # Errors
    /// A refusal, if the graph cannot run.
    pub fn plan(&self, name: &str, options: &JobOptions) -> Result<spt_format::Plan> {
        self.edit(|graph| {
            graph.check()?;
            let operators = crate::graph::resolve(graph, options, None)?;
            Ok(graph.plan(options.name.as_deref().unwrap_or(name), &operators, options))
        })
    }

    fn print_plan(&self, name: &str, options: &JobOptions) -> Result<()> {
        let plan = self.plan(name, options)?;
        let text = serde_json::to_string(&plan)
            .map_err(|error| Error::failed("the plan is no JSON").caused_by(error))?;
        match writeln!(std::io::stdout(), "{text}") {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}

/// What a job's program exits with: 0 for a job that ended well, 1 for one that failed, 2 for one that was not
/// started, 128 and the signal's number for one that a signal ended where it was. The error is told on standard error.
pub fn exit_code<T>(result: Result<T>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "error: {}", error.full());
    ExitCode::from(match error.kind() {
        ErrorKind::Refused { .. } => 2,
        ErrorKind::Interrupted { signal, .. } => u8::try_from(128 + signal).unwrap_or(1),
        _ => 1,
    })
}

fn asks_for_plan() -> bool {
    let is_set = std::env::var_os("SPT_PLAN").is_some_and(|value| value == "1");
    is_set || std::env::args_os().nth(1).is_some_and(|first| first == "plan")
}
