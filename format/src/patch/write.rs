//! Writes a patch: the catalogue of the right, and where its rows differ from the basis in the left.

use arrow_array::RecordBatch;
use serde::Serialize;

use super::PATCH_SCHEMA;
use super::basis::Basis;
use super::document::{Catalogue, End, EndLine, Head, Input, OperatorLine, StateLine, StateName, misfit};
use super::fingerprint::fingerprint;
use super::proof::prove;
use super::rows::RowFormat;
use crate::diff::{
    Comparison, OperatorPair, Pairing, Part, Pick, RowChange, RowChanges, RowCounts, Work, cut, join,
    pair_operators, pair_states, plan, schema_changes,
};
use crate::error::{Error, Result, ResultExt};
use crate::model::{
    Column, Completeness, Operator, SavepointSource, Scan, State, StateRef, StateSchema, columns_of,
};

/// What a patch holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatchSummary {
    /// Rows added, removed and changed. Elements of lists at other places count, and so does a last access.
    pub rows: RowCounts,
    /// Operators or states come, go or change, apart from their rows.
    pub structure: bool,
    /// Rows whose values nobody here can decode: told by their bytes.
    pub rows_opaque: u64,
}

impl PatchSummary {
    /// There is nothing to do.
    pub fn is_empty(&self) -> bool {
        !self.structure && !self.rows.any()
    }
}

/// Tells the lines of the patch that leads from `left` to `right`, some at a time.
///
/// # Errors
/// If a row of either side cannot be read: there is no patch of a part. Those of `tell`.
pub fn write_patch(
    left: &dyn SavepointSource,
    right: &dyn SavepointSource,
    tell: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<PatchSummary> {
    let mut writer = Writer { left, right, tell, summary: PatchSummary::default() };
    let pairs = pair_operators(left.savepoint(), right.savepoint());
    writer.head()?;
    writer.summary.structure |= left.savepoint().pending != right.savepoint().pending
        || pairs.iter().any(|pair| pair.pairing != Pairing::Same);
    for (place, operator) in right.savepoint().operators.iter().enumerate() {
        let pair = pairs.iter().find(|pair| pair.right == Some(place));
        writer.operator(place, operator, pair).within(|| format!("operator {}", operator.label()))?;
    }
    let counts = writer.summary.rows;
    writer.line(&EndLine { end: End { rows: counts.added + counts.removed + counts.changed } })?;
    Ok(writer.summary)
}

struct Writer<'a> {
    left: &'a dyn SavepointSource,
    right: &'a dyn SavepointSource,
    tell: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    summary: PatchSummary,
}

