//! Vector clocks: how many transactions of each session causally precede a transaction.
//!
//! Fidge (1988) and Mattern (1989): the causal order is sessions and reads-from, closed, so what precedes a
//! transaction is a beginning of each session, and its lengths say all. They are kept for a block of sessions at a time, so
//! that memory is bounded whatever the number of sessions.

use super::resolved::{INITIAL, Resolved};

/// How many sessions' components are kept at a time, at most.
pub(super) const BLOCK_SESSION_COUNT_MAX: usize = 64;

/// The components of all transactions' clocks for one block of sessions.
pub(super) struct Clocks {
    /// The first session of the block, and one past the last.
    pub(super) sessions: std::ops::Range<u32>,
    width: usize,
    /// By transaction, a row of `width`.
    counts: Vec<u32>,
}

impl Clocks {
    /// Returns room for blocks of at most `width` sessions.
    pub(super) fn new(txn_count: u32, width: usize) -> Self {
        Self {
            sessions: 0..0,
            width,
            counts: vec![0; txn_count as usize * width],
        }
    }

    /// Fills in the block of `sessions`. `order` has each transaction after all that causally precede it.
    pub(super) fn fill(&mut self, resolved: &Resolved<'_>, order: &[u32], sessions: std::ops::Range<u32>) {
        assert!(sessions.len() <= self.width, "a block fits");
        self.sessions = sessions;
        let mut row = vec![0u32; self.width];
        for txn in order {
            row.fill(0);
            if let Some(before) = resolved.before(*txn) {
                row.copy_from_slice(self.of(before));
                self.count(resolved, &mut row, before);
            }
            for source in resolved.reads_of(*txn).iter().filter(|source| source.txn != INITIAL) {
                for (known, other) in row.iter_mut().zip(self.of(source.txn)) {
                    *known = (*known).max(*other);
                }
                self.count(resolved, &mut row, source.txn);
            }
            self.counts[*txn as usize * self.width..][..self.width].copy_from_slice(&row);
        }
    }

    /// Returns, by session of the block, how many of its transactions causally precede `txn`.
    pub(super) fn of(&self, txn: u32) -> &[u32] {
        &self.counts[txn as usize * self.width..][..self.width]
    }

    /// Returns whether `first` causally precedes `then`, if its session is of the block.
    pub(super) fn is_before(&self, resolved: &Resolved<'_>, first: u32, then: u32) -> Option<bool> {
        let session = resolved.session_of[first as usize];
        let column = self
            .sessions
            .contains(&session)
            .then(|| (session - self.sessions.start) as usize)?;
        Some(resolved.index(first) < self.of(then)[column])
    }

    fn count(&self, resolved: &Resolved<'_>, row: &mut [u32], txn: u32) {
        let session = resolved.session_of[txn as usize];
        if self.sessions.contains(&session) {
            let known = &mut row[(session - self.sessions.start) as usize];
            *known = (*known).max(resolved.index(txn) + 1);
        }
    }
}
