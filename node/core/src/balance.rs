//! How evenly a ring is spread over its members, and what it would cost to lose some of them.
//!
//! Both are of interest to who runs a cluster, before and after it grows; nothing is decided by them.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{NodeId, Ring};

/// The most sets of dead nodes that are looked at one by one.
const SETS_MAX: u64 = 200_000;

/// How many sets are drawn where there are more: the standard error is then at most 0.0036.
const SETS_DRAWN: u64 = 20_000;

/// How evenly partitions are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RingBalance {
    /// Partitions owned for each unit of weight, by the member with the most, relative to the mean over all.
    pub max_over_mean: f64,
    /// Partitions owned, by the member that is furthest above what it should own, relative to that: what it should own
    /// goes by weight as far as racks and data centers let it.
    pub max_over_share: f64,
}

/// How likely it is that a partition loses its quorum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossChance {
    /// From 0 to 1.
    pub chance: f64,
    /// Whether every set of dead nodes was looked at. Where they are too many, some are drawn.
    pub is_exact: bool,
}

/// For each partition its owners, as places in the list of members.
type Owners = Vec<Vec<usize>>;

impl Ring {
    /// How evenly partitions are spread over the members.
    pub fn balance(&self) -> RingBalance {
        let mut owned: BTreeMap<NodeId, f64> = BTreeMap::new();
        self.placed()
            .flatten()
            .for_each(|node| *owned.entry(*node).or_default() += 1.0);
        let owned = |node: NodeId| owned.get(&node).copied().unwrap_or(0.0);
        let weights: f64 = self.members().iter().map(|member| f64::from(member.weight)).sum();
        let mean = self.placed().map(<[NodeId]>::len).sum::<usize>() as f64 / weights;
        let mut balance = RingBalance {
            max_over_mean: 0.0,
            max_over_share: 0.0,
        };
        for (member, share) in self.members().iter().zip(self.shares()) {
            let owned = owned(member.node);
            if owned > 0.0 {
                let by_weight = owned / f64::from(member.weight);
                balance.max_over_mean = balance.max_over_mean.max(by_weight / mean);
                balance.max_over_share = balance.max_over_share.max(owned / share);
            }
        }
        balance
    }

    /// The chance that some partition has fewer owners left than a majority of its replicas, if `dead` of the members
    /// die and each set of so many is as likely as any. The more pairs of nodes share a partition, the higher it is.
    pub fn quorum_loss(&self, dead: usize) -> LossChance {
        let count = self.members().len();
        let dead = dead.min(count);
        let owners = self.owners_by_place();
        let quorum = self.replicas() / 2 + 1;
        if owners.iter().any(|owners| owners.len() < quorum) {
            return LossChance::exact(1, 1);
        }
        match sets(count, dead).filter(|sets| *sets <= SETS_MAX) {
            Some(sets) => LossChance::exact(sets - kept(&owners, quorum, count, dead), sets),
            None => {
                let mut rng = Pcg64Mcg::seed_from_u64(self.digest().0);
                let loses = |_: &u64| {
                    let is_dead = draw(&mut rng, count, dead);
                    owners.iter().any(|owners| alive(owners, &is_dead) < quorum)
                };
                LossChance {
                    chance: (0..SETS_DRAWN).filter(loses).count() as f64 / SETS_DRAWN as f64,
                    is_exact: false,
                }
            }
        }
    }

    /// Those that differ: many partitions have the same owners.
    fn owners_by_place(&self) -> Owners {
        let place = |node: &NodeId| self.members().binary_search_by_key(node, |member| member.node);
        let sorted = |owners: &[NodeId]| {
            let mut places: Vec<_> = owners
                .iter()
                .map(|node| place(node).expect("owners are members"))
                .collect();
            places.sort();
            places
        };
        let mut owners: Owners = self.placed().map(sorted).collect();
        owners.sort();
        owners.dedup();
        owners
    }
}

impl LossChance {
    fn exact(lost: u64, of: u64) -> LossChance {
        LossChance {
            chance: lost as f64 / of as f64,
            is_exact: true,
        }
    }
}

/// How many sets of `chosen` there are among `count`, if that can be counted.
fn sets(count: usize, chosen: usize) -> Option<u64> {
    (0..chosen as u64).try_fold(1_u64, |sets, at| Some(sets.checked_mul(count as u64 - at)? / (at + 1)))
}

/// Which of `count` are among `chosen` that are drawn.
fn draw(rng: &mut Pcg64Mcg, count: usize, chosen: usize) -> Vec<bool> {
    let mut is_chosen = vec![false; count];
    let mut left = chosen;
    for (at, is_chosen) in is_chosen.iter_mut().enumerate() {
        *is_chosen = rng.random_range(0..count - at) < left;
        left -= usize::from(*is_chosen);
    }
    is_chosen
}

