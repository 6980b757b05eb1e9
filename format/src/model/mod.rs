//! What every savepoint is, whoever wrote it.
//!
//! ```text
//! Savepoint ── Operator (uid | id) ── State (name, kind, schema) ── segments by key-group range ── RecordBatch …
//! ```
//!
//! Readers ([`SavepointSource`]) produce this model, operations consume it, writers
//! ([`SavepointSink`]) store it. The model knows neither Parquet nor Flink: a type is one of a closed
//! list that maps one to one onto Arrow, and one state is one table.

mod bind;
mod extensions;
mod graph;
mod java_hash;
mod key_bytes;
mod key_group;
mod key_hash;
mod kind;
mod operator;
mod order;
mod savepoint;
mod schema;
mod sink;
mod sorting;
mod source;
pub(crate) mod source_fields;
mod state;
mod type_text;
mod types;
mod uid_list;

pub use bind::Binding;
pub use extensions::Extensions;
pub use graph::{Edge, JobGraph, Node, Partitioning};
pub use java_hash::{java_hash_string, java_hash_utf16, java_hash_with};
pub use key_bytes::{key_bytes_hash, write_key_bytes};
pub use key_group::{
    KeyGroup, KeyGroupRange, KeyGroups, MAX_PARALLELISM_LIMIT, default_max_parallelism, flink_murmur,
    operator_index,
};
pub use key_hash::{java_hash, key_group_of};
pub use kind::StateKind;
pub use operator::{Operator, OperatorId, Uid, UidOrigin};
pub use order::{RowOrder, columns_of, first_out_of_order};
pub(crate) use order::{element_range, first_not_after, one_nan_f32, one_nan_f64};
pub use savepoint::{Engine, Job, Layout, Lineage, PendingOutput, Savepoint, SavepointKind, StateRef};
pub use schema::{Column, StateSchema};
pub use sink::SinkStep;
pub use sorting::{sort_batch, sort_indices};
pub use source::{Completeness, Extent, RowStream, SavepointSink, SavepointSource, Scan, Segment, StateSink};
pub use state::{KeyHash, ReadAs, State, Ttl};
pub use types::{FIELD_ID_KEY, FIRST_NESTED_FIELD_ID, Field, LOGICAL_KEY, Logical, TimeUnit, Type};
pub use uid_list::UidList;
