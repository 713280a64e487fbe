//! A table of texts, written for a terminal, as CSV or as Markdown.

use std::fmt::Write;

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows under a heading.
#[derive(Clone, Debug)]
pub struct Grid {
    columns: Vec<(String, Stands)>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// Columns and no rows.
    pub fn new(columns: impl IntoIterator<Item = (String, Stands)>) -> Grid {
        Grid {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Columns of words first, as many as are named, then of numbers.
    pub fn of(words: &[&str], numbers: &[&str]) -> Grid {
        let stand = |names: &[&str], stands| {
            let columns = names.iter().map(move |name| ((*name).to_owned(), stands));
            columns.collect::<Vec<_>>()
        };
        Grid::new([stand(words, Stands::Left), stand(numbers, Stands::Right)].concat())
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it does not have a text for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "a row has a text for each column");
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// For a terminal: as wide as it has to be, two spaces between columns. Control characters are escaped.
    pub fn text(&self) -> String {
        let heads = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let rows = std::iter::once(&heads).chain(&self.rows);
        let rows: Vec<Vec<_>> = rows
            .map(|row: &Vec<String>| row.iter().map(|cell| printable(cell)).collect())
            .collect();
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let mut out = String::new();
        for row in &rows {
            let mut line = String::new();
            for ((cell, width), (_, stands)) in row.iter().zip(&widths).zip(&self.columns) {
                line += &match stands {
                    Stands::Left => format!("{cell:<width$}  "),
                    Stands::Right => format!("{cell:>width$}  "),
                };
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out
    }

    /// As comma-separated values (RFC 4180, but for the ends of lines).
    pub fn csv(&self) -> String {
        let quoted = |cell: &str| match cell.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.to_owned(),
        };
        let line = |row: Vec<&str>| row.into_iter().map(quoted).collect::<Vec<_>>().join(",") + "\n";
        let mut out = line(self.columns.iter().map(|(name, _)| name.as_str()).collect());
        for row in &self.rows {
            out += &line(row.iter().map(String::as_str).collect());
        }
        out
    }

    /// As a table of Markdown.
    pub fn markdown(&self) -> String {
        let line = |row: Vec<String>| format!("| {} |\n", row.join(" | "));
        let escaped = |cell: &String| cell.replace('|', "\\|").replace('\n', " ");
        let mut out = line(self.columns.iter().map(|(name, _)| escaped(name)).collect());
        let rule = |(_, stands): &(String, Stands)| match stands {
            Stands::Left => "---".to_owned(),
            Stands::Right => "---:".to_owned(),
        };
        out += &line(self.columns.iter().map(rule).collect());
        for row in &self.rows {
            out += &line(row.iter().map(escaped).collect());
        }
        out
    }
}

/// A text without anything that a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
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

    fn grid() -> Grid {
        let mut grid = Grid::of(&["NAME"], &["MS"]);
        grid.row(vec!["a, \"b\"".to_owned(), "1.5".to_owned()]);
        grid.row(vec!["c|d\u{1b}".to_owned(), "10".to_owned()]);
        grid
    }

    #[test]
    fn one_table_is_written_in_three_ways() {
        let text = "NAME        MS\na, \"b\"     1.5\nc|d\\u{1b}   10\n";
        assert_eq!(grid().text(), text);
        assert_eq!(grid().csv(), "NAME,MS\n\"a, \"\"b\"\"\",1.5\nc|d\u{1b},10\n");
        let markdown = "| NAME | MS |\n| --- | ---: |\n| a, \"b\" | 1.5 |\n| c\\|d\u{1b} | 10 |\n";
        assert_eq!(grid().markdown(), markdown);
    }
}
