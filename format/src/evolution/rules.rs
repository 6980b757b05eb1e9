//! The table of rules for a value whose place is settled.

use super::verdict::Change;
use crate::model::{Field, Logical, Type};

/// What becomes of a type.
pub(super) enum Rule {
    /// The same.
    Same,
    /// It is read as it is.
    Change(Change),
    /// Both are made of fields, which are compared one by one.
    Nested,
    /// It is not read. The text says why; a cast helps if the flag says so.
    Refuse(&'static str, bool),
}

use Type::{Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};

/// Types whose every value the others hold exactly.
const WIDENINGS: [(Type, &[Type]); 8] = [
    (Int8, &[Int16, Int32, Int64, Float32, Float64]),
    (Int16, &[Int32, Int64, Float32, Float64]),
    (Int32, &[Int64, Float64]),
    (UInt8, &[UInt16, UInt32, UInt64, Int16, Int32, Int64, Float32, Float64]),
    (UInt16, &[UInt32, UInt64, Int32, Int64, Float32, Float64]),
    (UInt32, &[UInt64, Int64, Float64]),
    (UInt64, &[]),
    (Float32, &[Float64]),
];

fn widens(old: &Type, new: &Type) -> bool {
    match (old, new) {
        // No digit is lost on either side of the point.
        (Type::Decimal { precision: p, scale: s }, Type::Decimal { precision: q, scale: t }) => {
            s <= t && p.saturating_sub(*s) <= q.saturating_sub(*t)
        }
        _ => WIDENINGS.iter().any(|(from, to)| from == old && to.contains(new)),
    }
}

/// Why values of one type are not read as another that is not nested either.
fn reason(old: &Type, new: &Type) -> &'static str {
    let is_number = |ty| WIDENINGS.iter().any(|(from, to)| from == ty || to.contains(ty));
    match (old, new) {
        (Type::Timestamp { zone, .. }, Type::Timestamp { zone: to, .. }) if zone == to => UNITS,
        (Type::Time(_), Type::Time(_)) | (Type::Duration(_), Type::Duration(_)) => UNITS,
        (Type::Decimal { .. }, Type::Decimal { .. }) => LOSSY,
        (Type::Binary | Type::FixedBinary(_), Type::FixedBinary(_)) => LOSSY,
        _ if is_number(old) && is_number(new) => LOSSY,
        _ => "they are of different kinds",
    }
}

const LOSSY: &str = "not every value fits";
const UNITS: &str = "they count in different units";

/// The rule for two fields that stand for each other, but for their names and whether they may be null.
/// `former` are the names that an enum's names had before.
pub(super) fn rule(old: &Field, new: &Field, former: impl Fn(&str) -> Vec<String>) -> Rule {
    match (&old.logical, &new.logical) {
        (Some(Logical::Enum(old)), Some(Logical::Enum(new))) => return enums(old, new, former),
        (old, new) if old != new => {
            return Rule::Refuse("they mean different things", is_scalar(old, new));
        }
        _ => {}
    }
    match (&old.ty, &new.ty) {
        (Type::List(_), Type::List(_)) | (Type::Map { .. }, Type::Map { .. }) => Rule::Nested,
        (Type::Struct(_), Type::Struct(_)) if wraps(old, new) || wraps(new, old) => {
            Rule::Refuse("an option of an option is not read as what is in it", false)
        }
        (Type::Struct(_), Type::Struct(_)) => Rule::Nested,
        (old, new) if old == new => Rule::Same,
        (old, new) if widens(old, new) => Rule::Change(Change::Widened(old.to_string())),
        (old, new) if is_nested(old) || is_nested(new) => {
            Rule::Refuse("one cannot be read as the other", false)
        }
        (old, new) => Rule::Refuse(reason(old, new), true),
    }
}

fn enums(old: &[String], new: &[String], former: impl Fn(&str) -> Vec<String>) -> Rule {
    let is_known = |name: &String| new.contains(name) || new.iter().any(|new| former(new).contains(name));
    if !old.iter().all(is_known) {
        return Rule::Refuse("the job does not know every name", true);
    }
    let added: Vec<_> = new
        .iter()
        .filter(|name| !old.contains(name) && !former(name).iter().any(|name| old.contains(name)))
        .cloned()
        .collect();
    if added.is_empty() { Rule::Same } else { Rule::Change(Change::NamesAdded(added)) }
}

/// Whether `option` is `struct<some: T?>?`, an option of what may be null itself, and `other` a struct without that
/// field. Compared field by field, all of one would be gone and all of the other new: nothing would be left of the values.
fn wraps(option: &Field, other: &Field) -> bool {
    let (Type::Struct(inner), Type::Struct(others)) = (&option.ty, &other.ty) else { return false };
    match &inner[..] {
        [some] if some.name == "some" && some.nullable => {
            option.nullable && others.iter().all(|field| field.id != some.id)
        }
        _ => false,
    }
}

fn is_nested(ty: &Type) -> bool {
    matches!(ty, Type::List(_) | Type::Map { .. } | Type::Struct(_))
}

/// Values of both can be cast into each other, as text if nothing else.
fn is_scalar(old: &Option<Logical>, new: &Option<Logical>) -> bool {
    let scalar = |logical: &Option<Logical>| {
        matches!(logical, None | Some(Logical::Enum(_) | Logical::Char | Logical::BigInteger | Logical::Uuid))
    };
    scalar(old) && scalar(new)
}
