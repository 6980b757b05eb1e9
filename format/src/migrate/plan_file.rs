//! Operations in a file that people write and keep: TOML, one `[[change]]` each, with the members that the
//! receipt of a migrate has.
//!
//! ```toml
//! schema = "spt.migrate-plan/1"
//!
//! [source]                          # only where the plan is for one savepoint
//! id = "9d0c…"
//! sha256 = "1f3a…"                  # of its manifest, or of Flink's `_metadata`
//!
//! [[change]]
//! op = "rename-uid"                 # a flag without its dashes
//! uid = "sum-001"
//! to = "total"
//!
//! [[change]]
//! op = "set"
//! uid = "total"
//! state = "counts"
//! key = "hello"
//! value = { count = 7 }             # or value_json = '{"count":null}'
//! ```
//!
//! A value that TOML cannot hold, such as null, is JSON in a string, its member's name followed by `_json`.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::operation::Operation;
use crate::error::{Error, Result, ResultExt};
use crate::export::instant_text;

/// The kind of document.
pub const PLAN_FILE_SCHEMA: &str = "spt.migrate-plan/1";
/// Ends the name of a member whose value is JSON text.
const JSON_SUFFIX: &str = "_json";

/// Operations, and which savepoint they are for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanFile {
    /// The only savepoint they may be applied to, if there is one.
    pub source: Option<PlanSource>,
    /// In the order they were written.
    pub operations: Vec<Operation>,
    /// Where each of them stands, `FILE:LINE`; empty for a plan that was not read.
    pub places: Vec<String>,
}

/// What tells a savepoint from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSource {
    /// Its id.
    pub id: String,
    /// SHA-256 of its manifest, or of Flink's `_metadata`, in lower-case hex.
    pub sha256: String,
}

impl PlanFile {
    /// Reads the text of the file `name`. Where a purge names no instant, `now_ms` is meant.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) at `name:line` if it is no such file.
    pub fn parse(name: &str, text: &str, now_ms: i64) -> Result<Self> {
        let lines = Lines { name, text };
        let document = DeTable::parse(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            Error::bad_request(error.message()).in_file(lines.place(start))
        })?;
        let mut plan = Self::default();
        let mut schema = None;
        for (key, value) in document.get_ref() {
            let place = || lines.place(key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("schema", DeValue::String(found)) => schema = Some(found.as_ref()),
                ("source", DeValue::Table(table)) => {
                    plan.source = Some(PlanSource::read(table).in_file(place())?);
                }
                ("change", DeValue::Array(changes)) => {
                    for change in changes {
                        let place = lines.place(change.span().start);
                        let operation = operation(change.get_ref(), now_ms).in_file(place.as_str())?;
                        plan.operations.push(operation);
                        plan.places.push(place);
                    }
                }
                (other, value) => {
                    let what = format!(
                        "{other:?} is no {}; a plan has schema, [source] and [[change]]",
                        value.type_str()
                    );
                    return Err(Error::bad_request(what).in_file(place()));
                }
            }
        }
        if schema != Some(PLAN_FILE_SCHEMA) {
            let what = format!("schema is {:?}, expected {PLAN_FILE_SCHEMA:?}", schema.unwrap_or_default());
            return Err(Error::bad_request(what).in_file(lines.place(0)));
        }
        Ok(plan)
    }

    /// The text that [`PlanFile::parse`] reads.
    pub fn to_text(&self) -> String {
        let mut text = format!("schema = {}\n", string(PLAN_FILE_SCHEMA));
        if let Some(PlanSource { id, sha256 }) = &self.source {
            text += "\n# It fits this savepoint alone; without this table, any.\n";
            text += &format!("[source]\nid = {}\nsha256 = {}\n", string(id), string(sha256));
        }
        for operation in &self.operations {
            text += "\n[[change]]\n";
            if let Ok(Value::Object(members)) = serde_json::to_value(operation) {
                members.iter().for_each(|(name, value)| write_member(name, value, &mut text));
            }
        }
        text
    }
}

impl PlanSource {
    fn read(table: &DeTable<'_>) -> Result<Self> {
        let text = |name: &str| {
            let value = table.get(name).and_then(|value| value.get_ref().as_str().map(str::to_owned));
            value.ok_or_else(|| Error::bad_request(format!("[source] has no {name:?}")))
        };
        Ok(Self { id: text("id")?, sha256: text("sha256")? })
    }
}

