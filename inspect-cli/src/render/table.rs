//! Tables without lines: a bold header, columns two spaces apart, numbers to the right.

use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, presets};

use crate::ui::Ui;

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
    inner: comfy_table::Table,
    leans: Vec<Lean>,
}

impl Table {
    /// An empty table with these columns, as wide as the terminal allows.
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Lean)>, ui: &Ui) -> Self {
        let columns: Vec<(&str, Lean)> = columns.into_iter().collect();
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING).force_no_tty();
        if ui.stdout_colors() {
            inner.enforce_styling();
        }
        match ui.width() {
            Some(width) => inner.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => inner.set_content_arrangement(ContentArrangement::Disabled),
        };
        inner.set_header(columns.iter().map(|(name, lean)| cell(name, *lean).add_attribute(Attribute::Bold)));
        for (column, (place, (_, lean))) in inner.column_iter_mut().zip(columns.iter().enumerate()) {
            column.set_padding((u16::from(place > 0), 1));
            if *lean == Lean::Right {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        Self { inner, leans: columns.iter().map(|(_, lean)| *lean).collect() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().zip(&self.leans).map(|(text, lean)| cell(&text, *lean));
        self.inner.add_row(cells);
    }

    /// The text, without spaces at line ends, with a line break at the end.
    pub(crate) fn text(&self) -> String {
        let mut text = self.inner.trim_fmt();
        text.push('\n');
        text
    }
}

fn cell(text: &str, lean: Lean) -> Cell {
    let alignment = match lean {
        Lean::Left => CellAlignment::Left,
        Lean::Right => CellAlignment::Right,
    };
    Cell::new(text).set_alignment(alignment)
}
