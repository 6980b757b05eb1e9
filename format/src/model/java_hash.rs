//! Java's `String.hashCode`, the one hash that cannot be computed from a number in passing.

/// `s[0]·31^(n-1) + … + s[n-1]` over the UTF-16 units of `text`, wrapping.
#[inline]
pub fn java_hash_string(text: &str) -> i32 {
    if text.is_ascii() { java_hash_ascii(text.as_bytes()) } else { java_hash_utf16(text.encode_utf16()) }
}

/// Four characters at a step, so that a step does not wait for each of them.
#[inline]
fn java_hash_ascii(text: &[u8]) -> i32 {
    let (fours, rest) = text.as_chunks::<4>();
    let hash = fours.iter().fold(0i32, |hash, four| {
        let four = four.iter().fold(0, |hash, byte| step(hash, u16::from(*byte)));
        hash.wrapping_mul(31 * 31 * 31 * 31).wrapping_add(four)
    });
    rest.iter().fold(hash, |hash, byte| step(hash, u16::from(*byte)))
}

/// The same over units that need not be a valid string, as Java allows.
pub fn java_hash_utf16(units: impl IntoIterator<Item = u16>) -> i32 {
    units.into_iter().fold(0, step)
}

#[inline]
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
        let long = "the quick brown fox jumps over the lazy dog";
        for end in 0..long.len() {
            assert_eq!(java_hash_string(&long[..end]), java_hash_utf16(long[..end].encode_utf16()), "{end}");
        }
        assert_eq!(java_hash_string("😀"), java_hash_utf16([0xd83d, 0xde00]));
        assert_eq!(java_hash_string("😀"), 0xd83d * 31 + 0xde00);
    }
}
