//! Checks what Parquet pages claim before a decoder reserves memory for it.

use super::thrift::walk_struct;
use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::ReadLimits;
use crate::location::Location;

/// The integers of a page header that decide about memory. Field numbers are those of `parquet.thrift`.
#[derive(Debug, Default)]
struct PageHeader {
    uncompressed: Option<i64>,
    compressed: Option<i64>,
    data_values: Option<i64>,
    dictionary_values: Option<i64>,
}

impl PageHeader {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut header = Self::default();
        walk_struct(cursor, &mut |path, number| match path {
            [2] => header.uncompressed = Some(number),
            [3] => header.compressed = Some(number),
            [5 | 8, 1] => header.data_values = Some(number),
            [7, 1] => header.dictionary_values = Some(number),
            _ => {}
        })?;
        Ok(header)
    }
}

/// Walks the pages of a column chunk, whose bytes begin `base` bytes into the file and hold `values` values.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] for a page larger than [`ReadLimits::block_bytes`] or with more values than
/// that, [`ErrorKind::Mismatch`] if the pages do not have the column's values, [`ErrorKind::Truncated`] if
/// they end early.
pub(super) fn check_pages(bytes: &[u8], base: u64, values: i64, limits: &ReadLimits) -> Result<()> {
    let mut cursor = Cursor::at(bytes, base);
    let mut found = 0_i64;
    while !cursor.is_empty() {
        let header = PageHeader::read(&mut cursor)?;
        let size = |size: Option<i64>, what: &'static str| {
            let size = size.and_then(|size| u64::try_from(size).ok());
            let size = size.ok_or_else(|| cursor.invalid(format!("{what} is missing or negative")))?;
            ReadLimits::check(what, size, limits.block_bytes).map(|()| size)
        };
        size(header.uncompressed, "uncompressed page size")?;
        size(header.data_values.or(header.dictionary_values), "number of values in a page")?;
        let compressed = size(header.compressed, "page size")?;
        cursor.take(compressed as usize, "page")?;
        found = found.saturating_add(header.data_values.unwrap_or(0));
    }
    if found != values {
        let kind = ErrorKind::Mismatch {
            what: "number of values".to_owned(),
            found: found.to_string(),
            expected: values.to_string(),
        };
        return Err(Error::new(kind, Location::default()));
    }
    Ok(())
}

/// Walks a footer, so that no count in it can make a decoder reserve more than the footer's own size.
pub(super) fn check_footer(bytes: &[u8], base: u64) -> Result<()> {
    let mut cursor = Cursor::at(bytes, base);
    walk_struct(&mut cursor, &mut |_, _| {})?;
    cursor.end("footer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    /// A data page of one byte that claims these sizes.
    fn page(uncompressed: i64, compressed: i64, values: i64) -> Vec<u8> {
        let integer =
            |number: i64| [vec![0x15], varint((number << 1 ^ number >> 63).cast_unsigned())].concat();
        let header = [integer(0), integer(uncompressed), integer(compressed)].concat();
        [header, vec![0x2c], integer(values), vec![0, 0], vec![0xff]].concat()
    }

    fn refusal(bytes: &[u8]) -> String {
        check_pages(bytes, 100, 7, &ReadLimits::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_page_must_be_what_could_follow() {
        check_pages(&page(1, 1, 7), 100, 7, &ReadLimits::default()).unwrap();
        assert_eq!(
            refusal(&page(i32::MAX.into(), 1, 7)),
            "uncompressed page size is 2147483647, the limit is 268435456"
        );
        assert_eq!(
            refusal(&page(1, 1, i32::MAX.into())),
            "number of values in a page is 2147483647, the limit is 268435456"
        );
        assert!(refusal(&page(1, -1, 7)).contains("page size is missing or negative"));
        assert!(refusal(&page(1, 1000, 7)).contains("page needs 1000 bytes, 1 are left"));
        assert_eq!(refusal(&page(1, 1, 8)), "number of values is 8, expected 7");
    }

    #[test]
    fn a_count_in_a_footer_must_be_what_could_follow() {
        // Field 2, a list of 2^31 structs.
        let hostile = [&[0x29, 0xfc][..], &varint(1 << 31), &[0, 0]].concat();
        let error = check_footer(&hostile, 0).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ImpossibleCount { .. }), "{error}");
        // Structs in structs, without end.
        let error = check_footer(&[0x1c; 1000], 0).unwrap_err();
        assert!(error.to_string().contains("nested too deeply"), "{error}");
        let error = check_footer(&[0, 0], 0).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TrailingBytes { .. }), "{error}");
    }
}
