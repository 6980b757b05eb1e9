use std::path::Path;

use serde_json::Value;
use snapbox::{assert_data_eq, str};
use spt_flink::FlinkSource;
use spt_format::{ColumnarReader, SavepointSource, TableDescription};

use crate::support::{flink, run, run_with_stdin, spt};

const FORMATS: [&str; 4] = ["ndjson", "csv", "arrow", "parquet"];

fn golden(name: &str) -> String {
    format!("{}/../testdata/columnar/v1/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What each state of a savepoint is, in order.
fn tables(path: &str) -> Vec<TableDescription> {
    let source: Box<dyn SavepointSource> = if Path::new(path).join("manifest.json").exists() {
        Box::new(ColumnarReader::options().open(path).unwrap())
    } else {
        Box::new(FlinkSource::open(path).unwrap())
    };
    let savepoint = source.savepoint();
    savepoint.states().map(|(_, operator, state)| TableDescription::new(operator, state)).collect()
}

/// `spt` must succeed; what it said on stdout.
fn ok(args: &[&str]) -> Vec<u8> {
    let output = spt(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The operator's uid, or its id.
fn operator(table: &TableDescription) -> String {
    table.uid.as_ref().map_or(table.operator_id.to_string(), ToString::to_string)
}

#[test]
fn every_state_comes_back_from_every_format_equal() {
    let folder = tempfile::tempdir().unwrap();
    let savepoints =
        [golden("every-type"), golden("word-count"), flink("2.1.0/collections-hashmap-canonical")];
    let mut round_trips = 0;
    for path in &savepoints {
        for table in tables(path) {
            for format in FORMATS {
                let file = folder.path().join(format!("{round_trips}.{format}"));
                let state = format!("{}:{}", table.kind, table.state);
                let operator = operator(&table);
                let state_of = ["--uid", &operator, "--state", &state];
                ok(&[&["export", path, "--format", format, "-o", text(&file)], &state_of[..]].concat());
                let made = folder.path().join(format!("made-{round_trips}"));
                let kind = table.kind.to_string();
                let state_of = ["--uid", &operator, "--state", &table.state, "--kind", &kind];
                ok(&[&["import", text(&file), "--into", path, "-o", text(&made)], &state_of[..]].concat());
                ok(&["diff", path, text(&made)]);
                ok(&["validate", text(&made)]);
                round_trips += 1;
            }
        }
    }
    assert!(round_trips >= 60, "{round_trips} round trips");
}

#[test]
fn exported_parquet_and_arrow_know_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = golden("every-type");
    for format in ["arrow", "parquet"] {
        let mut files = Vec::new();
        for (place, table) in tables(&path).iter().enumerate() {
            let file = folder.path().join(format!("{place}.{format}"));
            let uid = operator(table);
            ok(&[
                "export",
                &path,
                "--uid",
                &uid,
                "--state",
                &table.state,
                "--format",
                format,
                "-o",
                text(&file),
            ]);
            files.push(file);
        }
        let made = folder.path().join(format);
        let mut args = vec!["import", "-o", text(&made)];
        args.extend(files.iter().map(|file| text(file)));
        ok(&args);
        let mut expected = tables(&path);
        let mut found = tables(text(&made));
        let key = |table: &TableDescription| (table.operator_id, table.kind, table.state.clone());
        expected.sort_by_key(key);
        found.sort_by_key(key);
        assert_eq!(found, expected);
        ok(&["diff", &path, text(&made)]);
    }
}

#[test]
fn a_folder_of_tables_becomes_the_savepoint_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    for path in [golden("every-type"), flink("2.1.0/collections-hashmap-canonical")] {
        for format in FORMATS {
            let exported = tempfile::tempdir_in(folder.path()).unwrap();
            let (exported, made) = (exported.path().join("tables"), exported.path().join("sp"));
            ok(&["export", &path, "--all", "--format", format, "-o", text(&exported)]);
            ok(&["import", text(&exported), "-o", text(&made)]);
            ok(&["diff", &path, text(&made)]);
            let names = |path: &str| {
                let mut tables = tables(path);
                tables.sort_by_key(|table| (table.operator_id, table.kind, table.state.clone()));
                tables
            };
            assert_eq!(names(text(&made)), names(&path));
        }
    }
}

#[test]
fn a_savepoint_is_made_from_a_csv_file_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counts.csv");
    std::fs::write(&file, "user,total,name\nbob,2,\"Bob, \"\"the\"\" builder\"\nann,-1,\n\"\",0,\"\"\n")
        .unwrap();
    let made = folder.path().join("sp");
    let types = ["--key-type", "utf8", "--value-type", "struct<total: int64, name: utf8?>"];
    let state = ["--uid", "users", "--state", "profile", "--key-column", "user"];
    ok(&[&["import", text(&file), "-o", text(&made)][..], &types, &state].concat());
    assert_data_eq!(
        String::from_utf8(ok(&["export", text(&made)])).unwrap(),
        str![[r#"
{"key_group":87,"key":"bob","value":{"total":2,"name":"Bob, /"the/" builder"}}
{"key_group":94,"key":"","value":{"total":0,"name":""}}
{"key_group":100,"key":"ann","value":{"total":-1,"name":null}}

"#]]
    );
}

#[test]
fn a_character_of_two_utf_16_units_is_one_character_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.ndjson");
    std::fs::write(&file, "{\"key\":\"😀\",\"value\":\"𝄞\"}\n").unwrap();
    let made = folder.path().join("sp");
    let types = ["--key-type", "char", "--value-type", "char", "--uid", "letters", "--state", "of"];
    ok(&[&["import", text(&file), "-o", text(&made)][..], &types].concat());
    ok(&["validate", text(&made)]);
    let found = String::from_utf8(ok(&["inspect", text(&made), "--key", "😀"])).unwrap();
    assert!(found.contains("𝄞"), "{found}");
    for format in FORMATS {
        let file = folder.path().join(format!("again.{format}"));
        let again = folder.path().join(format);
        ok(&["export", text(&made), "--format", format, "-o", text(&file)]);
        ok(&[&["import", text(&file), "-o", text(&again)][..], &types].concat());
        ok(&["diff", text(&made), text(&again)]);
    }
}

#[test]
fn an_upsert_replaces_the_entries_that_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    let state = ["--uid", "u", "--state", "s"];
    let types = ["--kind", "list", "--key-type", "utf8", "--value-type", "int32"];
    let there = "{\"key\":\"a\",\"value\":[1,2,3]}\n{\"key\":\"b\",\"value\":[4]}\n";
    let args = [&["import", "-o", text(&first)][..], &state, &types].concat();
    assert!(run_with_stdin(&args, there).ends_with("--- exit 0\n"));
    let args = [&["import", "--into", text(&first), "--upsert", "-o", text(&second)][..], &state].concat();
    let said = run_with_stdin(&args, "{\"key\":\"c\",\"value\":[6]}\n{\"key\":\"a\",\"value\":[9,8]}\n");
    assert!(said.ends_with("--- exit 0\n"), "{said}");
    let rows = String::from_utf8(ok(&["export", text(&second)])).unwrap();
    let mut rows: Vec<(String, Value)> = rows
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["key"].as_str().unwrap().to_owned(), row["value"].clone()))
        .collect();
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    let expected = [("a", "[9,8]"), ("b", "[4]"), ("c", "[6]")];
    let expected: Vec<(String, Value)> = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), serde_json::from_str(value).unwrap()))
        .collect();
    assert_eq!(rows, expected);
}

