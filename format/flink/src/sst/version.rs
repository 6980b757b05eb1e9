//! The live tables of a database: what is left after all records of `MANIFEST`.

use std::collections::BTreeMap;

use spt_format::{Error, ErrorKind, Location, ReadLimits, Result, ResultExt};

use super::log::LogReader;
use super::manifest::Edit;
use super::table::TableHints;

/// The column families of a database, by number.
#[derive(Debug)]
pub struct Version {
    families: BTreeMap<u32, ColumnFamily>,
}

/// One column family and its live tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnFamily {
    /// Its number; 0 is the default family's.
    pub id: u32,
    /// In Flink the name of a state, in UTF-8.
    pub name: Vec<u8>,
    /// Write-ahead logs below this number hold nothing of the family any more.
    pub log_number: u64,
    /// By number. Those of one level but 0 do not overlap.
    pub tables: BTreeMap<u64, LiveTable>,
}

/// One table as the manifest knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTable {
    /// 0 for tables that were in memory last; they overlap. The higher, the older.
    pub level: u32,
    /// The file's number, unique in its database.
    pub number: u64,
    /// Size of the file, in bytes.
    pub size: u64,
    /// No user key is below this one.
    pub smallest: Vec<u8>,
    /// Every user key is below this one.
    pub end: Vec<u8>,
    /// The highest sequence number, if the manifest has it.
    pub newest_sequence: Option<u64>,
}

impl LiveTable {
    /// The name of the table's file.
    pub fn file_name(&self) -> String {
        format!("{:06}.sst", self.number)
    }

    /// May hold keys of `[lower, upper)`; no upper bound if `None`.
    pub fn overlaps(&self, lower: &[u8], upper: Option<&[u8]>) -> bool {
        self.end.as_slice() > lower && upper.is_none_or(|upper| self.smallest.as_slice() < upper)
    }
}

impl ColumnFamily {
    /// What the manifest knows about `table` that the table may not.
    pub fn hints(&self, table: &LiveTable) -> TableHints {
        TableHints { newest_sequence: table.newest_sequence, column_family: Some(self.id) }
    }
}

impl Version {
    /// A database as it is created: with the default column family, which has no tables.
    pub fn empty() -> Self {
        let default = ColumnFamily { name: b"default".to_vec(), ..ColumnFamily::default() };
        Self { families: BTreeMap::from([(0, default)]) }
    }

    /// Replays the records of a manifest.
    ///
    /// # Errors
    /// What reading the log may cause; [`ErrorKind::Invalid`] if a record contradicts those before it;
    /// [`ErrorKind::Unsupported`] for another key order than that of the bytes.
    pub fn replay(mut manifest: LogReader, limits: &ReadLimits) -> Result<Self> {
        let mut version = Self::empty();
        let (mut records, mut group_remaining) = (0u64, 0);
        while let Some(record) = manifest.next_record()? {
            let edit = Edit::decode(&record).and_then(|edit| {
                group_remaining = edit.group_remaining;
                version.apply(edit)
            });
            edit.within(|| format!("record {records}"))?;
            ReadLimits::check("column families", version.families.len() as u64, limits.states)?;
            records += 1;
        }
        match (records, group_remaining) {
            (0, _) => Err(Error::invalid("the manifest has no record")),
            (_, 0) => Ok(version),
            (_, missing) => Err(Error::invalid(format!("the last group lacks {missing} records"))),
        }
    }

    /// All column families, ascending by number.
    pub fn families(&self) -> impl Iterator<Item = &ColumnFamily> {
        self.families.values()
    }

    /// The column family of this name.
    pub fn family(&self, name: &[u8]) -> Option<&ColumnFamily> {
        self.families().find(|family| family.name == name)
    }

    fn apply(&mut self, edit: Edit) -> Result<()> {
        let id = edit.column_family;
        check_comparator(edit.comparator.as_deref())?;
        if let Some(name) = edit.add_family {
            let family = ColumnFamily { id, name, ..ColumnFamily::default() };
            if self.families.insert(id, family).is_some() {
                return Err(Error::invalid(format!("column family {id} is added twice")));
            }
        }
        if edit.drop_family {
            self.families.remove(&id);
            return Ok(());
        }
        let family = self.families.get_mut(&id);
        let family = family.ok_or_else(|| Error::invalid(format!("there is no column family {id}")))?;
        family.log_number = edit.log_number.unwrap_or(family.log_number);
        family.change_tables(edit.new_tables, &edit.deleted_tables)
    }
}

impl ColumnFamily {
    /// Deletions come first: a table that moves to another level is deleted and added in one record.
    fn change_tables(&mut self, new: Vec<LiveTable>, deleted: &[(u32, u64)]) -> Result<()> {
        for (level, number) in deleted {
            match self.tables.remove(number) {
                Some(table) if table.level == *level => {}
                _ => {
                    return Err(Error::invalid(format!(
                        "table {number} is deleted from level {level}, where it is not"
                    )));
                }
            }
        }
        for table in new {
            let number = table.number;
            if self.tables.insert(number, table).is_some() {
                return Err(Error::invalid(format!("table {number} is added twice")));
            }
        }
        Ok(())
    }
}

fn check_comparator(name: Option<&[u8]>) -> Result<()> {
    match name {
        None | Some(b"leveldb.BytewiseComparator") => Ok(()),
        Some(other) => {
            let what = format!("key order {:?}", String::from_utf8_lossy(other));
            Err(Error::new(ErrorKind::Unsupported { what }, Location::default()))
        }
    }
}

#[cfg(test)]
mod tests;
