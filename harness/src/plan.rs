//! Which faults, on whom, when and for how long: read from a file, or drawn from a seed.
//!
//! Drawn plans break one thing at a time, with time to recover in between: most failures of real stores need three
//! events or fewer, and their order matters (FAULTS.md). The last fault lasts to the end of the load, so that what
//! it left behind is not mended by the load itself.

use std::time::Duration;

use quorate_sim::split_seed;
use rand::{
    RngExt, SeedableRng,
    seq::{IndexedRandom, SliceRandom},
};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::{
    duration::{self, Signed},
    fault::{Fault, FaultKind, Place},
};

/// How long a drawn fault lasts at least: longer than a node takes to give up a silent link (400 ms) and a coordinator
/// to give up a request (1 s), so that each fault is felt by both.
const LASTS_MIN: Duration = Duration::from_millis(1500);

/// How much longer it may last. In whole milliseconds, so that a plan can be read.
const LASTS_SPREAD_MS: u64 = 700;

/// Time to recover between two faults: links are redialled within half a second.
const PAUSE: Duration = Duration::from_millis(1000);

/// How late an odd message is at most: later than a coordinator waits (1 s), so that it finds a request that is over.
pub(crate) const LATE_MAX: Duration = Duration::from_millis(1500);

/// How far a clock jumps at most: further than nodes let their clocks differ (500 ms), so that they refuse what it
/// stamps, and near enough for them to take it soon after.
const CLOCK_JUMP_MAX_MS: i64 = 1500;

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
            FaultKind::SlowNet => &[slow_everywhere, slow_way],
            FaultKind::Loss => &[lossy_everywhere, lossy_way],
            FaultKind::Kill => &[kill_one, kill_two],
            FaultKind::Pause => &[pause_one, pause_two],
            FaultKind::Slow => &[slow_process],
            FaultKind::PowerLoss => &[power_loss_of_one, power_loss_of_all],
            FaultKind::Disk => &[failing_disk, slow_disk, flipped_bits],
            FaultKind::Clock => &[clock_ahead, clock_back, clock_drift],
            FaultKind::Message => &[late_messages, repeated_messages],
            // It has been resolved into families before.
            FaultKind::Swarm => &[],
        }
    };
    kinds.iter().flat_map(of_kind).copied().collect()
}

/// Some of the families in `from`, and at least one: what a swarm is in the run of `seed`.
pub fn draw_swarm(seed: u64, from: &[FaultKind]) -> Vec<FaultKind> {
    let mut rng = Pcg64Mcg::seed_from_u64(split_seed(seed, "swarm"));
    let mut drawn: Vec<_> = from.iter().copied().filter(|_| rng.random()).collect();
    if drawn.is_empty() {
        drawn.extend(from.choose(&mut rng));
    }
    drawn
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

fn pause_one(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::Pause { nodes }
}

fn pause_two(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 2);
    Fault::Pause { nodes }
}

fn slow_process(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::SlowProcess {
        node: one(rng, nodes),
        stopped_percent: rng.random_range(60..=95),
    }
}

fn power_loss_of_one(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::PowerLoss { nodes }
}

fn power_loss_of_all(_: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = Place::all(nodes).collect();
    Fault::PowerLoss { nodes }
}

fn slow_everywhere(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    slow_links(rng, Place::all(nodes).collect(), Place::all(nodes).collect())
}

fn slow_way(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let (from, to) = one_way_between(rng, nodes);
    slow_links(rng, from, to)
}

fn slow_links(rng: &mut Pcg64Mcg, from: Vec<Place>, to: Vec<Place>) -> Fault {
    Fault::SlowLinks {
        from,
        to,
        delay: millis(rng, 10..120),
        jitter: millis(rng, 1..60),
    }
}

fn lossy_everywhere(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::LossyLinks {
        from: Place::all(nodes).collect(),
        to: Place::all(nodes).collect(),
        percent: rng.random_range(2..=30),
    }
}

