//! What nodes come to know of each other, and how fast: held to what a model does (NODE.md, GOS-18 and GOS-19).

use std::time::Duration;

use quorate_sim::{GossipOptions, NodeIndex, Sim, measure_gossip};

use crate::cluster::{Cluster, Shape};

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

fn is_up(sim: &Sim, at: usize, node: usize) -> bool {
    let opinion = sim.opinion(NodeIndex(at), NodeIndex(node));
    opinion.expect("it runs, and knows it").up
}

fn isolated(sim: &Sim) -> Vec<usize> {
    let nodes = 0..sim.node_count();
    nodes
        .filter(|node| sim.status(NodeIndex(*node)).is_some_and(|status| status.isolated))
        .collect()
}

fn cut(cluster: &mut Cluster, one: usize, other: usize) {
    cluster.sim.cut(NodeIndex(one), NodeIndex(other));
    cluster.sim.cut(NodeIndex(other), NodeIndex(one));
}

/// What others pass on of a node keeps it up, and does not bring it up.
#[test]
fn a_node_that_can_not_be_reached_does_not_come_up_by_hearsay() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.wait("all to be up", |sim| (1..5).all(|node| is_up(sim, 0, node)));
    cut(&mut cluster, 0, 1);
    cluster.pass(Duration::from_secs(40));
    assert!(is_up(&cluster.sim, 0, 1), "others reach both");
    cluster.sim.kill(NodeIndex(1));
    cluster.wait("n1 to be down", |sim| !is_up(sim, 0, 1));
    cluster.sim.start(NodeIndex(1));
    cluster.wait("n1 to be up elsewhere", |sim| is_up(sim, 2, 1));
    cluster.pass(Duration::from_secs(40));
    assert!(!is_up(&cluster.sim, 0, 1), "it was never reached from here");
    cluster.sim.heal();
    cluster.wait("n1 to be up", |sim| is_up(sim, 0, 1));
}

/// Rounds are a fifth of a second apart.
#[test]
fn a_node_that_is_cut_off_knows_that_it_is_isolated() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.pass(Duration::from_secs(1));
    (0..4).for_each(|other| cut(&mut cluster, 4, other));
    cluster.pass(Duration::from_millis(1600));
    assert_eq!(isolated(&cluster.sim), []);
    cluster.pass(Duration::from_millis(800));
    assert_eq!(isolated(&cluster.sim), [4]);
    cluster.sim.heal();
    cluster.wait("n4 to hear others", |sim| isolated(sim).is_empty());
    let events = cluster.sim.tally(NodeIndex(4)).events;
    assert_eq!((events["isolated"], events["rejoined"]), (1, 1));
}

#[test]
fn a_node_that_stood_still_does_not_take_itself_for_isolated_nor_others_for_down() {
    let mut cluster = Cluster::settled(&Shape::default());
    cluster.wait("all to be up", |sim| (0..4).all(|node| is_up(sim, 4, node)));
    cluster.pass(Duration::from_secs(10));
    cluster.sim.pause(NodeIndex(4));
    cluster.pass(Duration::from_secs(60));
    cluster.sim.resume(NodeIndex(4));
    for _ in 0..300 {
        cluster.pass(Duration::from_millis(100));
        assert_eq!(isolated(&cluster.sim), []);
        assert!((0..4).all(|node| is_up(&cluster.sim, 4, node)));
    }
}
