//! Whether a snapshot that is being written may still become one: its writer and whoever may give it up agree by this.
//!
//! ```text
//! Writing ──► Whole      the writer was first: it counts
//!    └──────► GivenUp    it does not, however whole it is by then: its writer takes it away
//! ```

use std::sync::atomic::{AtomicU8, Ordering};

use spt_format::{Error, Result};

const WRITING: u8 = 0;
const WHOLE: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The fate of one snapshot.
#[derive(Debug, Default)]
pub(crate) struct Permit(AtomicU8);

impl Permit {
    /// Gives the snapshot up; `false` if it is whole already.
    pub(crate) fn give_up(&self) -> bool {
        self.decide(GIVEN_UP)
    }

    /// The snapshot is whole.
    ///
    /// # Errors
    /// If it was given up before.
    pub(crate) fn whole(&self) -> Result<()> {
        if self.decide(WHOLE) { Ok(()) } else { Err(given_up()) }
    }

    /// It is worth the effort to write on.
    ///
    /// # Errors
    /// If the snapshot was given up.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Acquire) == GIVEN_UP { Err(given_up()) } else { Ok(()) }
    }

    fn decide(&self, fate: u8) -> bool {
        self.0.compare_exchange(WRITING, fate, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

fn given_up() -> Error {
    Error::bad_request("the snapshot was given up before it was whole")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_first_decides() {
        let (whole, given_up) = (Permit::default(), Permit::default());
        assert!(whole.whole().is_ok() && !whole.give_up() && whole.check().is_ok());
        assert!(given_up.give_up() && given_up.whole().is_err() && given_up.check().is_err());
    }
}
