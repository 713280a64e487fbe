//! Which cells a matrix has.

use serde::Deserialize;
use toml::{Table, Value};

use crate::{
    fault::FaultKind,
    scenario::{Scenario, ScenarioError},
};

/// What a matrix is made of: all combinations of these.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Spec {
    /// Numbers of replicas.
    pub n: Vec<u8>,
    /// Replicas that answer a read. Those above N are left out.
    pub r: Vec<u8>,
    /// Replicas that acknowledge a write. Those above N are left out.
    pub w: Vec<u8>,
    /// How writes are ordered, as a scenario's `write-path` says it.
    pub write_path: Vec<String>,
    /// Families of faults, or `none`; several at once with a `+` between them.
    pub faults: Vec<String>,
    /// Settings of the scenario that every cell is.
    pub scenario: Table,
}

/// A matrix that can't be.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It has no cells.
    #[error("no cell is left: every R or W is above N, or there is none")]
    Empty,
    /// More cells than anybody reads.
    #[error("{0} cells are more than {CELLS_MAX}")]
    TooMany(usize),
    /// Faults that there are none of.
    #[error("faults {faults:?}: {why}")]
    Faults {
        /// As they were given.
        faults: String,
        /// Why not.
        why: String,
    },
    /// Settings that are none.
    #[error("settings: {0}")]
    Settings(toml::de::Error),
    /// A cell that can't be.
    #[error("cell {name}: {why}")]
    Scenario {
        /// Which.
        name: String,
        /// Why not.
        why: ScenarioError,
    },
    /// A cell whose clients do what no staleness is measured of.
    #[error("workload {0} is of transactions: a matrix is of keys that are read and written")]
    Workload(&'static str),
}

/// The most cells of a matrix.
const CELLS_MAX: usize = 1000;

/// One of the combinations.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// As in `N3 R1 W2 lww partition`.
    pub name: String,
    /// Where it is among the values of each dimension.
    pub place: [usize; 5],
    /// Its faults, as they were given.
    pub faults: String,
    /// How its writes are ordered.
    pub write_path: String,
    /// What is run.
    pub scenario: Scenario,
}

impl Spec {
    /// All cells: N changes last, then faults, the write path, R, and W first.
    ///
    /// # Errors
    /// [`SpecError`] with the first thing that can't be.
    pub fn cells(&self) -> Result<Vec<Cell>, SpecError> {
        let mut cells = Vec::new();
        for (n_at, n) in self.n.iter().enumerate() {
            for (faults_at, faults) in self.faults.iter().enumerate() {
                for (path_at, path) in self.write_path.iter().enumerate() {
                    for (r_at, r) in self.r.iter().enumerate().filter(|(_, r)| *r <= n) {
                        for (w_at, w) in self.w.iter().enumerate().filter(|(_, w)| *w <= n) {
                            let place = [n_at, r_at, w_at, path_at, faults_at];
                            cells.push(self.cell(place, [*n, *r, *w], path, faults)?);
                        }
                    }
                }
            }
        }
        match cells.len() {
            0 => Err(SpecError::Empty),
            count if count > CELLS_MAX => Err(SpecError::TooMany(count)),
            _ => Ok(cells),
        }
    }

    fn cell(&self, place: [usize; 5], [n, r, w]: [u8; 3], path: &str, faults: &str) -> Result<Cell, SpecError> {
        let name = format!("N{n} R{r} W{w} {path} {faults}");
        let kinds = FaultKind::parse_list(&faults.replace('+', ",")).map_err(|error| SpecError::Faults {
            faults: faults.to_owned(),
            why: error.to_string(),
        })?;
        let mut table = Table::try_from(Scenario::quickstart()).expect("a scenario is a table");
        table.extend(self.scenario.clone());
        let names = kinds.iter().map(|kind| Value::String(kind.name().to_owned()));
        table.insert("faults".to_owned(), Value::Array(names.collect()));
        table.insert("write-path".to_owned(), Value::String(path.to_owned()));
        for (name, value) in [("n", n), ("r", r), ("w", w)] {
            table.insert(name.to_owned(), Value::Integer(value.into()));
        }
        let scenario: Scenario = table.try_into().map_err(SpecError::Settings)?;
        if scenario.workload.is_of_transactions() {
            return Err(SpecError::Workload(scenario.workload.name()));
        }
        if let Err(why) = scenario.validate() {
            return Err(SpecError::Scenario { name, why });
        }
        Ok(Cell {
            name,
            place,
            faults: faults.to_owned(),
            write_path: path.to_owned(),
            scenario,
        })
    }
}

impl Cell {
    /// Whether the two differ in one dimension alone, by one step.
    pub fn is_next_to(&self, other: &Cell) -> bool {
        let steps = self
            .place
            .iter()
            .zip(other.place)
            .map(|(one, other)| one.abs_diff(other));
        steps.sum::<usize>() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        let text = "n = [2, 3]\nr = [1, 3]\nw = [1]\nwrite-path = [\"lww\", \"abd\"]\nfaults = [\"none\", \"kill+partition\"]\n\
                    [scenario]\nrate = 100\n";
        toml::from_str(text).expect("a matrix")
    }

    #[test]
    fn every_combination_that_can_be_is_a_cell() {
        let cells = spec().cells().expect("they can be");
        let names: Vec<_> = cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names.len(), 4 + 8, "R=3 is left out of N=2: {names:?}");
        assert_eq!(names[0], "N2 R1 W1 lww none");
        let last = cells.last().expect("there are some");
        assert_eq!(last.name, "N3 R3 W1 abd kill+partition");
        assert_eq!(last.scenario.faults, [FaultKind::Partition, FaultKind::Kill]);
        assert_eq!((last.scenario.rate, last.scenario.r), (100, 3));
        let next = cells.iter().filter(|cell| cell.is_next_to(last));
        assert_eq!(next.count(), 3, "by R, by the write path, by faults");
    }

    #[test]
    fn what_can_not_be_is_said() {
        let error = |change: &dyn Fn(&mut Spec)| {
            let mut spec = spec();
            change(&mut spec);
            spec.cells().expect_err("it can't be").to_string()
        };
        assert!(error(&|spec| spec.r = vec![4]).contains("no cell is left"));
        assert!(error(&|spec| spec.faults = vec!["rain".to_owned()]).contains("faults \"rain\""));
        assert!(error(&|spec| spec.write_path = vec!["up".to_owned()]).contains("settings: "));
        let workload = |spec: &mut Spec| {
            spec.scenario
                .insert("workload".to_owned(), Value::String("append".to_owned()))
        };
        assert!(error(&|spec| drop(workload(spec))).contains("of transactions"));
        let nodes = |spec: &mut Spec| spec.scenario.insert("nodes".to_owned(), Value::Integer(2));
        assert!(error(&|spec| drop(nodes(spec))).contains("2 nodes can't hold 3"));
    }
}
