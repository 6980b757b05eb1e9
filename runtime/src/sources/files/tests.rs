use std::path::Path;

use super::*;
use crate::sinks::{Encoder, FileFormat, Parquet};
use crate::sources::tests::{drain, fails, poll, subtask, through_state};
use crate::sources::{Poll, SourceReader};
use crate::state::State;

#[derive(Debug, Clone, PartialEq, State)]
struct Order {
    id: i64,
    #[state(alias = "client")]
    customer: String,
    amount: Option<f64>,
    #[state(default = "EUR".to_owned())]
    currency: String,
}

fn order(id: i64, customer: &str, amount: Option<f64>, currency: &str) -> Order {
    Order { id, customer: customer.into(), amount, currency: currency.into() }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// A file with this text, all of it read.
fn read<F>(text: &str, source: impl Fn(&Path) -> Files<F>) -> (Vec<F::Item>, Vec<FilePosition>)
where
    F: ReadFormat,
{
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write(&path, text);
    let source = source(&path);
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    (drain(&mut reader), reader.splits())
}

/// What reading a file with this text fails with.
fn failure<F: ReadFormat>(text: &str, source: impl Fn(&Path) -> Files<F>) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write(&path, text);
    let source = source(&path);
    fails(&mut source.reader(&subtask(1), source.splits(1).unwrap()).unwrap())
}

fn ndjson(path: &Path) -> NdjsonFiles<Order> {
    NdjsonFiles::new(path)
}

fn csv(path: &Path) -> CsvFiles<Order> {
    CsvFiles::new(path)
}

#[test]
fn json_documents_become_records_by_the_rules_of_evolution() {
    let text = concat!(
        r#"{"id":1,"customer":"a","amount":1.5,"currency":"USD","unknown":[1]}"#,
        "\n\n",
        r#"{"client":"b","id":2}"#,
        "\r\n",
        r#"[3,"c",null,"CHF"]"#,
    );
    let (orders, splits) = read(text, ndjson);
    assert_eq!(
        orders,
        [order(1, "a", Some(1.5), "USD"), order(2, "b", None, "EUR"), order(3, "c", None, "CHF")]
    );
    assert_eq!((splits[0].offset, splits[0].lines), (text.len() as u64, 4));
    assert!(splits[0].done);
}

#[test]
fn a_character_of_two_utf_16_units_is_read_as_one() {
    let expected = [('😀', 1), ('a', 2)];
    let text = "[\"😀\",1]\n[\"a\",2]\n";
    assert_eq!(read(text, |path| NdjsonFiles::<(char, i64)>::new(path)).0, expected);
    let csv = |path: &Path| CsvFiles::<(char, i64)>::new(path).without_header();
    assert_eq!(read("😀,1\na,2\n", csv).0, expected);
}

#[test]
fn a_malformed_record_is_an_error_with_file_and_line() {
    let good = r#"{"id":1,"customer":"a"}"#;
    for (bad, expected) in [
        ("{\"id\":1,", "no JSON"),
        ("{\"customer\":\"a\"}", "null, where int64 may not be null"),
        ("{\"id\":\"x\",\"customer\":\"a\"}", "\"x\""),
        ("17", "17"),
    ] {
        let found = failure(&format!("{good}\n{bad}\n{good}\n"), ndjson);
        assert!(found.contains("/a, line 2: ") && found.contains(expected), "{bad}: {found}");
    }
}

#[test]
fn the_first_of_several_malformed_records_is_the_one_that_is_told() {
    let wrong = r#"{"id":"x","customer":"a"}"#;
    let found = failure(&format!("{wrong}\nno\n{wrong}\n"), ndjson);
    assert!(found.contains("/a, line 1: "), "{found}");
    let found = failure(&format!("no\n{wrong}\n"), ndjson);
    assert!(found.contains("/a, line 1: "), "{found}");
    let found = failure("id,customer\nx,a\n1\n", csv);
    assert!(found.contains("/a, line 2: "), "{found}");
}

#[test]
fn malformed_records_that_are_passed_over_are_counted() {
    let good = r#"{"id":1,"customer":"a"}"#;
    let text = format!("{good}\nno\n{{\"id\":null}}\n{good}\n");
    let (orders, splits) = read(&text, |path| ndjson(path).on_malformed(Malformed::Skip));
    assert_eq!((orders.len(), splits[0].skipped), (2, 2));
    assert_eq!(through_state(&splits), splits);
}

