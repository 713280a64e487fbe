//! A client of several nodes: whom it asks by each policy, and that it goes on without the one that is gone.

use std::time::{Duration, Instant};

use quorate_core::Response;
use quorate_node::{
    client::{ClientEndpoint, ClusterClient, Policy, RequestError},
    identity::Role,
};
use tokio::task::JoinSet;

use crate::{
    cluster::{Cluster, PATIENCE, endpoint, status, write_request},
    relay::Relay,
};

/// What a datagram takes to a node that is far away, one way: far above what a write takes on a busy machine.
const FAR: Duration = Duration::from_millis(40);

/// A running cluster with a client of all its nodes, each connected.
struct Chosen {
    cluster: Cluster,
    endpoint: ClientEndpoint,
    relays: Vec<Relay>,
}

impl Chosen {
    /// Three nodes, of which some are far away.
    async fn start(far: &[usize]) -> Chosen {
        let cluster = Cluster::start(3).await;
        let endpoint = endpoint(&cluster.authority.issue(Role::Client, "c").unwrap());
        let mut relays = Vec::new();
        for index in 0..3 {
            let delay = if far.contains(&index) { FAR } else { Duration::ZERO };
            relays.push(Relay::start(cluster.address(index), delay).await);
        }
        Chosen {
            cluster,
            endpoint,
            relays,
        }
    }

    async fn client(&self, policy: Policy) -> ClusterClient {
        let nodes = self.relays.iter().map(|relay| self.endpoint.node(relay.address));
        let client = ClusterClient::new(nodes.collect(), policy);
        for node in client.nodes() {
            node.connected().await;
        }
        client
    }

    /// How many writes each node has coordinated.
    async fn writes(&self) -> [u64; 3] {
        let mut writes = [0; 3];
        for (index, count) in writes.iter_mut().enumerate() {
            *count = status(self.cluster.client(index)).await.unwrap().counters.writes;
        }
        writes
    }

    /// How many writes each node coordinates while this goes on.
    async fn coordinated(&self, load: impl Future<Output = ()>) -> [u64; 3] {
        let before = self.writes().await;
        load.await;
        let after = self.writes().await;
        [0, 1, 2].map(|index| after[index] - before[index])
    }
}

async fn write(client: &ClusterClient) -> Result<Response, RequestError> {
    let deadline = Instant::now() + PATIENCE;
    client.request(&write_request("k", "v", 1), deadline.into()).await
}

/// So many writes, one after the other.
async fn write_in_turn(client: &ClusterClient, count: usize) {
    for i in 0..count {
        let answer = write(client).await;
        assert!(matches!(answer, Ok(Response::Write(Ok(_)))), "{i}: {answer:?}");
    }
}

