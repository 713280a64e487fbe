//! What was counted for answers: the owners, by partition and by the record that the coordinator went by.
//!
//! Any two quorums of one partition are to meet, whatever becomes of its owners. Whoever reads the log can check that by
//! itself, without a history: it is a hundred times as sensitive (CLAIMS.md, 2.4). Each set is told once, so that the log
//! stays as short as the ring is calm.

use std::collections::BTreeSet;

use crate::{CountedQuorum, Event, Node, NodeId, Operation, Output};

/// Sets that are remembered as told: all that three owners of a thousand partitions make, in some records of each.
const TOLD_MAX: usize = 65_536;

/// The sets that were told.
#[derive(Debug, Default)]
pub(crate) struct Quorums {
    told: BTreeSet<CountedQuorum>,
}

impl Node {
    /// Tells the owners that an answer to a client was given upon, unless it has told the same before.
    pub(super) fn note_quorum(&mut self, at: super::At, operation: Operation, mut nodes: Vec<NodeId>) {
        nodes.sort();
        let counted = CountedQuorum {
            partition: at.partition,
            epoch: at.epoch,
            operation,
            level: at.level,
            nodes,
        };
        if self.quorums.told.contains(&counted) {
            return;
        }
        if self.quorums.told.len() >= TOLD_MAX {
            self.quorums.told.clear();
        }
        self.quorums.told.insert(counted.clone());
        self.output(Output::Event(Event::QuorumCounted(Box::new(counted))));
    }
}
