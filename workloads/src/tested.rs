//! What tests a claim: a run in which none of it happened says nothing of the claim, whatever was asked.
//!
//! Each claim has its floors, computed from what it is about: that quorums meet is tested by quorums that differ, that hints bring what
//! was missed by hints, that what is deleted stays so by deletes. Below one the claim is vacuous. A floor that the settings rule out is
//! none: where no node is ever away, no hint need be kept.

use std::collections::{BTreeMap, BTreeSet};

use quorate_checker::{
    Action, Context, History,
    cluster::{ClusterRecord, CountedQuorum, QuorumOperation},
};
use serde::Serialize;

use crate::{Claim, RunFacts, Settings, Workload};

/// Something that happens in a run, and that claims are tested by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stress {
    /// Reads that raced a write of their key.
    RacingReads,
    /// Quorums that answered reads of a partition, of other nodes than one that a write was acknowledged by.
    DifferingQuorums,
    /// Writes that surely failed.
    FailedWrites,
    /// Writes that were acknowledged before a fault was over.
    WritesBeforeFaults,
    /// Hints that were delivered.
    HintsDelivered,
    /// Records brought to replicas that lacked them: by hints, by reads, by anti-entropy.
    Differences,
    /// Deletes, and removals from sets, that were acknowledged.
    Deletes,
    /// Tombstones that were forgotten.
    TombstonesCollected,
    /// Reads that returned several values.
    Siblings,
}

impl Stress {
    /// Every sort, in the order in which they are told.
    pub const ALL: [Stress; 9] = [
        Stress::RacingReads,
        Stress::DifferingQuorums,
        Stress::FailedWrites,
        Stress::WritesBeforeFaults,
        Stress::HintsDelivered,
        Stress::Differences,
        Stress::Deletes,
        Stress::TombstonesCollected,
        Stress::Siblings,
    ];

    /// What is counted, in words.
    pub fn words(self) -> &'static str {
        match self {
            Stress::RacingReads => "reads that raced a write of their key",
            Stress::DifferingQuorums => "quorums of reads that differed from a write's",
            Stress::FailedWrites => "writes that failed",
            Stress::WritesBeforeFaults => "writes acknowledged before a fault was over",
            Stress::HintsDelivered => "hints delivered",
            Stress::Differences => "records brought to replicas that lacked them",
            Stress::Deletes => "deletes and removals acknowledged",
            Stress::TombstonesCollected => "tombstones collected",
            Stress::Siblings => "reads of several siblings",
        }
    }
}

/// How often something has to happen for a claim to be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Floor {
    /// What.
    pub by: Stress,
    /// How often at least.
    pub least: u64,
}

/// A floor, and how often it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// What.
    pub by: Stress,
    /// How often at least.
    pub least: u64,
    /// How often it did.
    pub count: u64,
}

impl Tested {
    /// Whether it was enough.
    pub fn is_enough(&self) -> bool {
        self.count >= self.least
    }
}

/// What the nodes of a run have counted, in all their lives as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exercise {
    /// Hints that they delivered.
    pub hints_delivered: u64,
    /// Records that they sent to replicas which a read found behind.
    pub read_repairs: u64,
    /// Records that anti-entropy brought.
    pub anti_entropy_records: u64,
    /// Tombstones that they forgot.
    pub tombstones_collected: u64,
}

