//! From a graph and options to a running job: everything that can be refused is refused here.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::unbounded;
use spt_format::{
    ColumnarReader, Engine, Extensions, Job, Layout, Lineage, MAX_PARALLELISM_LIMIT, OperatorId, Savepoint,
    SavepointKind, SavepointSource, failpoint,
};

use super::handle::JobHandle;
use super::job::Coordinator;
use super::now_ms;
use super::shared::Shared;
use super::store::{Store, newer_checkpoint};
use crate::config::{ClaimMode, PendingOutput};
use crate::control::{is_id, new_id};
use crate::error::{Error, Result};
use crate::graph::{Graph, parallelism_of_vertices, resolve};
use crate::job::{JobOptions, JobState, JobStatus, Notes, OperatorStatus, RestoreOptions, VertexStatus};
use crate::savepoint::{Restored, Terms, check};
use crate::tasks::{Blame, JobMetrics, OperatorInfo};

/// Starts a job, and returns once it runs, its state restored.
///
/// # Errors
/// A refusal, if the graph, the options and the savepoint do not go together; or why the first start failed.
pub(crate) fn launch(graph: Graph, name: &str, options: JobOptions) -> Result<JobHandle> {
    graph.check()?;
    let name = options.name.clone().unwrap_or_else(|| name.to_owned());
    let job_id = job_id(&options)?;
    let source = options.restore.as_ref().map(|restore| open(&restore.path)).transpose()?;
    let mut operators = resolve(&graph, &options, source.as_ref().map(SavepointSource::savepoint))?;
    let notes = Notes::default();
    check_uids(&graph, &options, &notes)?;
    let restored = match (source, &options.restore) {
        (Some(source), Some(restore)) => Some(fit(source, restore, &mut operators, &notes)?),
        _ => None,
    };
    let mut store = store(&options, &job_id)?;
    if let Some(restored) = &restored {
        claim(restored, &options, store.as_mut(), &notes)?;
    }
    let template = template(&graph, &operators, &job_id, &name, restored.as_ref());
    let vertices = parallelism_of_vertices(&graph, &options);
    let metrics = JobMetrics::new(&vertices, &operators);
    let status = status(&graph, &operators, &vertices, &job_id, &name);
    let shared = Arc::new(Shared::new(graph.plan(&name, &operators, &options), status, metrics));
    let (sender, requests) = unbounded();
    let restored_checkpoint = restored.as_ref().and_then(|restored| restored.checkpoint).unwrap_or(0);
    let next_checkpoint = restored_checkpoint.max(store.as_ref().map_or(0, Store::last)) + 1;
    let savepoint_dir = options.savepoint_dir.clone();
    let origin = options.restore.as_ref().map(|restore| (restore.path.clone(), restore.claim));
    let coordinator = Coordinator {
        shared: Arc::clone(&shared),
        graph,
        operators: Arc::new(operators),
        job_id: job_id.clone(),
        options,
        requests,
        store,
        carried: restored.as_ref().and_then(Restored::carried),
        restored: restored.map(Arc::new),
        template,
        next_checkpoint,
        encoders: None,
        abandoned: None,
        origin,
        unreadable: BTreeSet::new(),
        farewell: None,
        notes: notes.clone(),
    };
    let face = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("coordinator".to_owned());
    thread
        .spawn(move || {
            // Whoever waits for the job must hear of its end, even of this one.
            if let Err(error) = Blame::catch("coordinator", || {
                coordinator.run();
                Ok(())
            }) {
                face.enter(JobState::Failed);
                face.end(Some(error));
            }
        })
        .map_err(|error| Error::failed("a thread could not be started").caused_by(error))?;
    if !shared.wait_until_running() {
        shared.wait()?;
    }
    Ok(JobHandle::new(shared, sender, job_id, savepoint_dir, notes.said()))
}

fn job_id(options: &JobOptions) -> Result<String> {
    match &options.job_id {
        Some(id) if is_id(id) => Ok(id.clone()),
        Some(id) => Err(Error::refused(format!("the job id {id:?} is not 32 hex digits"))),
        None => Ok(new_id()?),
    }
}

fn open(path: &Path) -> Result<ColumnarReader> {
    failpoint("restore.open")?;
    ColumnarReader::options().open(path).map_err(|error| {
        let (path, reason) = (path.display().to_string(), error.full());
        let reason = reason.strip_prefix(&format!("{path}: ")).unwrap_or(&reason).to_owned();
        Error::refused(format!("{path} cannot be started from")).caused_by(reason)
    })
}

fn check_uids(graph: &Graph, options: &JobOptions, notes: &Notes) -> Result<()> {
    let warnings = graph.warnings();
    match warnings.first() {
        Some(warning) if options.strict_uids => Err(Error::refused(format!("{warning} (spt.strict-uids)"))),
        _ => {
            warnings.into_iter().for_each(|warning| notes.say(warning));
            Ok(())
        }
    }
}

