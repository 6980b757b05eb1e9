//! Keyed state in the files of a RocksDB database: native savepoints and incremental checkpoints.
//!
//! ```text
//! CURRENT            names the manifest
//! MANIFEST-000004    column families, and which tables each of them has
//! 000012.sst …       tables
//! OPTIONS-000009     how RocksDB was configured; not needed to read
//! 000013.log         a write-ahead log; Flink writes none
//! ```
//!
//! A column family is a state of the same name (timers too, under `_timer_state/…`). A key begins with
//! its key group, one byte or two, so a family is sorted by key group and then by serialized key. A
//! database may hold key groups that are not its handle's, as after a change of parallelism; they are
//! another subtask's state and not returned.

use std::collections::BTreeMap;
use std::sync::Arc;

use spt_format::{Error, ErrorKind, KeyGroupRange, Location, ReadLimits, Result, ResultExt};

use crate::ReadAt;
use crate::files::Files;
use crate::metadata::{Incremental, StreamHandle};
use crate::sst::{ColumnFamily, LiveTable, LogReader, Merge, Run, Span, Table, Version};

/// The family every database has. Flink keeps nothing in it and lets no state have its name.
const DEFAULT_FAMILY: &str = "default";

/// The database of one keyed handle, opened as far as its manifest.
pub struct RocksDatabase {
    files: Files,
    streams: BTreeMap<String, StreamHandle>,
    version: Version,
    key_groups: KeyGroupRange,
    /// Length of the key group before every key, in bytes.
    prefix_bytes: usize,
    limits: ReadLimits,
}

impl RocksDatabase {
    /// Reads the manifest of the database behind `handle`, of an operator with this max parallelism.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] if the manifest or a table it names is not among the handle's files,
    /// [`ErrorKind::Mismatch`] if a table has another size than the manifest says,
    /// [`ErrorKind::Unsupported`] if there is a write-ahead log or a blob file, and what reading causes.
    pub fn open(
        handle: &Incremental,
        max_parallelism: u32,
        files: &Files,
        limits: &ReadLimits,
    ) -> Result<Self> {
        let named = handle.files().map(|file| (file.name.clone(), file.stream.clone()));
        let mut database = Self {
            files: files.clone(),
            streams: named.collect(),
            version: Version::empty(),
            key_groups: handle.key_groups,
            prefix_bytes: if max_parallelism > 128 { 2 } else { 1 },
            limits: limits.clone(),
        };
        database.refuse_what_cannot_be_read()?;
        database.version = database.read_manifest()?;
        database.check_tables()?;
        Ok(database)
    }

    /// The states it has, by name. Names are those of column families.
    pub fn states(&self) -> impl Iterator<Item = String> {
        let names = self.version.families().map(|family| String::from_utf8_lossy(&family.name).into_owned());
        names.filter(|name| name != DEFAULT_FAMILY)
    }

    /// Bytes of a state's tables, key groups of other subtasks and overwritten entries included.
    pub fn state_bytes(&self, state: &str) -> u64 {
        let family = self.version.family(state.as_bytes());
        family.map_or(0, |family| family.tables.values().map(|table| table.size).sum())
    }

