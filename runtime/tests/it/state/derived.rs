//! `#[derive(State)]` and `#[derive(Key)]`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spt_format::evolution::adopt;
use spt_format::{Aliases, Binding, Field, KeyHash, StateSchema};
use spt_runtime::Data;
use spt_runtime::state::{Bytes, Key, State, Uuid};

use super::keys::agrees;
use super::types::{read, round_trip};
use super::{column, table};

#[derive(Debug, Clone, PartialEq, State)]
struct Order {
    id: u64,
    r#type: Option<Kind>,
    #[state(rename = "total")]
    amount: f64,
    lines: Vec<Line>,
    by_day: BTreeMap<i32, Line>,
}

#[derive(Debug, Clone, PartialEq, State)]
struct Line {
    text: String,
    count: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, State, Key)]
enum Kind {
    Small,
    #[state(rename = "very large")]
    Large,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
struct Id(u64);

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
struct Pair(String, i64);

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
struct Marker;

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
enum Event {
    Opened,
    Paid(i64),
    Noted(Option<String>),
    Moved { from: String, to: Option<Id> },
    Split(i32, Kind),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
struct Wrapper<T> {
    inner: T,
    rest: Option<T>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
struct Compound {
    customer: Id,
    kind: Kind,
    pair: Pair,
    bytes: Bytes,
}

fn order(id: u64) -> Order {
    let line = Line { text: format!("line {id}"), count: -1 };
    Order {
        id,
        r#type: id.is_multiple_of(2).then_some(Kind::Large),
        amount: 1.5,
        lines: vec![line.clone(); id as usize],
        by_day: BTreeMap::from([(3, line)]),
    }
}

fn events() -> Vec<Event> {
    vec![
        Event::Opened,
        Event::Paid(5),
        Event::Noted(None),
        Event::Noted(Some("n".to_owned())),
        Event::Moved { from: "a".to_owned(), to: Some(Id(1)) },
        Event::Moved { from: "a".to_owned(), to: None },
        Event::Split(1, Kind::Small),
    ]
}

#[test]
fn types_are_what_the_format_calls_them() {
    assert_eq!(
        Order::field().to_string(),
        "struct<id: uint64, type: enum<Small, \"very large\">?, total: float64, \
         lines: list<struct<text: utf8, count: int32>>, by_day: map<int32, struct<text: utf8, count: int32>>>"
    );
    assert_eq!(Id::field().to_string(), "uint64");
    assert_eq!(Pair::field().to_string(), "tuple<utf8, int64>");
    assert_eq!(Marker::field().to_string(), "unit");
    assert_eq!(
        Event::field().to_string(),
        "variant:struct<tag: utf8, Opened: unit?, Paid: int64?, Noted: struct<some: utf8?>?, \
         Moved: struct<from: utf8, to: uint64?>?, Split: tuple<int32, enum<Small, \"very large\">>?>"
    );
    assert_eq!(<Wrapper<i8>>::field().to_string(), "struct<inner: int8, rest: int8?>");
}

#[test]
fn values_come_back() {
    round_trip((0..3).map(order));
    round_trip([Kind::Small, Kind::Large]);
    round_trip([Id(1), Id(u64::MAX)]);
    round_trip([Pair("a".to_owned(), 1)]);
    round_trip([Marker]);
    round_trip(events());
    round_trip([events(), vec![]]);
    round_trip([Wrapper { inner: Uuid([1; 16]), rest: None }]);
}

#[test]
fn a_name_that_is_not_known_is_an_error() {
    #[derive(Debug, Clone, State)]
    enum Only {
        Other,
    }
    let error = super::first_error::<Only>(&column(&[Kind::Small]));
    assert_eq!(error, "\"Small\" is no variant of Only");
}

#[test]
fn a_newtype_hashes_as_what_it_holds() {
    #[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
    struct Word(String);
    assert_eq!(Word::KEY_HASH, KeyHash::Java1);
    assert_eq!(Word::key_hash(&Word("hello".to_owned())), 99_162_322);
    assert_eq!(Pair::KEY_HASH, KeyHash::Java1);
    assert_eq!(Pair::key_hash(&Pair("a".to_owned(), 1)), 3008);
}

#[test]
fn a_type_of_state_is_a_record() {
    let mut text = String::new();
    Pair::write_text(&Pair("a".to_owned(), 1), &mut text);
    assert_eq!(text, "Pair(\"a\", 1)");
}

/// Types that are called as what the macros write, and as the parameters of the traits' functions.
mod names {
    use spt_runtime::state::{Key, State};

