//! What goes wrong in a job: refused before it started, failed while it ran, or a request it could not meet.

use std::fmt;

/// A result of the runtime.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and because of what.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

/// The kinds of trouble a caller would act on differently.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The job was not started, and nothing was changed: its graph, its options or its savepoint do not fit.
    #[error("{reason}")]
    Refused {
        /// What does not fit, and what to do about it.
        reason: String,
    },
    /// An operator failed or panicked while the job ran.
    #[error("operator {operator} failed")]
    OperatorFailed {
        /// Its uid, or its name if it has none.
        operator: String,
    },
    /// No checkpoint or savepoint was taken; the job goes on.
    #[error("{what} in {path} failed")]
    SnapshotFailed {
        /// `checkpoint 7` or `savepoint`.
        what: String,
        /// The folder that it was to be.
        path: String,
    },
    /// The savepoint or checkpoint at this path is whole, but its output could not be committed.
    #[error("{path} is whole, but its output could not be committed")]
    CommitFailed {
        /// Where it is.
        path: String,
    },
    /// A snapshot that the job starts from is damaged, or is gone.
    #[error("{path} cannot be read back")]
    Unreadable {
        /// Where it is, or was.
        path: String,
    },
    /// A signal ended the process's job before its input did. Its checkpoints are kept.
    #[error("ended by {name}; its checkpoints stay, and it can go on from the newest")]
    Interrupted {
        /// The signal's number.
        signal: i32,
        /// Its name, `SIGTERM`.
        name: &'static str,
    },
    /// The job is not running, so it cannot do what was asked.
    #[error("the job is {status}")]
    NotRunning {
        /// What it is instead.
        status: String,
    },
    /// The job ends, and a part of it noticed: no failure of its own.
    #[error("the job ends")]
    Halted,
    /// Anything else.
    #[error("{what}")]
    Failed {
        /// What failed.
        what: String,
    },
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, source: None }))
    }

    /// The job is not started, for this reason.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused { reason: reason.into() })
    }

    /// Something failed that no caller would act on in a special way.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed { what: what.into() })
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The job was never started: exit code 2, not 1.
    pub fn is_refusal(&self) -> bool {
        matches!(self.kind(), ErrorKind::Refused { .. })
    }

    /// The snapshot that could not be read back, if that is behind it.
    pub(crate) fn unreadable(&self) -> Option<&str> {
        self.chain().find_map(|error| match error.kind() {
            ErrorKind::Unreadable { path } => Some(path.as_str()),
            _ => None,
        })
    }

    /// The same first start would fail with it again: an operator refuses, or the snapshot cannot be read.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.unreadable().is_some() || self.chain().any(Self::is_refusal)
    }

    /// The error of a start that did not come to run: if anybody has refused, the job was refused.
    pub(crate) fn of_start(mut self) -> Self {
        if self.chain().any(Self::is_refusal) {
            self.0.kind = ErrorKind::Refused { reason: self.to_string() };
        }
        self
    }

    /// This error and the causes that are of this type.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |error| error.0.source.as_deref()?.downcast_ref())
    }

    /// The whole story on one line: this error and every cause after it, separated by colons.
    pub fn full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({})", self.full())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<spt_format::Error> for Error {
    fn from(error: spt_format::Error) -> Self {
        let source = std::error::Error::source(&error).map(|source| source.to_string());
        let wrapped = Self::failed(error.to_string());
        match source {
            Some(source) => wrapped.caused_by(source),
            None => wrapped,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
