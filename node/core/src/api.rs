//! What clients ask of a node, and what they can conclude from each answer.
//!
//! The one thing that an answer must never be is wrongly definite. A write that was refused before anything was sent
//! is a [`NotApplied`], which only a [`BeforeSend`] can build, and sending takes that away: a coordinator that has
//! sent something has no way left to call the write not applied (NODE.md, CO-A).

use std::{fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Cell, Generation, Key, Level, Member, NodeId, Refused, RingDigest, Standing, Update, Value, Version, WriteId,
};

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Request {
    /// Reads a key.
    Read(ReadRequest),
    /// Writes a key.
    Write(WriteRequest),
    /// Reads or changes a key by agreement among its owners.
    Cas(CasRequest),
    /// Asks about, or moves, the node itself. Only an administrator may.
    Admin(AdminRequest),
}

/// A read of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Which.
    pub key: Key,
    /// Which replicas have to answer (R).
    pub level: Level,
    /// For how many more answers it is worth to wait.
    pub preferred: Option<Preferred>,
    /// What happens to replicas that turn out to be behind.
    pub repair: ReadRepair,
    /// What the replicas are asked for.
    pub fetch: Fetch,
    /// How many replicas are asked at first.
    pub ask: Ask,
    /// What it means that a replica has nothing under the key.
    pub absence: Absence,
    /// Whether nodes that stand in for owners count.
    pub quorum: Quorum,
    /// What the client has seen.
    pub token: SessionToken,
    /// How long the client waits; the node's own limit holds as well.
    pub timeout: Duration,
}

impl ReadRequest {
    /// A read of all owners' values, of which `level` have to answer, without repair.
    pub fn new(key: Key, level: Level, timeout: Duration) -> ReadRequest {
        ReadRequest {
            key,
            level,
            preferred: None,
            repair: ReadRepair::Off,
            fetch: Fetch::Values,
            ask: Ask::All,
            absence: Absence::Counts,
            quorum: Quorum::Strict,
            token: SessionToken::default(),
            timeout,
        }
    }
}

/// Answers that are waited for beyond those that are required (Voldemort's preferred reads and writes): the request
/// does not fail for want of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Preferred {
    /// How many answers in all.
    pub count: u8,
    /// For how long, from the request's arrival.
    pub wait: Duration,
}

/// What a read does for replicas that are behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReadRepair {
    /// Nothing.
    Off,
    /// Answers, and sends them what they lack.
    Async,
    /// Sends them what they lack, and answers once as many replicas durably hold what is returned. With more than half
    /// of all replicas here and in every read's R, a later read can't see less.
    Blocking {
        /// Which.
        holders: Level,
    },
}

/// What a read asks of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fetch {
    /// Of each what it holds.
    Values,
    /// Of one what it holds, and of the others a digest of it; what differs is asked for after that.
    Digests,
}

/// How many replicas a read asks at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ask {
    /// Every owner.
    All,
    /// As many as are required, those of the shortest round trips; one more for each that is lost, and, as a hedge, one
    /// more each time that an answer takes longer than so many of 1,000 earlier ones of the same node (Dean and
    /// Barroso, *The Tail at Scale*, CACM 2013). 1,000 never hedges.
    Hedged {
        /// Of 1,000.
        permille: u16,
    },
}

/// What it means that a replica has nothing under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Absence {
    /// It is an answer like any other.
    Counts,
    /// It answers the read, alone, if nothing else has been seen by then. As fast as a read of one replica, and as
    /// wrong: here to show what that breaks (Riak's `notfound_ok`).
    AnswersAlone,
}

/// Who may answer for an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quorum {
    /// Only itself.
    Strict,
    /// The next nodes on the ring after the owners stand in for those that can't be reached (*Dynamo*, section 4.6).
    /// What they keep counts as if the owner held it, and need not meet a read's quorum.
    Sloppy,
}

/// The latest that a client has seen, as a hybrid time: whoever is shown it stamps later writes above. An answer
/// carries the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionToken(pub u64);

