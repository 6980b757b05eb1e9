//! Keys on their way to another thread: copied into a batch here, looked up by reference there, freed with
//! the batch. Nothing is allocated per key, and nothing is freed by a thread that did not allocate it.

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
    /// Behind the last string is room for more.
    text: Vec<u8>,
    /// Where each string begins, and where the last one ends.
    bounds: Vec<usize>,
    /// The last of the bounds, at hand for every key that comes.
    end: usize,
}

impl Default for TextArena {
    fn default() -> Self {
        Self { text: Vec::new(), bounds: vec![0], end: 0 }
    }
}

impl TextArena {
    #[inline]
    fn bytes_of(&self, index: usize) -> Option<&[u8]> {
        let [start, end] = *self.bounds.as_slice().get(index..)?.first_chunk()?;
        self.text.as_slice().get(start..end)
    }

    /// Appends a string that there is no room for.
    #[cold]
    fn extend(&mut self, text: &[u8]) {
        self.text.truncate(self.end);
        self.text.extend_from_slice(text);
        let room = self.text.len().clamp(FIRST_ROOM, MOST_ROOM);
        self.text.resize(self.text.len() + room, 0);
    }
}

/// Bytes of room behind the first string.
const FIRST_ROOM: usize = 64;
/// Bytes of room behind any: a batch is sent before it has many more.
const MOST_ROOM: usize = 1 << 20;

impl KeyArena<String> for TextArena {
    #[inline]
    fn push(&mut self, key: &str) {
        let key = key.as_bytes();
        let end = self.end + key.len();
        match self.text.as_mut_slice().get_mut(self.end..end) {
            Some(room) => copy(key, room),
            None => self.extend(key),
        }
        self.end = end;
        self.bounds.push(end);
    }

    /// Every text is whole: it was a `str` when it was pushed.
    #[inline]
    fn get(&self, index: usize) -> Option<&str> {
        str::from_utf8(self.bytes_of(index)?).ok()
    }

    #[inline]
    fn is(&self, index: usize, key: &str) -> bool {
        self.bytes_of(index).is_some_and(|bytes| are_equal(bytes, key.as_bytes()))
    }

    fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.end
    }

    fn clear(&mut self) {
        self.bounds.truncate(1);
        self.end = 0;
    }
}

/// Compares short texts without a call.
#[inline]
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    match a.len() {
        length if length != b.len() => false,
        4..=8 => (a.first_chunk::<4>(), a.last_chunk::<4>()) == (b.first_chunk(), b.last_chunk()),
        9..=16 => (a.first_chunk::<8>(), a.last_chunk::<8>()) == (b.first_chunk(), b.last_chunk()),
        _ => a == b,
    }
}

/// Copies short texts without a call: both ends, one over the other.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    match from.len() {
        4..=8 => copy_ends::<4>(from, to),
        9..=16 => copy_ends::<8>(from, to),
        _ => to.copy_from_slice(from),
    }
}

#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        if let Some(room) = to.first_chunk_mut() {
            *room = *first;
        }
        if let Some(room) = to.last_chunk_mut() {
            *room = *last;
        }
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
    fn texts_of_all_lengths_are_copied() {
        let text = "what is copied, is copied wherever it goes: é";
        let ends: Vec<_> = (0..=text.len()).filter(|end| text.is_char_boundary(*end)).collect();
        let mut arena = TextArena::default();
        for _ in 0..2 {
            ends.iter().rev().for_each(|end| arena.push(&text[..*end]));
            let found: Vec<_> = (0..arena.len()).filter_map(|index| arena.get(index)).collect();
            assert!(found.into_iter().eq(ends.iter().rev().map(|end| &text[..*end])));
            arena.clear();
        }
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
