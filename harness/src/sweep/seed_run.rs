//! What is kept of the run of one seed.

use std::time::Duration;

use quorate_workloads::{ClaimVerdict, Execute};

use crate::{
    coverage::Coverage,
    exit::{Exit, exit_of},
    report::Report,
    simulation::{Simulated, simulate},
    trial::Trial,
};

/// How one seed ended.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedRun {
    /// Which.
    pub seed: u64,
    /// How a process that ran it alone would end.
    pub exit: Exit,
    /// The claims that kept it from being valid.
    pub claims: Vec<String>,
    /// What they were broken by.
    pub anomalies: Vec<String>,
    /// What the simulation failed with, if it did.
    pub error: Option<String>,
    /// How long it was in its own time.
    pub virtual_time: Duration,
    /// What its clients asked.
    pub ops: u64,
    /// Events of the simulation: how large it was.
    pub events: u64,
    /// What it reached.
    pub coverage: Coverage,
}

impl SeedRun {
    /// Runs a trial that leaves nothing, in virtual time.
    pub fn of_trial(trial: Trial, execute: &dyn Execute) -> SeedRun {
        let seed = trial.seed();
        match simulate(trial, execute, None, &mut |_| {}) {
            Ok(simulated) => SeedRun::of_simulated(seed, &simulated),
            Err(error) => SeedRun {
                exit: exit_of(&error),
                ..SeedRun::failure(seed, format!("{error:#}"))
            },
        }
    }

    /// A run that failed with `why` before there was a verdict.
    pub fn failure(seed: u64, why: String) -> SeedRun {
        SeedRun {
            seed,
            exit: Exit::Failure,
            claims: Vec::new(),
            anomalies: Vec::new(),
            error: Some(why),
            virtual_time: Duration::ZERO,
            ops: 0,
            events: 0,
            coverage: Coverage::of_failure(),
        }
    }

    fn of_simulated(seed: u64, simulated: &Simulated) -> SeedRun {
        let report = &simulated.report;
        let failed = failed_claims(report);
        SeedRun {
            seed,
            exit: report.exit,
            claims: failed.iter().map(|(claim, _)| claim.clone()).collect(),
            anomalies: failed.into_iter().filter_map(|(_, anomaly)| anomaly).collect(),
            error: None,
            virtual_time: simulated.virtual_time,
            ops: report.judgement.counts.ops,
            events: simulated.trace.events,
            coverage: simulated.coverage.clone(),
        }
    }

    /// Whether it has to be looked at. One that proves nothing has not failed.
    pub fn is_failed(&self) -> bool {
        !matches!(self.exit, Exit::Valid | Exit::Vacuous)
    }

    /// What came of it, in words.
    pub fn words(&self) -> String {
        match (&self.error, self.anomalies.is_empty()) {
            (Some(error), _) => format!("failed to {error}"),
            (None, true) => self.claims.join(", "),
            (None, false) => format!("{} ({})", self.claims.join(", "), self.anomalies.join(", ")),
        }
    }
}

/// The claims that kept a run from being valid, and what those that were violated were broken by. Where a claim was violated, it
/// does not matter which others nothing tested.
fn failed_claims(report: &Report) -> Vec<(String, Option<String>)> {
    let of = |verdict: ClaimVerdict| {
        let claims = report.judgement.claims.iter();
        let claims = claims.filter(move |claim| claim.verdict == verdict);
        claims.map(|claim| &claim.claim)
    };
    let violated = of(ClaimVerdict::Violated).map(|claim| (claim.name.to_string(), Some(claim.anomaly.to_string())));
    let failed: Vec<_> = violated.collect();
    if !failed.is_empty() {
        return failed;
    }
    let unproved = of(ClaimVerdict::Unknown).chain(of(ClaimVerdict::Vacuous));
    unproved.map(|claim| (claim.name.to_string(), None)).collect()
}
