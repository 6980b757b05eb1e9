//! Whole jobs in this process: what they count, keep, and start again from.

mod checkpoints;
mod clock;
mod collect;
mod discovery;
mod disk;
mod etl;
mod failure;
mod file_sink;
mod leash;
mod metrics;
mod mishaps;
mod own_connectors;
mod plan;
mod preflight;
mod process;
mod promises;
mod recovery;
mod rescale;
mod restore;
mod script;
mod state_model;
mod stored;
mod topology;
mod window_model;
mod windows;
mod word_count;
