//! What clients ask of a node, and what they can conclude from each answer.
//!
//! The one thing that an answer must never be is wrongly definite. A write that was refused before anything was sent
//! is a [`NotApplied`], which only a [`BeforeSend`] can build, and sending takes that away: a coordinator that has
//! sent something has no way left to call the write not applied (NODE.md, CO-A).

use std::{fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Generation, Key, NodeId, Record, RingDigest, Value, Version};

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Reads a key.
    Read(ReadRequest),
    /// Writes a key.
    Write(WriteRequest),
    /// Asks about, or moves, the node itself. Only an administrator may.
    Admin(AdminRequest),
}

/// A read of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Which.
    pub key: Key,
    /// How many replicas have to answer (R).
    pub r: u8,
    /// What happens to replicas that turn out to be behind.
    pub repair: ReadRepair,
    /// How long the client waits; the node's own limit holds as well.
    pub timeout: Duration,
}

/// What a read does for replicas that are behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReadRepair {
    /// Nothing.
    Off,
    /// Answers, and sends them the newest record.
    Async,
    /// Sends them the newest record, and answers once this many replicas durably hold what is returned. With more than
    /// half of all replicas here and in every read's R, a later read can't see less.
    Blocking {
        /// How many.
        holders: u8,
    },
}

/// A write of one key, last write wins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteRequest {
    /// Which.
    pub key: Key,
    /// What.
    pub value: Value,
    /// How many replicas have to hold it durably (W).
    pub w: u8,
    /// How long the client waits; the node's own limit holds as well.
    pub timeout: Duration,
}

/// A request about the node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AdminRequest {
    /// How the node is.
    Status,
    /// This node's own copy of a key: no quorum, no repair.
    ReadReplica {
        /// Which.
        key: Key,
    },
    /// The owners of a key.
    Owners {
        /// Which.
        key: Key,
    },
    /// Compare with every linked node now, and bring both up to date.
    AntiEntropy,
}

/// A node's answer to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// To a read.
    Read(Result<ReadOk, ReadError>),
    /// To a write.
    Write(Result<WriteOk, WriteError>),
    /// To an administrator.
    Admin(Result<AdminOk, AdminError>),
}

/// A read that R replicas answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadOk {
    /// The newest record among the answers; `None` if none had any.
    pub record: Option<Record>,
    /// Who answered.
    pub answers: Vec<NodeId>,
}

/// A read that was not answered. It has no effect, so the client may take it as failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum ReadError {
    /// Nothing was sent.
    #[error("{0}")]
    Refused(Reason),
    /// Too few replicas answered in time, or too few confirmed the repair.
    #[error("{} of {required} replicas answered in time", answers.len())]
    Timeout {
        /// Who answered.
        answers: Vec<NodeId>,
        /// How many had to.
        required: u8,
    },
}

/// A write that W replicas hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteOk {
    /// Its place in the order of the key's values.
    pub version: Version,
    /// Who held it when the answer was given.
    pub acks: Vec<NodeId>,
}

/// A write that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum WriteError {
    /// It did not happen, and never will.
    #[error("{0}")]
    NotApplied(NotApplied),
    /// It may have happened, or happen at any later time.
    #[error("{} of {required} replicas acknowledged in time", acks.len())]
    Unknown {
        /// Its place in the order of the key's values, should it happen.
        version: Version,
        /// Who holds it. None does not mean that nobody does.
        acks: Vec<NodeId>,
        /// For whom a hint was kept.
        hinted: Vec<NodeId>,
        /// How many acknowledgements were needed.
        required: u8,
    },
}

/// The proof that nothing of a request has been sent. Sending consumes it.
#[derive(Debug)]
pub(crate) struct BeforeSend(());

impl BeforeSend {
    /// For a request that has just come in.
    pub(crate) fn on_arrival() -> BeforeSend {
        BeforeSend(())
    }
}

/// A write that was refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NotApplied {
    reason: Reason,
}

