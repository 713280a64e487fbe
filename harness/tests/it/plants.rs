//! Every planted bug is caught in simulation, by the check that has to name it.
//!
//! Each row has a plan of few faults of its own, so that it stays what it is whatever else can be drawn.

use std::collections::BTreeSet;

use quorate_core::Plant;
use serde_json::Value;

use crate::command::Quorate;

/// A planted bug, and where it shows.
pub(crate) struct Catch {
    pub(crate) plant: Plant,
    /// The claim that has to name it.
    pub(crate) claim: &'static str,
    /// In how many of [`SEEDS`] seeds at least: what hangs on the timing of a few messages is not met in each.
    seeds_min: usize,
    settings: &'static str,
    /// The faults, as in a scenario, without spaces.
    plan: &'static str,
}

const SEEDS: usize = 5;

/// One node is away, and then another while what the first has missed is still being mended.
const N3_THEN_N2: &str = concat!(
    r#"{at="300ms",lasts="700ms",fault="isolate",node="n3"},"#,
    r#"{at="1300ms",lasts="700ms",fault="isolate",node="n2"}"#
);

/// A node joins, and then another leaves.
const JOIN_THEN_LEAVE: &str = r#"{at="800ms",fault="join",node="n6"},{at="2500ms",fault="leave",node="n1"}"#;

/// Two nodes join, and then two leave: every partition has other owners, and most change twice.
const JOIN_TWO_LEAVE_TWO: &str = concat!(
    r#"{at="800ms",fault="join",node="n6"},"#,
    r#"{at="800ms",fault="join",node="n7"},"#,
    r#"{at="2500ms",fault="leave",node="n1"},"#,
    r#"{at="2500ms",fault="leave",node="n2"}"#
);

/// What nodes say to each other is late, and overtaken by what they say next.
const LATE_MESSAGES: &str = concat!(
    r#"{at="500ms",lasts="2s",fault="odd-messages",from=["n1","n2","n3","n4","n5"],to=["n1","n2","n3","n4","n5"],"#,
    r#""late-percent"=20,"twice-percent"=5,by="60ms"}"#
);

