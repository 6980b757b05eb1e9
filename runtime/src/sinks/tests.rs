use std::path::Path;

use super::*;
use crate::sources::tests::drain;
use crate::sources::{CsvFiles, Files, NdjsonFiles, ParquetFiles, ReadFormat, Source};
use crate::state::State;

type Record = (String, i64);
type LineFiles = FileSink<Lines>;

const JOB: &str = "0123456789abcdef0123456789abcdef";

fn subtask(operator: &str, index: u32, attempt: &str) -> Subtask {
    Subtask {
        job_id: JOB.into(),
        operator: operator.into(),
        index,
        parallelism: 2,
        max_parallelism: 128,
        attempt: attempt.into(),
    }
}

fn start(attempt: &str) -> Start {
    Start { job_id: JOB.into(), attempt: attempt.into(), restored_checkpoint: None, restored_job: None }
}

fn recover(sink: &LineFiles, attempt: &str, pending: &[PendingFile]) -> Result<()> {
    Sink::<Record>::check(sink, &start(attempt), pending)?;
    Sink::<Record>::recover(sink, &start(attempt), pending)
}

fn commit(sink: &LineFiles, pending: &[PendingFile]) -> Result<()> {
    Sink::<Record>::commit(sink, pending)
}

fn writer(sink: &LineFiles, attempt: &str) -> FileWriter<Record, Lines> {
    Sink::<Record>::writer(sink, &subtask("sink-001", 1, attempt)).unwrap()
}

fn write(writer: &mut FileWriter<Record, Lines>, words: &[&str]) {
    for word in words {
        SinkWriter::<Record>::write(writer, (word, 1)).unwrap();
    }
}

fn prepare(writer: &mut FileWriter<Record, Lines>, checkpoint: u64) -> Vec<PendingFile> {
    SinkWriter::<Record>::prepare(writer, checkpoint).unwrap()
}

/// What a reader of the folder sees: the names of the visible files and their lines.
fn visible(dir: &Path) -> Vec<(String, String)> {
    let names = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    let text = |name: &String| std::fs::read_to_string(dir.join(name)).unwrap();
    names.iter().map(|name| (name.clone(), text(name))).collect()
}

fn hidden(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count() - visible(dir).len()
}

#[test]
fn nothing_is_visible_before_it_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut writer = writer(&sink, "one");
    write(&mut writer, &["a", "b"]);
    assert!(visible(dir.path()).is_empty());
    let pending = prepare(&mut writer, 7);
    assert!(visible(dir.path()).is_empty());
    write(&mut writer, &["c"]);
    commit(&sink, &pending).unwrap();
    let expected = ("part-01234567-0000000007-00001-00000-one.txt".to_owned(), "(a,1)\n(b,1)\n".to_owned());
    assert_eq!(visible(dir.path()), [expected]);
}

#[test]
fn committing_twice_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut writer = writer(&sink, "one");
    write(&mut writer, &["a"]);
    let pending = prepare(&mut writer, 1);
    commit(&sink, &pending).unwrap();
    commit(&sink, &pending).unwrap();
    recover(&sink, "two", &pending).unwrap();
    assert_eq!(visible(dir.path()).len(), 1);
}

#[test]
fn a_barrier_without_records_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    assert!(prepare(&mut writer(&sink, "one"), 1).is_empty());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_restart_commits_what_the_checkpoint_holds_and_removes_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut killed = writer(&sink, "one");
    write(&mut killed, &["in checkpoint 1"]);
    let pending = prepare(&mut killed, 1);
    write(&mut killed, &["in checkpoint 2, never complete"]);
    prepare(&mut killed, 2);
    write(&mut killed, &["in no checkpoint"]);
    std::mem::forget(killed);
    recover(&sink, "two", &pending).unwrap();
    assert_eq!(visible(dir.path()).len(), 1);
    assert_eq!(visible(dir.path())[0].1, "(in checkpoint 1,1)\n");
    assert_eq!(hidden(dir.path()), 0);
}

#[test]
fn what_was_committed_after_the_snapshot_that_a_job_starts_from_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut writer = writer(&sink, "one");
    for checkpoint in 1..=4 {
        write(&mut writer, &["a word"]);
        commit(&sink, &prepare(&mut writer, checkpoint)).unwrap();
    }
    for name in ["part-01234567-x-00000-00000.txt", "part-76543210-0000000009-00000-00000.txt", "README"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let folder = files::Folder::new(dir.path().to_owned());
    let newer = |checkpoint| folder.committed_after(JOB, checkpoint).unwrap();
    assert_eq!([newer(0), newer(2), newer(4)], [vec![1, 2, 3, 4], vec![3, 4], vec![]]);
}

