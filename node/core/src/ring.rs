//! Where keys live: consistent hashing with virtual nodes, over a ring cut into fixed partitions.
//!
//! A key's hash picks its partition; a partition belongs to the N next distinct nodes clockwise of its first point
//! (DeCandia et al., *Dynamo*, SOSP 2007, section 4.2, with the fixed partitions of its section 6.2, strategy 3).
//! Everything here is a function of the ring's founders and its two numbers, so that nodes which know the same
//! founders agree on every owner without a word.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::{Key, NodeId, PartitionId};

/// Vnodes of a node of weight 1. Sixteen is what Cassandra settled on (NODE.md, RING-2): more spread the load better,
/// but make it likelier that two dead nodes share a partition.
const VNODES_PER_WEIGHT: u32 = 16;

/// Which hash places keys and vnodes. Part of the ring's digest: nodes that hash differently must not serve together.
const HASH_VERSION: u64 = 1;

/// A node that the ring places partitions on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// Whom.
    pub node: NodeId,
    /// Its share, relative to the others; at least 1.
    pub weight: u16,
}

/// A fingerprint of all that decides ownership. Equal digests mean equal owners for every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RingDigest(pub u64);

/// The numbers that a cluster is made with, and that never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingShape {
    /// How many equal partitions the ring is cut into; at least 1.
    pub partitions: u16,
    /// How many nodes own each partition (N); at least 1.
    pub replicas: u8,
}

/// The owners of every partition.
#[derive(Debug)]
pub struct Ring {
    digest: RingDigest,
    shape: RingShape,
    members: Vec<Member>,
    /// Owners of partition `p` at `p * owners_each ..`, in preference order.
    owners: Vec<NodeId>,
    owners_each: usize,
}

impl Ring {
    /// Places every partition on `members`, whatever their order. With fewer members than replicas, each owns all.
    ///
    /// # Panics
    /// If there is no member, one appears twice, one has weight 0, or the shape has a zero.
    pub fn place(shape: RingShape, mut members: Vec<Member>) -> Ring {
        assert!(!members.is_empty(), "a ring needs a member");
        assert!(
            members.iter().all(|m| m.weight > 0),
            "a member without weight owns nothing"
        );
        assert!(shape.partitions > 0 && shape.replicas > 0, "an empty ring");
        members.sort();
        assert!(
            members.windows(2).all(|pair| pair[0].node != pair[1].node),
            "a node is on the ring once"
        );
        let owners_each = members.len().min(usize::from(shape.replicas));
        let vnodes = vnodes(&members);
        let mut owners = Vec::with_capacity(owners_each * usize::from(shape.partitions));
        for partition in 0..shape.partitions {
            let first = first_point(shape, PartitionId(partition));
            owners.extend(successors(&vnodes, first, owners_each));
        }
        assert_eq!(owners.len(), owners_each * usize::from(shape.partitions));
        Ring {
            digest: digest(shape, &members),
            shape,
            members,
            owners,
            owners_each,
        }
    }

    /// The fingerprint of this ring.
    pub fn digest(&self) -> RingDigest {
        self.digest
    }

    /// Who is on the ring, in order of identity.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The partition that holds `key`.
    pub fn partition(&self, key: &Key) -> PartitionId {
        partition(self.shape, hash(key))
    }

    /// The owners of `partition`: its preference list.
    pub fn owners(&self, partition: PartitionId) -> &[NodeId] {
        let first = usize::from(partition.0) * self.owners_each;
        &self.owners[first..first + self.owners_each]
    }

    /// The partitions that both nodes own.
    pub fn shared(&self, one: NodeId, other: NodeId) -> impl Iterator<Item = PartitionId> + '_ {
        (0..self.shape.partitions).map(PartitionId).filter(move |p| {
            let owners = self.owners(*p);
            owners.contains(&one) && owners.contains(&other)
        })
    }
}

fn hash(key: &Key) -> u64 {
    xxh3_64(&key.0)
}

/// The ring is `0..2^64`; partition p of Q holds the hashes h with `floor(h * Q / 2^64) = p`.
fn partition(shape: RingShape, hash: u64) -> PartitionId {
    let scaled = (u128::from(hash) * u128::from(shape.partitions)) >> 64;
    PartitionId(u16::try_from(scaled).expect("below the number of partitions"))
}

/// The least hash in a partition.
fn first_point(shape: RingShape, partition: PartitionId) -> u64 {
    let q = u128::from(shape.partitions);
    let point = (u128::from(partition.0) << 64).div_ceil(q);
    u64::try_from(point).expect("a partition starts on the ring")
}

/// Every vnode's token and node, clockwise.
fn vnodes(members: &[Member]) -> Vec<(u64, NodeId)> {
    let mut vnodes: Vec<_> = members
        .iter()
        .flat_map(|member| {
            let count = u64::from(VNODES_PER_WEIGHT) * u64::from(member.weight);
            (0..count).map(|i| (xxh3_64_with_seed(&i.to_le_bytes(), member.node.0), member.node))
        })
        .collect();
    vnodes.sort();
    vnodes
}

