//! The ways to read: whom they ask, what they wait for, and what they leave behind.

use std::time::Duration;

use quorate_core::{Absence, Ask, Fetch, Level, Preferred, ReadOk, ReadRepair, ReadRequest};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, register, text, write};

fn read(level: Level) -> ReadRequest {
    ReadRequest::new(register("k"), level, TIMEOUT)
}

fn value(read: &ReadOk) -> Option<String> {
    read.cell.as_ref().and_then(text)
}

fn only_the_first_has_it() -> (Cluster, Vec<usize>) {
    only_one_has_it(0)
}

/// Five nodes of which only one owner has the key: it died before it sent it on.
fn only_one_has_it(at: usize) -> (Cluster, Vec<usize>) {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    let owner = NodeIndex(owners[at]);
    cluster.isolate(owner.0);
    cluster.sim.submit(owner, write("k", "v", 2));
    cluster.pass(Duration::from_millis(50));
    cluster.sim.kill(owner);
    cluster.sim.heal();
    cluster.sim.start(owner);
    cluster.settle();
    (cluster, owners)
}

#[test]
fn an_owner_that_reads_at_one_repairs_the_others_all_the_same() {
    for fetch in [Fetch::Values, Fetch::Digests] {
        let (mut cluster, owners) = only_the_first_has_it();
        let request = ReadRequest {
            repair: ReadRepair::Async,
            fetch,
            ..read(Level::One)
        };
        let ok = cluster.submit_read(owners[0], request).expect("it has it itself");
        assert_eq!((value(&ok).as_deref(), ok.answers.len()), (Some("v"), 1));
        cluster.wait_for_quiet();
        for owner in owners {
            assert_eq!(cluster.replica(owner, "k").as_deref(), Some("v"), "{fetch:?}");
        }
    }
}

#[test]
fn preferred_answers_are_waited_for_and_not_longer_than_told() {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    let request = ReadRequest {
        preferred: Some(Preferred {
            count: 3,
            wait: Duration::from_millis(20),
        }),
        ..read(Level::One)
    };
    let ok = cluster.submit_read(owners[0], request.clone()).expect("all run");
    assert_eq!(ok.answers.len(), 3);
    cluster.sim.cut(NodeIndex(owners[1]), NodeIndex(owners[0]));
    let before = cluster.sim.now();
    let ok = cluster.submit_read(owners[0], request).expect("one is enough");
    assert_eq!(ok.answers.len(), 2);
    let took = cluster.sim.now() - before;
    assert!((20..25).contains(&took.as_millis()), "{took:?}");
}

/// S21 of CLAIMS.md: the first that has nothing answers for all.
#[test]
fn an_absence_that_answers_alone_hides_what_was_acknowledged() {
    for (absence, expected) in [(Absence::Counts, Some("v")), (Absence::AnswersAlone, None)] {
        for fetch in [Fetch::Values, Fetch::Digests] {
            let (mut cluster, owners) = only_the_first_has_it();
            let request = ReadRequest {
                absence,
                fetch,
                ..read(Level::All)
            };
            let ok = cluster.submit_read(owners[1], request).expect("all run");
            assert_eq!(value(&ok).as_deref(), expected, "{absence:?} {fetch:?}");
        }
    }
}

/// A digest that says something is no absence, even while what it is of has not come in.
#[test]
fn an_absence_does_not_answer_once_a_digest_was_seen() {
    let (mut cluster, owners) = only_one_has_it(1);
    let request = ReadRequest {
        absence: Absence::AnswersAlone,
        fetch: Fetch::Digests,
        ..read(Level::Quorum)
    };
    let outside = (0..5)
        .find(|node| !owners.contains(node))
        .expect("three of five own it");
    // The value is asked of the first, which has none and is slow to say so, and digests of the others. The last is slower
    // still: with its answer there is a quorum that has nothing.
    for (owner, slow_ms) in [(owners[0], 50), (owners[2], 100)] {
        cluster
            .sim
            .slow(NodeIndex(owner), NodeIndex(outside), Duration::from_millis(slow_ms));
    }
    let ok = cluster.submit_read(outside, request).expect("all run");
    assert_eq!(value(&ok).as_deref(), Some("v"));
}

#[test]
fn a_hedged_read_asks_as_few_as_it_needs_and_is_not_held_up_by_one_that_is_slow() {
    // With a seed at which the slow owner's few answers before it is slow do not make it the one that is asked first.
    let mut cluster = Cluster::settled(&Shape {
        seed: 3,
        ..Shape::default()
    });
    let owners = cluster.owners("k");
    let outside = (0..5)
        .find(|node| !owners.contains(node))
        .expect("three of five own it");
    cluster.write(outside, "k", "v", 3).expect("all run");
    cluster.wait_for_quiet();
    for _ in 0..20 {
        cluster.submit_read(outside, read(Level::All)).expect("all run");
    }
    let hedged = ReadRequest {
        ask: Ask::Hedged { permille: 990 },
        ..read(Level::Quorum)
    };
    let hedges = |cluster: &Cluster| cluster.sim.status(NodeIndex(outside)).expect("it runs").counters.hedges;
    for _ in 0..20 {
        let ok = cluster.submit_read(outside, hedged.clone()).expect("all run");
        assert_eq!(ok.answers.len(), 2);
    }
    let before = hedges(&cluster);
    assert!(before < 10, "nobody was late, but for chance: {before}");
    for owner in &owners[..1] {
        cluster
            .sim
            .slow(NodeIndex(*owner), NodeIndex(outside), Duration::from_millis(100));
    }
    let mut slow = 0;
    for _ in 0..20 {
        let begun = cluster.sim.now();
        cluster
            .submit_read(outside, hedged.clone())
            .expect("two are as fast as ever");
        slow += u32::from(cluster.sim.now() - begun > Duration::from_millis(10));
    }
    assert_eq!(slow, 0);
    // After some of them it is known to be slow, and is not asked any more.
    let learnt = hedges(&cluster);
    for _ in 0..20 {
        cluster
            .submit_read(outside, hedged.clone())
            .expect("two are as fast as ever");
    }
    assert!(hedges(&cluster) < learnt + 10, "who is always late is not asked first");
}

/// The only other owner that was asked dies with its repair on its way: nobody is left to hold what was read.
#[test]
fn a_read_whose_repair_is_lost_for_good_does_not_wait_for_its_deadline() {
    let (mut cluster, owners) = only_the_first_has_it();
    cluster.sim.kill(NodeIndex(owners[2]));
    cluster.settle();
    cluster.sim.set_disk_failing(NodeIndex(owners[1]), true);
    let request = ReadRequest {
        repair: ReadRepair::Blocking { holders: Level::Quorum },
        ..read(Level::Quorum)
    };
    let begun = cluster.sim.now();
    cluster.submit_read(owners[0], request).expect_err("its repair fails");
    assert!(cluster.sim.now() - begun < TIMEOUT / 2);
}