/// A write of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteRequest {
    /// Which.
    pub key: Key,
    /// What is done to it.
    pub update: Update,
    /// How a register's write gets its place in the order of writes.
    pub path: WritePath,
    /// Which replicas have to hold it durably (W).
    pub level: Level,
    /// For how many more it is worth to wait.
    pub preferred: Option<Preferred>,
    /// Whether nodes that stand in for owners count.
    pub quorum: Quorum,
    /// Makes the write safe to repeat: a second write of the same id is the first, sent again.
    pub id: Option<WriteId>,
    /// What the client has seen.
    pub token: SessionToken,
    /// How long the client waits; the node's own limit holds as well.
    pub timeout: Duration,
}

impl WriteRequest {
    /// A one-phase write that `level` have to hold.
    pub fn new(key: Key, update: Update, level: Level, timeout: Duration) -> WriteRequest {
        WriteRequest {
            key,
            update,
            path: WritePath::OnePhase,
            level,
            preferred: None,
            quorum: Quorum::Strict,
            id: None,
            token: SessionToken::default(),
            timeout,
        }
    }
}

/// A request for a key whose value its owners agree upon, by single-decree Paxos: all of them together take effect one
/// after another, each between its start and its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CasRequest {
    /// Which; of the kind [`crate::Kind::Cas`].
    pub key: Key,
    /// What is done.
    pub action: CasAction,
    /// Which replicas have to promise, and then to accept: QUORUM, ALL, EACH_QUORUM, or LOCAL_QUORUM, which orders the
    /// requests through one data center alone.
    pub level: Level,
    /// How long the client waits; the node's own limit holds as well.
    pub timeout: Duration,
}

/// What is done to a key by agreement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CasAction {
    /// It is read.
    Read,
    /// It holds this from here on, whatever it held; `None` for nothing.
    Put {
        /// The value.
        value: Option<Value>,
    },
    /// It holds this from here on, if it holds what is expected.
    CompareAndSet {
        /// What it has to hold; `None` for nothing.
        expected: Option<Value>,
        /// What it then holds.
        value: Option<Value>,
    },
}

/// How a register's write gets its place in the order of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WritePath {
    /// The coordinator's clock says.
    OnePhase,
    /// After all writes of which as many replicas as this know: they are asked first. Needs no clock. With reads and
    /// writes of majorities and blocking repair it is the register of Attiya, Bar-Noy and Dolev (JACM 1995), for many
    /// writers (Lynch and Shvartsman, FTCS 1997).
    TwoPhase {
        /// Which replicas are asked.
        level: Level,
    },
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
    /// Who is on the ring, and how much of it each owns.
    Ring,
    /// Compare with every linked node now, and bring both up to date.
    AntiEntropy,
    /// Give up all that this node owns, and its place in the cluster. Answered once it has begun: [`Status`] tells how
    /// far it has come.
    Leave,
    /// Remove a member that is gone for good: its identity is banned, and others take over what it owned.
    Remove {
        /// Whom.
        node: NodeId,
    },
    /// Change this node's share of the ring.
    Weigh {
        /// Its share, relative to others; at least 1.
        weight: u16,
    },
    /// Take no more requests of clients, and answer once all that were taken have ended and are durable.
    Drain,
    /// What the node has done and how long it took.
    Metrics,
}

/// A node's answer to a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Response {
    /// To a read.
    Read(Result<ReadOk, ReadError>),
    /// To a write.
    Write(Result<WriteOk, WriteError>),
    /// To a request that takes agreement. A read that failed is told as a write that was not applied.
    Cas(Result<CasOk, WriteError>),
    /// To an administrator.
    Admin(Result<AdminOk, AdminError>),
}

/// A read that R replicas answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadOk {
    /// All answers merged; `None` if none had any. A tombstone counts as something.
    pub cell: Option<Cell>,
    /// Who answered.
    pub answers: Vec<NodeId>,
    /// Which of them stood in for an owner.
    pub stand_ins: Vec<NodeId>,
    /// What the client has seen with this.
    pub token: SessionToken,
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
        /// How far it had come.
        stage: Stage,
        /// Who answered.
        answers: Vec<NodeId>,
        /// How many had to.
        required: u8,
        /// How many owners could be reached at the end.
        alive: u8,
    },
}

