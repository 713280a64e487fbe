//! How fast gossip gets around, held to what a model of it does (NODE.md, GOS-18 and GOS-19).

use std::time::Duration;

use quorate_sim::{GossipOptions, measure_gossip};

/// Of the model: until all know, in the slowest of a hundred, by nodes, with a fan-out of three and of one.
const MODEL: [(usize, [u64; 2]); 3] = [(3, [1400, 2610]), (5, [1400, 2610]), (10, [1680, 3540])];

fn p99(spans: &mut [Duration]) -> Duration {
    spans.sort();
    spans[(spans.len() * 99).div_ceil(100) - 1]
}

#[test]
fn all_know_of_a_change_and_of_a_death_as_soon_as_a_model_says() {
    for (nodes, by_fan_out) in MODEL {
        for (fan_out, model_ms) in [3, 1].into_iter().zip(by_fan_out) {
            let mut spread = Vec::new();
            for seed in 0..10 {
                let figures = measure_gossip(&GossipOptions::new(seed, nodes, fan_out));
                spread.extend(figures.spread);
                assert_eq!(figures.detections.len(), nodes - 1);
                for detection in figures.detections {
                    let model = Duration::from_secs(16)..Duration::from_secs(30);
                    assert!(model.contains(&detection), "{detection:?} of {nodes}, seed {seed}");
                }
                assert!(figures.peers_per_round_max <= 3);
            }
            let (p99, model) = (p99(&mut spread), Duration::from_millis(model_ms));
            assert!(
                p99 <= model * 3 / 2,
                "{p99:?} of {nodes} nodes with a fan-out of {fan_out}"
            );
        }
    }
}
