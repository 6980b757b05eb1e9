use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::data::{Data, EventTime};
use crate::operators::{Signal, Stage};
use crate::state::{State, StateBuilder, StateReader};

/// Keeps what a source emits.
struct Kept<T>(Vec<T>);

impl<T: Data> Stage<T> for Kept<T> {
    fn push(&mut self, record: T::Ref<'_>, _: EventTime) -> Result<()> {
        self.0.push(T::from_ref(record));
        Ok(())
    }

    fn signal(&mut self, _: &mut Signal<'_>) -> Result<()> {
        Ok(())
    }
}

/// Keeps what a source says of its splits, and how many records come in between.
#[derive(Default)]
struct Told(Vec<String>, usize);

impl Told {
    fn tell(&mut self, text: Option<String>) {
        if self.1 > 0 {
            self.0.push(format!("{} records", std::mem::take(&mut self.1)));
        }
        self.0.extend(text);
    }
}

impl<T: Data> Stage<T> for Told {
    fn push(&mut self, _: T::Ref<'_>, _: EventTime) -> Result<()> {
        self.1 += 1;
        Ok(())
    }

    fn signal(&mut self, signal: &mut Signal<'_>) -> Result<()> {
        if let Signal::Split(change) = signal {
            self.tell(Some(format!("{change:?}")));
        }
        Ok(())
    }
}

/// What a reader says of its splits up to its end.
fn told<R: SourceReader>(mut reader: R) -> Vec<String> {
    let mut told = Told::default();
    loop {
        let mut out = Out::<R::Item>::new(&mut told, EventTime::NONE);
        let polled = reader.poll(&mut out).unwrap();
        out.finish().unwrap();
        if polled != Poll::Ready {
            told.tell(None);
            return told.0;
        }
    }
}

pub(super) fn subtask(parallelism: u32) -> Subtask {
    Subtask {
        job_id: "0".repeat(32),
        operator: "source".into(),
        index: 0,
        parallelism,
        max_parallelism: 128,
        attempt: String::new(),
    }
}

/// Polls once, and returns what was emitted.
pub(super) fn poll<R: SourceReader>(reader: &mut R) -> (Vec<R::Item>, Poll) {
    let mut kept = Kept(Vec::new());
    let mut out = Out::new(&mut kept, EventTime::NONE);
    let polled = reader.poll(&mut out).unwrap();
    out.finish().unwrap();
    (kept.0, polled)
}

/// Everything up to the end.
pub(crate) fn drain<R: SourceReader>(reader: &mut R) -> Vec<R::Item> {
    let mut all = Vec::new();
    loop {
        let (records, polled) = poll(reader);
        all.extend(records);
        match polled {
            Poll::End => return all,
            Poll::Idle(time) => std::thread::sleep(time),
            Poll::Ready => {}
        }
    }
}

/// What reading fails with.
pub(super) fn fails<R: SourceReader>(reader: &mut R) -> String {
    let mut kept = Kept(Vec::new());
    loop {
        match reader.poll(&mut Out::new(&mut kept, EventTime::NONE)) {
            Ok(Poll::End) => panic!("nothing failed"),
            Ok(_) => {}
            Err(error) => return error.full(),
        }
    }
}

