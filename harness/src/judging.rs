//! From what a run recorded to what the checker is told of it.

use std::{sync::Arc, time::Duration};

use quorate_checker::{Context, History, cluster::ClusterRecord};
use quorate_workloads::{
    Execute, Exercise, Judgement, Record, RunFacts, Settings, Workload, judge, judge_transactions,
};

use crate::{fault_log::Faults, owed::owed, scenario::Scenario};

/// How long after its request timeout a coordinator may take to keep its hints: they wait for one sync of its disk.
const HINT_MARGIN: Duration = Duration::from_secs(1);

/// What is known of a run beside its history.
pub fn run_facts(
    scenario: &Scenario,
    faults: &Faults,
    told: Option<Arc<ClusterRecord>>,
    exercise: Option<Exercise>,
) -> RunFacts {
    RunFacts {
        context: Context {
            replica_count: Some(scenario.replicas()),
            faults: faults.spans(),
            crashes: faults.crashes(),
            handoff_window: scenario.request_timeout + HINT_MARGIN,
        },
        faults_took_effect: Some(faults.effective_count() > 0),
        cluster: told,
        removals: faults.removals_of_living(),
        changes: faults.changes(),
        // A script asks at several levels, and for what is not to be answered.
        owed: scenario.script.is_empty().then(|| owed(scenario, faults)),
        exercise,
    }
}

/// Judges the record of our own store by the claims that are made at the settings of `scenario`.
///
/// # Panics
/// If the record is not one of its workload.
pub fn judge_claims(scenario: &Scenario, record: &Record, facts: &RunFacts, execute: &dyn Execute) -> Judgement {
    judge_by(judge, scenario, record, facts, execute)
}

/// As [`judge_claims`], but nothing is measured beside.
///
/// # Panics
/// If the record is not one of its workload.
pub fn judge_briefly(scenario: &Scenario, record: &Record, facts: &RunFacts, execute: &dyn Execute) -> Judgement {
    judge_by(quorate_workloads::judge_briefly, scenario, record, facts, execute)
}

/// How a history of keys is judged.
type JudgeKeys = fn(Workload, &History, Settings, &RunFacts, &dyn Execute) -> Judgement;

fn judge_by(
    judge: JudgeKeys,
    scenario: &Scenario,
    record: &Record,
    facts: &RunFacts,
    execute: &dyn Execute,
) -> Judgement {
    let (workload, settings) = (scenario.workload, scenario.settings());
    match record {
        Record::Keys(history) => judge(workload, history, settings, facts, execute),
        Record::Own(own) => judge_transactions(workload, own, settings, facts, execute),
        Record::Calls(_) | Record::Txns(_) => unreachable!("claims of our own store are asked of its own record"),
    }
}
