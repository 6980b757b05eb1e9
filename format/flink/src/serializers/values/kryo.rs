//! Finds the end of a value that Kryo wrote, where nothing else says how long it is.
//!
//! Kryo writes classes by number or name and their fields without any mark, so only values of known
//! classes can be walked through: boxes, texts, and collections of such.
//!
//! ```text
//! value    vlen class: 0 null | 1 by name: vlen number, kstr name where the number is new | id + 2
//!          vlen reference: 0 null | 1 new, its data follows | n + 2 seen before     not for boxes
//! kstr     ASCII, the last character with 0x80 | 0x80 | length bits …
//! ```
//!
//! Collections differ between the two versions of Kryo that Flink has used:
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

use spt_format::{Cursor, Result};

use super::unsupported;
use crate::serializers::flink_type::{Kryo, KryoVersion};

/// The first id of the classes that a snapshot registers, behind those of Kryo and Chill.
const FIRST_REGISTERED: u64 = 85;
const MAX_DEPTH: u32 = 64;

/// Moves the cursor behind one value.
///
/// # Errors
/// [`ErrorKind::Unsupported`](spt_format::ErrorKind::Unsupported) at the first class that is not known.
pub(super) fn skip(cursor: &mut Cursor<'_>, kryo: &Kryo) -> Result<()> {
    Walker { cursor, kryo, names: Vec::new(), depth: 0 }.value()
}

struct Walker<'a, 'b, 'c> {
    cursor: &'b mut Cursor<'a>,
    kryo: &'c Kryo,
    /// Classes met by name in this value, by number.
    names: Vec<String>,
    depth: u32,
}

impl Walker<'_, '_, '_> {
    fn value(&mut self) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.invalid("a Kryo value is nested too deeply"));
        }
        let Some(class) = self.class()? else { return Ok(()) };
        self.depth += 1;
        let object = self.object(&class, false);
        self.depth -= 1;
        object
    }

    /// What stands behind the class. Objects can be null or seen before; boxes only where it is said.
    fn object(&mut self, class: &str, may_be_null: bool) -> Result<()> {
        let marked = !is_box(class) || may_be_null;
        if marked && self.vlen()? != 1 {
            return Ok(());
        }
        self.data(class)
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
            self.names.push(String::from_utf8_lossy(&name).into_owned());
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

    fn data(&mut self, class: &str) -> Result<()> {
        match class {
            "java.lang.Integer" | "java.lang.Long" | "java.util.Date" => self.vlen().map(drop),
            "java.lang.Boolean" | "java.lang.Byte" => self.skip(1),
            "java.lang.Character" | "java.lang.Short" => self.skip(2),
            "java.lang.Float" => self.skip(4),
            "java.lang.Double" => self.skip(8),
            "java.util.UUID" => self.skip(16),
            "java.lang.String" => self.text().map(drop),
            "java.util.BitSet" => {
                let words = self.count(8)?;
                self.skip(words * 8)
            }
            "[B" | "java.math.BigInteger" => self.bytes(),
            "java.math.BigDecimal" => {
                self.bytes()?;
                self.vlen().map(drop)
            }
            "java.util.ArrayList"
            | "java.util.LinkedList"
            | "java.util.HashSet"
            | "java.util.LinkedHashSet"
            | "java.util.ArrayDeque"
            | "java.util.Vector" => self.collection(),
            "java.util.HashMap"
            | "java.util.LinkedHashMap"
            | "java.util.Hashtable"
            | "java.util.concurrent.ConcurrentHashMap" => self.map(),
            "java.util.Collections$EmptyList"
            | "java.util.Collections$EmptySet"
            | "java.util.Collections$EmptyMap" => Ok(()),
            other => Err(unsupported(self.cursor, format!("finding the end of {other}"))),
        }
    }

    fn collection(&mut self) -> Result<()> {
        if self.kryo.version == KryoVersion::Two {
            let count = self.count(1)?;
            return (0..count).try_for_each(|_| self.value());
        }
        let one_class = self.cursor.clone().u8()? & 0x80 != 0;
        let count = self.text_length()?.saturating_sub(1);
        let count = self.fitting(count, usize::from(!one_class))?;
        if !one_class {
            return (0..count).try_for_each(|_| self.value());
        }
        // Elements that are all null have no class.
        let Some(class) = self.class()? else { return Ok(()) };
        let any_null = self.cursor.bool("whether an element is null")?;
        let count = self.fitting(count as u64, 1)?;
        (0..count).try_for_each(|_| self.object(&class, any_null))
    }

    fn map(&mut self) -> Result<()> {
        let count = match self.kryo.version {
            KryoVersion::Two => self.vlen()?,
            KryoVersion::Five => self.vlen()?.saturating_sub(1),
        };
        let count = self.fitting(count, 2)?;
        (0..count * 2).try_for_each(|_| self.value())
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
    fn bytes(&mut self) -> Result<()> {
        let length = self.vlen()?.saturating_sub(1);
        let length =
            self.cursor.count(i64::try_from(length).unwrap_or(i64::MAX), 1, "bytes of a Kryo value")?;
        self.skip(length)
    }

    fn skip(&mut self, length: usize) -> Result<()> {
        self.cursor.take(length, "Kryo value").map(drop)
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

    /// A text: its ASCII characters, or as many characters of one to three bytes as a length says.
    fn text(&mut self) -> Result<Vec<u8>> {
        let first = self.cursor.clone().u8()?;
        if first < 0x80 {
            return self.ascii();
        }
        let characters = self.text_length()?.saturating_sub(1);
        let start = self.cursor.clone();
        for _ in 0..characters {
            match self.cursor.u8()? >> 4 {
                0..=7 => {}
                12 | 13 => self.skip(1)?,
                14 => self.skip(2)?,
                _ => return Err(start.invalid("a Kryo string is not UTF-8")),
            }
        }
        let length = self.cursor.position() - start.position();
        Ok(start.rest().get(..length).unwrap_or_default().to_vec())
    }

    fn ascii(&mut self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let byte = self.cursor.u8()?;
            text.push(byte & 0x7F);
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
