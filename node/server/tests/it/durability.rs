//! What was acknowledged is there after a kill, and after a stop in good order.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt};

use tokio::task::JoinSet;

use crate::cluster::{Cluster, ask, is_settled, write_request};

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
                    quorate_core::Response::Write(Ok(ok)) => acked.insert(key, ok.version),
                    _ => break,
                };
            }
            acked
        });
    }
    cluster.until(2, "load", |_| true).await;
    let enough = |status: &quorate_core::Status| status.counters.writes > 300;
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
        assert!(record.version >= version, "{key}");
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
