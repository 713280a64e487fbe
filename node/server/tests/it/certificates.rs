//! Certificates that are no good: refused by whoever is shown them, dialled or dialling, and with a word in its log.
//!
//! They are made here, from the authority's own key where it is to have signed them, since the program makes none such.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::{Endpoint, ServerConfig, crypto::rustls::QuicServerConfig};
use quorate_core::ClusterId;
use quorate_node::{
    PROTOCOL_VERSION,
    certs::Authority,
    client::RequestError,
    identity::{Identity, Role},
};
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair, PKCS_ED25519, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::{
    cluster::{CLUSTER, Cluster, PATIENCE, endpoint, is_settled, read_request, status},
    nonsense::{connect, raw_endpoint},
};

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Expired,
    NotYetValid,
    AnotherAuthority,
    NoRole,
    TwoRoles,
    /// Nothing, but it is not of the role that its holder plays.
    AnotherRole,
}

/// Makes a certificate with a flaw, in a folder with its key and the authority that the cluster trusts.
fn make(cluster: &Cluster, flaw: Flaw, role: Role) -> PathBuf {
    let folder = cluster.spare_folder().join(format!("{flaw:?}-{role:?}"));
    fs::create_dir_all(&folder).unwrap();
    let authority = match flaw {
        Flaw::AnotherAuthority => &Authority::create().unwrap(),
        _ => &cluster.authority,
    };
    let names = match flaw {
        Flaw::NoRole => vec!["somebody.quorate.internal".to_owned()],
        Flaw::TwoRoles => vec![role.dns_name().to_owned(), Role::Admin.dns_name().to_owned()],
        _ => vec![role.dns_name().to_owned()],
    };
    let mut parameters = CertificateParams::new(names).unwrap();
    match flaw {
        Flaw::Expired => parameters.not_after = date_time_ymd(2001, 1, 1),
        Flaw::NotYetValid => parameters.not_before = date_time_ymd(3001, 1, 1),
        _ => {}
    }
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    authority.save(&folder).unwrap();
    let issuer = issuer(&folder);
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::copy(cluster.folder(0).join("ca.pem"), folder.join("ca.pem")).unwrap();
    folder
}

/// The authority whose key is in a folder, under the name that all authorities have.
fn issuer(folder: &Path) -> Issuer<'static, KeyPair> {
    let key = KeyPair::from_pem(&fs::read_to_string(folder.join("ca-key.pem")).unwrap()).unwrap();
    let mut parameters = CertificateParams::default();
    let name = "quorate cluster authority";
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    Issuer::new(parameters, key)
}

