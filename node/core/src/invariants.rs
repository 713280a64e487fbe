//! What is true of a node between any two calls: the documentation of its state, checked after every simulated step.

use crate::{Node, PartitionId, Topology, exchange, timers::Timer};

/// Checks a node. Built for speed, it leaves out what the counts say and what [`check_members`] does.
///
/// # Panics
/// With the invariant that does not hold: a bug in the core.
pub fn check(node: &Node) {
    let config = &node.config;
    assert!(
        node.coordinations.len() <= config.in_flight_max,
        "requests in flight are bounded"
    );
    assert!(node.handoff.count() <= config.hint_count_max, "hints are bounded");
    assert_eq!(
        node.timers.deadline_count(),
        node.coordinations.len(),
        "every coordination ends"
    );
    if cfg!(debug_assertions) {
        check_deadlines(node);
        node.handoff.check();
        check_members(node);
    }
}

/// Checks what hangs on members, links and founding alone. They change seldom, and what is wrong with them stays so: where each
/// step counts it is enough to look whenever a timer was due, as a round of gossip always is soon.
///
/// # Panics
/// With the invariant that does not hold: a bug in the core.
pub fn check_members(node: &Node) {
    let config = &node.config;
    assert!(!node.links.contains(&config.node), "a node has no link to itself");
    assert!(!node.roster.members.contains_key(&config.node) || !node.roster.banned.contains(&config.node));
    let own = node.gossip.state(config.node).expect("a node knows itself");
    assert_eq!(own.generation, node.generation, "nobody else speaks for a node");
    assert_eq!(
        own.ring(),
        node.topology.as_ref().map(Topology::founding),
        "a node tells the ring that it serves by"
    );
}

/// Checks that each coordination ends at its own deadline: what the counts say, one by one, which takes as long as all the
/// rest. Left out where the counts have to do.
fn check_deadlines(node: &Node) {
    for (id, coordination) in &node.coordinations {
        let timer = Timer::Coordination(*id);
        assert!(
            node.timers.is_set(coordination.deadline(), timer),
            "every coordination ends at its deadline"
        );
    }
}

/// Checks that each partition's Merkle tree is what its records give. Reads the whole store, and holds only while nothing is
/// on its way to the disk.
///
/// # Panics
/// With the partition whose tree went astray: a bug in the core.
pub fn check_trees(node: &Node) {
    assert_eq!(
        node.journal.len(),
        0,
        "trees are compared when nothing is on its way to the disk"
    );
    for partition in (0..node.config.ring.partitions).map(PartitionId) {
        let summaries = node.store.summaries(partition).expect("the store can be read");
        if summaries.damaged.is_empty() {
            let rebuilt = exchange::tree_of(&node.config.ring, &summaries);
            assert_eq!(*node.anti_entropy.tree(partition), rebuilt, "the tree of {partition:?}");
        }
    }
}
