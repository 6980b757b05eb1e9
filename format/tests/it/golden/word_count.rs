//! Source positions and counts of a word count, with its graph and a lineage.

use serde_json::json;
use spt_format::{
    Edge, Job, JobGraph, Lineage, Node, Operator, OperatorId, Partitioning, PendingOutput, Savepoint,
    SavepointKind, StateKind, Uid,
};

use super::{Table, schema, state};

pub(super) fn build() -> (Savepoint, Vec<Table>) {
    let ids = ["stream-001", "sum-001", "sink-001"].map(OperatorId::of_uid);
    let node = |index: usize, name: &str, uid: &str, chain| Node {
        id: ids[index],
        name: name.to_owned(),
        uid: Some(uid.to_owned()),
        parallelism: 2,
        chain,
    };
    let operator = |uid: &str, name: &str| Operator {
        name: Some(name.to_owned()),
        ..Operator::with_uid(Uid::new(uid).unwrap(), 2, 128)
    };
    let savepoint = Savepoint {
        job: Job {
            id: Some("00112233445566778899aabbccddeeff".to_owned()),
            name: Some("wordcount".to_owned()),
        },
        created_at_ms: Some(1_789_000_000_123),
        lineage: vec![Lineage {
            operation: "restore".to_owned(),
            source_id: Some("earlier".to_owned()),
            source_path: None,
            at_ms: 1_788_000_000_000,
            receipt: None,
        }],
        graph: Some(JobGraph {
            nodes: vec![
                node(0, "lines", "stream-001", 0),
                node(1, "sum", "sum-001", 1),
                node(2, "files", "sink-001", 1),
            ],
            edges: vec![
                Edge { from: ids[0], to: ids[1], partitioning: Partitioning::Hash },
                Edge { from: ids[1], to: ids[2], partitioning: Partitioning::Forward },
            ],
        }),
        operators: vec![
            operator("stream-001", "lines"),
            operator("sum-001", "sum"),
            operator("sink-001", "files"),
        ],
        pending: vec![PendingOutput { operator: ids[2], output: json!([{"file": "part-0-1", "bytes": 12}]) }],
        ..Savepoint::new(SavepointKind::Savepoint, "golden-word-count")
    };
    let splits = schema([None, None, None, Some("struct<path: utf8, offset: int64>")], false);
    let sums = schema([Some("utf8"), None, None, Some("int64")], false);
    let tables = vec![
        Table {
            uid: "stream-001",
            state: state("splits", StateKind::OperatorList, splits),
            rows: concat!(
                r#"{"subtask":0,"index":0,"value":{"path":"a.txt","offset":120}}"#,
                "\n",
                r#"{"subtask":1,"index":0,"value":{"path":"b.txt","offset":0}}"#
            ),
            lines: include_str!("word_count.splits.lines"),
        },
        Table {
            uid: "sum-001",
            state: state("sum", StateKind::Reducing, sums),
            rows: concat!(
                r#"{"key":"to","value":2}"#,
                "\n",
                r#"{"key":"be","value":2}"#,
                "\n",
                r#"{"key":"or","value":1}"#,
                "\n",
                r#"{"key":"not","value":-9223372036854775808}"#,
                "\n",
                r#"{"key":"","value":0}"#,
                "\n",
                r#"{"key":"😀","value":9223372036854775807}"#
            ),
            lines: include_str!("word_count.sum.lines"),
        },
    ];
    (savepoint, tables)
}
