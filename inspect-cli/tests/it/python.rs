use std::path::Path;

use snapbox::{assert_data_eq, str};

use crate::support::{flink, run};

#[test]
fn what_python_pickled_is_shown_beside_its_bytes() {
    let path = flink("2.1.0/pyflink-process-hashmap-canonical");
    assert_data_eq!(
        run(&[
            "inspect",
            &path,
            "--uid",
            "pickled-key-001",
            "--state",
            "python-state-total",
            "--rows",
            "--json"
        ]),
        str![[r#"
{"key_group":24,"key":{"f0":{"$pickle":["eve",false],"$bytes":"gAWVCgAAAAAAAACMA2V2ZZSJhpQu"}},"value":[{"$opaque":{"class":"pyflink","bytes":"//////////k="}}]}
{"key_group":37,"key":{"f0":{"$pickle":["bob",false],"$bytes":"gAWVCgAAAAAAAACMA2JvYpSJhpQu"}},"value":[{"$opaque":{"class":"pyflink","bytes":"AAAAAAAAAAI="}}]}
{"key_group":79,"key":{"f0":{"$pickle":["bob",true],"$bytes":"gAWVCgAAAAAAAACMA2JvYpSIhpQu"}},"value":[{"$opaque":{"class":"pyflink","bytes":"AAAAAAAAACg="}}]}
{"key_group":98,"key":{"f0":{"$pickle":["ada",true],"$bytes":"gAWVCgAAAAAAAACMA2FkYZSIhpQu"}},"value":[{"$opaque":{"class":"pyflink","bytes":"AAAAAAAAAAg="}}]}
{"key_group":105,"key":{"f0":{"$pickle":["Zoë",false],"$bytes":"gAWVCwAAAAAAAACMBFpvw6uUiYaULg=="}},"value":[{"$opaque":{"class":"pyflink","bytes":"AAAAAAAAAAA="}}]}
--- stderr
note: 5 rows with values nobody here can decode: shown by their bytes
--- exit 0

"#]]
    );
    let path = flink("2.1.0/pyflink-thread-hashmap-native");
    let text = run(&["inspect", &path, "--uid", "states-001", "--state", "row", "--rows", "--json"]);
    assert!(text.contains(r#""value":{"$pickle":{"f0":"eve","f1":-7,"f2":null},"$bytes":"gASV"#), "{text}");
}

#[test]
fn a_listing_with_pythons_bytes_says_how_to_name_their_types() {
    let [process, thread] =
        ["2.1.0/pyflink-process-hashmap-canonical", "2.1.0/pyflink-thread-hashmap-native"]
            .map(|case| run(&["inspect", &flink(case)]));
    assert!(
        process.contains("\nopaque<pyflink>: Python's types are not recorded; `--python-types FILE` names")
    );
    assert!(!thread.contains("python-types"), "{thread}");
}

#[test]
fn types_that_python_declared_can_be_named() {
    let path = flink("2.1.0/pyflink-process-hashmap-canonical");
    let folder = tempfile::tempdir().unwrap();
    let types = folder.path().join("types.json");
    std::fs::write(&types, r#"{"states-001": {"counts": "map<utf8, int32>", "total": "int32"}}"#).unwrap();
    let named =
        ["inspect", &path, "--python-types", types.to_str().unwrap(), "--uid", "states-001", "--rows"];
    assert_data_eq!(
        run(&[&named[..], &["--state", "python-state-counts"]].concat()),
        str![[r#"
key_group  key           map_key  value
       65  {"f0":"Zoë"}  Zoë-0        0
       84  {"f0":"eve"}  eve--7      -7
       90  {"f0":"ada"}  ada-3        3
       90  {"f0":"ada"}  ada-5        5
      109  {"f0":"bob"}  bob-2        2
      109  {"f0":"bob"}  bob-40      40
--- exit 0

"#]]
    );
    assert_data_eq!(
        run(&[&named[..], &["--state", "python-state-total"]].concat()),
        str![[r#"
--- stderr
error: operator states-001, state "python-state-total", value: a value of 8 bytes as int32 is not supported: byte 4: 4 bytes follow the end of value
--- exit 2

"#]]
    );
}

#[test]
fn a_python_job_is_the_same_on_either_backend() {
    let [heap, database] =
        ["hashmap", "rocksdb"].map(|backend| flink(&format!("2.1.0/pyflink-process-{backend}-canonical")));
    assert_eq!(
        run(&["diff", &heap, &database]),
        "--- stderr\nnote: 170 rows with values nobody here can decode: shown by their bytes\nnote: the states are the same\n--- exit 0\n"
    );
    for path in [heap, database] {
        let text = run(&["validate", &path]);
        assert!(!text.contains("SPT-206") && text.contains("nothing is wrong"), "{text}");
    }
}

/// `types.json` in the folder.
fn types(folder: &Path, text: &str) -> String {
    let file = folder.join("types.json");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_type_that_does_not_fit_is_no_damage_and_leaves_the_check_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let types = types(folder.path(), r#"{"states-001": {"total": "int32"}}"#);
    let path = flink("2.1.0/pyflink-process-hashmap-canonical");
    let text = run(&["validate", &path, "--python-types", &types]);
    let warning = "warning SPT-305  operator states-001, state \"python-state-total\", value\n";
    assert!(text.starts_with(warning) && text.ends_with("--- exit 2\n"), "{text}");
    assert!(!text.contains("error SPT"), "{text}");
}

#[test]
fn a_file_that_names_no_types_is_refused_before_a_savepoint_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let types = types(folder.path(), r#"{"states-001": {"total": "int65"}}"#);
    let text = run(&["inspect", folder.path().to_str().unwrap(), "--python-types", &types]);
    let cause = "operator states-001, state \"total\": type \"int65\" is unknown in \"int65\"\n";
    assert!(text.contains(cause) && text.ends_with("--- exit 2\n"), "{text}");
}

#[test]
fn what_was_converted_as_bytes_is_converted_again_with_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let source = flink("2.1.0/pyflink-process-hashmap-canonical");
    let (bytes, typed) = (path("bytes"), path("typed"));
    let values = types(folder.path(), r#"{"states-001": {"total": "int64", "names": "utf8*"}}"#);
    run(&["convert", &source, &bytes, "--to", "spt"]);
    let text = run(&["convert", &bytes, &typed, "--to", "spt", "--python-types", &values]);
    assert!(text.ends_with("--- exit 0\n"), "{text}");
    let text = run(&["validate", &typed]);
    assert!(text.contains("nothing is wrong\n--- exit 0"), "{text}");
    let text = run(&["diff", &source, &typed, "--python-types", &values]);
    assert!(text.ends_with("note: the states are the same\n--- exit 0\n"), "{text}");
    let map = types(folder.path(), r#"{"states-001": {"counts": "map<utf8, int32>"}}"#);
    let text = run(&["inspect", &bytes, "--python-types", &map]);
    assert!(text.contains("its rows lie in the order of the bytes"), "{text}");
}
