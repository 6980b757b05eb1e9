//! Values that Kryo wrote, as far as they can be understood without the job's classes.
//!
//! Kryo writes classes by number or name and their fields without any mark, so only values of known
//! classes can be read: boxes, texts, and collections of such. That also finds the end of a value, where
//! nothing else says how long it is.
//!
//! ```text
//! value    vlen class: 0 null | 1 by name: vlen number, kstr name where the number is new | id + 2
//!          vlen reference: 0 null | 1 new, its data follows | n + 2 seen before     not for boxes
//! kstr     ASCII, the last character with 0x80 | 0x80 | length bits …
//! ```
//!
//! Numbers of a fixed size are big-endian in Kryo 2, little-endian in Kryo 5. Collections differ between the two versions of Kryo that Flink has used:
//!
//! ```text
//! Kryo 2   vlen n | n values                                       map: vlen n | n × (value, value)
//! Kryo 5   vlen n + 1 | n values                                   map: vlen n + 1 | …
//!          0x80 | n + 1 | class of all | bool any null | n data    where all elements are of one class
//! ```
//!
//! # Source
//! Kryo 2.24 and 5.6, `DefaultClassResolver`, `CollectionSerializer`, `MapSerializer`, `Output`; Chill's
//! registrations begin at 73. Flink 2.1, whose values `testdata/flink-serializers` has.

use std::rc::Rc;

use spt_format::{Cursor, Result};

use super::unsupported;
use crate::serializers::flink_type::{Kryo, KryoVersion};

/// The class in which Flink's first Kafka source kept a partition.
pub(crate) const KAFKA_PARTITION: &str =
    "org.apache.flink.streaming.connectors.kafka.internals.KafkaTopicPartition";
/// The first id of the classes that a snapshot registers, behind those of Kryo and Chill.
const FIRST_REGISTERED: u64 = 85;
const MAX_DEPTH: u32 = 64;
/// Nulls that take no bytes: more of them in one collection are not believed.
const MAX_NULLS: usize = 1 << 16;

/// What Kryo wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Null,
    Boolean(bool),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Char(u16),
    /// UTF-16.
    Text(Vec<u16>),
    /// Milliseconds since 1970.
    Date(i64),
    BigInteger(Vec<u8>),
    BigDecimal(Vec<u8>, i32),
    Uuid([u8; 16]),
    Bytes(Vec<u8>),
    /// A collection's elements, in the order they were written.
    List(Vec<Rc<Found>>),
    Map(Vec<(Rc<Found>, Rc<Found>)>),
    /// A partition of a topic of Kafka.
    KafkaPartition(Vec<u16>, i32),
    /// Something whose end is known and that has no place in the model: its bytes.
    Other(Vec<u8>),
}

/// Moves the cursor behind one value.
///
/// # Errors
/// As [`read`].
pub(super) fn skip(cursor: &mut Cursor<'_>, kryo: &Kryo) -> Result<()> {
    read(cursor, kryo).map(drop)
}

/// Reads one value.
///
/// # Errors
/// [`ErrorKind::Unsupported`](spt_format::ErrorKind::Unsupported) at the first class that is not known.
pub(super) fn read(cursor: &mut Cursor<'_>, kryo: &Kryo) -> Result<Rc<Found>> {
    Walker { cursor, kryo, names: Vec::new(), objects: Vec::new(), depth: 0 }.value()
}

/// How a value of Kryo begins, known or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KryoHead {
    /// Bytes that name its class, and mark it as new.
    pub(crate) bytes: usize,
    /// The class is one that the job registered, or is named; not one that Kryo, Chill or Scala bring along.
    pub(crate) of_the_job: bool,
}

