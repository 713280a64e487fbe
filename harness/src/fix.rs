//! Whether a bug is gone: so many runs without it that it would have shown, were it still there as often as it was.
//!
//! That no run shows it proves nothing by itself. How often it came back before bounds how many clean runs it takes
//! ([`crate::rate`]), and only a run counts that could have shown it.

use std::{collections::BTreeMap, ops::ControlFlow};

use quorate_core::Plant;
use quorate_workloads::ClaimVerdict;

use crate::{
    exit::Exit,
    rate::{Rate, clean_runs},
    replay::shows,
    replay_log::Replays,
    report::Report,
    run_folder::Backend,
    tape::{Broken, Build, Tape},
};

/// How many clean runs are asked for, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// How often it came back.
    pub rate: Rate,
    /// In which share of runs it shows at the least, as sure as is asked.
    pub low: f64,
    /// How sure that is to be, below 1.
    pub confidence: f64,
    /// So many clean runs make it as sure that it is gone.
    pub needed: u64,
}

impl Demand {
    /// `None` if what replays have shown gives no rate.
    pub fn new(replays: &Replays, confidence: f64) -> Option<Demand> {
        let rate = rate_of(replays);
        let (low, _) = rate.interval(confidence);
        let needed = clean_runs(low, confidence).filter(|_| rate.came_back > 0)?;
        Some(Demand {
            rate,
            low,
            confidence,
            needed,
        })
    }

    /// How sure so many clean runs make it that it is gone.
    pub fn reached(&self, clean: u64) -> f64 {
        -(clean as f64 * (-self.low).ln_1p()).exp_m1()
    }
}

/// How often it came back where it might not have. The first replay of a simulated run is under the schedule of which it was
/// known that it shows it, and tells nothing of any other.
fn rate_of(replays: &Replays) -> Rate {
    let known = u64::from(replays.backend == Backend::Simulated);
    Rate {
        times: replays.rate.times.saturating_sub(known),
        came_back: replays.rate.came_back.saturating_sub(known),
    }
}

/// Whether what runs is surely what showed the bug: then there is no fix to be verified.
pub fn is_unchanged(replays: &Replays, build: &Build, plant: Option<Plant>) -> bool {
    let is_known = !build.dirty && build.commit != "unknown";
    is_known && replays.build == *build && replays.plant.as_deref() == plant.map(Plant::name)
}

/// Whether the bug of a tape showed where faults were on. One that was made small has no more of them than it takes, and does
/// not say what came of them.
pub fn needs_faults(tape: &Tape) -> bool {
    let is_small = tape.faults.is_empty() && !tape.scenario().plan.is_empty();
    is_small || tape.faults_effective() > 0
}

/// What a run says of the bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is there.
    CameBack,
    /// It could have shown and did not.
    Clean,
    /// Nothing, and why.
    Nothing(String),
}

/// What a run says of `target`. One that showed it while faults were on says nothing where none took effect.
pub fn said(report: &Report, target: &Broken, needs_faults: bool) -> Said {
    let nothing = |why: &str| Said::Nothing(why.to_owned());
    if shows(report, target) {
        return Said::CameBack;
    }
    if report.exit == Exit::Interrupted {
        return nothing("it was ended early");
    }
    let has_effect = report.measured.as_ref().is_none_or(|it| it.faults_effective > 0);
    if needs_faults && !has_effect {
        return nothing("no fault took effect");
    }
    // That the whole is vacuous, for want of faults or races, is no matter where the bug shows without: a run that was made
    // small has none to spare.
    let name = &target.claim;
    let claim = report.judgement.claims.iter().find(|claim| *claim.claim.name == **name);
    match claim {
        None => Said::Nothing(format!("this build does not judge {name}")),
        Some(claim) if claim.unknown.is_some() || claim.verdict == ClaimVerdict::Unknown => {
            Said::Nothing(format!("{name} could not be judged"))
        }
        Some(claim) if claim.tested == 0 => Said::Nothing(format!("nothing tested {name}")),
        Some(_) => Said::Clean,
    }
}

/// After so many runs of which none could have shown it, no other will.
const IDLE_MAX: u64 = 100;

