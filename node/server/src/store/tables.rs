//! The tables of the file, and the order of their keys.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use quorate_core::{HintId, Key, Kind, NodeId, PartitionId};
use redb::{Database, TableDefinition};

use crate::control::Control;

/// Records, under [`record_key`]: in the order of partitions, and in each of keys.
pub(super) const RECORDS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

/// Hints, under [`hint_key`]: in the order of targets, and for each of their ids.
pub(super) const HINTS: TableDefinition<HintKey<'static>, &[u8]> = TableDefinition::new("hints");

/// What the node remembers of itself, by name.
pub(super) const MEMORY: TableDefinition<&str, &[u8]> = TableDefinition::new("memory");

/// Writes that are remembered, under their ids.
pub(super) const WRITES: TableDefinition<u128, &[u8]> = TableDefinition::new("writes");

/// Target, the kind and the name of the key, and the cell's fingerprint.
pub(super) type HintKey<'a> = (u64, u8, &'a [u8], u64);

/// Names in [`MEMORY`].
pub(super) const FORMAT_NAME: &str = "format";
pub(super) const GENERATION_NAME: &str = "generation";
pub(super) const FOUNDERS_NAME: &str = "founders";
pub(super) const FORGOTTEN_TIME_NAME: &str = "forgotten-time";
pub(super) const STORE_ID_NAME: &str = "store id";
pub(super) const ROSTER_NAME: &str = "roster";
pub(super) const DOWN_NAME: &str = "down";

/// What the names of partitions' states begin with; the partition follows, in five digits.
pub(super) const PARTITION_PREFIX: &str = "partition ";

/// Above the names of all partitions' states.
pub(super) const PARTITIONS_END: &str = "partition:";

pub(super) fn partition_name(partition: PartitionId) -> String {
    format!("{PARTITION_PREFIX}{:05}", partition.0)
}

/// Names in a sealed hint's checksum: its key, as far as it is one.
pub(super) fn hint_seal_name(key: &Key) -> Vec<u8> {
    let mut bytes = vec![kind_byte(key.kind)];
    bytes.extend(&key.name);
    bytes
}

/// The version of all that is in the file. Raised when a table, a key or a value changes its meaning.
pub(super) const FORMAT: u32 = 4;

/// What the reader and the writer of one file share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) database: Database,
    /// Transactions that are done: a reader whose view is of an earlier number has to look again.
    pub(super) commits: AtomicU64,
    /// Has looks fail, if anything may.
    pub(super) control: Option<Arc<Control>>,
}

/// Partition, big endian, kind, and the key's name: the order of keys in the core.
pub(super) fn record_key(partition: PartitionId, key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(3 + key.name.len());
    bytes.extend(partition.0.to_be_bytes());
    bytes.push(kind_byte(key.kind));
    bytes.extend(&key.name);
    bytes
}

/// The partition and the key in a [`record_key`].
pub(super) fn split_record_key(bytes: &[u8]) -> Option<(PartitionId, Key)> {
    let (partition, rest) = bytes.split_first_chunk()?;
    let (kind, name) = rest.split_first()?;
    let key = Key::of(kind_of(*kind)?, name);
    Some((PartitionId(u16::from_be_bytes(*partition)), key))
}

pub(super) fn hint_key(target: NodeId, hint: &HintId) -> HintKey<'_> {
    (target.0, kind_byte(hint.key.kind), &hint.key.name, hint.fingerprint)
}

pub(super) fn kind_byte(kind: Kind) -> u8 {
    let at = Kind::ALL.iter().position(|other| *other == kind);
    u8::try_from(at.expect("every kind is among all")).expect("there are few")
}

/// The kind of that number; `None` if there is none.
pub(super) fn kind_of(byte: u8) -> Option<Kind> {
    Kind::ALL.get(usize::from(byte)).copied()
}
