//! Which request means what.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::http::{Refusal, Request, Response};
use super::operations::{Admission, Operations};
use super::{answers, is_id, metrics, new_id};
use crate::config::Configuration;
use crate::job::{JobControl, JobStatus};

/// What requests are answered from.
pub(super) struct Routes {
    pub(super) job: Arc<dyn JobControl>,
    pub(super) configuration: Configuration,
    pub(super) operations: Operations,
}

/// The body of `POST …/savepoints`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct SavepointRequest {
    target_directory: Option<PathBuf>,
    cancel_job: bool,
    #[serde(rename = "triggerId")]
    trigger_id: Option<String>,
}

/// The body of `POST …/stop`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct StopRequest {
    target_directory: Option<PathBuf>,
    drain: bool,
    trigger_id: Option<String>,
}

impl Routes {
    /// Answers a request that was let in.
    pub(super) fn answer(&self, request: &Request) -> Result<Response, Refusal> {
        let path = request.path.strip_prefix("/v1").unwrap_or(&request.path);
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        let method = request.method.as_str();
        match parts.as_slice() {
            ["config"] => get(method, answers::dashboard),
            ["overview"] => get(method, || answers::cluster(&self.job.status())),
            ["metrics"] => self.metrics(method),
            ["jobs"] => get(method, || answers::job_ids(&self.job.status())),
            ["jobs", "overview"] => get(method, || answers::jobs(&self.job.status(), now_ms())),
            ["jobs", id, rest @ ..] => {
                let status = self.own(id)?;
                self.job(request, &status, rest)
            }
            _ => Err(Refusal(404, format!("nothing at {}", request.path))),
        }
    }

    fn job(&self, request: &Request, status: &JobStatus, rest: &[&str]) -> Result<Response, Refusal> {
        let method = request.method.as_str();
        match rest {
            [] if method == "PATCH" => self.cancel(request),
            [] => get(method, || answers::job(status, now_ms())),
            ["status"] => get(method, || answers::status(status)),
            ["plan"] => get(method, || answers::plan(status)),
            // Ours alone: the document `PROGRAM plan` prints, of the job that runs.
            ["spt", "plan"] => get(method, || self.job.plan()),
            ["config"] => get(method, || answers::config(status, &self.configuration)),
            ["exceptions"] => get(method, || answers::exceptions(status)),
            ["checkpoints"] => {
                get(method, || answers::checkpoints(&self.job.checkpoints(), subtasks(status)))
            }
            ["checkpoints", "config"] => get(method, || answers::checkpoint_config(&self.configuration)),
            ["checkpoints", "details", number] => self.checkpoint(method, status, number),
            ["savepoints"] => self.savepoint(request),
            ["savepoints", trigger] => self.operation(method, trigger),
            ["stop"] => self.stop(request),
            _ => Err(Refusal(404, format!("nothing at {}", request.path))),
        }
    }

    /// The job, if `id` is its id: an endpoint has one job.
    fn own(&self, id: &str) -> Result<JobStatus, Refusal> {
        if !is_id(id) {
            return Err(Refusal(400, format!("job id {id:?} is not 32 hex digits")));
        }
        let status = self.job.status();
        if status.id == id { Ok(status) } else { Err(Refusal(404, format!("job {id} was not found"))) }
    }

    fn metrics(&self, method: &str) -> Result<Response, Refusal> {
        only(method, "GET")?;
        let body = metrics::text(&self.job.status(), &self.job.checkpoints()).into_bytes();
        Ok(Response { status: 200, content_type: metrics::CONTENT_TYPE, body })
    }

    fn checkpoint(&self, method: &str, status: &JobStatus, number: &str) -> Result<Response, Refusal> {
        let seen = self.job.checkpoints();
        let found = seen.history.iter().find(|record| record.id.to_string() == number);
        let found = found.ok_or_else(|| Refusal(404, format!("checkpoint {number} is not remembered")))?;
        get(method, || answers::checkpoint(found, subtasks(status)))
    }

    fn cancel(&self, request: &Request) -> Result<Response, Refusal> {
        match request.parameter("mode").unwrap_or("cancel") {
            mode if mode.eq_ignore_ascii_case("cancel") => {}
            mode => return Err(Refusal(400, format!("mode {mode:?} is not \"cancel\""))),
        }
        let job = Arc::clone(&self.job);
        // Cancelling waits for the job's end, which this answer must not.
        let spawned = std::thread::Builder::new().name("cancel".to_owned()).spawn(move || job.cancel());
        spawned.map_err(|error| Refusal(503, error.to_string()))?;
        Ok(json(202, &Value::Object(serde_json::Map::new())))
    }

    fn savepoint(&self, request: &Request) -> Result<Response, Refusal> {
        only(&request.method, "POST")?;
        let asked: SavepointRequest = body(request)?;
        let job = Arc::clone(&self.job);
        self.start(asked.trigger_id, move || {
            let path = job.savepoint(asked.target_directory.as_deref()).map_err(|error| error.full())?;
            if asked.cancel_job {
                let told = |error: crate::Error| {
                    format!(
                        "the savepoint {} is whole, but the job was not cancelled: {}",
                        path.display(),
                        error.full()
                    )
                };
                job.cancel().map_err(told)?;
            }
            Ok(path)
        })
    }

    fn stop(&self, request: &Request) -> Result<Response, Refusal> {
        only(&request.method, "POST")?;
        let asked: StopRequest = body(request)?;
        let job = Arc::clone(&self.job);
        self.start(asked.trigger_id, move || {
            job.stop(asked.target_directory.as_deref(), asked.drain).map_err(|error| error.full())
        })
    }

    fn start(
        &self,
        id: Option<String>,
        work: impl FnOnce() -> Result<PathBuf, String> + Send + 'static,
    ) -> Result<Response, Refusal> {
        let id = match id {
            Some(id) if is_id(&id) => id,
            Some(id) => return Err(Refusal(400, format!("trigger id {id:?} is not 32 hex digits"))),
            None => new_id().map_err(|error| Refusal(500, error.full()))?,
        };
        match self.operations.start(&id, work) {
            Admission::Taken => Ok(json(202, &answers::triggered(&id))),
            Admission::Full => Err(Refusal(503, "too many requests are under way".to_owned())),
        }
    }

    fn operation(&self, method: &str, trigger: &str) -> Result<Response, Refusal> {
        only(method, "GET")?;
        match self.operations.fetch(trigger) {
            Some(progress) => Ok(json(200, &answers::operation(&progress))),
            None => Err(Refusal(404, format!("request {trigger} was not found"))),
        }
    }
}

impl From<Refusal> for Response {
    fn from(Refusal(status, message): Refusal) -> Self {
        json(status, &answers::errors(&message))
    }
}

fn json(status: u16, value: &Value) -> Response {
    Response { status, content_type: "application/json; charset=UTF-8", body: value.to_string().into_bytes() }
}

fn get(method: &str, answer: impl FnOnce() -> Value) -> Result<Response, Refusal> {
    only(method, "GET")?;
    Ok(json(200, &answer()))
}

fn only(method: &str, allowed: &str) -> Result<(), Refusal> {
    if method == allowed { Ok(()) } else { Err(Refusal(405, format!("{method} is not allowed here"))) }
}

/// An absent body is one without members.
fn body<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Refusal> {
    if request.body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| Refusal(400, format!("the body makes no sense: {error}")))
}

fn subtasks(status: &JobStatus) -> u32 {
    status.vertices.iter().map(|vertex| vertex.parallelism).sum()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
