//! The verdict: what was claimed, and whether the record bears it out.

use std::{borrow::Cow, sync::Arc};

use quorate_checker::{
    Context, Counts, Doubt, Finding, History, Witness,
    checks::{self, Owed},
    cluster::{self, ClusterRecord},
    counters,
    linear::{self, Budget},
    sets, siblings,
};
use serde::Serialize;

use crate::{
    Claim, Consistency, Execute, Exercise, Expectation, Figure, Property, Settings, Tested, Workload, claims,
    claims::quorums_meet, execute::map, floors, tested::Happened,
};

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
    pub claim: Property,
    /// Whether it was claimed at the settings.
    pub claimed: bool,
    /// Why, or why not.
    pub reason: Cow<'static, str>,
    /// How it fared.
    pub verdict: ClaimVerdict,
    /// How often it was seen broken.
    pub count: u64,
    /// How many operations could have broken it.
    pub tested: u64,
    /// What else has to happen for it to be tested, and how often it did; nothing where that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tested_by: Vec<Tested>,
    /// The smallest case in which it was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
    /// Why part of the record could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Doubt>,
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
    /// Of transactions, the weakest models that were broken, and those that are therefore broken too.
    pub levels: Option<(Vec<String>, Vec<String>)>,
    /// What was measured besides.
    pub figures: Vec<Figure>,
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
    /// What the nodes told of their owners and quorums, where that is known.
    pub cluster: Option<Arc<ClusterRecord>>,
    /// Requests to remove members that were alive, which have to be refused.
    pub removals: Vec<RemovalOfLiving>,
    /// Changes of membership that were asked for and waited for.
    pub changes: Vec<ChangeOfMembers>,
    /// Which requests were owed an answer, where that is known.
    pub owed: Option<Owed>,
    /// Whether it went by the clock of a machine that may have been busy with something else.
    pub is_in_real_time: bool,
    /// What the nodes have counted, where that is known.
    pub exercise: Option<Exercise>,
}

/// A request to remove a member that was alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalOfLiving {
    /// Whom.
    pub node: String,
    /// Whether the node that was asked did so.
    pub is_done: bool,
}

/// A change of membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeOfMembers {
    /// Which.
    pub what: String,
    /// What was still moving when it had been waited for long enough, if it had.
    pub unfinished: Option<String>,
}

/// Judges a history of `workload`, which is not one of transactions, and measures what there is to measure beside. Its checks,
/// each of some of the keys, are carried out by `execute`.
///
/// # Panics
/// If it is: [`judge_transactions`](crate::judge_transactions) judges those.
pub fn judge(
    workload: Workload,
    history: &History,
    settings: Settings,
    facts: &RunFacts,
    execute: &dyn Execute,
) -> Judgement {
    Judgement {
        figures: figures(workload, history, facts, execute),
        ..judge_briefly(workload, history, settings, facts, execute)
    }
}

/// What is expected of a run at these settings.
fn expected(workload: Workload, settings: Settings, facts: &RunFacts) -> Vec<Expectation> {
    let of_run = |expectation: Expectation| {
        // Nothing can be said of answers where nobody knows what was broken.
        let is_unknown = expectation.claim.is_of_answers() && facts.owed.is_none();
        (!is_unknown).then(|| match facts.is_in_real_time {
            true => expectation.in_real_time(),
            false => expectation,
        })
    };
    claims(workload, settings).into_iter().filter_map(of_run).collect()
}

