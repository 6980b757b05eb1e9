//! Savepoints as one model: operators, states, key groups and typed rows, whoever wrote them.

mod columnar;
mod cursor;
pub mod diagnose;
mod diff;
mod error;
pub mod evolution;
mod export;
mod failpoint;
mod import;
mod limits;
mod location;
pub mod migrate;
mod model;
mod parallel;
pub mod patch;
mod plan;
pub mod preflight;
mod select;
mod sort;
mod start;
mod storage;
pub mod validate;
mod weigh;

pub use columnar::{
    BlockEncoder, ColumnarReader, ColumnarReaderOptions, ColumnarStateWriter, ColumnarWriter,
    ColumnarWriterOptions, Committed, CommittedState, DataPath, Digest, EncodedBlock, FORMAT_VERSION,
    MANIFEST, slug,
};
pub use cursor::Cursor;
pub use diff::{
    OperatorPair, Pairing, PositionChange, Positions, RowChange, RowChanges, RowCounts, SchemaChange, Side,
    StateComparison, StatePair, pair_operators, pair_states, schema_changes,
};
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use evolution::Aliases;
pub use export::{
    Int64Style, JsonChanges, JsonOptions, JsonRows, JsonValues, PickleStyle, instant_text, write_json_table,
};
pub use failpoint::failpoint;
pub use import::{
    ColumnNames, FileFormat, Import, ImportMode, Imported, IndexedTable, StateFiles, StateRequest, TABLE_KEY,
    TABLES_INDEX, TABLES_SCHEMA, TableDescription, TableFile, TablesIndex, array_from_json, array_from_text,
    json_from_text,
};
pub use limits::ReadLimits;
pub use location::Location;
pub use model::{
    Binding, Column, Completeness, Edge, Engine, Extensions, Extent, FIELD_ID_KEY, FIRST_NESTED_FIELD_ID,
    Field, Job, JobGraph, KeyGroup, KeyGroupRange, KeyGroups, KeyHash, LOGICAL_KEY, Layout, Lineage, Logical,
    MAX_PARALLELISM_LIMIT, Node, Operator, OperatorId, Partitioning, PendingOutput, ReadAs, RowOrder,
    RowStream, Savepoint, SavepointKind, SavepointSink, SavepointSource, Scan, Segment, SinkStep, State,
    StateKind, StateRef, StateSchema, StateSink, TimeUnit, Ttl, Type, Uid, UidList, UidOrigin, columns_of,
    default_max_parallelism, first_out_of_order, flink_murmur, java_hash, java_hash_string, java_hash_utf16,
    java_hash_with, key_bytes_hash, key_group_of, operator_index, sort_batch, sort_indices, write_key_bytes,
};
pub use parallel::{Workers, in_order, processors};
pub use plan::{PLAN_SCHEMA, Plan, PlannedOperator, PlannedState};
pub use select::{
    KeyFilter, NamedSource, Predicate, Projection, RowQuery, SelectedRows, Splits, find_operator,
    find_operator_by_prefix, find_state,
};
pub use sort::{ExternalSorter, SortedRows, bytes_of_rows};
pub use start::{DueTimers, ExpiredRows, due_timers, expired_rows};
pub use storage::{LocalStorage, NewObject, Object, Sharing, Storage};
pub use weigh::{Heaviest, HeavyKey, heaviest_keys};
