//! Keys on their way to another thread: copied into a batch here, looked up by reference there, freed with
//! the batch. Nothing is allocated per key, and nothing is freed by a thread that did not allocate it.

use std::ops::Range;

use super::key::Key;

/// Keys of a batch, by their place in it.
pub trait KeyArena<K: Key>: Default + Send + 'static {
    /// Appends a copy of a key.
    fn push(&mut self, key: &K::Borrowed);

    /// The key at a place.
    fn get(&self, index: usize) -> Option<&K::Borrowed>;

    /// The key at a place is this one.
    #[inline]
    fn is(&self, index: usize, key: &K::Borrowed) -> bool {
        self.get(index).is_some_and(|found| found == key)
    }

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
#[derive(Debug)]
pub struct TextArena {
    text: String,
    /// Where each string begins, and where the last one ends.
    bounds: Vec<usize>,
}

impl Default for TextArena {
    fn default() -> Self {
        Self { text: String::new(), bounds: vec![0] }
    }
}

impl TextArena {
    #[inline]
    fn range(&self, index: usize) -> Option<Range<usize>> {
        let [start, end] = *self.bounds.get(index..)?.first_chunk()?;
        Some(start..end)
    }
}

/// Compares short texts without a call.
#[inline]
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        length if length != b.len() => false,
        4..8 => (a.first_chunk::<4>(), a.last_chunk::<4>()) == (b.first_chunk(), b.last_chunk()),
        8..=16 => (a.first_chunk::<8>(), a.last_chunk::<8>()) == (b.first_chunk(), b.last_chunk()),
        _ => a == b,
    }
}

impl KeyArena<String> for TextArena {
    #[inline]
    fn push(&mut self, key: &str) {
        self.text.push_str(key);
        self.bounds.push(self.text.len());
    }

    #[inline]
    fn get(&self, index: usize) -> Option<&str> {
        self.text.get(self.range(index)?)
    }

    #[inline]
    fn is(&self, index: usize, key: &str) -> bool {
        let bytes = self.range(index).and_then(|range| self.text.as_bytes().get(range));
        bytes.is_some_and(|bytes| are_equal(bytes, key.as_bytes()))
    }

    fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.bounds.truncate(1);
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
        for (index, word) in words.iter().enumerate() {
            assert!(arena.is(index, word) && !arena.is(index, "b") && !arena.is(index, "but"));
        }
        assert!(!arena.is(words.len(), ""));
        assert_eq!(arena.bytes(), "tobeorné".len());
        arena.clear();
        assert!(arena.is_empty() && arena.get(0).is_none());
    }

    #[test]
    fn texts_are_equal_if_every_byte_is() {
        let text = b"what is equal, is equal wherever one looks";
        for length in 0..text.len() {
            let word = &text[..length];
            assert!(are_equal(word, word));
            assert!(!are_equal(word, &text[..length + 1]) && !are_equal(&text[..length + 1], word));
            for place in 0..length {
                let mut other = word.to_vec();
                other[place] ^= 1;
                assert!(!are_equal(word, &other), "byte {place} of {length}");
            }
        }
    }
}