#[test]
fn what_another_job_has_pending_in_the_folder_stays() {
    let dir = tempfile::tempdir().unwrap();
    let other = format!(".pending-{}-000000-00000-0000000001", "f".repeat(32));
    std::fs::write(dir.path().join(&other), "x").unwrap();
    recover(&LineFiles::new(dir.path()), "one", &[]).unwrap();
    assert!(dir.path().join(other).exists());
}

#[test]
fn output_that_is_neither_pending_nor_visible_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut writer = writer(&sink, "one");
    write(&mut writer, &["a"]);
    let pending = prepare(&mut writer, 3);
    std::fs::remove_file(dir.path().join(&pending[0].pending)).unwrap();
    for failure in [commit(&sink, &pending), recover(&sink, "two", &pending)] {
        let failure = failure.unwrap_err().to_string();
        assert!(failure.contains("neither pending") && failure.contains("0000000003-00001"), "{failure}");
    }
    std::fs::write(dir.path().join(&pending[0].visible), "something else").unwrap();
    let failure = commit(&sink, &pending).unwrap_err();
    assert!(failure.is_refusal() && failure.to_string().contains("14 bytes long, but 6 bytes"), "{failure}");
}

#[test]
fn a_visible_file_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut writer = writer(&sink, "one");
    write(&mut writer, &["a"]);
    let pending = prepare(&mut writer, 1);
    std::fs::write(dir.path().join(&pending[0].visible), "precious").unwrap();
    assert!(commit(&sink, &pending).unwrap_err().full().contains("exists"));
    assert_eq!(visible(dir.path())[0].1, "precious");
}

#[test]
fn a_late_writer_of_a_dead_attempt_is_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    recover(&sink, "one", &[]).unwrap();
    let mut late = writer(&sink, "one");
    write(&mut late, &["late"]);
    recover(&sink, "two", &[]).unwrap();
    let mut live = writer(&sink, "two");
    write(&mut live, &["live"]);
    let pending = prepare(&mut live, 1);
    write(&mut late, &["later"]);
    let _ = SinkWriter::<Record>::prepare(&mut late, 1);
    commit(&sink, &pending).unwrap();
    assert_eq!(visible(dir.path())[0].1, "(live,1)\n");
    assert_eq!(visible(dir.path()).len(), 1);
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    for (pending, visible) in [("../x", "y"), ("x", "../y"), ("x", "/y"), ("..", "y"), ("x", "")] {
        let file = PendingFile { pending: pending.into(), visible: visible.into(), bytes: 1 };
        let failure = commit(&sink, &[file]).unwrap_err().to_string();
        assert!(failure.contains("is not the name of a file"), "{failure}");
    }
}

#[test]
fn two_sinks_of_a_job_do_not_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path());
    let first = Sink::<Record>::writer(&sink, &subtask("sink-001", 0, "one")).unwrap();
    let _second_subtask = Sink::<Record>::writer(&sink, &subtask("sink-001", 1, "one")).unwrap();
    let refusal = Sink::<Record>::writer(&sink, &subtask("sink-002", 0, "one")).unwrap_err().to_string();
    assert!(refusal.contains("both sink-001 and sink-002"), "{refusal}");
    drop((first, _second_subtask));
    Sink::<Record>::writer(&sink, &subtask("sink-002", 0, "one")).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    assert!(
        recover(&LineFiles::new(file.join("folder")), "one", &[])
            .unwrap_err()
            .to_string()
            .contains("the folder cannot be made")
    );
    let refusal = recover(&LineFiles::new("/proc/self"), "one", &[]).unwrap_err();
    assert!(refusal.to_string().contains("/proc/self: the folder is not writable"), "{refusal}");
}

#[test]
fn a_record_is_a_json_document_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let sink = FileSink::<Ndjson>::new(dir.path());
    Sink::<Record>::recover(&sink, &start("one"), &[]).unwrap();
    let mut writer = Sink::<Record>::writer(&sink, &subtask("sink-001", 0, "one")).unwrap();
    SinkWriter::<Record>::write(&mut writer, ("two\nlines", 2)).unwrap();
    let pending = SinkWriter::<Record>::prepare(&mut writer, 1).unwrap();
    Sink::<Record>::commit(&sink, &pending).unwrap();
    assert!(pending[0].visible.ends_with(".ndjson"));
    assert_eq!(visible(dir.path())[0].1, "{\"f0\":\"two\\nlines\",\"f1\":2}\n");
}

