//! Operators and states: renamed, or left out.

use super::Draft;
use crate::error::{Error, Result};
use crate::model::{OperatorId, Uid, UidOrigin};

impl Draft<'_> {
    pub(super) fn rename_uid(&mut self, uid: &str, to: &str) -> Result<()> {
        let index = self.operator(uid)?;
        let to = Uid::new(to)?;
        let id = OperatorId::of_uid(to.as_str());
        if self.savepoint.operators.iter().enumerate().any(|(other, entry)| other != index && entry.id == id)
        {
            return Err(Error::bad_request(format!("an operator {to:?} is there already")));
        }
        let Some(operator) = self.savepoint.operators.get_mut(index) else { return Ok(()) };
        let before = operator.id;
        (operator.uid, operator.uid_origin, operator.id) = (Some(to.clone()), UidOrigin::Given, id);
        if let Some(graph) = &mut self.savepoint.graph {
            for node in graph.nodes.iter_mut().filter(|node| node.id == before) {
                (node.id, node.uid) = (id, Some(to.to_string()));
            }
            for edge in &mut graph.edges {
                edge.from = if edge.from == before { id } else { edge.from };
                edge.to = if edge.to == before { id } else { edge.to };
            }
        }
        for pending in self.savepoint.pending.iter_mut().filter(|pending| pending.operator == before) {
            pending.operator = id;
        }
        Ok(())
    }

    pub(super) fn rename_state(&mut self, uid: &str, state: &str, to: &str) -> Result<()> {
        let place = self.state(uid, state)?;
        let taken = self.savepoint.operators.get(place.operator).is_some_and(|operator| {
            operator.states.iter().enumerate().any(|(index, found)| index != place.state && found.name == to)
        });
        if taken || to.is_empty() {
            return Err(Error::bad_request(format!("{to:?} is empty or a state of {uid:?} already")));
        }
        self.at(place)?.0.name = to.to_owned();
        Ok(())
    }

    /// With it go its node of the graph, whose neighbours become each other's, and its pending output.
    pub(super) fn drop_uid(&mut self, uid: &str) -> Result<()> {
        let index = self.operator(uid)?;
        let id = self.savepoint.operators.remove(index).id;
        self.operators.remove(index);
        self.origins.remove(index);
        if let Some(graph) = &mut self.savepoint.graph {
            graph.remove(id);
        }
        let pending = std::mem::take(&mut self.savepoint.pending);
        let (dropped, kept): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|pending| pending.operator == id);
        self.savepoint.pending = kept;
        self.dropped_pending.extend(dropped);
        Ok(())
    }

    pub(super) fn drop_state(&mut self, uid: &str, state: &str) -> Result<()> {
        let place = self.state(uid, state)?;
        if let Some(operator) = self.savepoint.operators.get_mut(place.operator) {
            operator.states.remove(place.state);
        }
        if let Some(states) = self.origins.get_mut(place.operator) {
            states.remove(place.state);
        }
        Ok(())
    }
}
