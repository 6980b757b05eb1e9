//! What a person configures reaches the job.

use std::path::PathBuf;
use std::time::Duration;

use spt_runtime::config::{
    ClaimMode, Layers, NonRestored, PendingOutput, RestartStrategy, RetainedCheckpoints,
};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobOptions, RestoreOptions};

use super::collect::Collect;

fn options(pairs: &[(&str, &str)]) -> JobOptions {
    let flags = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (configuration, warnings) = Layers { flags, environment: vec![], file: None }.load().unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    JobOptions::from_configuration(&configuration)
}

#[test]
fn every_option_of_a_job_is_what_was_configured() {
    let id = "0123456789abcdef0123456789abcdef";
    // All of them: one that is new does not compile until it is here, too.
    let JobOptions {
        job_id,
        name,
        parallelism,
        max_parallelism,
        restore,
        checkpoint_dir,
        checkpoint_interval,
        checkpoint_timeout,
        checkpoint_min_pause,
        tolerable_failed_checkpoints,
        retained_checkpoints,
        retention,
        savepoint_dir,
        restart,
        strict_uids,
        flush_interval,
        watermark_interval,
        clock: _,
    } = options(&[
        ("spt.job-id", id),
        ("pipeline.name", "n"),
        ("parallelism.default", "3"),
        ("pipeline.max-parallelism", "77"),
        ("execution.state-recovery.path", "/from"),
        ("execution.state-recovery.ignore-unclaimed-state", "a,b"),
        ("execution.state-recovery.claim-mode", "CLAIM"),
        ("spt.restore.allow-drained", "true"),
        ("spt.restore.pending-output", "discard"),
        ("execution.checkpointing.dir", "/checkpoints"),
        ("execution.checkpointing.interval", "1 s"),
        ("execution.checkpointing.timeout", "2 s"),
        ("execution.checkpointing.min-pause", "3 s"),
        ("execution.checkpointing.tolerable-failed-checkpoints", "4"),
        ("execution.checkpointing.num-retained", "5"),
        ("execution.checkpointing.externalized-checkpoint-retention", "DELETE_ON_CANCELLATION"),
        ("execution.checkpointing.savepoint-dir", "/savepoints"),
        ("restart-strategy.type", "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "6"),
        ("restart-strategy.fixed-delay.delay", "7 s"),
        ("spt.strict-uids", "true"),
        ("execution.buffer-timeout.interval", "8 ms"),
        ("pipeline.auto-watermark-interval", "9 ms"),
    ]);
    assert_eq!((job_id.as_deref(), name.as_deref()), (Some(id), Some("n")));
    assert_eq!((parallelism, max_parallelism, strict_uids), (Some(3), Some(77), true));
    let RestoreOptions { path, non_restored, allow_drained, pending, claim } = restore.unwrap();
    assert_eq!((path, allow_drained), (PathBuf::from("/from"), true));
    assert_eq!(non_restored, NonRestored::Allow(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((pending, claim), (Some(PendingOutput::Discard), ClaimMode::Claim));
    assert_eq!(checkpoint_dir, Some(PathBuf::from("/checkpoints")));
    assert_eq!(savepoint_dir, Some(PathBuf::from("/savepoints")));
    let times = [checkpoint_interval.unwrap(), checkpoint_timeout, checkpoint_min_pause];
    assert_eq!(times, [1, 2, 3].map(Duration::from_secs));
    assert_eq!((tolerable_failed_checkpoints, retained_checkpoints), (4, 5));
    assert_eq!(retention, RetainedCheckpoints::Delete);
    assert_eq!(restart, RestartStrategy::FixedDelay { attempts: 6, delay: Duration::from_secs(7) });
    assert_eq!([flush_interval, watermark_interval], [8, 9].map(Duration::from_millis));
}

#[test]
fn checkpoints_without_a_folder_are_refused() {
    let env = Environment::new();
    env.source(Sequence::new(0..10)).uid("numbers").sink(Collect::default());
    let error = env.start("homeless", options(&[("execution.checkpointing.interval", "1 s")])).err().unwrap();
    assert!(error.is_refusal() && error.to_string().contains("SPT_CHECKPOINT_DIR"), "{error}");
}
