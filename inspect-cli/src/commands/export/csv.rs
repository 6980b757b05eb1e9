//! Rows as comma-separated values (RFC 4180): a header, structs spread over columns, strings as they are,
//! everything else as its JSON. A null is empty, an empty string is `""`.

use spt_format::{JsonOptions, JsonValues, Projection, SelectedRows};

use super::target::Target;
use crate::error::Result;

/// Writes all rows, the header first.
///
/// # Errors
/// If rows cannot be read or written.
pub(super) fn write(
    projection: &Projection,
    rows: &mut SelectedRows<'_>,
    target: &mut Target,
) -> Result<u64> {
    let mut text = Vec::new();
    for (place, (name, _)) in projection.fields().enumerate() {
        separate(place, &mut text);
        write_cell(name, &mut text);
    }
    text.extend_from_slice(b"\r\n");
    let mut written = 0;
    for batch in rows {
        let batch = batch?;
        written += batch.num_rows() as u64;
        let arrays = projection.apply(&batch)?;
        let columns: Vec<JsonValues> = projection
            .fields()
            .zip(&arrays)
            .map(|((_, field), array)| JsonValues::new(field, array, JsonOptions::default()))
            .collect::<spt_format::Result<_>>()?;
        for row in 0..batch.num_rows() {
            for (place, column) in columns.iter().enumerate() {
                separate(place, &mut text);
                write_json(&column.text(row), &mut text);
            }
            text.extend_from_slice(b"\r\n");
        }
        target.append(&text)?;
        text.clear();
    }
    target.append(&text)?;
    Ok(written)
}

fn separate(place: usize, text: &mut Vec<u8>) {
    if place > 0 {
        text.push(b',');
    }
}

fn write_json(json: &str, text: &mut Vec<u8>) {
    match serde_json::from_str::<String>(json) {
        Ok(string) => write_cell(&string, text),
        Err(_) if json == "null" => {}
        Err(_) => write_cell(json, text),
    }
}

fn write_cell(cell: &str, text: &mut Vec<u8>) {
    if cell.is_empty() || cell.contains(['"', ',', '\r', '\n']) {
        text.push(b'"');
        text.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        text.push(b'"');
    } else {
        text.extend_from_slice(cell.as_bytes());
    }
}
