//! The control endpoint over real connections, and the registry as another process sees it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use spt_format::{CommittedState, OperatorId, StateKind};
use spt_runtime::config::{Configuration, options};
use spt_runtime::control::{Client, Endpoint, EndpointOptions, JobEntry, Registry};
use spt_runtime::job::{
    CheckpointCounts, CheckpointRecord, CheckpointStatus, Checkpoints, JobControl, JobState, JobStatus,
    OperatorCounts, OperatorStatus, TaskTimes, VertexStatus,
};
use spt_runtime::{Error, Result};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A uid that a label must not hold as it is.
const AWKWARD: &str = "sum \"a\\b\"\nof all";

/// A job that does what it is told and no more.
#[derive(Default)]
struct Told {
    cancelled: AtomicBool,
    stopped: AtomicBool,
    /// How often it was asked for its checkpoints, and how often it has told them: that takes it a moment.
    asked: AtomicU32,
    answered: AtomicU32,
}

impl JobControl for Told {
    fn status(&self) -> JobStatus {
        let vertex = VertexStatus {
            id: OperatorId::of_uid("sum-001"),
            name: "sum -> print".into(),
            parallelism: 3,
            max_parallelism: 128,
            finished: 1,
            records_in: 10,
            records_out: 4,
            watermark_ms: Some(-5),
            times: vec![TaskTimes { busy_ms: 50, idle_ms: 30, backpressured_ms: 20 }],
        };
        let counts = OperatorCounts {
            records_in: 10,
            records_out: 6,
            late_records: 2,
            input_watermark_ms: Some(-5),
            ..OperatorCounts::default()
        };
        let operator = OperatorStatus {
            id: vertex.id,
            uid: Some(AWKWARD.into()),
            name: "sum".into(),
            vertex: vertex.id,
            subtasks: vec![counts, OperatorCounts::default()],
        };
        JobStatus {
            id: ID.into(),
            name: "wordcount".into(),
            state: JobState::Running,
            started_at_ms: 1_000,
            changed_at_ms: 2_000,
            ended_at_ms: None,
            restarts: 0,
            failure: None,
            vertices: vec![vertex],
            operators: vec![operator],
        }
    }

    fn checkpoints(&self) -> Checkpoints {
        self.asked.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        self.answered.fetch_add(1, Ordering::SeqCst);
        let record = |id, status, bytes| CheckpointRecord {
            id,
            status,
            is_savepoint: id == 2,
            triggered_at_ms: 5_000,
            duration_ms: Some(7),
            path: (status == CheckpointStatus::Completed).then(|| PathBuf::from("/checkpoints/chk-1")),
            bytes,
            rows: 9,
            failure: (status == CheckpointStatus::Failed).then(|| "disk full".into()),
        };
        let completed = record(1, CheckpointStatus::Completed, 100);
        let failed = record(2, CheckpointStatus::Failed, 0);
        Checkpoints {
            history: vec![failed.clone(), completed.clone()],
            latest_completed: Some(completed),
            latest_failed: Some(failed),
            states: vec![CommittedState {
                operator: "sum-001".into(),
                name: "sum".into(),
                kind: StateKind::Reducing,
                rows: 9,
                bytes: 90,
            }],
            completed_ms: 7,
            counts: CheckpointCounts { completed: 1, failed: 1, ..CheckpointCounts::default() },
            ..Checkpoints::default()
        }
    }

    fn plan(&self) -> Value {
        serde_json::json!({"schema": "spt.plan/1"})
    }

    fn savepoint(&self, dir: Option<&Path>) -> Result<PathBuf> {
        dir.map(|dir| dir.join("savepoint-012345-aaaaaaaaaaaa"))
            .ok_or_else(|| Error::failed("no folder is known"))
    }

    fn stop(&self, dir: Option<&Path>, drain: bool) -> Result<PathBuf> {
        self.stopped.store(true, Ordering::SeqCst);
        Ok(dir.unwrap_or(Path::new("/default")).join(if drain { "drained" } else { "stopped" }))
    }

