//! The job's side of a preflight.

use std::fmt;
use std::str::FromStr;

use super::Verdict;
use crate::error::{Error, Result};
use crate::evolution::Aliases;
use crate::model::{Operator, StateRef};
use crate::validate::Code;

/// A version of Apache Flink. Without a minor version it may be any of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlinkVersion {
    /// 1 or 2.
    pub major: u32,
    /// `None` if it is not known.
    pub minor: Option<u32>,
}

impl FlinkVersion {
    /// Of this line, whichever it is.
    pub fn of_line(major: u32) -> Self {
        Self { major, minor: None }
    }
}

/// `2`, `2.1`, `2.1.0` or `2.1-SNAPSHOT`; `2.x` is `2`.
impl FromStr for FlinkVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::bad_request(format!("{text:?} is no version of Flink such as 2.1"));
        let release = text.trim().split('-').next().unwrap_or_default();
        let mut parts = release.split('.');
        let number = |part: &str| part.parse::<u32>().map_err(|_| wrong());
        let major = parts.next().map(number).transpose()?.filter(|major| matches!(major, 1 | 2));
        let minor = parts.next().filter(|part| *part != "x").map(number).transpose()?;
        if parts.count() > 1 {
            return Err(wrong());
        }
        Ok(Self { major: major.ok_or_else(wrong)?, minor })
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            Some(minor) => write!(f, "{}.{minor}", self.major),
            None => write!(f, "{}.x", self.major),
        }
    }
}

/// What the reader of a savepoint knows of a state and the model does not say, for instance how its values are
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What becomes of the state because of it, at best.
    pub verdict: Verdict,
    /// What it is about.
    pub code: Code,
    /// Why, in one sentence.
    pub reason: String,
}

/// A job that is to start from a savepoint.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    operators: &'a [Operator],
    aliases: &'a dyn Fn(&Operator, &str) -> Aliases,
    untold: &'a dyn Fn(&Operator) -> bool,
    flink: Option<FlinkVersion>,
    objections: &'a dyn Fn(StateRef) -> Vec<Objection>,
}

impl<'a> Target<'a> {
    /// A job of these operators, which restores by this project's rules.
    pub fn new(operators: &'a [Operator]) -> Self {
        Self {
            operators,
            aliases: &|_, _| Aliases::default(),
            untold: &|_| false,
            flink: None,
            objections: &|_| Vec::new(),
        }
    }

    /// What a state's fields were called before.
    #[must_use]
    pub fn aliases(self, aliases: &'a dyn Fn(&Operator, &str) -> Aliases) -> Self {
        Self { aliases, ..self }
    }

    /// Operators of whose states nothing is told.
    #[must_use]
    pub fn untold(self, untold: &'a dyn Fn(&Operator) -> bool) -> Self {
        Self { untold, ..self }
    }

    /// Flink will restore it, by Flink's rules.
    #[must_use]
    pub fn flink(self, version: Option<FlinkVersion>) -> Self {
        Self { flink: version, ..self }
    }

    /// What is known of the savepoint's states beyond the model.
    #[must_use]
    pub fn objections(self, objections: &'a dyn Fn(StateRef) -> Vec<Objection>) -> Self {
        Self { objections, ..self }
    }

    pub(super) fn operators(&self) -> &'a [Operator] {
        self.operators
    }

    pub(super) fn aliases_of(&self, operator: &Operator, state: &str) -> Aliases {
        (self.aliases)(operator, state)
    }

    pub(super) fn is_untold(&self, operator: &Operator) -> bool {
        (self.untold)(operator)
    }

    pub(super) fn flink_version(&self) -> Option<FlinkVersion> {
        self.flink
    }

    pub(super) fn objections_to(&self, place: StateRef) -> Vec<Objection> {
        (self.objections)(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_line_and_perhaps_a_minor_number() {
        let version = |text: &str| text.parse::<FlinkVersion>().unwrap();
        assert_eq!(version("2"), FlinkVersion::of_line(2));
        assert_eq!(version("2.x"), FlinkVersion::of_line(2));
        assert_eq!(version("1.20"), FlinkVersion { major: 1, minor: Some(20) });
        assert_eq!(version("2.3.0").to_string(), "2.3");
        assert_eq!(version("2.4-SNAPSHOT").to_string(), "2.4");
        for wrong in ["", "3.0", "two", "2.a", "2.1.0.0"] {
            assert!(wrong.parse::<FlinkVersion>().is_err(), "{wrong:?}");
        }
    }
}
