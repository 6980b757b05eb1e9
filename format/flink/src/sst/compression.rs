//! Undoes the compression of one block.
//!
//! ```text
//! snappy      raw snappy block (begins with its own length)
//! zlib        varint32 length, then raw deflate, without zlib's header and checksum
//! lz4, zstd   varint32 length, then a raw LZ4 block or a zstd frame
//! ```
//!
//! The length is a claim: it is held against the limit before anything is reserved, and against what
//! comes out afterwards.

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use spt_format::{Cursor, Error, ErrorKind, Location, ReadLimits, Result};

use super::varint::varint32;

/// The content of a block whose trailer says `compression`.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] if it would be longer than `limit_bytes`, [`ErrorKind::Unsupported`] for
/// a compression this reader does not know, [`ErrorKind::Invalid`] if the bytes do not decompress.
pub(super) fn decompress(
    compression: u8,
    payload: Bytes,
    dictionary: Option<&Bytes>,
    limit_bytes: u64,
) -> Result<Bytes> {
    match compression {
        0 => Ok(payload),
        1 => snappy(&payload, limit_bytes),
        2 => sized(&payload, limit_bytes, |body, length| zlib(body, length, dictionary)),
        4 | 5 => sized(&payload, limit_bytes, |body, length| lz4(body, length, dictionary)),
        7 => sized(&payload, limit_bytes, |body, length| zstd(body, length, dictionary)),
        other => Err(unsupported(other)),
    }
}

fn snappy(payload: &[u8], limit_bytes: u64) -> Result<Bytes> {
    let length = snap::raw::decompress_len(payload).map_err(|cause| damaged("snappy", cause))?;
    ReadLimits::check("decompressed block", length as u64, limit_bytes)?;
    let content =
        snap::raw::Decoder::new().decompress_vec(payload).map_err(|cause| damaged("snappy", cause))?;
    Ok(content.into())
}

/// A length, then what `decode` turns into exactly that many bytes.
fn sized(
    payload: &[u8],
    limit_bytes: u64,
    decode: impl FnOnce(&[u8], usize) -> Result<Vec<u8>>,
) -> Result<Bytes> {
    let mut cursor = Cursor::new(payload);
    let length = varint32(&mut cursor)? as usize;
    ReadLimits::check("decompressed block", length as u64, limit_bytes)?;
    let content = decode(cursor.rest(), length)?;
    if content.len() != length {
        let what = format!("a block decompresses to {} bytes, {length} were announced", content.len());
        return Err(Error::invalid(what));
    }
    Ok(content.into())
}

fn zlib(body: &[u8], length: usize, dictionary: Option<&Bytes>) -> Result<Vec<u8>> {
    let mut inflater = Decompress::new(false);
    if let Some(dictionary) = dictionary {
        inflater.set_dictionary(dictionary).map_err(|cause| damaged("zlib", cause))?;
    }
    let mut content = Vec::with_capacity(length);
    match inflater.decompress_vec(body, &mut content, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) if inflater.total_in() == body.len() as u64 => Ok(content),
        Ok(_) => Err(Error::invalid("a zlib block does not end where it should")),
        Err(cause) => Err(damaged("zlib", cause)),
    }
}

fn lz4(body: &[u8], length: usize, dictionary: Option<&Bytes>) -> Result<Vec<u8>> {
    match dictionary {
        None => lz4_flex::block::decompress(body, length),
        Some(dictionary) => lz4_flex::block::decompress_with_dict(body, length, dictionary),
    }
    .map_err(|cause| damaged("lz4", cause))
}

fn zstd(body: &[u8], length: usize, dictionary: Option<&Bytes>) -> Result<Vec<u8>> {
    let dictionary = dictionary.map_or(&[][..], |bytes| bytes);
    zstd::bulk::Decompressor::with_dictionary(dictionary)
        .and_then(|mut decoder| decoder.decompress(body, length))
        .map_err(|cause| damaged("zstd", cause))
}

fn damaged(what: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::invalid(format!("a {what} block cannot be decompressed")).caused_by(cause)
}

fn unsupported(compression: u8) -> Error {
    let name = match compression {
        3 => "bzip2",
        6 => "xpress",
        _ => "unknown",
    };
    let what = format!("block compression {compression} ({name})");
    Error::new(ErrorKind::Unsupported { what }, Location::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"to be or not to be or not to be or not to be";

    fn with_length(mut body: Vec<u8>) -> Bytes {
        body.insert(0, TEXT.len() as u8);
        body.into()
    }

    fn deflated() -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, TEXT).unwrap();
        encoder.finish().unwrap()
    }

    fn all() -> [(u8, Bytes); 5] {
        let snappy = snap::raw::Encoder::new().compress_vec(TEXT).unwrap();
        [
            (0, Bytes::from_static(TEXT)),
            (1, snappy.into()),
            (2, with_length(deflated())),
            (4, with_length(lz4_flex::block::compress(TEXT))),
            (7, with_length(zstd::bulk::compress(TEXT, 3).unwrap())),
        ]
    }

    #[test]
    fn undoes_every_compression_flink_can_write() {
        for (compression, payload) in all() {
            assert_eq!(decompress(compression, payload, None, 100).unwrap(), TEXT);
        }
    }

    #[test]
    fn refuses_a_length_above_the_limit_before_reserving_it() {
        for (compression, payload) in all().into_iter().skip(1) {
            let error = decompress(compression, payload, None, 10).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::LimitExceeded { found: 44, limit: 10, .. }), "{error}");
        }
    }

    #[test]
    fn refuses_a_length_that_is_not_what_comes_out() {
        for (compression, payload) in all().into_iter().skip(1) {
            for lie in [TEXT.len() as u8 - 1, TEXT.len() as u8 + 1] {
                let mut bytes = payload.to_vec();
                bytes[0] = lie;
                assert!(decompress(compression, bytes.into(), None, 100).is_err(), "{compression}, {lie}");
            }
        }
    }

    #[test]
    fn says_which_compression_it_does_not_know() {
        let error = decompress(3, Bytes::new(), None, 100).unwrap_err();
        assert_eq!(error.to_string(), "block compression 3 (bzip2) is not supported");
    }
}