/// The splits after they were written to a savepoint and read back.
pub(super) fn through_state<S: State>(splits: &[S]) -> Vec<S> {
    let ty = S::field().to_arrow();
    let mut builder = S::Builder::new(ty.data_type(), splits.len());
    splits.iter().for_each(|split| builder.append(split));
    let array = builder.finish().unwrap();
    let reader = S::Reader::new(array.as_ref()).unwrap();
    (0..splits.len()).map(|row| reader.get(row).unwrap()).collect()
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_collection_goes_on_where_its_splits_say() {
    let source = Collection::new((0..5_000i64).collect::<Vec<_>>());
    let splits = source.splits(2).unwrap();
    assert_eq!(splits.len(), 2);
    let mut reader = source.reader(&subtask(1), splits).unwrap();
    let (mut all, _) = poll(&mut reader);
    let splits = through_state(&reader.splits());
    assert!(source.new_splits(&splits).unwrap().is_empty());
    all.extend(drain(&mut source.reader(&subtask(1), splits).unwrap()));
    assert_eq!(all, (0..5_000).collect::<Vec<_>>());
}

#[test]
fn another_collection_is_refused() {
    let splits = Collection::new(vec![1i64, 2, 3]).splits(1).unwrap();
    let refusal = Collection::new(vec![1i64]).new_splits(&splits).unwrap_err().to_string();
    assert!(refusal.contains("1 records") && refusal.contains("had 3"), "{refusal}");
}

#[test]
fn what_a_collection_has_gained_is_read_after_a_restore() {
    let splits = Collection::new(vec!["a".to_owned()]).splits(1).unwrap();
    let grown = Collection::new(vec!["a".to_owned(), "b".to_owned()]);
    let new = grown.new_splits(&splits).unwrap();
    assert_eq!(drain(&mut grown.reader(&subtask(1), new).unwrap()), ["b"]);
}

#[test]
fn a_sequence_keeps_its_pace() {
    let source = Sequence::new(0..50).per_second(500.0);
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    let start = Instant::now();
    assert_eq!(drain(&mut reader), (0..50).collect::<Vec<_>>());
    assert!(start.elapsed() >= Duration::from_millis(95), "{:?}", start.elapsed());
}

#[test]
fn a_sequence_goes_on_where_its_splits_say() {
    let source = Sequence::new(-10..3_000);
    let mut reader = source.reader(&subtask(1), source.splits(3).unwrap()).unwrap();
    let (mut all, _) = poll(&mut reader);
    let mut again = source.reader(&subtask(1), through_state(&reader.splits())).unwrap();
    all.extend(drain(&mut again));
    assert_eq!(all, (-10..3_000).collect::<Vec<_>>());
}

#[test]
fn a_generator_makes_the_same_records_again_at_its_pace() {
    let source = Generator::new(0..60, |number| (format!("n{number}"), number)).per_second(600.0);
    let mut reader = source.reader(&subtask(1), source.splits(2).unwrap()).unwrap();
    let start = Instant::now();
    let mut all = Vec::new();
    while all.len() < 20 {
        all.extend(poll(&mut reader).0);
    }
    let mut again = source.reader(&subtask(1), through_state(&reader.splits())).unwrap();
    all.extend(drain(&mut again));
    assert!(start.elapsed() >= Duration::from_millis(90), "{:?}", start.elapsed());
    assert_eq!(all, (0..60).map(|number| (format!("n{number}"), number)).collect::<Vec<_>>());
}

#[test]
fn files_are_read_in_the_order_of_their_names_and_hidden_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("b.txt"), "three\nfour");
    write(&dir.path().join("a.txt"), "one\r\ntwo\n");
    write(&dir.path().join(".hidden"), "no\n");
    write(&dir.path().join("_temporary"), "no\n");
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    let source = TextFiles::new(dir.path());
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    assert_eq!(drain(&mut reader), ["one", "two", "three", "four"]);
    assert_eq!(reader.splits().iter().map(|file| file.offset).collect::<Vec<_>>(), [9, 10]);
}

#[test]
fn files_go_on_at_the_line_their_position_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txt");
    let lines: Vec<String> = (0..40_000).map(|number| format!("line {number}")).collect();
    write(&path, &(lines.join("\n") + "\n"));
    let source = TextFiles::new(&path);
    let mut reader = source.reader(&subtask(1), source.splits(4).unwrap()).unwrap();
    let (mut all, _) = poll(&mut reader);
    assert!(!all.is_empty() && all.len() < lines.len());
    let splits = through_state(&reader.splits());
    write(&dir.path().join("b.txt"), "new\n");
    let folder = TextFiles::new(dir.path());
    let new = folder.new_splits(&splits).unwrap();
    assert_eq!(new.len(), 1);
    let mut again = folder.reader(&subtask(1), [splits, new].concat()).unwrap();
    all.extend(drain(&mut again));
    assert_eq!(all, [lines, vec!["new".to_owned()]].concat());
}

