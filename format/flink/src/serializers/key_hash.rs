//! Java's `hashCode` of a serialized key, which with Flink's murmur chooses its key group.
//!
//! Only of types whose hash is in the JDK or in Flink: a plain object, a case class or what Kryo writes bring
//! one of their own. Of an SQL row the hash is over its bytes, so nothing of it is decoded.
//!
//! # Source
//! `hashCode` of `java.lang`, `java.math`, `java.time` and `java.util`; Flink, `Tuple2`, `RowUtils` (1.13 and
//! newer), `BinarySegmentUtils.hashByWords`, `MurmurHashUtils`.

use spt_format::{Cursor, Result, java_hash_utf16};

use super::flink_type::{FlinkType, RowType, Scalar};
use super::values::{RowHead, big_integer, days};
use crate::java;

/// Whether the hash of such keys can be computed.
pub(crate) fn is_known(data_type: &FlinkType) -> bool {
    match data_type {
        FlinkType::Scalar(scalar) => !matches!(
            scalar,
            Scalar::TextValue | Scalar::ModifiedUtf8 | Scalar::Utf8 | Scalar::Bytes | Scalar::SortedLong
        ),
        FlinkType::Record(record) => {
            record.is_tuple && record.fields.iter().all(|field| is_known(&field.data_type))
        }
        FlinkType::Row(row) => {
            row.is_hashed && row.fields.iter().all(|field| is_known_in_row(&field.data_type))
        }
        FlinkType::RowData(_) => true,
        _ => false,
    }
}

/// In a row, bytes have a hash, which alone they have not. Of arrays and lists it is not known which they are.
fn is_known_in_row(data_type: &FlinkType) -> bool {
    *data_type == FlinkType::Scalar(Scalar::Bytes) || is_known(data_type)
}

/// The hash of the key at the cursor, which then stands behind it; `None` if it [is not known](is_known).
///
/// # Errors
/// For bytes that are no such key.
pub(crate) fn java_hash(data_type: &FlinkType, cursor: &mut Cursor<'_>) -> Result<Option<i32>> {
    match data_type {
        _ if !is_known(data_type) => Ok(None),
        FlinkType::Scalar(scalar) => scalar_hash(*scalar, cursor).map(Some),
        FlinkType::Record(record) => {
            let mut hash = 0i32;
            for field in &record.fields {
                let Some(next) = java_hash(&field.data_type, cursor)? else { return Ok(None) };
                hash = hash.wrapping_mul(31).wrapping_add(next);
            }
            Ok(Some(hash))
        }
        FlinkType::Row(row) => deep_row_hash(row, cursor),
        _ => Ok(Some(row_hash(java::bytes32(cursor, "row")?))),
    }
}

/// Of a row's kind, and of the array of its fields. Each of them is hashed as an array of one; null as 0.
fn deep_row_hash(row: &RowType, cursor: &mut Cursor<'_>) -> Result<Option<i32>> {
    let head = RowHead::read(row, cursor)?;
    let mut hash = 1i32;
    for (index, field) in row.fields.iter().enumerate() {
        let next = match &field.data_type {
            _ if head.is_null(index) => Some(-31),
            FlinkType::Scalar(Scalar::Bytes) => Some(bytes_hash(java::bytes32(cursor, "bytes")?)),
            data_type => java_hash(data_type, cursor)?,
        };
        let Some(next) = next else { return Ok(None) };
        hash = hash.wrapping_mul(31).wrapping_add(next.wrapping_add(31));
    }
    Ok(Some((head.kind as i32).wrapping_mul(31).wrapping_add(hash)))
}

/// `Arrays.hashCode(byte[])`.
fn bytes_hash(bytes: &[u8]) -> i32 {
    bytes.iter().fold(1, |hash: i32, byte| hash.wrapping_mul(31).wrapping_add(byte.cast_signed().into()))
}

