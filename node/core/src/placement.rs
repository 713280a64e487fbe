//! Which nodes own a partition, given where they are: the walk around the ring, and what it takes.
//!
//! The walk goes clockwise over the members' vnodes, from the partition's first point. Without data centers it takes
//! the next N distinct nodes, and racks do not count (`SimpleStrategy`). With them it takes for each data center what
//! Cassandra's `NetworkTopologyStrategy` takes: a node on a rack that has none yet always, and so many nodes on racks
//! that have one as the data center has fewer racks than replicas. Hence every partition has owners on min(replicas,
//! racks) racks of each data center, and a lone node on a rack of its own owns every partition wherever there are no
//! more racks than replicas: racks should be of a size.
//!
//! Either way it passes over nodes that own their share already, and a little (consistent hashing with bounded loads:
//! Mirrokni, Thorup and Zadimoghaddam, SODA 2018), in the order of the partitions. It comes back to them only where
//! nobody else would do, and then to the least overfull. Who owns what is a function of the set of members, whatever the order in which they came.
//!
//! Measured with 1,024 partitions of three owners, over 400 clusters of 5 to 50 equal nodes with drawn identities, of
//! ten nodes each fourth (`a_ring_is_balanced_and_moves_little` in `ring.rs` holds fewer of them to it):
//!
//! | vnodes a node, bound | most to mean, ten nodes: mean, worst | any: worst | moved by a join above 1/n: median, worst |
//! |---|---|---|---|
//! | 16, none | 1.24, 1.38 | 1.60 | -0.1 %, 5.1 % |
//! | 64, none | 1.11, 1.22 | 1.36 | 0.0 %, 2.2 % |
//! | 256, none | 1.07, 1.17 | 1.36 | 0.0 %, 1.8 % |
//! | 16, 5 % | 1.05, 1.06 | 1.07 | 1.5 %, 6.1 % |
//! | 64, 10 % | 1.09, 1.10 | 1.11 | 0.2 %, 2.2 % |
//! | **64, 5 %** | 1.05, 1.05 | 1.06 | 0.5 %, 2.3 % |
//! | 64, 3 % | 1.03, 1.03 | 1.04 | 0.8 %, 2.5 % |
//! | 256, 5 % | 1.05, 1.05 | 1.06 | 0.3 %, 1.3 % |

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    Member, Name, NodeId, Replication,
    shares::{PARTS, fair_shares},
};

/// Vnodes of a node of weight 1. No number of them balances the ring without the bound on loads, and any does with it;
/// the more there are, the less a join moves, and the longer it takes to place a ring (see the table above). As many
/// pairs of nodes share a partition either way: there are fewer partitions than vnodes.
const VNODES_PER_WEIGHT: u32 = 64;

/// How much more than its share a node owns at most, in hundredths (see the table above).
const OVER_SHARE_PERCENT: u128 = 5;

/// Every vnode's token and node, clockwise.
#[derive(Debug)]
pub(crate) struct Vnodes(Vec<(u64, NodeId)>);

impl Vnodes {
    pub(crate) fn of(members: &[Member]) -> Vnodes {
        let of_member = |member: &Member| {
            let (node, seed) = (member.node, member.tokens.0);
            let count = u64::from(VNODES_PER_WEIGHT) * u64::from(member.weight);
            (0..count).map(move |i| (xxh3_64_with_seed(&i.to_le_bytes(), seed), node))
        };
        let mut vnodes: Vec<_> = members.iter().flat_map(of_member).collect();
        vnodes.sort();
        Vnodes(vnodes)
    }

    /// Every node once, in the order in which its first vnode clockwise of `point` comes. A vnode owns up to and
    /// including its own token.
    pub(crate) fn clockwise(&self, point: u64) -> impl Iterator<Item = NodeId> + '_ {
        let start = self.0.partition_point(|(token, _)| *token < point);
        let (before, after) = self.0.split_at(start);
        // In order, and a list: most walks are over after a few nodes.
        let mut met = Vec::new();
        let nodes = after.iter().chain(before).map(|(_, node)| *node);
        nodes.filter(move |node| match met.binary_search(node) {
            Ok(_) => false,
            Err(place) => {
                met.insert(place, *node);
                true
            }
        })
    }
}

/// What is left to be owned by whom, while one partition after the other is placed.
pub(crate) struct Placement<'a> {
    sites: BTreeMap<NodeId, Site<'a>>,
    /// What each partition takes from each region: a data center, or all nodes where data centers do not count.
    vacancies: Vec<Vacancies<'a>>,
}

