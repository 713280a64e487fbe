//! Nodes come and go: they join, leave, are removed and replaced, and what is written stays where it can be read.

use std::time::Duration;

use quorate_core::{AdminError, AdminRequest, Entry, Standing};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, id_of};

const KEYS: usize = 60;

/// A cluster that settled, with spares, and every key written to two owners of three.
fn written(shape: &Shape) -> Cluster {
    let mut cluster = Cluster::started(shape);
    cluster.settle();
    cluster.wait_for_moves();
    for key in 0..KEYS {
        let (name, value) = (format!("k{key}"), key.to_string());
        cluster
            .write(key % shape.nodes, &name, &value, 2)
            .expect("all nodes run");
    }
    cluster
}

fn with_spares(spares: usize) -> Shape {
    Shape {
        spares,
        ..Shape::default()
    }
}

/// Every key is read through every node that serves, and each of its owners holds it.
fn assert_all_is_there(cluster: &mut Cluster) {
    cluster.wait_for_quiet();
    let serving: Vec<_> = (0..cluster.sim.node_count())
        .filter(|node| {
            let status = cluster.sim.status(NodeIndex(*node));
            status.is_some_and(|status| status.moves.standing == Standing::Normal)
        })
        .collect();
    for key in 0..KEYS {
        let name = format!("k{key}");
        let through = serving[key % serving.len()];
        assert_eq!(
            cluster.read(through, &name),
            Some(key.to_string()),
            "{name} through n{through}"
        );
    }
    for node in &serving {
        assert_eq!(cluster.anti_entropy(*node).peers_failed, 0);
    }
    for key in 0..KEYS {
        let name = format!("k{key}");
        let owners = cluster.owners(&name);
        assert_eq!(owners.len(), 3);
        for owner in owners {
            assert!(serving.contains(&owner), "n{owner} owns {name} and does not serve");
            assert_eq!(
                cluster.replica(owner, &name),
                Some(key.to_string()),
                "{name} at n{owner}"
            );
        }
    }
    cluster.sim.check_at_rest();
}

#[test]
fn a_cluster_at_rest_moves_nothing() {
    let mut cluster = written(&Shape::default());
    cluster.pass(Duration::from_secs(20));
    for node in 0..5 {
        let status = cluster.sim.status(NodeIndex(node)).expect("it runs");
        assert_eq!(status.counters.moved_records + status.counters.partitions_dropped, 0);
    }
}

#[test]
fn a_node_that_joins_takes_over_its_share() {
    let mut cluster = written(&with_spares(1));
    cluster.sim.start(NodeIndex(5));
    cluster.wait_for_moves();
    let moves = cluster.moves(5);
    assert_eq!(moves.standing, Standing::Normal);
    let owned: u16 = (0..6).map(|node| cluster.moves(node).owned).sum();
    assert_eq!(owned, 3 * 64);
    assert!((10..60).contains(&moves.owned), "{moves:?}");
    let dropped = |node| cluster.sim.tally(NodeIndex(node)).counters.partitions_dropped;
    assert!(
        (0..5).map(dropped).sum::<u64>() > 0,
        "who lost a partition has dropped it"
    );
    assert_all_is_there(&mut cluster);
}

#[test]
fn two_nodes_that_join_at_once_take_over_their_shares() {
    let mut cluster = written(&with_spares(2));
    cluster.sim.start(NodeIndex(5));
    cluster.sim.start(NodeIndex(6));
    cluster.wait_for_moves();
    assert!(cluster.moves(5).owned > 0 && cluster.moves(6).owned > 0);
    assert_all_is_there(&mut cluster);
}

