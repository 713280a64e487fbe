//! A move that stands still at each of its steps, while owners come and go (CLAIMS.md, X2; ScyllaDB #20458).

use std::time::Duration;

use quorate_core::{AdminRequest, Kind, Level, Ownership, Phase, ReadRepair, ReadRequest, WriteError, WriteRequest};
use quorate_sim::NodeIndex;

use super::Stage;
use crate::cluster::{Shape, TIMEOUT, id_of, put, text};

/// Shorter than any message takes: what follows a step has not begun.
const MOMENT: Duration = Duration::from_micros(50);

/// Four nodes and a key of a, b and c; c leaves, and d takes its place. In the end c owns it no more.
struct Move {
    stage: Stage,
    abcd: [usize; 4],
}

impl Move {
    fn begun(shape: &Shape) -> Move {
        let shape = Shape {
            nodes: 4,
            ..shape.clone()
        };
        let mut stage = Stage::set(&shape, Kind::Register);
        stage.cluster.wait_for_moves();
        stage.write(stage.owners[0], put("old"), Level::All);
        let abcd = [stage.owners[0], stage.owners[1], stage.owners[2], stage.others[0]];
        let leave = stage.cluster.ask_admin(abcd[2], AdminRequest::Leave);
        leave.expect("three are enough");
        Move { stage, abcd }
    }

    fn record(&self, node: usize) -> &Ownership {
        let record = self.stage.cluster.sim.ownership(NodeIndex(node), &self.stage.key);
        record.expect("it runs, and knows the ring")
    }

    /// Lets time pass until all four go by a record of this phase; then nobody hears the newcomer, which drives the
    /// move, and it stands still.
    fn stop_at(&mut self, phase: Phase) {
        let d = self.abcd[3];
        for _ in 0..400_000 {
            if self.record(d).phase == phase {
                break;
            }
            self.stage.cluster.pass(MOMENT);
        }
        assert_eq!(self.record(d).phase, phase);
        self.stage.cluster.isolate(d);
        let record = self.record(d).clone();
        for node in [self.abcd[0], self.abcd[1], self.abcd[2]] {
            assert!(self.record(node).epoch.0 + 1 >= record.epoch.0, "a step at a time");
        }
    }

    fn cut_both_ways(&mut self, one: usize, other: usize) {
        self.stage.cut(one, other);
        self.stage.cut(other, one);
    }

    fn write(&mut self, node: usize) -> bool {
        let write = WriteRequest::new(self.stage.key.clone(), put("new"), Level::Quorum, TIMEOUT);
        match self.stage.cluster.submit_write(node, write) {
            Ok(_) => true,
            Err(WriteError::Unknown(_) | WriteError::NotApplied(_)) => false,
        }
    }

    /// What a read with blocking repair returns, if it is answered.
    fn read(&mut self, node: usize) -> Option<String> {
        let holders = Level::Quorum;
        let read = ReadRequest {
            repair: ReadRepair::Blocking { holders },
            ..ReadRequest::new(self.stage.key.clone(), Level::Quorum, TIMEOUT)
        };
        let read = self.stage.cluster.submit_read(node, read).ok()?;
        read.cell.as_ref().and_then(text)
    }

    fn finish(&mut self) {
        let d = self.abcd[3];
        for _ in 0..400_000 {
            self.stage.cluster.pass(MOMENT);
            let record = self.record(d);
            if !record.is_moving() && record.is_owner(id_of(d)) {
                return;
            }
        }
        panic!("the move does not end: {:?}", self.record(d));
    }
}

/// In the middle of the move a write reaches only a and c, and is read there; then the move ends and a is gone: whoever
/// asks b and d has to see it, or nobody may have seen it before.
fn what_is_seen_on_the_way_is_seen_in_the_end(shape: &Shape) -> Result<(), String> {
    let mut moving = Move::begun(shape);
    let [a, b, c, d] = moving.abcd;
    moving.stop_at(Phase::ReadBoth);
    moving.cut_both_ways(a, b);
    moving.cut_both_ways(c, b);
    let is_acked = moving.write(a);
    let seen = moving.read(a);
    // Connections that are cut for this long end, and what was on its way ends with them.
    moving.stage.cluster.pass(Duration::from_secs(1));
    // d is back, and ends the move with b and c; a, and once it has agreed c, have nothing more to say.
    moving.stage.cluster.sim.heal();
    for (one, other) in [(a, b), (a, d), (c, b)] {
        moving.cut_both_ways(one, other);
    }
    moving.finish();
    moving.cut_both_ways(c, d);
    moving.stage.cluster.sim.kill(NodeIndex(a));
    moving.stage.cluster.pass(Duration::from_secs(1));
    let read = moving.read(b);
    let was_new = is_acked || seen.as_deref() == Some("new");
    if was_new && read.as_deref() == Some("old") {
        return Err(format!("acknowledged: {is_acked}, seen: {seen:?}, then {read:?}"));
    }
    Ok(())
}

#[test]
fn x2_a_write_that_only_old_owners_got_while_they_change() {
    let held = what_is_seen_on_the_way_is_seen_in_the_end(&Shape::default());
    assert_eq!(held, Ok(()));
}

#[cfg(feature = "plants")]
#[test]
fn x2_quorums_that_are_not_joint_lose_it() {
    let broken = what_is_seen_on_the_way_is_seen_in_the_end(&Shape {
        plant: Some(quorate_core::Plant::QuorumsNotJoint),
        ..Shape::default()
    });
    let why = broken.expect_err("an acknowledged write is read by nobody");
    assert!(why.contains("acknowledged: true"), "{why}");
}

/// The same schedule at each step: nothing that was acknowledged is missed by a later read.
#[test]
fn what_is_acknowledged_at_any_step_is_read_at_the_end() {
    for phase in [Phase::ReadOld, Phase::ReadBoth, Phase::ReadNew] {
        let mut moving = Move::begun(&Shape::default());
        let [a, b, ..] = moving.abcd;
        moving.stop_at(phase);
        let is_acked = moving.write(a);
        moving.stage.cluster.sim.heal();
        moving.finish();
        moving.stage.cluster.sim.kill(NodeIndex(a));
        moving.stage.cluster.pass(Duration::from_secs(1));
        let read = moving.read(b);
        assert!(!is_acked || read.as_deref() == Some("new"), "{phase:?}: {read:?}");
    }
}
