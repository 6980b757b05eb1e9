//! The values an option can take, and how their text is read.

use std::path::PathBuf;
use std::time::Duration;

use super::duration::parse_duration;

/// State in a savepoint that the job has no operator for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NonRestored {
    /// Refuse the restore.
    #[default]
    Refuse,
    /// Leave all of it behind.
    AllowAll,
    /// Leave behind the state of these operators (uids or operator ids), and no other.
    Allow(Vec<String>),
}

/// Who owns a savepoint once a job was restored from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClaimMode {
    /// Whoever owned it before. The job never deletes it and never builds on its files.
    #[default]
    NoClaim,
    /// The job, which deletes it once it is no longer needed.
    Claim,
}

/// What becomes of the newest checkpoints when a job ends by being cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetainedCheckpoints {
    /// They stay, and a job can start from them.
    #[default]
    Retain,
    /// They are deleted.
    Delete,
}

/// Output that was pending in the savepoint a new job starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingOutput {
    /// Make it visible: the job that wrote it will not.
    Commit,
    /// Throw it away: the job that wrote it has committed it or still will.
    Discard,
}

/// What happens when a job fails while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum RestartStrategy {
    /// It has failed.
    None,
    /// Start again from the last checkpoint, at most `attempts` times, each after `delay`.
    FixedDelay {
        /// How many restarts before the job has failed.
        attempts: u32,
        /// Pause before each.
        delay: Duration,
    },
    /// Start again from the last checkpoint, each time after a longer pause.
    ExponentialDelay {
        /// First pause.
        initial: Duration,
        /// Longest pause.
        max: Duration,
        /// Growth of the pause.
        multiplier: f64,
        /// Running undisturbed for this long resets the pause.
        reset_after: Duration,
        /// Restarts before the job has failed; `None` is without end.
        attempts: Option<u32>,
        /// By how much of itself a pause is longer or shorter, by chance: 0 to 1.
        jitter: f64,
    },
    /// Start again from the last checkpoint, until there are too many failures in a time.
    FailureRate {
        /// Failures in the interval that are borne.
        failures: u32,
        /// The interval.
        interval: Duration,
        /// Pause before each.
        delay: Duration,
    },
}

pub(super) fn text(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A path, or a `file:` URI as Flink's configuration has it.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    let local = match text.strip_prefix("file:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if text.contains("://") => return Err(format!("{text:?} is not a local path or a file: URI")),
        None => text,
    };
    if local.is_empty() { Err("is empty".to_owned()) } else { Ok(PathBuf::from(local)) }
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number from 0 on"))
}

pub(super) fn positive(text: &str) -> Result<u32, String> {
    match count(text) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text:?} is not a whole number above 0")),
    }
}

/// A maximum parallelism: 1 to 32768. Flink's −1 for "not set" is no value here: leave the key out.
pub(super) fn max_parallelism(text: &str) -> Result<u32, String> {
    match count(text) {
        Ok(number @ 1..=32_768) => Ok(number),
        _ => Err(format!("{text:?} is not a whole number from 1 to 32768")),
    }
}

pub(super) fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number >= 1.0 && f64::is_finite(number) => Ok(number),
        _ => Err(format!("{text:?} is not a number from 1 on")),
    }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is not a number from 0 to 1")),
    }
}

/// `8081`, or a range `8081-8090`: the first free port of it is taken. `0` is any free port.
pub(super) fn ports(text: &str) -> Result<(u16, u16), String> {
    let refusal = || format!("{text:?} is neither a port such as 8081 nor a range such as 8081-8090");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first = first.trim().parse().map_err(|_| refusal())?;
    let last = last.trim().parse().map_err(|_| refusal())?;
    if first <= last { Ok((first, last)) } else { Err(refusal()) }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() { Err(format!("{text:?} is not longer than nothing")) } else { Ok(duration) }
}

/// `true`, `false`, or the operators' uids with commas between.
pub(super) fn non_restored(text: &str) -> Result<NonRestored, String> {
    Ok(match boolean(text) {
        Ok(true) => NonRestored::AllowAll,
        Ok(false) => NonRestored::Refuse,
        Err(_) => {
            let uids: Vec<_> = text.split(',').map(str::trim).map(str::to_owned).collect();
            if uids.iter().any(String::is_empty) {
                return Err(format!("{text:?} has an empty uid"));
            }
            NonRestored::Allow(uids)
        }
    })
}

pub(super) fn claim_mode(text: &str) -> Result<ClaimMode, String> {
    match normal(text).as_str() {
        "no-claim" => Ok(ClaimMode::NoClaim),
        "claim" => Ok(ClaimMode::Claim),
        _ => Err(format!("{text:?} is neither NO_CLAIM nor CLAIM")),
    }
}

pub(super) fn retained(text: &str) -> Result<RetainedCheckpoints, String> {
    match normal(text).as_str() {
        "retain-on-cancellation" => Ok(RetainedCheckpoints::Retain),
        "delete-on-cancellation" | "no-externalized-checkpoints" => Ok(RetainedCheckpoints::Delete),
        _ => Err(format!("{text:?} is neither RETAIN_ON_CANCELLATION nor DELETE_ON_CANCELLATION")),
    }
}

pub(super) fn pending_output(text: &str) -> Result<PendingOutput, String> {
    match normal(text).as_str() {
        "commit" => Ok(PendingOutput::Commit),
        "discard" => Ok(PendingOutput::Discard),
        _ => Err(format!("{text:?} is neither commit nor discard")),
    }
}

/// The names Flink accepts for a restart strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestartType {
    None,
    FixedDelay,
    ExponentialDelay,
    FailureRate,
}

pub(super) fn restart_type(text: &str) -> Result<RestartType, String> {
    match normal(text).as_str() {
        "none" | "disable" | "off" => Ok(RestartType::None),
        "fixed-delay" | "fixeddelay" => Ok(RestartType::FixedDelay),
        "exponential-delay" | "exponentialdelay" => Ok(RestartType::ExponentialDelay),
        "failure-rate" | "failurerate" => Ok(RestartType::FailureRate),
        _ => Err(format!("{text:?} is none of none, fixed-delay, exponential-delay, failure-rate")),
    }
}

/// Flink compares the names of choices without regard to case, `-` or `_`.
fn normal(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace('_', "-")
}
