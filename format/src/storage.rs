//! The storage seam: everything above it names objects below one root and knows neither paths nor files.
//!
//! A location is relative, its parts separated by `/`. There is no rename in the contract and no directory,
//! so that an object store can stand behind it; durability is the contract, see [`Storage::put_if_absent`].

use std::fmt::Debug;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;

use crate::error::{Error, Result};

mod local;

pub use local::LocalStorage;

/// An object and its size.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Relative to the root.
    pub location: String,
    /// Bytes.
    pub size: u64,
}

/// How an object came to be a copy of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharing {
    /// Shares blocks until one side changes: as good as a copy.
    Reflink,
    /// The same file under two names.
    HardLink,
    /// Bytes of its own.
    Copy,
}

impl Sharing {
    /// The name in a receipt.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reflink => "reflink",
            Self::HardLink => "hard-link",
            Self::Copy => "copy",
        }
    }
}

/// Objects below one root.
pub trait Storage: Debug + Send + Sync {
    /// Bytes of an object.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`](crate::ErrorKind::Missing) if it is not there.
    fn size(&self, location: &str) -> Result<u64>;

    /// Exactly these bytes of an object.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) if it ends earlier.
    fn read_at(&self, location: &str, range: Range<u64>) -> Result<Bytes>;

    /// Begins an object that must not exist.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) if it does.
    fn create(&self, location: &str) -> Result<Box<dyn NewObject>>;

    /// Makes a small object appear whole, durably, and after everything finished before it is durable.
    /// Of several that try, one succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) if it is there already.
    fn put_if_absent(&self, location: &str, bytes: &[u8]) -> Result<()>;

    /// Every object, ordered by location.
    ///
    /// # Errors
    /// If the objects cannot be listed.
    fn list(&self) -> Result<Vec<Object>>;

    /// Makes `to` have the bytes that `from` has in `source`, as cheaply as the storage can: by reflink, else by
    /// hard link if nobody may write to the original, else by copy. With `independent`, so that damage to one is
    /// no damage to the other.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) if `to` is there already.
    fn copy_or_link(&self, source: &dyn Storage, from: &str, to: &str, independent: bool) -> Result<Sharing>;

    /// Removes an object.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`](crate::ErrorKind::Missing) if it is not there.
    fn delete(&self, location: &str) -> Result<()>;

    /// Removes every object and the root itself.
    ///
    /// # Errors
    /// If something could not be removed.
    fn delete_all(&self) -> Result<()>;

    /// Where an object is for the operating system, if it is a file of its own.
    fn local_path(&self, location: &str) -> Option<PathBuf> {
        let _ = location;
        None
    }

    /// A file for what does not fit memory, without a name: gone when it is closed, whatever happens.
    ///
    /// # Errors
    /// If it cannot be created.
    fn scratch(&self) -> Result<File> {
        tempfile::tempfile().map_err(|error| Error::io("create", "scratch file", error))
    }

    /// The root, for messages.
    fn describe(&self) -> String;
}

/// An object that is being written. Dropped before [`NewObject::finish`], it is no object.
pub trait NewObject: Write + Send + Sync {
    /// Makes its bytes durable. From now on it is read-only.
    ///
    /// # Errors
    /// If they could not be made durable. It is not tried again: after a failed fsync nobody knows what is on disk.
    fn finish(self: Box<Self>) -> Result<()>;
}
