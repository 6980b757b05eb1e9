//! The types of Flink SQL: what a column of a `RowData`, or an element inside it, holds.
//!
//! A snapshot stores them as Java objects, one stream each ([`java_object`](super::java_object)).

use std::cell::Cell;

use spt_format::{Cursor, Result};

use super::flink_type::FlinkType;
use super::java_object::{Graph, Object, Value, read_stream};

/// How many types may be nested in each other.
const MAX_DEPTH: u32 = 64;
/// How many types one stream may spell out. References to a shared type multiply: without a bound a few
/// hundred bytes could stand for 2^64 types.
const MAX_TYPES: u32 = 100_000;

/// One SQL type, as far as its encoding and its meaning for a reader go.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SqlType {
    /// `NULL`.
    Null,
    /// `BOOLEAN`.
    Boolean,
    /// `TINYINT`, 8 bits.
    TinyInt,
    /// `SMALLINT`, 16 bits.
    SmallInt,
    /// `INT`, 32 bits.
    Int,
    /// `BIGINT`, 64 bits.
    BigInt,
    /// `FLOAT`.
    Float,
    /// `DOUBLE`.
    Double,
    /// `CHAR`, `VARCHAR` and `STRING`, whatever their length.
    Text,
    /// `BINARY`, `VARBINARY` and `BYTES`, whatever their length.
    Binary,
    /// `DECIMAL(precision, scale)`.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// `DATE`, days since 1970-01-01.
    Date,
    /// `TIME`, milliseconds of the day.
    Time,
    /// `TIMESTAMP(precision)`, without a zone.
    Timestamp(u8),
    /// `TIMESTAMP_LTZ(precision)`, an instant.
    Instant(u8),
    /// `INTERVAL YEAR TO MONTH`, in months.
    Months,
    /// `INTERVAL DAY TO SECOND`, in milliseconds.
    Duration,
    /// `ARRAY`.
    Array(Box<SqlType>),
    /// `MAP`; a `MULTISET` is a map of its elements to their count.
    Map(Box<SqlType>, Box<SqlType>),
    /// `ROW`, and the attributes of a structured type.
    Row(Vec<SqlField>),
    /// `RAW`: the bytes of another serializer, `None` where the snapshot does not say of which.
    Raw(Option<Box<FlinkType>>),
    /// `VARIANT`.
    Variant,
    /// `BITMAP`, a portable RoaringBitmap.
    Bitmap,
    /// A type this reader does not know, by its class.
    Unknown(String),
}

/// A column of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlField {
    /// Its name; `f0`, `f1`, … where the snapshot has none.
    pub name: String,
    /// Its type.
    pub data_type: SqlType,
}

impl SqlType {
    /// Reads one logical type, a whole object stream.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let start = cursor.clone();
        let (graph, value) = read_stream(cursor)?;
        Types::new(&graph).convert(value, MAX_DEPTH).map_err(|what| start.invalid(what))
    }
}

/// The conversion of one graph.
struct Types<'a> {
    graph: &'a Graph,
    /// How many more types may be spelled out.
    left: Cell<u32>,
}

impl<'a> Types<'a> {
    fn new(graph: &'a Graph) -> Self {
        Self { graph, left: Cell::new(MAX_TYPES) }
    }

