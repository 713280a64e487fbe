//! Who is not let in, what is not taken, and what is said to those who start a node wrongly.

use std::{
    fs,
    net::UdpSocket,
    time::{Duration, Instant},
};

use quorate_core::{AdminRequest, Request, Response};
use quorate_node::{
    Refusal,
    certs::Authority,
    client::RequestError,
    identity::{Identity, Role},
};

use crate::cluster::{Cluster, ask, endpoint, read_request, status};

const FAILED: Option<i32> = Some(70);
const USAGE: Option<i32> = Some(64);

#[tokio::test]
async fn an_administrators_request_needs_an_administrators_certificate() {
    let cluster = Cluster::start(1).await;
    let identity = cluster.authority.issue(Role::Client, "reader").unwrap();
    let endpoint = endpoint(&identity);
    let client = endpoint.node(cluster.address(0));
    let refused = ask(&client, &Request::Admin(AdminRequest::Status)).await;
    assert_eq!(refused, Err(RequestError::Refused(Refusal::NotAdmin)));
    let read = ask(&client, &read_request("k", 1)).await;
    assert!(matches!(read, Ok(Response::Read(Ok(_)))), "{read:?}");
    endpoint.close().await;
}

/// Of another authority, which neither side trusts; and of one that trusts the nodes but is not trusted by them.
#[tokio::test]
async fn strangers_get_no_connection() {
    let cluster = Cluster::start(1).await;
    let stranger = Authority::create().unwrap().issue(Role::Admin, "tester").unwrap();
    let folder = cluster.spare_folder();
    stranger.save(&folder).unwrap();
    fs::copy(cluster.folder(0).join("ca.pem"), folder.join("ca.pem")).unwrap();
    for identity in [stranger, Identity::load(&folder).unwrap()] {
        let endpoint = endpoint(&identity);
        let client = endpoint.node(cluster.address(0));
        let deadline = Instant::now() + Duration::from_millis(500);
        let refused = client.request(&read_request("k", 1), deadline.into()).await;
        let Err(RequestError::NotSent(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(
            why.contains("certificate") || why.contains("unknown CA") || why.contains("error 4"),
            "{why}"
        );
        endpoint.close().await;
    }
    assert!(status(cluster.client(0)).await.is_ok());
}

/// A node proves that it is one: a client's certificate does not make a server.
#[tokio::test]
async fn a_node_needs_a_nodes_certificate() {
    let cluster = Cluster::prepare(1);
    let identity = cluster.authority.issue(Role::Admin, "n0").unwrap();
    identity.save(cluster.folder(0)).unwrap();
    let ended = cluster.try_start(0, &[]).err().expect("refused");
    assert_eq!(ended.code, FAILED);
    assert!(ended.said.contains("is not a node's"), "{}", ended.said);
}

#[tokio::test]
async fn a_second_node_on_a_folder_is_refused() {
    let cluster = Cluster::start(1).await;
    let ended = cluster.try_start(0, &["--listen=127.0.0.1:0"]).err().expect("refused");
    assert_eq!(ended.code, FAILED);
    let said = ended.said;
    assert!(said.contains("store.redb: in use by another process"), "{said}");
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_named() {
    let cluster = Cluster::prepare(1);
    let refused = |argument: &str| cluster.try_start(0, &[argument]).err().expect("refused");
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let missing = cluster.spare_folder();
    let cases = [
        (
            format!("--listen={address}"),
            FAILED,
            format!("listen on {address}: Address already in use"),
        ),
        (
            format!("--data={}", missing.display()),
            FAILED,
            format!("{}: No such file", missing.join("ca.pem").display()),
        ),
        ("--gossip-interval=fast".to_owned(), USAGE, "span of time".to_owned()),
        ("--fsync=sometimes".to_owned(), USAGE, "periodic:1s".to_owned()),
        (
            "--replicas=3".to_owned(),
            USAGE,
            "1 founders, fewer than its 3 replicas".to_owned(),
        ),
    ];
    for (argument, code, said) in cases {
        let ended = refused(&argument);
        assert_eq!(ended.code, code, "{argument}: {}", ended.said);
        assert!(ended.said.contains(&said), "{argument}: {}", ended.said);
    }
}

/// Root may write anywhere, so what can't be written here is a store that is a folder; and then one that is noise.
#[tokio::test]
async fn a_store_that_cannot_be_is_named() {
    let cluster = Cluster::prepare(1);
    let path = cluster.folder(0).join("store.redb");
    fs::create_dir(&path).unwrap();
    let ended = cluster.try_start(0, &[]).err().expect("refused");
    assert_eq!(ended.code, FAILED);
    assert!(
        ended
            .said
            .contains(&format!("open the store: {}: Is a directory", path.display())),
        "{}",
        ended.said
    );

    fs::remove_dir(&path).unwrap();
    fs::write(&path, vec![7; 100_000]).unwrap();
    let ended = cluster.try_start(0, &[]).err().expect("refused");
    assert_eq!(ended.code, FAILED);
    assert!(
        ended
            .said
            .contains(&format!("{}: not a store that can be read", path.display())),
        "{}",
        ended.said
    );
}

/// A replica that forgets what it has acknowledged would be worse than one that is gone.
#[tokio::test]
async fn an_identity_whose_store_is_lost_does_not_start() {
    let mut cluster = Cluster::start(1).await;
    assert!(cluster.write(0, "k", "v", 1).await.is_ok());
    cluster.kill(0);
    fs::remove_file(cluster.folder(0).join("store.redb")).unwrap();
    let ended = cluster.try_start(0, &[]).err().expect("refused");
    assert_eq!(ended.code, FAILED);
    for said in ["this identity's store was lost", "quorate certs DIR --node NAME"] {
        assert!(ended.said.contains(said), "{}", ended.said);
    }
}
