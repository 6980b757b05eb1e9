//! Pickles were written by CPython 3.11 and PyFlink 2.1.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::export::json_value::Int64Style;

/// `{"name": "Zoë", …}` with a value of every kind, by protocol 4.
const EVERY_KIND: &str = "gASVMwEAAAAAAAB9lCiMBG5hbWWUjARab8OrlIwGYW1vdW50lEr5////jARub25llE6MA3llc5SIjAVmbG9hdJRHP9\
AAAAAAAACMBWJ5dGVzlEMCYWKUjANiaWeUigsAAABKSAEUFpVFCIwEbGlzdJRdlChNLAFKcBEBAF2UaAJhZYwFdHVwbGWUKEsBSwJLA0sEdJSMA3\
NldJSPlChLBZCMBmZyb3plbpQoSwaRlIwEZGF0ZZSMCGRhdGV0aW1llIwEZGF0ZZSTlEMEB+oLFpSFlFKUjAR0aW1llGgUjAR0aW1llJOUQwYDBA\
UAA+iUhZRSlIwCYXSUaBSMCGRhdGV0aW1llJOUQwoH6gsWAwQFAAAAlIWUUpSMB2RlY2ltYWyUaCaMB0RlY2ltYWyUk5SMBDEuNTCUhZRSlHUu";
/// The same by protocol 3, which names its memo's places and its globals in lines.
const PROTOCOL_3: &str = "gAN9cQAoWAQAAABuYW1lcQFYBAAAAFpvw6txAlgGAAAAYW1vdW50cQNK+f///1gEAAAAbm9uZXEETlgDAAAAeWVzcQ\
WIWAUAAABmbG9hdHEGRz/QAAAAAAAAWAUAAABieXRlc3EHQwJhYnEIWAMAAABiaWdxCYoLAAAASkgBFBaVRQhYBAAAAGxpc3RxCl1xCyhNLAFKcBE\
BAF1xDGgCYWVYBQAAAHR1cGxlcQ0oSwFLAksDSwR0cQ5YAwAAAHNldHEPY2J1aWx0aW5zCnNldApxEF1xEUsFYYVxElJxE1gGAAAAZnJvemVucRRj\
YnVpbHRpbnMKZnJvemVuc2V0CnEVXXEWSwZhhXEXUnEYWAQAAABkYXRlcRljZGF0ZXRpbWUKZGF0ZQpxGkMEB+oLFnEbhXEcUnEdWAQAAAB0aW1lc\
R5jZGF0ZXRpbWUKdGltZQpxH0MGAwQFAAPocSCFcSFScSJYAgAAAGF0cSNjZGF0ZXRpbWUKZGF0ZXRpbWUKcSRDCgfqCxYDBAUAAABxJYVxJlJxJ1\
gHAAAAZGVjaW1hbHEoY2RlY2ltYWwKRGVjaW1hbApxKVgEAAAAMS41MHEqhXErUnEsdS4=";

fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

/// What is written of these bytes, `None` if they are left alone.
fn text(bytes: &[u8]) -> Option<String> {
    text_with(bytes, Int64Style::Number)
}

fn text_with(bytes: &[u8], int64: Int64Style) -> Option<String> {
    let mut out = b"before".to_vec();
    write_member("$", bytes, JsonOptions { int64, ..JsonOptions::default() }, &mut out);
    let text = String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned();
    let member = text.strip_suffix(",").map(str::to_owned);
    assert_eq!(member.is_none(), text.is_empty());
    member.map(|member| member.strip_prefix("\"$pickle\":").unwrap_or(&member).to_owned())
}

fn value(base64: &str) -> Value {
    serde_json::from_str(&text(&decoded(base64)).unwrap()).unwrap()
}

#[test]
fn every_kind_of_value_has_its_form_in_every_protocol() {
    let expected = json!({
        "name": "Zoë", "amount": -7, "none": null, "yes": true, "float": 0.25, "bytes": {"$bytes": "YWI="},
        "big": "10000000000000000000000000", "list": [300, 70000, ["Zoë"]], "tuple": [1, 2, 3, 4],
        "set": [5], "frozen": [6], "date": "2026-11-22", "time": "03:04:05.001", "at": "2026-11-22T03:04:05",
        "decimal": "1.50",
    });
    assert_eq!(value(EVERY_KIND), expected);
    assert_eq!(value(PROTOCOL_3), expected);
}