/// As [`judge`], but nothing is measured: for whoever asks for the verdict alone, as a sweep over many seeds does.
pub fn judge_briefly(
    workload: Workload,
    history: &History,
    settings: Settings,
    facts: &RunFacts,
    execute: &dyn Execute,
) -> Judgement {
    let parts = cut(history, execute);
    let counts = counted(&parts, execute, Counts::of);
    let vacuous = vacuity(&counts, facts);
    let happened = Happened::of(history, counts.reads_racing, facts);
    let expectations = expected(workload, settings, facts);
    let findings = map(execute, expectations.len() * parts.len(), |number| {
        let (claim, part) = (expectations[number / parts.len()].claim, &parts[number % parts.len()]);
        match &facts.owed {
            Some(owed) if claim == Claim::Available => checks::answered(part, owed, &facts.context),
            Some(owed) if claim == Claim::RefusedPromptly => checks::refused(part, owed, &facts.context),
            _ => check_of(workload, claim)(part, &facts.context),
        }
    });
    let mut findings = findings.into_iter();
    let report = |expectation: Expectation| {
        let finding = merged(findings.by_ref().take(parts.len()));
        let floors = floors(expectation.claim, workload, settings);
        let tested_by = happened.map_or_else(Vec::new, |happened| happened.held_to(&floors));
        let is_below = !tested_by.iter().all(Tested::is_enough);
        let property = expectation.claim.property();
        ClaimReport {
            tested_by,
            ..claim_report(
                property,
                expectation.claimed,
                expectation.reason.into(),
                finding,
                vacuous.is_some() || is_below,
            )
        }
    };
    let mut claims: Vec<_> = expectations.into_iter().map(report).collect();
    claims.extend(beside_the_history(facts, settings));
    Judgement {
        verdict: verdict(&asked_for(&claims, settings, vacuous)),
        vacuous,
        claims,
        levels: None,
        figures: Vec::new(),
        counts,
    }
}

/// What is judged by what else is known of a run.
pub(crate) fn beside_the_history(facts: &RunFacts, settings: Settings) -> impl Iterator<Item = ClaimReport> {
    let cluster = facts.cluster.as_deref();
    let quorums = cluster.map(|cluster| quorums_report(cluster, settings));
    let moves = cluster.filter(|cluster| !cluster.moves.is_empty()).map(moves_report);
    let removals = Some(&facts.removals).filter(|asked| !asked.is_empty());
    let removals = removals.map(|asked| removals_report(asked));
    let changes = Some(&facts.changes).filter(|asked| !asked.is_empty());
    let changes = changes.map(|asked| changes_report(asked));
    let members = cluster
        .filter(|cluster| !cluster.members.is_empty())
        .map(members_report);
    let compared = cluster.filter(|cluster| !cluster.comparisons.is_empty());
    let compared = compared.map(|cluster| comparisons_report(cluster, settings));
    let of_members = removals.into_iter().chain(changes).chain(members);
    quorums.into_iter().chain(moves).chain(of_members).chain(compared)
}

/// The names of what is judged by what else is known of a run than its history.
pub const BESIDE_THE_HISTORY: [&str; 6] = [
    "quorums-meet",
    "moves-are-proved",
    "the-living-stay",
    "changes-end",
    "members-agree",
    "anti-entropy-rests",
];

/// Whether quorums met, as the nodes tell it. That nothing tested it, because nobody asked enough, is no reason to doubt the
/// rest.
fn quorums_report(cluster: &ClusterRecord, settings: Settings) -> ClaimReport {
    let property = Property::new(
        "quorums-meet",
        "any two quorums that are counted for a partition, one for a read and one for a write, have a node in common",
        "disjoint-quorums",
    );
    let (claimed, reason) = quorums_meet(settings);
    let finding = cluster::quorums_meet(cluster);
    claim_report(property, claimed, reason.into(), finding, false)
}

/// Whether what was copied and dropped had been compared with enough owners, as the nodes tell it.
fn moves_report(cluster: &ClusterRecord) -> ClaimReport {
    let property = Property::new(
        "moves-are-proved",
        "a new owner is read from, and an old one drops what it has, once more than half of the owners have the same",
        "unproved-move",
    );
    let reason = "each compares what it has with the owners, by their record";
    claim_report(property, true, reason.into(), cluster::moves_are_proved(cluster), false)
}

/// Whether nobody was removed who was alive.
fn removals_report(asked: &[RemovalOfLiving]) -> ClaimReport {
    let property = Property::new(
        "the-living-stay",
        "a member that is alive is not removed",
        "living-removed",
    );
    let done: Vec<_> = asked.iter().filter(|removal| removal.is_done).collect();
    let witness = done.first().map(|removal| {
        let node = &removal.node;
        let text = format!("{node} was up, and linked with the node that was asked to remove it, which did so.");
        in_words(node, text)
    });
    let finding = Finding {
        tested: asked.len() as u64,
        count: done.len() as u64,
        witness,
        unknown: None,
    };
    claim_report(property, true, "who is alive can leave".into(), finding, false)
}

