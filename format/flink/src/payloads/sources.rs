//! Whose source it is.
//!
//! The splits that its readers have and the state of its enumerator must all be of one connector's layouts,
//! and of no other's. A source that has neither splits nor anything its enumerator says stays unknown.

use super::files::FILES;
use super::hybrid::HYBRID;
use super::kafka::KAFKA;
use super::kafka_dynamic::KAFKA_DYNAMIC;
use super::numbers::NUMBERS;
use super::{Evidence, Layout, Versioned, unknown, unknown_field};

/// What a connector's source writes.
pub(crate) struct Connector {
    /// Its name in a hybrid source.
    pub(super) tag: &'static str,
    /// A split that a reader has.
    pub(crate) split: Layout,
    /// The state of its enumerator.
    pub(crate) enumerator: Layout,
}

/// Those that consist of no others.
pub(super) static PLAIN: [&Connector; 4] = [&NUMBERS, &FILES, &KAFKA, &KAFKA_DYNAMIC];

/// A connector that is not known.
pub(crate) static UNKNOWN: Connector = Connector {
    tag: "other",
    split: Layout {
        name: "split",
        evidence: Evidence::None,
        field: || unknown_field("split"),
        read: unknown,
    },
    enumerator: Layout {
        name: "enumerator",
        evidence: Evidence::None,
        field: || unknown_field("enumerator"),
        read: unknown,
    },
};

/// The one connector whose payloads these can be.
pub(crate) fn connector(
    splits: &[Versioned<'_>],
    enumerator: Option<Versioned<'_>>,
) -> Option<&'static Connector> {
    let fits = |connector: &Connector| {
        splits.iter().all(|split| connector.split.reads(*split))
            && enumerator.is_none_or(|enumerator| connector.enumerator.reads(enumerator))
    };
    let mut fitting = PLAIN.into_iter().chain([&HYBRID]).filter(|connector| fits(connector));
    let found = fitting.next()?;
    fitting.next().is_none().then_some(found)
}
