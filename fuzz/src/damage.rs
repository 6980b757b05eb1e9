//! The ways in which bytes get lost, chosen by numbers that look random and are the same for one seed.

/// Numbers that follow from a seed.
#[derive(Debug, Clone)]
pub struct Damage(u64);

/// What lengths, counts and versions are turned into.
const NUMBERS: [u32; 9] = [0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, u32::MAX];
/// How much is moved or taken away at once, at most.
const MAX_PIECE: usize = 32;

impl Damage {
    /// What follows from this seed.
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap_or_default()
    }

    /// One of `choices`, if there are any.
    pub fn choose<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// Damages the bytes in one to four places; `other` lends pieces.
    pub fn apply(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(4) {
            self.apply_once(bytes, other);
        }
    }

    fn apply_once(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let place = self.below(bytes.len());
        let end = (place + 1 + self.below(MAX_PIECE)).min(bytes.len());
        match self.below(9) {
            0 => bytes.truncate(place),
            1 | 2 => self.change(bytes, place, |byte, number| byte ^ (1 << (number % 8))),
            3 => self.change(bytes, place, |_, number| number.to_le_bytes()[0]),
            4 | 5 => {
                let number = self.choose(&NUMBERS).copied().unwrap_or_default().to_be_bytes();
                bytes.iter_mut().skip(place).zip(number).for_each(|(byte, new)| *byte = new);
            }
            6 => _ = bytes.drain(place.min(end)..end),
            7 => {
                let piece = bytes.get(place..end).unwrap_or_default().to_vec();
                bytes.splice(place..place, piece);
            }
            _ => {
                let from = self.below(other.len());
                let to = (from + 1 + self.below(MAX_PIECE)).min(other.len());
                let piece = other.get(from..to).unwrap_or_default().to_vec();
                bytes.splice(place..end, piece);
            }
        }
    }

    fn change(&mut self, bytes: &mut [u8], place: usize, new: fn(u8, usize) -> u8) {
        let number = self.below(256);
        if let Some(byte) = bytes.get_mut(place) {
            *byte = new(*byte, number);
        }
    }
}
