//! Who was seen as down, beyond a restart of who saw it: a planted bug, [`Plant::VerdictKept`]. Nothing here does anything else.
//!
//! Whether another node is up is what one start of this node thinks (`gossip/detector.rs`): it ends with that start, and an echo
//! over the link changes it. Under the bug it is noted on the disk, with the start that the other was known by. What was noted
//! in this start of the node an echo still takes back. What was noted in one before counts until a later start of the other is
//! heard of, as in SWIM only a higher incarnation refutes a death; and nobody tells the other what it would have to refute.
//!
//! ```text
//! n5, as start 2 ── silent ──▶ n1: down, as of start 2 ──▶ disk       all are killed and started again
//! n5, as start 2 again (an old copy of its disk) ──▶ n1: that is no later one: down, for good
//! ```
//!
//! Where others still know the account that the earlier life gave of itself, n5 hears of it and goes on above that
//! (`generation.rs`). After they all were started again nobody does.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Generation, Node, NodeId, Plant, StoreOp};

/// What was seen, in this start of the node and before.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Who was seen as down, and as which start: what is on the disk.
    noted: BTreeMap<NodeId, Generation>,
    /// Those among them who were so before this node was started.
    final_ones: BTreeSet<NodeId>,
}

impl Verdicts {
    /// What is left of the starts before.
    pub(crate) fn of(noted: BTreeMap<NodeId, Generation>) -> Verdicts {
        Verdicts {
            final_ones: noted.keys().copied().collect(),
            noted,
        }
    }
}

impl Node {
    /// Whether a node is down, whatever its link says.
    pub(crate) fn is_held_dead(&self, node: NodeId) -> bool {
        self.verdicts.final_ones.contains(&node)
    }

    /// A node has been silent for too long.
    pub(crate) fn note_down(&mut self, node: NodeId) {
        if self.has_plant(Plant::VerdictKept) {
            let generation = self.gossip.state(node).map(|state| state.generation);
            let generation = generation.expect("who falls silent was heard");
            self.verdicts.noted.insert(node, generation);
            self.keep_verdicts();
        }
    }

    /// A node has answered over its link.
    pub(crate) fn note_up(&mut self, node: NodeId) {
        if !self.is_held_dead(node) && self.verdicts.noted.remove(&node).is_some() {
            self.keep_verdicts();
        }
    }

    /// A start of a node is heard of.
    pub(crate) fn note_start(&mut self, node: NodeId, generation: Generation) {
        if self.verdicts.noted.get(&node).is_some_and(|noted| *noted < generation) {
            self.verdicts.noted.remove(&node);
            self.verdicts.final_ones.remove(&node);
            self.keep_verdicts();
        }
    }

    fn keep_verdicts(&mut self) {
        let noted = self.verdicts.noted.clone();
        self.journal.stage_memory(StoreOp::SetDown(noted));
    }
}
