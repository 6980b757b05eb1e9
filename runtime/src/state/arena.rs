//! Keys on their way to another thread: copied into a batch here, looked up by reference there, freed with
//! the batch. Nothing is allocated per key, and nothing is freed by a thread that did not allocate it.

use super::key::Key;

/// Keys of a batch, by their place in it.
pub trait KeyArena<K: Key>: Default + Send + 'static {
    /// Appends a copy of a key.
    fn push(&mut self, key: &K::Borrowed);

    /// The key at a place.
    fn get(&self, index: usize) -> Option<&K::Borrowed>;

    /// How many keys there are.
    fn len(&self) -> usize;

    /// Bytes of the keys, without what they own elsewhere.
    fn bytes(&self) -> usize;

    /// There are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all keys and keeps the memory.
    fn clear(&mut self);
}

/// Keys that are what they are looked up by.
impl<K: Key<Borrowed = K>> KeyArena<K> for Vec<K> {
    #[inline]
    fn push(&mut self, key: &K) {
        self.push(key.clone());
    }

    #[inline]
    fn get(&self, index: usize) -> Option<&K> {
        self.as_slice().get(index)
    }

    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        size_of_val(self.as_slice())
    }

    fn clear(&mut self) {
        self.clear();
    }
}

/// Strings, end to end in one.
#[derive(Debug, Default)]
pub struct TextArena {
    text: String,
    ends: Vec<usize>,
}

impl KeyArena<String> for TextArena {
    #[inline]
    fn push(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
    }

    #[inline]
    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..end)
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_gives_back_what_was_pushed() {
        let mut arena = TextArena::default();
        let words = ["to", "", "be", "or", "né"];
        words.iter().for_each(|word| arena.push(word));
        let found: Vec<_> = (0..arena.len()).filter_map(|index| arena.get(index)).collect();
        assert_eq!(found, words);
        assert_eq!(arena.get(words.len()), None);
        assert_eq!(arena.bytes(), "tobeorné".len());
        arena.clear();
        assert!(arena.is_empty() && arena.get(0).is_none());
    }
}