/// How far a request had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing was sent.
    Arrived,
    /// The owners were asked for their versions: nothing has changed yet.
    AskingVersions,
    /// One owner was asked to apply an update that depends on what it holds.
    Applying,
    /// The owners were asked to hold what was written.
    Holding,
    /// The owners were asked for what they hold.
    Reading,
    /// Those behind were sent what they lack.
    Repairing,
    /// The owners were asked to promise that they accept nothing older: nothing has changed yet.
    Promising,
    /// The owners were asked to accept, once more, what they had accepted before: nothing changes.
    Confirming,
    /// The owners were asked to accept a change.
    Accepting,
}

/// A request that the owners agreed upon.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CasOk {
    /// What came of it.
    pub outcome: CasOutcome,
    /// What the key holds with it, be it overwritten by now; where the comparison failed, what it held instead of what was expected.
    pub value: Option<Value>,
    /// The place of that value in the order of the key's values; `None` if nothing was ever put there.
    pub version: Option<Version>,
    /// Owners that have accepted it.
    pub acks: Vec<NodeId>,
    /// What the client has seen with this.
    pub token: SessionToken,
}

/// What came of a request that the owners agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CasOutcome {
    /// It is done.
    Done,
    /// The key held something else than was expected, and still does.
    Unmet,
}

/// A write that W replicas hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteOk {
    /// The place of a register's write in the order of the key's values.
    pub version: Option<Version>,
    /// Owners that held it when the answer was given.
    pub acks: Vec<NodeId>,
    /// Nodes that keep it for an owner, and count; and which owner.
    pub stand_ins: Vec<StandIn>,
    /// What the client has seen with this.
    pub token: SessionToken,
}

/// A node that keeps for an owner what it could not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StandIn {
    /// Who keeps it.
    pub node: NodeId,
    /// For whom.
    pub owner: NodeId,
}

/// A write that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum WriteError {
    /// It did not happen, and never will. Of a write with an id that was sent before, this says nothing of the earlier
    /// time.
    #[error("{0}")]
    NotApplied(NotApplied),
    /// It may have happened, or happen at any later time.
    #[error("{0}")]
    Unknown(Unknown),
}

/// What is known of a write that was sent and not acknowledged by as many as it should have been.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unknown {
    /// How far it had come.
    pub stage: Stage,
    /// Its place in the order of the key's values, should it happen; not known before it is stamped.
    pub version: Option<Version>,
    /// Who holds it. None does not mean that nobody does.
    pub acks: Vec<NodeId>,
    /// For whom a hint is kept, or about to be.
    pub hinted: Vec<NodeId>,
    /// How many acknowledgements were needed.
    pub required: u8,
    /// How many owners could be reached at the end.
    pub alive: u8,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (acks, required) = (self.acks.len(), self.required);
        match self.stage {
            Stage::Applying => f.write_str("the owner that was to apply it did not answer in time"),
            Stage::Accepting => write!(f, "{acks} of {required} replicas are known to have accepted it in time"),
            _ => write!(f, "{acks} of {required} replicas acknowledged in time"),
        }
    }
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

/// A write that was given up before anything that changes a replica was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NotApplied {
    stage: Stage,
    reason: Reason,
}

impl NotApplied {
    pub(crate) fn new(_proof: &BeforeSend, stage: Stage, reason: Reason) -> NotApplied {
        assert!(
            matches!(
                stage,
                Stage::Arrived | Stage::AskingVersions | Stage::Promising | Stage::Confirming
            ),
            "later stages have sent something"
        );
        NotApplied { stage, reason }
    }

