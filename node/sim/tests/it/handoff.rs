//! What missed a write gets it: by hint, by read repair, by anti-entropy.

use std::time::Duration;

use quorate_core::{Level, MessageKind, ReadRepair, WritePath, WriteRequest};
use quorate_sim::{Kinds, LinkFaults, NodeIndex};

use crate::cluster::{Cluster, Shape, TIMEOUT, id_of, put, register, write};

const KEYS: usize = 200;

/// Writes all keys through nodes other than `absent`.
fn write_all(cluster: &mut Cluster, absent: usize) {
    for key in 0..KEYS {
        let coordinator = (0..5)
            .filter(|node| *node != absent)
            .nth(key % 4)
            .expect("four are left");
        cluster
            .write(coordinator, &format!("k{key}"), "v", 2)
            .expect("two of three own it");
    }
}

/// A cluster that has written all keys while nobody reached node 3, and has hints of them.
fn with_hints_for_node_3() -> Cluster {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.isolate(3);
    write_all(&mut cluster, 3);
    cluster.pass(Duration::from_secs(2));
    cluster
}

/// Keys whose copy on `node` is missing though it owns them.
fn missing(cluster: &mut Cluster, node: usize) -> usize {
    let owned: Vec<_> = (0..KEYS)
        .map(|key| format!("k{key}"))
        .filter(|key| cluster.owners(key).contains(&node))
        .collect();
    assert!(owned.len() > KEYS / 5, "it owns its share");
    owned.iter().filter(|key| cluster.replica(node, key).is_none()).count()
}

#[test]
fn hints_bring_a_node_that_was_away_up_to_date() {
    let mut cluster = with_hints_for_node_3();
    assert!(missing(&mut cluster, 3) > KEYS / 5);
    cluster.sim.heal();
    cluster.settle();
    cluster.wait_for_quiet();
    assert_eq!(missing(&mut cluster, 3), 0);
    let counters = (0..5).map(|node| cluster.sim.status(NodeIndex(node)).expect("it runs").counters);
    let (stored, delivered) = counters.fold((0, 0), |(s, d), c| (s + c.hints_stored, d + c.hints_delivered));
    assert_eq!(stored, delivered);
}

/// Both ends of it: how much, and since when; and a node that starts anew knows how much.
#[test]
fn a_node_tells_who_is_behind_until_all_is_delivered() {
    let mut cluster = with_hints_for_node_3();
    let absent = id_of(3);
    let behind = |cluster: &Cluster, node| cluster.sim.status(NodeIndex(node)).expect("it runs").behind;
    let keepers = [0, 1, 2, 4];
    for node in keepers {
        let [told] = behind(&cluster, node)[..] else {
            panic!("one is behind: {:?}", behind(&cluster, node));
        };
        assert_eq!(
            (told.node, told.hints),
            (
                absent,
                cluster.sim.status(NodeIndex(node)).expect("it runs").hints_pending
            )
        );
        assert!(told.hints > 0 && (Duration::from_secs(2)..Duration::from_secs(5)).contains(&told.lasting));
    }
    let told = |cluster: &Cluster| keepers.map(|node| behind(cluster, node)[0].hints).iter().sum::<u64>();
    assert_eq!(
        told(&cluster),
        missing(&mut cluster, 3) as u64,
        "each write that it has missed is kept once"
    );
    let before = behind(&cluster, 0)[0];
    cluster.sim.kill(NodeIndex(0));
    cluster.sim.start(NodeIndex(0));
    cluster.pass(Duration::from_secs(1));
    let after = behind(&cluster, 0)[0];
    assert_eq!((after.node, after.hints), (before.node, before.hints));
    assert!(
        after.lasting <= Duration::from_secs(1),
        "it is no older than the node's start: {after:?}"
    );
    cluster.sim.heal();
    cluster.settle();
    cluster.wait_for_quiet();
    assert!(keepers.into_iter().all(|node| behind(&cluster, node).is_empty()));
    cluster.isolate(3);
    write_all(&mut cluster, 3);
    let again = behind(&cluster, 1)[0];
    assert!(
        again.lasting < Duration::from_secs(2),
        "what was delivered is over: {again:?}"
    );
}

/// Messages can be lost on links that are whole: hints that nobody has answered are sent again.
#[test]
fn hints_whose_messages_are_lost_are_sent_again() {
    let mut cluster = with_hints_for_node_3();
    cluster.sim.heal();
    let lost = LinkFaults {
        dropped_percent: 100,
        kinds: Kinds::of(&[MessageKind::Request]),
        ..LinkFaults::default()
    };
    let to = NodeIndex(3);
    let keepers = || [0, 1, 2, 4].map(NodeIndex).into_iter();
    keepers().for_each(|from| cluster.sim.set_link_faults(from, to, lost));
    cluster.settle();
    cluster.pass(Duration::from_secs(2));
    assert!(keepers().any(|from| cluster.sim.link_counts(from, to).dropped > 0));
    assert!(missing(&mut cluster, 3) > KEYS / 5);
    keepers().for_each(|from| cluster.sim.set_link_faults(from, to, LinkFaults::default()));
    cluster.wait_for_quiet();
    assert_eq!(missing(&mut cluster, 3), 0);
}

