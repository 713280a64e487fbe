//! What is stored under a key, and the order in which one record replaces another.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Actor, Cell, Generation, Kind, NodeId, WallTime};

/// The longest key taken, in bytes: a key is held in memory by every coordination, hint and exchange that names it.
pub const KEY_BYTES_MAX: usize = 1024;

/// The largest value taken, in bytes: one frame has to hold it with room to spare.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// A key: a name, 1 to [`KEY_BYTES_MAX`] bytes of any kind, and what is kept under it. One name with two kinds is two
/// keys, so that what two clients take for different things never has to be merged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// What is kept under it.
    pub kind: Kind,
    /// Its name.
    pub name: Bytes,
}

impl Key {
    /// The key of a register, from bytes.
    pub fn copy_from(name: &[u8]) -> Key {
        Key::of(Kind::Register, name)
    }

    /// A key of any kind, from bytes.
    pub fn of(kind: Kind, name: &[u8]) -> Key {
        Key {
            kind,
            name: Bytes::copy_from_slice(name),
        }
    }

    /// Whether its length is one that a key can have.
    pub fn is_valid(&self) -> bool {
        (1..=KEY_BYTES_MAX).contains(&self.name.len())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Key {
    /// The name, and before it the kind if that is not a register.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != Kind::Register {
            write!(f, "{}:", self.kind.name())?;
        }
        write!(f, "{}", self.name.escape_ascii())
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

    /// The same, in words.
    ///
    /// # Errors
    /// That it is too long.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.is_valid() {
            return Ok(());
        }
        let bytes = self.0.len();
        Err(format!("a value has at most {VALUE_BYTES_MAX} bytes, not {bytes}"))
    }
}

/// When and by whom a value was written: the order among all values of a key.
///
/// Total, and the same on every node: by hybrid logical time, then by writer, then by the writer's generation. A node
/// never stamps two writes alike, because its clock only rises while it runs and its generation rises when it
/// restarts; a tie that is decided by arrival makes replicas differ for ever (bz1095 in docs/mutants.md, V2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Hybrid logical time, in nanoseconds since 1970.
    pub time: u64,
    /// The coordinator that stamped it.
    pub node: NodeId,
    /// The coordinator's generation.
    pub generation: Generation,
}

impl Version {
    /// As text, of a fixed width, so that the order of the texts is the order of the versions.
    ///
    /// Each operation of a recorded run shows one: by hand it takes a tenth of what formatting three numbers does.
    pub fn to_text(self) -> String {
        let mut text = vec![b'-'; 16 + 1 + 16 + 1 + 8];
        write_hex(&mut text[..16], self.time);
        write_hex(&mut text[17..33], self.node.0);
        write_hex(&mut text[34..], u64::from(self.generation.0));
        String::from_utf8(text).expect("digits are text")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// Writes the lowest digits of a number, as many as there is room for.
#[inline(never)]
fn write_hex(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

/// What one replica keeps under a key: the cell, which travels, and what is its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// What all replicas of the key merge.
    pub cell: Cell,
    /// As whom this replica has written the key, if it has: a replica that lost its record has lost this too, and
    /// writes as somebody new.
    pub actor: Option<Actor>,
}

impl Record {
    /// A record of a cell that came from elsewhere.
    pub fn of(cell: Cell) -> Record {
        Record { cell, actor: None }
    }

    /// What is compared before records travel.
    pub fn summary(&self, key: &Key) -> Summary {
        Summary::of(key, &self.cell)
    }
}

/// What a cell is, in a few bytes: equal cells have equal summaries, and of two registers one can be seen to be newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Summary {
    /// Of the cell's content and its key.
    pub fingerprint: u64,
    /// Of a register.
    pub version: Option<Version>,
    /// Of a tombstone.
    pub deleted_at: Option<WallTime>,
}

impl Summary {
    /// The summary of a cell under its key.
    pub fn of(key: &Key, cell: &Cell) -> Summary {
        Summary {
            fingerprint: cell.fingerprint(&key.name),
            version: cell.version(),
            deleted_at: cell.deleted_at(),
        }
    }

    /// Whether a cell of this summary surely has nothing that one of `other` lacks.
    pub fn is_covered_by(&self, other: &Summary) -> bool {
        self.fingerprint == other.fingerprint
            || matches!((self.version, other.version), (Some(own), Some(other)) if own < other)
    }
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
        assert_eq!(
            version(0x0123_4567_89ab_cdef, 0xfedc, 0x1a).to_string(),
            format!("{:016x}-{}-{:08x}", 0x0123_4567_89ab_cdef_u64, NodeId(0xfedc), 0x1a)
        );
    }
}
