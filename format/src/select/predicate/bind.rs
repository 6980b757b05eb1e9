//! Tree to test: finds the fields a condition names, reads its literals as their types, then looks at rows.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::parse::{Comparison, Condition, Literal};
use crate::error::{Error, Result};
use crate::import::{array_from_json, array_from_text};
use crate::model::{Column, Field, Logical, RowOrder, Type};
use crate::select::path::Path;

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
    let path = Path::find(names, columns).map_err(|error| error.within("condition"))?;
    let field = path.field.clone();
    Ok((path, field))
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
                let (values, pattern) = (path.values(batch)?, pattern.clone());
                let strings = values.as_string_opt::<i32>().cloned();
                let strings = strings.ok_or_else(|| Error::invalid("a text column is not utf8"))?;
                Box::new(move |row| strings.is_valid(row).then(|| is_like(strings.value(row), &pattern)))
            }
            Self::IsNull(path) => {
                let values = path.values(batch)?;
                Box::new(move |row| Some(values.is_null(row)))
            }
            Self::IsTrue(path) => {
                let values = path.values(batch)?;
                let truths = values.as_boolean_opt().cloned();
                let truths = truths.ok_or_else(|| Error::invalid("a boolean column is not boolean"))?;
                Box::new(move |row| truths.is_valid(row).then(|| truths.value(row)))
            }
        })
    }
}

fn compare(path: &Path, comparison: Comparison, literal: &ArrayRef, batch: &RecordBatch) -> Result<Test> {
    let values = path.values(batch)?;
    let order = RowOrder::between(std::slice::from_ref(&values), std::slice::from_ref(literal))?;
    Ok(Box::new(move |row| {
        if values.is_null(row) {
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
