//! Handles: where the bytes of a state are.

use bytes::Bytes;
use spt_format::KeyGroupRange;

/// A run of bytes, somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamHandle {
    /// Inside `_metadata` itself.
    Inline {
        /// A UUID, or in old snapshots a path; no file of this name need exist.
        name: String,
        /// The bytes, shared with `_metadata`.
        data: Bytes,
    },
    /// A whole file, by the path it had when the snapshot was taken.
    File {
        /// A URI such as `file:/dir/x` or `s3://bucket/dir/x`, never percent-encoded.
        path: String,
        /// Its length in bytes; of a changelog file another number, see [`FileChanges`].
        size: u64,
    },
    /// A whole file beside `_metadata`.
    Relative {
        /// Path from the folder of `_metadata`; a mere file name in all snapshots seen.
        path: String,
        /// Its length in bytes.
        size: u64,
    },
    /// A part of a file that several states share. Offsets of such a state count from `start`.
    Segment {
        /// Where it begins in the file, in bytes.
        start: u64,
        /// Its length in bytes.
        size: u64,
        /// The file is shared with other checkpoints.
        shared: bool,
        /// The file, as in [`StreamHandle::File`].
        path: String,
        /// Flink's name for this segment.
        logical_id: String,
    },
    /// No bytes, where a segment is expected.
    Empty,
    /// A stream of keyed state in place of a plain one. No release is known to write it.
    KeyGroups(Box<KeyGroupFile>),
}

impl StreamHandle {
    /// Its length in bytes, as recorded.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline { data, .. } => data.len() as u64,
            Self::File { size, .. } | Self::Relative { size, .. } | Self::Segment { size, .. } => *size,
            Self::Empty => 0,
            Self::KeyGroups(file) => file.stream.size(),
        }
    }
}

/// Operator state: a stream, and in it the places of each state's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorHandle {
    /// One entry per state.
    pub states: Vec<Partitions>,
    /// The bytes.
    pub stream: StreamHandle,
    /// Present when the stream was merged with others into one file.
    pub merged: Option<MergedFolders>,
}

/// The places of one state's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitions {
    /// The state's name; `_default_` for raw state.
    pub name: String,
    /// What a restore does with the elements.
    pub mode: RedistributionMode,
    /// Where each element begins, in bytes from the start of the stream. Broadcast: one, the whole map.
    pub offsets: Vec<u64>,
}

/// What a restore does with the elements of an operator state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedistributionMode {
    /// Deals them out to the subtasks, each to one.
    Split,
    /// Gives all of them to every subtask.
    Union,
    /// All subtasks hold the same; each gets one copy.
    Broadcast,
}

/// Folders of merged files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedFolders {
    /// Of files that belong to one task.
    pub task_owned: String,
    /// Of files that checkpoints share.
    pub shared: String,
    /// The subtask had no operator state.
    pub empty: bool,
}

/// Keyed state of one subtask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyedHandle {
    /// One stream with a place for each key group.
    KeyGroups(KeyGroupFile),
    /// The files of a RocksDB database.
    Incremental(Incremental),
    /// Keyed state of any other kind, and the changes since.
    Changelog(Changelog),
    /// Changes held in `_metadata`. Only inside [`Changelog`].
    MemoryChanges(MemoryChanges),
    /// Changes held in log files. Only inside [`Changelog`].
    FileChanges(FileChanges),
}

impl KeyedHandle {
    /// Its layout is the one all backends share.
    pub fn is_savepoint(&self) -> bool {
        matches!(self, Self::KeyGroups(file) if file.kind == KeyGroupFileKind::Savepoint)
    }

    /// The key groups it covers.
    pub fn key_groups(&self) -> KeyGroupRange {
        match self {
            Self::KeyGroups(handle) => handle.key_groups,
            Self::Incremental(handle) => handle.key_groups,
            Self::Changelog(handle) => handle.key_groups,
            Self::MemoryChanges(handle) => handle.key_groups,
            Self::FileChanges(handle) => handle.key_groups,
        }
    }

    /// Bytes of all its streams, as recorded.
    pub fn size(&self) -> u64 {
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0, u64::saturating_add);
        match self {
            Self::KeyGroups(handle) => handle.stream.size(),
            Self::Incremental(handle) => {
                sum(&mut handle.files().map(|file| file.stream.size())).saturating_add(handle.meta.size())
            }
            Self::Changelog(handle) => sum(&mut handle.base.iter().chain(&handle.changes).map(Self::size)),
            Self::MemoryChanges(handle) => {
                sum(&mut handle.changes.iter().map(|change| change.data.len() as u64))
            }
            Self::FileChanges(handle) => handle.size,
        }
    }
}

