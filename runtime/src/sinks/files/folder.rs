//! The folder of a file sink: which files are in it, and how one becomes another.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use spt_format::failpoint;

use crate::error::{Error, Result};
use crate::folders;

/// A file that is durable and hidden, and what it is to become. This is what a checkpoint keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFile {
    /// Its name in the folder.
    pub pending: String,
    /// Its name once it is visible.
    pub visible: String,
    /// Its length.
    pub bytes: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder and tries to write to it, so that a job that could not is refused at its start.
    pub(super) fn prepare(&self, job_id: &str) -> Result<()> {
        folders::make(&self.0).map_err(|error| {
            Error::refused(format!("{}: the folder cannot be made", self.0.display())).caused_by(error)
        })?;
        let probe = self.0.join(format!("{}probe", writing_prefix(job_id)));
        let tried = File::create(&probe).and_then(|_| fs::remove_file(&probe));
        tried.map_err(|error| {
            Error::refused(format!("{}: the folder is not writable", self.0.display())).caused_by(error)
        })
    }

    /// Whether each file is there, pending or visible.
    pub(super) fn check(&self, files: &[PendingFile]) -> Result<()> {
        files.iter().try_for_each(|file| {
            confined(file)?;
            if self.is_pending(file) { Ok(()) } else { self.check_visible(file) }
        })
    }

    pub(super) fn is_pending(&self, file: &PendingFile) -> bool {
        self.0.join(&file.pending).symlink_metadata().is_ok()
    }

    /// Makes files visible. One that is visible already is left as it is.
    /// `place` is the failpoint ahead of each rename.
    pub(super) fn commit(&self, files: &[PendingFile], place: &'static str) -> Result<()> {
        for file in files {
            failpoint(place)?;
            self.commit_one(file)?;
        }
        if files.is_empty() { Ok(()) } else { self.sync() }
    }

    /// Removes what this job has left hidden.
    pub(super) fn abort(&self, job_id: &str) -> Result<()> {
        let prefixes = [writing_prefix(job_id), pending_prefix(job_id)];
        let failed = |error| self.cannot("list", error);
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if prefixes.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
                fs::remove_file(self.0.join(&name)).map_err(|error| self.cannot("clean up", error))?;
            }
        }
        Ok(())
    }

    /// Hidden files that other jobs have left here, or still write.
    pub(super) fn hidden_by_others(&self, job_id: &str) -> Result<usize> {
        let failed = |error| self.cannot("list", error);
        let (ours, all) = ([writing_prefix(job_id), pending_prefix(job_id)], [".writing-", ".pending-"]);
        let mut hidden = 0;
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let begins = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
            let is_ours = ours.iter().any(|prefix| begins(prefix));
            hidden += usize::from(!is_ours && all.iter().any(|prefix| begins(prefix)));
        }
        Ok(hidden)
    }

    /// The checkpoints after this one, of this job, that have made output visible here: one for each file, in order.
    pub(crate) fn committed_after(&self, job_id: &str, checkpoint: u64) -> Result<Vec<u64>> {
        let (prefix, failed) = (visible_prefix(job_id), |error| self.cannot("list", error));
        let mut newer = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix(&prefix)?.split('-').next()?.parse::<u64>().ok());
            newer.extend(number.filter(|number| *number > checkpoint));
        }
        newer.sort_unstable();
        Ok(newer)
    }

    /// Makes renames durable.
    pub(super) fn sync(&self) -> Result<()> {
        let synced = File::open(&self.0).and_then(|folder| folder.sync_all());
        synced.map_err(|error| self.cannot("sync", error))
    }

    /// Gives a file another name, and never that of a file which is there.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.0.join(from), self.0.join(to));
        Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
    }

    fn commit_one(&self, file: &PendingFile) -> Result<()> {
        confined(file)?;
        match self.rename(&file.pending, &file.visible) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.check_visible(file),
            Err(error) => {
                let what =
                    format!("{}: {} could not be made {}", self.0.display(), file.pending, file.visible);
                Err(Error::failed(what).caused_by(error))
            }
        }
    }

    /// It was committed before, by this process or one that was killed: then it is there, and whole.
    fn check_visible(&self, file: &PendingFile) -> Result<()> {
        let visible = self.0.join(&file.visible);
        match fs::metadata(&visible) {
            Ok(found) if found.len() == file.bytes => Ok(()),
            // No later start would find it, or find it whole.
            Ok(found) => Err(Error::refused(format!(
                "{}: {} bytes long, but {} bytes were written: the output was changed; put it back as it was, or \
                 start without it: --pending discard",
                visible.display(),
                found.len(),
                file.bytes
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::refused(format!(
                "{}: neither pending (as {}) nor visible: this output is lost; put it there from the folder that the \
                 sink wrote to, or start without it: --pending discard",
                visible.display(),
                file.pending
            ))),
            Err(error) => Err(self.cannot("look for output", error)),
        }
    }

    pub(super) fn cannot(&self, action: &str, error: io::Error) -> Error {
        Error::failed(format!("{}: {action} failed", self.0.display())).caused_by(error)
    }
}

pub(super) fn writing_prefix(job_id: &str) -> String {
    format!(".writing-{job_id}-")
}

pub(super) fn pending_prefix(job_id: &str) -> String {
    format!(".pending-{job_id}-")
}

pub(super) fn visible_prefix(job_id: &str) -> String {
    format!("part-{}-", job_id.get(..8).unwrap_or(job_id))
}

/// Names come out of a savepoint, which may come from anywhere.
fn confined(file: &PendingFile) -> Result<()> {
    let is_path =
        |name: &&String| name.is_empty() || *name == "." || *name == ".." || name.contains(['/', '\0']);
    match [&file.pending, &file.visible].into_iter().find(is_path) {
        Some(name) => Err(Error::failed(format!("pending output {name:?} is not the name of a file"))),
        None => Ok(()),
    }
}
