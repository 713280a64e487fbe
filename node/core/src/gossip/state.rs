//! What one node says of itself, with a version on everything that it says.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Seal;
use crate::{Generation, Name, NodeId, RingDigest, Standing};

/// Something that a node says of itself. It says at most one of each kind at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fact {
    /// What people call it.
    Name(String),
    /// Where other nodes reach it.
    Address(SocketAddr),
    /// Its share of the ring.
    Weight(u16),
    /// The ring that it serves by.
    Ring(RingDigest),
    /// Its data center.
    Dc(Name),
    /// Its rack.
    Rack(Name),
    /// What it is to the cluster.
    Standing(Standing),
    /// Whose tokens it has, if they are not its own: those of the node that it replaced.
    Tokens(NodeId),
}

/// The longest name of a node, in bytes: every node's are gossiped to every other.
pub const NODE_NAME_BYTES_MAX: usize = 64;

/// The highest weight of a node. Its vnodes are so many times those of a node of weight 1.
pub const WEIGHT_MAX: u16 = 1000;

impl Fact {
    fn same_kind(&self, other: &Fact) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether a node may say this of itself. Others take no notice of what it may not.
    pub fn is_legal(&self) -> bool {
        match self {
            Fact::Name(name) => (1..=NODE_NAME_BYTES_MAX).contains(&name.len()),
            Fact::Address(address) => address.port() != 0 && !address.ip().is_unspecified(),
            Fact::Weight(weight) => (1..=WEIGHT_MAX).contains(weight),
            // Names of places can't be made but legal, and a digest is any number.
            Fact::Ring(_) | Fact::Dc(_) | Fact::Rack(_) | Fact::Standing(_) | Fact::Tokens(_) => true,
        }
    }
}

/// A fact, and the version and the checksum that its owner gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamped {
    /// Above every version that the owner gave before, in this generation.
    pub version: u64,
    /// What is said.
    pub fact: Fact,
    /// Over both, and whose they are.
    pub seal: Seal,
}

/// A version by which its owner says nothing but that it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Among the versions of the facts; 0 for none yet.
    pub version: u64,
    /// Over it, and whose it is.
    pub seal: Seal,
}

impl Heartbeat {
    pub(super) fn new(node: NodeId, generation: Generation, version: u64) -> Heartbeat {
        let seal = Seal::of_heartbeat(node, generation, version);
        Heartbeat { version, seal }
    }
}

/// A node's account of itself, or another's copy of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// Whose.
    node: NodeId,
    /// Which start of the node this is. A higher one replaces everything of a lower one.
    pub generation: Generation,
    /// Raised each round, so that silence can be told from having nothing to say.
    heartbeat: Heartbeat,
    /// The facts, oldest version first.
    facts: Vec<Stamped>,
    /// The highest of their versions, and 0 for none: at hand, because it is asked of every node in every round.
    fact_version: u64,
}

impl NodeState {
    /// A node that has just started and said nothing.
    pub fn new(node: NodeId, generation: Generation) -> NodeState {
        NodeState {
            node,
            generation,
            heartbeat: Heartbeat::new(node, generation, 0),
            facts: Vec::new(),
            fact_version: 0,
        }
    }

    /// The same facts, said in the same order by another start of the node.
    pub(super) fn again(&self, generation: Generation) -> NodeState {
        let mut again = NodeState::new(self.node, generation);
        let facts = self.facts.iter().map(|stamped| stamped.fact.clone());
        facts.for_each(|fact| again.say(fact));
        again
    }

    /// The highest version on anything here: whoever knows this node up to it knows all.
    pub fn version(&self) -> u64 {
        self.fact_version.max(self.heartbeat.version)
    }

    /// Raises the heartbeat.
    pub fn beat(&mut self) {
        self.beat_above(self.version());
    }

    pub(super) fn beat_above(&mut self, version: u64) {
        self.heartbeat = Heartbeat::new(self.node, self.generation, version + 1);
    }

    /// Says `fact`, in place of the earlier one of its kind. Stamping and publishing are one step: a version handed
    /// out before its fact is visible lets a digest hide the fact for ever (CASSANDRA-10366).
    ///
    /// # Panics
    /// If it is not legal: nobody would listen.
    pub fn say(&mut self, fact: Fact) {
        let stamped = self.stamp(fact);
        let version = stamped.version;
        self.take(stamped);
        assert_eq!(self.version(), version, "the newest fact carries the highest version");
    }

    /// A fact with the version that is next.
    pub(super) fn stamp(&self, fact: Fact) -> Stamped {
        assert!(
            fact.is_legal(),
            "a node says nothing that others would ignore: {fact:?}"
        );
        let version = self.version() + 1;
        let seal = Seal::of_fact(self.node, self.generation, version, &fact);
        Stamped { version, fact, seal }
    }