#[test]
fn pyflinks_rows_are_objects_by_name_or_place_and_say_their_kind() {
    let row = "gASVXgAAAAAAAACMFHB5ZmxpbmsuY29tbW9uLnR5cGVzlIwLX2NyZWF0ZV9yb3eUk5RdlCiMBG5hbWWUjAZhbW91bnSUZYwDYWRhlEsDhp\
RoAIwHUm93S2luZJSTlEsAhZRSlIeUUpQu";
    assert_eq!(value(row), json!({"name": "ada", "amount": 3}));
    let plain = "gASVSgAAAAAAAACMFHB5ZmxpbmsuY29tbW9uLnR5cGVzlIwLX2NyZWF0ZV9yb3eUk5ROjANhZGGUToaUaACMB1Jvd0tpbmSUk5RLAI\
WUUpSHlFKULg==";
    assert_eq!(value(plain), json!({"f0": "ada", "f1": null}));
    let deletion = "gASVRwAAAAAAAACMFHB5ZmxpbmsuY29tbW9uLnR5cGVzlIwLX2NyZWF0ZV9yb3eUk5ROjAF4lIWUaACMB1Jvd0tpbmSUk5RLA4WU\
UpSHlFKULg==";
    assert_eq!(value(deletion), json!({"$kind": "-D", "f0": "x"}));
}

#[test]
fn times_say_how_far_they_are_from_utc() {
    let utc = "gASVVwAAAAAAAACMCGRhdGV0aW1llIwIZGF0ZXRpbWWUk5RDCgfqCxYDBAUAAACUaACMCHRpbWV6b25llJOUaACMCXRpbWVkZWx0YZSTlEsASw\
BLAIeUUpSFlFKUhpRSlC4=";
    assert_eq!(value(utc), json!("2026-11-22T03:04:05Z"));
    let west = "gASVXQAAAAAAAACMCGRhdGV0aW1llIwIZGF0ZXRpbWWUk5RDCgfqCxYDBAUAAACUaACMCHRpbWV6b25llJOUaACMCXRpbWVkZWx0YZSTlEr///\
//SlguAQBLAIeUUpSFlFKUhpRSlC4=";
    assert_eq!(value(west), json!("2026-11-22T03:04:05-02:30"));
    let length = "gASVJwAAAAAAAACMCGRhdGV0aW1llIwJdGltZWRlbHRhlJOUSv////9LBUsHh5RSlC4=";
    assert_eq!(value(length), json!("PT-23H-59M-54.999993S"));
}

#[test]
fn a_call_of_what_another_call_gives_is_shown_as_one() {
    let zone = b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x08zoneinfo\x8c\x08ZoneInfo\x93\x8c\x09_unpickle\x86R\x8c\x03UTC\x88\x86R.";
    let found: Value = serde_json::from_str(&text(zone).unwrap()).unwrap();
    let getter =
        json!({"$class": "builtins.getattr", "args": [{"$class": "zoneinfo.ZoneInfo"}, "_unpickle"]});
    assert_eq!(found, json!({"$call": getter, "args": ["UTC", true]}));
}

#[test]
fn objects_of_other_classes_say_how_they_would_be_made() {
    let thing = "gASVHgAAAAAAAACMA2pvYpSMBVRoaW5nlJOUKYGUfZSMAWGUSwFzYi4=";
    assert_eq!(value(thing), json!({"$class": "job.Thing", "state": {"a": 1}}));
    let ordered = "gASVKQAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpSMAWGUSwFzLg==";
    assert_eq!(value(ordered), json!({"$class": "collections.OrderedDict", "items": {"a": 1}}));
    let deque = "gASVHwAAAAAAAACMC2NvbGxlY3Rpb25zlIwFZGVxdWWUk5QpUpRLAWEu";
    assert_eq!(value(deque), json!({"$class": "collections.deque", "items": [1]}));
}

