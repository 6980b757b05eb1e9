//! The frame that every serializer snapshot stands in, and the frames inside it.
//!
//! ```text
//! framed     i32 2 | snapshot                                     at the top of a state's header
//! snapshot   utf class | i32 version | body                       the body has no length of its own
//! composite  i32 000DE704 | i32 version | class's own | delegate   body of most types with parts
//! delegate   i32 001457FD | i32 1 | i32 n | n × snapshot
//! optmap     i64 000004F2C69A3D70 | i32 n | n × (utf name | optional key | optional value)
//! optional   bool | if set: i32 length | bytes
//! ```
//!
//! # Source
//! Flink, `TypeSerializerSnapshotSerializationUtil`, `CompositeTypeSerializerSnapshot`,
//! `NestedSerializersSnapshotDelegate`, `LinkedOptionalMapSerializer`.

use spt_format::{Cursor, ErrorKind, Result, ResultExt};

use super::flink_type::{FlinkType, Opaque, OpaqueEnd};
use super::unknown::Unknowns;
use super::{Serializer, catalogue, legacy};
use crate::java;

const COMPOSITE_MAGIC: i32 = 0x000D_E704;
const DELEGATE_MAGIC: i32 = 0x0014_57FD;
const OPTIONAL_MAP_MAGIC: i64 = 0x0000_04F2_C69A_3D70;
/// A snapshot is at least a class name's length and a version.
const MIN_SNAPSHOT_BYTES: usize = 6;
/// How deep types may be nested in each other.
const MAX_DEPTH: u32 = 64;

/// Reads snapshots from a cursor.
pub(crate) struct SnapshotReader<'a, 'b> {
    pub(super) cursor: &'b mut Cursor<'a>,
    unknowns: &'b mut Unknowns,
    depth: u32,
    /// The bytes of the cursor are those of one snapshot and nothing else.
    bounded: bool,
}

/// What stands before a snapshot's body.
pub(super) struct Header {
    /// `Class.getName()` of the snapshot's class.
    pub(super) class: String,
    /// The version of that class.
    pub(super) version: i32,
}

/// An entry of an optional map.
pub(super) struct OptionalEntry<'a> {
    pub(super) name: String,
    pub(super) value: Option<Cursor<'a>>,
}

impl<'a, 'b> SnapshotReader<'a, 'b> {
    /// A reader of snapshots that other things follow.
    pub(crate) fn new(cursor: &'b mut Cursor<'a>, unknowns: &'b mut Unknowns) -> Self {
        Self { cursor, unknowns, depth: 0, bounded: false }
    }

    /// A framed snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedVersion`] for one of Flink 1.6 or older, and whatever its body is refused for.
    pub(crate) fn framed(&mut self) -> Result<Serializer> {
        let start = self.cursor.clone();
        match self.cursor.i32_be()? {
            2 => self.snapshot(),
            found => Err(start.error(ErrorKind::UnsupportedVersion {
                what: "serializer frame",
                found: found.into(),
                readable: "2 (Flink 1.7 and newer)",
            })),
        }
    }

    /// A snapshot without frame, with the bytes it stands in.
    pub(crate) fn snapshot(&mut self) -> Result<Serializer> {
        let start = self.cursor.clone();
        let (header, data_type) = self.class_and_body()?;
        let length = self.cursor.position() - start.position();
        let bytes = start.rest().get(..length).unwrap_or_default().into();
        Ok(Serializer { class: header.class, version: header.version, data_type, bytes })
    }

    /// A snapshot inside another one.
    pub(super) fn nested(&mut self) -> Result<FlinkType> {
        self.class_and_body().map(|(_, data_type)| data_type)
    }

