//! What was counted for answers: the owners, by partition and by the record that the coordinator went by.
//!
//! Any two quorums of one partition are to meet, whatever becomes of its owners. Whoever reads the log can check that by
//! itself, without a history: it is a hundred times as sensitive (CLAIMS.md, 2.4). Each set is told once, so that the log
//! stays as short as the ring is calm.

use rustc_hash::FxHashMap;

use crate::{CountedQuorum, Epoch, Event, Level, Node, NodeId, Operation, Output, PartitionId};

/// Sets that are remembered as told: all that three owners of a thousand partitions make, in some records of each.
const TOLD_MAX: usize = 65_536;

/// The sets that were told.
#[derive(Debug, Default)]
pub(crate) struct Quorums {
    /// By what they were counted for; each in order. Every answer looks here, and most were told before.
    told: FxHashMap<CountedFor, Vec<Vec<NodeId>>>,
    /// How many sets there are.
    count: usize,
}

type CountedFor = (PartitionId, Epoch, Operation, Level);

impl Quorums {
    /// Takes note of a set. Returns it in order, if it is none that was told.
    fn note(&mut self, counted_for: CountedFor, nodes: &[NodeId]) -> Option<Vec<NodeId>> {
        let is_same = |told: &Vec<NodeId>| told.len() == nodes.len() && nodes.iter().all(|node| told.contains(node));
        if self.told.get(&counted_for).is_some_and(|told| told.iter().any(is_same)) {
            return None;
        }
        if self.count >= TOLD_MAX {
            self.told.clear();
            self.count = 0;
        }
        let mut nodes = nodes.to_vec();
        nodes.sort();
        self.told.entry(counted_for).or_default().push(nodes.clone());
        self.count += 1;
        Some(nodes)
    }
}

impl Node {
    /// Tells the owners, each once, that an answer to a client was given upon, unless it has told the same before.
    pub(super) fn note_quorum(&mut self, at: super::At, operation: Operation, nodes: &[NodeId]) {
        let (partition, epoch, level) = (at.partition, at.epoch, at.level);
        if let Some(nodes) = self.quorums.note((partition, epoch, operation, level), nodes) {
            self.output(Output::Event(Event::QuorumCounted(Box::new(CountedQuorum {
                partition,
                epoch,
                operation,
                level,
                nodes,
            }))));
        }
    }
}
