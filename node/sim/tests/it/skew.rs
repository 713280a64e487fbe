//! What wrong clocks cost: rows S6 and S7 of CLAIMS.md, exhibited.

use std::time::Duration;

use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape};

/// A coordinator behind the others by less than the allowed skew has its write acknowledged and shadowed, unless it
/// heard of the other write.
#[test]
fn a_slow_clock_loses_an_acknowledged_write_of_a_coordinator_that_heard_nothing() {
    let shape = Shape {
        clock_offsets: [0, 400, 400, 400, 400].map(Duration::from_millis).to_vec(),
        ..Shape::default()
    };
    let mut lost = 0;
    for key in (0..50).map(|i| format!("k{i}")) {
        let mut cluster = Cluster::settled(&shape);
        if cluster.owners(&key).contains(&0) {
            continue; // An owner hears of the first write, and stamps above it.
        }
        cluster.write(1, &key, "first", 2).expect("all nodes run");
        cluster.write(0, &key, "second", 2).expect("all nodes run");
        assert_eq!(cluster.read(2, &key).as_deref(), Some("first"));
        lost += 1;
    }
    assert!(lost > 5, "some keys are not n0's");
}

#[test]
fn a_coordinator_that_read_the_first_write_stamps_above_it() {
    let shape = Shape {
        clock_offsets: [0, 400, 400, 400, 400].map(Duration::from_millis).to_vec(),
        ..Shape::default()
    };
    let mut cluster = Cluster::settled(&shape);
    for key in (0..50).map(|i| format!("k{i}")) {
        cluster.write(1, &key, "first", 2).expect("all nodes run");
        assert_eq!(cluster.read(0, &key).as_deref(), Some("first"));
        cluster.write(0, &key, "second", 2).expect("all nodes run");
        assert_eq!(cluster.read(2, &key).as_deref(), Some("second"));
    }
}

/// What a node has seen is what it durably holds, at least: a restart does not make it stamp below that.
#[test]
fn a_coordinator_that_restarts_stamps_above_what_it_holds() {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    let ahead = (0..5)
        .find(|node| !owners.contains(node))
        .expect("three of five own it");
    cluster.sim.set_clock(NodeIndex(ahead), Duration::from_millis(400));
    cluster.write(ahead, "k", "first", 3).expect("all nodes run");
    cluster.sim.kill(NodeIndex(owners[0]));
    cluster.sim.start(NodeIndex(owners[0]));
    cluster.settle();
    cluster.write(owners[0], "k", "second", 3).expect("all nodes run");
    assert_eq!(cluster.read(ahead, "k").as_deref(), Some("second"));
}

#[test]
fn a_clock_too_far_ahead_is_nobody_elses() {
    let shape = Shape {
        clock_offsets: vec![Duration::from_secs(60)],
        ..Shape::default()
    };
    let mut cluster = Cluster::settled(&shape);
    cluster
        .write(0, "k", "from the future", 2)
        .expect_err("the others refuse it");
    cluster.write(1, "k", "v", 2).expect("the others agree");
}
