//! Fuzz harnesses: plain functions that take any bytes and must neither panic, nor hang, nor grow without bound.
//!
//! ```text
//! seeds (what real writers wrote) ──► damage ──► a target's harness
//! artifacts/<target>/<story>      ──────────────────┘   what once failed, replayed by every test run
//! ```
//!
//! The tests replay the seeds and run each target for a moment with a seed that is printed; `spt-fuzz TARGET
//! SECONDS` runs one for longer. What fails is written down as a file: put it below `artifacts`, under a name
//! that says what was wrong.

mod damage;
pub mod flink_serializers;
pub mod flink_snapshot;
pub mod flink_sst;
pub mod patch;
pub mod pickle;
pub mod run;
pub mod seeds;

use spt_format::ReadLimits;

pub use damage::Damage;

/// A harness, and where its inputs come from.
pub struct Target {
    /// Its name on the command line, and its folder in `artifacts`.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs that real writers wrote.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "flink-metadata", run: flink_snapshot::metadata, seeds: seeds::metadata },
    Target { name: "flink-snapshot", run: flink_snapshot::snapshot_alone, seeds: seeds::snapshots },
    Target {
        name: "flink-operator-state",
        run: flink_snapshot::snapshot_alone,
        seeds: seeds::operator_states,
    },
    Target { name: "flink-header", run: flink_snapshot::header, seeds: seeds::headers },
    Target { name: "flink-keyed-file", run: flink_serializers::file, seeds: seeds::keyed_files },
    Target { name: "flink-serializer", run: flink_serializers::snapshot, seeds: seeds::serializers },
    Target { name: "flink-value", run: flink_serializers::value, seeds: seeds::values },
    Target { name: "flink-java-object", run: flink_serializers::java_object, seeds: seeds::java_objects },
    Target { name: "flink-sst", run: flink_sst::table, seeds: seeds::tables },
    Target { name: "flink-manifest", run: flink_sst::manifest, seeds: seeds::manifests },
    Target { name: "pickle", run: pickle::text, seeds: pickle::seeds },
    Target { name: "patch", run: patch::apply, seeds: patch::seeds },
];

/// Room for what an honest input of a few kilobytes needs, so that greed shows.
fn limits() -> ReadLimits {
    let mut limits = ReadLimits::default();
    limits.block_bytes = 1 << 20;
    limits.value_bytes = 1 << 20;
    limits.metadata_bytes = 1 << 20;
    limits
}

#[cfg(test)]
mod tests;
