//! Every level, with nodes down: exactly when a request is served, and what is told when it is not.

use std::time::Duration;

use quorate_core::{
    Level, NotApplied, ReadError, ReadRequest, Reason, Stage, Unknown, WriteError, WriteOk, WriteRequest,
};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, put, register};

const LEVELS: [Level; 10] = [
    Level::Any,
    Level::One,
    Level::Two,
    Level::Three,
    Level::Quorum,
    Level::All,
    Level::LocalOne,
    Level::LocalQuorum,
    Level::EachQuorum,
    Level::Count(2),
];

/// How many answers a level needs of three owners in each of the data centers, the coordinator's first, and how many of
/// those can be had while so many owners are alive.
fn needed_and_had(level: Level, alive: &[usize]) -> (usize, usize) {
    let all: usize = alive.iter().sum();
    let owners = 3 * alive.len();
    let of_all = |needed: usize| (needed, all.min(needed));
    match level {
        Level::Any | Level::One => of_all(1),
        Level::Two | Level::Count(_) => of_all(2),
        Level::Three => of_all(3),
        Level::Quorum => of_all(owners / 2 + 1),
        Level::All => of_all(owners),
        Level::LocalOne => (1, alive[0].min(1)),
        Level::LocalQuorum => (2, alive[0].min(2)),
        Level::EachQuorum => (2 * alive.len(), alive.iter().map(|alive| (*alive).min(2)).sum()),
    }
}

/// The owners of the key in each data center, and a node of the first that owns nothing of it.
fn stage(dcs: usize) -> (Cluster, Vec<Vec<usize>>, usize) {
    let mut cluster = Cluster::settled(&Shape {
        nodes: 4 * dcs,
        per_dc: vec![3; dcs],
        ..Shape::default()
    });
    let owners = cluster.owners("k");
    let in_dc = |dc| owners.iter().copied().filter(move |owner| owner % dcs == dc);
    let by_dc: Vec<Vec<_>> = (0..dcs).map(|dc| in_dc(dc).collect()).collect();
    let other = (0..4 * dcs).find(|node| node % dcs == 0 && !owners.contains(node));
    (cluster, by_dc, other.expect("four nodes, three owners"))
}

fn write_at(cluster: &mut Cluster, node: usize, level: Level) -> Result<WriteOk, WriteError> {
    cluster.submit_write(node, WriteRequest::new(register("k"), put("v"), level, TIMEOUT))
}

fn check(down: &[usize]) {
    let (mut cluster, owners, coordinator) = stage(down.len());
    for (owners, down) in owners.iter().zip(down) {
        owners[..*down]
            .iter()
            .for_each(|owner| cluster.sim.kill(NodeIndex(*owner)));
    }
    cluster.pass(Duration::from_secs(1));
    let alive: Vec<_> = down.iter().map(|down| 3 - down).collect();
    for level in LEVELS {
        let (needed, had) = needed_and_had(level, &alive);
        let refused = Reason::Unavailable {
            required: u8::try_from(needed).expect("few"),
            alive: u8::try_from(had).expect("few"),
        };
        let written = write_at(&mut cluster, coordinator, level);
        match written {
            Ok(ok) if level == Level::Any => assert!(had > 0 || ok.acks.is_empty(), "{down:?}"),
            Ok(ok) => assert!(had == needed && ok.acks.len() >= needed, "{level} {down:?}"),
            Err(WriteError::NotApplied(error)) => {
                assert!(had < needed, "{level} {down:?}: {error}");
                assert_eq!((error.stage(), NotApplied::reason(&error)), (Stage::Arrived, &refused));
            }
            Err(error) => panic!("{level} {down:?}: {error}"),
        }
        let read = cluster.submit_read(coordinator, ReadRequest::new(register("k"), level, TIMEOUT));
        match read {
            Ok(ok) => assert!(had == needed && ok.answers.len() >= needed, "{level} {down:?}"),
            Err(ReadError::Refused(Reason::Invalid(_))) => assert_eq!(level, Level::Any),
            Err(ReadError::Refused(reason)) => assert!(had < needed && reason == refused, "{level} {down:?}: {reason}"),
            Err(error) => panic!("{level} {down:?}: {error}"),
        }
    }
}

#[test]
fn a_level_is_served_exactly_while_enough_owners_are_there() {
    (0..=3).for_each(|down| check(&[down]));
    for down in [[0, 0], [1, 0], [2, 0], [0, 2], [2, 2], [3, 1], [1, 3], [3, 3]] {
        check(&down);
    }
}

/// The other data center is cut off, and nobody knows yet: the write is sent, and half of it arrives.
#[test]
fn what_is_known_of_a_write_at_each_quorum_that_one_data_center_missed() {
    let (mut cluster, owners, coordinator) = stage(2);
    for owner in &owners[1] {
        cluster.sim.cut(NodeIndex(coordinator), NodeIndex(*owner));
    }
    let error = write_at(&mut cluster, coordinator, Level::EachQuorum).expect_err("a quorum is missing");
    let WriteError::Unknown(Unknown {
        stage,
        acks,
        hinted,
        required,
        alive,
        version,
    }) = error
    else {
        panic!("it was sent: {error:?}");
    };
    assert_eq!((stage, acks.len(), required), (Stage::Holding, 3, 4));
    assert!(alive >= 3 && hinted.len() <= 3 && version.is_some());
    cluster.sim.heal();
    cluster.settle();
    cluster.wait_for_quiet();
    for owner in owners.concat() {
        assert_eq!(
            cluster.replica(owner, "k").as_deref(),
            Some("v"),
            "its hints were delivered"
        );
    }
}

/// At ANY a hint counts, but only once it is durable: the deadline does not make it so.
#[test]
fn a_hint_that_is_not_durable_yet_is_no_acknowledgement() {
    let (mut cluster, _, coordinator) = stage(1);
    cluster.isolate(coordinator);
    let write = WriteRequest::new(register("k"), put("v"), Level::Any, Duration::from_millis(100));
    match cluster.submit_write(coordinator, write) {
        Err(WriteError::Unknown(unknown)) => assert_eq!((unknown.acks.len(), unknown.hinted.len()), (0, 3)),
        other => panic!("nothing was durable by then: {other:?}"),
    }
    let ok = write_at(&mut cluster, coordinator, Level::Any).expect("its hints are durable before its deadline");
    assert!(ok.acks.is_empty());
}