/// The beginning of the value here; `None` if none can begin so.
pub(crate) fn kryo_head(bytes: &[u8], kryo: &Kryo) -> Option<KryoHead> {
    let mut cursor = Cursor::new(bytes);
    let mut walker = Walker { cursor: &mut cursor, kryo, names: Vec::new(), objects: Vec::new(), depth: 0 };
    let of_the_job = match walker.vlen().ok()? {
        0 => return Some(KryoHead { bytes: 1, of_the_job: false }),
        1 => {
            let name = walker.class_by_name().ok()?;
            let is_name = !name.is_empty() && !name.chars().any(|c| c.is_control() || c.is_whitespace());
            is_name.then_some(true)?
        }
        id => {
            let id = id - 2;
            if walker.class_by_id(id).is_some_and(|class| is_box(&class)) {
                return Some(KryoHead { bytes: cursor.position(), of_the_job: false });
            }
            let last = FIRST_REGISTERED + kryo.registrations.len() as u64;
            (id < last).then_some(id >= FIRST_REGISTERED)?
        }
    };
    // The first object of a value was never seen before. Of enums Kryo 5 writes no mark, but a number above 0.
    let mark = match (cursor.rest().first()?, kryo.version) {
        (1, _) => 1,
        (2.., KryoVersion::Five) => 0,
        _ => return None,
    };
    Some(KryoHead { bytes: cursor.position() + mark, of_the_job: of_the_job && mark == 1 })
}

struct Walker<'a, 'b, 'c> {
    cursor: &'b mut Cursor<'a>,
    kryo: &'c Kryo,
    /// Classes met by name in this value, by number.
    names: Vec<String>,
    /// Objects met in this value, by number; `None` while one is being read.
    objects: Vec<Option<Rc<Found>>>,
    depth: u32,
}