/// So many writers at a time, each of so many writes.
async fn write_together(client: &ClusterClient, writers: usize, count: usize) {
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let client = client.clone();
        tasks.spawn(async move { write_in_turn(&client, count).await });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn each_policy_asks_whom_it_says() {
    let chosen = Chosen::start(&[1, 2]).await;
    let client = chosen.client(Policy::RoundRobin).await;
    assert_eq!(chosen.coordinated(write_in_turn(&client, 9)).await, [3, 3, 3]);

    let client = chosen.client(Policy::Sticky).await;
    assert_eq!(chosen.coordinated(write_in_turn(&client, 9)).await, [9, 0, 0]);

    let client = chosen.client(Policy::LeastLoaded).await;
    assert_eq!(chosen.coordinated(write_in_turn(&client, 9)).await, [3, 3, 3]);
    let [near, far, further] = chosen.coordinated(write_together(&client, 6, 20)).await;
    assert_eq!(near + far + further, 120);
    assert!(near > far && near > further, "{near} {far} {further}");

    let client = chosen.client(Policy::Nearest).await;
    let [near, far, further] = chosen.coordinated(write_in_turn(&client, 70)).await;
    assert_eq!(near + far + further, 70);
    assert!(near > 35, "{near} {far} {further}");
    assert!(far >= 1 && further >= 1, "each is measured");
    chosen.endpoint.close().await;
}

#[tokio::test]
async fn without_one_node_requests_go_on() {
    let mut chosen = Chosen::start(&[]).await;
    let mut clients = Vec::new();
    for policy in Policy::ALL {
        let client = chosen.client(policy).await;
        write_in_turn(&client, 3).await;
        clients.push(client);
    }
    chosen.cluster.kill(0);
    for client in &clients {
        // What is on its way when the node goes may be lost, and that is said; nothing is ever sent twice.
        while client.nodes()[0].is_connected() {
            if let Err(error) = write(client).await {
                assert!(matches!(error, RequestError::Lost(_)), "{error:?}");
            }
        }
        write_in_turn(client, 20).await;
    }
    chosen.cluster.start_node(0);
    let back = &clients[0].nodes()[0];
    back.connected().await;
    chosen.cluster.until(0, "a ring", |status| status.ring.is_some()).await;
    let deadline = Instant::now() + PATIENCE;
    while chosen.writes().await[0] == 0 {
        assert!(Instant::now() < deadline, "it is asked again");
        let _ = write(&clients[0]).await;
    }
    chosen.endpoint.close().await;
}

#[tokio::test]
async fn without_any_node_a_request_waits_for_one_and_is_not_sent_by_its_deadline() {
    let mut cluster = Cluster::start(1).await;
    let endpoint = endpoint(&cluster.authority.issue(Role::Client, "c").unwrap());
    let nobody = "127.0.0.1:9".parse().unwrap();
    let nodes = vec![endpoint.node(nobody), endpoint.node(cluster.address(0))];
    cluster.kill(0);
    let client = ClusterClient::new(nodes, Policy::RoundRobin);
    let soon = Instant::now() + Duration::from_millis(50);
    let error = client.request(&write_request("k", "v", 1), soon.into()).await;
    assert!(matches!(error, Err(RequestError::NotSent(_))), "{error:?}");
    let later = tokio::spawn(async move { write(&client).await });
    tokio::task::yield_now().await;
    cluster.start_node(0);
    let answer = later.await.unwrap();
    assert!(matches!(answer, Ok(Response::Write(_))), "{answer:?}");
    endpoint.close().await;
}

/// What no connection takes is not tried over and over.
#[tokio::test]
async fn a_request_that_no_frame_holds_comes_back_at_once() {
    let chosen = Chosen::start(&[]).await;
    let client = chosen.client(Policy::Nearest).await;
    let huge = write_request("k", &"x".repeat(3 << 20), 1);
    let started = Instant::now();
    let error = client.request(&huge, (started + PATIENCE).into()).await;
    assert!(matches!(error, Err(RequestError::NotSent(_))), "{error:?}");
    assert!(started.elapsed() < PATIENCE / 2);
    chosen.endpoint.close().await;
}

/// It may take effect yet, where it was sent: the other nodes, which could have done it, never hear of it.
#[tokio::test]
async fn what_may_have_been_sent_is_not_sent_again() {
    let chosen = Chosen::start(&[]).await;
    let client = chosen.client(Policy::Sticky).await;
    write_in_turn(&client, 1).await;
    chosen.cluster.process(0).signal("STOP");
    let error = write(&client).await;
    assert!(matches!(error, Err(RequestError::Lost(_))), "{error:?}");
    for index in [1, 2] {
        let status = status(chosen.cluster.client(index)).await.unwrap();
        assert_eq!(status.counters.writes, 0, "node {index}");
    }
    write_in_turn(&client, 1).await;
    let next = status(chosen.cluster.client(1)).await.unwrap();
    assert_eq!(next.counters.writes, 1, "and the next request goes to the next node");
    chosen.cluster.process(0).signal("CONT");
    chosen.endpoint.close().await;
}
