//! The closed list of types a state's key, namespace and value are made of.
//!
//! A [`Type`] says how a value is stored and maps one to one onto an Arrow type. A [`Logical`] on top of it
//! says what the value is where storage alone does not tell (a set is stored as a sorted list, an enum by
//! its name). A [`Field`] has an id that is unique in its state and never reused, so that names may change.
//! There is no union, dictionary, view or run-end type: the same value always has one form.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit as ArrowTimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Arrow metadata key of a field's id, the one Parquet readers and writers use for `field_id`.
pub const FIELD_ID_KEY: &str = "PARQUET:field_id";
/// Arrow metadata key of a field's [`Logical`], as JSON.
pub const LOGICAL_KEY: &str = "spt.logical";
/// Ids below are reserved for the columns of the table itself, see [`Column`](crate::Column).
pub const FIRST_NESTED_FIELD_ID: u32 = 16;

/// Resolution of times, timestamps and durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// How a value is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// True or false.
    Boolean,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 8 bits.
    UInt8,
    /// Unsigned, 16 bits.
    UInt16,
    /// Unsigned, 32 bits.
    UInt32,
    /// Unsigned, 64 bits.
    UInt64,
    /// IEEE 754, 32 bits.
    Float32,
    /// IEEE 754, 64 bits.
    Float64,
    /// A string of Unicode characters.
    Utf8,
    /// Bytes.
    Binary,
    /// Exactly this many bytes.
    FixedBinary(u16),
    /// A number with a fixed scale: 128 bits up to 38 digits, 256 bits up to 76.
    Decimal {
        /// Digits in all, 1 to 76.
        precision: u8,
        /// Digits after the point, 0 to `precision`.
        scale: u8,
    },
    /// Days since 1970-01-01.
    Date,
    /// Time of day.
    Time(TimeUnit),
    /// Time since 1970-01-01T00:00:00, in UTC if there is a zone, otherwise local.
    Timestamp {
        /// Resolution.
        unit: TimeUnit,
        /// Name or offset of the zone it is shown in, `None` for a local time.
        zone: Option<String>,
    },
    /// A length of time.
    Duration(TimeUnit),
    /// Elements in order.
    List(Box<Field>),
    /// Entries sorted by key.
    Map {
        /// Key, required.
        key: Box<Field>,
        /// Value.
        value: Box<Field>,
    },
    /// At least one named field.
    Struct(Vec<Field>),
}

/// What a stored value is, where its storage does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logical {
    /// `utf8`: one of these names, in declaration order.
    Enum(Vec<String>),
    /// `utf8`: one Unicode scalar value (a Java `char` that is no half of a surrogate pair).
    Char,
    /// `list`: sorted, without duplicates.
    Set,
    /// `binary`: an integer, two's complement, big-endian.
    BigInteger,
    /// `struct {unscaled: binary, scale: int32}`: a decimal that brings its own scale.
    BigDecimal,
    /// `struct`: fields by position, named `f0`, `f1`, ….
    Tuple,
    /// `struct`: a row whose first field `$kind` is the change kind: `+I`, `-U`, `+U` or `-D`.
    Row,
    /// `struct {tag: utf8, …}`: exactly the field that `tag` names is meant; the others are null.
    Variant,
    /// `struct {present: boolean}`: a type with a single value.
    Unit,
    /// `struct {seconds: int64, nanos: int32}`: an instant with nanoseconds, in years that 64 bits of
    /// nanoseconds do not reach too.
    Instant,
    /// `struct {seconds: int64, nanos: int32}`: the same without a zone.
    LocalDateTime,
    /// `struct {start: int64, end: int64}`: a time window in ms, end exclusive.
    TimeWindow,
    /// `fixed_binary(16)`: a UUID.
    Uuid,
    /// `binary`: bytes of a serializer this program does not know, and the class it is for.
    Opaque(String),
}

