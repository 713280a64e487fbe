//! Suites as files: TOML, a table for each cell, with the settings that differ from those of its scenario.

use std::{collections::BTreeMap, str::FromStr};

use serde::Deserialize;
use toml::Table;

use super::{Cell, Expected, Suite};
use crate::scenario::Scenario;

/// A text that is no suite.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// It is no TOML, or has other keys.
    #[error("{0}")]
    Form(String),
    /// A cell can't be.
    #[error("cell {name:?}: {why}")]
    Cell {
        /// Which.
        name: String,
        /// Why not.
        why: String,
    },
    /// Nothing to run.
    #[error("it has no cell")]
    Empty,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SuiteFile {
    about: String,
    /// Of each cell that says nothing else.
    #[serde(default = "one")]
    seeds: u64,
    #[serde(default)]
    cell: Vec<CellFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CellFile {
    name: String,
    #[serde(default)]
    why: String,
    #[serde(default = "quickstart")]
    scenario: String,
    /// An earlier cell, whose scenario and settings it has but for the bug and for those that it says itself.
    like: Option<String>,
    seeds: Option<u64>,
    caught_by: Option<String>,
    in_seeds: Option<u64>,
    observed: Option<Vec<String>>,
    #[serde(default)]
    held: Vec<String>,
    #[serde(default)]
    settings: Table,
}

fn one() -> u64 {
    1
}

fn quickstart() -> String {
    Scenario::quickstart().name
}

impl Suite {
    /// Reads a suite, called `name`, from its text.
    ///
    /// # Errors
    /// What is wrong with it, and in which cell.
    pub fn parse(name: &str, text: &str) -> Result<Suite, SuiteError> {
        let file: SuiteFile = toml::from_str(text).map_err(|error| SuiteError::Form(error.to_string()))?;
        if file.cell.is_empty() {
            return Err(SuiteError::Empty);
        }
        let mut earlier = Earlier::new();
        let mut cells = Vec::new();
        for mut cell in file.cell {
            let name = cell.name.clone();
            let refuse = |why| SuiteError::Cell {
                name: name.clone(),
                why,
            };
            if earlier.contains_key(&name) {
                return Err(refuse("there is another of that name".to_owned()));
            }
            cell.take_after(&earlier).map_err(refuse)?;
            earlier.insert(name.clone(), (cell.scenario.clone(), cell.settings.clone()));
            cells.push(cell.into_cell(file.seeds).map_err(refuse)?);
        }
        Ok(Suite {
            name: name.to_owned(),
            about: file.about,
            cells,
        })
    }
}

/// By name, the scenarios and settings of cells.
type Earlier = BTreeMap<String, (String, Table)>;

impl CellFile {
    /// Takes over what the cell has that this one is like.
    fn take_after(&mut self, earlier: &Earlier) -> Result<(), String> {
        let Some(like) = &self.like else {
            return Ok(());
        };
        let (scenario, settings) = earlier
            .get(like)
            .ok_or_else(|| format!("no earlier cell {like:?} to be like"))?;
        self.scenario.clone_from(scenario);
        let own = std::mem::replace(&mut self.settings, settings.clone());
        self.settings.remove("plant");
        self.settings.extend(own);
        Ok(())
    }

    fn into_cell(self, seeds: u64) -> Result<Cell, String> {
        let base = Scenario::from_name(&self.scenario).ok_or_else(|| format!("no scenario {:?}", self.scenario))?;
        let mut table = Table::try_from(&base).map_err(|error| error.to_string())?;
        table.insert("name".to_owned(), slug(&self.name).into());
        table.insert("purpose".to_owned(), self.why.clone().into());
        table.extend(self.settings);
        let scenario: Scenario = table
            .try_into()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        scenario.validate().map_err(|error| error.to_string())?;
        let seeds = self.seeds.unwrap_or(seeds);
        if seeds == 0 {
            return Err("seeds is 0: nothing would be run".to_owned());
        }
        let expected = match (self.caught_by, self.observed) {
            (Some(_), Some(_)) => return Err("a bug is caught, or something observed, and not both".to_owned()),
            (Some(_), None) if scenario.plant.is_none() => {
                return Err("caught-by is for a bug, and settings plant none".to_owned());
            }
            (None, _) if self.in_seeds.is_some() => return Err("in-seeds goes with caught-by".to_owned()),
            (Some(claim), None) => Expected::Caught {
                claim,
                in_seeds: self.in_seeds.unwrap_or(1),
            },
            (None, Some(claims)) => Expected::Observed(claims),
            (None, None) => Expected::Valid,
        };
        if !self.held.is_empty() && expected != Expected::Valid {
            return Err("held is for a cell in which nothing has to be broken".to_owned());
        }
        if let Expected::Caught { in_seeds, .. } = expected
            && !(1..=seeds).contains(&in_seeds)
        {
            return Err(format!("in-seeds is {in_seeds}, of {seeds} seeds"));
        }
        Ok(Cell {
            name: self.name,
            why: self.why,
            scenario,
            seeds,
            expected,
            held: self.held,
        })
    }
}

/// A name as one of a folder, and as it is typed: in small letters, with `-` for all that is neither letter nor figure.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// A share of the cells: `slice:2/4` is the second of four, and takes each fourth cell, so that a suite is spread over
/// machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    number: usize,
    of: usize,
}

impl Slice {
    /// Whether the slice has the cell of this number, from 1.
    pub fn takes(self, cell: usize) -> bool {
        (cell - 1) % self.of == self.number - 1
    }
}

