//! How fast news gets around, and how soon a dead node is missed: measured from outside, in what each node says of the
//! others.
//!
//! The nodes do nothing but gossip: their ring is never founded, because they wait for one founder more than there are.
//! The news is a node's new name, at a moment that has nothing to do with anybody's rounds.

use std::{net::SocketAddr, ops::Range, time::Duration};

use quorate_core::{ClusterId, Config, MemberStatus, NodeId, Replication, RingShape, WallTime};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::{
    disk::SimFsync,
    seed::{rng, split_seed},
    world::{NodeIndex, Sim, SimOptions},
};

/// How often it is looked whether all know: a hundredth of a round.
const LOOKS_PER_ROUND: u32 = 100;

/// After so many rounds something is wrong.
const ROUNDS_MAX: u32 = 300;

const SEED_COUNT: usize = 2;

/// What is measured.
#[derive(Clone, Debug)]
pub struct GossipOptions {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// How many nodes there are; at least 2.
    pub nodes: usize,
    /// With how many that are up each gossips in a round.
    pub fan_out: usize,
    /// The time between two rounds of a node.
    pub interval: Duration,
    /// How long a message takes, drawn evenly.
    pub link_delay: Range<Duration>,
    /// How long all are left in peace, once all are up, until what is usual of each is known to the others.
    pub warm_up: Duration,
    /// How many changes there are, one after the other.
    pub changes: usize,
}

/// What was measured in one simulation. Times are as exact as a hundredth of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GossipFigures {
    /// From the start of a node that nobody knew to when all others know it.
    pub arrival: Duration,
    /// From each change to when all know it.
    pub spread: Vec<Duration>,
    /// From the death of a node until each of the others holds it to be down, the fastest first.
    pub detections: Vec<Duration>,
    /// The most peers that any node has contacted in any round.
    pub peers_per_round_max: u64,
}

impl GossipOptions {
    /// A round a second over links of a data center, with as many changes as are worth a settled cluster.
    pub fn new(seed: u64, nodes: usize, fan_out: usize) -> GossipOptions {
        GossipOptions {
            seed,
            nodes,
            fan_out,
            interval: Duration::from_secs(1),
            link_delay: Duration::from_micros(50)..Duration::from_millis(1),
            warm_up: Duration::from_secs(30),
            changes: 10,
        }
    }
}

/// Makes a cluster, lets its last node come, changes things, kills a node, and measures.
///
/// # Panics
/// If there are fewer than 2 nodes, the settings can't be, or all do not come to know something in 300 rounds: a bug.
pub fn measure_gossip(options: &GossipOptions) -> GossipFigures {
    assert!(options.nodes >= 2, "nobody to hear of anything");
    let mut cluster = Cluster::new(options);
    let last = NodeIndex(options.nodes - 1);
    cluster.start_all_but(last);
    let arrival = cluster.arrive(last);
    cluster.pass(options.warm_up);
    let spread = (0..options.changes).map(|number| cluster.change(number)).collect();
    GossipFigures {
        arrival,
        spread,
        detections: cluster.die(),
        peers_per_round_max: cluster.peers_per_round_max(),
    }
}

struct Cluster {
    sim: Sim,
    interval: Duration,
    rng: Pcg64Mcg,
}

impl Cluster {
    fn new(options: &GossipOptions) -> Cluster {
        let sim_options = SimOptions {
            seed: split_seed(options.seed, "simulation"),
            link_delay: options.link_delay.clone(),
            sync_delay: Duration::from_micros(200)..Duration::from_millis(3),
            fsync: SimFsync::Always,
            epoch: WallTime::from_nanos(1_700_000_000_000_000_000),
            is_hashed: false,
        };
        let configs = (0..options.nodes).map(|index| config(options, index)).collect();
        Cluster {
            sim: Sim::new(sim_options, configs, Vec::new()),
            interval: options.interval,
            rng: rng(options.seed, "gossip"),
        }
    }

    /// Starts all others, each somewhere in a round of its own, and waits until all of them are up to each other.
    fn start_all_but(&mut self, last: NodeIndex) {
        let mut starts: Vec<_> = (0..last.0).map(|node| (self.draw_moment(), NodeIndex(node))).collect();
        starts.sort();
        let begun = self.sim.now();
        for (at, node) in starts {
            self.pass((begun + at) - self.sim.now());
            self.sim.start(node);
        }
        let others: Vec<_> = (0..last.0).map(NodeIndex).collect();
        for node in &others {
            self.until_all(&others, *node, |status| status.up);
        }
    }

