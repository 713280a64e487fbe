//! The three messages of an exchange, and what each side learns from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{NodeState, Stamped};
use crate::{ClusterId, Generation, NodeId};

/// How much of a node's state is known: everything of `generation` up to `version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest {
    /// Whose state.
    pub node: NodeId,
    /// Of which start.
    pub generation: Generation,
    /// Up to which version; 0 for nothing.
    pub version: u64,
}

/// The part of a node's state that somebody lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Delta {
    /// Whose state.
    pub node: NodeId,
    /// Of which start.
    pub generation: Generation,
    /// The heartbeat, whether or not it is what was lacking.
    pub heartbeat: u64,
    /// Every fact above the version asked from.
    pub facts: Vec<Stamped>,
}

/// Opens an exchange: what the sender knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipSyn {
    /// The sender's cluster; checked before the rest is looked at.
    pub cluster: ClusterId,
    /// A digest for each node that the sender knows of.
    pub digests: Vec<Digest>,
}

/// Answers it: what the opener lacks, and what the answerer lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipAck {
    /// News for the opener.
    pub deltas: Vec<Delta>,
    /// How far the answerer's knowledge goes, where the opener's goes further.
    pub wanted: Vec<Digest>,
}

/// Ends it: what the answerer asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GossipAck2 {
    /// News for the answerer.
    pub deltas: Vec<Delta>,
}

/// What a delta brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Nothing that was not known.
    Nothing,
    /// A sign of life from a known start of the node.
    Heartbeat,
    /// The node's first account, or that of a newer start.
    Start,
}

/// All accounts that a node holds, its own among them.
#[derive(Debug)]
pub(crate) struct Gossip {
    cluster: ClusterId,
    me: NodeId,
    states: BTreeMap<NodeId, NodeState>,
}

impl Gossip {
    pub(crate) fn new(cluster: ClusterId, me: NodeId, own: NodeState) -> Gossip {
        Gossip {
            cluster,
            me,
            states: BTreeMap::from([(me, own)]),
        }
    }

    /// This node's own account, to be changed.
    pub(crate) fn own(&mut self) -> &mut NodeState {
        self.states.get_mut(&self.me).expect("a node knows itself")
    }

    /// Forgets all that a node has said.
    pub(crate) fn forget(&mut self, node: NodeId) {
        if node != self.me {
            self.states.remove(&node);
        }
    }

    /// Takes in one delta. A node's own account is nobody else's to change.
    pub(crate) fn learn(&mut self, delta: Delta) -> Learned {
        if delta.node == self.me {
            return Learned::Nothing;
        }
        let known = self.states.get_mut(&delta.node);
        match known {
            Some(state) if state.generation > delta.generation => Learned::Nothing,
            Some(state) if state.generation == delta.generation => {
                let alive = delta.heartbeat > state.heartbeat;
                state.heartbeat = state.heartbeat.max(delta.heartbeat);
                delta.facts.into_iter().for_each(|stamped| state.take(stamped));
                if alive { Learned::Heartbeat } else { Learned::Nothing }
            }
            _ => {
                let mut state = NodeState::new(delta.generation);
                state.heartbeat = delta.heartbeat;
                delta.facts.into_iter().for_each(|stamped| state.take(stamped));
                self.states.insert(delta.node, state);
                Learned::Start
            }
        }
    }

    pub(crate) fn syn(&self) -> GossipSyn {
        let digests = self.states.iter().map(|(node, state)| digest(*node, state)).collect();
        GossipSyn {
            cluster: self.cluster,
            digests,
        }
    }

    /// The answer to a syn, or `None` if it comes from another cluster.
    pub(crate) fn answer(&self, syn: &GossipSyn) -> Option<GossipAck> {
        if syn.cluster != self.cluster {
            return None;
        }
        let theirs: BTreeMap<_, _> = syn.digests.iter().map(|d| (d.node, *d)).collect();
        let wanted = theirs.values().filter_map(|d| self.lacking(*d)).collect();
        let deltas = self
            .states
            .iter()
            .filter_map(|(node, state)| delta_since(*node, state, theirs.get(node)))
            .collect();
        Some(GossipAck { deltas, wanted })
    }

