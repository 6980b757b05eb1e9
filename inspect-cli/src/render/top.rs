//! `spt inspect --top N` for people: a table for every keyed state.
//!
//! ```text
//! sum-001, sum (value): 72 keys, 72 rows, 576 B of values
//! KEY      KEY GROUP  ROWS  SIZE   SHARE
//! "hello"         35     1   8 B   1.4 %
//! ```

use super::table::{Lean, Table};
use super::text::{bytes, clean, count, counted, share, shorten};
use crate::report::top::{TopReport, TopState};
use crate::ui::{Style, Ui};

/// Characters of a key that are shown.
const KEY_CHARS: usize = 60;

pub(crate) fn top(report: &TopReport, ui: &Ui) -> String {
    let tables: Vec<String> = report.states.iter().map(|state| table(state, ui)).collect();
    tables.join("\n")
}

fn table(state: &TopState, ui: &Ui) -> String {
    let name = format!("{}, {}", clean(&state.label), clean(&state.state));
    let sums = format!(
        "{}, {}, {} of values",
        counted(state.distinct_keys, "key"),
        counted(state.rows, "row"),
        bytes(state.value_bytes)
    );
    let title = format!("{} ({}): {sums}\n", Style::Bold.paint(&name, ui.stdout_colors()), state.kind);
    if state.keys.is_empty() {
        return title;
    }
    let numbers = ["KEY GROUP", "ROWS", "SIZE", "SHARE"].map(|name| (name, Lean::Right));
    let mut table = Table::new([("KEY", Lean::Left)].into_iter().chain(numbers), ui);
    for key in &state.keys {
        table.row([
            shorten(&clean(key.key.get()), KEY_CHARS),
            key.key_group.to_string(),
            count(key.rows),
            bytes(key.value_bytes),
            share(key.value_bytes, state.value_bytes),
        ]);
    }
    title + &table.text()
}
