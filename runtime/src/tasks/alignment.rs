//! Sources that keep together in event time: one that is ahead of its group is held until the others catch up.
//!
//! ```text
//! orders    ─────────────────●            lowest watermark of the group
//! clicks    ─────────────────────●        ahead, by no more than the drift: goes on
//! payments  ───────────────────────┤──●   ahead by more: held; barriers pass
//! refunds   (idle)                        holds nobody up
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The groups of one start of the job, by name.
#[derive(Debug, Default)]
pub(crate) struct Alignments(Mutex<BTreeMap<String, Arc<Group>>>);

/// The watermarks of a group's members; `None` for one that is idle.
#[derive(Debug, Default)]
struct Group(Mutex<BTreeMap<usize, Option<i64>>>);

/// A source in one subtask. It leaves its group when it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    group: Arc<Group>,
    number: usize,
}

/// Whether the source of a task is held. Copies mean the same source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hold(Arc<AtomicBool>);

impl Alignments {
    /// Joins a group. A member without a watermark is behind all others.
    pub(crate) fn join(&self, group: &str) -> Member {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = Arc::clone(groups.entry(group.to_owned()).or_default());
        let mut members = group.members();
        let number = members.last_key_value().map_or(0, |(last, _)| last + 1);
        members.insert(number, Some(i64::MIN));
        drop(members);
        Member { group, number }
    }
}

impl Group {
    fn members(&self) -> MutexGuard<'_, BTreeMap<usize, Option<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Tells the others how far it is (`None` while it is idle), and says whether it is ahead of one of them by more
    /// than `drift_ms`.
    pub(crate) fn is_ahead(&self, watermark: Option<i64>, drift_ms: i64) -> bool {
        let mut members = self.group.members();
        members.insert(self.number, watermark);
        let lowest = members.values().flatten().min();
        watermark.zip(lowest).is_some_and(|(own, lowest)| own > lowest.saturating_add(drift_ms))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.group.members().remove(&self.number);
    }
}

impl Hold {
    pub(crate) fn set(&self, is_held: bool) {
        self.0.store(is_held, Ordering::Relaxed);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_ahead_by_more_than_the_drift_is_held_until_the_slowest_that_is_not_idle_catches_up() {
        let groups = Alignments::default();
        let [slow, fast] = [(), ()].map(|()| groups.join("orders"));
        let other = groups.join("others");
        // Nothing is known of the slow one yet.
        assert!(fast.is_ahead(Some(100), 50));
        assert!(!slow.is_ahead(Some(40), 50) && fast.is_ahead(Some(100), 50));
        assert!(!slow.is_ahead(Some(50), 50) && !fast.is_ahead(Some(100), 50));
        assert!(!other.is_ahead(Some(1_000), 50));
        assert!(fast.is_ahead(Some(101), 50));
        assert!(!slow.is_ahead(None, 50) && !fast.is_ahead(Some(101), 50));
        slow.is_ahead(Some(60), 0);
        assert!(fast.is_ahead(Some(200), 50));
        drop(slow);
        assert!(!fast.is_ahead(Some(200), 50));
    }
}
