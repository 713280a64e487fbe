//! What nodes say to each other.
//!
//! A link keeps the order of what is sent on it; losing it loses what was in flight, and the core is told.

use serde::{Deserialize, Serialize};

use crate::{
    Accepted, Ballot, Branch, Cell, Epoch, GossipAck, GossipAck2, GossipSyn, Key, LeafId, NodeId, Ownership,
    PartitionId, RequestId, RingDigest, RingShape, Summary, TopologyAck, TopologyAck2, TopologySyn, Update, Version,
    WriteId, capped,
    exchange::{PartitionDigest, STRETCH_KEYS_MAX, STRETCH_RECORDS_MAX},
    merkle::INNER,
};

/// One message from a node to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Opens a gossip exchange.
    GossipSyn(GossipSyn),
    /// Answers it.
    GossipAck(GossipAck),
    /// Ends it.
    GossipAck2(GossipAck2),
    /// Tells how much the sender knows of who owns what.
    TopologySyn(TopologySyn),
    /// Answers it, where the two differ.
    TopologyAck(TopologyAck),
    /// Answers that.
    TopologyAck2(TopologyAck2),
    /// Records of partitions that were chosen.
    Ownerships {
        /// The last that the sender knows.
        ownerships: Vec<Ownership>,
    },
    /// Asks a replica for something.
    Request {
        /// Chosen by the asker; comes back in the response.
        id: RequestId,
        /// The founding of the ring that the asker goes by. A replica that goes by another refuses.
        ring: RingDigest,
        /// Of the record that the asker goes by, of the partition that it asks about. A replica that goes by another
        /// says so, and does nothing.
        epoch: Epoch,
        /// What is asked.
        body: ReplicaRequest,
    },
    /// A replica's answer.
    Response {
        /// Of the request.
        id: RequestId,
        /// What is answered.
        body: ReplicaResponse,
    },
    /// Asks whoever is at the other end of a link to answer, before it is taken to be up.
    Echo {
        /// Comes back in the answer.
        number: u64,
    },
    /// Answers it.
    EchoAck {
        /// That of the echo.
        number: u64,
    },
}

/// What a message is about, roughly: for whoever treats some of them otherwise than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Who is there, and what nodes say of themselves.
    Gossip,
    /// Who owns what.
    Topology,
    /// What a replica is asked.
    Request,
    /// What it answers.
    Response,
    /// Whether somebody is there, and the answer.
    Echo,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [MessageKind; 5] = [
        MessageKind::Gossip,
        MessageKind::Topology,
        MessageKind::Request,
        MessageKind::Response,
        MessageKind::Echo,
    ];
}

impl Message {
    /// What it is about.
    pub fn kind(&self) -> MessageKind {
        match self {
            Message::GossipSyn(_) | Message::GossipAck(_) | Message::GossipAck2(_) => MessageKind::Gossip,
            Message::TopologySyn(_)
            | Message::TopologyAck(_)
            | Message::TopologyAck2(_)
            | Message::Ownerships { .. } => MessageKind::Topology,
            Message::Request { .. } => MessageKind::Request,
            Message::Response { .. } => MessageKind::Response,
            Message::Echo { .. } | Message::EchoAck { .. } => MessageKind::Echo,
        }
    }
}

