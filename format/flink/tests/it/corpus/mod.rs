//! Every snapshot of the corpus, value by value, against what Flink's own state backend read from it.

mod canonical;

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use serde_json::{Map, Value, json};
use spt_flink::FlinkSource;
use spt_format::{
    Field, KeyHash, Operator, OperatorId, SavepointSource, Scan, State, StateKind, StateRef, UidOrigin,
    first_out_of_order, key_group_of,
};

use crate::support::{Case, case, corpus};

/// States that are known not to match, with the reason. `docs/flink-mapping.md` says what to do about them.
const KNOWN: &[(&str, &str, &str)] = &[
    ("1.18.1/kryo-rocksdb-canonical", "opaque-list", KRYO_LIST),
    ("1.20.5/kryo-hashmap-canonical", "opaque-list", KRYO_LIST),
    ("2.1.0/kryo-hashmap-canonical", "opaque-list", KRYO_LIST),
    ("2.1.0/kryo-hashmap-checkpoint", "opaque-list", KRYO_LIST),
    ("2.1.0/kryo-hashmap-native-compressed", "opaque-list", KRYO_LIST),
    ("2.1.0/kryo-rocksdb-native", "opaque-list", KRYO_LIST),
    ("2.1.0/wordcount-changelog-alone", "_op_state", NO_BASE),
    ("2.1.0/wordcount-changelog-alone", "others", NO_BASE),
    ("2.3.0/kryo-hashmap-native", "opaque-list", KRYO_LIST),
];

const NO_BASE: &str = "a changelog whose base was never written does not tell the type of its keys";
const KRYO_LIST: &str = "a list of Kryo objects is one element: nothing says where each ends";

#[test]
fn sorted_rows_are_the_same_rows_in_the_models_order() {
    for case in corpus().into_iter().filter(|case| case.name.starts_with("2.")) {
        let source = FlinkSource::open(&case.path).unwrap();
        for (place, _, state) in source.savepoint().states() {
            let scan = Scan { sorted: true, ..Scan::default() };
            let Ok(rows) = source.scan(place, &scan) else { continue };
            let batches = rows.collect::<spt_format::Result<Vec<_>>>().unwrap();
            let columns = state.schema.sort_columns(state.kind);
            for batch in &batches {
                assert_eq!(
                    first_out_of_order(batch, &columns).unwrap(),
                    None,
                    "{} {}",
                    case.name,
                    state.name
                );
            }
            let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let stored = Rows::read(&source, place).unwrap().rows.len();
            assert_eq!(found, stored, "{} {}", case.name, state.name);
        }
    }
}

#[test]
fn only_rows_with_something_opaque_count_as_opaque() {
    let case = case("1.20.5/kryo-hashmap-canonical");
    let source = FlinkSource::open(&case.path).unwrap();
    let opaque = |name: &str| {
        let (place, ..) = source.savepoint().states().find(|(_, _, state)| state.name == name).unwrap();
        let mut rows = source.scan(place, &Scan::default()).unwrap();
        let read: usize = rows.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
        (read, rows.completeness().rows_opaque)
    };
    assert_eq!(opaque("basket"), (4, 0));
    assert_eq!(opaque("bits"), (4, 4));
    assert_eq!(opaque("opaque"), (4, 4));
}

