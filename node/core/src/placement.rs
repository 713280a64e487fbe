//! Which nodes own a partition, given where they are: the walk around the ring, and what it takes.
//!
//! The walk goes clockwise over the members' vnodes, from the partition's first point. Without data centers it takes
//! the next N distinct nodes, and racks do not count (`SimpleStrategy`). With them it takes for each data center what
//! Cassandra's `NetworkTopologyStrategy` takes: a node on a rack that has none yet always, and so many nodes on racks
//! that have one as the data center has fewer racks than replicas. Hence every partition has owners on min(replicas,
//! racks) racks of each data center, and a lone node on a rack of its own owns every partition wherever there are no
//! more racks than replicas: racks should be of a size.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Member, Name, NodeId, Replication};

/// Vnodes of a node of weight 1. Sixteen is what Cassandra settled on (NODE.md, RING-2): more spread the load better,
/// but make it likelier that two dead nodes share a partition.
const VNODES_PER_WEIGHT: u32 = 16;

/// Every vnode's token and node, clockwise.
#[derive(Debug)]
pub(crate) struct Vnodes(Vec<(u64, NodeId)>);

impl Vnodes {
    pub(crate) fn of(members: &[Member]) -> Vnodes {
        let of_member = |member: &Member| {
            let node = member.node;
            let count = u64::from(VNODES_PER_WEIGHT) * u64::from(member.weight);
            (0..count).map(move |i| (xxh3_64_with_seed(&i.to_le_bytes(), node.0), node))
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
        let mut met = BTreeSet::new();
        let nodes = after.iter().chain(before).map(|(_, node)| *node);
        nodes.filter(move |node| met.insert(*node))
    }
}

/// What each partition takes from the walk.
pub(crate) enum Placement<'a> {
    Simple {
        count: usize,
    },
    PerDc {
        count: usize,
        vacancies: BTreeMap<&'a Name, Vacancies<'a>>,
        sites: BTreeMap<NodeId, &'a Member>,
    },
}

/// What a data center still has to give to a partition.
#[derive(Clone)]
pub(crate) struct Vacancies<'a> {
    nodes_left: usize,
    /// How many of them may be on a rack that has an owner already.
    rack_repeats_left: usize,
    racks: BTreeSet<&'a Name>,
}

impl<'a> Placement<'a> {
    pub(crate) fn new(replication: &'a Replication, members: &'a [Member]) -> Placement<'a> {
        match replication {
            Replication::Simple(count) => Placement::Simple {
                count: members.len().min(usize::from(*count)),
            },
            Replication::PerDc(counts) => {
                let of_dc = |(dc, count): (&'a Name, &u8)| (dc, Vacancies::new(dc, *count, members));
                let vacancies: BTreeMap<_, _> = counts.iter().map(of_dc).collect();
                Placement::PerDc {
                    count: vacancies.values().map(|dc| dc.nodes_left).sum(),
                    vacancies,
                    sites: members.iter().map(|member| (member.node, member)).collect(),
                }
            }
        }
    }

    /// The owners of the partition that begins at `point`, in preference order.
    pub(crate) fn owners(&self, vnodes: &Vnodes, point: u64) -> Box<[NodeId]> {
        let walk = vnodes.clockwise(point);
        let (count, owners): (_, Box<[NodeId]>) = match self {
            Placement::Simple { count } => (*count, walk.take(*count).collect()),
            Placement::PerDc {
                count,
                vacancies,
                sites,
            } => {
                let mut vacancies = vacancies.clone();
                let taken = walk.filter(|node| {
                    let site = sites[node];
                    vacancies.get_mut(&site.dc).is_some_and(|dc| dc.takes(&site.rack))
                });
                (*count, taken.take(*count).collect())
            }
        };
        assert_eq!(owners.len(), count, "the walk meets every member");
        owners
    }
}

impl<'a> Vacancies<'a> {
    fn new(dc: &Name, count: u8, members: &[Member]) -> Vacancies<'a> {
        let in_dc = || members.iter().filter(|member| member.dc == *dc);
        let racks: BTreeSet<_> = in_dc().map(|member| &member.rack).collect();
        Vacancies {
            nodes_left: in_dc().count().min(usize::from(count)),
            rack_repeats_left: usize::from(count).saturating_sub(racks.len()),
            racks: BTreeSet::new(),
        }
    }

    /// Whether the next node clockwise, which is on `rack`, becomes an owner.
    fn takes(&mut self, rack: &'a Name) -> bool {
        if self.nodes_left == 0 {
            return false;
        }
        if !self.racks.insert(rack) {
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

    /// One vnode to a node, in the order written, as `rack:node`; the owners that the walk from the start takes.
    fn owners(replication: &str, walk: &str) -> Vec<u64> {
        let members: Vec<_> = walk
            .split_whitespace()
            .zip(1..)
            .map(|(site, id)| {
                let (dc, rack) = site.split_once('/').expect("dc/rack");
                Member {
                    node: NodeId(id),
                    weight: 1,
                    dc: dc.parse().unwrap(),
                    rack: rack.parse().unwrap(),
                }
            })
            .collect();
        let vnodes = Vnodes(members.iter().map(|member| (member.node.0, member.node)).collect());
        let replication = replication.parse().unwrap();
        let owners = Placement::new(&replication, &members).owners(&vnodes, 0);
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
