//! Avro schemas, as `AvroSerializer` puts them into its snapshot: the schema the values were written with.
//!
//! Flink does not write Avro's binary encoding: its encoder puts fixed-width numbers where Avro has
//! varints. The reader of values stands in [`values`](super::values).
//!
//! # Source
//! Apache Avro specification 1.11; Flink, `DataOutputEncoder`.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

/// How many types may be nested in each other.
const MAX_DEPTH: u32 = 64;
/// How many types a schema may spell out: a name that is used twice stands for two.
const MAX_TYPES: u32 = 100_000;

/// An Avro type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AvroType {
    /// Nothing.
    Null,
    /// One byte.
    Boolean,
    /// `i32`.
    Int,
    /// `i64`.
    Long,
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// `i32` size, then bytes.
    Bytes,
    /// `i32` size, then UTF-8.
    Text,
    /// As many bytes as the schema says.
    Fixed(u16),
    /// `i32` place in this list.
    Enum(Vec<String>),
    /// Blocks of elements: their count, then they; 0 ends.
    Array(Box<AvroType>),
    /// Blocks of entries: their count, then they; 0 ends. Keys are texts.
    Map(Box<AvroType>),
    /// `i32` branch, then its value.
    Union(Vec<AvroBranch>),
    /// Fields in order.
    Record(Vec<AvroField>),
    /// Another type with a meaning of its own.
    Logical(AvroLogical, Box<AvroType>),
    /// A record of this name, in which [`AvroType::Itself`] stands for it.
    Recursive(String, Box<AvroType>),
    /// The record of this name that this is a part of. No column can hold it: it is shown by its bytes.
    Itself(String),
}

/// A branch of a union.
#[derive(Debug, Clone, PartialEq)]
pub struct AvroBranch {
    /// The type's name.
    pub name: String,
    /// The type.
    pub data_type: AvroType,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct AvroField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: AvroType,
}

/// What a type means beyond its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AvroLogical {
    /// `int`: days since 1970-01-01.
    Date,
    /// `int`: milliseconds of the day.
    TimeMillis,
    /// `long`: microseconds of the day.
    TimeMicros,
    /// `long`: milliseconds since 1970, an instant.
    TimestampMillis,
    /// `long`: microseconds since 1970, an instant.
    TimestampMicros,
    /// `long`: milliseconds since 1970, local.
    LocalTimestampMillis,
    /// `long`: microseconds since 1970, local.
    LocalTimestampMicros,
    /// `bytes` or `fixed`: two's complement, big-endian.
    Decimal {
        /// Digits in all, at most 38.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
}

/// Why a schema cannot be used.
#[derive(Debug)]
pub(crate) struct SchemaError {
    /// What is wrong with it.
    pub(crate) what: String,
    /// A type contains another that contains itself, and is used outside of that: legal in Avro.
    pub(crate) recursive: bool,
}

impl AvroType {
    /// Parses a schema.
    pub(crate) fn parse(schema: &str) -> Result<Self, SchemaError> {
        let json: Json =
            serde_json::from_str(schema).map_err(|error| invalid(format!("Avro schema: {error}")))?;
        let mut names = Names { known: HashMap::new(), recursive: HashSet::new(), left: MAX_TYPES };
        names.resolve(&json, "", MAX_DEPTH)
    }

    /// The name of the type in a union.
    fn name(&self, json: &Json) -> String {
        let named = json.get("name").and_then(Json::as_str);
        let plain = json.as_str().or_else(|| json.get("type").and_then(Json::as_str));
        named.or(plain).unwrap_or("union").to_owned()
    }
}

fn invalid(what: impl Into<String>) -> SchemaError {
    SchemaError { what: what.into(), recursive: false }
}

/// The named types met so far; `None` while a type is still being read.
struct Names {
    known: HashMap<String, Option<AvroType>>,
    /// Those that contain themselves.
    recursive: HashSet<String>,
    left: u32,
}

