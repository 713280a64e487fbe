//! R and W: what is answered, what is refused, and what is never called definite.

use std::time::Duration;

use quorate_core::{Level, ReadRepair, Reason, Stage, WriteError};
use quorate_sim::{NodeIndex, Outcome};

use crate::cluster::{Cluster, Shape, write};

#[test]
fn any_node_takes_any_request() {
    let mut cluster = Cluster::settled(&Shape::default());
    for writer in 0..5 {
        let key = format!("k{writer}");
        let ok = cluster.write(writer, &key, "v", 2).expect("all nodes run");
        assert!(ok.acks.len() >= 2);
        for reader in 0..5 {
            assert_eq!(cluster.read(reader, &key).as_deref(), Some("v"));
        }
    }
    assert_eq!(cluster.read(0, "never written"), None);
}

#[test]
fn later_versions_win_whoever_coordinates() {
    let mut cluster = Cluster::settled(&Shape::default());
    let mut versions = Vec::new();
    for round in 0..20 {
        let ok = cluster
            .write(round % 5, "k", &round.to_string(), 2)
            .expect("all nodes run");
        versions.push(ok.version);
        assert_eq!(cluster.read((round + 2) % 5, "k"), Some(round.to_string()));
    }
    assert!(versions.is_sorted_by(|a, b| a < b));
}

#[test]
fn requests_that_can_not_be_are_refused_before_anything_is_sent() {
    let mut cluster = Cluster::settled(&Shape::default());
    let refusal = |result: Result<_, WriteError>| match result {
        Err(WriteError::NotApplied(refusal)) => refusal.reason().clone(),
        other => panic!("not refused: {other:?}"),
    };
    let long_key = "k".repeat(1025);
    let large_value = "v".repeat(1024 * 1024 + 1);
    for (key, value, w) in [
        ("k", "v", 0),
        ("k", "v", 4),
        ("", "v", 2),
        (&long_key, "v", 2),
        ("k", &large_value, 2),
    ] {
        let reason = refusal(cluster.write(0, key, value, w));
        assert!(matches!(reason, Reason::Invalid(_)), "{reason:?}");
    }
    assert!(
        cluster
            .read_with(
                0,
                "k",
                2,
                ReadRepair::Blocking {
                    holders: Level::Count(4)
                }
            )
            .is_err()
    );
    let owners = cluster.owners("k");
    cluster.sim.kill(NodeIndex(owners[0]));
    cluster.sim.kill(NodeIndex(owners[1]));
    cluster.pass(Duration::from_secs(1));
    let coordinator = (0..5)
        .find(|node| !owners.contains(node))
        .expect("three of five own it");
    let reason = refusal(cluster.write(coordinator, "k", "v", 2));
    assert_eq!(reason, Reason::Unavailable { required: 2, alive: 1 });
    cluster.write(coordinator, "k", "v", 1).expect("one owner is left");
}

/// The owners are cut off but not yet suspected: the write is sent, and nobody can say what became of it.
#[test]
fn a_write_that_was_sent_and_not_acknowledged_is_unknown() {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    let coordinator = (0..5)
        .find(|node| !owners.contains(node))
        .expect("three of five own it");
    cluster.isolate(coordinator);
    let error = cluster
        .write(coordinator, "k", "v", 2)
        .expect_err("nobody can be reached");
    let WriteError::Unknown(unknown) = error else {
        panic!("it was sent: {error:?}");
    };
    assert_eq!(
        (unknown.stage, unknown.acks.len(), unknown.required),
        (Stage::Holding, 0, 2)
    );
    assert!(unknown.alive < 2, "told as soon as two can't be reached any more");
    assert_eq!(cluster.read(owners[0], "k"), None);
    cluster.sim.heal();
    cluster.settle();
    cluster.wait_for_quiet();
    assert_eq!(
        cluster.read(owners[0], "k").as_deref(),
        Some("v"),
        "its hints were delivered"
    );
}

/// A write that reached one replica of three, seen by a read and then not by another: S3 and X1 of CLAIMS.md.
#[test]
fn blocking_repair_keeps_what_was_read_and_its_absence_does_not() {
    for (repair, second) in [
        (
            ReadRepair::Blocking {
                holders: Level::Count(2),
            },
            Some("v"),
        ),
        (ReadRepair::Off, None),
    ] {
        let mut cluster = Cluster::settled(&Shape::default());
        let [a, b, c] = cluster.owners("k")[..] else {
            panic!("three owners");
        };
        // a takes a write that only a holds, and dies before it keeps a hint.
        for peer in (0..5).filter(|peer| *peer != a) {
            cluster.sim.cut(NodeIndex(a), NodeIndex(peer));
        }
        cluster.sim.submit(NodeIndex(a), write("k", "v", 2));
        cluster.pass(Duration::from_millis(20));
        cluster.sim.kill(NodeIndex(a));
        cluster.sim.heal();
        // A read sees it at a and not at b, while c is away.
        cluster.sim.kill(NodeIndex(c));
        cluster.sim.start(NodeIndex(a));
        cluster.settle();
        let first = cluster.read_with(b, "k", 2, repair).expect("a and b answer");
        assert_eq!(first.as_deref(), Some("v"));
        // The next read asks b and c, while a is away.
        cluster.sim.kill(NodeIndex(a));
        cluster.sim.start(NodeIndex(c));
        cluster.settle();
        let again = cluster.read_with(b, "k", 2, repair).expect("b and c answer");
        assert_eq!(again.as_deref(), second, "{repair:?}");
    }
}

#[test]
fn a_client_whose_coordinator_dies_knows_nothing() {
    let mut cluster = Cluster::settled(&Shape::default());
    let call = cluster.sim.submit(NodeIndex(0), write("k", "v", 2));
    cluster.sim.kill(NodeIndex(0));
    let deadline = cluster.sim.now() + Duration::from_secs(5);
    let completion = cluster.sim.advance(deadline).expect("it is told");
    assert_eq!(completion.call, call);
    assert!(matches!(completion.outcome, Outcome::Lost));
    let outcome = cluster.call(0, write("k", "v", 2));
    assert!(matches!(outcome, Outcome::NotSent));
}
