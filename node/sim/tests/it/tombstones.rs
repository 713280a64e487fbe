//! The end of tombstones.

use std::time::Duration;

use quorate_core::{Config, Level, Tombstones, WritePath, WriteRequest};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, put, register};

fn collecting(config: &mut Config) {
    config.tombstones = Tombstones::CollectAfter(Duration::from_secs(1));
}

fn records(cluster: &Cluster) -> usize {
    (0..cluster.sim.node_count())
        .map(|node| cluster.sim.disk(NodeIndex(node)).record_count())
        .sum()
}

#[test]
fn tombstones_go_everywhere_and_only_once_every_member_agrees() {
    for nodes in [1, 5] {
        let shape = Shape {
            nodes,
            replicas: if nodes == 1 { 1 } else { 3 },
            ..Shape::default()
        };
        let mut cluster = Cluster::started_with(&shape, |config| {
            collecting(config);
            config.seeds.truncate(1);
        });
        cluster.settle();
        let owners = cluster.owners("k");
        let w = shape.replicas;
        cluster.write(0, "k", "v", w).expect("all run");
        cluster.delete(0, "k", w).expect("all run");
        let away = NodeIndex(nodes - 1);
        if nodes > 1 {
            cluster.sim.kill(away);
            cluster.pass(Duration::from_secs(5));
            assert_eq!(records(&cluster), owners.len(), "one has not agreed");
            cluster.sim.start(away);
            cluster.settle();
        }
        cluster.pass(Duration::from_secs(5));
        assert_eq!(records(&cluster), 0);
        cluster.wait_for_quiet();
        assert_eq!(cluster.anti_entropy(0).partitions_differing, 0);
    }
}

/// An owner dies with its tombstone while the others forget theirs. A two-phase write that they are asked for knows
/// nothing of it, and is above it all the same.
#[test]
fn a_write_after_a_collection_in_part_is_not_deleted_by_what_is_left_of_the_tombstone() {
    let mut cluster = Cluster::settled(&Shape {
        settings: collecting,
        ..Shape::default()
    });
    let owners = cluster.owners("k");
    cluster.delete(owners[0], "k", 3).expect("all run");
    let (lead, left) = (NodeIndex(owners[0]), NodeIndex(owners[2]));
    cluster.sim.slow(lead, left, Duration::from_millis(10));
    while cluster.sim.disk(lead).has(&register("k")) {
        cluster.pass(Duration::from_micros(20));
    }
    cluster.sim.kill(left);
    assert!(cluster.sim.disk(left).has(&register("k")));
    cluster.pass(Duration::from_secs(2));
    let write = WriteRequest {
        path: WritePath::TwoPhase { level: Level::Quorum },
        ..WriteRequest::new(register("k"), put("v"), Level::Quorum, TIMEOUT)
    };
    cluster.submit_write(owners[0], write).expect("two of three run");
    cluster.sim.start(left);
    cluster.settle();
    cluster.wait_for_quiet();
    for owner in owners {
        assert_eq!(cluster.replica(owner, "k").as_deref(), Some("v"));
    }
}

/// Some that an owner does not agree to, more than are led to their end at a time, don't keep the others waiting.
#[test]
fn tombstones_that_are_refused_do_not_keep_others_waiting() {
    let mut cluster = Cluster::settled(&Shape {
        nodes: 3,
        settings: collecting,
        ..Shape::default()
    });
    let refused: Vec<_> = (0..300).map(|at| format!("a{at}")).collect();
    let others: Vec<_> = (0..30).map(|at| format!("b{at}")).collect();
    for key in &refused {
        let last = *cluster.owners(key).last().expect("three own it");
        cluster.delete(0, key, 3).expect("all run");
        cluster.sim.disk(NodeIndex(last)).lose(&register(key));
    }
    for key in &others {
        cluster.delete(0, key, 3).expect("all run");
    }
    cluster.pass(Duration::from_secs(20));
    for key in &others {
        assert!(
            (0..3).all(|node| !cluster.sim.disk(NodeIndex(node)).has(&register(key))),
            "{key}"
        );
    }
}
