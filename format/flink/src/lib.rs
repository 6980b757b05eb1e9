//! Apache Flink savepoints and checkpoints, read as the model of `spt-format`.
