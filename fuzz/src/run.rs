//! Runs a target on damaged seeds for a while.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::{Damage, Target};

/// No input of a few kilobytes takes this long, even on a busy machine without optimisation.
const HANG: Duration = Duration::from_secs(60);

/// An input that a target did not survive.
pub struct Failure {
    /// The input.
    pub bytes: Vec<u8>,
    /// What happened.
    pub what: String,
}

/// Damages seeds and runs the target on them, for so long or so often, whichever ends first. Returns how many
/// inputs there were.
///
/// # Errors
/// The first input that makes the target panic or hang.
pub fn run(target: &Target, seed: u64, time: Duration, inputs: u64) -> Result<u64, Failure> {
    let seeds = (target.seeds)();
    let mut damage = Damage::new(seed);
    let started = Instant::now();
    for number in 0..inputs {
        if started.elapsed() > time {
            return Ok(number);
        }
        let mut bytes = damage.choose(&seeds).cloned().unwrap_or_default();
        let other = damage.choose(&seeds).cloned().unwrap_or_default();
        damage.apply(&mut bytes, &other);
        once(target, bytes)?;
    }
    Ok(inputs)
}

/// Runs the target on one input.
///
/// # Errors
/// If it panics or hangs.
pub fn once(target: &Target, bytes: Vec<u8>) -> Result<(), Failure> {
    let started = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes)));
    let took = started.elapsed();
    match result {
        Err(_) => Err(Failure { bytes, what: "it panics, as shown above".to_owned() }),
        Ok(()) if took > HANG => Err(Failure { bytes, what: format!("it takes {took:?}") }),
        Ok(()) => Ok(()),
    }
}