impl NotApplied {
    pub(crate) fn new(_proof: &BeforeSend, reason: Reason) -> NotApplied {
        NotApplied { reason }
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }
}

impl fmt::Display for NotApplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

/// Why a request was refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// The request can't be: retrying won't help.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// The node does not know its ring yet.
    #[error("the ring is forming: {known} of {founders} founders known")]
    Forming {
        /// Founders known.
        known: usize,
        /// Founders needed.
        founders: usize,
    },
    /// Too few replicas can be reached.
    #[error("unavailable: {alive} of {required} replicas can be reached")]
    Unavailable {
        /// How many are needed.
        required: u8,
        /// How many can be reached.
        alive: u8,
    },
    /// The node is coordinating as much as it can.
    #[error("overloaded: {in_flight} requests in flight")]
    Overloaded {
        /// How many.
        in_flight: usize,
    },
}

/// An administrator's request, answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AdminOk {
    /// To [`AdminRequest::Status`].
    Status(Box<Status>),
    /// To [`AdminRequest::ReadReplica`].
    Replica(Option<Record>),
    /// To [`AdminRequest::Owners`]: the preference list.
    Owners(Vec<NodeId>),
    /// To [`AdminRequest::AntiEntropy`].
    AntiEntropy(AntiEntropyReport),
}

/// What an exchange with every linked node did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AntiEntropyReport {
    /// Nodes compared with, to the end.
    pub peers: u64,
    /// Nodes that were lost, refused or too slow on the way.
    pub peers_failed: u64,
    /// Partitions whose digests differed.
    pub partitions_differing: u64,
    /// Records taken in.
    pub records_taken: u64,
    /// Records given away.
    pub records_given: u64,
}

/// An administrator's request, not answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum AdminError {
    /// The node does not know its ring yet, or is busy with the same.
    #[error("{0}")]
    Refused(Reason),
    /// The disk could not be read.
    #[error("storage: {0}")]
    Storage(String),
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Status {
    /// Its identity.
    pub node: NodeId,
    /// What people call it.
    pub name: String,
    /// Which start this is.
    pub generation: Generation,
    /// The ring that it serves by, once it does.
    pub ring: Option<RingDigest>,
    /// Every node that it knows of, itself among them.
    pub members: Vec<MemberStatus>,
    /// Hints kept, or on their way to the disk.
    pub hints_pending: u64,
    /// Client requests that it is still busy with, answered ones among them.
    pub coordinating: u64,
    /// Batches on their way to the disk.
    pub persisting: u64,
    /// What it has done since its start.
    pub counters: Counters,
}

/// What a node thinks of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Whom.
    pub node: NodeId,
    /// What people call it, if it has said so.
    pub name: Option<String>,
    /// Where it is reached, if it has said so.
    pub address: Option<SocketAddr>,
    /// Its generation.
    pub generation: Generation,
    /// The ring that it serves by, if it has said so.
    pub ring: Option<RingDigest>,
    /// Whether there is a link to it.
    pub linked: bool,
    /// Whether its signs of life arrive.
    pub up: bool,
}

/// What a node has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counters {
    /// Rounds of gossip.
    pub gossip_rounds: u64,
    /// The most peers contacted in one of them.
    pub gossip_peers_per_round_max: u64,
    /// Reads answered.
    pub reads: u64,
    /// Writes acknowledged.
    pub writes: u64,
    /// Requests refused before anything was sent.
    pub refusals: u64,
    /// Requests that ran out of time or of replicas.
    pub timeouts: u64,
    /// Records sent to replicas that a read found behind.
    pub read_repairs: u64,
    /// Hints kept.
    pub hints_stored: u64,
    /// Hints delivered.
    pub hints_delivered: u64,
    /// Hints thrown away as too old.
    pub hints_expired: u64,
    /// Hints not kept, because there were too many.
    pub hints_refused: u64,
    /// Records taken in or given away by anti-entropy.
    pub anti_entropy_records: u64,
}
