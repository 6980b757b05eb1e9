//! What an operator says of a state when the graph is built: name, kind, types, and what fields were called.

use spt_format::{Aliases, State as StateModel, StateKind, StateSchema, Ttl};

use super::cell::Cell;
use super::column::State;
use super::key::Key;

/// A declared state: listed in the plan, looked for in a savepoint, written to the next.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Its name, kind and types.
    pub state: StateModel,
    /// What its fields were called before.
    pub aliases: Aliases,
}

impl Declaration {
    /// A keyed state with cells of this type; `()` stands for no namespace.
    pub fn keyed<K: Key, C: Cell, N: Key>(name: &str, kind: StateKind) -> Self {
        let namespace = N::only().is_none().then(N::field);
        let mut schema = StateSchema { key: Some(K::field()), namespace, ..StateSchema::default() };
        C::describe(&mut schema);
        let mut aliases = Aliases::default();
        K::aliases("key", &mut aliases);
        N::aliases("namespace", &mut aliases);
        C::aliases(&mut aliases);
        let ttl = schema.ttl.then_some(Ttl { duration_ms: None });
        let state = StateModel::new(name, kind, schema.number());
        Self { state: StateModel { key_hash: Some(K::KEY_HASH), ttl, ..state }, aliases }
    }

    /// A list per operator, split or given whole to every subtask.
    pub fn per_subtask<T: State>(name: &str, kind: StateKind) -> Self {
        let mut aliases = Aliases::default();
        T::aliases("value", &mut aliases);
        Self { state: StateModel::new(name, kind, StateSchema::per_subtask(T::field())), aliases }
    }

    /// A map that is the same in every subtask.
    pub fn broadcast<K: Key, V: State>(name: &str) -> Self {
        let schema =
            StateSchema { map_key: Some(K::field()), value: Some(V::field()), ..StateSchema::default() };
        let mut aliases = Aliases::default();
        K::aliases("map_key", &mut aliases);
        V::aliases("value", &mut aliases);
        Self { state: StateModel::new(name, StateKind::Broadcast, schema.number()), aliases }
    }

    /// The same, with the time to live that the plan and the savepoint show.
    #[must_use]
    pub fn with_ttl_ms(mut self, duration_ms: u64) -> Self {
        self.state.ttl = Some(Ttl { duration_ms: Some(duration_ms) });
        self
    }
}
