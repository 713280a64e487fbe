//! How writes get their place: two phases, ids, sessions, and what a failing disk makes of them.

use std::time::Duration;

use quorate_core::{
    Cell, ClockMode, Key, Kind, Level, Reason, Refused, SessionToken, Stage, Update, WriteError, WriteId, WritePath,
    WriteRequest,
};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, put, register};

const TWO_PHASES: WritePath = WritePath::TwoPhase { level: Level::Quorum };

fn skewed() -> Shape {
    Shape {
        clock_offsets: [0, 400, 200, 300, 100].map(Duration::from_millis).to_vec(),
        ..Shape::default()
    }
}

fn two_phase(value: &str) -> WriteRequest {
    WriteRequest {
        path: TWO_PHASES,
        ..WriteRequest::new(register("k"), put(value), Level::Quorum, TIMEOUT)
    }
}

fn increment(id: Option<u128>) -> WriteRequest {
    let key = Key::of(Kind::Counter, b"k");
    WriteRequest {
        id: id.map(WriteId),
        ..WriteRequest::new(key, Update::Increment { delta: 1 }, Level::Quorum, TIMEOUT)
    }
}

fn counts(cluster: &mut Cluster) -> Vec<i128> {
    let key = Key::of(Kind::Counter, b"k");
    let owners = cluster.owners_of(key.clone());
    let cells = owners.iter().map(|owner| cluster.cell(*owner, key.clone()));
    let value = |cell| match cell {
        Some(Cell::Counter(counter)) => counter.value(),
        None => 0,
        other => panic!("not a counter: {other:?}"),
    };
    cells.map(value).collect()
}

#[test]
fn two_phases_order_writes_whatever_the_clocks_say() {
    let mut cluster = Cluster::settled(&skewed());
    let mut last = None;
    for round in 0..20 {
        let value = round.to_string();
        let ok = cluster.submit_write(round % 5, two_phase(&value)).expect("all run");
        assert!(ok.version > last, "a later write is above an earlier one");
        last = ok.version;
        assert_eq!(cluster.read((round + 1) % 5, "k"), Some(value));
    }
}

/// S6 of CLAIMS.md: by wall clocks alone even who has read the first write is shadowed by it.
#[test]
fn wall_clocks_lose_what_hybrid_ones_and_two_phases_keep() {
    for (clock, path, kept) in [
        (ClockMode::Wall, WritePath::OnePhase, "first"),
        (ClockMode::Hybrid, WritePath::OnePhase, "second"),
        (ClockMode::Wall, TWO_PHASES, "second"),
    ] {
        let mut cluster = Cluster::started_with(&skewed(), |config| config.clock = clock);
        cluster.settle();
        cluster.write(1, "k", "first", 3).expect("all run");
        assert_eq!(cluster.read(0, "k").as_deref(), Some("first"));
        let second = WriteRequest {
            path,
            ..WriteRequest::new(register("k"), put("second"), Level::All, TIMEOUT)
        };
        cluster.submit_write(0, second).expect("all run");
        assert_eq!(cluster.read(2, "k").as_deref(), Some(kept), "{clock:?} {path:?}");
    }
}

/// S7 of CLAIMS.md: a client that tells what it has seen is not shadowed by itself, whoever stamped its first write.
#[test]
fn a_session_is_above_what_it_has_written() {
    for path in [WritePath::OnePhase, TWO_PHASES] {
        for id in [None, Some(WriteId(1)), Some(WriteId(2)), Some(WriteId(3))] {
            for key in (0..8).map(|at| format!("k{at}")) {
                let mut cluster = Cluster::settled(&skewed());
                let slow_owns = cluster.owners(&key).contains(&0);
                // A write that all owners of a fast clock know of, so that two phases are stamped above it.
                cluster.write(1, &key, "fast", 3).expect("all run");
                let first = WriteRequest {
                    path,
                    id,
                    ..WriteRequest::new(register(&key), put("first"), Level::Quorum, TIMEOUT)
                };
                let outside = (1..5).find(|node| !cluster.owners(&key).contains(node));
                let first = cluster
                    .submit_write(outside.expect("three of five own it"), first)
                    .expect("all run");
                assert!(first.token >= SessionToken(first.version.expect("a register's").time));
                let second = WriteRequest {
                    token: first.token,
                    ..WriteRequest::new(register(&key), put("second"), Level::Quorum, TIMEOUT)
                };
                let second = cluster.submit_write(0, second).expect("all run");
                assert!(second.version > first.version, "{path:?} {id:?} {slow_owns}");
            }
        }
    }
}

