//! A small cluster for tests: blocking calls over a simulation.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use bytes::Bytes;
use quorate_core::{
    AdminError, AdminOk, AdminRequest, AntiEntropyReport, Cell, ClusterId, Config, Context, Entry, Key, Level,
    MovesStatus, Name, NodeId, ReadError, ReadOk, ReadRepair, ReadRequest, Replication, Request, Response, RingShape,
    Standing, Update, Value, WallTime, WriteError, WriteOk, WriteRequest,
};
use quorate_sim::{NodeIndex, Outcome, Sim, SimFsync, SimOptions};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

/// What a test asks of the nodes.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) replicas: u8,
    /// Replicas in each data center, to which the nodes are dealt in turn; if there is none, `replicas` anywhere.
    pub(crate) per_dc: Vec<u8>,
    pub(crate) clock_offsets: Vec<Duration>,
    pub(crate) fsync: SimFsync,
    /// Nodes behind the others that don't run yet, and join when they do.
    pub(crate) spares: usize,
    /// Changes the settings of every node.
    pub(crate) settings: fn(&mut Config),
    #[cfg(feature = "plants")]
    pub(crate) plant: Option<quorate_core::Plant>,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            seed: 1,
            nodes: 5,
            replicas: 3,
            per_dc: Vec::new(),
            clock_offsets: Vec::new(),
            fsync: SimFsync::Always,
            spares: 0,
            settings: |_| {},
            #[cfg(feature = "plants")]
            plant: None,
        }
    }
}

pub(crate) struct Cluster {
    pub(crate) sim: Sim,
}

impl Cluster {
    /// Starts the nodes and waits until all serve by one ring and are linked.
    pub(crate) fn settled(shape: &Shape) -> Cluster {
        let mut cluster = Cluster::started(shape);
        cluster.settle();
        cluster
    }

    pub(crate) fn started(shape: &Shape) -> Cluster {
        Cluster::started_with(shape, shape.settings)
    }

    /// As [`Cluster::started`], with settings that have been drawn.
    pub(crate) fn started_with(shape: &Shape, settings: impl Fn(&mut Config)) -> Cluster {
        let options = SimOptions {
            seed: shape.seed,
            link_delay: Duration::from_micros(50)..Duration::from_millis(1),
            sync_delay: Duration::from_micros(200)..Duration::from_millis(3),
            fsync: shape.fsync,
            epoch: WallTime::from_nanos(1_700_000_000_000_000_000),
            is_hashed: true,
        };
        let configs = (0..shape.nodes + shape.spares).map(|index| {
            let mut config = config(shape, index);
            if index >= shape.nodes {
                config.entry = Entry::Join;
            }
            settings(&mut config);
            config
        });
        let configs = configs.collect();
        let mut sim = Sim::new(options, configs, shape.clock_offsets.clone());
        (0..shape.nodes).for_each(|node| sim.start(NodeIndex(node)));
        Cluster { sim }
    }

    pub(crate) fn settle(&mut self) {
        self.wait("the ring to settle", |sim| {
            let statuses: Vec<_> = (0..sim.node_count())
                .filter_map(|node| sim.status(NodeIndex(node)))
                .collect();
            let running: BTreeSet<_> = statuses.iter().map(|status| status.node).collect();
            statuses.iter().all(|status| {
                let linked = status
                    .members
                    .iter()
                    .filter(|member| member.linked)
                    .map(|member| member.node);
                status.ring.is_some()
                    && status.ring == statuses[0].ring
                    && linked.chain([status.node]).collect::<BTreeSet<_>>() == running
            })
        });
    }

    /// Kills nodes, and waits until the others have noticed.
    pub(crate) fn kill(&mut self, nodes: &[usize]) {
        nodes.iter().for_each(|node| self.sim.kill(NodeIndex(*node)));
        self.settle();
    }

    /// Starts dead nodes, and waits until all are linked.
    pub(crate) fn start(&mut self, nodes: &[usize]) {
        nodes.iter().for_each(|node| self.sim.start(NodeIndex(*node)));
        self.settle();
    }

    /// Lets time pass until `state` holds, for a minute at most.
    pub(crate) fn wait(&mut self, what: &str, state: impl Fn(&Sim) -> bool) {
        let deadline = self.sim.now() + Duration::from_secs(60);
        while !state(&self.sim) {
            assert!(self.sim.now() < deadline, "waited for {what} in vain");
            self.pass(Duration::from_millis(10));
        }
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        let until = self.sim.now() + span;
        while self.sim.advance(until).is_some() {}
    }

