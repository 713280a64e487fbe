//! Whom to gossip with in a round: at most three (Cassandra's rule, NODE.md GOS-1).

use rand::{Rng, RngExt};

use crate::NodeId;

/// The most peers of one round: one that is up, perhaps one that seems down, perhaps a seed.
pub(crate) const PEERS_PER_ROUND_MAX: usize = 3;

/// The nodes that can be chosen from: those with a link.
#[derive(Debug, Default)]
pub(crate) struct RoundPlan {
    pub(crate) up: Vec<NodeId>,
    pub(crate) down: Vec<NodeId>,
    pub(crate) seeds: Vec<NodeId>,
}

impl RoundPlan {
    /// Draws the peers of one round, no node twice.
    ///
    /// A node that seems down is tried the more often, the more of them there are, so that both sides of a healed
    /// partition find each other. A seed is tried while fewer nodes are up than there are seeds, or by chance, so
    /// that two islands that each know only themselves can't last.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Vec<NodeId> {
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
        assert!(chosen.len() <= PEERS_PER_ROUND_MAX, "a round has a bound");
        chosen
    }
}

fn pick(from: &[NodeId], rng: &mut impl Rng, chosen: &mut Vec<NodeId>) {
    if from.is_empty() {
        return;
    }
    let node = from[rng.random_range(0..from.len())];
    if !chosen.contains(&node) {
        chosen.push(node);
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
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let chosen = plan.draw(&mut rng);
            assert!((1..=PEERS_PER_ROUND_MAX).contains(&chosen.len()));
            met.extend(chosen);
        }
        assert_eq!(met.len(), 9);
    }

    #[test]
    fn with_nobody_to_talk_to_there_is_no_round() {
        assert!(RoundPlan::default().draw(&mut Pcg64Mcg::seed_from_u64(1)).is_empty());
    }
}
