//! The order of real time between some transactions, as a chain of moments: one wherever one begins after another has ended.

use super::txns::{self, NONE, Txns};

/// Nodes that stand for moments, and what comes before what.
#[derive(Debug, Default)]
pub(super) struct RealTime {
    pub(super) moment_count: usize,
    /// What has ended comes before a moment, that before the next, and before what begins there.
    pub(super) edges: Vec<(u32, u32)>,
}

impl RealTime {
    /// Returns the order of these transactions, which are in order of their invocations: of each the node of its beginning and that of
    /// its end, by its number here. Moments are nodes from `first_moment` on.
    pub(super) fn new(
        txns: &Txns,
        kept: &[u32],
        first_moment: usize,
        (begin, end): (impl Fn(u32) -> u32, impl Fn(u32) -> u32),
    ) -> Self {
        let ends = (0..)
            .zip(kept)
            .filter(|(_, txn)| txns.is_ok(**txn) && txns.txn(**txn).end != NONE)
            .map(|(number, txn)| (txns.txn(*txn).end, number));
        let mut ends = txns::by_entry(ends).peekable();
        let mut edges = Vec::with_capacity(2 * kept.len());
        let (mut moment, mut next) = (NONE, first_moment as u32);
        for (number, txn) in (0..).zip(kept) {
            let start = txns.txn(*txn).start;
            let mut is_later = false;
            while let Some((_, ended)) = ends.next_if(|(end, _)| *end < start) {
                edges.push((end(ended), next));
                is_later = true;
            }
            if is_later {
                if moment != NONE {
                    edges.push((moment, next));
                }
                moment = next;
                next += 1;
            }
            if moment != NONE && start > 0 {
                edges.push((moment, begin(number)));
            }
        }
        Self {
            moment_count: next as usize - first_moment,
            edges,
        }
    }
}
