//! Decides what a migrate does, from the metadata alone.

use std::collections::BTreeSet;

use super::field_path::FieldPath;
use super::operation::Operation;
use super::rewrite::Rewriter;
use crate::error::{Error, Result, ResultExt};
use crate::model::{
    Field, KeyHash, MAX_PARALLELISM_LIMIT, OperatorId, Savepoint, State, StateKind, StateRef, StateSchema,
    Type, Uid, UidOrigin,
};
use crate::select::{find_operator, find_state};

/// Everything a migrate is going to do.
#[derive(Debug, Clone)]
pub struct MigrationPlan {
    /// The operations, in the order they take effect.
    pub operations: Vec<Operation>,
    /// The catalogue of the savepoint that will be made; its `id` is the source's until it is applied.
    pub target: Savepoint,
    /// One step for every state of the target, in order.
    pub steps: Vec<StateStep>,
    /// States of the source that are left out.
    pub dropped: Vec<StateRef>,
}

/// Where a state of the target comes from.
#[derive(Debug, Clone)]
pub struct StateStep {
    /// Its place in the source.
    pub source: StateRef,
    /// Its place in the target.
    pub target: StateRef,
    /// What has to be done for it.
    pub work: Work,
}

/// What a state costs.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Its files are taken over as they are.
    Keep,
    /// Its rows are read, changed and written.
    Rewrite(Rewrite),
}

/// How rows change on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rewrite {
    /// Keys get new key groups, so that the rows have to be sorted.
    pub(super) regroup: bool,
    /// Rows last touched before this instant (ms since 1970) are left out.
    pub(super) expired_before_ms: Option<i64>,
    /// Rows for which one of these conditions is true are left out.
    pub(super) delete_where: Vec<String>,
    /// The values of these keys become these.
    pub(super) set: Vec<(String, serde_json::Value)>,
}

impl MigrationPlan {
    /// Plans `operations` on a savepoint.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for an operator, state or field that is not there;
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) for a change that would lose or mix up state.
    /// The operation is named.
    pub fn new(source: &Savepoint, operations: &[Operation]) -> Result<Self> {
        let mut draft = Draft::new(source);
        for operation in operations {
            draft.apply(operation).within(|| operation.to_string())?;
        }
        draft.finish(operations)
    }

    /// Nothing is rewritten: the target's data are the source's files.
    pub fn is_metadata_only(&self) -> bool {
        self.steps.iter().all(|step| step.work == Work::Keep)
    }

    /// Rows and bytes of the source that are read and written anew, as far as the metadata tells.
    pub fn rewritten(&self, source: &Savepoint) -> (u64, u64) {
        let rewritten = self.steps.iter().filter(|step| step.work != Work::Keep);
        rewritten.filter_map(|step| source.state(step.source)).fold((0, 0), |(rows, bytes), (_, state)| {
            (rows + state.rows.unwrap_or(0), bytes + state.bytes.unwrap_or(0))
        })
    }

    /// Bytes of the source that are only linked.
    pub fn linked_bytes(&self, source: &Savepoint) -> u64 {
        let kept = self.steps.iter().filter(|step| step.work == Work::Keep);
        kept.filter_map(|step| source.state(step.source)).filter_map(|(_, state)| state.bytes).sum()
    }
}

/// A catalogue under construction: every state with where it came from and what it costs.
///
/// Operators and states are found by what they are called by now or, failing that, by what the source calls
/// them, so that the operations of one command may all use the names a person sees in the source.
struct Draft<'a> {
    source: &'a Savepoint,
    savepoint: Savepoint,
    /// The places in the source of the operators of `savepoint`.
    operators: Vec<usize>,
    /// Parallel to the operators and states of `savepoint`.
    origins: Vec<Vec<Origin>>,
}

#[derive(Debug, Clone)]
struct Origin {
    source: StateRef,
    rewrite: Option<Rewrite>,
}

impl Origin {
    /// Its rows have to be written anew; what for, the caller notes.
    fn rewrite(&mut self) -> &mut Rewrite {
        self.rewrite.get_or_insert_default()
    }
}

impl<'a> Draft<'a> {
    fn new(source: &'a Savepoint) -> Self {
        let origins = source.operators.iter().enumerate().map(|(operator, entry)| {
            let states = 0..entry.states.len();
            states.map(|state| Origin { source: StateRef { operator, state }, rewrite: None }).collect()
        });
        Self {
            source,
            savepoint: source.clone(),
            operators: (0..source.operators.len()).collect(),
            origins: origins.collect(),
        }
    }