/// What a replica is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplicaRequest {
    /// What is under a key. Answered by [`ReplicaResponse::Read`], [`ReplicaResponse::Digest`] or
    /// [`ReplicaResponse::Time`].
    Read {
        /// Which.
        key: Key,
        /// All of it, or what it amounts to.
        want: Want,
    },
    /// What this node keeps under a key for an owner. Answered by [`ReplicaResponse::Read`].
    ReadKept {
        /// Which.
        key: Key,
        /// For whom.
        owner: NodeId,
    },
    /// To merge a cell into what is held, durably. Answered by [`ReplicaResponse::Held`].
    Hold {
        /// Under which key.
        key: Key,
        /// What.
        cell: Cell,
        /// On which errand: nothing but counters (and planted bugs) depends on it.
        errand: Errand,
    },
    /// To keep a cell for an owner, durably, until it can be delivered. Answered by [`ReplicaResponse::Held`].
    Keep {
        /// For whom.
        owner: NodeId,
        /// Under which key.
        key: Key,
        /// What.
        cell: Cell,
    },
    /// To apply an update to what is held, as its origin. Answered by [`ReplicaResponse::Applied`].
    Apply(Box<Apply>),
    /// Which of these partitions differ. Answered by [`ReplicaResponse::Differing`].
    CompareDigests {
        /// The asker's digests.
        digests: Vec<PartitionDigest>,
    },
    /// The leaves of a partition, where these nodes of its tree differ. Answered by [`ReplicaResponse::Branches`].
    CompareBranches {
        /// Which partition.
        partition: PartitionId,
        /// The asker's nodes right below the root.
        inner: Box<[u64; INNER]>,
    },
    /// What the asker lacks, and what the replica lacks, of a stretch of a partition. Answered by
    /// [`ReplicaResponse::Differences`].
    CompareSummaries(Box<Stretch>),
    /// To promise that nothing below a ballot is accepted for a partition's next record. Answered by
    /// [`ReplicaResponse::Promised`] or [`ReplicaResponse::Outbid`].
    Prepare {
        /// Which partition.
        partition: PartitionId,
        /// The proposal's rank.
        ballot: Ballot,
    },
    /// To accept a partition's next record. Answered by [`ReplicaResponse::Accepted`] or [`ReplicaResponse::Outbid`].
    Accept {
        /// Which partition.
        partition: PartitionId,
        /// The proposal's rank.
        ballot: Ballot,
        /// The record.
        value: Box<Ownership>,
    },
    /// To promise that nothing below a ballot is accepted for a key. Answered by [`ReplicaResponse::KeyPromised`] or
    /// [`ReplicaResponse::KeyOutbid`].
    PrepareKey {
        /// Which.
        key: Key,
        /// The proposal's rank.
        ballot: Version,
    },
    /// To accept what a key holds. Answered by [`ReplicaResponse::KeyAccepted`] or [`ReplicaResponse::KeyOutbid`].
    AcceptKey {
        /// Which.
        key: Key,
        /// What it holds, and the proposal's rank.
        proposal: Box<Accepted>,
    },
    /// Whether a tombstone may go as far as this node knows. Answered by [`ReplicaResponse::Agreed`].
    Confirm {
        /// Of which key.
        key: Key,
        /// Which tombstone.
        fingerprint: u64,
    },
    /// To forget a tombstone that every owner holds, unless something else is held by now. Answered by
    /// [`ReplicaResponse::Agreed`].
    Collect {
        /// Of which key.
        key: Key,
        /// Which tombstone.
        fingerprint: u64,
    },
}

impl ReplicaRequest {
    /// The partition that it is about; `None` if that is more than one.
    pub(crate) fn partition(&self, shape: &RingShape) -> Option<PartitionId> {
        match self {
            ReplicaRequest::Read { key, .. }
            | ReplicaRequest::ReadKept { key, .. }
            | ReplicaRequest::Hold { key, .. }
            | ReplicaRequest::Keep { key, .. }
            | ReplicaRequest::PrepareKey { key, .. }
            | ReplicaRequest::AcceptKey { key, .. }
            | ReplicaRequest::Confirm { key, .. }
            | ReplicaRequest::Collect { key, .. } => Some(shape.partition(key)),
            ReplicaRequest::Apply(apply) => Some(shape.partition(&apply.key)),
            ReplicaRequest::CompareDigests { .. } => None,
            ReplicaRequest::CompareBranches { partition, .. }
            | ReplicaRequest::Prepare { partition, .. }
            | ReplicaRequest::Accept { partition, .. } => Some(*partition),
            ReplicaRequest::CompareSummaries(stretch) => Some(stretch.partition),
        }
    }
}

/// A stretch of a partition, as one node holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stretch {
    /// Which partition.
    pub partition: PartitionId,
    /// The leaves that keys of the stretch fall under.
    pub leaves: Vec<LeafId>,
    /// The stretch begins above this key, or at the partition's start.
    pub after: Option<Key>,
    /// The stretch ends with this key, or at the partition's end.
    pub through: Option<Key>,
    /// All that the asker holds in the stretch, in key order.
    #[serde(deserialize_with = "capped::sequence::<STRETCH_KEYS_MAX, _, _>")]
    pub summaries: Vec<(Key, Summary)>,
}

/// How much of a record is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Want {
    /// All of it.
    Cell,
    /// Its summary.
    Digest,
    /// Of a register, the time of its version.
    Time,
}

/// An update, for the one owner that applies it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Apply {
    /// To which key.
    pub key: Key,
    /// What is done to it.
    pub update: Update,
    /// By which this write is known if it comes again.
    pub id: Option<WriteId>,
    /// Of a two-phase write: the stamp must be above this, and no clock is asked.
    pub above: Option<u64>,
}