    /// The closing message, if anything was asked for.
    pub(crate) fn close(&self, wanted: &[Digest]) -> Option<GossipAck2> {
        let deltas: Vec<_> = wanted
            .iter()
            .filter_map(|d| delta_since(d.node, self.states.get(&d.node)?, Some(d)))
            .collect();
        (!deltas.is_empty()).then_some(GossipAck2 { deltas })
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (NodeId, &NodeState)> {
        self.states.iter().map(|(node, state)| (*node, state))
    }

    pub(crate) fn state(&self, node: NodeId) -> Option<&NodeState> {
        self.states.get(&node)
    }

    /// How far this node's knowledge goes, if `theirs` goes further.
    fn lacking(&self, theirs: Digest) -> Option<Digest> {
        let Some(state) = self.states.get(&theirs.node) else {
            return Some(Digest { version: 0, ..theirs });
        };
        if (theirs.generation, theirs.version) <= (state.generation, state.version()) {
            return None;
        }
        let version = if theirs.generation == state.generation {
            state.version()
        } else {
            0
        };
        Some(Digest { version, ..theirs })
    }
}

fn digest(node: NodeId, state: &NodeState) -> Digest {
    Digest {
        node,
        generation: state.generation,
        version: state.version(),
    }
}

/// What whoever sent `theirs` lacks of `state`; everything, where they know of an older start or of none.
fn delta_since(node: NodeId, state: &NodeState, theirs: Option<&Digest>) -> Option<Delta> {
    let from = match theirs {
        Some(d) if d.generation > state.generation => return None,
        Some(d) if d.generation == state.generation => d.version,
        _ => 0,
    };
    if state.version() <= from {
        return None;
    }
    Some(Delta {
        node,
        generation: state.generation,
        heartbeat: state.heartbeat,
        facts: state.facts.iter().filter(|s| s.version > from).cloned().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fact;

    const CLUSTER: ClusterId = ClusterId(7);

    fn gossip(node: u64, generation: u32, weight: u16) -> Gossip {
        let mut own = NodeState::new(Generation(generation));
        own.say(Fact::Weight(weight));
        Gossip::new(CLUSTER, NodeId(node), own)
    }

    /// A whole exchange, opened by `a`.
    fn exchange(a: &mut Gossip, b: &mut Gossip) {
        let ack = b.answer(&a.syn()).expect("one cluster");
        ack.deltas.into_iter().for_each(|delta| {
            a.learn(delta);
        });
        if let Some(ack2) = a.close(&ack.wanted) {
            ack2.deltas.into_iter().for_each(|delta| {
                b.learn(delta);
            });
        }
    }

    #[test]
    fn after_an_exchange_both_know_all_that_either_knew() {
        let (mut a, mut b, mut c) = (gossip(1, 1, 10), gossip(2, 1, 20), gossip(3, 1, 30));
        exchange(&mut a, &mut b);
        exchange(&mut c, &mut b);
        exchange(&mut a, &mut c);
        assert_eq!(a.states, c.states);
        assert_eq!(a.states.len(), 3);
        assert_eq!(
            a.answer(&c.syn()),
            Some(GossipAck {
                deltas: vec![],
                wanted: vec![]
            })
        );
    }

    #[test]
    fn a_newer_start_replaces_an_older_one_and_is_never_replaced_by_it() {
        let (mut a, mut old, mut new) = (gossip(1, 1, 10), gossip(2, 1, 20), gossip(2, 2, 21));
        old.own().beat();
        old.own().beat();
        exchange(&mut a, &mut old);
        exchange(&mut a, &mut new);
        assert_eq!(a.state(NodeId(2)).and_then(NodeState::weight), Some(21));
        exchange(&mut old, &mut a);
        assert_eq!(a.state(NodeId(2)).and_then(NodeState::weight), Some(21));
    }

    #[test]
    fn a_heartbeat_is_a_sign_of_life_once() {
        let (mut a, mut b) = (gossip(1, 1, 10), gossip(2, 1, 20));
        exchange(&mut a, &mut b);
        b.own().beat();
        let delta = b.answer(&a.syn()).expect("one cluster").deltas.remove(0);
        assert!(delta.facts.is_empty());
        assert_eq!(a.learn(delta.clone()), Learned::Heartbeat);
        assert_eq!(a.learn(delta), Learned::Nothing);
    }

    #[test]
    fn another_cluster_is_not_answered() {
        let other = Gossip::new(ClusterId(8), NodeId(2), NodeState::new(Generation(1)));
        assert_eq!(gossip(1, 1, 10).answer(&other.syn()), None);
    }
}
