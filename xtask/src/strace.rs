//! The `strace` that the test of what is durable looks through: the machine's own, or one that is fetched as packages
//! and unpacked below the target folder, which needs no rights.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::spec_check::target;

/// The variable that names it. With it, the test does not pass unseen.
pub(crate) const VARIABLE: &str = "STRACE";

/// A `strace` that starts.
pub(crate) fn find() -> Result<String, String> {
    if starts("strace") {
        return Ok("strace".to_owned());
    }
    let folder = target().join("strace");
    let program = folder.join("strace");
    if !starts(&program) {
        fetch(&folder, &program).map_err(|why| format!("there is no strace: install it. {why}"))?;
    }
    let path = program.to_str().map(str::to_owned);
    path.ok_or_else(|| format!("{} is not UTF-8", program.display()))
}

fn starts(program: impl AsRef<std::ffi::OsStr>) -> bool {
    let quiet = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

/// Unpacks the package and the libraries it needs, and writes a program that finds them.
fn fetch(folder: &Path, program: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let (lists, cache) = (folder.join("lists"), folder.join("cache"));
    std::fs::create_dir_all(lists.join("partial")).map_err(failed)?;
    // The machine's own lists may be old, or missing, and are not everybody's to renew.
    let (lists, cache) =
        (format!("Dir::State::Lists={}", lists.display()), format!("Dir::Cache={}", cache.display()));
    let apt = |program: &str, what: &[&str]| {
        run_in(folder, program, &[&["-o", &lists, "-o", &cache], what].concat())
    };
    apt("apt-get", &["update"])?;
    let told = apt("apt-cache", &["depends", "strace"])?;
    apt("apt-get", &[&["download", "strace"], &needed(&told)[..]].concat())?;
    for package in packages(folder).map_err(failed)? {
        run_in(folder, "dpkg", &["-x", &package, "."])?;
    }
    let script = "#!/bin/sh\n\
        here=$(dirname \"$(readlink -f \"$0\")\")\n\
        LD_LIBRARY_PATH=$(printf '%s:' \"$here\"/usr/lib/*/ \"$here\"/lib/*/) exec \"$here/usr/bin/strace\" \"$@\"\n";
    std::fs::write(program, script).map_err(failed)?;
    run_in(folder, "chmod", &["+x", "strace"])?;
    if starts(program) { Ok(()) } else { Err(format!("{} does not start", program.display())) }
}

/// The packages that `strace` needs, but for the C library, which every program here needs.
fn needed(told: &str) -> Vec<&str> {
    let names = told.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.filter(|name| *name != "libc6" && !name.starts_with('<')).collect()
}

fn packages(folder: &Path) -> std::io::Result<Vec<String>> {
    let names = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name.ends_with(".deb")).collect())
}

/// What a program says that runs in this folder, and does what it is asked.
fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let line = format!("{program} {}", arguments.join(" "));
    eprintln!("── {line}");
    // What it says is read here.
    let done = Command::new(program).args(arguments).env("LC_ALL", "C").current_dir(folder).output();
    let done = done.map_err(|error| format!("`{line}` could not be started: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(format!("`{line}` failed: {}, {}", done.status, text(&done.stderr)))
    }
}
