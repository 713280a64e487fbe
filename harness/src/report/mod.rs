//! What is told of a verdict: on the screen, as JSON, and as files in the run's folder. Nothing here can change it.

mod anomalies;
pub mod html;
mod json;
mod showing;
mod text;

pub use self::{
    anomalies::write_anomalies,
    json::json,
    text::{path_line, text},
};
pub(crate) use self::{
    anomalies::{evidence_files, op_events},
    html::escaped,
};

use std::{path::PathBuf, time::Duration};

use quorate_workloads::{ClaimReport, ClaimVerdict, Judgement};

use crate::{
    exit::Exit,
    latency::Latency,
    scenario::Scenario,
    tape::{Broken, Ending},
    threshold::Reached,
};

/// All that there is to tell.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was judged and as what, as labels and texts; a run tells that by its measurements.
    pub about: Vec<(&'static str, String)>,
    /// The seed, where it is known.
    pub seed: Option<u64>,
    /// The verdict.
    pub judgement: Judgement,
    /// How the process ends.
    pub exit: Exit,
    /// How long the command took.
    pub seconds: f64,
    /// The run's folder, if it has one.
    pub run: Option<PathBuf>,
    /// What only a run knows, and no history.
    pub measured: Option<Measured>,
    /// How the thresholds fared that were asked for.
    pub thresholds: Vec<Reached>,
}

/// What was measured while a run went on.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was run.
    pub scenario: Scenario,
    /// The hash of all that happened, in virtual time; `None` of real processes.
    pub simulated: Option<String>,
    /// How long the load lasted.
    pub load_time: Duration,
    /// Of successful operations.
    pub latency: Option<Latency>,
    /// Faults asked for.
    pub faults: usize,
    /// Faults seen to take effect.
    pub faults_effective: usize,
    /// From the heal to rest.
    pub quiet_after: Option<Duration>,
    /// Whether the user ended it early.
    pub interrupted: bool,
}

impl Report {
    /// How the run ended, as its tape tells it.
    pub fn ending(&self) -> Ending {
        let broken = self.broken().map(|claim| Broken {
            claim: claim.claim.name.to_string(),
            anomaly: claim.claim.anomaly.to_string(),
            claimed: claim.claimed,
        });
        Ending {
            verdict: self.judgement.verdict.name().to_owned(),
            exit: self.exit.code(),
            broken: broken.collect(),
            trace_hash: self.measured.as_ref().and_then(|measured| measured.simulated.clone()),
        }
    }

    /// Where a run's folder has the evidence for a claim that was seen broken.
    ///
    /// # Panics
    /// If it was not.
    pub fn anomaly_folder(&self, claim: &ClaimReport) -> PathBuf {
        let number = self.broken_number(claim);
        let number = number.expect("only what is broken has evidence");
        PathBuf::from(format!("anomalies/{number:02}-{}", claim.claim.anomaly))
    }

    /// The number of a claim among those that were seen broken, from 1; `None` if it was not.
    pub fn broken_number(&self, claim: &ClaimReport) -> Option<usize> {
        let at = self.broken().position(|broken| broken.claim == claim.claim);
        at.map(|at| at + 1)
    }

    /// The thresholds that were missed, in words that follow others; nothing, if none was.
    pub(crate) fn missed_words(&self) -> String {
        let missed: Vec<_> = self.missed().map(|reached| reached.threshold.as_str()).collect();
        match &*missed {
            [] => String::new(),
            missed => format!("; missed: {}", missed.join(", ")),
        }
    }

    /// The thresholds that were missed.
    pub fn missed(&self) -> impl Iterator<Item = &Reached> {
        self.thresholds.iter().filter(|reached| !reached.met)
    }

    /// Claims that were seen broken, claimed or not.
    pub fn broken(&self) -> impl Iterator<Item = &ClaimReport> {
        let broken = |claim: &&ClaimReport| matches!(claim.verdict, ClaimVerdict::Violated | ClaimVerdict::Observed);
        self.judgement.claims.iter().filter(broken)
    }
}
