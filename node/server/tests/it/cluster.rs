//! A cluster of node processes, its certificates, and a client of each role.

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use quorate_core::{
    AdminOk, AdminRequest, Cell, Key, Level, ReadOk, ReadRepair, ReadRequest, Request, Response, Status, Update, Value,
    WriteError, WriteOk, WriteRequest,
};
use quorate_node::{
    certs::Authority,
    client::{ClientEndpoint, ClientOptions, NodeClient, RequestError},
    identity::{Identity, Role},
};
use tempfile::TempDir;

use crate::process::{Ended, Process};

pub(crate) const CLUSTER: &str = "test";

/// What a test waits for at most before it fails: far above what anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Certificates, folders and clients of a cluster whose nodes may or may not be running.
pub(crate) struct Cluster {
    pub(crate) authority: Authority,
    folder: TempDir,
    endpoint: ClientEndpoint,
    nodes: Vec<Member>,
}

/// One node of it.
pub(crate) struct Member {
    folder: PathBuf,
    process: Option<Process>,
    /// Where it listens, and listened before it was killed.
    address: Option<SocketAddr>,
    client: Option<NodeClient>,
}

impl Cluster {
    /// Folders and certificates for `count` nodes, none of which runs. To be called within a runtime.
    pub(crate) fn prepare(count: usize) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::create().unwrap();
        let admin = authority.issue(Role::Admin, "tester").unwrap();
        let nodes = (0..count).map(|index| {
            let folder = folder.path().join(format!("n{index}"));
            let identity = authority.issue(Role::Node, &format!("n{index}")).unwrap();
            identity.save(&folder).unwrap();
            Member {
                folder,
                process: None,
                address: None,
                client: None,
            }
        });
        Cluster {
            nodes: nodes.collect(),
            endpoint: endpoint(&admin),
            authority,
            folder,
        }
    }

    /// As many nodes, running, on one ring.
    pub(crate) async fn start(count: usize) -> Cluster {
        let mut cluster = Cluster::prepare(count);
        for index in 0..count {
            cluster.start_node(index);
        }
        for index in 0..count {
            cluster
                .until(index, "a ring and links to all", |s| is_settled(s, count))
                .await;
        }
        cluster
    }

    /// Starts a node, where it was before if it ran before.
    pub(crate) fn start_node(&mut self, index: usize) {
        let process = self.try_start(index, &[]).unwrap_or_else(|ended| panic!("{ended:?}"));
        self.add(index, process);
    }

    /// Starts a node with these arguments in place of the usual ones, or beside them.
    pub(crate) fn start_node_with(&mut self, index: usize, instead: &[&str]) {
        let process = self
            .try_start(index, instead)
            .unwrap_or_else(|ended| panic!("{ended:?}"));
        self.add(index, process);
    }

    /// Starts a node that looks for the cluster at these addresses.
    pub(crate) fn start_node_with_seeds(&mut self, index: usize, seeds: &[SocketAddr]) {
        let seeds: Vec<_> = seeds.iter().map(|seed| format!("--seed-node={seed}")).collect();
        let process = Process::start(
            &self.nodes[index].folder.join("log"),
            &[self.arguments(index), seeds].concat(),
        );
        self.add(index, process.unwrap_or_else(|ended| panic!("{ended:?}")));
    }

    /// Starts a node whose files may have so many blocks of the shell's.
    pub(crate) fn start_node_limited(&mut self, index: usize, blocks: u32) {
        let log = self.nodes[index].folder.join("log");
        let process = Process::start_limited(&log, &self.arguments(index), blocks);
        self.add(index, process.unwrap_or_else(|ended| panic!("{ended:?}")));
    }

    fn add(&mut self, index: usize, process: Process) {
        let node = &mut self.nodes[index];
        node.address = Some(process.address);
        node.client.get_or_insert_with(|| self.endpoint.node(process.address));
        node.process = Some(process);
    }

    /// Starts a process on a node's folder, with these arguments in place of the usual ones.
    pub(crate) fn try_start(&self, index: usize, instead: &[&str]) -> Result<Process, Ended> {
        let node = &self.nodes[index];
        let mut arguments = self.arguments(index);
        for argument in instead {
            let name = argument.split('=').next();
            arguments.retain(|usual| usual.split('=').next() != name);
            arguments.push((*argument).to_owned());
        }
        Process::start(&node.folder.join("log"), &arguments)
    }

    fn arguments(&self, index: usize) -> Vec<String> {
        let node = &self.nodes[index];
        let mut arguments = vec![
            format!("--data={}", node.folder.display()),
            format!("--name=n{index}"),
            format!("--cluster={CLUSTER}"),
            format!("--founders={}", self.nodes.len()),
            format!("--replicas={}", self.nodes.len().min(3)),
            "--partitions=16".to_owned(),
            "--gossip-interval=100ms".to_owned(),
            "--exit-with-parent".to_owned(),
        ];
        if let Some(address) = node.address {
            arguments.push(format!("--listen={address}"));
        }
        if let Some(seed) = self.nodes[0].address {
            arguments.push(format!("--seed-node={seed}"));
        }
        arguments
    }

    /// Kills a node with SIGKILL.
    pub(crate) fn kill(&mut self, index: usize) {
        self.nodes[index].process.take().expect("it runs").kill();
    }

    pub(crate) fn process(&self, index: usize) -> &Process {
        self.nodes[index].process.as_ref().expect("it runs")
    }

    pub(crate) fn process_mut(&mut self, index: usize) -> &mut Process {
        self.nodes[index].process.as_mut().unwrap()
    }

    pub(crate) fn take_process(&mut self, index: usize) -> Process {
        self.nodes[index].process.take().expect("it runs")
    }

    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        self.nodes[index].address.expect("it has run")
    }

    /// A node's data folder.
    pub(crate) fn folder(&self, index: usize) -> &PathBuf {
        &self.nodes[index].folder
    }

    /// A folder of the test's own.
    pub(crate) fn spare_folder(&self) -> PathBuf {
        self.folder.path().join("spare")
    }

    /// The administrator's connection to a node.
    pub(crate) fn client(&self, index: usize) -> &NodeClient {
        self.nodes[index].client.as_ref().expect("it has run")
    }

    /// Asks a node's status until it is as wanted.
    pub(crate) async fn until(&self, index: usize, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < deadline {
            if let Ok(status) = status(self.client(index)).await {
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("node {index} has no {what} after {PATIENCE:?}: {last:?}");
    }

    /// Writes through a node.
    pub(crate) async fn write(&self, index: usize, key: &str, value: &str, w: u8) -> Result<WriteOk, WriteError> {
        match ask(self.client(index), &write_request(key, value, w)).await.unwrap() {
            Response::Write(result) => result,
            other => panic!("{other:?}"),
        }
    }

    /// Reads through a node.
    pub(crate) async fn read(&self, index: usize, key: &str, r: u8) -> ReadOk {
        match ask(self.client(index), &read_request(key, r)).await.unwrap() {
            Response::Read(Ok(read)) => read,
            other => panic!("{other:?}"),
        }
    }

    /// A node's own copy of a key.
    pub(crate) async fn replica(&self, index: usize, key: &str) -> Option<Cell> {
        let key = Key::copy_from(key.as_bytes());
        let request = Request::Admin(AdminRequest::ReadReplica { key });
        match ask(self.client(index), &request).await.unwrap() {
            Response::Admin(Ok(AdminOk::Replica(cell))) => cell,
            other => panic!("{other:?}"),
        }
    }
}

/// Whether a node serves, with links to all the others.
pub(crate) fn is_settled(status: &Status, count: usize) -> bool {
    let linked = status.members.iter().filter(|member| member.linked).count();
    status.ring.is_some() && linked == count - 1
}

/// A socket for a client of this identity.
pub(crate) fn endpoint(identity: &Identity) -> ClientEndpoint {
    let options = ClientOptions {
        cluster: CLUSTER.to_owned(),
        bind: "127.0.0.1:0".parse().unwrap(),
        seed: 1,
    };
    ClientEndpoint::new(identity, &options).unwrap()
}

pub(crate) async fn ask(client: &NodeClient, request: &Request) -> Result<Response, RequestError> {
    client.request(request, (Instant::now() + PATIENCE).into()).await
}

pub(crate) async fn status(client: &NodeClient) -> Result<Status, RequestError> {
    let request = Request::Admin(AdminRequest::Status);
    let deadline = Instant::now() + Duration::from_secs(2);
    match client.request(&request, deadline.into()).await? {
        Response::Admin(Ok(AdminOk::Status(status))) => Ok(*status),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn write_request(key: &str, value: &str, w: u8) -> Request {
    let (key, value) = (Key::copy_from(key.as_bytes()), Value(value.to_owned().into()));
    let timeout = Duration::from_secs(5);
    Request::Write(WriteRequest::new(key, Update::put(value), Level::Count(w), timeout))
}

/// What a register holds, as text.
pub(crate) fn value(cell: &Cell) -> String {
    let Cell::Register(register) = cell else {
        panic!("not a register: {cell:?}");
    };
    let value = register.value().expect("not a tombstone");
    String::from_utf8(value.0.to_vec()).unwrap()
}

pub(crate) fn read_request(key: &str, r: u8) -> Request {
    let key = Key::copy_from(key.as_bytes());
    Request::Read(ReadRequest {
        repair: ReadRepair::Async,
        ..ReadRequest::new(key, Level::Count(r), Duration::from_secs(5))
    })
}