#[derive(Debug, Clone, PartialEq, State)]
struct Order {
    id: i64,
    customer: String,
    amount: Option<f64>,
    tags: Vec<String>,
}

fn orders(ids: std::ops::Range<i64>) -> Vec<Order> {
    let customer = |id| ["", "a \"quoted\", name", "two\nlines"][id as usize % 3].to_owned();
    let amount = |id| (id % 2 == 0).then_some(id as f64 / 4.0);
    let tags = |id| (0..id % 3).map(|tag| format!("t{tag}")).collect();
    ids.map(|id| Order { id, customer: customer(id), amount: amount(id), tags: tags(id) }).collect()
}

/// Writes records in one subtask, and makes visible what there is at the end.
fn write_all<T: Data, F: FileFormat<T>>(sink: &FileSink<F>, records: &[T]) {
    Sink::<T>::check(sink, &start("one"), &[]).unwrap();
    Sink::<T>::recover(sink, &start("one"), &[]).unwrap();
    let mut writer = Sink::<T>::writer(sink, &subtask("sink-001", 0, "one")).unwrap();
    records.iter().for_each(|record| writer.write(record.as_ref()).unwrap());
    let pending = writer.prepare(1).unwrap();
    Sink::<T>::commit(sink, &pending).unwrap();
}

fn read_all<F: ReadFormat>(files: &Files<F>) -> Vec<F::Item> {
    let mut reader = files.reader(&subtask("source", 0, "one"), files.splits(1).unwrap()).unwrap();
    drain(&mut reader)
}

#[test]
fn the_source_of_each_format_reads_what_the_sink_wrote() {
    let all = orders(0..5_000);
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| dir.path().join(name);
    write_all(&FileSink::<Ndjson>::new(folder("ndjson")), &all);
    write_all(&FileSink::<Csv>::new(folder("csv")), &all);
    write_all(&FileSink::<Parquet>::new(folder("parquet")), &all);
    assert_eq!(read_all(&NdjsonFiles::<Order>::new(folder("ndjson"))), all);
    assert_eq!(read_all(&CsvFiles::<Order>::new(folder("csv"))), all);
    assert_eq!(read_all(&ParquetFiles::<Order>::new(folder("parquet"))), all);
}

#[test]
fn csv_has_a_header_and_tells_nothing_from_an_empty_string() {
    let dir = tempfile::tempdir().unwrap();
    write_all(&FileSink::<Csv>::new(dir.path()), &orders(0..2));
    let expected =
        "id,customer,amount,tags\r\n0,\"\",0.0,[]\r\n1,\"a \"\"quoted\"\", name\",,\"[\"\"t0\"\"]\"\r\n";
    assert_eq!(visible(dir.path())[0].1, expected);
}

#[test]
fn a_type_that_is_no_row_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = Sink::<i64>::writer(&FileSink::<Csv>::new(dir.path()), &subtask("sink-001", 0, "one"));
    let refusal = refusal.unwrap_err();
    assert!(refusal.is_refusal() && refusal.to_string().contains("not int64"), "{refusal}");
}

#[test]
fn a_large_file_ends_before_the_checkpoint_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let all = orders(0..20_000);
    write_all(&FileSink::<Parquet>::new(dir.path().join("parquet")).roll_at_bytes(10_000), &all);
    write_all(&FileSink::<Csv>::new(dir.path().join("csv")).roll_at_bytes(100_000), &all);
    assert_eq!(read_all(&ParquetFiles::<Order>::new(dir.path().join("parquet"))), all);
    assert_eq!(read_all(&CsvFiles::<Order>::new(dir.path().join("csv"))), all);
    for format in ["csv", "parquet"] {
        let parts = std::fs::read_dir(dir.path().join(format)).unwrap().count();
        assert!(parts > 2, "{parts} {format}");
    }
}

#[test]
fn an_old_file_ends_when_nothing_more_comes() {
    let dir = tempfile::tempdir().unwrap();
    let sink = LineFiles::new(dir.path()).roll_every(std::time::Duration::from_millis(5));
    recover(&sink, "one", &[]).unwrap();
    let mut writer = writer(&sink, "one");
    for word in ["a", "b"] {
        write(&mut writer, &[word]);
        std::thread::sleep(std::time::Duration::from_millis(10));
        SinkWriter::<Record>::flush(&mut writer).unwrap();
    }
    let pending = prepare(&mut writer, 1);
    commit(&sink, &pending).unwrap();
    let texts: Vec<_> = visible(dir.path()).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["(a,1)\n", "(b,1)\n"]);
}
