//! How Flink encodes the values of a type: the tree that a serializer's snapshot describes.
//!
//! The tree knows bytes, not classes: serializers that write the same bytes for the same meaning share a
//! variant. What it means as a column stands in [`values`](super::values).

use super::avro::AvroType;
use super::sql_type::{SqlField, SqlType};

/// The encoding of one type of value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FlinkType {
    /// One number, text, date or byte array.
    Scalar(Scalar),
    /// No information: what the bytes hold does not matter.
    Unit(Unit),
    /// A constant of a closed list, written as a number.
    Enum(EnumType),
    /// `i32 n`, then `n` elements.
    Sequence(Sequence),
    /// `i32 n`, then `n` times a key, a flag whether the value is null, and the value.
    Map(MapType),
    /// Fields back to back, without flags: tuples, case classes and Flink's own records.
    Record(Record),
    /// A mask of nulls, then the fields that are not null.
    Row(RowType),
    /// A plain Java object or record: flags, then each field with a flag of its own.
    Pojo(PojoType),
    /// A flag, then the value if there is one.
    Optional(Optional),
    /// A flag, then one of two.
    Either(Box<Either>),
    /// What flows between operators: a record, or a watermark, status or latency marker.
    StreamElement(Box<FlinkType>),
    /// `i64` start, `i64` end (exclusive), both in milliseconds.
    TimeWindow,
    /// `i64` last access in milliseconds, then the value.
    Ttl(Box<FlinkType>),
    /// `i64` timestamp with its sign bit flipped, key, namespace.
    Timer {
        /// What the timer is for.
        key: Box<FlinkType>,
        /// The window, or nothing.
        namespace: Box<FlinkType>,
    },
    /// `i32` size, then a `BinaryRow`.
    RowData(Vec<SqlField>),
    /// `i32` size, then a `BinaryArray` of this element.
    ArrayData(SqlType),
    /// `i32` size, then a `BinaryMap` of this key and value.
    MapData(SqlType, SqlType),
    /// `i32` size, then the bytes of another serializer.
    RawData(Box<FlinkType>),
    /// A number of up to 18 digits as `i64`, a longer one as `i32` size and bytes.
    DecimalData {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// `i64` milliseconds; beyond a precision of 3 also `i32` nanoseconds of the millisecond.
    TimestampData(u8),
    /// Flink's own form of Avro, by schema.
    Avro(Box<AvroType>),
    /// Bytes whose meaning is not known.
    Opaque(Opaque),
}

/// A value without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scalar {
    /// One byte, 0 or 1.
    Boolean,
    /// `i8`.
    Byte,
    /// `i16`.
    Short,
    /// `i32`.
    Int,
    /// `i64`.
    Long,
    /// `i64` with its sign bit flipped, so that bytes sort as numbers.
    SortedLong,
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// A UTF-16 unit.
    Char,
    /// `StringSerializer`: `vlen(units + 1)`, then a `vlen` per unit; null is 0.
    Text,
    /// `StringValue`: `vlen(units)`, then a `vlen` per unit; never null.
    TextValue,
    /// `DataOutput.writeUTF`.
    ModifiedUtf8,
    /// `StringData`: `i32` size, then UTF-8.
    Utf8,
    /// `byte[]`: `i32` size, then bytes.
    Bytes,
    /// `java.math.BigInteger`.
    BigInteger,
    /// `java.math.BigDecimal`: any scale.
    BigDecimal,
    /// `java.util.Date`, `java.sql.Date` and `java.sql.Time`: `i64` milliseconds since 1970.
    Millis,
    /// `java.sql.Timestamp`: `i64` milliseconds, `i32` nanoseconds of the second.
    SqlTimestamp,
    /// `java.time.Instant`: `i64` seconds, `i32` nanoseconds.
    Instant,
    /// `java.time.LocalDate`: `i32` year, `i8` month, `i8` day.
    LocalDate,
    /// `java.time.LocalTime`: `i8` hour, `i8` minute, `i8` second, `i32` nanoseconds.
    LocalTime,
    /// `java.time.LocalDateTime`: a date, then a time.
    LocalDateTime,
}

/// A value without information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Bytes each value takes.
    pub bytes: usize,
    /// Bytes Flink says it takes, which for `VoidNamespace` is another number.
    pub reported: usize,
}

/// The constants of an enum, as the snapshot has them: a class may list them in another order today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumType {
    /// The enum's class.
    pub class: String,
    /// What is written, and the constant's name.
    pub constants: Vec<(i32, String)>,
}

/// Elements after each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// What each element is.
    pub element: Box<FlinkType>,
    /// How an element that is null is marked.
    pub nulls: Nulls,
    /// The elements are different from each other and have no order.
    pub set: bool,
}

