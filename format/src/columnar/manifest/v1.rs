//! The manifest of format version 1, private to it: `SPEC.md`, "Manifest".

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wire::wire;
use super::{Manifest, Part, Table, VERSION, schema, seal};
use crate::columnar::checksum::Digest;
use crate::columnar::layout::DataPath;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::limits::ReadLimits;
use crate::location::Location;
use crate::model::{
    Engine, Extensions, Job, JobGraph, KeyGroupRange, KeyHash, Layout, Lineage, MAX_PARALLELISM_LIMIT,
    Operator, OperatorId, PendingOutput, Savepoint, SavepointKind, State, StateKind, StateRef, StateSchema,
    Ttl, Uid, UidOrigin,
};

/// Features a reader must know to read a savepoint safely, that this one knows.
const KNOWN_FEATURES: [&str; 0] = [];

wire! {
    struct ManifestWire {
        required format: String,
        required version: u32,
        default requires: Vec<String>,
        required id: String,
        required kind: SavepointKind,
        default created_at_ms: Option<i64>,
        default drained: bool,
        default job: Job,
        default lineage: Vec<Lineage>,
        default graph: Option<JobGraph>,
        required schemas: HashMap<Digest, Box<RawValue>>,
        required operators: Vec<OperatorWire>,
        default pending: Vec<PendingOutput>,
        required sha256: Digest,
    }
}

wire! {
    struct OperatorWire {
        required id: OperatorId,
        default uid: Option<Uid>,
        required uid_origin: UidOrigin,
        default name: Option<String>,
        required parallelism: u32,
        required max_parallelism: u32,
        default finished: bool,
        default channel_bytes: u64,
        required states: Vec<StateWire>,
    }
}

