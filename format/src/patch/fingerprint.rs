//! What tells whether a savepoint is the one a patch was made for, without reading its rows.

use serde_json::json;

use crate::columnar::{Digest, canonical_schema};
use crate::error::Result;
use crate::model::SavepointSource;

/// SHA-256 over the savepoint's id, its operators and states, and the digests of their segments where the
/// format has some. Flink's has none: there, only comparing rows tells.
pub(super) fn fingerprint(source: &dyn SavepointSource) -> Result<Digest> {
    let savepoint = source.savepoint();
    let mut lines = vec![json!(savepoint.id)];
    for operator in &savepoint.operators {
        lines.push(json!([operator.id, operator.max_parallelism]));
    }
    for (place, operator, state) in savepoint.states() {
        let schema = canonical_schema(&state.schema)?.1;
        lines.push(json!([operator.id, state.kind, state.name, schema]));
        for segment in source.segments(place)? {
            lines.push(json!([segment.rows, segment.digest.map(Digest)]));
        }
    }
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    Ok(Digest::of(text.join("\n").as_bytes()))
}
