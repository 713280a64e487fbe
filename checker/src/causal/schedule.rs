//! An order of all transactions in which each comes after its session's earlier ones and after whatever else it has to
//! follow, or those that are stuck behind a cycle.
//!
//! Each session is run until its next transaction has to wait for one of another session, and goes on when that one is
//! done (Kahn, *Topological sorting of large networks*, CACM 1962, with sessions for queues). Linear in what there is to
//! follow, and without a graph in memory.

use super::resolved::{INITIAL, Resolved};

/// Edges of the commit order beyond sessions and reads: for each transaction, which come before it.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// The later in the upper half, the earlier in the lower; ascending, each once.
    packed: Vec<u64>,
    /// Where each transaction's begin in `packed`, and one past the last; empty as long as there are none.
    starts: Vec<u32>,
}

impl Edges {
    /// Takes edges as [`pack`] has them, ascending.
    pub(super) fn new(packed: Vec<u64>, txn_count: u32) -> Self {
        let mut starts = Vec::new();
        if !packed.is_empty() {
            starts = vec![0; txn_count as usize + 1];
            for edge in &packed {
                starts[unpack(*edge).0 as usize + 1] += 1;
            }
            for txn in 0..txn_count as usize {
                starts[txn + 1] += starts[txn];
            }
        }
        Self { packed, starts }
    }

    /// Returns the edges to `txn` from those that come before it, as [`pack`] has them.
    pub(super) fn before(&self, txn: u32) -> &[u64] {
        match self.starts.get(txn as usize) {
            Some(start) => &self.packed[*start as usize..self.starts[txn as usize + 1] as usize],
            None => &[],
        }
    }
}

/// Returns that `first` comes before `then` as a number that sorts by `then`.
pub(super) fn pack(then: u32, first: u32) -> u64 {
    u64::from(then) << 32 | u64::from(first)
}

/// Returns the later and the earlier of an edge.
pub(super) fn unpack(edge: u64) -> (u32, u32) {
    ((edge >> 32) as u32, edge as u32)
}

/// Returns the transactions in such an order; an error is how far each session got, one past its last that is done.
pub(super) fn schedule(resolved: &Resolved<'_>, edges: &Edges) -> Result<Vec<u32>, Vec<u32>> {
    let session_count = resolved.session_starts.len() - 1;
    let mut run = Run {
        resolved,
        edges,
        next: resolved.session_starts[..session_count].to_vec(),
        met: vec![0; session_count],
        waiting: vec![NOBODY; resolved.txn_count() as usize],
        waiting_after: vec![NOBODY; session_count],
    };
    let mut order = Vec::with_capacity(resolved.txn_count() as usize);
    // From the last, so that the first is on top.
    let mut runnable: Vec<u32> = (0..session_count as u32).rev().collect();
    while let Some(session) = runnable.pop() {
        let end = resolved.session_starts[session as usize + 1];
        while run.next[session as usize] < end {
            let txn = run.next[session as usize];
            if let Some(other) = run.unmet(session, txn) {
                run.waiting_after[session as usize] = run.waiting[other as usize];
                run.waiting[other as usize] = session;
                break;
            }
            order.push(txn);
            run.next[session as usize] += 1;
            run.met[session as usize] = 0;
            let mut waiter = run.waiting[txn as usize];
            while waiter != NOBODY {
                runnable.push(waiter);
                waiter = run.waiting_after[waiter as usize];
            }
        }
    }
    if order.len() == resolved.txn_count() as usize {
        Ok(order)
    } else {
        Err(run.next)
    }
}

const NOBODY: u32 = u32::MAX;

struct Run<'r, 's> {
    resolved: &'r Resolved<'s>,
    edges: &'r Edges,
    /// By session, its next transaction, and how much of what that one has to follow was seen to be done.
    next: Vec<u32>,
    met: Vec<usize>,
    /// By transaction, the first session that waits for it; by session, the next that waits for the same.
    waiting: Vec<u32>,
    waiting_after: Vec<u32>,
}

impl Run<'_, '_> {
    /// Returns a transaction that `txn`, the next of `session`, has to follow and that is not done.
    fn unmet(&mut self, session: u32, txn: u32) -> Option<u32> {
        let reads = self.resolved.reads_of(txn);
        let edges = self.edges.before(txn);
        let met = &mut self.met[session as usize];
        while *met < reads.len() + edges.len() {
            let other = match reads.get(*met) {
                Some(source) => source.txn,
                None => unpack(edges[*met - reads.len()]).1,
            };
            let is_done = other == INITIAL || other < self.next[self.resolved.session_of[other as usize] as usize];
            if !is_done {
                return Some(other);
            }
            *met += 1;
        }
        None
    }
}