    /// Waits until no member keeps a hint and nothing is under way.
    pub(crate) fn wait_for_quiet(&mut self) {
        let busy = |sim: &Sim| {
            let statuses = (0..sim.node_count()).filter_map(|node| sim.status(NodeIndex(node)));
            let members = statuses.filter(|status| status.moves.refused.is_none());
            let left = members.map(|s| (s.name, s.hints_pending, s.coordinating, s.persisting));
            left.filter(|left| (left.1, left.2, left.3) != (0, 0, 0))
                .collect::<Vec<_>>()
        };
        let deadline = self.sim.now() + Duration::from_secs(60);
        while !busy(&self.sim).is_empty() {
            assert!(self.sim.now() < deadline, "never quiet: {:?}", busy(&self.sim));
            self.pass(Duration::from_millis(10));
        }
        self.sim.check_at_rest();
    }

    pub(crate) fn call(&mut self, node: usize, request: Request) -> Outcome {
        let call = self.sim.submit(NodeIndex(node), request);
        let deadline = self.sim.now() + Duration::from_secs(10);
        while let Some(completion) = self.sim.advance(deadline) {
            if completion.call == call {
                return completion.outcome;
            }
        }
        panic!("a request without an end");
    }

    fn answer(&mut self, node: usize, request: Request) -> Response {
        match self.call(node, request) {
            Outcome::Answered(response) => *response,
            other => panic!("n{node} gave no answer: {other:?}"),
        }
    }

    pub(crate) fn write(&mut self, node: usize, key: &str, value: &str, w: u8) -> Result<WriteOk, WriteError> {
        self.submit_write(
            node,
            WriteRequest::new(register(key), put(value), Level::Count(w), TIMEOUT),
        )
    }

    pub(crate) fn delete(&mut self, node: usize, key: &str, w: u8) -> Result<WriteOk, WriteError> {
        self.submit_write(
            node,
            WriteRequest::new(register(key), Update::delete(), Level::Count(w), TIMEOUT),
        )
    }

    /// Any write at all.
    pub(crate) fn submit_write(&mut self, node: usize, request: WriteRequest) -> Result<WriteOk, WriteError> {
        match self.answer(node, Request::Write(request)) {
            Response::Write(result) => result,
            other => panic!("not an answer to a write: {other:?}"),
        }
    }

    /// Any read at all.
    pub(crate) fn submit_read(&mut self, node: usize, request: ReadRequest) -> Result<ReadOk, ReadError> {
        match self.answer(node, Request::Read(request)) {
            Response::Read(result) => result,
            other => panic!("not an answer to a read: {other:?}"),
        }
    }

    pub(crate) fn read_with(
        &mut self,
        node: usize,
        key: &str,
        r: u8,
        repair: ReadRepair,
    ) -> Result<Option<String>, ReadError> {
        let read = ReadRequest {
            repair,
            ..ReadRequest::new(register(key), Level::Count(r), TIMEOUT)
        };
        let result = self.submit_read(node, read);
        result.map(|ReadOk { cell, .. }| cell.as_ref().and_then(text))
    }

    pub(crate) fn read(&mut self, node: usize, key: &str) -> Option<String> {
        let blocking = ReadRepair::Blocking {
            holders: Level::Count(2),
        };
        self.read_with(node, key, 2, blocking).expect("a quorum can be reached")
    }

    fn admin(&mut self, node: usize, request: AdminRequest) -> AdminOk {
        let answer = self.ask_admin(node, request);
        answer.unwrap_or_else(|error| panic!("an administrator was refused: {error}"))
    }

    /// Any request of an administrator at all.
    pub(crate) fn ask_admin(&mut self, node: usize, request: AdminRequest) -> Result<AdminOk, AdminError> {
        match self.answer(node, Request::Admin(request)) {
            Response::Admin(result) => result,
            other => panic!("not an answer to an administrator: {other:?}"),
        }
    }

    /// Waits until nothing is moved, all who run go by the same records, and who has left is known to have.
    pub(crate) fn wait_for_moves(&mut self) {
        let deadline = self.sim.now() + Duration::from_secs(60);
        while !self.has_moved() {
            if self.sim.now() >= deadline {
                let nodes = (0..self.sim.node_count()).map(NodeIndex);
                let moves = nodes.filter_map(|node| Some((node.0, self.sim.status(node)?.moves)));
                panic!("waited for the moves to end in vain: {:#?}", moves.collect::<Vec<_>>());
            }
            self.pass(Duration::from_millis(10));
        }
    }

    fn has_moved(&self) -> bool {
        let statuses = (0..self.sim.node_count()).filter_map(|node| self.sim.status(NodeIndex(node)));
        let (gone, there): (Vec<_>, Vec<_>) =
            statuses.partition(|s| s.moves.refused.is_some() || s.moves.standing == Standing::Left);
        there.iter().all(|status| {
            let moves = &status.moves;
            let left = (moves.gaining, moves.losing, moves.moving, moves.stray);
            let is_member = |node| status.members.iter().any(|member| member.node == node);
            moves.standing == Standing::Normal
                && left == (0, 0, 0, 0)
                && moves.epochs == there[0].moves.epochs
                && !gone.iter().any(|status| is_member(status.node))
        })
    }