fn fit(
    source: ColumnarReader,
    restore: &RestoreOptions,
    operators: &mut [OperatorInfo],
    notes: &Notes,
) -> Result<Restored> {
    let fit = check(operators, source.savepoint(), Terms::of(restore))?;
    fit.adopt(operators);
    fit.notes.iter().for_each(|text| notes.say(text.clone()));
    let mut restored = Restored::new(&restore.path, source, fit);
    if restore.pending == Some(PendingOutput::Discard) {
        for pending in std::mem::take(&mut restored.pending) {
            let operator = restored.label(pending.operator);
            notes.say(format!("pending output is not committed: operator {operator}, {}", pending.output));
        }
    }
    Ok(restored)
}

/// Who owns what the job starts from, and whether it is the newest there is.
///
/// # Errors
/// If it is to be claimed from a job that lives.
fn claim(restored: &Restored, options: &JobOptions, store: Option<&mut Store>, notes: &Notes) -> Result<()> {
    if let Some(newer) = newer_checkpoint(&restored.path) {
        notes.say(format!(
            "{} is newer than what the job starts from: output that was committed since then is written again",
            newer.display()
        ));
    }
    let is_claimed = options.restore.as_ref().is_some_and(|restore| restore.claim == ClaimMode::Claim);
    match store {
        Some(store) if is_claimed => {
            store.claim(restored.checkpoint.unwrap_or_default(), restored.path.clone())?;
        }
        None if is_claimed => {
            notes.say(format!("{} stays: this job takes no checkpoints", restored.path.display()));
        }
        _ => {}
    }
    Ok(())
}

fn store(options: &JobOptions, job_id: &str) -> Result<Option<Store>> {
    match &options.checkpoint_dir {
        Some(dir) => Store::open(dir, job_id, options.retained_checkpoints).map(Some),
        None if options.checkpoint_interval.is_some() => Err(Error::refused(
            "checkpoints are to be taken, and there is no folder for them: set execution.checkpointing.dir \
             (SPT_CHECKPOINT_DIR)",
        )),
        None => Ok(None),
    }
}

/// The catalogue of this job's snapshots, but for what differs from one to the next.
fn template(
    graph: &Graph,
    operators: &[OperatorInfo],
    job_id: &str,
    name: &str,
    restored: Option<&Restored>,
) -> Savepoint {
    Savepoint {
        engine: Engine::Spt,
        format_version: 1,
        kind: SavepointKind::Checkpoint,
        layout: Layout::Columnar,
        id: String::new(),
        job: Job { id: Some(job_id.to_owned()), name: Some(name.to_owned()) },
        created_at_ms: None,
        drained: false,
        lineage: restored.map(lineage).unwrap_or_default(),
        graph: Some(graph.to_model(operators)),
        operators: operators.iter().map(OperatorInfo::to_model).collect(),
        pending: Vec::new(),
        files: 0,
        bytes: 0,
        extensions: Extensions::default(),
    }
}

fn lineage(restored: &Restored) -> Vec<Lineage> {
    let savepoint = restored.savepoint();
    let mut lineage = savepoint.lineage.clone();
    lineage.push(Lineage {
        operation: "restore".to_owned(),
        source_id: Some(savepoint.id.clone()),
        source_path: Some(restored.path.display().to_string()),
        at_ms: now_ms(),
        receipt: None,
    });
    lineage
}

fn status(
    graph: &Graph,
    operators: &[OperatorInfo],
    vertices: &[u32],
    job_id: &str,
    name: &str,
) -> JobStatus {
    let vertex = |index: usize| {
        let names: Vec<_> = graph.nodes_of(index).map(|(_, node)| node.name.as_str()).collect();
        let first = operators.iter().find(|operator| operator.vertex == index);
        VertexStatus {
            id: first.map_or_else(
                || OperatorId::of_bytes(format!("exchange {index}").as_bytes()),
                |first| first.id,
            ),
            name: if names.is_empty() { "exchange".to_owned() } else { names.join(" -> ") },
            parallelism: vertices.get(index).copied().unwrap_or(1),
            max_parallelism: first.map_or(MAX_PARALLELISM_LIMIT, |first| first.max_parallelism),
            finished: 0,
            records_in: 0,
            records_out: 0,
            watermark_ms: None,
            times: Vec::new(),
        }
    };
    let vertices: Vec<_> = (0..vertices.len()).map(vertex).collect();
    let operator = |operator: &OperatorInfo| OperatorStatus {
        id: operator.id,
        uid: operator.uid.clone(),
        name: operator.name.clone(),
        vertex: vertices.get(operator.vertex).map_or(operator.id, |vertex| vertex.id),
        subtasks: Vec::new(),
    };
    JobStatus {
        id: job_id.to_owned(),
        name: name.to_owned(),
        state: JobState::Created,
        started_at_ms: now_ms(),
        changed_at_ms: now_ms(),
        ended_at_ms: None,
        restarts: 0,
        failure: None,
        operators: operators.iter().map(operator).collect(),
        vertices,
    }
}
