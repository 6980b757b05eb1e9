//! One named state of an operator.

use serde::{Deserialize, Serialize};

use super::extensions::Extensions;
use super::kind::StateKind;
use super::schema::StateSchema;

/// How a key becomes the hash that chooses its key group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyHash {
    /// Java's `hashCode` of the key's Java twin, then Flink's murmur.
    #[serde(rename = "java-1")]
    Java1,
    /// Murmur3-32 of the key bytes that `SPEC.md` defines, for types without a Java twin.
    #[serde(rename = "spt-1")]
    Spt1,
    /// A hash that cannot be computed here, for instance of a class of the job's own.
    #[serde(rename = "unknown")]
    Unknown,
}

impl KeyHash {
    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Java1 => "java-1",
            Self::Spt1 => "spt-1",
            Self::Unknown => "unknown",
        }
    }
}

/// A state's time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ttl {
    /// How long a value lives after it was last touched, where the metadata tells.
    pub duration_ms: Option<u64>,
}

/// How bytes were read that do not say what they are, such as a connector's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAs {
    /// What they were taken for.
    pub what: String,
    /// Whether values that are known confirm this way of reading; otherwise it rests on the layout alone.
    pub verified: bool,
}

/// One named state of an operator: a table, and what is known of it without reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its name, unique in its operator together with its kind.
    pub name: String,
    /// What it is.
    pub kind: StateKind,
    /// The types in its table.
    pub schema: StateSchema,
    /// How its keys choose their key groups; `None` unless keyed.
    pub key_hash: Option<KeyHash>,
    /// Its time to live, if it has one.
    pub ttl: Option<Ttl>,
    /// Rows of its table; `None` where only the data would tell.
    pub rows: Option<u64>,
    /// Bytes it takes where it is stored; `None` where only the data would tell.
    pub bytes: Option<u64>,
    /// How its values were read, where nothing in the savepoint says it. No savepoint of spt's own has it.
    pub read_as: Option<ReadAs>,
    /// Metadata this version does not know.
    pub extensions: Extensions,
}

impl State {
    /// A state of which nothing but its shape is known.
    pub fn new(name: impl Into<String>, kind: StateKind, schema: StateSchema) -> Self {
        let key_hash = kind.is_keyed().then_some(KeyHash::Java1);
        Self {
            name: name.into(),
            kind,
            schema,
            key_hash,
            ttl: None,
            rows: None,
            bytes: None,
            read_as: None,
            extensions: Extensions::default(),
        }
    }
}
