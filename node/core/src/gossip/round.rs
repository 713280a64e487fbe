//! Whom to gossip with in a round: at most three (Cassandra's rule, NODE.md GOS-1).

use rand::{Rng, RngExt};

use crate::NodeId;

/// The most peers of one round, whoever they are.
pub(crate) const PEERS_PER_ROUND_MAX: usize = 3;

/// The nodes that can be chosen from: those with a link.
#[derive(Debug, Default)]
pub(crate) struct RoundPlan {
    pub(crate) up: Vec<NodeId>,
    pub(crate) down: Vec<NodeId>,
    pub(crate) seeds: Vec<NodeId>,
}

impl RoundPlan {
    /// Draws the peers of one round, no node twice: `fan_out` of those that are up, or fewer where others are tried as
    /// well and they would be more than three.
    ///
    /// A node that seems down is tried the more often, the more of them there are, so that both sides of a healed
    /// partition find each other. A seed is tried while fewer nodes are up than there are seeds, or by chance, so
    /// that two islands that each know only themselves can't last.
    pub(crate) fn draw(&self, fan_out: usize, rng: &mut impl Rng) -> Vec<NodeId> {
        let mut chosen = Vec::with_capacity(PEERS_PER_ROUND_MAX);
        pick(&self.up, rng, &mut chosen);
        let down_share = self.down.len() as f64 / (self.up.len() + 1) as f64;
        if rng.random::<f64>() < down_share {
            pick(&self.down, rng, &mut chosen);
        }
        let met_seed = chosen.iter().any(|node| self.seeds.contains(node));
        let seed_share = self.seeds.len() as f64 / (self.up.len() + self.down.len()).max(1) as f64;
        if !met_seed && (self.up.len() < self.seeds.len() || rng.random::<f64>() < seed_share) {
            pick(&self.seeds, rng, &mut chosen);
        }
        let more = fan_out.saturating_sub(1).min(PEERS_PER_ROUND_MAX - chosen.len());
        (0..more).for_each(|_| pick(&self.up, rng, &mut chosen));
        assert!(chosen.len() <= PEERS_PER_ROUND_MAX, "a round has a bound");
        chosen
    }
}

/// Draws one of those that are not chosen yet.
fn pick(from: &[NodeId], rng: &mut impl Rng, chosen: &mut Vec<NodeId>) {
    let met = chosen.iter().filter(|node| from.contains(node)).count();
    if from.len() > met {
        let nth = rng.random_range(0..from.len() - met);
        let node = from.iter().filter(|node| !chosen.contains(node)).nth(nth);
        chosen.push(*node.expect("counted"));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    #[test]
    fn a_round_has_at_most_three_peers_and_reaches_everyone_in_time() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let nodes = |ids: std::ops::Range<u64>| ids.map(NodeId).collect::<Vec<_>>();
        let plan = RoundPlan {
            up: nodes(0..6),
            down: nodes(6..9),
            seeds: nodes(0..2),
        };
        for fan_out in 1..=PEERS_PER_ROUND_MAX {
            let mut met = std::collections::BTreeSet::new();
            for _ in 0..200 {
                let chosen = plan.draw(fan_out, &mut rng);
                assert!((fan_out..=PEERS_PER_ROUND_MAX).contains(&chosen.len()));
                assert!(
                    (1..chosen.len()).all(|at| !chosen[..at].contains(&chosen[at])),
                    "no node twice"
                );
                met.extend(chosen);
            }
            assert_eq!(met.len(), 9);
        }
    }

    #[test]
    fn with_few_to_talk_to_all_of_them_are_chosen() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        assert!(RoundPlan::default().draw(3, &mut rng).is_empty());
        for count in 1..=3 {
            let plan = RoundPlan {
                up: (0..count).map(NodeId).collect(),
                ..RoundPlan::default()
            };
            assert_eq!(plan.draw(3, &mut rng).len() as u64, count);
        }
    }
}
