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
    /// What else is wrong because of it.
    pub consequences: Vec<String>,
    /// The file it is about, or that it follows from.
    pub file: Option<String>,
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
            consequences: Vec::new(),
            file: None,
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
        let file = error.location().file_name().map(str::to_owned);
        Self { file, ..Self::new(code, error.location().to_string(), message) }
    }

    /// The same finding, which follows from what is wrong with a file, if that is found too.
    #[must_use]
    pub(super) fn because_of(self, file: Option<String>) -> Self {
        Self { file, ..self }
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

/// How a place says that the digest is that of a file as a whole.
pub(crate) const WHOLE_FILE: &str = "whole file";

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
        self.found = roots(self.found);
        self.found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
        self.found
    }
}

/// What is wrong, once: damage to a file is found where its digest is checked, where its rows are read, and where
/// they are counted.
fn roots(mut found: Vec<Finding>) -> Vec<Finding> {
    // Digests are computed side by side: what is more exact shall be the root whichever came first.
    found.sort_by_key(Finding::is_whole_file);
    let mut roots: Vec<Finding> = Vec::new();
    for finding in found {
        match roots.iter_mut().find(|root| explains(root, &finding)) {
            None => roots.push(finding),
            Some(root) if finding.code == Code::RowsUnread => {
                root.consequences.push(format!("{}: {}", finding.location, finding.message));
            }
            Some(_) => {}
        }
    }
    // The digest of a whole file differs because that of a part does.
    let is_part = |root: &Finding| root.code == Code::FileChecksum && !root.is_whole_file();
    let damaged: Vec<Option<String>> =
        roots.iter().filter(|root| is_part(root)).map(|root| root.file.clone()).collect();
    roots.retain(|root| !root.is_whole_file() || !damaged.contains(&root.file));
    roots
}

/// `finding` follows from `root`, or tells it again.
fn explains(root: &Finding, finding: &Finding) -> bool {
    let of_whole_file =
        matches!(root.code, Code::FileMissing | Code::FileSize | Code::FileVanished | Code::FileUnreadable);
    let again = root.code == finding.code && root.message == finding.message;
    let is_file = root.file.is_some() && root.file == finding.file && root.code != Code::RowsUnread;
    is_file && (of_whole_file || again || finding.code == Code::RowsUnread)
}

impl Finding {
    fn is_whole_file(&self) -> bool {
        self.code == Code::FileChecksum && self.location.ends_with(WHOLE_FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::location::Location;

    fn damage(place: &str, found: &str) -> Finding {
        let kind = ErrorKind::Mismatch { what: "digest".into(), found: found.into(), expected: "1c".into() };
        let error = Error::new(kind, Location::file("sum.parquet")).within(place);
        Finding::of_code(Code::FileChecksum, &error)
    }

    fn sorted(found: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
        let mut findings = Findings::default();
        found.into_iter().for_each(|finding| findings.push(finding));
        findings.into_sorted()
    }

    #[test]
    fn one_flipped_bit_is_one_finding_with_what_follows_from_it() {
        let unread = Finding::new(Code::RowsUnread, "state", "72 rows could not be read");
        let found = sorted([
            damage(WHOLE_FILE, "77"),
            damage("row group 0", "9f"),
            damage("row group 0, operator sum-001", "9f"),
            unread.because_of(Some("sum.parquet".into())),
        ]);
        let [root] = found.as_slice() else { panic!("one finding: {found:?}") };
        assert_eq!(root.location, "sum.parquet, row group 0");
        assert_eq!(root.consequences, ["state: 72 rows could not be read"]);
    }

    #[test]
    fn two_damaged_places_are_two_findings() {
        let found =
            sorted([damage("row group 0", "9f"), damage("row group 1", "8e"), damage(WHOLE_FILE, "7")]);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_file_whose_digest_alone_is_wrong_is_told() {
        assert_eq!(sorted([damage(WHOLE_FILE, "77")]).len(), 1);
    }

    #[test]
    fn rows_that_are_unread_for_another_reason_stand_alone() {
        let unread =
            Finding::new(Code::RowsUnread, "state", "1 row").because_of(Some("other.parquet".into()));
        assert_eq!(sorted([damage("row group 0", "9f"), unread]).len(), 2);
        assert_eq!(sorted([Finding::new(Code::RowsUnread, "state", "1 row")]).len(), 1);
    }
}