/// Finds the line of a byte.
struct Lines<'a> {
    name: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, byte: usize) -> String {
        let before = self.text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count();
        format!("{}:{}", self.name, before + 1)
    }
}

fn operation(change: &DeValue<'_>, now_ms: i64) -> Result<Operation> {
    let DeValue::Table(table) = change else { return Err(Error::bad_request("a change is a table")) };
    let mut members = Map::new();
    for (name, value) in table {
        let (name, value) = match (name.get_ref().strip_suffix(JSON_SUFFIX), value.get_ref()) {
            (Some(name), DeValue::String(text)) => (name, json_text(text).within(|| name.to_owned())?),
            (_, value) => (name.get_ref().as_ref(), json(value)?),
        };
        if members.insert(name.to_owned(), value).is_some() {
            return Err(Error::bad_request(format!("{name:?} is there twice")));
        }
    }
    if members.get("op").and_then(Value::as_str) == Some("purge-expired") {
        members.entry("as_of").or_insert_with(|| instant_text(now_ms).into());
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| Error::bad_request(error.to_string()))
}

fn json_text(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::bad_request(format!("is no JSON: {error}")))
}

/// The value as JSON has it; dates and times become text.
fn json(value: &DeValue<'_>) -> Result<Value> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => json_text(&number.to_string())?,
            Err(_) => return Err(Error::bad_request(format!("{number} is too large an integer"))),
        },
        DeValue::Float(number) => match number.as_str() {
            "nan" | "+nan" | "-nan" => "NaN".into(),
            "inf" | "+inf" => "Infinity".into(),
            "-inf" => "-Infinity".into(),
            digits => json_text(digits.trim_start_matches('+'))?,
        },
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect::<Result<_>>()?,
        DeValue::Table(members) => {
            let member = |(name, value): (&toml::Spanned<_>, &toml::Spanned<_>)| {
                let name: &std::borrow::Cow<'_, str> = name.get_ref();
                Ok((name.to_string(), json(value.get_ref())?))
            };
            Value::Object(members.iter().map(member).collect::<Result<_>>()?)
        }
    })
}

fn write_member(name: &str, value: &Value, out: &mut String) {
    let line = match toml(value) {
        Some(value) => format!("{name} = {value}\n"),
        None => format!("{name}{JSON_SUFFIX} = {}\n", string(&value.to_string())),
    };
    out.push_str(&line);
}

/// The value on one line; `None` if TOML has none like it.
fn toml(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(text) => Some(string(text)),
        Value::Number(number) if number.is_i64() => Some(number.to_string()),
        // Every integer beyond 64 bits and every other spelling of a number stays what it is as JSON.
        Value::Number(_) => None,
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(toml).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| Some(format!("{} = {}", string(name), toml(value)?));
            let members: Option<Vec<String>> = members.iter().map(member).collect();
            Some(format!("{{ {} }}", members?.join(", ")))
        }
    }
}

