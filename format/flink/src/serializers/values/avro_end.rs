//! Where an Avro value ends that contains itself, so that no column can hold it.
//!
//! ```text
//! record Node { int value; union { null, Node } next }     column: struct<value, next: opaque, or null>
//! ```

use spt_format::{Cursor, Result};

use super::avro_value::blocks;
use super::unsupported;
use crate::java;
use crate::serializers::avro::AvroType;

/// How many records may be nested in each other.
const MAX_DEPTH: u32 = 512;

/// Recursive records, from the inside out.
pub(super) struct Around<'a> {
    pub(super) name: &'a str,
    pub(super) record: &'a AvroType,
    pub(super) outer: Option<&'a Around<'a>>,
}

/// Moves the cursor behind a value.
///
/// # Errors
/// For bytes that are no such value, or one that is nested too deeply.
pub(super) fn skip(
    schema: &AvroType,
    around: Option<&Around<'_>>,
    cursor: &mut Cursor<'_>,
    depth: u32,
) -> Result<()> {
    match schema {
        AvroType::Null => Ok(()),
        AvroType::Boolean => cursor.bool("boolean").map(drop),
        AvroType::Int | AvroType::Float => cursor.take(4, "number").map(drop),
        AvroType::Long | AvroType::Double => cursor.take(8, "number").map(drop),
        AvroType::Bytes | AvroType::Text => java::bytes32(cursor, "bytes").map(drop),
        AvroType::Fixed(size) => cursor.take(usize::from(*size), "fixed").map(drop),
        AvroType::Enum(names) => place(names.len(), "symbol of an Avro enum", cursor).map(drop),
        AvroType::Array(element) => blocks(cursor, |cursor| skip(element, around, cursor, depth)),
        AvroType::Map(value) => blocks(cursor, |cursor| {
            java::bytes32(cursor, "key").map(drop)?;
            skip(value, around, cursor, depth)
        }),
        AvroType::Union(branches) => {
            let place = place(branches.len(), "branch of an Avro union", cursor)?;
            branches.get(place).map_or(Ok(()), |branch| skip(&branch.data_type, around, cursor, depth))
        }
        AvroType::Record(fields) => {
            fields.iter().try_for_each(|field| skip(&field.data_type, around, cursor, depth))
        }
        AvroType::Logical(_, plain) => skip(plain, around, cursor, depth),
        AvroType::Recursive(name, record) => {
            skip(record, Some(&Around { name, record, outer: around }), cursor, depth)
        }
        AvroType::Itself(name) => {
            let around = std::iter::successors(around, |around| around.outer).find(|one| one.name == name);
            match around {
                Some(around) if depth < MAX_DEPTH => skip(around.record, Some(around), cursor, depth + 1),
                _ => Err(unsupported(cursor, format!("a {name} nested more than {MAX_DEPTH} times"))),
            }
        }
    }
}

/// One of so many.
fn place(of: usize, what: &str, cursor: &mut Cursor<'_>) -> Result<usize> {
    let start = cursor.clone();
    let place = cursor.i32_be()?;
    let found = usize::try_from(place).ok().filter(|place| *place < of);
    found.ok_or_else(|| start.invalid(format!("{place} is no {what}")))
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::super::{Column, append_whole, field_of};
    use super::*;
    use crate::serializers::FlinkType;

    /// A list of numbers, a node for each; and a tree, whose branches are named.
    const LIST: &str = r#"{"type": "record", "name": "Node", "namespace": "acme", "fields": [
        {"name": "value", "type": "int"}, {"name": "next", "type": ["null", "Node"]}]}"#;
    const TREE: &str = r#"{"type": "record", "name": "Tree", "fields": [
        {"name": "leaf", "type": {"type": "record", "name": "Leaf", "fields": [
            {"name": "text", "type": "string"}, {"name": "up", "type": ["null", "Tree"]}]}},
        {"name": "branches", "type": {"type": "array", "items": "Tree"}},
        {"name": "named", "type": {"type": "map", "values": "Leaf"}}]}"#;

    fn flink_type(schema: &str) -> FlinkType {
        FlinkType::Avro(Box::new(AvroType::parse(schema).unwrap()))
    }

    fn list(numbers: std::ops::Range<i32>) -> Vec<u8> {
        let last = numbers.end - 1;
        let node = |number: i32| [number.to_be_bytes(), i32::from(number < last).to_be_bytes()].concat();
        numbers.flat_map(node).collect()
    }

    #[test]
    fn what_contains_itself_is_shown_to_where_it_does() {
        let data_type = flink_type(LIST);
        let field = field_of(&data_type);
        let mut column = Column::new(&field.ty.to_arrow()).unwrap();
        for numbers in [0..3, 7..8] {
            append_whole(&data_type, &mut column, &mut Cursor::new(&list(numbers))).unwrap();
        }
        let array = column.finish().unwrap();
        let next = array.as_struct().column(1);
        assert_eq!(next.as_binary::<i32>().value(0), list(1..3));
        assert!(next.is_null(1));
        assert!(field.has_opaque());
    }

    #[test]
    fn what_follows_a_value_that_contains_itself_is_found() {
        let text = |text: &str| [&(text.len() as i32).to_be_bytes()[..], text.as_bytes()].concat();
        let leaf = |name: &str| [text(name), vec![0, 0, 0, 0]].concat();
        let small = [leaf("small"), vec![0], vec![0]].concat();
        let inner = [text("inner"), vec![0, 0, 0, 1], small.clone()].concat();
        let tree =
            [leaf("root"), vec![1], small.clone(), vec![0], vec![1], text("key"), inner, vec![0]].concat();
        let mut bytes = tree.clone();
        bytes.extend(b"behind");
        let schema = AvroType::parse(TREE).unwrap();
        let mut cursor = Cursor::new(&bytes);
        skip(&schema, None, &mut cursor, 0).unwrap();
        assert_eq!(cursor.rest(), b"behind");
        for end in 0..tree.len() {
            assert!(skip(&schema, None, &mut Cursor::new(&tree[..end]), 0).is_err());
        }
    }

    #[test]
    fn a_list_that_never_ends_is_given_up() {
        let data_type = flink_type(LIST);
        let mut column = Column::new(&field_of(&data_type).ty.to_arrow()).unwrap();
        let endless = list(0..1_000_000);
        let error = append_whole(&data_type, &mut column, &mut Cursor::new(&endless)).unwrap_err();
        assert!(super::super::is_unsupported(&error), "{error}");
        assert_eq!(column.len(), 0);
    }

    #[test]
    fn a_part_of_what_contains_itself_used_elsewhere_is_not_understood() {
        let schema = r#"{"type": "record", "name": "Both", "fields": [
            {"name": "tree", "type": TREE}, {"name": "leaf", "type": "Leaf"}]}"#;
        assert!(AvroType::parse(&schema.replace("TREE", TREE)).unwrap_err().recursive);
    }
}
