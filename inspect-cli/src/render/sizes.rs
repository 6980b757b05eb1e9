//! `spt inspect --sizes` for people: a line and a small chart for every keyed state, then what each subtask gets.
//!
//! ```text
//! OPERATOR  STATE   ROWS     SIZE  KEY GROUPS  SKEW  BY KEY GROUP
//! sum-001   counts    72  2.84 kB      48/128   1.4  ▃▅▂▇▁▃…
//! ```

use super::table::{Lean, Table};
use super::text::{bytes, clean, count};
use crate::report::sizes::{SizesReport, Spread};
use crate::ui::Ui;

/// Bars of a chart at most.
const BARS: usize = 32;

/// The states, and with `subtasks` what each subtask gets of them.
pub(crate) fn sizes(report: &SizesReport, subtasks: bool, ui: &Ui) -> String {
    let names = ["OPERATOR", "STATE"].map(|name| (name, Lean::Left));
    let numbers = ["ROWS", "SIZE", "KEY GROUPS", "SKEW"].map(|name| (name, Lean::Right));
    let columns = names.into_iter().chain(numbers).chain([("BY KEY GROUP", Lean::Left)]);
    let mut table = Table::new(columns, ui);
    for spread in &report.states {
        table.row([
            clean(&spread.uid),
            clean(&spread.state),
            count(spread.rows),
            spread.bytes.map_or("?".to_owned(), bytes),
            format!("{}/{}", spread.key_groups_used, spread.max_parallelism),
            format!("{:.2}", spread.skew),
            chart(&spread.key_group_rows),
        ]);
    }
    let mut text = table.text();
    if subtasks {
        for spread in &report.states {
            text += &shares(spread, ui);
        }
    }
    text
}

fn shares(spread: &Spread, ui: &Ui) -> String {
    let columns = [("SUBTASK", Lean::Right), ("ROWS", Lean::Right), ("SIZE", Lean::Right)];
    let mut table = Table::new(columns, ui);
    for share in &spread.subtasks {
        let size = share.bytes.map_or("?".to_owned(), bytes);
        table.row([share.subtask.to_string(), count(share.rows), size]);
    }
    format!("\n{}, {}\n{}", clean(&spread.uid), clean(&spread.state), table.text())
}

/// Neighbouring key groups share a bar; the fullest bar is the highest.
fn chart(rows: &[u64]) -> String {
    const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = rows.len().div_ceil(BARS).max(1);
    let bars: Vec<u64> = rows.chunks(width).map(|groups| groups.iter().sum()).collect();
    let highest = bars.iter().copied().max().unwrap_or(0).max(1);
    let height = |bar: &u64| (bar * 8).div_ceil(highest) as usize;
    bars.iter().map(|bar| HEIGHTS.get(height(bar)).copied().unwrap_or('█')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_bar_is_the_highest_and_no_row_is_invisible() {
        assert_eq!(chart(&[0, 1, 100, 50]), " ▁█▄");
        assert_eq!(chart(&[1; 128]).chars().count(), 32);
        assert_eq!(chart(&[]), "");
    }
}
