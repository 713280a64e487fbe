//! Sloppy quorums: who stands in, what the answer says of it, and what it costs.

use std::time::Duration;

use quorate_core::{Level, Quorum, ReadRepair, ReadRequest, WriteOk, WriteRequest};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, put, register, text};

struct Stage {
    cluster: Cluster,
    owners: Vec<usize>,
    others: Vec<usize>,
}

impl Stage {
    fn set() -> Stage {
        let mut cluster = Cluster::settled(&Shape::default());
        let owners = cluster.owners("k");
        let others = (0..5).filter(|node| !owners.contains(node)).collect();
        Stage {
            cluster,
            owners,
            others,
        }
    }

    fn write(&mut self, node: usize, level: Level) -> WriteOk {
        let write = WriteRequest {
            quorum: Quorum::Sloppy,
            ..WriteRequest::new(register("k"), put("v"), level, TIMEOUT)
        };
        self.cluster.submit_write(node, write).expect("enough nodes run")
    }

    fn read(&mut self, node: usize, quorum: Quorum) -> (Option<String>, usize) {
        self.read_at(node, quorum, Level::Two)
    }

    fn read_at(&mut self, node: usize, quorum: Quorum, level: Level) -> (Option<String>, usize) {
        let read = ReadRequest {
            quorum,
            repair: ReadRepair::Blocking { holders: Level::Two },
            ..ReadRequest::new(register("k"), level, TIMEOUT)
        };
        let ok = self.cluster.submit_read(node, read).expect("enough nodes run");
        (ok.cell.as_ref().and_then(text), ok.stand_ins.len())
    }
}

#[test]
fn who_stands_in_is_told_and_hands_over() {
    for coordinator in [0, 1] {
        let mut stage = Stage::set();
        let (owners, others) = (stage.owners.clone(), stage.others.clone());
        stage.cluster.kill(&owners[1..]);
        let ok = stage.write(others[coordinator], Level::All);
        assert_eq!((ok.acks.len(), ok.stand_ins.len()), (1, 2));
        assert_eq!(stage.read(others[0], Quorum::Sloppy).0.as_deref(), Some("v"));
        // Both ends start anew before the hints are delivered.
        stage.cluster.kill(&others);
        stage.cluster.start(&others);
        stage.cluster.start(&owners[1..]);
        stage.cluster.wait_for_quiet();
        for owner in owners {
            assert_eq!(stage.cluster.replica(owner, "k").as_deref(), Some("v"));
        }
    }
}

/// S12 of CLAIMS.md: those who hold the write and those who are read need not meet.
#[test]
fn a_quorum_of_stand_ins_is_not_met_by_a_quorum_of_owners() {
    let mut stage = Stage::set();
    let (owners, others) = (stage.owners.clone(), stage.others.clone());
    stage.cluster.kill(&owners[1..]);
    let ok = stage.write(others[0], Level::Two);
    assert!(ok.acks.len() + ok.stand_ins.len() >= 2);
    stage.cluster.kill(&[owners[0], others[0], others[1]]);
    stage.cluster.start(&owners[1..]);
    assert_eq!(
        stage.read(owners[1], Quorum::Strict).0,
        None,
        "an acknowledged write is not seen"
    );
    stage.cluster.start(&[owners[0], others[0], others[1]]);
    stage.cluster.wait_for_quiet();
    assert_eq!(stage.read(owners[1], Quorum::Strict).0.as_deref(), Some("v"));
}

/// Who stands in and has less keeps what was read, as an owner would hold it.
#[test]
fn blocking_repair_is_kept_by_who_stands_in() {
    let mut stage = Stage::set();
    let (owners, others) = (stage.owners.clone(), stage.others.clone());
    stage.write(owners[0], Level::All);
    stage.cluster.kill(&owners[1..]);
    // At TWO the stand-ins alone, who have nothing, may answer.
    let (value, stand_ins) = stage.read_at(others[0], Quorum::Sloppy, Level::All);
    assert_eq!(value.as_deref(), Some("v"));
    assert!(stand_ins > 0);
    stage.cluster.start(&owners[1..]);
    stage.cluster.wait_for_quiet();
}

/// As many hints as there is room for, no faster than is allowed, and none when they are too old.
#[test]
fn hints_are_bounded_throttled_and_grow_old() {
    let keys: Vec<_> = (0..40).map(|at| format!("k{at}")).collect();
    for (settings, delivered, refused, expired, is_throttled) in [
        ((|_| {}) as fn(&mut quorate_core::Config), 40, 0, 0, false),
        (|config| config.hint_count_max = 10, 10, 30, 0, false),
        (
            |config| config.hint_window = Duration::from_millis(100),
            0,
            0,
            40,
            false,
        ),
        (|config| config.hint_bytes_per_second = Some(100), 40, 0, 0, true),
    ] {
        let mut cluster = Cluster::settled(&Shape {
            nodes: 2,
            replicas: 2,
            settings,
            ..Shape::default()
        });
        cluster.sim.kill(NodeIndex(1));
        cluster.settle();
        for key in &keys {
            cluster.write(0, key, "v", 1).expect("one of two runs");
        }
        cluster.pass(Duration::from_secs(1));
        let begun = cluster.sim.now();
        cluster.sim.start(NodeIndex(1));
        cluster.settle();
        cluster.wait_for_quiet();
        let counters = cluster.sim.status(NodeIndex(0)).expect("it runs").counters;
        let found = (counters.hints_delivered, counters.hints_refused, counters.hints_expired);
        assert_eq!(found, (delivered, refused, expired));
        let took_long = cluster.sim.now() - begun > Duration::from_secs(5);
        assert_eq!(took_long, is_throttled);
    }
}

/// What is kept for a node that never comes back makes room in time for others.
#[test]
fn hints_for_the_dead_grow_old_too() {
    let mut cluster = Cluster::settled(&Shape {
        nodes: 2,
        replicas: 2,
        settings: |config| config.hint_window = Duration::from_secs(4),
        ..Shape::default()
    });
    cluster.sim.kill(NodeIndex(1));
    cluster.settle();
    for key in 0..100 {
        cluster.write(0, &format!("k{key}"), "v", 1).expect("one of two runs");
    }
    cluster.pass(Duration::from_secs(1));
    let hints = |cluster: &Cluster| cluster.sim.status(NodeIndex(0)).expect("it runs").hints_pending;
    assert_eq!(hints(&cluster), 100);
    cluster.pass(Duration::from_secs(5));
    assert_eq!(hints(&cluster), 0);
}
