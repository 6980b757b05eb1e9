//! What is on the disk before what, around a checkpoint: as the kernel is told, seen through `strace`. On a machine
//! that has none there is nothing to see, unless it is named in `STRACE`, as `cargo xtask ci` does: then this
//! passes unseen only where the kernel lets nobody trace, and says so.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobControl, JobOptions};

use super::word_count::at;

const CHILD: &str = "SPT_TEST_OF_WHAT_IS_DURABLE";
/// The `strace` that there is said to be.
const STRACE: &str = "STRACE";
const CALLS: &str = "fsync,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat";

/// What the kernel was told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Make(PathBuf),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// The calls of a trace, in the order in which they returned. One that was still under way when another thread made one
/// has two lines: `123 fsync(9</tmp/out> <unfinished ...>` and `123 <... fsync resumed>) = 0`.
fn calls(trace: &str) -> Vec<Call> {
    let mut begun = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        if let Some(begin) = line.strip_suffix("<unfinished ...>") {
            begun.insert(thread, begin);
        } else if let Some((_, end)) = line.split_once(" resumed>") {
            calls.extend(call(&format!("{}{end}", begun.remove(thread).unwrap())));
        } else {
            calls.extend(call(line));
        }
    }
    calls
}

/// A whole call of `strace -y`: `fsync(9</tmp/out>) = 0`. Paths are absolute, and hold no quotes or brackets.
fn call(call: &str) -> Option<Call> {
    let (name, rest) = call.split_once('(')?;
    rest.contains("= 0").then_some(())?;
    let mut quoted = rest.split('"').skip(1).step_by(2).map(PathBuf::from);
    Some(match name {
        "fsync" => Call::Sync(rest.split_once('<')?.1.split_once('>')?.0.into()),
        "mkdir" | "mkdirat" => Call::Make(quoted.next()?),
        "unlink" | "unlinkat" => Call::Remove(quoted.next()?),
        _ => Call::Rename(quoted.next()?, quoted.next()?),
    })
}

fn program() -> OsString {
    std::env::var_os(STRACE).unwrap_or_else(|| OsString::from("strace"))
}

/// Runs a program in `strace`, or says why nobody can.
fn traced(arguments: impl FnOnce(&mut Command)) -> Result<Output, String> {
    let mut strace = Command::new(program());
    arguments(&mut strace);
    let traced = match strace.output() {
        Err(error) if std::env::var_os(STRACE).is_none() && error.kind() == ErrorKind::NotFound => {
            return Err("there is no strace".to_owned());
        }
        traced => traced.map_err(|error| format!("{strace:?}: {error}")).unwrap(),
    };
    let said = String::from_utf8_lossy(&traced.stderr);
    if is_forbidden(&said) {
        return Err(format!("the kernel lets nobody trace here: {said}"));
    }
    assert!(traced.status.success(), "{strace:?}: {}, {said}", traced.status);
    Ok(traced)
}

/// What `strace` says where the kernel does not let it trace, other than where it fails, or what it traces does.
fn is_forbidden(said: &str) -> bool {
    // By a filter of system calls, a security module, an emulation of another processor.
    let why = ["Operation not permitted", "Permission denied", "Function not implemented"];
    let is_refusal = |line: &str| {
        line.contains("strace: ") && line.contains("PTRACE_") && why.iter().any(|why| line.ends_with(why))
    };
    said.lines().any(is_refusal)
}

/// A process is traced by one other at most: a tracer that is traced itself is refused as it is by a kernel that
/// forbids it.
#[test]
fn a_kernel_that_forbids_tracing_is_told_from_a_tracer_that_fails() {
    let fails = traced(|strace| {
        strace.args(["-f", "-o", "/dev/null"]).arg(program()).args(["-o", "/dev/null", "true"]);
    });
    match fails {
        Ok(output) => panic!("a tracer could be traced: {output:?}"),
        Err(why) => {
            assert!(why.starts_with("the kernel lets nobody") || why == "there is no strace", "{why}")
        }
    }
    for said in [
        "strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted",
        "strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted",
        "strace: ptrace(PTRACE_TRACEME, ...): Permission denied",
        "strace: test_ptrace_get_syscall_info: PTRACE_TRACEME: Function not implemented",
    ] {
        assert!(is_forbidden(said), "{said}");
    }
    for said in [
        "",
        "strace: Cannot find executable 'nothing'",
        "strace: invalid system call 'fsink'",
        "thread 'main' panicked: Operation not permitted",
    ] {
        assert!(!is_forbidden(said), "{said}");
    }
}

