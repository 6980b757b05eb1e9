//! Flink's own fixtures, from 1.7 to 2.3: everything in them is read, or says why not.
//!
//! `cargo test -p spt-flink --test it upstream -- --nocapture` prints what became of each.

use std::fmt;
use std::ops::AddAssign;
use std::path::Path;

use spt_flink::FlinkSource;
use spt_format::{Result, SavepointSource, Scan, StateKind, StateRef};

use crate::support::upstream;

/// States that are listed and cannot be read: fixture, what the error says. `docs/flink-mapping.md` has them.
const UNREADABLE: [(&str, &str); 1] =
    [("new-stateful-udf-migration-itcase-flink1.17-hashmap-checkpoint", "a log of changes before its base")];

/// What became of a fixture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Outcome {
    operators: u64,
    states: u64,
    /// States that are listed and cannot be read.
    unreadable: u64,
    /// Rows that were understood, those shown by their bytes in part, and those that could not be read.
    decoded: u64,
    opaque: u64,
    unread: u64,
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.operators += other.operators;
        self.states += other.states;
        self.unreadable += other.unreadable;
        self.decoded += other.decoded;
        self.opaque += other.opaque;
        self.unread += other.unread;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operators, states, unreadable, decoded, opaque, unread } = self;
        write!(f, "{operators:>9} {states:>6} {unreadable:>10} {decoded:>12} {opaque:>11} {unread:>11}")
    }
}

const HEAD: &str = "operators states unreadable rows decoded rows opaque rows unread";

fn read(source: &FlinkSource, place: StateRef) -> Result<Outcome> {
    let mut rows = source.scan(place, &Scan::default())?;
    let mut decoded = 0;
    for batch in rows.by_ref() {
        decoded += batch?.num_rows() as u64;
    }
    let seen = rows.completeness();
    let opaque = seen.rows_opaque;
    Ok(Outcome { decoded: decoded - opaque, opaque, unread: seen.rows_unread, ..Outcome::default() })
}

/// What became of a fixture, and the errors that are not known.
fn outcome(fixture: &Path, name: &str) -> (Outcome, Vec<String>) {
    let source = FlinkSource::open(fixture).unwrap_or_else(|error| panic!("{name}: {}", error.full()));
    let operators = source.savepoint().operators.len() as u64;
    let mut outcome = Outcome { operators, ..Outcome::default() };
    let mut errors = Vec::new();
    for (place, operator, state) in source.savepoint().states() {
        outcome.states += 1;
        match read(&source, place) {
            Ok(rows) => outcome += rows,
            Err(error) => {
                outcome.unreadable += 1;
                let error = error.full();
                if !UNREADABLE.iter().any(|known| name == known.0 && error.contains(known.1)) {
                    errors.push(format!(
                        "{name}: {}: {} {}: {error}",
                        operator.label(),
                        state.kind,
                        state.name
                    ));
                }
            }
        }
    }
    (outcome, errors)
}

#[test]
fn every_state_of_flinks_fixtures_is_read_or_says_why() {
    let mut total = Outcome::default();
    let mut errors = Vec::new();
    let fixtures = upstream();
    println!("{HEAD}  fixture");
    for fixture in &fixtures {
        let name = fixture.file_name().unwrap().to_string_lossy();
        let (found, more) = outcome(fixture, &name);
        println!("{found}  {name}");
        if found.unread > 0 {
            let source = FlinkSource::open(fixture).unwrap();
            source.check(true).iter().for_each(|trouble| println!("{:>65}  {}", "", trouble.error.full()));
        }
        total += found;
        errors.extend(more);
    }
    println!("{total}  all {}", fixtures.len());
    // Those of a serializer of a test of Flink's own, in a heap file.
    assert!(total.unread <= 4, "{total:?}");
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn timers_in_raw_state_are_read() {
    let fixtures = upstream();
    let is_it = |path: &&std::path::PathBuf| path.to_string_lossy().contains("legacy-raw-state-heap-timers");
    let Some(fixture) = fixtures.iter().find(is_it) else { return assert!(fixtures.is_empty()) };
    let source = FlinkSource::open(fixture).unwrap();
    let timers = source.savepoint().states().filter(|(_, _, state)| state.kind == StateKind::Timer);
    let rows: u64 = timers.map(|(place, ..)| read(&source, place).unwrap().decoded).sum();
    assert!(rows > 0);
}
