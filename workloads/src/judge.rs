//! The verdict: what was claimed, and whether the record bears it out.

use quorate_checker::{Context, Counts, Finding, History, Witness, checks};
use serde::Serialize;

use crate::{Claim, Settings, claims};

/// How a claim fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimVerdict {
    /// Claimed, tested, and not broken.
    Held,
    /// Claimed and broken.
    Violated,
    /// Claimed, not seen broken, and part of the record could not be judged.
    Unknown,
    /// Claimed, and nothing tested it.
    Vacuous,
    /// Not claimed, and seen broken.
    Observed,
    /// Not claimed, and not seen broken.
    NotObserved,
}

impl ClaimVerdict {
    /// Its name in files and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            ClaimVerdict::Held => "held",
            ClaimVerdict::Violated => "violated",
            ClaimVerdict::Unknown => "unknown",
            ClaimVerdict::Vacuous => "vacuous",
            ClaimVerdict::Observed => "observed",
            ClaimVerdict::NotObserved => "not-observed",
        }
    }
}

/// How a whole run fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every claim held.
    Valid,
    /// A claim was violated.
    Invalid,
    /// Part of the record could not be judged.
    Unknown,
    /// Something that was claimed was not tested.
    Vacuous,
}

impl Verdict {
    /// Its name in files and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Invalid => "invalid",
            Verdict::Unknown => "unknown",
            Verdict::Vacuous => "vacuous",
        }
    }
}

/// How one claim fared, and the evidence.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimReport {
    /// Which.
    pub claim: Claim,
    /// Whether it was claimed at the settings.
    pub claimed: bool,
    /// Why, or why not.
    pub reason: &'static str,
    /// How it fared.
    pub verdict: ClaimVerdict,
    /// How often it was seen broken.
    pub count: u64,
    /// How many operations could have broken it.
    pub tested: u64,
    /// The smallest case in which it was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// Why part of the record could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// A run's claims, judged.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The whole.
    pub verdict: Verdict,
    /// Why the whole is vacuous whatever its claims say, if it is.
    pub vacuous: Option<&'static str>,
    /// Claim by claim.
    pub claims: Vec<ClaimReport>,
    /// How much the record holds.
    pub counts: Counts,
}

/// What is known of a run beside its history.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// For the words and the excuses of the checker.
    pub context: Context,
    /// Whether any fault was seen to take effect; `None` where nothing is known of faults.
    pub faults_took_effect: Option<bool>,
}

/// Judges a history of the register workload.
pub fn judge(history: &History, settings: Settings, facts: &RunFacts) -> Judgement {
    let counts = Counts::of(history);
    let vacuous = vacuity(&counts, facts);
    let report = |expectation: crate::Expectation| {
        let finding = check(expectation.claim, history, &facts.context);
        ClaimReport {
            claim: expectation.claim,
            claimed: expectation.claimed,
            reason: expectation.reason,
            verdict: claim_verdict(expectation.claimed, &finding, vacuous.is_some()),
            count: finding.count,
            tested: finding.tested,
            witness: finding.witness,
            unknown: finding.unknown,
        }
    };
    let claims: Vec<_> = claims(settings).into_iter().map(report).collect();
    Judgement {
        verdict: verdict(&claims),
        vacuous,
        claims,
        counts,
    }
}

fn check(claim: Claim, history: &History, context: &Context) -> Finding {
    match claim {
        Claim::NoValueFromNowhere => checks::values_from_nowhere(history, context),
        Claim::NoFailedWriteVisible => checks::failed_writes_visible(history, context),
        Claim::FreshReads => checks::fresh_reads(history, context),
        Claim::Linearizable => checks::linearizable(history, context),
        Claim::ReadYourWrites => checks::read_your_writes(history, context),
        Claim::MonotonicReads => checks::monotonic_reads(history, context),
        Claim::MonotonicWrites => checks::monotonic_writes(history, context),
        Claim::WritesFollowReads => checks::writes_follow_reads(history, context),
        Claim::DurableAcks => checks::acked_writes_survive(history, context),
        Claim::Handoff => checks::handoff(history, context),
        Claim::Converges => checks::converged(history, context),
    }
}

fn vacuity(counts: &Counts, facts: &RunFacts) -> Option<&'static str> {
    if facts.faults_took_effect == Some(false) {
        Some("no fault took effect")
    } else if counts.reads_racing == 0 {
        Some("no read raced a write")
    } else {
        None
    }
}

fn claim_verdict(claimed: bool, finding: &Finding, vacuous: bool) -> ClaimVerdict {
    match (claimed, finding.count > 0) {
        (true, true) => ClaimVerdict::Violated,
        (false, true) => ClaimVerdict::Observed,
        (false, false) => ClaimVerdict::NotObserved,
        (true, false) if vacuous || finding.tested == 0 => ClaimVerdict::Vacuous,
        (true, false) if finding.unknown.is_some() => ClaimVerdict::Unknown,
        (true, false) => ClaimVerdict::Held,
    }
}

/// Of several, the gravest: a violation stands whatever else is not known, and what was not tested says less than what
/// was tested in part.
fn verdict(claims: &[ClaimReport]) -> Verdict {
    let any = |verdict| claims.iter().any(|claim| claim.verdict == verdict);
    if any(ClaimVerdict::Violated) {
        Verdict::Invalid
    } else if any(ClaimVerdict::Vacuous) {
        Verdict::Vacuous
    } else if any(ClaimVerdict::Unknown) {
        Verdict::Unknown
    } else {
        Verdict::Valid
    }
}
