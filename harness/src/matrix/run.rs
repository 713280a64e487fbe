//! Runs of all cells: as many of each as are asked for, and, as long as there is time, more of those that can't be told apart.

use std::time::Instant;

use super::{
    figures::{CellReport, stale_share},
    measure::RunMeasure,
    predicted::Predicted,
    report::MatrixReport,
    runner::{Asked, Runner, Told},
    spec::Cell,
};
use crate::run_folder::Backend;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of each cell's first run; the others follow.
    pub seed: u64,
    /// How many runs each cell has at least.
    pub repeat: u64,
    /// Until when cells that can't be told apart from a neighbour are run again; never, if it is `None`.
    pub deadline: Option<Instant>,
    /// On how many threads the model is drawn.
    pub jobs: usize,
    /// Whether the model says what it makes of the delays that were measured.
    pub predict: bool,
}

/// Cells next to each other whose stale reads are both surely rarer than this need not be told apart.
const STALE_NEVER: f64 = 0.0005;

/// The most runs of a cell: beyond, its neighbours are as good as alike.
const RUNS_MAX: usize = 200;

/// How far the runs have come.
#[derive(Clone, Copy, Debug)]
pub struct Far<'a> {
    /// How many have been.
    pub done: usize,
    /// How many there are to be so far.
    pub to_be: usize,
    /// Which cell is being run, and in which phase it is, where one is run at a time.
    pub now: Option<(&'a str, &'a str)>,
}

/// Runs all cells, and says how far it has come. On real processes the time that is given is never exceeded by more than a run, and
/// cells may be left; in virtual time each is run once.
///
/// # Errors
/// If there are no threads, or no processes, or the model can't be drawn.
pub fn run(
    cells: &[Cell],
    plan: Plan,
    runner: &mut dyn Runner,
    told: &mut dyn FnMut(Far<'_>),
) -> anyhow::Result<(MatrixReport, Vec<Vec<RunMeasure>>)> {
    let mut rounds = Rounds {
        cells,
        plan,
        runner,
        told,
        runs: cells.iter().map(|_| Vec::new()).collect(),
        is_interrupted: false,
    };
    rounds.all()?;
    rounds.of_undecided()?;
    let Rounds {
        runner,
        runs,
        is_interrupted,
        ..
    } = rounds;
    let report = report(cells, plan, runner.backend(), &runs)?;
    Ok((
        MatrixReport {
            interrupted: is_interrupted,
            ..report
        },
        runs,
    ))
}

/// The runs of all cells as they go on.
struct Rounds<'a> {
    cells: &'a [Cell],
    plan: Plan,
    runner: &'a mut dyn Runner,
    told: &'a mut dyn FnMut(Far<'_>),
    /// By cell.
    runs: Vec<Vec<RunMeasure>>,
    is_interrupted: bool,
}

