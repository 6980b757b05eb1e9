//! Bytes are what PyFlink 2.1.0's coders wrote.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray};
use spt_format::{JsonOptions, JsonValues};

use super::rows::decode;
use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |start: usize| u8::from_str_radix(&hex[start..start + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// The JSON of these bytes as a value of the type.
fn shown(text: &str, hex: &str) -> Result<String> {
    let named = Named::parse(text)?;
    let array: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&bytes(hex)]));
    let field = named.field();
    let values = decode(&named, &array, &field.ty.to_arrow())?;
    Ok(JsonValues::new(&field, &values, JsonOptions::default())?.text(0))
}

#[test]
fn every_type_is_read_as_its_coder_writes_it() {
    let columns: String = (0..9).map(|column| format!(", c{column}: int8")).collect();
    let cases = [
        ("boolean", "01", "true"),
        ("int8", "f9", "-7"),
        ("int16", "fed4", "-300"),
        ("int32", "00011170", "70000"),
        ("int64", "fffffffffffffff9", "-7"),
        ("float32", "3e800000", "0.25"),
        ("float64", "bffc000000000000", "-1.75"),
        ("utf8", "000000045a6fc3ab", "\"Zoë\""),
        ("binary", "000000028001", r#"{"$bytes":"gAE="}"#),
        ("list<utf8?>", "0000000201000000016100", r#"["a",null]"#),
        ("list<int64?>", "0000000201000000000000000100", "[1,null]"),
        ("list<int32>", "0000000200000001ffffffff", "[1,-1]"),
        ("map<utf8, int64>", "000000020000000162010000000161000000000000000001", r#"{"a":1,"b":null}"#),
        ("tuple<utf8, int64>", "00000001610000000000000001", r#"{"f0":"a","f1":1}"#),
        ("time_window", "00000000000000010000000000000002", r#"{"start":1,"end":2}"#),
        ("row:struct<name: utf8, n: int8>", "100000000161", r#"{"name":"a","n":null}"#),
        ("utf8*", "00000001610000000162", r#"["a","b"]"#),
        ("utf8*", "", "[]"),
        (
            &format!("row:struct<$kind: utf8{columns}>"),
            "604001020304050608",
            r#"{"$kind":"+U","c0":null,"c1":1,"c2":2,"c3":3,"c4":4,"c5":5,"c6":6,"c7":null,"c8":8}"#,
        ),
    ];
    for (text, hex, expected) in cases {
        assert_eq!(shown(text, hex).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_no_value_of_the_type_is_an_error() {
    for (text, hex) in [
        ("int64", "00000001"),
        ("int32", "0000000100"),
        ("utf8", "00000002ff61"),
        ("list<int32>", "7fffffff"),
        ("int32*", "000000010000"),
    ] {
        let error = shown(text, hex).unwrap_err();
        let expected = format!("a value of {} bytes as ", hex.len() / 2);
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[test]
fn types_without_a_coder_are_refused() {
    for text in [
        "date",
        "uuid",
        "list<date>",
        "opaque<pyflink>",
        "nonsense",
        "int32**",
        "",
        "row:struct<>",
        "tuple<>*",
    ] {
        assert!(Named::parse(text).is_err(), "{text}");
    }
}

#[test]
fn elements_that_take_no_bytes_are_refused_since_there_is_no_end_of_them() {
    let named = Named { coder: FlinkType::Record(Record::tuple(Vec::new())), many: true };
    let array: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"0"]));
    let error = decode(&named, &array, &named.field().ty.to_arrow()).unwrap_err().full();
    assert!(error.ends_with("values that take no bytes"), "{error}");
}