/// Whether changes of membership came to their end.
fn changes_report(asked: &[ChangeOfMembers]) -> ClaimReport {
    let property = Property::new(
        "changes-end",
        "once all faults are over, a change of members comes to its end, and nothing moves any more",
        "endless-change",
    );
    let unfinished: Vec<_> = asked.iter().filter_map(|change| change.unfinished.as_ref()).collect();
    let witness = asked.iter().find_map(|change| {
        let still = change.unfinished.as_ref()?;
        Some(in_words(&change.what, format!("It was waited for in vain: {still}.")))
    });
    let finding = Finding {
        tested: asked.len() as u64,
        count: unfinished.len() as u64,
        witness,
        unknown: None,
    };
    let reason = "each step is asked for again until the owners have taken it";
    claim_report(property, true, reason.into(), finding, false)
}

/// Whether members knew one another in the end.
fn members_report(cluster: &ClusterRecord) -> ClaimReport {
    let property = Property::new(
        "members-agree",
        "in the end every member knows of all others, knows the same of each, and of nobody who is gone",
        "differing-members",
    );
    let reason = "what a node says of itself gets to all, and who is gone never comes back";
    claim_report(property, true, reason.into(), cluster::members_agree(cluster), false)
}

/// Whether anti-entropy found nothing to do once it had done all.
fn comparisons_report(cluster: &ClusterRecord, settings: Settings) -> ClaimReport {
    let property = Property::new(
        "anti-entropy-rests",
        "once replicas are equal, comparing them finds no difference",
        "endless-repair",
    );
    let finding = cluster::comparisons_rest(cluster);
    claim_report(
        property,
        !settings.disks_go_back,
        comparisons_reason(settings).into(),
        finding,
        false,
    )
}

fn comparisons_reason(settings: Settings) -> &'static str {
    if settings.disks_go_back {
        "an old copy of a disk: two updates with one name differ for ever"
    } else {
        "a tree is a function of what is held, however that came"
    }
}

/// A witness that no operation has a part in.
fn in_words(of: &str, text: String) -> Witness {
    Witness {
        key: of.to_owned(),
        ops: Vec::new(),
        text,
        starts: Vec::new(),
        picture: None,
    }
}

/// What there is to measure of registers: how stale reads were, what replicas held in the end and when they came to agree.
fn figures(workload: Workload, history: &History, facts: &RunFacts, execute: &dyn Execute) -> Vec<Figure> {
    if !matches!(workload, Workload::Register | Workload::Deletes | Workload::Cas) {
        return Vec::new();
    }
    let staleness = || Figure::staleness(&checks::staleness(history));
    let replicas = || Figure::replicas(&checks::replicas(history, &facts.context));
    Figure::measure(execute, &[&staleness, &replicas])
}

/// The history in as many parts as there is a point in, and at least one.
pub(crate) fn cut(history: &History, execute: &dyn Execute) -> Vec<History> {
    let parts = history.parts(execute.part_count());
    if parts.is_empty() { vec![history.clone()] } else { parts }
}

/// How much all parts together hold.
pub(crate) fn counted(parts: &[History], execute: &dyn Execute, count: fn(&History) -> Counts) -> Counts {
    let counts = map(execute, parts.len(), |number| count(&parts[number]));
    let counts = counts.into_iter().map(|counts| counts.expect("counting does not fail"));
    counts.reduce(Counts::merge).unwrap_or_default()
}

/// What was found in all parts together; that a check panicked in one of them is a reason not to know.
pub(crate) fn merged(parts: impl Iterator<Item = Result<Finding, String>>) -> Finding {
    let findings = parts.map(|part| part.unwrap_or_else(|panic| crashed(&panic)));
    findings
        .reduce(Finding::merge)
        .expect("a history has at least one part")
}

/// What is known after a check has panicked: nothing.
pub(crate) fn crashed(panic: &str) -> Finding {
    Finding::unknown(format!("the check itself failed, which is a bug of quorate: {panic}"))
}

