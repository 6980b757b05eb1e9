//! All that makes a job reachable while it lives: its place in the registry, its endpoint, its handshake.

use std::path::PathBuf;
use std::sync::Arc;

use spt_format::Result;

use super::client::read_token;
use super::endpoint::{Endpoint, EndpointOptions};
use super::handshake::{Handshake, Outcome};
use super::registry::{JobEntry, Registered, Registry};
use crate::config::{Configuration, options};
use crate::job::JobControl;

/// A job that can be found and asked. Dropping it makes an end of that.
#[derive(Debug)]
pub struct Session {
    id: String,
    handshake: Handshake,
    endpoint: Option<Endpoint>,
    registered: Option<Registered>,
}

impl Session {
    /// Takes the place of the job with this id in the registry, before anything of the job is done. If it was
    /// started detached, the process leaves its terminal. With `spt.control.enabled: false` there is only the
    /// handshake.
    ///
    /// # Errors
    /// If a live process has the job's id, or the registry is not the user's alone.
    pub fn claim(id: &str, configuration: &Configuration) -> Result<Self> {
        leave_terminal();
        let is_enabled = configuration.get(&options::CONTROL_ENABLED).unwrap_or(true);
        let registered = is_enabled.then(|| Registry::of_user()?.claim(id)).transpose()?;
        Ok(Self { id: id.to_owned(), handshake: Handshake::of_process(), endpoint: None, registered })
    }

    /// Makes the job reachable: listens, and publishes where.
    ///
    /// # Errors
    /// If the token cannot be read, or no port is free.
    pub fn open(&mut self, job: Arc<dyn JobControl>, configuration: &Configuration) -> Result<()> {
        let Some(registered) = &self.registered else { return Ok(()) };
        let status = job.status();
        let endpoint = Endpoint::open(job, configuration.clone(), endpoint_options(configuration)?)?;
        let mut entry = JobEntry::new(status.id, status.name, endpoint.address().to_string());
        entry.started_at_ms = status.started_at_ms;
        entry.token_file = configuration.get(&options::TOKEN_FILE).map(absolute);
        entry.checkpoint_dir = configuration.get(&options::CHECKPOINT_DIR).map(absolute);
        entry.log_file = std::env::var_os("SPT_LOG_FILE").map(PathBuf::from);
        registered.publish(&entry)?;
        self.endpoint = Some(endpoint);
        Ok(())
    }

    /// Where the endpoint listens, if there is one.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.endpoint.as_ref().map(Endpoint::address)
    }

    /// Tells whoever started the job that it runs, its state restored, and what there is to know of its start.
    pub fn running(&mut self, notes: &[String]) {
        self.handshake.tell(&Outcome::Running { id: self.id.clone(), notes: notes.to_vec() });
    }

    /// Ends the session once everyone has fetched the outcome of their request, or after a few seconds. The
    /// job's place in the registry is given up first: nobody new finds it.
    pub fn close(mut self) {
        self.registered = None;
        if let Some(endpoint) = self.endpoint.take() {
            endpoint.close();
        }
    }

    /// Tells whoever started the job that it does not run, and why; unless it was told that it does.
    pub fn failed(error: &crate::Error) {
        let told = error.full();
        Handshake::of_process().tell(&match error.is_refusal() {
            true => Outcome::Refused { error: told },
            false => Outcome::Failed { error: told },
        });
    }
}

fn endpoint_options(configuration: &Configuration) -> Result<EndpointOptions> {
    let token = match std::env::var("SPT_TOKEN") {
        Ok(token) if !token.is_empty() => Some(token),
        _ => configuration.get(&options::TOKEN_FILE).as_deref().map(read_token).transpose()?,
    };
    Ok(EndpointOptions { ports: configuration.get(&options::CONTROL_PORT).unwrap_or((0, 0)), token })
}

/// A detached job gets a session of its own, so that the terminal it was started from can be closed.
fn leave_terminal() {
    if std::env::var_os("SPT_DETACHED").is_some_and(|value| value == "1") {
        // Refused only to a leader of a process group, which has left the terminal already.
        let _ = rustix::process::setsid();
    }
}

/// Others read it from another working directory.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}