/// What runs have said so far.
#[derive(Clone, Debug)]
pub struct Trials {
    /// What is asked for.
    pub demand: Demand,
    /// Runs.
    pub done: u64,
    /// Those that could have shown it and did not.
    pub clean: u64,
    /// Whether the last one showed it.
    pub came_back: bool,
    /// Runs that said nothing, by why.
    pub not_counted: BTreeMap<String, u64>,
    /// Claims that were violated besides, and in how many runs.
    pub also_violated: BTreeMap<String, u64>,
}

impl Trials {
    /// Before the first.
    pub fn new(demand: Demand) -> Trials {
        Trials {
            demand,
            done: 0,
            clean: 0,
            came_back: false,
            not_counted: BTreeMap::new(),
            also_violated: BTreeMap::new(),
        }
    }

    /// Takes in one more run; breaks when it is decided.
    pub fn take(&mut self, report: &Report, said: Said) -> ControlFlow<()> {
        self.done += 1;
        match said {
            Said::CameBack => {
                self.came_back = true;
                return ControlFlow::Break(());
            }
            Said::Clean => self.clean += 1,
            Said::Nothing(why) => *self.not_counted.entry(why).or_default() += 1,
        }
        let claims = report.judgement.claims.iter();
        for claim in claims.filter(|claim| claim.verdict == ClaimVerdict::Violated) {
            *self.also_violated.entry(claim.claim.name.to_string()).or_default() += 1;
        }
        if self.is_enough() || self.is_hopeless() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Whether as many were clean as are needed.
    pub fn is_enough(&self) -> bool {
        self.clean >= self.demand.needed
    }

    /// Whether no run so far could have shown it, so that it is pointless to go on.
    pub fn is_hopeless(&self) -> bool {
        self.clean == 0 && self.done >= IDLE_MAX
    }

    /// How the process ends. That another claim was violated is said as gravely as ever: a bug may only look different.
    pub fn exit(&self) -> Exit {
        match () {
            () if self.came_back || !self.also_violated.is_empty() => Exit::Invalid,
            () if self.is_enough() => Exit::Valid,
            () => Exit::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quorate_checker::{Context, HistoryBuilder};
    use quorate_workloads::{InOrder, RunFacts, judge};

    use super::*;
    use crate::{report::Measured, scenario::Scenario};

    fn target() -> Broken {
        Broken {
            claim: "fresh-reads".to_owned(),
            anomaly: "stale-read".to_owned(),
            claimed: true,
        }
    }

    fn replays(backend: Backend, times: u64, came_back: u64) -> Replays {
        Replays::new(backend, &target(), Rate { times, came_back }, None)
    }

    #[test]
    fn as_many_clean_runs_are_asked_for_as_the_rate_demands() {
        let demand = |backend, times, came_back| Demand::new(&replays(backend, times, came_back), 0.95);
        // 12 of 20: at least in 36 of 100, as the tables of the interval have it; 0.64^7 < 0.05 < 0.64^6.
        let processes = demand(Backend::Processes, 20, 12).expect("a rate");
        assert_eq!(processes.needed, 7);
        assert!(processes.reached(6) < 0.95 && processes.reached(7) >= 0.95 && processes.reached(0) == 0.0);
        // What the schedule that is known to show it does, is not counted.
        let simulated = demand(Backend::Simulated, 21, 13).expect("a rate");
        assert_eq!((simulated.rate, simulated.needed), (processes.rate, 7));
        assert_eq!(demand(Backend::Simulated, 20, 1), None);
        assert_eq!(demand(Backend::Processes, 20, 0), None);
        assert!(demand(Backend::Processes, 200, 1).expect("a rate").needed > 20_000);
    }

    #[test]
    fn what_has_not_changed_is_known_only_of_a_clean_commit() {
        let mut replays = replays(Backend::Processes, 20, 20);
        replays.build = Build {
            version: "1".to_owned(),
            commit: "abc".to_owned(),
            dirty: false,
        };
        let build = replays.build.clone();
        assert!(is_unchanged(&replays, &build, None));
        assert!(!is_unchanged(&replays, &build, Plant::ALL.first().copied()));
        let dirty = Build {
            dirty: true,
            ..build.clone()
        };
        replays.build = dirty.clone();
        assert!(!is_unchanged(&replays, &dirty, None) && !is_unchanged(&replays, &build, None));
    }

    /// The report of a run in which nothing was asked.
    fn empty() -> Report {
        let scenario = Scenario::quickstart();
        let facts = RunFacts {
            context: Context::default(),
            faults_took_effect: Some(true),
            cluster: None,
            removals: Vec::new(),
            changes: Vec::new(),
            owed: None,
            is_in_real_time: false,
            exercise: None,
        };
        let judgement = judge(
            scenario.workload,
            &HistoryBuilder::new().finish(),
            scenario.settings(),
            &facts,
            &InOrder,
        );
        Report {
            about: Vec::new(),
            seed: None,
            exit: judgement.verdict.into(),
            judgement,
            seconds: 0.0,
            run: None,
            measured: None,
            thresholds: Vec::new(),
        }
    }

    /// The same, if so many operations had tested the target, with this verdict.
    fn tested(tested: u64, verdict: ClaimVerdict) -> Report {
        let mut report = empty();
        report.judgement.vacuous = None;
        for claim in &mut report.judgement.claims {
            if claim.claim.name == "fresh-reads" {
                (claim.tested, claim.verdict) = (tested, verdict);
            }
        }
        report
    }

    #[test]
    fn only_what_could_have_shown_it_says_anything() {
        let said_of = |report: &Report| said(report, &target(), false);
        assert!(matches!(said_of(&empty()), Said::Nothing(_)));
        assert_eq!(said_of(&tested(5, ClaimVerdict::Held)), Said::Clean);
        assert_eq!(said_of(&tested(5, ClaimVerdict::Violated)), Said::CameBack);
        assert_eq!(said_of(&tested(5, ClaimVerdict::NotObserved)), Said::Clean);
        for report in [
            tested(0, ClaimVerdict::Held),
            tested(0, ClaimVerdict::NotObserved),
            tested(5, ClaimVerdict::Unknown),
            Report {
                exit: Exit::Interrupted,
                ..tested(5, ClaimVerdict::Held)
            },
        ] {
            assert!(matches!(said_of(&report), Said::Nothing(_)), "{report:?}");
        }
        let renamed = Broken {
            claim: "fresher-reads".to_owned(),
            ..target()
        };
        assert!(matches!(
            said(&tested(5, ClaimVerdict::Held), &renamed, false),
            Said::Nothing(_)
        ));
    }

    #[test]
    fn a_run_without_its_faults_says_nothing_where_they_were_needed() {
        let mut report = tested(5, ClaimVerdict::Held);
        report.measured = Some(Measured {
            scenario: Scenario::quickstart(),
            simulated: None,
            load_time: Duration::ZERO,
            latency: None,
            faults: 1,
            faults_effective: 0,
            quiet_after: None,
            interrupted: false,
        });
        assert_eq!(said(&report, &target(), false), Said::Clean);
        assert_eq!(
            said(&report, &target(), true),
            Said::Nothing("no fault took effect".to_owned())
        );
    }

    #[test]
    fn it_is_given_up_where_no_run_can_show_it() {
        let demand = Demand::new(&replays(Backend::Processes, 20, 20), 0.95).expect("a rate");
        let mut trials = Trials::new(demand);
        let mut take = || trials.take(&empty(), Said::Nothing("why".to_owned()));
        assert!((1..IDLE_MAX).all(|_| take().is_continue()) && take().is_break());
        assert_eq!((trials.done, trials.exit()), (IDLE_MAX, Exit::Unknown));
    }

    #[test]
    fn runs_are_counted_until_it_is_decided() {
        let demand = Demand::new(&replays(Backend::Processes, 20, 20), 0.95).expect("a rate");
        assert_eq!(demand.needed, 2);
        let clean = tested(5, ClaimVerdict::Held);
        let mut trials = Trials::new(demand);
        assert!(trials.take(&clean, Said::Clean).is_continue());
        assert!(trials.take(&clean, Said::Nothing("why".to_owned())).is_continue());
        assert_eq!((trials.done, trials.clean, trials.exit()), (2, 1, Exit::Unknown));
        let mut back = trials.clone();
        assert!(back.take(&tested(5, ClaimVerdict::Violated), Said::CameBack).is_break());
        assert_eq!(back.exit(), Exit::Invalid);
        assert!(trials.take(&clean, Said::Clean).is_break());
        assert_eq!(trials.exit(), Exit::Valid);
        // Another claim that was violated is told, and decides how it ends.
        let mut other = Trials::new(demand);
        let _ = other.take(&tested(5, ClaimVerdict::Violated), Said::Clean);
        assert_eq!((other.also_violated.len(), other.exit()), (1, Exit::Invalid));
    }
}
