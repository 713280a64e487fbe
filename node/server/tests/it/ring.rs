//! Three nodes find each other, serve, lose one and get it back.

use std::time::Instant;

use crate::cluster::{Cluster, is_settled, value};

#[tokio::test]
async fn three_nodes_found_a_ring_through_one_seed_and_serve_by_quorum() {
    let cluster = Cluster::start(3).await;
    let ring = cluster.until(0, "ring", |status| status.ring.is_some()).await.ring;
    for index in [1, 2] {
        cluster
            .until(index, "the same ring", |status| status.ring == ring)
            .await;
    }
    let written = cluster.write(1, "k1", "v1", 2).await.unwrap();
    let read = cluster.read(2, "k1", 2).await.cell.expect("written");
    assert_eq!(read.version(), written.version);
    assert_eq!(value(&read), "v1");
    assert_eq!(cluster.read(0, "no such key", 3).await.cell, None);
}

#[tokio::test]
async fn hints_are_delivered_when_a_node_is_back() {
    let mut cluster = Cluster::start(3).await;
    cluster.kill(2);
    cluster.until(0, "lost link", |status| !is_settled(status, 3)).await;
    for i in 0..20 {
        cluster.write(0, &format!("k{i}"), &format!("v{i}"), 2).await.unwrap();
    }
    let hinted = cluster.until(0, "hints", |status| status.hints_pending == 20).await;
    assert_eq!(hinted.counters.hints_stored, 20);
    cluster.start_node(2);
    let delivered = cluster.until(0, "deliveries", |status| status.hints_pending == 0).await;
    assert_eq!(delivered.counters.hints_delivered, 20);
    cluster.until(2, "ring", |status| status.ring.is_some()).await;
    for i in 0..20 {
        let record = cluster.replica(2, &format!("k{i}")).await.expect("delivered");
        assert_eq!(value(&record), format!("v{i}"));
    }
}

/// The keys that outlive the node let it tell its peers at once that their connections are gone: without them, each
/// waits until it suspects.
#[tokio::test]
async fn a_killed_and_restarted_node_is_linked_again() {
    let mut cluster = Cluster::start(3).await;
    for round in 0..3 {
        let (node, generation) = (cluster.process(1).node.clone(), cluster.process(1).generation);
        cluster.kill(1);
        let killed = Instant::now();
        cluster.start_node(1);
        let start = Instant::now();
        assert_eq!(cluster.process(1).node, node, "the key is in the folder");
        assert_eq!(cluster.process(1).generation, generation + 1);
        cluster.until(1, "links to all", |status| is_settled(status, 3)).await;
        for index in [0, 2] {
            let knows = |status: &quorate_core::Status| {
                let mut members = status.members.iter();
                members.any(|m| m.linked && m.generation.0 == generation + 1 && m.node.to_string() == node)
            };
            cluster.until(index, "link to the new start", knows).await;
        }
        let (listened, linked) = (start - killed, start.elapsed());
        println!("round {round}: listened {listened:?} after the kill, linked to all {linked:?} after that");
    }
}

/// Stopped processes keep their sockets and answer nothing: the others must not wait for them, and must take them back.
#[tokio::test]
async fn a_paused_node_is_given_up_and_taken_back() {
    let cluster = Cluster::start(3).await;
    cluster.process(2).signal("STOP");
    cluster.until(0, "lost link", |status| !is_settled(status, 3)).await;
    cluster.write(0, "k", "v", 2).await.unwrap();
    cluster.process(2).signal("CONT");
    cluster.until(0, "links to all", |status| is_settled(status, 3)).await;
    cluster.until(2, "links to all", |status| is_settled(status, 3)).await;
    cluster.until(0, "no hints", |status| status.hints_pending == 0).await;
    assert!(cluster.replica(2, "k").await.is_some());
}
