//! The messages of failed restores, word by word, what they mean and what helps.
//!
//! # Source
//! Flink 2.3.0 (the constants of `Checkpoints`, `StateAssignmentOperation`, `HeapKeyedStateBackend`,
//! `RocksDBKeyedStateBackend`, `HeapRestoreOperation`, `DefaultOperatorStateBackend`, `StateUtil`, `InstantiationUtil`,
//! `AbstractFsCheckpointStorageAccess`), of which 1.x has the same; the JDK's `ObjectStreamClass`; Kryo; `spt-runtime`.

use super::template::Template;
use crate::validate::Code;

/// A message that a job writes when it does not restore.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Its words. The holes `operator`, `state` and `class` are understood.
    pub(super) message: Template,
    /// What it comes under.
    pub(super) code: Code,
    /// It also stands in logs of jobs that restore: only what is about a restore counts.
    pub(super) in_restore: bool,
    /// What it means.
    pub(super) cause: Template,
    /// What to do: a command where there is one. `savepoint`, `operator` and `state` are filled in.
    pub(super) help: Template,
}

const fn pattern(code: Code, message: &'static str, cause: &'static str, help: &'static str) -> Pattern {
    Pattern {
        message: Template(message),
        code,
        in_restore: false,
        cause: Template(cause),
        help: Template(help),
    }
}

/// The same for a message that means nothing outside a restore.
const fn only_in_restore(pattern: Pattern) -> Pattern {
    Pattern { in_restore: true, ..pattern }
}

const COMPARE: &str = "spt validate {savepoint} --against PLAN_OR_NEWER_SAVEPOINT names the field; after an upgrade of Flink: \
                       --flink-target VERSION";
const TYPES: &str = "spt inspect {savepoint} --uid {operator}";
const INTACT: &str = "spt validate {savepoint}";

