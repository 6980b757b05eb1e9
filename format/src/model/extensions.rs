//! What a newer version wrote and this one does not know: kept as it stands.

use serde_json::value::RawValue;

/// Optional members of a savepoint's metadata that this version does not know, letter by letter.
///
/// A savepoint that is made from another carries them over. What a reader must understand to read safely is
/// never here: it is a required feature, and an unknown one is refused.
#[derive(Debug, Clone, Default)]
pub struct Extensions(Vec<(String, Box<RawValue>)>);

impl Extensions {
    /// Adds a member; `false` if one of this name is there already.
    pub fn insert(&mut self, name: String, value: Box<RawValue>) -> bool {
        let is_new = self.0.iter().all(|(found, _)| *found != name);
        if is_new {
            self.0.push((name, value));
        }
        is_new
    }

    /// Names and JSON texts, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Extensions {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
