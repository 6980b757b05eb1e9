//! Objects of Python's and PyFlink's own classes that have a form in JSON: dates, decimals, sets, rows.
//!
//! # Source
//! CPython, `datetime` (`__reduce_ex__`), `decimal`; PyFlink, `pyflink.common.types`.

use std::borrow::Cow;

use super::machine::{Id, Node};
use super::text::{Writer, are_distinct};
use crate::export::json_text::{write_display, write_string};
use crate::export::time_text::{write_duration, write_time};
use crate::model::TimeUnit;

impl Writer<'_, '_> {
    /// Writes an object of a class that has a form of its own; `false` if it is of another.
    pub(super) fn known(&mut self, module: &str, name: &str, arguments: &[Id]) -> Option<bool> {
        match (module, name, arguments) {
            ("datetime", "date", [date]) => Some(self.quoted(self.bytes(*date), write_date)),
            ("datetime", "time", [time]) => Some(self.quoted(self.bytes(*time), write_time_of_day)),
            ("datetime", "datetime", [time]) => Some(self.quoted(self.bytes(*time), write_date_time)),
            ("datetime", "datetime", [time, zone]) => {
                let Some(offset) = self.offset(*zone) else { return Some(false) };
                Some(self.quoted(self.bytes(*time), |bytes, out| {
                    write_date_time(bytes, out)?;
                    write_offset(offset, out);
                    Some(())
                }))
            }
            ("datetime", "timedelta", parts) => {
                let Some(micros) = self.micros(parts) else { return Some(false) };
                self.out.push(b'"');
                write_duration(micros, TimeUnit::Us, self.out);
                self.out.push(b'"');
                Some(true)
            }
            ("decimal", "Decimal", [digits]) => {
                let Some(digits) = self.text(*digits) else { return Some(false) };
                write_string(digits, self.out);
                Some(true)
            }
            ("builtins" | "__builtin__", "set" | "frozenset", [items]) => match self.pickle.node(*items)? {
                Node::List(items) => self.list(items).map(|()| true),
                _ => Some(false),
            },
            ("pyflink.common.types", "_create_row", [names, values, kind]) => {
                self.row(*names, *values, *kind)
            }
            _ => Some(false),
        }
    }

    /// The minutes of `timezone(timedelta(…))` east of UTC. Other zones need their history.
    fn offset(&self, zone: Id) -> Option<i64> {
        let [length] = self.arguments("timezone", zone)? else { return None };
        let micros = self.micros(self.arguments("timedelta", *length)?)?;
        let minutes = micros / 60_000_000;
        (micros % 60_000_000 == 0 && minutes.abs() < 24 * 60).then_some(minutes)
    }

    /// The arguments of a call of this class of `datetime`.
    fn arguments(&self, class: &str, id: Id) -> Option<&[Id]> {
        let Node::Object(object) = self.pickle.node(id)? else { return None };
        match (self.pickle.node(object.callable)?, self.pickle.node(object.arguments)?) {
            (Node::Global("datetime", name), Node::Tuple(arguments)) if *name == class => Some(arguments),
            _ => None,
        }
    }

    /// Days, seconds and microseconds, together.
    fn micros(&self, parts: &[Id]) -> Option<i64> {
        let [days, seconds, micros] = parts else { return None };
        let integer = |id: &Id| match self.pickle.node(*id)? {
            Node::Integer(number) => Some(*number),
            _ => None,
        };
        let seconds = integer(days)?.checked_mul(86_400)?.checked_add(integer(seconds)?)?;
        seconds.checked_mul(1_000_000)?.checked_add(integer(micros)?)
    }

    /// PyFlink's Row: by names if it has them, and with its kind unless it is an insertion.
    fn row(&mut self, names: Id, values: Id, kind: Id) -> Option<bool> {
        let (Node::Tuple(values), Some(kind)) = (self.pickle.node(values)?, self.row_kind(kind)) else {
            return Some(false);
        };
        let names = match self.pickle.node(names)? {
            Node::List(names) => names.iter().map(|name| self.text(*name).map(Cow::Borrowed)).collect(),
            Node::None => Some((0..values.len()).map(|index| Cow::Owned(format!("f{index}"))).collect()),
            _ => None,
        };
        let fit = |names: &Vec<Cow<'_, str>>| names.len() == values.len() && are_distinct(names);
        let Some(names) = names.filter(fit) else { return Some(false) };
        self.members(names.iter().zip(values.iter().copied()), kind).map(|()| true)
    }

    /// `RowKind(n)`, nothing for an insertion.
    fn row_kind(&self, kind: Id) -> Option<&'static str> {
        let Node::Object(kind) = self.pickle.node(kind)? else { return None };
        let Node::Global(_, "RowKind") = self.pickle.node(kind.callable)? else { return None };
        let Node::Tuple(arguments) = self.pickle.node(kind.arguments)? else { return None };
        let [number] = arguments[..] else { return None };
        let Node::Integer(number) = self.pickle.node(number)? else { return None };
        ["", "-U", "+U", "-D"].get(usize::try_from(*number).ok()?).copied()
    }

    /// A text of these bytes in quotes; `false`, and nothing written, if they are not what they should be.
    fn quoted(&mut self, bytes: Option<&[u8]>, write: impl Fn(&[u8], &mut Vec<u8>) -> Option<()>) -> bool {
        let start = self.out.len();
        self.out.push(b'"');
        let written = bytes.and_then(|bytes| write(bytes, self.out)).is_some();
        match written {
            true => self.out.push(b'"'),
            false => self.out.truncate(start),
        }
        written
    }
}

/// `u16 year | u8 month | u8 day`. The high bit of a datetime's month says that it is the second of two equal times,
/// when clocks are set back. There is no form for that.
fn write_date(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let &[high, low, month @ 1..=12, day @ 1..=31] = bytes else { return None };
    let year = u16::from_be_bytes([high, low]);
    write_display(format_args!("{year:04}-{month:02}-{day:02}"), out);
    Some(())
}

/// `u8 hour | u8 minute | u8 second | u24 microseconds`. Without a date the hour has that bit.
fn write_time_of_day(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let &[hour @ 0..24, minute @ 0..60, second @ 0..60, a, b, c] = bytes else { return None };
    let micros = u32::from_be_bytes([0, a, b, c]);
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    write_time(seconds * 1_000_000 + i64::from(micros), TimeUnit::Us, out);
    (micros < 1_000_000).then_some(())
}

/// A date, then a time.
fn write_date_time(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (date, time) = bytes.split_at_checked(4)?;
    write_date(date, out)?;
    out.push(b'T');
    write_time_of_day(time, out)
}

/// `Z`, `+02:00`.
fn write_offset(minutes: i64, out: &mut Vec<u8>) {
    let sign = if minutes < 0 { '-' } else { '+' };
    match minutes.abs() {
        0 => out.push(b'Z'),
        minutes => write_display(format_args!("{sign}{:02}:{:02}", minutes / 60, minutes % 60), out),
    }
}
