//! Who takes nothing, says nothing or stands still: it holds up nobody else.

use std::time::Instant;

use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use quorate_core::{Request, Response};
use quorate_node::identity::Role;

use crate::{
    cluster::{CLUSTER, Cluster, PATIENCE, ask, endpoint, read_request, write_request},
    nonsense::{connect, hello, raw_endpoint},
};

/// The close code of a connection that takes less than it is sent.
const FULL: u32 = 5;

/// Answers of a mebibyte that are asked for and not read: half as much again as may wait.
const UNREAD: u64 = 200;

/// A client that has said Hello, and does with its stream as it likes.
struct Raw {
    _endpoint: quinn::Endpoint,
    connection: Connection,
    sender: SendStream,
    _receiver: RecvStream,
}

impl Raw {
    async fn connect(cluster: &Cluster, index: usize) -> Raw {
        let folder = cluster.spare_folder();
        cluster
            .authority
            .issue(Role::Client, "raw")
            .unwrap()
            .save(&folder)
            .unwrap();
        let endpoint = raw_endpoint(&folder);
        let connection = connect(&endpoint, cluster.address(index)).await;
        let (mut sender, receiver) = connection.open_bi().await.unwrap();
        sender.write_all(&hello(CLUSTER)).await.unwrap();
        Raw {
            _endpoint: endpoint,
            connection,
            sender,
            _receiver: receiver,
        }
    }

    async fn ask(&mut self, id: u64, request: &Request) -> Result<(), quinn::WriteError> {
        let body = postcard::to_extend(&(4u8, id, request), Vec::new()).unwrap();
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        self.sender.write_all(&[&length[..], &body].concat()).await
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_let_go_and_holds_up_nobody() {
    let cluster = Cluster::start(1).await;
    assert!(cluster.write(0, "large", &"x".repeat(1 << 20), 1).await.is_ok());
    let mut stuck = Raw::connect(&cluster, 0).await;
    for id in 0..UNREAD {
        if stuck.ask(id, &read_request("large", 1)).await.is_err() {
            break;
        }
        assert!(cluster.write(0, "k", "v", 1).await.is_ok());
    }
    let closed = tokio::time::timeout(PATIENCE, stuck.connection.closed()).await.unwrap();
    let ConnectionError::ApplicationClosed(close) = closed else {
        panic!("{closed}");
    };
    assert_eq!(close.error_code, FULL.into());
    assert!(cluster.write(0, "k", "v", 1).await.is_ok());
}

/// Half a frame, and nothing more: the connection waits, and nobody else does.
#[tokio::test]
async fn a_client_in_the_middle_of_a_frame_holds_up_nobody() {
    let cluster = Cluster::start(1).await;
    let mut halves = Vec::new();
    for _ in 0..10 {
        let mut half = Raw::connect(&cluster, 0).await;
        half.sender.write_all(&[0, 0, 0x10, 0, 4, 1]).await.unwrap();
        halves.push(half);
    }
    for _ in 0..50 {
        assert!(cluster.write(0, "k", "v", 1).await.is_ok());
    }
    assert!(halves.iter().all(|half| half.connection.close_reason().is_none()));
}

/// A node that stands still with its links up: a quorum goes on without it, before and after it is suspected.
#[tokio::test]
async fn a_peer_that_stands_still_holds_up_nobody() {
    let cluster = Cluster::start(3).await;
    let client = endpoint(&cluster.authority.issue(Role::Client, "c").unwrap());
    let node = client.node(cluster.address(0));
    node.connected().await;
    cluster.process(2).signal("STOP");
    let stopped = Instant::now();
    let mut writes = 0;
    let is_suspected = |status: &quorate_core::Status| status.members.iter().filter(|m| m.linked).count() < 2;
    loop {
        let answer = ask(&node, &write_request("k", "v", 2)).await;
        assert!(matches!(answer, Ok(Response::Write(Ok(_)))), "{answer:?}");
        writes += 1;
        if is_suspected(&crate::cluster::status(cluster.client(0)).await.unwrap()) {
            break;
        }
        assert!(stopped.elapsed() < PATIENCE, "it is suspected");
    }
    assert!(writes > 1, "and nobody waited for that");
    let answer = ask(&node, &write_request("k", "v", 2)).await;
    assert!(matches!(answer, Ok(Response::Write(Ok(_)))), "{answer:?}");
    cluster.process(2).signal("CONT");
    client.close().await;
}
