//! The seed flow: a job is fed, saved, stopped, and goes on from where it was.

use std::path::Path;
use std::time::{Duration, Instant};

use super::lab::{Lab, TextServer, example, kill};

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn a_word_count_goes_on_from_its_savepoints_at_another_parallelism() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let started = lab.run(&["-p", "2"], "wordcount", &server);
    let id = started.line();
    assert!(is_id(id), "{id}");
    let jobs = lab.jobs();
    assert_eq!(jobs.len(), 1);
    assert_eq!((&jobs[0]["id"], &jobs[0]["name"]), (&id.into(), &"wordcount".into()));
    assert_eq!(jobs[0]["state"], "RUNNING");
    let table = lab.spt(&["list"]).out;
    assert!(table.starts_with("JOB") && table.contains(id) && table.contains("RUNNING"), "{table}");

    server.send("to be or not to be\n");
    lab.await_counts(id, &[("to", 2), ("be", 2), ("or", 1), ("not", 1)]);

    let saved = lab.spt(&["savepoint", &id[..8], &lab.text("saved")]);
    let savepoint = saved.line().to_owned();
    let name = Path::new(&savepoint).file_name().unwrap().to_str().unwrap();
    assert!(savepoint.starts_with(&lab.text("saved")), "{savepoint}");
    assert!(name.starts_with(&format!("savepoint-{}-", &id[..6])), "{name}");
    assert_eq!(name.len(), "savepoint-".len() + 6 + 1 + 12);
    assert!(Path::new(&savepoint).join("manifest.json").is_file());

    server.send("to go on\n");
    lab.await_counts(id, &[("to", 3), ("go", 1), ("on", 1)]);
    let stopped = lab.spt(&["stop", "wordcount"]).line().to_owned();
    assert!(stopped.starts_with(&lab.text("default")), "{stopped}");
    assert!(lab.jobs().is_empty());

    // From the stop, at another parallelism.
    let again = lab.run(&["-s", &stopped, "-p", "3"], "wordcount", &server);
    let id = again.line();
    server.send("to be\n");
    let counts = lab.await_counts(id, &[("to", 4), ("be", 3)]);
    assert_eq!(counts.len(), 2, "only what was counted since: {counts:?}");
    assert_eq!(lab.spt(&["cancel", id]).code, 0);
    assert!(lab.jobs().is_empty());

    // From the older one, named by its manifest: what followed it never was.
    let manifest = Path::new(&savepoint).join("manifest.json");
    let older = lab.run(&["-s", manifest.to_str().unwrap(), "-p", "1"], "wordcount", &server);
    let id = older.line();
    server.send("to be\n");
    lab.await_counts(id, &[("to", 3), ("be", 3)]);
    assert_eq!(lab.spt(&["cancel", "wordcount"]).code, 0);
}

/// Starts a word count that has read a line, and nothing comes since. Its id.
fn silent(lab: &Lab, server: &mut TextServer) -> String {
    let id = lab.run(&[], "wordcount", server).line().to_owned();
    server.send("silence\n");
    lab.await_counts(&id, &[("silence", 1)]);
    id
}

/// Far less, on a machine that is not busy. On one that is, some may take longer, but not all of some tries: who waits
/// for the source does so each time.
#[test]
fn a_savepoint_and_a_stop_take_less_than_a_second_while_the_source_is_silent() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..10 {
        let id = silent(&lab, &mut server);
        for (command, fastest) in ["savepoint", "stop"].into_iter().zip(&mut fastest) {
            std::thread::sleep(Duration::from_millis(50));
            let start = Instant::now();
            lab.spt(&[command, &id]).line();
            *fastest = start.elapsed().min(*fastest);
        }
        if fastest.iter().all(|time| *time < Duration::from_secs(1)) {
            return;
        }
    }
    panic!("{fastest:?}");
}

#[test]
fn detached_returns_once_the_state_is_restored_and_the_job_runs() {
    const RESTORE: Duration = Duration::from_secs(3);
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let id = silent(&lab, &mut server);
    let savepoint = lab.spt(&["stop", &id]).line().to_owned();
    let failpoint = format!("restore.state=sleep:{}@1", RESTORE.as_millis());
    let program = example("wordcount");
    let args =
        ["run", "-d", "-s", &savepoint, "-p", "1", "--", program.to_str().unwrap(), "--port", &server.port()];
    let start = Instant::now();
    let said = lab.say(lab.command(&args).env("SPT_FAILPOINTS", failpoint));
    let took = start.elapsed();
    let id = said.line();
    assert!(took >= RESTORE, "it returned after {took:?}, in the midst of the restore");
    let jobs = lab.jobs();
    assert_eq!((&jobs[0]["id"], &jobs[0]["state"]), (&id.into(), &"RUNNING".into()));
    server.send("silence\n");
    lab.await_counts(id, &[("silence", 2)]);
}

