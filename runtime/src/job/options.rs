//! What a job is told when it is started.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{
    ClaimMode, Configuration, NonRestored, PendingOutput, RestartStrategy, RetainedCheckpoints, options,
};
use crate::tasks::Clock;

/// How a job is run. The default runs it once, at parallelism 1, without checkpoints.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// The job's id, 32 hex digits; a new one if not set.
    pub job_id: Option<String>,
    /// The job's name, instead of the program's.
    pub name: Option<String>,
    /// Subtasks of every operator, instead of the program's.
    pub parallelism: Option<u32>,
    /// Key groups of every operator whose author set none.
    pub max_parallelism: Option<u32>,
    /// What to start from.
    pub restore: Option<RestoreOptions>,
    /// The folder below which checkpoints are written, in one named after the job's id.
    pub checkpoint_dir: Option<PathBuf>,
    /// How often a checkpoint is taken; never, if not set.
    pub checkpoint_interval: Option<Duration>,
    /// A checkpoint that takes longer is given up.
    pub checkpoint_timeout: Duration,
    /// Time between the end of a checkpoint and the start of the next.
    pub checkpoint_min_pause: Duration,
    /// Checkpoints in a row that may fail before the job does.
    pub tolerable_failed_checkpoints: u32,
    /// How many completed checkpoints are kept.
    pub retained_checkpoints: usize,
    /// What becomes of them when the job is cancelled.
    pub retention: RetainedCheckpoints,
    /// The folder for savepoints when a request names none.
    pub savepoint_dir: Option<PathBuf>,
    /// What happens when the job fails while it runs.
    pub restart: RestartStrategy,
    /// An operator with state or pending output and without a uid is an error, not a warning.
    pub strict_uids: bool,
    /// How long a partial batch waits for more records.
    pub flush_interval: Duration,
    /// How often watermarks are made from event times.
    pub watermark_interval: Duration,
    /// What operators take for the time of day.
    pub clock: Clock,
}

/// What a job starts from.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// A savepoint or a checkpoint.
    pub path: PathBuf,
    /// State that the job has no operator for.
    pub non_restored: NonRestored,
    /// A savepoint that was taken with `--drain` will do.
    pub allow_drained: bool,
    /// What to do with output that was pending in it.
    pub pending: Option<PendingOutput>,
    /// Who owns it afterwards.
    pub claim: ClaimMode,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            job_id: None,
            name: None,
            parallelism: None,
            max_parallelism: None,
            restore: None,
            checkpoint_dir: None,
            checkpoint_interval: None,
            checkpoint_timeout: Duration::from_secs(600),
            checkpoint_min_pause: Duration::ZERO,
            tolerable_failed_checkpoints: 0,
            retained_checkpoints: 1,
            retention: RetainedCheckpoints::Retain,
            savepoint_dir: None,
            restart: RestartStrategy::None,
            strict_uids: false,
            flush_interval: Duration::from_millis(5),
            watermark_interval: Duration::from_millis(200),
            clock: Clock::system(),
        }
    }
}

impl RestoreOptions {
    /// From this savepoint or checkpoint, leaving nothing behind.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            non_restored: NonRestored::Refuse,
            allow_drained: false,
            pending: None,
            claim: ClaimMode::NoClaim,
        }
    }
}

impl JobOptions {
    /// What flags, environment and configuration files say.
    pub fn from_configuration(configuration: &Configuration) -> Self {
        let default = Self::default();
        let get = |option| configuration.get(option);
        let restore = configuration.get(&options::RESTORE_PATH).map(|path| RestoreOptions {
            path,
            non_restored: configuration.get(&options::ALLOW_NON_RESTORED).unwrap_or_default(),
            allow_drained: configuration.get(&options::ALLOW_DRAINED).unwrap_or(false),
            pending: configuration.get(&options::PENDING_OUTPUT),
            claim: configuration.get(&options::CLAIM_MODE).unwrap_or_default(),
        });
        Self {
            job_id: configuration.get(&options::JOB_ID),
            name: configuration.get(&options::JOB_NAME),
            parallelism: configuration.get(&options::PARALLELISM),
            max_parallelism: configuration.get(&options::MAX_PARALLELISM),
            restore,
            checkpoint_dir: configuration.get(&options::CHECKPOINT_DIR),
            checkpoint_interval: get(&options::CHECKPOINT_INTERVAL),
            checkpoint_timeout: get(&options::CHECKPOINT_TIMEOUT).unwrap_or(default.checkpoint_timeout),
            checkpoint_min_pause: get(&options::CHECKPOINT_MIN_PAUSE).unwrap_or(default.checkpoint_min_pause),
            tolerable_failed_checkpoints: configuration
                .get(&options::TOLERABLE_FAILED_CHECKPOINTS)
                .unwrap_or(default.tolerable_failed_checkpoints),
            retained_checkpoints: configuration
                .get(&options::RETAINED_CHECKPOINTS)
                .map_or(default.retained_checkpoints, |kept| kept as usize),
            retention: configuration.get(&options::CHECKPOINT_RETENTION).unwrap_or_default(),
            savepoint_dir: configuration.get(&options::SAVEPOINT_DIR),
            restart: configuration.restart_strategy(),
            strict_uids: configuration.get(&options::STRICT_UIDS).unwrap_or(false),
            flush_interval: get(&options::BUFFER_TIMEOUT).unwrap_or(default.flush_interval),
            watermark_interval: get(&options::WATERMARK_INTERVAL).unwrap_or(default.watermark_interval),
            clock: default.clock,
        }
    }
}
