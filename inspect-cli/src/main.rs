//! The `spt` command.

fn main() {}
