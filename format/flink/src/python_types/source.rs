//! A savepoint whose values of Python have the types that somebody named.

use std::any::Any;
use std::sync::Arc;

use spt_format::{
    Completeness, Extent, Field, Operator, Result, RowStream, Savepoint, SavepointSource, Scan, Segment,
    State, StateRef, StateSchema,
};

use super::rows::TypedRows;
use super::{Named, Parts, label};
use crate::FlinkSource;
use crate::rows::Sorted;

/// Memory for sorting, beyond which rows are spilled.
const SORT_BYTES: usize = 64 << 20;

/// The savepoint with other types for some of its states. Everything else is as it was.
pub(super) struct TypedSource {
    inner: Box<dyn SavepointSource>,
    savepoint: Savepoint,
    /// By operator and state; none for a state that is as it was.
    parts: Vec<Vec<Option<Arc<Parts>>>>,
}

impl TypedSource {
    /// The savepoint, with the types that `named` gives for a state.
    ///
    /// # Errors
    /// Those of `named`.
    pub(super) fn new(
        inner: Box<dyn SavepointSource>,
        named: impl Fn(&Operator, &State) -> Result<Option<Parts>>,
    ) -> Result<Self> {
        let mut savepoint = inner.savepoint().clone();
        let mut parts = Vec::with_capacity(savepoint.operators.len());
        for (operator, changed) in inner.savepoint().operators.iter().zip(&mut savepoint.operators) {
            let types = operator.states.iter().map(|state| named(operator, state));
            let types = types.map(|parts| Ok(parts?.map(Arc::new))).collect::<Result<Vec<_>>>()?;
            for (state, parts) in changed.states.iter_mut().zip(&types) {
                if let Some(parts) = parts {
                    change(state, parts);
                }
            }
            parts.push(types);
        }
        Ok(Self { inner, savepoint, parts })
    }

    fn parts(&self, state: StateRef) -> Option<&Arc<Parts>> {
        self.parts.get(state.operator)?.get(state.state)?.as_ref()
    }
}

/// Whether something of these rows stays opaque.
fn is_opaque(schema: &StateSchema) -> bool {
    schema.parts().any(|(_, field)| field.has_opaque())
}

/// Gives the state its new types.
fn change(state: &mut State, parts: &Parts) {
    let old = std::mem::take(&mut state.schema);
    let typed = |old: Option<Field>, named: &Named| {
        let field = named.field();
        old.map(|old| Field { nullable: old.nullable || field.nullable, ..field })
    };
    let map_key = match &parts.map_key {
        Some(named) => typed(old.map_key, named),
        None => old.map_key,
    };
    let value = typed(old.value, &parts.value);
    state.schema = StateSchema { map_key, value, ..old }.number();
}

impl SavepointSource for TypedSource {
    fn savepoint(&self) -> &Savepoint {
        &self.savepoint
    }

    fn segments(&self, state: StateRef) -> Result<Vec<Segment>> {
        self.inner.segments(state)
    }

    fn extents(&self, state: StateRef) -> Vec<Extent> {
        self.inner.extents(state)
    }

    fn scan(&self, place: StateRef, scan: &Scan) -> Result<Box<dyn RowStream>> {
        let (Some(parts), Some((operator, state))) = (self.parts(place), self.savepoint.state(place)) else {
            return self.inner.scan(place, scan);
        };
        // Numbers and texts have another order than their bytes.
        let is_reordered = scan.sorted && parts.map_key.is_some();
        let rows = self.inner.scan(place, &Scan { sorted: scan.sorted && !is_reordered, ..scan.clone() })?;
        let schema = state.schema.to_arrow(state.kind)?;
        let label = label(operator, state);
        let rows = TypedRows::new(rows, schema, Arc::clone(parts), is_opaque(&state.schema), label);
        let typed: Box<dyn RowStream> = Box::new(rows);
        Ok(match is_reordered {
            true => Box::new(Sorted::new(typed, state.schema.sort_columns(state.kind), SORT_BYTES)),
            false => typed,
        })
    }

    fn count(&self, place: StateRef, scan: &Scan) -> Result<(u64, Completeness)> {
        let (rows, seen) = self.inner.count(place, scan)?;
        let typed = self.parts(place).and_then(|_| self.savepoint.state(place));
        let is_clear = typed.is_some_and(|(_, state)| !is_opaque(&state.schema));
        Ok((rows, if is_clear { Completeness { rows_opaque: 0, ..seen } } else { seen }))
    }

    fn checks_key_groups(&self, state: StateRef) -> bool {
        self.inner.checks_key_groups(state)
    }

    /// Flink's reader alone: of a savepoint in the format's own files a sink would take them over as they are, with
    /// Python's bytes in them.
    fn as_any(&self) -> Option<&dyn Any> {
        self.inner.as_any().filter(|reader| reader.is::<FlinkSource>())
    }
}