/// What has to happen for a claim to be tested at these settings.
pub fn floors(claim: Claim, workload: Workload, settings: Settings) -> Vec<Floor> {
    // It is no matter of values: those requests test it that are owed an answer.
    if claim.is_of_answers() {
        return Vec::new();
    }
    let mut by = vec![Stress::RacingReads];
    let mut ask = |stress: Stress, is_possible: bool| by.extend(Some(stress).filter(|_| is_possible));
    match claim {
        Claim::NoValueFromNowhere | Claim::KeysInOrder | Claim::StrictSerializable => {}
        Claim::Available | Claim::RefusedPromptly => {}
        Claim::NoFailedWriteVisible => ask(Stress::FailedWrites, settings.nodes_are_away),
        Claim::FreshReads | Claim::Linearizable | Claim::ReadYourWrites | Claim::MonotonicReads => {
            ask(Stress::DifferingQuorums, quorums_can_differ(settings));
        }
        Claim::SiblingsComplete => {
            ask(Stress::DifferingQuorums, quorums_can_differ(settings));
            ask(Stress::Siblings, true);
        }
        Claim::SiblingsNotInvented => ask(Stress::Siblings, true),
        Claim::MonotonicWrites | Claim::WritesFollowReads => {}
        Claim::DurableAcks | Claim::SetExact | Claim::CounterExact => ask(Stress::WritesBeforeFaults, true),
        Claim::Handoff => ask(Stress::HintsDelivered, settings.nodes_are_away),
        // What owners agree upon they bring each other up to date with by proposals, which nobody counts.
        Claim::Converges if workload.is_agreed_upon(settings.write_path) => {}
        Claim::Converges => ask(Stress::Differences, settings.nodes_are_away),
        Claim::DeletesStayDeleted | Claim::NoResurrection => {
            // Of siblings, what was overwritten has to stay gone as well.
            ask(Stress::Deletes, workload != Workload::Siblings);
            ask(Stress::TombstonesCollected, settings.tombstones_go);
        }
    }
    by.into_iter().map(|by| Floor { by, least: 1 }).collect()
}

/// Whether one read can be answered by others than those that acknowledged a write.
fn quorums_can_differ(settings: Settings) -> bool {
    let all_write = usize::from(settings.quorums.writes_reach) >= usize::from(settings.n);
    settings.n > 1 && !(settings.quorums.reads_ask_all && all_write)
}

/// How often each thing happened in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened {
    counts: [u64; Stress::ALL.len()],
}

impl Happened {
    /// Counts what happened; `None` where the record is not that of a run, or nothing is known of its nodes.
    pub(crate) fn of(history: &History, races: u64, facts: &RunFacts) -> Option<Happened> {
        let exercise = facts.exercise?;
        let count = |stress: Stress| match stress {
            Stress::RacingReads => races,
            Stress::DifferingQuorums => facts.cluster.as_deref().map_or(0, differing_quorums),
            Stress::FailedWrites => count_ops(history, |op| op.is_failed_write()),
            Stress::WritesBeforeFaults => writes_before_faults(history, &facts.context),
            Stress::HintsDelivered => exercise.hints_delivered,
            Stress::Differences => exercise.hints_delivered + exercise.read_repairs + exercise.anti_entropy_records,
            Stress::Deletes => count_ops(history, |op| {
                op.is_acked_write() && matches!(op.action, Action::Delete | Action::Remove)
            }),
            Stress::TombstonesCollected => exercise.tombstones_collected,
            Stress::Siblings => count_ops(history, |op| {
                let several = || {
                    history
                        .value(op.value)
                        .as_array()
                        .is_some_and(|values| values.len() > 1)
                };
                op.is_ok_read() && several()
            }),
        };
        Some(Happened {
            counts: Stress::ALL.map(count),
        })
    }

    /// The floors of a claim, with how often each thing happened.
    pub(crate) fn held_to(&self, floors: &[Floor]) -> Vec<Tested> {
        let tested = |floor: &Floor| {
            let place = Stress::ALL.iter().position(|stress| *stress == floor.by);
            Tested {
                by: floor.by,
                least: floor.least,
                count: self.counts[place.expect("every sort is listed")],
            }
        };
        floors.iter().map(tested).collect()
    }
}

fn count_ops(history: &History, is_it: impl Fn(&quorate_checker::Op) -> bool) -> u64 {
    // Key by key: in order over all keys they would have to be copied and sorted.
    let ops = history.keys().flat_map(|key| history.ops_of(key));
    ops.filter(|op| is_it(op)).count() as u64
}

/// Writes that were acknowledged, and begun before the last fault was over.
fn writes_before_faults(history: &History, context: &Context) -> u64 {
    let ends = context.faults.iter().map(|fault| fault.end_ns.unwrap_or(u64::MAX));
    let Some(last) = ends.max() else {
        return 0;
    };
    count_ops(history, |op| op.is_acked_write() && op.start_ns < last)
}