/// Where a node that can own something stands, and how much more it should own.
struct Site<'a> {
    region: usize,
    /// `None` where racks do not count.
    rack: Option<&'a Name>,
    share: u128,
    /// Below 0 once it owns more than it was to.
    room: i64,
}

/// What a region still has to give to a partition.
#[derive(Clone)]
struct Vacancies<'a> {
    nodes_left: usize,
    /// How many of them may be on a rack that has an owner already.
    rack_repeats_left: usize,
    racks: BTreeSet<&'a Name>,
}

impl<'a> Placement<'a> {
    pub(crate) fn new(partitions: u16, replication: &Replication, members: &'a [Member]) -> Placement<'a> {
        let mut placement = Placement {
            sites: BTreeMap::new(),
            vacancies: Vec::new(),
        };
        match replication {
            Replication::Simple(count) => placement.add_region(partitions, *count, members.iter().collect(), false),
            Replication::PerDc(counts) => {
                for (dc, count) in counts {
                    let in_dc = members.iter().filter(|member| member.dc == *dc).collect();
                    placement.add_region(partitions, *count, in_dc, true);
                }
            }
        }
        placement
    }

    fn add_region(&mut self, partitions: u16, count: u8, members: Vec<&'a Member>, racks_count: bool) {
        let count = members.len().min(usize::from(count));
        let shares = fair_shares(partitions, count, &members, racks_count);
        let region = self.vacancies.len();
        let rack = |member: &'a Member| racks_count.then_some(&member.rack);
        let racks: BTreeSet<_> = members.iter().map(|member| rack(member)).collect();
        self.vacancies.push(Vacancies {
            nodes_left: count,
            rack_repeats_left: count.saturating_sub(racks.len()),
            racks: BTreeSet::new(),
        });
        let sites = members.into_iter().zip(shares).map(|(member, share)| {
            let site = Site {
                region,
                rack: rack(member),
                share,
                room: bound(partitions, share),
            };
            (member.node, site)
        });
        self.sites.extend(sites);
    }

    /// How many partitions `node` should own.
    pub(crate) fn share(&self, node: NodeId) -> f64 {
        self.sites
            .get(&node)
            .map_or(0.0, |site| site.share as f64 / PARTS as f64)
    }

    /// The owners of the next partition, which begins at `point`, in preference order.
    pub(crate) fn place(&mut self, vnodes: &Vnodes, point: u64) -> Box<[NodeId]> {
        let mut vacancies = self.vacancies.clone();
        let count: usize = vacancies.iter().map(|region| region.nodes_left).sum();
        let mut taken = Vec::with_capacity(count);
        let mut full = Vec::new();
        let walk = vnodes.clockwise(point).enumerate();
        let mut sited = walk.filter_map(|(at, node)| Some((at, node, self.sites.get(&node)?)));
        while taken.len() < count
            && let Some((at, node, site)) = sited.next()
        {
            if site.room <= 0 {
                full.push((at, node, site));
            } else if vacancies[site.region].takes(site.rack) {
                taken.push((at, node));
            }
        }
        full.sort_by_key(|(at, _, site)| (Reverse(site.room), *at));
        let more = full
            .into_iter()
            .filter(|(_, _, site)| vacancies[site.region].takes(site.rack))
            .map(|(at, node, _)| (at, node));
        taken.extend(more);
        assert_eq!(taken.len(), count, "the walk meets every member");
        taken.sort();
        for (_, node) in &taken {
            let site = self.sites.get_mut(node).expect("it was met");
            site.room -= 1;
        }
        taken.into_iter().map(|(_, node)| node).collect()
    }
}

/// The most partitions that a node owns, as long as others can.
fn bound(partitions: u16, share: u128) -> i64 {
    let bound = (share * (100 + OVER_SHARE_PERCENT)).div_ceil(100 * PARTS);
    i64::try_from(bound)
        .expect("a node owns no partition twice")
        .min(partitions.into())
}

impl<'a> Vacancies<'a> {
    /// Whether the next node clockwise, which is on `rack`, becomes an owner.
    fn takes(&mut self, rack: Option<&'a Name>) -> bool {
        if self.nodes_left == 0 {
            return false;
        }
        if let Some(rack) = rack
            && !self.racks.insert(rack)
        {
            // With no repeat left, there are as many racks without an owner as owners to be found.
            let Some(left) = self.rack_repeats_left.checked_sub(1) else {
                return false;
            };
            self.rack_repeats_left = left;
        }
        self.nodes_left -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token just below, at, and just above the point, and the walk past the end of the ring.
    #[test]
    fn a_vnode_owns_up_to_and_including_its_token() {
        let [a, b] = [NodeId(1), NodeId(2)];
        let vnodes = Vnodes(vec![(100, a), (200, b), (300, a)]);
        for (point, walk) in [(99, [a, b]), (100, [a, b]), (101, [b, a]), (201, [a, b]), (301, [a, b])] {
            assert!(vnodes.clockwise(point).eq(walk), "from {point}");
        }
    }

    /// The first tokens of three seeds, and who is met from the points around one, around the highest, and from the ends
    /// of the ring. Stored data is found by these.
    #[test]
    fn golden_tokens() {
        let vnodes = Vnodes::of(&[1, 2, 0xfedc_ba98_7654_3210].map(|id| Member::new(NodeId(id))));
        assert_eq!(vnodes.0.len(), 192);
        let first = |id: u64| xxh3_64_with_seed(&0_u64.to_le_bytes(), id);
        assert_eq!(
            [1, 2, 0xfedc_ba98_7654_3210].map(first),
            [
                11_408_090_015_561_836_892,
                1_424_196_680_925_763_178,
                5_131_405_342_475_418_434
            ]
        );
        let (lowest, highest) = (vnodes.0[0], vnodes.0[191]);
        assert_eq!(
            (lowest, highest),
            (
                (47_748_539_195_702_258, NodeId(2)),
                (18_444_333_028_578_061_505, NodeId(1))
            )
        );
        let met = |point| vnodes.clockwise(point).next().unwrap().0;
        let token = first(1);
        let around = [
            token - 1,
            token,
            token + 1,
            highest.0 - 1,
            highest.0,
            highest.0 + 1,
            u64::MAX,
            0,
            lowest.0,
        ];
        assert_eq!(around.map(met), [1, 1, 2, 1, 1, 2, 2, 2, 2]);
    }

    /// One vnode to a node, in the order written, as `rack:node`; the owners that the walk from the start takes.
    fn owners(replication: &str, walk: &str) -> Vec<u64> {
        let members: Vec<_> = walk
            .split_whitespace()
            .zip(1..)
            .map(|(site, id)| {
                let (dc, rack) = site.split_once('/').expect("dc/rack");
                Member {
                    dc: dc.parse().unwrap(),
                    rack: rack.parse().unwrap(),
                    ..Member::new(NodeId(id))
                }
            })
            .collect();
        let vnodes = Vnodes(members.iter().map(|member| (member.node.0, member.node)).collect());
        let replication = replication.parse().unwrap();
        let owners = Placement::new(1, &replication, &members).place(&vnodes, 0);
        owners.iter().map(|node| node.0).collect()
    }

    #[test]
    fn racks_do_not_count_without_data_centers() {
        assert_eq!(owners("3", "a/1 a/1 b/1 b/2 a/2"), [1, 2, 3]);
        assert_eq!(owners("3", "a/1 a/1"), [1, 2]);
    }

    #[test]
    fn a_partition_is_on_as_many_racks_as_can_be() {
        for (replication, walk, expected) in [
            // As many racks as replicas, and more.
            ("a=3", "a/1 a/1 a/2 a/1 a/3 a/2", vec![1, 3, 5]),
            ("a=2", "a/1 a/1 a/2 a/3", vec![1, 3]),
            // One rack fewer: the first node on a rack that has one is taken where the walk meets it.
            ("a=3", "a/1 a/1 a/1 a/2 a/2", vec![1, 2, 4]),
            ("a=3", "a/1 a/2 a/2 a/1", vec![1, 2, 3]),
            ("a=3", "a/1 a/1 a/1 a/1", vec![1, 2, 3]),
            // Fewer nodes than replicas.
            ("a=5", "a/1 a/1 a/2", vec![1, 2, 3]),
            // Racks of one name in two data centers are two racks; a data center that is not named owns nothing.
            ("a=2,b=1", "c/1 b/1 a/1 a/1 b/2 a/2", vec![2, 3, 6]),
            ("a=1,d=2", "b/1 a/1 b/2", vec![2]),
            ("d=2", "a/1 a/2", vec![]),
        ] {
            assert_eq!(owners(replication, walk), expected, "{replication} over {walk}");
        }
    }
}