/// A named, typed part of a state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Unique in its state, never reused. Top-level columns have the ids of [`Column`](crate::Column).
    pub id: u32,
    /// Its name today; a name may change, the id does not.
    pub name: String,
    /// May be null.
    pub nullable: bool,
    /// How it is stored.
    pub ty: Type,
    /// What it is, where storage does not tell.
    pub logical: Option<Logical>,
    /// What rows written before the field was added have in its place: a JSON boolean, number or string.
    /// Without it they have null.
    pub default: Option<serde_json::Value>,
}

impl Field {
    /// A required field with id 0; [`StateSchema`](crate::StateSchema) numbers fields when it is built.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { id: 0, name: name.into(), nullable: false, ty, logical: None, default: None }
    }

    /// The same field, which may be null.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The same field with a meaning on top of its storage.
    #[must_use]
    pub fn with_logical(mut self, logical: Logical) -> Self {
        self.logical = Some(logical);
        self
    }

    /// The same field under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The fields directly inside this one, in order.
    pub fn children(&self) -> Vec<&Field> {
        match &self.ty {
            Type::List(element) => vec![element],
            Type::Map { key, value } => vec![key, value],
            Type::Struct(fields) => fields.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Field> {
        match &mut self.ty {
            Type::List(element) => vec![element],
            Type::Map { key, value } => vec![key, value],
            Type::Struct(fields) => fields.iter_mut().collect(),
            _ => Vec::new(),
        }
    }

    /// Visits this field and everything inside it, outermost first.
    pub fn visit_mut(&mut self, visit: &mut impl FnMut(&mut Field)) {
        visit(self);
        match &mut self.ty {
            Type::List(element) => element.visit_mut(visit),
            Type::Map { key, value } => {
                key.visit_mut(visit);
                value.visit_mut(visit);
            }
            Type::Struct(fields) => fields.iter_mut().for_each(|field| field.visit_mut(visit)),
            _ => {}
        }
    }

    /// Something inside is opaque: its bytes are kept but not understood.
    pub fn has_opaque(&self) -> bool {
        matches!(self.logical, Some(Logical::Opaque(_))) || self.children().into_iter().any(Field::has_opaque)
    }

    /// This field as Arrow sees it, with its id and logical type as metadata.
    pub fn to_arrow(&self) -> ArrowField {
        let mut metadata = HashMap::new();
        if self.id != 0 {
            metadata.insert(FIELD_ID_KEY.to_owned(), self.id.to_string());
        }
        if let Some(text) = self.logical.as_ref().and_then(|logical| serde_json::to_string(logical).ok()) {
            metadata.insert(LOGICAL_KEY.to_owned(), text);
        }
        ArrowField::new(&self.name, self.ty.to_arrow(), self.nullable).with_metadata(metadata)
    }

    /// The field that an Arrow field stands for. Widths that the model does not have are widened on paper
    /// only: the caller casts the data to [`Field::to_arrow`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a type outside the closed list.
    pub fn from_arrow(arrow: &ArrowField) -> Result<Self> {
        let id = arrow.metadata().get(FIELD_ID_KEY).and_then(|id| id.parse().ok()).unwrap_or(0);
        let logical = match arrow.metadata().get(LOGICAL_KEY) {
            Some(text) => Some(
                serde_json::from_str(text)
                    .map_err(|error| Error::invalid(format!("logical type {text:?}")).caused_by(error))?,
            ),
            None => None,
        };
        let ty = Type::from_arrow(arrow.data_type())
            .map_err(|error| error.within(format!("field {:?}", arrow.name())))?;
        Ok(Self { id, name: arrow.name().clone(), nullable: arrow.is_nullable(), ty, logical, default: None })
    }
}

impl Type {
    /// A list of `element`, which gets the name `element`.
    pub fn list(element: Field) -> Self {
        Self::List(Box::new(element.named("element")))
    }

    /// A map; its fields get the names `key` and `value`.
    pub fn map(key: Field, value: Field) -> Self {
        Self::Map { key: Box::new(key.named("key")), value: Box::new(value.named("value")) }
    }

    /// Every value of this type is a value of `wider` too, exactly, in the same order: a field may take the
    /// wider type without a row being written.
    pub fn widens_to(&self, wider: &Self) -> bool {
        let signed = [Self::Int8, Self::Int16, Self::Int32, Self::Int64];
        let unsigned = [Self::UInt8, Self::UInt16, Self::UInt32, Self::UInt64];
        let place = |types: &[Self], ty| types.iter().position(|found| found == ty);
        match (self, wider) {
            (Self::Float32, Self::Float64) => true,
            (Self::Decimal { precision: p, scale: s }, Self::Decimal { precision: q, scale: t }) => {
                p <= q && s == t
            }
            _ if self == wider => true,
            _ => match (place(&signed, self), place(&signed, wider)) {
                (Some(from), Some(to)) => from < to,
                // The next signed type holds every number of an unsigned one.
                (None, Some(to)) => place(&unsigned, self).is_some_and(|from| from < to),
                _ => place(&unsigned, self).zip(place(&unsigned, wider)).is_some_and(|(from, to)| from < to),
            },
        }
    }

    /// The Arrow type that stores it.
    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::FixedBinary(length) => DataType::FixedSizeBinary(i32::from(*length)),
            Self::Decimal { precision, scale } if *precision <= 38 => {
                DataType::Decimal128(*precision, scale.cast_signed())
            }
            Self::Decimal { precision, scale } => DataType::Decimal256(*precision, scale.cast_signed()),
            Self::Date => DataType::Date32,
            Self::Time(TimeUnit::Ms) => DataType::Time32(ArrowTimeUnit::Millisecond),
            Self::Time(unit) => DataType::Time64(unit.to_arrow()),
            Self::Timestamp { unit, zone } => {
                DataType::Timestamp(unit.to_arrow(), zone.as_deref().map(Arc::from))
            }
            Self::Duration(unit) => DataType::Duration(unit.to_arrow()),
            Self::List(element) => DataType::List(Arc::new(element.to_arrow())),
            Self::Map { key, value } => {
                let entries = Fields::from(vec![key.to_arrow(), value.to_arrow()]);
                DataType::Map(Arc::new(ArrowField::new("entries", DataType::Struct(entries), false)), true)
            }
            Self::Struct(fields) => DataType::Struct(fields.iter().map(Field::to_arrow).collect()),
        }
    }

    /// The type that stores what an Arrow type stores.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a type outside the closed list.
    pub fn from_arrow(arrow: &DataType) -> Result<Self> {
        let unsupported = || Error::invalid(format!("type {arrow} cannot be stored in a savepoint"));
        Ok(match arrow {
            DataType::Boolean => Self::Boolean,
            DataType::Int8 => Self::Int8,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt8 => Self::UInt8,
            DataType::UInt16 => Self::UInt16,
            DataType::UInt32 => Self::UInt32,
            DataType::UInt64 => Self::UInt64,
            DataType::Float16 | DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Utf8,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Self::Binary,
            DataType::FixedSizeBinary(length) => {
                Self::FixedBinary(u16::try_from(*length).map_err(|_| unsupported())?)
            }
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => Self::Decimal {
                precision: *precision,
                scale: u8::try_from(*scale).map_err(|_| unsupported())?,
            },
            DataType::Date32 => Self::Date,
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time(TimeUnit::from_arrow(*unit)),
            DataType::Timestamp(unit, zone) => Self::Timestamp {
                unit: TimeUnit::from_arrow(*unit),
                zone: zone.as_deref().map(str::to_owned),
            },
            DataType::Date64 => Self::Timestamp { unit: TimeUnit::Ms, zone: None },
            DataType::Duration(unit) => Self::Duration(TimeUnit::from_arrow(*unit)),
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::ListView(element)
            | DataType::LargeListView(element)
            | DataType::FixedSizeList(element, _) => Self::List(Box::new(Field::from_arrow(element)?)),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => match fields.as_ref() {
                    [key, value] => Self::Map {
                        key: Box::new(Field::from_arrow(key)?),
                        value: Box::new(Field::from_arrow(value)?),
                    },
                    _ => return Err(unsupported()),
                },
                _ => return Err(unsupported()),
            },
            DataType::Struct(fields) if !fields.is_empty() => {
                Self::Struct(fields.iter().map(|field| Field::from_arrow(field)).collect::<Result<_>>()?)
            }
            DataType::Dictionary(_, value) => Self::from_arrow(value)?,
            _ => return Err(unsupported()),
        })
    }
}