impl Rounds<'_> {
    /// As many runs of each cell as are asked for.
    fn all(&mut self) -> anyhow::Result<()> {
        let all: Vec<_> = (0..self.cells.len()).collect();
        let to_be = self.cells.len() * usize::try_from(self.plan.repeat).unwrap_or(usize::MAX);
        for number in 0..self.plan.repeat {
            let is_sure = number == 0 && self.runner.backend() == Backend::Simulated;
            if !is_sure && self.is_over() {
                break;
            }
            self.round(&all, to_be)?;
        }
        Ok(())
    }

    /// More of those that can't be told apart, as long as there is time.
    fn of_undecided(&mut self) -> anyhow::Result<()> {
        while self.plan.deadline.is_some() && !self.is_over() {
            let mut again: Vec<_> = undecided(self.cells, &self.runs).into_iter().flatten().collect();
            again.sort_unstable();
            again.dedup();
            again.retain(|cell| self.runs[*cell].len() < RUNS_MAX);
            if again.is_empty() {
                break;
            }
            let to_be = self.runs.iter().map(Vec::len).sum::<usize>() + again.len();
            self.round(&again, to_be)?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_interrupted || self.plan.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// One more run of each of these cells, with its next seed. Real processes are run one cell at a time, as long as there is time.
    fn round(&mut self, which: &[usize], to_be: usize) -> anyhow::Result<()> {
        let size = match self.runner.backend() {
            Backend::Simulated => which.len(),
            Backend::Processes => 1,
        };
        for (number, which) in which.chunks(size).enumerate() {
            if number > 0 && self.is_over() {
                break;
            }
            self.once(which, to_be)?;
        }
        Ok(())
    }

    fn once(&mut self, which: &[usize], to_be: usize) -> anyhow::Result<()> {
        let (cells, runs, told) = (self.cells, &mut self.runs, &mut self.told);
        let asked = |cell: &usize| Asked {
            scenario: &cells[*cell].scenario,
            seed: self.plan.seed.wrapping_add(runs[*cell].len() as u64),
        };
        let asked: Vec<_> = which.iter().map(asked).collect();
        let mut done = runs.iter().map(Vec::len).sum();
        let ended = self.runner.run(&asked, &mut |what| {
            let now = match what {
                Told::GoesOn(at, phase) => Some((cells[which[at]].name.as_str(), phase)),
                Told::Ended(at, measured) => {
                    runs[which[at]].push(*measured);
                    done += 1;
                    None
                }
            };
            told(Far { done, to_be, now });
        })?;
        self.is_interrupted |= ended.is_break();
        Ok(())
    }
}

/// Cells next to each other of which it is not known which has the more stale reads.
fn undecided(cells: &[Cell], runs: &[Vec<RunMeasure>]) -> Vec<[usize; 2]> {
    let shares: Vec<_> = runs.iter().map(|runs| stale_share(runs)).collect();
    let is_never = |cell: usize| shares[cell].high.is_some_and(|high| high < STALE_NEVER);
    let pairs = (0..cells.len()).flat_map(|one| (0..one).map(move |other| [other, one]));
    let is_undecided = |[one, other]: &[usize; 2]| {
        let were_run = !runs[*one].is_empty() && !runs[*other].is_empty();
        were_run
            && cells[*one].is_next_to(&cells[*other])
            && !shares[*one].differs_from(&shares[*other])
            && !(is_never(*one) && is_never(*other))
    };
    pairs.filter(is_undecided).collect()
}

fn report(cells: &[Cell], plan: Plan, backend: Backend, runs: &[Vec<RunMeasure>]) -> anyhow::Result<MatrixReport> {
    let mut reports = Vec::with_capacity(cells.len());
    for (cell, runs) in cells.iter().zip(runs) {
        let mut report = CellReport::of(cell, runs);
        if plan.predict {
            report.predicted = Predicted::of(cell, runs, plan.jobs)?;
        }
        reports.push(report);
    }
    let names = |[one, other]: &[usize; 2]| [cells[*one].name.clone(), cells[*other].name.clone()];
    Ok(MatrixReport::new(
        plan,
        backend,
        cells.first().map(|cell| &cell.scenario),
        reports,
        undecided(cells, runs).iter().map(names).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Spec;

    fn cells(r: &[u8]) -> Vec<Cell> {
        let spec = Spec {
            n: vec![3],
            r: r.to_vec(),
            w: vec![1],
            write_path: vec!["lww".to_owned()],
            faults: vec!["none".to_owned()],
            scenario: toml::Table::new(),
        };
        spec.cells().expect("they can be")
    }

    fn stale(stale: u64, reads: u64) -> Vec<RunMeasure> {
        vec![
            RunMeasure {
                stale,
                reads,
                ..RunMeasure::default()
            };
            5
        ]
    }

    #[test]
    fn neighbours_that_may_be_alike_are_undecided_unless_neither_is_ever_stale() {
        let cells = cells(&[1, 2, 3]);
        let runs = [stale(50, 1000), stale(52, 1000), stale(0, 1000)];
        assert_eq!(undecided(&cells, &runs), [[0, 1]]);
        let runs = [stale(50, 1000), stale(0, 100_000), stale(1, 100_000)];
        assert_eq!(undecided(&cells, &runs), Vec::<[usize; 2]>::new());
    }
}