/// How elements that are null are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Not at all.
    Unmarked,
    /// A byte before each element, 1 for null.
    IsNull,
    /// A byte before each element, 0 for null.
    IsPresent,
    /// A bit per element, in bytes before the first element, high bit first, 1 for null.
    Mask,
}

/// Keys and values.
#[derive(Debug, Clone, PartialEq)]
pub struct MapType {
    /// What each key is.
    pub key: Box<FlinkType>,
    /// What each value is.
    pub value: Box<FlinkType>,
    /// A flag stands before each key, too.
    pub null_keys: bool,
}

/// Fields back to back.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The fields in the order they are written.
    pub fields: Vec<Field>,
    /// For each field, how many bytes the fields after it take, where that is the same for every value.
    pub(crate) after: Vec<Option<usize>>,
    /// It is one of Flink's tuples, whose hash is known. A Scala case class has fields without names, too, and
    /// another hash.
    pub(crate) is_tuple: bool,
}

impl Record {
    /// A record of these fields.
    pub fn new(fields: Vec<Field>) -> Self {
        let mut after = Vec::with_capacity(fields.len());
        let mut bytes = Some(0);
        for field in fields.iter().rev() {
            after.push(bytes);
            bytes = bytes.zip(field.data_type.written_length()).map(|(after, length)| after + length);
        }
        after.reverse();
        Self { fields, after, is_tuple: false }
    }

    /// One of Flink's tuples.
    pub fn tuple(fields: Vec<Field>) -> Self {
        Self { is_tuple: true, ..Self::new(fields) }
    }
}

/// A field and its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name; `f0`, `f1`, … where the snapshot has none.
    pub name: String,
    /// What it holds.
    pub data_type: FlinkType,
}

/// A `Row`.
#[derive(Debug, Clone, PartialEq)]
pub struct RowType {
    /// The fields in the order they are written.
    pub fields: Vec<Field>,
    /// Two bits before the mask say whether the row is an insertion, update or deletion.
    pub kind: bool,
    /// Flink 1.13 or a newer one wrote it: before, rows had other hashes.
    pub(crate) is_hashed: bool,
}

/// A plain Java object.
#[derive(Debug, Clone, PartialEq)]
pub struct PojoType {
    /// Its class.
    pub class: String,
    /// The fields in the order they are written.
    pub fields: Vec<Field>,
    /// Subclasses that were registered, in the order of their tags.
    pub registered: Vec<Subclass>,
    /// Other subclasses, written by name.
    pub others: Vec<Subclass>,
}

/// A subclass of a plain Java object.
#[derive(Debug, Clone, PartialEq)]
pub struct Subclass {
    /// Its class.
    pub class: String,
    /// How its objects are written.
    pub data_type: FlinkType,
}

/// A value or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Optional {
    /// What is there when something is there.
    pub inner: Box<FlinkType>,
    /// The flag's value when something is there.
    pub present: bool,
    /// Zero bytes that stand for nothing, so that every value takes as many.
    pub padding: usize,
}

/// One of two.
#[derive(Debug, Clone, PartialEq)]
pub struct Either {
    /// The flag for each, the name of each, and what each holds.
    pub sides: [Side; 2],
}

/// One side of an [`Either`].
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The byte that says it is this side.
    pub flag: u8,
    /// `left`, `right`; `success`, `failure`; `one`, `two`.
    pub name: &'static str,
    /// What it holds.
    pub data_type: FlinkType,
}

/// Bytes whose meaning is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Opaque {
    /// The class of the value, or of the serializer's snapshot where that is all there is.
    pub class: String,
    /// How to find the end.
    pub end: OpaqueEnd,
}

/// How to find the end of bytes whose meaning is not known.
#[derive(Debug, Clone, PartialEq)]
pub enum OpaqueEnd {
    /// `i32` size, then the bytes.
    Prefixed,
    /// A whole Java object stream.
    JavaStream,
    /// A Kryo value.
    Kryo(Kryo),
    /// `i32` size, `i32` size, then both.
    TwoSizes,
    /// Only where nothing else follows, or only things of known length do.
    Unmarked,
}

/// What is known of the Kryo that wrote a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kryo {
    /// Its version, which no snapshot tells: see [`FlinkType::set_kryo`].
    pub version: KryoVersion,
    /// The classes with ids of their own, in order of these ids.
    pub registrations: Vec<String>,
}

/// The versions of Kryo that Flink has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KryoVersion {
    /// Kryo 2.24, in Flink 1.
    Two,
    /// Kryo 5.6, from Flink 2.0 on, which is when `_metadata` got its version 5.
    Five,
}

impl KryoVersion {
    /// The Kryo of the Flink that wrote `_metadata` of this version.
    pub fn of_metadata(version: u32) -> Self {
        if version >= 5 { Self::Five } else { Self::Two }
    }
}

