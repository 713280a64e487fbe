//! Three nodes, and load on them.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use quorate_core::{
    AdminOk, AdminRequest, Key, Level, ReadRepair, ReadRequest, Request, Response, Update, Value, WriteRequest,
};
use quorate_node::{
    certs::Authority,
    client::{ClientEndpoint, ClientOptions, NodeClient},
    identity::Role,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tokio::{runtime::Builder, task::JoinSet};

use crate::{Effort, Figures, PAYLOAD_BYTES, Window};

const NODES: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Clone, Copy)]
struct Mix {
    /// Of a hundred requests.
    writes: u32,
    in_flight: usize,
}

/// Name, writes of a hundred, and in flight.
const MIXES: [(&str, u32, usize); 8] = [
    ("reads", 0, 1),
    ("reads", 0, 64),
    ("writes", 100, 1),
    ("writes", 100, 64),
    ("reads and writes", 50, 1),
    ("reads and writes", 50, 16),
    ("reads and writes", 50, 64),
    ("reads and writes", 50, 256),
];

/// A majority of three.
const QUORUM: u8 = 2;

pub(crate) fn measure(effort: &Effort) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for fsync in ["never", "always"] {
        runtime.block_on(async {
            let figures = MIXES.map(|(name, writes, in_flight)| {
                let name = format!("quorum {name}, {in_flight} in flight, fsync {fsync}");
                (name, Mix { writes, in_flight })
            });
            let wanted: Vec<_> = figures.iter().filter(|(name, _)| name.contains(&effort.only)).collect();
            if wanted.is_empty() {
                return;
            }
            let cluster = Cluster::start(fsync).await;
            cluster.fill(effort.keys).await;
            for (name, mix) in wanted {
                let mut rounds = Vec::new();
                for round in 0..effort.rounds {
                    rounds.push(cluster.load(*mix, effort, round as u64).await);
                }
                Figures::median(&rounds).print(name);
            }
        });
    }
}

struct Cluster {
    _folder: tempfile::TempDir,
    _nodes: Vec<Node>,
    clients: Vec<NodeClient>,
    _endpoint: ClientEndpoint,
}

/// A node's process, which ends with this.
struct Node {
    child: Child,
    address: SocketAddr,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    async fn start(fsync: &str) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::create().unwrap();
        let mut nodes: Vec<Node> = Vec::new();
        for index in 0..NODES {
            let data = folder.path().join(format!("n{index}"));
            authority
                .issue(Role::Node, &format!("n{index}"))
                .unwrap()
                .save(&data)
                .unwrap();
            let seed = nodes.first().map(|node| node.address);
            nodes.push(start_node(&data, seed, fsync));
        }
        let options = ClientOptions {
            cluster: "quorate".to_owned(),
            bind: "127.0.0.1:0".parse().unwrap(),
            seed: 1,
        };
        let endpoint = ClientEndpoint::new(&authority.issue(Role::Admin, "load").unwrap(), &options).unwrap();
        let clients: Vec<_> = nodes.iter().map(|node| endpoint.node(node.address)).collect();
        for client in &clients {
            while !is_settled(client).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Cluster {
            _folder: folder,
            _nodes: nodes,
            clients,
            _endpoint: endpoint,
        }
    }

    /// Writes every key once.
    async fn fill(&self, keys: u64) {
        let mut workers = JoinSet::new();
        for first in 0..64 {
            let client = self.clients[first as usize % NODES].clone();
            workers.spawn(async move {
                for index in (first..keys).step_by(64) {
                    let write = write(index, 7, NODES as u8);
                    client.request(&write, (Instant::now() + TIMEOUT).into()).await.unwrap();
                }
            });
        }
        workers.join_all().await;
    }

    async fn load(&self, mix: Mix, effort: &Effort, seed: u64) -> Figures {
        let window = Window::open(effort);
        let mut workers = JoinSet::new();
        for worker in 0..mix.in_flight {
            let client = self.clients[worker % NODES].clone();
            let rng = Pcg64Mcg::seed_from_u64(seed << 32 | worker as u64);
            workers.spawn(work(client, rng, mix, effort.keys, window));
        }
        let mut latencies = Vec::new();
        while let Some(of_one) = workers.join_next().await {
            latencies.extend(of_one.unwrap());
        }
        Figures::of(latencies, effort.span)
    }
}

async fn work(client: NodeClient, mut rng: Pcg64Mcg, mix: Mix, keys: u64, window: Window) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while Instant::now() < window.until {
        let request = request(&mut rng, mix, keys);
        let start = Instant::now();
        let response = client.request(&request, (start + TIMEOUT).into()).await;
        let end = Instant::now();
        assert!(
            matches!(response, Ok(Response::Read(Ok(_)) | Response::Write(Ok(_)))),
            "{response:?}"
        );
        if window.counts(start, end) {
            latencies.push(end - start);
        }
    }
    latencies
}

fn request(rng: &mut Pcg64Mcg, mix: Mix, keys: u64) -> Request {
    let index = rng.random_range(0..keys);
    if rng.random_range(0..100) < mix.writes {
        write(index, rng.random(), QUORUM)
    } else {
        Request::Read(ReadRequest {
            repair: ReadRepair::Async,
            ..ReadRequest::new(key(index), Level::Count(QUORUM), TIMEOUT)
        })
    }
}

fn write(index: u64, byte: u8, w: u8) -> Request {
    let value = Value(vec![byte; PAYLOAD_BYTES].into());
    Request::Write(WriteRequest::new(
        key(index),
        Update::put(value),
        Level::Count(w),
        TIMEOUT,
    ))
}

fn key(index: u64) -> Key {
    Key::copy_from(format!("key{index:08}").as_bytes())
}

async fn is_settled(client: &NodeClient) -> bool {
    let deadline = Instant::now() + TIMEOUT;
    match client
        .request(&Request::Admin(AdminRequest::Status), deadline.into())
        .await
    {
        Ok(Response::Admin(Ok(AdminOk::Status(status)))) => {
            status.ring.is_some() && status.members.iter().filter(|member| member.linked).count() == NODES - 1
        }
        _ => false,
    }
}

fn start_node(data: &Path, seed: Option<SocketAddr>, fsync: &str) -> Node {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate-node"));
    command.arg("--data").arg(data).args([
        "--fsync",
        fsync,
        "--log-level",
        "warn",
        "--exit-with-parent",
        "--gossip-interval",
        "100ms",
    ]);
    if let Some(seed) = seed {
        command.arg("--seed-node").arg(seed.to_string());
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.split('"').nth(3).unwrap().parse().unwrap();
    Node { child, address }
}