#[test]
fn cells_of_csv_become_records_by_their_names() {
    let text = "\u{feff}note,client,amount,id\r\nx,\"a, \"\"b\"\"\nc\",1.5,1\r\n\r\n,\"\",,2\r\n";
    let (orders, splits) = read(text, csv);
    assert_eq!(orders, [order(1, "a, \"b\"\nc", Some(1.5), "EUR"), order(2, "", None, "EUR")]);
    assert_eq!((splits[0].offset, splits[0].lines), (text.len() as u64, 5));
}

#[test]
fn csv_without_a_header_is_read_by_the_places_of_its_cells() {
    let source = |path: &Path| CsvFiles::<(String, i64)>::new(path).without_header().delimiter(b';');
    let expected = [("a".to_owned(), 1), ("b".to_owned(), 2)];
    assert_eq!(read("a;1\nb;2", source).0, expected);
    assert_eq!(read("\u{feff}a;1\nb;2", source).0, expected, "marked as UTF-8");
}

#[test]
fn malformed_csv_is_an_error_with_file_and_line() {
    for (text, expected) in [
        ("id,customer\n1,a\n1\n", "line 3: 1 cells, where there are 2 columns"),
        ("id,customer\n1,\"a\nb\"\nx,c\n", "line 4: \"x\" is no int64"),
        ("id,customer\n1,\"a\n", "line 2: a quote is not closed"),
        ("id,customer\n,a\n", "line 2: "),
        ("id,name\n1,a\n", "line 1: there is no column \"customer\"; there are: id, name"),
    ] {
        let found = failure(text, csv);
        assert!(found.contains(expected), "{found}");
    }
    let (orders, splits) = read("id,customer\nx,a\n1,b\n2\n", |path| csv(path).on_malformed(Malformed::Skip));
    assert_eq!((orders, splits[0].skipped), (vec![order(1, "b", None, "EUR")], 2));
}

#[test]
fn a_type_that_is_no_row_is_refused() {
    let found = failure("a\n", |path| CsvFiles::<i64>::new(path));
    assert_eq!(found, "a row of CSV is a struct or a tuple, and not int64");
}

#[test]
fn any_position_in_csv_can_be_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    let rows: Vec<String> = (0..30_000).map(|id| format!("{id},\"customer\n{id}\"")).collect();
    write(&path, &format!("id,customer\n{}\n", rows.join("\n")));
    let source = csv(&path);
    let mut splits = source.splits(1).unwrap();
    let mut orders = Vec::new();
    while !splits[0].done {
        let mut reader = source.reader(&subtask(1), splits).unwrap();
        orders.extend(poll(&mut reader).0);
        splits = through_state(&reader.splits());
    }
    assert_eq!(splits[0].lines, 60_001);
    assert_eq!(orders.iter().map(|order| order.id).collect::<Vec<_>>(), (0..30_000).collect::<Vec<_>>());
    assert_eq!(orders[29_999].customer, "customer\n29999");
}

#[test]
fn a_folder_that_grows_has_no_end_and_new_files_are_found_once() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a"), "one\n");
    let source = TextFiles::new(dir.path()).watch(Duration::from_millis(10));
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    assert_eq!(poll(&mut reader).0, ["one"]);
    assert_eq!(poll(&mut reader).1, Poll::Ready);
    assert!(matches!(poll(&mut reader).1, Poll::Idle(_)));
    write(&dir.path().join("b"), "two\n");
    write(&dir.path().join(".c"), "hidden\n");
    let new = source.new_splits(&reader.splits()).unwrap();
    reader.add_splits(new).unwrap();
    assert_eq!(poll(&mut reader).0, ["two"]);
    assert!(source.new_splits(&reader.splits()).unwrap().is_empty());
}

#[test]
fn a_file_that_was_read_may_be_taken_away_and_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write(&path, "one\n");
    let source = TextFiles::new(dir.path());
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    drain(&mut reader);
    let known = through_state(&reader.splits());
    write(&path, "one\nmore\n");
    assert!(source.new_splits(&known).unwrap().is_empty());
    assert!(drain(&mut source.reader(&subtask(1), known.clone()).unwrap()).is_empty());
    std::fs::remove_file(&path).unwrap();
    assert!(drain(&mut source.reader(&subtask(1), known.clone()).unwrap()).is_empty());
    assert!(source.new_splits(&known).unwrap().is_empty());
    assert!(TextFiles::new(&path).new_splits(&known).unwrap().is_empty(), "it was all there was to read");
}

