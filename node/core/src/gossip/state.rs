//! What one node says of itself, with a version on everything that it says.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

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

impl Fact {
    fn same_kind(&self, other: &Fact) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A fact, and the version that its owner gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamped {
    /// Above every version that the owner gave before, in this generation.
    pub version: u64,
    /// What is said.
    pub fact: Fact,
}

/// A node's account of itself, or another's copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeState {
    /// Which start of the node this is. A higher one replaces everything of a lower one.
    pub generation: Generation,
    /// Raised each round, so that silence can be told from having nothing to say.
    pub heartbeat: u64,
    /// The facts, oldest version first.
    pub facts: Vec<Stamped>,
}

impl NodeState {
    /// A node that has just started and said nothing.
    pub fn new(generation: Generation) -> NodeState {
        NodeState {
            generation,
            heartbeat: 0,
            facts: Vec::new(),
        }
    }

    /// The highest version on anything here: whoever knows this node up to it knows all.
    pub fn version(&self) -> u64 {
        self.facts
            .last()
            .map_or(0, |stamped| stamped.version)
            .max(self.heartbeat)
    }

    /// Raises the heartbeat.
    pub fn beat(&mut self) {
        self.heartbeat = self.version() + 1;
    }

    /// Says `fact`, in place of the earlier one of its kind. Stamping and publishing are one step: a version handed
    /// out before its fact is visible lets a digest hide the fact for ever (CASSANDRA-10366).
    pub fn say(&mut self, fact: Fact) {
        let version = self.version() + 1;
        self.take(Stamped { version, fact });
        assert_eq!(self.version(), version, "the newest fact carries the highest version");
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
        self.facts.insert(at, stamped);
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
        self.facts.iter().find_map(|s| match s.fact {
            Fact::Ring(digest) => Some(digest),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_raises_the_version() {
        let mut state = NodeState::new(Generation(1));
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
        let mut state = NodeState::new(Generation(1));
        let stamped = |version, weight| Stamped {
            version,
            fact: Fact::Weight(weight),
        };
        state.take(stamped(5, 50));
        state.take(stamped(3, 30));
        assert_eq!(state.weight(), Some(50));
    }
}
