//! What is stored under a key, and the order in which one record replaces another.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Generation, NodeId};

/// The longest key taken, in bytes: a key is held in memory by every coordination, hint and exchange that names it.
pub const KEY_BYTES_MAX: usize = 1024;

/// The largest value taken, in bytes: one frame has to hold it with room to spare.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// A key: any bytes, 1 to [`KEY_BYTES_MAX`] of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub Bytes);

impl Key {
    /// Copies a key from bytes.
    pub fn copy_from(bytes: &[u8]) -> Key {
        Key(Bytes::copy_from_slice(bytes))
    }

    /// Whether its length is one that a key can have.
    pub fn is_valid(&self) -> bool {
        (1..=KEY_BYTES_MAX).contains(&self.0.len())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// A value: any bytes, at most [`VALUE_BYTES_MAX`] of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value(pub Bytes);

impl Value {
    /// Whether its length is one that a value can have.
    pub fn is_valid(&self) -> bool {
        self.0.len() <= VALUE_BYTES_MAX
    }
}

/// When and by whom a value was written: the order among all values of a key.
///
/// Total, and the same on every node: by hybrid logical time, then by writer, then by the writer's generation. A node
/// never stamps two writes alike, because its clock only rises while it runs and its generation rises when it
/// restarts; a tie that is decided by arrival makes replicas differ for ever (bz1095 in MUTANTS.md, V2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Hybrid logical time, in nanoseconds since 1970.
    pub time: u64,
    /// The coordinator that stamped it.
    pub node: NodeId,
    /// The coordinator's generation.
    pub generation: Generation,
}

impl fmt::Display for Version {
    /// Fixed width, so that the order of the texts is the order of the versions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}-{:08x}", self.time, self.node, self.generation.0)
    }
}

/// A value and its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// When and by whom.
    pub version: Version,
    /// What.
    pub value: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_versions_sort_as_the_versions_do() {
        let version = |time, node, generation| Version {
            time,
            node: NodeId(node),
            generation: Generation(generation),
        };
        let rising = [
            version(0, 0, 0),
            version(0, 0, 1),
            version(0, 1, 0),
            version(1, 0, 0),
            version(255, u64::MAX, u32::MAX),
            version(256, 0, 0),
            version(u64::MAX, 0, 0),
        ];
        assert!(rising.is_sorted());
        assert!(rising.map(|v| v.to_string()).is_sorted());
    }
}
