//! Runs of all cells: as many of each as are asked for, and, as long as there is time, more of those that can't be told apart.

use std::{ops::ControlFlow, time::Instant};

use super::{
    figures::{CellReport, stale_share},
    measure::{RunMeasure, measure},
    report::MatrixReport,
    spec::Cell,
};
use crate::{matrix::predicted::Predicted, parallel::in_order, workers::Workers};

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of each cell's first run; the others follow.
    pub seed: u64,
    /// How many runs each cell has at least.
    pub repeat: u64,
    /// Until when cells that can't be told apart from a neighbour are run again; never, if it is `None`.
    pub deadline: Option<Instant>,
    /// How many runs at a time.
    pub jobs: usize,
    /// Whether the model says what it makes of the delays that were measured.
    pub predict: bool,
}

/// Cells next to each other whose stale reads are both surely rarer than this need not be told apart.
const STALE_NEVER: f64 = 0.0005;

/// The most runs of a cell: beyond, its neighbours are as good as alike.
const RUNS_MAX: usize = 200;

/// Runs all cells, and says after each run how many have been and how many there are to be so far.
///
/// # Errors
/// If there are no threads, or the model can't be drawn.
pub fn run(
    cells: &[Cell],
    plan: Plan,
    told: &mut dyn FnMut(usize, usize),
) -> anyhow::Result<(MatrixReport, Vec<Vec<RunMeasure>>)> {
    let mut runs: Vec<Vec<RunMeasure>> = cells.iter().map(|_| Vec::new()).collect();
    let all: Vec<_> = (0..cells.len()).collect();
    let is_over = || plan.deadline.is_some_and(|deadline| Instant::now() >= deadline);
    for number in 0..plan.repeat {
        if number > 0 && is_over() {
            break;
        }
        let to_be = cells.len() * usize::try_from(plan.repeat).unwrap_or(usize::MAX);
        round(cells, &all, plan, &mut runs, to_be, told)?;
    }
    let mut undecided = undecided(cells, &runs);
    while plan.deadline.is_some() && !is_over() {
        let mut again: Vec<_> = undecided.iter().flatten().copied().collect();
        again.sort_unstable();
        again.dedup();
        again.retain(|cell| runs[*cell].len() < RUNS_MAX);
        if again.is_empty() {
            break;
        }
        let to_be = runs.iter().map(Vec::len).sum::<usize>() + again.len();
        round(cells, &again, plan, &mut runs, to_be, told)?;
        undecided = self::undecided(cells, &runs);
    }
    let report = report(cells, plan, &runs, &undecided)?;
    Ok((report, runs))
}

/// One more run of each of these cells, with its next seed.
fn round(
    cells: &[Cell],
    which: &[usize],
    plan: Plan,
    runs: &mut [Vec<RunMeasure>],
    to_be: usize,
    told: &mut dyn FnMut(usize, usize),
) -> anyhow::Result<()> {
    let seeds: Vec<u64> = which
        .iter()
        .map(|cell| plan.seed.wrapping_add(runs[*cell].len() as u64))
        .collect();
    let judge = Workers::new(1)?;
    let work = |number: u64| {
        let number = number as usize;
        measure(&cells[which[number]].scenario, seeds[number], &judge)
    };
    in_order(plan.jobs, which.len() as u64, &work, &mut |number, measured| {
        let (cell, seed) = (which[number as usize], seeds[number as usize]);
        runs[cell].push(measured.unwrap_or_else(|why| RunMeasure::failed(seed, &why)));
        told(runs.iter().map(Vec::len).sum(), to_be);
        ControlFlow::Continue(())
    });
    Ok(())
}

/// Cells next to each other of which it is not known which has the more stale reads.
fn undecided(cells: &[Cell], runs: &[Vec<RunMeasure>]) -> Vec<[usize; 2]> {
    let shares: Vec<_> = runs.iter().map(|runs| stale_share(runs)).collect();
    let is_never = |cell: usize| shares[cell].high.is_some_and(|high| high < STALE_NEVER);
    let pairs = (0..cells.len()).flat_map(|one| (0..one).map(move |other| [other, one]));
    let is_undecided = |[one, other]: &[usize; 2]| {
        cells[*one].is_next_to(&cells[*other])
            && !shares[*one].differs_from(&shares[*other])
            && !(is_never(*one) && is_never(*other))
    };
    pairs.filter(is_undecided).collect()
}

fn report(
    cells: &[Cell],
    plan: Plan,
    runs: &[Vec<RunMeasure>],
    undecided: &[[usize; 2]],
) -> anyhow::Result<MatrixReport> {
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
        cells.first().map(|cell| &cell.scenario),
        reports,
        undecided.iter().map(names).collect(),
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
