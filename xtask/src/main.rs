//! Project chores. `cargo xtask` lists them.

use std::process::{Command, ExitCode};

mod ci;
mod cli_docs;
mod export_check;
mod fixtures;
mod kill;
mod spec_check;
mod strace;

/// A chore: its name, what it does, and how.
type Chore = (&'static str, &'static str, fn() -> Result<(), String>);

const CHORES: &[Chore] = &[
    ("ci", "formatting, lints, every test, the kills, the checks: what CI runs", ci::run_all),
    ("cli-docs", "write docs/cli.md from the command line itself", cli_docs::write),
    ("export-check", "read exports with other tools, and import them again", export_check::run_all),
    ("fixtures", "write golden savepoints that are missing", fixtures::write),
    ("kill", "kill a job some hundred times, at every failpoint, and compare its output", kill::run_long),
    ("spec-check", "read every golden savepoint with an independent reader", spec_check::run_all),
];

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some((_, _, run)) = CHORES.iter().find(|(chore, _, _)| *chore == name) else {
        eprintln!("usage: cargo xtask CHORE");
        for (chore, what, _) in CHORES {
            eprintln!("  {chore:<12} {what}");
        }
        return ExitCode::from(2);
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a program in the workspace's root, its output shown, and wants it to succeed.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    run_with(program, arguments, &[])
}

/// The same with these environment variables.
fn run_with(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let line = format!("{program} {}", arguments.join(" "));
    eprintln!("── {line}");
    let status = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("`{line}` could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed: {status}")) }
}

/// The workspace's root.
fn root() -> std::path::PathBuf {
    let mut root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
