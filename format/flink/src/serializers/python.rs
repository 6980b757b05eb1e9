//! State of PyFlink jobs that run Python in a process of its own, which is how they run unless told otherwise.
//!
//! To Flink all of it is bytes: the type that Python declared is known to the coder in the Python process alone.
//!
//! ```text
//! ValueState, ListState, ReducingState, AggregatingState   list of byte[]              "python-state-" + name
//! MapState, BroadcastState                                 ByteArrayWrapper to byte[]  "python-state-" + name
//!                                                          i32 size │ what a coder of Python wrote
//! ```
//!
//! So what the bytes say is opaque, and its class says whose it is. Where it is a pickle that shows beside the
//! bytes, as with any bytes. In thread mode states have their own names and Java's types, and rows, tuples and
//! lists are pickles.
//!
//! # Source
//! Flink (2.1.0, classes read), `BeamKeyedStateStore`, `BeamOperatorStateStore`, `ByteArrayWrapperSerializer`.

use super::flink_type::{FlinkType, Opaque, OpaqueEnd, Scalar};

/// What the names of such states begin with.
const STATE: &str = "python-state-";
/// Whose the bytes are, in the place of a class: which of its coders wrote them, nothing says.
pub(crate) const CODER: &str = "pyflink";

/// `i32` size, then what one of Python's coders wrote.
pub(super) fn coded() -> FlinkType {
    let value = Opaque { class: CODER.to_owned(), end: OpaqueEnd::Unmarked };
    FlinkType::RawData(Box::new(FlinkType::Opaque(value)))
}

/// The name that a state has in Python, if its process keeps it.
pub(crate) fn name_of(state: &str) -> Option<&str> {
    state.strip_prefix(STATE)
}

/// Says of the bytes in a state that Python keeps that they are Python's.
pub(crate) fn claim(state: &str, data_type: &mut FlinkType) {
    if name_of(state).is_some() {
        claim_bytes(data_type);
    }
}

fn claim_bytes(data_type: &mut FlinkType) {
    match data_type {
        FlinkType::Scalar(Scalar::Bytes) => *data_type = coded(),
        FlinkType::Sequence(sequence) => claim_bytes(&mut sequence.element),
        FlinkType::Map(map) => claim_bytes(&mut map.value),
        FlinkType::Ttl(value) => claim_bytes(value),
        _ => {}
    }
}
