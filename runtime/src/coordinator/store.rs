//! The folder of a job's checkpoints: `<checkpoint dir>/<job id>/chk-<n>`.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use spt_format::failpoint;

use crate::control::Lock;
use crate::error::{Error, Result};
use crate::folders;

/// What makes a directory a savepoint; removed first when one is deleted.
const MANIFEST: &str = "manifest.json";
/// Held by the process that runs the job.
const LOCK: &str = "job.lock";

/// The checkpoints of a live job. Nobody else writes to its folder.
pub(super) struct Store {
    dir: PathBuf,
    /// Complete checkpoints of this job, oldest first.
    completed: VecDeque<(u64, PathBuf)>,
    retained: usize,
    /// The highest number of a checkpoint that was begun here by an earlier process, whole or not.
    last: u64,
    /// Held while the job lives.
    _lock: Lock,
}

impl Store {
    /// Takes the folder of a job.
    ///
    /// # Errors
    /// If it cannot be made, or a live process has it.
    pub(super) fn open(checkpoint_dir: &Path, job_id: &str, retained: usize) -> Result<Self> {
        let dir = std::path::absolute(checkpoint_dir)?.join(job_id);
        folders::make(&dir).map_err(|error| {
            Error::refused(format!("the checkpoint folder {} cannot be made", dir.display())).caused_by(error)
        })?;
        let holder = format!("job {job_id}, process {}", std::process::id());
        let lock = Lock::acquire(&dir.join(LOCK), &holder)
            .map_err(|error| Error::refused("another process runs this job").caused_by(error))?;
        let last = last_begun(&dir)?;
        Ok(Self { dir, completed: VecDeque::new(), retained: retained.max(1), last, _lock: lock })
    }

    /// The highest number that is taken already, 0 if none is: neither a checkpoint nor output that is named
    /// after one may be there twice.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Where a checkpoint goes.
    pub(super) fn path(&self, checkpoint: u64) -> PathBuf {
        self.dir.join(format!("chk-{checkpoint}"))
    }

    /// Complete checkpoints that are kept, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Path> {
        self.completed.iter().rev().map(|(_, path)| path.as_path())
    }

    /// Takes over a snapshot of somebody else's, to be deleted like one of the job's own.
    ///
    /// # Errors
    /// If it is a checkpoint of a job that lives: that one will want to go back to it. Or if that cannot be told.
    pub(super) fn claim(&mut self, checkpoint: u64, path: PathBuf) -> Result<()> {
        let refuse = || Error::refused(format!("{} cannot be claimed", path.display()));
        if self.is_anothers(&path).map_err(|error| refuse().caused_by(error.full()))? {
            let why = "it is a checkpoint of a job that still runs: stop that job, or start without --claim";
            return Err(refuse().caused_by(why.to_owned()));
        }
        self.completed.push_front((checkpoint, path));
        Ok(())
    }

    /// Whether it is a checkpoint of another job that lives.
    fn is_anothers(&self, path: &Path) -> Result<bool> {
        let (path, own) = (path.canonicalize()?, self.dir.canonicalize()?);
        match path.parent() {
            Some(folder) if folder != own => Ok(Lock::is_kept(&folder.join(LOCK))?),
            _ => Ok(false),
        }
    }

    /// Checkpoints that are no longer needed once one more is complete.
    pub(super) fn subsumed(&self) -> Vec<PathBuf> {
        let kept = self.retained - 1;
        let count = self.completed.len().saturating_sub(kept);
        self.completed.iter().take(count).map(|(_, path)| path.clone()).collect()
    }

    /// A checkpoint is complete.
    pub(super) fn complete(&mut self, checkpoint: u64, path: PathBuf) {
        self.completed.push_back((checkpoint, path));
    }

    /// The checkpoints that the newest subsumes are gone.
    pub(super) fn forget_subsumed(&mut self) {
        let surplus = self.completed.len().saturating_sub(self.retained);
        self.completed.drain(..surplus);
    }

    /// Deletes everything, as a cancelled job does that keeps nothing.
    pub(super) fn delete_all(&mut self) {
        for (_, path) in self.completed.drain(..) {
            delete(&path);
        }
    }
}

fn last_begun(dir: &Path) -> Result<u64> {
    let mut last = 0;
    for entry in std::fs::read_dir(dir)? {
        last = last.max(number_of(&entry?.path()).unwrap_or(0));
    }
    Ok(last)
}

/// A whole checkpoint that is newer than this one, in the same folder.
pub(super) fn newer_checkpoint(path: &Path) -> Option<PathBuf> {
    let number = number_of(path)?;
    let siblings = std::fs::read_dir(path.parent()?).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let newer = siblings.filter_map(|path| Some((number_of(&path)?, path)));
    let whole = newer.filter(|(other, path)| *other > number && path.join(MANIFEST).exists());
    whole.max().map(|(_, path)| path)
}

/// The number of a checkpoint's folder.
fn number_of(path: &Path) -> Option<u64> {
    let number: u32 = path.file_name()?.to_str()?.strip_prefix("chk-")?.parse().ok()?;
    Some(number.into())
}

/// Deletes a checkpoint: its manifest first, so that what is left of it is none. What cannot be deleted stays;
/// it is no harm but to the disk.
pub(super) fn delete(path: &Path) {
    if std::fs::remove_file(path.join(MANIFEST)).is_ok() {
        // Only a kill matters here.
        let _ = failpoint("delete.after-manifest");
        let _ = std::fs::remove_dir_all(path);
    }
}
