//! The names by which fields of a source's splits are known: those of the runtime's sources, and of the connectors
//! that are read from Flink's savepoints. Nothing else in a schema says what they are.

/// Fields that say how far a split was read, the surest first.
pub(crate) const POSITIONS: [&str; 4] = ["position", "offset", "next", "from"];
/// Fields that name what is read.
pub(crate) const SPLITS: [&str; 8] =
    ["cluster", "topic", "partition", "shard", "stream", "split", "path", "file"];
/// Fields that name it where none of those is there: the end of a range stays where it is.
pub(crate) const ENDS: [&str; 2] = ["end", "to"];
/// Flags that nothing of a split is left to read.
pub(crate) const DONE: [&str; 2] = ["done", "finished"];