/// A keeper whose clock is ahead has more hints that their target refuses than fit the window, and one behind them that
/// it does not.
#[test]
fn hints_that_are_refused_do_not_hold_up_others() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.sim.set_clock(NodeIndex(0), Duration::from_secs(10));
    for key in 0..KEYS {
        let refused = cluster.write(0, &format!("k{key:03}"), "v", 3);
        refused.expect_err("the stamp is too far ahead");
    }
    let last = (0..)
        .map(|i| format!("last{i}"))
        .find(|key| cluster.owners(key).contains(&3))
        .expect("some key");
    cluster.sim.kill(NodeIndex(3));
    cluster.settle();
    let write = WriteRequest {
        path: WritePath::TwoPhase { level: Level::Quorum },
        ..WriteRequest::new(register(&last), put("v"), Level::Quorum, TIMEOUT)
    };
    cluster.submit_write(0, write).expect("no clock is asked");
    cluster.sim.start(NodeIndex(3));
    cluster.settle();
    let pending = cluster.sim.status(NodeIndex(0)).expect("it runs").hints_pending;
    assert!(pending > 64 * 3, "hints for three owners or four: {pending}");
    cluster.pass(Duration::from_secs(3));
    assert_eq!(cluster.replica(3, &last).as_deref(), Some("v"));
}

#[test]
fn hints_survive_restarts_at_both_ends() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.sim.kill(NodeIndex(3));
    write_all(&mut cluster, 3);
    cluster.pass(Duration::from_secs(2));
    for node in [0, 1, 2, 4] {
        cluster.sim.kill(NodeIndex(node));
    }
    for node in 0..5 {
        cluster.sim.start(NodeIndex(node));
    }
    cluster.settle();
    cluster.wait_for_quiet();
    assert_eq!(missing(&mut cluster, 3), 0);
}

#[test]
fn anti_entropy_brings_what_no_hint_was_kept_for_and_then_is_quiet() {
    let mut cluster = Cluster::settled(&Shape::default());
    let key = (0..)
        .map(|i| format!("k{i}"))
        .find(|key| cluster.owners(key)[0] == 0)
        .expect("some key");
    // The coordinator, itself an owner, dies with the only copy and before it keeps a hint.
    for peer in 1..5 {
        cluster.sim.cut(NodeIndex(0), NodeIndex(peer));
    }
    let _ = cluster.sim.submit(NodeIndex(0), write(&key, "v", 2));
    cluster.pass(Duration::from_millis(50));
    assert_eq!(cluster.replica(0, &key).as_deref(), Some("v"));
    cluster.sim.kill(NodeIndex(0));
    cluster.sim.heal();
    cluster.sim.start(NodeIndex(0));
    cluster.settle();
    cluster.wait_for_quiet();
    let owners = cluster.owners(&key);
    assert_eq!(cluster.replica(owners[1], &key), None, "nothing has brought it yet");
    let report = cluster.anti_entropy(owners[2]);
    assert_eq!((report.peers, report.peers_failed), (4, 0));
    let report = cluster.anti_entropy(owners[1]);
    assert_eq!(report.records_taken + report.records_given, 1);
    for owner in owners {
        assert_eq!(cluster.replica(owner, &key).as_deref(), Some("v"));
    }
    for node in 0..5 {
        let report = cluster.anti_entropy(node);
        assert_eq!(
            (report.partitions_differing, report.peers),
            (0, 4),
            "nothing differs any more"
        );
    }
}

#[test]
fn anti_entropy_moves_more_than_one_stretch() {
    let shape = Shape {
        nodes: 2,
        replicas: 2,
        ..Shape::default()
    };
    let mut cluster = Cluster::settled(&shape);
    cluster.isolate(1);
    cluster.pass(Duration::from_secs(1));
    for key in 0..40_000 {
        let request = write(&format!("k{key}"), "v", 1);
        cluster.sim.submit(NodeIndex(0), request);
        if key % 500 == 0 {
            cluster.pass(Duration::from_millis(200));
        }
    }
    cluster.pass(Duration::from_secs(2));
    let stored = cluster.sim.status(NodeIndex(0)).expect("it runs").counters;
    assert_eq!(stored.hints_stored, 10_000, "as many as there is room for");
    assert_eq!(stored.hints_refused, 30_000);
    cluster.sim.heal();
    cluster.settle();
    cluster.wait_for_quiet();
    let report = cluster.anti_entropy(1);
    assert_eq!((report.peers, report.records_taken), (1, 30_000));
    assert_eq!(cluster.anti_entropy(0).partitions_differing, 0);
}

#[test]
fn asynchronous_repair_comes_after_the_answer_and_none_never_comes() {
    for (repair, expected) in [(ReadRepair::Async, Some("v")), (ReadRepair::Off, None)] {
        let mut cluster = Cluster::settled(&Shape::default());
        let owners = cluster.owners("k");
        for peer in (0..5).filter(|peer| *peer != owners[0]) {
            cluster.sim.cut(NodeIndex(owners[0]), NodeIndex(peer));
        }
        let _ = cluster.sim.submit(NodeIndex(owners[0]), write("k", "v", 1));
        cluster.pass(Duration::from_millis(20));
        cluster.sim.kill(NodeIndex(owners[0]));
        cluster.sim.heal();
        cluster.sim.start(NodeIndex(owners[0]));
        cluster.settle();
        let read = cluster.read_with(owners[0], "k", 3, repair).expect("all answer");
        assert_eq!(read.as_deref(), Some("v"));
        cluster.wait_for_quiet();
        assert_eq!(cluster.replica(owners[1], "k").as_deref(), expected);
    }
}