    /// Takes over what the owner said, unless something newer of its kind is known.
    pub(super) fn take(&mut self, stamped: Stamped) {
        let known = self.facts.iter().position(|s| s.fact.same_kind(&stamped.fact));
        if let Some(at) = known {
            if self.facts[at].version >= stamped.version {
                return;
            }
            self.facts.remove(at);
        }
        let at = self.facts.partition_point(|s| s.version < stamped.version);
        self.fact_version = self.fact_version.max(stamped.version);
        self.facts.insert(at, stamped);
    }

    /// Takes over a heartbeat. True if it is a later one.
    pub(super) fn take_heartbeat(&mut self, heartbeat: Heartbeat) -> bool {
        let is_later = heartbeat.version > self.heartbeat.version;
        if is_later {
            self.heartbeat = heartbeat;
        }
        is_later
    }

    pub(super) fn heartbeat(&self) -> Heartbeat {
        self.heartbeat
    }

    /// The facts above a version, oldest first.
    pub(super) fn facts_above(&self, version: u64) -> &[Stamped] {
        if version >= self.fact_version {
            return &[];
        }
        &self.facts[self.facts.partition_point(|stamped| stamped.version <= version)..]
    }

    /// What people call the node.
    pub fn name(&self) -> Option<&str> {
        self.facts.iter().find_map(|s| match &s.fact {
            Fact::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Where the node is reached.
    pub fn address(&self) -> Option<SocketAddr> {
        self.facts.iter().find_map(|s| match s.fact {
            Fact::Address(address) => Some(address),
            _ => None,
        })
    }

    /// The node's share of the ring.
    pub fn weight(&self) -> Option<u16> {
        self.facts.iter().find_map(|s| match s.fact {
            Fact::Weight(weight) => Some(weight),
            _ => None,
        })
    }

    /// The node's data center.
    pub fn dc(&self) -> Option<&Name> {
        self.facts.iter().find_map(|s| match &s.fact {
            Fact::Dc(dc) => Some(dc),
            _ => None,
        })
    }

    /// The node's rack.
    pub fn rack(&self) -> Option<&Name> {
        self.facts.iter().find_map(|s| match &s.fact {
            Fact::Rack(rack) => Some(rack),
            _ => None,
        })
    }

    /// Whose tokens the node has, if they are not its own.
    pub fn tokens(&self) -> Option<NodeId> {
        self.facts.iter().find_map(|s| match s.fact {
            Fact::Tokens(node) => Some(node),
            _ => None,
        })
    }

    /// What the node is to the cluster.
    pub fn standing(&self) -> Option<Standing> {
        self.facts.iter().find_map(|s| match s.fact {
            Fact::Standing(standing) => Some(standing),
            _ => None,
        })
    }

    /// The ring that the node serves by.
    pub fn ring(&self) -> Option<RingDigest> {
        // From the end: a node says it last of all.
        self.facts.iter().rev().find_map(|s| match s.fact {
            Fact::Ring(digest) => Some(digest),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(1);
    const GENERATION: Generation = Generation(1);

    #[test]
    fn every_change_raises_the_version() {
        let mut state = NodeState::new(NODE, GENERATION);
        let mut versions = vec![state.version()];
        state.say(Fact::Weight(1));
        versions.push(state.version());
        state.beat();
        versions.push(state.version());
        state.say(Fact::Weight(2));
        versions.push(state.version());
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
        assert_eq!(state.weight(), Some(2));
        assert_eq!(state.facts.len(), 1);
    }

    #[test]
    fn an_older_fact_never_replaces_a_newer_one() {
        let mut state = NodeState::new(NODE, GENERATION);
        let stamped = |version, weight| {
            let fact = Fact::Weight(weight);
            let seal = Seal::of_fact(NODE, GENERATION, version, &fact);
            Stamped { version, fact, seal }
        };
        state.take(stamped(5, 50));
        state.take(stamped(3, 30));
        assert_eq!(state.weight(), Some(50));
    }

    #[test]
    fn what_nobody_can_use_is_not_legal() {
        let name = |length| Fact::Name("x".repeat(length));
        let address = |text: &str| Fact::Address(text.parse().unwrap());
        let legal = [
            name(1),
            name(NODE_NAME_BYTES_MAX),
            address("10.0.0.1:1"),
            Fact::Weight(1),
            Fact::Weight(WEIGHT_MAX),
            Fact::Ring(RingDigest(0)),
        ];
        let illegal = [
            name(0),
            name(NODE_NAME_BYTES_MAX + 1),
            address("10.0.0.1:0"),
            address("0.0.0.0:1"),
            address("[::]:1"),
            Fact::Weight(0),
            Fact::Weight(WEIGHT_MAX + 1),
        ];
        assert!(legal.iter().all(Fact::is_legal));
        assert!(!illegal.iter().any(Fact::is_legal));
    }
}
