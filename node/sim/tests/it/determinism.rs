//! One seed, one trace.

use std::time::Duration;

use quorate_core::ReadRepair;
use quorate_sim::{NodeIndex, TraceHash};

use crate::cluster::{Cluster, Shape};

/// A run with a bit of everything in it.
fn eventful(seed: u64) -> TraceHash {
    let mut cluster = Cluster::settled(&Shape {
        seed,
        ..Shape::default()
    });
    for round in 0..20 {
        let (node, key) = (round % 5, format!("k{}", round % 3));
        if round == 5 {
            cluster.isolate(2);
        }
        if round == 10 {
            cluster.sim.heal();
            cluster.sim.kill(NodeIndex(4));
        }
        if round == 15 {
            cluster.sim.start(NodeIndex(4));
        }
        cluster.call(node, crate::cluster::write(&key, &round.to_string(), 2));
        if cluster.sim.is_running(NodeIndex(node)) {
            let _ = cluster.read_with(node, &key, 2, ReadRepair::Async);
        }
        cluster.pass(Duration::from_millis(50));
    }
    cluster.settle();
    cluster.wait_for_quiet();
    cluster.sim.trace().expect("a test's runs are hashed")
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_gives_another() {
    for seed in 1..=5 {
        assert_eq!(eventful(seed), eventful(seed), "seed {seed}");
        assert_ne!(eventful(seed), eventful(seed + 100), "seed {seed}");
    }
}
