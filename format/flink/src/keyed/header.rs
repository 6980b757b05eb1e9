//! The header of keyed state: the key's serializer, and every state with its serializers.
//!
//! ```text
//! i32 version | bool compressed | framed snapshot of the key | i16 n | n × state
//! ```
//!
//! It begins every canonical and heap file, and is all there is in the meta file of a RocksDB handle. A
//! state's place in it is the state's number in the data.
//!
//! # Source
//! Flink, `KeyedBackendSerializationProxy`.

use spt_format::{Cursor, ErrorKind, ReadLimits, Result, ResultExt};

use crate::ReadAt;
use crate::serializers::unknown::{Unknowns, resynchronised};
use crate::serializers::{KryoVersion, Serializer, SnapshotReader};
use crate::state_meta::{MIN_STATE_BYTES, StateMeta};

/// The header of one keyed handle.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedHeader {
    /// The data behind the header is compressed with Snappy.
    pub compressed: bool,
    /// The key's serializer.
    pub key: Serializer,
    /// The states; a state's place is its number in the data.
    pub states: Vec<StateMeta>,
    /// Bytes of the header.
    pub length: u64,
}

impl KeyedHeader {
    /// Reads the header at the start of `source`, which ends at `end` at the latest.
    ///
    /// `end` is the first byte of data, where the handle tells; the whole source otherwise. With it, a
    /// serializer of an unknown class does not hide the states behind it.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedVersion`] before Flink 1.7; with place and enclosing classes whatever else
    /// cannot be read.
    pub fn read(source: &dyn ReadAt, end: Option<u64>, limits: &ReadLimits) -> Result<Self> {
        let end = end.unwrap_or(u64::MAX).min(source.size());
        ReadLimits::check("bytes of a header", end, limits.metadata_bytes)?;
        let bytes = source.read_at(0, usize::try_from(end).unwrap_or(usize::MAX))?;
        Self::parse(&bytes)
    }

    /// Says which Kryo wrote the data, so that the end of its values is found: no header tells.
    pub fn set_kryo(&mut self, version: KryoVersion) {
        self.key.data_type.set_kryo(version);
        self.states.iter_mut().for_each(|state| state.set_kryo(version));
    }

    /// Reads a header that fills its bytes.
    ///
    /// # Errors
    /// As [`KeyedHeader::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        resynchronised(&Cursor::new(bytes), |cursor, unknowns| {
            let header = parse(cursor, unknowns)?;
            cursor.end("header of keyed state")?;
            Ok(header)
        })
        .within(|| "header")
    }
}

