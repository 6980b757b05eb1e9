//! Java's `String.hashCode`, the one hash that cannot be computed from a number in passing.

/// `s[0]·31^(n-1) + … + s[n-1]` over the UTF-16 units of `text`, wrapping.
pub fn java_hash_string(text: &str) -> i32 {
    if text.is_ascii() {
        return text.bytes().fold(0, |hash, byte| step(hash, u16::from(byte)));
    }
    java_hash_utf16(text.encode_utf16())
}

/// The same over units that need not be a valid string, as Java allows.
pub fn java_hash_utf16(units: impl IntoIterator<Item = u16>) -> i32 {
    units.into_iter().fold(0, step)
}

fn step(hash: i32, unit: u16) -> i32 {
    hash.wrapping_mul(31).wrapping_add(i32::from(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hash_as_in_java() {
        // Values printed by `"…".hashCode()` of a JDK.
        for (text, hash) in [("", 0), ("a", 97), ("hello", 99_162_322), ("polygenelubricants", i32::MIN)] {
            assert_eq!(java_hash_string(text), hash, "{text:?}");
        }
        assert_eq!(java_hash_string("😀"), java_hash_utf16([0xd83d, 0xde00]));
        assert_eq!(java_hash_string("😀"), 0xd83d * 31 + 0xde00);
    }
}