/// It begins with a generation that others know to be over, and goes on above it; and it remembers what it had promised.
#[test]
fn a_node_on_an_old_copy_of_its_disk_is_heard_and_leaves() {
    for has_begun_to_leave in [false, true] {
        let mut cluster = written(&Shape::default());
        let node = NodeIndex(2);
        cluster.kill(&[2]);
        let saved = cluster.sim.save_disk(node);
        (0..2).for_each(|_| {
            cluster.start(&[2]);
            cluster.kill(&[2]);
        });
        cluster.start(&[2]);
        if has_begun_to_leave {
            cluster.ask_admin(2, AdminRequest::Leave).expect("four are enough");
            let own = cluster.sim.status(node).expect("it runs").node;
            cluster.wait("n0 to hear of it", |sim| {
                let members = sim.status(NodeIndex(0)).expect("it runs").members;
                let leaving = Some(Standing::Leaving);
                members
                    .iter()
                    .any(|member| member.node == own && member.standing == leaving)
            });
        }
        cluster.sim.kill(node);
        cluster.sim.restore_disk(node, saved);
        cluster.sim.start(node);
        cluster.settle();
        cluster.pass(Duration::from_secs(2));
        let status = cluster.sim.status(node).expect("it runs");
        assert_eq!(status.generation.0, 5, "above the fourth, as which it was known");
        assert_eq!(cluster.sim.tally(node).events["generation-raised"], 1);
        if !has_begun_to_leave {
            let known = cluster.sim.status(NodeIndex(0)).expect("it runs").members;
            let known = known.iter().find(|member| member.node == status.node);
            assert_eq!(known.expect("it is known").generation, status.generation);
            cluster.ask_admin(2, AdminRequest::Leave).expect("four are enough");
        }
        cluster.wait("n2 to have left", |sim| {
            sim.status(NodeIndex(2)).expect("it runs").moves.standing == Standing::Left
        });
        cluster.wait_for_moves();
        assert_all_is_there(&mut cluster);
    }
}

#[test]
fn a_node_that_leaves_gives_up_all_and_is_never_let_in_again() {
    let mut cluster = written(&Shape::default());
    cluster.ask_admin(2, AdminRequest::Leave).expect("four are enough");
    cluster.wait("n2 to have left", |sim| {
        sim.status(NodeIndex(2)).expect("it runs").moves.standing == Standing::Left
    });
    cluster.wait_for_moves();
    assert_eq!(cluster.moves(2).owned, 0);
    assert_all_is_there(&mut cluster);
    cluster.sim.kill(NodeIndex(2));
    cluster.sim.start(NodeIndex(2));
    cluster.pass(Duration::from_secs(5));
    assert!(cluster.moves(2).refused.is_some());
    assert!(cluster.write(2, "k0", "x", 2).is_err(), "it serves nobody");
    let members = cluster.sim.status(NodeIndex(0)).expect("it runs").members;
    assert!(members.iter().all(|member| member.node != id_of(2)), "and is no member");
}

#[test]
fn leave_that_was_granted_outlives_a_crash_and_one_that_cant_be_written_is_not_granted() {
    let mut cluster = written(&Shape::default());
    cluster.sim.set_disk_failing(NodeIndex(2), true);
    for _ in 0..2 {
        let refused = cluster.ask_admin(2, AdminRequest::Leave);
        assert!(matches!(refused, Err(AdminError::Storage(_))), "{refused:?}");
    }
    cluster.sim.set_disk_failing(NodeIndex(2), false);
    cluster
        .ask_admin(2, AdminRequest::Leave)
        .expect("it can be written now");
    cluster.sim.kill(NodeIndex(2));
    cluster.sim.start(NodeIndex(2));
    cluster.wait("n2 to have left", |sim| {
        let status = sim.status(NodeIndex(2));
        status.is_some_and(|status| status.moves.standing == Standing::Left)
    });
    cluster.wait_for_moves();
    assert_all_is_there(&mut cluster);
}

#[test]
fn a_dead_node_can_be_removed_and_a_live_one_can_not() {
    let mut cluster = written(&Shape::default());
    let remove = || AdminRequest::Remove { node: id_of(4) };
    let refused = cluster.ask_admin(0, remove());
    assert!(matches!(refused, Err(AdminError::Unsafe(why)) if why.contains("alive")));
    cluster.sim.kill(NodeIndex(4));
    cluster.wait("n4 to be down", |sim| {
        let members = sim.status(NodeIndex(0)).expect("it runs").members;
        members.iter().any(|member| member.node == id_of(4) && !member.up)
    });
    cluster.ask_admin(0, remove()).expect("it is dead");
    cluster.wait_for_moves();
    assert_all_is_there(&mut cluster);
    // Its identity is banned: what it says when it is back changes nothing.
    cluster.sim.start(NodeIndex(4));
    cluster.pass(Duration::from_secs(5));
    assert!(cluster.moves(4).refused.is_some());
    assert_eq!(cluster.sim.status(NodeIndex(1)).expect("it runs").members.len(), 4);
}

