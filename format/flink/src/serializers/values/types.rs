//! What a Flink type is in the model: storage, meaning, and whether it may be null.

use spt_format::{Field, Logical, TimeUnit, Type};

use super::kryo_value;
use crate::serializers::avro::{AvroBranch, AvroLogical, AvroType};
use crate::serializers::flink_type::{Either, FlinkType, MapType, Nulls, PojoType, Record, Scalar, Sequence};
use crate::serializers::sql_type::{SqlField, SqlType};

/// The tags of what a stream element can be, in the order of their codes; code 1 is a record without time.
pub(super) const STREAM_ELEMENTS: [&str; 6] =
    ["record", "watermark", "latency_marker", "status", "attributes", "internal_watermark"];

/// The field for values of this type, without name and id.
pub(crate) fn field_of(data_type: &FlinkType) -> Field {
    match data_type {
        FlinkType::Scalar(scalar) => scalar_field(*scalar),
        FlinkType::Unit(_) => unit(),
        FlinkType::Enum(constants) => {
            let names = constants.constants.iter().map(|(_, name)| name.clone()).collect();
            plain(Type::Utf8).with_logical(Logical::Enum(names))
        }
        FlinkType::Sequence(sequence) => sequence_field(sequence),
        FlinkType::Map(map) => map_field(map),
        FlinkType::Record(record) => record_field(record),
        FlinkType::Row(row) => {
            row_field(row.fields.iter().map(|field| field_of(&field.data_type).named(&field.name).nullable()))
        }
        FlinkType::Pojo(pojo) => pojo_field(pojo).nullable(),
        FlinkType::Optional(optional) => field_of(&optional.inner).nullable(),
        FlinkType::Either(either) => either_field(either),
        FlinkType::StreamElement(value) => stream_element(value),
        FlinkType::TimeWindow => structure([("start", plain(Type::Int64)), ("end", plain(Type::Int64))])
            .with_logical(Logical::TimeWindow),
        FlinkType::Ttl(value) => {
            structure([("last_access", plain(instant(TimeUnit::Ms))), ("value", field_of(value))])
        }
        FlinkType::Timer { key, namespace } => structure([
            ("timestamp", plain(instant(TimeUnit::Ms))),
            ("key", field_of(key)),
            ("namespace", field_of(namespace)),
        ]),
        FlinkType::RowData(fields) => row_field(fields.iter().map(sql_field)),
        FlinkType::ArrayData(element) => plain(Type::list(sql(element).nullable())),
        FlinkType::MapData(key, value) => plain(Type::map(required(sql(key)), sql(value).nullable())),
        FlinkType::RawData(inner) => field_of(inner),
        FlinkType::DecimalData { precision, scale } => plain(decimal(*precision, *scale)),
        FlinkType::TimestampData(precision) => local(*precision),
        FlinkType::Avro(schema) => avro(schema),
        FlinkType::Opaque(opaque) => kryo_value::field(opaque).unwrap_or_else(|| opaque_field(&opaque.class)),
    }
}

fn plain(ty: Type) -> Field {
    Field::new("", ty)
}

fn required(field: Field) -> Field {
    Field { nullable: false, ..field }
}

/// A struct of these fields.
pub(crate) fn structure<const N: usize>(fields: [(&str, Field); N]) -> Field {
    plain(Type::Struct(fields.into_iter().map(|(name, field)| field.named(name)).collect()))
}

fn unit() -> Field {
    structure([("present", plain(Type::Boolean))]).with_logical(Logical::Unit)
}

/// Bytes that are not understood, of this class.
pub(super) fn opaque_field(class: &str) -> Field {
    plain(Type::Binary).with_logical(Logical::Opaque(class.to_owned()))
}

fn instant(unit: TimeUnit) -> Type {
    Type::Timestamp { unit, zone: Some("UTC".to_owned()) }
}

/// A local time with this many digits behind the second.
fn local(precision: u8) -> Field {
    match unit_of(precision) {
        Some(unit) => plain(Type::Timestamp { unit, zone: None }),
        None => Field::local_date_time(),
    }
}

/// The unit that keeps this many digits behind the second. In nanoseconds 64 bits end in the year 2262: what
/// needs them is kept as seconds and nanoseconds.
pub(super) fn unit_of(precision: u8) -> Option<TimeUnit> {
    match precision {
        0..=3 => Some(TimeUnit::Ms),
        4..=6 => Some(TimeUnit::Us),
        _ => None,
    }
}

fn decimal(precision: u8, scale: i8) -> Type {
    Type::Decimal { precision, scale: scale.unsigned_abs() }
}

