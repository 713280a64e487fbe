//! Suites: runs of which it is known what has to come.
//!
//! A tester is tested by them: each bug that can be planted has a cell in which it is caught by the claim that must name it,
//! and each claim that is false at some settings a cell in which it is seen to break. A cell passes only if its seeds say
//! nothing else: a violation that nobody planted is a false alarm, and fails it.

mod file;
mod least;
mod outcome;
mod run;

pub use self::{
    file::{Slice, SuiteError},
    least::Catch,
    outcome::{CellReport, SuiteReport},
    run::{SuiteOptions, run},
};

use std::sync::OnceLock;

use crate::scenario::Scenario;

/// Cells, and what they are for.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What it is called.
    pub name: String,
    /// What all of it shows, in a line.
    pub about: String,
    /// In their order.
    pub cells: Vec<Cell>,
}

/// A scenario, and what has to come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it is called, once in its suite.
    pub name: String,
    /// Why that has to come, in a line.
    pub why: String,
    /// What is run.
    pub scenario: Scenario,
    /// From how many seeds, from 1 on.
    pub seeds: u64,
    /// What has to come.
    pub expected: Expected,
    /// What has to be tested in each seed and broken in none, claimed or not: of a script, whose few operations test no claim
    /// for good, and at settings at which it is not claimed.
    pub held: Vec<String>,
}

/// What has to come of the seeds of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// Each is valid.
    Valid,
    /// The bug that is planted breaks this claim in so many seeds at least; without it each seed is valid, or, of a script, breaks
    /// nothing.
    Caught {
        /// The claim that has to name it.
        claim: String,
        /// In how many seeds.
        in_seeds: u64,
    },
    /// Each is valid, and each of these, which are not claimed, is seen broken in one seed or another. Seeds are run until
    /// that is so.
    Observed(Vec<String>),
}

impl Suite {
    /// The names of the suites that come with the program.
    pub const NAMES: [&str; 4] = ["mutants", "exhibits", "sequences", "schedules"];

    /// The suite of that name.
    pub fn from_name(name: &str) -> Option<Suite> {
        built_in().iter().find(|suite| suite.name == name).cloned()
    }

    /// The scenario of a cell of the suites that come with the program, as in `mutants/hint-dropped`.
    pub fn scenario(name: &str) -> Option<&'static Scenario> {
        let (suite, cell) = name.split_once('/')?;
        let suite = built_in().iter().find(|known| known.name == suite)?;
        let mut scenarios = suite.cells.iter().map(|cell| &cell.scenario);
        scenarios.find(|scenario| scenario.name == cell)
    }

    /// Leaves out all cells but those of a slice.
    #[must_use]
    pub fn sliced(mut self, slice: Slice) -> Suite {
        let mut number = 0;
        self.cells.retain(|_| {
            number += 1;
            slice.takes(number)
        });
        self
    }
}

/// The suites that come with the program, read once.
fn built_in() -> &'static [Suite] {
    static SUITES: OnceLock<Vec<Suite>> = OnceLock::new();
    SUITES.get_or_init(|| {
        let texts = [
            include_str!("../../suites/mutants.toml"),
            include_str!("../../suites/exhibits.toml"),
            include_str!("../../suites/sequences.toml"),
            include_str!("../../suites/schedules.toml"),
        ];
        let suites = Suite::NAMES.into_iter().zip(texts);
        let parse = |(name, text)| Suite::parse(name, text).expect("the suites of the program are tested");
        suites.map(parse).collect()
    })
}
