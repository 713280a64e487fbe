//! What was acknowledged survives the death of every process.

use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape};

#[test]
fn acknowledged_writes_survive_the_death_of_all() {
    for seed in 1..=20 {
        let mut cluster = Cluster::settled(&Shape {
            seed,
            ..Shape::default()
        });
        for key in 0..20 {
            cluster
                .write(key % 5, &format!("k{key}"), &key.to_string(), 3)
                .expect("all nodes run");
        }
        (0..5).for_each(|node| cluster.sim.kill(NodeIndex(node)));
        (0..5).for_each(|node| cluster.sim.start(NodeIndex(node)));
        cluster.settle();
        for key in 0..20 {
            let name = format!("k{key}");
            for owner in cluster.owners(&name) {
                assert_eq!(cluster.replica(owner, &name), Some(key.to_string()), "seed {seed}");
            }
        }
        cluster.wait_for_quiet();
    }
}
