//! What state that Flink 1 wrote means to Flink 2.
//!
//! ```text
//! Kryo value                       Kryo 2 wrote it, Kryo 5 reads it: may fail when it is touched
//! List, Map, Set in a POJO         Kryo in 1.x, built in from 2.0 on: refused
//! serializer of a removed class    class not found
//! ```
//!
//! # Source
//! Flink 2.0, `TypeExtractor` (exactly these three interfaces); the jars of 2.1.0 and 2.3.0, which lack these
//! classes. Both refuse a POJO with such fields that 1.18 or 1.20 wrote; see `docs/flink-mapping.md`.

use std::fmt;

use super::Serializer;
use super::flink_type::{Field, FlinkType, Kryo, KryoVersion, Opaque, OpaqueEnd, PojoType, Record, RowType};

/// Something in a state that Flink 1 wrote and that Flink 2 has trouble with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hazard {
    /// A value that Kryo 2 wrote.
    Kryo {
        /// Where it is: `value.items`.
        path: String,
        /// Its class.
        class: String,
    },
    /// A collection in a POJO, which Kryo wrote and which has a serializer of its own in Flink 2.
    Collection {
        /// Where it is.
        path: String,
        /// Its class.
        class: String,
    },
    /// A serializer whose class Flink 2 does not have.
    Removed {
        /// The column.
        path: String,
        /// The class, or what its name begins with.
        class: &'static str,
    },
}

impl Hazard {
    /// Flink 2 refuses the state; otherwise it is not known what happens.
    pub fn is_refused(&self) -> bool {
        !matches!(self, Self::Kryo { .. })
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kryo { path, class } => {
                write!(f, "{path}: {class} was written by the Kryo of Flink 1, and Flink 2 has another")
            }
            Self::Collection { path, class } => {
                write!(
                    f,
                    "{path}: {class} in a POJO was Kryo's in Flink 1, and has its own serializer in Flink 2"
                )
            }
            Self::Removed { path, class } => write!(f, "{path}: Flink 2 has no {class} any more"),
        }
    }
}

/// Fields of these classes have a serializer of their own from 2.0 on.
const COLLECTIONS: [&str; 3] = ["java.util.List", "java.util.Map", "java.util.Set"];

/// What the names of serializers begin with that Flink 2 lacks.
const REMOVED: [&str; 3] = [
    "org.apache.flink.api.scala.typeutils.",
    "org.apache.flink.streaming.api.functions.sink.TwoPhaseCommitSinkFunction$",
    "org.apache.flink.streaming.connectors.kafka.FlinkKafkaProducer",
];

/// What is hazardous about a serializer of the column `path`.
pub(crate) fn hazards(serializer: &Serializer, path: &str) -> Vec<Hazard> {
    let is_named = |class: &str| {
        // Class names are ASCII: Java's modified UTF-8 leaves them as they are.
        serializer.class.starts_with(class)
            || serializer.bytes.windows(class.len()).any(|bytes| bytes == class.as_bytes())
    };
    let removed = REMOVED.into_iter().filter(|class| is_named(class));
    let mut found: Vec<Hazard> =
        removed.map(|class| Hazard::Removed { path: path.to_owned(), class }).collect();
    walk(&serializer.data_type, path, &mut found);
    found
}

fn walk(data_type: &FlinkType, path: &str, found: &mut Vec<Hazard>) {
    let inner = |name: &str| format!("{path}.{name}");
    match data_type {
        FlinkType::Opaque(Opaque { class, end: OpaqueEnd::Kryo(Kryo { version: KryoVersion::Two, .. }) }) => {
            found.push(Hazard::Kryo { path: path.to_owned(), class: class.clone() });
        }
        FlinkType::Sequence(sequence) => walk(&sequence.element, &inner("element"), found),
        FlinkType::Map(map) => {
            walk(&map.key, &inner("key"), found);
            walk(&map.value, &inner("value"), found);
        }
        FlinkType::Record(Record { fields, .. }) | FlinkType::Row(RowType { fields, .. }) => {
            fields.iter().for_each(|field| walk(&field.data_type, &inner(&field.name), found));
        }
        FlinkType::Pojo(pojo) => walk_pojo(pojo, path, found),
        FlinkType::Optional(optional) => walk(&optional.inner, path, found),
        FlinkType::Either(either) => {
            either.sides.iter().for_each(|side| walk(&side.data_type, &inner(side.name), found));
        }
        FlinkType::StreamElement(part) | FlinkType::Ttl(part) | FlinkType::RawData(part) => {
            walk(part, path, found);
        }
        FlinkType::Timer { key, namespace } => {
            walk(key, &inner("key"), found);
            walk(namespace, &inner("namespace"), found);
        }
        _ => {}
    }
}

fn walk_pojo(pojo: &PojoType, path: &str, found: &mut Vec<Hazard>) {
    for Field { name, data_type } in &pojo.fields {
        let path = format!("{path}.{name}");
        match data_type {
            FlinkType::Opaque(Opaque { class, end: OpaqueEnd::Kryo(_) })
                if COLLECTIONS.contains(&class.as_str()) =>
            {
                found.push(Hazard::Collection { path, class: class.clone() });
            }
            other => walk(other, &path, found),
        }
    }
    for subclass in pojo.registered.iter().chain(&pojo.others) {
        walk(&subclass.data_type, &format!("{path}.{}", subclass.class), found);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::flink_type::Scalar;
    use super::*;

    #[test]
    fn a_serializer_whose_class_is_gone_is_refused_wherever_it_is_nested() {
        let inner = b"\0\x30org.apache.flink.api.scala.typeutils.ScalaOptionSerializerSnapshot";
        let serializer = Serializer {
            class: "org.apache.flink.api.common.typeutils.base.ListSerializerSnapshot".into(),
            version: 2,
            data_type: FlinkType::Scalar(Scalar::Long),
            bytes: Arc::from(&inner[..]),
        };
        let [found] = &hazards(&serializer, "value")[..] else { panic!("one hazard") };
        assert!(found.is_refused());
        assert_eq!(found.to_string(), "value: Flink 2 has no org.apache.flink.api.scala.typeutils. any more");
        let known = Serializer { bytes: Arc::from(&b"org.apache.flink.api.java"[..]), ..serializer };
        assert_eq!(hazards(&known, "value"), []);
    }
}
