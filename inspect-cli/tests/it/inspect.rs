use std::path::Path;

use snapbox::{assert_data_eq, str};

use crate::support::{flink, run, spt, walk, word_count};

#[test]
fn the_summary_shows_operators_then_states() {
    assert_data_eq!(
        run(&["inspect", &word_count("hashmap-canonical")]),
        str![[r#"
Savepoint 1
Flink metadata 6, canonical, 5 operators, 3 states, 2.97 kB

OPERATOR        NAME                   PARALLELISM  STATES  ROWS     SIZE   SHARE
flatMap-001     Flat Map                     1/128       –
map-001         Map                          1/128       –
stream-001      Source: paused source        1/128       2     5    180 B   6.1 %
sum-001         Keyed Aggregation            1/128       1     ?  2.56 kB  86.1 %
206700a46774…*  out                          1/128       –

OPERATOR    STATE              KIND           KEY   VALUE                                         ROWS     SIZE  PER ROW
stream-001  SourceReaderState  operator-list  –     struct<version: int32, split: opaque<split>>     4    144 B     36 B
            coordinator        coordinator    –     struct<version: int32, enumerator: opaque<e…     1     36 B     36 B
sum-001     _op_state          value          utf8  tuple<utf8?, int32>                              ?  2.56 kB        –
--- exit 0

"#]]
    );
}

#[test]
fn a_narrow_terminal_wraps_nothing_but_names() {
    let output = spt(&["inspect", &word_count("hashmap-canonical")]).env("COLUMNS", "72").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 72), "{text}");
}