impl Walker<'_, '_, '_> {
    fn value(&mut self) -> Result<Rc<Found>> {
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.invalid("a Kryo value is nested too deeply"));
        }
        let Some(class) = self.class()? else { return Ok(Rc::new(Found::Null)) };
        self.object(&class, false)
    }

    /// What stands behind the class. Objects can be null or seen before; boxes only where it is said.
    fn object(&mut self, class: &str, may_be_null: bool) -> Result<Rc<Found>> {
        let start = self.cursor.clone();
        if is_box(class) {
            let there = !may_be_null || self.vlen()? == 1;
            return Ok(Rc::new(if there { self.data(class)? } else { Found::Null }));
        }
        match self.vlen()? {
            0 => Ok(Rc::new(Found::Null)),
            1 => self.new_object(class),
            number => {
                let seen = usize::try_from(number - 2).ok().and_then(|number| self.objects.get(number));
                let seen = seen.ok_or_else(|| start.invalid("a reference to an object that was not seen"))?;
                seen.clone().ok_or_else(|| unsupported(&start, "an object that holds itself"))
            }
        }
    }

    /// Collections in collections are left as their bytes.
    fn new_object(&mut self, class: &str) -> Result<Rc<Found>> {
        let number = self.objects.len();
        self.objects.push(None);
        let start = self.cursor.clone();
        self.depth += 1;
        let data = self.data(class);
        self.depth -= 1;
        let found = match data? {
            Found::List(_) | Found::Map(_) if self.depth > 0 => {
                let length = self.cursor.position() - start.position();
                Found::Other(start.rest().get(..length).unwrap_or_default().to_vec())
            }
            found => found,
        };
        let found = Rc::new(found);
        if let Some(object) = self.objects.get_mut(number) {
            *object = Some(Rc::clone(&found));
        }
        Ok(found)
    }

    /// The class of the value that follows, `None` for null.
    fn class(&mut self) -> Result<Option<String>> {
        let start = self.cursor.clone();
        match self.vlen()? {
            0 => Ok(None),
            1 => self.class_by_name().map(Some),
            id => match self.class_by_id(id - 2) {
                Some(class) => Ok(Some(class)),
                None => Err(unsupported(&start, format!("Kryo's class number {}", id - 2))),
            },
        }
    }

    fn class_by_name(&mut self) -> Result<String> {
        let start = self.cursor.clone();
        let number = self.vlen()? as usize;
        if number == self.names.len() {
            let name = self.text()?;
            self.names.push(String::from_utf16_lossy(&name));
        }
        let known = self.names.get(number).cloned();
        known.ok_or_else(|| start.invalid(format!("no class has Kryo's number {number}")))
    }

    fn class_by_id(&self, id: u64) -> Option<String> {
        let name = match id {
            0 => "java.lang.Integer",
            1 => "java.lang.String",
            2 => "java.lang.Float",
            3 => "java.lang.Boolean",
            4 => "java.lang.Byte",
            5 => "java.lang.Character",
            6 => "java.lang.Short",
            7 => "java.lang.Long",
            8 => "java.lang.Double",
            74 => "java.util.BitSet",
            82 => "java.util.UUID",
            FIRST_REGISTERED.. => {
                self.kryo.registrations.get(usize::try_from(id - FIRST_REGISTERED).ok()?)?.as_str()
            }
            _ => return None,
        };
        Some(name.to_owned())
    }

    fn data(&mut self, class: &str) -> Result<Found> {
        Ok(match class {
            "java.lang.Integer" => Found::Int(self.int()?),
            "java.lang.Long" => Found::Long(zigzag(self.vlen()?)),
            "java.util.Date" => Found::Date(self.vlen()?.cast_signed()),
            "java.lang.Boolean" => Found::Boolean(self.cursor.bool("Kryo's boolean")?),
            "java.lang.Byte" => Found::Byte(self.cursor.i8()?),
            "java.lang.Character" => Found::Char(u16::from_be_bytes(self.number()?)),
            "java.lang.Short" => Found::Short(i16::from_be_bytes(self.number()?)),
            "java.lang.Float" => Found::Float(f32::from_be_bytes(self.number()?)),
            "java.lang.Double" => Found::Double(f64::from_be_bytes(self.number()?)),
            "java.util.UUID" => Found::Uuid(self.uuid()?),
            "java.lang.String" => Found::Text(self.text()?),
            "java.util.BitSet" => {
                let words = self.count(8)?;
                Found::Other(self.cursor.take(words * 8, "Kryo value")?.to_vec())
            }
            "[B" => self.bytes()?.map_or(Found::Null, Found::Bytes),
            "java.math.BigInteger" => self.bytes()?.map_or(Found::Null, Found::BigInteger),
            "java.math.BigDecimal" => match self.bytes()? {
                Some(unscaled) => Found::BigDecimal(unscaled, self.int()?),
                None => Found::Null,
            },
            KAFKA_PARTITION => self.kafka_partition()?,
            "java.util.ArrayList"
            | "java.util.LinkedList"
            | "java.util.HashSet"
            | "java.util.LinkedHashSet"
            | "java.util.ArrayDeque"
            | "java.util.Vector" => Found::List(self.collection()?),
            "java.util.HashMap"
            | "java.util.LinkedHashMap"
            | "java.util.Hashtable"
            | "java.util.concurrent.ConcurrentHashMap" => self.map()?,
            "java.util.Collections$EmptyList" | "java.util.Collections$EmptySet" => Found::List(Vec::new()),
            "java.util.Collections$EmptyMap" => Found::Map(Vec::new()),
            other => return Err(unsupported(self.cursor, format!("finding the end of {other}"))),
        })
    }

    /// Fields by name: the hash that was kept, the partition, the topic.
    fn kafka_partition(&mut self) -> Result<Found> {
        self.int()?;
        let partition = self.int()?;
        let start = self.cursor.clone();
        match &*self.object("java.lang.String", false)? {
            Found::Text(topic) => Ok(Found::KafkaPartition(topic.clone(), partition)),
            _ => Err(start.invalid("a partition without a topic")),
        }
    }

    fn collection(&mut self) -> Result<Vec<Rc<Found>>> {
        if self.kryo.version == KryoVersion::Two {
            let count = self.count(1)?;
            return (0..count).map(|_| self.value()).collect();
        }
        let one_class = self.cursor.clone().u8()? & 0x80 != 0;
        let count = self.text_length()?.saturating_sub(1);
        let count = self.fitting(count, usize::from(!one_class))?;
        if !one_class {
            return (0..count).map(|_| self.value()).collect();
        }
        // Elements that are all null have no class, and take no bytes.
        let start = self.cursor.clone();
        let Some(class) = self.class()? else {
            let believed = count <= MAX_NULLS;
            let nulls = || std::iter::repeat_with(|| Rc::new(Found::Null)).take(count).collect();
            return believed
                .then(nulls)
                .ok_or_else(|| start.invalid(format!("{count} nulls in a collection")));
        };
        let any_null = self.cursor.bool("whether an element is null")?;
        let count = self.fitting(count as u64, 1)?;
        (0..count).map(|_| self.object(&class, any_null)).collect()
    }

    fn map(&mut self) -> Result<Found> {
        let count = match self.kryo.version {
            KryoVersion::Two => self.vlen()?,
            KryoVersion::Five => self.vlen()?.saturating_sub(1),
        };
        let count = self.fitting(count, 2)?;
        (0..count).map(|_| Ok((self.value()?, self.value()?))).collect::<Result<_>>().map(Found::Map)
    }

    /// A number of a fixed size, its high byte first.
    fn number<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = self.cursor.array::<N>("Kryo value")?;
        if self.kryo.version == KryoVersion::Five {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// Two numbers, the high one first.
    fn uuid(&mut self) -> Result<[u8; 16]> {
        let (high, low) = (self.number::<8>()?, self.number::<8>()?);
        let mut uuid = [0; 16];
        uuid.iter_mut().zip(high.into_iter().chain(low)).for_each(|(to, from)| *to = from);
        Ok(uuid)
    }

    /// A number of 32 bits, signs folded in.
    fn int(&mut self) -> Result<i32> {
        let start = self.cursor.clone();
        let number = zigzag(self.vlen()?);
        i32::try_from(number).map_err(|_| start.invalid(format!("{number} has more than 32 bits")))
    }

    fn count(&mut self, min_bytes: usize) -> Result<usize> {
        let declared = self.vlen()?;
        self.fitting(declared, min_bytes)
    }

    /// A count that can be true.
    fn fitting(&self, declared: u64, min_bytes: usize) -> Result<usize> {
        self.cursor.count(i64::try_from(declared).unwrap_or(i64::MAX), min_bytes, "elements of a Kryo value")
    }

    /// A length and one more, then bytes; 0 stands for null.
    fn bytes(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(length) = self.vlen()?.checked_sub(1) else { return Ok(None) };
        let length =
            self.cursor.count(i64::try_from(length).unwrap_or(i64::MAX), 1, "bytes of a Kryo value")?;
        self.cursor.take(length, "Kryo value").map(|bytes| Some(bytes.to_vec()))
    }

    /// Seven bits a byte, the low ones first; the ninth byte has eight.
    fn vlen(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.cursor.u8()?;
            if shift == 56 {
                return Ok(value | u64::from(byte) << shift);
            }
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    /// A text: its ASCII characters, or as many UTF-16 units of one to three bytes as a length says.
    fn text(&mut self) -> Result<Vec<u16>> {
        let first = self.cursor.clone().u8()?;
        if first < 0x80 {
            return self.ascii();
        }
        let declared = self.text_length()?.saturating_sub(1);
        let units = self.fitting(declared, 1)?;
        (0..units).map(|_| self.unit()).collect()
    }

    fn unit(&mut self) -> Result<u16> {
        let start = self.cursor.clone();
        let first = u16::from(self.cursor.u8()?);
        let mut more = || self.cursor.u8().map(|byte| u16::from(byte & 0x3F));
        match first >> 4 {
            0..=7 => Ok(first),
            12 | 13 => Ok((first & 0x1F) << 6 | more()?),
            14 => Ok((first & 0x0F) << 12 | more()? << 6 | more()?),
            _ => Err(start.invalid("a Kryo string is not UTF-8")),
        }
    }

    fn ascii(&mut self) -> Result<Vec<u16>> {
        let mut text = Vec::new();
        loop {
            let byte = self.cursor.u8()?;
            text.push(u16::from(byte & 0x7F));
            if byte >= 0x80 {
                return Ok(text);
            }
        }
    }

    /// A number behind a flag, of characters or elements and one more: six bits and then seven a byte.
    fn text_length(&mut self) -> Result<u64> {
        let first = self.cursor.u8()?;
        let mut length = u64::from(first & 0x3F);
        let mut more = first & 0x40 != 0;
        for shift in (6..34).step_by(7) {
            if !more {
                break;
            }
            let byte = self.cursor.u8()?;
            length |= u64::from(byte & 0x7F) << shift;
            more = byte >= 0x80;
        }
        Ok(length)
    }
}

/// Boxes of primitives are never referred to.
fn is_box(class: &str) -> bool {
    matches!(
        class,
        "java.lang.Integer"
            | "java.lang.Float"
            | "java.lang.Boolean"
            | "java.lang.Byte"
            | "java.lang.Character"
            | "java.lang.Short"
            | "java.lang.Long"
            | "java.lang.Double"
    )
}

/// Signs are folded into the lowest bit.
fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
