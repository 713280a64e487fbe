//! What the core asks of a disk: a look at what is durable, and a list of changes to make so.
//!
//! Looking is synchronous; changing is an output (`Output::Persist`) that comes back as an input once it is durable.
//! A store shows only what is durable: a value that a crash could still take back is never served.

use std::fmt;

use crate::{Generation, Key, Member, NodeId, PartitionId, Record, Version};

/// A node's durable state, as the core looks at it.
pub trait Store {
    /// The record under a key, or `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read or fails its checksum; it must then not be served.
    fn record(&self, partition: PartitionId, key: &Key) -> Result<Option<Record>, StoreError>;

    /// The key and version of every record in a partition, in key order.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn versions(&self, partition: PartitionId) -> Result<Vec<(Key, Version)>, StoreError>;

    /// Up to `limit` hints for `target`, in order, from the first one above `after`.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn hints(&self, target: NodeId, after: Option<&HintId>, limit: usize) -> Result<Vec<Hint>, StoreError>;

    /// How many hints are kept for each node.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn hint_counts(&self) -> Result<Vec<(NodeId, u64)>, StoreError>;

    /// What the node remembers about itself.
    ///
    /// # Errors
    /// As for [`Store::record`].
    fn memory(&self) -> Result<Memory, StoreError>;
}

/// What a node remembers about itself across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The generation of its last start; `None` on a new store.
    pub generation: Option<Generation>,
    /// The founders of its ring, once it knows them.
    pub founders: Option<Vec<Member>>,
}

/// Names one hint among those for its target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HintId {
    /// Whose record.
    pub key: Key,
    /// Which of the key's records.
    pub version: Version,
}

/// A record kept for a node that should have taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Whom it is for.
    pub target: NodeId,
    /// The key that it belongs under.
    pub key: Key,
    /// What to write there.
    pub record: Record,
}

impl Hint {
    /// The hint's name.
    pub fn id(&self) -> HintId {
        HintId {
            key: self.key.clone(),
            version: self.record.version,
        }
    }
}

/// One change to the durable state. A list of them is applied in order, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Puts a record, whatever was there: the core has compared the versions.
    PutRecord {
        /// The partition of the key.
        partition: PartitionId,
        /// Where.
        key: Key,
        /// What.
        record: Record,
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
    /// Remembers the generation.
    SetGeneration(Generation),
    /// Remembers the founders.
    SetFounders(Vec<Member>),
}

/// A disk that failed to read or to write, in the words of whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}