/// A basic string: JSON's escapes are among TOML's, which wants one more.
fn string(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::FieldPath;

    fn parse(text: &str) -> Result<PlanFile> {
        PlanFile::parse("plan.toml", text, 1_000)
    }

    fn refusal(text: &str) -> String {
        parse(&format!("schema = \"spt.migrate-plan/1\"\n{text}")).unwrap_err().to_string()
    }

    #[test]
    fn every_operation_is_read_as_it_was_written() {
        let (uid, state) = ("a/b = \"c:d\"\u{7f}\n结果".to_owned(), "s".to_owned());
        let field = FieldPath::new("value.a.b");
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let set = |value: &str| Operation::Set {
            uid: uid.clone(),
            state: state.clone(),
            key: "k=1".into(),
            value: json(value),
        };
        let (to, ty) = ("new".to_owned(), "struct<a: int64?>".to_owned());
        let operations = vec![
            Operation::RenameUid { uid: uid.clone(), to: to.clone() },
            Operation::DropUid { uid: uid.clone() },
            Operation::RenameState { uid: uid.clone(), state: state.clone(), to: to.clone() },
            Operation::DropState { uid: uid.clone(), state: state.clone() },
            Operation::RenameField { uid: uid.clone(), state: state.clone(), field: field.clone(), to },
            Operation::DropField { uid: uid.clone(), state: state.clone(), field: field.clone() },
            Operation::AddField {
                uid: uid.clone(),
                state: state.clone(),
                field: field.clone(),
                r#type: ty.clone(),
                default: Some(json(r#"{"a":[1,-0.0,"x"]}"#)),
            },
            Operation::Cast { uid: uid.clone(), state: state.clone(), field, r#type: ty },
            Operation::DeleteWhere { uid: uid.clone(), state: state.clone(), predicate: "key = 'a'".into() },
            set("7"),
            set("null"),
            set(r#"{"f0":"bread","f1":-9,"list":[true,[]],"map":{}}"#),
            set("123456789012345678901234567890.10"),
            set("18446744073709551615"),
            Operation::SetOffset { uid: uid.clone(), split: "0/1".into(), position: "120".into() },
            Operation::MaxParallelism { uid: None, groups: 128 },
            Operation::MaxParallelism { uid: Some(uid.clone()), groups: 256 },
            Operation::Parallelism { subtasks: 3 },
            Operation::PurgeExpired { uid: None, state: None, ttl_ms: None, as_of_ms: 1_700_000_000_001 },
            Operation::PurgeExpired { uid: Some(uid), state: Some(state), ttl_ms: Some(90_000), as_of_ms: 0 },
            Operation::DropUnreadable,
            Operation::Upgrade,
            Operation::Name { name: "job".into() },
            Operation::Rewrite,
        ];
        let source = Some(PlanSource { id: "1".into(), sha256: "9f".into() });
        let plan = PlanFile { source, operations, places: Vec::new() };
        let text = plan.to_text();
        let read = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!((&read.operations, &read.source), (&plan.operations, &plan.source), "{text}");
        assert_eq!(read.places.len(), plan.operations.len());
    }

    #[test]
    fn what_a_person_writes_is_read() {
        let plan = parse(
            "schema = \"spt.migrate-plan/1\"\n\n[[change]]\nop = \"purge-expired\"\nuid = 'a/b'\nstate = 's'\n\
             ttl = \"7d\"\n\n[[change]]\nop = \"set\"\nuid = \"a\"\nstate = \"s\"\nkey = \"k\"\n\
             value = { count = 0x10, at = 2026-11-22T03:04:05Z, ratio = 1.5, none = nan }\n",
        )
        .unwrap();
        assert_eq!(plan.source, None);
        assert_eq!(plan.operations[0].to_string(), "--purge-expired a/b/s=7d --as-of 1970-01-01T00:00:01Z");
        assert_eq!(
            plan.operations[1].to_string(),
            r#"--set a/s:k={"at":"2026-11-22T03:04:05Z","count":16,"none":"NaN","ratio":1.5}"#
        );
        assert_eq!(plan.places, ["plan.toml:3", "plan.toml:9"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, message) in [
            ("\n[[change]]\nop = \"rename-uid\n", "plan.toml:4: invalid basic string"),
            ("[[change]]\nop = \"rename-uid\"\nuid = \"a\"\n", "plan.toml:2: missing field `to`"),
            (
                "\n[[change]]\nop = \"drop-uid\"\nuid = \"a\"\nuids = \"b\"\n",
                "plan.toml:3: unknown field `uids`, expected `uid`",
            ),
            ("[[change]]\nop = \"explode\"\n", "plan.toml:2: unknown variant `explode`, expected one of"),
            (
                "[[change]]\nop = \"set\"\nvalue_json = \"nul\"\n",
                "plan.toml:2, value: is no JSON: EOF while parsing a value",
            ),
            ("changes = 7\n", "plan.toml:2: \"changes\" is no integer; a plan has"),
            ("[source]\nid = \"7\"\n", "plan.toml:2: [source] has no \"sha256\""),
            (
                "[[change]]\nop = \"purge-expired\"\nttl = \"soon\"\n",
                "plan.toml:2: \"soon\" is no span of time",
            ),
        ] {
            let refusal = refusal(text);
            assert!(refusal.starts_with(message), "{refusal}");
        }
        assert_eq!(
            parse("").unwrap_err().to_string(),
            "plan.toml:1: schema is \"\", expected \"spt.migrate-plan/1\""
        );
    }
}