/// All of them, the more telling of two that fit a line first.
pub(super) const PATTERNS: &[Pattern] = &[
    // Flink: what the JobManager compares.
    pattern(
        Code::StateLost,
        "Cannot map checkpoint/savepoint state for operator {operator} to the new program",
        "the savepoint has state of an operator that the job does not have: its uid was changed or never given",
        "spt validate {savepoint} --against PLAN names the operator it became; give it its uid back, or restore with --allowNonRestoredState",
    ),
    pattern(
        Code::MaxParallelism,
        "Cannot map operator {operator} with max parallelism {stored} to new program with max parallelism {set}. ",
        "the operator's keys lie in {stored} key groups, and the job sets {set}",
        "set the operator's max parallelism to {stored}",
    ),
    pattern(
        Code::MaxParallelism,
        "The state for task {operator} can not be restored. The maximum parallelism ({stored}) of the restored state is lower than the configured parallelism ({set})",
        "the operator's keys lie in {stored} key groups, too few for {set} subtasks",
        "run it with a parallelism of {stored} or less",
    ),
    pattern(
        Code::MaxParallelism,
        "The maximum parallelism ({stored}) with which the latest checkpoint of the execution job vertex {operator} has been taken and the current maximum parallelism ({set}) changed",
        "the operator's keys lie in {stored} key groups, and the job sets {set}",
        "set the operator's max parallelism to {stored}",
    ),
    // Flink: what a backend compares.
    pattern(
        Code::TtlSwitched,
        "the new state serializer ({new}) must not need ttl state migration with the old state serializer ({old})",
        "a time to live was switched on or off, which the heap backend refuses before 2.3",
        "keep the time to live as it was, or restore with RocksDB or Flink 2.3",
    ),
    pattern(
        Code::StateIncompatible,
        "new state serializer ({new}) must not be incompatible with the old state serializer ({old})",
        "the state's type in the job is not the one it was written with: {old} wrote it, {new} is to read it",
        COMPARE,
    ),
    pattern(
        Code::StateIncompatible,
        "The new state typeSerializer for operator state must not be incompatible",
        "a list of the operator has another type in the job than it was written with",
        COMPARE,
    ),
    pattern(
        Code::StateIncompatible,
        "typeSerializer for broadcast state must not be incompatible",
        "a broadcast map has another type in the job than it was written with",
        COMPARE,
    ),
    pattern(
        Code::KeyChanged,
        "The new key serializer ({new}) must be compatible with the previous key serializer ({old})",
        "the job's keys have another type: {old} wrote them, {new} is to read them",
        TYPES,
    ),
    pattern(
        Code::KeyChanged,
        "new namespace serializer ({new}) must be compatible with the old namespace serializer ({old})",
        "the state's windows have another type: {old} wrote them, {new} is to read them",
        TYPES,
    ),
    pattern(
        Code::KeyChanged,
        "Tried to initialize restored TimerService with new {part} serializer that requires migration or is incompatible",
        "the {part} of timers has another type in the job",
        TYPES,
    ),
    pattern(
        Code::StateIncompatible,
        "Incompatible key/value state types. Was [{old}], registered with [{new}]",
        "a state was {old} and the job declares {new} under the same name",
        TYPES,
    ),
    pattern(
        Code::StateIncompatible,
        "Could not create a restore serializer for enum {class}. Probably because an enum value was removed",
        "constants of {class} that the savepoint may hold were removed",
        "put the constants back",
    ),
    pattern(
        Code::BackendChanged,
        "Unexpected state handle type, expected one of: {new}, but found: {old}. This can mostly happen",
        "a native snapshot of another state backend: {old} cannot be read by one that wants {new}",
        "restore with the backend that wrote it, or take a savepoint in canonical format with it",
    ),
    // Flink: classes.
    pattern(
        Code::ClassMissing,
        "Unable to restore operator state [{state}]. The previous typeSerializer of the operator state must be present",
        "the class of a serializer is not in the job's jar any more",
        "put the class back into the job's jar",
    ),
    pattern(
        Code::ClassMissing,
        "Unable to restore broadcast state [{state}]. The previous key and value serializers of the state must be present",
        "the class of a serializer is not in the job's jar any more",
        "put the class back into the job's jar",
    ),
    pattern(
        Code::ClassMissing,
        "Could not find class '{class}' in classpath",
        "the savepoint names {class}, and neither Flink nor the job's jar has it",
        "put the class into the job's jar; spt validate {savepoint} --flink-target VERSION tells what Flink itself has dropped",
    ),
    pattern(
        Code::ClassMissing,
        "Cannot load user class: {class}",
        "the job's jar does not have {class}",
        "put the class into the job's jar",
    ),
    only_in_restore(pattern(
        Code::ClassMissing,
        "ClassNotFoundException: {class}",
        "the savepoint names {class}, and neither Flink nor the job's jar has it",
        "put the class into the job's jar; spt validate {savepoint} --flink-target VERSION tells what Flink itself has dropped",
    )),
    only_in_restore(pattern(
        Code::ClassChanged,
        "InvalidClassException: {class}; local class incompatible: stream classdesc serialVersionUID = {old}, local class serialVersionUID = {new}",
        "{class} was compiled anew since, and its serialVersionUID is not fixed",
        "give the class `serialVersionUID = {old}L`",
    )),
    only_in_restore(pattern(
        Code::KryoFailed,
        "KryoException: Unable to find class: {class}",
        "a value that Kryo wrote is of {class}, which the job's jar does not have",
        "put the class into the job's jar",
    )),
    only_in_restore(pattern(
        Code::KryoFailed,
        "KryoException: {reason}",
        "Kryo cannot read what Kryo wrote: classes are registered otherwise now, or it is another Kryo ({reason})",
        "spt validate {savepoint} --flink-target VERSION names the states with such values",
    )),
    // Flink: files.
    pattern(
        Code::NotASavepoint,
        "Cannot find checkpoint or savepoint file/directory '{path}'",
        "there is nothing at {path}",
        "spt latest DIR finds the newest savepoint that is whole",
    ),
    pattern(
        Code::NotASavepoint,
        "Cannot find meta data file '_metadata' in directory '{path}'",
        "{path} is no savepoint, or one that was never finished",
        "spt latest DIR finds the newest savepoint that is whole",
    ),
    pattern(
        Code::NotASavepoint,
        "Unexpected magic number. This can have multiple reasons",
        "the file is no savepoint, or it is damaged",
        INTACT,
    ),
    pattern(
        Code::TooOldForFlink,
        "As of Flink 1.17 TypeSerializerConfigSnapshot is no longer supported",
        "a serializer's snapshot has the form that Flink dropped with 1.17",
        "restore with Flink 1.16 and take a savepoint there",
    ),
    pattern(
        Code::TooOldForFlink,
        "Since 1.17 Flink doesn't support recovery from pre Flink 1.8 savepoints",
        "the savepoint is older than Flink 1.8",
        "restore with Flink 1.16 and take a savepoint there",
    ),
    pattern(
        Code::TooOldForFlink,
        "This savepoint / checkpoint version (Flink 1.1 / 1.2) is no longer supported",
        "the savepoint is older than Flink 1.3",
        "restore with a Flink that still reads it, and take a savepoint there",
    ),
    only_in_restore(pattern(
        Code::FileMissing,
        "FileNotFoundException: {path} (No such file or directory)",
        "a file of the savepoint is not there: {path}",
        INTACT,
    )),
    only_in_restore(pattern(
        Code::FileMissing,
        "NoSuchFileException: {path}",
        "a file of the savepoint is not there: {path}",
        INTACT,
    )),
    only_in_restore(pattern(
        Code::FileChecksum,
        "RocksDBException: Corruption: {reason}",
        "a file of the savepoint is damaged: {reason}",
        INTACT,
    )),
    only_in_restore(pattern(
        Code::FileMalformed,
        "Corrupt data: {reason}",
        "bytes of the savepoint are damaged: {reason}",
        INTACT,
    )),
    only_in_restore(pattern(
        Code::FileMalformed,
        "Corrupt data, {reason}",
        "bytes of the savepoint are damaged: {reason}",
        INTACT,
    )),
    // This project's own runtime.
    pattern(
        Code::StateLost,
        "the job has no operator for state in the savepoint: operator {operator}, {kind} state \"{state}\"",
        "the savepoint has state of an operator that the job does not have: its uid was changed or never given",
        "spt migrate {savepoint} OUT --rename-uid {operator}=NEW",
    ),
    pattern(
        Code::PendingOutputLost,
        "the job has no sink to commit what the savepoint holds: operator {operator}, output that is pending",
        "the sink wrote output that is not committed, and the job does not have it any more",
        "keep the sink, or start with --pending discard",
    ),
    pattern(
        Code::MaxParallelism,
        "operator {operator} has max parallelism {stored} in the savepoint and {set} in the job",
        "the operator's keys lie in {stored} key groups, and the job sets {set}",
        "spt migrate {savepoint} OUT --max-parallelism {operator}={set}",
    ),
    pattern(
        Code::MaxParallelism,
        "operator {operator} has parallelism {set}, more than its max parallelism {stored}",
        "the operator's keys lie in {stored} key groups, too few for {set} subtasks",
        "run it with -p {stored} or less",
    ),
    pattern(
        Code::StateIncompatible,
        "operator {operator}, state \"{state}\": {reason}; `spt migrate IN OUT {arguments}` would make it fit",
        "{reason}",
        "spt migrate {savepoint} OUT {arguments}",
    ),
    pattern(
        Code::Drained,
        "the savepoint was taken with --drain",
        "all windows and timers had fired when the savepoint was taken",
        "start from it with new input: --allow-drained",
    ),
    pattern(
        Code::FileChecksum,
        "checksum is {found}, expected {expected}",
        "a file of the savepoint is damaged",
        INTACT,
    ),
    pattern(
        Code::FileMissing,
        "error: {path}: file is missing",
        "a file of the savepoint is not there",
        INTACT,
    ),
    pattern(
        Code::NotASavepoint,
        "not a savepoint: {reason}",
        "there is no savepoint where the job looked for one: {reason}",
        "spt latest DIR finds the newest savepoint that is whole",
    ),
];
