//! The failpoints of a checkpoint, a commit and a restore, and how often each has killed.

use std::collections::BTreeMap;
use std::fmt;

use super::ends::End;

/// Every failpoint, in the order in which a job comes by.
pub(super) const PLACES: [&str; 15] = [
    "restore.open",
    "start.before-hooks",
    "restore.rename",
    "restore.before-abort",
    "restore.state",
    "sink.before-prepare",
    "sink.between-renames",
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

/// A start comes by once, unless the job starts again in its process.
pub(super) fn comes_once(place: &str) -> bool {
    matches!(place, "restore.open" | "start.before-hooks")
}

/// Kills and errors of a failpoint.
#[derive(Debug, Default, Clone, Copy)]
struct Hit {
    kills: u64,
    errors: u64,
}

/// Ends by failpoint. As text it is a table.
#[derive(Debug, Default)]
pub(super) struct Hits {
    by_place: BTreeMap<String, Hit>,
    /// Kills at a random instant, and those of them that came before the job had taken a checkpoint.
    shots: u64,
    early: u64,
    /// First starts that ended with an error that was asked for.
    failed: u64,
    /// Kills of a start that followed a kill.
    pub(super) doubles: u64,
}

impl Hits {
    /// The failpoint that has killed least often, of those asked for.
    pub(super) fn fewest(&self, is_asked: impl Fn(&str) -> bool) -> (&'static str, u64) {
        let asked = PLACES.into_iter().filter(|place| is_asked(place));
        asked.map(|place| (place, self.of(place).kills)).min_by_key(|(_, kills)| *kills).unwrap()
    }

    /// Counts the failpoints that acted in a process, and how it ended; whether it had taken a checkpoint.
    pub(super) fn count(&mut self, failpoints: &str, end: End, has_checkpoint: bool) {
        for line in failpoints.lines() {
            let (action, place) = line.split_once(' ').unwrap();
            assert!(PLACES.contains(&place), "{place} is not listed");
            let hit = self.by_place.entry(place.to_owned()).or_default();
            *(if action == "kill" { &mut hit.kills } else { &mut hit.errors }) += 1;
        }
        self.shots += u64::from(end == End::Shot);
        self.early += u64::from(end == End::Shot && !has_checkpoint);
        self.failed += u64::from(end == End::Failed);
    }

    fn of(&self, place: &str) -> Hit {
        self.by_place.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24}{:>6}{:>8}", "failpoint", "kills", "errors")?;
        for place in PLACES {
            let Hit { kills, errors } = self.of(place);
            writeln!(f, "{place:<24}{kills:>6}{errors:>8}")?;
        }
        writeln!(f, "{:<24}{:>6}", "a random instant", self.shots)?;
        writeln!(f, "{:<24}{:>6}", "- before a checkpoint", self.early)?;
        writeln!(f, "{:<24}{:>6}", "a start after a kill", self.doubles)?;
        write!(f, "{:<24}{:>14}", "starts that failed", self.failed)
    }
}

/// The names in the sources are what the long run comes by.
#[test]
fn every_failpoint_of_the_sources_is_one_that_jobs_are_killed_at() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("../format/src")];
    let mut found = std::collections::BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // A failpoint of its own, and those that are handed to a rename in the folder of a sink.
            for call in ["failpoint(\"", ".commit(pending, \""] {
                found.extend(
                    text.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
                );
            }
        }
    }
    assert_eq!(found, PLACES.iter().map(|place| (*place).to_owned()).collect());
}