    fn class_and_body(&mut self) -> Result<(Header, FlinkType)> {
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.invalid(format!("serializers are nested deeper than {MAX_DEPTH}")));
        }
        let class = java::utf(self.cursor, "serializer snapshot's class")?;
        let version = self.cursor.i32_be()?;
        let header = Header { class, version };
        self.depth += 1;
        let body = self.body(&header).within(|| short(&header.class).to_owned());
        self.depth -= 1;
        Ok((header, body?))
    }

    fn body(&mut self, header: &Header) -> Result<FlinkType> {
        if header.version == legacy::ADAPTER_VERSION {
            return legacy::read(&header.class, self);
        }
        match catalogue::read(header, self)? {
            Some(data_type) => Ok(data_type),
            None => self.unknown(header),
        }
    }

    /// Steps over the body of a class that is not in the catalogue.
    pub(super) fn unknown(&mut self, header: &Header) -> Result<FlinkType> {
        let length = match self.bounded {
            true => self.cursor.remaining(),
            false => self.unknowns.length(self.cursor, &header.class)?,
        };
        self.cursor.take(length, "unknown serializer snapshot")?;
        Ok(opaque(&header.class))
    }

    /// A framed snapshot elsewhere, as a part of this one.
    pub(super) fn framed_at(&mut self, mut place: Cursor<'a>) -> Result<FlinkType> {
        let mut inner =
            SnapshotReader { cursor: &mut place, unknowns: self.unknowns, depth: self.depth, bounded: true };
        inner.framed().map(|serializer| serializer.data_type)
    }

    /// The body of a simple snapshot: nothing, in version 2 the serializer's class.
    pub(super) fn simple(&mut self, header: &Header) -> Result<()> {
        match header.version {
            2 => java::utf(self.cursor, "serializer's class").map(drop),
            3 => Ok(()),
            found => Err(self.version("simple serializer snapshot", found, "2 and 3")),
        }
    }

    /// The body of a composite snapshot: what the class itself writes, then its parts.
    ///
    /// `own` gets the version of the concrete class, which is not the one in the header.
    pub(super) fn composite<T>(
        &mut self,
        header: &Header,
        own: impl FnOnce(&mut Self, i32) -> Result<T>,
    ) -> Result<(T, Vec<FlinkType>)> {
        let version = match header.version {
            1 | 2 => header.version,
            3 => {
                self.magic(COMPOSITE_MAGIC, "composite serializer")?;
                self.cursor.i32_be()?
            }
            found => return Err(self.version("composite serializer snapshot", found, "1 to 3")),
        };
        let own = own(self, version)?;
        Ok((own, self.delegate()?))
    }

    /// The body of a composite snapshot of `N` parts whose class writes nothing itself.
    pub(super) fn parts<const N: usize>(&mut self, header: &Header) -> Result<[FlinkType; N]> {
        let (_, parts) = self.composite(header, |_, _| Ok(()))?;
        self.exactly(parts)
    }

    /// `N` parts, or an error that says how many there are.
    pub(super) fn exactly<const N: usize>(&self, parts: Vec<FlinkType>) -> Result<[FlinkType; N]> {
        parts
            .try_into()
            .map_err(|parts: Vec<_>| self.cursor.invalid(format!("{} parts, expected {N}", parts.len())))
    }

    /// Snapshots of the parts.
    pub(super) fn delegate(&mut self) -> Result<Vec<FlinkType>> {
        self.magic(DELEGATE_MAGIC, "nested serializers")?;
        let version = self.cursor.i32_be()?;
        if version != 1 {
            return Err(self.version("nested serializers", version, "1"));
        }
        let count = java::count(self.cursor, MIN_SNAPSHOT_BYTES, "nested serializers")?;
        (0..count).map(|index| self.nested().within(|| format!("part {index}"))).collect()
    }

    /// An optional map; keys are named twice and only the first name is kept.
    pub(super) fn optional_map(&mut self) -> Result<Vec<OptionalEntry<'a>>> {
        let start = self.cursor.clone();
        if self.cursor.i64_be()? != OPTIONAL_MAP_MAGIC {
            return Err(start.invalid("an optional map does not begin with its magic number"));
        }
        let count = java::count(self.cursor, 4, "entries of an optional map")?;
        (0..count).map(|_| self.optional_entry()).collect()
    }

    fn optional_entry(&mut self) -> Result<OptionalEntry<'a>> {
        let name = java::utf(self.cursor, "name in an optional map")?;
        self.frame("key of an optional map")?;
        let value = self.frame("value of an optional map")?;
        Ok(OptionalEntry { name, value })
    }

    /// A flag, then a length and bytes if it is set.
    fn frame(&mut self, what: &str) -> Result<Option<Cursor<'a>>> {
        if !self.cursor.bool(what)? {
            return Ok(None);
        }
        let length = java::count(self.cursor, 1, what)?;
        let start = self.cursor.offset();
        Ok(Some(Cursor::at(self.cursor.take(length, what)?, start)))
    }

    /// A snapshot that fills a frame: one of an unknown class ends where the frame does.
    pub(super) fn in_frame(&mut self, frame: Option<Cursor<'a>>) -> Result<FlinkType> {
        let Some(mut frame) = frame else { return Ok(opaque("missing serializer")) };
        let mut inner =
            SnapshotReader { cursor: &mut frame, unknowns: self.unknowns, depth: self.depth, bounded: true };
        let data_type = inner.nested()?;
        frame.end("framed serializer snapshot")?;
        Ok(data_type)
    }

    /// Refuses what stands deep inside other types. For types that use a part more than once: nested in
    /// themselves they would multiply.
    pub(super) fn shallow(&self, what: &str) -> Result<()> {
        match self.depth {
            ..=8 => Ok(()),
            _ => Err(self.cursor.invalid(format!("a {what} stands deep inside other types"))),
        }
    }

    fn magic(&mut self, expected: i32, what: &str) -> Result<()> {
        let start = self.cursor.clone();
        match self.cursor.i32_be()? {
            found if found == expected => Ok(()),
            found => {
                Err(start.invalid(format!("{what}: magic number is {found:#x}, expected {expected:#x}")))
            }
        }
    }

    /// The error for a version of something that is newer, or older, than this reader.
    pub(super) fn version(
        &self,
        what: &'static str,
        found: i32,
        readable: &'static str,
    ) -> spt_format::Error {
        self.cursor.error(ErrorKind::UnsupportedVersion { what, found: found.into(), readable })
    }
}

/// Bytes of this class, whose end is not marked.
pub(super) fn opaque(class: &str) -> FlinkType {
    FlinkType::Opaque(Opaque { class: class.to_owned(), end: OpaqueEnd::Unmarked })
}

/// A class name without its package, for error messages.
fn short(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}
