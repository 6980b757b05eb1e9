//! Serializer classes this reader does not know, in places where nothing says how long their snapshot is.
//!
//! A snapshot's body has no length, so what follows an unknown one has to be found: another snapshot, the
//! next serializer of the state, the next state, or the end of the header. Every such place is tried, in
//! order, and the first with which *everything* that follows can be read is taken:
//!
//! ```text
//! … known │ utf class, version │ ? ? ? ? │ utf "VALUE_SERIALIZER", i32 2, … │ next state │ end
//!                               └ guess ──┘
//! ```

use spt_format::{Cursor, Error, ErrorKind, Result};

use crate::java;

/// How often a header is read at most before its unknown parts are given up, and how many bytes that may be
/// together.
const MAX_ATTEMPTS: usize = 5_000;
const MAX_BYTES: usize = 64 << 20;
/// The keys of serializers in a state's header.
const SERIALIZER_KEYS: [&str; 4] =
    ["KEY_SERIALIZER", "NAMESPACE_SERIALIZER", "VALUE_SERIALIZER", "USER_KEY_SERIALIZER"];
/// The keys of options in a state's header.
const OPTION_KEYS: [&str; 2] = ["KEYED_STATE_TYPE", "OPERATOR_STATE_DISTRIBUTION_MODE"];

/// The lengths assumed for unknown bodies, in the order in which they are met.
#[derive(Debug, Default)]
pub(crate) struct Unknowns {
    assumed: Vec<usize>,
    met: usize,
    /// The first unknown body for which nothing is assumed yet: its position, and the error for it.
    open: Option<(usize, Error)>,
}

impl Unknowns {
    /// How long the unknown body is that begins at the cursor.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] while nothing is assumed; [`resynchronised`] then assumes something.
    pub(super) fn length(&mut self, cursor: &Cursor<'_>, class: &str) -> Result<usize> {
        let index = self.met;
        self.met += 1;
        match self.assumed.get(index) {
            Some(length) => Ok(*length),
            None => {
                let kind = || ErrorKind::Unsupported { what: format!("serializer {class}") };
                self.open = Some((cursor.position(), cursor.error(kind())));
                Err(cursor.error(kind()))
            }
        }
    }
}

/// Reads a section of whole headers, assuming lengths for unknown serializers until the section fits.
///
/// `read` has to consume the section to its end, or to fail. Without unknown serializers it runs once.
///
/// # Errors
/// That of `read`, if it fails for another reason; otherwise the one for the first unknown serializer.
pub(crate) fn resynchronised<'a, T>(
    section: &Cursor<'a>,
    mut read: impl FnMut(&mut Cursor<'a>, &mut Unknowns) -> Result<T>,
) -> Result<T> {
    let mut search = Search { stack: Vec::new(), first: None };
    let attempts = (MAX_BYTES / section.remaining().max(1)).clamp(10, MAX_ATTEMPTS);
    for _ in 0..attempts {
        let mut unknowns = Unknowns { assumed: search.assumed(), ..Unknowns::default() };
        let mut cursor = section.clone();
        let error = match read(&mut cursor, &mut unknowns) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match unknowns.open {
            Some((position, unknown)) => {
                search.first.get_or_insert(unknown);
                search.stack.push(Candidates::new(section, position));
            }
            None if search.stack.is_empty() => return Err(error),
            None => {}
        }
        if !search.advance() {
            break;
        }
    }
    Err(search.first.unwrap_or_else(|| section.invalid("unknown serializers")))
}

/// A depth-first search: one level for each unknown body.
struct Search {
    stack: Vec<Candidates>,
    first: Option<Error>,
}

impl Search {
    fn assumed(&self) -> Vec<usize> {
        self.stack.iter().map(|level| level.current).collect()
    }

    /// Goes to the next candidate, back to an earlier level where one has none left.
    fn advance(&mut self) -> bool {
        while let Some(level) = self.stack.last_mut() {
            match level.ends.pop() {
                Some(length) => {
                    level.current = length;
                    return true;
                }
                None => self.stack.pop(),
            };
        }
        false
    }
}

/// The lengths one unknown body may have, so that `pop` takes the best: the shortest first, but those with
/// another foreign class behind them last. Such a class is more often a part of the unknown one than its
/// neighbour.
struct Candidates {
    ends: Vec<usize>,
    current: usize,
}

impl Candidates {
    fn new(section: &Cursor<'_>, position: usize) -> Self {
        let bytes = section.rest().get(position - section.position()..).unwrap_or_default();
        let behind = |length: usize| bytes.get(length..).unwrap_or_default();
        let ends = (0..=bytes.len()).rev().filter(|length| is_anchor(behind(*length)));
        let (mut ends, own): (Vec<_>, Vec<_>) =
            ends.partition(|length| snapshot_class(behind(*length)).is_some_and(|class| is_foreign(&class)));
        ends.extend(own);
        Self { ends, current: 0 }
    }
}

/// Whether something recognisable begins here: directly, or behind a count of states.
fn is_anchor(bytes: &[u8]) -> bool {
    let counted = bytes.get(2..).is_some_and(|rest| rest.is_empty() || is_state(rest));
    bytes.is_empty()
        || counted
        || snapshot_class(bytes).is_some()
        || is_serializer_key(bytes)
        || is_state(bytes)
}

/// The class of the snapshot that begins here, if one does.
fn snapshot_class(bytes: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(bytes);
    let class = name(&mut cursor).ok()?;
    let known_end = ["Snapshot", "SnapshotV2", "SerializerConfig"].iter().any(|end| class.ends_with(end));
    let versioned = cursor.i32_be().is_ok_and(|version| (0..=4).contains(&version));
    (known_end && is_class_name(&class) && versioned).then_some(class)
}

fn is_foreign(class: &str) -> bool {
    !class.starts_with("org.apache.flink.")
}

fn is_class_name(name: &str) -> bool {
    let word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    name.contains('.') && name.split('.').all(word)
}

fn is_serializer_key(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes);
    name(&mut cursor).is_ok_and(|key| SERIALIZER_KEYS.contains(&key.as_str()))
}

/// `utf name | i32 state type | i32 options`, then a known option, or none and a known serializer.
fn is_state(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes);
    let mut read = || -> Result<bool> {
        name(&mut cursor)?;
        let state_type = cursor.i32_be()?;
        let options = cursor.i32_be()?;
        let known = match options {
            0 => (1..=4).contains(&cursor.i32_be()?) && is_serializer_key(cursor.rest()),
            _ => OPTION_KEYS.contains(&name(&mut cursor)?.as_str()),
        };
        Ok((0..=4).contains(&state_type) && (0..=4).contains(&options) && known)
    };
    read().unwrap_or(false)
}

/// A string, unless it is longer than any name: most bytes that are tried are no string at all.
fn name(cursor: &mut Cursor<'_>) -> Result<String> {
    match cursor.clone().u16_be()? {
        1..=1024 => java::utf(cursor, "name"),
        _ => Err(cursor.invalid("no name")),
    }
}