#[test]
fn a_file_that_is_not_what_it_was_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txt");
    let source = TextFiles::new(&path);
    let known = vec![FilePosition { offset: 8, ..FilePosition::start_of(path.to_str().unwrap()) }];
    let restore = || source.reader(&subtask(1), known.clone()).err().unwrap().to_string();
    for (text, expected) in [
        ("one\n", "4 bytes long, but 8 bytes of it had been read"),
        ("one two three\n", "no line begins at byte 8"),
    ] {
        write(&path, text);
        let refusal = restore();
        assert!(refusal.contains(expected) && refusal.contains("a.txt"), "{refusal}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(restore().contains("open failed"));
    assert!(source.splits(1).unwrap_err().to_string().contains("a.txt"));
}

#[test]
fn a_silent_socket_is_never_waited_for() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = SocketText::new(server.local_addr().unwrap().to_string());
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    let (mut client, _) = server.accept().unwrap();
    // Nothing was sent yet: who waits here waits for ever.
    let (records, polled) = poll(&mut reader);
    assert!(records.is_empty() && matches!(polled, Poll::Idle(_)));
    client.write_all(b"to be\nor not\nto").unwrap();
    drop(client);
    assert_eq!(drain(&mut reader), ["to be", "or not", "to"]);
    assert!(!source.is_replayable());
}

#[test]
fn no_server_is_a_clear_error_after_some_attempts() {
    // A port that no test is given.
    let free = "127.0.0.1:1";
    let source = SocketText::new(free).retry(3, Duration::from_millis(20));
    let start = Instant::now();
    let failure = source.reader(&subtask(1), Vec::new()).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(40));
    assert_eq!(failure.to_string(), format!("no server at {free} after 3 attempts"));
    assert!(failure.full().contains("refused"), "{}", failure.full());
}

#[test]
fn a_server_that_comes_late_is_found() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let source = SocketText::new(address.to_string()).retry(3_000, Duration::from_millis(20));
    let server = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(60));
        TcpListener::bind(address).unwrap().accept().unwrap().0.write_all(b"late\n").unwrap();
    });
    let mut reader = source.reader(&subtask(1), Vec::new()).unwrap();
    assert_eq!(drain(&mut reader), ["late"]);
    server.join().unwrap();
}

#[test]
fn every_source_says_which_of_its_splits_it_reads() {
    let spans = vec![Span { next: 3, end: 3 }, Span { next: 3, end: 9 }, Span { next: 12, end: 20 }];
    let expected = ["Reads(1)", "6 records", "Ends(1)", "Reads(2)", "8 records", "Ends(2)"];
    let sequence = Sequence::new(0..20);
    assert_eq!(told(sequence.reader(&subtask(1), spans.clone()).unwrap()), expected);
    let generator = Generator::new(0..20, |n| n);
    assert_eq!(told(generator.reader(&subtask(1), spans.clone()).unwrap()), expected);
    let collection = Collection::new(0..20i64);
    assert_eq!(told(collection.reader(&subtask(1), spans).unwrap()), expected);
}

#[test]
fn every_file_is_a_split_from_its_first_record_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("a", "1\n2\n"), ("b", "3\n4\n5\n"), ("c", "")] {
        write(&dir.path().join(name), text);
    }
    let source = NdjsonFiles::<i64>::new(dir.path()).watch(Duration::from_secs(1));
    let mut files = source.splits(1).unwrap();
    files[0].done = true;
    let expected = ["Reads(1)", "3 records", "Ends(1)", "Reads(2)", "Ends(2)"];
    assert_eq!(told(source.reader(&subtask(1), files).unwrap()), expected);
}
