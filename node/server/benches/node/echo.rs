//! The bare echo: what the transport can do.

use std::{net::SocketAddr, sync::Arc, thread, time::Instant};

use bytes::{Buf, BytesMut};
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, ServerConfig, crypto::rustls::QuicClientConfig};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::runtime::{Builder, Runtime};

use crate::{Effort, Figures, PAYLOAD_BYTES, Window};
use quorate_node::{certs::Authority, identity::Role, transport_config};

/// Length and id.
const HEADER_BYTES: usize = 4 + 8;
const FRAME_BYTES: usize = HEADER_BYTES + PAYLOAD_BYTES;

pub(crate) fn measure(effort: &Effort) {
    let runtime = current_thread();
    let (server, client) = {
        let server_runtime = current_thread();
        let (server_config, client_config) = configs();
        let endpoint = {
            let _context = server_runtime.enter();
            Endpoint::server(server_config, "127.0.0.1:0".parse().unwrap()).unwrap()
        };
        let address = endpoint.local_addr().unwrap();
        thread::spawn(move || server_runtime.block_on(serve(endpoint)));
        (address, client_config)
    };
    for in_flight in [1, 16, 64] {
        let name = format!("echo, {in_flight} in flight");
        if !name.contains(&effort.only) {
            continue;
        }
        let rounds: Vec<_> = (0..effort.rounds)
            .map(|_| runtime.block_on(ask(server, client.clone(), in_flight, effort)))
            .collect();
        Figures::median(&rounds).print(&name);
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn configs() -> (ServerConfig, ClientConfig) {
    let folder = tempfile::tempdir().unwrap();
    let identity = Authority::create().unwrap().issue(Role::Node, "echo").unwrap();
    identity.save(folder.path()).unwrap();
    let file = |name| folder.path().join(name);
    let certificate = CertificateDer::from_pem_file(file("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file("ca.pem")).unwrap())
        .unwrap();
    let mut server = ServerConfig::with_single_cert(vec![certificate], key).unwrap();
    server.transport_config(transport_config());
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    client.transport_config(transport_config());
    (server, client)
}

async fn serve(endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        let connection = incoming.await.unwrap();
        let (sender, receiver) = connection.accept_bi().await.unwrap();
        echo(sender, receiver).await;
    }
}

/// Sends back all whole frames of what there is, in one piece, each time there is something.
async fn echo(mut sender: SendStream, mut receiver: RecvStream) {
    let mut waiting = BytesMut::new();
    while let Some(()) = fill(&mut receiver, &mut waiting).await {
        let whole = waiting.len() / FRAME_BYTES * FRAME_BYTES;
        if whole > 0 && sender.write_chunk(waiting.split_to(whole).freeze()).await.is_err() {
            return;
        }
    }
}

/// Keeps `in_flight` frames under way. Whatever answers came in together are sent again together.
async fn ask(server: SocketAddr, config: ClientConfig, in_flight: usize, effort: &Effort) -> Figures {
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(server, Role::Node.dns_name()).unwrap().await.unwrap();
    let (mut sender, mut receiver) = connection.open_bi().await.unwrap();
    let window = Window::open(effort);
    let mut started = vec![Instant::now(); in_flight];
    let (mut latencies, mut waiting, mut next) = (Vec::new(), BytesMut::new(), BytesMut::new());
    (0..in_flight).for_each(|id| put(id as u64, &mut next));
    while Instant::now() < window.until {
        sender.write_chunk(next.split().freeze()).await.unwrap();
        while waiting.len() < FRAME_BYTES {
            fill(&mut receiver, &mut waiting).await.unwrap();
        }
        let now = Instant::now();
        while waiting.len() >= FRAME_BYTES {
            let id = u64::from_le_bytes(*waiting[4..].first_chunk().unwrap());
            waiting.advance(FRAME_BYTES);
            let start = std::mem::replace(&mut started[id as usize], now);
            if window.counts(start, now) {
                latencies.push(now - start);
            }
            put(id, &mut next);
        }
    }
    connection.close(0u32.into(), b"");
    Figures::of(latencies, effort.span)
}

fn put(id: u64, frames: &mut BytesMut) {
    frames.extend_from_slice(&((FRAME_BYTES - 4) as u32).to_le_bytes());
    frames.extend_from_slice(&id.to_le_bytes());
    frames.extend_from_slice(&[7; PAYLOAD_BYTES]);
}

async fn fill(receiver: &mut RecvStream, waiting: &mut BytesMut) -> Option<()> {
    let mut pieces = vec![bytes::Bytes::new(); 64];
    let count = receiver.read_chunks(&mut pieces).await.ok()??;
    pieces[..count]
        .iter()
        .for_each(|piece| waiting.extend_from_slice(piece));
    Some(())
}
