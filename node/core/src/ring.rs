//! Where keys live: consistent hashing with virtual nodes, over a ring cut into fixed partitions.
//!
//! A key's hash picks its partition; a partition belongs to nodes met clockwise of its first point (DeCandia et al.,
//! *Dynamo*, SOSP 2007, section 4.2, with the fixed partitions of its section 6.2, strategy 3), to which of them is in
//! `placement.rs`. Everything here is a function of the ring's founders and its shape, so that nodes which know the
//! same founders agree on every owner without a word.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Key, LeafId, Name, NodeId, PartitionId, Replication,
    placement::{Placement, Vnodes},
};

/// Which hash places keys and vnodes, and how the digest is made. Part of the ring's digest: nodes that hash
/// differently must not serve together.
const HASH_VERSION: u64 = 3;

/// A node that the ring places partitions on, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// Whom.
    pub node: NodeId,
    /// Its share, relative to the others; at least 1.
    pub weight: u16,
    /// Its data center.
    pub dc: Name,
    /// Its rack, within the data center: nodes that are likely to fail together.
    pub rack: Name,
    /// Whose tokens it has: its own, or those of the node that it replaced, so that it owns what that one owned.
    pub tokens: NodeId,
}

impl Member {
    /// A node of weight 1 with its own tokens, where nodes are that were told no place.
    pub fn new(node: NodeId) -> Member {
        Member {
            node,
            weight: 1,
            dc: Name::default_dc(),
            rack: Name::default_rack(),
            tokens: node,
        }
    }
}

/// A fingerprint of all that decides ownership. Equal digests mean equal owners for every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RingDigest(pub u64);

impl fmt::Display for RingDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a cluster is made with, and what never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingShape {
    /// How many equal partitions the ring is cut into; at least 1.
    pub partitions: u16,
    /// How many nodes own each partition (N), and where; no number in it is 0.
    pub replication: Replication,
}

impl RingShape {
    /// The partition that holds `key`.
    pub fn partition(&self, key: &Key) -> PartitionId {
        position(self.partitions, hash(key)).0
    }

    /// Both.
    pub(crate) fn place(&self, key: &Key) -> (PartitionId, LeafId) {
        position(self.partitions, hash(key))
    }

    /// The leaf that `key` falls under in the Merkle tree of its partition.
    pub fn leaf(&self, key: &Key) -> LeafId {
        position(self.partitions, hash(key)).1
    }
}

/// The owners of every partition.
#[derive(Debug)]
pub struct Ring {
    digest: RingDigest,
    partitions: u16,
    /// In order of identity.
    members: Vec<Member>,
    vnodes: Vnodes,
    /// By partition, each in preference order.
    owners: Vec<Box<[NodeId]>>,
    /// How many partitions each member should own, in their order.
    shares: Vec<f64>,
    replicas: usize,
}

impl Ring {
    /// Places every partition on `members`, whatever their order. With fewer members than replicas, over all or in a
    /// data center, each of them owns all.
    ///
    /// # Panics
    /// If there is no member, one appears twice, one has weight 0, or the shape has a zero.
    pub fn place(shape: &RingShape, mut members: Vec<Member>) -> Ring {
        assert!(!members.is_empty(), "a ring needs a member");
        assert!(
            members.iter().all(|m| m.weight > 0),
            "a member without weight owns nothing"
        );
        assert!(shape.partitions > 0 && !shape.replication.has_zero(), "an empty ring");
        members.sort();
        assert!(
            members.windows(2).all(|pair| pair[0].node != pair[1].node),
            "a node is on the ring once"
        );
        let vnodes = Vnodes::of(&members);
        let mut placement = Placement::new(shape.partitions, &shape.replication, &members);
        let shares = members.iter().map(|member| placement.share(member.node)).collect();
        let first_points = (0..shape.partitions).map(|p| first_point(shape.partitions, PartitionId(p)));
        let owners = first_points.map(|point| placement.place(&vnodes, point)).collect();
        Ring {
            digest: digest(shape, &members),
            partitions: shape.partitions,
            members,
            vnodes,
            owners,
            shares,
            replicas: usize::from(shape.replication.total()),
        }
    }

    /// The fingerprint of the ring of these members, without placing it.
    pub(crate) fn digest_of(shape: &RingShape, mut members: Vec<Member>) -> RingDigest {
        members.sort();
        digest(shape, &members)
    }