/// Waits for a warning of a node that names an address and a reason.
async fn warned(cluster: &Cluster, index: usize, remote: SocketAddr, reason: &str) {
    let path = cluster.folder(index).join("log");
    let remote = format!("remote={remote} ");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = fs::read_to_string(&path).unwrap();
        let fits = |line: &str| line.contains("WARN") && line.contains(&remote) && line.contains(reason);
        if log.lines().any(fits) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "no warning of {remote}with {reason:?} in {log}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A Hello that speaks for a node, or for a client.
fn hello(is_node: bool) -> Vec<u8> {
    let cluster = ClusterId::from_name(CLUSTER);
    let address: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let node = is_node.then_some((address, 1u32, 1u64));
    let body = postcard::to_extend(&(0u8, PROTOCOL_VERSION, cluster, node), Vec::new()).unwrap();
    [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

#[tokio::test]
async fn whoever_dials_with_a_certificate_that_is_no_good_is_refused_and_the_log_says_why() {
    let cluster = Cluster::start(1).await;
    let cases = [
        (Flaw::Expired, Role::Client, "certificate expired"),
        (Flaw::NotYetValid, Role::Client, "certificate not valid yet"),
        (Flaw::AnotherAuthority, Role::Client, "BadSignature"),
        (Flaw::NoRole, Role::Client, "no single role"),
        (Flaw::TwoRoles, Role::Client, "no single role"),
        (Flaw::AnotherRole, Role::Client, "not one of its role"),
        (Flaw::Expired, Role::Node, "certificate expired"),
        (Flaw::AnotherAuthority, Role::Node, "BadSignature"),
        (Flaw::AnotherRole, Role::Node, "not one of its role"),
    ];
    for (flaw, role, reason) in cases {
        let dialling = raw_endpoint(&make(&cluster, flaw, role));
        let connection = connect(&dialling, cluster.address(0)).await;
        if let Ok((mut sender, _receiver)) = connection.open_bi().await {
            let is_node = (role == Role::Node) != (flaw == Flaw::AnotherRole);
            let _ = sender.write_all(&hello(is_node)).await;
            let closed = tokio::time::timeout(PATIENCE, connection.closed()).await;
            assert!(closed.is_ok(), "{flaw:?} {role:?} is let in");
        }
        warned(&cluster, 0, dialling.local_addr().unwrap(), reason).await;
    }
    assert!(status(cluster.client(0)).await.is_ok());
}

/// A node is sent to each by its seeds, and a client by its address.
#[tokio::test]
async fn whoever_listens_with_a_certificate_that_is_no_good_is_refused_and_the_log_says_why() {
    let mut cluster = Cluster::prepare(1);
    let cases = [
        (Flaw::Expired, Role::Node, "certificate expired"),
        (Flaw::NotYetValid, Role::Node, "certificate not valid yet"),
        (Flaw::AnotherAuthority, Role::Node, "BadSignature"),
        (Flaw::NoRole, Role::Node, "not valid for name"),
        (Flaw::TwoRoles, Role::Node, "no single role"),
        (Flaw::AnotherRole, Role::Client, "not valid for name"),
        (Flaw::AnotherRole, Role::Admin, "not valid for name"),
    ];
    let listening: Vec<_> = cases
        .iter()
        .map(|(flaw, role, _)| listen(&make(&cluster, *flaw, *role)))
        .collect();
    let addresses: Vec<_> = listening.iter().map(|end| end.local_addr().unwrap()).collect();
    cluster.start_node_with_seeds(0, &addresses);
    let client = endpoint(&cluster.authority.issue(Role::Client, "c").unwrap());
    for ((flaw, role, reason), address) in cases.into_iter().zip(addresses) {
        warned(&cluster, 0, address, reason).await;
        let deadline = Instant::now() + Duration::from_millis(400);
        let refused = client
            .node(address)
            .request(&read_request("k", 1), deadline.into())
            .await;
        let Err(RequestError::NotSent(why)) = refused else {
            panic!("{flaw:?} {role:?}: {refused:?}");
        };
        assert!(why.contains(reason), "{flaw:?} {role:?}: {why}");
    }
    client.close().await;
}

/// QUIC as a node listens, with the certificate in a folder, asking for none.
fn listen(folder: &Path) -> Endpoint {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    tls.alpn_protocols = vec![format!("quorate/{PROTOCOL_VERSION}").into_bytes()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let listening = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let acceptor = listening.clone();
    tokio::spawn(async move {
        while let Some(incoming) = acceptor.accept().await {
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    connection.closed().await;
                }
            });
        }
    });
    listening
}

/// The same address, another key: another node. What is for the one is not for the other, whatever the address says.
#[tokio::test]
async fn a_node_with_another_key_at_the_same_address_is_another_node() {
    let mut cluster = Cluster::start(3).await;
    let before = cluster.until(0, "a ring", |status| is_settled(status, 3)).await;
    let old = cluster.process(2).node.clone();
    cluster.kill(2);
    let folder = cluster.folder(2).clone();
    fs::remove_dir_all(&folder).unwrap();
    let identity: Identity = cluster.authority.issue(Role::Node, "n2").unwrap();
    identity.save(&folder).unwrap();
    cluster.start_node(2);
    let new = cluster.process(2).node.clone();
    assert_ne!(old, new);
    let address = cluster.address(2);
    let status = cluster
        .until(0, "a link to the new node", |status| {
            let mut linked = status.members.iter().filter(|member| member.linked);
            linked.clone().any(|member| member.node.to_string() == new)
                && !linked.any(|member| member.node.to_string() == old)
        })
        .await;
    let of = |node: &str| {
        status
            .members
            .iter()
            .find(|member| member.node.to_string() == node)
            .unwrap()
    };
    assert_eq!(of(&old).address, Some(address));
    assert_eq!(status.ring, before.ring, "it takes nobody's place on the ring");
    // Two of three owners are left: what needs the third can't be, though somebody answers where it was.
    assert!(cluster.write(0, "k", "v", 2).await.is_ok());
    assert!(cluster.write(0, "k", "v", 3).await.is_err());
    // The connection to the process that was killed there may still be taken for alive: this one is not.
    let status = cluster
        .until(2, "a founding without it", |status| status.moves.refused.is_some())
        .await;
    assert_eq!(status.ring, None, "it can only join");
}