impl Writer<'_> {
    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line).map_err(|error| misfit("a line", error))?;
        text.push(b'\n');
        (self.tell)(&text)
    }

    fn head(&mut self) -> Result<()> {
        let before = Input { id: self.left.savepoint().id.clone(), digest: fingerprint(self.left)? };
        let after = Catalogue::of(self.right.savepoint())?;
        self.line(&Head { schema: PATCH_SCHEMA.to_owned(), before, after })
    }

    fn operator(&mut self, place: usize, operator: &Operator, pair: Option<&OperatorPair>) -> Result<()> {
        let former_place = pair.and_then(|pair| pair.left);
        let former =
            former_place.and_then(|place| Some((place, self.left.savepoint().operators.get(place)?)));
        self.line(&OperatorLine::of(operator, former.map(|(_, former)| former.id))?)?;
        let regrouped = former.is_some_and(|(_, former)| former.max_parallelism != operator.max_parallelism);
        self.summary.structure |= regrouped && !operator.states.is_empty();
        let pairs = former.map(|(_, former)| pair_states(former, operator)).unwrap_or_default();
        self.summary.structure |= pairs.iter().any(|pair| pair.left.is_none() || pair.right.is_none());
        for (index, state) in operator.states.iter().enumerate() {
            let twin = pairs.iter().find(|pair| pair.right == Some(index)).and_then(|pair| pair.left);
            let former = former.zip(twin).and_then(|((place, former), twin)| {
                let at = StateRef { operator: place, state: twin };
                Some((at, former, former.states.get(twin)?))
            });
            let at = StateRef { operator: place, state: index };
            self.state(at, operator, state, former)
                .within(|| format!("{} state {:?}", state.kind, state.name))?;
        }
        Ok(())
    }

    fn state(
        &mut self,
        place: StateRef,
        operator: &Operator,
        state: &State,
        former: Option<(StateRef, &Operator, &State)>,
    ) -> Result<()> {
        let state = &State { schema: state.schema.clone().number(), ..state.clone() };
        let basis = match former {
            Some((at, before_operator, before)) => {
                self.summary.structure |= !schema_changes(before, state).is_empty();
                Basis::find(at, (before_operator, before), (operator, state))?
            }
            None => None,
        };
        let from = former.filter(|_| basis.is_some()).map(|(_, _, before)| StateName::of(before));
        self.line(&StateLine::of(state, from)?)?;
        let seen = match basis {
            Some(basis) => self.differences(&basis, place, operator, state)?,
            None => self.everything(place, state)?,
        };
        self.summary.rows_opaque += seen.rows_opaque;
        match seen.rows_unread {
            0 => Ok(()),
            unread => Err(Error::invalid(format!("{unread} rows cannot be read, so that there is no patch"))),
        }
    }

    /// Every row, as one that is added.
    fn everything(&mut self, place: StateRef, state: &State) -> Result<Completeness> {
        let format = RowFormat::of(state)?;
        let mut rows = self.right.scan(place, &Scan { sorted: true, ahead: true, ..Scan::default() })?;
        for batch in rows.by_ref() {
            let batch = batch?;
            let added: Vec<RowChange> = (0..batch.num_rows()).map(RowChange::Added).collect();
            self.summary.rows.added += added.len() as u64;
            let text = lines(&format, &RowChanges { left: None, right: Some(&batch), rows: &added })?;
            (self.tell)(&text)?;
        }
        Ok(rows.completeness())
    }

    /// The rows that are not those of the basis.
    fn differences(
        &mut self,
        basis: &Basis,
        place: StateRef,
        operator: &Operator,
        state: &State,
    ) -> Result<Completeness> {
        let format = RowFormat::of(state)?;
        let (left, right) = (self.left, self.right);
        let (left_segments, right_segments) = (left.segments(basis.place())?, right.segments(place)?);
        let whole = (0..left_segments.len(), 0..right_segments.len());
        let work = if basis.is_identity() {
            plan(&left_segments, &right_segments)
        } else {
            Work { rows_same: 0, runs: vec![whole.clone()] }
        };
        let parts = if basis.keeps_order() {
            let groups = state.kind.is_keyed().then_some(operator.max_parallelism);
            cut(work.runs, &left_segments, &right_segments, groups)
        } else {
            vec![Part { left: whole.0, right: whole.1, key_groups: None }]
        };
        let open = |part: &Part| {
            let before = if basis.keeps_order() {
                basis.rows(left, &part.scan(&part.left))?
            } else {
                basis.all_rows(left)?
            };
            Ok([before, right.scan(place, &part.scan(&part.right))?])
        };
        let tell = &mut *self.tell;
        let found = join(&parts, &open, &comparison(&state.schema, state, &format), &mut |changes| {
            tell(&lines(&format, changes)?)
        })?;
        let counts = found.counts;
        self.summary.rows.added += counts.added;
        self.summary.rows.removed += counts.removed;
        self.summary.rows.changed += counts.changed;
        self.summary.rows.same += counts.same + work.rows_same;
        Ok(found.completeness)
    }
}

fn lines(format: &RowFormat, changes: &RowChanges<'_>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    format.write(changes, &mut text)?;
    prove(format, changes, &text)?;
    Ok(text)
}

/// Rows are one if what sorts them is equal, and equal if the rest is too.
fn comparison(schema: &StateSchema, state: &State, format: &RowFormat) -> Comparison<'static> {
    let pick = |columns: &[Column]| -> Pick<'static> {
        let columns = columns.to_vec();
        Box::new(move |batch: &RecordBatch| columns_of(batch, &columns))
    };
    let (identity, rest) = (schema.sort_columns(state.kind), format.rest());
    Comparison {
        identity: [pick(&identity), pick(&identity)],
        value: [pick(&rest), pick(&rest)],
        touched: [pick(&[]), pick(&[])],
    }
}
