//! Tables for people: a heading in capitals, columns as wide as they need, two spaces between them.

use std::fmt;

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows under a heading.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    sides: [Side; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(columns: [(&str, Side); COLUMNS]) -> Table<COLUMNS> {
        Table {
            sides: columns.map(|(_, side)| side),
            rows: vec![columns.map(|(heading, _)| heading.to_owned())],
        }
    }

    /// Adds a row. What a terminal would obey rather than show is escaped: names come from elsewhere.
    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| printable(&cell)));
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), side) in row.iter().zip(widths).zip(self.sides) {
                line += &match side {
                    Side::Left => format!("{cell:<width$}  "),
                    Side::Right => format!("{cell:>width$}  "),
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A text without anything that a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_is_obeyed() {
        let mut table = Table::new([("NAME", Side::Left), ("N", Side::Right), ("", Side::Left)]);
        table.row(["zürich".to_owned(), "7".to_owned(), String::new()]);
        table.row(["a\u{1b}[2J".to_owned(), "1000".to_owned(), "end".to_owned()]);
        let lines = ["NAME           N", "zürich         7", "a\\u{1b}[2J  1000  end", ""];
        assert_eq!(table.to_string(), lines.join("\n"));
    }
}