    /// The fingerprint of this ring.
    pub fn digest(&self) -> RingDigest {
        self.digest
    }

    /// Who is on the ring, in order of identity.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What the ring knows of `node`; `None` where it is not on it.
    pub fn member(&self, node: NodeId) -> Option<&Member> {
        let at = self.members.binary_search_by_key(&node, |member| member.node).ok()?;
        Some(&self.members[at])
    }

    /// The data center of `node`; `None` where it is not on the ring.
    pub fn dc_of(&self, node: NodeId) -> Option<&Name> {
        self.member(node).map(|member| &member.dc)
    }

    /// The partition that holds `key`.
    pub fn partition(&self, key: &Key) -> PartitionId {
        position(self.partitions, hash(key)).0
    }

    /// The owners of `partition`: its preference list. They are fewer than the replicas asked for where there are too
    /// few nodes, and none where no data center that was to own it has any.
    pub fn owners(&self, partition: PartitionId) -> &[NodeId] {
        &self.owners[usize::from(partition.0)]
    }

    /// The partitions that are placed on `node`.
    pub(crate) fn owned_by(&self, node: NodeId) -> impl Iterator<Item = PartitionId> + '_ {
        let owned = self
            .owners
            .iter()
            .zip(0..)
            .filter(move |(owners, _)| owners.contains(&node));
        owned.map(|(_, partition)| PartitionId(partition))
    }

    /// Every member once: the owners of `partition` in preference order, then those who stand in for them, as they are
    /// met clockwise (*Dynamo*, section 4.6: the first N healthy nodes of this walk make a sloppy quorum).
    pub fn walk(&self, partition: PartitionId) -> impl Iterator<Item = NodeId> + '_ {
        let owners = self.owners(partition);
        let met = self.vnodes.clockwise(first_point(self.partitions, partition));
        let others = met.filter(|node| !owners.contains(node));
        owners.iter().copied().chain(others)
    }

    /// Every partition's owners, in the order of the partitions.
    pub(crate) fn placed(&self) -> impl Iterator<Item = &[NodeId]> {
        self.owners.iter().map(AsRef::as_ref)
    }

    /// How many partitions each member should own, in order of identity.
    pub(crate) fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// How many owners a partition was to have, had there been enough nodes.
    pub(crate) fn replicas(&self) -> usize {
        self.replicas
    }
}

fn hash(key: &Key) -> u64 {
    xxh3_64(&key.name)
}

/// The ring is `0..2^64`; partition p of Q holds the hashes h with `floor(h * Q / 2^64) = p`. The remainder says where
/// in the partition h lies, and its highest bits on which leaf: each holds 1/256 of the partition, whatever Q is.
fn position(partitions: u16, hash: u64) -> (PartitionId, LeafId) {
    let [.., high, low, leaf, _, _, _, _, _, _, _] = (u128::from(hash) * u128::from(partitions)).to_be_bytes();
    (PartitionId(u16::from_be_bytes([high, low])), LeafId(leaf))
}

/// The least hash in a partition.
fn first_point(partitions: u16, partition: PartitionId) -> u64 {
    let point = (u128::from(partition.0) << 64).div_ceil(u128::from(partitions));
    u64::try_from(point).expect("a partition starts on the ring")
}

fn digest(shape: &RingShape, members: &[Member]) -> RingDigest {
    let mut bytes = Vec::with_capacity(64 + members.len() * 32);
    bytes.extend(HASH_VERSION.to_le_bytes());
    bytes.extend(shape.partitions.to_le_bytes());
    match &shape.replication {
        Replication::Simple(count) => bytes.extend([0, *count]),
        Replication::PerDc(counts) => {
            bytes.push(1);
            bytes.extend((counts.len() as u64).to_le_bytes());
            for (dc, count) in counts {
                extend_with_name(&mut bytes, dc);
                bytes.push(*count);
            }
        }
    }
    for member in members {
        bytes.extend(member.node.0.to_le_bytes());
        bytes.extend(member.weight.to_le_bytes());
        extend_with_name(&mut bytes, &member.dc);
        extend_with_name(&mut bytes, &member.rack);
        bytes.extend(member.tokens.0.to_le_bytes());
    }
    RingDigest(xxh3_64(&bytes))
}

