use super::*;
use crate::model::{OperatorId, SavepointKind, Uid};

/// The only failure that a log tells of.
fn only(log: &str, savepoint: Option<&Savepoint>) -> Diagnosis {
    let found = diagnose(log.as_bytes(), savepoint.map(|savepoint| (savepoint, "sp-1"))).unwrap();
    let [diagnosis] = found.as_slice() else { panic!("one failure: {found:#?}") };
    diagnosis.clone()
}

macro_rules! log {
    ($name:literal) => {
        include_str!(concat!("../../../testdata/logs/", $name, ".log"))
    };
}

fn savepoint(uids: &[&str]) -> Savepoint {
    let operators = uids.iter().map(|uid| Operator::with_uid(Uid::new(*uid).unwrap(), 1, 128)).collect();
    Savepoint { operators, ..Savepoint::new(SavepointKind::Savepoint, "s") }
}

#[test]
fn an_operator_that_is_gone_has_its_uid_from_the_savepoint() {
    let log = log!("flink-2.3.0-operator-gone");
    let found = only(log, None);
    assert_eq!(found.code, Code::StateLost);
    assert_eq!(found.operator.as_deref(), Some("90f4efa99ed969755ccb0285495357c6"));
    let found = only(log, Some(&savepoint(&["sum-001"])));
    assert_eq!(found.operator.as_deref(), Some("sum-001"));
    assert!(found.help.starts_with("spt validate sp-1 --against PLAN"), "{}", found.help);
}

#[test]
fn a_max_parallelism_is_said_with_both_numbers() {
    let found = only(log!("flink-2.3.0-max-parallelism"), None);
    assert_eq!(found.code, Code::MaxParallelism);
    assert_eq!(found.cause, "the operator's keys lie in 128 key groups, and the job sets 64");
    assert_eq!(found.help, "set the operator's max parallelism to 128");
}

#[test]
fn a_state_that_a_backend_refuses_is_found_by_its_task_and_the_jobs_own_code() {
    let found = only(log!("flink-2.3.0-pojo-refused"), Some(&savepoint(&["kryo-001"])));
    assert_eq!((found.code, found.operator.as_deref()), (Code::StateIncompatible, Some("kryo-001")));
    assert_eq!(found.frame.as_deref(), Some("sptlab.Jobs$PutKryo.initializeState(Jobs.java:638)"));
    assert_eq!(found.line, 27);
    assert!(!found.cause.contains('@'), "{}", found.cause);
}

#[test]
fn a_switched_time_to_live_is_told_from_another_type() {
    assert_eq!(only(log!("flink-2.1.0-ttl-switched"), None).code, Code::TtlSwitched);
}

#[test]
fn another_backend_is_told_once_with_its_operator() {
    let found = only(log!("flink-2.3.0-other-backend"), Some(&savepoint(&["sum-001"])));
    assert_eq!((found.code, found.operator.as_deref()), (Code::BackendChanged, Some("sum-001")));
    assert_eq!(found.times, 2);
}

#[test]
fn a_missing_file_is_named() {
    let found = only(log!("flink-2.3.0-missing-file"), None);
    assert_eq!(found.code, Code::FileMissing);
    assert!(found.cause.contains("/savepoints/sp-1/"), "{}", found.cause);
}

#[test]
fn a_folder_without_metadata_is_no_savepoint() {
    let found = only(log!("flink-2.3.0-no-metadata"), None);
    assert_eq!((found.code, found.operator), (Code::NotASavepoint, None));
}

