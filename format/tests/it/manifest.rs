//! A manifest of tomorrow, and schemas that change without a row being written.

use std::fs;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use serde_json::json;
use spt_format::{
    ColumnarReader, ColumnarWriter, Digest, Error, ErrorKind, Field, Savepoint, SavepointSink,
    SavepointSource, Scan, State, StateSchema, Type,
};

use crate::columnar::{FIRST, assert_same_rows, counts, open, read_all, scratch, write_counts};

/// Replaces text in a manifest and seals it again, as another writer would have written it.
fn edit(savepoint: &Path, from: &str, to: &str) {
    let path = savepoint.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let (body, _) = text.rsplit_once("\"sha256\":\"").unwrap();
    assert!(body.contains(from), "{from} is not in the manifest");
    let body = format!("{}\"sha256\":\"", body.replacen(from, to, 1));
    let digest = Digest::of(body.as_bytes());
    fs::write(&path, format!("{body}{digest}\"}}\n")).unwrap();
}

fn refusal(savepoint: &Path) -> Error {
    ColumnarReader::options().open(savepoint).err().unwrap()
}

/// Takes over the one state of a savepoint, with a changed schema.
fn adopt(from: &Path, to: &Path, change: impl FnOnce(&mut StateSchema)) {
    let source = open(from);
    let mut savepoint: Savepoint = source.savepoint().clone();
    change(&mut savepoint.operators[0].states[0].schema);
    let (operator, state) = savepoint.state(FIRST).unwrap();
    let mut writer = ColumnarWriter::options().create(to).unwrap();
    assert!(SavepointSink::adopt(&mut writer, operator, state, &source, FIRST).unwrap());
    writer.commit(&savepoint).unwrap();
}

#[test]
fn unknown_optional_members_are_kept_letter_by_letter() {
    let scratch = scratch();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    write_counts(&old, &counts(50, 128), 50, 128);
    let members = [
        ("\"drained\":false", "\"x-top\":{\"b\": 1.50,  \"a\":[]}"),
        ("\"uid_origin\":\"given\"", "\"x-operator\":\"\\u0041\""),
        ("\"key_hash\":\"java-1\"", "\"x-state\":1e400"),
    ];
    for (after, member) in members {
        edit(&old, after, &format!("{after},{member}"));
    }
    adopt(&old, &new, |_| ());
    let text = fs::read_to_string(new.join("manifest.json")).unwrap();
    for (_, member) in members {
        assert!(text.contains(member), "{member} is not in {text}");
    }
    assert_eq!(open(&new).savepoint(), open(&old).savepoint());
}

#[test]
fn a_newer_version_or_feature_is_refused_by_its_name() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    write_counts(&path, &counts(1, 128), 1, 128);
    edit(&path, "\"requires\":[]", "\"requires\":[\"deltas\"]");
    assert!(
        matches!(refusal(&path).kind(), ErrorKind::UnsupportedFeature { feature } if feature == "deltas")
    );
    // What such a feature changes must not be read as damage.
    edit(&path, "\"layer\":0", "\"layer\":{\"tombstones\":true}");
    assert!(matches!(refusal(&path).kind(), ErrorKind::UnsupportedFeature { .. }));
    edit(&path, "\"version\":1", "\"version\":2");
    assert!(matches!(refusal(&path).kind(), ErrorKind::UnsupportedVersion { found: 2, .. }));
}

