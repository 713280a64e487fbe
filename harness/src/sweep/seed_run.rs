//! What is kept of the run of one seed.

use std::time::Duration;

use quorate_workloads::{ClaimReport, ClaimVerdict, Execute};

use crate::{
    coverage::Coverage,
    exit::{Exit, exit_of},
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
    /// The claims that were violated.
    pub violated: Vec<String>,
    /// The claims that are not made, and were seen broken.
    pub observed: Vec<String>,
    /// What the violated ones were broken by.
    pub anomalies: Vec<String>,
    /// The claims that could not be judged, or that nothing tested.
    pub not_judged: Vec<String>,
    /// The claims that something was put to the test of, be it too little to prove them, and that were not seen broken.
    pub whole: Vec<String>,
    /// The thresholds that were missed, with what was measured.
    pub missed: Vec<String>,
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
    /// Runs a trial that leaves nothing, in virtual time, for its verdict.
    pub fn of_trial(trial: Trial, execute: &dyn Execute) -> SeedRun {
        let seed = trial.seed();
        match simulate(trial.brief(), execute, None, &mut |_| {}) {
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
            violated: Vec::new(),
            observed: Vec::new(),
            anomalies: Vec::new(),
            not_judged: Vec::new(),
            whole: Vec::new(),
            missed: Vec::new(),
            error: Some(why),
            virtual_time: Duration::ZERO,
            ops: 0,
            events: 0,
            coverage: Coverage::of_failure(),
        }
    }

    fn of_simulated(seed: u64, simulated: &Simulated) -> SeedRun {
        let report = &simulated.report;
        let with = |verdicts: &[ClaimVerdict]| {
            let claims = report.judgement.claims.iter();
            let claims = claims.filter(|claim| verdicts.contains(&claim.verdict));
            claims.map(|claim| &claim.claim).collect::<Vec<_>>()
        };
        let violated = with(&[ClaimVerdict::Violated]);
        let observed = with(&[ClaimVerdict::Observed]);
        let not_judged = with(&[ClaimVerdict::Unknown, ClaimVerdict::Vacuous]);
        let is_whole = |claim: &&ClaimReport| claim.tested > 0 && claim.count == 0 && claim.unknown.is_none();
        let whole = report.judgement.claims.iter().filter(is_whole);
        SeedRun {
            seed,
            exit: report.exit,
            violated: violated.iter().map(|claim| claim.name.to_string()).collect(),
            observed: observed.iter().map(|claim| claim.name.to_string()).collect(),
            anomalies: violated.iter().map(|claim| claim.anomaly.to_string()).collect(),
            not_judged: not_judged.iter().map(|claim| claim.name.to_string()).collect(),
            whole: whole.map(|claim| claim.claim.name.to_string()).collect(),
            missed: report
                .missed()
                .map(|reached| format!("{} ({})", reached.threshold, reached.words))
                .collect(),
            error: None,
            virtual_time: simulated.virtual_time,
            ops: report.judgement.counts.ops,
            events: simulated.events,
            coverage: simulated.coverage.clone(),
        }
    }

    /// Whether it has to be looked at. One that proves nothing has not failed.
    pub fn is_failed(&self) -> bool {
        !matches!(self.exit, Exit::Valid | Exit::Vacuous)
    }

    /// Whether something was put to the test of a claim, claimed or not, and nothing broke it.
    pub fn has_held(&self, claim: &str) -> bool {
        self.whole.iter().any(|whole| whole == claim)
    }

    /// The claims that kept it from being valid: where some were violated, it does not matter which others nothing tested.
    pub fn claims(&self) -> &[String] {
        if self.violated.is_empty() {
            &self.not_judged
        } else {
            &self.violated
        }
    }

    /// What came of it, in words.
    pub fn words(&self) -> String {
        let claims = self.claims().join(", ");
        match (&self.error, self.anomalies.is_empty()) {
            (Some(error), _) => format!("failed to {error}"),
            (None, true) if self.exit == Exit::Missed => format!("missed: {}", self.missed.join(", ")),
            (None, true) => format!("not judged: {claims}"),
            (None, false) => format!("{claims} ({})", self.anomalies.join(", ")),
        }
    }
}
