//! What the core asks of a disk: a look at what is durable, and a list of changes to make so.
//!
//! Looking is synchronous; changing is an output (`Output::Persist`) that comes back as an input once it is durable.
//! A store shows only what is durable: a value that a crash could still take back is never served.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Cell, Generation, Key, Member, NodeId, PartitionId, PartitionState, Record, Roster, Summary, Version, WallTime,
};

/// A node's durable state, as the core looks at it.
pub trait Store {
    /// The record under a key, or `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read or fails its checksum; it must then not be served.
    fn record(&self, partition: PartitionId, key: &Key) -> Result<Option<Record>, StoreError>;

    /// What there is in a partition, in key order.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it can't be read. Damaged records are no error: they are listed.
    fn summaries(&self, partition: PartitionId) -> Result<Summaries, StoreError>;

    /// Up to `limit` hints for `target`, in order, from the first one above `after`.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn hints(&self, target: NodeId, after: Option<&HintId>, limit: usize) -> Result<Vec<Hint>, StoreError>;

    /// Every hint for `target` that is of `key`.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn hints_of(&self, target: NodeId, key: &Key) -> Result<Vec<Hint>, StoreError>;

    /// How many hints are kept for each node.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn hint_counts(&self) -> Result<Vec<(NodeId, u64)>, StoreError>;

    /// Writes that are remembered by their id.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn remembered_writes(&self) -> Result<Vec<(WriteId, RememberedWrite)>, StoreError>;

    /// What the node remembers about itself.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn memory(&self) -> Result<Memory, StoreError>;
}

/// What a partition holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summaries {
    /// Keys and what is under them, in key order.
    pub entries: Vec<(Key, Summary)>,
    /// Keys whose records fail their checksum.
    pub damaged: Vec<Key>,
}

/// What a node remembers about itself across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The generation of its last start; `None` on a new store.
    pub generation: Option<Generation>,
    /// The founders of its ring, once it knows them.
    pub founders: Option<Vec<Member>>,
    /// The highest time of any tombstone that it has forgotten.
    pub forgotten_time: u64,
    /// Who is in the cluster, once it knows.
    pub roster: Option<Roster>,
    /// Of partitions whose record is not the first any more, or is about to change.
    pub partitions: BTreeMap<PartitionId, PartitionState>,
    /// Who was seen as down, and as which start of itself: [`crate::Plant::VerdictKept`], and of no node without it.
    pub down: BTreeMap<NodeId, Generation>,
}

/// A write's id, chosen by the client. Two writes of one id are one write, sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WriteId(pub u128);

/// A write that its origin has applied, so that it is not applied again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RememberedWrite {
    /// What was written.
    pub key: Key,
    /// Of a register's write.
    pub version: Option<Version>,
    /// When, by the origin's wall clock: it is forgotten some time after.
    pub at: WallTime,
}

/// Names one hint among those for its target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HintId {
    /// Whose cell.
    pub key: Key,
    /// Which of the key's cells.
    pub fingerprint: u64,
}

/// A cell kept for a node that should have taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Whom it is for.
    pub target: NodeId,
    /// The key that it belongs under.
    pub key: Key,
    /// What to merge there.
    pub cell: Cell,
    /// Since when it is kept, by the keeper's wall clock.
    pub stored_at: WallTime,
}

impl Hint {
    /// The hint's name.
    pub fn id(&self) -> HintId {
        HintId {
            key: self.key.clone(),
            fingerprint: self.cell.fingerprint(&self.key.name),
        }
    }
}

/// One change to the durable state. A list of them is applied in order, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Puts a record, whatever was there: the core has merged.
    PutRecord {
        /// The partition of the key.
        partition: PartitionId,
        /// Where.
        key: Key,
        /// What.
        record: Record,
    },
    /// Forgets a record: a tombstone that every replica is known to have held.
    DropRecord {
        /// The partition of the key.
        partition: PartitionId,
        /// Where.
        key: Key,
    },
    /// Keeps a hint.
    PutHint(Hint),
    /// Forgets a hint that was delivered, or is too old.
    DropHint {
        /// Whom it was for.
        target: NodeId,
        /// Which.
        hint: HintId,
    },
    /// Remembers a write by its id.
    RememberWrite(WriteId, RememberedWrite),
    /// Forgets it.
    ForgetWrite(WriteId),
    /// Remembers the generation.
    SetGeneration(Generation),
    /// Remembers the founders.
    SetFounders(Vec<Member>),
    /// Remembers the highest time of any tombstone that was forgotten.
    SetForgottenTime(u64),
    /// Remembers who is in the cluster.
    SetRoster(Box<Roster>),
    /// Remembers the record of a partition, and what was promised for the next.
    SetPartition(Box<PartitionState>),
    /// Remembers who was seen as down: [`crate::Plant::VerdictKept`].
    SetDown(BTreeMap<NodeId, Generation>),
}

impl StoreOp {
    /// Whether this is synced, with all before it, however seldom the disk syncs otherwise: a node that forgot its
    /// generation would stamp two writes alike, and one that forgot the record of a partition would serve by an old one.
    pub fn is_always_synced(&self) -> bool {
        matches!(
            self,
            StoreOp::SetGeneration(_) | StoreOp::SetFounders(_) | StoreOp::SetPartition(_)
        )
    }
}

/// A disk that failed, in the words of whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It can't be read or written.
    #[error("{0}")]
    Failed(String),
    /// What was read is not what was written. Nothing else is known to be wrong.
    #[error("{0}")]
    Damaged(String),
}
