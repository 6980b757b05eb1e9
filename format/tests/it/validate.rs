use std::fs;
use std::path::Path;

use arrow_array::{Int64Array, RecordBatch, StringArray, UInt16Array};
use spt_format::validate::{Code, Findings, RowChecks, check_rows};
use spt_format::{Column, Completeness, State, StateKind, StateSchema};

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
    // In a row group the segment and the whole file tell; in the tail the file cannot be opened.
    assert_eq!(after(flip(0.2)), [Code::FileChecksum, Code::FileChecksum]);
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
    assert_eq!(codes(checks.findings), [Code::FileChecksum, Code::RowsUnread]);
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
