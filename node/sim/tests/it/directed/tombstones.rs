//! A tombstone that some replicas have forgotten and one has not, and a key that is written anew in between: the other
//! way to give a dot twice (riak_kv#679, its tests kv679_tombstone and kv679_tombstone2).
//!
//! Two things stand against it, and each alone is enough: a tombstone goes only once nobody has it to hand on, and who
//! finds nothing under a key writes it as somebody new. Only without both is the acknowledged write lost.

use quorate_core::{Config, Kind, Level, Update};

use super::{COLLECT, FORGET, LONG, Stage};
use crate::cluster::{Shape, put};

type Schedule = fn(&mut Stage) -> Vec<String>;

fn values(settings: fn(&mut Config), reuses_actors: bool, schedule: Schedule) -> Vec<String> {
    let shape = Shape {
        settings,
        #[cfg(feature = "plants")]
        plant: reuses_actors.then_some(quorate_core::Plant::ActorReused),
        ..Shape::default()
    };
    assert!(cfg!(feature = "plants") || !reuses_actors, "built without bugs");
    schedule(&mut Stage::set(&shape, Kind::Siblings))
}

fn check(schedule: Schedule) {
    let collect = |config: &mut Config| config.tombstones = COLLECT;
    let forget = |config: &mut Config| config.tombstones = FORGET;
    assert_eq!(values(collect, false, schedule), ["last"]);
    assert_eq!(values(forget, false, schedule), ["last"]);
    if cfg!(feature = "plants") {
        assert_eq!(values(collect, true, schedule), ["last"]);
        assert!(values(forget, true, schedule).is_empty(), "neither stands against it");
    }
}

/// X7 (kv679_tombstone): the key is deleted while c is down and d stands in for it; c comes back while d is down, and the
/// owners alone agree that the tombstone may go; the key is written anew; d comes back and hands the tombstone off.
#[test]
fn x7_a_tombstone_that_a_stand_in_still_has() {
    check(|stage| {
        let (a, c, d) = (stage.owners[0], stage.owners[2], stage.others.clone());
        stage.write(a, put("first"), Level::All);
        stage.cluster.kill(&[c]);
        let (_, context) = stage.read(a, Level::Quorum);
        let ok = stage.write(a, Update::Delete { context }, Level::All);
        assert_eq!(ok.stand_ins.len(), 1);
        stage.cluster.kill(&d);
        stage.cluster.start(&[c]);
        assert!(stage.read(c, Level::All).0.is_empty());
        stage.cluster.pass(LONG);
        stage.write(a, put("last"), Level::All);
        stage.cluster.start(&d);
        stage.cluster.wait_for_quiet();
        stage.read(c, Level::All).0
    });
}

/// X8 (kv679_tombstone2): no stand-in, but an owner that was down while the others forgot the tombstone that it has.
#[test]
fn x8_a_tombstone_that_an_owner_still_has() {
    check(|stage| {
        let (a, c) = (stage.owners[0], stage.owners[2]);
        stage.write(a, put("first"), Level::All);
        let (_, context) = stage.read(a, Level::All);
        stage.write(a, Update::Delete { context }, Level::All);
        stage.cluster.kill(&[c]);
        stage.cluster.pass(LONG);
        stage.write(a, put("last"), Level::Quorum);
        stage.cluster.start(&[c]);
        stage.read(c, Level::All).0
    });
}
