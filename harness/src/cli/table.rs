//! Tables for people: a heading in capitals, columns as wide as they need, two spaces between them.

use std::fmt;

use crate::grid::Grid;
pub(super) use crate::grid::{Stands as Side, printable};

/// Rows under a heading.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize>(Grid);

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(columns: [(&str, Side); COLUMNS]) -> Table<COLUMNS> {
        Table(Grid::new(columns.map(|(heading, side)| (heading.to_owned(), side))))
    }

    /// Adds a row. What a terminal would obey rather than show is escaped: names come from elsewhere.
    pub(super) fn row(&mut self, cells: [String; COLUMNS]) {
        self.0.row(cells.into());
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text())
    }
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
