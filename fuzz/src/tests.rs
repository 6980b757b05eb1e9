use std::path::Path;
use std::time::Duration;

use super::{TARGETS, run};

/// What one target gets of a test run.
const TIME: Duration = Duration::from_secs(4);
const INPUTS: u64 = 400;

/// `SPT_FUZZ_SEED` repeats a run.
fn seed() -> u64 {
    std::env::var("SPT_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5EED)
}

#[test]
fn every_target_has_seeds_and_survives_them() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.len() >= 4, "{}: {} seeds", target.name, seeds.len());
        for seed in seeds {
            (target.run)(&seed);
        }
    }
}

#[test]
fn every_target_survives_a_moment_of_damage() {
    for target in TARGETS {
        let seed = seed();
        println!("{}: SPT_FUZZ_SEED={seed}", target.name);
        match run::run(target, seed, TIME, INPUTS) {
            Ok(inputs) => assert!(inputs > 0, "{}: not even one input", target.name),
            Err(failure) => panic!("{}: SPT_FUZZ_SEED={seed}: {}", target.name, failure.what),
        }
    }
}

/// What once failed: `artifacts/<target>/<story>`.
#[test]
fn what_once_failed_is_survived() {
    let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    let mut replayed = 0;
    for target in TARGETS {
        let Ok(folder) = std::fs::read_dir(artifacts.join(target.name)) else { continue };
        for entry in folder {
            let path = entry.unwrap().path();
            if let Err(failure) = run::once(target, std::fs::read(&path).unwrap()) {
                panic!("{}: {}", path.display(), failure.what);
            }
            replayed += 1;
        }
    }
    assert_eq!(replayed, KEPT, "every kept input belongs to a target");
}

/// Inputs in `artifacts`.
const KEPT: usize = 2;