#[test]
fn a_spare_takes_the_place_of_a_dead_node_and_not_of_a_live_one() {
    let mut cluster = written(&with_spares(1));
    cluster
        .sim
        .reconfigure(NodeIndex(5), |config| config.entry = Entry::Replace(id_of(3)));
    cluster.sim.start(NodeIndex(5));
    cluster.pass(Duration::from_secs(5));
    let moves = cluster.moves(5);
    assert_eq!(moves.standing, Standing::Waiting);
    assert!(moves.refused.is_some_and(|why| why.contains("alive")));
    cluster.sim.kill(NodeIndex(3));
    cluster.wait_for_moves();
    assert_eq!(cluster.moves(5).standing, Standing::Normal);
    assert_all_is_there(&mut cluster);
}

#[test]
fn fewer_members_than_replicas_are_never_left() {
    let mut cluster = written(&Shape {
        nodes: 3,
        ..Shape::default()
    });
    let refused = cluster.ask_admin(0, AdminRequest::Leave);
    assert!(matches!(refused, Err(AdminError::Unsafe(why)) if why.contains("3 replicas")));
    cluster.sim.kill(NodeIndex(2));
    cluster.pass(Duration::from_secs(20));
    let refused = cluster.ask_admin(0, AdminRequest::Remove { node: id_of(2) });
    assert!(matches!(refused, Err(AdminError::Unsafe(why)) if why.contains("3 replicas")));
}

#[test]
fn a_heavier_node_owns_more() {
    let mut cluster = written(&Shape::default());
    let before = cluster.moves(1).owned;
    cluster
        .ask_admin(1, AdminRequest::Weigh { weight: 3 })
        .expect("a weight");
    cluster.wait("others to hear of it", |sim| {
        sim.status(NodeIndex(1)).expect("it runs").moves.gaining > 0
    });
    cluster.wait_for_moves();
    assert!(cluster.moves(1).owned > before);
    assert_all_is_there(&mut cluster);
    // It is remembered.
    cluster.sim.kill(NodeIndex(1));
    cluster.sim.start(NodeIndex(1));
    cluster.settle();
    cluster.wait_for_moves();
    assert!(cluster.moves(1).owned > before);
}

/// Everybody in a move dies in the middle of it, one after the other and all at once: it is resumed.
#[test]
fn a_move_outlives_the_death_of_anyone_in_it() {
    for seed in 1..=10 {
        let mut cluster = written(&Shape { seed, ..with_spares(1) });
        cluster.sim.start(NodeIndex(5));
        cluster.wait("the moves to begin", |sim| {
            sim.status(NodeIndex(5)).is_some_and(|status| status.moves.moving > 5)
        });
        let victims: &[usize] = match seed % 3 {
            0 => &[5],
            1 => &[1, 2],
            _ => &[0, 1, 2, 3, 4, 5],
        };
        victims.iter().for_each(|node| cluster.sim.kill(NodeIndex(*node)));
        cluster.pass(Duration::from_millis(100 * seed));
        victims.iter().for_each(|node| cluster.sim.start(NodeIndex(*node)));
        cluster.settle();
        cluster.wait_for_moves();
        assert_eq!(cluster.moves(5).standing, Standing::Normal, "seed {seed}");
        assert_all_is_there(&mut cluster);
    }
}

/// A newcomer that dies for good in the middle of it, and an owner with it: what it was to take over goes back, whoever of
/// the next is missing, and it can be removed.
#[test]
fn a_move_whose_newcomer_dies_for_good_is_given_up() {
    let mut cluster = written(&with_spares(1));
    cluster.sim.start(NodeIndex(5));
    cluster.wait("the moves to begin", |sim| {
        sim.status(NodeIndex(5)).is_some_and(|status| status.moves.moving > 5)
    });
    cluster.sim.kill(NodeIndex(5));
    cluster.sim.kill(NodeIndex(3));
    cluster.pass(Duration::from_secs(20));
    // What was past the point of no return waits for a quorum of the next.
    let moving = |cluster: &Cluster| [0, 1, 2, 4].map(|node| cluster.moves(node).moving);
    assert!(
        moving(&cluster).iter().all(|count| *count <= 2),
        "{:?}",
        moving(&cluster)
    );
    cluster.sim.start(NodeIndex(3));
    cluster.settle();
    cluster.pass(Duration::from_secs(5));
    assert_eq!(moving(&cluster), [0; 4]);
    cluster
        .ask_admin(0, AdminRequest::Remove { node: id_of(5) })
        .expect("it is dead");
    cluster.wait_for_moves();
    assert_all_is_there(&mut cluster);
}

