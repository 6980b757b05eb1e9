//! Every option a job knows: its key, older names of it, a short environment variable, its type.

use std::path::PathBuf;
use std::time::Duration;

use super::values::{self, ClaimMode, NonRestored, PendingOutput, RestartType, RetainedCheckpoints};

/// One option and how its text becomes a `T`.
#[derive(Debug)]
pub struct ConfigOption<T> {
    /// Flink's key where Flink has this option, otherwise one that begins with `spt.`.
    pub key: &'static str,
    /// Older names of the key, which still work.
    pub aliases: &'static [&'static str],
    /// An environment variable that is easier to remember than the one derived from the key.
    pub short: Option<&'static str>,
    pub(super) parse: fn(&str) -> Result<T, String>,
}

/// An option whose type does not matter: what the loader sees.
pub(super) trait AnyOption: Sync {
    fn key(&self) -> &'static str;
    fn short(&self) -> Option<&'static str>;
    /// The key, then its older names.
    fn names(&self) -> Box<dyn Iterator<Item = &'static str>>;
    fn check(&self, text: &str) -> Result<(), String>;
}

impl<T> AnyOption for ConfigOption<T> {
    fn key(&self) -> &'static str {
        self.key
    }

    fn short(&self) -> Option<&'static str> {
        self.short
    }

    fn names(&self) -> Box<dyn Iterator<Item = &'static str>> {
        Box::new(std::iter::once(self.key).chain(self.aliases.iter().copied()))
    }

    fn check(&self, text: &str) -> Result<(), String> {
        (self.parse)(text).map(drop)
    }
}

