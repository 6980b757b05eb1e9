//! Where the entries of a heap file end whose values do not tell: by where the next ones begin.
//!
//! ```text
//! … value of unknown length │ namespace │ key │ value … │ i16 state │ i32 n │ namespace │ key │ …
//!                           └ head: decodes, and its hash gives this key group
//!                                                       └ a state not seen yet in this key group
//! ```
//!
//! A heap file has no lengths, so the end of a value that only the job's own classes understand cannot be
//! read. It can be inferred. What a division of a key group's bytes has to satisfy, all of it by how Flink
//! writes them:
//!
//! - an entry begins with a namespace and a key that decode, and the key's hash gives this key group;
//! - no namespace and key come twice in a state, and no key is null;
//! - the first bytes of its value are such as the serializer writes, of Kryo those of a class it may name;
//! - each state has as many entries as stand before them, the next state follows the last, every state comes
//!   once, and in the same order in all key groups of a file;
//! - compressed, each state is a stream of its own, which shows where it begins;
//! - the last state ends where the key group does.
//!
//! The true division satisfies them all, so that if one alone does, it is the true one. If several do, one
//! thing more is asked, which Flink does not promise: that what Kryo wrote and is not understood is of classes
//! that the job registered, or that are named; and not of one that Kryo, Chill or Scala bring along. What then
//! is not unique is uncertain, and nothing of it is shown.
//!
//! # Source
//! Flink, `HeapSnapshotStrategy` (the loop over key groups, in it over the map of states),
//! `CopyOnWriteStateMapSnapshot.writeState`, `VoidNamespaceSerializer`, `GlobalWindow.Serializer`.

mod chain;
mod probe;
mod search;

use std::sync::Arc;

use super::blocks::{Block, KeyedFile};
use super::window::Window;
use probe::Probe;
use search::{Bounds, Search};

/// A key group that is larger is not searched: its bytes have to be in memory.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// More states are not told apart.
const MAX_STATES: usize = 64;
/// Key groups from which the order of the states is learnt: small ones, which have few entries or none.
const MAX_TEACHERS: usize = 4;
/// A key group from which the order is learnt has no more bytes.
const MAX_TEACHER_BYTES: u64 = 64 << 10;

/// Why nothing is known of the ends.
pub(super) type Uncertain = &'static str;

/// Finds the ends of entries in one file.
pub(super) struct Cuts {
    /// One for each state; `None` for one that is not understood at all.
    probes: Vec<Option<Probe>>,
    /// The numbers of the states in the order in which they follow each other, where it is known.
    order: Option<Vec<u16>>,
}

/// The rest of a key group, from a value on whose end is not known.
pub(super) struct Rest<'a> {
    /// The bytes to the key group's end.
    pub(super) bytes: &'a [u8],
    /// The key group.
    pub(super) key_group: u16,
    /// The state that is being read.
    pub(super) state: u16,
    /// Its entries that are not read, the first of which is the one of unknown length.
    pub(super) entries: u32,
    /// The bytes begin inside this entry, at an element of its list or map.
    pub(super) inside: bool,
    /// States of the key group that were not begun: a bit for each number.
    pub(super) left: u64,
    /// Where compressed streams begin behind the first byte; `None` if nothing is compressed.
    pub(super) streams: Option<Vec<usize>>,
}

impl Cuts {
    /// For a file of which some block was not understood.
    pub(super) fn new(file: &KeyedFile) -> Result<Self, Uncertain> {
        if file.header.states.len() > MAX_STATES {
            return Err("there are more than 64 states");
        }
        let probes = file.header.states.iter().map(|state| Probe::new(file, state).ok());
        let mut cuts = Self { probes: probes.collect(), order: None };
        cuts.order = cuts.learn_order(file);
        Ok(cuts)
    }

    /// Where each entry ends, from the first that was not read to the last of the key group. A state that is
    /// not understood at all counts as one entry.
    pub(super) fn ends(&mut self, rest: &Rest<'_>) -> Result<Vec<usize>, Uncertain> {
        let bounds = Bounds { key_group: rest.key_group, streams: rest.streams.as_deref() };
        let mut uncertain = "";
        for of_the_job in [false, true] {
            let mut search =
                Search::new(rest.bytes, &bounds, &mut self.probes, self.order.as_deref(), of_the_job);
            match search.rest(rest) {
                Ok(ends) => return Ok(ends),
                Err(why) => uncertain = why,
            }
        }
        Err(uncertain)
    }

    /// The order of the states in the first small key group that can be divided in one way only.
    fn learn_order(&mut self, file: &KeyedFile) -> Option<Vec<u16>> {
        let mut blocks: Vec<Block> = file.blocks.to_vec();
        blocks.sort_by_key(|block| (block.end - block.start, block.start));
        blocks.truncate(MAX_TEACHERS);
        blocks.into_iter().find_map(|block| self.order_in(file, block))
    }

    fn order_in(&mut self, file: &KeyedFile, block: Block) -> Option<Vec<u16>> {
        if block.end - block.start > MAX_TEACHER_BYTES {
            return None;
        }
        let source = Arc::clone(&file.source);
        let mut window = Window::new(source, block.start + 4, block.end, file.header.compressed);
        window.fill(MAX_BYTES).ok().filter(|whole| *whole)?;
        let streams = window.streams();
        let bounds = Bounds { key_group: block.key_group, streams: streams.as_deref() };
        Search::new(window.available(), &bounds, &mut self.probes, None, false).order()
    }
}

#[cfg(test)]
mod tests;
