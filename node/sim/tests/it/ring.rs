//! Nodes find each other and agree on one ring.

use std::time::Duration;

use quorate_core::{ReadRepair, Reason, WriteError};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape};

#[test]
fn nodes_that_know_only_two_seeds_found_one_ring() {
    for nodes in [3, 5, 10, 20] {
        let mut cluster = Cluster::settled(&Shape {
            nodes,
            ..Shape::default()
        });
        for node in 0..nodes {
            let status = cluster.sim.status(NodeIndex(node)).expect("it runs");
            assert_eq!(status.members.len(), nodes);
            assert!(status.counters.gossip_peers_per_round_max <= 3);
        }
        cluster.wait("signs of life", |sim| {
            let all = (0..nodes).map(|node| sim.status(NodeIndex(node)).expect("it runs"));
            all.into_iter()
                .all(|status| status.members.iter().all(|member| member.up))
        });
    }
}

/// Six nodes in two data centers: what owns a key, and that it serves.
#[test]
fn each_data_center_owns_what_it_was_told() {
    let mut cluster = Cluster::settled(&Shape {
        nodes: 6,
        per_dc: vec![2, 1],
        ..Shape::default()
    });
    for index in 0..20 {
        let key = format!("k{index}");
        let owners = cluster.owners(&key);
        let in_first = owners.iter().filter(|node| **node % 2 == 0).count();
        assert_eq!((owners.len(), in_first), (3, 2), "{key}");
        cluster.write(index % 6, &key, "v", 3).expect("all owners are up");
        let read = cluster.read_with((index + 1) % 6, &key, 1, ReadRepair::Off);
        assert_eq!(read.expect("all owners are up").as_deref(), Some("v"));
    }
}

#[test]
fn a_node_that_knows_too_few_founders_serves_nobody() {
    let mut cluster = Cluster::started(&Shape::default());
    for node in 1..5 {
        cluster.sim.kill(NodeIndex(node));
    }
    cluster.pass(Duration::from_secs(5));
    let error = cluster.write(0, "k", "v", 1).expect_err("no ring yet");
    let WriteError::NotApplied(refusal) = error else {
        panic!("nothing was sent: {error:?}");
    };
    assert_eq!(refusal.reason(), &Reason::Forming { known: 1, founders: 5 });
}

#[test]
fn the_ring_outlives_every_process() {
    let mut cluster = Cluster::settled(&Shape::default());
    let ring = cluster.sim.status(NodeIndex(0)).and_then(|status| status.ring);
    for node in 0..5 {
        cluster.sim.kill(NodeIndex(node));
    }
    for node in [3, 4] {
        cluster.sim.start(NodeIndex(node));
        assert_eq!(cluster.sim.status(NodeIndex(node)).and_then(|s| s.ring), ring);
    }
}

#[test]
fn a_silent_node_is_taken_for_down_and_a_restarted_one_for_up() {
    let mut cluster = Cluster::settled(&Shape::default());
    let thinks_up = |sim: &quorate_sim::Sim| {
        let status = sim.status(NodeIndex(0)).expect("it runs");
        let member = status
            .members
            .iter()
            .find(|m| m.name.as_deref() == Some("n4"))
            .expect("known");
        (member.up, member.generation.0)
    };
    cluster.wait("n4 to be up", |sim| thinks_up(sim).0);
    cluster.pass(Duration::from_secs(10));
    cluster.sim.kill(NodeIndex(4));
    cluster.wait("n4 to be down", |sim| !thinks_up(sim).0);
    cluster.sim.start(NodeIndex(4));
    cluster.wait("n4 to be up again", |sim| thinks_up(sim) == (true, 2));
}
