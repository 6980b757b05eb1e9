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
