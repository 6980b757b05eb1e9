//! Savepoints as one model: operators, states, key groups and typed rows, whoever wrote them.

mod cursor;
mod error;
mod limits;
mod location;
mod model;
mod plan;

pub use cursor::Cursor;
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use limits::ReadLimits;
pub use location::Location;
pub use model::{
    Column, Completeness, Edge, Engine, FIELD_ID_KEY, FIRST_NESTED_FIELD_ID, Field, Job, JobGraph, KeyGroup,
    KeyGroupRange, KeyHash, LOGICAL_KEY, Layout, Lineage, Logical, MAX_PARALLELISM_LIMIT, Node, Operator,
    OperatorId, Partitioning, RowStream, Savepoint, SavepointKind, SavepointSink, SavepointSource, Scan,
    Segment, State, StateKind, StateRef, StateSchema, StateSink, TimeUnit, Ttl, Type, Uid, UidOrigin,
    default_max_parallelism, flink_murmur, java_hash_string, java_hash_utf16, operator_index,
};
pub use plan::{PLAN_SCHEMA, Plan, PlannedOperator, PlannedState};
