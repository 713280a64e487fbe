//! Which faults, on whom, when and for how long: read from a file, or drawn from a seed.
//!
//! Drawn plans break one thing at a time, with time to recover in between: most failures of real stores need three
//! events or fewer, and their order matters (FAULTS.md). The last fault lasts to the end of the load, so that what
//! it left behind is not mended by the load itself.

use std::time::Duration;

use quorate_sim::split_seed;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::{
    duration,
    fault::{Fault, FaultKind, Place},
};

/// How long a drawn fault lasts at least: longer than a node takes to give up a silent link (400 ms) and a coordinator
/// to give up a request (1 s), so that each fault is felt by both.
const LASTS_MIN: Duration = Duration::from_millis(1500);

/// How much longer it may last. In whole milliseconds, so that a plan can be read.
const LASTS_SPREAD_MS: u64 = 700;

/// Time to recover between two faults: links are redialled within half a second.
const PAUSE: Duration = Duration::from_millis(1000);

/// A fault and its time, counted from the start of the load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// When it begins.
    #[serde(with = "duration::text")]
    pub at: Duration,
    /// How long it lasts; to the end of the load at most.
    #[serde(with = "duration::text")]
    pub lasts: Duration,
    /// What it is.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What a drawn plan depends on.
#[derive(Clone, Debug)]
pub struct PlanOptions<'a> {
    /// The run's seed.
    pub seed: u64,
    /// How many nodes there are.
    pub nodes: usize,
    /// How long the load lasts.
    pub time: Duration,
    /// What may be drawn.
    pub kinds: &'a [FaultKind],
}

/// Draws a plan. Every shape of the allowed families has its turn before any comes again.
pub fn draw(options: &PlanOptions<'_>) -> Vec<PlannedFault> {
    let mut rng = Pcg64Mcg::seed_from_u64(split_seed(options.seed, "plan"));
    let mut plan = Vec::new();
    let mut turn = Vec::new();
    let mut at = PAUSE;
    while at + LASTS_MIN <= options.time {
        if turn.is_empty() {
            turn = shapes(options.kinds);
            turn.shuffle(&mut rng);
        }
        let Some(shape) = turn.pop() else {
            return Vec::new();
        };
        let lasts = LASTS_MIN + Duration::from_millis(rng.random_range(0..LASTS_SPREAD_MS));
        plan.push(PlannedFault {
            at,
            lasts,
            fault: shape(&mut rng, options.nodes),
        });
        at += lasts + PAUSE;
    }
    if let Some(last) = plan.last_mut() {
        last.lasts = options.time - last.at;
    }
    plan
}

type DrawFault = fn(&mut Pcg64Mcg, usize) -> Fault;

/// What is drawn in one turn of each allowed family. A kill comes twice, as often as a partition of half the nodes.
fn shapes(kinds: &[FaultKind]) -> Vec<DrawFault> {
    let of_kind = |kind: &FaultKind| -> &[DrawFault] {
        match kind {
            FaultKind::Partition => &[isolate, halves, one_way, bridge],
            FaultKind::Kill => &[kill_one, kill_two],
        }
    };
    kinds.iter().flat_map(of_kind).copied().collect()
}

fn isolate(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let node = one(rng, nodes);
    Fault::Isolate { node }
}

fn halves(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let side = some(rng, nodes, nodes / 2);
    Fault::Halves { side }
}

fn one_way(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let unheard = some(rng, nodes, (nodes / 2).min(2));
    Fault::OneWay { unheard }
}

fn bridge(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let mut side = some(rng, nodes, nodes / 2 + 1);
    let bridge = side.remove(rng.random_range(0..side.len()));
    Fault::Bridge { bridge, side }
}

fn kill_one(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::Kill { nodes }
}

fn kill_two(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 2);
    Fault::Kill { nodes }
}

fn one(rng: &mut Pcg64Mcg, nodes: usize) -> Place {
    Place(rng.random_range(0..nodes))
}

/// `count` nodes, but at least one and not all, in order.
fn some(rng: &mut Pcg64Mcg, nodes: usize, count: usize) -> Vec<Place> {
    let mut all: Vec<_> = Place::all(nodes).collect();
    all.shuffle(rng);
    all.truncate(count.clamp(1, (nodes - 1).max(1)));
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(seed: u64, nodes: usize, kinds: &[FaultKind]) -> Vec<PlannedFault> {
        draw(&PlanOptions {
            seed,
            nodes,
            time: Duration::from_secs(20),
            kinds,
        })
    }

    #[test]
    fn in_twenty_seconds_every_shape_has_its_turn() {
        for seed in 0..100 {
            let plan = plan(seed, 5, &FaultKind::ALL);
            let shapes: BTreeSet<_> = plan
                .iter()
                .map(|p| std::mem::discriminant(&p.fault))
                .map(|d| format!("{d:?}"))
                .collect();
            assert_eq!(shapes.len(), 5, "seed {seed}: {plan:?}");
            let gaps = plan
                .windows(2)
                .all(|pair| pair[0].at + pair[0].lasts + PAUSE <= pair[1].at);
            assert!(gaps, "one at a time");
            let last = plan.last().expect("not empty");
            assert_eq!(last.at + last.lasts, Duration::from_secs(20));
        }
    }

    #[test]
    fn only_what_is_allowed_is_drawn() {
        let kills = plan(1, 5, &[FaultKind::Kill]);
        assert!(kills.iter().all(|planned| !planned.fault.kills().is_empty()));
        assert!(plan(1, 5, &[]).is_empty());
    }

    #[test]
    fn a_fault_leaves_somebody_unharmed_whatever_the_size() {
        for nodes in 2..8 {
            for seed in 0..50 {
                for planned in plan(seed, nodes, &FaultKind::ALL) {
                    let named = planned.fault.nodes();
                    assert!(!named.is_empty() && named.iter().all(|place| place.0 < nodes));
                    assert!(planned.fault.kills().len() < nodes);
                }
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_plan() {
        assert_eq!(plan(7, 5, &FaultKind::ALL), plan(7, 5, &FaultKind::ALL));
        assert_ne!(plan(7, 5, &FaultKind::ALL), plan(8, 5, &FaultKind::ALL));
    }
}