/// Behind its length: two names in a row must not pass for two others.
fn extend_with_name(bytes: &mut Vec<u8>, name: &Name) {
    bytes.push(u8::try_from(name.as_str().len()).expect("a name is short"));
    bytes.extend(name.as_str().bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn shape(partitions: u16, replication: &str) -> RingShape {
        RingShape {
            partitions,
            replication: replication.parse().unwrap(),
        }
    }

    fn member(node: u64) -> Member {
        Member::new(NodeId(node))
    }

    /// A node whose identity is like one of a real node.
    fn spread_member(index: u64) -> Member {
        member(xxh3_64(&index.to_le_bytes()))
    }

    fn ring(count: u64) -> Ring {
        Ring::place(&shape(1000, "3"), (1..=count).map(spread_member).collect())
    }

    fn partitions(ring: &Ring) -> impl Iterator<Item = PartitionId> + use<> {
        (0..ring.partitions).map(PartitionId)
    }

    /// Members over up to three data centers of up to four racks each, and a shape for them.
    fn random_topology(rng: &mut Pcg64Mcg) -> (RingShape, Vec<Member>) {
        let [dcs, racks] = [rng.random_range(1..=3), rng.random_range(1..=4)];
        let members = (0..rng.random_range(1..=14)).map(|index| Member {
            weight: rng.random_range(1..=3),
            dc: name(&format!("dc{}", rng.random_range(0..dcs))),
            rack: name(&format!("rack{}", rng.random_range(0..racks))),
            ..spread_member(rng.random_range(0..1000) * 100 + index)
        });
        let members = members.collect();
        let replication = if rng.random_bool(0.3) {
            Replication::Simple(rng.random_range(1..=5))
        } else {
            let named = rng.random_range(0..=1)..=dcs;
            let counts = named.map(|dc| (name(&format!("dc{dc}")), rng.random_range(1..=5)));
            Replication::PerDc(counts.collect())
        };
        let partitions = rng.random_range(1..=40);
        let shape = RingShape {
            partitions,
            replication,
        };
        (shape, members)
    }

    fn for_random_topologies(mut check: impl FnMut(u64, &RingShape, &Ring)) {
        for seed in 0..300 {
            let (shape, members) = random_topology(&mut Pcg64Mcg::seed_from_u64(seed));
            check(seed, &shape, &Ring::place(&shape, members));
        }
    }

    fn racks<'a>(members: impl Iterator<Item = &'a Member>) -> usize {
        members.map(|member| &member.rack).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn a_partition_has_n_distinct_owners_or_every_member() {
        for count in 1..=6 {
            let ring = ring(count);
            for p in partitions(&ring) {
                let owners: BTreeSet<_> = ring.owners(p).iter().collect();
                assert_eq!(owners.len(), 3.min(count as usize));
            }
        }
    }

    #[test]
    fn each_data_center_owns_as_it_was_told_on_as_many_racks_as_can_be() {
        for_random_topologies(|seed, shape, ring| {
            let Replication::PerDc(counts) = &shape.replication else {
                return;
            };
            for p in partitions(ring) {
                let owners: Vec<_> = ring.owners(p).iter().map(|node| ring.member(*node).unwrap()).collect();
                assert_eq!(owners.iter().collect::<BTreeSet<_>>().len(), owners.len(), "distinct");
                assert!(owners.iter().all(|owner| counts.contains_key(&owner.dc)));
                for (dc, count) in counts {
                    let of_dc = || ring.members().iter().filter(|member| member.dc == *dc);
                    let owners_of_dc = || owners.iter().copied().filter(|owner| owner.dc == *dc);
                    let count = usize::from(*count);
                    assert_eq!(owners_of_dc().count(), count.min(of_dc().count()), "seed {seed}, {dc}");
                    assert_eq!(racks(owners_of_dc()), count.min(racks(of_dc())), "seed {seed}, {dc}");
                }
            }
        });
    }

    /// The rule as it is told: nodes on racks without an owner first, and those passed over once no such rack is left;
    /// of both first those that do not own their share yet, as they stand when the partition's turn comes.
    #[test]
    fn owners_are_those_of_the_passes_that_the_rule_is_told_in() {
        let mut passed_over_count = 0;
        for_random_topologies(|seed, shape, ring| {
            let Replication::PerDc(counts) = &shape.replication else {
                return;
            };
            let mut owned = BTreeMap::<NodeId, i64>::new();
            for p in partitions(ring) {
                let walk: Vec<_> = ring.vnodes.clockwise(first_point(shape.partitions, p)).collect();
                let room = |node: &NodeId| {
                    let share = ring.shares[ring.members.iter().position(|member| member.node == *node).unwrap()];
                    let bound = (share * 1.05 - 1e-9).ceil().min(f64::from(shape.partitions));
                    bound as i64 - owned.get(node).copied().unwrap_or(0)
                };
                let (has_room, mut full): (Vec<_>, Vec<_>) = walk.iter().copied().partition(|node| room(node) > 0);
                full.sort_by_key(|node| -room(node));
                let told: BTreeSet<_> = counts
                    .iter()
                    .flat_map(|(dc, count)| {
                        let by_room = has_room.iter().chain(&full).copied();
                        let of_dc = by_room.filter(|node| ring.dc_of(*node) == Some(dc));
                        let mut met = BTreeSet::new();
                        let (mut on_new_racks, passed_over): (Vec<_>, Vec<_>) =
                            of_dc.partition(|node| met.insert(&ring.member(*node).unwrap().rack));
                        on_new_racks.extend(passed_over);
                        on_new_racks.into_iter().take(usize::from(*count))
                    })
                    .collect();
                let owners = ring.owners(p);
                assert_eq!(owners.iter().copied().collect::<BTreeSet<_>>(), told, "seed {seed}");
                let clockwise = walk.iter().filter(|node| owners.contains(node));
                assert!(owners.iter().eq(clockwise), "preferred as they are met");
                owners.iter().for_each(|node| *owned.entry(*node).or_default() += 1);
                passed_over_count += full.len();
            }
        });
        assert!(passed_over_count > 0, "some were full");
    }

    #[test]
    fn a_walk_meets_every_member_once_and_the_owners_first() {
        for_random_topologies(|seed, shape, ring| {
            for p in partitions(ring) {
                let walk: Vec<_> = ring.walk(p).collect();
                assert!(walk.starts_with(ring.owners(p)), "seed {seed}");
                let others = &walk[ring.owners(p).len()..];
                let clockwise = ring.vnodes.clockwise(first_point(shape.partitions, p));
                assert!(
                    clockwise
                        .filter(|node| others.contains(node))
                        .eq(others.iter().copied())
                );
                let met: BTreeSet<_> = walk.iter().copied().collect();
                assert_eq!((walk.len(), met.len()), (ring.members().len(), ring.members().len()));
            }
        });
    }

    /// Pairs of a partition and an owner that are there after and were not before.
    fn gained(before: &Ring, after: &Ring) -> usize {
        let gained_of = |p| {
            after
                .owners(p)
                .iter()
                .filter(move |node| !before.owners(p).contains(node))
                .count()
        };
        partitions(after).map(gained_of).sum()
    }

    /// The table in `placement.rs` is of 400 such clusters, with and without the bound on loads.
    #[test]
    fn a_ring_is_balanced_and_moves_little() {
        let shape = shape(1024, "3");
        let mut excesses = Vec::new();
        for seed in 0..60_u64 {
            let count = if seed % 3 == 0 { 10 } else { 5 + seed * 45 / 60 };
            let members: Vec<_> = (0..count).map(|index| spread_member(seed * 1000 + index)).collect();
            let before = Ring::place(&shape, members[1..].to_vec());
            let after = Ring::place(&shape, members);
            for ring in [&before, &after] {
                let bound = if ring.members().len() == 10 { 1.055 } else { 1.07 };
                let most = ring.balance().max_over_mean;
                assert!(most <= bound, "{most} at {count}, seed {seed}");
            }
            excesses.push(gained(&before, &after) as f64 / (3.0 * 1024.0) - 1.0 / count as f64);
        }
        let most = excesses.iter().copied().fold(0.0, f64::max);
        let mean = excesses.iter().sum::<f64>() / excesses.len() as f64;
        assert!(
            most <= 0.03 && mean <= 0.01,
            "{most} at most, {mean} in the mean above 1/n"
        );
    }

    #[test]
    fn partitions_are_owned_by_weight() {
        for replication in ["1", "3", "dc1=3"] {
            for seed in 0..10 {
                let weighted = |index: u64| Member {
                    weight: [1, 1, 2, 3][index as usize % 4],
                    ..spread_member(seed * 100 + index)
                };
                let ring = Ring::place(&shape(1024, replication), (0..12).map(weighted).collect());
                for (member, share) in ring.members.iter().zip(&ring.shares) {
                    let owned = ring.placed().filter(|owners| owners.contains(&member.node)).count() as f64;
                    assert!(
                        (0.6..1.07).contains(&(owned / share)),
                        "{owned} of {share}, seed {seed}"
                    );
                }
            }
        }
    }

    /// Racks of a size, and a newcomer on one of them: what it gains is its share, and what others gain is little.
    #[test]
    fn racks_of_a_size_are_balanced_and_move_little() {
        for (count, racks, replication) in [(9, 3, "dc1=3"), (12, 4, "dc1=3"), (8, 2, "dc1=3"), (30, 5, "dc1=2")] {
            for seed in 0..5 {
                let racked = |index: u64| Member {
                    rack: name(&format!("rack{}", index % racks)),
                    ..spread_member(seed * 100 + index)
                };
                let members: Vec<_> = (0..count).map(racked).collect();
                let before = Ring::place(&shape(1024, replication), members.clone());
                let after = Ring::place(&shape(1024, replication), (0..=count).map(racked).collect());
                let most = before.balance().max_over_mean;
                assert!(most <= 1.07, "{most}, {racks} racks, seed {seed}");
                let pairs = after.placed().map(<[NodeId]>::len).sum::<usize>() as f64;
                let moved = gained(&before, &after) as f64 / pairs;
                assert!(
                    moved <= 1.0 / count as f64 + 0.05,
                    "{moved}, {racks} racks of {count}, seed {seed}"
                );
            }
        }
    }

    #[test]
    fn a_node_with_the_tokens_of_another_owns_what_that_one_owned() {
        for_random_topologies(|seed, shape, ring| {
            let replaced = ring.members()[0].clone();
            let heir = Member {
                node: NodeId(u64::MAX - seed),
                ..replaced.clone()
            };
            let members = ring.members()[1..].iter().cloned().chain([heir.clone()]).collect();
            let after = Ring::place(shape, members);
            for p in partitions(ring) {
                let renamed = ring
                    .walk(p)
                    .map(|node| if node == replaced.node { heir.node } else { node });
                assert!(renamed.eq(after.walk(p)), "seed {seed}");
            }
            assert_ne!(ring.digest(), after.digest());
        });
    }

    #[test]
    fn the_order_in_which_members_are_named_does_not_matter() {
        for_random_topologies(|_, shape, ring| {
            let mut members = ring.members().to_vec();
            members.reverse();
            let other = Ring::place(shape, members);
            assert_eq!(ring.digest(), other.digest());
            assert_eq!(ring.owners, other.owners);
        });
    }

    #[test]
    fn every_partition_starts_where_the_one_before_ends() {
        for partitions in [1, 2, 3, 1000, 1024, u16::MAX] {
            let place = |hash| position(partitions, hash);
            assert_eq!(first_point(partitions, PartitionId(0)), 0);
            assert_eq!(place(u64::MAX), (PartitionId(partitions - 1), LeafId(u8::MAX)));
            for p in 0..partitions {
                let first = first_point(partitions, PartitionId(p));
                assert_eq!(place(first), (PartitionId(p), LeafId(0)), "of {partitions}");
                if p > 0 {
                    let last = (PartitionId(p - 1), LeafId(u8::MAX));
                    assert_eq!(place(first - 1), last, "of {partitions}");
                }
            }
        }
    }

    #[test]
    fn leaves_cut_a_partition_evenly() {
        let shape = shape(1000, "3");
        let mut keys_by_leaf = BTreeMap::<_, u32>::new();
        for index in 0..256 * 100_u32 {
            let key = Key::copy_from(&index.to_le_bytes());
            *keys_by_leaf.entry(shape.leaf(&key)).or_default() += 1;
        }
        assert_eq!(keys_by_leaf.len(), 256);
        assert!(keys_by_leaf.values().all(|count| (50..150).contains(count)));
    }

    #[test]
    fn a_member_is_found_by_its_identity() {
        let ring = ring(5);
        for member in ring.members() {
            assert_eq!(ring.member(member.node), Some(member));
            assert_eq!(ring.dc_of(member.node), Some(&Name::default_dc()));
        }
        assert_eq!(ring.member(NodeId(1)), None);
    }

    #[test]
    fn the_digest_covers_all_that_decides_ownership() {
        let two = vec![member(1), member(2)];
        let second = |change: fn(&mut Member)| {
            let mut members = two.clone();
            change(&mut members[1]);
            Ring::place(&shape(1000, "3"), members)
        };
        let rings = [
            Ring::place(&shape(1000, "3"), two.clone()),
            Ring::place(&shape(1001, "3"), two.clone()),
            Ring::place(&shape(1000, "2"), two.clone()),
            Ring::place(&shape(1000, "dc1=3"), two.clone()),
            Ring::place(&shape(1000, "dc1=2"), two.clone()),
            Ring::place(&shape(1000, "dc2=3"), two.clone()),
            Ring::place(&shape(1000, "dc1=3,dc2=3"), two.clone()),
            Ring::place(&shape(1000, "3"), two[..1].to_vec()),
            second(|member| member.node = NodeId(3)),
            second(|member| member.weight = 2),
            second(|member| member.dc = name("dc2")),
            second(|member| member.rack = name("rack2")),
            second(|member| member.tokens = NodeId(3)),
            second(|member| (member.dc, member.rack) = (name("dc"), name("1rack1"))),
        ];
        let digests: BTreeSet<_> = rings.iter().map(|ring| ring.digest().0).collect();
        assert_eq!(digests.len(), rings.len());
    }

    fn owner_ids(ring: &Ring) -> Vec<Vec<u64>> {
        let ids = |p| ring.owners(p).iter().map(|node| node.0).collect();
        partitions(ring).map(ids).collect()
    }

    /// The hashes where partitions begin, and what the hash before is in. Stored data is found by these.
    #[test]
    fn golden_partition_boundaries() {
        for (partitions, partition, first) in [
            (1, 0, 0),
            (3, 1, 0x5555_5555_5555_5556),
            (3, 2, 0xaaaa_aaaa_aaaa_aaab),
            (1000, 1, 0x0041_8937_4bc6_a7f0),
            (1000, 999, 0xffbe_76c8_b439_5811),
            (1024, 0, 0),
            (1024, 1, 0x0040_0000_0000_0000),
            (1024, 1023, 0xffc0_0000_0000_0000),
            (u16::MAX, 1, 0x0001_0001_0001_0002),
        ] {
            assert_eq!(
                first_point(partitions, PartitionId(partition)),
                first,
                "{partition} of {partitions}"
            );
            assert_eq!(position(partitions, first), (PartitionId(partition), LeafId(0)));
            let before = partition.checked_sub(1).unwrap_or(partitions - 1);
            let last = (PartitionId(before), LeafId(u8::MAX));
            assert_eq!(position(partitions, first.wrapping_sub(1)), last, "of {partitions}");
        }
    }

    /// Stored data is found by these: a change of any is a new hash version and a migration.
    #[test]
    fn golden_placement() {
        assert_eq!(hash(&Key::copy_from(b"k17")), 16_738_630_819_774_831_633);
        let ring = Ring::place(&shape(8, "2"), [1, 2, 3].map(member).to_vec());
        let expected = [[2, 3], [2, 3], [2, 3], [1, 2], [3, 2], [1, 2], [1, 3], [1, 3]];
        assert_eq!(owner_ids(&ring), expected);
        assert_eq!(ring.digest(), RingDigest(18_114_369_815_727_684_719));
        let key = Key::copy_from(b"k17");
        assert_eq!(
            (ring.partition(&key), shape(8, "2").leaf(&key)),
            (PartitionId(7), LeafId(66))
        );
    }

    #[test]
    fn golden_placement_over_data_centers() {
        let sites = [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("b", "1")];
        let members = sites.into_iter().zip(1..).map(|((dc, rack), id)| Member {
            dc: name(dc),
            rack: name(rack),
            ..member(id)
        });
        let ring = Ring::place(&shape(8, "a=2,b=1"), members.collect());
        assert_eq!(
            owner_ids(&ring),
            [
                [2, 4, 3],
                [2, 3, 5],
                [2, 3, 5],
                [1, 4, 3],
                [4, 3, 2],
                [5, 1, 3],
                [1, 3, 4],
                [1, 3, 4]
            ]
        );
        assert_eq!(ring.digest(), RingDigest(5_967_948_179_189_977_309));
    }
}