#[test]
fn the_document_has_the_names_of_the_design() {
    assert_data_eq!(
        run(&["inspect", "--json", &word_count("hashmap-canonical"), "--uid", "sum-001", "--count"]),
        str![[r#"
{"schema":"spt.inspect/1","engine":"flink","format_version":6,"kind":"savepoint","layout":"canonical","id":"1","job":{"id":null,"name":null},"created_at":null,"drained":false,"operators":[{"uid":"sum-001","uid_origin":"given","operator_id":"90f4efa99ed969755ccb0285495357c6","name":"Keyed Aggregation","parallelism":1,"max_parallelism":128,"finished":false,"channel_bytes":0,"states":[{"name":"_op_state","kind":"value","key_type":"utf8","namespace_type":null,"map_key_type":null,"value_type":"tuple<utf8?, int32>","ttl":null,"rows":72,"bytes":2556}]}],"totals":{"operators":1,"states":1,"rows":72,"bytes":2556,"files":0},"complete":true,"rows_unread":0,"rows_opaque":0}
--- exit 0

"#]]
    );
}

#[test]
fn an_operator_is_shown_with_its_types_in_full() {
    assert_data_eq!(
        run(&["inspect", &flink("2.1.0/collections-hashmap-canonical"), "--uid", "coll", "--state", "by-id"]),
        str![[r#"
Operator collections-001
  id           9935c8cad60c83c3ee602af01bf3a7fb  from its uid
  name         collections
  parallelism  1 of at most 128

State by-id  map
  key          utf8
  map key      int64
  value        struct<active: boolean?, age: int32?, id: int64?, name: utf8?, score: float64?>?
  rows         ?
  size         ?
--- exit 0

"#]]
    );
}

#[test]
fn a_list_is_one_line() {
    let path = flink("2.1.0/collections-hashmap-canonical");
    assert_data_eq!(
        run(&[
            "inspect",
            &path,
            "--uid",
            "collections-001",
            "--state",
            "strings",
            "--rows",
            "--json",
            "--limit",
            "2"
        ]),
        str![[r#"
{"key_group":19,"key":"key-4","value":["s4","s11","s18","s25","s32","s39","s46","s53"]}
{"key_group":20,"key":"key-3","value":["s3","s10","s17","s24","s31","s38","s45","s52","s59"]}
--- exit 0

"#]]
    );
}

#[test]
fn a_key_is_found() {
    assert_data_eq!(
        run(&["inspect", &word_count("rocksdb-native"), "--uid", "sum-001", "--key", "bread", "--json"]),
        str![[r#"
{"key_group":0,"key":"bread","value":{"f0":"bread","f1":1}}
--- exit 0

"#]]
    );
}

#[test]
fn rows_for_people_are_a_table_and_say_when_there_are_more() {
    let path = flink("2.1.0/collections-hashmap-canonical");
    let condition = "value.age > 25 and value.name like 'person%'";
    assert_data_eq!(
        run(&["inspect", &path, "--uid", "coll", "--state", "by-id", "--where", condition, "--limit", "3"]),
        str![[r#"
key_group  key    map_key  value.active  value.age    value.id  value.name  value.score
       19  key-4      -46  true                 26  6000000042  person-6            1.5
       19  key-4      -39  false                27  7000000049  person-7           1.75
       20  key-3      -38  true                 26  6000000042  person-6            1.5
--- stderr
note: the first 3 rows; there are more: `--limit N`, or `--json` for all
--- exit 0

"#]]
    );
}

#[test]
fn picked_columns_are_lines_under_their_names() {
    let path = flink("2.1.0/collections-hashmap-canonical");
    assert_data_eq!(
        run(&[
            "inspect",
            &path,
            "--uid",
            "coll",
            "--state",
            "by-id",
            "--columns",
            "key,value.age",
            "--limit",
            "2",
            "--json"
        ]),
        str![[r#"
{"key":"key-4","value.age":25}
{"key":"key-4","value.age":26}
--- exit 0

"#]]
    );
}

#[test]
fn an_operator_that_is_not_there_is_trouble() {
    assert_data_eq!(
        run(&["inspect", &word_count("hashmap-canonical"), "--uid", "sum-002"]),
        str![[r#"
--- stderr
error: there is no operator "sum-002"; there are "flatMap-001", "map-001", "stream-001", "sum-001", "206700a467744679ae4788ad875a28d1"
--- exit 2

"#]]
    );
}

#[test]
fn a_path_that_is_no_savepoint_says_what_may_be_meant() {
    let folder = format!("{}/../testdata/flink/1.18.1", env!("CARGO_MANIFEST_DIR"));
    let text = run(&["inspect", &folder, "--rows"]);
    assert!(text.contains("not a savepoint: there is neither manifest.json nor _metadata"), "{text}");
    assert!(text.contains("@latest` is the newest\n--- exit 2"), "{text}");
    let text = run(&["inspect", "--json", &format!("{folder}@latest")]);
    assert!(text.starts_with("{\"schema\":\"spt.inspect/1\",\"engine\":\"flink\""), "{text}");
}

#[test]
fn the_spread_over_a_parallelism_not_yet_tried_is_shown() {
    let path = word_count("hashmap-canonical");
    assert_data_eq!(
        run(&["inspect", &path, "--uid", "sum", "--sizes", "-p", "3"]),
        str![[r#"
OPERATOR  STATE      ROWS     SIZE  KEY GROUPS  SKEW  BY KEY GROUP
sum-001   _op_state    72  2.56 kB      54/128  1.08  ▂▃▃▆▂▃▃▂▂█▄ ▂▃▂▂▃▃ ▅▄▅▅▃▄▄▄▄ ▄▅

sum-001, _op_state
SUBTASK  ROWS   SIZE
      0    25  887 B
      1    21  745 B
      2    26  923 B
--- exit 0

"#]]
    );
}

#[test]
fn positions_are_in_plain_view() {
    let path = flink("2.1.0/operatorstates-hashmap-canonical-p3");
    let text = run(&["inspect", &path, "--offsets", "--json"]);
    let lines: Vec<serde_json::Value> = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() > 3, "{text}");
    assert!(lines.iter().all(|line| line["state"].is_string() && line["subtask"].is_u64()), "{text}");
    assert!(run(&["inspect", &path, "--offsets"]).ends_with("--- exit 0\n"));
}

#[test]
fn a_folder_of_savepoints_is_listed() {
    let folder = format!("{}/../testdata/flink/1.18.1", env!("CARGO_MANIFEST_DIR"));
    let text = run(&["inspect", &folder]);
    let expected = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(text.lines().filter(|line| line.contains("  savepoint  –")).count(), expected, "{text}");
    let document = run(&["inspect", "--json", &folder]);
    assert!(
        document.starts_with("{\"schema\":\"spt.savepoints/1\",\"savepoints\":[{\"path\":"),
        "{document}"
    );
}

/// Where the job's checkpoints were when this one was written.
const RECORDED: &str =
    "file:/flink/checkpoints/2.3.0/wordcount-rocksdb-incremental-p2-files/30376435333136372d643334342d3337";

#[test]
fn a_checkpoint_whose_files_went_elsewhere_is_read_with_a_path_map() {
    let savepoint = flink("2.3.0/wordcount-rocksdb-incremental-p2-files");
    let job = Path::new(&savepoint).with_file_name("checkpoint").canonicalize().unwrap();
    let alone = tempfile::tempdir().unwrap();
    for file in walk(&job.join("chk-5")) {
        std::fs::copy(&file, alone.path().join(file.file_name().unwrap())).unwrap();
    }
    let path = alone.path().to_str().unwrap();
    assert!(run(&["inspect", path, "--count"]).ends_with("--- exit 2\n"));
    let map = format!("{RECORDED}={}", job.display());
    let text = run(&["inspect", path, "--count", "--path-map", &map]);
    assert!(text.contains("sum") && text.ends_with("--- exit 0\n"), "{text}");
    let text = run(&["inspect", path, "--path-map", "nowhere"]);
    assert!(text.contains("is not OLD=NEW") && text.ends_with("--- exit 2\n"), "{text}");
}

#[test]
fn positions_of_known_sources_of_flink_are_in_plain_view() {
    let path = flink("1.20.5/sources-hashmap-canonical");
    assert_data_eq!(
        run(&["inspect", &path, "--offsets", "--uid", "703a1feb"]),
        str![[r#"
703a1feb0b2efe8202347b93c326fc9a, SourceReaderState (number sequence split)
subtask  index  value.split  value.from    value.to
      0      0  1                    97  1000000000

703a1feb0b2efe8202347b93c326fc9a, coordinator (number sequence enumerator)
subtask  index  value.splits
      0      0  []

--- exit 0

"#]]
    );
    assert_data_eq!(
        run(&["inspect", &path, "--offsets", "--uid", "703a1feb", "--json"]),
        str![[r#"
{"operator_id":"703a1feb0b2efe8202347b93c326fc9a","uid":null,"state":"SourceReaderState","read_as":{"what":"number sequence split","verified":true},"subtask":0,"index":0,"value":{"split":"1","from":97,"to":1000000000}}
{"operator_id":"703a1feb0b2efe8202347b93c326fc9a","uid":null,"state":"coordinator","read_as":{"what":"number sequence enumerator","verified":true},"subtask":0,"index":0,"value":{"splits":[]}}
--- exit 0

"#]]
    );
}

#[test]
fn top_shows_the_heaviest_keys_of_every_keyed_state() {
    let path = flink("2.1.0/collections-hashmap-canonical");
    assert_data_eq!(
        run(&["inspect", &path, "--uid", "collections-001", "--state", "people", "--top", "3"]),
        str![[r#"
collections-001, people (list): 7 keys, 20 rows, 556 B of values
KEY      KEY GROUP  ROWS  SIZE   SHARE
"key-0"         31     3  87 B  15.6 %
"key-1"         54     3  87 B  15.6 %
"key-5"        108     3  87 B  15.6 %
--- exit 0

"#]]
    );
    let json = run(&["inspect", &path, "--top", "1", "--json"]);
    let report: serde_json::Value = serde_json::from_str(json.split("--- ").next().unwrap()).unwrap();
    assert_eq!((&report["schema"], &report["complete"]), (&"spt.top/1".into(), &true.into()));
    for state in report["states"].as_array().unwrap() {
        let keys = state["keys"].as_array().unwrap();
        assert_eq!(keys.len() as u64, state["distinct_keys"].as_u64().unwrap().min(1), "{state}");
    }
}

#[test]
fn the_weights_of_all_keys_are_the_weight_of_the_state() {
    let path = word_count("rocksdb-native");
    let json = run(&["inspect", &path, "--top", "1000", "--json"]);
    let report: serde_json::Value = serde_json::from_str(json.split("--- ").next().unwrap()).unwrap();
    let state = &report["states"][0];
    let keys = state["keys"].as_array().unwrap();
    let sum = |name: &str| keys.iter().map(|key| key[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((keys.len() as u64, sum("rows")), (72, state["rows"].as_u64().unwrap()));
    assert_eq!(sum("value_bytes"), state["value_bytes"].as_u64().unwrap());
    let weights: Vec<u64> = keys.iter().map(|key| key["value_bytes"].as_u64().unwrap()).collect();
    assert!(weights.is_sorted_by(|left, right| left >= right));
}

#[test]
fn the_start_report_tells_timers_expired_rows_and_pending_output() {
    let golden = |name: &str| format!("{}/../testdata/columnar/v1/{name}", env!("CARGO_MANIFEST_DIR"));
    let as_of = "2026-11-22T10:01:00.200Z";
    assert_data_eq!(
        run(&["inspect", &golden("every-type"), "--start-report", "--as-of", as_of]),
        str![[r#"
Started at 2026-11-22T10:01:00.2Z from a savepoint taken at a time not recorded, not drained

OPERATOR  SERVICE        DOMAIN      TIMERS  FIRE AT ONCE  FIRST
kinds     window-timers  event            1             1  1970-01-01T00:00:00.009Z
kinds     window-timers  processing       1             1  2026-11-22T00:00:00Z
Event-time timers fire once the watermark has come as far

OPERATOR  STATE        TTL  ROWS  EXPIRED   SHARE  LONGEST UNTOUCHED
kinds     ttl    60,000 ms     2        1  50.0 %  2026-11-22T10:00:00Z

No pending output
--- exit 0

"#]]
    );
    assert_data_eq!(
        run(&["inspect", &golden("word-count"), "--start-report", "--as-of", as_of, "--json"]),
        str![[r#"
{"schema":"spt.start-report/1","as_of":"2026-11-22T10:01:00.2Z","created_at":"2026-09-10T00:26:40.123Z","age_ms":6341660077,"drained":false,"timers":[],"ttl":[],"pending":[{"uid":"sink-001","operator_id":"4855d670e20df286a5fb497755dffae0","outputs":1,"age_ms":6341660077}],"complete":true,"rows_unread":0}
--- exit 0

"#]]
    );
    assert_data_eq!(
        run(&["inspect", &golden("word-count"), "--start-report", "--as-of", "noon"]),
        str![[r#"
--- stderr
error: "noon" is no time
hint: a time is written as 2026-11-22T10:00:00Z
--- exit 2

"#]]
    );
}

#[test]
fn a_narrow_terminal_breaks_no_word() {
    let path = word_count("hashmap-canonical");
    let output = spt(&["inspect", &path]).env("COLUMNS", "30").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(text.contains("\n\nOPERATOR     sum-001\nNAME         "), "{text}");
}
