//! What a job is refused for, and what it survives: each with its reason on stderr.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::lab::{Ended, Lab, Said, TextServer, example, until};

/// A savepoint of a word count that has counted these words.
fn savepoint_of(lab: &Lab, server: &mut TextServer, flags: &[&str], text: &str) -> PathBuf {
    let id = lab.run(flags, "wordcount", server).line().to_owned();
    server.send(&format!("{text} end\n"));
    lab.await_counts(&id, &[("end", 1)]);
    PathBuf::from(lab.spt(&["stop", &id]).line())
}

fn restore(lab: &Lab, server: &TextServer, path: &Path, flags: &[&str]) -> Said {
    lab.run(&[&["-s", path.to_str().unwrap()], flags].concat(), "wordcount", server)
}

fn data_file(savepoint: &Path) -> PathBuf {
    let mut folders = vec![savepoint.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                return path;
            }
        }
    }
    panic!("no data file in {}", savepoint.display())
}

/// Savepoints are read-only; whoever damages one here may write.
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn without_a_server_the_start_fails_after_some_attempts() {
    let lab = Lab::new();
    let example = example("wordcount");
    // A port that no test is given.
    let said = lab.spt(&["run", "-d", "--", example.to_str().unwrap(), "--port", "1"]);
    assert!(said.failed_start().contains("no server at 127.0.0.1:1 after"), "{said:?}");
    assert!(lab.jobs().is_empty());
}

#[test]
fn a_path_that_is_no_savepoint_is_refused() {
    let (lab, server) = (Lab::new(), TextServer::new());
    std::fs::create_dir(lab.path("empty")).unwrap();
    std::fs::write(lab.path("file"), "hello").unwrap();
    for name in ["nothing", "empty", "file"] {
        let said = restore(&lab, &server, &lab.path(name), &[]);
        assert!(said.refusal().contains(&lab.text(name)), "{said:?}");
    }
    assert!(lab.jobs().is_empty());
}

#[test]
fn a_manifest_with_one_flipped_bit_is_refused() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let savepoint = savepoint_of(&lab, &mut server, &[], "to be");
    let manifest = savepoint.join("manifest.json");
    let whole = std::fs::read(&manifest).unwrap();
    for place in [0, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        overwrite(&manifest, &flipped);
        let said = restore(&lab, &server, &savepoint, &[]);
        assert!(said.refusal().contains("manifest.json"), "byte {place}: {said:?}");
    }
    overwrite(&manifest, &whole);
    restore(&lab, &server, &savepoint, &[]).line();
}

#[test]
fn a_data_file_that_is_missing_or_truncated_is_named() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let savepoint = savepoint_of(&lab, &mut server, &[], "to be");
    let file = data_file(&savepoint);
    let name = file.strip_prefix(&savepoint).unwrap().to_str().unwrap().to_owned();
    let whole = std::fs::read(&file).unwrap();
    overwrite(&file, &whole[..whole.len() - 1]);
    let said = restore(&lab, &server, &savepoint, &[]);
    assert!(said.failed_start().contains(&name), "{said:?}");
    std::fs::remove_file(&file).unwrap();
    let said = restore(&lab, &server, &savepoint, &[]);
    assert!(said.failed_start().contains(&name), "{said:?}");
    assert!(said.err.contains("missing"), "{said:?}");
}

#[test]
fn state_without_an_operator_is_refused_unless_it_may_be_left_behind() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let savepoint = savepoint_of(&lab, &mut server, &[], "to be or not");
    let path = savepoint.to_str().unwrap();
    let said = lab.run(&["-s", path], "echo", &server);
    for part in ["sum-001", "sum", "5 rows", "-n", "spt migrate"] {
        assert!(said.refusal().contains(part), "{part:?} is not in {said:?}");
    }
    let said = lab.run(&["-s", path, "-n", "other-001"], "echo", &server);
    assert!(said.refusal().contains("sum-001"), "{said:?}");
    for flags in [&["-s", path, "-n"][..], &["-s", path, "-n", "sum-001"]] {
        let id = lab.run(flags, "echo", &server).line().to_owned();
        until(|| match lab.log(&id) {
            log if log.contains("sum-001") => Ok(()),
            log => Err(log),
        });
        assert_eq!(lab.spt(&["cancel", &id]).code, 0);
    }
}