    /// Compares the column families with the states that the handle's header names.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if a state has no column family, or entries would be left aside because
    /// their family is no state.
    pub fn check_states<'a>(&self, header: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let header = header.into_iter().collect::<std::collections::BTreeSet<_>>();
        for state in &header {
            self.family(state)?;
        }
        for family in self.version.families() {
            let name = String::from_utf8_lossy(&family.name);
            if !header.contains(name.as_ref()) && !family.tables.is_empty() {
                return Err(mismatch("column family", &format!("{name:?}"), "a state of the header"));
            }
        }
        Ok(())
    }

    /// Tables that are among the handle's files and not live: RocksDB, too, passes over them.
    pub fn unreferenced_tables(&self) -> impl Iterator<Item = &str> {
        let live =
            self.version.families().flat_map(|family| family.tables.values()).map(LiveTable::file_name);
        let live = live.collect::<std::collections::BTreeSet<_>>();
        let tables = self.streams.keys().filter(|name| name.ends_with(".sst"));
        tables.filter(move |name| !live.contains(*name)).map(String::as_str)
    }

    /// The live entries of a state in these key groups, as far as they are the handle's: ascending by key
    /// group, then by serialized key.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such state.
    pub fn entries(&self, state: &str, key_groups: KeyGroupRange) -> Result<RocksEntries> {
        let family = self.family(state)?;
        let Some(key_groups) = key_groups.intersection(self.key_groups) else {
            return Ok(RocksEntries::over(
                Merge::new(Vec::new(), Span::default(), &self.limits),
                self.prefix_bytes,
            ));
        };
        let span = self.span(key_groups);
        let within =
            family.tables.values().filter(|table| table.overlaps(&span.lower, span.upper.as_deref()));
        let runs = within.map(|table| self.run(family, table)).collect::<Result<Vec<_>>>()?;
        Ok(RocksEntries::over(Merge::new(runs, span, &self.limits), self.prefix_bytes))
    }

    /// Reads the blocks beside the data of every table, of which a reader needs few: filters, dictionaries.
    ///
    /// # Errors
    /// At the first that is damaged, with its file.
    pub fn verify_meta_blocks(&self) -> Result<()> {
        for family in self.version.families() {
            for table in family.tables.values() {
                let Run { file, name, open, .. } = self.run(family, table)?;
                open().and_then(|table| table.verify_meta_blocks()).within(|| name).in_file(file)?;
            }
        }
        Ok(())
    }

    fn family(&self, state: &str) -> Result<&ColumnFamily> {
        let family = self.version.family(state.as_bytes());
        family.ok_or_else(|| Error::not_found(format!("the database has no column family {state:?}")))
    }

    /// The keys of these key groups.
    fn span(&self, key_groups: KeyGroupRange) -> Span {
        let prefix = |group: u32| match self.prefix_bytes {
            1 => u8::try_from(group).ok().map(|group| vec![group]),
            _ => u16::try_from(group).ok().map(|group| group.to_be_bytes().to_vec()),
        };
        let lower = prefix(key_groups.first().into()).unwrap_or_default();
        Span { lower, upper: prefix(u32::from(key_groups.last()) + 1) }
    }

    fn run(&self, family: &ColumnFamily, table: &LiveTable) -> Result<Run> {
        let name = table.file_name();
        let handle = self.stream(&name)?.clone();
        let (hints, files, limits) = (family.hints(table), self.files.clone(), self.limits.clone());
        let open = move || Table::open(Arc::new(files.open(&handle)?), hints, &limits);
        Ok(Run {
            file: place(self.stream(&name)?),
            name,
            smallest: table.smallest.clone(),
            end: table.end.clone(),
            open: Box::new(open),
        })
    }

    fn stream(&self, name: &str) -> Result<&StreamHandle> {
        self.streams.get(name).ok_or_else(|| Error::new(ErrorKind::Missing, name))
    }

    fn read_manifest(&self) -> Result<Version> {
        let current = self.files.open(self.stream("CURRENT")?)?;
        ReadLimits::check("length of CURRENT", current.size(), 4096)?;
        let current = current.read_at(0, usize::try_from(current.size()).unwrap_or_default())?;
        let name = current.strip_suffix(b"\n").map(String::from_utf8_lossy);
        let name = name.filter(|name| name.starts_with("MANIFEST-"));
        let name = name.ok_or_else(|| Error::invalid("it does not name a manifest").in_file("CURRENT"))?;
        let handle = self.stream(&name)?;
        let stream = self.files.open(handle)?;
        ReadLimits::check("size of the manifest", stream.size(), self.limits.metadata_bytes)
            .and_then(|()| Version::replay(LogReader::new(Arc::new(stream), &self.limits), &self.limits))
            .within(|| name)
            .in_file(place(handle))
    }

    /// Every live table is there, with the size the manifest has.
    fn check_tables(&self) -> Result<()> {
        for table in self.version.families().flat_map(|family| family.tables.values()) {
            let name = table.file_name();
            let handle = self.stream(&name)?;
            if handle.size() != table.size {
                let error = mismatch("table size", &handle.size().to_string(), &table.size.to_string());
                return Err(error.within(name).in_file(place(handle)));
            }
        }
        Ok(())
    }

    fn refuse_what_cannot_be_read(&self) -> Result<()> {
        for (name, handle) in &self.streams {
            let what = match name.rsplit_once('.') {
                Some((_, "log")) if handle.size() > 0 => "a write-ahead log",
                Some((_, "blob")) => "a blob file",
                _ => continue,
            };
            let kind = ErrorKind::Unsupported { what: format!("{what} of {} bytes", handle.size()) };
            return Err(Error::new(kind, Location::default()).within(name.as_str()).in_file(place(handle)));
        }
        Ok(())
    }
}

/// How errors name the file of a handle.
fn place(handle: &StreamHandle) -> String {
    match handle {
        StreamHandle::Relative { path, .. } | StreamHandle::File { path, .. } => path.clone(),
        StreamHandle::Segment { path, .. } => path.clone(),
        StreamHandle::KeyGroups(file) => place(&file.stream),
        StreamHandle::Inline { .. } | StreamHandle::Empty => crate::location::METADATA.to_owned(),
    }
}

fn mismatch(what: &str, found: &str, expected: &str) -> Error {
    let kind = ErrorKind::Mismatch { what: what.into(), found: found.into(), expected: expected.into() };
    Error::new(kind, Location::default())
}

/// A walk over the live entries of one state. Memory: one block of each open table, one entry.
pub struct RocksEntries {
    merge: Merge,
    prefix_bytes: usize,
    key_group: u16,
    ended: bool,
}

impl RocksEntries {
    fn over(merge: Merge, prefix_bytes: usize) -> Self {
        Self { merge, prefix_bytes, key_group: 0, ended: false }
    }

    /// Moves to the next entry. False at the end, and after an error: behind a damaged block older tables
    /// would show values that it overwrote or deleted.
    ///
    /// # Errors
    /// [`ErrorKind::ChecksumMismatch`] and others of a damaged table, with its file and block.
    pub fn advance(&mut self) -> Result<bool> {
        if std::mem::replace(&mut self.ended, true) || !self.merge.advance()? {
            return Ok(false);
        }
        let prefix = self.merge.key().get(..self.prefix_bytes);
        let prefix = prefix.ok_or_else(|| Error::invalid("a key is shorter than its key group"))?;
        self.key_group = prefix.iter().fold(0, |group, &byte| group << 8 | u16::from(byte));
        self.ended = false;
        Ok(true)
    }

    /// The key group of the current entry.
    pub fn key_group(&self) -> u16 {
        self.key_group
    }

    /// The composite key: key group, key, namespace and, in map state, user key.
    pub fn key(&self) -> &[u8] {
        self.merge.key()
    }

    /// The serialized value; of list state the elements with a comma between them; of a timer empty.
    pub fn value(&self) -> &[u8] {
        self.merge.value()
    }
}