    macro_rules! types {
        ($($name:ident),*) => {$(
            #[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
            pub(super) struct $name(pub(super) i64);
        )*};
    }

    types!(R, T, K, String, Vec, Option, Result, Clone, FnOnce, Ok, Err, Some, None, Data, Record, Column);

    #[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
    pub(super) struct Structure {
        pub(super) r: R,
        pub(super) text: String,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
    pub(super) enum Plain {
        Ok,
        Err,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
    pub(super) enum Tagged {
        Ok,
        Some(Vec),
        Err { option: Option, result: Result },
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash, State, Key)]
    pub(super) struct Generic<R> {
        pub(super) inner: R,
    }

    spt_runtime::data!(Generic<R>);
}

#[test]
fn a_type_may_be_called_as_what_the_macros_write() {
    use names::{Generic, Plain, Structure, Tagged};
    let structure = || Structure { r: names::R(1), text: names::String(2) };
    round_trip([structure()]);
    round_trip([Plain::Ok, Plain::Err]);
    round_trip([
        Tagged::Ok,
        Tagged::Some(names::Vec(3)),
        Tagged::Err { option: names::Option(4), result: names::Result(5) },
    ]);
    round_trip([Generic { inner: structure() }]);
    let mut text = String::new();
    Generic::write_text(&Generic { inner: names::R(1) }, &mut text);
    assert_eq!(text, "Generic { inner: R(1) }");
}

fn kind() -> impl Strategy<Value = Kind> + Clone {
    prop_oneof![Just(Kind::Small), Just(Kind::Large)]
}

fn pair() -> impl Strategy<Value = Pair> {
    ("[a-b]{0,2}", 0..2i64).prop_map(|(text, number)| Pair(text, number))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Opened),
        (-1..2i64).prop_map(Event::Paid),
        prop::option::of("[a-b]{0,1}").prop_map(Event::Noted),
        ("[a-b]{0,1}", prop::option::of(0..2u64))
            .prop_map(|(from, to)| Event::Moved { from, to: to.map(Id) }),
        (0..2i32, kind()).prop_map(|(number, kind)| Event::Split(number, kind)),
    ]
}

fn compound() -> impl Strategy<Value = Compound> {
    (0..2u64, kind(), pair(), prop::collection::vec(0..2u8, 0..2))
        .prop_map(|(id, kind, pair, bytes)| Compound { customer: Id(id), kind, pair, bytes: Bytes(bytes) })
}

proptest! {
    #[test]
    fn derived_keys_agree_with_the_format(
        kinds in prop::collection::vec(kind(), 1..4),
        pairs in prop::collection::vec(pair(), 1..12),
        events in prop::collection::vec(event(), 1..12),
        compounds in prop::collection::vec(compound(), 1..12),
    ) {
        agrees(&kinds);
        agrees(&pairs);
        agrees(&events);
        agrees(&compounds);
        agrees(&[Marker]);
    }
}

/// What became of [`Order`] in the next version of the job.
#[derive(Debug, Clone, PartialEq, State)]
struct NextOrder {
    #[state(alias = "total")]
    euros: f64,
    #[state(default = vec!["none".to_owned()])]
    notes: Vec<String>,
    lines: Vec<NextLine>,
    #[state(default)]
    paid: bool,
    #[state(alias = "type")]
    kind: Option<NextKind>,
}

#[derive(Debug, Clone, PartialEq, State)]
struct NextLine {
    #[state(alias = "count")]
    number: i64,
    reference: Option<Uuid>,
}

#[derive(Debug, Clone, PartialEq, State)]
enum NextKind {
    Small,
    Medium,
    #[state(alias = "very large")]
    Large,
}

#[test]
fn old_values_are_read_by_the_next_version() {
    let (old, new) = (table::<Order>(), table::<NextOrder>());
    let mut aliases = Aliases::default();
    NextOrder::aliases("value", &mut aliases);
    let verdict = spt_format::evolution::compare(&old, &new, &aliases);
    assert!(verdict.is_compatible(), "{verdict:?}");

    let adopted = adopt(&old, &new, &aliases);
    let value = |schema: &StateSchema| -> Field { schema.value.clone().unwrap() };
    let batch = super::batch(&old, &[order(2)]);
    let bound = Binding::new(&[value(&old)], &[value(&adopted)]).unwrap().bind(&batch).unwrap();
    let line = NextLine { number: -1, reference: None };
    let expected = NextOrder {
        euros: 1.5,
        notes: vec!["none".to_owned()],
        lines: vec![line.clone(), line],
        paid: false,
        kind: Some(NextKind::Large),
    };
    assert_eq!(read::<NextOrder>(bound.column(0)), [expected]);
}
