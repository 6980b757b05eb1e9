//! Two ways to find the words of a line. Which one a job takes is its author's affair; that it shows is told by 0007 in
//! `docs/decisions`.

/// Finds words.
pub trait Split: 'static {
    /// Which way.
    const NAME: &'static str;

    /// The words between single spaces.
    fn words(line: &str) -> impl Iterator<Item = &str>;
}

/// As the standard library does: a branch for each byte, and the one at a word's end is not foreseen.
pub struct Bytewise;

impl Split for Bytewise {
    const NAME: &'static str = "byte by byte";

    fn words(line: &str) -> impl Iterator<Item = &str> {
        line.split_ascii_whitespace()
    }
}

/// As `String.split` does in Java: several bytes are compared at once.
pub struct Eights;

impl Split for Eights {
    const NAME: &'static str = "by eight bytes";

    fn words(line: &str) -> impl Iterator<Item = &str> {
        Words(Some(line))
    }
}

/// What is left of a line.
struct Words<'a>(Option<&'a str>);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let end = first_space(rest.as_bytes());
        self.0 = end.and_then(|end| rest.get(end + 1..));
        end.map_or(Some(rest), |end| rest.get(..end))
    }
}

/// Where the first space is.
#[inline]
fn first_space(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut at = 0;
    while let Some(eight) = text.get(at..)?.first_chunk() {
        let rest = u64::from_le_bytes(*eight) ^ (ONES * u64::from(b' '));
        // The lowest bit that is set belongs to the first byte that is zero.
        let zeros = rest.wrapping_sub(ONES) & !rest & (ONES << 7);
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    rest.iter().position(|byte| *byte == b' ').map(|place| at + place)
}
