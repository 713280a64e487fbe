//! How far data centers are apart.

use super::{Distribution, ExpressionError};

/// What one message takes from one data center to another, beside what its leg takes anywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct DataCenters {
    /// By the one that it leaves and the one that it goes to.
    delays: Vec<Vec<Distribution>>,
}

/// A table of data centers that can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DelaysError {
    /// There are none.
    #[error("there are no data centers")]
    None,
    /// Another number of rows or columns than data centers.
    #[error("{where_} has {has} entries, and there are {wants} data centers")]
    Size {
        /// Which row, or the table.
        where_: String,
        /// How many it has.
        has: usize,
        /// How many it has to have.
        wants: usize,
    },
    /// An entry that is no distribution.
    #[error("from {from} to {to}: {why}")]
    Entry {
        /// The data center of the row.
        from: String,
        /// The data center of the column.
        to: String,
        /// Why not.
        why: ExpressionError,
    },
}

impl DataCenters {
    /// As many data centers, each so many milliseconds from each other one.
    ///
    /// # Panics
    /// If there are none.
    pub fn apart(count: usize, ms: f64) -> DataCenters {
        assert!(count > 0, "there are data centers");
        let delay = |from: usize, to: usize| Distribution::constant(if from == to { 0.0 } else { ms });
        DataCenters {
            delays: (0..count)
                .map(|from| (0..count).map(|to| delay(from, to)).collect())
                .collect(),
        }
    }

    /// From their names, and rows of texts: what a message takes from the row's to the column's.
    ///
    /// # Errors
    /// [`DelaysError`] with the first thing that can't be.
    pub fn parse(names: &[String], rows: &[Vec<String>]) -> Result<DataCenters, DelaysError> {
        let wants = names.len();
        if wants == 0 {
            return Err(DelaysError::None);
        }
        let size = |where_: String, has| match has == wants {
            true => Ok(()),
            false => Err(DelaysError::Size { where_, has, wants }),
        };
        size("the table".to_owned(), rows.len())?;
        let row = |(from, row): (usize, &Vec<String>)| {
            size(format!("the row of {}", names[from]), row.len())?;
            let entry = |(to, text): (usize, &String)| {
                text.parse().map_err(|why| DelaysError::Entry {
                    from: names[from].clone(),
                    to: names[to].clone(),
                    why,
                })
            };
            row.iter().enumerate().map(entry).collect()
        };
        let delays = rows.iter().enumerate().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(DataCenters { delays })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.delays.len()
    }

    /// What a message takes from one to another.
    pub(super) fn delay(&self, from: usize, to: usize) -> &Distribution {
        &self.delays[from][to]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_square_and_says_where_it_is_not() {
        let parse = |rows: &[&[&str]]| {
            let rows: Vec<Vec<_>> = rows
                .iter()
                .map(|row| row.iter().map(|text| (*text).to_owned()).collect())
                .collect();
            DataCenters::parse(&["eu".to_owned(), "us".to_owned()], &rows)
        };
        let parsed = parse(&[&["0", "40"], &["normal(42,2)", "0"]]).expect("a table");
        assert_eq!((parsed.count(), parsed.delay(0, 1)), (2, &Distribution::constant(40.0)));
        let why = |rows: &[&[&str]]| parse(rows).expect_err("it is none").to_string();
        assert!(why(&[&["0", "1"]]).contains("the table has 1 entries"));
        assert!(why(&[&["0"], &["1", "2"]]).contains("the row of eu has 1"));
        assert!(why(&[&["0", "far"], &["1", "0"]]).starts_with("from eu to us: \"far\" is no"));
        assert_eq!(DataCenters::parse(&[], &[]), Err(DelaysError::None));
    }
}