    /// The plan, once every rewrite was tried on the types alone.
    fn finish(self, operations: &[Operation]) -> Result<MigrationPlan> {
        let source = self.source;
        let mut steps = Vec::new();
        for (operator, states) in self.origins.into_iter().enumerate() {
            for (state, Origin { source, rewrite }) in states.into_iter().enumerate() {
                let work = rewrite.map_or(Work::Keep, Work::Rewrite);
                steps.push(StateStep { source, target: StateRef { operator, state }, work });
            }
        }
        let kept: BTreeSet<StateRef> = steps.iter().map(|step| step.source).collect();
        let dropped = source.states().map(|(place, _, _)| place).filter(|place| !kept.contains(place));
        let plan = MigrationPlan {
            operations: operations.to_vec(),
            dropped: dropped.collect(),
            target: self.savepoint,
            steps,
        };
        for step in &plan.steps {
            if let (Work::Rewrite(rewrite), Some((_, from)), Some((operator, to))) =
                (&step.work, source.state(step.source), plan.target.state(step.target))
            {
                Rewriter::new(from, operator, to, rewrite)
                    .within(|| format!("operator {}, state {:?}", operator.label(), to.name))?;
            }
        }
        Ok(plan)
    }

    fn operator(&self, uid: &str) -> Result<usize> {
        find_operator(&self.savepoint, uid).or_else(|unknown| {
            let former = find_operator(self.source, uid).ok();
            let place = former.and_then(|former| self.operators.iter().position(|place| *place == former));
            place.ok_or(unknown)
        })
    }

    fn state(&self, uid: &str, name: &str) -> Result<StateRef> {
        let operator = self.operator(uid)?;
        let gone = || Error::not_found("operator is gone");
        let entry = self.savepoint.operators.get(operator).ok_or_else(gone)?;
        let state = find_state(entry, name).or_else(|unknown| {
            let source = *self.operators.get(operator).ok_or_else(gone)?;
            let former = self.source.operators.get(source).and_then(|former| find_state(former, name).ok());
            let origins = self.origins.get(operator).ok_or_else(gone)?;
            let place = former.map(|state| StateRef { operator: source, state });
            origins.iter().position(|origin| Some(origin.source) == place).ok_or(unknown)
        })?;
        Ok(StateRef { operator, state })
    }

    fn at(&mut self, place: StateRef) -> Result<(&mut State, &mut Origin)> {
        let state = self
            .savepoint
            .operators
            .get_mut(place.operator)
            .and_then(|operator| operator.states.get_mut(place.state));
        let origin = self.origins.get_mut(place.operator).and_then(|states| states.get_mut(place.state));
        state.zip(origin).ok_or_else(|| Error::not_found("state is gone"))
    }