fn lossy_way(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let (from, to) = one_way_between(rng, nodes);
    let percent = rng.random_range(2..=30);
    Fault::LossyLinks { from, to, percent }
}

fn late_messages(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    odd_messages(rng, nodes, (1, 0))
}

fn repeated_messages(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    odd_messages(rng, nodes, (0, 1))
}

/// Everywhere: a late message hurts most where it meets another.
fn odd_messages(rng: &mut Pcg64Mcg, nodes: usize, (late, twice): (u8, u8)) -> Fault {
    let percent = rng.random_range(2..=30);
    Fault::OddMessages {
        from: Place::all(nodes).collect(),
        to: Place::all(nodes).collect(),
        late_percent: late * percent,
        twice_percent: twice * percent,
        by: millis(rng, 20..LATE_MAX.as_millis() as u64),
    }
}

fn failing_disk(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    Fault::FailingDisk { nodes }
}

fn slow_disk(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::SlowDisk {
        nodes: some(rng, nodes, nodes / 2),
        delay: millis(rng, 10..300),
    }
}

fn flipped_bits(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    Fault::FlippedBits {
        node: one(rng, nodes),
        records: rng.random_range(1..=20),
    }
}

fn clock_ahead(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 1);
    let by = Signed(rng.random_range(20..CLOCK_JUMP_MAX_MS) * 1_000_000);
    Fault::ClockJump { nodes, by }
}

fn clock_back(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let nodes = some(rng, nodes, 2);
    let by = Signed(-rng.random_range(20..CLOCK_JUMP_MAX_MS) * 1_000_000);
    Fault::ClockJump { nodes, by }
}

fn clock_drift(rng: &mut Pcg64Mcg, nodes: usize) -> Fault {
    let gains = if rng.random() { 1 } else { -1 };
    Fault::ClockDrift {
        nodes: some(rng, nodes, 2),
        ppm: gains * rng.random_range(10_000..200_000),
    }
}

/// The links from some nodes to the others.
fn one_way_between(rng: &mut Pcg64Mcg, nodes: usize) -> (Vec<Place>, Vec<Place>) {
    let from = some(rng, nodes, nodes / 2);
    let to = Place::all(nodes).filter(|place| !from.contains(place)).collect();
    (from, to)
}

fn millis(rng: &mut Pcg64Mcg, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
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
            let plan = plan(seed, 5, &[FaultKind::Partition, FaultKind::Kill]);
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
        assert!(kills.iter().all(|planned| !planned.fault.downs().is_empty()));
        assert!(plan(1, 5, &[]).is_empty());
        for kind in FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::Swarm) {
            let drawn = plan(2, 5, &[kind]);
            assert!(!drawn.is_empty() && drawn.iter().all(|planned| planned.fault.kind() == kind));
        }
    }

    #[test]
    fn a_swarm_is_some_of_what_it_may_be_and_another_for_another_seed() {
        let families = [FaultKind::Partition, FaultKind::Loss, FaultKind::Kill, FaultKind::Clock];
        let mut drawn = BTreeSet::new();
        for seed in 0..200 {
            let swarm = draw_swarm(seed, &families);
            assert!(!swarm.is_empty() && swarm.iter().all(|kind| families.contains(kind)));
            assert_eq!(swarm, draw_swarm(seed, &families));
            drawn.insert(swarm);
        }
        assert_eq!(drawn.len(), 15, "every subset but the empty one");
    }

    #[test]
    fn a_drawn_fault_can_be_whatever_the_size_and_spares_somebody_but_for_power_loss() {
        for nodes in 2..8 {
            for seed in 0..50 {
                for planned in plan(seed, nodes, &FaultKind::ALL) {
                    let named = planned.fault.nodes();
                    assert!(!named.is_empty() && named.iter().all(|place| place.0 < nodes));
                    assert_eq!(planned.fault.validate(), Ok(()), "{:?}", planned.fault);
                    let spares = planned.fault.downs().len() < nodes;
                    assert!(spares || planned.fault.kind() == FaultKind::PowerLoss);
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
