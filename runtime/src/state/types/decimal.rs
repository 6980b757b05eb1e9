//! Numbers with a fixed number of digits after the point.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use spt_format::{Error, Field, KeyHash, Result, Type};

use crate::data::{Column, Data, Record, write_display};
use crate::state::column::{State, StateBuilder, StateReader};
use crate::state::key::{Key, spt_hash, write_fixed};
use crate::state::types::number::{NumberBuilder, NumberReader};

/// A number of up to `P` digits (1 to 38), `S` of them after the point: `Decimal<12, 2>` holds 1234567890.99.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal<const P: u8, const S: u8>(i128);

impl<const P: u8, const S: u8> Decimal<P, S> {
    /// One more than the largest number without its point.
    const BOUND: i128 = {
        assert!(
            P >= 1 && P <= 38 && S <= P,
            "a decimal has 1 to 38 digits, and no more than those after the point"
        );
        10i128.pow(P as u32)
    };

    /// The number that is this many times the last digit; `None` if it has too many digits.
    pub fn new(unscaled: i128) -> Option<Self> {
        (unscaled.checked_abs()? < Self::BOUND).then_some(Self(unscaled))
    }

    /// How many times the last digit it is.
    pub fn unscaled(self) -> i128 {
        self.0
    }

    /// The sum; `None` if it has too many digits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_add(other.0)?)
    }

    /// The difference; `None` if it has too many digits.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_sub(other.0)?)
    }
}

impl<const P: u8, const S: u8> fmt::Display for Decimal<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10u128.pow(u32::from(S));
        let (digits, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        match S {
            0 => write!(f, "{sign}{digits}"),
            _ => write!(f, "{sign}{}.{:0width$}", digits / one, digits % one, width = usize::from(S)),
        }
    }
}

impl<const P: u8, const S: u8> FromStr for Decimal<P, S> {
    type Err = Error;

    /// Reads what is printed; digits after the point may be left out, none may be too many.
    fn from_str(text: &str) -> Result<Self> {
        let refusal = || Error::invalid(format!("{text:?} is no decimal({P}, {S})"));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || !is_number(digits) || !is_number(fraction) || fraction.len() > usize::from(S)
        {
            return Err(refusal());
        }
        let unscaled = format!("{whole}{fraction:0<width$}", width = usize::from(S)).parse();
        unscaled.ok().and_then(Self::new).ok_or_else(refusal)
    }
}

/// Builds a column of decimals.
pub struct DecimalBuilder(NumberBuilder<Decimal128Type>);

/// Reads a column of decimals.
pub struct DecimalReader(NumberReader<Decimal128Type>);

impl<const P: u8, const S: u8> State for Decimal<P, S> {
    type Builder = DecimalBuilder;
    type Reader = DecimalReader;

    fn field() -> Field {
        Field::new("", Type::Decimal { precision: P, scale: S })
    }
}

impl<const P: u8, const S: u8> StateBuilder<Decimal<P, S>> for DecimalBuilder {
    fn new(ty: &DataType, capacity: usize) -> Self {
        Self(NumberBuilder::new(ty, capacity))
    }

    fn append(&mut self, value: &Decimal<P, S>) {
        self.0.append(&value.0);
    }

    fn append_null(&mut self) {
        self.0.append_null();
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        self.0.finish()
    }
}

impl<const P: u8, const S: u8> StateReader<Decimal<P, S>> for DecimalReader {
    fn new(array: &dyn Array) -> Result<Self> {
        match array.data_type() {
            DataType::Decimal128(_, scale) if i16::from(*scale) != i16::from(S) => {
                Err(Error::invalid(format!("decimals have {scale} digits after the point, expected {S}")))
            }
            _ => NumberReader::new(array).map(Self),
        }
    }

    fn get(&self, row: usize) -> Result<Decimal<P, S>> {
        let unscaled = self.0.get(row)?;
        Decimal::new(unscaled)
            .ok_or_else(|| Error::invalid(format!("{unscaled} has more digits than decimal({P}, {S})")))
    }
}

impl<const P: u8, const S: u8> Key for Decimal<P, S> {
    type Borrowed = Self;
    type Arena = Vec<Self>;
    const KEY_HASH: KeyHash = KeyHash::Spt1;

    fn key_hash(key: &Self) -> i32 {
        spt_hash::<Self>(key)
    }

    fn write_key_bytes(key: &Self, bytes: &mut Vec<u8>) {
        write_fixed(&(key.0 ^ i128::MIN).to_be_bytes(), bytes);
    }

    fn order(a: &Self, b: &Self) -> Ordering {
        a.cmp(b)
    }

    /// The upper half: most decimals differ in the lower one only, and are compared.
    fn sort_prefix(key: &Self, _: usize) -> u64 {
        ((key.0 ^ i128::MIN).cast_unsigned() >> 64) as u64
    }
}

/// Decimals one after the other.
#[derive(Debug, Default)]
pub struct Decimals<const P: u8, const S: u8>(Vec<Decimal<P, S>>);

impl<const P: u8, const S: u8> Column<Decimal<P, S>> for Decimals<P, S> {
    fn push(&mut self, record: Decimal<P, S>) {
        self.0.push(record);
    }

    fn get(&self, index: usize) -> Option<Decimal<P, S>> {
        self.0.get(index).copied()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

impl<const P: u8, const S: u8> Data for Decimal<P, S> {
    type Ref<'a> = Self;
    type Column = Decimals<P, S>;

    fn as_ref(&self) -> Self {
        *self
    }

    fn from_ref(record: Self) -> Self {
        record
    }

    fn shorten<'short, 'long: 'short>(record: Self) -> Self {
        record
    }

    fn write_text(record: Self, text: &mut String) {
        write_display(&record, text);
    }
}

impl<const P: u8, const S: u8> Record for Decimal<P, S> {
    type Data = Self;

    fn lend<R>(self, to: impl FnOnce(Self) -> R) -> R {
        to(self)
    }
}

impl<const P: u8, const S: u8> Record for &Decimal<P, S> {
    type Data = Decimal<P, S>;

    fn lend<R>(self, to: impl FnOnce(Decimal<P, S>) -> R) -> R {
        to(*self)
    }
}