wire! {
    struct StateWire {
        required name: String,
        required kind: StateKind,
        required schema: Digest,
        default key_hash: Option<KeyHash>,
        default ttl: Option<Ttl>,
        required rows: u64,
        default block_bits: u32,
        required parts: Vec<PartWire>,
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartWire {
    path: DataPath,
    bytes: u64,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    key_groups: Option<KeyGroupRange>,
    sha256: Digest,
    tail: TailWire,
    row_groups: [u32; 2],
    layer: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct TailWire {
    offset: u64,
    sha256: Digest,
}

/// Reads the text of a manifest whose digest was compared.
pub(super) fn read(text: &str, limits: &ReadLimits) -> Result<Manifest> {
    let wire: ManifestWire = serde_json::from_str(text).map_err(|error| {
        refuse_features(text).unwrap_or_else(|| Error::invalid("manifest is invalid").caused_by(error))
    })?;
    check_features(&wire.requires)?;
    ReadLimits::check("number of operators", wire.operators.len() as u64, limits.operators)?;
    let schemas = wire.schemas.iter().map(|(digest, text)| {
        Digest::of(text.get().as_bytes())
            .expect(*digest)
            .and_then(|()| schema::parse(text.get(), limits))
            .map(|schema| (*digest, schema))
            .within(|| format!("schema {digest}"))
    });
    let schemas: HashMap<Digest, StateSchema> = schemas.collect::<Result<_>>()?;
    let mut savepoint = Savepoint {
        engine: Engine::Spt,
        format_version: wire.version,
        layout: Layout::Columnar,
        job: wire.job,
        created_at_ms: wire.created_at_ms,
        drained: wire.drained,
        lineage: wire.lineage,
        graph: wire.graph,
        pending: wire.pending,
        extensions: wire.extensions,
        ..Savepoint::new(wire.kind, wire.id)
    };
    let mut tables = BTreeMap::new();
    for (index, operator) in wire.operators.into_iter().enumerate() {
        let label = operator.uid.as_ref().map_or_else(|| operator.id.to_string(), Uid::to_string);
        let operator = operator.into_model(index, &schemas, &mut tables, limits);
        savepoint.operators.push(operator.within(|| format!("operator {label}"))?);
    }
    refuse_duplicates(&savepoint)?;
    let parts = || tables.values().flat_map(|table: &Table| &table.parts);
    savepoint.files = parts().count() as u64;
    savepoint.bytes = total("bytes", parts().map(|part| part.bytes))?;
    total("rows", parts().map(|part| part.rows))?;
    total("channel bytes", savepoint.operators.iter().map(|operator| operator.channel_bytes))?;
    Ok(Manifest { savepoint, tables })
}

impl OperatorWire {
    fn into_model(
        self,
        index: usize,
        schemas: &HashMap<Digest, StateSchema>,
        tables: &mut BTreeMap<StateRef, Table>,
        limits: &ReadLimits,
    ) -> Result<Operator> {
        ReadLimits::check("number of states", self.states.len() as u64, limits.states)?;
        if !(1..=MAX_PARALLELISM_LIMIT).contains(&self.max_parallelism) {
            return Err(Error::invalid(format!("max parallelism is {}", self.max_parallelism)));
        }
        let mut states = Vec::with_capacity(self.states.len());
        for (place, state) in self.states.into_iter().enumerate() {
            let label = format!("state {:?}", state.name);
            let (state, table) = state.into_model(schemas, self.max_parallelism).within(|| label)?;
            tables.insert(StateRef { operator: index, state: place }, table);
            states.push(state);
        }
        Ok(Operator {
            uid: self.uid,
            uid_origin: self.uid_origin,
            id: self.id,
            name: self.name,
            parallelism: self.parallelism,
            max_parallelism: self.max_parallelism,
            finished: self.finished,
            channel_bytes: self.channel_bytes,
            states,
            extensions: self.extensions,
        })
    }
}

impl StateWire {
    fn into_model(
        self,
        schemas: &HashMap<Digest, StateSchema>,
        max_parallelism: u32,
    ) -> Result<(State, Table)> {
        let schema = schemas
            .get(&self.schema)
            .ok_or_else(|| Error::invalid(format!("schema {} is not in the table", self.schema)))?;
        schema.columns(self.kind)?;
        if self.block_bits > MAX_PARALLELISM_LIMIT.ilog2() {
            return Err(Error::invalid(format!("block_bits is {}", self.block_bits)));
        }
        let parts = self.parts.into_iter().enumerate().map(|(index, part)| {
            part.into_model(self.kind, max_parallelism).within(|| format!("part {index}"))
        });
        let parts = parts.collect::<Result<Vec<Part>>>()?;
        let rows = parts.iter().map(|part| part.rows).fold(0, u64::saturating_add);
        if rows != self.rows {
            return Err(mismatch("rows of the parts", rows, self.rows));
        }
        let state = State {
            key_hash: self.key_hash,
            ttl: self.ttl,
            rows: Some(self.rows),
            bytes: Some(parts.iter().map(|part| part.bytes).fold(0, u64::saturating_add)),
            extensions: self.extensions,
            ..State::new(self.name, self.kind, schema.clone())
        };
        Ok((state, Table { block_bits: self.block_bits, schema: self.schema, parts }))
    }
}

impl PartWire {
    fn into_model(self, kind: StateKind, max_parallelism: u32) -> Result<Part> {
        let [first, end] = self.row_groups;
        if self.layer != 0 || first != 0 {
            return Err(Error::invalid(format!(
                "layer {}, row groups from {first}: version 1 has neither",
                self.layer
            )));
        }
        if self.tail.offset > self.bytes {
            return Err(mismatch("tail offset", self.tail.offset, self.bytes));
        }
        match self.key_groups {
            Some(range) if u32::from(range.last()) >= max_parallelism => {
                return Err(mismatch("last key group", range.last().into(), (max_parallelism - 1).into()));
            }
            found if found.is_some() != kind.is_keyed() => {
                return Err(Error::invalid(format!("key groups of a {kind} state")));
            }
            _ => {}
        }
        Ok(Part {
            path: self.path,
            bytes: self.bytes,
            rows: self.rows,
            row_groups: end,
            key_groups: self.key_groups,
            sha256: self.sha256,
            tail_offset: self.tail.offset,
            tail_sha256: self.tail.sha256,
        })
    }

    fn of(part: &Part) -> Self {
        Self {
            path: part.path.clone(),
            bytes: part.bytes,
            rows: part.rows,
            key_groups: part.key_groups,
            sha256: part.sha256,
            tail: TailWire { offset: part.tail_offset, sha256: part.tail_sha256 },
            row_groups: [0, part.row_groups],
            layer: 0,
        }
    }
}

fn mismatch(what: &str, found: u64, expected: u64) -> Error {
    let (what, found, expected) = (what.to_owned(), found.to_string(), expected.to_string());
    Error::new(ErrorKind::Mismatch { what, found, expected }, Location::default())
}

/// The sum, which no savepoint there can be exceeds: whoever adds some of these numbers need not look again.
fn total(what: &str, mut numbers: impl Iterator<Item = u64>) -> Result<u64> {
    let sum = numbers.try_fold(0, |sum: u64, number| sum.checked_add(number));
    sum.filter(|sum| i64::try_from(*sum).is_ok())
        .ok_or_else(|| Error::invalid(format!("{what} of all states are too many")))
}

/// An operator comes once, and so does a state of one name and kind.
fn refuse_duplicates(savepoint: &Savepoint) -> Result<()> {
    let mut operators = std::collections::HashSet::new();
    for operator in &savepoint.operators {
        if !operators.insert(operator.id) {
            return Err(Error::invalid(format!("operator {} comes twice", operator.id)));
        }
        let mut states = std::collections::HashSet::new();
        for state in &operator.states {
            if !states.insert((state.kind, &state.name)) {
                let what = format!("{} state {:?} comes twice", state.kind, state.name);
                return Err(Error::invalid(what).within(format!("operator {}", operator.label())));
            }
        }
    }
    Ok(())
}

fn check_features(requires: &[String]) -> Result<()> {
    match requires.iter().find(|feature| !KNOWN_FEATURES.contains(&feature.as_str())) {
        None => Ok(()),
        Some(feature) => {
            let kind = ErrorKind::UnsupportedFeature { feature: feature.clone() };
            Err(Error::new(kind, Location::default()))
        }
    }
}

/// A manifest that does not parse may be one that needs more than this reader knows: then that is the reason.
fn refuse_features(text: &str) -> Option<Error> {
    #[derive(Deserialize)]
    struct Probe {
        requires: Vec<String>,
    }
    let probe: Probe = serde_json::from_str(text).ok()?;
    check_features(&probe.requires).err()
}

/// The manifest's text up to its digest: one operator and one schema a line, the rest a line each.
pub(super) fn write(manifest: &Manifest) -> Result<String> {
    let savepoint = &manifest.savepoint;
    let mut text = seal::head(VERSION);
    let requires: &[&str] = &KNOWN_FEATURES;
    member(&mut text, ",", "requires", &requires)?;
    member(&mut text, ",", "id", &savepoint.id)?;
    member(&mut text, ",", "kind", &savepoint.kind)?;
    if let Some(at) = savepoint.created_at_ms {
        member(&mut text, ",", "created_at_ms", &at)?;
    }
    member(&mut text, ",", "drained", &savepoint.drained)?;
    member(&mut text, ",", "job", &savepoint.job)?;
    if !savepoint.lineage.is_empty() {
        member(&mut text, "\n,", "lineage", &savepoint.lineage)?;
    }
    if let Some(graph) = &savepoint.graph {
        member(&mut text, "\n,", "graph", graph)?;
    }
    text.push_str("\n,\"schemas\":{");
    write_schemas(savepoint, &mut text)?;
    text.push_str("}\n,\"operators\":[");
    for (index, operator) in savepoint.operators.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&json(&operator_wire(operator, index, &manifest.tables)?)?);
    }
    text.push(']');
    if !savepoint.pending.is_empty() {
        member(&mut text, "\n,", "pending", &savepoint.pending)?;
    }
    for (name, value) in savepoint.extensions.iter() {
        // Infallible for a String.
        let _ = write!(text, "\n,{}:{value}", json(&name)?);
    }
    text.push('\n');
    Ok(text)
}

fn write_schemas(savepoint: &Savepoint, text: &mut String) -> Result<()> {
    let schemas = savepoint
        .states()
        .map(|(_, _, state)| schema::canonical(&state.schema).map(|(text, digest)| (digest, text)));
    let schemas: BTreeMap<Digest, String> = schemas.collect::<Result<_>>()?;
    for (index, (digest, schema)) in schemas.iter().enumerate() {
        let _ = write!(text, "{}\"{digest}\":{schema}", if index == 0 { "\n" } else { ",\n" });
    }
    Ok(())
}

fn operator_wire(
    operator: &Operator,
    index: usize,
    tables: &BTreeMap<StateRef, Table>,
) -> Result<OperatorWire> {
    let states = operator.states.iter().enumerate().map(|(place, state)| {
        let table = tables
            .get(&StateRef { operator: index, state: place })
            .ok_or_else(|| Error::invalid(format!("state {:?} has no table", state.name)))?;
        Ok(StateWire {
            name: state.name.clone(),
            kind: state.kind,
            schema: table.schema,
            key_hash: state.key_hash,
            ttl: state.ttl,
            rows: table.parts.iter().map(|part| part.rows).sum(),
            block_bits: table.block_bits,
            parts: table.parts.iter().map(PartWire::of).collect(),
            extensions: state.extensions.clone(),
        })
    });
    Ok(OperatorWire {
        id: operator.id,
        uid: operator.uid.clone(),
        uid_origin: operator.uid_origin,
        name: operator.name.clone(),
        parallelism: operator.parallelism,
        max_parallelism: operator.max_parallelism,
        finished: operator.finished,
        channel_bytes: operator.channel_bytes,
        states: states.collect::<Result<_>>()?,
        extensions: operator.extensions.clone(),
    })
}

fn member(text: &mut String, before: &str, name: &str, value: &impl Serialize) -> Result<()> {
    let _ = write!(text, "{before}\"{name}\":{}", json(value)?);
    Ok(())
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::invalid("manifest").caused_by(error))
}