fn parse(cursor: &mut Cursor<'_>, unknowns: &mut Unknowns) -> Result<KeyedHeader> {
    let start = cursor.clone();
    let version = cursor.i32_be()?;
    if version != 6 {
        let found = version.into();
        let (what, readable) = ("keyed state", "6 (Flink 1.7 and newer)");
        return Err(start.error(ErrorKind::UnsupportedVersion { what, found, readable }));
    }
    let compressed = cursor.bool("whether the data is compressed")?;
    let key = SnapshotReader::new(cursor, unknowns).framed().within(|| "key serializer")?;
    let count = cursor.i16_be()?;
    let count = cursor.count(count, MIN_STATE_BYTES, "states")?;
    let states = (0..count).map(|_| StateMeta::read(cursor, unknowns)).collect::<Result<_>>()?;
    Ok(KeyedHeader { compressed, key, states, length: cursor.offset() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serializers::{FlinkType, Scalar};

    const LONG: &str = "org.apache.flink.api.common.typeutils.base.LongSerializer$LongSerializerSnapshot";
    const VOID: &str =
        "org.apache.flink.runtime.state.VoidNamespaceSerializer$VoidNamespaceSerializerSnapshot";
    const LIST: &str = "org.apache.flink.api.common.typeutils.base.ListSerializerSnapshot";
    const TUPLE: &str = "org.apache.flink.api.java.typeutils.runtime.TupleSerializerSnapshot";

    fn utf(text: &str) -> Vec<u8> {
        let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    fn int(number: i32) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    /// A snapshot without frame: class, version 3, body.
    fn snapshot(class: &str, body: &[u8]) -> Vec<u8> {
        [utf(class), int(3), body.to_vec()].concat()
    }

    fn composite(class: &str, own: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
        let delegate = [int(0x0014_57FD), int(1), int(parts.len() as i32), parts.concat()].concat();
        snapshot(class, &[int(0x000D_E704), int(2), own.to_vec(), delegate].concat())
    }

    fn state(name: &str, value: &[u8]) -> Vec<u8> {
        let head = [utf(name), int(0), int(1), utf("KEYED_STATE_TYPE"), utf("VALUE"), int(2)].concat();
        let namespace = [utf("NAMESPACE_SERIALIZER"), int(2), snapshot(VOID, &[])].concat();
        [head, namespace, utf("VALUE_SERIALIZER"), int(2), value.to_vec()].concat()
    }

    fn header(key: &[u8], states: &[Vec<u8>]) -> Vec<u8> {
        let count = (states.len() as u16).to_be_bytes().to_vec();
        [int(6), vec![0], int(2), key.to_vec(), count, states.concat()].concat()
    }

    fn value(header: &KeyedHeader, state: usize) -> &FlinkType {
        &header.states[state].serializer("VALUE_SERIALIZER").unwrap().data_type
    }

    #[test]
    fn an_unknown_serializer_does_not_hide_what_follows() {
        let long = snapshot(LONG, &[]);
        let child = composite("com.acme.BoxSnapshot", &utf("com.acme.Box"), std::slice::from_ref(&long));
        let unknown = |body: &[u8]| snapshot("com.acme.OddSerializerSnapshot", body);
        let bodies = [Vec::new(), vec![7; 37], utf("a text"), child, [long.clone(), int(1)].concat()];
        for body in bodies {
            let odd = unknown(&body);
            let in_list = composite(LIST, &[], std::slice::from_ref(&odd));
            let in_tuple = composite(TUPLE, &utf("Tuple3"), &[long.clone(), odd.clone(), long.clone()]);
            let states = [
                state("odd", &odd),
                state("known", &long),
                state("list", &in_list),
                state("tuple", &in_tuple),
                state("last", &odd),
            ];
            let header = KeyedHeader::parse(&header(&long, &states)).unwrap();
            let names: Vec<_> = header.states.iter().map(|state| state.name.as_str()).collect();
            assert_eq!(names, ["odd", "known", "list", "tuple", "last"]);
            assert_eq!(*value(&header, 1), FlinkType::Scalar(Scalar::Long));
            for index in [0, 4] {
                assert!(matches!(value(&header, index), FlinkType::Opaque(_)), "{:?}", value(&header, index));
                let serializer = header.states[index].serializer("VALUE_SERIALIZER").unwrap();
                assert_eq!(*serializer.bytes, *odd);
            }
            let FlinkType::Record(tuple) = value(&header, 3) else { panic!("a tuple") };
            assert_eq!(tuple.fields.len(), 3);
            assert_eq!(tuple.fields[2].data_type, FlinkType::Scalar(Scalar::Long));
        }
    }

    #[test]
    fn an_unknown_key_does_not_hide_the_states() {
        let odd = snapshot("com.acme.OddSerializerSnapshot", &[1, 2, 3]);
        let long = snapshot(LONG, &[]);
        let header = KeyedHeader::parse(&header(&odd, &[state("known", &long)])).unwrap();
        assert!(matches!(header.key.data_type, FlinkType::Opaque(_)));
        assert_eq!(*value(&header, 0), FlinkType::Scalar(Scalar::Long));
    }

    #[test]
    fn without_anything_recognisable_behind_it_the_unknown_class_is_named() {
        let odd = snapshot("com.acme.OddSerializerSnapshot", &[1, 2, 3]);
        let mut bytes = header(&snapshot(LONG, &[]), &[state("odd", &odd), state("known", &odd)]);
        let at = bytes.windows(5).position(|window| window == b"known").unwrap();
        bytes[at - 1] = 200;
        let error = KeyedHeader::parse(&bytes).unwrap_err();
        assert!(
            error.to_string().contains("serializer com.acme.OddSerializerSnapshot is not supported"),
            "{error}"
        );
    }
}
