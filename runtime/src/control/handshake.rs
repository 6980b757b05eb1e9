//! How a job tells the process that started it that it runs, or why it does not.
//!
//! `spt run` names a file in `SPT_HANDSHAKE`; the job writes it once, whole. A job that dies before it has
//! written the file is noticed by its end.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spt_format::{Error, Result};

use super::registry::write_whole;

/// The variable that names the file.
const VARIABLE: &str = "SPT_HANDSHAKE";

/// What became of the start of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// It runs: its state is restored, and records flow.
    Running {
        /// Its id.
        id: String,
        /// What a person should know of its start.
        #[serde(default)]
        notes: Vec<String>,
    },
    /// It was not started, and nothing was changed.
    Refused {
        /// Why.
        error: String,
    },
    /// It was started and did not come to run: its source is not there, for instance.
    Failed {
        /// Why.
        error: String,
    },
}

/// The job's side: says once what became of its start.
#[derive(Debug, Default)]
pub struct Handshake(Option<PathBuf>);

impl Handshake {
    /// With the process that started this one, if that wants to know.
    pub fn of_process() -> Self {
        Self(std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from))
    }

    /// Says it, unless something was said before. A starter that is gone is no reason to fail.
    pub fn tell(&mut self, outcome: &Outcome) {
        let silent = self.0.take().filter(|path| !path.exists());
        if let (Some(path), Ok(text)) = (silent, serde_json::to_vec(outcome)) {
            let _ = write_whole(&path, &text);
        }
    }

    /// The starter's side: the variable to set for the job.
    pub fn variable(path: &Path) -> (&'static str, &Path) {
        (VARIABLE, path)
    }

    /// The starter's side: what the job has said, if it has.
    ///
    /// # Errors
    /// If the file is there and makes no sense.
    pub fn heard(path: &Path) -> Result<Option<Outcome>> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        let outcome = serde_json::from_slice(&text).map_err(|error| {
            Error::invalid("no answer of a job").in_file(path.display().to_string()).caused_by(error)
        })?;
        Ok(Some(outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_hears_what_was_said_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handshake");
        assert_eq!(Handshake::heard(&path).unwrap(), None);
        let mut handshake = Handshake(Some(path.clone()));
        let refused = Outcome::Refused { error: "no state for sum-001".into() };
        handshake.tell(&refused);
        let running = Outcome::Running { id: "0".repeat(32), notes: Vec::new() };
        handshake.tell(&running);
        Handshake(Some(path.clone())).tell(&running);
        assert_eq!(Handshake::heard(&path).unwrap(), Some(refused));
    }

    #[test]
    fn a_file_that_makes_no_sense_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handshake");
        std::fs::write(&path, "{").unwrap();
        assert!(Handshake::heard(&path).is_err());
    }
}