/// By the rows of MUTANTS.md.
pub(crate) const CATCHES: [Catch; Plant::ALL.len()] = [
    // Q1 on the write path: a read meets none of the replicas that hold it yet.
    Catch {
        plant: Plant::ReplyBeforeAcks,
        claim: "fresh-reads",
        seeds_min: 5,
        settings: "--time 2s",
        plan: N3_THEN_N2,
    },
    // Q1: a write is on its way to all three (W = 3), and a read that saw it is followed by one that does not.
    Catch {
        plant: Plant::ReplyBeforeReadRepair,
        claim: "linearizable",
        seeds_min: 3,
        settings: "--time 2s --nodes 3 --w 3 --rate 4000 --keys 2 --concurrency 40 --set reads-percent=80",
        plan: N3_THEN_N2,
    },
    // Q1: the one value comes from a replica that was away, and a digest tells of a newer one.
    Catch {
        plant: Plant::DigestMismatchIgnored,
        claim: "fresh-reads",
        seeds_min: 4,
        settings: "--time 2s --nodes 3 --rate 3000 --keys 4 --set digests=true",
        plan: N3_THEN_N2,
    },
    // Q10: the one value comes from a replica that missed the delete.
    Catch {
        plant: Plant::DigestOmitsTombstones,
        claim: "deletes-stay-deleted",
        seeds_min: 4,
        settings: "--time 3s --workload deletes --nodes 3 --rate 3000 --keys 10 --set digests=true --set reads-percent=80",
        plan: concat!(
            r#"{at="200ms",lasts="500ms",fault="isolate",node="n3"},"#,
            r#"{at="900ms",lasts="500ms",fault="isolate",node="n2"},"#,
            r#"{at="1600ms",lasts="500ms",fault="isolate",node="n1"},"#,
            r#"{at="2300ms",lasts="500ms",fault="isolate",node="n3"}"#
        ),
    },
    // Q21: a key's first write has not reached the replica that answers first. Blocking repair would mend that.
    Catch {
        plant: Plant::FirstAbsenceWins,
        claim: "fresh-reads",
        seeds_min: 4,
        settings: "--time 2s --read-repair off --rate 1000 --keys 300",
        plan: N3_THEN_N2,
    },
    // Q4: what W replicas acknowledged is overwritten by what another one holds.
    Catch {
        plant: Plant::RepairWritesOlder,
        claim: "fresh-reads",
        seeds_min: 4,
        settings: "--time 2s",
        plan: N3_THEN_N2,
    },
    // Q14: either side of the partition takes writes, and finds who stands in for the owners on the other.
    Catch {
        plant: Plant::StrictCountsStandIns,
        claim: "fresh-reads",
        seeds_min: 5,
        settings: "--time 2s",
        plan: r#"{at="300ms",lasts="1500ms",fault="halves",side=["n1","n2"]}"#,
    },
    // Q13: one replica holds it, and a read brings it to the others.
    Catch {
        plant: Plant::UnknownCalledFailure,
        claim: "no-failed-write-visible",
        seeds_min: 5,
        settings: "--time 2s --nodes 3 --concurrency 40",
        plan: N3_THEN_N2,
    },
    // V1, V18: a write through a slow clock is below an acknowledged one that it was told of, and is lost.
    Catch {
        plant: Plant::ToldVersionsIgnored,
        claim: "durable-acks",
        seeds_min: 4,
        settings: "--time 2s --write-path abd --clock-skew 400ms",
        plan: N3_THEN_N2,
    },
    // V2: two writes that were told the same are stamped with the same time, and arrive here so and there so.
    Catch {
        plant: Plant::TieWonByLast,
        claim: "handoff",
        seeds_min: 5,
        settings: "--time 2s --write-path abd --rate 2000",
        plan: N3_THEN_N2,
    },
    // V3, V4: a collected key is written again, under dots that contexts from before its end cover.
    Catch {
        plant: Plant::ActorReused,
        claim: "siblings-complete",
        seeds_min: 3,
        settings: concat!(
            "--time 100s --workload siblings --tombstones collect:100ms --nodes 3 --concurrency 20",
            " --rate 20 --keys 3 --set reads-percent=70"
        ),
        plan: r#"{at="1s",lasts="3s",fault="isolate",node="n3"}"#,
    },
    // V6: a value is there beside the one that overwrote it.
    Catch {
        plant: Plant::ForwardedWithoutContext,
        claim: "siblings-not-invented",
        seeds_min: 5,
        settings: "--time 2s --workload siblings",
        plan: N3_THEN_N2,
    },
    // Derived from V3: a sibling is gone, and nobody who had read it has written.
    Catch {
        plant: Plant::ContextCoversUnread,
        claim: "siblings-complete",
        seeds_min: 5,
        settings: "--time 2s --workload siblings",
        plan: N3_THEN_N2,
    },
    // V12: the element is gone where its removal was applied, and the others have it back.
    Catch {
        plant: Plant::RemovedElementKept,
        claim: "set-exact",
        seeds_min: 5,
        settings: "--time 2s --workload set",
        plan: N3_THEN_N2,
    },
    // V14, Q22: the origin has applied the increment, and is not heard when it says so.
    Catch {
        plant: Plant::LostUpdateReapplied,
        claim: "counter-exact",
        seeds_min: 3,
        settings: "--time 2s --workload counter",
        plan: concat!(
            r#"{at="300ms",lasts="500ms",fault="one-way",unheard=["n1","n2"]},"#,
            r#"{at="1300ms",lasts="500ms",fault="one-way",unheard=["n3","n4"]}"#
        ),
    },
    // H2, H11.
    Catch {
        plant: Plant::HintDropped,
        claim: "handoff",
        seeds_min: 5,
        settings: "--time 2s",
        plan: N3_THEN_N2,
    },
    // H15: who is away misses two writes of a key, and is brought the first.
    Catch {
        plant: Plant::SecondHintDropped,
        claim: "handoff",
        seeds_min: 5,
        settings: "--time 2s",
        plan: N3_THEN_N2,
    },
    // H6: n1 keeps hints for n3 when it is killed. The claim excuses it for writes of the two seconds before.
    Catch {
        plant: Plant::HintsForgottenAtStart,
        claim: "handoff",
        seeds_min: 4,
        settings: "--time 6s --nodes 3 --w 1 --r 3",
        plan: concat!(
            r#"{at="1s",lasts="5s",fault="isolate",node="n3"},"#,
            r#"{at="4s",lasts="500ms",fault="kill",nodes=["n1"]}"#
        ),
    },
    // H8, A5 (X3 in CLAIMS.md): n1 keeps a hint of a value, and is away while the owners forget that they deleted it.
    // The kill makes some write fail: where none does, nothing is proved of failed writes, and the run is vacuous.
    Catch {
        plant: Plant::TombstoneCollectedEarly,
        claim: "no-resurrection",
        seeds_min: 4,
        settings: concat!(
            "--time 7s --workload deletes --tombstones collect:200ms --sloppy --nodes 3 --n 2 --r 2",
            " --w 1 --keys 60"
        ),
        plan: concat!(
            r#"{at="500ms",lasts="5s",fault="isolate",node="n1"},"#,
            r#"{at="5700ms",lasts="1s",fault="kill",nodes=["n2"]}"#
        ),
    },
    // A2: n3 is away, and who deletes is killed before it keeps a hint of that: anti-entropy alone is left.
    Catch {
        plant: Plant::ExchangeOmitsTombstones,
        claim: "converges",
        seeds_min: 3,
        settings: "--time 5s --workload deletes --nodes 3 --rate 300 --keys 20",
        plan: concat!(
            r#"{at="1s",lasts="1s",fault="isolate",node="n3"},"#,
            r#"{at="1350ms",lasts="400ms",fault="kill",nodes=["n1","n2"]},"#,
            r#"{at="3s",lasts="1s",fault="isolate",node="n3"},"#,
            r#"{at="3350ms",lasts="400ms",fault="kill",nodes=["n1","n2"]}"#
        ),
    },
    // N10: all nodes lose power with acknowledged writes on their way to the disks.
    Catch {
        plant: Plant::AckBeforeSync,
        claim: "durable-acks",
        seeds_min: 5,
        settings: "--time 1500ms --nodes 3 --w 1 --r 3 --rate 4000 --keys 40 --concurrency 20 --set reads-percent=20",
        plan: concat!(
            r#"{at="300ms",lasts="100ms",fault="kill",nodes=["n1","n2","n3"]},"#,
            r#"{at="700ms",lasts="100ms",fault="kill",nodes=["n1","n2","n3"]}"#
        ),
    },
    // T11, Q8 (X2 in CLAIMS.md): while both write, a write has two of the four, and a read the other two.
    Catch {
        plant: Plant::QuorumsNotJoint,
        claim: "quorums-meet",
        seeds_min: 4,
        settings: "--time 3500ms --set partitions=16 --rate 2000 --keys 20 --concurrency 40",
        plan: JOIN_TWO_LEAVE_TWO,
    },
    // T1, T2: who has not heard of the change yet writes to the old owners, and the new ones miss it.
    Catch {
        plant: Plant::StaleEpochServed,
        claim: "handoff",
        seeds_min: 3,
        settings: "--time 8s --set partitions=16 --rate 1000 --keys 100 --read-repair off --set gossip-interval=500ms",
        plan: concat!(
            r#"{at="800ms",fault="join",node="n6"},"#,
            r#"{at="800ms",fault="join",node="n7"},"#,
            r#"{at="5s",fault="leave",node="n1"},"#,
            r#"{at="5s",fault="leave",node="n2"},"#,
            r#"{at="5s",fault="weigh",node="n3",weight=3}"#
        ),
    },
    // T9: what a newcomer copied from one owner alone may be what that one had missed.
    Catch {
        plant: Plant::CopiesFromOne,
        claim: "moves-are-proved",
        seeds_min: 5,
        settings: "--time 4s --set partitions=16 --keys 100",
        plan: JOIN_THEN_LEAVE,
    },
    // T4, T13 (X12): it had compared what it has with nobody.
    Catch {
        plant: Plant::JoinsEmpty,
        claim: "moves-are-proved",
        seeds_min: 5,
        settings: "--time 4s --set partitions=16 --keys 100",
        plan: JOIN_THEN_LEAVE,
    },
    // T6: it has been seen to be at one of the owners, and could be the only one that more than half of them lack.
    Catch {
        plant: Plant::DroppedBeforeProof,
        claim: "moves-are-proved",
        seeds_min: 5,
        settings: "--time 4s --set partitions=16 --keys 100",
        plan: JOIN_THEN_LEAVE,
    },
    // T14: before it kills a node for good, the harness asks for its removal, in vain.
    Catch {
        plant: Plant::RemovesTheLiving,
        claim: "the-living-stay",
        seeds_min: 5,
        settings: "--time 2s --set partitions=16 --keys 100",
        plan: r#"{at="300ms",lasts="400ms",fault="isolate",node="n3"},{at="800ms",fault="remove",node="n2"}"#,
    },
    // A12 (X9): a read misses what one owner has accepted, and somebody else brings it up after.
    Catch {
        plant: Plant::SerialReadUnconfirmed,
        claim: "linearizable",
        seeds_min: 3,
        settings: "--workload cas --time 3s --rate 1000 --keys 2 --concurrency 30",
        plan: LATE_MESSAGES,
    },
    // Q22: the first attempt was accepted by some, whom somebody else found, and overwrote.
    Catch {
        plant: Plant::CasRetriedBlindly,
        claim: "linearizable",
        seeds_min: 3,
        settings: "--workload cas --time 3s --rate 1000 --keys 2 --concurrency 30",
        plan: LATE_MESSAGES,
    },
    // A14: two changes of one value both get their quorum.
    Catch {
        plant: Plant::PromiseBroken,
        claim: "linearizable",
        seeds_min: 5,
        settings: "--workload cas --time 3s --rate 1000 --keys 2 --concurrency 30",
        plan: LATE_MESSAGES,
    },
    // T12: the new owners know nothing of what the old ones agreed upon, unless somebody asks while both have a say.
    Catch {
        plant: Plant::CasStateNotMoved,
        claim: "durable-acks",
        seeds_min: 3,
        settings: "--workload cas --time 4s --set partitions=16 --keys 40",
        plan: JOIN_TWO_LEAVE_TWO,
    },
];

