//! What can go wrong, and where.
//!
//! [`Error`] is one opaque word that carries a precise [`ErrorKind`], a [`Location`] and, where another
//! error caused it, that cause. It prints on one line: the place, then both values.

use std::fmt;

use crate::location::Location;

/// A result whose error has a place.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and because of what.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    location: Location,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

/// The kinds of trouble a caller would act on differently.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing here that could be opened. Name another path.
    #[error("not a savepoint: {reason}")]
    NotASavepoint {
        /// What was looked for and not found.
        reason: String,
    },
    /// Not damaged: written by something newer. Upgrade, or ask the writer for an older version.
    #[error("{what} version is {found}, readable are {readable}")]
    UnsupportedVersion {
        /// The thing that is versioned, for instance `format`.
        what: &'static str,
        /// The version that was found.
        found: i64,
        /// The versions this build reads.
        readable: &'static str,
    },
    /// Not damaged: needs a feature this build does not know. Upgrade.
    #[error("needs the feature {feature:?}, which this version does not know")]
    UnsupportedFeature {
        /// The feature's name in the manifest.
        feature: String,
    },
    /// Not damaged, but this build cannot do it.
    #[error("{what} is not supported")]
    Unsupported {
        /// What is not supported.
        what: String,
    },
    /// Damaged. Restore this file from another copy.
    #[error("checksum is {found}, expected {expected}")]
    ChecksumMismatch {
        /// SHA-256 of the bytes, lower-case hex.
        found: String,
        /// SHA-256 that was recorded, lower-case hex.
        expected: String,
    },
    /// Damaged or swapped. Restore this file from another copy.
    #[error("{what} is {found}, expected {expected}")]
    Mismatch {
        /// The thing compared, for instance `file size`.
        what: String,
        /// What was found.
        found: String,
        /// What was recorded.
        expected: String,
    },
    /// Damaged: the bytes end early.
    #[error("{what} needs {needed} bytes, {left} are left")]
    Truncated {
        /// What was being read.
        what: String,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that were left.
        left: u64,
    },
    /// Damaged, or written by something newer: bytes follow where none may.
    #[error("{count} bytes follow the end of {what}")]
    TrailingBytes {
        /// What had ended.
        what: String,
        /// How many bytes follow.
        count: u64,
    },
    /// Damaged: a count that cannot fit into what follows.
    #[error("{declared} {what} are declared, at most {possible} can follow")]
    ImpossibleCount {
        /// What is counted.
        what: String,
        /// The count in the file.
        declared: i64,
        /// How many could physically follow.
        possible: u64,
    },
    /// Refused: more than the configured limit. Raise the limit if the input is trusted.
    #[error("{what} is {found}, the limit is {limit}")]
    LimitExceeded {
        /// What is limited.
        what: &'static str,
        /// What was found.
        found: u64,
        /// The limit, see [`ReadLimits`](crate::ReadLimits).
        limit: u64,
    },
    /// Refused: a path that leaves the savepoint.
    #[error("path {path:?} leaves the savepoint")]
    PathEscapes {
        /// The path as it was found.
        path: String,
    },
    /// Damaged: bytes that mean nothing.
    #[error("{what}")]
    Invalid {
        /// What is wrong, with the value that was found.
        what: String,
    },
    /// A file that should be there is not.
    #[error("file is missing")]
    Missing,
    /// A file disappeared while the savepoint was read, as a checkpoint does when a newer one subsumes it.
    #[error("file vanished while the savepoint was read")]
    Vanished,
    /// What was asked for does not exist in this savepoint.
    #[error("{what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The target is taken. Nothing was written.
    #[error("already exists")]
    AlreadyExists,
    /// The request itself makes no sense. Nothing was written.
    #[error("{what}")]
    BadRequest {
        /// What is wrong with it.
        what: String,
    },
    /// The operating system said no.
    #[error("{action} failed")]
    Io {
        /// What was tried, for instance `read`.
        action: &'static str,
    },
}

impl Error {
    /// An error of this kind at this place.
    pub fn new(kind: ErrorKind, location: impl Into<Location>) -> Self {
        Self(Box::new(Inner { kind, location: location.into(), source: None }))
    }

    /// Bytes that mean nothing: [`ErrorKind::Invalid`] without a place yet.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid { what: what.into() }, Location::default())
    }

    /// A request that makes no sense: [`ErrorKind::BadRequest`].
    pub fn bad_request(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest { what: what.into() }, Location::default())
    }

    /// What was asked for does not exist: [`ErrorKind::NotFound`].
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound { what: what.into() }, Location::default())
    }

    /// The operating system's refusal of `action` at `location`.
    ///
    /// A missing file becomes [`ErrorKind::Missing`], an existing one [`ErrorKind::AlreadyExists`].
    pub fn io(action: &'static str, location: impl Into<Location>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::Missing,
            std::io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            _ => ErrorKind::Io { action },
        };
        Self::new(kind, location).caused_by(source)
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, placed in `file` unless it has a file already.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.0.location.set_file(file);
        self
    }

    /// The same error, one level further in: `what` encloses the place known so far.
    #[must_use]
    pub fn within(mut self, what: impl Into<String>) -> Self {
        self.0.location.enclose(what);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where it went wrong.
    pub fn location(&self) -> &Location {
        &self.0.location
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
        if self.0.location.is_empty() {
            write!(f, "{}", self.0.kind)
        } else {
            write!(f, "{}: {}", self.0.location, self.0.kind)
        }
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

/// Gives the error of a result a place, on its way up.
pub trait ResultExt<T> {
    /// Names the file, unless a deeper level named one.
    fn in_file(self, file: impl Into<String>) -> Result<T>;
    /// Names what encloses the place known so far. The closure runs on the error path only.
    fn within<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T> ResultExt<T> for Result<T> {
    #[inline]
    fn in_file(self, file: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.in_file(file))
    }

    #[inline]
    fn within<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.within(what()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_place_then_both_values() {
        let error = Error::new(
            ErrorKind::ChecksumMismatch { found: "9f".into(), expected: "1c".into() },
            Location::default(),
        )
        .within("row group 2")
        .in_file("sum-001/counts/0.parquet");
        assert_eq!(error.to_string(), "sum-001/counts/0.parquet, row group 2: checksum is 9f, expected 1c");
    }

    #[test]
    fn a_place_that_two_levels_name_is_printed_once() {
        let error = Error::invalid("no").within("row 2").within("state a").within("state a").within("b");
        assert_eq!(error.to_string(), "b, state a, row 2: no");
    }

    #[test]
    fn full_prints_the_cause_once() {
        let error = Error::io("read", "a/b", std::io::Error::other("disk on fire"));
        assert_eq!(error.full(), "a/b: read failed: disk on fire");
    }
}
