//! How fast gossip gets around, over many simulated clusters, beside what a model of it does.

pub mod processes;

use std::{ops::ControlFlow, time::Duration};

use quorate_sim::{GossipFigures, GossipOptions, measure_gossip};

use crate::parallel::{Done, in_order};

/// What was found about clusters of one size, over all their seeds.
#[derive(Clone, Debug)]
pub struct GossipFindings {
    /// How many nodes each has.
    pub nodes: usize,
    /// With how many peers that are up a node gossips in a round.
    pub fan_out: usize,
    /// Of each change, the time until all know.
    pub spread: Spans,
    /// Of each newcomer, the time until all others know.
    pub arrival: Spans,
    /// Of each node that died, and each of the others, the time until it is held to be down.
    pub detection: Spans,
    /// The most peers that any node has contacted in any round.
    pub peers_per_round_max: u64,
}

/// Times, the shortest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Duration>);

/// What a model of the same protocol does: the time until all know, in half of all cases and in 99 of 100 (NODE.md,
/// GOS-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Half of all are not slower.
    pub p50: Duration,
    /// One in a hundred is slower.
    pub p99: Duration,
}

/// Longer than it takes the slowest of a model to hold a dead node to be down (NODE.md, GOS-19).
pub const DETECTION_MAX: Duration = Duration::from_secs(30);

/// By fan-out and nodes: p50 and p99, in hundredths of a second.
const MODEL: [(usize, usize, [u64; 2]); 10] = [
    (3, 5, [59, 140]),
    (3, 10, [86, 168]),
    (3, 30, [122, 194]),
    (3, 100, [154, 227]),
    (3, 1000, [206, 277]),
    (1, 5, [132, 261]),
    (1, 10, [212, 354]),
    (1, 30, [328, 453]),
    (1, 100, [436, 563]),
    (1, 1000, [626, 740]),
];

impl Model {
    /// The model's figures for clusters that were modelled.
    pub fn of(fan_out: usize, nodes: usize) -> Option<Model> {
        let (_, _, hundredths) = MODEL.into_iter().find(|(f, n, _)| (*f, *n) == (fan_out, nodes))?;
        let [p50, p99] = hundredths.map(|hundredths| Duration::from_millis(hundredths * 10));
        Some(Model { p50, p99 })
    }

    /// How long it may take, to be as good as the model.
    pub fn bound(self) -> Duration {
        self.p99 * 3 / 2
    }
}

impl Spans {
    /// Of some times, in any order.
    pub fn new(mut spans: Vec<Duration>) -> Spans {
        spans.sort();
        Spans(spans)
    }

    /// The shortest that so many hundredths of all are no longer than; zero of none.
    ///
    /// # Panics
    /// If there are more than a hundred hundredths.
    pub fn percentile(&self, hundredths: usize) -> Duration {
        assert!(hundredths <= 100, "a share of {hundredths} hundredths");
        let at = (self.0.len() * hundredths).div_ceil(100).saturating_sub(1);
        self.0.get(at).copied().unwrap_or_default()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl GossipFindings {
    /// The most rounds that any node has had from a change to when all knew, in 99 of 100 cases.
    pub fn rounds_p99(&self, interval: Duration) -> u128 {
        self.spread.percentile(99).as_nanos().div_ceil(interval.as_nanos())
    }

    /// Whether all of it is as a model has it, with half as much again to spare; where nothing was modelled, whether dead
    /// nodes are missed in time.
    pub fn is_within_bounds(&self) -> bool {
        let spread = self.spread.percentile(99);
        let is_fast = Model::of(self.fan_out, self.nodes).is_none_or(|model| spread <= model.bound());
        is_fast && self.detection.percentile(100) <= DETECTION_MAX && self.peers_per_round_max <= 3
    }
}

/// Measures clusters of one size, of each seed from `options.seed` on, on so many threads.
///
/// # Errors
/// What a measurement said when it panicked, with its seed.
pub fn measure(options: &GossipOptions, seeds: u64, jobs: usize) -> Result<GossipFindings, String> {
    let work = |number: u64| {
        measure_gossip(&GossipOptions {
            seed: options.seed + number,
            ..options.clone()
        })
    };
    let mut all = Vec::new();
    let mut failure = None;
    let mut take = |number: u64, figures: Done<GossipFigures>| match figures {
        Ok(figures) => {
            all.push(figures);
            ControlFlow::Continue(())
        }
        Err(why) => {
            failure = Some(format!("seed {}: {why}", options.seed + number));
            ControlFlow::Break(())
        }
    };
    in_order(jobs, seeds, &work, &mut take);
    match failure {
        Some(why) => Err(why),
        None => Ok(findings(options, &all)),
    }
}

fn findings(options: &GossipOptions, all: &[GossipFigures]) -> GossipFindings {
    let peers = all.iter().map(|figures| figures.peers_per_round_max);
    GossipFindings {
        nodes: options.nodes,
        fan_out: options.fan_out,
        spread: Spans::new(all.iter().flat_map(|figures| figures.spread.clone()).collect()),
        arrival: Spans::new(all.iter().map(|figures| figures.arrival).collect()),
        detection: Spans::new(all.iter().flat_map(|figures| figures.detections.clone()).collect()),
        peers_per_round_max: peers.max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let spans = |count: u64| Spans::new((1..=count).rev().map(Duration::from_secs).collect());
        let seconds = |count, hundredths| spans(count).percentile(hundredths).as_secs();
        assert_eq!([50, 99, 100].map(|h| seconds(100, h)), [50, 99, 100]);
        assert_eq!([0, 50, 99, 100].map(|h| seconds(3, h)), [1, 2, 3, 3]);
        assert_eq!(seconds(0, 50), 0);
    }

    #[test]
    fn many_seeds_give_the_same_whatever_the_threads() {
        let options = GossipOptions {
            changes: 2,
            ..GossipOptions::new(1, 5, 3)
        };
        let [one, two] = [1, 3].map(|jobs| measure(&options, 4, jobs).expect("they converge"));
        assert_eq!(
            (one.spread.count(), one.arrival.count(), one.detection.count()),
            (8, 4, 16)
        );
        assert_eq!((&one.spread, &one.detection), (&two.spread, &two.detection));
        assert!(one.is_within_bounds(), "{one:?}");
        let slow = GossipFindings {
            spread: Spans::new(vec![Duration::from_millis(2101)]),
            ..one
        };
        assert!(!slow.is_within_bounds());
    }
}
