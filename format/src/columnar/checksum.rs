//! SHA-256 of what is written and read.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::location::Location;

/// A SHA-256, printed as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Compares what was found with what was recorded.
    ///
    /// # Errors
    /// [`ErrorKind::ChecksumMismatch`] if they differ.
    pub fn expect(self, recorded: Self) -> Result<()> {
        if self == recorded {
            return Ok(());
        }
        let kind = ErrorKind::ChecksumMismatch { found: self.to_string(), expected: recorded.to_string() };
        Err(Error::new(kind, Location::default()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::invalid(format!("digest {text:?} is not 64 lower-case hex digits"));
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(invalid()),
        };
        let mut digest = [0; 32];
        if text.len() != 64 {
            return Err(invalid());
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(digest))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// A run of a file's bytes and its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
}

/// Passes bytes on and digests them: all of them, and run by run.
pub(crate) struct DigestWriter<W> {
    inner: W,
    whole: Sha256,
    /// What the run has of it; none of the first run, which is all there is so far.
    run: Option<Sha256>,
    run_offset: u64,
    position: u64,
}

impl<W: Write> DigestWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, whole: Sha256::new(), run: None, run_offset: 0, position: 0 }
    }

    /// The run from the end of the last one to here.
    pub(crate) fn end_run(&mut self) -> Run {
        let run = self.run.replace(Sha256::new()).unwrap_or_else(|| self.whole.clone());
        let sha256 = Digest(run.finalize().into());
        let offset = std::mem::replace(&mut self.run_offset, self.position);
        Run { offset, bytes: self.position - offset, sha256 }
    }

    /// All bytes as one run, and what they were passed on to.
    pub(crate) fn finish(self) -> (Run, W) {
        let sha256 = Digest(self.whole.finalize().into());
        (Run { offset: 0, bytes: self.position, sha256 }, self.inner)
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(bytes)?;
        self.whole.update(bytes);
        if let Some(run) = &mut self.run {
            run.update(bytes);
        }
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
