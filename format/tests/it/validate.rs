use std::fs;
use std::path::Path;

use arrow_array::{Int64Array, RecordBatch, StringArray, UInt16Array, UInt64Array};
use spt_format::validate::{Code, Findings, RowChecks, check_rows};
use spt_format::{Column, Completeness, KeyHash, State, StateKind, StateSchema};

use crate::columnar::{counts, files, open, scratch, write_counts};
use crate::support::{MemorySource, array, batch, operator};

fn codes(findings: Findings) -> Vec<Code> {
    findings.into_sorted().into_iter().map(|finding| finding.code).collect()
}

fn savepoint(path: &Path) {
    write_counts(path, &counts(10_000, 128), 1_000, 128);
}

fn data_file(path: &Path) -> std::path::PathBuf {
    let (file, _) = files(path)
        .into_iter()
        .find(|(file, _)| file.extension().is_some_and(|end| end == "parquet"))
        .unwrap();
    path.join(file)
}

fn make_writable(file: &Path) {
    let mut permissions = fs::metadata(file).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test")]
    permissions.set_readonly(false);
    fs::set_permissions(file, permissions).unwrap();
}

/// What a check of the files finds after `damage` was done to a data file.
fn after(damage: impl FnOnce(&Path)) -> Vec<Code> {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    savepoint(&path);
    make_writable(&data_file(&path));
    damage(&data_file(&path));
    let (findings, _) = open(&path).check_files(2, true);
    codes(findings)
}

#[test]
fn a_savepoint_as_it_was_written_has_no_findings() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    savepoint(&path);
    let (findings, checked) = open(&path).check_files(2, true);
    assert_eq!(codes(findings), []);
    assert_eq!(checked.files, 2);
    assert_eq!(checked.bytes, fs::metadata(data_file(&path)).unwrap().len());
    let RowChecks { findings, rows, completeness } = check_rows(&open(&path), 2, &|_, _| true);
    assert_eq!(codes(findings), []);
    assert_eq!((rows, completeness), (10_000, Completeness::default()));
}

#[test]
fn damage_to_a_file_is_told_by_its_kind() {
    assert_eq!(after(|file| fs::remove_file(file).unwrap()), [Code::FileMissing]);
    let cut = |file: &Path| {
        let length = fs::metadata(file).unwrap().len();
        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length - 1).unwrap();
    };
    assert_eq!(after(cut), [Code::FileSize]);
    let flip = |at: f64| {
        move |file: &Path| {
            let mut bytes = fs::read(file).unwrap();
            let place = (bytes.len() as f64 * at) as usize;
            bytes[place] ^= 4;
            fs::write(file, bytes).unwrap();
        }
    };
    // In a row group the segment and the whole file tell, which is told once; in the tail the file cannot be opened.
    assert_eq!(after(flip(0.2)), [Code::FileChecksum]);
    assert_eq!(after(flip(0.999)), [Code::FileChecksum]);
    let orphan = |file: &Path| fs::write(file.with_file_name("left-over"), b"?").unwrap();
    assert_eq!(after(orphan), [Code::FileOrphan]);
}

#[test]
fn rows_in_a_damaged_file_are_counted_as_unread() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    savepoint(&path);
    let file = data_file(&path);
    make_writable(&file);
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let checks = check_rows(&open(&path), 1, &|_, _| true);
    assert_eq!(checks.completeness.rows_unread, 10_000);
    let found = checks.findings.into_sorted();
    let [root] = found.as_slice() else { panic!("one finding: {found:?}") };
    assert_eq!((root.code, root.consequences.len()), (Code::FileChecksum, 1));
}

fn schema() -> StateSchema {
    StateSchema::keyed("utf8".parse().unwrap(), "int64".parse().unwrap())
}

fn rows(rows: &[(u16, &str)]) -> RecordBatch {
    batch(
        StateKind::Value,
        &schema(),
        vec![
            (Column::KeyGroup, array(rows.iter().map(|row| row.0).collect::<UInt16Array>())),
            (Column::Key, array(rows.iter().map(|row| Some(row.1)).collect::<StringArray>())),
            (Column::Value, array(rows.iter().map(|_| 1).collect::<Int64Array>())),
        ],
    )
}

fn found(batches: &[&[(u16, &str)]]) -> Vec<Code> {
    let batches = batches.iter().map(|batch| rows(batch)).collect();
    let source = MemorySource::new()
        .operator(operator("sum"))
        .state(State::new("n", StateKind::Value, schema()), batches);
    codes(check_rows(&source, 2, &|_, _| true).findings)
}

