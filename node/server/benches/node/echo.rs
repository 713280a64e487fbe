//! The bare echo: what the transport can do.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use bytes::{Buf, BytesMut};
use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, ServerConfig, crypto::rustls::QuicClientConfig};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{
    Effort, PAYLOAD_BYTES,
    cpu::Meter,
    current_thread,
    figures::{Figures, Used, Window},
};
use quorate_node::{certs::Authority, identity::Role, transport_config};

/// Length and id.
const HEADER_BYTES: usize = 4 + 8;
const FRAME_BYTES: usize = HEADER_BYTES + PAYLOAD_BYTES;

/// A server that echoes, on a thread of its own, and what was measured of it.
pub(crate) struct Echo {
    effort: Effort,
    server: SocketAddr,
    meter: Meter,
    config: ClientConfig,
    /// Operations in a second, by how many were in flight.
    measured: BTreeMap<usize, f64>,
}

impl Echo {
    pub(crate) fn start(effort: Effort) -> Echo {
        let (server_config, config) = configs();
        let (started, ready) = mpsc::channel();
        thread::spawn(move || {
            current_thread().block_on(async move {
                let endpoint = Endpoint::server(server_config, "127.0.0.1:0".parse().unwrap()).unwrap();
                started
                    .send((endpoint.local_addr().unwrap(), Meter::this_thread()))
                    .unwrap();
                serve(endpoint).await;
            });
        });
        let (server, meter) = ready.recv().unwrap();
        Echo {
            effort,
            server,
            meter,
            config,
            measured: BTreeMap::new(),
        }
    }

    pub(crate) fn name(in_flight: usize) -> String {
        format!("echo, {in_flight} in flight")
    }

    /// Measures and prints it, unless that was done before.
    pub(crate) async fn ops_per_second(&mut self, in_flight: usize) -> f64 {
        if let Some(measured) = self.measured.get(&in_flight) {
            return *measured;
        }
        let mut rounds = Vec::new();
        for _ in 0..self.effort.rounds {
            rounds.push(self.ask(in_flight).await);
        }
        let figures = Figures::median(&rounds);
        figures.print(&Echo::name(in_flight), None);
        self.measured.insert(in_flight, figures.ops_per_second);
        figures.ops_per_second
    }

    /// Keeps `in_flight` frames under way. Whatever answers came in together are sent again together.
    async fn ask(&self, in_flight: usize) -> Figures {
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(self.config.clone());
        let connecting = endpoint.connect(self.server, Role::Node.dns_name()).unwrap();
        let connection = connecting.await.unwrap();
        let (mut sender, mut receiver) = connection.open_bi().await.unwrap();
        let own = Meter::this_thread();
        let window = Window::open(&self.effort);
        let mut before = None;
        let mut started = vec![Instant::now(); in_flight];
        let (mut latencies, mut waiting, mut next) = (Vec::new(), BytesMut::new(), BytesMut::new());
        (0..in_flight).for_each(|id| put(id as u64, &mut next));
        while Instant::now() < window.until {
            sender.write_chunk(next.split().freeze()).await.unwrap();
            while waiting.len() < FRAME_BYTES {
                fill(&mut receiver, &mut waiting).await.unwrap();
            }
            let now = Instant::now();
            if before.is_none() && now >= window.from {
                before = Some((self.meter.used(), own.used()));
            }
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
        let (served, asked) = before.unwrap_or_default();
        let used = Used {
            serving: self.meter.used_since(served),
            asking: own.used_since(asked),
        };
        connection.close(0u32.into(), b"");
        Figures::of(latencies, self.effort.span, used)
    }
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
