//! What nodes tell and count is known over all their lives.

use std::time::Duration;

use quorate_sim::{NodeIndex, Tally};

use crate::cluster::{Cluster, Shape};

#[test]
fn what_a_killed_node_had_counted_is_not_lost() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.sim.kill(NodeIndex(3));
    for key in 0..50 {
        cluster
            .write(0, &format!("k{key}"), "v", 2)
            .expect("two of three own it");
    }
    cluster.pass(Duration::from_secs(5));
    let before = cluster.sim.tally(NodeIndex(0));
    assert_eq!(before.counters.writes, 50);
    assert!(
        before.counters.hints_stored > 0 && before.events["ring-formed"] == 1,
        "{before:?}"
    );

    cluster.sim.kill(NodeIndex(0));
    assert_eq!(cluster.sim.tally(NodeIndex(0)), before, "it is dead");
    cluster.sim.start(NodeIndex(0));
    cluster.sim.start(NodeIndex(3));
    cluster.settle();
    cluster.wait_for_quiet();
    let Tally { events, counters, .. } = cluster.sim.tally(NodeIndex(0));
    assert_eq!((counters.writes, events["ring-formed"]), (50, 2), "of both its lives");
    assert_eq!(counters.hints_stored, before.counters.hints_stored);
    assert!(counters.hints_delivered > 0, "by the second");
}
