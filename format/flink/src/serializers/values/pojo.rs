//! Plain Java objects.
//!
//! ```text
//! u8 flags   1 null
//!            2 this class        for each field: bool is null | value unless null
//!            4 other subclass    utf class | value of that class, with flags of its own
//!            8 registered one    i8 tag | value of that class, with flags of its own
//! ```

use spt_format::{Cursor, Result, ResultExt};

use super::column::Column;
use super::composite::append_flagged;
use super::{Tail, unsupported};
use crate::java;
use crate::serializers::flink_type::{PojoType, Subclass};

pub(super) fn append(
    pojo: &PojoType,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let start = cursor.clone();
    match cursor.u8()? {
        1 => {
            column.push_null();
            Ok(())
        }
        2 => append_itself(pojo, column, cursor, tail),
        4 => {
            let class = java::utf(cursor, "subclass")?;
            let place = pojo.others.iter().position(|subclass| subclass.class == class);
            let place =
                place.ok_or_else(|| unsupported(&start, format!("the unregistered subclass {class}")))?;
            let subclass = pojo.others.get(place);
            append_subclass(pojo.registered.len() + place, subclass, column, cursor, tail)
        }
        8 => {
            let tag = cursor.u8()?;
            let subclass = pojo.registered.get(usize::from(tag));
            let subclass = subclass.ok_or_else(|| start.invalid(format!("no subclass has the tag {tag}")))?;
            append_subclass(usize::from(tag), Some(subclass), column, cursor, tail)
        }
        flags => Err(start.invalid(format!("{flags} are no flags of a plain object"))),
    }
}

/// An object of the class itself: the first variant where there are subclasses.
fn append_itself(pojo: &PojoType, column: &mut Column, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
    if pojo.registered.is_empty() && pojo.others.is_empty() {
        return append_fields(pojo, column, cursor, tail);
    }
    let variants = column.fields()?;
    variants.column(0)?.bytes()?.push(pojo.class.as_bytes())?;
    append_fields(pojo, variants.column(1)?, cursor, tail)?;
    variants.end();
    Ok(())
}

/// The variants of the subclasses stand behind the tag and the class itself.
fn append_subclass(
    place: usize,
    subclass: Option<&Subclass>,
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    tail: Tail,
) -> Result<()> {
    let Some(subclass) = subclass else { return Ok(()) };
    let variants = column.fields()?;
    variants.column(0)?.bytes()?.push(subclass.class.as_bytes())?;
    super::append(&subclass.data_type, variants.column(place + 2)?, cursor, tail)
        .within(|| subclass.class.clone())?;
    variants.end();
    Ok(())
}

fn append_fields(pojo: &PojoType, column: &mut Column, cursor: &mut Cursor<'_>, tail: Tail) -> Result<()> {
    if pojo.fields.is_empty() {
        return super::push_unit(column);
    }
    let fields = column.fields()?;
    let last = pojo.fields.len() - 1;
    for (index, (field, column)) in pojo.fields.iter().zip(fields.columns()).enumerate() {
        let tail = tail.filter(|_| index == last);
        append_flagged(&field.data_type, column, cursor, tail).within(|| field.name.clone())?;
    }
    fields.end();
    Ok(())
}
