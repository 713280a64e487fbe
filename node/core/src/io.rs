//! What goes into the core and what comes out of it.
//!
//! What is large is in a box: whoever drives the core hands these on several times.

use std::net::SocketAddr;

use crate::{
    ClientToken, Epoch, Generation, Key, Level, Message, NodeId, Operation, Ownership, PartitionId, PersistToken,
    Request, Response, Standing, StoreError, StoreOp,
};

/// Something that happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client asks. The token is the server's, unique among the requests not yet answered.
    Client {
        /// Whom to reply to.
        token: ClientToken,
        /// What is asked.
        request: Box<Request>,
    },
    /// Another node says something.
    Message {
        /// Who, by the certificate of the link.
        from: NodeId,
        /// What.
        message: Box<Message>,
    },
    /// A batch is durable, or failed whole. Batches finish in the order in which they were handed out.
    Persisted {
        /// Which.
        token: PersistToken,
        /// How it ended.
        result: Result<(), StoreError>,
    },
    /// Messages to this node will go somewhere.
    LinkUp {
        /// Whom to.
        peer: NodeId,
    },
    /// All messages to this node since its link came up may be lost, and further ones will be.
    LinkDown {
        /// Whom to.
        peer: NodeId,
    },
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this over the link.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Box<Message>,
    },
    /// Answer a client.
    Reply {
        /// The token of its request.
        token: ClientToken,
        /// The answer.
        response: Box<Response>,
    },
    /// Make these changes durable, all or nothing, and say when they are.
    Persist {
        /// Comes back with [`Input::Persisted`].
        token: PersistToken,
        /// The changes, in order.
        ops: Vec<StoreOp>,
    },
    /// Keep trying to have a link with whoever answers at this address.
    Connect {
        /// Where.
        address: SocketAddr,
    },
    /// For the log.
    Event(Event),
    /// End the process: the node must not speak, because it could not persist that it started.
    Stop {
        /// In the disk's own words.
        why: String,
    },
}

/// Something worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The node knows its founders and serves.
    RingFormed {
        /// How many.
        members: usize,
    },
    /// A node that was not heard of before, or a new start of one that was.
    NodeLearned {
        /// Whom.
        node: NodeId,
        /// What people call it.
        name: String,
    },
    /// Its signs of life arrive.
    NodeUp {
        /// Whom.
        node: NodeId,
    },
    /// Its signs of life stay away.
    NodeDown {
        /// Whom.
        node: NodeId,
    },
    /// There are too many hints to keep another.
    HintRefused {
        /// For whom it was.
        target: NodeId,
    },
    /// A hint grew too old.
    HintExpired {
        /// For whom it was.
        target: NodeId,
    },
    /// A peer belongs to another cluster, or its clock or ring does not fit.
    PeerRefused {
        /// Whom.
        node: NodeId,
        /// Why.
        why: &'static str,
    },
    /// What a peer passed on about a node is not taken in.
    GossipRefused {
        /// Who passed it on.
        from: NodeId,
        /// About whom.
        about: NodeId,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The node hears nobody, and should.
    Isolated,
    /// It hears somebody again.
    Rejoined,
    /// Others know of later starts of this node than its disk does: the disk is an old copy. The node goes on as a later one.
    GenerationRaised {
        /// As which it was started.
        from: Generation,
        /// As which it goes on.
        to: Generation,
    },
    /// A record does not fit its checksum. It will not be shown; the other owners are asked for it.
    RecordDamaged {
        /// In the disk's words.
        why: String,
    },
    /// A record was damaged, and no other owner has anything under its key.
    RecordLost {
        /// Which.
        key: Key,
    },
    /// A partition has another record here, durably: this node serves by it from here on.
    OwnersChanged {
        /// The record.
        ownership: Box<Ownership>,
    },
    /// The node has copied a partition that it is to own, and wants to be read from.
    PartitionCopied {
        /// Which.
        partition: PartitionId,
        /// By which record.
        epoch: Epoch,
        /// The owners that it has compared with to the end, in order.
        with: Vec<NodeId>,
    },
    /// The node has dropped what it had of a partition that it holds no more: enough of the owners have it.
    PartitionDropped {
        /// Which.
        partition: PartitionId,
        /// By which record.
        epoch: Epoch,
        /// The owners that it has compared with to the end, in order.
        with: Vec<NodeId>,
        /// How many records.
        records: usize,
    },
    /// The node is something else to the cluster.
    StandingChanged {
        /// What.
        standing: Standing,
    },
    /// A node must never be in the cluster again.
    Banned {
        /// Whom.
        node: NodeId,
    },
    /// The node does not come into the cluster.
    EntryRefused {
        /// Why.
        why: &'static str,
    },
    /// Owners of a partition have been counted for an answer, for the first time just these at this epoch.
    QuorumCounted(Box<CountedQuorum>),
    /// The node takes no more requests.
    Draining,
    /// The disk failed.
    StorageFailed {
        /// In its own words.
        why: String,
    },
}

/// The owners that an answer was given upon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountedQuorum {
    /// Of which partition.
    pub partition: PartitionId,
    /// By which record of it.
    pub epoch: Epoch,
    /// Whether they answered a read, or hold a write.
    pub operation: Operation,
    /// At which level.
    pub level: Level,
    /// Those who count, in order.
    pub nodes: Vec<NodeId>,
}

impl Event {
    /// What kind of event it is, in a word for files.
    pub fn name(&self) -> &'static str {
        match self {
            Event::RingFormed { .. } => "ring-formed",
            Event::NodeLearned { .. } => "node-learned",
            Event::NodeUp { .. } => "node-up",
            Event::NodeDown { .. } => "node-down",
            Event::HintRefused { .. } => "hint-refused",
            Event::HintExpired { .. } => "hint-expired",
            Event::PeerRefused { .. } => "peer-refused",
            Event::GossipRefused { .. } => "gossip-refused",
            Event::Isolated => "isolated",
            Event::Rejoined => "rejoined",
            Event::GenerationRaised { .. } => "generation-raised",
            Event::RecordDamaged { .. } => "record-damaged",
            Event::RecordLost { .. } => "record-lost",
            Event::OwnersChanged { .. } => "owners-changed",
            Event::PartitionCopied { .. } => "partition-copied",
            Event::PartitionDropped { .. } => "partition-dropped",
            Event::StandingChanged { .. } => "standing-changed",
            Event::Banned { .. } => "banned",
            Event::EntryRefused { .. } => "entry-refused",
            Event::QuorumCounted(_) => "quorum-counted",
            Event::Draining => "draining",
            Event::StorageFailed { .. } => "storage-failed",
        }
    }
}
