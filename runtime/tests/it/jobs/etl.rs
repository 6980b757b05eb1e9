//! From files to files in real jobs: folders that grow, records that are none, disks that are full.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spt_runtime::config::RestartStrategy;
use spt_runtime::job::JobState;
use spt_runtime::sinks::{FileSink, Lines, Ndjson, Parquet};
use spt_runtime::sources::{CsvFiles, FilePosition, Malformed, NdjsonFiles, ParquetFiles, Sequence};
use spt_runtime::state::State;
use spt_runtime::{Environment, JobControl, JobHandle, JobOptions, RestoreOptions};

use super::collect::Collect;
use super::word_count::at;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, State)]
struct Order {
    id: i64,
    customer: String,
}

/// The orders of file `number`: ten of them.
fn orders(number: i64) -> Vec<Order> {
    (number * 10..number * 10 + 10).map(|id| Order { id, customer: format!("c{}", id % 7) }).collect()
}

/// A file appears whole, as it should: it is moved into the folder.
fn deliver(folder: &Path, number: i64) {
    let lines: String =
        orders(number).iter().map(|order| format!("{},{}\n", order.id, order.customer)).collect();
    let hidden = folder.join(format!(".{number}"));
    std::fs::write(&hidden, format!("id,customer\n{lines}")).unwrap();
    std::fs::rename(hidden, folder.join(format!("{number:03}.csv"))).unwrap();
}

/// CSV to NDJSON. Fails when it is told to.
fn etl(input: &Path, output: &Path, fuse: &Arc<AtomicBool>) -> Environment {
    let fuse = Arc::clone(fuse);
    let env = Environment::new();
    env.source(CsvFiles::<Order>::new(input).watch(Duration::from_millis(5)))
        .uid("orders-001")
        .filter(move |order| {
            assert!(!fuse.swap(false, Ordering::SeqCst), "order {} is poison", order.id);
            true
        })
        .uid("filter-001")
        .sink(FileSink::<Ndjson>::new(output).roll_at_bytes(200))
        .uid("ndjson-001");
    env
}

fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn has_read(job: &JobHandle, records: u64) {
    until(|| job.status().vertices[0].records_in >= records);
}

/// All records in a folder, by a job that reads it to its end.
fn found(folder: &Path) -> Vec<Order> {
    let sink = Collect::default();
    let env = Environment::new();
    env.source(NdjsonFiles::<Order>::new(folder)).uid("found").sink(sink.clone());
    env.start("found", at(2)).unwrap().wait().unwrap();
    let mut orders = sink.records();
    orders.sort();
    orders
}

#[test]
fn every_file_that_appears_in_a_folder_is_read_once_whatever_interrupts_the_job() {
    let (dir, checkpoints) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    (0..3).for_each(|number| deliver(&input, number));
    let fuse = Arc::default();
    let options = JobOptions {
        checkpoint_dir: Some(checkpoints.path().to_owned()),
        checkpoint_interval: Some(Duration::from_millis(20)),
        restart: RestartStrategy::FixedDelay { attempts: 9, delay: Duration::from_millis(5) },
        ..at(2)
    };
    let job = etl(&input, &output, &fuse).start("etl", options).unwrap();
    has_read(&job, 30);
    // The next order is poison, once.
    fuse.store(true, Ordering::SeqCst);
    deliver(&input, 3);
    until(|| job.status().restarts == 1);
    deliver(&input, 4);
    until(|| !fuse.load(Ordering::SeqCst) && found(&output).len() >= 50);
    // A file that was read to its end may be taken away.
    std::fs::remove_file(input.join("000.csv")).unwrap();
    let path = job.stop(Some(checkpoints.path()), false).unwrap();

    (5..8).for_each(|number| deliver(&input, number));
    let options = JobOptions { restore: Some(RestoreOptions::new(&path)), ..at(3) };
    let job = etl(&input, &output, &fuse).start("etl", options).unwrap();
    has_read(&job, 30);
    job.stop(Some(checkpoints.path()), false).unwrap();
    assert_eq!(found(&output), (0..8).flat_map(orders).collect::<Vec<_>>());
}