/// Declares the options once, and the list of all of them.
macro_rules! options {
    ($($(#[$doc:meta])* $visible:vis $name:ident: $type:ty = $key:literal, [$($alias:literal),*], $short:expr, $parse:path;)*) => {
        $($(#[$doc])* $visible static $name: ConfigOption<$type> =
            ConfigOption { key: $key, aliases: &[$($alias),*], short: $short, parse: $parse };)*

        /// Every option, in the order of this file.
        pub(super) fn all() -> &'static [&'static dyn AnyOption] {
            static ALL: &[&dyn AnyOption] = &[$(&$name),*];
            ALL
        }
    };
}

options! {
    /// Subtasks of every operator whose author said nothing.
    pub PARALLELISM: u32 = "parallelism.default", [], Some("SPT_PARALLELISM"), values::positive;
    /// Key groups of every operator. Not set: computed from the parallelism, or adopted from the savepoint.
    pub MAX_PARALLELISM: u32 = "pipeline.max-parallelism", [], Some("SPT_MAX_PARALLELISM"), values::max_parallelism;
    /// The job's name, instead of the one in the program.
    pub JOB_NAME: String = "pipeline.name", [], Some("SPT_JOB_NAME"), values::text;
    /// How often sources that make watermarks do so.
    pub WATERMARK_INTERVAL: Duration = "pipeline.auto-watermark-interval", [], None, values::duration;
    /// How long a partial batch of records waits for more before it is sent.
    pub BUFFER_TIMEOUT: Duration = "execution.buffer-timeout.interval", ["execution.buffer-timeout"], None, values::duration;

    /// How often a checkpoint is taken. Not set: never.
    pub CHECKPOINT_INTERVAL: Duration = "execution.checkpointing.interval", [], Some("SPT_CHECKPOINT_INTERVAL"), values::positive_duration;
    /// A checkpoint that takes longer is given up.
    pub CHECKPOINT_TIMEOUT: Duration = "execution.checkpointing.timeout", [], None, values::positive_duration;
    /// Time between the end of a checkpoint and the start of the next.
    pub CHECKPOINT_MIN_PAUSE: Duration = "execution.checkpointing.min-pause", [], None, values::duration;
    /// Checkpoints in a row that may fail before the job does.
    pub TOLERABLE_FAILED_CHECKPOINTS: u32 = "execution.checkpointing.tolerable-failed-checkpoints", [], None, values::count;
    /// The folder checkpoints are written below.
    pub CHECKPOINT_DIR: PathBuf = "execution.checkpointing.dir", ["state.checkpoints.dir"], Some("SPT_CHECKPOINT_DIR"), values::path;
    /// How many completed checkpoints are kept.
    pub RETAINED_CHECKPOINTS: u32 = "execution.checkpointing.num-retained", ["state.checkpoints.num-retained"], None, values::positive;
    /// What becomes of them when the job is cancelled.
    pub CHECKPOINT_RETENTION: RetainedCheckpoints = "execution.checkpointing.externalized-checkpoint-retention", [], None, values::retained;
    /// The folder savepoints are written to when a request names none.
    pub SAVEPOINT_DIR: PathBuf = "execution.checkpointing.savepoint-dir", ["state.savepoints.dir"], Some("SPT_SAVEPOINT_DIR"), values::path;

    /// The savepoint or checkpoint to start from.
    pub RESTORE_PATH: PathBuf = "execution.state-recovery.path", ["execution.savepoint.path"], Some("SPT_SAVEPOINT"), values::path;
    /// State that the job has no operator for: `true`, `false`, or uids.
    pub ALLOW_NON_RESTORED: NonRestored = "execution.state-recovery.ignore-unclaimed-state", ["execution.savepoint.ignore-unclaimed-state"], Some("SPT_ALLOW_NON_RESTORED_STATE"), values::non_restored;
    /// Who owns the savepoint afterwards.
    pub CLAIM_MODE: ClaimMode = "execution.state-recovery.claim-mode", ["execution.savepoint-restore-mode"], None, values::claim_mode;
    /// A savepoint taken with `--drain` may be started from.
    pub ALLOW_DRAINED: bool = "spt.restore.allow-drained", [], Some("SPT_ALLOW_DRAINED"), values::boolean;
    /// What to do with output that was pending in the savepoint.
    pub PENDING_OUTPUT: PendingOutput = "spt.restore.pending-output", [], Some("SPT_PENDING"), values::pending_output;

    /// What happens when the job fails while it runs.
    pub(super) RESTART_TYPE: RestartType = "restart-strategy.type", ["restart-strategy"], None, values::restart_type;
    pub(super) RESTART_ATTEMPTS: u32 = "restart-strategy.fixed-delay.attempts", [], None, values::count;
    pub(super) RESTART_DELAY: Duration = "restart-strategy.fixed-delay.delay", [], None, values::duration;
    pub(super) RESTART_INITIAL: Duration = "restart-strategy.exponential-delay.initial-backoff", [], None, values::positive_duration;
    pub(super) RESTART_MAX: Duration = "restart-strategy.exponential-delay.max-backoff", [], None, values::positive_duration;
    pub(super) RESTART_MULTIPLIER: f64 = "restart-strategy.exponential-delay.backoff-multiplier", [], None, values::factor;
    pub(super) RESTART_RESET: Duration = "restart-strategy.exponential-delay.reset-backoff-threshold", [], None, values::positive_duration;
    pub(super) RESTART_JITTER: f64 = "restart-strategy.exponential-delay.jitter-factor", [], None, values::share;
    pub(super) RATE_FAILURES: u32 = "restart-strategy.failure-rate.max-failures-per-interval", [], None, values::positive;
    pub(super) RATE_INTERVAL: Duration = "restart-strategy.failure-rate.failure-rate-interval", [], None, values::positive_duration;
    pub(super) RATE_DELAY: Duration = "restart-strategy.failure-rate.delay", [], None, values::duration;
    pub(super) RESTART_TOTAL: u32 = "restart-strategy.exponential-delay.attempts-before-reset-backoff", [], None, values::count;

    /// Port of the control endpoint on loopback: one, or a range. Not set, or 0: any free one.
    pub CONTROL_PORT: (u16, u16) = "rest.bind-port", ["rest.port"], Some("SPT_PORT"), values::ports;
    /// The control endpoint is there at all.
    pub CONTROL_ENABLED: bool = "spt.control.enabled", [], Some("SPT_CONTROL"), values::boolean;
    /// A file whose first line is the token every request must bear.
    pub TOKEN_FILE: PathBuf = "spt.control.token-file", [], Some("SPT_TOKEN_FILE"), values::path;
    /// The job's id, 32 hex digits. Not set: a new one.
    pub JOB_ID: String = "spt.job-id", [], Some("SPT_JOB_ID"), values::text;
    /// An operator with state or pending output and without a uid is an error, not a warning.
    pub STRICT_UIDS: bool = "spt.strict-uids", [], Some("SPT_STRICT"), values::boolean;
    /// SIGTERM and SIGINT stop the job with a savepoint, not as it is.
    pub SAVEPOINT_ON_TERMINATE: bool = "spt.savepoint-on-sigterm", [], None, values::boolean;
}

/// The option with this key, or with this older name of its key.
pub(super) fn option_of(key: &str) -> Option<&'static dyn AnyOption> {
    all().iter().copied().find(|option| option.names().any(|name| name == key))
}

/// The known key that `key` was probably meant to be.
pub fn nearest(key: &str) -> Option<&'static str> {
    let names = all().iter().flat_map(|option| option.names());
    let scored = names.map(|name| (strsim::jaro_winkler(name, key), name));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.85).map(|(_, name)| name)
}
