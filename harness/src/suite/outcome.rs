//! What came of a suite.

use std::time::Duration;

use super::{Catch, Cell};
use crate::exit::Exit;

/// What came of a cell.
#[derive(Clone, Debug)]
pub struct CellReport {
    /// Which.
    pub cell: Cell,
    /// Of each claim that had to be broken: the first seed that broke it.
    pub broken: Vec<(String, u64)>,
    /// In how many seeds a planted bug was caught by its claim.
    pub caught_in: u64,
    /// How it was caught in the first of them, where that was asked for.
    pub catch: Option<Catch>,
    /// The claims that had to be broken, and were not, or in too few seeds.
    pub unbroken: Vec<String>,
    /// What had to hold in every seed, and was broken in one, or not tested.
    pub not_held: Vec<String>,
    /// The seeds in which something was found that nobody planted.
    pub false_alarms: Vec<u64>,
    /// How many seeds were run, with a bug and without.
    pub seeds: u64,
    /// How long it took.
    pub took: Duration,
}

impl CellReport {
    /// Whether what had to come has come, and nothing else.
    pub fn has_passed(&self) -> bool {
        self.unbroken.is_empty() && self.not_held.is_empty() && self.false_alarms.is_empty()
    }
}

/// What came of a suite.
#[derive(Clone, Debug, Default)]
pub struct SuiteReport {
    /// Of the cells that were run.
    pub cells: Vec<CellReport>,
    /// The names of those for which there was no time.
    pub left: Vec<String>,
}

impl SuiteReport {
    /// How the process ends: a cell that failed is graver than one that was not run.
    pub fn exit(&self) -> Exit {
        if !self.cells.iter().all(CellReport::has_passed) {
            Exit::Invalid
        } else if self.left.is_empty() {
            Exit::Valid
        } else {
            Exit::Unknown
        }
    }
}
