//! X10: a coordinator whose clock is ahead writes a, and after that one whose clock is right writes b. Both are
//! acknowledged by every owner, and what stays is what the stamps say (Kingsbury, *The trouble with timestamps*, 2013;
//! rows S6 to S8 of CLAIMS.md).

use std::time::Duration;

use quorate_core::{
    ClockMode, Config, Kind, Level, ReadRequest, SessionToken, Stage as Progress, WriteError, WritePath, WriteRequest,
};
use quorate_sim::NodeIndex;

use super::Stage;
use crate::cluster::{Cluster, Shape, TIMEOUT, put, register, text};

/// Five nodes of which d, no owner of the key, is ahead by `offset`, and writes a at W=ALL.
struct Skewed {
    stage: Stage,
    e: usize,
    first: Result<SessionToken, WriteError>,
}

impl Skewed {
    fn with(offset: Duration, settings: fn(&mut Config)) -> Skewed {
        let shape = Shape {
            settings,
            ..Shape::default()
        };
        let mut stage = Stage::set(&shape, Kind::Register);
        let [d, e] = stage.others[..] else {
            panic!("three of five own it");
        };
        stage.cluster.sim.set_clock(NodeIndex(d), offset);
        let first = stage.cluster.submit_write(d, write_all("a"));
        let first = first.map(|ok| ok.token);
        Skewed { stage, e, first }
    }

    /// Writes b through e, whose clock is right, with what is read afterwards.
    fn then(&mut self, change: impl FnOnce(WriteRequest) -> WriteRequest) -> String {
        let ok = self.stage.cluster.submit_write(self.e, change(write_all("b")));
        assert_eq!(ok.expect("all owners run").acks.len(), 3, "acknowledged by all");
        read(&mut self.stage.cluster, self.e)
    }
}

fn write_all(value: &str) -> WriteRequest {
    WriteRequest::new(register("k"), put(value), Level::All, TIMEOUT)
}

fn read(cluster: &mut Cluster, node: usize) -> String {
    let read = ReadRequest::new(register("k"), Level::Quorum, TIMEOUT);
    let read = cluster.submit_read(node, read).expect("all owners run");
    read.cell.as_ref().and_then(text).expect("it was written")
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// Less than the skew that nodes let pass (500 ms).
const A_LITTLE: Duration = Duration::from_millis(400);

fn wall(config: &mut Config) {
    config.clock = ClockMode::Wall;
}

fn hybrid(config: &mut Config) {
    config.clock = ClockMode::Hybrid;
}

/// Stamps by the wall clock alone: b is lost, whatever its coordinator had seen.
#[test]
fn x10_a_wall_clock_loses_what_every_replica_acknowledged() {
    for seen in [false, true] {
        let mut skewed = Skewed::with(TEN_SECONDS, wall);
        skewed.first.as_ref().expect("nobody minds the stamp");
        if seen {
            assert_eq!(read(&mut skewed.stage.cluster, skewed.e), "a");
        }
        assert_eq!(skewed.then(|b| b), "a");
    }
}

/// A stamp further ahead than the allowed skew is refused by every owner, so that b stays. What was refused is unknown,
/// not undone: d keeps it as a hint, and once the others' clocks have come as far they take it.
#[test]
fn x10_a_hybrid_clock_refuses_a_stamp_too_far_ahead() {
    let mut skewed = Skewed::with(TEN_SECONDS, hybrid);
    let Err(WriteError::Unknown(unknown)) = &skewed.first else {
        panic!("refused by all: {:?}", skewed.first);
    };
    assert_eq!((unknown.stage, unknown.acks.len()), (Progress::Holding, 0));
    assert_eq!(skewed.then(|b| b), "b");
    skewed.stage.cluster.pass(Duration::from_secs(9));
    assert_eq!(read(&mut skewed.stage.cluster, skewed.e), "b");
    skewed.stage.cluster.wait_for_quiet();
    assert_eq!(
        read(&mut skewed.stage.cluster, skewed.e),
        "a",
        "an unknown write may happen later"
    );
}

/// Ahead by less than the allowed skew, a hybrid clock helps those who heard of a: e if it has read it, or if its client
/// shows the token that came with a. Otherwise b is stamped below a, acknowledged by all, and lost.
#[test]
fn x10_a_hybrid_clock_orders_what_its_coordinator_or_client_saw() {
    let mut skewed = Skewed::with(A_LITTLE, hybrid);
    assert_eq!(skewed.then(|b| b), "a", "nobody told e");

    let mut skewed = Skewed::with(A_LITTLE, hybrid);
    assert_eq!(read(&mut skewed.stage.cluster, skewed.e), "a");
    assert_eq!(skewed.then(|b| b), "b", "e has read a");

    let mut skewed = Skewed::with(A_LITTLE, hybrid);
    let token = skewed.first.clone().expect("within the skew");
    assert_eq!(
        skewed.then(|b| WriteRequest { token, ..b }),
        "b",
        "the client knows of a"
    );
}

/// A write that first asks a majority for its versions needs no clock (Attiya, Bar-Noy, Dolev, JACM 1995; Lynch and
/// Shvartsman, FTCS 1997): b is above a, however wrong the clocks.
#[test]
fn x10_two_phases_order_writes_whatever_the_clocks() {
    let level = Level::Quorum;
    for (offset, settings) in [(TEN_SECONDS, wall as fn(&mut Config)), (A_LITTLE, hybrid)] {
        let mut skewed = Skewed::with(offset, settings);
        skewed.first.as_ref().expect("nobody minds the stamp");
        let path = WritePath::TwoPhase { level };
        assert_eq!(skewed.then(|b| WriteRequest { path, ..b }), "b");
    }
}