/// An update that its origin has applied, durably.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Applied {
    /// All that the origin holds with it, for the other owners to merge.
    pub cell: Cell,
    /// The place of a register's write.
    pub version: Option<Version>,
    /// The record that the origin goes by, if that is a later one than the asker's by now.
    pub ownership: Option<Box<Ownership>>,
}

/// Why a cell is sent to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Errand {
    /// A client's write.
    Write,
    /// Read repair: a read found the replica behind.
    ReadRepair,
    /// Hinted handoff: the replica was away when it was written.
    Handoff,
    /// Anti-entropy: an exchange found the replica behind.
    AntiEntropy,
}

/// What a replica answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplicaResponse {
    /// What was asked for, if there is anything.
    Read {
        /// Durable at the replica.
        cell: Option<Cell>,
    },
    /// What it amounts to, if there is anything.
    Digest {
        /// Of what is durable at the replica.
        summary: Option<Summary>,
    },
    /// The time that a later write has to be above.
    Time {
        /// Of the version that is durable at the replica; where there is none, the highest of any tombstone that it has
        /// ever forgotten, which another owner may still hold.
        time: u64,
    },
    /// The replica durably holds, or keeps, what was sent, or more.
    Held {
        /// Of what was sent.
        fingerprint: u64,
    },
    /// The update is durable at its origin.
    Applied(Box<Applied>),
    /// The partitions whose digests differ.
    Differing {
        /// In order.
        partitions: Vec<PartitionId>,
        /// Those that were not compared, because the replica goes by another record of them.
        unlike: Vec<PartitionId>,
        /// The highest time of any tombstone that the replica has forgotten.
        forgotten_time: u64,
    },
    /// The replica goes by a later record, and did nothing; or it did what was asked, and goes by a later record by
    /// now, so that it does not count as done under the earlier one.
    Stale {
        /// The later record.
        ownership: Box<Ownership>,
    },
    /// The replica goes by an earlier record, and did nothing: it has to be told the later one.
    Behind,
    /// Nothing below the ballot will be accepted.
    Promised {
        /// What was accepted last, if anything was.
        accepted: Option<Box<(Ballot, Ownership)>>,
    },
    /// The record is accepted.
    Accepted,
    /// Somebody has outbid the proposal.
    Outbid {
        /// With this.
        ballot: Ballot,
    },
    /// Nothing below the ballot will be accepted for the key.
    KeyPromised {
        /// The ballot that was asked with.
        ballot: Version,
        /// What was accepted last, if anything was.
        accepted: Option<Box<Accepted>>,
    },
    /// What the key holds is accepted.
    KeyAccepted {
        /// The ballot that was asked with.
        ballot: Version,
    },
    /// Somebody has outbid the proposal for the key.
    KeyOutbid {
        /// The ballot that was asked with.
        ballot: Version,
        /// The one that is promised.
        promised: Version,
    },
    /// The leaves under the nodes that differ.
    Branches {
        /// In order.
        branches: Vec<Branch>,
    },
    /// Whether the replica agrees, or has done what was asked.
    Agreed {
        /// It does.
        yes: bool,
    },
    /// How the two differ in a stretch.
    Differences {
        /// What the asker lacks or has older.
        #[serde(deserialize_with = "capped::sequence::<STRETCH_RECORDS_MAX, _, _>")]
        newer: Vec<(Key, Cell)>,
        /// What the replica lacks or has older.
        #[serde(deserialize_with = "capped::sequence::<STRETCH_KEYS_MAX, _, _>")]
        wanted: Vec<Key>,
        /// Whether there was more than one message holds: ask again once this is taken in.
        truncated: bool,
    },
    /// The replica did nothing.
    Refused(Refused),
}

/// Why a replica did nothing, or did not do all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Refused {
    /// It goes by another ring, or does not know its ring yet.
    #[error("it goes by another ring")]
    OtherRing,
    /// It goes by another record of the partition.
    #[error("it goes by another record of the partition")]
    OtherEpoch,
    /// The asker was removed from the cluster.
    #[error("the asker was removed from the cluster")]
    Banned,
    /// The version is too far ahead of its clock.
    #[error("the version is too far ahead of its clock")]
    ClockSkew,
    /// What was sent is larger than any client may write, does not fit its key, or can't be applied to what is held.
    #[error("it can't be")]
    Invalid,
    /// Its disk failed, or what it held there is damaged.
    #[error("its disk failed")]
    Storage,
    /// It has as much on its way to its disk, or to remember, as it takes.
    #[error("it is overloaded")]
    Overloaded,
    /// Its disk failed while it was written. Not quite nothing was done: what was written to the same key right after may
    /// have reached the disk, and this with it.
    #[error("its disk failed while it was written")]
    NotDurable,
}
