//! Running the cells of a suite in virtual time, seeds side by side.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Catch, Cell, CellReport, Expected, Suite, SuiteReport};
use crate::{
    exit::Exit,
    scenario::Scenario,
    sweep::{Limits, SeedRun, Seeds, sweep},
    trial::Trial,
    workers::Workers,
};

/// How a suite is run.
#[derive(Clone, Copy, Debug)]
pub struct SuiteOptions {
    /// How many seeds at a time.
    pub jobs: usize,
    /// No cell is begun after it.
    pub deadline: Option<Instant>,
    /// Whether to find out with how few faults each bug is caught: a run more for each fault.
    pub finds_least: bool,
}

/// Runs the cells of a suite one after another, and shows what came of each to `watch`.
///
/// # Errors
/// The system gives no thread to judge on.
pub fn run(suite: &Suite, options: SuiteOptions, watch: &mut dyn FnMut(&CellReport)) -> anyhow::Result<SuiteReport> {
    // One thread judges each seed: the others have seeds of their own.
    let mut runner = Runner {
        judge: Workers::new(1)?,
        jobs: options.jobs,
        finds_least: options.finds_least,
        clean: BTreeMap::new(),
    };
    let mut report = SuiteReport::default();
    for cell in &suite.cells {
        if options.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            report.left.push(cell.name.clone());
            continue;
        }
        let cell = runner.cell(cell);
        watch(&cell);
        report.cells.push(cell);
    }
    Ok(report)
}

struct Runner {
    judge: Workers,
    jobs: usize,
    finds_least: bool,
    /// What was found without a bug, by scenario and count of seeds: bugs share settings.
    clean: BTreeMap<String, Vec<u64>>,
}

impl Runner {
    fn cell(&mut self, cell: &Cell) -> CellReport {
        let began = Instant::now();
        let mut report = CellReport {
            cell: cell.clone(),
            broken: Vec::new(),
            caught_in: 0,
            catch: None,
            unbroken: Vec::new(),
            not_held: Vec::new(),
            false_alarms: Vec::new(),
            seeds: 0,
            took: Duration::ZERO,
        };
        match &cell.expected {
            Expected::Valid => self.observe(cell, &[], &mut report),
            Expected::Observed(claims) => self.observe(cell, claims, &mut report),
            Expected::Caught { claim, in_seeds } => self.catch(cell, claim, *in_seeds, &mut report),
        }
        report.took = began.elapsed();
        report
    }

    /// Runs seeds until each of `claims` was seen broken, or all of them where there is none to see.
    fn observe(&self, cell: &Cell, claims: &[String], report: &mut CellReport) {
        let mut unseen: Vec<&String> = claims.iter().collect();
        let batch = self.jobs as u64;
        for first in (1..=cell.seeds).step_by(self.jobs) {
            let count = batch.min(cell.seeds - first + 1);
            for run in self.seeds(&cell.scenario, first, count) {
                report.seeds += 1;
                report.false_alarms.extend(run.is_failed().then_some(run.seed));
                let not_held = cell.held.iter().filter(|claim| !run.has_held(claim));
                report.not_held.extend(not_held.cloned());
                let seen = |claim: &&String| run.observed.contains(*claim);
                report.broken.extend(
                    unseen
                        .iter()
                        .copied()
                        .filter(seen)
                        .map(|claim| (claim.clone(), run.seed)),
                );
                unseen.retain(|claim| !seen(claim));
            }
            if unseen.is_empty() && !claims.is_empty() {
                break;
            }
        }
        report.unbroken = unseen.into_iter().cloned().collect();
        report.not_held.sort();
        report.not_held.dedup();
    }

    /// Runs all seeds with the bug, and then without.
    fn catch(&mut self, cell: &Cell, claim: &String, in_seeds: u64, report: &mut CellReport) {
        let runs = self.seeds(&cell.scenario, 1, cell.seeds);
        let caught: Vec<_> = runs.iter().filter(|run| run.violated.contains(claim)).collect();
        report.seeds = runs.len() as u64;
        report.caught_in = caught.len() as u64;
        report
            .broken
            .extend(caught.first().map(|run| (claim.clone(), run.seed)));
        let first = caught.first().map(|run| run.seed).filter(|_| self.finds_least);
        report.catch = first.and_then(|seed| Catch::again(&cell.scenario, seed, claim, &self.judge));
        if report.caught_in < in_seeds {
            report.unbroken.push(claim.clone());
        }
        let clean = Scenario {
            plant: None,
            ..cell.scenario.clone()
        };
        let nameless = Scenario {
            name: String::new(),
            purpose: String::new(),
            ..clean.clone()
        };
        // What a script leaves untested is asked of the claim alone.
        let asked = if clean.script.is_empty() { "" } else { claim };
        let name = format!("{} {asked} {nameless:?}", cell.seeds);
        if let Some(known) = self.clean.get(&name) {
            report.false_alarms.clone_from(known);
            return;
        }
        let runs = self.seeds(&clean, 1, cell.seeds);
        report.seeds += runs.len() as u64;
        // A run that proves nothing is as little use as one that finds what is not there, but where a script asks the little that it asks.
        let is_wrong = |run: &&SeedRun| match clean.script.is_empty() {
            true => run.exit != Exit::Valid,
            false => run.is_failed() || !run.has_held(claim),
        };
        report.false_alarms = runs.iter().filter(is_wrong).map(|run| run.seed).collect();
        self.clean.insert(name, report.false_alarms.clone());
    }

    fn seeds(&self, scenario: &Scenario, first: u64, count: u64) -> Vec<SeedRun> {
        let limits = Limits {
            jobs: self.jobs,
            failed_max: None,
            deadline: None,
        };
        let simulate = |seed| SeedRun::of_trial(Trial::in_memory(scenario.clone(), seed), &self.judge);
        let mut runs = Vec::new();
        sweep(
            &Seeds::new(Vec::new(), first, count),
            limits,
            &simulate,
            &mut |run, _| runs.push(run.clone()),
        );
        runs
    }
}
