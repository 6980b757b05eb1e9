//! The folder in which running jobs are found.
//!
//! ```text
//! <run dir>/jobs/       0700, the owner's
//!   <job id>.json       what is known of the job, written whole by renaming
//!   <job id>.lock       held by the job's process as long as it lives
//! ```
//!
//! An entry whose lock nobody holds is stale: its process is gone, killed perhaps. It is said, and removed.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spt_format::{Error, ErrorKind, ReadLimits, Result};

use super::is_id;
use super::lock::{Held, Lock};

const SCHEMA: &str = "spt.job/1";

/// Longer than any entry that was written here.
const MAX_ENTRY_BYTES: u64 = 1 << 16;

/// What the registry knows of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEntry {
    /// `spt.job/1`.
    pub schema: String,
    /// The job's id, 32 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Host and port of its control endpoint.
    pub address: String,
    /// The file that holds the token its requests must bear.
    pub token_file: Option<PathBuf>,
    /// When it was started, in ms since 1970.
    pub started_at_ms: i64,
    /// Its folder of checkpoints.
    pub checkpoint_dir: Option<PathBuf>,
    /// Where its output goes, if it was started detached.
    pub log_file: Option<PathBuf>,
}

impl JobEntry {
    /// An entry of this process.
    pub fn new(id: impl Into<String>, name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id: id.into(),
            name: name.into(),
            pid: std::process::id(),
            address: address.into(),
            token_file: None,
            started_at_ms: 0,
            checkpoint_dir: None,
            log_file: None,
        }
    }
}

/// The folder of running jobs.
#[derive(Debug, Clone)]
pub struct Registry {
    dir: PathBuf,
}

/// What the registry holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// Jobs whose processes live, ordered by start.
    pub running: Vec<JobEntry>,
    /// Jobs whose processes were gone; their entries have been removed.
    pub stale: Vec<JobEntry>,
}

/// A job's place in the registry, which it gives up when dropped.
#[derive(Debug)]
pub struct Registered {
    entry: PathBuf,
    lock: Option<Lock>,
}

impl Registry {
    /// The registry of this user: the folder `jobs` in `$SPT_RUN_DIR`, else `$XDG_RUNTIME_DIR/spt`, else `$XDG_STATE_HOME/spt/run`
    /// or `~/.local/state/spt/run`.
    ///
    /// # Errors
    /// If none of them can be made, or others than its owner could read it.
    pub fn of_user() -> Result<Self> {
        Self::at(run_dir()?.join("jobs"))
    }