impl FlinkType {
    /// Says which Kryo wrote the values; until then it is taken to be the one of Flink 1.
    pub fn set_kryo(&mut self, version: KryoVersion) {
        let parts: Vec<&mut Self> = match self {
            Self::Opaque(Opaque { end: OpaqueEnd::Kryo(kryo), .. }) => {
                kryo.version = version;
                return;
            }
            Self::Sequence(sequence) => vec![&mut sequence.element],
            Self::Map(map) => vec![&mut map.key, &mut map.value],
            Self::Record(Record { fields, .. }) | Self::Row(RowType { fields, .. }) => {
                fields.iter_mut().map(|field| &mut field.data_type).collect()
            }
            Self::Pojo(pojo) => {
                let subclasses = pojo.registered.iter_mut().chain(&mut pojo.others);
                let subclasses = subclasses.map(|subclass| &mut subclass.data_type);
                pojo.fields.iter_mut().map(|field| &mut field.data_type).chain(subclasses).collect()
            }
            Self::Optional(optional) => vec![&mut optional.inner],
            Self::Either(either) => either.sides.iter_mut().map(|side| &mut side.data_type).collect(),
            Self::StreamElement(inner) | Self::Ttl(inner) | Self::RawData(inner) => vec![inner],
            Self::Timer { key, namespace } => vec![key, namespace],
            // Inside SQL rows the length of every value is known.
            _ => return,
        };
        parts.into_iter().for_each(|part| part.set_kryo(version));
    }

    /// What Flink's `TypeSerializer.getLength()` says: bytes of every value, `None` if they differ.
    ///
    /// Keys and namespaces that are both of varying length are followed by their lengths, so this has to
    /// be what Flink says, not what is true: [`written_length`](Self::written_length) is that.
    ///
    /// # Source
    /// Flink, `CompositeKeySerializationUtils.isAmbiguousKeyPossible`.
    pub fn reported_length(&self) -> Option<usize> {
        match self {
            Self::Unit(unit) => Some(unit.reported),
            // Flink takes a field of length 0 for one of varying length.
            Self::Record(record) => {
                record.fields.iter().try_fold(0usize, |sum, field| match field.data_type.reported_length() {
                    Some(length) if length > 0 => Some(sum + length),
                    _ => None,
                })
            }
            Self::Optional(optional) if optional.padding == 0 => None,
            // Flink does not say that short decimals all take 8 bytes.
            Self::DecimalData { .. } => None,
            Self::Ttl(inner) => Some(8 + inner.reported_length()?),
            Self::Timer { key, namespace } => Some(8 + key.reported_length()? + namespace.reported_length()?),
            other => other.written_length(),
        }
    }

    /// Bytes of every value, `None` if they differ.
    pub fn written_length(&self) -> Option<usize> {
        match self {
            Self::Scalar(scalar) => scalar.length(),
            Self::Unit(unit) => Some(unit.bytes),
            Self::Enum(_) => Some(4),
            Self::TimeWindow => Some(16),
            Self::Record(record) => {
                record.fields.iter().try_fold(0, |sum, field| Some(sum + field.data_type.written_length()?))
            }
            Self::Optional(optional) if optional.padding > 0 => Some(1 + optional.padding),
            Self::Ttl(inner) => Some(8 + inner.written_length()?),
            Self::Timer { key, namespace } => Some(8 + key.written_length()? + namespace.written_length()?),
            Self::DecimalData { precision, .. } if *precision <= 18 => Some(8),
            Self::TimestampData(precision) => Some(if *precision <= 3 { 8 } else { 12 }),
            _ => None,
        }
    }
}

impl Scalar {
    fn length(self) -> Option<usize> {
        Some(match self {
            Self::Boolean | Self::Byte => 1,
            Self::Short | Self::Char => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::SortedLong | Self::Double | Self::Millis => 8,
            Self::SqlTimestamp | Self::Instant => 12,
            Self::LocalDate => 6,
            Self::LocalTime => 7,
            Self::LocalDateTime => 13,
            _ => return None,
        })
    }
}

/// Fields named `f0`, `f1`, …
pub(crate) fn positional(types: impl IntoIterator<Item = FlinkType>) -> Vec<Field> {
    let types = types.into_iter().enumerate();
    types.map(|(index, data_type)| Field { name: format!("f{index}"), data_type }).collect()
}

/// Fields with these names.
pub(crate) fn named<const N: usize>(fields: [(&str, FlinkType); N]) -> FlinkType {
    let fields = fields.into_iter().map(|(name, data_type)| Field { name: name.to_owned(), data_type });
    FlinkType::Record(Record::new(fields.collect()))
}
