//! Bytes that may be a Python pickle, written as JSON: whatever they are, the line is JSON and has its bounds.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray};
use serde_json::Value;
use spt_format::{Field, JsonOptions, JsonValues, Type};

/// The most text beside base64: a pickle's bound, and what one value goes over it.
const MAX_TEXT: usize = 3 << 20;

/// Writes the bytes as a value.
pub fn text(bytes: &[u8]) {
    let array: ArrayRef = Arc::new(BinaryArray::from_vec(vec![bytes]));
    let values = JsonValues::new(&Field::new("value", Type::Binary), &array, JsonOptions::default());
    let text = values.map(|values| values.text(0)).unwrap_or_default();
    assert!(text.len() < MAX_TEXT + 2 * bytes.len());
    assert!(serde_json::from_str::<Value>(&text).is_ok_and(|value| value.get("$bytes").is_some()), "{text}");
}

/// Pickles of protocols 2 to 5 by CPython: a list, an object of a class, PyFlink's Row, two behind their lengths.
pub fn seeds() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 5] = [
        b"\x80\x02]q\0(K\x01X\x03\0\0\0adaq\x01\x88e.",
        b"\x80\x03}q\0(K\x01G?\xd0\0\0\0\0\0\0h\0cjob\nThing\nq\x01)\x81q\x02}q\x03X\x01\0\0\0aq\x04Nsbu.",
        b"\x80\x04\x95\x1e\0\0\0\0\0\0\0\x8c\x03job\x94\x8c\x05Thing\x94\x93\x94)\x81\x94}\x94\x8c\x01a\x94K\x01sb.",
        b"\x80\x05\x8c\x14pyflink.common.types\x94\x8c\x0b_create_row\x94\x93\x94N\x8c\x03ada\x94N\x86\x94h\0\x8c\x07RowKind\x94\x93\x94K\0\x85\x94R\x94\x87\x94R\x94.",
        b"\0\0\0\x05\x80\x04K\x07.\0\0\0\x04\x80\x04N.",
    ];
    seeds.map(<[u8]>::to_vec).to_vec()
}