    fn convert(&self, value: Value, depth: u32) -> Result<SqlType, String> {
        let depth = depth.checked_sub(1).ok_or("an SQL type is nested too deeply")?;
        self.left.set(self.left.get().checked_sub(1).ok_or("an SQL type has too many parts")?);
        let object = self.graph.object(value).ok_or("an SQL type is no object")?;
        let inner = |name: &str| {
            let value = object.field(name).ok_or_else(|| missing(object, name))?;
            self.convert(value, depth)
        };
        let precision =
            || integer(object, "precision").and_then(|number| narrow(object, "precision", number));
        Ok(match object.class.simple_name() {
            "NullType" => SqlType::Null,
            "BooleanType" => SqlType::Boolean,
            "TinyIntType" => SqlType::TinyInt,
            "SmallIntType" => SqlType::SmallInt,
            "IntType" => SqlType::Int,
            "BigIntType" => SqlType::BigInt,
            "FloatType" => SqlType::Float,
            "DoubleType" => SqlType::Double,
            "CharType" | "VarCharType" => SqlType::Text,
            "BinaryType" | "VarBinaryType" => SqlType::Binary,
            "DecimalType" => decimal(object)?,
            "DateType" => SqlType::Date,
            "TimeType" => SqlType::Time,
            "TimestampType" => SqlType::Timestamp(precision()?),
            "LocalZonedTimestampType" => SqlType::Instant(precision()?),
            "YearMonthIntervalType" => SqlType::Months,
            "DayTimeIntervalType" => SqlType::Duration,
            "ArrayType" => SqlType::Array(Box::new(inner("elementType")?)),
            "MultisetType" => SqlType::Map(Box::new(inner("elementType")?), Box::new(SqlType::Int)),
            "MapType" => SqlType::Map(Box::new(inner("keyType")?), Box::new(inner("valueType")?)),
            "DistinctType" => inner("sourceType")?,
            "RowType" => SqlType::Row(self.fields(object, "fields", depth)?),
            "StructuredType" => SqlType::Row(self.attributes(object, depth)?),
            "RawType" | "TypeInformationRawType" => SqlType::Raw(None),
            "VariantType" => SqlType::Variant,
            "BitmapType" => SqlType::Bitmap,
            _ => SqlType::Unknown(object.class.name.to_string()),
        })
    }

    /// The fields of a row, or the attributes of a structured type: objects with a name and a type.
    fn fields(&self, object: &Object, name: &str, depth: u32) -> Result<Vec<SqlField>, String> {
        let list =
            object.field(name).and_then(|list| self.graph.list(list)).ok_or_else(|| missing(object, name))?;
        list.iter().map(|field| self.one_field(*field, depth)).collect()
    }

    fn one_field(&self, field: Value, depth: u32) -> Result<SqlField, String> {
        let field = self.graph.object(field).ok_or("a field of an SQL type is no object")?;
        let name = field
            .field("name")
            .and_then(|name| self.graph.text(name))
            .ok_or_else(|| missing(field, "name"))?;
        let data_type = field.field("type").ok_or_else(|| missing(field, "type"))?;
        Ok(SqlField { name: name.to_owned(), data_type: self.convert(data_type, depth)? })
    }

    /// A structured type's attributes, those of its supertypes first.
    fn attributes(&self, object: &Object, depth: u32) -> Result<Vec<SqlField>, String> {
        let mut all = match object.field("superType") {
            Some(parent) if self.graph.object(parent).is_some() => match self.convert(parent, depth)? {
                SqlType::Row(fields) => fields,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        all.extend(self.fields(object, "attributes", depth)?);
        Ok(all)
    }
}

fn missing(object: &Object, name: &str) -> String {
    format!("{} has no {name}", object.class.name)
}

fn integer(object: &Object, name: &str) -> Result<i64, String> {
    object.integer(name).ok_or_else(|| missing(object, name))
}

fn narrow<T: TryFrom<i64>>(object: &Object, name: &str, number: i64) -> Result<T, String> {
    T::try_from(number).map_err(|_| format!("{} has {name} {number}", object.class.name))
}

fn decimal(object: &Object) -> Result<SqlType, String> {
    let precision = integer(object, "precision")?;
    let scale = integer(object, "scale")?;
    if !(1..=38).contains(&precision) || !(0..=precision).contains(&scale) {
        return Err(format!("DECIMAL({precision}, {scale}) is no SQL type"));
    }
    Ok(SqlType::Decimal {
        precision: narrow(object, "precision", precision)?,
        scale: narrow(object, "scale", scale)?,
    })
}
