use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use snapbox::{assert_data_eq, str};

use crate::support::{flink, run, word_count};

#[test]
fn lines_go_to_stdout_and_the_summary_to_stderr() {
    let path = flink("2.1.0/collections-hashmap-canonical");
    assert_data_eq!(
        run(&["export", &path, "--uid", "coll", "--state", "last", "--where", "value > 57"]),
        str![[r#"
{"key_group":20,"key":"key-3","value":59}
{"key_group":126,"key":"key-2","value":58}
--- stderr
note: 2 rows, 85 B
--- exit 0

"#]]
    );
}

#[test]
fn csv_spreads_structs_over_columns() {
    let path = flink("2.1.0/collections-hashmap-canonical");
    assert_data_eq!(
        run(&[
            "export",
            &path,
            "--uid",
            "coll",
            "--state",
            "by-id",
            "--key",
            "key-1",
            "--where",
            "map_key > -10",
            "--format",
            "csv"
        ])
        .replace('\r', ""),
        str![[r#"
key_group,key,map_key,value.active,value.age,value.id,value.name,value.score
54,key-1,-8,true,20,0,person-0,0.0
54,key-1,-1,false,21,1000000007,person-1,0.25
--- stderr
note: 2 rows, 161 B
--- exit 0

"#]]
    );
}

#[test]
fn a_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counts.ndjson");
    let args = ["export", &word_count("hashmap-canonical"), "--uid", "sum-001", "-o", file.to_str().unwrap()];
    assert_data_eq!(
        run(&args),
        str![[r#"
--- stderr
note: 72 rows, 4.28 kB
--- exit 0

"#]]
    );
    let lines = std::fs::read_to_string(&file).unwrap();
    assert_eq!(lines.lines().count(), 72);
    assert!(run(&args).contains("already exists"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), lines);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn parquet_and_arrow_hold_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let export = |format: &str| {
        let file = folder.path().join(format);
        let path = flink("2.1.0/collections-hashmap-canonical");
        let out = file.to_str().unwrap();
        run(&["export", "-q", &path, "--uid", "coll", "--state", "by-id", "--format", format, "-o", out]);
        std::fs::File::open(file).unwrap()
    };
    let parquet = ParquetRecordBatchReader::try_new(export("parquet"), 8192).unwrap();
    let parquet: Vec<_> = parquet.map(|batch| batch.unwrap()).collect();
    let arrow = arrow_ipc::reader::FileReader::try_new(export("arrow"), None).unwrap();
    let arrow: Vec<_> = arrow.map(|batch| batch.unwrap()).collect();
    let [parquet, arrow] =
        [parquet, arrow].map(|batches| concat_batches(&batches[0].schema(), &batches).unwrap());
    assert_eq!((parquet.num_rows(), arrow.num_rows()), (60, 60));
    assert_eq!(parquet.num_columns(), arrow.num_columns());
    for (left, right) in parquet.columns().iter().zip(arrow.columns()) {
        assert!(left.as_ref() == right.as_ref(), "{left:?} {right:?}");
    }
}

#[test]
fn a_folder_of_tables_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables");
    let path = flink("2.1.0/collections-hashmap-canonical");
    let args = ["export", &path, "--all", "--format", "csv", "-o", tables.to_str().unwrap()];
    assert_data_eq!(
        run(&args),
        str![[r#"
--- stderr
note: 335 rows, 16.7 kB
note: 5 rows with values nobody here can decode: shown by their bytes
--- exit 0

"#]]
    );
    let mut names: Vec<String> = std::fs::read_dir(&tables)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_data_eq!(
        names.join("\n"),
        str![[r#"
collections-001.by-id.csv
collections-001.by-name.csv
collections-001.by-tuple.csv
collections-001.cleared.csv
collections-001.last.csv
collections-001.mean.csv
collections-001.nulls.csv
collections-001.people.csv
collections-001.strings.csv
collections-001.sum.csv
collections-001.timer-state-event-user-timers.csv
collections-001.timer-state-processing-user-timers.csv
collections-001.tuples.csv
stream-001.coordinator.csv
stream-001.sourcereaderstate.csv
tables.json
"#]]
    );
    let index = std::fs::read_to_string(tables.join("tables.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    assert_eq!(index["schema"], "spt.tables/1");
    assert_eq!(index["tables"].as_array().unwrap().len(), names.len() - 1);
    for table in index["tables"].as_array().unwrap() {
        let bytes = std::fs::metadata(tables.join(table["file"].as_str().unwrap())).unwrap().len();
        assert_eq!(table["bytes"], bytes);
    }
    assert!(run(&args).contains("already exists"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
