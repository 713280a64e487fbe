//! A node that is drained: the end of its service to clients, and of nothing else.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use quorate_core::{AdminOk, AdminRequest, ReadError, Reason, Request, Response, Stage, WriteError};
use quorate_node::client::NodeClient;

use crate::cluster::{Cluster, PATIENCE, ask, read_request, status, value, write_request};

/// Sends a request that the test does not wait for yet: what is sent after it comes after it.
fn start<'a>(client: &'a NodeClient, request: &'a Request) -> Pin<Box<impl Future<Output = Response>>> {
    let mut answer = Box::pin(async move { ask(client, request).await.unwrap() });
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "no answer is there yet");
    answer
}

/// Node 2 stands still, so that a write which needs all three is under way when the drain begins.
#[tokio::test]
async fn a_drained_node_ends_what_it_took_takes_no_more_and_is_a_replica_as_before() {
    let cluster = Cluster::start(3).await;
    let client = cluster.client(0);
    cluster.process(2).signal("STOP");
    let (taken, drain) = (write_request("k", "taken", 3), Request::Admin(AdminRequest::Drain));
    let mut under_way = start(client, &taken);
    cluster.until(0, "a write under way", |s| s.coordinating == 1).await;
    let drained = start(client, &drain);

    let refused = ask(client, &write_request("k", "late", 1)).await.unwrap();
    let Response::Write(Err(WriteError::NotApplied(refused))) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((refused.stage(), refused.reason()), (Stage::Arrived, &Reason::Draining));
    let refused = ask(client, &read_request("k", 1)).await.unwrap();
    assert_eq!(refused, Response::Read(Err(ReadError::Refused(Reason::Draining))));

    cluster.process(2).signal("CONT");
    let drained = tokio::time::timeout(PATIENCE, drained).await.unwrap();
    assert!(
        matches!(drained, Response::Admin(Ok(AdminOk::Drained { .. }))),
        "{drained:?}"
    );
    // By now it has been answered: as done, or as unknown if node 2 stood still for too long.
    let answer = under_way.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(answer) = answer else {
        panic!("drained, and a write is under way");
    };
    assert!(
        matches!(answer, Response::Write(Ok(_) | Err(WriteError::Unknown(_)))),
        "{answer:?}"
    );
    let after = status(client).await.unwrap();
    assert_eq!((after.coordinating, after.persisting), (0, 0));

    // As a replica: what others coordinate needs it, and it holds what they write. And its gossip is heard.
    cluster
        .until(1, "links to both", |s| {
            s.members.iter().filter(|m| m.linked).count() == 2
        })
        .await;
    cluster.write(1, "k", "through another", 3).await.unwrap();
    assert_eq!(value(&cluster.replica(0, "k").await.unwrap()), "through another");
    assert_eq!(cluster.read(1, "k", 3).await.answers.len(), 3);
    let rounds = after.counters.gossip_rounds;
    cluster
        .until(0, "more rounds of gossip", |s| s.counters.gossip_rounds > rounds + 3)
        .await;
    let drained_node = after.node;
    cluster
        .until(1, "signs of the drained node's life", |s| {
            s.members.iter().any(|member| member.node == drained_node && member.up)
        })
        .await;
}

/// Nobody but a start anew takes it back, and asked again it says the same.
#[tokio::test]
async fn a_drain_lasts_until_the_node_is_started_anew() {
    let mut cluster = Cluster::start(1).await;
    cluster.write(0, "k", "v", 1).await.unwrap();
    for _ in 0..2 {
        let answer = ask(cluster.client(0), &Request::Admin(AdminRequest::Drain))
            .await
            .unwrap();
        assert_eq!(answer, Response::Admin(Ok(AdminOk::Drained { hints_pending: 0 })));
        assert!(cluster.write(0, "k", "w", 1).await.is_err());
    }
    cluster.process(0).signal("TERM");
    assert!(cluster.take_process(0).wait().success());
    cluster.start_node(0);
    cluster.until(0, "a ring", |s| s.ring.is_some()).await;
    cluster.write(0, "k", "w", 1).await.unwrap();
}