    pub(crate) fn moves(&self, node: usize) -> MovesStatus {
        self.sim.status(NodeIndex(node)).expect("it runs").moves
    }

    /// The node's own copy.
    pub(crate) fn replica(&mut self, node: usize, key: &str) -> Option<String> {
        self.cell(node, register(key)).as_ref().and_then(text)
    }

    /// The node's own copy, whatever it is.
    pub(crate) fn cell(&mut self, node: usize, key: Key) -> Option<Cell> {
        match self.admin(node, AdminRequest::ReadReplica { key }) {
            AdminOk::Replica(cell) => cell,
            other => panic!("not a replica's copy: {other:?}"),
        }
    }

    pub(crate) fn anti_entropy(&mut self, node: usize) -> AntiEntropyReport {
        match self.admin(node, AdminRequest::AntiEntropy) {
            AdminOk::AntiEntropy(report) => report,
            other => panic!("not a report: {other:?}"),
        }
    }

    /// The places of the key's owners, in preference order.
    pub(crate) fn owners(&mut self, key: &str) -> Vec<usize> {
        self.owners_of(register(key))
    }

    pub(crate) fn owners_of(&mut self, key: Key) -> Vec<usize> {
        let node = (0..self.sim.node_count()).find(|n| self.sim.is_running(NodeIndex(*n)));
        self.owners_at(node.expect("a node runs"), key)
    }

    /// As a node knows them.
    pub(crate) fn owners_at(&mut self, node: usize, key: Key) -> Vec<usize> {
        match self.admin(node, AdminRequest::Owners { key }) {
            AdminOk::Owners(owners) => owners.iter().map(|node| index_of(*node)).collect(),
            other => panic!("not the owners: {other:?}"),
        }
    }

    /// Cuts both directions between `node` and every other.
    pub(crate) fn isolate(&mut self, node: usize) {
        for peer in (0..self.sim.node_count()).filter(|peer| *peer != node) {
            self.sim.cut(NodeIndex(node), NodeIndex(peer));
            self.sim.cut(NodeIndex(peer), NodeIndex(node));
        }
    }
}

pub(crate) fn write(key: &str, value: &str, w: u8) -> Request {
    Request::Write(WriteRequest::new(register(key), put(value), Level::Count(w), TIMEOUT))
}

pub(crate) fn register(key: &str) -> Key {
    Key::copy_from(key.as_bytes())
}

/// A put by a client that has read nothing.
pub(crate) fn put(value: &str) -> Update {
    Update::put(Value(Bytes::copy_from_slice(value.as_bytes())))
}

/// What a read of siblings returns: the values in the order of their texts, and the context to write with.
pub(crate) fn siblings(read: &ReadOk) -> (Vec<String>, Context) {
    let Some(cell) = &read.cell else {
        return (Vec::new(), Context::new());
    };
    let Cell::Siblings(siblings) = cell else {
        panic!("not siblings: {cell:?}");
    };
    let values = siblings.values().map(|(_, value)| utf8(value));
    let mut values: Vec<_> = values.collect();
    values.sort();
    (values, siblings.context().clone())
}

fn utf8(value: &Value) -> String {
    String::from_utf8(value.0.to_vec()).expect("tests write text")
}

/// What a register holds, if it is not a tombstone.
pub(crate) fn text(cell: &Cell) -> Option<String> {
    let Cell::Register(register) = cell else {
        panic!("not a register: {cell:?}");
    };
    register.value().map(utf8)
}

/// Identities in no order that follows the places.
pub(crate) fn id_of(index: usize) -> NodeId {
    NodeId((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn index_of(node: NodeId) -> usize {
    (0..64)
        .find(|index| id_of(*index) == node)
        .expect("a node of the cluster")
}

fn address(index: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10_000 + index as u16))
}

fn dc_name(dc: usize) -> Name {
    format!("dc{dc}").parse().expect("a name")
}

fn replication(shape: &Shape) -> Replication {
    if shape.per_dc.is_empty() {
        Replication::Simple(shape.replicas)
    } else {
        let counts = shape.per_dc.iter().enumerate();
        Replication::PerDc(counts.map(|(dc, count)| (dc_name(dc), *count)).collect())
    }
}

fn config(shape: &Shape, index: usize) -> Config {
    let ring = RingShape {
        partitions: 64,
        replication: replication(shape),
    };
    Config {
        name: format!("n{index}"),
        seeds: vec![address(0), address(1)],
        dc: dc_name(index % shape.per_dc.len().max(1)),
        gossip_interval: Duration::from_millis(200),
        request_timeout: TIMEOUT,
        hint_count_max: 10_000,
        #[cfg(feature = "plants")]
        plant: shape.plant,
        ..Config::new(
            ClusterId::from_name("test"),
            id_of(index),
            address(index),
            ring,
            shape.nodes,
        )
    }
}
