//! Types as text: what people read in tables, write in plan documents and give to `--cast`.
//!
//! ```text
//! type   = name ["?"]                            "?": may be null
//! name   = "utf8" | "int64" | … | "decimal(10, 2)" | "timestamp(ms, UTC)" | "time_window" | …
//!        | "list<" type ">" | "set<" type ">" | "map<" type ", " type ">" | "tuple<" type ", " … ">"
//!        | ["row:" | "variant:"] "struct<" word ": " type ", " … ">"
//!        | "enum<" word ", " … ">" | "opaque<" word ">"
//! word   = letters, digits and any of _ . $ - + [ ] ; /, or any text as a JSON string in quotes
//! ```
//!
//! Text and type are inverse to each other but for field ids, which text does not carry.

use std::fmt;
use std::str::FromStr;

use super::types::{Field, Logical, TimeUnit, Type};
use crate::error::{Error, Result};

/// Types without parameters and the logical types that imply their storage.
fn plain(name: &str) -> Option<Field> {
    let ty = match name {
        "boolean" => Type::Boolean,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "uint8" => Type::UInt8,
        "uint16" => Type::UInt16,
        "uint32" => Type::UInt32,
        "uint64" => Type::UInt64,
        "float32" => Type::Float32,
        "float64" => Type::Float64,
        "utf8" => Type::Utf8,
        "binary" => Type::Binary,
        "date" => Type::Date,
        "char" => return Some(Field::new("", Type::Utf8).with_logical(Logical::Char)),
        "big_integer" => return Some(Field::new("", Type::Binary).with_logical(Logical::BigInteger)),
        "uuid" => return Some(Field::new("", Type::FixedBinary(16)).with_logical(Logical::Uuid)),
        "big_decimal" => return Some(Field::big_decimal()),
        "unit" => return Some(Field::unit()),
        "instant" => return Some(Field::instant()),
        "local_date_time" => return Some(Field::local_date_time()),
        "time_window" => return Some(Field::time_window()),
        _ => return None,
    };
    Some(Field::new("", ty))
}

impl Field {
    /// A decimal that brings its own scale.
    pub fn big_decimal() -> Self {
        let fields = vec![Self::new("unscaled", Type::Binary), Self::new("scale", Type::Int32)];
        Self::new("", Type::Struct(fields)).with_logical(Logical::BigDecimal)
    }

    /// A type with a single value.
    pub fn unit() -> Self {
        let fields = vec![Self::new("present", Type::Boolean)];
        Self::new("", Type::Struct(fields)).with_logical(Logical::Unit)
    }

    /// An instant of any year, with nanoseconds.
    pub fn instant() -> Self {
        Self::seconds_and_nanos(Logical::Instant)
    }

    /// A local date and time of any year, with nanoseconds.
    pub fn local_date_time() -> Self {
        Self::seconds_and_nanos(Logical::LocalDateTime)
    }

    fn seconds_and_nanos(logical: Logical) -> Self {
        let fields = vec![Self::new("seconds", Type::Int64), Self::new("nanos", Type::Int32)];
        Self::new("", Type::Struct(fields)).with_logical(logical)
    }

    /// A time window: start and end in ms, the end exclusive.
    pub fn time_window() -> Self {
        let fields = vec![Self::new("start", Type::Int64), Self::new("end", Type::Int64)];
        Self::new("", Type::Struct(fields)).with_logical(Logical::TimeWindow)
    }
}