/// X12 (Monzo, 2019): six empty nodes that claim to be of the ring.
#[test]
fn x12_nodes_that_claim_a_ring_that_was_founded_without_them_serve_nobody() {
    let mut cluster = Cluster::started(&with_spares(6));
    cluster.settle();
    for key in 0..KEYS {
        cluster
            .write(key % 5, &format!("k{key}"), &key.to_string(), 2)
            .expect("all run");
    }
    for node in 5..11 {
        cluster
            .sim
            .reconfigure(NodeIndex(node), |config| config.entry = Entry::Found);
        cluster.sim.start(NodeIndex(node));
    }
    cluster.pass(Duration::from_secs(10));
    for node in 5..11 {
        let status = cluster.sim.status(NodeIndex(node)).expect("it runs");
        assert_eq!(status.ring, None, "n{node} serves by no ring");
        assert!(status.moves.refused.is_some_and(|why| why.contains("without it")));
        assert!(cluster.write(node, "k0", "x", 1).is_err());
    }
    for key in 0..KEYS {
        let name = format!("k{key}");
        assert_eq!(cluster.read(key % 5, &name), Some(key.to_string()));
        assert!(cluster.owners(&name).iter().all(|owner| *owner < 5));
    }
}

/// In each data center as many owners as before, and distinct ones.
#[test]
fn members_come_and_go_in_two_data_centers() {
    let mut cluster = written(&Shape {
        nodes: 6,
        spares: 2,
        per_dc: vec![2, 1],
        ..Shape::default()
    });
    cluster.sim.start(NodeIndex(6));
    cluster.sim.start(NodeIndex(7));
    cluster.wait_for_moves();
    cluster.ask_admin(1, AdminRequest::Leave).expect("three are left there");
    cluster.wait_for_moves();
    for key in 0..KEYS {
        let owners = cluster.owners(&format!("k{key}"));
        let in_first = owners.iter().filter(|node| **node % 2 == 0).count();
        assert_eq!((owners.len(), in_first), (3, 2));
    }
    assert_all_is_there(&mut cluster);
}

/// Only if it is told to, only after as long as it was told, and never on the smaller side of a partition.
#[test]
fn who_is_silent_for_long_is_removed_where_the_settings_say_so() {
    let shape = Shape {
        settings: |config| config.auto_remove_after = Some(Duration::from_secs(20)),
        ..Shape::default()
    };
    let members = |cluster: &Cluster, node: usize| {
        let status = cluster.sim.status(NodeIndex(node)).expect("it runs");
        status.members.len()
    };
    let mut cluster = written(&shape);
    cluster.wait("signs of life", |sim| {
        let all = (0..5).map(|node| sim.status(NodeIndex(node)).expect("it runs"));
        all.into_iter()
            .all(|status| status.members.iter().all(|member| member.up))
    });
    for (one, other) in [0, 1].into_iter().flat_map(|one| [2, 3, 4].map(|other| (one, other))) {
        cluster.sim.cut(NodeIndex(one), NodeIndex(other));
        cluster.sim.cut(NodeIndex(other), NodeIndex(one));
    }
    cluster.pass(Duration::from_secs(40));
    // Three of five are more than half, and three are enough for the replicas: one of the two may go, and not both.
    assert_eq!((members(&cluster, 0), members(&cluster, 1)), (5, 5));

    let mut cluster = written(&shape);
    cluster.wait("signs of life", |sim| {
        let status = sim.status(NodeIndex(0)).expect("it runs");
        status.members.iter().all(|member| member.up)
    });
    cluster.sim.kill(NodeIndex(4));
    cluster.pass(Duration::from_secs(15));
    assert_eq!(members(&cluster, 0), 5, "not yet");
    cluster.wait("n4 to be removed", |sim| {
        sim.status(NodeIndex(0)).expect("it runs").members.len() == 4
    });
    cluster.wait_for_moves();
    assert_all_is_there(&mut cluster);
}