/// The next `count` distinct nodes clockwise of `point`. A vnode owns up to and including its own token.
fn successors(vnodes: &[(u64, NodeId)], point: u64, count: usize) -> Vec<NodeId> {
    let start = vnodes.partition_point(|(token, _)| *token < point);
    let mut found = Vec::with_capacity(count);
    for (_, node) in vnodes[start..].iter().chain(&vnodes[..start]) {
        if found.len() == count {
            break;
        }
        if !found.contains(node) {
            found.push(*node);
        }
    }
    found
}

fn digest(shape: RingShape, members: &[Member]) -> RingDigest {
    let mut bytes = Vec::with_capacity(32 + members.len() * 10);
    bytes.extend(HASH_VERSION.to_le_bytes());
    bytes.extend(shape.partitions.to_le_bytes());
    bytes.push(shape.replicas);
    for member in members {
        bytes.extend(member.node.0.to_le_bytes());
        bytes.extend(member.weight.to_le_bytes());
    }
    RingDigest(xxh3_64(&bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SHAPE: RingShape = RingShape {
        partitions: 1000,
        replicas: 3,
    };

    fn ring(count: u64) -> Ring {
        let members = (1..=count).map(|id| Member {
            node: NodeId(xxh3_64(&id.to_le_bytes())),
            weight: 1,
        });
        Ring::place(SHAPE, members.collect())
    }

    #[test]
    fn a_partition_has_n_distinct_owners_or_every_member() {
        for count in 1..=6 {
            let ring = ring(count);
            for p in 0..SHAPE.partitions {
                let owners: BTreeSet<_> = ring.owners(PartitionId(p)).iter().collect();
                assert_eq!(owners.len(), 3.min(count as usize));
            }
        }
    }

    #[test]
    fn the_order_in_which_members_are_named_does_not_matter() {
        let ring = ring(5);
        let mut members = ring.members().to_vec();
        members.reverse();
        let other = Ring::place(SHAPE, members);
        assert_eq!(ring.digest(), other.digest());
        assert_eq!(ring.owners, other.owners);
    }

    #[test]
    fn every_partition_starts_where_the_one_before_ends() {
        for partitions in [1, 2, 3, 1000, 1024, u16::MAX] {
            let shape = RingShape {
                partitions,
                replicas: 1,
            };
            assert_eq!(first_point(shape, PartitionId(0)), 0);
            assert_eq!(partition(shape, u64::MAX), PartitionId(partitions - 1));
            for p in 1..partitions {
                let first = first_point(shape, PartitionId(p));
                assert_eq!(partition(shape, first), PartitionId(p), "of {partitions}");
                assert_eq!(partition(shape, first - 1), PartitionId(p - 1), "of {partitions}");
            }
        }
    }

    /// A token just below, at, and just above the point, and the walk past the end of the ring.
    #[test]
    fn a_vnode_owns_up_to_and_including_its_token() {
        let [a, b] = [NodeId(1), NodeId(2)];
        let vnodes = [(100, a), (200, b)];
        assert_eq!(successors(&vnodes, 99, 1), [a]);
        assert_eq!(successors(&vnodes, 100, 1), [a]);
        assert_eq!(successors(&vnodes, 101, 1), [b]);
        assert_eq!(successors(&vnodes, 201, 2), [a, b]);
    }

    #[test]
    fn the_digest_covers_all_that_decides_ownership() {
        let base = ring(3);
        let member = |node, weight| Member {
            node: NodeId(node),
            weight,
        };
        let same_members = base.members().to_vec();
        let others = [
            Ring::place(
                RingShape {
                    partitions: 1001,
                    ..SHAPE
                },
                same_members.clone(),
            ),
            Ring::place(RingShape { replicas: 2, ..SHAPE }, same_members),
            Ring::place(SHAPE, vec![member(1, 1), member(2, 1)]),
            Ring::place(SHAPE, vec![member(1, 1), member(2, 2)]),
        ];
        let digests: BTreeSet<_> = others.iter().chain([&base]).map(|r| r.digest().0).collect();
        assert_eq!(digests.len(), others.len() + 1);
    }

    /// Stored data is found by these: a change of any is a new hash version and a migration.
    #[test]
    fn golden_placement() {
        assert_eq!(hash(&Key::copy_from(b"k17")), 16_738_630_819_774_831_633);
        let ring = Ring::place(
            RingShape {
                partitions: 8,
                replicas: 2,
            },
            [1, 2, 3]
                .map(|id| Member {
                    node: NodeId(id),
                    weight: 1,
                })
                .to_vec(),
        );
        let owners = (0..8).map(|p| ring.owners(PartitionId(p)).iter().map(|n| n.0).collect::<Vec<_>>());
        let expected = [[2, 3], [2, 3], [2, 3], [3, 1], [1, 2], [1, 3], [3, 1], [3, 1]];
        assert!(owners.eq(expected.map(Vec::from)));
        assert_eq!(ring.digest(), RingDigest(18_084_874_004_813_833_161));
    }
}