#[test]
fn every_state_of_the_corpus_is_what_flink_read() {
    let mut differences = Vec::new();
    let mut seen = 0;
    for case in corpus() {
        let source = match FlinkSource::open(&case.path) {
            Ok(source) => source,
            Err(error) => {
                differences.push(format!("{}: {}", case.name, error.full()));
                continue;
            }
        };
        let found = compare(&case, &source, &mut seen);
        let is_known =
            |state: &str| KNOWN.iter().any(|known| (known.0, known.1) == (case.name.as_str(), state));
        for known in KNOWN.iter().filter(|known| known.0 == case.name) {
            if !found.iter().any(|(_, state, _)| state == known.1) {
                differences.push(format!("{}: {} matches, although {}", case.name, known.1, known.2));
            }
        }
        for (operator, state, difference) in found.iter().filter(|(_, state, _)| !is_known(state)) {
            differences.push(format!("{}: {operator} {state}: {difference}", case.name));
        }
    }
    assert!(differences.is_empty(), "{} differ of {seen}:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(seen, 2420, "facts and states were compared");
}

/// Where the snapshot is not what Flink read, and how.
fn compare(case: &Case, source: &FlinkSource, seen: &mut usize) -> Vec<(String, String, String)> {
    let mut differences = Vec::new();
    let operators = case.expected["operators"].as_array().unwrap();
    if source.savepoint().operators.len() != operators.len() {
        differences.push(("operators".into(), String::new(), "their number is another".into()));
    }
    for expected in operators {
        let id = expected["operator_id"].as_str().unwrap().parse::<OperatorId>().unwrap();
        let index = source.savepoint().operators.iter().position(|operator| operator.id == id);
        let Some(index) = index else {
            differences.push((id.to_string(), String::new(), "it is missing".into()));
            continue;
        };
        let operator = &source.savepoint().operators[index];
        let view = View { case: &case.name, run: &case.expected["run"], source, operator, index };
        for (state, result) in view.compare(expected, case.expected["compression"] == true) {
            *seen += 1;
            if let Err(difference) = result {
                differences.push((view.operator.label(), state, difference));
            }
        }
    }
    differences
}

type Comparison = Vec<(String, Result<(), String>)>;

/// One operator of a snapshot.
struct View<'a> {
    case: &'a str,
    /// From when to when the job ran, where nobody knows when it accessed its state.
    run: &'a Value,
    source: &'a FlinkSource,
    operator: &'a Operator,
    index: usize,
}