#[test]
fn a_folder_that_is_gone_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let source = TextFiles::new(dir.path().join("inbox"));
    let failure = source.new_splits(&[]).unwrap_err().full();
    assert!(failure.contains("/inbox: read failed: No such file"), "{failure}");
}

/// A Parquet file of these records.
fn parquet<T: Data + State>(path: &Path, records: &[T]) {
    let mut file = Vec::new();
    let mut encoder = FileFormat::<T>::encoder(&Parquet).unwrap();
    records.iter().for_each(|record| encoder.append(record.as_ref(), &mut file).unwrap());
    encoder.finish(&mut file).unwrap();
    std::fs::write(path, file).unwrap();
}

/// Orders as another program writes them: everything may be null, numbers are narrow.
#[derive(Debug, Clone, State)]
struct Loose {
    note: Option<String>,
    client: Option<String>,
    id: Option<i32>,
}

fn loose(id: Option<i32>, client: &str) -> Loose {
    Loose { note: None, client: Some(client.into()), id }
}

#[test]
fn columns_of_parquet_become_fields_by_the_rules_of_evolution() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    parquet(&path, &[loose(Some(1), "a"), loose(Some(2), "b")]);
    let source = ParquetFiles::<Order>::new(&path);
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    assert_eq!(drain(&mut reader), [order(1, "a", None, "EUR"), order(2, "b", None, "EUR")]);
}

#[test]
fn a_null_that_may_not_be_is_a_malformed_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    parquet(&path, &[loose(Some(1), "a"), loose(None, "b"), loose(Some(3), "c")]);
    let source = ParquetFiles::<Order>::new(&path);
    let failure = fails(&mut source.reader(&subtask(1), source.splits(1).unwrap()).unwrap());
    assert!(failure.contains("a.parquet, row 1: ") && failure.contains("null"), "{failure}");
    let source = source.on_malformed(Malformed::Skip);
    let mut reader = source.reader(&subtask(1), source.splits(1).unwrap()).unwrap();
    let ids: Vec<_> = drain(&mut reader).iter().map(|order| order.id).collect();
    assert_eq!((ids.as_slice(), reader.splits()[0].skipped), (&[1, 3][..], 1));
}

#[test]
fn a_column_of_another_type_or_none_at_all_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let failure = || {
        let source = ParquetFiles::<Order>::new(&path);
        fails(&mut source.reader(&subtask(1), source.splits(1).unwrap()).unwrap())
    };
    parquet(&path, &[("a".to_owned(), 1i64)]);
    let found = failure();
    assert!(found.contains("a.parquet: column id: absent in the file, int64 in the record"), "{found}");
    parquet(&path, &[Odd { id: "1".into(), customer: "a".into() }]);
    let found = failure();
    assert!(found.contains("column id: utf8 in the file, int64 in the record"), "{found}");
    write(&path, "no parquet at all");
    assert!(failure().contains("a.parquet: no Parquet file"));
}

#[derive(Debug, Clone, State)]
struct Odd {
    id: String,
    customer: String,
}

#[test]
fn parquet_goes_on_at_the_row_its_position_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let all: Vec<_> = (0..10_000).map(|id| order(id, "a", Some(0.5), "EUR")).collect();
    parquet(&path, &all);
    let source = ParquetFiles::<Order>::new(&path);
    let mut splits = source.splits(1).unwrap();
    let mut orders = Vec::new();
    while !splits[0].done {
        let mut reader = source.reader(&subtask(1), splits).unwrap();
        orders.extend(poll(&mut reader).0);
        splits = through_state(&reader.splits());
    }
    assert_eq!(orders, all);
    parquet(&path, &all[..10]);
    let known = vec![FilePosition { offset: 11, ..FilePosition::start_of(path.to_str().unwrap()) }];
    let refusal = source.reader(&subtask(1), known).err().unwrap().to_string();
    assert!(refusal.contains("10 rows, but 11 of them had been read"), "{refusal}");
}
