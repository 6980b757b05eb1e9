//! What keeps a job from starting from a savepoint: all of it in one refusal, and one migration that helps.

use spt_format::migrate;

use crate::error::{Error, Result};

/// Misfits that are told; of others only their number is.
const TOLD: usize = 10;

/// All that does not fit.
#[derive(Default)]
pub(super) struct Misfits {
    reasons: Vec<String>,
    /// Arguments of the `spt migrate` that would help.
    arguments: Vec<String>,
}

impl Misfits {
    /// Something does not fit; a migration with these arguments would help, if there are any.
    pub(super) fn add(&mut self, reason: String, arguments: Vec<String>) {
        self.reasons.push(reason);
        self.arguments.extend(arguments);
    }

    /// Whether all fits.
    ///
    /// # Errors
    /// A refusal with all that does not.
    pub(super) fn check(mut self) -> Result<()> {
        if self.reasons.is_empty() {
            return Ok(());
        }
        let more = self.reasons.len().saturating_sub(TOLD);
        self.reasons.truncate(TOLD);
        if more > 0 {
            self.reasons.push(format!("and {more} more"));
        }
        let mut refusal = self.reasons.join("; ");
        if !self.arguments.is_empty() {
            let command = migrate::command("IN", "OUT", &self.arguments);
            refusal += &format!("; `{command}` would make it fit");
        }
        Err(Error::refused(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_are_told_and_all_are_migrated() {
        assert!(Misfits::default().check().is_ok());
        let mut misfits = Misfits::default();
        (1..=12).for_each(|n| misfits.add(format!("no {n}"), vec!["--drop-state".into(), format!("u/{n}")]));
        let refusal = misfits.check().unwrap_err();
        assert!(refusal.is_refusal());
        let refusal = refusal.to_string();
        assert!(refusal.starts_with("no 1; no 2; "), "{refusal}");
        assert!(refusal.contains("; no 10; and 2 more; `spt migrate IN OUT --drop-state u/1 "), "{refusal}");
        assert!(refusal.ends_with(" --drop-state u/12` would make it fit"), "{refusal}");
    }
}