#[test]
fn positions_can_be_read_in_a_savepoint() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in");
    std::fs::create_dir(&input).unwrap();
    deliver(&input, 0);
    std::fs::write(input.join("bad.csv"), "id,customer\nx,y\n1,a\n").unwrap();
    let env = Environment::new();
    let source = CsvFiles::<Order>::new(&input).watch(Duration::from_millis(5)).on_malformed(Malformed::Skip);
    env.source(source).uid("orders-001").sink(Collect::default());
    let job = env.start("etl", at(1)).unwrap();
    has_read(&job, 11);
    let path = job.stop(Some(dir.path()), false).unwrap();
    let mut positions = positions(&path);
    positions.sort_by(|a, b| a.path.cmp(&b.path));
    let [whole, bad] = positions.as_slice() else { panic!("{positions:?}") };
    assert!(whole.path.ends_with("000.csv") && bad.path.ends_with("bad.csv"));
    assert_eq!((whole.lines, whole.skipped, bad.lines, bad.skipped), (11, 0, 3, 1));
}

/// The source's state, through the format's reader.
fn positions(savepoint: &Path) -> Vec<FilePosition> {
    use spt_format::{ColumnarReader, SavepointSource, Scan, StateRef};
    use spt_runtime::state::StateReader;
    let reader = ColumnarReader::options().open(savepoint).unwrap();
    let place = StateRef { operator: 0, state: 0 };
    let batches = reader.scan(place, &Scan::default()).unwrap().map(|batch| batch.unwrap());
    let rows = batches.flat_map(|batch| {
        let values = <FilePosition as State>::Reader::new(batch.column_by_name("value").unwrap()).unwrap();
        (0..batch.num_rows()).map(|row| values.get(row).unwrap()).collect::<Vec<_>>()
    });
    rows.collect()
}

#[test]
fn a_poison_record_fails_the_job_with_operator_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.csv"), "id,customer\n1,a\nx,b\n").unwrap();
    let env = Environment::new();
    env.source(CsvFiles::<Order>::new(dir.path())).uid("orders-001").sink(Collect::default());
    let failure = env.start("etl", at(1)).and_then(|job| job.wait()).unwrap_err().full();
    assert!(failure.contains("operator orders-001 failed: "), "{failure}");
    assert!(failure.contains("a.csv, line 3: \"x\" is no int64"), "{failure}");
}

#[test]
fn a_folder_that_vanishes_while_the_job_runs_fails_it() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    deliver(&input, 0);
    let job = etl(&input, &output, &Arc::default()).start("etl", at(2)).unwrap();
    has_read(&job, 10);
    std::fs::remove_dir_all(&input).unwrap();
    let failure = job.wait().unwrap_err().full();
    assert!(
        failure.contains("operator orders-001 failed: ") && failure.contains("/in: read failed"),
        "{failure}"
    );
}

#[test]
fn parquet_goes_from_job_to_job() {
    let dir = tempfile::tempdir().unwrap();
    let env = Environment::new();
    let all = Arc::new((0..500).flat_map(orders).collect::<Vec<_>>());
    let records = Arc::clone(&all);
    env.generate(0..5_000, move |index| records[usize::try_from(index).unwrap()].clone())
        .uid("orders-001")
        .sink(FileSink::<Parquet>::new(dir.path()))
        .uid("parquet-001");
    assert_eq!(env.start("write", at(3)).unwrap().wait().unwrap(), JobState::Finished);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "a file for each subtask");

    let (env, sink) = (Environment::new(), Collect::default());
    env.source(ParquetFiles::<Order>::new(dir.path())).uid("files-001").sink(sink.clone());
    env.start("read", at(2)).unwrap().wait().unwrap();
    let mut found = sink.records();
    found.sort();
    assert_eq!(found, *all);
}

const CHILD: &str = "SPT_TEST_BELOW_A_FILE_LIMIT";

/// The limit is a real one (`ulimit -f`), on a process of its own: this test runs itself once more below it.
#[test]
fn a_full_disk_fails_the_job_with_sink_and_folder_and_nothing_half_is_visible() {
    if std::env::var_os(CHILD).is_some() {
        return below_the_limit();
    }
    let this = std::env::current_exe().unwrap();
    let name = "jobs::etl::a_full_disk_fails_the_job_with_sink_and_folder_and_nothing_half_is_visible";
    let script = format!("trap '' XFSZ; ulimit -f 64; exec {:?} --exact {name}", this.display().to_string());
    let child = Command::new("bash").args(["-c", &script]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

fn below_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let env = Environment::new();
    let output = dir.path().join("out");
    env.source(Sequence::new(0..i64::MAX))
        .uid("numbers")
        .sink(FileSink::<Lines>::new(&output))
        .uid("files-001");
    let failure = env.start("wide", at(1)).and_then(|job| job.wait()).unwrap_err().full();
    assert!(failure.contains("operator files-001 failed: "), "{failure}");
    assert!(failure.contains("/out: write failed: File too large"), "{failure}");
    let names =
        std::fs::read_dir(&output).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let visible: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
    assert!(visible.is_empty(), "{visible:?}");
}