impl KeyedHandle {
    /// All streams but log files.
    pub(super) fn collect_streams<'a>(&'a self, streams: &mut Vec<&'a StreamHandle>) {
        match self {
            Self::KeyGroups(handle) => streams.push(&handle.stream),
            Self::Incremental(handle) => {
                streams.push(&handle.meta);
                streams.extend(handle.files().map(|file| &file.stream));
            }
            Self::Changelog(handle) => {
                handle.base.iter().chain(&handle.changes).for_each(|part| part.collect_streams(streams));
            }
            Self::MemoryChanges(_) | Self::FileChanges(_) => {}
        }
    }
}

/// One stream with a place for each key group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGroupFile {
    /// What the handle's tag tells about the stream's layout.
    pub kind: KeyGroupFileKind,
    /// The key groups it covers.
    pub key_groups: KeyGroupRange,
    /// Where each key group begins, in bytes from the start of the stream. What 0 and -1 mean depends on
    /// the layout: canonical 0 = empty; heap: never either; raw -1 = empty.
    pub offsets: Vec<i64>,
    /// The bytes.
    pub stream: StreamHandle,
    /// Flink's name for the handle, in newer releases.
    pub id: Option<String>,
}

/// What a handle's tag tells about the layout of a key-group stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyGroupFileKind {
    /// Tags 3 and 12: of the backend's own layout, or raw. The stream itself must tell.
    Native,
    /// Tag 7: canonical.
    Savepoint,
}

/// The files of a RocksDB database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incremental {
    /// The checkpoint it was first written for.
    pub checkpoint_id: i64,
    /// The backend instance that wrote it.
    pub backend_id: String,
    /// The key groups it covers. The files may hold others.
    pub key_groups: KeyGroupRange,
    /// Bytes written for this checkpoint alone, where it is recorded.
    pub checkpointed_size: Option<i64>,
    /// The states' names and types.
    pub meta: StreamHandle,
    /// Files that other checkpoints share.
    pub shared: Vec<NamedFile>,
    /// Files of this checkpoint alone.
    pub private: Vec<NamedFile>,
    /// Flink's name for the handle, in newer releases.
    pub id: Option<String>,
}

impl Incremental {
    /// All files of the database.
    pub fn files(&self) -> impl Iterator<Item = &NamedFile> {
        self.shared.iter().chain(&self.private)
    }
}

/// A file of a RocksDB database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// Its name in the database: `000012.sst`, `CURRENT`, ….
    pub name: String,
    /// Its bytes.
    pub stream: StreamHandle,
}

/// Keyed state and the changes since it was last written out whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changelog {
    /// The key groups it covers.
    pub key_groups: KeyGroupRange,
    /// Bytes written for this checkpoint alone; -1 where unknown.
    pub checkpointed_size: i64,
    /// The state as it was written out.
    pub base: Vec<KeyedHandle>,
    /// The changes since, oldest first.
    pub changes: Vec<KeyedHandle>,
    /// Number of the writing out.
    pub materialization_id: i64,
    /// The checkpoint, in newer releases.
    pub checkpoint_id: Option<i64>,
    /// Flink's name for the handle.
    pub id: String,
}

/// Changes held in `_metadata`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryChanges {
    /// The key groups it covers.
    pub key_groups: KeyGroupRange,
    /// Sequence number of the first change.
    pub from: i64,
    /// Sequence number after the last change.
    pub to: i64,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Flink's name for the handle.
    pub id: String,
}

/// One change of keyed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its key group; -1: a state's registration, for all of them.
    pub key_group: i32,
    /// What changed.
    pub data: Bytes,
}

/// Changes held in log files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChanges {
    /// The key groups it covers.
    pub key_groups: KeyGroupRange,
    /// The change sets, in order.
    pub sets: Vec<ChangeSet>,
    /// Bytes of the changes once decompressed: not the length of the files.
    pub size: u64,
    /// Bytes written for this checkpoint alone; -1 where unknown.
    pub checkpointed_size: i64,
    /// Flink's name for the handle.
    pub id: String,
    /// Where the log is, in newer releases: `filesystem`.
    pub storage: Option<String>,
}

/// A change set in a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// Where it begins, in decompressed bytes after the file's first byte.
    pub offset: i64,
    /// The log file.
    pub stream: StreamHandle,
}

/// Records in flight that an unaligned checkpoint kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelHandle {
    /// Before the subtask or behind it.
    pub direction: Direction,
    /// The subtask.
    pub subtask: i32,
    /// The channels; several share a handle from version 6 on.
    pub channels: Vec<ChannelState>,
    /// One handle for several channels: Flink's `Merged…` classes.
    pub merged: bool,
    /// Bytes of the records.
    pub size: u64,
    /// The bytes.
    pub stream: StreamHandle,
}

/// Which side of a subtask a channel is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Before the subtask: an input channel.
    Input,
    /// Behind the subtask: a result subpartition.
    Output,
}

/// The records in flight of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// Input: gate and channel. Output: partition and subpartition.
    pub place: (i32, i32),
    /// Where each buffer begins, in bytes from the start of the stream.
    pub offsets: Vec<i64>,
    /// Bytes of its records.
    pub size: u64,
}
