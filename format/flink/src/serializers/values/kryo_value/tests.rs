use serde_json::{Value, json};
use spt_format::{Cursor, JsonOptions, JsonValues, Result};

use super::super::{Column, append_whole, field_of};
use crate::serializers::flink_type::{FlinkType, Kryo, KryoVersion, Opaque, OpaqueEnd, positional};
use crate::serializers::{Record, Scalar};

fn opaque(class: &str, version: KryoVersion) -> FlinkType {
    let end = OpaqueEnd::Kryo(Kryo { version, registrations: vec![class.to_owned()] });
    FlinkType::Opaque(Opaque { class: class.to_owned(), end })
}

fn read(data_type: &FlinkType, bytes: &[u8]) -> Result<Value> {
    let field = field_of(data_type);
    let mut column = Column::new(&field.ty.to_arrow())?;
    append_whole(data_type, &mut column, &mut Cursor::new(bytes))?;
    let array = column.finish()?;
    let json = JsonValues::new(&field, &array, JsonOptions::default())?;
    Ok(serde_json::from_str(&json.text(0)).unwrap())
}

/// `java.util.ArrayList` by name, new.
fn array_list() -> Vec<u8> {
    [&[1, 0][..], b"java.util.ArrayLis\xF4", &[1]].concat()
}

#[test]
fn a_list_of_kryo_2_has_its_elements_by_their_classes() {
    let list = opaque("java.util.List", KryoVersion::Two);
    // 3 | String new "ab" | Integer -1 | the same text again, which is object 1
    let bytes = [&array_list()[..], &[3, 3, 1, b'a', b'b' | 0x80, 2, 1, 3, 3]].concat();
    let wanted = json!({"list": [{"string": "ab"}, {"int": -1}, {"string": "ab"}]});
    assert_eq!(read(&list, &bytes).unwrap(), wanted);
}

#[test]
fn a_list_of_kryo_5_has_one_class_for_all_where_they_share_it() {
    let list = opaque("java.util.List", KryoVersion::Five);
    // 2 and one more, one class | Integer | none is null | 5 | -3
    let bytes = [&array_list()[..], &[0x83, 2, 0, 10, 5]].concat();
    assert_eq!(read(&list, &bytes).unwrap(), json!({"list": [{"int": 5}, {"int": -3}]}));
}

#[test]
fn a_collection_with_a_class_of_the_job_is_opaque_as_a_whole() {
    let list = opaque("java.util.List", KryoVersion::Two);
    let bytes = [&array_list()[..], &[1, 1, 1, b'x' | 0x80, 1, 9, 9]].concat();
    let found = read(&list, &bytes).unwrap();
    assert_eq!(found["opaque"]["$opaque"]["class"], "java.util.List");
}

#[test]
fn a_collection_in_a_collection_is_opaque_alone() {
    let list = opaque("java.util.List", KryoVersion::Two);
    // 2 | ArrayList, named before: new, empty | Integer 1
    let bytes = [&array_list()[..], &[2, 1, 0, 1, 0, 2, 2]].concat();
    let found = read(&list, &bytes).unwrap();
    assert!(found["list"][0]["opaque"]["$opaque"]["bytes"].is_string(), "{found}");
    assert_eq!(found["list"][1], json!({"int": 1}));
}

#[test]
fn partitions_of_the_first_kafka_source_are_read() {
    let partition = opaque(super::KAFKA_PARTITION, KryoVersion::Two);
    let pair = FlinkType::Record(Record::tuple(positional([partition, FlinkType::Scalar(Scalar::Long)])));
    // As in the connector's own fixtures, written by Flink 1.8 to 1.17.
    let elements: [(&[u8], &str, i32, i64); 2] = [
        (b"\x57\x01\xd6\xcf\xec\x02\x1a\x01\x61\x62\xe3\0\0\0\0\0\0\x41\x80", "abc", 13, 16768),
        (b"\x57\x01\xc4\xf2\xf7\x02\x0e\x01\x64\x65\xe6\0\0\0\0\x3a\xde\x68\xb1", "def", 7, 987_654_321),
    ];
    for (bytes, topic, partition, offset) in elements {
        let wanted = json!({"f0": {"topic": topic, "partition": partition}, "f1": offset});
        assert_eq!(read(&pair, bytes).unwrap(), wanted);
    }
}

#[test]
fn damage_makes_a_collection_another_one_or_opaque_but_never_panics() {
    for version in [KryoVersion::Two, KryoVersion::Five] {
        for class in ["java.util.List", "java.util.Set", "java.util.Map", super::KAFKA_PARTITION] {
            let data_type = opaque(class, version);
            let bytes = [&array_list()[..], &[3, 3, 1, b'a', b'b' | 0x80, 2, 1, 3, 3]].concat();
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let found = read(&data_type, &damaged);
                assert!(found.is_ok() || class == super::KAFKA_PARTITION, "{found:?}");
            }
        }
    }
}