/// What Flink, the JDK, Kryo and this project's runtime say, and what it comes under.
#[test]
fn every_message_is_known() {
    let restore = "WARN Task - a (1/1) switched from INITIALIZING to FAILED\n\tat org.Restore.x(Y.java:1)\n";
    let cases = [
        (
            "java.lang.IllegalStateException: The state for task sum (90f4efa99ed969755ccb0285495357c6) can not be restored. The maximum parallelism (4) of the restored state is lower than the configured parallelism (8). Please reduce",
            Code::MaxParallelism,
        ),
        (
            "java.lang.IllegalStateException: The maximum parallelism (4) with which the latest checkpoint of the execution job vertex x has been taken and the current maximum parallelism (8) changed. This is currently not supported.",
            Code::MaxParallelism,
        ),
        (
            "org.apache.flink.util.StateMigrationException: The new state typeSerializer for operator state must not be incompatible.",
            Code::StateIncompatible,
        ),
        (
            "org.apache.flink.util.StateMigrationException: The new key typeSerializer for broadcast state must not be incompatible.",
            Code::StateIncompatible,
        ),
        (
            "org.apache.flink.util.StateMigrationException: The new key serializer (A@1) must be compatible with the previous key serializer (B@2).",
            Code::KeyChanged,
        ),
        (
            "org.apache.flink.util.StateMigrationException: For heap backends, the new namespace serializer (A@1) must be compatible with the old namespace serializer (B@2).",
            Code::KeyChanged,
        ),
        (
            "java.lang.IllegalStateException: Tried to initialize restored TimerService with new key serializer that requires migration or is incompatible.",
            Code::KeyChanged,
        ),
        (
            "org.apache.flink.util.FlinkRuntimeException: Incompatible key/value state types. Was [VALUE], registered with [MAP].",
            Code::StateIncompatible,
        ),
        (
            "java.lang.IllegalStateException: Could not create a restore serializer for enum class a.E. Probably because an enum value was removed.",
            Code::StateIncompatible,
        ),
        (
            "java.io.IOException: Unable to restore operator state [buffer]. The previous typeSerializer of the operator state must be present; the",
            Code::ClassMissing,
        ),
        (
            "java.io.IOException: Unable to restore broadcast state [rules]. The previous key and value serializers of the state must be present; the",
            Code::ClassMissing,
        ),
        ("java.io.IOException: Could not find class 'com.acme.A' in classpath.", Code::ClassMissing),
        (
            "org.apache.flink.streaming.runtime.tasks.StreamTaskException: Cannot load user class: com.acme.A",
            Code::ClassMissing,
        ),
        ("Caused by: java.lang.ClassNotFoundException: com.acme.A", Code::ClassMissing),
        (
            "Caused by: java.io.InvalidClassException: com.acme.A; local class incompatible: stream classdesc serialVersionUID = 1, local class serialVersionUID = 2",
            Code::ClassChanged,
        ),
        (
            "Caused by: com.esotericsoftware.kryo.KryoException: Unable to find class: com.acme.A",
            Code::KryoFailed,
        ),
        (
            "Caused by: com.esotericsoftware.kryo.KryoException: Encountered unregistered class ID: 84",
            Code::KryoFailed,
        ),
        (
            "java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory 'x' on file system 'file'.",
            Code::NotASavepoint,
        ),
        (
            "java.lang.IllegalStateException: Unexpected magic number. This can have multiple reasons: (1) You",
            Code::NotASavepoint,
        ),
        (
            "java.lang.UnsupportedOperationException: As of Flink 1.17 TypeSerializerConfigSnapshot is no longer supported. In",
            Code::TooOldForFlink,
        ),
        (
            "java.lang.UnsupportedOperationException: Since 1.17 Flink doesn't support recovery from pre Flink 1.8 savepoints. Please",
            Code::TooOldForFlink,
        ),
        (
            "java.lang.IllegalArgumentException: This savepoint / checkpoint version (Flink 1.1 / 1.2) is no longer supported.",
            Code::TooOldForFlink,
        ),
        ("Caused by: java.nio.file.NoSuchFileException: /savepoints/sp-1/1a", Code::FileMissing),
        ("Caused by: org.rocksdb.RocksDBException: Corruption: block checksum mismatch", Code::FileChecksum),
        (
            "Caused by: java.io.IOException: Corrupt data: Unexpected magic number 00000000",
            Code::FileMalformed,
        ),
        (
            "Caused by: java.lang.IllegalStateException: Corrupt data, magic number mismatch. Expected    de704, found        0",
            Code::FileMalformed,
        ),
        (
            "error: the job has no operator for state in the savepoint: operator sum-001, reducing state \"sum\" (5 rows); give",
            Code::StateLost,
        ),
        (
            "error: the job has no sink to commit what the savepoint holds: operator sink-001, output that is pending (2 in number); give",
            Code::PendingOutputLost,
        ),
        (
            "error: operator sum-001 has max parallelism 64 in the savepoint and 128 in the job; leave it unset, or",
            Code::MaxParallelism,
        ),
        (
            "error: operator sum-001 has parallelism 65, more than its max parallelism 64; run it with -p 64 or less",
            Code::MaxParallelism,
        ),
        (
            "error: operator sum-001, state \"sum\": value: int64 in the savepoint, int32 in the job: it may not fit; `spt migrate IN OUT --cast sum-001/sum:value=int32` would make it fit",
            Code::StateIncompatible,
        ),
        (
            "error: the savepoint was taken with --drain: all its windows and timers have fired, and",
            Code::Drained,
        ),
        ("error: sp-1/sum/0.parquet, row group 2: checksum is 9f, expected 1c", Code::FileChecksum),
        ("error: sp-1/sum/0.parquet: file is missing", Code::FileMissing),
        ("error: sp-1: not a savepoint: there is neither manifest.json nor _metadata", Code::NotASavepoint),
    ];
    for (message, code) in cases {
        assert_eq!(only(&format!("{restore}{message}\n"), None).code, code, "{message}");
    }
}

#[test]
fn our_own_refusal_gives_operator_state_and_the_command() {
    let found = only(
        "error: operator sum-001, state \"sum\": value: utf8 in the savepoint, int32 in the job: no; \
         `spt migrate IN OUT --cast sum-001/sum:value=int32` would make it fit",
        Some(&savepoint(&["sum-001"])),
    );
    assert_eq!((found.operator.as_deref(), found.state.as_deref()), (Some("sum-001"), Some("sum")));
    assert_eq!(found.operator_id, Some(OperatorId::of_uid("sum-001")));
    assert_eq!(found.help, "spt migrate sp-1 OUT --cast sum-001/sum:value=int32");
}

#[test]
fn what_happens_outside_a_restore_is_no_failed_restore() {
    let log = "WARN a\njava.io.FileNotFoundException: conf.yaml (No such file or directory)\n\tat com.acme.Main.main(M.java:1)\n";
    assert_eq!(diagnose(log.as_bytes(), None).unwrap(), []);
}

#[test]
fn bytes_that_are_no_text_are_read_over() {
    let log = [&[0xff, 0xfe, b'\n'][..], log!("flink-2.3.0-operator-gone").as_bytes()].concat();
    assert_eq!(diagnose(log.as_slice(), None).unwrap().len(), 1);
}
