//! `spt-fuzz TARGET [SECONDS [SEED]]`: runs one target for longer than the tests do.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever started it")]

use std::process::ExitCode;
use std::time::Duration;

use spt_fuzz::{TARGETS, run};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let mut number = |default| args.next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(default);
    let (seconds, seed) = (number(60), number(0x5EED));
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("usage: spt-fuzz TARGET [SECONDS [SEED]], TARGET is one of: {}", names.join(", "));
        return ExitCode::from(2);
    };
    println!("{name}: seed {seed}");
    match run::run(target, seed, Duration::from_secs(seconds), u64::MAX) {
        Ok(inputs) => {
            println!("{name}: {inputs} inputs, none of them harmful");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let file = std::env::temp_dir().join(format!("{name}.input"));
            let written = std::fs::write(&file, &failure.bytes);
            eprintln!("{name}: {}; input: {} ({written:?})", failure.what, file.display());
            ExitCode::FAILURE
        }
    }
}
