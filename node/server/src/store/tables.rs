//! The tables of the file, and the order of their keys.

use std::{path::PathBuf, sync::atomic::AtomicU64};

use quorate_core::{HintId, Key, NodeId, PartitionId};
use redb::{Database, TableDefinition};

/// Records, under [`record_key`]: in the order of partitions, and in each of keys.
pub(super) const RECORDS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

/// Hints, under [`hint_key`]: in the order of targets, and for each of their ids.
pub(super) const HINTS: TableDefinition<HintKey<'static>, &[u8]> = TableDefinition::new("hints");

/// What the node remembers of itself, by name.
pub(super) const MEMORY: TableDefinition<&str, &[u8]> = TableDefinition::new("memory");

/// Target, key, and the three parts of the version.
pub(super) type HintKey<'a> = (u64, &'a [u8], u64, u64, u32);

/// Names in [`MEMORY`].
pub(super) const FORMAT_NAME: &str = "format";
pub(super) const GENERATION_NAME: &str = "generation";
pub(super) const FOUNDERS_NAME: &str = "founders";
pub(super) const STORE_ID_NAME: &str = "store id";

/// The version of all that is in the file. Raised when a table, a key or a value changes its meaning.
pub(super) const FORMAT: u32 = 1;

/// What the reader and the writer of one file share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) database: Database,
    /// Transactions that are done: a reader whose view is of an earlier number has to look again.
    pub(super) commits: AtomicU64,
}

/// Partition, big endian, and key.
pub(super) fn record_key(partition: PartitionId, key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 + key.0.len());
    bytes.extend(partition.0.to_be_bytes());
    bytes.extend(&key.0);
    bytes
}

/// The partition and the key in a [`record_key`].
pub(super) fn split_record_key(bytes: &[u8]) -> Option<(PartitionId, Key)> {
    let (partition, key) = bytes.split_first_chunk()?;
    Some((PartitionId(u16::from_be_bytes(*partition)), Key::copy_from(key)))
}

pub(super) fn hint_key(target: NodeId, hint: &HintId) -> HintKey<'_> {
    let version = hint.version;
    (
        target.0,
        &hint.key.0,
        version.time,
        version.node.0,
        version.generation.0,
    )
}
