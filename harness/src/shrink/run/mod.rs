//! A simulated run, and less and less of it, as long as the same claim breaks in the same way.
//!
//! A candidate is a tape with something left out. It is run: under the schedule that showed the anomaly last, and then under
//! others, as what is left out moves everything else about. It counts only if the same anomaly of the same claim shows, and
//! then the next candidate begins from it, so that the best tape so far is always one that was seen to fail.
//!
//! The order is that of how much each part can save: keys that the verdict does not speak of, the end of the run, faults, clients, keys, operations, their steps,
//! nodes, then weaker faults and less time; and once more from the beginning until nothing more goes. Each part is delta debugging
//! ([`super::ddmin`]) or a list of things to try.

mod cut;
mod passes;
mod words;

pub use self::words::explain_run;

use std::{cell::Cell, collections::BTreeSet, ops::ControlFlow};

use quorate_checker::WitnessOp;

use crate::{
    replay::{shows, under_schedules},
    report::Report,
    tape::{Broken, Tape},
};

/// What a shrink goes by.
pub struct ShrinkOptions<'a> {
    /// What has to be seen of each candidate.
    pub target: Broken,
    /// How many simulations run at a time. It does not change what is found.
    pub jobs: usize,
    /// How many candidates are tried at most.
    pub tries: u64,
    /// Asked before each candidate: whether to be content with the best so far.
    pub stop: &'a dyn Fn() -> bool,
}

/// How far a shrink has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Candidates that were tried.
    pub tried: u64,
    /// Simulations that were run for them, at most.
    pub runs: u64,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct ShrunkRun {
    /// The least tape that was seen to fail.
    pub tape: Tape,
    /// What it took.
    pub effort: Effort,
    /// Whether it was told to stop before nothing more went.
    pub is_stopped: bool,
}

/// Shrinks a simulated run. `on_best` is shown each better tape as it is found, and may keep it.
///
/// # Errors
/// If the tape does not show the anomaly to begin with (`Ok(None)`), or what `on_best` said.
pub fn shrink_run(
    tape: &Tape,
    options: &ShrinkOptions<'_>,
    on_best: &mut dyn FnMut(&Tape, Effort) -> anyhow::Result<()>,
) -> anyhow::Result<Option<ShrunkRun>> {
    let mut start = tape.aimed_at_nodes();
    // The plan is all that is broken: where none of it is left, none is to be drawn.
    start.header.scenario.faults.clear();
    (start.faults, start.ending) = (Vec::new(), None);
    let effort = Cell::new(Effort::default());
    let stop = || effort.get().tried >= options.tries || (options.stop)();
    let mut shrinker = Shrinker {
        best: start.clone(),
        options,
        effort: &effort,
        stop: &stop,
        on_best,
        failure: Ok(()),
        patience: Patience::Usual,
        witness_keys: BTreeSet::new(),
    };
    if !shrinker.accepts(start) {
        shrinker.failure?;
        return Ok(None);
    }
    shrinker.exhaust();
    shrinker.failure?;
    Ok(Some(ShrunkRun {
        tape: shrinker.best,
        effort: effort.get(),
        is_stopped: stop(),
    }))
}

/// Under how many schedules a candidate is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Few where each takes long.
    Usual,
    /// Many: for the last round, when candidates are small.
    Great,
}

impl Patience {
    fn schedules(self, asks: usize) -> u64 {
        match (self, asks) {
            (_, 2000..) => 2,
            (_, 300..) => 4,
            (_, 60..) => 8,
            (Patience::Usual, _) => 16,
            (Patience::Great, _) => 64,
        }
    }
}

struct Shrinker<'a> {
    best: Tape,
    options: &'a ShrinkOptions<'a>,
    effort: &'a Cell<Effort>,
    stop: &'a dyn Fn() -> bool,
    on_best: &'a mut dyn FnMut(&Tape, Effort) -> anyhow::Result<()>,
    failure: anyhow::Result<()>,
    patience: Patience,
    /// The keys that the run of the best tape is blamed on.
    witness_keys: BTreeSet<String>,
}

impl Shrinker<'_> {
    fn is_over(&self) -> bool {
        self.failure.is_err() || (self.stop)()
    }

    /// Whether `candidate` shows the anomaly under one of some schedules; then it is the best so far.
    fn accepts(&mut self, candidate: Tape) -> bool {
        if self.is_over() || candidate.header.scenario.validate().is_err() {
            return false;
        }
        let count = self.patience.schedules(candidate.asks.len());
        let Effort { tried, runs } = self.effort.get();
        self.effort.set(Effort {
            tried: tried + 1,
            runs: runs + count,
        });
        let Some((schedule, report)) = self.schedule_that_shows(&candidate, count) else {
            return false;
        };
        self.best = candidate;
        self.best.header.schedule = schedule;
        self.best.ending = Some(report.ending());
        self.witness_keys = witness_keys(&report, &self.options.target);
        self.failure = (self.on_best)(&self.best, self.effort.get());
        self.failure.is_ok()
    }

    /// The first of `count` schedules under which the anomaly shows, and what it shows.
    fn schedule_that_shows(&self, tape: &Tape, count: u64) -> Option<(u64, Report)> {
        let mut found = None;
        let looked = under_schedules(tape, self.options.jobs, 0, count, &mut |schedule, report| {
            // What can't be run, as nodes that never settle, does not show the anomaly.
            let shown = report.ok().filter(|report| shows(report, &self.options.target));
            found = shown.map(|report| (schedule, report));
            Ok(match found {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            })
        });
        looked.expect("no run ends the search with an error");
        found
    }
}

/// The keys of the operations that the report blames.
fn witness_keys(report: &Report, target: &Broken) -> BTreeSet<String> {
    let claims = report.judgement.claims.iter();
    let of_target = claims.filter(|claim| *claim.claim.name == *target.claim);
    let ops = of_target
        .filter_map(|claim| claim.witness.as_ref())
        .flat_map(|witness| &witness.ops);
    let keys_of = |op: &WitnessOp| {
        let steps = op.value.as_array().map_or(&[][..], Vec::as_slice);
        let of_steps = steps.iter().filter_map(|step| Some(step.get(1)?.as_str()?.to_owned()));
        let of_steps: Vec<String> = of_steps.filter(|_| op.key.is_empty()).collect();
        of_steps.into_iter().chain([op.key.clone()])
    };
    ops.flat_map(keys_of).collect()
}
