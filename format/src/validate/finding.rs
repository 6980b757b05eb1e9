//! What a check has found.

use std::collections::BTreeMap;

use super::code::{Code, Severity};
use crate::error::Error;

/// One thing that is wrong, or good to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where: a file and a place in it, or an operator and a state.
    pub location: String,
    /// What exactly: what was found, and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Finding {
    /// A finding of this code at this place.
    pub fn new(code: Code, location: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            location: location.into(),
            message: message.into(),
            help: code.help().to_owned(),
        }
    }

    /// What a reader's error comes to.
    pub fn of(error: &Error) -> Self {
        Self::of_code(Code::of(error), error)
    }

    /// The same under another code.
    pub fn of_code(code: Code, error: &Error) -> Self {
        let mut message = error.kind().to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(found) = cause {
            message = format!("{message}: {found}");
            cause = found.source();
        }
        Self::new(code, error.location().to_string(), message)
    }

    /// The same finding with more precise help.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }
}

/// Findings, as many of a kind at one place as a person wants to read; the rest is counted.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    /// How often each code was found in each group.
    counts: BTreeMap<(String, Code), u64>,
}

/// Findings of one code in one group that are told one by one.
const TOLD: u64 = 10;

impl Findings {
    /// Adds one that stands for itself.
    pub fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Adds one of many alike in `group`, for instance a state. `finding` is made only if it is told.
    pub fn push_one_of(&mut self, group: &str, code: Code, finding: impl FnOnce() -> Finding) {
        let count = self.counts.entry((group.to_owned(), code)).or_default();
        *count += 1;
        if *count <= TOLD {
            self.found.push(finding());
        }
    }

    /// Adds what another run has found.
    pub fn append(&mut self, other: Self) {
        self.found.extend(other.found);
        for (place, count) in other.counts {
            *self.counts.entry(place).or_default() += count;
        }
    }

    /// All of them, the worst first; what was not told one by one is told by its number.
    pub fn into_sorted(mut self) -> Vec<Finding> {
        for ((group, code), count) in self.counts {
            if let Some(more) = count.checked_sub(TOLD).filter(|more| *more > 0) {
                self.found.push(Finding::new(code, group, format!("{} more times", more)));
            }
        }
        self.found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
        self.found
    }
}