/// `enum<RED, GREEN>`, `map<utf8, int64?>`; `?` means it may be null.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.logical, &self.ty) {
            (Some(Logical::Enum(names)), _) => {
                f.write_str("enum<")?;
                separated(f, names, |f, name| f.write_str(&word(name)))?;
                f.write_str(">")?;
            }
            (Some(Logical::Char), _) => f.write_str("char")?,
            (Some(Logical::BigInteger), _) => f.write_str("big_integer")?,
            (Some(Logical::BigDecimal), _) => f.write_str("big_decimal")?,
            (Some(Logical::Unit), _) => f.write_str("unit")?,
            (Some(Logical::Instant), _) => f.write_str("instant")?,
            (Some(Logical::LocalDateTime), _) => f.write_str("local_date_time")?,
            (Some(Logical::TimeWindow), _) => f.write_str("time_window")?,
            (Some(Logical::Uuid), _) => f.write_str("uuid")?,
            (Some(Logical::Opaque(class)), _) => write!(f, "opaque<{}>", word(class))?,
            (Some(Logical::Set), Type::List(element)) => write!(f, "set<{element}>")?,
            (Some(Logical::Tuple), Type::Struct(fields)) => {
                f.write_str("tuple<")?;
                separated(f, fields, |f, field| write!(f, "{field}"))?;
                f.write_str(">")?;
            }
            (Some(Logical::Row), ty) => write!(f, "row:{ty}")?,
            (Some(Logical::Variant), ty) => write!(f, "variant:{ty}")?,
            (None | Some(Logical::Set | Logical::Tuple), ty) => write!(f, "{ty}")?,
        }
        if self.nullable { f.write_str("?") } else { Ok(()) }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int8 => f.write_str("int8"),
            Self::Int16 => f.write_str("int16"),
            Self::Int32 => f.write_str("int32"),
            Self::Int64 => f.write_str("int64"),
            Self::UInt8 => f.write_str("uint8"),
            Self::UInt16 => f.write_str("uint16"),
            Self::UInt32 => f.write_str("uint32"),
            Self::UInt64 => f.write_str("uint64"),
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Utf8 => f.write_str("utf8"),
            Self::Binary => f.write_str("binary"),
            Self::FixedBinary(length) => write!(f, "fixed_binary({length})"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::Date => f.write_str("date"),
            Self::Time(unit) => write!(f, "time({})", unit.name()),
            Self::Timestamp { unit, zone: None } => write!(f, "timestamp({})", unit.name()),
            Self::Timestamp { unit, zone: Some(zone) } => {
                write!(f, "timestamp({}, {})", unit.name(), word(zone))
            }
            Self::Duration(unit) => write!(f, "duration({})", unit.name()),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Map { key, value } => write!(f, "map<{key}, {value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                separated(f, fields, |f, field| write!(f, "{}: {field}", word(&field.name)))?;
                f.write_str(">")
            }
        }
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    Ok(())
}

/// A word as it is, or in quotes if it would end early.
fn word(text: &str) -> String {
    if !text.is_empty() && text.chars().all(is_word) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || "_.$-+[];/".contains(c)
}

impl FromStr for Field {
    type Err = Error;

    /// Reads a type; the field has no name and no id.
    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser { text, position: 0 };
        let field = parser.field(MAX_DEPTH)?;
        match parser.rest() {
            "" => Ok(field),
            rest => Err(parser.expected("the end", rest)),
        }
    }
}

