//! What differs between two matrices beyond the bounds of both.

use super::{
    figures::{CellReport, FIGURES, Figure, Meaning},
    report::MatrixReport,
};

/// A figure or a claim of a cell that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// A figure whose bounds do not overlap.
    Figure {
        /// Of which cell.
        cell: String,
        /// Which.
        meaning: Meaning,
        /// What it was.
        was: Figure,
        /// What it is.
        is: Figure,
    },
    /// A claim with another verdict.
    Claim {
        /// Of which cell.
        cell: String,
        /// Which.
        claim: String,
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
    /// A cell that only one of the two has.
    Cell {
        /// Which.
        cell: String,
        /// Whether it is the present one that has it.
        is_new: bool,
    },
}

/// What is not in `is` what it was in `was`, in the order of its cells.
pub fn compare(was: &MatrixReport, is: &MatrixReport) -> Vec<Difference> {
    let mut differences = Vec::new();
    for cell in &is.cells {
        match was.cells.iter().find(|old| old.name == cell.name) {
            Some(old) => compare_cells(old, cell, &mut differences),
            None => differences.push(Difference::Cell {
                cell: cell.name.clone(),
                is_new: true,
            }),
        }
    }
    let is_gone = |old: &&CellReport| is.cells.iter().all(|cell| cell.name != old.name);
    differences.extend(was.cells.iter().filter(is_gone).map(|old| Difference::Cell {
        cell: old.name.clone(),
        is_new: false,
    }));
    differences
}

fn compare_cells(old: &CellReport, new: &CellReport, differences: &mut Vec<Difference>) {
    for meaning in FIGURES {
        let (was, is) = (old.figure(meaning.key), new.figure(meaning.key));
        if was.differs_from(&is) {
            let cell = new.name.clone();
            differences.push(Difference::Figure { cell, meaning, was, is });
        }
    }
    for claim in &new.claims {
        let was = old.claims.iter().find(|was| was.claim == claim.claim);
        if let Some(was) = was.filter(|was| was.verdict != claim.verdict) {
            differences.push(Difference::Claim {
                cell: new.name.clone(),
                claim: claim.claim.clone(),
                was: was.verdict.clone(),
                is: claim.verdict.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{RunMeasure, Spec};

    fn report(stale: u64, w: &[u8]) -> MatrixReport {
        let spec = Spec {
            n: vec![3],
            r: vec![1],
            w: w.to_vec(),
            write_path: vec!["lww".to_owned()],
            faults: vec!["none".to_owned()],
            scenario: toml::Table::new(),
        };
        let run = RunMeasure {
            stale,
            reads: 1000,
            ..RunMeasure::default()
        };
        let cells = spec.cells().expect("they can be");
        MatrixReport {
            format: 1,
            seed: 1,
            command: String::new(),
            about: String::new(),
            confidence: 0.95,
            cells: cells
                .iter()
                .map(|cell| CellReport::of(cell, &vec![run.clone(); 4]))
                .collect(),
            undecided: Vec::new(),
            backend: crate::run_folder::Backend::Simulated,
            left: Vec::new(),
            interrupted: false,
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_does_not_differ() {
        let report = report(30, &[1, 2]);
        let text = serde_json::to_string(&report).expect("it is an object");
        let read = MatrixReport::from_json(&text).expect("its own text");
        assert_eq!(read, report);
        assert_eq!(compare(&read, &report), []);
        assert!(MatrixReport::from_json("{}").expect_err("none").contains("no format"));
        assert!(
            MatrixReport::from_json("{\"format\":9}")
                .expect_err("none")
                .contains("format 9")
        );
        assert!(MatrixReport::from_json("[").is_err());
    }

    #[test]
    fn what_lies_outside_of_both_bounds_differs_and_what_may_be_chance_does_not() {
        assert_eq!(compare(&report(30, &[1]), &report(33, &[1])), []);
        let differences = compare(&report(30, &[1, 2]), &report(60, &[1, 3]));
        let [
            Difference::Figure { cell, meaning, .. },
            Difference::Cell { is_new: true, .. },
            Difference::Cell {
                is_new: false,
                cell: gone,
            },
        ] = &differences[..]
        else {
            panic!("{differences:?}");
        };
        assert_eq!((cell.as_str(), meaning.key), ("N3 R1 W1 lww none", "stale_share"));
        assert_eq!(gone, "N3 R1 W2 lww none");
    }
}
