//! A client with a good certificate and bad manners.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quinn::{ClientConfig, Connection, Endpoint, crypto::rustls::QuicClientConfig};
use quorate_core::ClusterId;
use quorate_node::{PROTOCOL_VERSION, identity::Role};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::cluster::{CLUSTER, Cluster, PATIENCE, status};

/// What is sent, and what it is.
fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let hello = hello(CLUSTER);
    let with_hello = |rest: &[u8]| [&hello, rest].concat();
    vec![
        ("no hello", vec![1, 0, 0, 0, 1]),
        ("another cluster", self::hello("another")),
        ("noise at once", vec![0xa5; 5000]),
        ("noise after the hello", with_hello(&[0xa5; 5000])),
        ("a length above the limit", with_hello(&[0, 0, 0x20, 1])),
        ("an empty frame", with_hello(&[0, 0, 0, 0])),
        ("a hello again", with_hello(&hello)),
        ("an answer that nobody asked for", with_hello(&[1, 0, 0, 0, 2])),
        ("a node's message", with_hello(&[3, 0, 0, 0, 3, 2, 0])),
        ("the first byte of a long one", with_hello(&[0, 0, 0x20, 0, 3])),
    ]
}

/// As the first frame of a client: the version, a cluster, and no account of a node.
pub(crate) fn hello(cluster: &str) -> Vec<u8> {
    let body = postcard::to_extend(
        &(0u8, PROTOCOL_VERSION, ClusterId::from_name(cluster), None::<u8>),
        Vec::new(),
    )
    .unwrap();
    [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

#[tokio::test]
async fn a_client_that_sends_nonsense_loses_its_connection_and_nobody_else_anything() {
    let cluster = Cluster::start(1).await;
    let identity = cluster.authority.issue(Role::Client, "rude").unwrap();
    let folder = cluster.spare_folder();
    identity.save(&folder).unwrap();
    let endpoint = raw_endpoint(&folder);
    for (what, bytes) in cases() {
        let connection = connect(&endpoint, cluster.address(0)).await;
        let (mut sender, _receiver) = connection.open_bi().await.unwrap();
        sender.write_all(&bytes).await.unwrap();
        let closed = tokio::time::timeout(PATIENCE, connection.closed()).await;
        println!("{what}: {}", closed.unwrap_or_else(|_| panic!("{what} is taken")));
        assert!(status(cluster.client(0)).await.is_ok(), "after {what}");
    }
}

/// Not a word, and a stream that stays silent: the node does not wait for ever.
#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let cluster = Cluster::start(1).await;
    let identity = cluster.authority.issue(Role::Client, "shy").unwrap();
    let folder = cluster.spare_folder();
    identity.save(&folder).unwrap();
    let endpoint = raw_endpoint(&folder);
    let connection = connect(&endpoint, cluster.address(0)).await;
    let closed = tokio::time::timeout(PATIENCE, connection.closed()).await;
    assert!(closed.is_ok());
}

pub(crate) async fn connect(endpoint: &Endpoint, address: SocketAddr) -> Connection {
    endpoint.connect(address, Role::Node.dns_name()).unwrap().await.unwrap()
}

/// QUIC as the node speaks it, without anything of the node's own.
pub(crate) fn raw_endpoint(folder: &std::path::Path) -> Endpoint {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap())
        .unwrap();
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    tls.alpn_protocols = vec![format!("quorate/{PROTOCOL_VERSION}").into_bytes()];
    let mut transport = quinn::TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_millis(250)));
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(Arc::new(transport));
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(config);
    endpoint
}
