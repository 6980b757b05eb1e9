//! Exactly once, whatever kills the process: a job is killed hundreds of times in one long run, at random instants
//! and at every named failpoint, started again from its newest checkpoint each time, and in the end its committed
//! output is that of a run nobody disturbed.
//!
//! The job is this test once more, in a process of its own. `SPT_KILLS` says how often it is killed (`cargo xtask kill`
//! does the long run), `SPT_KILL_SEED` repeats one; the seed is printed.

mod dice;
mod ends;
mod job;
mod life;
mod places;

use dice::Dice;
use life::Life;
use places::Hits;

/// Kills of a normal test run; every failpoint is hit at least so many times.
const KILLS: u64 = 50;
const HITS: u64 = 1;
/// A run is a long one from so many kills on.
const LONG_KILLS: u64 = 300;
const LONG_HITS: u64 = 20;
/// A run on a busy machine, where many failpoints are waited for in vain, takes up to so many times the kills.
const PATIENCE: u64 = 5;
/// Kills between two reports of a run.
const REPORT: u64 = 50;

#[test]
fn output_of_a_job_that_is_killed_again_and_again_equals_that_of_one_that_is_not() {
    if let Some(result) = job::asked_for() {
        return result.map(drop).unwrap();
    }
    let set = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let kills = set("SPT_KILLS").unwrap_or(KILLS);
    let hits = if kills >= LONG_KILLS { LONG_HITS } else { HITS };
    let seed = set("SPT_KILL_SEED").unwrap_or_else(Dice::seed);
    eprintln!("SPT_KILL_SEED={seed} SPT_KILLS={kills}");
    let test = "kill::output_of_a_job_that_is_killed_again_and_again_equals_that_of_one_that_is_not";
    let mut dice = Dice::new(seed);
    let (mut done, mut seen) = (0, Hits::default());
    // Should a slow machine let a run reach its end early, another one goes on.
    while done < kills || seen.fewest(|_| true).1 < hits {
        assert!(done < PATIENCE * kills, "after {done} kills, seed {seed}:\n{seen}");
        let is_enough = |killed: u64, seen: &Hits| {
            let ((place, fewest), killed) = (seen.fewest(|_| true), done + killed);
            if killed.is_multiple_of(REPORT) {
                eprintln!("{killed} kills, {place} {fewest} of them");
            }
            killed >= kills && fewest >= hits
        };
        done += Life::new(test, kills).live(&mut dice, &mut seen, is_enough);
    }
    eprintln!("{done} kills, seed {seed}; the output is that of a run nobody disturbed\n{seen}");
    assert!(seen.doubles >= hits, "seed {seed}: too few kills of starts that followed a kill");
}