/// Sets of nodes that answered reads of a partition, by one of its records, while another set acknowledged a write of it.
fn differing_quorums(record: &ClusterRecord) -> u64 {
    let of = |operation: QuorumOperation| {
        let quorums = record
            .quorums
            .iter()
            .filter(move |quorum| quorum.operation == operation);
        quorums.map(|quorum: &CountedQuorum| (quorum.partition, quorum.epoch, &quorum.nodes))
    };
    let mut writes: BTreeMap<(u32, u32), BTreeSet<&BTreeSet<String>>> = BTreeMap::new();
    for (partition, epoch, nodes) in of(QuorumOperation::Write) {
        writes.entry((partition, epoch)).or_default().insert(nodes);
    }
    let reads: BTreeSet<_> = of(QuorumOperation::Read).collect();
    let differs = |(partition, epoch, nodes): &&(u32, u32, &BTreeSet<String>)| {
        let of_same = writes.get(&(*partition, *epoch));
        of_same.is_some_and(|writes| writes.iter().any(|write| write != nodes))
    };
    reads.iter().filter(differs).count() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_checker::{FaultSpan, text};

    use super::*;
    use crate::{ClaimVerdict, InOrder, ReadRepair, Tombstones, judge_briefly};

    const DELETES: &str = "
         0..10  p1  write k 1                   node=n1 version=1
         1..11  p2  read k -> 1                 version=1
        20..21  p1  delete k                    node=n1 version=2
        22..23  p2  read k -> nil               version=2
        30..31  p3  write k 7 fail
        40..41  o   read-replica k -> nil       node=n1 phase=handoff version=2
        42..43  o   read-replica k -> nil       node=n2 phase=handoff version=2
        50..51  o   read-replica k -> nil       node=n1 phase=final version=2
        52..53  o   read-replica k -> nil       node=n2 phase=final version=2
    ";

    const SIBLINGS: &str = "
         0..10  p1  write k 1
         0..10  p3  write k 2
         5..20  p2  read k -> [1,2]
        22..23  p2  read k -> [1,2]
        30..31  p1  write j 5
        40..41  p2  read j -> [5]
    ";

    /// A run in which everything has happened that tests claims.
    #[derive(Clone)]
    struct Run {
        workload: Workload,
        history: String,
        facts: RunFacts,
    }

    fn quorum(operation: QuorumOperation, nodes: [&str; 2]) -> CountedQuorum {
        CountedQuorum {
            partition: 0,
            epoch: 1,
            operation,
            nodes: nodes.map(str::to_owned).into(),
            coordinator: "n1".to_owned(),
        }
    }

    fn cluster(write: [&str; 2], read: [&str; 2]) -> Option<Arc<ClusterRecord>> {
        let quorums = [
            quorum(QuorumOperation::Write, write),
            quorum(QuorumOperation::Read, read),
        ];
        Some(Arc::new(ClusterRecord {
            quorums: quorums.into(),
            ..ClusterRecord::default()
        }))
    }

    fn run(workload: Workload) -> Run {
        let fault = FaultSpan {
            label: "n3 isolated".to_owned(),
            start_ns: 0,
            end_ns: Some(35_000_000),
        };
        let history = if workload == Workload::Siblings {
            SIBLINGS
        } else {
            DELETES
        };
        Run {
            workload,
            history: history.to_owned(),
            facts: RunFacts {
                context: Context {
                    replica_count: Some(2),
                    faults: vec![fault],
                    ..Context::default()
                },
                faults_took_effect: Some(true),
                cluster: cluster(["n1", "n2"], ["n2", "n3"]),
                removals: Vec::new(),
                changes: Vec::new(),
                owed: None,
                is_in_real_time: false,
                exercise: Some(Exercise {
                    hints_delivered: 1,
                    read_repairs: 0,
                    anti_entropy_records: 0,
                    tombstones_collected: 1,
                }),
            },
        }
    }

    fn verdict(run: &Run, claim: Claim) -> ClaimVerdict {
        let history = text::parse(&run.history).expect("the history is well-formed");
        let settings = Settings {
            tombstones: Tombstones::Safe,
            tombstones_go: run.workload != Workload::Siblings,
            ..Settings::strict(3, 2, 2, ReadRepair::Blocking)
        };
        let judgement = judge_briefly(run.workload, &history, settings, &run.facts, &InOrder);
        let report = judgement.claims.iter().find(|report| report.claim.name == claim.name());
        report.expect("it is asked of the workload").verdict
    }

    type Takeaway = fn(&mut Run);

    /// Without what tests it a claim is vacuous, whatever else happened.
    #[test]
    fn each_floor_bites() {
        let cases: [(Claim, Workload, Takeaway); 10] = [
            (Claim::FreshReads, Workload::Deletes, |run| {
                run.facts.cluster = cluster(["n1", "n2"], ["n1", "n2"]);
            }),
            (Claim::Linearizable, Workload::Deletes, |run| {
                run.facts.cluster = cluster(["n1", "n2"], ["n1", "n2"]);
            }),
            (Claim::NoValueFromNowhere, Workload::Deletes, |run| {
                run.history = run.history.replace(" 1..11", "12..13");
            }),
            (Claim::NoFailedWriteVisible, Workload::Deletes, |run| {
                run.history = run.history.replace("7 fail", "7 info");
            }),
            (Claim::DurableAcks, Workload::Deletes, |run| {
                run.facts.context.faults.clear();
            }),
            (Claim::Handoff, Workload::Deletes, |run| {
                run.facts.exercise = Some(Exercise {
                    hints_delivered: 0,
                    read_repairs: 1,
                    ..run.facts.exercise.expect("it is known")
                });
            }),
            (Claim::Converges, Workload::Deletes, |run| {
                run.facts.exercise = Some(Exercise {
                    hints_delivered: 0,
                    ..run.facts.exercise.expect("it is known")
                });
            }),
            (Claim::NoResurrection, Workload::Deletes, |run| {
                run.facts.exercise = Some(Exercise {
                    tombstones_collected: 0,
                    ..run.facts.exercise.expect("it is known")
                });
            }),
            (Claim::DeletesStayDeleted, Workload::Deletes, |run| {
                run.history = run.history.replace("delete k   ", "delete k info");
            }),
            (Claim::SiblingsComplete, Workload::Siblings, |run| {
                run.history = run
                    .history
                    .replace("5..20  p2  read k -> [1,2]", "5..20  p2  read k -> [1]");
                run.history = run.history.replace("22..23  p2  read k -> [1,2]", "");
            }),
        ];
        for (claim, workload, take_away) in cases {
            let mut run = run(workload);
            assert_eq!(verdict(&run, claim), ClaimVerdict::Held, "{claim:?}");
            take_away(&mut run);
            assert_eq!(verdict(&run, claim), ClaimVerdict::Vacuous, "{claim:?}");
            // Of a history alone it is not known what its nodes did: only what it shows is asked of it.
            run.facts.exercise = None;
            let by_history = [
                Claim::NoValueFromNowhere,
                Claim::NoFailedWriteVisible,
                Claim::DeletesStayDeleted,
            ];
            let expected = if by_history.contains(&claim) {
                ClaimVerdict::Vacuous
            } else {
                ClaimVerdict::Held
            };
            assert_eq!(verdict(&run, claim), expected, "{claim:?}");
        }
    }

    #[test]
    fn a_floor_that_can_not_be_reached_is_none() {
        let asks = |claim, settings| {
            let floors = floors(claim, Workload::Register, settings);
            floors.into_iter().map(|floor| floor.by).collect::<Vec<_>>()
        };
        let strict = Settings::strict(3, 2, 2, ReadRepair::Blocking);
        assert_eq!(
            asks(Claim::FreshReads, strict),
            [Stress::RacingReads, Stress::DifferingQuorums]
        );
        let all = Settings::strict(3, 3, 3, ReadRepair::Blocking);
        assert_eq!(asks(Claim::FreshReads, all), [Stress::RacingReads]);
        let together = Settings {
            nodes_are_away: false,
            ..strict
        };
        assert_eq!(
            asks(Claim::Handoff, strict),
            [Stress::RacingReads, Stress::HintsDelivered]
        );
        assert_eq!(asks(Claim::Handoff, together), [Stress::RacingReads]);
    }
}
