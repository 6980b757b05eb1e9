//! Takes over the files of a state from another savepoint, without reading a row.

use std::collections::BTreeMap;

use super::layout::DataPath;
use super::manifest::{Part, Table, canonical_schema};
use super::read::ColumnarReader;
use super::write::ColumnarWriter;
use crate::error::{Result, ResultExt};
use crate::model::{Operator, SavepointSource, State, StateRef};
use crate::storage::Sharing;

impl ColumnarWriter {
    /// Links or copies the files of `place` in `source`; `false` if that is no savepoint of this format, or
    /// its rows would lie in other blocks.
    pub(super) fn adopt_state(
        &mut self,
        operator: &Operator,
        state: &State,
        source: &dyn SavepointSource,
        place: StateRef,
    ) -> Result<bool> {
        let Some(reader) = source.as_any().and_then(|any| any.downcast_ref::<ColumnarReader>()) else {
            return Ok(false);
        };
        let (from, original, table) = reader.shared.table(place)?;
        if original.kind != state.kind || from.max_parallelism != operator.max_parallelism {
            return Ok(false);
        }
        let schema = canonical_schema(&state.schema)?.1;
        let key = self.staged.begin(operator, state)?;
        let parts = table.parts.iter().enumerate().map(|(index, part)| {
            let path = DataPath::of_file(operator, state, index);
            self.adopt_file(reader, part, &path).within(|| format!("taking over {}", part.path))?;
            Ok(Part { path, ..part.clone() })
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        self.staged.finish(key, Table { block_bits: table.block_bits, schema, parts });
        Ok(true)
    }

    fn adopt_file(&self, reader: &ColumnarReader, part: &Part, path: &DataPath) -> Result<()> {
        let source = reader.shared.storage.as_ref();
        let independent = self.options.independent;
        let sharing =
            self.staged.storage.copy_or_link(source, part.path.as_str(), path.as_str(), independent)?;
        self.staged.note_sharing(sharing, part.bytes);
        Ok(())
    }

    /// How files were taken over so far, and how many bytes each way: what a receipt says.
    pub fn sharing(&self) -> BTreeMap<Sharing, u64> {
        self.staged.sharing()
    }
}
