//! How stale reads have to be in a given order of the writes.
//!
//! With the writes in order, an op's place is after how many of them it comes, itself included. A read's is not less
//! than its own write's, nor than that of any op that ended before it began; and as nothing but that binds a read,
//! taking the least place for each read as it begins gives the least for all at once. A read in place p of the value of
//! write i returns one of the last p - i + 1. A write's place is given, so that no op may have ended before it began
//! whose place is not before. Linear in the chunk's ops, once their events are in order.

use super::chunk::Chunk;
use crate::history::Position;

/// The events of a chunk in the order of real time, to try orders of its writes on.
pub(super) struct Schedule {
    /// What happened, and to which cluster's op.
    events: Vec<(Event, u32, u32)>,
    /// Whether a cluster, and which, was written before all.
    initial: Option<usize>,
    op_count: usize,
    cluster_count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Write,
    Read,
    End,
}

impl Schedule {
    pub(super) fn new(chunk: &Chunk<'_>) -> Self {
        let mut events: Vec<(Position, Event, u32, u32)> = Vec::new();
        let mut op_count = 0;
        for (cluster, number) in chunk.clusters.iter().zip(0..) {
            for op in &cluster.ops {
                let begun = if op.action.is_write() {
                    Event::Write
                } else {
                    Event::Read
                };
                events.push((op.start, begun, number, op_count));
                if op.end != Position::NEVER {
                    events.push((op.end, Event::End, number, op_count));
                }
                op_count += 1;
            }
        }
        events.sort_unstable_by_key(|event| event.0);
        Self {
            events: events
                .into_iter()
                .map(|(_, event, cluster, op)| (event, cluster, op))
                .collect(),
            initial: chunk.clusters.iter().position(|cluster| cluster.is_initial()),
            op_count: op_count as usize,
            cluster_count: chunk.clusters.len(),
        }
    }

    /// Returns the least k for which the chunk is k-atomic with its writes in `order`, which names each of its clusters
    /// once; none if real time does not allow that order.
    pub(super) fn least_k(&self, order: &[usize]) -> Option<u64> {
        assert_eq!(order.len(), self.cluster_count, "an order has all writes");
        let mut ranks = vec![0u32; self.cluster_count];
        for (rank, &cluster) in (1..).zip(order) {
            ranks[cluster] = rank;
        }
        let mut places = vec![0u32; self.op_count];
        let mut ended = self.initial.map_or(0, |initial| ranks[initial]);
        let mut most = 0;
        for &(event, cluster, op) in &self.events {
            let rank = ranks[cluster as usize];
            let place = &mut places[op as usize];
            match event {
                Event::Write if ended >= rank => return None,
                Event::Write => *place = rank,
                Event::Read => {
                    *place = ended.max(rank);
                    most = most.max(*place - rank);
                }
                Event::End => ended = ended.max(*place),
            }
        }
        Some(u64::from(most) + 1)
    }
}
