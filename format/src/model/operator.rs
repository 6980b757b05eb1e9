//! Operators and how they are named.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::extensions::Extensions;
use super::state::State;
use crate::error::{Error, Result};

/// The name an author gave an operator. Free text; never empty, never part of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(String);

impl Uid {
    /// A uid of this text.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is empty.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if text.is_empty() {
            return Err(Error::invalid("a uid is empty"));
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The 128 bits that name an operator in a savepoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OperatorId(pub [u8; 16]);

impl OperatorId {
    /// The id of an operator with this uid: Murmur3 x64 128, seed 0, of its UTF-8 bytes.
    ///
    /// # Source
    /// Flink, `StreamGraphHasherV2.generateUserSpecifiedHash`.
    pub fn of_uid(uid: &str) -> Self {
        Self::of_bytes(uid.as_bytes())
    }

    /// The same hash of any bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        // Reading from memory cannot fail.
        let hash = murmur3::murmur3_x64_128(&mut io::Cursor::new(bytes), 0).unwrap_or_default();
        Self(hash.to_le_bytes())
    }
}

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperatorId({self})")
    }
}

impl FromStr for OperatorId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten();
        number
            .map(|number| Self(number.to_be_bytes()))
            .ok_or_else(|| Error::invalid(format!("operator id {text:?} is not 32 hex digits")))
    }
}

impl From<OperatorId> for String {
    fn from(id: OperatorId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for OperatorId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// Where an operator's uid, or its absence, comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UidOrigin {
    /// Given by the job's author: stable.
    Given,
    /// There is none: the id was derived from the graph's structure and changes with it.
    Generated,
    /// The writer did not record it; the id alone is known.
    Unknown,
}

/// One step of a job's graph, and its states.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// The author's name for it, if one is known.
    pub uid: Option<Uid>,
    /// Where the uid, or its absence, comes from.
    pub uid_origin: UidOrigin,
    /// What its state is found by.
    pub id: OperatorId,
    /// A name for people.
    pub name: Option<String>,
    /// Subtasks when the snapshot was taken.
    pub parallelism: u32,
    /// Key groups.
    pub max_parallelism: u32,
    /// It had reached the end of its input.
    pub finished: bool,
    /// Bytes of records in flight that an unaligned checkpoint kept for it.
    pub channel_bytes: u64,
    /// Its states, ordered by kind and name.
    pub states: Vec<State>,
    /// Metadata this version does not know.
    pub extensions: Extensions,
}

impl Operator {
    /// An operator with a uid and no state yet.
    pub fn with_uid(uid: Uid, parallelism: u32, max_parallelism: u32) -> Self {
        let id = OperatorId::of_uid(uid.as_str());
        let uid_origin = UidOrigin::Given;
        Self { uid: Some(uid), uid_origin, ..Self::with_id(id, parallelism, max_parallelism) }
    }

    /// An operator of which the id alone is known, and no state yet.
    pub fn with_id(id: OperatorId, parallelism: u32, max_parallelism: u32) -> Self {
        Self {
            uid: None,
            uid_origin: UidOrigin::Unknown,
            id,
            name: None,
            parallelism,
            max_parallelism,
            finished: false,
            channel_bytes: 0,
            states: Vec::new(),
            extensions: Extensions::default(),
        }
    }

    /// The uid if known, otherwise the id: what people see.
    pub fn label(&self) -> String {
        match &self.uid {
            Some(uid) => uid.to_string(),
            None => self.id.to_string(),
        }
    }

    /// Some state of it is dealt out by key group, so that their number is fixed.
    pub fn is_keyed(&self) -> bool {
        self.states.iter().any(|state| state.kind.is_keyed())
    }

    /// Some state of it is not empty, as far as the metadata tells.
    pub fn has_state(&self) -> bool {
        self.states.iter().any(|state| state.rows != Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_flink() {
        // From metadata that Flink 1.20 and 2.1 wrote for jobs with these uids.
        for (uid, id) in [
            ("stream-001", "8cf889e999ec449278fe4c4a68026b6b"),
            ("tumble-agg-001", "53a2919037512ec979b0ec8013878e99"),
        ] {
            assert_eq!(OperatorId::of_uid(uid).to_string(), id);
            assert_eq!(id.parse::<OperatorId>().unwrap(), OperatorId::of_uid(uid));
        }
    }

    #[test]
    fn an_id_is_32_hex_digits() {
        for text in ["", "8cf889", "+cf889e999ec449278fe4c4a68026b6b", "zcf889e999ec449278fe4c4a68026b6b"] {
            assert!(text.parse::<OperatorId>().is_err(), "{text:?}");
        }
    }
}