impl TimeUnit {
    /// The Arrow unit.
    pub fn to_arrow(self) -> ArrowTimeUnit {
        match self {
            Self::Ms => ArrowTimeUnit::Millisecond,
            Self::Us => ArrowTimeUnit::Microsecond,
            Self::Ns => ArrowTimeUnit::Nanosecond,
        }
    }

    /// The unit that holds an Arrow unit's values; seconds become milliseconds.
    pub fn from_arrow(unit: ArrowTimeUnit) -> Self {
        match unit {
            ArrowTimeUnit::Second | ArrowTimeUnit::Millisecond => Self::Ms,
            ArrowTimeUnit::Microsecond => Self::Us,
            ArrowTimeUnit::Nanosecond => Self::Ns,
        }
    }

    /// `ms`, `us` or `ns`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::Us => "us",
            Self::Ns => "ns",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_widens_only_where_nothing_is_lost() {
        let widens = |from: &str, to: &str| {
            let ty = |text: &str| text.parse::<Field>().unwrap().ty;
            ty(from).widens_to(&ty(to))
        };
        for (from, to) in [
            ("int8", "int64"),
            ("uint8", "int16"),
            ("uint32", "uint64"),
            ("float32", "float64"),
            ("decimal(10, 2)", "decimal(60, 2)"),
        ] {
            assert!(widens(from, to), "{from} to {to}");
            assert!(!widens(to, from), "{to} to {from}");
        }
        for (from, to) in [("uint64", "int64"), ("int64", "float64"), ("decimal(10, 2)", "decimal(10, 3)")] {
            assert!(!widens(from, to), "{from} to {to}");
        }
        assert!(widens("list<utf8>", "list<utf8>"));
    }

