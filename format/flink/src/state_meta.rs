//! What a header says about one state: name, kind, options and serializers.
//!
//! ```text
//! utf name | i32 kind | i32 n | n × (utf option | utf value) | i32 n | n × (utf key | framed snapshot)
//! ```
//!
//! Options and serializers come in the order of a hash map: they are found by their keys.
//!
//! # Source
//! Flink, `StateMetaInfoSnapshotReadersWriters`, `StateMetaInfoSnapshot`.

use spt_format::{Column, Cursor, Result, ResultExt};

use crate::java;
use crate::serializers::unknown::Unknowns;
use crate::serializers::{Hazard, KryoVersion, Serializer, SnapshotReader, hazards, python};

/// The least bytes a state takes in a header.
pub(crate) const MIN_STATE_BYTES: usize = 14;

/// What a state is, for the backend that keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// Keyed state: value, list, map, reducing, aggregating.
    KeyValue,
    /// A list of an operator.
    Operator,
    /// Broadcast state of an operator.
    Broadcast,
    /// A queue, which holds timers.
    PriorityQueue,
    /// Keyed state of Flink's second state API.
    KeyValueV2,
}

/// What a header says about one state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateMeta {
    /// The state's name.
    pub name: String,
    /// What it is for the backend.
    pub kind: BackendKind,
    /// Options, such as `KEYED_STATE_TYPE`.
    pub options: Vec<(String, String)>,
    /// Serializers, such as `VALUE_SERIALIZER`.
    pub serializers: Vec<(String, Serializer)>,
}

impl StateMeta {
    /// Reads one state.
    ///
    /// # Errors
    /// With the state's name, for whatever is no state of Flink 1.7 or newer.
    pub(crate) fn read(cursor: &mut Cursor<'_>, unknowns: &mut Unknowns) -> Result<Self> {
        let name = java::utf(cursor, "state name")?;
        match Self::read_rest(cursor, unknowns) {
            Ok((kind, options, mut serializers)) => {
                serializers
                    .iter_mut()
                    .for_each(|(_, serializer)| python::claim(&name, &mut serializer.data_type));
                Ok(Self { name, kind, options, serializers })
            }
            Err(error) => Err(error.within(format!("state {name:?}"))),
        }
    }

    #[expect(clippy::type_complexity, reason = "the parts of the struct, once")]
    fn read_rest(
        cursor: &mut Cursor<'_>,
        unknowns: &mut Unknowns,
    ) -> Result<(BackendKind, Vec<(String, String)>, Vec<(String, Serializer)>)> {
        let kind = kind(cursor)?;
        let mut options = Vec::new();
        for _ in 0..java::count(cursor, 4, "options of a state")? {
            options.push((java::utf(cursor, "option")?, java::utf(cursor, "value of an option")?));
        }
        let mut serializers = Vec::new();
        for _ in 0..java::count(cursor, 12, "serializers of a state")? {
            let key = java::utf(cursor, "key of a serializer")?;
            let serializer =
                SnapshotReader::new(cursor, unknowns).framed().within(|| key.to_ascii_lowercase())?;
            serializers.push((key, serializer));
        }
        Ok((kind, options, serializers))
    }

    /// Says which Kryo wrote its values.
    pub(crate) fn set_kryo(&mut self, version: KryoVersion) {
        self.serializers.iter_mut().for_each(|(_, serializer)| serializer.data_type.set_kryo(version));
    }

    /// What Flink 2 may find wrong with its serializers, if Flink 1 wrote them.
    pub(crate) fn hazards(&self) -> Vec<Hazard> {
        let column = |key: &str| match key {
            "KEY_SERIALIZER" | "USER_KEY_SERIALIZER" => Column::MapKey,
            "NAMESPACE_SERIALIZER" => Column::Namespace,
            _ => Column::Value,
        };
        let serializers = self.serializers.iter();
        serializers.flat_map(|(key, serializer)| hazards(serializer, column(key).name())).collect()
    }

    /// The value of an option.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }

    /// A serializer by its key.
    pub fn serializer(&self, key: &str) -> Option<&Serializer> {
        self.serializers.iter().find(|(found, _)| found == key).map(|(_, serializer)| serializer)
    }
}

fn kind(cursor: &mut Cursor<'_>) -> Result<BackendKind> {
    let start = cursor.clone();
    Ok(match cursor.i32_be()? {
        0 => BackendKind::KeyValue,
        1 => BackendKind::Operator,
        2 => BackendKind::Broadcast,
        3 => BackendKind::PriorityQueue,
        4 => BackendKind::KeyValueV2,
        other => return Err(start.invalid(format!("{other} is no kind of state"))),
    })
}
