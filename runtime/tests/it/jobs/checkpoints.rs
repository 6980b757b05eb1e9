//! Checkpoints: how many are kept, how they are counted, what they commit.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spt_runtime::job::JobState;
use spt_runtime::sinks::{FileSink, Lines};
use spt_runtime::sources::Sequence;
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions};

use super::collect::Collect;
use super::leash::Leash;
use super::word_count::{at, word_count};

/// Checkpoints of a job in its folder, by number.
fn kept(dir: &Path, job_id: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = std::fs::read_dir(dir.join(job_id))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_prefix("chk-")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn endless() -> Sequence {
    Sequence::new(0..i64::MAX).per_second(1_000.0)
}

#[test]
fn the_last_checkpoints_are_kept_and_ids_go_on_after_a_restore() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        JobOptions { checkpoint_dir: Some(dir.path().to_owned()), retained_checkpoints: 2, ..at(2) };
    let job = word_count(endless(), &Collect::default()).start("wordcount", options.clone()).unwrap();
    let paths: Vec<_> = (0..4).map(|_| job.checkpoint().unwrap()).collect();
    assert_eq!(kept(dir.path(), job.id()), [3, 4]);
    assert!(paths[3].ends_with(format!("{}/chk-4", job.id())));
    job.savepoint(Some(dir.path())).unwrap();
    job.cancel().unwrap();
    assert_eq!(kept(dir.path(), job.id()), [3, 4]);

    let options = JobOptions { restore: Some(RestoreOptions::new(&paths[3])), ..options };
    let job = word_count(endless(), &Collect::default()).start("wordcount", options).unwrap();
    assert!(job.checkpoint().unwrap().ends_with("chk-5"));
    job.cancel().unwrap();
    assert!(paths[3].join("manifest.json").exists(), "it belongs to the job before");
}

#[test]
fn checkpoints_are_taken_at_their_interval_and_the_end_of_the_input_takes_one() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions {
        checkpoint_dir: Some(dir.path().to_owned()),
        checkpoint_interval: Some(Duration::from_millis(60)),
        ..at(2)
    };
    let numbers = Leash::new(0..20_000);
    let job = word_count(numbers.clone(), &Collect::default()).start("wordcount", options).unwrap();
    until(&job, || job.checkpoints().counts.completed >= 4);
    numbers.let_go();
    job.wait().unwrap();
    let checkpoints = job.checkpoints();
    let last = checkpoints.latest_completed.unwrap();
    assert_eq!(kept(dir.path(), job.id()), [last.id]);
    assert!(last.rows > 97 && last.bytes > 0);
}

#[test]
fn a_second_job_with_the_same_id_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions {
        checkpoint_dir: Some(dir.path().to_owned()),
        job_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
        ..at(1)
    };
    let counting = || word_count(endless(), &Collect::default());
    let job = counting().start("wordcount", options.clone()).unwrap();
    let error = counting().start("wordcount", options.clone()).err().unwrap();
    assert!(error.is_refusal() && error.full().contains("another process"), "{}", error.full());
    job.cancel().unwrap();
    counting().start("wordcount", options).unwrap().cancel().unwrap();
}

/// Waits until a job has read so many records.
fn wait_for(job: &JobHandle, records: u64) {
    until(job, || job.status().vertices[0].records_in >= records);
}

fn until(job: &JobHandle, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{:?}", job.status());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Lines of all visible files of a folder, sorted.
fn visible(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
            lines.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
    }
    lines.sort();
    lines
}

/// Writes the numbers as lines.
fn copy(source: Leash, target: &Path) -> Environment {
    let env = Environment::new();
    env.source(source)
        .uid("numbers")
        .map(|number| format!("{number:06}"))
        .sink(FileSink::<Lines>::new(target))
        .uid("files");
    env
}

#[test]
fn output_is_visible_once_whatever_interrupts_the_job() {
    let dir = tempfile::tempdir().unwrap();
    let (target, checkpoints) = (dir.path().join("out"), dir.path().join("checkpoints"));
    let numbers = Leash::new(0..20_000);
    let options = JobOptions { checkpoint_dir: Some(checkpoints), ..at(2) };
    let job = copy(numbers.clone(), &target).start("copy", options.clone()).unwrap();
    wait_for(&job, 300);
    job.checkpoint().unwrap();
    let committed = visible(&target).len();
    assert!(committed > 100, "{committed} lines");
    let path = job.savepoint(Some(dir.path())).unwrap();
    assert_eq!(visible(&target).len(), committed, "a savepoint commits nothing");
    job.cancel().unwrap();

    numbers.let_go();
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), parallelism: Some(3), ..options };
    let job = copy(numbers, &target).start("copy", options).unwrap();
    assert_eq!(job.wait().unwrap(), JobState::Finished);
    let expected: Vec<_> = (0..20_000).map(|number| format!("{number:06}")).collect();
    assert_eq!(visible(&target), expected);
}

#[test]
fn a_stop_commits_before_it_returns() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    let numbers = Leash::new(0..30_000);
    let job = copy(numbers.clone(), &target).start("copy", at(2)).unwrap();
    wait_for(&job, 300);
    let path = job.stop(Some(dir.path()), false).unwrap();
    let committed = visible(&target).len();
    assert!(committed > 100);
    numbers.let_go();
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(1) };
    let job = copy(numbers, &target).start("copy", options).unwrap();
    job.wait().unwrap();
    assert_eq!(visible(&target).len(), 30_000);
}