#[test]
fn another_max_parallelism_is_refused_with_the_way_to_change_it() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let savepoint = savepoint_of(&lab, &mut server, &["-D", "pipeline.max-parallelism=64"], "to be");
    let said = restore(&lab, &server, &savepoint, &["-D", "pipeline.max-parallelism=128"]);
    for part in ["64", "128", "spt migrate"] {
        assert!(said.refusal().contains(part), "{part:?} is not in {said:?}");
    }
    // Not set: the savepoint's is adopted, and bounds the parallelism.
    let said = restore(&lab, &server, &savepoint, &["-p", "65"]);
    assert!(said.refusal().contains("65") && said.err.contains("64"), "{said:?}");
    restore(&lab, &server, &savepoint, &["-p", "4"]).line();
}

#[test]
fn a_parallelism_beyond_the_max_parallelism_is_refused() {
    let (lab, server) = (Lab::new(), TextServer::new());
    let said = lab.run(&["-p", "9", "-D", "pipeline.max-parallelism=8"], "wordcount", &server);
    assert!(said.refusal().contains('9') && said.err.contains('8'), "{said:?}");
}

#[test]
fn what_an_operator_or_the_program_itself_refuses_exits_2() {
    let lab = Lab::new();
    let (example, file) = (example("numbers"), lab.text("a file"));
    std::fs::write(&file, "").unwrap();
    let cases = [
        (["--output", &file], "operator files-001 failed: "),
        (["--output", "/proc/numbers"], "operator files-001 failed: "),
        (["--count", "many"], "--count \"many\" makes no sense"),
    ];
    for (arguments, reason) in cases {
        let program = [&[example.to_str().unwrap()][..], &arguments].concat();
        for flags in [&["run", "--"][..], &["run", "-d", "--"]] {
            let said = lab.spt(&[flags, &program].concat());
            assert!(said.refusal().contains(reason), "{said:?}");
        }
        let mut alone = Command::new(&example);
        let status = alone.args(arguments).env("SPT_RUN_DIR", lab.path("run")).status().unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

/// A word count in the foreground that may write no file longer than this; its output goes through a pipe.
struct Cramped {
    child: Ended,
    /// Its lines. They are read as they come: a job whose output nobody takes stands still.
    lines: Receiver<String>,
}

impl Cramped {
    /// The shell ignores SIGXFSZ, so that writing fails as it does on a full disk, and its limit is in blocks of 512
    /// bytes.
    fn start(lab: &Lab, server: &TextServer, blocks: u32) -> Self {
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let example = example("wordcount");
        let program = ["sh", "-c", &limited, "sh", example.to_str().unwrap(), "--port", &server.port()];
        let mut command = lab.command(&[&["run", "-p", "2", "--"][..], &program].concat());
        let mut child = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
        let output = BufReader::new(child.0.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// Reads its output up to this line.
    fn await_line(&self, end: &str) {
        let found = self.lines.iter().any(|line| line.ends_with(end));
        assert!(found, "the output ended before {end}");
    }
}

#[test]
fn on_a_full_disk_the_savepoint_fails_and_the_job_goes_on() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let mut job = Cramped::start(&lab, &server, 16);
    let words: String =
        (0..20_000u64).map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    server.send(&words);
    server.send("end\n");
    job.await_line("(end,1)");
    for command in ["savepoint", "stop"] {
        let said = lab.spt(&[command, "wordcount", &lab.text("full")]);
        assert!(said.refusal().contains("too large"), "{said:?}");
    }
    // What is left of them is no savepoint.
    for left in std::fs::read_dir(lab.path("full")).into_iter().flatten() {
        let left = left.unwrap().path();
        assert!(!left.join("manifest.json").exists(), "{}", left.display());
        restore(&lab, &server, &left, &[]).refusal();
    }
    assert_eq!(lab.jobs()[0]["state"], "RUNNING");
    server.send("end\n");
    job.await_line("(end,2)");
    assert_eq!(lab.spt(&["cancel", "wordcount"]).code, 0);
    assert!(job.child.0.wait().unwrap().success());
}
