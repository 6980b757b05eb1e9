//! The uids of the steps that a sink becomes.
//!
//! ```text
//! author's uid       steps in the job's graph
//! sink-001      ─►   sink-001                          writes
//!                    Sink Committer: sink-001          makes it visible
//!                    Sink sink-001 Global Committer    the same for all subtasks at once
//! ```
//!
//! The author names one operator and the savepoint has up to three, which are renamed and dropped together.
//!
//! # Source
//! Flink, `SinkTransformationTranslator`.

/// A step of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkStep {
    /// Writes; its uid is the author's.
    Writer,
    /// Commits what was written.
    Committer,
    /// Commits for all subtasks at once.
    GlobalCommitter,
}

impl SinkStep {
    /// The steps whose uid is derived.
    pub const DERIVED: [Self; 2] = [Self::Committer, Self::GlobalCommitter];

    /// The uid of this step of a sink.
    pub fn uid(self, sink: &str) -> String {
        match self {
            Self::Writer => sink.to_owned(),
            Self::Committer => format!("Sink Committer: {sink}"),
            Self::GlobalCommitter => format!("Sink {sink} Global Committer"),
        }
    }

    /// The step that has this derived uid, and the author's uid of its sink.
    pub fn of_derived(uid: &str) -> Option<(Self, &str)> {
        let global = || uid.strip_prefix("Sink ")?.strip_suffix(" Global Committer");
        let committer = uid.strip_prefix("Sink Committer: ").map(|sink| (Self::Committer, sink));
        let found = committer.or_else(|| global().map(|sink| (Self::GlobalCommitter, sink)));
        found.filter(|(_, sink)| !sink.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_uid_leads_back_to_its_sink() {
        for step in SinkStep::DERIVED {
            assert_eq!(SinkStep::of_derived(&step.uid("sink 1")), Some((step, "sink 1")));
        }
        for other in ["sink-001", "Sink Committer: ", "Sink  Global Committer", "Sink x"] {
            assert_eq!(SinkStep::of_derived(other), None, "{other:?}");
        }
    }
}