/// A word count that has read a line from a socket. Nothing follows as long as the other side is held.
fn listening() -> (JobHandle, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let env = Environment::new();
    let sink = Collect::default();
    env.socket_text_stream(&server.local_addr().unwrap().to_string())
        .unwrap()
        .uid("stream-001")
        .flat_map(|line, out| out.extend(line.split_whitespace()))
        .map_to::<(String, i64)>(|word| (word, 1))
        .key_by(|(word, _)| *word)
        .sum(|(_, n)| *n)
        .uid("sum-001")
        .sink(sink.clone());
    let accepting = std::thread::spawn(move || server.accept().unwrap().0);
    let job = env.start("wordcount", at(2)).unwrap();
    let mut client = accepting.join().unwrap();
    client.write_all(b"to be or not to be\n").unwrap();
    sink.wait_for(6);
    assert_eq!(sink.largest().get("to"), Some(&2));
    (job, client)
}

/// How long it takes once a source has begun to wait.
fn amid_silence(act: impl FnOnce() -> PathBuf) -> Duration {
    std::thread::sleep(Duration::from_millis(50));
    let begin = Instant::now();
    act();
    begin.elapsed()
}

/// Milliseconds, on a machine that is not busy. On one that is, some may take longer, but not all of some tries: who
/// waits for the socket does so each time.
#[test]
fn a_savepoint_and_a_stop_take_less_than_a_second_while_a_socket_is_silent() {
    let dir = tempfile::tempdir().unwrap();
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..10 {
        let (job, _client) = listening();
        let savepoint = amid_silence(|| job.savepoint(Some(dir.path())).unwrap());
        let stop = amid_silence(|| job.stop(Some(dir.path()), false).unwrap());
        fastest = [fastest[0].min(savepoint), fastest[1].min(stop)];
        if fastest.iter().all(|time| *time < Duration::from_secs(1)) {
            return;
        }
    }
    panic!("{fastest:?}");
}

#[test]
fn checkpoints_go_on_when_some_sources_have_ended_and_a_start_from_one_does_not_read_them_again() {
    let dir = tempfile::tempdir().unwrap();
    let (ended, running) = (Sequence::new(0..1_000), Leash::one(1_000..3_000));
    let start = |options: JobOptions, sink: &Collect<(i64, i64)>| {
        let env = Environment::new();
        let numbers =
            env.source(ended.clone()).uid("ended").union(env.source(running.clone()).uid("running"));
        numbers.key_by_value(|number| number % 7).sum(|_| 1i64).uid("sum").sink(sink.clone());
        env.start("sums", options).unwrap()
    };
    let options = JobOptions { checkpoint_dir: Some(dir.path().to_owned()), ..at(2) };
    let first = Collect::default();
    let job = start(options.clone(), &first);
    until(&job, || job.status().vertices.iter().any(|vertex| vertex.finished == 2));
    first.wait_for(1_000);
    let path = job.checkpoint().unwrap();
    job.cancel().unwrap();
    running.let_go();
    let second = Collect::default();
    start(JobOptions { restore: Some(RestoreOptions::new(&path)), ..options }, &second).wait().unwrap();
    let counts = (0..7).map(|key| (key, (0..3_000).filter(|number| number % 7 == key).count() as i64));
    assert_eq!(second.largest(), counts.collect());
    assert!(second.records().len() <= 2_000, "what had ended was read again");
}

#[test]
fn a_server_that_closes_the_connection_ends_the_input() {
    let (server, env, sink) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), Environment::new(), Collect::default());
    let lines = env.socket_text_stream(&server.local_addr().unwrap().to_string()).unwrap();
    lines.uid("lines").map(|line| (*line).to_owned()).sink(sink.clone());
    let talking =
        std::thread::spawn(move || server.accept().unwrap().0.write_all(b"whole\nand a half").unwrap());
    assert_eq!(env.start("lines", at(2)).unwrap().wait().unwrap(), JobState::Finished);
    talking.join().unwrap();
    assert_eq!(sink.records(), ["whole", "and a half"]);
}

/// How nice the threads of this process are that have this name.
#[cfg(target_os = "linux")]
fn niceness(name: &str) -> Vec<i32> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    let named = |stat: String| {
        let (begin, rest) = stat.rsplit_once(')')?;
        let nice = rest.split_whitespace().nth(16)?.parse().ok()?;
        begin.ends_with(&format!("({name}")).then_some(nice)
    };
    stats.filter_map(named).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn what_encodes_a_snapshot_gives_way_to_what_takes_records_in() {
    let dir = tempfile::tempdir().unwrap();
    let options = JobOptions { checkpoint_dir: Some(dir.path().to_owned()), ..at(1) };
    let job = word_count(endless(), &Collect::default()).start("wordcount", options).unwrap();
    job.checkpoint().unwrap();
    let records = niceness("sum-001 (0)");
    assert!(!records.is_empty());
    // Threads of other jobs may just begin.
    let encoders = niceness("encoder");
    assert!(encoders.iter().any(|encoder| *encoder == (records[0] + 3).min(19)), "{encoders:?} {records:?}");
    job.cancel().unwrap();
}