impl Names {
    fn resolve(&mut self, json: &Json, namespace: &str, depth: u32) -> Result<AvroType, SchemaError> {
        let depth = depth.checked_sub(1).ok_or_else(|| invalid("Avro schema is nested too deeply"))?;
        self.spend(1)?;
        match json {
            Json::String(name) => self.named(name, namespace),
            Json::Array(branches) => self.union(branches, namespace, depth),
            Json::Object(_) => self.object(json, namespace, depth),
            _ => Err(invalid(format!("Avro schema: {json} is no type"))),
        }
    }

    fn spend(&mut self, types: u32) -> Result<(), SchemaError> {
        self.left = self.left.checked_sub(types).ok_or_else(|| invalid("Avro schema has too many types"))?;
        Ok(())
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<AvroType, SchemaError> {
        if let Some(primitive) = primitive(name) {
            return Ok(primitive);
        }
        let full = full_name(name, namespace);
        let full = if self.known.contains_key(&full) { full } else { name.to_owned() };
        match self.known.get(&full) {
            Some(Some(known)) => {
                let known = known.clone();
                if let Some(open) = self.free(&known, &mut Vec::new()) {
                    let what = format!("Avro type {name} contains {open}, which contains it");
                    return Err(SchemaError { what, recursive: true });
                }
                self.spend(size(&known))?;
                Ok(known)
            }
            Some(None) => {
                self.recursive.insert(full.clone());
                Ok(AvroType::Itself(full))
            }
            None => Err(invalid(format!("Avro type {name} is not defined"))),
        }
    }

    /// A type that this one refers to and is neither inside nor around.
    fn free<'a>(&self, data_type: &'a AvroType, around: &mut Vec<&'a str>) -> Option<&'a str> {
        match data_type {
            AvroType::Itself(name) => {
                let is_around = around.contains(&name.as_str()) || self.known.get(name) == Some(&None);
                (!is_around).then_some(name)
            }
            AvroType::Array(inner) | AvroType::Map(inner) => self.free(inner, around),
            AvroType::Union(branches) => {
                branches.iter().find_map(|branch| self.free(&branch.data_type, around))
            }
            AvroType::Record(fields) => fields.iter().find_map(|field| self.free(&field.data_type, around)),
            AvroType::Recursive(name, record) => {
                around.push(name);
                let found = self.free(record, around);
                around.pop();
                found
            }
            _ => None,
        }
    }

    fn union(&mut self, branches: &[Json], namespace: &str, depth: u32) -> Result<AvroType, SchemaError> {
        let branches = branches.iter().map(|branch| {
            let data_type = self.resolve(branch, namespace, depth)?;
            Ok(AvroBranch { name: data_type.name(branch), data_type })
        });
        branches.collect::<Result<_, _>>().map(AvroType::Union)
    }

    fn object(&mut self, json: &Json, namespace: &str, depth: u32) -> Result<AvroType, SchemaError> {
        let kind = json.get("type").ok_or_else(|| invalid("Avro schema: a type without \"type\""))?;
        let plain = match kind.as_str() {
            Some("record" | "error") => return self.record(json, namespace, depth),
            Some("enum") => self.define(json, namespace, |_, _| enumeration(json))?,
            Some("fixed") => self.define(json, namespace, |_, _| fixed(json))?,
            Some("array") => {
                AvroType::Array(Box::new(self.resolve(member(json, "items")?, namespace, depth)?))
            }
            Some("map") => {
                AvroType::Map(Box::new(self.resolve(member(json, "values")?, namespace, depth)?))
            }
            _ => self.resolve(kind, namespace, depth)?,
        };
        Ok(match logical(json, &plain) {
            Some(logical) => AvroType::Logical(logical, Box::new(plain)),
            None => plain,
        })
    }

    fn record(&mut self, json: &Json, namespace: &str, depth: u32) -> Result<AvroType, SchemaError> {
        self.define(json, namespace, |names, namespace| {
            let fields =
                member(json, "fields")?.as_array().ok_or_else(|| invalid("Avro fields are no list"))?;
            let fields = fields.iter().map(|field| {
                let data_type = names.resolve(member(field, "type")?, namespace, depth)?;
                Ok(AvroField { name: text(field, "name")?.to_owned(), data_type })
            });
            fields.collect::<Result<_, _>>().map(AvroType::Record)
        })
    }

    /// Reads a type with a name, which then can be used further on.
    fn define(
        &mut self,
        json: &Json,
        namespace: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<AvroType, SchemaError>,
    ) -> Result<AvroType, SchemaError> {
        let namespace = json.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
        let name = full_name(text(json, "name")?, namespace);
        let inner = name.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        self.known.insert(name.clone(), None);
        let mut data_type = read(self, &inner)?;
        if self.recursive.contains(&name) {
            data_type = AvroType::Recursive(name.clone(), Box::new(data_type));
        }
        self.known.insert(name, Some(data_type.clone()));
        Ok(data_type)
    }
}

/// How many types this one is made of.
fn size(data_type: &AvroType) -> u32 {
    let inner = match data_type {
        AvroType::Array(inner)
        | AvroType::Map(inner)
        | AvroType::Logical(_, inner)
        | AvroType::Recursive(_, inner) => size(inner),
        AvroType::Union(branches) => {
            branches.iter().fold(0, |sum: u32, branch| sum.saturating_add(size(&branch.data_type)))
        }
        AvroType::Record(fields) => {
            fields.iter().fold(0, |sum: u32, field| sum.saturating_add(size(&field.data_type)))
        }
        _ => 0,
    };
    inner.saturating_add(1)
}

fn primitive(name: &str) -> Option<AvroType> {
    Some(match name {
        "null" => AvroType::Null,
        "boolean" => AvroType::Boolean,
        "int" => AvroType::Int,
        "long" => AvroType::Long,
        "float" => AvroType::Float,
        "double" => AvroType::Double,
        "bytes" => AvroType::Bytes,
        "string" => AvroType::Text,
        _ => return None,
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

fn member<'a>(json: &'a Json, name: &str) -> Result<&'a Json, SchemaError> {
    json.get(name).ok_or_else(|| invalid(format!("Avro schema: {name:?} is missing")))
}

fn text<'a>(json: &'a Json, name: &str) -> Result<&'a str, SchemaError> {
    member(json, name)?.as_str().ok_or_else(|| invalid(format!("Avro schema: {name:?} is no text")))
}