    fn apply(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::RenameUid { uid, to } => self.rename_uid(uid, to),
            Operation::DropUid { uid } => {
                let index = self.operator(uid)?;
                self.savepoint.operators.remove(index);
                self.operators.remove(index);
                self.origins.remove(index);
                Ok(())
            }
            Operation::RenameState { uid, state, to } => self.rename_state(uid, state, to),
            Operation::DropState { uid, state } => {
                let place = self.state(uid, state)?;
                if let Some(operator) = self.savepoint.operators.get_mut(place.operator) {
                    operator.states.remove(place.state);
                }
                if let Some(states) = self.origins.get_mut(place.operator) {
                    states.remove(place.state);
                }
                Ok(())
            }
            Operation::RenameField { uid, state, field, to } => self.rename_field(uid, state, field, to),
            Operation::DropField { uid, state, field } => self.drop_field(uid, state, field),
            Operation::AddField { uid, state, field, r#type, default } => {
                self.add_field(uid, state, field, r#type, default.as_ref())
            }
            Operation::Cast { uid, state, field, r#type } => self.cast(uid, state, field, r#type),
            Operation::DeleteWhere { uid, state, predicate } => {
                let place = self.state(uid, state)?;
                self.at(place)?.1.rewrite().delete_where.push(predicate.clone());
                Ok(())
            }
            Operation::Set { uid, state, key, value } => self.set(uid, state, key, value),
            Operation::MaxParallelism { uid, groups } => self.max_parallelism(uid.as_deref(), *groups),
            Operation::Parallelism { subtasks } => self.parallelism(*subtasks),
            Operation::PurgeExpired { uid, state, ttl_ms, as_of_ms } => {
                self.purge_expired(uid.as_deref().zip(state.as_deref()), *ttl_ms, *as_of_ms)
            }
            Operation::Name { name } => {
                self.savepoint.job.name = Some(name.clone());
                Ok(())
            }
            Operation::Rewrite => {
                self.origins.iter_mut().flatten().for_each(|origin| {
                    origin.rewrite();
                });
                Ok(())
            }
        }
    }

    fn rename_uid(&mut self, uid: &str, to: &str) -> Result<()> {
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

    fn rename_state(&mut self, uid: &str, state: &str, to: &str) -> Result<()> {
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

    fn rename_field(&mut self, uid: &str, state: &str, path: &FieldPath, to: &str) -> Result<()> {
        let place = self.state(uid, state)?;
        let schema = &mut self.at(place)?.0.schema;
        let name = path.name();
        let siblings = path.find_siblings(schema)?;
        if siblings.iter().any(|field| field.name == to) {
            return Err(Error::bad_request(format!("a field {to:?} is there already")));
        }
        let found = siblings.iter_mut().find(|field| field.name == name);
        found.ok_or_else(|| Error::not_found(format!("there is no field {path}")))?.name = to.to_owned();
        Ok(())
    }

    fn drop_field(&mut self, uid: &str, state: &str, path: &FieldPath) -> Result<()> {
        let place = self.state(uid, state)?;
        let schema = &mut self.at(place)?.0.schema;
        let identity = identifying_ids(schema);
        let name = path.name();
        let siblings = path.find_siblings(schema)?;
        let Some(index) = siblings.iter().position(|field| field.name == name) else {
            return Err(Error::not_found(format!("there is no field {path}")));
        };
        if siblings.get(index).is_some_and(|field| identity.contains(&field.id)) {
            return Err(Error::bad_request("a key without it would no longer be unique"));
        }
        if siblings.len() == 1 {
            return Err(Error::bad_request("it is the only field there; drop the state instead"));
        }
        siblings.remove(index);
        Ok(())
    }

    fn add_field(
        &mut self,
        uid: &str,
        state: &str,
        path: &FieldPath,
        ty: &str,
        default: Option<&serde_json::Value>,
    ) -> Result<()> {
        let place = self.state(uid, state)?;
        let state = self.at(place)?.0;
        let identity = identifying_ids(&state.schema);
        let name = path.name();
        let siblings = path.find_siblings(&mut state.schema)?;
        if siblings.iter().any(|field| identity.contains(&field.id)) {
            return Err(Error::bad_request("a key with one more field is another key"));
        }
        if siblings.iter().any(|field| field.name == name) {
            return Err(Error::bad_request(format!("a field {name:?} is there already")));
        }
        let mut field: Field = ty.parse::<Field>()?.named(name);
        if default.is_none() && !field.nullable {
            field = field.nullable();
        }
        siblings.push(Field { default: default.cloned(), ..field });
        state.schema = std::mem::take(&mut state.schema).number();
        Ok(())
    }

    fn cast(&mut self, uid: &str, state: &str, path: &FieldPath, ty: &str) -> Result<()> {
        let place = self.state(uid, state)?;
        let (state, origin) = self.at(place)?;
        let identity = identifying_ids(&state.schema);
        let former_key = state.schema.key.clone();
        let field = path.find(&mut state.schema)?;
        let mut wanted: Field = ty.parse()?;
        keep_ids(field, &mut wanted)?;
        let same = (&field.ty, &field.logical) == (&wanted.ty, &wanted.logical);
        let tightens = same && field.nullable && !wanted.nullable;
        if identity.contains(&field.id) {
            // Another type is another order, and of a key another hash.
            origin.rewrite().regroup = true;
        } else if tightens || !field.ty.widens_to(&wanted.ty) || field.logical != wanted.logical {
            origin.rewrite();
        }
        (field.ty, field.logical) = (wanted.ty, wanted.logical);
        // Another type may say nothing about null; the same type without its `?` has no other meaning.
        field.nullable = wanted.nullable || field.nullable && !tightens;
        state.schema = std::mem::take(&mut state.schema).number();
        if let (Some(key), Some(hash)) = (&state.schema.key, &mut state.key_hash)
            && state.schema.key != former_key
        {
            *hash = KeyHash::for_key(key);
        }
        Ok(())
    }

    fn set(&mut self, uid: &str, state: &str, key: &str, value: &serde_json::Value) -> Result<()> {
        let place = self.state(uid, state)?;
        let (state, origin) = self.at(place)?;
        let single = [StateKind::Value, StateKind::Reducing, StateKind::Aggregating, StateKind::Broadcast];
        if !single.contains(&state.kind) || state.schema.namespace.is_some() {
            return Err(Error::bad_request(format!("a key of {} state has more than one value", state.kind)));
        }
        origin.rewrite().set.push((key.to_owned(), value.clone()));
        Ok(())
    }

    fn max_parallelism(&mut self, uid: Option<&str>, groups: u32) -> Result<()> {
        if !(1..=MAX_PARALLELISM_LIMIT).contains(&groups) {
            return Err(Error::bad_request(format!(
                "{groups} key groups; 1 to {MAX_PARALLELISM_LIMIT} exist"
            )));
        }
        let only = uid.map(|uid| self.operator(uid)).transpose()?;
        for (index, operator) in self.savepoint.operators.iter_mut().enumerate() {
            if only.is_some_and(|only| only != index) {
                continue;
            }
            if operator.parallelism > groups {
                return Err(Error::bad_request(format!(
                    "operator {} runs with parallelism {}; give --parallelism too",
                    operator.label(),
                    operator.parallelism
                )));
            }
            operator.max_parallelism = groups;
            let origins = self.origins.get_mut(index).into_iter().flatten();
            for (state, origin) in
                operator.states.iter().zip(origins).filter(|(state, _)| state.kind.is_keyed())
            {
                if state.key_hash == Some(KeyHash::Unknown) {
                    return Err(Error::bad_request(format!(
                        "the key hash of state {:?} cannot be computed, so its keys cannot be dealt out anew",
                        state.name
                    )));
                }
                origin.rewrite().regroup = true;
            }
        }
        Ok(())
    }

    fn parallelism(&mut self, subtasks: u32) -> Result<()> {
        for operator in &mut self.savepoint.operators {
            if subtasks == 0 || subtasks > operator.max_parallelism {
                return Err(Error::bad_request(format!(
                    "operator {} can have 1 to {} subtasks",
                    operator.label(),
                    operator.max_parallelism
                )));
            }
            operator.parallelism = subtasks;
        }
        Ok(())
    }

    fn purge_expired(
        &mut self,
        only: Option<(&str, &str)>,
        ttl_ms: Option<u64>,
        as_of_ms: i64,
    ) -> Result<()> {
        let only = only.map(|(uid, state)| self.state(uid, state)).transpose()?;
        let places: Vec<StateRef> = match only {
            Some(place) => vec![place],
            None => self
                .savepoint
                .states()
                .filter(|(_, _, state)| state.schema.ttl)
                .map(|(place, _, _)| place)
                .collect(),
        };
        for place in places {
            let (state, origin) = self.at(place)?;
            if !state.schema.ttl {
                return Err(Error::bad_request(format!("state {:?} has no time to live", state.name)));
            }
            let known = state.ttl.and_then(|ttl| ttl.duration_ms);
            let ttl = ttl_ms.or(known).ok_or_else(|| {
                let what = format!(
                    "the savepoint does not tell the time to live of state {:?}; name it",
                    state.name
                );
                Error::bad_request(what)
            })?;
            let before = as_of_ms.saturating_sub(i64::try_from(ttl).unwrap_or(i64::MAX));
            origin.rewrite().expired_before_ms = Some(before);
        }
        Ok(())
    }
}

/// Gives the parts of a new type the ids they have in the old one: rows are bound by them.
fn keep_ids(old: &Field, new: &mut Field) -> Result<()> {
    new.id = old.id;
    if let (Type::Struct(olds), Type::Struct(news)) = (&old.ty, &new.ty)
        && (olds.len() != news.len() || olds.iter().any(|old| news.iter().all(|new| new.name != old.name)))
    {
        return Err(Error::bad_request("a cast keeps every field of a struct under its name"));
    }
    match (&old.ty, &mut new.ty) {
        (Type::Struct(olds), Type::Struct(news)) => news
            .iter_mut()
            .filter_map(|new| Some((olds.iter().find(|old| old.name == new.name)?, new)))
            .try_for_each(|(old, new)| keep_ids(old, new)),
        (Type::List(old), Type::List(new)) => keep_ids(old, new),
        (Type::Map { key: old_key, value: old }, Type::Map { key, value }) => {
            keep_ids(old_key, key).and_then(|()| keep_ids(old, value))
        }
        _ => Ok(()),
    }
}

/// Ids of every field that rows are told apart by.
fn identifying_ids(schema: &StateSchema) -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    for field in [&schema.key, &schema.namespace, &schema.map_key].into_iter().flatten() {
        field.clone().visit_mut(&mut |field| {
            ids.insert(field.id);
        });
    }
    ids
}