/// What a serializer of these may write null for is nullable, whatever encloses it.
fn scalar_field(scalar: Scalar) -> Field {
    match scalar {
        Scalar::Boolean => plain(Type::Boolean),
        Scalar::Byte => plain(Type::Int8),
        Scalar::Short => plain(Type::Int16),
        Scalar::Int => plain(Type::Int32),
        Scalar::Long | Scalar::SortedLong => plain(Type::Int64),
        Scalar::Float => plain(Type::Float32),
        Scalar::Double => plain(Type::Float64),
        Scalar::Char => plain(Type::Utf8).with_logical(Logical::Char),
        Scalar::Text => plain(Type::Utf8).nullable(),
        Scalar::TextValue | Scalar::ModifiedUtf8 | Scalar::Utf8 => plain(Type::Utf8),
        Scalar::Bytes => plain(Type::Binary),
        Scalar::BigInteger => plain(Type::Binary).with_logical(Logical::BigInteger).nullable(),
        Scalar::BigDecimal => {
            let fields = [("unscaled", plain(Type::Binary)), ("scale", plain(Type::Int32))];
            structure(fields).with_logical(Logical::BigDecimal).nullable()
        }
        Scalar::Millis => plain(instant(TimeUnit::Ms)).nullable(),
        Scalar::SqlTimestamp | Scalar::Instant => Field::instant().nullable(),
        Scalar::LocalDate => plain(Type::Date).nullable(),
        Scalar::LocalTime => plain(Type::Time(TimeUnit::Ns)).nullable(),
        Scalar::LocalDateTime => Field::local_date_time().nullable(),
    }
}

fn sequence_field(sequence: &Sequence) -> Field {
    let mut element = field_of(&sequence.element);
    element.nullable |= sequence.nulls != Nulls::Unmarked;
    let list = plain(Type::list(element));
    if sequence.set { list.with_logical(Logical::Set) } else { list }
}

/// A map. Arrow's maps have no null keys: one that may have them is a list of entries.
fn map_field(map: &MapType) -> Field {
    let (key, value) = (field_of(&map.key), field_of(&map.value).nullable());
    match map.null_keys {
        true => plain(Type::list(structure([("key", key.nullable()), ("value", value)]))),
        false => plain(Type::map(required(key), value)),
    }
}

fn record_field(record: &Record) -> Field {
    let fields: Vec<_> =
        record.fields.iter().map(|field| field_of(&field.data_type).named(&field.name)).collect();
    match (fields.is_empty(), record.is_tuple) {
        (true, _) => unit(),
        (false, true) => plain(Type::Struct(fields)).with_logical(Logical::Tuple),
        (false, false) => plain(Type::Struct(fields)),
    }
}

fn row_field(fields: impl Iterator<Item = Field>) -> Field {
    let kind = plain(Type::Utf8).named("$kind");
    plain(Type::Struct(std::iter::once(kind).chain(fields).collect())).with_logical(Logical::Row)
}

fn pojo_field(pojo: &PojoType) -> Field {
    let fields: Vec<_> =
        pojo.fields.iter().map(|field| field_of(&field.data_type).named(&field.name).nullable()).collect();
    let own = if fields.is_empty() { unit() } else { plain(Type::Struct(fields)) };
    if pojo.registered.is_empty() && pojo.others.is_empty() {
        return own;
    }
    let subclasses = pojo.registered.iter().chain(&pojo.others);
    let subclasses = subclasses.map(|subclass| field_of(&subclass.data_type).named(&subclass.class));
    variant(std::iter::once(own.named(&pojo.class)).chain(subclasses))
}

/// A tag, and one field per variant that is null unless the tag names it.
pub(crate) fn variant(variants: impl Iterator<Item = Field>) -> Field {
    let tag = plain(Type::Utf8).named("tag");
    let fields = std::iter::once(tag).chain(variants.map(Field::nullable)).collect();
    plain(Type::Struct(fields)).with_logical(Logical::Variant)
}

fn either_field(either: &Either) -> Field {
    variant(either.sides.iter().map(|side| field_of(&side.data_type).named(side.name)))
}

fn stream_element(value: &FlinkType) -> Field {
    let long = || plain(Type::Int64);
    let int = || plain(Type::Int32);
    let variants = [
        structure([("timestamp", long().nullable()), ("value", field_of(value))]),
        long(),
        structure([
            ("marked_time", long()),
            ("operator_id", plain(Type::FixedBinary(16))),
            ("subtask", int()),
        ]),
        int(),
        plain(Type::Boolean),
        structure([("subpartition", int()), ("timestamp", long())]),
    ];
    variant(STREAM_ELEMENTS.iter().zip(variants).map(|(name, field)| field.named(*name)))
}