/// A job that takes two checkpoints.
fn two_checkpoints(dir: &Path) {
    let env = Environment::new();
    let numbers = env.source(Sequence::new(0..i64::MAX).per_second(10_000.0)).uid("numbers");
    let sums = numbers.key_by_value(|number| number % 100).sum(|_| 1i64).uid("sums");
    sums.sink(FileSink::<Lines>::new(dir.join("above/output"))).uid("files");
    let options = JobOptions { checkpoint_dir: Some(dir.join("checkpoints")), ..at(1) };
    let job = env.start("durable", options).unwrap();
    for records in [100, 1_000] {
        while job.status().vertices[1].records_in < records {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        job.checkpoint().unwrap();
    }
    job.cancel().unwrap();
}

#[test]
fn state_and_output_are_on_the_disk_before_they_count_and_count_before_others_go() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return two_checkpoints(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let test = "jobs::durable::state_and_output_are_on_the_disk_before_they_count_and_count_before_others_go";
    let traced = traced(|strace| {
        strace.args(["-f", "-y", "-qq", "-e", &format!("trace={CALLS}"), "-o"]).arg(root.join("trace"));
        strace.arg(std::env::current_exe().unwrap()).args(["--exact", test]).env(CHILD, &root);
    });
    if let Err(why) = traced {
        // Not by a macro, whose output the harness keeps to itself.
        let text = format!("\nNOT TESTED: {test}: {why}\n\n");
        return std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    let trace = std::fs::read_to_string(root.join("trace")).unwrap();
    look(&root, &calls(&trace));
}

fn look(root: &Path, calls: &[Call]) {
    let at = |wanted: &dyn Fn(&Call) -> bool| {
        let found = calls.iter().enumerate().filter(|(_, call)| wanted(call));
        found.map(|(place, _)| place).collect::<Vec<_>>()
    };
    // The place of the first call like that behind another one.
    let next = |from: usize, call: Call| {
        let place = calls[from..].iter().position(|found| *found == call);
        assert!(place.is_some(), "{call:?} does not follow {:?}", calls[from]);
        from + place.unwrap()
    };
    let is_named = |path: &Path, part: &str| path.to_str().unwrap().contains(part);
    let manifests = at(&|call| matches!(call, Call::Rename(_, to) if to.ends_with("manifest.json")));
    assert_eq!(manifests.len(), 2, "{calls:?}");
    for (place, call) in calls.iter().enumerate() {
        match call {
            // A name is durable once the folder it is in was synced.
            Call::Make(folder) if folder.starts_with(root) => {
                let synced = next(place, Call::Sync(folder.parent().unwrap().to_owned()));
                assert!(manifests.iter().any(|manifest| synced < *manifest), "{folder:?}");
            }
            // Output is durable, then pending, and its name is durable before the checkpoint is whole.
            Call::Rename(from, to) if is_named(to, "/.pending-") => {
                let synced = at(&|call| *call == Call::Sync(from.clone()));
                assert!(synced.iter().any(|synced| *synced < place), "{from:?}");
                let synced = next(place, Call::Sync(to.parent().unwrap().to_owned()));
                let whole = manifests.iter().find(|manifest| **manifest > place);
                assert!(whole.is_none_or(|whole| synced < *whole), "{to:?}");
            }
            // It is visible behind a checkpoint that is whole and durable.
            Call::Rename(_, to) if is_named(to, "/part-") => {
                let whole = *manifests.iter().rfind(|manifest| **manifest < place).unwrap();
                let Call::Rename(_, manifest) = &calls[whole] else { unreachable!() };
                assert!(next(whole, Call::Sync(manifest.parent().unwrap().to_owned())) < place, "{to:?}");
            }
            _ => {}
        }
    }
    for manifest in &manifests {
        let Call::Rename(from, to) = &calls[*manifest] else { unreachable!() };
        let checkpoint = to.parent().unwrap();
        let synced = |path: &Path| {
            at(&|call| *call == Call::Sync(path.to_owned())).into_iter().any(|at| at < *manifest)
        };
        assert!(synced(from) && synced(checkpoint) && synced(checkpoint.parent().unwrap()), "{to:?}");
        let files = at(
            &|call| matches!(call, Call::Sync(file) if file.starts_with(checkpoint) && is_named(file, ".parquet")),
        );
        assert!(files.len() >= 2 && files.iter().all(|file| file < manifest), "{calls:?}");
    }
    // The older checkpoint goes once the output of the newer one is visible, for good.
    let gone = at(&|call| matches!(call, Call::Remove(path) if path.ends_with("manifest.json")));
    assert_eq!(gone.len(), 1);
    let visible = at(&|call| matches!(call, Call::Rename(_, to) if is_named(to, "/part-")));
    let last = *visible.iter().rfind(|visible| **visible < gone[0]).unwrap();
    assert!(last > manifests[1] && next(last, Call::Sync(root.join("above/output"))) < gone[0]);
}