#[test]
fn a_drained_savepoint_says_so_and_is_started_from_only_if_that_is_wanted() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let id = lab.run(&[], "wordcount", &server).line().to_owned();
    server.send("to be\n");
    lab.await_counts(&id, &[("to", 1), ("be", 1)]);
    let path = lab.spt(&["stop", "--drain", &id]).line().to_owned();
    let shown: serde_json::Value =
        serde_json::from_str(lab.spt(&["inspect", "--json", &path]).line()).unwrap();
    assert_eq!((&shown["kind"], &shown["drained"]), (&"savepoint".into(), &true.into()));
    let said = lab.run(&["-s", &path], "wordcount", &server);
    assert!(said.refusal().contains("--allow-drained"), "{said:?}");
    let id = lab.run(&["-s", &path, "--allow-drained"], "wordcount", &server).line().to_owned();
    server.send("to go\n");
    lab.await_counts(&id, &[("to", 2), ("go", 1)]);
    assert_eq!(lab.spt(&["cancel", &id]).code, 0);
}

#[test]
fn the_folder_for_savepoints_may_come_from_a_file() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let file = lab.text("config.yaml");
    std::fs::write(&file, format!("state:\n  savepoints:\n    dir: {}\n", lab.text("from-file"))).unwrap();
    // A variable beats a file, so this job has none.
    let example = example("wordcount");
    let mut run = lab.command(&[
        "run",
        "-d",
        "--config",
        &file,
        "--",
        example.to_str().unwrap(),
        "--port",
        &server.port(),
    ]);
    let output = run.env_remove("SPT_SAVEPOINT_DIR").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    server.send("a\n");
    let path = lab.spt(&["savepoint", "wordcount"]).line().to_owned();
    assert!(path.starts_with(&lab.text("from-file")), "{path}");
}

#[test]
fn two_live_jobs_never_have_one_id_and_a_killed_one_blocks_nobody() {
    let (lab, mut server) = (Lab::new(), TextServer::new());
    let id = "0123456789abcdef0123456789abcdef";
    let flags = ["-D", &format!("spt.job-id={id}")];
    assert_eq!(lab.run(&flags, "wordcount", &server).line(), id);
    server.send("a\n");
    let second = lab.run(&flags, "wordcount", &server);
    assert!(second.refusal().contains(&format!("job {id} is running already")), "{second:?}");

    kill(lab.jobs()[0]["pid"].as_u64().unwrap());
    let list = super::lab::until(|| match lab.spt(&["list"]) {
        list if list.err.contains("is gone") => Ok(list),
        list => Err(format!("{list:?}")),
    });
    assert!(list.err.contains(&format!("job {id} (wordcount) is gone")), "{list:?}");
    assert_eq!(lab.run(&flags, "wordcount", &server).line(), id);
}

#[test]
fn the_plan_names_every_operator_and_state_before_a_record_flows() {
    let lab = Lab::new();
    let example = example("wordcount");
    let said = lab.spt(&["plan", "--json", "--", example.to_str().unwrap(), "--port", "1"]);
    // The program prints it by itself, too.
    let alone = std::process::Command::new(&example).args(["plan", "--port", "1"]).output().unwrap();
    assert_eq!(String::from_utf8(alone.stdout).unwrap().trim_end(), said.line());
    let plan: serde_json::Value = serde_json::from_str(said.line()).unwrap();
    let uids: Vec<_> =
        plan["operators"].as_array().unwrap().iter().map(|operator| operator["uid"].as_str()).collect();
    for uid in ["stream-001", "flatMap-001", "map-001", "sum-001"] {
        assert!(uids.contains(&Some(uid)), "{uids:?}");
    }
    let sum =
        &plan["operators"].as_array().unwrap().iter().find(|operator| operator["uid"] == "sum-001").unwrap()
            ["states"][0];
    assert_eq!(
        (&sum["kind"], &sum["key_type"], &sum["value_type"]),
        (&"reducing".into(), &"utf8".into(), &"int64".into())
    );
}
