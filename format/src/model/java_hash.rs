//! Java's `String.hashCode`, the one hash that cannot be computed from a number in passing.

/// `s[0]·31^(n-1) + … + s[n-1]` over the UTF-16 units of `text`, wrapping.
#[inline(always)]
pub fn java_hash_string(text: &str) -> i32 {
    java_hash_with(text, |_| ())
}

/// [`java_hash_string`], and another hash in the same pass: `other` gets the text as numbers of at most eight bytes
/// each. They are the same only for texts that differ in zeros in front of them.
#[inline(always)]
pub fn java_hash_with(text: &str, mut other: impl FnMut(u64)) -> i32 {
    let (front, eights) = text.as_bytes().as_rchunks::<8>();
    let front = number_of(front);
    other(front);
    let (hash, all) = eights.iter().fold((hash_of_eight(front), front), |(hash, all), eight| {
        let eight = u64::from_le_bytes(*eight);
        other(eight);
        (hash.wrapping_mul(31i32.wrapping_pow(8)).wrapping_add(hash_of_eight(eight)), all | eight)
    });
    if all & NOT_ASCII == 0 { hash } else { java_hash_beyond_ascii(text) }
}

#[cold]
fn java_hash_beyond_ascii(text: &str) -> i32 {
    java_hash_utf16(text.encode_utf16())
}

/// The bits that no byte of ASCII has.
const NOT_ASCII: u64 = 0x8080_8080_8080_8080;

/// Fewer than eight bytes, with zeros in front, as a little-endian number. Zeros in front of a text do not change its
/// hash.
#[inline]
fn number_of(bytes: &[u8]) -> u64 {
    let bits = 8 * bytes.len() as u32;
    // Both ends of it, one over the other: no loop, whose end the processor could not foresee.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u64::from(first).rotate_right(bits) | u64::from(last) << 32
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u16::from_le_bytes(*first), u16::from_le_bytes(*last));
        u64::from(first).rotate_right(bits) | u64::from(last) << 48
    } else {
        bytes.first().map_or(0, |byte| u64::from(*byte) << 56)
    }
}

/// The hash of eight characters of ASCII: of all pairs at once, of both fours, of the whole.
#[inline]
fn hash_of_eight(text: u64) -> i32 {
    const PAIRS: u64 = 0x00ff_00ff_00ff_00ff;
    const FOURS: u64 = 0x0000_ffff_0000_ffff;
    let pairs = (text & PAIRS) * 31 + (text >> 8 & PAIRS);
    let fours = (pairs & FOURS) * 31u64.pow(2) + (pairs >> 16 & FOURS);
    // The upper half of the product is the sum of the upper four and 31^4 times the lower one.
    (fours.wrapping_mul(31u64.pow(4) << 32 | 1) >> 32) as i32
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
        for text in ["é", "abcdefghé", "éabcdefgh", "a\u{80}bcdefgh", "abcdefgh\u{7f}ijklmnopé"] {
            assert_eq!(java_hash_string(text), java_hash_utf16(text.encode_utf16()), "{text:?}");
        }
        assert_eq!(java_hash_string("😀"), java_hash_utf16([0xd83d, 0xde00]));
        assert_eq!(java_hash_string("😀"), 0xd83d * 31 + 0xde00);
    }
}
