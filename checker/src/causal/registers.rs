//! Histories of registers as sessions: each op is a transaction of one read or one write.
//!
//! A session is a process. Failed writes did nothing, and reads without an answer tell nothing. A write of unknown
//! outcome counts exactly if some read returned its value: else nothing shows that it happened, and nothing needs it to
//! have. A key that had a value written twice is left out, as is a read of nothing that may be of one delete or another.
//! Real time plays no part: what is read from the future shows only if it has no order in sessions either.

use super::sessions::{Access, Sessions, TxnId};
use crate::history::{History, KeyId, Op, ValueId};

/// The sessions of a history, and its ops as their transactions. Keys and values go by the numbers of their ids.
#[derive(Clone, Debug)]
pub struct RegisterSessions<'h> {
    /// To be checked.
    pub sessions: Sessions,
    /// Keys that were left out, as a value was written to them more than once.
    pub left_out: Vec<KeyId>,
    /// By session, its ops.
    ops: Vec<Vec<&'h Op>>,
}

impl<'h> RegisterSessions<'h> {
    /// Returns the op that `txn` is.
    ///
    /// # Panics
    /// There is no such transaction.
    pub fn op(&self, txn: TxnId) -> &'h Op {
        self.ops[txn.session as usize][txn.index as usize]
    }

    /// Returns every transaction with its op.
    pub fn txns(&self) -> impl Iterator<Item = (TxnId, &'h Op)> + '_ {
        let sessions = (0..).zip(&self.ops);
        sessions.flat_map(|(session, ops)| (0..).zip(ops).map(move |(index, op)| (TxnId { session, index }, *op)))
    }
}

/// Returns the sessions of `history`, which is one of registers.
pub fn from_history(history: &History) -> RegisterSessions<'_> {
    let mut left_out = Vec::new();
    let mut is_read = vec![false; history.value_count()];
    let mut ops: Vec<&Op> = Vec::new();
    for key in history.keys() {
        if history.repeat(key).is_some() {
            left_out.push(key);
            continue;
        }
        ops.extend(
            history
                .ops_of(key)
                .filter(|op| op.is_possible_write() || op.is_ok_read()),
        );
    }
    for read in ops.iter().filter(|op| op.is_ok_read()) {
        is_read[read.value.index()] = true;
    }
    ops.retain(|op| match op.action.is_write() {
        true => op.is_acked_write() || is_read[op.value.index()],
        false => is_told(history, op.value),
    });
    ops.sort_unstable_by_key(|op| (op.process, op.start));
    let mut sessions = Sessions::new();
    let mut by_session: Vec<Vec<&Op>> = Vec::new();
    for op in ops {
        let (key, value) = (op.key.index() as u64, op.value.index() as u64);
        let access = match op.action.is_write() {
            true => Access::write(key, value),
            false if op.value.is_nil() => Access::read_nothing(key),
            false => Access::read(key, value),
        };
        let txn = sessions.push(op.process.index() as u64, &[access]);
        if txn.index == 0 {
            by_session.push(Vec::new());
        }
        by_session[txn.session as usize].push(op);
    }
    RegisterSessions {
        sessions,
        left_out,
        ops: by_session,
    }
}

/// Returns whether it is known who wrote `value`, or that nobody did.
fn is_told(history: &History, value: ValueId) -> bool {
    value.is_nil() || !history.is_nothing(value) || history.write_of(value).is_some()
}
