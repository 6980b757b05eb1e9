//! The long run of the kill test. `SPT_KILLS` and `SPT_KILL_SEED` are passed on.

/// Kills, unless `SPT_KILLS` says otherwise.
const KILLS: &str = "800";
const TEST: &str = "kill::output_of_a_job_that_is_killed_again_and_again_equals_that_of_one_that_is_not";

pub(crate) fn run_long() -> Result<(), String> {
    run(KILLS)
}

/// With so many kills, unless `SPT_KILLS` says otherwise.
pub(crate) fn run(kills: &str) -> Result<(), String> {
    let kills = std::env::var("SPT_KILLS").unwrap_or_else(|_| kills.to_owned());
    // Not the one package: with other features of its dependencies, everything would be built once more.
    let arguments = ["test", "--workspace", "--test", "it", "--", "--exact", TEST, "--nocapture"];
    crate::run_with("cargo", &arguments, &[("SPT_KILLS", &kills)])
}
