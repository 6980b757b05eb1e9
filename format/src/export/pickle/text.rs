//! A pickle's value as JSON.
//!
//! ```text
//! null true 7 0.5 "text"   "18446744073709551616" (beyond 64 bits)   {"$bytes":"base64"}   [1,2] (list, tuple, set)
//! {"k":1} (dict of texts)  [[7,"a"]] (any other)  {"name":1} or {"f0":1} (PyFlink's Row)
//! "2026-11-22T03:04:05+02:00" (datetime)   "PT1M" (timedelta)   "1.50" (Decimal)
//! {"$class":"module.Name","args":[…],"kwargs":{…},"items":[…],"state":{…}}
//!     (any other object; what is empty is left out; items are entries of a dict, too)
//! {"$call":…,"args":[…]} (an object that something other than a class or function makes)
//! ```

use std::collections::HashSet;
use std::hash::Hash;

use super::machine::{Id, Node, Object, Pickle};
use crate::export::big_text::integer_digits;
use crate::export::json_text::{write_bytes, write_f64, write_integer, write_name, write_string};
use crate::export::json_value::{Int64Style, JsonOptions};

/// Deeper values are not shown. Flat bytes make deep values: an opcode a level.
const MAX_DEPTH: usize = 32;
/// Longer integers are not shown: the work grows with the square. Python itself prints no more than 4300 digits.
const MAX_INTEGER_BYTES: usize = 2048;

/// Appends the value; `None` if it is too deep, gets behind the place `end`, or holds what no pickler writes.
/// Objects that are shared are written as often as they are met, so that few bytes may make a long text.
pub(super) fn write(pickle: &Pickle<'_>, options: JsonOptions, end: usize, out: &mut Vec<u8>) -> Option<()> {
    Writer { pickle, out, options, end, depth: 0 }.value(pickle.root)
}

pub(super) struct Writer<'a, 'b> {
    pub(super) pickle: &'a Pickle<'b>,
    pub(super) out: &'a mut Vec<u8>,
    options: JsonOptions,
    end: usize,
    depth: usize,
}

impl<'b> Writer<'_, 'b> {
    fn value(&mut self, id: Id) -> Option<()> {
        if self.depth == MAX_DEPTH || self.out.len() > self.end {
            return None;
        }
        self.depth += 1;
        match self.pickle.node(id)? {
            Node::None => self.out.extend_from_slice(b"null"),
            Node::Boolean(value) => self.out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Node::Integer(value) => self.integer(*value),
            Node::Long(bytes) => self.long(bytes)?,
            Node::Float(value) => write_f64(*value, self.out),
            Node::Text(text) => write_string(text, self.out),
            Node::Bytes(bytes) => write_bytes(bytes, self.options, self.out),
            Node::List(items) | Node::Tuple(items) => self.list(items)?,
            Node::Dictionary(entries) => self.dictionary(entries)?,
            Node::Global(module, name) => {
                self.class(module, name);
                self.out.push(b'}');
            }
            Node::Object(object) => self.object(object)?,
        }
        self.depth -= 1;
        Some(())
    }

    fn integer(&mut self, value: i64) {
        match self.options.int64 {
            Int64Style::Number => write_integer(value, self.out),
            Int64Style::String => write_string(&value.to_string(), self.out),
        }
    }

    /// A string if it has more than 64 bits, as big integers have everywhere.
    fn long(&mut self, little_endian: &[u8]) -> Option<()> {
        if little_endian.len() > MAX_INTEGER_BYTES {
            return None;
        }
        let bytes: Vec<u8> = little_endian.iter().rev().copied().collect();
        let digits = integer_digits(&bytes)?;
        match digits.parse() {
            Ok(value) => self.integer(value),
            Err(_) => write_string(&digits, self.out),
        }
        Some(())
    }

    pub(super) fn list(&mut self, items: &[Id]) -> Option<()> {
        self.out.push(b'[');
        for (place, item) in items.iter().enumerate() {
            self.comma(place);
            self.value(*item)?;
        }
        self.out.push(b']');
        Some(())
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push(b',');
        }
    }

    /// An object if every key is another text, and none can be mistaken for a marker; otherwise pairs.
    fn dictionary(&mut self, entries: &[(Id, Id)]) -> Option<()> {
        let name = |id: &Id| self.text(*id).filter(|name| !name.starts_with('$'));
        let names = entries.iter().map(|(key, _)| name(key)).collect::<Option<Vec<_>>>();
        match names.filter(|names| are_distinct(names)) {
            Some(names) => self.members(names.into_iter().zip(entries.iter().map(|(_, value)| *value)), ""),
            None => {
                self.out.push(b'[');
                for (place, (key, value)) in entries.iter().enumerate() {
                    self.comma(place);
                    self.list(&[*key, *value])?;
                }
                self.out.push(b']');
                Some(())
            }
        }
    }

    /// An object, which may have begun with other members.
    pub(super) fn members<N: AsRef<str>>(
        &mut self,
        members: impl Iterator<Item = (N, Id)>,
        kind: &str,
    ) -> Option<()> {
        self.out.push(b'{');
        if !kind.is_empty() {
            self.out.extend_from_slice(b"\"$kind\":");
            write_string(kind, self.out);
        }
        for (place, (name, value)) in members.enumerate() {
            self.comma(place + usize::from(!kind.is_empty()));
            write_name(name.as_ref(), self.out);
            self.value(value)?;
        }
        self.out.push(b'}');
        Some(())
    }

    fn class(&mut self, module: &str, name: &str) {
        self.out.extend_from_slice(b"{\"$class\":");
        write_string(&format!("{module}.{name}"), self.out);
    }

    fn object(&mut self, object: &Object) -> Option<()> {
        let pickle = self.pickle;
        let Node::Tuple(arguments) = pickle.node(object.arguments)? else { return None };
        match pickle.node(object.callable)? {
            Node::Global(module, name) => {
                if object.is_plain() && self.known(module, name, arguments)? {
                    return Some(());
                }
                self.class(module, name);
            }
            _ => {
                self.out.extend_from_slice(b"{\"$call\":");
                self.value(object.callable)?;
            }
        }
        if !arguments.is_empty() {
            self.out.extend_from_slice(b",\"args\":");
            self.list(arguments)?;
        }
        self.part("kwargs", object.keywords)?;
        self.contents(object)?;
        self.part("state", object.state)?;
        self.out.push(b'}');
        Some(())
    }

    /// One more member of an object.
    fn part(&mut self, name: &str, value: Option<Id>) -> Option<()> {
        let Some(value) = value else { return Some(()) };
        self.comma(1);
        write_name(name, self.out);
        self.value(value)
    }

    /// What is put into an object of a class that is a list or a dict. None is both.
    fn contents(&mut self, object: &Object) -> Option<()> {
        let member = b",\"items\":";
        match (object.items.is_empty(), object.entries.is_empty()) {
            (true, true) => Some(()),
            (false, true) => {
                self.out.extend_from_slice(member);
                self.list(&object.items)
            }
            (true, false) => {
                self.out.extend_from_slice(member);
                self.dictionary(&object.entries)
            }
            (false, false) => None,
        }
    }

    pub(super) fn text(&self, id: Id) -> Option<&'b str> {
        match self.pickle.node(id)? {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, id: Id) -> Option<&'b [u8]> {
        match self.pickle.node(id)? {
            Node::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

pub(super) fn are_distinct<N: Hash + Eq>(names: &[N]) -> bool {
    let mut seen = HashSet::with_capacity(names.len());
    names.iter().all(|name| seen.insert(name))
}
