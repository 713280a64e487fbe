//! How a planted bug was caught: after how long, and with how few of the planned faults.

use std::time::Duration;

use quorate_workloads::{ClaimVerdict, Execute};

use crate::{
    scenario::Scenario,
    simulation::{Simulated, simulate},
    trial::Trial,
};

/// How a bug was caught in one seed.
#[derive(Clone, Debug)]
pub struct Catch {
    /// Which.
    pub seed: u64,
    /// How long the run was, in its own time.
    pub simulated: Duration,
    /// How long it took.
    pub wall: Duration,
    /// The faults of the plan without any one of which the claim is not broken in that seed.
    pub faults: Vec<String>,
}

impl Catch {
    /// Catches the bug that is planted in `scenario` again in a seed in which it breaks `claim`, and then with one fault less after another as
    /// long as it still does, the last first. `None` if it does not.
    pub(super) fn again(scenario: &Scenario, seed: u64, claim: &str, execute: &dyn Execute) -> Option<Catch> {
        let mut least = scenario.clone();
        let whole = run(&least, seed, execute).filter(|run| breaks(run, claim))?;
        // The plan is all that is broken: where none of it is left, none is to be drawn.
        least.faults.clear();
        for place in (0..least.plan.len()).rev() {
            let mut fewer = least.clone();
            fewer.plan.remove(place);
            let is_enough =
                fewer.validate().is_ok() && run(&fewer, seed, execute).is_some_and(|run| breaks(&run, claim));
            if is_enough {
                least = fewer;
            }
        }
        Some(Catch {
            seed,
            simulated: whole.virtual_time,
            wall: whole.wall_time,
            faults: least.plan.iter().map(|planned| planned.fault.to_string()).collect(),
        })
    }
}

fn run(scenario: &Scenario, seed: u64, execute: &dyn Execute) -> Option<Simulated> {
    let trial = Trial::in_memory(scenario.clone(), seed).brief();
    simulate(trial, execute, None, &mut |_| {}).ok()
}

fn breaks(run: &Simulated, claim: &str) -> bool {
    let mut claims = run.report.judgement.claims.iter();
    claims.any(|report| report.claim.name == claim && report.verdict == ClaimVerdict::Violated)
}