/// What `spt import` says of a file with this text.
fn refusal(name: &str, content: &str, flags: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, content).unwrap();
    let made = folder.path().join("sp");
    let state = ["--uid", "u", "--state", "s"];
    let said = run(&[&["import", text(&file), "-o", text(&made)][..], &state, flags].concat());
    assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "nothing is left: {said}");
    said.replace(text(folder.path()), "[FOLDER]")
}

#[test]
fn a_cell_that_does_not_fit_is_named_with_file_line_and_column() {
    let types = ["--key-type", "utf8", "--value-type", "int32"];
    assert_data_eq!(
        refusal("a.csv", "key,value\na,1\nb,x\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.csv, line 3, column "value": "x" is no int32
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.csv", "key,value\na,1\nb,3000000000\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.csv, line 3, field "value": 3000000000 is no int32
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.ndjson", "{\"key\":\"a\",\"value\":1}\n{\"key\":\"b\"}\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.ndjson, line 2: there is no "value"
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.ndjson", "{\"key\":\"a\",\"value\":1}\n{\"key\":7,\"value\":1}\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.ndjson, line 2, field "key": 7 is no utf8
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.ndjson", "{\"key\":\"a\",\"value\":1,\"more\":1}\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.ndjson, line 1: there is no column "more"; there are key_group, key, value
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.csv", "key,value,more\na,1,2\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.csv: the column "more" is no part of the state's rows
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.csv", "key,value\na\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.csv, line 2: has 1 cells, the header 2
--- exit 2

"#]]
    );
}

#[test]
fn a_key_that_comes_twice_is_refused() {
    let types = ["--key-type", "utf8", "--value-type", "int32"];
    assert_data_eq!(
        refusal("a.csv", "key,value\na,1\nb,2\na,3\n", &types),
        str![[r#"
--- stderr
error: operator u, value state "s": key "a" comes twice
--- exit 2

"#]]
    );
}

#[test]
fn what_is_not_known_is_asked_for() {
    assert_data_eq!(
        refusal("a.csv", "key,value\na,1\n", &[]),
        str![[r#"
--- stderr
error: value state has no type for its key
hint: `--uid` and `--state` name the state, `--key-type`, `--value-type` and so on its types; `spt help import` shows examples
--- exit 2

"#]]
    );
    let types = ["--key-type", "utf8", "--value-type", "struct<a: int32?, b: int32?>?"];
    assert_data_eq!(
        refusal("a.csv", "key,value.a,value.b\na,1,\nb,,\n", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.csv, line 3: CSV cannot tell a value that is null from one whose fields all are: use NDJSON, Arrow or Parquet
--- exit 2

"#]]
    );
    assert_data_eq!(
        refusal("a.txt", "a", &types),
        str![[r#"
--- stderr
error: [FOLDER]/a.txt: its name does not tell how it is written
hint: say it with `--format`
--- exit 2

"#]]
    );
}
