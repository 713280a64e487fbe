//! QUIC endpoints that know each other, for tests and benchmarks of what lies between them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{ClientConfig, Endpoint, ServerConfig, TransportConfig};

/// The name in the server's certificate.
pub(crate) const SERVER_NAME: &str = "localhost";

/// Configurations of a server with a certificate of its own, and of a client that trusts it.
pub(crate) fn configs() -> (ServerConfig, ClientConfig) {
    let certified = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()]).expect("a name is all it takes");
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a fresh certificate is sound");

    let mut transport = TransportConfig::default();
    // The default of 333 ms is for the open internet.
    transport.initial_rtt(Duration::from_millis(20));
    let transport = Arc::new(transport);
    let mut server =
        ServerConfig::with_single_cert(vec![certificate], key.into()).expect("the key is the certificate's");
    server.transport_config(Arc::clone(&transport));
    let mut client = ClientConfig::with_root_certificates(Arc::new(roots)).expect("there is a root");
    client.transport_config(transport);
    (server, client)
}

/// A server on a port of the loopback.
pub(crate) fn server(config: ServerConfig) -> Endpoint {
    Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).expect("the loopback has a free port")
}

/// A client on a port of the loopback.
pub(crate) fn client(config: ClientConfig) -> Endpoint {
    let mut client = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("the loopback has a free port");
    client.set_default_client_config(config);
    client
}

/// Sends back what comes on the first stream of each connection, one connection after the other.
pub(crate) async fn serve_echo(server: Endpoint) {
    while let Some(incoming) = server.accept().await {
        let connection = incoming.await.expect("the client completes its handshake");
        let (mut to_client, mut from_client) = connection.accept_bi().await.expect("the client opens a stream");
        while let Ok(Some(chunk)) = from_client.read_chunk(usize::MAX, true).await {
            if to_client.write_chunk(chunk.bytes).await.is_err() {
                break;
            }
        }
        connection.closed().await;
    }
}
