//! The checksum that a node puts on each thing it says of itself, and that whoever takes it in checks.
//!
//! It goes with what was said through every node that passes it on, and covers who said it, in which of its starts, and
//! with which version: what was spoilt in the memory of any of them is taken in by nobody, wherever it travels. On
//! 2008-07-20 single flipped bits in gossip without such a checksum took Amazon S3 down for eight hours (NODE.md, GOS-5);
//! that links are encrypted would not have helped. It is no signature: it tells accidents, not lies.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Fact;
use crate::{Generation, NodeId};

/// Whose it is, of which start, and its version.
const HEAD_BYTES: usize = 8 + 4 + 8;

/// A checksum over a heartbeat, or a fact, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seal(pub u64);

impl Seal {
    /// The one on a heartbeat, which is of kind 0.
    pub(super) fn of_heartbeat(node: NodeId, generation: Generation, heartbeat: u64) -> Seal {
        let mut bytes = [0; HEAD_BYTES + 1];
        bytes[..HEAD_BYTES].copy_from_slice(&head(node, generation, heartbeat));
        Seal(xxh3_64(&bytes))
    }

    /// The one on a fact.
    pub(super) fn of_fact(node: NodeId, generation: Generation, version: u64, fact: &Fact) -> Seal {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend(head(node, generation, version));
        extend_with_fact(&mut bytes, fact);
        Seal(xxh3_64(&bytes))
    }
}

fn head(node: NodeId, generation: Generation, version: u64) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    bytes[..8].copy_from_slice(&node.0.to_le_bytes());
    bytes[8..12].copy_from_slice(&generation.0.to_le_bytes());
    bytes[12..].copy_from_slice(&version.to_le_bytes());
    bytes
}

/// The kind of a fact, never 0, and what it says. A kind keeps its number, and its bytes, for ever: nodes that come to
/// others have no part in each other's gossip.
fn extend_with_fact(bytes: &mut Vec<u8>, fact: &Fact) {
    match fact {
        Fact::Name(name) => {
            bytes.push(1);
            bytes.extend(name.as_bytes());
        }
        Fact::Address(address) => {
            bytes.push(2);
            match address {
                SocketAddr::V4(address) => bytes.extend(address.ip().octets()),
                SocketAddr::V6(address) => {
                    bytes.extend(address.ip().octets());
                    bytes.extend(address.scope_id().to_le_bytes());
                }
            }
            bytes.extend(address.port().to_le_bytes());
        }
        Fact::Weight(weight) => {
            bytes.push(3);
            bytes.extend(weight.to_le_bytes());
        }
        Fact::Ring(digest) => {
            bytes.push(4);
            bytes.extend(digest.0.to_le_bytes());
        }
        Fact::Dc(dc) => {
            bytes.push(5);
            bytes.extend(dc.as_str().as_bytes());
        }
        Fact::Rack(rack) => {
            bytes.push(6);
            bytes.extend(rack.as_str().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::RingDigest;

    #[test]
    fn a_seal_covers_who_said_what_when() {
        let (node, generation) = (NodeId(1), Generation(2));
        let of = |fact: &Fact| Seal::of_fact(node, generation, 3, fact);
        let address = |text: &str| Fact::Address(text.parse().unwrap());
        let seals = [
            Seal::of_heartbeat(node, generation, 3),
            Seal::of_heartbeat(node, generation, 4),
            Seal::of_heartbeat(node, Generation(3), 3),
            Seal::of_heartbeat(NodeId(2), generation, 3),
            Seal::of_fact(node, generation, 4, &Fact::Weight(7)),
            Seal::of_fact(node, Generation(3), 3, &Fact::Weight(7)),
            Seal::of_fact(NodeId(2), generation, 3, &Fact::Weight(7)),
            of(&Fact::Weight(7)),
            of(&Fact::Weight(8)),
            of(&Fact::Name("a".to_owned())),
            of(&Fact::Dc("a".parse().unwrap())),
            of(&Fact::Rack("a".parse().unwrap())),
            of(&Fact::Ring(RingDigest(7))),
            of(&address("127.0.0.1:7")),
            of(&address("127.0.0.1:8")),
            of(&address("127.0.0.2:7")),
            of(&address("[::1]:7")),
        ];
        let different: BTreeSet<_> = seals.iter().map(|seal| seal.0).collect();
        assert_eq!(different.len(), seals.len());
    }

    /// Nodes of different builds take in each other's gossip.
    #[test]
    fn golden_seals() {
        let (node, generation) = (NodeId(0x0102_0304_0506_0708), Generation(9));
        assert_eq!(
            Seal::of_heartbeat(node, generation, 10),
            Seal(16_062_356_124_246_447_171)
        );
        let fact = |fact| Seal::of_fact(node, generation, 10, &fact);
        assert_eq!(fact(Fact::Name("n1".to_owned())), Seal(5_924_726_559_520_513_005));
        assert_eq!(
            fact(Fact::Address("10.0.0.1:7400".parse().unwrap())),
            Seal(9_752_268_076_626_270_698)
        );
        assert_eq!(fact(Fact::Weight(3)), Seal(9_033_125_747_153_416_854));
    }
}