impl FromStr for Slice {
    type Err = String;

    fn from_str(text: &str) -> Result<Slice, String> {
        let parts = text.strip_prefix("slice:").and_then(|parts| parts.split_once('/'));
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Slice { number, of }),
            _ => Err(format!("{text:?} is no slice, as in slice:1/4")),
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::Plant;
    use quorate_workloads::{BESIDE_THE_HISTORY, Claim};

    use super::*;

    #[test]
    fn the_suites_of_the_program_name_claims_that_there_are() {
        let is_known = |claim: &str| {
            Claim::ALL.iter().any(|known| known.name() == claim)
                || BESIDE_THE_HISTORY.contains(&claim)
                || claim.starts_with("no-") // Elle's anomalies, of transactions.
        };
        for name in Suite::NAMES {
            let suite = Suite::from_name(name).expect("it is listed");
            for cell in &suite.cells {
                let claims = match &cell.expected {
                    Expected::Valid => cell.held.clone(),
                    Expected::Caught { claim, .. } => vec![claim.clone()],
                    Expected::Observed(claims) => claims.clone(),
                };
                assert!(claims.iter().all(|claim| is_known(claim)), "{name}: {cell:?}");
                assert!(!cell.why.is_empty(), "{name}: {cell:?}");
            }
        }
        assert_eq!(Suite::from_name("nothing").map(|suite| suite.name), None);
    }

    #[test]
    fn every_bug_has_its_cell_by_its_own_name() {
        let suite = Suite::from_name("mutants").expect("it is listed");
        let cells: Vec<_> = suite.cells.iter().map(|cell| cell.scenario.plant).collect();
        assert_eq!(cells, Plant::ALL.map(Some));
        assert!(
            suite
                .cells
                .iter()
                .all(|cell| cell.scenario.plant.map(Plant::name) == Some(&*cell.name))
        );
    }

    #[test]
    fn what_is_no_suite_is_refused_with_the_cell() {
        let of = |cell: &str| Suite::parse("s", &format!("about = \"a\"\n[[cell]]\nname = \"c\"\n{cell}"));
        let refused = |cell: &str| of(cell).expect_err(cell).to_string();
        assert!(refused("caught-by = \"x\"").contains("cell \"c\": caught-by is for a bug"));
        assert!(refused("in-seeds = 1").contains("in-seeds goes with caught-by"));
        assert!(refused("seeds = 0").contains("nothing would be run"));
        assert!(refused("held = [\"x\"]\nobserved = [\"y\"]").contains("held is for a cell in which nothing"));
        assert!(refused("scenario = \"no\"").contains("no scenario \"no\""));
        assert!(refused("[cell.settings]\nr = 9").contains("r is 9"));
        assert!(refused("colour = 1").contains("unknown field"));
        assert!(refused("[[cell]]\nname = \"c\"").contains("another of that name"));
        assert!(refused("like = \"d\"").contains("no earlier cell \"d\""));
        let few = "caught-by = \"x\"\nin-seeds = 2\n[cell.settings]\nplant = \"hint-dropped\"";
        assert!(refused(few).contains("in-seeds is 2, of 1 seeds"));
        assert_eq!(
            Suite::parse("s", "about = \"a\"").expect_err("empty"),
            SuiteError::Empty
        );
        assert_eq!(of("").expect("a suite").cells[0].expected, Expected::Valid);
    }

    #[test]
    fn a_cell_is_like_an_earlier_one_but_for_its_bug_and_its_own_settings() {
        let text = concat!(
            "about = \"a\"\n[[cell]]\nname = \"one\"\ncaught-by = \"x\"\n",
            "[cell.settings]\nplant = \"hint-dropped\"\nn = 5\nr = 4\n",
            "[[cell]]\nname = \"two\"\nlike = \"one\"\n[cell.settings]\nr = 3\n",
        );
        let suite = Suite::parse("s", text).expect("a suite");
        let [one, two] = [0, 1].map(|cell| &suite.cells[cell].scenario);
        assert_eq!((one.n, one.r, one.plant), (5, 4, Some(Plant::HintDropped)));
        assert_eq!((two.n, two.r, two.plant, &*two.name), (5, 3, None, "two"));
    }

    #[test]
    fn cells_of_the_program_are_scenarios_by_names_of_their_own() {
        for suite in Suite::NAMES.into_iter().filter_map(Suite::from_name) {
            for cell in &suite.cells {
                let name = format!("{}/{}", suite.name, cell.scenario.name);
                assert_eq!(Suite::scenario(&name), Some(&cell.scenario), "{name}");
            }
        }
        assert_eq!(slug("S5, hedged digests"), "s5-hedged-digests");
        assert_eq!(slug("S19, R+W=N"), "s19-r-w-n");
        assert_eq!(Suite::scenario("mutants/nothing"), None);
        assert_eq!(Suite::scenario("hint-dropped"), None);
    }

    #[test]
    fn slices_have_each_cell_once() {
        let slices: Vec<Slice> = (1..=3)
            .map(|number| format!("slice:{number}/3").parse().expect("a slice"))
            .collect();
        for cell in 1..=10 {
            assert_eq!(slices.iter().filter(|slice| slice.takes(cell)).count(), 1);
        }
        for text in ["slice:0/3", "slice:4/3", "1/3", "slice:1", "slice:a/b"] {
            assert!(text.parse::<Slice>().is_err(), "{text}");
        }
    }
}
