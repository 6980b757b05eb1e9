//! Checks what the catalogue alone tells: ids, uids, fields, and what refers to what.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Code;
use super::finding::Finding;
use crate::model::{
    Engine, Field, MAX_PARALLELISM_LIMIT, Operator, OperatorId, Savepoint, SinkStep, State, Uid, UidOrigin,
};

/// What is wrong with a catalogue, or good to know.
pub fn check_catalogue(savepoint: &Savepoint) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Flink's own check looks at what its metadata says of operators.
    if savepoint.engine == Engine::Spt {
        findings.extend(savepoint.operators.iter().flat_map(operator));
        findings.extend(references(savepoint));
    }
    for (_, operator, state) in savepoint.states() {
        findings.extend(fields(operator, state));
    }
    findings.extend(savepoint.operators.iter().filter_map(|operator| without_uid(savepoint, operator)));
    findings.extend(sinks(savepoint));
    if savepoint.drained {
        let message = "windows and timers fired before it was taken";
        findings.push(Finding::new(Code::Drained, "savepoint", message));
    }
    findings
}

fn structure(operator: &Operator, message: String) -> Finding {
    Finding::new(Code::Structure, format!("operator {}", operator.label()), message)
}

/// A restore looks for the id that follows from the job's uid, and deals keys out by the max parallelism.
fn operator(operator: &Operator) -> Vec<Finding> {
    let mut found = Vec::new();
    let Operator { parallelism, max_parallelism, .. } = operator;
    if let Some(uid) = &operator.uid {
        let expected = OperatorId::of_uid(uid.as_str());
        if expected != operator.id {
            let message = format!("its id is {}, that of its uid is {expected}", operator.id);
            found.push(structure(operator, message));
        }
    }
    if *max_parallelism > MAX_PARALLELISM_LIMIT {
        let message =
            format!("its max parallelism is {max_parallelism}, the limit is {MAX_PARALLELISM_LIMIT}");
        found.push(structure(operator, message));
    }
    if parallelism > max_parallelism {
        let message =
            format!("its parallelism is {parallelism}, above its max parallelism of {max_parallelism}");
        found.push(structure(operator, message));
    }
    found
}

/// Names may change over ids: two fields with one id are read as one another.
fn fields(operator: &Operator, state: &State) -> Vec<Finding> {
    fn visit<'a>(field: &'a Field, seen: &mut BTreeMap<u32, Vec<&'a str>>) {
        seen.entry(field.id).or_default().push(&field.name);
        field.children().into_iter().for_each(|child| visit(child, seen));
    }
    let mut seen = BTreeMap::new();
    state.schema.parts().for_each(|(_, field)| visit(field, &mut seen));
    let place = format!("operator {}, state {:?}", operator.label(), state.name);
    let twice = |(id, names): (u32, Vec<&str>)| {
        let message = format!("the fields {names:?} have the same id {id}");
        (id != 0 && names.len() > 1).then(|| Finding::new(Code::FieldIdTwice, place.as_str(), message))
    };
    seen.into_iter().filter_map(twice).collect()
}

/// Edges of the graph, and pending output, refer to operators that are there.
fn references(savepoint: &Savepoint) -> Vec<Finding> {
    let nodes = savepoint.graph.iter().flat_map(|graph| &graph.nodes).map(|node| node.id);
    let known: BTreeSet<OperatorId> =
        savepoint.operators.iter().map(|operator| operator.id).chain(nodes).collect();
    let edges = savepoint.graph.iter().flat_map(|graph| &graph.edges);
    let edges = edges.flat_map(|edge| [edge.from, edge.to]).map(|id| ("an edge of the job graph", id));
    let pending = savepoint.pending.iter().map(|pending| ("pending output", pending.operator));
    let dangling = edges.chain(pending).filter(|(_, id)| !known.contains(id));
    let message = |(what, id)| format!("{what} refers to the operator {id}, which is not there");
    let messages: BTreeSet<String> = dangling.map(message).collect();
    messages.into_iter().map(|message| Finding::new(Code::Structure, "savepoint", message)).collect()
}

/// State and pending output are found again by the uid.
fn without_uid(savepoint: &Savepoint, operator: &Operator) -> Option<Finding> {
    if operator.uid_origin != UidOrigin::Generated {
        return None;
    }
    let has_output = savepoint.pending.iter().any(|pending| pending.operator == operator.id);
    let what = match (operator.states.len(), has_output) {
        (0, false) => return None,
        (0, true) => "has output pending".to_owned(),
        (1, _) => "keeps 1 state".to_owned(),
        (states, _) => format!("keeps {states} states"),
    };
    let name = operator.name.as_deref().map(|name| format!(" ({name:?})")).unwrap_or_default();
    let place = format!("operator {}{name}", operator.id);
    Some(Finding::new(Code::NoUid, place, format!("{what} and has no uid")))
}