impl View<'_> {
    fn compare(&self, expected: &Value, compressed: bool) -> Comparison {
        let mut results = vec![("itself".to_owned(), self.facts(expected))];
        let mut wanted = Vec::new();
        for state in each(expected, "states") {
            let (name, kind) = (text(state, "name"), text(state, "kind").parse().unwrap());
            wanted.push((name.to_owned(), kind));
            results.push((name.to_owned(), self.keyed(name, kind, state)));
        }
        for state in each(expected, "operator_states") {
            let kind = match text(state, "mode") {
                "SPLIT_DISTRIBUTE" => StateKind::OperatorList,
                "UNION" => StateKind::Union,
                _ => StateKind::Broadcast,
            };
            let name = text(state, "name");
            wanted.push((name.to_owned(), kind));
            results.push((name.to_owned(), self.per_operator(name, kind, state)));
        }
        if expected.get("timers").is_some() {
            results.push(("timers".to_owned(), self.timers(expected)));
        }
        let splits = ("SourceReaderState".to_owned(), StateKind::OperatorList);
        if each(expected, "subtasks").any(|subtask| subtask.get("source_reader_state").is_some()) {
            results.push((splits.0.clone(), self.splits(expected)));
            wanted.push(splits);
        } else if compressed {
            // The hook that wrote expected.json could not decompress them.
            wanted.push(splits);
        }
        results.push(("others".to_owned(), self.no_others(&wanted)));
        results
    }

    fn facts(&self, expected: &Value) -> Result<(), String> {
        let operator = self.operator;
        let uid = expected["uid"].as_str();
        let origin = match (expected.get("uid_in_metadata"), uid) {
            (None, _) => UidOrigin::Unknown,
            (Some(_), Some(_)) => UidOrigin::Given,
            (Some(_), None) => UidOrigin::Generated,
        };
        let named = expected.get("uid_in_metadata").is_some();
        same(&json!(origin), &json!(operator.uid_origin))?;
        same(&json!(uid.filter(|_| named)), &json!(operator.uid))?;
        same(&json!(expected["name"].as_str().filter(|_| named)), &json!(operator.name))?;
        same(&expected["parallelism"], &json!(operator.parallelism))?;
        same(&expected["max_parallelism"], &json!(operator.max_parallelism))?;
        same(&expected["fully_finished"], &json!(operator.finished))?;
        let channels: u64 = each(expected, "subtasks")
            .flat_map(|subtask| each(subtask, "input_channel").chain(each(subtask, "result_subpartition")))
            .map(|handle| handle["size"].as_u64().unwrap())
            .sum();
        same(&json!(channels), &json!(operator.channel_bytes))?;
        let Some(coordinator) = expected["coordinator_state"].as_str() else { return Ok(()) };
        let (state, rows) = self.state("coordinator", StateKind::Coordinator)?;
        let field = state.schema.value.as_ref().unwrap();
        let (read_as, value) = match uid {
            Some("numbers-001") => ("number sequence enumerator", json!({"splits": []})),
            Some("files-001") => {
                let paths = ["a.txt", "b.txt"].map(|file| format!("file:/flink/input/{}/{file}", self.case));
                ("file enumerator", json!({"splits": [], "processed_paths": paths}))
            }
            // The version of the frame, then that of the payload and its length.
            _ => ("", json!({"version": 1, "enumerator": {"raw": coordinator[24..]}})),
        };
        self.read_as(state, read_as)?;
        same(&json!([value]), &rows.values(field, "value").into())
    }

    /// A connector was recognised, and its way of writing is confirmed; or none was.
    fn read_as(&self, state: &State, what: &str) -> Result<(), String> {
        let found = state.read_as.as_ref().map(|found| (found.what.as_str(), found.verified));
        same(&json!((!what.is_empty()).then_some((what, true))), &json!(found))
    }

    /// A state's description and its rows.
    fn state(&self, name: &str, kind: StateKind) -> Result<(&State, Rows), String> {
        let states = self.operator.states.iter();
        let found = states.enumerate().find(|(_, state)| state.name == name && state.kind == kind);
        let (index, state) = found.ok_or_else(|| "it is missing".to_owned())?;
        let place = StateRef { operator: self.index, state: index };
        Ok((state, Rows::read(self.source, place).map_err(|error| error.full())?))
    }

    fn keyed(&self, name: &str, kind: StateKind, expected: &Value) -> Result<(), String> {
        let (state, rows) = self.state(name, kind)?;
        same(&expected["ttl"], &json!(state.ttl.is_some()))?;
        let schema = &state.schema;
        self.key_groups(state, &rows)?;
        let wanted = each(expected, "entries").map(|entry| keyed_entry(state, entry)).collect();
        let mut found: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (number, row) in rows.rows.iter().enumerate() {
            let mut entry = Map::new();
            for (name, field) in
                [("key", &schema.key), ("namespace", &schema.namespace), ("map_key", &schema.map_key)]
            {
                if let Some(field) = field {
                    entry.insert(name.to_owned(), row.value(field, name));
                }
            }
            // A list has a row per element, everything else a row per entry.
            let place = match kind {
                StateKind::List => json!(entry).to_string(),
                _ => format!("{number:09}"),
            };
            let entry = found.entry(place).or_insert(entry);
            let mut put = |name: &str, value: Value| match kind {
                StateKind::List => {
                    entry.entry(name).or_insert_with(|| json!([])).as_array_mut().unwrap().push(value)
                }
                _ => _ = entry.insert(name.to_owned(), value),
            };
            put("value", row.value(schema.value.as_ref().unwrap(), "value"));
            if state.ttl.is_some() {
                let accessed = row.milliseconds("last_access");
                match self.run.as_array() {
                    Some(run) => assert!((run[0].as_u64()..=run[1].as_u64()).contains(&accessed.as_u64())),
                    None => put("ttl_ts", accessed),
                }
            }
        }
        let found = found.into_values().map(Value::Object).collect();
        same(&canonical::sorted(wanted), &canonical::sorted(found))
    }

    /// Every key is in the key group that its hash chooses, where that can be computed.
    fn key_groups(&self, state: &State, rows: &Rows) -> Result<(), String> {
        let key = state.schema.key.as_ref().unwrap();
        if key.logical.is_none() && key.children().is_empty() {
            assert_eq!(state.key_hash, Some(KeyHash::Java1), "{key}");
        }
        for row in &rows.rows {
            let found = row.column("key_group").as_primitive::<UInt16Type>().value(row.number);
            let keys = row.column("key");
            let hash = state.key_hash.unwrap();
            let group = key_group_of(key, keys, row.number, self.operator.max_parallelism, hash);
            same(&json!(group.map_or(found, |group| group.0)), &json!(found))?;
        }
        Ok(())
    }

    fn per_operator(&self, name: &str, kind: StateKind, expected: &Value) -> Result<(), String> {
        let (state, rows) = self.state(name, kind)?;
        let field = state.schema.value.as_ref().unwrap();
        if kind == StateKind::Broadcast {
            let key = state.schema.map_key.as_ref().unwrap();
            let entry = |entry: &Value| {
                json!([
                    canonical::expected(key, &entry["map_key"]),
                    canonical::expected(field, &entry["value"])
                ])
            };
            let wanted = each(expected, "entries").map(entry).collect();
            let found =
                rows.rows.iter().map(|row| json!([row.value(key, "map_key"), row.value(field, "value")]));
            return same(&canonical::sorted(wanted), &canonical::sorted(found.collect()));
        }
        let wanted = each(expected, "by_subtask")
            .map(|subtask| {
                subtask.as_array().unwrap().iter().map(|value| canonical::expected(field, value)).collect()
            })
            .collect::<Vec<Value>>();
        same(&wanted.into(), &rows.by_subtask(field, self.operator.parallelism))
    }

    fn splits(&self, expected: &Value) -> Result<(), String> {
        let (state, rows) = self.state("SourceReaderState", StateKind::OperatorList)?;
        let split = |split: &Value| match split["split"].get("from") {
            Some(_) => split["split"].clone(),
            // Version and length of the split stand before it.
            None => json!({"version": 1, "split": {"raw": text(split, "bytes")[16..]}}),
        };
        let subtask = |subtask: &Value| each(subtask, "source_reader_state").map(split).collect::<Value>();
        self.read_as(
            state,
            match expected["uid"].as_str() {
                Some("numbers-001") => "number sequence split",
                Some("files-001") => "file split",
                _ => "",
            },
        )?;
        let wanted = each(expected, "subtasks").map(subtask).collect::<Value>();
        same(&wanted, &rows.by_subtask(state.schema.value.as_ref().unwrap(), self.operator.parallelism))
    }

    fn timers(&self, expected: &Value) -> Result<(), String> {
        let mut wanted = Vec::new();
        let mut found = Vec::new();
        for (index, state) in self.operator.states.iter().enumerate() {
            if state.kind != StateKind::Timer {
                continue;
            }
            let schema = &state.schema;
            let queue =
                |timer: &Value| format!("_timer_state/{}_{}", text(timer, "domain"), text(timer, "service"));
            let timers = each(expected, "timers").filter(|timer| queue(timer) == state.name);
            wanted.extend(
                timers.map(|timer| timer_entry(schema.key.as_ref(), schema.namespace.as_ref(), timer)),
            );
            let place = StateRef { operator: self.index, state: index };
            let rows = Rows::read(self.source, place).map_err(|error| error.full())?;
            found.extend(rows.rows.iter().map(|row| {
                let value = |field: &Option<Field>, name: &str| {
                    field.as_ref().map_or(Value::Null, |field| row.value(field, name))
                };
                json!({"service": row.text("service"), "domain": row.text("domain"), "key": value(&schema.key, "key"),
                       "namespace": value(&schema.namespace, "namespace"), "timestamp": row.milliseconds("timestamp")})
            }));
        }
        same(&json!(each(expected, "timers").count()), &json!(wanted.len()))?;
        same(&canonical::sorted(wanted), &canonical::sorted(found))
    }

    /// The operator has no state but these, its timers and its coordinator's.
    fn no_others(&self, wanted: &[(String, StateKind)]) -> Result<(), String> {
        let others = self.operator.states.iter().filter(|state| {
            !matches!(state.kind, StateKind::Timer | StateKind::Coordinator)
                && !wanted.contains(&(state.name.clone(), state.kind))
        });
        let others: Vec<_> = others.map(|state| format!("{} {}", state.kind, state.name)).collect();
        if others.is_empty() { Ok(()) } else { Err(format!("unexpected: {}", others.join(", "))) }
    }
}

