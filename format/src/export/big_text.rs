//! Integers and decimals beyond 64 bits as decimal digits, scale kept.

use super::json_text::write_display;

/// Two's complement, big-endian bytes up to this length become digits; the work grows with its square.
pub(crate) const BIG_INTEGER_BYTES: usize = 1 << 14;

/// Digits with a point before the last `scale` of them: `-0.05`, `120.00`.
pub(crate) fn write_plain(digits: &str, scale: usize, out: &mut Vec<u8>) {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    if scale == 0 {
        return write_display(format_args!("{sign}{digits}"), out);
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    write_display(format_args!("{sign}{whole}.{fraction}"), out);
}

/// A decimal that brings its own scale, as Java's `BigDecimal.toString` prints it: scale can be read off it.
pub(crate) fn write_scaled(digits: &str, scale: i32, out: &mut Vec<u8>) {
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", digits),
    };
    let exponent = magnitude.len() as i64 - 1 - i64::from(scale);
    if let (Ok(scale), -6..) = (usize::try_from(scale), exponent) {
        return write_plain(digits, scale, out);
    }
    let (first, rest) = magnitude.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    write_display(format_args!("{sign}{first}{point}{rest}E{exponent:+}"), out);
}

/// The digits of a two's complement, big-endian integer of at most [`BIG_INTEGER_BYTES`].
pub(crate) fn integer_digits(bytes: &[u8]) -> Option<String> {
    if bytes.len() > BIG_INTEGER_BYTES {
        return None;
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut words = magnitude(bytes, negative);
    let mut chunks = Vec::new();
    while !words.is_empty() {
        chunks.push(divide(&mut words));
    }
    let mut text = String::from(if negative { "-" } else { "" });
    text += &chunks.pop().unwrap_or(0).to_string();
    chunks.iter().rev().for_each(|chunk| text += &format!("{chunk:09}"));
    Some(text)
}

/// The absolute value as 32 bit words, most significant first, without leading zeros.
fn magnitude(bytes: &[u8], negative: bool) -> Vec<u32> {
    let fill = if negative { 0xff } else { 0 };
    let padding = bytes.len().next_multiple_of(4) - bytes.len();
    let padded: Vec<u8> = std::iter::repeat_n(fill, padding).chain(bytes.iter().copied()).collect();
    let mut words: Vec<u32> =
        padded.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
    if negative {
        negate(&mut words);
    }
    let zeros = words.iter().take_while(|word| **word == 0).count();
    words.drain(..zeros);
    words
}

/// Two's complement: every bit turned, then one added from the least significant word on.
fn negate(words: &mut [u32]) {
    let mut carry = true;
    for word in words.iter_mut().rev() {
        let (sum, overflow) = (!*word).overflowing_add(u32::from(carry));
        *word = sum;
        carry = overflow;
    }
}

/// Divides by 10⁹ in place and returns the remainder: the lowest nine digits.
fn divide(words: &mut Vec<u32>) -> u32 {
    let mut remainder = 0u64;
    for word in words.iter_mut() {
        let value = remainder << 32 | u64::from(*word);
        *word = (value / 1_000_000_000) as u32;
        remainder = value % 1_000_000_000;
    }
    let zeros = words.iter().take_while(|word| **word == 0).count();
    words.drain(..zeros);
    remainder as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_of_any_length_become_their_digits() {
        for number in [0, 1, -1, 255, -256, 1_000_000_000, -1_000_000_001, i128::MAX, i128::MIN] {
            assert_eq!(integer_digits(&number.to_be_bytes()).unwrap(), number.to_string());
        }
        assert_eq!(integer_digits(&[0x80]).unwrap(), "-128");
        assert_eq!(integer_digits(&[]).unwrap(), "0");
        assert_eq!(integer_digits(&[0; BIG_INTEGER_BYTES + 1]), None);
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (digits, scale, plain) in
            [("5", 2, "0.05"), ("-5", 2, "-0.05"), ("12000", 2, "120.00"), ("0", 1, "0.0")]
        {
            assert_eq!(text(|out| write_plain(digits, scale, out)), plain);
        }
    }

    #[test]
    fn big_decimals_look_as_in_java() {
        // Printed by `new BigDecimal(new BigInteger(digits), scale)`, examples of its documentation.
        for (digits, scale, java) in [
            ("123", 0, "123"),
            ("-123", 0, "-123"),
            ("123", -1, "1.23E+3"),
            ("123", -3, "1.23E+5"),
            ("123", 1, "12.3"),
            ("123", 5, "0.00123"),
            ("123", 10, "1.23E-8"),
            ("-123", 12, "-1.23E-10"),
            ("5", 7, "5E-7"),
            ("0", i32::MIN, "0E+2147483648"),
        ] {
            assert_eq!(text(|out| write_scaled(digits, scale, out)), java);
        }
    }
}
