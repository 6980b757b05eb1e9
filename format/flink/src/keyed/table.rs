//! From a state's header to its table: which columns it has, and how each is encoded.

use spt_format::{Cursor, Error, ErrorKind, Field, KeyGroup, Location, Result, StateKind, StateSchema, Ttl};

use crate::serializers::key_hash;
use crate::serializers::values::field_of;
use crate::serializers::{FlinkType, Nulls, Opaque, OpaqueEnd, Serializer};
use crate::state_meta::{BackendKind, StateMeta};

/// The names of timer queues begin with this, their domain and `_`.
const TIMERS: &str = "_timer_state/";

/// One keyed state: its place in the model, and the encodings of its parts.
#[derive(Debug, Clone)]
pub struct KeyedTable {
    /// The state's name; of timers, that of their queue.
    pub name: String,
    /// What it is in the model.
    pub kind: StateKind,
    /// The columns of its table.
    pub schema: StateSchema,
    /// Its time to live, if it has one. How long that is, no header tells.
    pub ttl: Option<Ttl>,
    pub(crate) key: FlinkType,
    pub(crate) namespace: FlinkType,
    pub(crate) map_key: Option<FlinkType>,
    /// The value, an element of a list, or the value of a map's entry; without its time to live.
    pub(crate) value: Option<FlinkType>,
    /// Flags mark null keys in maps written as a whole.
    pub(crate) null_keys: bool,
    pub(crate) timers: Option<TimerQueue>,
}

/// Which timers a queue holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerQueue {
    /// The timer service.
    pub service: String,
    /// `event` or `processing`.
    pub domain: &'static str,
}

impl TimerQueue {
    /// From the name of a queue: `_timer_state/event_user-timers`.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.strip_prefix(TIMERS)?;
        ["event", "processing"].into_iter().find_map(|domain| {
            let service = name.strip_prefix(domain)?.strip_prefix('_')?;
            Some(Self { service: service.to_owned(), domain })
        })
    }
}

impl TimerQueue {
    /// The queue's name, as [`TimerQueue::parse`] reads it.
    pub fn name(&self) -> String {
        format!("{TIMERS}{}_{}", self.domain, self.service)
    }
}

impl KeyedTable {
    /// The table of a state whose keys have this serializer.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a kind of state that is not keyed, or lacks a serializer.
    pub fn new(key: &Serializer, state: &StateMeta) -> Result<Self> {
        match state.kind {
            BackendKind::KeyValue | BackendKind::KeyValueV2 => keyed(&key.data_type, state),
            BackendKind::PriorityQueue => timers(state),
            kind => Err(unsupported(format!("{kind:?} state {:?} among keyed state", state.name))),
        }
    }

    /// The table of the timers of a queue.
    pub(crate) fn of_timers(queue: TimerQueue, key: &FlinkType, namespace: &FlinkType) -> Self {
        let schema = StateSchema {
            key: Some(Field { nullable: false, ..field_of(key) }),
            namespace: namespace_field(namespace),
            ..StateSchema::default()
        };
        Self {
            name: queue.name(),
            kind: StateKind::Timer,
            schema: schema.number(),
            ttl: None,
            key: key.clone(),
            namespace: namespace.clone(),
            map_key: None,
            value: None,
            null_keys: false,
            timers: Some(queue),
        }
    }

    /// The key group that the key of an entry belongs to; `None` where its hash cannot be computed.
    ///
    /// # Errors
    /// For a key that is damaged.
    pub(crate) fn key_group_of(&self, composite_key: &[u8], max_parallelism: u32) -> Result<Option<u16>> {
        let mut cursor = Cursor::new(composite_key);
        cursor.take(if max_parallelism > 128 { 2 } else { 1 }, "key group of a key")?;
        if self.kind == StateKind::Timer {
            cursor.i64_be()?;
        }
        let hash = key_hash::java_hash(&self.key, &mut cursor)?;
        Ok(hash.map(|hash| KeyGroup::of_hash(hash, max_parallelism).0))
    }

    /// Whether the lengths of key and namespace follow them in a composite key.
    ///
    /// # Source
    /// Flink, `CompositeKeySerializationUtils.isAmbiguousKeyPossible`.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.key.reported_length().is_none() && self.namespace.reported_length().is_none()
    }
}

