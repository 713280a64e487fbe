//! Sizes drawn from a seed, around those of a scenario: seeds that differ in their regime reach what seeds of one size
//! never do (Groce, Zhang, Eide, Chen and Regehr, *Swarm Testing*, ISSTA 2012).
//!
//! What decides what may be claimed is never drawn, so all seeds of a sweep are judged alike.

use std::{ops::RangeInclusive, time::Duration};

use quorate_sim::split_seed;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::scenario::Scenario;

/// How many nodes there may be more or fewer.
const NODES_SPREAD: usize = 2;

/// Shares of reads: at either end there are enough of both that some race.
const READS_PERCENT: RangeInclusive<u8> = 10..=90;

/// Time between two rounds of gossip grows to this at most: a ring has to settle within 30 s.
const GOSSIP_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// Partitions are at most so many times fewer: with few of them, several keys share a tree.
const PARTITIONS_FEWER_MAX: u64 = 16;

/// The shares of 1,000 earlier answers that a hedge may wait for; 1000 for never.
const HEDGES_PERMILLE: [u16; 4] = [500, 900, 990, 1000];

/// The scenario with sizes of its own for this seed. One and the same seed gives the same.
pub fn draw_sizes(scenario: &Scenario, seed: u64) -> Scenario {
    let mut drawn = scenario.clone();
    let rng = |name: &str| Pcg64Mcg::seed_from_u64(split_seed(seed, &format!("swarm {name}")));
    let is_planned = !scenario.plan.is_empty();
    // Which nodes are in which data center, and which ones a plan names, goes by how many there are.
    if scenario.nodes > 1 && scenario.dcs == 1 && !is_planned {
        let least = scenario
            .replicas()
            .max(scenario.nodes.saturating_sub(NODES_SPREAD))
            .max(2);
        drawn.nodes = rng("nodes").random_range(least..=scenario.nodes + NODES_SPREAD);
    }
    if !is_planned {
        drawn.time = around(&mut rng("time"), scenario.time, (0.5, 1.5));
    }
    drawn.keys = scaled(&mut rng("keys"), scenario.keys, 1, (0.125, 2.0));
    drawn.rate = scaled(&mut rng("rate"), scenario.rate, 1, (0.25, 4.0));
    drawn.concurrency = scaled(&mut rng("concurrency"), scenario.concurrency, 2, (0.25, 4.0));
    if READS_PERCENT.contains(&scenario.reads_percent) {
        drawn.reads_percent = rng("reads-percent").random_range(READS_PERCENT);
    }
    let fewer = 1.0 / PARTITIONS_FEWER_MAX as f64;
    drawn.partitions = scaled(&mut rng("partitions"), scenario.partitions, 1, (fewer, 1.0));
    let gossip_interval = around(&mut rng("gossip-interval"), scenario.gossip_interval, (0.5, 4.0));
    drawn.gossip_interval = gossip_interval.min(GOSSIP_INTERVAL_MAX.max(scenario.gossip_interval));
    drawn.request_timeout = request_timeout(&drawn, &mut rng("request-timeout"));
    drawn.digests |= rng("digests").random_ratio(1, 3);
    if scenario.hedge_permille.is_none() && rng("hedges").random_ratio(1, 3) {
        let which = rng("hedge-permille").random_range(0..HEDGES_PERMILLE.len());
        drawn.hedge_permille = Some(HEDGES_PERMILLE[which]);
    }
    drawn
}

/// How long requests wait; as the scenario says, where another time would change what may be claimed: how old a message can be
/// decides, against the grace of tombstones, whether deletes stay deleted.
fn request_timeout(scenario: &Scenario, rng: &mut Pcg64Mcg) -> Duration {
    let drawn = Scenario {
        request_timeout: around(rng, scenario.request_timeout, (0.25, 2.0)),
        ..scenario.clone()
    };
    if drawn.settings() == scenario.settings() {
        drawn.request_timeout
    } else {
        scenario.request_timeout
    }
}

/// A number within these shares of `size`, small ones as often as large ones. One that is below `least` or not above zero means
/// something of its own, and stays.
fn scaled<N>(rng: &mut Pcg64Mcg, size: N, least: u64, shares: (f64, f64)) -> N
where
    N: Copy + TryInto<u64> + TryFrom<u64>,
{
    let Some(old) = size.try_into().ok().filter(|old| *old >= least) else {
        return size;
    };
    let new = (old as f64 * share(rng, shares)).round() as u64;
    N::try_from(new.max(least)).unwrap_or(size)
}

