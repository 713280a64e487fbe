//! What was deleted, and whether it stays so: registers whose tombstones grow old while somebody is away.

use std::time::Duration;

use quorate_core::{Config, Kind, Level, ReadRepair, Tombstones, Update};

use super::{COLLECT, FORGET, LONG, Stage};
use crate::cluster::{Shape, put};

/// A setting, what is read in the end under it, and what that is called.
type Case = (fn(&mut Config), Option<&'static str>);

/// X3: c is down when P is written, and d keeps it for c; d goes down; P is deleted through c, and all owners have the
/// tombstone; it grows old; d comes back, and hands its hint off. Where tombstones go by age alone, P rises again.
/// Scylla's `tombstone_gc = repair` waited for a repair of all owners and forgot the hints (scylladb#23712; rows S31 and
/// S32 of CLAIMS.md). Here whoever keeps a hint is asked, and while it is away nothing goes.
#[test]
fn x3_a_hint_that_outlives_the_tombstone() {
    let cases: [Case; 2] = [
        (|config| config.tombstones = COLLECT, None),
        (|config| config.tombstones = FORGET, Some("P")),
    ];
    for (settings, expected) in cases {
        let mut stage = Stage::set(&shape(settings), Kind::Register);
        let (c, d) = (stage.owners[2], stage.others[0]);
        stage.cluster.kill(&[c]);
        stage.cluster.write(d, "k", "P", 2).expect("a and b run");
        stage.cluster.pass(Duration::from_millis(100));
        stage.cluster.kill(&[d]);
        stage.cluster.start(&[c]);
        stage.write(c, Update::delete(), Level::All);
        stage.cluster.anti_entropy(c);
        stage.cluster.pass(LONG);
        let gone = stage.tombstones_collected();
        assert_eq!(gone, if expected.is_some() { 3 } else { 0 }, "while d is away");

        stage.cluster.start(&[d]);
        stage.cluster.wait_for_quiet();
        // Of all three: the hint was for c alone.
        let read = stage.cluster.read_with(d, "k", 3, ReadRepair::Off).expect("all run");
        assert_eq!(read.as_deref(), expected);
        stage.cluster.pass(LONG);
        assert_eq!(stage.tombstones_collected(), 3, "once d has been asked, or never");
        assert_eq!(stage.cluster.replica(c, "k").as_deref(), expected);
    }
}

/// X11: P is deleted at QUORUM while c is down, and c is away for longer than tombstones and hints are kept. Where they
/// go by age alone the value that c still has is read, and read repair brings it to all (Cassandra's advice never to be
/// down for longer than `gc_grace_seconds`; scylladb#8970; rows S31 and S32 of CLAIMS.md).
#[test]
fn x11_a_replica_that_is_away_for_longer_than_grace() {
    let cases: [Case; 2] = [
        (
            |config| (config.tombstones, config.hint_window) = short_hints(COLLECT),
            None,
        ),
        (
            |config| (config.tombstones, config.hint_window) = short_hints(FORGET),
            Some("P"),
        ),
    ];
    for (settings, expected) in cases {
        let mut stage = Stage::set(&shape(settings), Kind::Register);
        let [a, b, c] = stage.owners[..] else {
            panic!("three owners");
        };
        stage.write(a, put("P"), Level::All);
        stage.cluster.kill(&[c]);
        stage.cluster.delete(a, "k", 2).expect("a and b run");
        stage.cluster.pass(LONG);
        let gone = stage.tombstones_collected();
        assert_eq!(gone, if expected.is_some() { 2 } else { 0 }, "while c is away");

        stage.cluster.start(&[c]);
        for reader in [c, a, b] {
            assert_eq!(stage.cluster.read(reader, "k").as_deref(), expected);
        }
        stage.cluster.wait_for_quiet();
        stage.cluster.pass(LONG);
        let gone = stage.tombstones_collected();
        assert_eq!(
            gone,
            if expected.is_some() { 2 } else { 3 },
            "once c has it too, or never"
        );
        for owner in [a, b, c] {
            assert_eq!(stage.cluster.replica(owner, "k").as_deref(), expected);
        }
    }
}

fn short_hints(tombstones: Tombstones) -> (Tombstones, Duration) {
    (tombstones, Duration::from_secs(5))
}

fn shape(settings: fn(&mut Config)) -> Shape {
    Shape {
        settings,
        ..Shape::default()
    }
}
