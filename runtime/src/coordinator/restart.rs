//! When a failed job starts again, and when it has failed for good.
//!
//! # Source
//! Flink, `FixedDelayRestartBackoffTimeStrategy`, `ExponentialDelayRestartBackoffTimeStrategy`,
//! `FailureRateRestartBackoffTimeStrategy`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::RestartStrategy;

/// Counts the failures of a job.
pub(super) struct Restarts {
    strategy: RestartStrategy,
    failures: u32,
    /// The pause after the next failure, where pauses grow.
    pause: Duration,
    /// When the last failures were, where their rate counts.
    recent: VecDeque<Instant>,
    /// Since when records flow; `None` if they have not since the last failure.
    running_since: Option<Instant>,
}

impl Restarts {
    pub(super) fn new(strategy: RestartStrategy) -> Self {
        Self { strategy, failures: 0, pause: Duration::ZERO, recent: VecDeque::new(), running_since: None }
    }

    /// Records flow again.
    pub(super) fn running(&mut self) {
        self.running_since = Some(Instant::now());
    }

    /// After a failure: the pause before the next start, or none if there is no next.
    pub(super) fn after_failure(&mut self) -> Option<Duration> {
        let ran = self.running_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        match self.strategy {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay { attempts, delay } => {
                self.failures += 1;
                (self.failures <= attempts).then_some(delay)
            }
            RestartStrategy::ExponentialDelay { initial, max, multiplier, reset_after, attempts, jitter } => {
                if ran >= reset_after {
                    self.failures = 0;
                }
                let grown = Duration::try_from_secs_f64(self.pause.as_secs_f64() * multiplier);
                self.pause = if self.failures == 0 { initial } else { grown.unwrap_or(max).min(max) };
                self.failures += 1;
                let pause = jittered(self.pause, jitter).min(max.max(initial));
                attempts.is_none_or(|attempts| self.failures <= attempts).then_some(pause)
            }
            RestartStrategy::FailureRate { failures, interval, delay } => {
                self.recent.push_back(Instant::now());
                self.recent.retain(|failure| failure.elapsed() < interval);
                (self.recent.len() <= failures as usize).then_some(delay)
            }
        }
    }
}

/// A pause that is longer or shorter by chance, at most by this share of itself: many jobs that failed for one reason
/// do not start again all at once.
fn jittered(pause: Duration, share: f64) -> Duration {
    let mut bytes = [0; 4];
    if share == 0.0 || getrandom::fill(&mut bytes).is_err() {
        return pause;
    }
    let chance = f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX);
    let factor = 1.0 + share * (2.0 * chance - 1.0);
    Duration::try_from_secs_f64(pause.as_secs_f64() * factor).unwrap_or(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    fn growing(multiplier: f64, jitter: f64) -> Restarts {
        Restarts::new(RestartStrategy::ExponentialDelay {
            initial: SECOND,
            max: 3 * SECOND,
            multiplier,
            reset_after: HOUR,
            attempts: None,
            jitter,
        })
    }

    #[test]
    fn a_fixed_delay_gives_up_after_its_attempts() {
        let delay = Duration::from_millis(3);
        let mut restarts = Restarts::new(RestartStrategy::FixedDelay { attempts: 2, delay });
        assert_eq!([(); 3].map(|()| restarts.after_failure()), [Some(delay), Some(delay), None]);
        assert_eq!(Restarts::new(RestartStrategy::None).after_failure(), None);
    }

    #[test]
    fn an_exponential_delay_grows_to_its_maximum() {
        let mut restarts = growing(2.0, 0.0);
        let pauses = [(); 3].map(|()| restarts.after_failure());
        assert_eq!(pauses, [1, 2, 3].map(|seconds| Some(seconds * SECOND)));
    }

    #[test]
    fn pauses_begin_anew_once_the_job_has_run_for_long_enough() {
        let mut restarts = Restarts::new(RestartStrategy::ExponentialDelay {
            initial: SECOND,
            max: 8 * SECOND,
            multiplier: 2.0,
            reset_after: Duration::from_millis(20),
            attempts: Some(2),
            jitter: 0.0,
        });
        let grown = [Some(SECOND), Some(2 * SECOND)];
        assert_eq!([(); 2].map(|()| restarts.after_failure()), grown);
        restarts.running();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!([(); 2].map(|()| restarts.after_failure()), grown);
        // Time that passes between starts that fail is none in which the job runs.
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(restarts.after_failure(), None);
    }

    #[test]
    fn a_pause_that_grows_beyond_all_bounds_is_the_longest() {
        let mut restarts = growing(f64::MAX, 0.0);
        restarts.after_failure();
        assert_eq!([(); 2].map(|()| restarts.after_failure()), [Some(3 * SECOND); 2]);
    }

    #[test]
    fn jitter_changes_a_pause_by_its_share_at_most() {
        let pauses: Vec<_> = (0..50).map(|_| growing(2.0, 0.5).after_failure().unwrap()).collect();
        assert!(pauses.iter().all(|pause| (SECOND / 2..=SECOND * 3 / 2).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != SECOND));
    }

    #[test]
    fn failures_count_as_long_as_their_interval() {
        let strategy = |interval| RestartStrategy::FailureRate { failures: 2, interval, delay: SECOND };
        let mut often = Restarts::new(strategy(HOUR));
        assert_eq!([(); 3].map(|()| often.after_failure().is_some()), [true, true, false]);
        let mut seldom = Restarts::new(strategy(Duration::from_nanos(1)));
        assert!([(); 9].iter().all(|()| seldom.after_failure().is_some()));
    }
}