fn unsupported(what: String) -> Error {
    Error::new(ErrorKind::Unsupported { what }, Location::default())
}

fn required<'a>(state: &'a StateMeta, key: &str) -> Result<&'a FlinkType> {
    match state.serializer(key) {
        Some(serializer) => Ok(&serializer.data_type),
        None => Err(unsupported(format!("state {:?} without {key}", state.name))),
    }
}

/// The parts of a state's values.
struct Parts {
    map_key: Option<FlinkType>,
    value: FlinkType,
    null_keys: bool,
}

fn keyed(key: &FlinkType, state: &StateMeta) -> Result<KeyedTable> {
    let kind = state_kind(state)?;
    let namespace = required(state, "NAMESPACE_SERIALIZER")?.clone();
    let Parts { map_key, value, null_keys } = parts(kind, state)?;
    let (value, ttl) = match value {
        FlinkType::Ttl(inner) => (*inner, Some(Ttl { duration_ms: None })),
        value => (value, None),
    };
    let schema = StateSchema {
        key: Some(Field { nullable: false, ..field_of(key) }),
        namespace: namespace_field(&namespace),
        map_key: map_key.as_ref().map(|map_key| {
            let field = field_of(map_key);
            if null_keys { field.nullable() } else { field }
        }),
        value: Some(if kind == StateKind::Map { field_of(&value).nullable() } else { field_of(&value) }),
        ttl: ttl.is_some(),
        ..StateSchema::default()
    };
    Ok(KeyedTable {
        name: state.name.clone(),
        kind,
        schema: schema.number(),
        ttl,
        key: key.clone(),
        namespace,
        map_key,
        value: Some(value),
        null_keys,
        timers: None,
    })
}

/// `VoidNamespace` is no namespace.
fn namespace_field(namespace: &FlinkType) -> Option<Field> {
    match namespace {
        FlinkType::Unit(unit) if unit.reported == 0 => None,
        other => Some(Field { nullable: false, ..field_of(other) }),
    }
}

fn state_kind(state: &StateMeta) -> Result<StateKind> {
    Ok(match state.option("KEYED_STATE_TYPE") {
        Some("VALUE") => StateKind::Value,
        Some("LIST") => StateKind::List,
        Some("MAP") => StateKind::Map,
        Some("REDUCING") => StateKind::Reducing,
        Some("AGGREGATING" | "FOLDING") => StateKind::Aggregating,
        other => return Err(unsupported(format!("state {:?} of kind {other:?}", state.name))),
    })
}

/// The first state API writes the serializer of the whole list or map, the second those of their parts.
fn parts(kind: StateKind, state: &StateMeta) -> Result<Parts> {
    let value = required(state, "VALUE_SERIALIZER")?.clone();
    let whole = state.kind == BackendKind::KeyValue;
    let plain = |value| Parts { map_key: None, value, null_keys: false };
    Ok(match (kind, value) {
        (StateKind::List, FlinkType::Sequence(list)) if whole && list.nulls == Nulls::Unmarked => {
            plain(*list.element)
        }
        (StateKind::Map, FlinkType::Map(map)) if whole => {
            Parts { map_key: Some(*map.key), value: *map.value, null_keys: map.null_keys }
        }
        (StateKind::Map, FlinkType::Opaque(value)) if whole => {
            let key = Opaque { end: OpaqueEnd::Unmarked, ..value.clone() };
            Parts { map_key: Some(FlinkType::Opaque(key)), value: FlinkType::Opaque(value), null_keys: false }
        }
        (StateKind::Map, value) if !whole => {
            let map_key = required(state, "USER_KEY_SERIALIZER")?.clone();
            Parts { map_key: Some(map_key), value, null_keys: false }
        }
        (StateKind::Map, _) => return Err(unsupported(format!("map state {:?} without a map", state.name))),
        (_, value) => plain(value),
    })
}

fn timers(state: &StateMeta) -> Result<KeyedTable> {
    let queue = TimerQueue::parse(&state.name);
    let (Some(queue), FlinkType::Timer { key, namespace }) = (queue, required(state, "VALUE_SERIALIZER")?)
    else {
        return Err(unsupported(format!("queue {:?} of something other than timers", state.name)));
    };
    Ok(KeyedTable::of_timers(queue, key, namespace))
}
