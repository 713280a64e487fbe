//! What nodes say to each other.
//!
//! A link keeps the order of what is sent on it; losing it loses what was in flight, and the core is told.

use serde::{Deserialize, Serialize};

use crate::{
    GossipAck, GossipAck2, GossipSyn, Key, PartitionId, Record, RequestId, RingDigest, Version,
    exchange::PartitionDigest,
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
    /// Asks a replica for something.
    Request {
        /// Chosen by the asker; comes back in the response.
        id: RequestId,
        /// The ring that the asker goes by. A replica that goes by another refuses.
        ring: RingDigest,
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
}

/// What a replica is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplicaRequest {
    /// The record under a key.
    Read {
        /// Which.
        key: Key,
    },
    /// To hold a record durably. Answered by [`ReplicaResponse::Held`].
    Hold {
        /// Under which key.
        key: Key,
        /// What.
        record: Record,
        /// On which errand: nothing but counters (and planted bugs) depends on it.
        errand: Errand,
    },
    /// Which of these partitions differ. Answered by [`ReplicaResponse::Differing`].
    CompareDigests {
        /// The asker's digests.
        digests: Vec<PartitionDigest>,
    },
    /// What the asker lacks, and what the replica lacks, of a stretch of a partition. Answered by
    /// [`ReplicaResponse::Differences`].
    CompareVersions {
        /// Which partition.
        partition: PartitionId,
        /// The stretch begins above this key, or at the partition's start.
        after: Option<Key>,
        /// The stretch ends with this key, or at the partition's end.
        through: Option<Key>,
        /// All that the asker holds in the stretch, in key order.
        versions: Vec<(Key, Version)>,
    },
}

/// Why a record is sent to a replica.
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
    /// The record asked for, if there is one.
    Read {
        /// Durable at the replica.
        record: Option<Record>,
    },
    /// The replica durably holds the record sent, or a newer one.
    Held {
        /// The version sent.
        version: Version,
    },
    /// The partitions whose digests differ.
    Differing {
        /// In order.
        partitions: Vec<PartitionId>,
    },
    /// How the two differ in a stretch.
    Differences {
        /// What the asker lacks or has older.
        newer: Vec<(Key, Record)>,
        /// What the replica lacks or has older.
        wanted: Vec<Key>,
        /// Whether there was more than one message holds: ask again once this is taken in.
        truncated: bool,
    },
    /// The replica did nothing.
    Refused(Refused),
}

/// Why a replica did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refused {
    /// It goes by another ring, or does not know its ring yet.
    OtherRing,
    /// The version is too far ahead of its clock.
    ClockSkew,
    /// The key or the value is larger than any client may write.
    Invalid,
    /// Its disk failed.
    Storage,
}
