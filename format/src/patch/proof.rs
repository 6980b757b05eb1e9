//! Makes sure that lines say all there is to say: they are read back before anybody gets them.

use arrow_array::RecordBatch;
use serde_json::Value;

use super::rows::{RowFormat, RowLine};
use crate::diff::{RowChange, RowChanges};
use crate::error::{Error, ErrorKind, Result};
use crate::location::Location;
use crate::model::{RowOrder, columns_of};

/// Compares what these lines say with the rows they were written from.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if some value has no exact form as JSON.
pub(super) fn prove(format: &RowFormat, changes: &RowChanges<'_>, text: &[u8]) -> Result<()> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<RowLine> =
        lines.zip(0..).map(|(line, number)| Ok((number, parse(line)?))).collect::<Result<_>>()?;
    let told = format.read(&lines)?;
    let (names, rest) = (format.identity(), format.rest());
    let all = [names.as_slice(), rest.as_slice()].concat();
    let side =
        |batch: Option<&RecordBatch>, columns| batch.map(|batch| columns_of(batch, columns)).transpose();
    let before = side(changes.left, &rest)?.map(|left| RowOrder::between(&told.before, &left)).transpose()?;
    let identity = side(changes.left, &names)?;
    let identity = identity.map(|left| RowOrder::between(&told.identity, &left)).transpose()?;
    let after = side(changes.right, &all)?;
    let after = after.map(|right| RowOrder::between(&columns_of(&told.after, &all)?, &right)).transpose()?;
    let (mut olds, mut news) = (0.., 0..);
    let same = |order: &Option<RowOrder>, told: Option<usize>, row: usize| {
        order.as_ref().zip(told).is_some_and(|(order, told)| order.compare(told, row).is_eq())
    };
    for (line, change) in changes.rows.iter().enumerate() {
        let is_exact = match *change {
            RowChange::Removed(old) => same(&before, olds.next(), old) && same(&identity, Some(line), old),
            RowChange::Added(new) => same(&after, news.next(), new),
            RowChange::Changed(old, new) | RowChange::Touched(old, new) => {
                same(&before, olds.next(), old) && same(&after, news.next(), new)
            }
        };
        if !is_exact {
            return Err(inexact(lines.get(line)));
        }
    }
    Ok(())
}

fn parse(line: &[u8]) -> Result<serde_json::Map<String, Value>> {
    serde_json::from_slice(line).map_err(|error| Error::invalid("a line is no JSON").caused_by(error))
}

fn inexact(line: Option<&RowLine>) -> Error {
    let text = line.map(|(_, row)| Value::Object(row.clone()).to_string()).unwrap_or_default();
    let what = format!("a patch with this row, which JSON cannot tell exactly, {text},");
    Error::new(ErrorKind::Unsupported { what }, Location::default())
}
