//! A write that one read sees and the next does not.

use std::time::Duration;

use quorate_core::{Kind, Level, ReadRepair};
use quorate_sim::NodeIndex;

use super::Stage;
use crate::cluster::{Shape, TIMEOUT, write};

/// X1: a write at W=3 has reached a and is slow on its way to b and c. A read that asks a and b returns it; a read after
/// that, which asks b and c, does not, and the reads are not linearizable although R+W>N. A read that repairs before it
/// answers leaves the value at b, where the second one finds it (Kleppmann, *Designing Data-Intensive Applications*,
/// figure 9-6; rows S5 and S11 of CLAIMS.md).
#[test]
fn x1_a_read_after_a_read_of_a_slow_write() {
    let holders = Level::Quorum;
    for (repair, second) in [(ReadRepair::Blocking { holders }, "new"), (ReadRepair::Off, "old")] {
        let mut stage = Stage::set(&Shape::default(), Kind::Register);
        let (&[a, b, c], &[d, e]) = (&stage.owners[..], &stage.others[..]) else {
            panic!("three of five own it");
        };
        stage.cluster.write(a, "k", "old", 3).expect("all owners run");
        stage.cut(a, b);
        stage.cut(a, c);
        let slow = stage.cluster.sim.submit(NodeIndex(a), write("k", "new", 3));
        stage.cluster.wait("a to hold it", |sim| {
            sim.status(NodeIndex(a)).expect("it runs").coordinating == 1
        });
        stage.cluster.pass(Duration::from_millis(10));

        stage.cut(d, c);
        let first = stage.cluster.read_with(d, "k", 2, repair).expect("a and b answer");
        assert_eq!(first.as_deref(), Some("new"));
        stage.cut(e, a);
        let again = stage.cluster.read_with(e, "k", 2, repair).expect("b and c answer");
        assert_eq!(again.as_deref(), Some(second), "{repair:?}");

        // Nothing had failed: the write was only slow, and is acknowledged.
        stage.cluster.sim.heal();
        let deadline = stage.cluster.sim.now() + TIMEOUT;
        let completion = stage.cluster.sim.advance(deadline).expect("it ends");
        assert_eq!(completion.call, slow);
        stage.cluster.wait_for_quiet();
        assert_eq!(stage.cluster.read(e, "k").as_deref(), Some("new"));
    }
}