fn scalar_hash(scalar: Scalar, cursor: &mut Cursor<'_>) -> Result<i32> {
    Ok(match scalar {
        Scalar::Boolean => {
            if cursor.bool("boolean")? {
                1231
            } else {
                1237
            }
        }
        Scalar::Byte => cursor.i8()?.into(),
        Scalar::Short => cursor.i16_be()?.into(),
        Scalar::Char => cursor.u16_be()?.into(),
        Scalar::Int => cursor.i32_be()?,
        Scalar::Long | Scalar::Millis => fold(cursor.i64_be()?),
        Scalar::Float => one_nan(cursor.f32_be()?, f32::is_nan, f32::NAN).to_bits().cast_signed(),
        Scalar::Double => fold(one_nan(cursor.f64_be()?, f64::is_nan, f64::NAN).to_bits().cast_signed()),
        Scalar::BigInteger => big_integer(cursor)?.map_or(0, magnitude_hash),
        Scalar::BigDecimal => match big_integer(cursor)? {
            Some(unscaled) => magnitude_hash(unscaled).wrapping_mul(31).wrapping_add(cursor.i32_be()?),
            None => 0,
        },
        Scalar::SqlTimestamp => {
            let millis = cursor.i64_be()?;
            cursor.i32_be()?;
            fold(millis)
        }
        Scalar::Instant => fold(cursor.i64_be()?).wrapping_add(cursor.i32_be()?.wrapping_mul(51)),
        Scalar::LocalDate => date_hash(cursor)?,
        Scalar::LocalTime => time_hash(cursor)?,
        Scalar::LocalDateTime => date_hash(cursor)? ^ time_hash(cursor)?,
        _ => text_hash(cursor)?,
    })
}

/// Both halves of 64 bits, one over the other.
fn fold(number: i64) -> i32 {
    (number ^ (number.cast_unsigned() >> 32).cast_signed()) as i32
}

fn one_nan<F: Copy>(number: F, is_nan: impl Fn(F) -> bool, nan: F) -> F {
    if is_nan(number) { nan } else { number }
}

/// Over the UTF-16 units as they are, half a surrogate pair included.
fn text_hash(cursor: &mut Cursor<'_>) -> Result<i32> {
    let units = java::vlen(cursor, "string length")?.saturating_sub(1);
    let units = cursor.count(units, 1, "UTF-16 units of a string")?;
    let units = (0..units).map(|_| Ok(java::vlen(cursor, "UTF-16 unit")? as u16));
    Ok(java_hash_utf16(units.collect::<Result<Vec<_>>>()?))
}

/// Over the magnitude's 32-bit digits, most significant first, then the sign.
fn magnitude_hash(twos_complement: &[u8]) -> i32 {
    let negative = twos_complement.first().is_some_and(|byte| *byte >= 0x80);
    let mut bytes: Vec<u8> =
        twos_complement.iter().map(|byte| if negative { !byte } else { *byte }).collect();
    if negative {
        let mut carry = true;
        for byte in bytes.iter_mut().rev() {
            (*byte, carry) = byte.overflowing_add(carry.into());
        }
    }
    let digit = |digit: &[u8]| digit.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    let digits = bytes.rchunks(4).rev().map(|bytes| digit(bytes).cast_signed());
    let hash = digits.fold(0i32, |hash, digit| hash.wrapping_mul(31).wrapping_add(digit));
    if negative { hash.wrapping_neg() } else { hash }
}

fn date_hash(cursor: &mut Cursor<'_>) -> Result<i32> {
    let place = cursor.clone();
    let (year, month, day) = (cursor.i32_be()?, cursor.i8()?, cursor.i8()?);
    if days(year.into(), month.into(), day.into()).is_none() {
        return Err(place.invalid("a key that is no date"));
    }
    let low = year.wrapping_shl(11).wrapping_add(i32::from(month) << 6).wrapping_add(day.into());
    Ok((year & !0x7FF) ^ low)
}

fn time_hash(cursor: &mut Cursor<'_>) -> Result<i32> {
    let (hour, minute, second) = (cursor.i8()?, cursor.i8()?, cursor.i8()?);
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Ok(fold(seconds * 1_000_000_000 + i64::from(cursor.i32_be()?)))
}

