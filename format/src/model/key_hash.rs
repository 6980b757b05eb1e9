//! From a key to its key group: Java's `hashCode` where the key has a Java twin, key bytes where not.
//!
//! # Source
//! `hashCode` of `java.lang.*`, `java.math.*`, `java.util.UUID` and of Flink's `Tuple1` to `Tuple25`.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

use super::java_hash::java_hash_string;
use super::key_bytes::key_bytes_hash;
use super::key_group::KeyGroup;
use super::order::{one_nan_f32, one_nan_f64};
use super::state::KeyHash;
use super::types::{Field, Logical, Type};

/// The key group of the key in `row` of `keys`, whose type is `field`; `None` where this hash cannot be
/// computed for such a key.
pub fn key_group_of(
    field: &Field,
    keys: &dyn Array,
    row: usize,
    max_parallelism: u32,
    key_hash: KeyHash,
) -> Option<KeyGroup> {
    let hash = match key_hash {
        KeyHash::Java1 => java_hash(field, keys, row)?,
        KeyHash::Spt1 => spt_hash(keys, row)?,
        KeyHash::Unknown => return None,
    };
    Some(KeyGroup::of_hash(hash, max_parallelism))
}

impl KeyHash {
    /// The hash that keys of this type get: `java-1` if the type has a Java twin, otherwise `spt-1`.
    pub fn for_key(field: &Field) -> Self {
        if has_java_twin(field) { Self::Java1 } else { Self::Spt1 }
    }
}

/// What `hashCode` of the key's Java twin returns; 0 for null; `None` without a twin.
pub fn java_hash(field: &Field, keys: &dyn Array, row: usize) -> Option<i32> {
    if keys.is_null(row) {
        return has_java_twin(field).then_some(0);
    }
    match (&field.logical, &field.ty) {
        (None, Type::Boolean) => Some(if keys.as_boolean_opt()?.value(row) { 1231 } else { 1237 }),
        (None, Type::Int8) => Some(keys.as_primitive_opt::<Int8Type>()?.value(row).into()),
        (None, Type::Int16) => Some(keys.as_primitive_opt::<Int16Type>()?.value(row).into()),
        (None, Type::Int32) => Some(keys.as_primitive_opt::<Int32Type>()?.value(row)),
        (None, Type::Int64) => Some(fold(keys.as_primitive_opt::<Int64Type>()?.value(row).cast_unsigned())),
        (None, Type::Float32) => {
            let number = one_nan_f32(keys.as_primitive_opt::<Float32Type>()?.value(row));
            Some(number.to_bits().cast_signed())
        }
        (None, Type::Float64) => {
            Some(fold(one_nan_f64(keys.as_primitive_opt::<Float64Type>()?.value(row)).to_bits()))
        }
        // A string of one UTF-16 unit hashes to that unit, as the char does; a char beyond the BMP as its string.
        (None | Some(Logical::Char), Type::Utf8) => {
            Some(java_hash_string(keys.as_string_opt::<i32>()?.value(row)))
        }
        (Some(Logical::Uuid), Type::FixedBinary(16)) => {
            let bytes = keys.as_fixed_size_binary_opt()?.value(row).try_into().ok()?;
            let number = u128::from_be_bytes(bytes);
            Some(fold((number >> 64) as u64 ^ number as u64))
        }
        (Some(Logical::BigInteger), Type::Binary) => {
            Some(big_integer(keys.as_binary_opt::<i32>()?.value(row)))
        }
        (Some(Logical::BigDecimal), Type::Struct(_)) => match keys.as_struct_opt()?.columns() {
            [unscaled, scale] => {
                let unscaled = big_integer(unscaled.as_binary_opt::<i32>()?.value(row));
                let scale = scale.as_primitive_opt::<Int32Type>()?.value(row);
                Some(unscaled.wrapping_mul(31).wrapping_add(scale))
            }
            _ => None,
        },
        (Some(Logical::Tuple), Type::Struct(fields)) => {
            let columns = keys.as_struct_opt()?.columns();
            fields.iter().zip(columns).try_fold(0_i32, |hash, (field, column)| {
                Some(hash.wrapping_mul(31).wrapping_add(java_hash(field, column, row)?))
            })
        }
        _ => None,
    }
}

/// Murmur3 x86 32 of the key bytes.
fn spt_hash(keys: &dyn Array, row: usize) -> Option<i32> {
    let key = arrow_array::make_array(keys.slice(row, 1).to_data());
    key_bytes_hash(&[key], 0, &mut Vec::new()).ok().map(u32::cast_signed)
}

fn has_java_twin(field: &Field) -> bool {
    match (&field.logical, &field.ty) {
        (None, ty) => matches!(
            ty,
            Type::Boolean
                | Type::Int8
                | Type::Int16
                | Type::Int32
                | Type::Int64
                | Type::Float32
                | Type::Float64
                | Type::Utf8
        ),
        (Some(Logical::Tuple), Type::Struct(fields)) => fields.iter().all(has_java_twin),
        (Some(Logical::Char | Logical::Uuid | Logical::BigInteger | Logical::BigDecimal), _) => true,
        _ => false,
    }
}

/// Both halves of 64 bits, one over the other.
fn fold(bits: u64) -> i32 {
    ((bits >> 32) as u32 ^ bits as u32).cast_signed()
}

/// Over the magnitude's 32-bit digits, most significant first, then the sign.
fn big_integer(twos_complement: &[u8]) -> i32 {
    let negative = twos_complement.first().is_some_and(|byte| byte & 0x80 != 0);
    let magnitude = magnitude(twos_complement, negative);
    let digits = magnitude
        .rchunks(4)
        .rev()
        .map(|digit| digit.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)).cast_signed());
    let hash = digits.fold(0_i32, |hash, digit| hash.wrapping_mul(31).wrapping_add(digit));
    if negative { hash.wrapping_neg() } else { hash }
}

/// Big-endian bytes without sign; leading zeros do not change the hash.
fn magnitude(twos_complement: &[u8], negative: bool) -> Vec<u8> {
    let mut bytes = twos_complement.to_vec();
    if negative {
        let mut carry = true;
        for byte in bytes.iter_mut().rev() {
            let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
            (*byte, carry) = (sum, overflow);
        }
    }
    bytes
}