/// Operators that belong together because one sink became all of them.
fn sinks(savepoint: &Savepoint) -> Vec<Finding> {
    let uids = || savepoint.operators.iter().filter_map(|operator| operator.uid.as_ref()).map(Uid::as_str);
    let mut sinks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (uid, (_, sink)) in uids().filter_map(|uid| Some((uid, SinkStep::of_derived(uid)?))) {
        sinks.entry(sink).or_default().push(format!("{uid:?}"));
    }
    let finding = |(sink, steps): (&str, Vec<String>)| {
        let writer =
            if uids().any(|uid| uid == sink) { "" } else { ", whose writer is not in the savepoint," };
        let message = format!("the sink {sink:?}{writer} has the further steps {}", steps.join(", "));
        Finding::new(Code::SinkFamily, format!("operator {sink}"), message)
    };
    sinks.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Edge, JobGraph, Partitioning, PendingOutput, SavepointKind, StateKind, StateSchema};

    fn operator(uid: &str) -> Operator {
        let mut operator = Operator::with_uid(Uid::new(uid).unwrap(), 1, 128);
        let value = "struct<a: int32, b: list<utf8>>".parse().unwrap();
        let schema = StateSchema::keyed("utf8".parse().unwrap(), value).number();
        operator.states.push(State::new("sum", StateKind::Value, schema));
        operator
    }

    fn savepoint(operators: Vec<Operator>) -> Savepoint {
        Savepoint { operators, ..Savepoint::new(SavepointKind::Savepoint, "s") }
    }

    /// Code and message of what is found.
    fn found(savepoint: &Savepoint) -> Vec<(Code, String)> {
        check_catalogue(savepoint).into_iter().map(|finding| (finding.code, finding.message)).collect()
    }

    #[test]
    fn a_catalogue_in_order_has_no_findings() {
        assert_eq!(found(&savepoint(vec![operator("sum-001")])), []);
    }

    #[test]
    fn a_uid_that_does_not_become_its_id_is_found() {
        let mut other = operator("sum-001");
        other.uid = Some(Uid::new("total").unwrap());
        let [(Code::Structure, message)] = &found(&savepoint(vec![other]))[..] else { panic!("one finding") };
        assert!(
            message.starts_with("its id is 90f4efa99ed969755ccb0285495357c6, that of its uid is "),
            "{message}"
        );
    }

    #[test]
    fn a_parallelism_beyond_its_limits_is_found() {
        let beyond = Operator { parallelism: 129, ..operator("a") };
        let above = Operator { max_parallelism: 40_000, ..operator("b") };
        assert_eq!(found(&savepoint(vec![beyond, above])).len(), 2);
    }

    #[test]
    fn fields_that_share_an_id_are_named() {
        let mut twice = operator("sum-001");
        let value = twice.states[0].schema.value.as_mut().unwrap();
        let mut children = value.children_mut();
        let id = children[0].id;
        children[1].id = id;
        assert_eq!(
            found(&savepoint(vec![twice])),
            [(Code::FieldIdTwice, format!("the fields [\"a\", \"b\"] have the same id {id}"))]
        );
    }

    #[test]
    fn what_refers_to_an_operator_that_is_not_there_is_found() {
        let mut dangling = savepoint(vec![operator("sum-001")]);
        let gone = OperatorId::of_uid("gone");
        dangling.pending.push(PendingOutput { operator: gone, output: serde_json::Value::Null });
        let from = OperatorId::of_uid("sum-001");
        let edges = vec![Edge { from, to: gone, partitioning: Partitioning::Forward }];
        dangling.graph = Some(JobGraph { nodes: Vec::new(), edges });
        let codes: Vec<Code> = found(&dangling).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [Code::Structure, Code::Structure]);
    }

    #[test]
    fn output_that_is_pending_wants_a_uid_as_state_does() {
        let sink = |uid_origin| {
            let mut written =
                savepoint(vec![Operator { states: Vec::new(), uid_origin, ..operator("files-001") }]);
            assert_eq!(found(&written), []);
            let operator = written.operators[0].id;
            written.pending.push(PendingOutput { operator, output: serde_json::Value::Null });
            found(&written)
        };
        assert_eq!(sink(UidOrigin::Given), []);
        assert_eq!(
            sink(UidOrigin::Generated),
            [(Code::NoUid, "has output pending and has no uid".to_owned())]
        );
    }

    #[test]
    fn steps_of_a_sink_missing_uids_and_drains_are_told() {
        let sink = ["sink-001", "Sink Committer: sink-001", "Sink other Global Committer"];
        let mut told = savepoint(sink.map(operator).to_vec());
        told.operators.push(Operator { uid: None, uid_origin: UidOrigin::Generated, ..operator("x") });
        told.drained = true;
        let codes: Vec<Code> = found(&told).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [Code::NoUid, Code::SinkFamily, Code::SinkFamily, Code::Drained]);
    }
}
