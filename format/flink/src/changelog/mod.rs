//! Keyed state with a log of changes: Flink's changelog backend.
//!
//! ```text
//! base      state of any backend, written out now and then          may be missing yet
//! changes   what happened since, by key group, oldest first         log.rs
//!           ─► the states they speak of                             states.rs
//!           ─► per key what is left of it all                       overlay.rs
//! base under changes ─► entries as of a canonical file              entries.rs
//! ```
//!
//! The changes of one state are held in memory while it is read: Flink itself bounds them, by writing the
//! base anew every few minutes.
//!
//! # Source
//! Flink, `StateChangeFormat`, `AbstractStateChangeLogger`, `ChangelogBackendLogApplier`.

mod entries;
mod log;
mod overlay;
mod states;

pub(crate) use entries::ChangelogEntries;
pub(crate) use overlay::Overlay;
pub(crate) use states::ChangelogStates;
