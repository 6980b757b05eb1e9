//! The base under the changes.

use spt_format::Result;

use super::overlay::{Effect, Overlay};
use crate::keyed::{Entries, join};

/// The entries of one state: those of the base as the changes left them, and those only the changes have.
///
/// They come by key group; in it those of the base first. A base that has entries of an earlier key group
/// behind those of a later one is an error of whoever composed it.
pub(crate) struct ChangelogEntries {
    base: Box<dyn Entries>,
    overlay: Overlay,
    /// The base stands at an entry that was not looked at.
    waiting: bool,
    ended: bool,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl ChangelogEntries {
    /// `base` under `overlay`.
    pub(crate) fn new(base: Box<dyn Entries>, overlay: Overlay) -> Self {
        Self { base, overlay, waiting: false, ended: false, key: Vec::new(), value: Vec::new() }
    }

    /// The first entry that only the changes have, of a key group the base is done with.
    fn of_changes_alone(&mut self) -> Option<(Vec<u8>, Effect)> {
        let first = self.overlay.effects.first_entry()?;
        let parts = &self.overlay.parts;
        let passed = self.ended || parts.key_group(first.key()) < parts.key_group(self.base.key());
        passed.then(|| first.remove_entry())
    }

    /// Takes the base's entry as the changes left it. False if they left nothing.
    fn take_base(&mut self) -> bool {
        let key = self.base.key();
        self.value.clear();
        match self.overlay.effects.remove(key) {
            Some(Effect::Removed) => return false,
            Some(Effect::Set(value)) => self.value = value,
            Some(Effect::Appended(more)) => {
                self.value.extend_from_slice(self.base.value());
                join(&mut self.value, &more);
            }
            None if self.overlay.is_cleared(key) => return false,
            None => self.value.extend_from_slice(self.base.value()),
        }
        self.key.clear();
        self.key.extend_from_slice(key);
        true
    }
}

impl Entries for ChangelogEntries {
    fn advance(&mut self) -> Result<bool> {
        loop {
            if !self.waiting && !self.ended {
                // Behind damage of the base, changes alone would pass for the whole.
                self.ended = true;
                let found = self.base.advance().inspect_err(|_| self.overlay.effects.clear())?;
                (self.waiting, self.ended) = (found, !found);
            }
            match self.of_changes_alone() {
                Some((_, Effect::Removed)) => continue,
                Some((key, Effect::Set(value) | Effect::Appended(value))) => {
                    (self.key, self.value) = (key, value);
                    return Ok(true);
                }
                None if self.ended => return Ok(false),
                None => self.waiting = false,
            }
            if self.take_base() {
                return Ok(true);
            }
        }
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn value(&self) -> &[u8] {
        &self.value
    }

    fn place(&self) -> String {
        format!("key group {}", self.overlay.parts.key_group(&self.key))
    }
}

#[cfg(test)]
mod tests;
