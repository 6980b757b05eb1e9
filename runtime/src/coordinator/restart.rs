//! When a failed job starts again, and when it has failed for good.

use std::time::{Duration, Instant};

use crate::config::RestartStrategy;

/// Counts the failures of a job.
pub(super) struct Restarts {
    strategy: RestartStrategy,
    failures: u32,
    /// The pause after the next failure, where pauses grow.
    pause: Duration,
    running_since: Instant,
}

impl Restarts {
    pub(super) fn new(strategy: RestartStrategy) -> Self {
        Self { strategy, failures: 0, pause: Duration::ZERO, running_since: Instant::now() }
    }

    /// Records flow again.
    pub(super) fn running(&mut self) {
        self.running_since = Instant::now();
    }

    /// After a failure: the pause before the next start, or none if there is no next.
    pub(super) fn after_failure(&mut self) -> Option<Duration> {
        match self.strategy {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay { attempts, delay } => {
                self.failures += 1;
                (self.failures <= attempts).then_some(delay)
            }
            RestartStrategy::ExponentialDelay { initial, max, multiplier, reset_after, attempts } => {
                if self.running_since.elapsed() >= reset_after {
                    self.failures = 0;
                }
                let grown = Duration::try_from_secs_f64(self.pause.as_secs_f64() * multiplier);
                self.pause = if self.failures == 0 { initial } else { grown.unwrap_or(max).min(max) };
                self.failures += 1;
                attempts.is_none_or(|attempts| self.failures <= attempts).then_some(self.pause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_delay_gives_up_after_its_attempts() {
        let delay = Duration::from_millis(3);
        let mut restarts = Restarts::new(RestartStrategy::FixedDelay { attempts: 2, delay });
        assert_eq!([(); 3].map(|()| restarts.after_failure()), [Some(delay), Some(delay), None]);
        assert_eq!(Restarts::new(RestartStrategy::None).after_failure(), None);
    }

    #[test]
    fn an_exponential_delay_grows_to_its_maximum() {
        let mut restarts = Restarts::new(RestartStrategy::ExponentialDelay {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(3),
            multiplier: 2.0,
            reset_after: Duration::from_secs(3600),
            attempts: None,
        });
        assert_eq!(
            [(); 3].map(|()| restarts.after_failure().map(|pause| pause.as_secs())),
            [Some(1), Some(2), Some(3)]
        );
    }

    #[test]
    fn a_pause_that_grows_beyond_all_bounds_is_the_longest() {
        let max = Duration::from_secs(3);
        let mut restarts = Restarts::new(RestartStrategy::ExponentialDelay {
            initial: Duration::from_secs(1),
            max,
            multiplier: f64::MAX,
            reset_after: Duration::from_secs(3600),
            attempts: None,
        });
        restarts.after_failure();
        assert_eq!([(); 2].map(|()| restarts.after_failure()), [Some(max), Some(max)]);
    }
}