/// A span within these shares of `span`, in whole milliseconds, so that it can be read.
fn around(rng: &mut Pcg64Mcg, span: Duration, shares: (f64, f64)) -> Duration {
    let ms = (span.as_secs_f64() * 1000.0 * share(rng, shares)).round() as u64;
    Duration::from_millis(ms.max(1))
}

/// Drawn evenly on a scale of powers.
fn share(rng: &mut Pcg64Mcg, (least, most): (f64, f64)) -> f64 {
    let (least, most) = (least.log2(), most.log2());
    (least + (most - least) * rng.random::<f64>()).exp2()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quorate_core::Tombstones as When;

    use super::*;
    use crate::{fault::FaultKind, tombstones::Tombstones};

    /// A scenario with what is drawn as `base` has it.
    fn undrawn(drawn: &Scenario, base: &Scenario) -> Scenario {
        let base = base.clone();
        Scenario {
            nodes: base.nodes,
            time: base.time,
            keys: base.keys,
            rate: base.rate,
            concurrency: base.concurrency,
            reads_percent: base.reads_percent,
            partitions: base.partitions,
            gossip_interval: base.gossip_interval,
            request_timeout: base.request_timeout,
            digests: base.digests,
            hedge_permille: base.hedge_permille,
            ..drawn.clone()
        }
    }

    #[test]
    fn sizes_are_within_bounds_and_nothing_else_is_drawn() {
        let base = Scenario::quickstart();
        let mut seen = BTreeSet::new();
        for seed in 0..1000 {
            let drawn = draw_sizes(&base, seed);
            assert_eq!(drawn, draw_sizes(&base, seed), "one seed, one scenario");
            assert_eq!(drawn.validate(), Ok(()), "seed {seed}: {drawn:?}");
            assert_eq!(undrawn(&drawn, &base), base, "nothing else");
            assert_eq!(drawn.settings(), base.settings(), "what decides the claims");
            assert!(
                (3..=7).contains(&drawn.nodes) && (5..=80).contains(&drawn.keys),
                "{drawn:?}"
            );
            assert!((125..=2000).contains(&drawn.rate) && (2..=40).contains(&drawn.concurrency));
            assert!((10_000..=30_000).contains(&drawn.time.as_millis()));
            assert!((10..=90).contains(&drawn.reads_percent) && (16..=256).contains(&drawn.partitions));
            assert!((100..=800).contains(&drawn.gossip_interval.as_millis()));
            assert!((250..=2000).contains(&drawn.request_timeout.as_millis()));
            seen.insert(drawn.to_toml());
        }
        assert!(seen.len() > 990, "seeds differ: {}", seen.len());
    }

    /// Late messages may outlive tombstones that are collected after about as long as a request waits.
    #[test]
    fn time_outs_that_would_change_the_claims_are_not_drawn() {
        let mut base = Scenario::quickstart();
        base.faults = vec![FaultKind::Message];
        base.tombstones = Tombstones(When::CollectAfter(Duration::from_secs(2)));
        let drawn = (0..100).map(|seed| draw_sizes(&base, seed));
        assert!(drawn.clone().all(|drawn| drawn.settings() == base.settings()));
        let kept = drawn
            .filter(|drawn| drawn.request_timeout == base.request_timeout)
            .count();
        assert!((10..90).contains(&kept), "some time-outs change nothing: {kept}");
    }

    #[test]
    fn what_means_something_of_its_own_stays() {
        let mut base = Scenario::quickstart();
        (base.rate, base.concurrency, base.keys, base.reads_percent) = (0, 1, 1, 100);
        base.gossip_interval = Duration::from_secs(5);
        base.resolve_plan(1);
        for seed in 0..100 {
            let drawn = draw_sizes(&base, seed);
            assert_eq!((drawn.rate, drawn.concurrency, drawn.reads_percent), (0, 1, 100));
            assert_eq!(
                (drawn.nodes, drawn.time, &drawn.plan),
                (base.nodes, base.time, &base.plan)
            );
            assert!(drawn.gossip_interval <= base.gossip_interval);
            assert_eq!(drawn.validate(), Ok(()));
        }
    }
}
