//! Picked columns as JSON lines, one row a line, under the names they were picked by:
//! `{"key":"a","value.count":3}`.

use arrow_array::RecordBatch;

use super::json_text::write_string;
use super::json_value::{JsonOptions, JsonValues};
use crate::error::Result;
use crate::select::Projection;

/// Appends a line for each of the first `limit` rows of a batch.
///
/// # Errors
/// If the batch does not have the columns.
pub fn write_json_table(
    projection: &Projection,
    batch: &RecordBatch,
    limit: u64,
    options: JsonOptions,
    out: &mut Vec<u8>,
) -> Result<()> {
    let arrays = projection.apply(batch)?;
    let mut columns = Vec::with_capacity(arrays.len());
    for ((name, field), array) in projection.fields().zip(&arrays) {
        let mut member = Vec::new();
        write_string(name, &mut member);
        member.push(b':');
        columns.push((member, JsonValues::new(field, array, options)?));
    }
    let rows = usize::try_from(limit).unwrap_or(usize::MAX).min(batch.num_rows());
    for row in 0..rows {
        let mut separator = b'{';
        for (member, values) in &columns {
            out.push(separator);
            out.extend_from_slice(member);
            values.write(row, out);
            separator = b',';
        }
        out.extend_from_slice(b"}\n");
    }
    Ok(())
}