    /// The registry in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or others than its owner could read it.
    pub fn at(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|error| Error::io("create", &dir, error))?;
        refuse_shared(&dir)?;
        Ok(Self { dir })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes the place of the job with this id.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] if a live process has it.
    pub fn claim(&self, id: &str) -> Result<Registered> {
        if !is_id(id) {
            return Err(Error::bad_request(format!("job id {id:?} is not 32 lower-case hex digits")));
        }
        let holder = format!("job {id}, process {}", std::process::id());
        let lock = Lock::acquire(&self.file(id, "lock"), &holder)
            .map_err(|error| error.within(format!("job {id} is running already")))?;
        Ok(Registered { entry: self.file(id, "json"), lock: Some(lock) })
    }

    /// Every job, with stale entries removed on the way.
    ///
    /// # Errors
    /// If the folder cannot be read, or an entry is damaged: it is named, so that a person can remove it.
    pub fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            let Some(entry) = self.read(&id)? else { continue };
            match Lock::held(&self.file(&id, "lock"))? {
                Held::Yes => listing.running.push(entry),
                Held::No => {
                    self.remove_stale(&id);
                    listing.stale.push(entry);
                }
            }
        }
        listing.running.sort_by(|a, b| (a.started_at_ms, &a.id).cmp(&(b.started_at_ms, &b.id)));
        Ok(listing)
    }

    /// The running job that `text` means: its id, its name, or the beginning of one id alone.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none, or more than one.
    pub fn find(&self, text: &str) -> Result<JobEntry> {
        let Listing { running, stale } = self.list()?;
        let exact = running.iter().filter(|job| job.id == text);
        let named = running.iter().filter(|job| job.name == text);
        let begins = running.iter().filter(|job| !text.is_empty() && job.id.starts_with(text));
        for found in [exact.collect::<Vec<_>>(), named.collect(), begins.collect()] {
            match found.as_slice() {
                [] => {}
                [one] => return Ok((*one).clone()),
                several => {
                    let ids: Vec<_> = several.iter().map(|job| job.id.as_str()).collect();
                    let what = format!("{text:?} means several jobs: {}", ids.join(", "));
                    return Err(Error::not_found(what));
                }
            }
        }
        Err(Error::not_found(not_running(text, &running, &stale)))
    }

    fn ids(&self) -> Result<Vec<String>> {
        let failed = |error| Error::io("list", &self.dir, error);
        let mut ids = Vec::new();
        for file in fs::read_dir(&self.dir).map_err(failed)? {
            let name = file.map_err(failed)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json")).filter(|id| is_id(id));
            ids.extend(id.map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
    }

    /// The entry, unless its job ended since the folder was listed.
    fn read(&self, id: &str) -> Result<Option<JobEntry>> {
        let path = self.file(id, "json");
        let bytes = match fs::metadata(&path).map(|metadata| metadata.len()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let place = path.display().to_string();
        ReadLimits::check("size of the entry", bytes, MAX_ENTRY_BYTES)
            .map_err(|error| error.in_file(&place))?;
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let entry: JobEntry = serde_json::from_slice(&text).map_err(|error| {
            Error::new(ErrorKind::Invalid { what: "no entry of a job".into() }, place).caused_by(error)
        })?;
        Ok(Some(entry))
    }

    /// Nothing is removed if somebody takes the job's place in this instant.
    fn remove_stale(&self, id: &str) {
        if let Ok(registered) = self.claim(id) {
            drop(registered);
        }
    }

    fn file(&self, id: &str, extension: &str) -> PathBuf {
        self.dir.join(format!("{id}.{extension}"))
    }
}

impl Registered {
    /// Publishes what others are to know of the job.
    ///
    /// # Errors
    /// I/O.
    pub fn publish(&self, entry: &JobEntry) -> Result<()> {
        let text =
            serde_json::to_vec(entry).map_err(|error| Error::invalid("entry of a job").caused_by(error))?;
        write_whole(&self.entry, &text)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // An entry that stays is stale, and the next listing removes it.
        let _ = fs::remove_file(&self.entry);
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

/// Writes a small file that its owner alone can read: all of it, or nothing.
pub(super) fn write_whole(path: &Path, text: &[u8]) -> Result<()> {
    let staged = path.with_extension(format!("tmp-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(text)?;
        fs::rename(&staged, path)
    };
    write().map_err(|error| Error::io("write", path, error))
}

fn run_dir() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dirs = [
        variable("SPT_RUN_DIR"),
        variable("XDG_RUNTIME_DIR").map(|dir| dir.join("spt")),
        variable("XDG_STATE_HOME").map(|dir| dir.join("spt/run")),
        variable("HOME").map(|dir| dir.join(".local/state/spt/run")),
    ];
    dirs.into_iter().flatten().next().ok_or_else(|| {
        Error::bad_request("no folder for running jobs: set SPT_RUN_DIR, XDG_RUNTIME_DIR or HOME")
    })
}

/// Whoever can write here could send requests elsewhere; whoever can read here learns where tokens lie.
fn refuse_shared(dir: &Path) -> Result<()> {
    let found = fs::metadata(dir).map_err(|error| Error::io("read", dir, error))?;
    let mode = found.mode() & 0o777;
    let what = if found.uid() != rustix::process::geteuid().as_raw() {
        format!("belongs to user {}, not to this one", found.uid())
    } else if mode & 0o077 != 0 {
        format!("others may read it (mode {mode:o}): chmod 700 it")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::BadRequest { what }, dir))
}

fn not_running(text: &str, running: &[JobEntry], stale: &[JobEntry]) -> String {
    if let Some(gone) = stale.iter().find(|job| job.id.starts_with(text) || job.name == text) {
        return format!("job {} is gone: process {} ended without a word", gone.id, gone.pid);
    }
    let jobs: Vec<_> = running.iter().map(|job| format!("{} ({})", job.id, job.name)).collect();
    match jobs.is_empty() {
        true => format!("no job {text:?}: no job is running"),
        false => format!("no job {text:?}: running are {}", jobs.join(", ")),
    }
}
