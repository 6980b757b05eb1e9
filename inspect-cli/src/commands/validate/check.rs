//! Runs the checks that fit the engine, and those that fit every savepoint.

use spt_flink::{Trouble, TroubleKind};
use spt_format::validate::{Checked, Code, Finding, Findings, check_catalogue, check_rows};
use spt_format::{ColumnarReader, Completeness, Error, ErrorKind, SavepointSource, StateRef};

use crate::error::Result;
use crate::locate::Metadata;
use crate::open::Opening;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Depth {
    /// Metadata, and that every file is there with its end.
    Presence,
    /// Metadata, presence and digests.
    Quick,
    /// That, and this percentage of the rows.
    Sample(f64),
    /// Everything.
    Full,
}

/// What the checks came to.
pub(crate) struct Checks {
    pub(crate) findings: Vec<Finding>,
    pub(crate) checked: Checked,
    pub(crate) seen: Completeness,
    /// Something could not be looked at at all.
    pub(crate) cut_short: bool,
}

/// Checks a savepoint.
///
/// # Errors
/// If there is nothing that could be checked.
pub(crate) fn check(found: &Metadata, opening: &Opening, depth: Depth) -> Result<Checks> {
    check_watched(found, opening, depth, &|source| source)
}

/// As [`check`], the rows being read from what `watch` makes of the source.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_watched(
    found: &Metadata,
    opening: &Opening,
    depth: Depth,
    watch: &dyn Fn(Box<dyn SavepointSource>) -> Box<dyn SavepointSource>,
) -> Result<Checks> {
    let mut findings = Findings::default();
    let mut checked = Checked::default();
    let thorough = depth == Depth::Full;
    let opened: Result<Box<dyn SavepointSource>, Error> = match found {
        Metadata::Columnar(folder) => ColumnarReader::options().open(folder).map(|reader| {
            if depth == Depth::Presence {
                of_presence(&reader, &mut findings);
            } else {
                let (more, files) = reader.check_files(threads(), thorough);
                findings.append(more);
                checked = files;
            }
            Box::new(reader) as Box<dyn SavepointSource>
        }),
        Metadata::Flink(file) => opening.flink().open(file).map(|source| {
            source.check(thorough).into_iter().for_each(|trouble| findings.push(of_trouble(&trouble)));
            checked.files = 1 + source.savepoint().files;
            checked.bytes = source.savepoint().bytes;
            Box::new(source) as Box<dyn SavepointSource>
        }),
    };
    let source = match opened {
        Ok(source) => opening.named(source)?,
        Err(error) => return damaged_metadata(error, findings),
    };
    check_catalogue(source.savepoint()).into_iter().for_each(|finding| findings.push(finding));
    let mut seen = Completeness::default();
    if matches!(depth, Depth::Sample(_) | Depth::Full) {
        let source = watch(source);
        let rows = check_rows(source.as_ref(), threads(), &|place, segment| is_chosen(depth, place, segment));
        findings.append(rows.findings);
        checked.rows = rows.rows;
        seen = rows.completeness;
    }
    Ok(Checks { findings: findings.into_sorted(), checked, seen, cut_short: false })
}

/// Every file's end is read: it holds what the file's segments are.
fn of_presence(source: &dyn SavepointSource, findings: &mut Findings) {
    let places = source.savepoint().states().map(|(place, _, _)| place);
    let errors = places.filter_map(|place| source.segments(place).err());
    errors.for_each(|error| findings.push(Finding::of(&error)));
}

/// Metadata that cannot be read is a finding; that there is none, or that it may not be read, is trouble.
fn damaged_metadata(error: Error, mut findings: Findings) -> Result<Checks> {
    let code = match error.kind() {
        ErrorKind::NotASavepoint { .. }
        | ErrorKind::Io { .. }
        | ErrorKind::Missing
        | ErrorKind::LimitExceeded { .. } => {
            return Err(error.into());
        }
        ErrorKind::UnsupportedVersion { .. } | ErrorKind::UnsupportedFeature { .. } => Code::TooNew,
        _ => Code::MetadataDamaged,
    };
    findings.push(Finding::of_code(code, &error));
    let checked = Checked { files: 1, ..Checked::default() };
    Ok(Checks { findings: findings.into_sorted(), checked, seen: Completeness::default(), cut_short: true })
}

fn of_trouble(trouble: &Trouble) -> Finding {
    let code = match trouble.kind {
        TroubleKind::Structure => Code::Structure,
        TroubleKind::Unsupported => Code::NotSupported,
        TroubleKind::Copies => Code::BroadcastCopies,
        TroubleKind::Inferred => Code::EndsInferred,
        TroubleKind::Orphan => Code::FileOrphan,
        TroubleKind::Moved => Code::FileMoved,
        _ => Code::of(&trouble.error),
    };
    Finding::of_code(code, &trouble.error)
}

/// Segments are picked by their place alone, so that a sample can be repeated.
fn is_chosen(depth: Depth, place: StateRef, segment: usize) -> bool {
    let Depth::Sample(percent) = depth else { return true };
    let mut mixed = (place.operator as u64) << 40 | (place.state as u64) << 20 | segment as u64;
    // SplitMix64's finaliser: neighbours end up far apart.
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % 100_000) as f64 / 1000.0 < percent
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_samples_segments_are_about_as_many_as_asked_for() {
        let places =
            (0..10_000).map(|segment| (StateRef { operator: segment % 7, state: segment % 3 }, segment));
        let chosen =
            places.filter(|(place, segment)| is_chosen(Depth::Sample(5.0), *place, *segment)).count();
        assert!((400..600).contains(&chosen), "{chosen}");
    }

    #[test]
    fn each_trouble_of_a_snapshot_comes_under_its_code() {
        for (kind, code) in [
            (TroubleKind::Copies, Code::BroadcastCopies),
            (TroubleKind::Inferred, Code::EndsInferred),
            (TroubleKind::Moved, Code::FileMoved),
            (TroubleKind::Orphan, Code::FileOrphan),
            (TroubleKind::Structure, Code::Structure),
            (TroubleKind::Unsupported, Code::NotSupported),
        ] {
            let trouble = Trouble { kind, error: Error::invalid("x") };
            assert_eq!(of_trouble(&trouble).code, code);
        }
    }
}
