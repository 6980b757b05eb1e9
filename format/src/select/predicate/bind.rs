//! Tree to test: finds the fields a condition names, reads its literals as their types, then looks at rows.

use std::cmp::Ordering;
use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::parse::{Comparison, Condition, Literal};
use crate::error::{Error, Result};
use crate::import::{array_from_json, array_from_text};
use crate::model::{Column, Field, Logical, RowOrder, Type};

/// True, false, or neither because of a null.
pub(super) type Test = Box<dyn Fn(usize) -> Option<bool>>;

/// A condition whose fields exist and whose literals have their types.
#[derive(Debug)]
pub(super) enum Bound {
    And(Box<Bound>, Box<Bound>),
    Or(Box<Bound>, Box<Bound>),
    Not(Box<Bound>),
    Compare(Path, Comparison, ArrayRef),
    In(Path, Vec<ArrayRef>),
    Like(Path, Vec<Wildcard>),
    IsNull(Path),
    IsTrue(Path),
}

/// A column, then the places of fields inside structs.
#[derive(Clone)]
pub(super) struct Path {
    column: Column,
    fields: Vec<usize>,
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.column.name(), self.fields)
    }
}

/// A piece of a `like` pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcard {
    Any,
    One,
    Exactly(char),
}

/// Finds everything the condition names.
pub(super) fn bind(condition: &Condition, columns: &[(Column, Field)]) -> Result<Bound> {
    let both = |left, right| Ok((Box::new(bind(left, columns)?), Box::new(bind(right, columns)?)));
    Ok(match condition {
        Condition::And(left, right) => both(left, right).map(|(left, right)| Bound::And(left, right))?,
        Condition::Or(left, right) => both(left, right).map(|(left, right)| Bound::Or(left, right))?,
        Condition::Not(inner) => Bound::Not(Box::new(bind(inner, columns)?)),
        Condition::Compare(names, comparison, literal) => {
            let (path, field) = find(names, columns)?;
            Bound::Compare(path, *comparison, literal_array(&field, literal)?)
        }
        Condition::In(names, literals) => {
            let (path, field) = find(names, columns)?;
            let literals = literals.iter().map(|literal| literal_array(&field, literal));
            Bound::In(path, literals.collect::<Result<_>>()?)
        }
        Condition::Like(names, pattern) => {
            let (path, field) = find(names, columns)?;
            only(&field, &Type::Utf8, "like", names)?;
            Bound::Like(path, wildcards(pattern))
        }
        Condition::IsNull(names) => Bound::IsNull(find(names, columns)?.0),
        Condition::IsTrue(names) => {
            let (path, field) = find(names, columns)?;
            only(&field, &Type::Boolean, "a condition of its own", names)?;
            Bound::IsTrue(path)
        }
    })
}

fn only(field: &Field, ty: &Type, what: &str, names: &[String]) -> Result<()> {
    if field.ty == *ty {
        return Ok(());
    }
    Err(Error::bad_request(format!("condition: {} is {field}, {what} needs {ty}", names.join("."))))
}

fn find(names: &[String], columns: &[(Column, Field)]) -> Result<(Path, Field)> {
    let unknown = |name: &str, known: &mut dyn Iterator<Item = &str>| {
        let known: Vec<&str> = known.collect();
        Error::bad_request(format!("condition: there is no {name:?}; there are {}", known.join(", ")))
    };
    let (first, rest) = names.split_first().ok_or_else(|| Error::bad_request("condition: empty path"))?;
    let column = columns.iter().find(|(column, _)| column.name() == first);
    let (column, mut field) = column
        .ok_or_else(|| unknown(first, &mut columns.iter().map(|(column, _)| column.name())))
        .map(|(column, field)| (*column, field))?;
    let mut places = Vec::new();
    for name in rest {
        let Type::Struct(fields) = &field.ty else {
            return Err(Error::bad_request(format!(
                "condition: {} is {field} and has no {name:?}",
                field.name
            )));
        };
        let place = fields.iter().position(|field| field.name == *name);
        let place =
            place.ok_or_else(|| unknown(name, &mut fields.iter().map(|field| field.name.as_str())))?;
        places.push(place);
        field = fields.get(place).unwrap_or(field);
    }
    Ok((Path { column, fields: places }, field.clone()))
}

/// The literal as a value of the field's type. An enum takes any text: one that is no name equals nothing.
fn literal_array(field: &Field, literal: &Literal) -> Result<ArrayRef> {
    let logical =
        field.logical.clone().filter(|logical| !matches!(logical, Logical::Enum(_) | Logical::Char));
    let field = Field { nullable: false, logical, ..field.clone() };
    match literal {
        Literal::Plain(text) => array_from_text(&field, text),
        Literal::Text(text) => array_from_json(&field, &[Some(&serde_json::Value::String(text.clone()))]),
    }
}

