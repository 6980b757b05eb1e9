//! Checks the files of a savepoint: each there, of its length and digest, and none too many.
//!
//! A file's tail and its segments tile the file, and each has a digest: so one big file keeps every processor
//! busy, and damage is found with the row group it is in.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};

use super::checksum::Digest;
use super::layout::MANIFEST;
use super::manifest::Part;
use super::read::{ColumnarReader, Shared};
use crate::error::{Error, Result, ResultExt};
use crate::model::{Savepoint, StateRef};
use crate::validate::{Checked, Code, Finding, Findings, WHOLE_FILE};

/// Bytes that are digested at a time where a whole file is read.
const CHUNK: u64 = 4 << 20;

/// One thing to digest.
enum Task<'a> {
    /// A file's own digest, which other tools compute too.
    Whole(&'a Part),
    /// One row group of a file.
    Segment(&'a Part, usize),
}

impl ColumnarReader {
    /// Checks every file against the manifest. With `thorough` the digests of whole files are computed too, as
    /// `sha256sum` would; those of their parts cover the same bytes.
    pub fn check_files(&self, threads: usize, thorough: bool) -> (Findings, Checked) {
        let shared = &*self.shared;
        let parts: Vec<(StateRef, &Part)> = shared
            .manifest
            .tables
            .iter()
            .flat_map(|(place, table)| table.parts.iter().map(|part| (*place, part)))
            .collect();
        let mut findings = Findings::default();
        let mut checked = Checked { files: 1 + parts.len() as u64, ..Checked::default() };
        let mut tasks = Vec::new();
        for (place, part) in &parts {
            match shared.file(part) {
                Ok(file) => {
                    checked.bytes += part.bytes;
                    tasks.extend((0..file.row_groups().len()).map(|index| Task::Segment(part, index)));
                    tasks.extend(thorough.then_some(Task::Whole(part)));
                }
                Err(error) => findings.push(of_state(&shared.manifest.savepoint, *place, error)),
            }
        }
        findings.append(digest_all(shared, &tasks, threads));
        findings.append(orphans(shared, &parts));
        (findings, checked)
    }
}

/// The finding, with the state it concerns.
fn of_state(savepoint: &Savepoint, place: StateRef, error: Error) -> Finding {
    let finding = Finding::of(&error);
    match savepoint.state(place) {
        Some((operator, state)) => {
            let message =
                format!("{} (operator {}, state {:?})", finding.message, operator.label(), state.name);
            Finding { message, ..finding }
        }
        None => finding,
    }
}

fn digest_all(shared: &Shared, tasks: &[Task<'_>], threads: usize) -> Findings {
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(Findings::default());
    let work = || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = task.digest(shared)
                && let Ok(mut findings) = findings.lock()
            {
                findings.push(Finding::of(&error));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    findings.into_inner().unwrap_or_default()
}

impl Task<'_> {
    fn digest(&self, shared: &Shared) -> Result<()> {
        let storage = shared.storage.as_ref();
        match self {
            Self::Segment(part, index) => shared.file(part)?.segment(storage, *index).map(drop),
            Self::Whole(part) => {
                let path = part.path.as_str();
                let mut digest = Sha256::new();
                for start in (0..part.bytes).step_by(CHUNK as usize) {
                    let end = (start + CHUNK).min(part.bytes);
                    digest.update(storage.read_at(path, start..end).in_file(path)?);
                }
                Digest(digest.finalize().into()).expect(part.sha256).within(|| WHOLE_FILE).in_file(path)
            }
        }
    }
}

/// Objects that the manifest does not name.
fn orphans(shared: &Shared, parts: &[(StateRef, &Part)]) -> Findings {
    let mut findings = Findings::default();
    match shared.storage.list() {
        Err(error) => findings.push(Finding::of(&error)),
        Ok(objects) => {
            let known: HashSet<&str> =
                parts.iter().map(|(_, part)| part.path.as_str()).chain([MANIFEST]).collect();
            for object in objects.iter().filter(|object| !known.contains(object.location.as_str())) {
                let message = format!("nothing in the manifest refers to its {} bytes", object.size);
                findings.push(Finding::new(Code::FileOrphan, &object.location, message));
            }
        }
    }
    findings
}
