//! A replica that loses its copy of a key and writes it again. Were it to count on from what it finds, it would give
//! dots that it has given before, and others would drop what lies under them as replaced: riak_kv#679, in the four forms
//! of its tests kv679_dataloss, kv679_dataloss_fb and kv679_dataloss_fb2. Here each such replica writes as an actor that
//! was never there before; the planted bug takes that away.

use quorate_core::{Kind, Level};

use super::Stage;
use crate::cluster::{Shape, put};

/// Runs a schedule of five nodes, and looks whether its last write, acknowledged as it asked, is still there: as the node
/// is built, and with actors that go on.
fn check(replicas: u8, schedule: fn(&mut Stage) -> Vec<String>) {
    let shape = Shape {
        replicas,
        ..Shape::default()
    };
    let values = schedule(&mut Stage::set(&shape, Kind::Siblings));
    assert!(values.contains(&"last".to_owned()), "lost: {values:?} is left");

    #[cfg(feature = "plants")]
    {
        let shape = Shape {
            plant: Some(quorate_core::Plant::ActorReused),
            ..shape
        };
        let values = schedule(&mut Stage::set(&shape, Kind::Siblings));
        assert!(
            !values.contains(&"last".to_owned()),
            "the plant is harmless: {values:?}"
        );
    }
}

/// X4 (kv679_dataloss): a coordinates three writes, forgets the key, and coordinates a fourth by a client that has read
/// nothing. Were it a's first again, b and c would take it for one that they saw replaced.
#[test]
fn x4_a_coordinator_that_forgets_the_key() {
    check(3, |stage| {
        let a = stage.owners[0];
        for value in ["one", "two", "three"] {
            stage.overwrite(a, value, Level::All);
        }
        stage.lose(a);
        stage.write(a, put("last"), Level::All);
        stage.read(a, Level::All).0
    });
}

/// X5 (kv679_dataloss_fb): d and e stand in for b and c and keep a's first write; b and c get the second and the third; a
/// forgets the key, and a read brings the first back to it from d and e. Were its next write its second again, b and c
/// would drop it.
#[test]
fn x5_a_coordinator_that_is_repaired_from_stand_ins() {
    check(3, |stage| {
        let [a, b, c] = stage.owners[..] else {
            panic!("three owners");
        };
        let others = stage.others.clone();
        stage.cluster.kill(&[b, c]);
        let ok = stage.write(a, put("one"), Level::All);
        assert_eq!((ok.acks.len(), ok.stand_ins.len()), (1, 2));
        stage.cluster.kill(&others);
        stage.cluster.start(&[b, c]);
        for value in ["two", "three"] {
            stage.overwrite(a, value, Level::All);
        }
        stage.cluster.kill(&[b, c]);
        stage.lose(a);
        stage.cluster.start(&others);
        assert_eq!(stage.read(a, Level::All).0, ["one"]);
        stage.cluster.start(&[b, c]);
        stage.write(a, put("last"), Level::All);
        stage.read(b, Level::All).0
    });
}

/// X6 (kv679_dataloss_fb2, found by QuickCheck after the first two had been mended): p1 forgets the key while a stand-in
/// hands a write of p2 off to it, so that when p1 writes again it does find something there, and only its own part is
/// missing. Riak's mend is to be somebody new after *any* look that found nothing; here what came from elsewhere brings
/// no actor with it.
#[test]
fn x6_a_replica_that_forgets_the_key_before_somebody_elses_write() {
    check(2, |stage| {
        let [p1, p2] = stage.owners[..] else {
            panic!("two owners");
        };
        let [f1, f2, f3] = stage.others[..] else {
            panic!("three others");
        };
        stage.cluster.kill(&[p2, f2, f3]);
        stage.write(p1, put("one"), Level::All); // p1:1, kept by f1 for p2.
        stage.cluster.kill(&[f1]);
        stage.cluster.start(&[f2]);
        stage.overwrite(p1, "two", Level::One);
        stage.overwrite(p1, "three", Level::One); // p1:3, kept by f2 for p2.
        stage.cluster.kill(&[p1, f2]);
        stage.cluster.start(&[p2, f3]);
        stage.write(p2, put("other"), Level::All); // p2:1, kept by f3 for p1.
        stage.cluster.kill(&[p2]);
        stage.lose(p1);
        stage.cluster.start(&[p1]); // f3 hands p2:1 off to it.
        stage.cluster.wait_for_quiet();
        stage.cluster.kill(&[f3]);
        stage.cluster.start(&[p2, f1]); // f1 hands p1:1 off to p2.
        stage.cluster.wait_for_quiet();
        assert_eq!(stage.read(p1, Level::All).0, ["one", "other"]);
        stage.write(p1, put("last"), Level::All); // Were it p1:2,
        stage.cluster.start(&[f2]); // p2 would drop it when p1:3 comes from f2,
        stage.cluster.wait_for_quiet();
        stage.read(p2, Level::All).0 // and p1 would when it reads.
    });
}