fn timer_entry(key: Option<&Field>, namespace: Option<&Field>, timer: &Value) -> Value {
    let value = |field: Option<&Field>, name: &str| {
        field.map_or(Value::Null, |field| canonical::expected(field, &timer[name]))
    };
    json!({"service": timer["service"], "domain": timer["domain"], "key": value(key, "key"),
           "namespace": value(namespace, "namespace"), "timestamp": timer["timestamp"]})
}

/// An entry of a keyed state as `expected.json` has it.
fn keyed_entry(state: &State, entry: &Value) -> Value {
    let schema = &state.schema;
    let mut canonical = Map::new();
    for (name, field) in
        [("key", &schema.key), ("namespace", &schema.namespace), ("map_key", &schema.map_key)]
    {
        if let Some(field) = field {
            canonical.insert(name.to_owned(), canonical::expected(field, &entry[name]));
        }
    }
    let field = schema.value.as_ref().unwrap();
    let value = match state.kind {
        StateKind::List => each(entry, "value").map(|value| canonical::expected(field, value)).collect(),
        _ => canonical::expected(field, &entry["value"]),
    };
    canonical.insert("value".to_owned(), value);
    if let Some(accessed) = entry.get("ttl_ts").filter(|_| state.ttl.is_some()) {
        canonical.insert("ttl_ts".to_owned(), accessed.clone());
    }
    canonical.into()
}

