//! Three nodes as processes, and connections to them.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use quorate_core::{AdminOk, AdminRequest, Request, Response};
use quorate_node::{
    certs::Authority,
    client::{ClientEndpoint, ClientOptions, NodeClient},
    identity::Role,
};
use tokio::task::JoinSet;

use crate::{cpu::Meter, load};

/// As many as hold each key.
pub(crate) const NODES: usize = 3;

/// How long a client waits.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct Cluster {
    _folder: tempfile::TempDir,
    nodes: Vec<Node>,
    pub(crate) clients: Vec<NodeClient>,
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
    pub(crate) async fn start(fsync: &str) -> Cluster {
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
            nodes,
            clients,
            _endpoint: endpoint,
        }
    }

    /// Writes every key once.
    pub(crate) async fn fill(&self, keys: u64) {
        let mut workers = JoinSet::new();
        for first in 0..64 {
            let client = self.clients[first as usize % NODES].clone();
            workers.spawn(async move {
                for index in (first..keys).step_by(64) {
                    let write = load::write(index, 7, NODES as u8);
                    client.request(&write, (Instant::now() + TIMEOUT).into()).await.unwrap();
                }
            });
        }
        workers.join_all().await;
    }

    /// The processor time of all nodes.
    pub(crate) fn meter(&self) -> Meter {
        Meter::of(self.nodes.iter().map(|node| node.child.id()))
    }

    /// Stops one node, the last, for good: it keeps its connections and does nothing. False where that can't be done.
    pub(crate) fn stop_last(&self) -> bool {
        let last = self.nodes.last().expect("there are three").child.id();
        let stopped = Command::new("kill").args(["-STOP", &last.to_string()]).status();
        stopped.is_ok_and(|status| status.success())
    }
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
        "error",
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
