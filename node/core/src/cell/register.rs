//! Last write wins: of two writes the one with the greater version stays, and the other is gone without a trace.

use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, Sink};
use crate::{Value, Version, WallTime};

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

impl Canonical for Register {
    fn write(&self, sink: &mut impl Sink) {
        self.version.write(sink);
        match &self.content {
            Content::Value(value) => {
                sink.take_all([0]);
                value.write(sink);
            }
            Content::Tombstone { deleted_at } => {
                sink.take_all([1]);
                deleted_at.write(sink);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_pcg::Pcg64Mcg;

    use super::*;
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
    fn a_tombstone_has_no_value_and_a_value_no_deletion() {
        let (live, dead) = (register(1, value(b"a")), register(1, tombstone(5)));
        assert_eq!(live.value(), Some(&Value(b"a".as_slice().into())));
        assert_eq!(live.deleted_at(), None);
        assert_eq!(dead.value(), None);
        assert_eq!(dead.deleted_at(), Some(WallTime::from_nanos(5)));
    }
}