/// How a property fared, from what was found.
pub(crate) fn claim_report(
    claim: Property,
    claimed: bool,
    reason: Cow<'static, str>,
    finding: Finding,
    is_vacuous: bool,
) -> ClaimReport {
    ClaimReport {
        claim,
        claimed,
        reason,
        verdict: claim_verdict(claimed, &finding, is_vacuous),
        count: finding.count,
        tested: finding.tested,
        tested_by: Vec::new(),
        witness: finding.witness,
        unknown: finding.unknown,
    }
}

impl Judgement {
    /// What tested the claims: each thing that was counted, how often it happened and how often it had to, and the claims that ask for it.
    pub fn tests(&self) -> Vec<(Tested, Vec<&str>)> {
        let mut tests: Vec<(Tested, Vec<&str>)> = Vec::new();
        for claim in self.claims.iter().filter(|claim| claim.claimed) {
            for tested in &claim.tested_by {
                let at = tests
                    .iter()
                    .position(|(known, _)| known.by == tested.by)
                    .unwrap_or_else(|| {
                        tests.push((*tested, Vec::new()));
                        tests.len() - 1
                    });
                tests[at].1.push(&claim.claim.name);
            }
        }
        tests.sort_by_key(|(tested, _)| tested.by);
        tests
    }

    /// The weakest levels of consistency that were broken, and the stronger ones that are therefore broken too.
    pub fn broken_levels(&self) -> (Vec<String>, Vec<String>) {
        if let Some(levels) = &self.levels {
            return levels.clone();
        }
        let is_broken = |report: &&ClaimReport| report.count > 0;
        let broken = self.claims.iter().filter(is_broken);
        let mut levels: Vec<Consistency> = broken.filter_map(|report| level_of(&report.claim.name)).collect();
        levels.sort_unstable();
        levels.dedup();
        let implied: Vec<Consistency> = levels.iter().flat_map(|level| level.above_all()).collect();
        let weakest = levels.iter().filter(|level| !implied.contains(level));
        let mut stronger: Vec<Consistency> = implied.clone();
        stronger.sort_unstable();
        stronger.dedup();
        let names = |levels: Vec<Consistency>| levels.into_iter().map(Consistency::name).collect();
        (names(weakest.copied().collect()), names(stronger))
    }
}

/// The level of consistency that a claim amounts to, if it does.
fn level_of(claim: &str) -> Option<Consistency> {
    let stale = [
        Claim::FreshReads,
        Claim::NoValueFromNowhere,
        Claim::NoFailedWriteVisible,
    ];
    if stale.iter().any(|stale| stale.name() == claim) {
        return Some(Consistency::Regular);
    }
    claim.parse().ok()
}

type Check = fn(&History, &Context) -> Finding;

fn check_of(workload: Workload, claim: Claim) -> Check {
    assert!(claim.is_of(workload), "{claim:?} says something of {workload:?}");
    match workload {
        Workload::Register | Workload::Deletes => check_of_registers(claim),
        Workload::Siblings => check_of_siblings(claim),
        Workload::Set => check_of_sets(claim),
        Workload::Counter => check_of_counters(claim),
        Workload::Cas => check_of_agreed_registers(claim),
        Workload::Append | Workload::Txn => unreachable!("transactions are judged by `judge_transactions`"),
    }
}

pub(crate) fn check_of_registers(claim: Claim) -> Check {
    match claim {
        Claim::NoValueFromNowhere => checks::values_from_nowhere,
        Claim::NoFailedWriteVisible => checks::failed_writes_visible,
        Claim::FreshReads => checks::fresh_reads,
        Claim::Linearizable => checks::linearizable,
        Claim::ReadYourWrites => checks::read_your_writes,
        Claim::MonotonicReads => checks::monotonic_reads,
        Claim::MonotonicWrites => checks::monotonic_writes,
        Claim::WritesFollowReads => checks::writes_follow_reads,
        Claim::DurableAcks => checks::acked_writes_survive,
        Claim::Handoff => checks::handoff,
        Claim::Converges => checks::converged,
        Claim::DeletesStayDeleted => checks::deletes_stay_deleted,
        Claim::NoResurrection => checks::deleted_in_the_end,
        other => unasked(other),
    }
}

