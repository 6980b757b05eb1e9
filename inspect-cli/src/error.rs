//! Why a command could not do what it was asked, and what to do next.

use std::fmt;
use std::io;

use spt_format::{Error, ErrorKind};

/// A result whose failure is told to a person.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// What went wrong, in one line, and a hint at what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    closed_pipe: bool,
}

impl Failure {
    /// A failure with this message: lower case, both values, no full stop.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, closed_pipe: false }
    }

    /// The same failure with what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do next, if something can be said.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whoever read our output has seen enough: no error.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    /// Failed to write the answer to stdout.
    pub(crate) fn stdout(error: io::Error) -> Self {
        let closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { message: format!("stdout: write failed: {error}"), hint: None, closed_pipe }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<spt_runtime::Error> for Failure {
    fn from(error: spt_runtime::Error) -> Self {
        Self::new(error.full())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Self::new(error.full());
        match hint_for(error.kind()) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// What a person can do about an error of the library.
fn hint_for(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotASavepoint { .. } => {
            "name the directory that holds `manifest.json` or `_metadata`, or a folder of savepoints and `@latest`"
        }
        ErrorKind::UnsupportedVersion { .. } | ErrorKind::UnsupportedFeature { .. } => {
            "it was written by something newer: upgrade `spt`"
        }
        ErrorKind::ChecksumMismatch { .. }
        | ErrorKind::Mismatch { .. }
        | ErrorKind::Truncated { .. }
        | ErrorKind::TrailingBytes { .. }
        | ErrorKind::ImpossibleCount { .. }
        | ErrorKind::Missing => "`spt validate` lists everything that is damaged in this savepoint",
        ErrorKind::Vanished => "a running job deletes its old checkpoints: try again, or take a savepoint",
        ErrorKind::AlreadyExists => "nothing is ever overwritten: name another place, or remove it first",
        _ => return None,
    })
}
