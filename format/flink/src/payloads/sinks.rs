//! Whose sink it is, by the same rule as for [sources](super::sources): all elements of a list are of one
//! layout and of no other.
//!
//! ```text
//! writer_raw_states                what writers have open
//! bucket-states                    the same, of the sink of files before there were writers
//! streaming_committer_raw_states   what is to be committed; of a global committer, too
//! ```

use super::{Evidence, Layout, Versioned, committables, file_sink, kafka, unknown, unknown_field};

static UNKNOWN_WRITER: Layout = Layout {
    name: "writer state",
    evidence: Evidence::None,
    field: || unknown_field("writer_state"),
    read: unknown,
};

static UNKNOWN_COMMITTER: Layout = Layout {
    name: "committer state",
    evidence: Evidence::None,
    field: || unknown_field("committer_state"),
    read: unknown,
};

/// How the elements of this list are read: as bytes if it is not known whose they are; `None` if no sink has
/// a list of this name.
pub(crate) fn layout(name: &str, payloads: &[Versioned<'_>]) -> Option<&'static Layout> {
    let (candidates, unknown): (&[&'static Layout], _) = match name {
        "writer_raw_states" => (&[&kafka::WRITER, &file_sink::BUCKET], &UNKNOWN_WRITER),
        "bucket-states" => (&[&file_sink::BUCKET], &UNKNOWN_WRITER),
        "streaming_committer_raw_states" => {
            // Whose committables they are cannot be told where there are none.
            let other = &committables::OTHER;
            let other =
                if payloads.iter().all(|payload| other.reads(*payload)) { other } else { &UNKNOWN_COMMITTER };
            (&[&committables::KAFKA, &committables::FILES], other)
        }
        _ => return None,
    };
    let mut fitting =
        candidates.iter().filter(|layout| payloads.iter().all(|payload| layout.reads(*payload)));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => Some(unknown),
    }
}