    /// Starts the last node, and waits until it is up to all others and they to it. Gives how long all others took to hear
    /// of it.
    fn arrive(&mut self, last: NodeIndex) -> Duration {
        self.pass_to_a_moment();
        let others: Vec<_> = (0..last.0).map(NodeIndex).collect();
        self.sim.start(last);
        let arrival = self.until_all(&others, last, |_| true);
        self.until_all(&others, last, |status| status.up);
        for node in others {
            self.until_all(&[last], node, |status| status.up);
        }
        arrival
    }

    /// Renames a node, and waits until all others know. Gives how long that took.
    fn change(&mut self, number: usize) -> Duration {
        self.pass_to_a_moment();
        let node = self.draw_node();
        let name = format!("change{number}");
        self.sim.rename(node, &name);
        self.until_all(&self.others(node), node, |status| status.name.as_ref() == Some(&name))
    }

    /// Kills a node, and waits until all others hold it to be down. Gives how long each of them took.
    fn die(&mut self) -> Vec<Duration> {
        self.pass_to_a_moment();
        let node = self.draw_node();
        self.sim.kill(node);
        self.until_each(&self.others(node), node, |status| !status.up)
    }

    fn peers_per_round_max(&self) -> u64 {
        let nodes = (0..self.sim.node_count()).map(NodeIndex);
        let counts = nodes.map(|node| self.sim.tally(node).counters.gossip_peers_per_round_max);
        counts.max().unwrap_or(0)
    }

    /// Lets time pass until each of `nodes` has heard of another and thinks so of it. Gives how long it took.
    fn until_all(&mut self, nodes: &[NodeIndex], of: NodeIndex, thinks: impl Fn(&MemberStatus) -> bool) -> Duration {
        let spans = self.until_each(nodes, of, thinks);
        spans.last().copied().unwrap_or_default()
    }

    /// The same. Gives how long each of them took, the fastest first.
    fn until_each(
        &mut self,
        nodes: &[NodeIndex],
        of: NodeIndex,
        thinks: impl Fn(&MemberStatus) -> bool,
    ) -> Vec<Duration> {
        let begun = self.sim.now();
        let mut left: Vec<_> = nodes.iter().copied().filter(|node| *node != of).collect();
        let count = left.len();
        let mut spans = Vec::with_capacity(count);
        for look in 1.. {
            left.retain(|node| !self.sim.opinion(*node, of).is_some_and(|status| thinks(&status)));
            spans.resize(count - left.len(), self.sim.now() - begun);
            if left.is_empty() {
                break;
            }
            assert!(
                look <= ROUNDS_MAX * LOOKS_PER_ROUND,
                "{left:?} do not come to know of {of:?}"
            );
            let until = begun + self.interval * look / LOOKS_PER_ROUND;
            self.pass(until - self.sim.now());
        }
        spans
    }

    /// Lets one to two rounds pass, to a moment that has nothing to do with anybody's.
    fn pass_to_a_moment(&mut self) {
        let span = self.interval + self.draw_moment();
        self.pass(span);
    }

    fn pass(&mut self, span: Duration) {
        let until = self.sim.now() + span;
        while self.sim.advance(until).is_some() {}
    }

    fn draw_moment(&mut self) -> Duration {
        let nanos = u64::try_from(self.interval.as_nanos()).expect("a round is short");
        Duration::from_nanos(self.rng.random_range(0..nanos))
    }

    fn draw_node(&mut self) -> NodeIndex {
        NodeIndex(self.rng.random_range(0..self.sim.node_count()))
    }

    fn others(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let nodes = (0..self.sim.node_count()).map(NodeIndex);
        nodes.filter(|other| *other != node).collect()
    }
}

fn config(options: &GossipOptions, index: usize) -> Config {
    let node = NodeId(split_seed(options.seed, &format!("node {index}")));
    let ring = RingShape {
        partitions: 1,
        replication: Replication::Simple(1),
    };
    Config {
        name: format!("n{index}"),
        seeds: (0..SEED_COUNT.min(options.nodes)).map(address).collect(),
        gossip_interval: options.interval,
        gossip_fan_out: options.fan_out,
        ..Config::new(ClusterId(1), node, address(index), ring, options.nodes + 1)
    }
}

fn address(index: usize) -> SocketAddr {
    let port = u16::try_from(index + 1).expect("fewer nodes than ports");
    SocketAddr::from(([127, 0, 0, 1], port))
}