fn sql_field(field: &SqlField) -> Field {
    sql(&field.data_type).named(&field.name).nullable()
}

/// The field for an SQL type.
pub(super) fn sql(data_type: &SqlType) -> Field {
    match data_type {
        SqlType::Null => unit(),
        SqlType::Boolean => plain(Type::Boolean),
        SqlType::TinyInt => plain(Type::Int8),
        SqlType::SmallInt => plain(Type::Int16),
        SqlType::Int | SqlType::Months => plain(Type::Int32),
        SqlType::BigInt => plain(Type::Int64),
        SqlType::Float => plain(Type::Float32),
        SqlType::Double => plain(Type::Float64),
        SqlType::Text => plain(Type::Utf8),
        SqlType::Binary => plain(Type::Binary),
        SqlType::Decimal { precision, scale } => plain(decimal(*precision, *scale)),
        SqlType::Date => plain(Type::Date),
        SqlType::Time => plain(Type::Time(TimeUnit::Ms)),
        SqlType::Timestamp(precision) => local(*precision),
        SqlType::Instant(precision) => match unit_of(*precision) {
            Some(unit) => plain(instant(unit)),
            None => Field::instant(),
        },
        SqlType::Duration => plain(Type::Duration(TimeUnit::Ms)),
        SqlType::Array(element) => plain(Type::list(sql(element).nullable())),
        SqlType::Map(key, value) => plain(Type::map(required(sql(key)), sql(value).nullable())),
        SqlType::Row(fields) => row_field(fields.iter().map(sql_field)),
        SqlType::Raw(Some(inner)) => field_of(inner),
        SqlType::Raw(None) => opaque_field("RAW"),
        SqlType::Variant => opaque_field("VARIANT"),
        SqlType::Bitmap => opaque_field("BITMAP"),
        SqlType::Unknown(class) => opaque_field(class),
    }
}

/// The branch that is meant where a union only says that something may be null.
pub(super) fn optional_branch(branches: &[AvroBranch]) -> Option<&AvroType> {
    let mut others = branches.iter().filter(|branch| branch.data_type != AvroType::Null);
    let only = others.next()?;
    others.next().is_none().then_some(&only.data_type)
}

fn avro(schema: &AvroType) -> Field {
    match schema {
        AvroType::Null => unit().nullable(),
        AvroType::Boolean => plain(Type::Boolean),
        AvroType::Int => plain(Type::Int32),
        AvroType::Long => plain(Type::Int64),
        AvroType::Float => plain(Type::Float32),
        AvroType::Double => plain(Type::Float64),
        AvroType::Bytes => plain(Type::Binary),
        AvroType::Text => plain(Type::Utf8),
        AvroType::Fixed(0) => plain(Type::Binary),
        AvroType::Fixed(size) => plain(Type::FixedBinary(*size)),
        AvroType::Enum(names) => plain(Type::Utf8).with_logical(Logical::Enum(names.clone())),
        AvroType::Array(element) => plain(Type::list(avro(element))),
        AvroType::Map(value) => plain(Type::map(plain(Type::Utf8), avro(value))),
        AvroType::Union(branches) => avro_union(branches),
        AvroType::Record(fields) if fields.is_empty() => unit(),
        AvroType::Record(fields) => {
            let fields = fields.iter().map(|field| avro(&field.data_type).named(&field.name));
            plain(Type::Struct(fields.collect()))
        }
        AvroType::Logical(logical, _) => plain(avro_logical(*logical)),
        AvroType::Recursive(_, record) => avro(record),
        AvroType::Itself(name) => opaque_field(name),
    }
}

fn avro_union(branches: &[AvroBranch]) -> Field {
    let field = match optional_branch(branches) {
        Some(only) => avro(only),
        None => variant(branches.iter().map(|branch| avro(&branch.data_type).named(&branch.name))),
    };
    let may_be_null = branches.iter().any(|branch| branch.data_type == AvroType::Null);
    if may_be_null { field.nullable() } else { field }
}

fn avro_logical(logical: AvroLogical) -> Type {
    match logical {
        AvroLogical::Date => Type::Date,
        AvroLogical::TimeMillis => Type::Time(TimeUnit::Ms),
        AvroLogical::TimeMicros => Type::Time(TimeUnit::Us),
        AvroLogical::TimestampMillis => instant(TimeUnit::Ms),
        AvroLogical::TimestampMicros => instant(TimeUnit::Us),
        AvroLogical::LocalTimestampMillis => Type::Timestamp { unit: TimeUnit::Ms, zone: None },
        AvroLogical::LocalTimestampMicros => Type::Timestamp { unit: TimeUnit::Us, zone: None },
        AvroLogical::Decimal { precision, scale } => decimal(precision, scale),
    }
}
