//! What cannot be read is a state, too: one that says why.

use spt_format::{Error, ErrorKind, Field, Location, Logical, StateKind, StateSchema, Type};

use super::{Found, Piece};

/// Why something cannot be read: the error, made again for everybody who asks.
#[derive(Debug, Clone)]
pub(in crate::source) struct Unreadable {
    /// What this program cannot do, where the bytes are in order.
    unsupported: Option<String>,
    location: Location,
    text: String,
}

impl Unreadable {
    pub(in crate::source) fn new(error: &Error) -> Self {
        let unsupported = match error.kind() {
            ErrorKind::Unsupported { what } => Some(what.clone()),
            _ => None,
        };
        Self { unsupported, location: error.location().clone(), text: error.kind().to_string() }
    }

    pub(in crate::source) fn error(&self) -> Error {
        let kind = match &self.unsupported {
            Some(what) => ErrorKind::Unsupported { what: what.clone() },
            None => ErrorKind::Invalid { what: self.text.clone() },
        };
        Error::new(kind, self.location.clone())
    }
}

impl Found {
    /// Something of this size that cannot be read.
    pub(super) fn unreadable(name: &str, bytes: Option<u64>, error: &Error) -> Self {
        let value = Field::new("", Type::Binary).with_logical(Logical::Opaque(name.to_owned()));
        Self {
            name: name.to_owned(),
            kind: StateKind::Raw,
            schema: StateSchema::per_subtask(value),
            read_as: None,
            ttl: None,
            key_hash: None,
            rows: None,
            bytes,
            piece: Piece::Unreadable(Unreadable::new(error)),
            hazards: Vec::new(),
        }
    }
}