/// Those of registers; but what is compared takes a search, and a replica may hold for a while what was never agreed upon.
fn check_of_agreed_registers(claim: Claim) -> Check {
    match claim {
        Claim::Linearizable => |history, context| linear::registers(history, &Budget::default(), context),
        Claim::NoFailedWriteVisible => checks::failed_proposals_visible,
        other => check_of_registers(other),
    }
}

fn check_of_siblings(claim: Claim) -> Check {
    match claim {
        Claim::NoValueFromNowhere => siblings::values_from_nowhere,
        Claim::NoFailedWriteVisible => siblings::failed_writes_visible,
        Claim::ReadYourWrites => siblings::read_your_writes,
        Claim::MonotonicReads => siblings::monotonic_reads,
        Claim::DurableAcks => siblings::acked_writes_survive,
        Claim::Converges => siblings::converged,
        Claim::DeletesStayDeleted => siblings::overwritten_stay_gone,
        Claim::NoResurrection => siblings::gone_in_the_end,
        Claim::SiblingsComplete => siblings::complete,
        Claim::SiblingsNotInvented => siblings::not_invented,
        other => unasked(other),
    }
}

fn check_of_sets(claim: Claim) -> Check {
    match claim {
        Claim::NoValueFromNowhere => sets::values_from_nowhere,
        Claim::NoFailedWriteVisible => sets::failed_writes_visible,
        Claim::FreshReads => sets::complete,
        Claim::ReadYourWrites => sets::read_your_writes,
        Claim::MonotonicReads => sets::monotonic_reads,
        Claim::DurableAcks => sets::acked_writes_survive,
        Claim::Converges => sets::converged,
        Claim::DeletesStayDeleted => sets::removed_stay_removed,
        Claim::NoResurrection => sets::gone_in_the_end,
        Claim::SetExact => sets::exact,
        other => unasked(other),
    }
}

fn check_of_counters(claim: Claim) -> Check {
    match claim {
        Claim::NoValueFromNowhere => counters::values_from_nowhere,
        Claim::FreshReads => counters::fresh_reads,
        Claim::ReadYourWrites => counters::read_your_writes,
        Claim::Converges => counters::converged,
        Claim::CounterExact => counters::exact,
        other => unasked(other),
    }
}

fn unasked(claim: Claim) -> ! {
    unreachable!("`Claim::is_of` and the checks agree, of {claim:?} too")
}

pub(crate) fn vacuity(counts: &Counts, facts: &RunFacts) -> Option<&'static str> {
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
        (true, false) if vacuous => ClaimVerdict::Vacuous,
        (true, false) if finding.unknown.is_some() => ClaimVerdict::Unknown,
        (true, false) if finding.tested == 0 => ClaimVerdict::Vacuous,
        (true, false) => ClaimVerdict::Held,
    }
}

/// The claims that decide the verdict. Where no node is away no write need fail, and then that none is visible which
/// did is nothing that the run had to test; nor is it that answers came that were owed, where faults left none to be.
pub(crate) fn asked_for(claims: &[ClaimReport], settings: Settings, vacuous: Option<&str>) -> Vec<ClaimReport> {
    let needs_no_test = |report: &ClaimReport| {
        let is_of_failed = report.claim.name == Claim::NoFailedWriteVisible.name() && !settings.nodes_are_away;
        let mut of_answers = Claim::ALL.into_iter().filter(|claim| claim.is_of_answers());
        let is_of_answers = of_answers.any(|claim| report.claim.name == claim.name());
        (is_of_failed || is_of_answers) && report.verdict == ClaimVerdict::Vacuous && vacuous.is_none()
    };
    claims.iter().filter(|report| !needs_no_test(report)).cloned().collect()
}

