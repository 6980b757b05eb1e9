//! Salvage: finds out what of a savepoint cannot be read, so that the rest can be written.
//!
//! Everything that is kept is read once, before anything is written: the plan then says what will be lost.

use serde::Serialize;

use super::plan::{MigrationPlan, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Extent, KeyGroupRange, OperatorId, SavepointSource, Scan, StateRef};
use crate::parallel::in_order;

/// Rows that cannot be read, and are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The operator's uid, or its id where it has none.
    pub operator: String,
    /// The operator.
    pub operator_id: OperatorId,
    /// The state.
    pub state: String,
    /// The key groups the rows were of; others of these may be there. `None` for states that are not keyed.
    pub key_groups: Option<KeyGroupRange>,
    /// How many there were, where that is known.
    pub rows: Option<u64>,
    /// The file they were in, where that is known.
    pub file: Option<String>,
    /// Why they cannot be read.
    pub reason: String,
}

/// What came of reading one extent: what to scan, and what is lost.
#[derive(Default)]
struct Probe {
    scans: Vec<Scan>,
    lost: Vec<Lost>,
}

struct Lost {
    key_groups: Option<KeyGroupRange>,
    rows: Option<u64>,
    file: Option<String>,
    reason: String,
}

impl MigrationPlan {
    /// If [`Operation::DropUnreadable`](super::Operation::DropUnreadable) is planned: reads every state that is
    /// kept, and plans to leave out what of it cannot be read.
    ///
    /// # Errors
    /// If the plan is for another savepoint.
    pub fn salvage(&mut self, source: &dyn SavepointSource, threads: usize) -> Result<()> {
        if !self.drops_unreadable {
            return Ok(());
        }
        let mut jobs = Vec::new();
        for (step, planned) in self.steps.iter().enumerate() {
            let extents = source.extents(planned.source);
            jobs.extend(extents.into_iter().map(|extent| (step, planned.source, extent)));
        }
        let mut probes: Vec<Probe> = self.steps.iter().map(|_| Probe::default()).collect();
        in_order(
            threads,
            jobs.into_iter().map(Ok),
            |(step, place, extent)| Ok((step, probe(source, place, &extent))),
            |(step, found): (usize, Probe)| {
                if let Some(probe) = probes.get_mut(step) {
                    probe.scans.extend(found.scans);
                    probe.lost.extend(found.lost);
                }
                Ok::<_, Error>(())
            },
        )?;
        for (step, probe) in self.steps.iter_mut().zip(probes).filter(|(_, probe)| !probe.lost.is_empty()) {
            let (operator, state) = source
                .savepoint()
                .state(step.source)
                .ok_or_else(|| Error::bad_request("the plan is for another savepoint"))?;
            self.lost.extend(probe.lost.into_iter().map(|lost| Loss {
                operator: operator.label(),
                operator_id: operator.id,
                state: state.name.clone(),
                key_groups: lost.key_groups,
                rows: lost.rows,
                file: lost.file,
                reason: lost.reason,
            }));
            if step.work == Work::Keep {
                step.work = Work::Rewrite(super::plan::Rewrite::default());
            }
            if let Work::Rewrite(rewrite) = &mut step.work {
                rewrite.readable = Some(probe.scans.into_iter().map(Readable).collect());
            }
        }
        Ok(())
    }
}

/// A part of a state that can be read although others cannot.
#[derive(Debug, Clone)]
pub(super) struct Readable(pub(super) Scan);

impl PartialEq for Readable {
    fn eq(&self, other: &Self) -> bool {
        (&self.0.segments, self.0.key_groups) == (&other.0.segments, other.0.key_groups)
    }
}

fn probe(source: &dyn SavepointSource, place: StateRef, extent: &Extent) -> Probe {
    let whole = Scan { segments: Some(extent.segments.clone()), ..Scan::default() };
    match read(source, place, &whole) {
        Ok(0) => Probe { scans: vec![whole], lost: Vec::new() },
        Ok(unread) => {
            let reason = "rows that could not be decoded".to_owned();
            let lost = Lost { key_groups: extent.key_groups, rows: Some(unread), file: None, reason };
            Probe { scans: vec![whole], lost: vec![lost] }
        }
        Err(error) => match extent.key_groups.filter(|groups| groups.len() > 1 && may_hold_more(&error)) {
            Some(groups) => by_key_group(source, place, &whole, groups),
            None => {
                Probe { scans: Vec::new(), lost: vec![Lost::new(extent.key_groups, extent.rows, &error)] }
            }
        },
    }
}

/// What has no digest of its own may be damaged in one place and sound in others.
fn may_hold_more(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Missing | ErrorKind::ChecksumMismatch { .. })
}

fn by_key_group(source: &dyn SavepointSource, place: StateRef, whole: &Scan, groups: KeyGroupRange) -> Probe {
    let mut probe = Probe::default();
    for group in groups.iter() {
        let Ok(group) = KeyGroupRange::new(group, group) else { continue };
        let scan = Scan { key_groups: Some(group), ..whole.clone() };
        match read(source, place, &scan) {
            Ok(0) => probe.scans.push(scan),
            Ok(unread) => {
                let reason = "rows that could not be decoded".to_owned();
                probe.lost.push(Lost { key_groups: Some(group), rows: Some(unread), file: None, reason });
                probe.scans.push(scan);
            }
            Err(error) => probe.lost.push(Lost::new(Some(group), None, &error)),
        }
    }
    probe
}

/// Reads to the end; the rows that could not be read.
fn read(source: &dyn SavepointSource, place: StateRef, scan: &Scan) -> Result<u64> {
    let mut rows = source.scan(place, scan)?;
    rows.try_for_each(|batch| batch.map(drop))?;
    Ok(rows.completeness().rows_unread)
}

impl Lost {
    fn new(key_groups: Option<KeyGroupRange>, rows: Option<u64>, error: &Error) -> Self {
        let file = error.location().file_name().map(str::to_owned);
        Self { key_groups, rows, file, reason: error.full() }
    }
}
