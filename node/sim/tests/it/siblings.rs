//! Concurrent values side by side: reads of replicas that differ.

use quorate_core::{Fetch, Key, Kind, Level, ReadRequest, WriteRequest};
use quorate_sim::NodeIndex;

use crate::cluster::{Cluster, Shape, TIMEOUT, put, siblings};

/// Two owners that hold one value each, and never heard of each other: what is returned is on neither. A read that
/// takes an answer which differs from the merged one for a mere digest asks for its value again and again.
#[test]
fn a_read_merges_what_is_on_no_single_replica() {
    for fetch in [Fetch::Values, Fetch::Digests] {
        let key = Key::of(Kind::Siblings, b"k");
        let mut cluster = Cluster::settled(&Shape {
            nodes: 3,
            ..Shape::default()
        });
        for node in 0..3 {
            cluster.isolate(node);
        }
        cluster.pass(TIMEOUT);
        for (node, value) in [(0, "x"), (1, "y")] {
            let write = WriteRequest::new(key.clone(), put(value), Level::One, TIMEOUT);
            cluster.submit_write(node, write).expect("the node itself is an owner");
        }
        cluster.sim.kill(NodeIndex(2));
        // What they keep for each other grows too old on its way.
        for node in 0..2 {
            cluster.sim.kill(NodeIndex(node));
            cluster
                .sim
                .reconfigure(NodeIndex(node), |config| config.hint_window = std::time::Duration::ZERO);
            cluster.sim.start(NodeIndex(node));
        }
        cluster.sim.heal();
        cluster.settle();
        let read = ReadRequest {
            fetch,
            ..ReadRequest::new(key, Level::Two, TIMEOUT)
        };
        let read = cluster.submit_read(0, read).expect("both answer");
        assert_eq!(siblings(&read).0, ["x", "y"], "{fetch:?}");
    }
}