    fn cancel(&self) -> Result<()> {
        self.cancelled.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn open(token: Option<&str>) -> (Arc<Told>, Endpoint) {
    let job = Arc::new(Told::default());
    let mut configuration = Configuration::default();
    configuration.set(&options::CHECKPOINT_INTERVAL, "10 s").unwrap();
    let options = EndpointOptions { token: token.map(str::to_owned), ..EndpointOptions::default() };
    (Arc::clone(&job), Endpoint::open(job, configuration, options).unwrap())
}

fn client(endpoint: &Endpoint) -> Client {
    Client::new(ID, endpoint.address().to_string(), None)
}

/// Sends these bytes as they are, and returns the status and the body.
fn raw(endpoint: &Endpoint, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(endpoint.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn get(endpoint: &Endpoint, path: &str) -> (u16, Value) {
    let (status, body) = raw(endpoint, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn the_overview_has_the_names_that_flink_reads() {
    let (_job, endpoint) = open(None);
    for prefix in ["", "/v1"] {
        let (status, answer) = get(&endpoint, &format!("{prefix}/jobs/overview"));
        assert_eq!(status, 200);
        let job = &answer["jobs"][0];
        assert_eq!(job["jid"], ID);
        assert_eq!(job["name"], "wordcount");
        assert_eq!(job["state"], "RUNNING");
        assert_eq!((&job["start-time"], &job["end-time"]), (&1_000.into(), &(-1).into()));
        assert_eq!(job["last-modification"], 2_000);
        assert_eq!(job["tasks"]["total"], 3);
        assert_eq!(job["tasks"]["running"], 2);
        assert_eq!(job["tasks"]["finished"], 1);
    }
}

#[test]
fn every_path_answers_with_its_own_document() {
    let (_job, endpoint) = open(None);
    let at = |path: &str, pointer: &str| {
        let (status, answer) = get(&endpoint, path);
        assert_eq!(status, 200, "{path}: {answer}");
        answer.pointer(pointer).cloned().unwrap_or_else(|| panic!("{path} has no {pointer}: {answer}"))
    };
    let job = format!("/v1/jobs/{ID}");
    assert_eq!(at("/v1/config", "/features/web-submit"), false);
    assert_eq!(at("/v1/overview", "/jobs-running"), 1);
    assert_eq!(at("/v1/jobs", "/jobs/0/status"), "RUNNING");
    assert_eq!(at(&job, "/vertices/0/parallelism"), 3);
    assert_eq!(at(&job, "/vertices/0/id"), OperatorId::of_uid("sum-001").to_string());
    assert_eq!(at(&format!("{job}/plan"), "/plan/nodes/0/description"), "sum -> print");
    assert_eq!(at(&format!("{job}/status"), "/status"), "RUNNING");
    assert_eq!(at(&format!("{job}/spt/plan"), "/schema"), "spt.plan/1");
    assert_eq!(
        at(&format!("{job}/config"), "/execution-config/user-config/execution.checkpointing.interval"),
        "10 s"
    );
    assert_eq!(at(&format!("{job}/checkpoints/config"), "/interval"), 10_000);
    assert_eq!(at(&format!("{job}/checkpoints"), "/latest/completed/external_path"), "/checkpoints/chk-1");
    assert_eq!(at(&format!("{job}/checkpoints"), "/latest/failed/failure_message"), "disk full");
    assert_eq!(at(&format!("{job}/checkpoints"), "/summary/state_size/max"), 100);
    assert_eq!(at(&format!("{job}/checkpoints/details/2"), "/status"), "FAILED");
    assert_eq!(at(&format!("{job}/exceptions"), "/root-exception"), Value::Null);
}

#[test]
fn a_savepoint_is_triggered_and_its_path_fetched() {
    let (_job, endpoint) = open(None);
    let client = client(&endpoint);
    let operation = client.savepoint(Some(Path::new("/savepoints"))).unwrap();
    assert_eq!(client.wait(&operation).unwrap(), Path::new("/savepoints/savepoint-012345-aaaaaaaaaaaa"));
    let operation = client.savepoint(None).unwrap();
    let failure = client.wait(&operation).unwrap_err().to_string();
    assert!(failure.contains("no folder is known"), "{failure}");
}

#[test]
fn stop_and_cancel_reach_the_job() {
    let (job, endpoint) = open(None);
    let client = client(&endpoint);
    let operation = client.stop(Some(Path::new("/s")), true).unwrap();
    assert_eq!(client.wait(&operation).unwrap(), Path::new("/s/drained"));
    assert!(job.stopped.load(Ordering::SeqCst));
    client.cancel().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !job.cancelled.load(Ordering::SeqCst) {
        assert!(Instant::now() < until, "the job was not cancelled");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_end_waits_for_the_outcome_to_be_fetched() {
    let (_job, endpoint) = open(None);
    let client = client(&endpoint);
    let operation = client.stop(None, false).unwrap();
    let closing = std::thread::spawn(move || endpoint.close());
    std::thread::sleep(Duration::from_millis(100));
    assert!(!closing.is_finished());
    assert_eq!(client.wait(&operation).unwrap(), Path::new("/default/stopped"));
    closing.join().unwrap();
    assert!(client.overview().is_err());
}

#[test]
fn the_end_waits_for_answers_that_are_under_way() {
    let (job, endpoint) = open(None);
    let client = client(&endpoint);
    let slow = std::thread::spawn(move || client.detail("checkpoints"));
    let until = Instant::now() + Duration::from_secs(60);
    while job.asked.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < until, "nobody was asked");
        std::thread::sleep(Duration::from_millis(1));
    }
    endpoint.close();
    assert_eq!(job.answered.load(Ordering::SeqCst), 1, "it ended before it had an answer");
    slow.join().unwrap().unwrap();
}

#[test]
fn what_a_web_page_sends_is_refused() {
    let (job, endpoint) = open(None);
    let port = endpoint.address().port();
    let cancel = |headers: &str| {
        raw(&endpoint, &format!("PATCH /v1/jobs/{ID}?mode=cancel HTTP/1.1\r\n{headers}\r\n\r\n")).0
    };
    assert_eq!(cancel("Host: evil.example"), 403);
    assert_eq!(cancel(&format!("Host: localhost:{port}\r\nOrigin: http://evil.example")), 403);
    assert!(!job.cancelled.load(Ordering::SeqCst));
    assert_eq!(cancel(&format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}")), 202);
}

#[test]
fn without_the_token_nothing_is_told() {
    let (_job, endpoint) = open(Some("s3cret"));
    let address = endpoint.address().to_string();
    let refusal = Client::new(ID, &address, None).overview().unwrap_err().to_string();
    assert!(refusal.contains("401"), "{refusal}");
    assert!(Client::new(ID, &address, Some("wrong".into())).overview().is_err());
    assert_eq!(Client::new(ID, &address, Some("s3cret".into())).overview().unwrap()["jid"], ID);
}

#[test]
fn nonsense_is_answered_with_flinks_errors() {
    let (_job, endpoint) = open(None);
    let host = "Host: localhost\r\n";
    let long = "x".repeat(20_000);
    for (request, expected) in [
        (format!("GET /nothing HTTP/1.1\r\n{host}\r\n"), 404),
        (format!("GET /v1/jobs/{} HTTP/1.1\r\n{host}\r\n", "f".repeat(32)), 404),
        (format!("GET /v1/jobs/..%2f HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("DELETE /v1/jobs/{ID} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("PATCH /v1/jobs/{ID}?mode=stop HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /v1/jobs/{ID}/savepoints/{ID} HTTP/1.1\r\n{host}\r\n"), 404),
        (format!("POST /v1/jobs/{ID}/stop HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\n{{x}}"), 400),
        (format!("POST /v1/jobs/{ID}/stop HTTP/1.1\r\n{host}Content-Length: 99999999\r\n\r\n"), 413),
        (format!("POST /v1/jobs/{ID}/stop HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"), 411),
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), 431),
        ("\u{1}\u{2}\r\n\r\n".to_owned(), 400),
    ] {
        let (status, body) = raw(&endpoint, &request);
        assert_eq!(status, expected, "{:.60}: {body}", request);
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert!(answer["errors"][0].is_string(), "{answer}");
    }
}

/// The samples of a page in Prometheus' text format, which is as strict as the format has it: what a sample is called
/// stands before it, once; names and labels are spelled as they must be; no sample is there twice.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    assert!(page.ends_with('\n'));
    let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let mut current = "";
    let mut helped = "";
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split_once(' ').unwrap().0;
        } else if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(is_name(name) && helped == name, "{line}");
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert!(kind != "counter" || name.ends_with("_total"), "{line}");
            assert!(families.insert(name, kind).is_none(), "twice: {line}");
            current = name;
        } else {
            let (name, rest) = line.split_once('{').unwrap();
            let parts: &[&str] = if families[current] == "summary" { &["_sum", "_count"] } else { &[""] };
            assert!(parts.iter().any(|part| name == format!("{current}{part}")), "{line}");
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            let mut rest = labels;
            while !rest.is_empty() {
                let (label, text) = rest.split_once("=\"").unwrap();
                assert!(is_name(label), "{line}");
                let mut chars = text.char_indices();
                let end = loop {
                    match chars.next().unwrap() {
                        (_, '\\') => assert!(matches!(chars.next().unwrap().1, '\\' | '"' | 'n'), "{line}"),
                        (end, '"') => break end,
                        _ => {}
                    }
                };
                rest = &text[end + 1..];
                assert!(rest.is_empty() || rest.starts_with(','), "{line}");
                rest = rest.strip_prefix(',').unwrap_or(rest);
            }
            let value: f64 = value.parse().unwrap();
            assert!(samples.insert(format!("{name}{{{labels}}}"), value).is_none(), "twice: {line}");
        }
    }
    samples
}

#[test]
fn metrics_are_prometheus_text() {
    let (_job, endpoint) = open(None);
    let (status, body) = raw(&endpoint, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(status, 200);
    let samples = samples(&body);
    let vertex = OperatorId::of_uid("sum-001");
    let sample = |name: &str, labels: &str| {
        let key = format!("{name}{{job_id=\"{ID}\"{labels}}}");
        *samples.get(&key).unwrap_or_else(|| panic!("{key}: {body}"))
    };
    let chain = format!(",vertex=\"{vertex}\",name=\"sum -> print\"");
    assert_eq!(sample("spt_records_in_total", &chain), 10.0);
    assert_eq!(sample("spt_watermark_ms", &chain), -5.0);
    let task = format!("{chain},subtask=\"0\"");
    let times = ["busy", "idle", "backpressured"].map(|time| sample(&format!("spt_{time}_ms_total"), &task));
    assert_eq!(times, [50.0, 30.0, 20.0]);
    let operator = |subtask: u32| {
        let uid = r#"sum \"a\\b\"\nof all"#;
        format!(r#",operator="{uid}",name="sum",vertex="{vertex}",subtask="{subtask}""#)
    };
    assert_eq!(sample("spt_operator_records_in_total", &operator(0)), 10.0);
    assert_eq!(sample("spt_operator_records_in_total", &operator(1)), 0.0);
    assert_eq!(sample("spt_operator_records_out_total", &operator(0)), 6.0);
    assert_eq!(sample("spt_late_records_dropped_total", &operator(0)), 2.0);
    assert_eq!(sample("spt_skipped_records_total", &operator(0)), 0.0);
    assert_eq!(sample("spt_operator_input_watermark_ms", &operator(0)), -5.0);
    assert!(!body.contains("spt_operator_output_watermark_ms{"));
    let state = ",operator=\"sum-001\",state=\"sum\",kind=\"reducing\"";
    assert_eq!((sample("spt_state_rows", state), sample("spt_state_bytes", state)), (9.0, 90.0));
    assert_eq!(sample("spt_checkpoint_duration_ms_sum", ""), 7.0);
    let outcomes = ["completed", "failed"]
        .map(|status| sample("spt_checkpoints_total", &format!(",status=\"{status}\"")));
    assert_eq!(outcomes, [1.0, 1.0]);
    assert_eq!(sample("spt_last_checkpoint_size_bytes", ""), 100.0);

    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/running-jobs.md");
    let page = std::fs::read_to_string(page).unwrap();
    for family in body.lines().filter_map(|line| line.strip_prefix("# TYPE spt_")?.split(' ').next()) {
        let is_told = page.contains(&format!("`{family}")) || family.starts_with("last_checkpoint_");
        assert!(is_told, "{family} is not in docs/running-jobs.md");
    }
}

#[test]
fn a_silent_connection_keeps_nobody_waiting() {
    let (_job, endpoint) = open(None);
    let silent: Vec<_> = (0..8).map(|_| TcpStream::connect(endpoint.address()).unwrap()).collect();
    // Less than the endpoint would wait for one of them.
    let start = Instant::now();
    assert_eq!(get(&endpoint, "/v1/jobs").0, 200);
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(silent);
}

fn registry() -> (tempfile::TempDir, Registry) {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path().join("run")).unwrap();
    (dir, registry)
}

#[test]
fn a_job_is_found_by_id_name_or_the_beginning_of_its_id() {
    let (_dir, registry) = registry();
    let other = "ff".repeat(16);
    let registered: Vec<_> = [(ID, "wordcount"), (other.as_str(), "join")]
        .into_iter()
        .map(|(id, name)| {
            let registered = registry.claim(id).unwrap();
            registered.publish(&JobEntry::new(id, name, "127.0.0.1:1")).unwrap();
            registered
        })
        .collect();
    for text in [ID, "wordcount", "01"] {
        assert_eq!(registry.find(text).unwrap().id, ID, "{text}");
    }
    let refusal = registry.find("nothing").unwrap_err().to_string();
    assert!(refusal.contains("wordcount") && refusal.contains("join"), "{refusal}");
    drop(registered);
    assert!(registry.list().unwrap().running.is_empty());
    assert!(registry.find("wordcount").unwrap_err().to_string().contains("no job is running"));
}

#[test]
fn a_name_that_several_jobs_have_is_refused_with_their_ids() {
    let (_dir, registry) = registry();
    let ids = [ID.to_owned(), "ff".repeat(16)];
    let _registered = ids.each_ref().map(|id| {
        let registered = registry.claim(id).unwrap();
        registered.publish(&JobEntry::new(id, "twin", "127.0.0.1:1")).unwrap();
        registered
    });
    let refusal = registry.find("twin").unwrap_err().to_string();
    assert!(ids.iter().all(|id| refusal.contains(id)), "{refusal}");
}

#[test]
fn a_second_job_with_the_same_id_is_refused() {
    let (_dir, registry) = registry();
    let first = registry.claim(ID).unwrap();
    let refusal = registry.claim(ID).unwrap_err().to_string();
    assert!(refusal.contains("is running already"), "{refusal}");
    assert!(refusal.contains(&std::process::id().to_string()), "{refusal}");
    drop(first);
    registry.claim(ID).unwrap();
}

#[test]
fn an_entry_whose_process_is_gone_is_stale_and_removed() {
    let (dir, registry) = registry();
    // What SIGKILL leaves: an entry and a lock file, and nobody who holds it. The process id is that of a
    // live process, as it would be had it been given out again.
    let entry = JobEntry::new(ID, "wordcount", "127.0.0.1:1");
    std::fs::write(dir.path().join(format!("run/{ID}.json")), serde_json::to_vec(&entry).unwrap()).unwrap();
    std::fs::write(dir.path().join(format!("run/{ID}.lock")), "job").unwrap();
    let refusal = registry.find(ID).unwrap_err().to_string();
    assert!(refusal.contains("is gone"), "{refusal}");
    let listing = registry.list().unwrap();
    assert!(listing.running.is_empty() && listing.stale.is_empty());
    assert_eq!(std::fs::read_dir(dir.path().join("run")).unwrap().count(), 0);
}

#[test]
fn a_damaged_entry_is_named() {
    let (dir, registry) = registry();
    std::fs::write(dir.path().join(format!("run/{ID}.json")), "{\"schema\":").unwrap();
    assert!(registry.list().unwrap_err().to_string().contains(ID));
}

#[test]
fn a_folder_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _registry) = registry();
    let run = dir.path().join("run");
    assert_eq!(std::fs::metadata(&run).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Registry::at(&run).unwrap_err().to_string().contains("chmod 700"));
}

#[test]
fn entries_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, registry) = registry();
    let registered = registry.claim(ID).unwrap();
    registered.publish(&JobEntry::new(ID, "wordcount", "127.0.0.1:1")).unwrap();
    for extension in ["json", "lock"] {
        let file = dir.path().join(format!("run/{ID}.{extension}"));
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_suspended_job_is_given_up_soon_and_in_words() {
    // Connections are accepted by the system, and nobody ever answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let began = Instant::now();
    let error = Client::new(ID, &address, None).overview().unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(
        error.to_string(),
        format!("{address}, job {ID}: no answer for 2s: is its process suspended?")
    );
}
