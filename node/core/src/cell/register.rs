//! Last write wins: of two writes the one with the greater version stays, and the other is gone without a trace.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::canonical::{AT_ONCE_BYTES_MAX, Canonical, LENGTH_BYTES, Sink, VERSION_BYTES, length_bytes, version_bytes};
use crate::{Value, Version, WallTime};

/// The tag of its kind, its version, and whether it is a value or a deletion, as they are written down.
const HEAD_BYTES: usize = 1 + VERSION_BYTES + 1;

/// A value or its deletion, and the version that alone orders it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Register {
    /// When and by whom it was written.
    pub version: Version,
    /// What was written.
    pub content: Content,
}

/// What a write to a register leaves.
///
/// The order decides between equal versions: a deletion above any value, the later of two deletions, the greater
/// bytes. Honest nodes never stamp two writes alike, but a tie decided by arrival would part replicas for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Content {
    /// A value.
    Value(Value),
    /// The mark that whatever was here has been deleted.
    Tombstone {
        /// When, by the wall clock of the coordinator that deleted it.
        deleted_at: WallTime,
    },
}

impl Register {
    /// Takes the greater of itself and `other`; true if that is `other`, and not equal.
    pub fn merge(&mut self, other: &Register) -> bool {
        let loses = !self.covers(other);
        if loses {
            self.clone_from(other);
        }
        loses
    }

    /// Whether merging `other` would change nothing.
    pub fn covers(&self, other: &Register) -> bool {
        self >= other
    }

    /// The value, unless it was deleted.
    pub fn value(&self) -> Option<&Value> {
        match &self.content {
            Content::Value(value) => Some(value),
            Content::Tombstone { .. } => None,
        }
    }

    /// When it was deleted, if it was.
    pub fn deleted_at(&self) -> Option<WallTime> {
        match self.content {
            Content::Value(_) => None,
            Content::Tombstone { deleted_at } => Some(deleted_at),
        }
    }

    /// Whether its value, if any, is one that a value can be.
    pub fn is_valid(&self) -> bool {
        self.value().is_none_or(Value::is_valid)
    }
}

impl Register {
    /// Writes it down behind the tag of its kind.
    pub(super) fn write(&self, tag: u8, sink: &mut impl Sink) {
        sink.take_all(self.head(tag));
        match &self.content {
            Content::Value(value) => value.write(sink),
            Content::Tombstone { deleted_at } => deleted_at.write(sink),
        }
    }

    /// What precedes the value, or says when it was deleted.
    fn head(&self, tag: u8) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[0] = tag;
        head[1..=VERSION_BYTES].copy_from_slice(&version_bytes(&self.version));
        head[1 + VERSION_BYTES] = match self.content {
            Content::Value(_) => 0,
            Content::Tombstone { .. } => 1,
        };
        head
    }

    /// The fingerprint of a key and what [`Register::write`] writes behind it, if that is a value and all of it is short: as
    /// most cells are, and each is told by its fingerprint many times. So it takes half as long.
    pub(super) fn fingerprint_at_once(&self, tag: u8, key: &[u8]) -> Option<u64> {
        let value = self.value()?;
        let (key_end, length) = (LENGTH_BYTES + key.len(), value.0.len());
        let value_at = key_end + HEAD_BYTES + LENGTH_BYTES;
        let end = value_at + length;
        let mut bytes = [0; AT_ONCE_BYTES_MAX];
        let all = bytes.get_mut(..end)?;
        all[..LENGTH_BYTES].copy_from_slice(&length_bytes(key.len()));
        all[LENGTH_BYTES..key_end].copy_from_slice(key);
        all[key_end..key_end + HEAD_BYTES].copy_from_slice(&self.head(tag));
        all[value_at - LENGTH_BYTES..value_at].copy_from_slice(&length_bytes(length));
        all[value_at..].copy_from_slice(&value.0);
        Some(xxh3_64(all))
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_pcg::Pcg64Mcg;

    use super::{super::canonical::Fingerprint, *};
    use crate::{Generation, NodeId};

    impl Register {
        /// Any that is valid, from so few that equal ones, and different ones of equal versions, are common.
        pub(in super::super) fn any(rng: &mut Pcg64Mcg) -> Register {
            let content = match rng.random_range(0..4) {
                0 => value(b"a"),
                1 => value(b"b"),
                nanos => tombstone(nanos),
            };
            register(rng.random_range(1..3), content)
        }
    }

    fn register(time: u64, content: Content) -> Register {
        let version = Version {
            time,
            node: NodeId(1),
            generation: Generation(1),
        };
        Register { version, content }
    }

    fn value(bytes: &'static [u8]) -> Content {
        Content::Value(Value(bytes.into()))
    }

    fn tombstone(nanos: u64) -> Content {
        let deleted_at = WallTime::from_nanos(nanos);
        Content::Tombstone { deleted_at }
    }

    #[test]
    fn the_greater_version_wins_and_then_the_greater_content() {
        let rising = [
            register(1, value(b"a")),
            register(1, value(b"b")),
            register(1, tombstone(5)),
            register(1, tombstone(6)),
            register(2, value(b"")),
            register(3, tombstone(0)),
        ];
        for (i, low) in rising.iter().enumerate() {
            for high in &rising[i + 1..] {
                let (mut up, mut down) = (low.clone(), high.clone());
                assert!(up.merge(high) && !down.merge(low));
                assert_eq!((&up, &down), (high, high));
            }
        }
    }

    #[test]
    fn a_fingerprint_made_at_once_is_that_of_what_is_written() {
        for key in [0, 1, 3, 100, 190, 240] {
            for length in [0, 1, 10, 90, 110, 139, 140, 300] {
                let (key, value) = (vec![b'k'; key], vec![b'v'; length]);
                let register = register(7, Content::Value(Value(value.into())));
                let mut written = Fingerprint::new();
                key.write(&mut written);
                register.write(3, &mut written);
                let at_once = register.fingerprint_at_once(3, &key);
                let is_short = 4 + key.len() + 22 + 4 + length <= AT_ONCE_BYTES_MAX;
                assert_eq!(at_once, is_short.then(|| written.digest()), "{} {length}", key.len());
            }
        }
        assert_eq!(register(7, tombstone(1)).fingerprint_at_once(3, b"k"), None);
    }

    #[test]
    fn a_tombstone_has_no_value_and_a_value_no_deletion() {
        let (live, dead) = (register(1, value(b"a")), register(1, tombstone(5)));
        assert_eq!(live.value(), Some(&Value(b"a".as_slice().into())));
        assert_eq!(live.deleted_at(), None);
        assert_eq!(dead.value(), None);
        assert_eq!(dead.deleted_at(), Some(WallTime::from_nanos(5)));
    }
}