impl Bound {
    /// The condition as a function of a row of this batch.
    pub(super) fn on(&self, batch: &RecordBatch) -> Result<Test> {
        Ok(match self {
            Self::And(left, right) => {
                let (left, right) = (left.on(batch)?, right.on(batch)?);
                Box::new(move |row| match left(row) {
                    Some(false) => Some(false),
                    Some(true) => right(row),
                    None => right(row).filter(|right| !right),
                })
            }
            Self::Or(left, right) => {
                let (left, right) = (left.on(batch)?, right.on(batch)?);
                Box::new(move |row| match left(row) {
                    Some(true) => Some(true),
                    Some(false) => right(row),
                    None => right(row).filter(|right| *right),
                })
            }
            Self::Not(inner) => {
                let inner = inner.on(batch)?;
                Box::new(move |row| inner(row).map(|truth| !truth))
            }
            Self::Compare(path, comparison, literal) => compare(path, *comparison, literal, batch)?,
            Self::In(path, literals) => {
                let one = |literal| compare(path, Comparison::Equal, literal, batch);
                let tests: Vec<Test> = literals.iter().map(one).collect::<Result<_>>()?;
                Box::new(move |row| tests.iter().try_fold(false, |found, test| Some(found || test(row)?)))
            }
            Self::Like(path, pattern) => {
                let (strings, pattern) = (path.column(batch)?, pattern.clone());
                let leaf = strings.leaf.as_string_opt::<i32>().cloned();
                let leaf = leaf.ok_or_else(|| Error::invalid("a text column is not utf8"))?;
                Box::new(move |row| (!strings.is_null(row)).then(|| is_like(leaf.value(row), &pattern)))
            }
            Self::IsNull(path) => {
                let column = path.column(batch)?;
                Box::new(move |row| Some(column.is_null(row)))
            }
            Self::IsTrue(path) => {
                let column = path.column(batch)?;
                let leaf = column.leaf.as_boolean_opt().cloned();
                let leaf = leaf.ok_or_else(|| Error::invalid("a boolean column is not boolean"))?;
                Box::new(move |row| (!column.is_null(row)).then(|| leaf.value(row)))
            }
        })
    }
}

fn compare(path: &Path, comparison: Comparison, literal: &ArrayRef, batch: &RecordBatch) -> Result<Test> {
    let column = path.column(batch)?;
    let order = RowOrder::between(std::slice::from_ref(&column.leaf), std::slice::from_ref(literal))?;
    Ok(Box::new(move |row| {
        if column.is_null(row) {
            return None;
        }
        let found = order.compare(row, 0);
        Some(match comparison {
            Comparison::Equal => found == Ordering::Equal,
            Comparison::NotEqual => found != Ordering::Equal,
            Comparison::Less => found == Ordering::Less,
            Comparison::LessOrEqual => found != Ordering::Greater,
            Comparison::Greater => found == Ordering::Greater,
            Comparison::GreaterOrEqual => found != Ordering::Less,
        })
    }))
}

/// A field's values, and the structs around it, any of which may be null.
struct Nested {
    leaf: ArrayRef,
    around: Vec<ArrayRef>,
}

impl Nested {
    fn is_null(&self, row: usize) -> bool {
        self.leaf.is_null(row) || self.around.iter().any(|array| array.is_null(row))
    }
}

impl Path {
    fn column(&self, batch: &RecordBatch) -> Result<Nested> {
        let name = self.column.name();
        let mut leaf = batch
            .column_by_name(name)
            .cloned()
            .ok_or_else(|| Error::invalid(format!("there is no column {name}")))?;
        let mut around = Vec::new();
        for place in &self.fields {
            let inner = leaf.as_struct_opt().and_then(|array| array.columns().get(*place)).cloned();
            let inner = inner.ok_or_else(|| Error::invalid(format!("column {name} has no field {place}")))?;
            around.push(std::mem::replace(&mut leaf, inner));
        }
        Ok(Nested { leaf, around })
    }
}

fn wildcards(pattern: &str) -> Vec<Wildcard> {
    let mut characters = pattern.chars();
    let mut wildcards = Vec::new();
    while let Some(character) = characters.next() {
        wildcards.push(match character {
            '%' => Wildcard::Any,
            '_' => Wildcard::One,
            '\\' => Wildcard::Exactly(characters.next().unwrap_or('\\')),
            other => Wildcard::Exactly(other),
        });
    }
    wildcards
}

/// The text matches. On a mismatch only the last `%` takes one character more, so that the work is at most
/// text times pattern.
fn is_like(text: &str, pattern: &[Wildcard]) -> bool {
    let mut rest = text.chars();
    let mut place = 0;
    let mut retry: Option<(std::str::Chars<'_>, usize)> = None;
    loop {
        let mut next = rest.clone();
        match (pattern.get(place), next.next()) {
            (Some(Wildcard::Any), _) => {
                place += 1;
                retry = Some((rest.clone(), place));
                continue;
            }
            (None, None) => return true,
            (Some(Wildcard::One), Some(_)) => {
                (rest, place) = (next, place + 1);
                continue;
            }
            (Some(Wildcard::Exactly(wanted)), Some(found)) if *wanted == found => {
                (rest, place) = (next, place + 1);
                continue;
            }
            _ => {}
        }
        let Some((from, after)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        (rest, place) = (from.clone(), *after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (text, pattern, matches) in [
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("", "%", true),
            ("", "_", false),
            ("50%", r"50\%", true),
            ("50x", r"50\%", false),
            ("结果", "结_", true),
            ("aXbXc", "a%b%c", true),
            ("aXbX", "a%b%c", false),
        ] {
            assert_eq!(is_like(text, &wildcards(pattern)), matches, "{text} like {pattern}");
        }
    }
}
