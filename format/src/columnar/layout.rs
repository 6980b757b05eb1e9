//! Where things are in a savepoint. Paths are built here and nowhere else.
//!
//! ```text
//! manifest.json                                        the commit point
//! <operator>/<state>/<n>.parquet                       n = 0, 1, … in the order of the rows
//! ```
//!
//! A folder is `<slug>-<16 hex digits>`: a hint for people, and what makes it unique. Readers never parse it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checksum::Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::location::Location;
use crate::model::{Operator, State};

/// The name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// Longest path a manifest may name, in bytes.
const MAX_PATH_BYTES: usize = 1024;

/// Longest slug of a folder's name, in characters.
const MAX_SLUG: usize = 40;

/// The path of a data file: relative, and inside the savepoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DataPath(String);

impl DataPath {
    /// A path from a manifest.
    ///
    /// # Errors
    /// [`ErrorKind::PathEscapes`] if it is absolute, has an empty part, `.` or `..`, a backslash or a control
    /// character, or is too long; or if it is the manifest's own.
    pub fn parse(text: &str) -> Result<Self> {
        let is_name = |part: &str| !part.is_empty() && part != "." && part != "..";
        let is_forbidden = |c: char| c == '\\' || c == ':' || c.is_control();
        if text.len() > MAX_PATH_BYTES
            || !text.split('/').all(is_name)
            || text.contains(is_forbidden)
            || text == MANIFEST
        {
            let kind = ErrorKind::PathEscapes { path: text.to_owned() };
            return Err(Error::new(kind, Location::default()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The file number `index` of a state.
    pub fn of_file(operator: &Operator, state: &State, index: usize) -> Self {
        let folder = component(&operator.label());
        let table = component(&format!("{}:{}", state.kind, state.name));
        Self(format!("{folder}/{table}/{index}.parquet"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<DataPath> for String {
    fn from(path: DataPath) -> Self {
        path.0
    }
}

impl TryFrom<String> for DataPath {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

/// A folder's name for any text: its slug, and 16 hex digits of its SHA-256.
fn component(name: &str) -> String {
    let digest = Digest::of(name.as_bytes()).to_string();
    format!("{}-{}", slug(name), digest.get(..16).unwrap_or_default())
}

/// A hint at any text that may stand in a path: at most 40 lower-case letters, digits and hyphens, `x` if
/// there are none. Different texts may have the same.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
        if slug.len() == MAX_SLUG {
            break;
        }
    }
    match slug.trim_end_matches('-') {
        "" => "x".to_owned(),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_slug_and_a_hash() {
        assert_eq!(component("sum-001"), format!("sum-001-{}", &Digest::of(b"sum-001").to_string()[..16]));
        assert!(component("../Größe _x=1").starts_with("gr-e-x-1-"));
        assert!(component("日本").starts_with("x-"));
        assert_eq!(component(&"a".repeat(300)).len(), 40 + 1 + 16);
        assert_ne!(component("A"), component("a"));
    }

    #[test]
    fn a_path_that_leaves_the_savepoint_cannot_be_built() {
        for text in ["", "/a", "a//b", "a/", "..", "a/../b", "./a", "a\\b", "c:/a", "a\0b", MANIFEST] {
            assert!(DataPath::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(DataPath::parse("a-1/b/0.parquet").unwrap().as_str(), "a-1/b/0.parquet");
    }
}