#[test]
fn rows_that_are_not_what_they_should_be_are_told_by_their_kind() {
    // `b` has key group 22, `c` 62 and `a` 81 of 128.
    assert_eq!(found(&[&[(22, "b"), (62, "c"), (81, "a")]]), []);
    assert_eq!(found(&[&[(22, "b"), (22, "b"), (81, "a")]]), [Code::RowDuplicate]);
    assert_eq!(found(&[&[(81, "a"), (22, "b")]]), [Code::RowOrder]);
    assert_eq!(found(&[&[(23, "b")]]), [Code::RowKeyGroup]);
    // Across segments as well as inside one.
    assert_eq!(found(&[&[(22, "b")], &[(22, "b")]]), [Code::RowDuplicate]);
    assert_eq!(found(&[&[(62, "c")], &[(22, "b")]]), [Code::RowOrder]);
}

#[test]
fn many_alike_are_told_by_their_number() {
    let many: Vec<(u16, &str)> = (0..50).map(|_| (22, "b")).collect();
    let source = MemorySource::new()
        .operator(operator("sum"))
        .state(State::new("n", StateKind::Value, schema()), vec![rows(&many)]);
    let findings = check_rows(&source, 1, &|_, _| true).findings.into_sorted();
    assert_eq!(findings.len(), 11);
    assert_eq!(findings.last().unwrap().message, "39 more times");
}

/// Elements of lists: key group, key and place.
fn elements(rows: &[(u16, &str, u64)]) -> RecordBatch {
    batch(
        StateKind::List,
        &schema(),
        vec![
            (Column::KeyGroup, array(rows.iter().map(|row| row.0).collect::<UInt16Array>())),
            (Column::Key, array(rows.iter().map(|row| Some(row.1)).collect::<StringArray>())),
            (Column::Index, array(rows.iter().map(|row| row.2).collect::<UInt64Array>())),
            (Column::Value, array(rows.iter().map(|_| 1).collect::<Int64Array>())),
        ],
    )
}

#[test]
fn a_list_with_a_gap_is_found() {
    let found = |rows: &[(u16, &str, u64)]| {
        let source = MemorySource::new()
            .operator(operator("sum"))
            .state(State::new("n", StateKind::List, schema()), vec![elements(rows)]);
        codes(check_rows(&source, 1, &|_, _| true).findings)
    };
    assert_eq!(found(&[(22, "b", 0), (22, "b", 1), (62, "c", 0)]), []);
    assert_eq!(found(&[(22, "b", 0), (22, "b", 2), (62, "c", 0)]), [Code::ListGap]);
    assert_eq!(found(&[(22, "b", 1), (22, "b", 2)]), [Code::ListGap]);
    assert_eq!(found(&[(22, "b", 0), (62, "c", 1)]), [Code::ListGap]);
}

#[test]
fn rows_that_are_missing_from_a_scan_are_counted_and_make_the_number_wrong() {
    let source = MemorySource::new()
        .operator(operator("sum"))
        .state(State::new("n", StateKind::Value, schema()), vec![rows(&[(22, "b"), (62, "c")])]);
    let unread = source.unread(1);
    let found = codes(check_rows(&unread, 1, &|_, _| true).findings);
    assert_eq!(found, [Code::RowCount, Code::RowsUnread]);
}

#[test]
fn keys_whose_hash_nobody_here_knows_are_a_remark() {
    let state = State { key_hash: Some(KeyHash::Unknown), ..State::new("n", StateKind::Value, schema()) };
    let source = MemorySource::new().operator(operator("sum")).state(state, vec![rows(&[(1, "b")])]);
    assert_eq!(codes(check_rows(&source, 1, &|_, _| true).findings), [Code::RowKeyGroupUnknown]);
}

#[test]
fn what_a_reader_refuses_comes_under_a_code_of_its_own() {
    use spt_format::{Error, ErrorKind, Location};
    let code = |kind| Code::of(&Error::new(kind, Location::file("f")));
    assert_eq!(code(ErrorKind::Vanished), Code::FileVanished);
    assert_eq!(code(ErrorKind::Missing), Code::FileMissing);
    assert_eq!(code(ErrorKind::PathEscapes { path: "../x".into() }), Code::PathEscapes);
    assert_eq!(code(ErrorKind::Unsupported { what: "x".into() }), Code::NotSupported);
    assert_eq!(code(ErrorKind::UnsupportedFeature { feature: "x".into() }), Code::TooNew);
    assert_eq!(code(ErrorKind::Invalid { what: "x".into() }), Code::FileMalformed);
    let io = Error::io("read", "f", std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    assert_eq!(Code::of(&io), Code::FileUnreadable);
}
