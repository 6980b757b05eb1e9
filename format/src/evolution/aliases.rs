//! What fields were called before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Former names of fields and enum names, by path: `value.amount` was `sum`.
///
/// A path begins with the column and goes on with the names of fields; the element of a list is `element`,
/// the sides of a map are `key` and `value`. The last part may be the name of an enum's variant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aliases(BTreeMap<String, Vec<String>>);

impl Aliases {
    /// Notes that what is at `path` was called `former`.
    pub fn add(&mut self, path: &str, former: impl Into<String>) {
        self.0.entry(path.to_owned()).or_default().push(former.into());
    }

    /// What the part at `path` was called, in the order in which it was noted.
    pub fn of(&self, path: &str) -> &[String] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }

    /// Nothing was renamed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
