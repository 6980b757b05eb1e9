//! The failpoints of a checkpoint, a commit and a restore, and how often each has killed.

use std::collections::BTreeMap;
use std::path::Path;

/// Every failpoint, in the order in which a job comes by.
pub(super) const PLACES: [&str; 14] = [
    "restore.open",
    "start.before-hooks",
    "restore.rename",
    "restore.before-abort",
    "restore.state",
    "sink.before-prepare",
    "sink.after-prepare",
    "snapshot.before-write",
    "manifest.before-rename",
    "manifest.after-rename",
    "commit.before",
    "commit.rename",
    "commit.after",
    "delete.after-manifest",
];

/// A start comes by before records flow, if it starts from a checkpoint.
pub(super) fn is_of_start(place: &str) -> bool {
    place.starts_with("restore") || place.starts_with("start")
}

/// Kills by failpoint.
#[derive(Debug, Default)]
pub(super) struct Hits {
    by_place: BTreeMap<String, u64>,
    /// Kills of a start that followed a kill.
    pub(super) doubles: u64,
}

impl Hits {
    /// The failpoint that has killed least often, of those asked for.
    pub(super) fn fewest(&self, is_asked: impl Fn(&str) -> bool) -> (&'static str, u64) {
        let asked = PLACES.into_iter().filter(|place| is_asked(place));
        let counted = asked.map(|place| (place, self.by_place.get(place).copied().unwrap_or(0)));
        counted.min_by_key(|(_, hits)| *hits).unwrap()
    }

    /// Counts the lines of a failpoint log.
    pub(super) fn count(&mut self, log: &Path) {
        for line in std::fs::read_to_string(log).unwrap_or_default().lines() {
            if let Some(place) = line.strip_prefix("kill ") {
                assert!(PLACES.contains(&place), "{place} is not listed");
                *self.by_place.entry(place.to_owned()).or_default() += 1;
            }
        }
    }
}
