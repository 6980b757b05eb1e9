//! The states that changes speak of, by the numbers the changes use.
//!
//! ```text
//! registration  u8 8 | i32 version | state | bool time to live [Java object] | bool default [value]
//!               | i16 number | u8 kind
//! ```
//!
//! A number means a state from its registration on; a job that was restored registers its states anew.

use std::collections::BTreeMap;

use spt_format::{Cursor, Error, ReadLimits, Result, ResultExt};

use super::log;
use crate::files::Files;
use crate::metadata::Changelog;
use crate::serializers::unknown::resynchronised;
use crate::state_meta::StateMeta;

/// The operation of a registration.
pub(super) const REGISTRATION: u8 = 8;

/// Every state that a log registers, in the order in which it first does, as it last does.
#[derive(Debug, Default)]
pub(crate) struct ChangelogStates {
    pub(crate) states: Vec<StateMeta>,
}

impl ChangelogStates {
    /// Reads the registrations of a log.
    ///
    /// # Errors
    /// Those of the log, and of a registration that cannot be read.
    pub(crate) fn read(changelog: &Changelog, files: &Files, limits: &ReadLimits) -> Result<Self> {
        let mut found = Self::default();
        log::for_each(changelog, files, limits, &mut |_, change| {
            if change.first() == Some(&REGISTRATION) {
                found.add(registration(change)?.1);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn add(&mut self, state: StateMeta) {
        let same = |known: &&mut StateMeta| known.name == state.name && known.kind == state.kind;
        match self.states.iter_mut().find(same) {
            Some(known) => *known = state,
            None => self.states.push(state),
        }
    }
}

/// The names of states by number, as far as the log was read.
#[derive(Debug, Default)]
pub(super) struct Numbers(BTreeMap<u16, (String, u8)>);

impl Numbers {
    /// Takes note of a registration.
    pub(super) fn register(&mut self, change: &[u8]) -> Result<()> {
        let (number, state, kind) = registration(change)?;
        self.0.insert(number, (state.name, kind));
        Ok(())
    }

    /// Whether a number is that of the state of this name, or of the queue where `timers` are meant.
    ///
    /// # Errors
    /// If the number was not registered.
    pub(super) fn is(&self, number: u16, name: &str, timers: bool) -> Result<bool> {
        const QUEUE: u8 = 3;
        match self.0.get(&number) {
            Some((found, kind)) => Ok(found == name && (*kind == QUEUE) == timers),
            None => {
                Err(Error::invalid(format!("a change speaks of state {number}, which nothing registers")))
            }
        }
    }
}

/// Number, state and code of its kind.
fn registration(change: &[u8]) -> Result<(u16, StateMeta, u8)> {
    let Some((body, [high, low, kind])) = change.split_last_chunk::<3>() else {
        return Err(Error::invalid("the registration of a state is too short"));
    };
    let mut cursor = Cursor::new(body);
    cursor.take(5, "registration of a state")?;
    let state = resynchronised(&cursor, StateMeta::read).within(|| "registration of a state")?;
    Ok((u16::from_be_bytes([*high, *low]), state, *kind))
}
