//! Damaged records: never served, put in order from the other owners, and no harm to anything else.

use std::time::Duration;

use quorate_core::{Level, ReadRequest, WriteRequest};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, put, register, text};

fn damaged(cluster: &Cluster, node: usize) -> u64 {
    cluster.sim.metrics(NodeIndex(node)).expect("it runs").records_damaged
}

fn read_at_one(cluster: &mut Cluster, node: usize) -> Option<String> {
    let read = ReadRequest::new(register("k"), Level::One, TIMEOUT);
    let ok = cluster.submit_read(node, read).expect("another owner has it");
    ok.cell.as_ref().and_then(text)
}

#[test]
fn what_is_damaged_is_not_served_and_is_mended_at_the_start_or_when_it_is_read() {
    for at_start in [false, true] {
        let mut cluster = Cluster::settled(&Shape::default());
        let owners = cluster.owners("k");
        cluster.write(owners[0], "k", "v", 3).expect("all run");
        cluster.wait_for_quiet();
        let first = NodeIndex(owners[0]);
        if at_start {
            cluster.sim.kill(first);
        }
        cluster.sim.disk(first).damage(&register("k"));
        if at_start {
            cluster.sim.start(first);
            cluster.settle();
        }
        assert_eq!(read_at_one(&mut cluster, owners[0]).as_deref(), Some("v"));
        cluster.pass(Duration::from_secs(1));
        assert_eq!(damaged(&cluster, owners[0]), 0);
        assert_eq!(cluster.replica(owners[0], "k").as_deref(), Some("v"));
        cluster.wait_for_quiet();
        assert_eq!(cluster.anti_entropy(owners[0]).partitions_differing, 0);
    }
}

/// Every other owner has to answer. Until then the node serves as ever, and takes nothing under the key but as a hint.
#[test]
fn a_mend_waits_for_an_owner_that_is_away_and_nothing_else_waits_for_the_mend() {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    cluster.write(owners[0], "k", "old", 3).expect("all run");
    cluster.wait_for_quiet();
    cluster.sim.kill(NodeIndex(owners[2]));
    cluster.settle();
    cluster.sim.disk(NodeIndex(owners[0])).damage(&register("k"));
    assert_eq!(read_at_one(&mut cluster, owners[0]).as_deref(), Some("old"));
    cluster.pass(Duration::from_secs(1));
    assert_eq!(damaged(&cluster, owners[0]), 1);
    let write = WriteRequest::new(register("k"), put("new"), Level::One, TIMEOUT);
    let ok = cluster.submit_write(owners[0], write).expect("one other owner runs");
    assert!(
        ok.acks
            .iter()
            .all(|node| ok.acks.len() == 1 && *node != cluster.sim.status(NodeIndex(owners[0])).unwrap().node)
    );
    cluster.sim.start(NodeIndex(owners[2]));
    cluster.settle();
    cluster.wait_for_quiet();
    for owner in owners {
        assert_eq!(
            cluster.replica(owner, "k").as_deref(),
            Some("new"),
            "its own hint too was delivered"
        );
    }
}

/// What was on its way to the disk when the damage was found takes the damaged record's place, and stays.
#[test]
fn a_mend_does_not_take_back_what_was_written_meanwhile() {
    let mut was_on_its_way = false;
    for delay in 0..40 {
        let mut cluster = Cluster::settled(&Shape::default());
        let owners = cluster.owners("k");
        cluster.write(owners[0], "k", "old", 3).expect("all run");
        cluster.wait_for_quiet();
        let first = NodeIndex(owners[0]);
        // The others are cut off from what the first takes, and answer what they hold all the same.
        cluster.sim.submit(first, crate::cluster::write("k", "new", 1));
        for owner in &owners[1..] {
            cluster.sim.slow(first, NodeIndex(*owner), Duration::from_millis(5));
        }
        cluster.pass(Duration::from_micros(100 * delay));
        let is_on_its_way = cluster.sim.status(first).expect("it runs").persisting > 0;
        if was_on_its_way && !is_on_its_way {
            break; // It has arrived: to damage it is to lose the one copy that W = 1 asked for.
        }
        was_on_its_way = is_on_its_way;
        cluster.sim.disk(first).damage(&register("k"));
        let _ = read_at_one(&mut cluster, owners[0]);
        cluster.wait("the mend", |sim| {
            sim.metrics(first).expect("it runs").records_damaged == 0
        });
        cluster.wait_for_quiet();
        assert_eq!(cluster.replica(owners[0], "k").as_deref(), Some("new"), "{delay}");
    }
    assert!(was_on_its_way, "some damage was done while it was under way");
}