/// Murmur3, 32 bits, seed 42, over the row's little-endian words; a row is a multiple of eight bytes.
fn row_hash(row: &[u8]) -> i32 {
    let mut hash = 42u32;
    for word in row.chunks_exact(4) {
        let word = word.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        hash = (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= row.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    (hash ^ hash >> 16).cast_signed()
}

#[cfg(test)]
mod tests {
    use spt_format::KeyGroup;

    use super::*;
    use crate::serializers::flink_type::{Record, positional};

    fn hash(data_type: &FlinkType, bytes: &[u8]) -> i32 {
        let mut cursor = Cursor::new(bytes);
        let hash = java_hash(data_type, &mut cursor).unwrap().unwrap();
        cursor.end("key").unwrap();
        hash
    }

    /// Computed with Flink 2.3.0: hash, and key group of 128 and of 32768.
    #[test]
    #[expect(clippy::approx_constant, reason = "the key is 3.14")]
    fn hashes_and_key_groups_are_flinks() {
        let text = [6, b'h', b'e', b'l', b'l', b'o'];
        let emoji = [4, b'a', 0xBD, 0xB0, 0x03, 0x80, 0xBC, 0x03];
        let decimal = [0, 0, 0, 6, 0x04, 0xE2, 0, 0, 0, 2];
        let integer = [&[0, 0, 0, 13][..], &[0, 0xAB, 0x54, 0xA9, 0x8C, 0xEB, 0x1F, 0x0A, 0xD2]].concat();
        let cases: [(Scalar, &[u8], i32, u16, u16); 13] = [
            (Scalar::Text, &text, 99_162_322, 35, 31395),
            (Scalar::Text, &emoji, 1_866_116, 94, 15454),
            (Scalar::Text, &[1], 0, 94, 31198),
            (Scalar::Long, &42i64.to_be_bytes(), 42, 29, 28189),
            (Scalar::Long, &(-1i64).to_be_bytes(), 0, 94, 31198),
            (Scalar::Int, &(-7i32).to_be_bytes(), -7, 33, 15777),
            (Scalar::Boolean, &[0], 1237, 3, 32003),
            (Scalar::Double, &3.14f64.to_be_bytes(), 300_063_655, 4, 17156),
            (Scalar::Double, &(-0.0f64).to_be_bytes(), i32::MIN, 108, 10348),
            (Scalar::BigDecimal, &decimal, 38752, 105, 30825),
            (Scalar::BigInteger, &integer, -1_436_577_082, 116, 25588),
            (Scalar::LocalDate, &[0, 0, 0x07, 0xE8, 2, 29], 4_145_309, 30, 12702),
            (Scalar::Instant, &[0, 0, 0, 0, 0x65, 0x53, 0xF1, 0, 0, 0, 0, 5], 1_700_000_255, 84, 4436),
        ];
        for (scalar, bytes, expected, of_128, of_32768) in cases {
            let found = hash(&FlinkType::Scalar(scalar), bytes);
            assert_eq!(found, expected, "{scalar:?}");
            assert_eq!(KeyGroup::of_hash(found, 128).0, of_128, "{scalar:?}");
            assert_eq!(KeyGroup::of_hash(found, 32768).0, of_32768, "{scalar:?}");
        }
    }

    /// Computed with Flink 2.1.0: hash, and key group of 128 and of 32768.
    #[test]
    fn a_row_hashes_as_flinks_and_one_of_flink_1_12_is_not_known() {
        let scalar = FlinkType::Scalar;
        let fields = |types: &[FlinkType]| positional(types.iter().cloned());
        let row = |types: &[FlinkType]| {
            FlinkType::Row(RowType { fields: fields(types), kind: true, is_hashed: true })
        };
        let two = [scalar(Scalar::Text), scalar(Scalar::Long)];
        let tuple = FlinkType::Record(Record::tuple(fields(&[scalar(Scalar::Text), scalar(Scalar::Int)])));
        let text = [6, b'h', b'e', b'l', b'l', b'o'];
        let (long, int) = (42i64.to_be_bytes(), 7i32.to_be_bytes());
        let cases: [(FlinkType, Vec<u8>, i32, u16, u16); 6] = [
            (row(&two[..1]), [&[0][..], &text].concat(), 99_162_384, 40, 12840),
            (row(&[scalar(Scalar::Bytes)]), b"\0\0\0\0\x04\x80\x04N.".to_vec(), -2_883_357, 68, 16580),
            (row(&two), [&[0x20][..], &long].concat(), 1034, 55, 20279),
            (row(&[row(&two)]), [&[0, 0][..], &text, &long].concat(), -1_220_933_257, 68, 12868),
            (row(&[tuple]), [&[0][..], &text, &int].concat(), -1_220_935_245, 33, 12705),
            (row(&two), [&[0xC0][..], &text, &long].concat(), -1_220_933_226, 37, 7717),
        ];
        for (data_type, bytes, expected, of_128, of_32768) in cases {
            let found = hash(&data_type, &bytes);
            assert_eq!(found, expected, "{data_type:?}");
            assert_eq!(KeyGroup::of_hash(found, 128).0, of_128, "{data_type:?}");
            assert_eq!(KeyGroup::of_hash(found, 32768).0, of_32768, "{data_type:?}");
        }
        assert!(!is_known(&FlinkType::Row(RowType { fields: fields(&two), kind: true, is_hashed: false })));
    }

    #[test]
    fn a_tuple_hashes_as_flinks_and_a_case_class_is_not_known() {
        let fields = || positional([FlinkType::Scalar(Scalar::Text), FlinkType::Scalar(Scalar::Long)]);
        let bytes = [&[2, b'a'][..], &1i64.to_be_bytes()].concat();
        assert_eq!(hash(&FlinkType::Record(Record::tuple(fields())), &bytes), 3008);
        assert!(!is_known(&FlinkType::Record(Record::new(fields()))));
    }
}