#[test]
fn a_member_that_comes_twice_or_a_path_that_leaves_is_refused() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    for (from, to) in [
        ("\"drained\":false", "\"drained\":false,\"drained\":true"),
        ("\"drained\":false", "\"x\":1,\"x\":1,\"drained\":false"),
        ("\"path\":\"", "\"path\":\"../"),
        ("\"path\":\"", "\"path\":\"/"),
        ("\"max_parallelism\":128", "\"max_parallelism\":0"),
        ("\"rows\":5", "\"rows\":6"),
    ] {
        write_counts(&path, &counts(5, 128), 5, 128);
        edit(&path, from, to);
        let error = refusal(&path);
        assert!(
            matches!(error.kind(), ErrorKind::Invalid { .. } | ErrorKind::Mismatch { .. }),
            "{to}: {error}"
        );
        fs::remove_dir_all(&path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_savepoint_is_not_followed() {
    let scratch = scratch();
    let path = scratch.path().join("savepoint");
    write_counts(&path, &counts(5, 128), 5, 128);
    let (operator, _) =
        (fs::read_dir(&path).unwrap().flatten()).map(|e| (e.path(), ())).find(|(p, ())| p.is_dir()).unwrap();
    let outside = scratch.path().join("outside");
    fs::rename(&operator, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &operator).unwrap();
    let read = open(&path).scan(FIRST, &Scan::default()).and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
    assert!(matches!(read.unwrap_err().kind(), ErrorKind::PathEscapes { .. }));
}

#[test]
fn a_state_taken_over_shares_its_rows_and_reads_by_its_new_schema() {
    let scratch = scratch();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    let schema = StateSchema::keyed(
        Field::new("", Type::Utf8),
        Field::new(
            "",
            Type::Struct(vec![Field::new("count", Type::Int32), Field::new("share", Type::Float32)]),
        ),
    );
    let rows = {
        let counts = counts(100, 128);
        let numbers = counts.column(2).as_primitive::<Int64Type>();
        let fields = match schema.value.as_ref().unwrap().to_arrow().data_type() {
            arrow_schema::DataType::Struct(fields) => fields.clone(),
            _ => unreachable!(),
        };
        let value = arrow_array::StructArray::new(
            fields,
            vec![
                std::sync::Arc::new(
                    numbers.unary::<_, arrow_array::types::Int32Type>(|number| number as i32),
                ),
                std::sync::Arc::new(
                    numbers.unary::<_, arrow_array::types::Float32Type>(|number| number as f32 / 2.0),
                ),
            ],
            None,
        );
        arrow_array::RecordBatch::try_from_iter([
            ("key_group", counts.column(0).clone()),
            ("key", counts.column(1).clone()),
            ("value", std::sync::Arc::new(value) as _),
        ])
        .unwrap()
    };
    let mut operator = crate::columnar::sum_operator(128);
    operator.states = vec![State { schema, ..operator.states[0].clone() }];
    let mut writer = ColumnarWriter::options().create(&old).unwrap();
    let mut sink = writer.state(&operator, &operator.states[0]).unwrap();
    sink.write(&rows).unwrap();
    sink.finish().unwrap();
    writer.commit(&crate::columnar::catalogue(vec![operator])).unwrap();
    adopt(&old, &new, |schema| {
        let value = schema.value.as_mut().unwrap();
        let Type::Struct(fields) = &mut value.ty else { panic!("a struct") };
        fields.reverse();
        fields[0].ty = Type::Float64;
        fields[1] = Field { name: "n".into(), ty: Type::Int64, ..fields[1].clone() };
        fields.push(Field { default: Some(json!("new")), ..Field::new("label", Type::Utf8) });
        *schema = std::mem::take(schema).number();
    });
    let read = read_all(&open(&new), FIRST, &Scan::default());
    let value = read.column(2).as_struct();
    assert_eq!(value.column_names(), ["share", "n", "label"]);
    let expected = counts(100, 128);
    assert_eq!(value.column(1).as_primitive::<Int64Type>(), expected.column(2).as_primitive::<Int64Type>());
    let first = expected.column(2).as_primitive::<Int64Type>().value(0);
    assert_eq!(value.column(0).as_primitive::<Float64Type>().value(0), first as f64 / 2.0);
    assert!(value.column(2).as_string::<i32>().iter().all(|label| label == Some("new")));
    // The old savepoint may go: the new one is self-contained.
    fs::remove_dir_all(&old).unwrap();
    assert_same_rows(&read_all(&open(&new), FIRST, &Scan::default()), &read);
}

#[test]
fn a_type_narrower_than_the_file_s_is_refused_even_if_every_value_fits() {
    let scratch = scratch();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    write_counts(&old, &counts(50, 128), 50, 128);
    adopt(&old, &new, |schema| schema.value.as_mut().unwrap().ty = Type::Int32);
    let read = open(&new).scan(FIRST, &Scan::default()).and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
    let error = read.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(".parquet"), "{text}");
    assert!(text.contains("value: int64 was written, which does not widen to int32"), "{text}");
}

#[test]
fn numbers_that_cannot_be_added_are_refused() {
    let scratch = scratch();
    let savepoint = scratch.path().join("sp");
    write_counts(&savepoint, &counts(50, 128), 50, 128);
    let original = fs::read(savepoint.join("manifest.json")).unwrap();
    let huge = u64::MAX.to_string();
    edit(&savepoint, "\"uid_origin\":", &format!("\"channel_bytes\":{huge},\"uid_origin\":"));
    assert!(refusal(&savepoint).to_string().ends_with("channel bytes of all states are too many"));
    fs::write(savepoint.join("manifest.json"), original).unwrap();
    for _ in ["of the state", "of its part"] {
        edit(&savepoint, "\"rows\":50", &format!("\"rows\":{huge}"));
    }
    assert!(refusal(&savepoint).to_string().ends_with("rows of all states are too many"));
}