    #[test]
    fn a_field_survives_the_way_through_arrow() {
        let mut field = Field::new(
            "value",
            Type::Struct(vec![
                Field::new("color", Type::Utf8)
                    .with_logical(Logical::Enum(vec!["RED".into(), "GREEN".into()])),
                Field::new("tags", Type::list(Field::new("", Type::Int64)))
                    .with_logical(Logical::Set)
                    .nullable(),
                Field::new("by_name", Type::map(Field::new("", Type::Utf8), Field::new("", Type::Float64))),
                Field::new("blob", Type::Binary).with_logical(Logical::Opaque("com.acme.Blob".into())),
                Field::new("big", Type::Decimal { precision: 60, scale: 3 }),
                Field::new("at", Type::Timestamp { unit: TimeUnit::Ns, zone: Some("UTC".into()) }),
                Field::new("took", Type::Duration(TimeUnit::Us)),
            ]),
        );
        let mut next = FIRST_NESTED_FIELD_ID;
        field.visit_mut(&mut |field| {
            field.id = next;
            next += 1;
        });
        assert_eq!(Field::from_arrow(&field.to_arrow()).unwrap(), field);
        assert!(field.has_opaque());
        assert_eq!(
            field.to_string(),
            "struct<color: enum<RED, GREEN>, tags: set<int64>?, by_name: map<utf8, float64>, \
             blob: opaque<com.acme.Blob>, big: decimal(60, 3), at: timestamp(ns, UTC), took: duration(us)>"
        );
    }
}
