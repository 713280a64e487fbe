//! What the client library says of a request that was not answered, and that it keeps its connection up.

use std::time::{Duration, Instant};

use quorate_core::{AdminRequest, Request, Response};
use quorate_node::{client::RequestError, identity::Role};
use tokio::task::JoinSet;

use crate::cluster::{Cluster, PATIENCE, ask, endpoint, read_request, write_request};

/// Far below what the supervision of a connection takes to suspect anyone.
const SOON: Duration = Duration::from_millis(100);

fn soon() -> tokio::time::Instant {
    (Instant::now() + SOON).into()
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_sent() {
    let mut cluster = Cluster::start(1).await;
    cluster.kill(0);
    let endpoint = endpoint(&cluster.authority.issue(Role::Client, "c").unwrap());
    let client = endpoint.node(cluster.address(0));
    let error = client.request(&write_request("k", "v", 1), soon()).await.unwrap_err();
    assert!(
        matches!(error, RequestError::NotSent(_)) && error.is_definite(),
        "{error:?}"
    );
    assert!(!client.is_connected());
    cluster.start_node(0);
    client.connected().await;
    let answer = ask(&client, &write_request("k", "v", 1)).await;
    assert!(matches!(answer, Ok(Response::Write(_))), "{answer:?}");
    endpoint.close().await;
}

/// A node that is stopped has its socket still: what is sent to it may be read when it goes on.
#[tokio::test]
async fn what_a_stopped_node_was_sent_has_an_unknown_outcome() {
    let cluster = Cluster::start(1).await;
    let client = cluster.client(0);
    ask(client, &write_request("k", "v0", 1)).await.unwrap();
    cluster.process(0).signal("STOP");
    let timed_out = client.request(&write_request("k", "v1", 1), soon()).await;
    assert_eq!(timed_out, Err(RequestError::TimedOut));
    let lost = ask(client, &write_request("k", "v2", 1)).await.unwrap_err();
    assert!(matches!(lost, RequestError::Lost(_)) && !lost.is_definite(), "{lost:?}");
    cluster.process(0).signal("CONT");
    let back = ask(client, &read_request("k", 1)).await;
    assert!(matches!(back, Ok(Response::Read(_))), "{back:?}");
}

/// Killed in the middle of a hundred requests, a node leaves each with an outcome, and none with a wrong one.
#[tokio::test]
async fn many_share_a_connection_and_its_loss() {
    let mut cluster = Cluster::start(1).await;
    let client = cluster.client(0).clone();
    let mut writers = JoinSet::new();
    for writer in 0..100 {
        let client = client.clone();
        writers.spawn(async move {
            for i in 0.. {
                let request = write_request(&format!("k{writer}-{i}"), "v", 1);
                let deadline = Instant::now() + PATIENCE;
                if let Err(error) = client.request(&request, deadline.into()).await {
                    return (i, error);
                }
            }
            unreachable!("it goes on until it fails");
        });
    }
    cluster
        .until(0, "a thousand writes", |status| status.counters.writes > 1000)
        .await;
    cluster.kill(0);
    let mut acked = Vec::new();
    for (writer, ended) in writers.join_all().await.into_iter().enumerate() {
        let (count, error) = ended;
        assert!(matches!(error, RequestError::Lost(_)), "{error:?}");
        acked.push((writer, count));
    }
    assert!(acked.iter().map(|(_, count)| count).sum::<u32>() > 1000);
    cluster.start_node(0);
    cluster.until(0, "ring", |status| status.ring.is_some()).await;
}

/// Dropped calls leave nothing behind: the connection, and those who share it, go on.
#[tokio::test]
async fn a_dropped_call_disturbs_nobody() {
    let cluster = Cluster::start(1).await;
    let client = cluster.client(0);
    for _ in 0..50 {
        let request = Request::Admin(AdminRequest::Status);
        tokio::select! {
            biased;
            _ = client.request(&request, (Instant::now() + PATIENCE).into()) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    let answer = ask(client, &read_request("k", 1)).await;
    assert!(matches!(answer, Ok(Response::Read(_))), "{answer:?}");
    assert!(client.is_connected());
}

#[tokio::test]
async fn a_closed_endpoint_asks_nobody() {
    let cluster = Cluster::start(1).await;
    let endpoint = endpoint(&cluster.authority.issue(Role::Client, "c").unwrap());
    let client = endpoint.node(cluster.address(0));
    client.connected().await;
    endpoint.close().await;
    let error = client.request(&read_request("k", 1), soon()).await.unwrap_err();
    assert!(
        matches!(error, RequestError::NotSent(_) | RequestError::Lost(_)),
        "{error:?}"
    );
}