/// Of several, the gravest: a violation stands whatever else is not known, and what was not tested says less than what
/// was tested in part.
pub(crate) fn verdict(claims: &[ClaimReport]) -> Verdict {
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

#[cfg(test)]
mod tests {
    use quorate_checker::text;

    use super::*;
    use crate::{InOrder, ReadRepair};

    fn violated(workload: Workload, history: &str) -> Vec<String> {
        let history = text::parse(history).expect("the history is well-formed");
        let judgement = judge(
            workload,
            &history,
            Settings::strict(3, 2, 2, ReadRepair::Blocking),
            &RunFacts::default(),
            &InOrder,
        );
        let broken = judgement
            .claims
            .iter()
            .filter(|it| it.verdict == ClaimVerdict::Violated);
        broken.map(|report| report.claim.name.to_string()).collect()
    }

    /// Carries out all checks but those of the numbers that are given, which panic.
    struct Failing(usize);

    impl Execute for Failing {
        fn execute(&self, count: usize, unit: &(dyn Fn(usize) + Sync)) -> Vec<Result<(), String>> {
            let end = |number: usize| match number {
                // The first piece of work counts the history; that is no check.
                number if count > 1 && number == self.0 => Err("it broke".to_owned()),
                number => {
                    unit(number);
                    Ok(())
                }
            };
            (0..count).map(end).collect()
        }

        fn part_count(&self) -> usize {
            1
        }
    }

    #[test]
    fn a_check_that_fails_is_unknown_and_no_other() {
        let history = text::parse(" 0..3 p1 write k 1\n 1..5 p2 read k -> 1").expect("the history is well-formed");
        let settings = Settings::strict(3, 2, 2, ReadRepair::Blocking);
        let facts = RunFacts::default();
        let whole = judge(Workload::Register, &history, settings, &facts, &InOrder);
        let broken = judge(Workload::Register, &history, settings, &facts, &Failing(2));
        for (number, (whole, broken)) in whole.claims.iter().zip(&broken.claims).enumerate() {
            let expected = if number == 2 {
                ClaimVerdict::Unknown
            } else {
                whole.verdict
            };
            assert_eq!(broken.verdict, expected, "{:?}", broken.claim.name);
        }
        let why = broken.claims[2].unknown.as_deref().expect("why");
        assert!(why.contains("it broke"), "{why}");
    }

    /// Every claim of every workload has its check.
    #[test]
    fn nothing_is_found_in_an_empty_history() {
        for workload in Workload::ALL.into_iter().filter(|it| !it.is_of_transactions()) {
            assert!(violated(workload, "").is_empty());
        }
    }

    #[test]
    fn each_workload_is_judged_by_its_own_checks() {
        let deletes = " 0..1 p1 write k 1\n 2..3 p1 delete k\n 4..5 p2 read k -> 1";
        let deleted = ["fresh-reads", "linearizable", "deletes-stay-deleted"];
        assert_eq!(violated(Workload::Deletes, deletes), deleted);

        let siblings = " 0..1 p1 write k 1\n 2..9 p1 write k 2 seen=[1]\n 4..5 p2 read k -> [1,2]";
        assert_eq!(violated(Workload::Siblings, siblings), ["siblings-not-invented"]);

        let end = "phase=final node=n1";
        let set = format!(" 0..1 p1 add k 1\n 8..9 o read-replica k -> [] {end}");
        assert_eq!(violated(Workload::Set, &set), ["durable-acks", "set-exact"]);

        let cas = " 0..1 p1 write k 1\n 2..3 p1 cas k [1,2]\n 4..5 p2 cas k [1,3]";
        assert_eq!(violated(Workload::Cas, cas), ["linearizable"]);
        // A minority may hold what it accepted until it learns that nothing came of it; a client is not told so, nor anybody in the end.
        let outbid = " 0..9 p1 cas k [0,2] fail\n 1..5 p2 write k 1\n 6..7 p2 read k -> 1";
        let held = |phase| format!("{outbid}\n 20..21 o read-replica k -> 2 phase={phase} node=n2");
        assert!(violated(Workload::Cas, &held("handoff")).is_empty());
        let is_shown = |text: &str| violated(Workload::Cas, text).contains(&"no-failed-write-visible".to_owned());
        assert!(is_shown(&held("final")));
        let read = format!("{outbid}\n 10..11 p3 read k -> 2");
        assert!(is_shown(&read));

        let counter = format!(" 0..1 p1 increment k 1\n 8..9 o read-replica k -> 0 {end}");
        assert_eq!(violated(Workload::Counter, &counter), ["counter-exact"]);
    }
}
