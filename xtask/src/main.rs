//! Project chores: `cargo xtask ci | spec-check | cli-docs | fixtures`.

fn main() {}