fn enumeration(json: &Json) -> Result<AvroType, SchemaError> {
    let symbols = member(json, "symbols")?.as_array().ok_or_else(|| invalid("Avro symbols are no list"))?;
    let symbol = |symbol: &Json| {
        symbol.as_str().map(str::to_owned).ok_or_else(|| invalid("an Avro symbol is no text"))
    };
    symbols.iter().map(symbol).collect::<Result<_, _>>().map(AvroType::Enum)
}

fn fixed(json: &Json) -> Result<AvroType, SchemaError> {
    let size = member(json, "size")?.as_u64().and_then(|size| u16::try_from(size).ok());
    size.map(AvroType::Fixed).ok_or_else(|| invalid("the size of an Avro fixed is not 0 to 65535"))
}

/// A logical type counts only where it fits the type below; otherwise Avro says to ignore it.
fn logical(json: &Json, plain: &AvroType) -> Option<AvroLogical> {
    let name = json.get("logicalType")?.as_str()?;
    Some(match (name, plain) {
        ("date", AvroType::Int) => AvroLogical::Date,
        ("time-millis", AvroType::Int) => AvroLogical::TimeMillis,
        ("time-micros", AvroType::Long) => AvroLogical::TimeMicros,
        ("timestamp-millis", AvroType::Long) => AvroLogical::TimestampMillis,
        ("timestamp-micros", AvroType::Long) => AvroLogical::TimestampMicros,
        ("local-timestamp-millis", AvroType::Long) => AvroLogical::LocalTimestampMillis,
        ("local-timestamp-micros", AvroType::Long) => AvroLogical::LocalTimestampMicros,
        ("decimal", AvroType::Bytes | AvroType::Fixed(_)) => decimal(json)?,
        _ => return None,
    })
}

fn decimal(json: &Json) -> Option<AvroLogical> {
    let precision = json.get("precision")?.as_u64()?;
    let scale = json.get("scale").map_or(Some(0), Json::as_u64)?;
    let fits = (1..=38).contains(&precision) && scale <= precision;
    fits.then_some(AvroLogical::Decimal { precision: precision as u8, scale: scale as i8 })
}
