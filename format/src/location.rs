//! A place in a savepoint: the file, what encloses the place from the outside in, and the byte.

use std::fmt;

/// Where something is: `sum-001/counts/0.parquet, row group 2, byte 1024`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    file: Option<String>,
    /// Innermost first, because that is the order in which an error learns them.
    enclosing: Vec<String>,
    offset: Option<u64>,
}

impl Location {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..Self::default() }
    }

    /// A byte, counted from the start of the file.
    pub fn byte(offset: u64) -> Self {
        Self { offset: Some(offset), ..Self::default() }
    }

    /// Names the file unless one is named already.
    pub fn set_file(&mut self, file: impl Into<String>) {
        self.file.get_or_insert_with(|| file.into());
    }

    /// Adds what encloses everything known so far, unless the level below has just said the same.
    pub fn enclose(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.enclosing.last() != Some(&what) {
            self.enclosing.push(what);
        }
    }

    /// The file's name, if known.
    pub fn file_name(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The byte's offset from the start of the file, if known.
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.enclosing.is_empty() && self.offset.is_none()
    }
}

impl From<&str> for Location {
    fn from(file: &str) -> Self {
        Self::file(file)
    }
}

impl From<String> for Location {
    fn from(file: String) -> Self {
        Self::file(file)
    }
}

impl From<&std::path::Path> for Location {
    fn from(path: &std::path::Path) -> Self {
        Self::file(path.display().to_string())
    }
}

impl From<&std::path::PathBuf> for Location {
    fn from(path: &std::path::PathBuf) -> Self {
        Self::from(path.as_path())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: &dyn fmt::Display| {
            let result = write!(f, "{separator}{text}");
            separator = ", ";
            result
        };
        if let Some(file) = &self.file {
            part(f, file)?;
        }
        for what in self.enclosing.iter().rev() {
            part(f, what)?;
        }
        match self.offset {
            Some(offset) => part(f, &format_args!("byte {offset}")),
            None => Ok(()),
        }
    }
}
