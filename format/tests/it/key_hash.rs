//! Keys land in the key groups Flink puts them in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, StringArray, StructArray,
};
use serde_json::Value;
use spt_format::{Field, KeyHash, Logical, Type, java_hash, key_group_of};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/flink")
}

/// All bytes of a savepoint, one file after the other.
fn bytes_of(savepoint: &Path) -> Vec<u8> {
    let mut files: Vec<_> = fs::read_dir(savepoint).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().flat_map(|file| fs::read(file).unwrap()).collect()
}

fn tuple() -> Field {
    let fields = vec![Field::new("f0", Type::Utf8), Field::new("f1", Type::Int32)];
    Field::new("key", Type::Struct(fields)).with_logical(Logical::Tuple)
}

/// Length + 1, then each UTF-16 unit, all in 7-bit digits, least significant first.
fn flink_string(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = text.encode_utf16().count() as u32 + 1;
    for mut number in std::iter::once(length).chain(text.encode_utf16().map(u32::from)) {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes
}

/// A key of the corpus as an array of one row, its type, and the bytes Flink's serializer writes for it.
fn key(key_type: &str, key: &Value) -> Option<(Field, ArrayRef, Vec<u8>)> {
    let string = flink_string;
    Some(match key_type {
        "int" => {
            let number = key.as_i64().unwrap() as i32;
            let array = Arc::new(Int32Array::from(vec![number]));
            (Field::new("key", Type::Int32), array, number.to_be_bytes().to_vec())
        }
        "long" => {
            let number = key.as_i64().unwrap();
            let array = Arc::new(Int64Array::from(vec![number]));
            (Field::new("key", Type::Int64), array, number.to_be_bytes().to_vec())
        }
        "short" => {
            let number = key.as_i64().unwrap() as i16;
            let array = Arc::new(Int16Array::from(vec![number]));
            (Field::new("key", Type::Int16), array, number.to_be_bytes().to_vec())
        }
        "double" => {
            let number = key.as_f64().unwrap();
            let array = Arc::new(Float64Array::from(vec![number]));
            (Field::new("key", Type::Float64), array, number.to_be_bytes().to_vec())
        }
        "string" => {
            let text = key.as_str().unwrap();
            (Field::new("key", Type::Utf8), Arc::new(StringArray::from(vec![text])), string(text))
        }
        "tuple<string, int>" => {
            let (text, number) = (key[0].as_str().unwrap(), key[1].as_i64().unwrap() as i32);
            let field = tuple();
            let array = StructArray::try_new(
                match field.to_arrow().data_type() {
                    arrow_schema::DataType::Struct(fields) => fields.clone(),
                    _ => unreachable!(),
                },
                vec![
                    Arc::new(StringArray::from(vec![text])) as ArrayRef,
                    Arc::new(Int32Array::from(vec![number])),
                ],
                None,
            );
            let bytes = [string(text), number.to_be_bytes().to_vec()].concat();
            (field, Arc::new(array.unwrap()), bytes)
        }
        _ => return None,
    })
}

#[test]
fn keys_of_the_corpus_stand_behind_their_key_group() {
    let case = corpus().join("2.3.0/keytypes-rocksdb-canonical-p4-max300");
    let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
    let bytes = bytes_of(&case.join("savepoint"));
    let mut checked: HashMap<String, usize> = HashMap::new();
    for operator in expected["operators"].as_array().unwrap() {
        let Some(key_type) = operator["key_type"].as_str() else { continue };
        for entry in operator["states"][0]["entries"].as_array().unwrap() {
            let Some((field, keys, key_bytes)) = key(key_type, &entry["key"]) else { continue };
            let group = key_group_of(&field, &keys, 0, 300, KeyHash::Java1).unwrap();
            // More than 128 key groups: two bytes of key group before each key.
            let stored = [&group.0.to_be_bytes()[..], &key_bytes].concat();
            assert!(memchr_find(&bytes, &stored), "{key_type} {} is not in key group {group}", entry["key"]);
            *checked.entry(key_type.to_owned()).or_default() += 1;
        }
    }
    let mut types: Vec<_> = checked.keys().map(String::as_str).collect();
    types.sort_unstable();
    assert_eq!(types, ["double", "int", "long", "short", "string", "tuple<string, int>"]);
}

fn memchr_find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn java_hashes_are_those_of_the_jdk() {
    let plain = |ty| Field::new("key", ty);
    let hash = |field: &Field, array: ArrayRef| java_hash(field, &array, 0);
    let big = |bytes: &[u8]| -> ArrayRef { Arc::new(BinaryArray::from(vec![bytes])) };
    let big_integer = plain(Type::Binary).with_logical(Logical::BigInteger);
    // Printed by `hashCode()` of a JDK or worked out from its source.
    assert_eq!(hash(&plain(Type::Boolean), Arc::new(BooleanArray::from(vec![true]))), Some(1231));
    assert_eq!(hash(&plain(Type::Boolean), Arc::new(BooleanArray::from(vec![false]))), Some(1237));
    assert_eq!(hash(&plain(Type::Int64), Arc::new(Int64Array::from(vec![-1]))), Some(0));
    assert_eq!(hash(&plain(Type::Int32), Arc::new(Int32Array::from(vec![-1]))), Some(-1));
    assert_eq!(hash(&plain(Type::Int64), Arc::new(Int64Array::from(vec![i64::MIN]))), Some(i32::MIN));
    assert_eq!(hash(&plain(Type::Float64), Arc::new(Float64Array::from(vec![1.0]))), Some(1_072_693_248));
    assert_eq!(hash(&plain(Type::Float32), Arc::new(Float32Array::from(vec![1.0]))), Some(0x3f80_0000));
    assert_eq!(hash(&plain(Type::Utf8), Arc::new(StringArray::from(vec![None::<&str>]))), Some(0));
    assert_eq!(hash(&big_integer, big(&[1, 0, 0, 0, 0])), Some(31));
    assert_eq!(hash(&big_integer, big(&[0xff])), Some(-1));
    assert_eq!(hash(&big_integer, big(&[0, 0, 0, 7])), Some(7));
    let uuid = plain(Type::FixedBinary(16)).with_logical(Logical::Uuid);
    let bytes =
        FixedSizeBinaryArray::try_from_iter([[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8]].into_iter());
    assert_eq!(hash(&uuid, Arc::new(bytes.unwrap())), Some(1 ^ 2 ^ 4 ^ 8));
}

#[test]
fn a_key_without_a_java_twin_is_hashed_by_its_key_bytes() {
    let color = Field::new("key", Type::Utf8).with_logical(Logical::Enum(vec!["RED".into()]));
    assert_eq!(KeyHash::for_key(&color), KeyHash::Spt1);
    assert_eq!(KeyHash::for_key(&tuple()), KeyHash::Java1);
    assert_eq!(KeyHash::for_key(&Field::new("", Type::UInt64)), KeyHash::Spt1);
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["x", "RED"]));
    assert_eq!(java_hash(&color, &keys, 1), None);
    let group = key_group_of(&color, &keys, 1, 128, KeyHash::Spt1).unwrap();
    let alone: ArrayRef = Arc::new(StringArray::from(vec!["RED"]));
    assert_eq!(key_group_of(&color, &alone, 0, 128, KeyHash::Spt1), Some(group));
    assert_eq!(key_group_of(&color, &keys, 1, 128, KeyHash::Unknown), None);
}
