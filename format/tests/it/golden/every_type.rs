//! Every type and every kind of state that version 1 stores, a few rows each.

use spt_format::{Operator, Savepoint, SavepointKind, State, StateKind, Ttl, Uid};

use super::{Table, schema, state};

const VALUE: &str = "struct<boolean: boolean?, int8: int8, int16: int16, int32: int32, int64: int64, \
    uint8: uint8, uint16: uint16, uint32: uint32, uint64: uint64, float32: float32, float64: float64, \
    utf8: utf8?, binary: binary, fixed: fixed_binary(3), decimal: decimal(10, 2), large: decimal(50, 5), \
    date: date, time: time(ms), time_ns: time(ns), local: timestamp(us), instant: timestamp(ms, UTC), \
    duration: duration(us), list: list<int32?>?, map: map<utf8, int64?>, color: enum<RED, GREEN>, char: char, \
    set: set<int8>, big_integer: big_integer, big_decimal: big_decimal, tuple: tuple<int32, utf8>, \
    row: row:struct<$kind: utf8, a: int32>, either: variant:struct<tag: utf8, left: int32?, right: utf8?>, \
    unit: unit, far: instant, far_local: local_date_time, uuid: uuid, opaque: opaque<com.acme.Blob>>";

pub(super) fn build() -> (Savepoint, Vec<Table>) {
    let operator = |uid: &str| Operator::with_uid(Uid::new(uid).unwrap(), 1, 300);
    let savepoint = Savepoint {
        operators: vec![operator("types a/b 结果"), operator("kinds")],
        ..Savepoint::new(SavepointKind::Checkpoint, "golden-every-type")
    };
    let plain = |parts| schema(parts, false);
    let utf8 = Some("utf8");
    let window = Some("time_window");
    let ttl = State {
        ttl: Some(Ttl { duration_ms: Some(60_000) }),
        ..state(
            "ttl",
            StateKind::Value,
            schema([Some("tuple<utf8, int64>"), None, None, Some("int64?")], true),
        )
    };
    let tables = vec![
        Table {
            uid: "types a/b 结果",
            state: state("all", StateKind::Value, plain([Some("int64"), None, None, Some(VALUE)])),
            rows: include_str!("every_type.ndjson"),
            lines: include_str!("every_type.all.lines"),
        },
        Table {
            uid: "kinds",
            state: state("list", StateKind::List, plain([utf8, window, None, utf8])),
            rows: concat!(
                r#"{"key":"a","namespace":{"start":0,"end":10},"index":0,"value":"x"}"#,
                "\n",
                r#"{"key":"a","namespace":{"start":0,"end":10},"index":1,"value":"y"}"#,
                "\n",
                r#"{"key":"a","namespace":{"start":10,"end":20},"index":0,"value":"z"}"#
            ),
            lines: include_str!("every_type.list.lines"),
        },
        Table {
            uid: "kinds",
            state: state("map", StateKind::Map, plain([Some("enum<A, B>"), None, Some("int32?"), utf8])),
            rows: concat!(
                r#"{"key":"B","map_key":2,"value":"two"}"#,
                "\n",
                r#"{"key":"B","map_key":null,"value":"none"}"#,
                "\n",
                r#"{"key":"A","map_key":-1,"value":"minus"}"#
            ),
            lines: include_str!("every_type.map.lines"),
        },
        Table {
            uid: "kinds",
            state: ttl,
            rows: concat!(
                r#"{"key":{"f0":"k","f1":-1},"value":null,"last_access":"2026-11-22T10:00:00Z"}"#,
                "\n",
                r#"{"key":{"f0":"k","f1":2},"value":7,"last_access":"2026-11-22T10:00:00.5Z"}"#
            ),
            lines: include_str!("every_type.ttl.lines"),
        },
        Table {
            uid: "kinds",
            state: state("union", StateKind::Union, plain([None, None, None, Some("uint64")])),
            rows: concat!(
                r#"{"subtask":0,"index":0,"value":18446744073709551615}"#,
                "\n",
                r#"{"subtask":0,"index":1,"value":0}"#
            ),
            lines: include_str!("every_type.union.lines"),
        },
        Table {
            uid: "kinds",
            state: state("broadcast", StateKind::Broadcast, plain([None, None, utf8, Some("binary")])),
            rows: concat!(
                r#"{"map_key":"b","value":{"$bytes":"AP8="}}"#,
                "\n",
                r#"{"map_key":"a","value":{"$bytes":""}}"#
            ),
            lines: include_str!("every_type.broadcast.lines"),
        },
        Table {
            uid: "kinds",
            state: state("timers", StateKind::Timer, plain([utf8, window, None, None])),
            rows: concat!(
                r#"{"key":"a","namespace":{"start":0,"end":10},"service":"window-timers","domain":"event","timestamp":"1970-01-01T00:00:00.009Z"}"#,
                "\n",
                r#"{"key":"a","namespace":{"start":0,"end":10},"service":"window-timers","domain":"processing","timestamp":"2026-11-22T00:00:00Z"}"#
            ),
            lines: include_str!("every_type.timers.lines"),
        },
    ];
    (savepoint, tables)
}