fn alive(owners: &[usize], is_dead: &[bool]) -> usize {
    owners.iter().filter(|at| !is_dead[**at]).count()
}

/// How many sets of `dead` among `count` leave every partition its quorum. A set of which a part costs a quorum is not
/// looked at further, so that most are never made.
fn kept(owners: &Owners, quorum: usize, count: usize, dead: usize) -> u64 {
    let mut of_member: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (partition, owners) in owners.iter().enumerate() {
        owners.iter().for_each(|at| of_member[*at].push(partition));
    }
    let mut left: Vec<_> = owners.iter().map(Vec::len).collect();
    kept_from(&of_member, &mut left, quorum, 0, dead)
}

/// The same for `dead` more from the member at `next` on, where each partition has `left` owners.
fn kept_from(of_member: &[Vec<usize>], left: &mut [usize], quorum: usize, next: usize, dead: usize) -> u64 {
    if dead == 0 {
        return 1;
    }
    let mut kept = 0;
    for at in next..=(of_member.len() - dead) {
        of_member[at].iter().for_each(|partition| left[*partition] -= 1);
        if of_member[at].iter().all(|partition| left[*partition] >= quorum) {
            kept += kept_from(of_member, left, quorum, at + 1, dead - 1);
        }
        of_member[at].iter().for_each(|partition| left[*partition] += 1);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Member, RingShape};

    fn ring(partitions: u16, replication: &str, count: u64) -> Ring {
        let shape = RingShape {
            partitions,
            replication: replication.parse().unwrap(),
        };
        let racked = |id: u64| Member {
            rack: format!("rack{}", id % 3).parse().unwrap(),
            weight: 1 + (id % 2) as u16,
            ..Member::new(NodeId(id))
        };
        Ring::place(&shape, (1..=count).map(racked).collect())
    }

    /// By looking at every set, and at all owners of every partition.
    fn brute(ring: &Ring, dead: usize) -> f64 {
        let ids: Vec<_> = ring.members().iter().map(|member| member.node).collect();
        let sets = (0..1_u32 << ids.len()).filter(|set| set.count_ones() as usize == dead.min(ids.len()));
        let [mut lost, mut all] = [0.0, 0.0];
        for set in sets {
            let is_dead = |node: &NodeId| set & 1 << ids.iter().position(|id| id == node).unwrap() != 0;
            let loses = |owners: &[NodeId]| owners.iter().filter(|node| !is_dead(node)).count() <= ring.replicas() / 2;
            lost += f64::from(u8::from(ring.placed().any(loses)));
            all += 1.0;
        }
        lost / all
    }

    #[test]
    fn the_chance_of_loss_is_that_over_all_sets() {
        let mut seen_between = false;
        for (partitions, replication, count) in [
            (4, "3", 9),
            (8, "5", 8),
            (64, "3", 7),
            (6, "dc1=3", 10),
            (3, "2", 6),
            (8, "3", 2),
            (8, "dc1=2,dc2=3", 4),
        ] {
            let ring = ring(partitions, replication, count);
            for dead in 0..=5 {
                let loss = ring.quorum_loss(dead);
                assert!(loss.is_exact);
                assert_eq!(
                    loss.chance,
                    brute(&ring, dead),
                    "{dead} of {count}, {partitions}, {replication}"
                );
                seen_between |= loss.chance > 0.0 && loss.chance < 1.0;
            }
        }
        assert!(seen_between, "some are neither certain nor impossible");
    }

    #[test]
    fn where_sets_are_too_many_some_are_drawn() {
        let ring = ring(16, "dc1=3", 60);
        let exact = ring.quorum_loss(2);
        assert!(exact.is_exact && exact.chance < 0.2);
        let drawn = ring.quorum_loss(12);
        assert!(!drawn.is_exact && drawn.chance > exact.chance && drawn.chance <= 1.0);
        assert_eq!(drawn, ring.quorum_loss(12));
    }

    #[test]
    fn the_fullest_member_is_compared_with_the_mean_and_with_its_share() {
        let equal = ring(1, "1", 1).balance();
        assert_eq!((equal.max_over_mean, equal.max_over_share), (1.0, 1.0));
        // Weights 2, 1 and 2 on a rack each: all own all, as they should; by weight that is 5/3 of the mean.
        let racks = ring(8, "dc1=3", 3).balance();
        assert_eq!(racks.max_over_share, 1.0);
        assert!((racks.max_over_mean - 5.0 / 3.0).abs() < 1e-9);
        // One of two owns the only partition: twice the mean.
        let lone = ring(1, "1", 2).balance();
        assert!(lone.max_over_mean >= 1.5);
    }
}
