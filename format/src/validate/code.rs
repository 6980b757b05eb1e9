//! The codes of findings. A code's meaning never changes; a code that is no longer used is not given again.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// It works, and somebody should look at it.
    Warning,
    /// It is damaged, or does not restore.
    Error,
}

impl Severity {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $severity:ident, $title:literal, $help:literal;)*) => {
        /// What a finding is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as people quote it: `SPT-104`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// What it is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means at length.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc, "\n",)+),)* }
            }

            /// What to do about it.
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

codes! {
    /// The manifest is not what was written: a bit was flipped, the end is missing, or somebody edited it.
    /// Nothing in this savepoint can be trusted to be complete.
    MetadataDamaged = "SPT-101", Error, "metadata is damaged",
        "restore the metadata file from another copy; use `spt migrate` to change a savepoint";
    /// The metadata names a file that is not there.
    FileMissing = "SPT-102", Error, "file is missing",
        "copy the whole directory again; `spt latest` finds the newest savepoint that is whole";
    /// A file has more or fewer bytes than the metadata says: it was cut, replaced, or not copied to its end.
    FileSize = "SPT-103", Error, "file has another size",
        "restore this file from another copy";
    /// The bytes of a file, or of a part of it, do not have the digest that was recorded when they were written.
    FileChecksum = "SPT-104", Error, "file is damaged",
        "restore this file from another copy";
    /// The bytes are those that were written, or nobody recorded what was written, and they mean nothing.
    FileMalformed = "SPT-105", Error, "file cannot be read",
        "restore this file from another copy; if it is as it was written, report it";
    /// A file lies in the savepoint and nothing refers to it: a leftover, or part of what somebody mixed up.
    FileOrphan = "SPT-106", Warning, "file belongs to nothing",
        "look where it comes from; it is not read and may be removed";
    /// A path leads out of the savepoint. It is not followed.
    PathEscapes = "SPT-107", Error, "path leaves the savepoint",
        "do not use this savepoint: it was made by hand or with ill intent";
    /// A file was there when the metadata was read and is gone now. A running job deletes checkpoints that newer
    /// ones replace; nothing is damaged.
    FileVanished = "SPT-108", Error, "file vanished meanwhile",
        "try again, or look at a savepoint: a running job deletes its old checkpoints";
    /// The operating system could not read a file.
    FileUnreadable = "SPT-109", Error, "file could not be read",
        "check permissions and the disk";
    /// A row is smaller than the row before it. Key lookups and comparisons rely on the order.
    RowOrder = "SPT-201", Error, "rows are out of order",
        "restore this file from another copy; if it is as it was written, report it";
    /// Two rows have the same key, namespace and place. A restore would keep one of them.
    RowDuplicate = "SPT-202", Error, "key is there twice",
        "restore this file from another copy; if it is as it was written, report it";
    /// A key's hash gives another key group than the one it is stored in. The job would never find it.
    RowKeyGroup = "SPT-203", Error, "key is in the wrong key group",
        "write the state anew: `spt migrate IN OUT --max-parallelism N` with the present N deals all keys out again";
    /// A state has more or fewer rows than the metadata says.
    RowCount = "SPT-204", Error, "row count differs",
        "restore this file from another copy";
    /// Rows are there and could not be read. They are counted, and the answer is incomplete.
    RowsUnread = "SPT-205", Error, "rows could not be read",
        "restore the damaged file from another copy; the other findings name it";
    /// The key group of some keys cannot be computed, because their hash is that of a class of the job's own.
    RowKeyGroupUnknown = "SPT-206", Info, "key groups cannot be checked",
        "nothing is wrong; only the job itself can compute these hashes";
    /// Values of a serializer that is not known are kept by their bytes and not understood.
    RowsOpaque = "SPT-207", Info, "values are opaque",
        "nothing is wrong; they are compared and copied by their bytes";
    /// The elements of a list have places from 0 on, and one of them is not there. A restore refuses the list.
    ListGap = "SPT-208", Error, "list has a gap",
        "restore this file from another copy; if it is as it was written, report it";
    /// Every subtask has a copy of a broadcast map, and these copies are not the same. Which one a restored subtask
    /// gets depends on the parallelism.
    BroadcastCopies = "SPT-209", Error, "copies of a broadcast map differ",
        "restore from another savepoint; the job puts different things into its copies";
    /// Values whose serializer is the job's own lie one behind the other without a length, as in a file of Flink's
    /// heap backend. Where each ends was inferred from where the next key was found, in the only way that fits.
    EndsInferred = "SPT-210", Info, "ends of values were inferred",
        "nothing is wrong; a savepoint in the canonical format has the lengths";
    /// An operator keeps state, or has output that is not committed, and its author gave it no uid: its id follows from
    /// the shape of the graph, and a change of the job loses it.
    NoUid = "SPT-301", Warning, "state or pending output without uid",
        "give the operator a uid in the job's program";
    /// The job had ended its input, fired its windows and timers, and then wrote this savepoint. Going on from it
    /// produces no second time what was produced then.
    Drained = "SPT-302", Info, "savepoint is drained",
        "restore from it only with new input: `--allow-drained`";
    /// It was written by something newer.
    TooNew = "SPT-303", Error, "written by something newer",
        "upgrade `spt`";
    /// Ids, parallelism, key groups or handles of operators contradict each other.
    Structure = "SPT-304", Error, "metadata contradicts itself",
        "restore from another savepoint of the job";
    /// The bytes are in order, and this version cannot read this part of them.
    NotSupported = "SPT-305", Warning, "part is not supported",
        "see `docs/flink-mapping.md` for what is read";
    /// A file is not where the metadata says and was found elsewhere. The system that wrote it would not find it.
    FileMoved = "SPT-306", Warning, "file was found elsewhere",
        "put the checkpoint back where it was, or take a savepoint, which can be moved";
    /// A sink is more than one operator: it writes under its author's uid, and commits under uids that Flink
    /// derives from it. They are renamed and dropped together.
    SinkFamily = "SPT-307", Info, "operators are steps of one sink",
        "rename or drop all of them, or none";
    /// Two fields of a state have the same id, by which they are told apart when their names change.
    FieldIdTwice = "SPT-308", Error, "field id is there twice",
        "restore the metadata file from another copy; if it is as it was written, report it";
    /// The savepoint has state of an operator that the job does not have. The restore is refused, or with
    /// `--allow-non-restored-state` the state is left behind.
    StateLost = "SPT-401", Error, "state would be left behind",
        "rename the operator with `spt migrate --rename-uid`, or drop it with `--drop-uid`";
    /// A state's types, key hash or max parallelism do not go with those the job declares.
    StateIncompatible = "SPT-402", Error, "state does not restore",
        "change the job, or drop the state with `spt migrate --drop-state`";
    /// A state restores once it was migrated.
    StateNeedsMigration = "SPT-403", Error, "state needs a migration",
        "run the `spt migrate` that is named";
    /// Whether a state restores can only be told by the job's own serializer.
    StateUnknown = "SPT-404", Warning, "cannot be told whether state restores",
        "try the restore in a test environment, and read every key";
    /// The operator is there and no longer declares this state. It is carried along, unused.
    StateUnused = "SPT-405", Warning, "state is no longer used",
        "drop it with `spt migrate --drop-state` if that is meant";
    /// The job declares a state that the savepoint does not have. It starts empty.
    StateNew = "SPT-406", Info, "state starts empty",
        "nothing is wrong if the state is new";
    /// A sink had written output that becomes visible only when it is committed, and the job has no such sink:
    /// nobody would commit it.
    PendingOutputLost = "SPT-407", Error, "pending output would be lost",
        "keep the sink until it has committed, or start the job with `--pending discard` if the loss is meant";
    /// Values were written by the Kryo of Flink 1 and would be read by that of Flink 2, which is another one. A
    /// restore may go through and fail later, when such a value is touched.
    KryoOfFlink1 = "SPT-408", Warning, "Kryo values cross from Flink 1 to 2",
        "try it: restore in a test environment and read every key; or let Flink 1 rewrite the state with another serializer";
    /// A list, map or set in a POJO was written by Kryo in Flink 1. From Flink 2.0 on such a field has a serializer of
    /// its own, and Flink refuses the POJO: the new state serializer must not be incompatible with the old one.
    CollectionOfFlink1 = "SPT-409", Error, "collection field changed its serializer in Flink 2.0",
        "in Flink 1, move the values to a state whose field has a type of its own (`@TypeInfo`), and upgrade from a savepoint of that";
    /// The class of a serializer is not part of Flink 2 any more. The restore fails: class not found.
    SerializerRemoved = "SPT-410", Error, "serializer was removed in Flink 2.0",
        "let Flink 1 rewrite the state with a serializer that is still there";
    /// A time to live was switched on or off. Whether that restores depends on the version of Flink and its backend.
    TtlSwitched = "SPT-411", Warning, "time to live was switched on or off",
        "restore with Flink 2.3 or newer, or keep the time to live and make it very long instead of switching it off";
    /// From a job's log: an operator's max parallelism is not the one its keys were dealt out by, or its parallelism is
    /// above it.
    MaxParallelism = "SPT-501", Error, "max parallelism does not fit",
        "set the max parallelism that the savepoint has; `spt inspect` shows it";
    /// From a job's log: keys, windows or timers have another type in the job. No field of a key can change, because its
    /// hash says where its state is.
    KeyChanged = "SPT-502", Error, "type of keys or windows has changed",
        "put the type back, or give the state another name";
    /// From a job's log: a native snapshot was to be restored by another state backend.
    BackendChanged = "SPT-503", Error, "another state backend wrote it",
        "restore with the backend that wrote it, or take a canonical savepoint with it";
    /// From a job's log: the savepoint names a class that neither Flink nor the job's jar has.
    ClassMissing = "SPT-504", Error, "class is missing",
        "put the class back into the job's jar";
    /// From a job's log: a class that was stored by Java serialization has changed without a fixed serialVersionUID.
    ClassChanged = "SPT-505", Error, "class has changed",
        "give the class the serialVersionUID that it had";
    /// From a job's log: Kryo could not read a value.
    KryoFailed = "SPT-506", Error, "Kryo cannot read a value",
        "register the classes as they were, and restore with the Flink that wrote it";
    /// From a job's log: there is no savepoint where the job looked for one.
    NotASavepoint = "SPT-507", Error, "no savepoint there",
        "`spt latest` finds the newest savepoint that is whole";
    /// From a job's log: this Flink does not read savepoints as old as this one.
    TooOldForFlink = "SPT-508", Error, "too old for this Flink",
        "restore with a Flink in between, and take a savepoint there";
}

impl Code {
    /// The code that an error of a reader comes under.
    pub fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Missing => Self::FileMissing,
            ErrorKind::Vanished => Self::FileVanished,
            ErrorKind::ChecksumMismatch { .. } => Self::FileChecksum,
            ErrorKind::Mismatch { what, .. } if what == "file size" => Self::FileSize,
            ErrorKind::PathEscapes { .. } => Self::PathEscapes,
            ErrorKind::Io { .. } => Self::FileUnreadable,
            ErrorKind::UnsupportedVersion { .. } | ErrorKind::UnsupportedFeature { .. } => Self::TooNew,
            ErrorKind::Unsupported { .. } => Self::NotSupported,
            _ => Self::FileMalformed,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Code {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|code| code.name().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|code| code.name()).collect();
            Error::not_found(format!("there is no code {text:?}; there are {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_is_found_by_its_name() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(code.name().to_lowercase().parse::<Code>().unwrap(), *code);
            assert!(!code.explanation().trim().is_empty() && !code.help().is_empty());
        }
        assert!("SPT-999".parse::<Code>().is_err());
    }
}