    /// How far it had come.
    pub fn stage(&self) -> Stage {
        self.stage
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
        /// How many of those that would count can be reached.
        alive: u8,
    },
    /// Too few replicas told their versions in time.
    #[error("{answered} of {required} replicas told their versions in time")]
    NoVersions {
        /// How many are needed.
        required: u8,
        /// How many answered.
        answered: u8,
    },
    /// Too few replicas promised, or confirmed what they had accepted, in time.
    #[error("{answered} of {required} replicas agreed in time")]
    NoAgreement {
        /// How many are needed.
        required: u8,
        /// How many answered.
        answered: u8,
    },
    /// The one owner that was to apply the update, this node, did nothing.
    #[error("the update was refused: {0}")]
    Refused(Refused),
    /// The node was removed from the cluster: it serves nobody, and never will again.
    #[error("the node was removed from the cluster")]
    Removed,
    /// The node is being drained: it takes no more requests.
    #[error("the node is draining")]
    Draining,
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
    Replica(Option<Cell>),
    /// To [`AdminRequest::Owners`]: the preference list.
    Owners(Vec<NodeId>),
    /// To [`AdminRequest::Ring`].
    Ring(RingView),
    /// To [`AdminRequest::AntiEntropy`].
    AntiEntropy(AntiEntropyReport),
    /// To [`AdminRequest::Drain`].
    Drained {
        /// Hints that are still kept here.
        hints_pending: u64,
    },
    /// To [`AdminRequest::Metrics`].
    Metrics(Box<Metrics>),
    /// To [`AdminRequest::Leave`], [`AdminRequest::Remove`] and [`AdminRequest::Weigh`].
    Done,
}

/// The ring, as a node serves by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RingView {
    /// Its fingerprint.
    pub digest: RingDigest,
    /// How many partitions it has.
    pub partitions: u16,
    /// How many nodes own each, and where, as in `3` or `dc1=3,dc2=2`.
    pub replication: String,
    /// Who is on it.
    pub members: Vec<RingShare>,
}

/// A node's share of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RingShare {
    /// Whom.
    pub member: Member,
    /// How many partitions it owns.
    pub owned: u16,
    /// Of how many of them it is the first owner.
    pub first: u16,
}

/// What a node has done since its start, and how it is busy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Metrics {
    /// What it has counted.
    pub counters: Counters,
    /// Client requests that it is busy with.
    pub coordinating: u64,
    /// Batches on their way to the disk.
    pub persisting: u64,
    /// Bytes in them, about.
    pub persisting_bytes: u64,
    /// Hints kept.
    pub hints_pending: u64,
    /// Writes remembered by their ids.
    pub writes_remembered: u64,
    /// Tombstones held.
    pub tombstones: u64,
    /// Records known to be damaged, and not yet mended.
    pub records_damaged: u64,
    /// Client requests by what they asked and at which level.
    pub requests: Vec<RequestMetrics>,
    /// Round trips to other nodes, as reads see them.
    pub peers: Vec<PeerMetrics>,
}

/// What became of requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestMetrics {
    /// What was asked.
    pub operation: Operation,
    /// At which level.
    pub level: Level,
    /// How many were answered as asked.
    pub ok: u64,
    /// How many ran out of time or of replicas.
    pub failed: u64,
    /// How many were refused before anything was sent.
    pub refused: u64,
    /// How long the last ones took.
    pub latency: Latency,
}

/// What a client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// To read.
    Read,
    /// To write.
    Write,
}

impl Operation {
    /// Its name, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Write => "write",
        }
    }
}

/// How long another node took to answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeerMetrics {
    /// Which.
    pub node: NodeId,
    /// How long it took.
    pub latency: Latency,
}

/// Quantiles of the last of some spans; `None` where there were too few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Latency {
    /// Half were shorter.
    pub p50: Option<Duration>,
    /// 99 of 100 were shorter.
    pub p99: Option<Duration>,
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
    /// It would harm the cluster.
    #[error("unsafe: {0}")]
    Unsafe(String),
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
    /// What it is to the cluster, and what is being moved.
    pub moves: MovesStatus,
    /// Every node that it knows of, itself among them.
    pub members: Vec<MemberStatus>,
    /// Whether it hears nobody, and should.
    pub isolated: bool,
    /// Hints kept, or on their way to the disk.
    pub hints_pending: u64,
    /// For whom they are kept.
    pub behind: Vec<Behind>,
    /// Client requests that it is still busy with, answered ones among them.
    pub coordinating: u64,
    /// Batches on their way to the disk.
    pub persisting: u64,
    /// What it has done since its start.
    pub counters: Counters,
}

