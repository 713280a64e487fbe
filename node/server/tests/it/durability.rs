//! What was acknowledged is there after a kill, and after a stop in good order.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt};

use quorate_core::{Response, Status};
use tokio::task::JoinSet;

use crate::cluster::{Cluster, ask, is_settled, write_request};

/// The largest file that a node with a full disk may have, in the shell's blocks of half a kilobyte: a new store and
/// some growth.
const LIMIT_BLOCKS: u32 = 8 * 1024;

/// Writes at W=3 while a node is killed, and then asks that node alone: whatever was acknowledged it must hold.
#[tokio::test]
async fn every_acknowledged_write_survives_a_kill() {
    let mut cluster = Cluster::start(3).await;
    let client = cluster.client(0).clone();
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let client = client.clone();
        writers.spawn(async move {
            let mut acked = BTreeMap::new();
            for i in 0.. {
                let key = format!("w{writer}-{i}");
                let response = ask(&client, &write_request(&key, "v", 3)).await.unwrap();
                match response {
                    Response::Write(Ok(ok)) => acked.insert(key, ok.version),
                    _ => break,
                };
            }
            acked
        });
    }
    let enough = |status: &Status| status.counters.writes > 300;
    cluster.until(0, "three hundred writes", enough).await;
    cluster.kill(2);
    let mut acked = BTreeMap::new();
    while let Some(of_one) = writers.join_next().await {
        acked.extend(of_one.unwrap());
    }
    assert!(acked.len() > 300);
    cluster.start_node(2);
    cluster.until(2, "ring", |status| status.ring.is_some()).await;
    for (key, version) in acked {
        let record = cluster
            .replica(2, &key)
            .await
            .unwrap_or_else(|| panic!("{key} is lost"));
        assert!(record.version() >= version, "{key}");
    }
}

#[tokio::test]
async fn sigterm_and_the_end_of_the_parent_stop_a_node_in_good_order_and_sigint_does_not() {
    let mut cluster = Cluster::start(3).await;
    cluster.write(0, "k", "v", 3).await.unwrap();
    cluster.process(1).signal("INT");
    cluster
        .until(1, "links to all after SIGINT", |status| is_settled(status, 3))
        .await;
    let terminated = cluster.take_process(1);
    terminated.signal("TERM");
    let status = terminated.wait();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    assert_eq!(cluster.take_process(2).orphan().code(), Some(0));
    for index in [1, 2] {
        cluster.start_node(index);
        cluster.until(index, "ring", |status| status.ring.is_some()).await;
        assert!(cluster.replica(index, "k").await.is_some());
    }
}

/// Not a write is synced, but the generation is: a node that forgot it would stamp two writes alike.
#[tokio::test]
async fn without_fsync_the_generation_is_durable_all_the_same() {
    let cluster = Cluster::prepare(1);
    for generation in 1..4 {
        let process = cluster.try_start(0, &["--fsync=never"]).unwrap();
        assert_eq!(process.generation, generation);
        process.kill();
    }
}

/// A limit on the size of files stands in for a disk that fills up: the node ends, says which file it was, and has lost
/// nothing that it acknowledged.
#[tokio::test]
async fn a_full_disk_ends_the_node_and_takes_nothing_back() {
    let mut cluster = Cluster::prepare(1);
    cluster.start_node_limited(0, LIMIT_BLOCKS);
    cluster.until(0, "ring", |status| status.ring.is_some()).await;
    let value = "v".repeat(10_000);
    let mut acked = Vec::new();
    for i in 0.. {
        let key = format!("k{i}");
        match ask(cluster.client(0), &write_request(&key, &value, 1)).await {
            Ok(Response::Write(Ok(_))) => acked.push(key),
            Ok(Response::Write(Err(_))) | Err(_) => break,
            other => panic!("{other:?}"),
        }
    }
    let ended = cluster.take_process(0).wait();
    assert_eq!(ended.code(), Some(70));
    let log = std::fs::read_to_string(cluster.folder(0).join("log")).unwrap();
    assert!(
        log.contains("the store can't go on") && log.contains("store.redb: I/O error: File too large"),
        "{log}"
    );
    assert!(!acked.is_empty());
    cluster.start_node(0);
    cluster.until(0, "ring", |status| status.ring.is_some()).await;
    for key in acked {
        assert!(cluster.replica(0, &key).await.is_some(), "{key} is lost");
    }
}
