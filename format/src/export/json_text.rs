//! Appends the atoms of JSON to a buffer: strings, numbers, bytes.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::json_value::JsonOptions;
use super::pickle;

/// A string in quotes, with the escapes JSON demands and no others.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// A member's name and the colon after it; a name that begins with `$` gets a second one.
pub(crate) fn write_name(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if name.starts_with('$') {
        out.push(b'$');
    }
    write_escaped(name, out);
    out.extend_from_slice(b"\":");
}

/// The inside of a string.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(index) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(index);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        match characters.next() {
            Some('"') => out.extend_from_slice(b"\\\""),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some('\n') => out.extend_from_slice(b"\\n"),
            Some('\r') => out.extend_from_slice(b"\\r"),
            Some('\t') => out.extend_from_slice(b"\\t"),
            Some(control) => write_display(format_args!("\\u{:04x}", u32::from(control)), out),
            None => {}
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

/// An integer of any size.
pub(crate) fn write_integer(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The shortest digits that read back as the same number; a string for what JSON has no number for.
macro_rules! write_float {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(number: $type, out: &mut Vec<u8>) {
            if number.is_nan() {
                out.extend_from_slice(b"\"NaN\"");
            } else if number.is_infinite() {
                out.extend_from_slice(if number > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
            } else {
                write_display(format_args!("{number:?}"), out);
            }
        }
    };
}

write_float!(write_f32, f32);
write_float!(write_f64, f64);

/// `{"$bytes":"base64"}`; before it what the bytes say, if they are a pickle: `{"$pickle":…,"$bytes":"base64"}`.
pub(crate) fn write_bytes(bytes: &[u8], options: JsonOptions, out: &mut Vec<u8>) {
    out.push(b'{');
    pickle::write_member("$", bytes, options, out);
    out.extend_from_slice(b"\"$bytes\":");
    write_base64(bytes, out);
    out.push(b'}');
}

/// `{"$opaque":{"class":"…","bytes":"base64"}}`; before that `"pickle":…`, if the bytes are one.
pub(crate) fn write_opaque(class: &str, bytes: &[u8], options: JsonOptions, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$opaque\":{");
    pickle::write_member("", bytes, options, out);
    out.extend_from_slice(b"\"class\":");
    write_string(class, out);
    out.extend_from_slice(b",\"bytes\":");
    write_base64(bytes, out);
    out.extend_from_slice(b"}}");
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}

/// Formatted text, as it is. Writing to memory cannot fail.
pub(crate) fn write_display(text: impl std::fmt::Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn any_string_reads_back_as_itself() {
        let every_control: String = (0..0x80u8).map(char::from).collect();
        for text in ["", "a/b", "结果", "\"\\\u{7}\n", "tail\"", every_control.as_str(), "😀\u{2028}"] {
            let json = written(|out| write_string(text, out));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn floats_read_back_to_the_bit() {
        for number in [0.0, -0.0, 0.1, 1e300, 5e-324, f64::MAX, 1e15, 123_456_789.123] {
            let json = written(|out| write_f64(number, out));
            assert_eq!(json.parse::<f64>().unwrap().to_bits(), number.to_bits(), "{json}");
            assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap().is_number(), "{json}");
        }
        assert_eq!(written(|out| write_f32(0.1, out)), "0.1");
        assert_eq!(written(|out| write_f64(f64::NAN, out)), "\"NaN\"");
        assert_eq!(written(|out| write_f64(f64::NEG_INFINITY, out)), "\"-Infinity\"");
    }

    #[test]
    fn a_name_that_begins_with_a_dollar_gets_a_second_one() {
        assert_eq!(written(|out| write_name("$kind", out)), "\"$$kind\":");
        assert_eq!(written(|out| write_name("a$", out)), "\"a$\":");
    }
}