#[test]
fn a_first_phase_that_fails_has_no_effect() {
    let mut cluster = Cluster::settled(&Shape::default());
    let owners = cluster.owners("k");
    let outside = (0..5)
        .find(|node| !owners.contains(node))
        .expect("three of five own it");
    for owner in &owners[1..] {
        cluster.sim.cut(NodeIndex(*owner), NodeIndex(outside));
    }
    let Err(WriteError::NotApplied(error)) = cluster.submit_write(outside, two_phase("v")) else {
        panic!("a quorum of versions is missing");
    };
    assert_eq!(error.stage(), Stage::AskingVersions);
    assert!(matches!(
        error.reason(),
        Reason::NoVersions {
            required: 2,
            answered: 1
        }
    ));
    cluster.sim.heal();
    cluster.settle();
    cluster.wait_for_quiet();
    for owner in owners {
        assert_eq!(cluster.replica(owner, "k"), None);
    }
}

#[test]
fn a_write_of_one_id_is_applied_once_whoever_is_asked_and_whatever_dies_between() {
    for id in 1..=3 {
        let mut cluster = Cluster::settled(&Shape::default());
        for coordinator in 0..5 {
            cluster.submit_write(coordinator, increment(Some(id))).expect("all run");
        }
        (0..5).for_each(|node| cluster.sim.kill(NodeIndex(node)));
        (0..5).for_each(|node| cluster.sim.start(NodeIndex(node)));
        cluster.settle();
        cluster.submit_write(4, increment(Some(id))).expect("all run");
        cluster.wait_for_quiet();
        assert_eq!(counts(&mut cluster), [1, 1, 1]);
        for path in [WritePath::OnePhase, TWO_PHASES] {
            let again = WriteRequest {
                id: Some(WriteId(10 + id + 100 * u128::from(path == TWO_PHASES))),
                path,
                ..two_phase("v")
            };
            let first = cluster.submit_write(0, again.clone()).expect("all run").version;
            cluster.write(1, "k", "other", 3).expect("all run");
            let second = cluster.submit_write(2, again).expect("all run").version;
            assert_eq!(first, second);
            assert_eq!(
                cluster.read(3, "k").as_deref(),
                Some("other"),
                "it is not written over again"
            );
        }
    }
}

#[test]
fn ids_are_remembered_for_so_long_and_so_many() {
    let mut cluster = Cluster::started_with(&Shape::default(), |config| {
        config.write_id_window = Duration::from_secs(1);
        config.write_id_count_max = 1;
    });
    cluster.settle();
    let owner = cluster.owners_of(Key::of(Kind::Counter, b"k"))[0];
    // Ids that the first owner applies, as three go around.
    cluster.submit_write(owner, increment(Some(3))).expect("there is room");
    match cluster.submit_write(owner, increment(Some(6))) {
        Err(WriteError::NotApplied(error)) => assert_eq!(error.reason(), &Reason::Refused(Refused::Overloaded)),
        other => panic!("there is room for one: {other:?}"),
    }
    cluster.pass(Duration::from_secs(2));
    cluster
        .submit_write(owner, increment(Some(6)))
        .expect("there is room again");
    cluster.wait_for_quiet();
    assert_eq!(counts(&mut cluster), [2, 2, 2]);
}

/// The origin's disk fails while the next update of the key is on its way: that one carries the first with it.
#[test]
fn an_update_whose_batch_failed_is_not_applied_a_second_time() {
    let mut cluster = Cluster::settled(&Shape::default());
    let key = Key::of(Kind::Counter, b"k");
    let origin = NodeIndex(cluster.owners_of(key)[0]);
    let persisting = |cluster: &Cluster| cluster.sim.status(origin).expect("it runs").persisting;
    cluster.sim.set_disk_failing(origin, true);
    for under_way in 1..=2 {
        cluster
            .sim
            .submit(origin, quorate_core::Request::Write(increment(None)));
        while persisting(&cluster) < under_way {
            cluster.pass(Duration::from_micros(10));
        }
    }
    while persisting(&cluster) == 2 {
        cluster.pass(Duration::from_micros(10));
    }
    cluster.sim.set_disk_failing(origin, false);
    cluster.wait_for_quiet();
    assert_eq!(counts(&mut cluster), [2, 2, 2]);
}

/// A coordinator whose clock was set back while it was dead stamps above what it holds.
#[test]
fn a_clock_that_was_set_back_stamps_above_what_is_held() {
    let mut cluster = Cluster::settled(&Shape {
        clock_offsets: vec![Duration::from_millis(400); 5],
        ..Shape::default()
    });
    let owner = NodeIndex(cluster.owners("k")[0]);
    let first = cluster.write(owner.0, "k", "first", 3).expect("all run");
    cluster.sim.kill(owner);
    cluster.sim.set_clock(owner, Duration::from_millis(50));
    cluster.sim.start(owner);
    cluster.settle();
    let second = cluster.write(owner.0, "k", "second", 3).expect("all run");
    assert!(second.version > first.version);
}