#[test]
fn dictionaries_whose_keys_could_be_mistaken_are_pairs() {
    assert_eq!(value("gASVCgAAAAAAAAB9lEsBjAFhlHMu"), json!([[1, "a"]]));
    assert_eq!(value("gASVCwAAAAAAAAB9lIwCJGGUSwFzLg=="), json!([["$a", 1]]));
    let twice = b"\x80\x04}(\x8c\x01aK\x01\x8c\x01aK\x02u.";
    assert_eq!(text(twice).unwrap(), r#"[["a",1],["a",2]]"#);
}

#[test]
fn integers_are_numbers_up_to_64_bits_and_strings_where_that_is_asked_for() {
    let bounds =
        decoded("gASVNwAAAAAAAABdlCiKCP////////9/igkAAAAAAAAAgACKCAAAAAAAAACAign/////////f/+KBgAAAAAAAWUu");
    let numbers = r#"[9223372036854775807,"9223372036854775808",-9223372036854775808,"-9223372036854775809",1099511627776]"#;
    assert_eq!(text(&bounds).unwrap(), numbers);
    assert_eq!(text_with(b"\x80\x04]K\x07a.", Int64Style::String).unwrap(), r#"["7"]"#);
    let long =
        |bytes: usize| [b"\x80\x04\x8b", &(bytes as u32).to_le_bytes()[..], &vec![1; bytes], b"."].concat();
    assert_eq!(text(&long(2048)).unwrap().len(), 4930 + 2);
    assert_eq!(text(&long(2049)), None);
}

#[test]
fn arguments_that_are_named_are_shown_by_their_names() {
    let keywords = "gASVHQAAAAAAAACMA2pvYpSMAkt3lJOUSwGFlH2UjAFilEsCc5KULg==";
    assert_eq!(value(keywords), json!({"$class": "job.Kw", "args": [1], "kwargs": {"b": 2}}));
}

#[test]
fn what_would_be_shown_without_a_part_of_it_is_left_alone() {
    // A class that takes its state by a function: `setter(object, state)`, whose result is thrown away.
    assert_eq!(
        text(&decoded("gASVMAAAAAAAAACMA2pvYpSMBlNldHRlcpSTlClSlGgAjAZzZXR0ZXKUk5RoA32UjAFhlEsBc4ZSMC4=")),
        None
    );
    let object = b"\x80\x04\x8c\x01m\x8c\x01C\x93)R";
    for (rest, shown) in [
        (&b"K\x01b."[..], Some(r#"{"$class":"m.C","state":1}"#)),
        (b"K\x01bK\x02b.", None),
        (b"K\x01aK\x02K\x03s.", None),
    ] {
        assert_eq!(text(&[&object[..], rest].concat()).as_deref(), shown, "{rest:?}");
    }
}

#[test]
fn a_pickle_behind_its_length_is_one_and_behind_another_number_is_none() {
    let pickle = decoded(EVERY_KIND);
    let behind = |length: usize| [&(length as u32).to_be_bytes()[..], &pickle].concat();
    assert_eq!(text(&behind(pickle.len())), text(&pickle));
    assert_eq!(text(&behind(pickle.len() + 1)), None);
}

#[test]
fn several_pickles_behind_their_lengths_are_shown_together_or_not_at_all() {
    let two = b"\0\0\0\x05\x80\x04K\x07.\0\0\0\x04\x80\x04N.";
    assert_eq!(text(two).unwrap(), "\"$pickles\":[7,null]");
    assert_eq!(text(&two[..two.len() - 1]), None);
    assert_eq!(text(&[&two[..], b"."].concat()), None);
}

#[test]
fn what_is_not_a_pickle_to_its_last_byte_is_left_alone() {
    let pickle = decoded(EVERY_KIND);
    for end in 0..pickle.len() {
        assert_eq!(text(&pickle[..end]), None, "{end} bytes");
    }
    for bytes in [
        &[&pickle[..], b"."].concat()[..],
        b"\x80\x06N.",
        b"\x80\x01N.",
        b"\x80\x04.",
        b"\x80\x04NN.",
        b"\x80\x04(N.",
    ] {
        assert_eq!(text(bytes), None, "{bytes:?}");
    }
}

#[test]
fn any_changed_byte_is_still_json_or_left_alone() {
    let pickle = decoded(EVERY_KIND);
    for place in 0..pickle.len() {
        for bit in 0..8 {
            let mut bytes = pickle.clone();
            bytes[place] ^= 1 << bit;
            if let Some(text) = text(&bytes) {
                serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            }
        }
    }
}

#[test]
fn a_list_that_holds_itself_and_one_too_deep_are_left_alone() {
    assert_eq!(text(&decoded("gASVBgAAAAAAAABdlGgAYS4=")), None);
    let deep = |depth: usize| [&b"\x80\x04)"[..], &vec![0x85; depth], b"."].concat();
    assert_eq!(text(&deep(3)).unwrap(), "[[[[]]]]");
    assert_eq!(text(&deep(100_000)), None);
}

#[test]
fn few_bytes_do_not_become_many() {
    // Each level is a tuple of three times the one below: 3^60 nodes, were they written.
    let level = [0x94, b'2', b'2', 0x87];
    let bomb = [&b"\x80\x04)"[..], &level.repeat(60), b"."].concat();
    assert_eq!(text(&bomb), None);
    let behind = [&(bomb.len() as u32).to_be_bytes()[..], &bomb].concat();
    assert_eq!(text(&behind.repeat(500)), None);
    let small = |levels: usize| text(&[&b"\x80\x04)"[..], &level.repeat(levels), b"."].concat());
    assert_eq!(small(2).unwrap(), "[[[],[],[]],[[],[],[]],[[],[],[]]]");
    assert_eq!(small(10), None);
}
