//! The other end: requests to the control endpoint of a job.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use spt_format::{Error, ErrorKind, ReadLimits, Result, ResultExt};

use super::registry::JobEntry;

const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(30);
/// For what a job knows by heart: whoever asks, asks many jobs, and one of them may be suspended.
const GLANCE: Duration = Duration::from_secs(2);
const MAX_ANSWER_BYTES: u64 = 16 << 20;
const MAX_TOKEN_BYTES: u64 = 4096;
/// Between two questions for the outcome of a request.
const PAUSE: Duration = Duration::from_millis(25);

/// A way to a running job.
#[derive(Debug, Clone)]
pub struct Client {
    job: String,
    address: String,
    token: Option<String>,
}

/// A request that is under way in the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation(String);

impl Client {
    /// To the job of this entry. The token is read from the entry's file, unless `SPT_TOKEN` holds it.
    ///
    /// # Errors
    /// If the file of the token cannot be read.
    pub fn of(entry: &JobEntry) -> Result<Self> {
        let token = match std::env::var("SPT_TOKEN") {
            Ok(token) if !token.is_empty() => Some(token),
            _ => entry.token_file.as_deref().map(read_token).transpose()?,
        };
        Ok(Self::new(&entry.id, &entry.address, token))
    }

    /// To the job with this id at this address.
    pub fn new(job: impl Into<String>, address: impl Into<String>, token: Option<String>) -> Self {
        Self { job: job.into(), address: address.into(), token }
    }

    /// The job's row in `/jobs/overview`: `state`, `name`, `start-time`, `duration`, `tasks`.
    ///
    /// # Errors
    /// If the job does not answer.
    pub fn overview(&self) -> Result<Value> {
        let mut jobs = self.request("GET", "/v1/jobs/overview", None, GLANCE)?;
        let row = jobs.pointer_mut("/jobs/0").map(Value::take);
        row.ok_or_else(|| Error::invalid("an overview without the job").in_file(&self.address))
    }

    /// What `/jobs/:id/<what>` tells.
    ///
    /// # Errors
    /// If the job does not answer, or refuses.
    pub fn detail(&self, what: &str) -> Result<Value> {
        self.request("GET", &self.path(what), None, ANSWER)
    }

    /// Asks for a savepoint below `dir`, or below the folder that the job is configured with.
    ///
    /// # Errors
    /// If the job does not answer, or refuses.
    pub fn savepoint(&self, dir: Option<&Path>) -> Result<Operation> {
        self.trigger("savepoints", &json!({"target-directory": dir, "cancel-job": false}))
    }

    /// Asks the job to take a savepoint and end behind it.
    ///
    /// # Errors
    /// If the job does not answer, or refuses.
    pub fn stop(&self, dir: Option<&Path>, drain: bool) -> Result<Operation> {
        self.trigger("stop", &json!({"targetDirectory": dir, "drain": drain}))
    }

    /// Asks the job to end as it is. It ends a moment later.
    ///
    /// # Errors
    /// If the job does not answer, or refuses.
    pub fn cancel(&self) -> Result<()> {
        self.request("PATCH", &format!("/v1/jobs/{}?mode=cancel", self.job), None, ANSWER).map(drop)
    }

    /// The outcome of a request, if it is there: the path of the savepoint.
    ///
    /// # Errors
    /// Why it failed; or if the job does not answer.
    pub fn poll(&self, operation: &Operation) -> Result<Option<PathBuf>> {
        let answer = self.detail(&format!("savepoints/{}", operation.0))?;
        if answer.pointer("/status/id") != Some(&"COMPLETED".into()) {
            return Ok(None);
        }
        if let Some(location) = answer.pointer("/operation/location").and_then(Value::as_str) {
            return Ok(Some(PathBuf::from(location)));
        }
        let why = answer.pointer("/operation/failure-cause/stack-trace").and_then(Value::as_str);
        Err(Error::bad_request(why.unwrap_or("the request failed and says nothing of it")))
    }

    /// Waits for the outcome of a request.
    ///
    /// # Errors
    /// As [`Client::poll`].
    pub fn wait(&self, operation: &Operation) -> Result<PathBuf> {
        loop {
            if let Some(path) = self.poll(operation)? {
                return Ok(path);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn path(&self, what: &str) -> String {
        format!("/v1/jobs/{}/{what}", self.job)
    }

    fn trigger(&self, what: &str, body: &Value) -> Result<Operation> {
        let answer = self.request("POST", &self.path(what), Some(body), ANSWER)?;
        match answer.get("request-id").and_then(Value::as_str) {
            Some(id) => Ok(Operation(id.to_owned())),
            None => Err(Error::invalid("an answer without a request-id").in_file(&self.address)),
        }
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>, patience: Duration) -> Result<Value> {
        let answer = self.send(method, path, body, patience).within(|| format!("job {}", self.job))?;
        let (status, body) = parse(&answer).in_file(&self.address)?;
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            Error::invalid("an answer that is no JSON").caused_by(error).in_file(&self.address)
        })?;
        if (200..300).contains(&status) {
            return Ok(value);
        }
        let why = value.pointer("/errors/0").and_then(Value::as_str).unwrap_or("no reason given");
        Err(Error::bad_request(format!("status {status}: {why}")).in_file(&self.address))
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>, patience: Duration) -> Result<Vec<u8>> {
        let failed = |action| {
            move |error: std::io::Error| match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                    Error::bad_request(format!("no answer for {patience:?}: is its process suspended?"))
                        .in_file(&self.address)
                }
                _ => Error::new(ErrorKind::Io { action }, self.address.as_str()).caused_by(error),
            }
        };
        let address = self.resolve()?;
        let mut stream = TcpStream::connect_timeout(&address, CONNECT).map_err(failed("connect"))?;
        stream.set_read_timeout(Some(patience)).map_err(failed("read"))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        let token =
            self.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{token}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(failed("send"))?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut answer).map_err(failed("read"))?;
        ReadLimits::check("size of the answer", answer.len() as u64, MAX_ANSWER_BYTES)?;
        Ok(answer)
    }

    fn resolve(&self) -> Result<SocketAddr> {
        let addresses = self.address.to_socket_addrs();
        let mut addresses = addresses.map_err(|error| Error::io("resolve", self.address.as_str(), error))?;
        addresses.next().ok_or_else(|| Error::bad_request("no address").in_file(&self.address))
    }
}

/// The status and the body of an answer.
fn parse(answer: &[u8]) -> Result<(u16, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let head = response.parse(answer);
    match (head, response.code) {
        (Ok(httparse::Status::Complete(length)), Some(status)) => {
            Ok((status, answer.get(length..).unwrap_or_default()))
        }
        _ => Err(Error::invalid("an answer that is no HTTP")),
    }
}

/// The first line of a file that holds a token.
pub(super) fn read_token(file: &Path) -> Result<String> {
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| Error::io("open", file, error))?;
    let read = opened.take(MAX_TOKEN_BYTES).read_to_string(&mut text);
    read.map_err(|error| Error::io("read", file, error))?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() && token.is_ascii() => Ok(token.to_owned()),
        _ => Err(Error::invalid("the first line is no token").in_file(file.display().to_string())),
    }
}
