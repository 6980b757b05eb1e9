//! Python's pickles, read as data: shown beside the bytes they are, since nobody reads base64.
//!
//! ```text
//! bytes ──► machine: opcodes, stack, memo ──► nodes ──► text: JSON
//! ```
//!
//! A pickle is a program for a small machine that may call anything. This one calls nothing: a call is a node
//! that says what would be called. Bytes count as a pickle if they are one from the first byte to the last; or if
//! they are one or several, each behind its length, as PyFlink's coders write them. All others are left alone.
//!
//! # Source
//! Python, `pickletools`: protocols 2 to 5, of which the opcodes that picklers write.

mod known;
mod machine;
mod text;

use machine::Pickle;

use super::json_text::write_display;
use super::json_value::{JsonOptions, PickleStyle};

/// Longer pickles are not shown: a node takes some 64 times as much memory as the least opcode.
const MAX_BYTES: usize = 1 << 18;
/// Longer texts are not shown.
const MAX_TEXT: usize = 1 << 20;
/// Nor those that are so many times as long as their bytes: objects that are shared are written again and again.
const MAX_GROWTH: usize = 64;

/// Appends the member `pickle`, and a comma, with what the bytes hold, or `pickles` if they are several; nothing
/// if they are none, or more than a person would read. `mark` is what its name begins with.
pub(super) fn write_member(mark: &str, bytes: &[u8], options: JsonOptions, out: &mut Vec<u8>) {
    let start = out.len();
    // Bytes inside a pickle are bytes, whatever they hold.
    let inside = JsonOptions { pickles: PickleStyle::Bytes, ..options };
    if options.pickles == PickleStyle::Shown && member(mark, bytes, inside, out).is_none() {
        out.truncate(start);
    }
}

fn member(mark: &str, bytes: &[u8], options: JsonOptions, out: &mut Vec<u8>) -> Option<()> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let end = out.len() + MAX_TEXT.min(bytes.len() * MAX_GROWTH);
    let write = |pickle: &[u8], out: &mut Vec<u8>| text::write(&Pickle::read(pickle)?, options, end, out);
    if is_bare(bytes) {
        write_display(format_args!("\"{mark}pickle\":"), out);
        write(bytes, out)?;
    } else {
        let (first, mut rest) = sized(bytes)?;
        let (name, close) = if rest.is_empty() { ("pickle\":", "") } else { ("pickles\":[", "]") };
        write_display(format_args!("\"{mark}{name}"), out);
        write(first, out)?;
        while !rest.is_empty() {
            let (next, behind) = sized(rest)?;
            out.push(b',');
            write(next, out)?;
            rest = behind;
        }
        out.extend_from_slice(close.as_bytes());
    }
    out.push(b',');
    Some(())
}

/// Whether this may be a pickle. Most bytes are told from one by the first two.
fn is_bare(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, .., b'.'])
}

/// `u32 length`, what may be a pickle, and what follows it.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (pickle, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    is_bare(pickle).then_some((pickle, rest))
}

#[cfg(test)]
mod tests;