/// How deep types may nest in text.
const MAX_DEPTH: u32 = 64;

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn field(&mut self, depth: u32) -> Result<Field> {
        if depth == 0 {
            return Err(Error::invalid(format!("type nests deeper than {MAX_DEPTH}")));
        }
        let name = self.word()?;
        let mut field = match name.as_str() {
            "row" | "variant" => {
                let logical = if name == "row" { Logical::Row } else { Logical::Variant };
                self.token(":")?;
                let inner = self.word()?;
                self.compound(&inner, depth)?.with_logical(logical)
            }
            _ => match plain(&name) {
                Some(field) => field,
                None => self.compound(&name, depth)?,
            },
        };
        field.nullable = self.skip("?");
        Ok(field)
    }

    fn compound(&mut self, name: &str, depth: u32) -> Result<Field> {
        let ty = match name {
            "list" | "set" => {
                let element = self.bracketed(|parser| parser.field(depth - 1))?;
                let list = Field::new("", Type::list(element));
                return Ok(if name == "set" { list.with_logical(Logical::Set) } else { list });
            }
            "map" => self.bracketed(|parser| {
                let key = parser.field(depth - 1)?;
                parser.token(",")?;
                Ok(Type::map(key, parser.field(depth - 1)?))
            })?,
            "struct" => Type::Struct(self.bracketed(|parser| {
                parser.many(|parser| {
                    let name = parser.word()?;
                    parser.token(":")?;
                    Ok(parser.field(depth - 1)?.named(name))
                })
            })?),
            "tuple" => {
                let fields = self.bracketed(|parser| parser.many(|parser| parser.field(depth - 1)))?;
                let fields = (0..).zip(fields).map(|(index, field)| field.named(format!("f{index}")));
                return Ok(Field::new("", Type::Struct(fields.collect())).with_logical(Logical::Tuple));
            }
            "enum" => {
                let names = self.bracketed(|parser| parser.many(Self::word))?;
                return Ok(Field::new("", Type::Utf8).with_logical(Logical::Enum(names)));
            }
            "opaque" => {
                let class = self.bracketed(Self::word)?;
                return Ok(Field::new("", Type::Binary).with_logical(Logical::Opaque(class)));
            }
            "fixed_binary" => Type::FixedBinary(self.parenthesised(Self::number)?),
            "decimal" => self.parenthesised(|parser| {
                let precision = parser.number()?;
                parser.token(",")?;
                let scale = parser.number()?;
                if !(1..=76).contains(&precision) || scale > precision {
                    return Err(Error::invalid(format!("decimal({precision}, {scale}) does not exist")));
                }
                Ok(Type::Decimal { precision, scale })
            })?,
            "time" => Type::Time(self.parenthesised(Self::unit)?),
            "duration" => Type::Duration(self.parenthesised(Self::unit)?),
            "timestamp" => self.parenthesised(|parser| {
                let unit = parser.unit()?;
                let zone = if parser.skip(",") { Some(parser.zone()?) } else { None };
                Ok(Type::Timestamp { unit, zone })
            })?,
            _ => return Err(Error::invalid(format!("type {name:?} is unknown in {:?}", self.text))),
        };
        Ok(Field::new("", ty))
    }

    fn bracketed<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.enclosed("<", ">", inner)
    }

    fn parenthesised<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.enclosed("(", ")", inner)
    }

    fn enclosed<T>(
        &mut self,
        open: &str,
        close: &str,
        inner: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.token(open)?;
        let inside = inner(self)?;
        self.token(close)?;
        Ok(inside)
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![one(self)?];
        while self.skip(",") {
            items.push(one(self)?);
        }
        Ok(items)
    }

    fn unit(&mut self) -> Result<TimeUnit> {
        match self.word()?.as_str() {
            "ms" => Ok(TimeUnit::Ms),
            "us" => Ok(TimeUnit::Us),
            "ns" => Ok(TimeUnit::Ns),
            other => Err(Error::invalid(format!("unit {other:?} is not one of ms, us, ns"))),
        }
    }

    /// A zone may be an offset: `+02:00`.
    fn zone(&mut self) -> Result<String> {
        let mut zone = self.word()?;
        while self.skip(":") {
            zone.push(':');
            zone.push_str(&self.word()?);
        }
        Ok(zone)
    }

    fn number<T: FromStr>(&mut self) -> Result<T> {
        let text = self.word()?;
        text.parse().map_err(|_| Error::invalid(format!("{text:?} is no number this type can have")))
    }

    fn word(&mut self) -> Result<String> {
        let rest = self.rest();
        if rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let Some(Ok(text)) = values.next() else { return Err(self.expected("a quoted word", rest)) };
            self.position += values.byte_offset();
            return Ok(text);
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let Some((text, _)) = rest.split_at_checked(end).filter(|(text, _)| !text.is_empty()) else {
            return Err(self.expected("a word", rest));
        };
        self.position += end;
        Ok(text.to_owned())
    }

    fn token(&mut self, token: &str) -> Result<()> {
        if self.skip(token) { Ok(()) } else { Err(self.expected(&format!("{token:?}"), self.remaining())) }
    }

    fn skip(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    /// What follows, spaces passed over.
    fn rest(&mut self) -> &'a str {
        let remaining = self.remaining();
        let trimmed = remaining.trim_start();
        self.position += remaining.len() - trimmed.len();
        trimmed
    }

    fn remaining(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn expected(&self, what: &str, found: &str) -> Error {
        Error::invalid(format!(
            "type {:?}: expected {what} at character {}, found {found:?}",
            self.text,
            self.text.get(..self.position).unwrap_or_default().chars().count() + 1
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_type_are_inverse() {
        for text in [
            "utf8",
            "int64?",
            "decimal(60, 3)",
            "fixed_binary(16)",
            "timestamp(ns, UTC)",
            "timestamp(ms, Europe/Berlin)?",
            "time(us)",
            "list<set<char?>?>",
            "tuple<instant, local_date_time?>",
            "map<utf8, map<int8, big_decimal>>",
            "tuple<utf8, tuple<int64, boolean>?>",
            "enum<RED, \"light blue\">",
            "opaque<com.acme.Outer$Inner>",
            "row:struct<$kind: utf8, f0: int64?>",
            "variant:struct<tag: utf8, left: utf8?, right: int64?>",
            "struct<\"a b\": time_window, \"结果: \\\"x\\\"\": unit, uuid: uuid, n: big_integer>",
        ] {
            assert_eq!(text.parse::<Field>().unwrap().to_string(), text);
        }
        let zone: Field = "timestamp(ms, +02:00)".parse().unwrap();
        assert_eq!(zone.to_string().parse::<Field>().unwrap(), zone);
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for (text, message) in [
            ("", "type \"\": expected a word at character 1, found \"\""),
            ("int65", "type \"int65\" is unknown in \"int65\""),
            ("list<int64", "type \"list<int64\": expected \">\" at character 11, found \"\""),
            ("int64 x", "type \"int64 x\": expected the end at character 7, found \"x\""),
            ("decimal(5, 6)", "decimal(5, 6) does not exist"),
        ] {
            assert_eq!(text.parse::<Field>().unwrap_err().to_string(), message);
        }
        assert!("list<".repeat(100_000).parse::<Field>().is_err());
    }
}
