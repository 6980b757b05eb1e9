//! Tables without lines: a bold header, columns two spaces apart, numbers to the right. Where a terminal is so
//! narrow that words would break, every row becomes a paragraph:
//!
//! ```text
//! OPERATOR  sum-001
//! STATE     sum
//! ROWS      72
//! ```

use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, presets};

use crate::ui::{Style, Ui};

/// Which side a column's text leans to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lean {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table as it will be shown.
pub(crate) struct Table {
    header: Vec<(String, Lean)>,
    rows: Vec<Vec<String>>,
    width: Option<u16>,
    colors: bool,
}

/// Terminals narrower than this get paragraphs rather than broken words.
const NARROW: u16 = 60;

impl Table {
    /// An empty table with these columns, as wide as the terminal allows.
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Lean)>, ui: &Ui) -> Self {
        let header = columns.into_iter().map(|(name, lean)| (name.to_owned(), lean)).collect();
        Self { header, rows: Vec::new(), width: ui.width(), colors: ui.stdout_colors() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().take(self.header.len()).collect());
    }

    /// The text, without spaces at line ends, with a line break at the end.
    pub(crate) fn text(&self) -> String {
        match self.width.filter(|width| *width < NARROW) {
            Some(width) if self.narrowest() > usize::from(width) => self.paragraphs(),
            _ => self.columns(),
        }
    }

    fn columns(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        if self.colors {
            table.enforce_styling();
        }
        match self.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        let names = self.header.iter();
        table.set_header(names.map(|(name, lean)| cell(name, *lean).add_attribute(Attribute::Bold)));
        for (column, (place, (_, lean))) in table.column_iter_mut().zip(self.header.iter().enumerate()) {
            column.set_padding((u16::from(place > 0), 1));
            if *lean == Lean::Right {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        for row in &self.rows {
            table.add_row(row.iter().zip(&self.header).map(|(text, (_, lean))| cell(text, *lean)));
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }

    /// The least width at which no word breaks.
    fn narrowest(&self) -> usize {
        let column = |(place, (name, lean)): (usize, &(String, Lean))| {
            let cells = self.rows.iter().filter_map(|row| row.get(place)).map(String::as_str);
            let least = |text: &str| match lean {
                Lean::Left => text.split_whitespace().map(length).max().unwrap_or(0),
                Lean::Right => length(text),
            };
            cells.chain([name.as_str()]).map(least).max().unwrap_or(0) + 2
        };
        self.header.iter().enumerate().map(column).sum()
    }

    fn paragraphs(&self) -> String {
        let widest = self.header.iter().map(|(name, _)| length(name)).max().unwrap_or(0);
        let line = |((name, _), text): (&(String, Lean), &String)| {
            let name = Style::Bold.paint(&format!("{name:<widest$}"), self.colors);
            format!("{name}  {}\n", text.trim()).trim_start().to_owned()
        };
        let filled = |((name, _), text): &(&(String, Lean), &String)| !name.is_empty() || !text.is_empty();
        let paragraph =
            |row: &Vec<String>| self.header.iter().zip(row).filter(filled).map(line).collect::<String>();
        self.rows.iter().map(paragraph).collect::<Vec<_>>().join("\n")
    }
}

/// Characters, which for most scripts are columns.
fn length(text: &str) -> usize {
    text.chars().count()
}

fn cell(text: &str, lean: Lean) -> Cell {
    let alignment = match lean {
        Lean::Left => CellAlignment::Left,
        Lean::Right => CellAlignment::Right,
    };
    Cell::new(text).set_alignment(alignment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<u16>) -> Table {
        let header = vec![("OPERATOR".to_owned(), Lean::Left), ("ROWS".to_owned(), Lean::Right)];
        let rows = [("a-rather-long-uid", "1,234"), ("b", "5")];
        let rows = rows.map(|(uid, rows)| vec![uid.to_owned(), rows.to_owned()]).to_vec();
        Table { header, rows, width, colors: false }
    }

    #[test]
    fn a_terminal_too_narrow_for_a_word_gets_a_paragraph_for_each_row() {
        let wide = "OPERATOR            ROWS\na-rather-long-uid  1,234\nb                      5\n";
        assert_eq!(table(None).text(), wide);
        assert_eq!(table(Some(40)).text(), wide);
        let narrow = "OPERATOR  a-rather-long-uid\nROWS      1,234\n\nOPERATOR  b\nROWS      5\n";
        assert_eq!(table(Some(20)).text(), narrow);
    }
}