/// All rows of a state.
struct Rows {
    rows: Vec<Row>,
}

/// One row, in its batch.
struct Row {
    batch: RecordBatch,
    number: usize,
}

impl Rows {
    fn read(source: &FlinkSource, place: StateRef) -> spt_format::Result<Self> {
        let mut rows = Vec::new();
        for batch in source.scan(place, &Scan::default())? {
            let batch = batch?;
            rows.extend((0..batch.num_rows()).map(|number| Row { batch: batch.clone(), number }));
        }
        Ok(Self { rows })
    }

    fn values(&self, field: &Field, name: &str) -> Vec<Value> {
        self.rows.iter().map(|row| row.value(field, name)).collect()
    }

    /// The elements of each subtask, in order.
    fn by_subtask(&self, field: &Field, parallelism: u32) -> Value {
        let mut subtasks = vec![Vec::new(); parallelism as usize];
        for row in &self.rows {
            let subtask =
                &mut subtasks[row.column("subtask").as_primitive::<UInt32Type>().value(row.number) as usize];
            let index = row.column("index").as_primitive::<UInt64Type>().value(row.number);
            assert_eq!(index, subtask.len() as u64, "elements come in order");
            subtask.push(row.value(field, "value"));
        }
        json!(subtasks)
    }
}

impl Row {
    fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).unwrap_or_else(|| panic!("there is no column {name}"))
    }

    fn value(&self, field: &Field, name: &str) -> Value {
        canonical::found(field, self.column(name), self.number)
    }

    fn text(&self, name: &str) -> &str {
        self.column(name).as_string::<i32>().value(self.number)
    }

    fn milliseconds(&self, name: &str) -> Value {
        let column = self.column(name);
        match column.is_null(self.number) {
            true => Value::Null,
            false => json!(column.as_primitive::<TimestampMillisecondType>().value(self.number)),
        }
    }
}

fn each<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    object.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap()
}

/// Both are equal; otherwise, where they first differ.
fn same(expected: &Value, found: &Value) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    if let (Value::Array(expected), Value::Array(found)) = (expected, found) {
        let pairs = expected.iter().zip(found).position(|(expected, found)| expected != found);
        let place = pairs.unwrap_or(expected.len().min(found.len()));
        let short = |list: &[Value]| list.get(place).map_or_else(|| "nothing".to_owned(), cut);
        return Err(format!(
            "{} and {} entries, at {place}: expected {}, found {}",
            expected.len(),
            found.len(),
            short(expected),
            short(found)
        ));
    }
    Err(format!("expected {}, found {}", cut(expected), cut(found)))
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(160).collect()
}