impl Catch {
    /// Whether it is judged by what clients saw, and not by what the nodes or the harness say of changes of membership.
    pub(crate) fn is_of_history(&self) -> bool {
        !["quorums-meet", "moves-are-proved", "the-living-stay"].contains(&self.claim)
    }

    /// The run without the bug, of so many seeds or of one.
    pub(crate) fn clean(&self, seeds: &str) -> String {
        format!("sim {seeds} {} --set plan=[{}]", self.settings, self.plan)
    }
}

/// Each planted bug is caught by the check that must name it; the same seeds are valid without it.
#[test]
fn planted_bugs_are_caught_by_the_checks_that_name_them() {
    let quorate = Quorate::new();
    let mut found_valid = BTreeSet::new();
    for (catch, plant) in CATCHES.iter().zip(Plant::ALL) {
        assert_eq!(catch.plant, plant, "the table has the order of the bugs");
        let (clean, plant) = (catch.clean(&format!("--seeds {SEEDS}")), plant.name());
        let (code, report) = quorate.json(&format!("{clean} --plant {plant}"));
        assert_eq!(code, 1, "{plant}: {report}");
        let failed = report["failed"].as_array().expect("a list");
        let caught = failed.iter().filter(|seed| is_violated(seed, catch.claim)).count();
        assert!(caught >= catch.seeds_min, "{plant}, in {caught} seeds: {report}");
        if !found_valid.contains(&clean) {
            let (code, report) = quorate.json(&clean);
            assert_eq!(code, 0, "without {plant} ({clean}): {report}");
            found_valid.insert(clean);
        }
    }
}

/// A new owner lacks what nobody has written since, and no hint is kept of that: what nodes say of it is not all there is.
#[test]
fn an_owner_that_copied_nothing_is_seen_by_who_looks_at_replicas() {
    let quorate = Quorate::new();
    let settings = "--time 4s --set partitions=64 --rate 1000 --keys 800 --read-repair off";
    let run = format!("sim --seeds {SEEDS} {settings} --set plan=[{JOIN_TWO_LEAVE_TWO}] --plant joins-empty");
    let (code, report) = quorate.json(&run);
    assert_eq!(code, 1, "{report}");
    let failed = report["failed"].as_array().expect("a list");
    let seen = failed.iter().filter(|seed| is_violated(seed, "handoff")).count();
    assert!(seen >= 4, "in {seen} seeds: {report}");
}

fn is_violated(seed: &Value, claim: &str) -> bool {
    let violated = seed["violated"].as_array().expect("a list");
    violated.iter().any(|broken| broken == claim)
}
