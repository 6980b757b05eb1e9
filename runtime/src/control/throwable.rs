//! A failure as Flink's client expects it: a Java object, serialized.
//!
//! Flink's REST answers carry failures twice, as text and as a serialized `SerializedThrowable`, and its client
//! reads the second alone. This writes such an object with a message and without a stack.
//!
//! ```text
//! stream header │ object ─ class SerializedThrowable ─► Exception ─► Throwable
//!               │ cause null, message, stack null, suppressed null, end
//!               │ text of the stack, name of the class, byte[0]
//! ```
//!
//! # Source
//! Java Object Serialization Specification, chapter 6; Flink 2.1, `SerializedThrowable`, for names and numbers.

const HEADER: [u8; 4] = [0xac, 0xed, 0x00, 0x05];
const NULL: u8 = 0x70;
const CLASS: u8 = 0x72;
const OBJECT: u8 = 0x73;
const STRING: u8 = 0x74;
const ARRAY: u8 = 0x75;
const END: u8 = 0x78;
const SERIALIZABLE: u8 = 0x02;
const WITH_WRITE_METHOD: u8 = 0x03;

/// A string has at most 65,535 bytes here, and a unit of it at most 3.
const MAX_UNITS: usize = 21_000;

/// The object with this message.
pub(super) fn serialize(message: &str) -> Vec<u8> {
    let mut object = Stream(HEADER.to_vec());
    object.byte(OBJECT);
    object.class(
        "org.apache.flink.util.SerializedThrowable",
        0x6516_9df5_1fa7_13f3,
        SERIALIZABLE,
        &[
            ("fullStringifiedStackTrace", "Ljava/lang/String;"),
            ("originalErrorClassName", "Ljava/lang/String;"),
            ("serializedException", "[B"),
        ],
    );
    object.class("java.lang.Exception", 0xd0fd_1f3e_1a3b_1cc4, SERIALIZABLE, &[]);
    object.class(
        "java.lang.Throwable",
        0xd5c6_3527_3977_b8cb,
        WITH_WRITE_METHOD,
        &[
            ("cause", "Ljava/lang/Throwable;"),
            ("detailMessage", "Ljava/lang/String;"),
            ("stackTrace", "[Ljava/lang/StackTraceElement;"),
            ("suppressedExceptions", "Ljava/util/List;"),
        ],
    );
    object.byte(NULL);
    object.byte(NULL);
    object.string(message);
    object.bytes(&[NULL, NULL, END]);
    object.string(message);
    object.string("org.apache.flink.util.FlinkException");
    object.byte(ARRAY);
    object.class("[B", 0xacf3_17f8_0608_54e0, SERIALIZABLE, &[]);
    object.bytes(&[NULL, 0, 0, 0, 0]);
    object.0
}

struct Stream(Vec<u8>);

impl Stream {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Describes a class; that of its parent, or a null, follows.
    fn class(&mut self, name: &str, version: u64, flags: u8, fields: &[(&str, &str)]) {
        self.byte(CLASS);
        self.utf(name);
        self.bytes(&version.to_be_bytes());
        self.byte(flags);
        self.bytes(&(fields.len() as u16).to_be_bytes());
        for (name, ty) in fields {
            self.bytes(ty.as_bytes().get(..1).unwrap_or_default());
            self.utf(name);
            self.string(ty);
        }
        self.byte(END);
    }

    fn string(&mut self, text: &str) {
        self.byte(STRING);
        self.utf(text);
    }

    /// Length and bytes in Java's own UTF-8: each UTF-16 unit by itself, NUL in two bytes.
    fn utf(&mut self, text: &str) {
        let mut bytes = Vec::new();
        for unit in text.encode_utf16().take(MAX_UNITS) {
            let low = |shift: u16| 0x80 | (unit >> shift & 0x3f) as u8;
            match unit {
                0x01..=0x7f => bytes.push(unit as u8),
                0 | 0x80..=0x7ff => bytes.extend([0xc0 | (unit >> 6) as u8, low(0)]),
                _ => bytes.extend([0xe0 | (unit >> 12) as u8, low(6), low(0)]),
            }
        }
        self.bytes(&(bytes.len() as u16).to_be_bytes());
        self.bytes(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stream was read by Flink 2.1's client, which printed the message.
    #[test]
    fn the_bytes_are_those_that_flink_reads() {
        let bytes = serialize("a\u{0}\u{e4}\u{1f980}");
        let message = [0x74, 0, 11, b'a', 0xc0, 0x80, 0xc3, 0xa4, 0xed, 0xa0, 0xbe, 0xed, 0xb6, 0x80];
        assert!(
            bytes.starts_with(b"\xac\xed\0\x05sr\0)org.apache.flink.util.SerializedThrowablee\x16\x9d\xf5")
        );
        assert_eq!(bytes.windows(message.len()).filter(|window| *window == message).count(), 2);
        assert!(bytes.ends_with(&[0x02, 0, 0, END, NULL, 0, 0, 0, 0]));
        let long = serialize(&"x".repeat(1 << 20));
        assert!(long.len() < 3 * 21_000);
    }
}