/// A node that has missed something, as another knows that keeps it for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Behind {
    /// Which has missed it. It may be the one that tells: its own disk can fail.
    pub node: NodeId,
    /// Hints kept for it, or on their way to the disk. What it has missed may be kept by several, and then counts with each.
    pub hints: u64,
    /// For how long there has been one at all times, since the start of the one that tells: no hint that came since is older.
    pub lasting: Duration,
}

/// What a node is to the cluster, and how far it has come with what it gains and gives up, as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MovesStatus {
    /// What it is.
    pub standing: Standing,
    /// Partitions that it holds.
    pub owned: u16,
    /// Partitions that are placed on it and not its own yet.
    pub gaining: u16,
    /// Partitions that it holds and that are not placed on it.
    pub losing: u16,
    /// Partitions whose owners are changing, whoever they are.
    pub moving: u16,
    /// Partitions that it holds no more, and has not dropped yet.
    pub stray: u16,
    /// A fingerprint of all records that it goes by: those of two nodes are equal when their records are.
    pub epochs: u64,
    /// Why it does not serve, if it does not.
    pub refused: Option<String>,
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
    /// What it is to the cluster, if it has said so.
    pub standing: Option<Standing>,
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
    /// Accounts of nodes that were not taken in: they did not fit their checksums, or could not be.
    pub gossip_refused: u64,
    /// Facts that were not taken in, because no node may say them of itself.
    pub gossip_facts_ignored: u64,
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
    /// Records taken in or given away because their partition has other owners.
    pub moved_records: u64,
    /// Partitions dropped because others hold them.
    pub partitions_dropped: u64,
    /// Replicas asked because another was late.
    pub hedges: u64,
    /// Records found damaged.
    pub damaged_records: u64,
    /// Damaged records put in order from the other owners.
    pub mended_records: u64,
    /// Tombstones forgotten.
    pub tombstones_collected: u64,
}

impl Counters {
    /// What two nodes, or one in two of its lives, have done together. All fields are named, so that a new one is not
    /// forgotten.
    #[must_use]
    pub fn merge(self, other: Counters) -> Counters {
        let Counters {
            gossip_rounds,
            gossip_peers_per_round_max,
            gossip_refused,
            gossip_facts_ignored,
            reads,
            writes,
            refusals,
            timeouts,
            read_repairs,
            hints_stored,
            hints_delivered,
            hints_expired,
            hints_refused,
            anti_entropy_records,
            moved_records,
            partitions_dropped,
            hedges,
            damaged_records,
            mended_records,
            tombstones_collected,
        } = self;
        Counters {
            gossip_rounds: gossip_rounds + other.gossip_rounds,
            gossip_peers_per_round_max: gossip_peers_per_round_max.max(other.gossip_peers_per_round_max),
            gossip_refused: gossip_refused + other.gossip_refused,
            gossip_facts_ignored: gossip_facts_ignored + other.gossip_facts_ignored,
            reads: reads + other.reads,
            writes: writes + other.writes,
            refusals: refusals + other.refusals,
            timeouts: timeouts + other.timeouts,
            read_repairs: read_repairs + other.read_repairs,
            hints_stored: hints_stored + other.hints_stored,
            hints_delivered: hints_delivered + other.hints_delivered,
            hints_expired: hints_expired + other.hints_expired,
            hints_refused: hints_refused + other.hints_refused,
            anti_entropy_records: anti_entropy_records + other.anti_entropy_records,
            moved_records: moved_records + other.moved_records,
            partitions_dropped: partitions_dropped + other.partitions_dropped,
            hedges: hedges + other.hedges,
            damaged_records: damaged_records + other.damaged_records,
            mended_records: mended_records + other.mended_records,
            tombstones_collected: tombstones_collected + other.tombstones_collected,
        }
    }
}
