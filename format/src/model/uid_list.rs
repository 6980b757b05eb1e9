//! Names for operators of which a savepoint records the id alone.
//!
//! ```text
//! candidates: arguments, a file, a plan, another savepoint ─► hash ─► id ─► operator
//! ```
//!
//! An operator's id is the hash of its uid. That has no way back, but a candidate whose hash it is can only be
//! the uid itself: 128 bits do not meet by chance.

use std::collections::BTreeMap;

use super::operator::{Operator, OperatorId, Uid, UidOrigin};
use super::savepoint::Savepoint;
use super::sink::SinkStep;
use crate::error::{Error, Result, ResultExt};

/// Uids by the id that each becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidList {
    uids: BTreeMap<OperatorId, Uid>,
}

impl UidList {
    /// Adds a uid, and those of the further steps it would have if it were a sink's.
    pub fn add(&mut self, uid: Uid) {
        for step in SinkStep::DERIVED {
            if let Ok(derived) = Uid::new(step.uid(uid.as_str())) {
                self.uids.entry(OperatorId::of_uid(derived.as_str())).or_insert(derived);
            }
        }
        self.uids.insert(OperatorId::of_uid(uid.as_str()), uid);
    }

    /// Adds the uids of operators that have one.
    pub fn add_operators(&mut self, operators: &[Operator]) {
        operators.iter().filter_map(|operator| operator.uid.clone()).for_each(|uid| self.add(uid));
    }

    /// Adds the uids of a text, one a line. A line may be `ID  UID`, as `spt uid` prints several.
    ///
    /// # Errors
    /// With the line, if its uid does not become its id.
    pub fn add_lines(&mut self, text: &str) -> Result<()> {
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            self.add(uid_of_line(line).within(|| format!("line {number}"))?);
        }
        Ok(())
    }

    /// The uid that became this id.
    pub fn uid(&self, id: OperatorId) -> Option<&Uid> {
        self.uids.get(&id)
    }

    /// All ids and uids, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (OperatorId, &Uid)> {
        self.uids.iter().map(|(id, uid)| (*id, uid))
    }

    /// There is no uid in it.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }

    /// Gives operators without a uid theirs, if it is listed: it was given by the job's author.
    pub fn name(&self, savepoint: &mut Savepoint) {
        for operator in savepoint.operators.iter_mut().filter(|operator| operator.uid.is_none()) {
            if let Some(uid) = self.uid(operator.id) {
                operator.uid = Some(uid.clone());
                operator.uid_origin = UidOrigin::Given;
            }
        }
    }
}

fn uid_of_line(line: &str) -> Result<Uid> {
    let with_id = line.split_once("  ").and_then(|(id, uid)| Some((id.parse::<OperatorId>().ok()?, uid)));
    let Some((id, uid)) = with_id else { return Uid::new(line) };
    let found = OperatorId::of_uid(uid);
    if found == id {
        return Uid::new(uid);
    }
    Err(Error::invalid(format!("uid {uid:?} becomes the id {found}, not {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SavepointKind;

    fn list(text: &str) -> UidList {
        let mut list = UidList::default();
        list.add_lines(text).unwrap();
        list
    }

    #[test]
    fn an_operator_known_by_its_id_gets_its_name_and_no_other() {
        let mut savepoint = Savepoint::new(SavepointKind::Savepoint, "s");
        for uid in ["stream-001", "other"] {
            savepoint.operators.push(Operator::with_id(OperatorId::of_uid(uid), 1, 128));
        }
        list("map-001\n\nstream-001\n").name(&mut savepoint);
        let [named, unnamed] = savepoint.operators.as_slice() else { panic!("two operators") };
        assert_eq!((named.label().as_str(), named.uid_origin), ("stream-001", UidOrigin::Given));
        assert_eq!((unnamed.uid.as_ref(), unnamed.uid_origin), (None, UidOrigin::Unknown));
    }

    #[test]
    fn a_sink_brings_the_uids_of_its_committers() {
        let found = list("sink-001");
        let committer = found.uid(OperatorId::of_uid("Sink Committer: sink-001"));
        assert_eq!(committer.map(Uid::as_str), Some("Sink Committer: sink-001"));
        assert!(found.uid(OperatorId::of_uid("Sink sink-001 Global Committer")).is_some());
    }

    #[test]
    fn what_the_command_printed_is_a_list_and_a_wrong_id_in_it_is_refused() {
        let found = list("8cf889e999ec449278fe4c4a68026b6b  stream-001");
        assert!(found.uid(OperatorId::of_uid("stream-001")).is_some());
        let wrong = "map-001\n00000000000000000000000000000000  stream-001";
        let error = UidList::default().add_lines(wrong).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: uid \"stream-001\" becomes the id 8cf889e999ec449278fe4c4a68026b6b, \
             not 00000000000000000000000000000000"
        );
    }
}
