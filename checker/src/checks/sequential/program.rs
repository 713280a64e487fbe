//! What clients did, session by session, with the write that each read saw.

use crate::history::{KeyId, Op, Outcome, ValueId};

/// Stands for no op: what wrote nil, and what comes after the last of a session.
pub(super) const NONE: u32 = u32::MAX;

/// Ops that have to have an order, numbered session by session.
pub(super) struct Program<'h> {
    ops: Vec<&'h Op>,
    /// Where each session begins among the ops, and one past the last.
    session_starts: Vec<u32>,
    session_of: Vec<u32>,
    key_of: Vec<u32>,
    key_count: usize,
    /// Of a read the write that it saw; of a write itself.
    source_of: Vec<u32>,
    /// Reads grouped by what they saw, and then in order; those of nil by key.
    reads: Vec<u32>,
    reads_of_write: Vec<(u32, u32)>,
    reads_of_nil: Vec<(u32, u32)>,
}

impl<'h> Program<'h> {
    /// Takes `ops`, session by session and each in order, but for reads whose write is not among them, and writes of
    /// unknown outcome that none of them saw.
    pub(super) fn new(ops: &[&'h Op]) -> Self {
        let ops = kept(ops);
        let mut session_starts = Vec::new();
        let mut session_of = Vec::with_capacity(ops.len());
        for (op, at) in ops.iter().zip(0u32..) {
            if at == 0 || ops[at as usize - 1].process != op.process {
                session_starts.push(at);
            }
            session_of.push(session_starts.len() as u32 - 1);
        }
        session_starts.push(ops.len() as u32);
        let mut keys: Vec<KeyId> = ops.iter().map(|op| op.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let key_of = ops.iter().map(|op| keys.partition_point(|key| *key < op.key) as u32);
        let key_of: Vec<u32> = key_of.collect();
        let source_of = sources(&ops);

        let mut reads: Vec<u32> = (0..ops.len() as u32)
            .filter(|&at| ops[at as usize].is_ok_read())
            .collect();
        reads.sort_unstable_by_key(|&at| (source_of[at as usize], key_of[at as usize], at));
        let mut reads_of_write = vec![(0, 0); ops.len()];
        let mut reads_of_nil = vec![(0, 0); keys.len()];
        let mut begin = 0;
        let same = |a: &u32, b: &u32| {
            let group = |at: u32| (source_of[at as usize], key_of[at as usize]);
            group(*a) == group(*b)
        };
        for group in reads.chunk_by(same) {
            let span = (begin, begin + group.len() as u32);
            begin = span.1;
            let first = group[0] as usize;
            match source_of[first] {
                NONE => reads_of_nil[key_of[first] as usize] = span,
                write => reads_of_write[write as usize] = span,
            }
        }
        Self {
            session_starts,
            session_of,
            key_count: keys.len(),
            key_of,
            source_of,
            reads,
            reads_of_write,
            reads_of_nil,
            ops,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }

    pub(super) fn op(&self, at: u32) -> &'h Op {
        self.ops[at as usize]
    }

    pub(super) fn is_write(&self, at: u32) -> bool {
        self.ops[at as usize].action.is_write()
    }

    pub(super) fn key_count(&self) -> usize {
        self.key_count
    }

    pub(super) fn key_of(&self, at: u32) -> usize {
        self.key_of[at as usize] as usize
    }

    pub(super) fn session_count(&self) -> usize {
        self.session_starts.len() - 1
    }

    pub(super) fn session_of(&self, at: u32) -> usize {
        self.session_of[at as usize] as usize
    }

    /// Returns the ops of `session`.
    pub(super) fn session(&self, session: usize) -> std::ops::Range<u32> {
        self.session_starts[session]..self.session_starts[session + 1]
    }

    /// Returns the write that a read saw, [`NONE`] of nil; of a write itself.
    pub(super) fn source_of(&self, at: u32) -> u32 {
        self.source_of[at as usize]
    }

    /// Returns the reads that saw `write`, in order.
    pub(super) fn reads_of_write(&self, write: u32) -> &[u32] {
        let (begin, end) = self.reads_of_write[write as usize];
        &self.reads[begin as usize..end as usize]
    }

    /// Returns the reads of `key` that saw nothing, in order.
    pub(super) fn reads_of_nil(&self, key: usize) -> &[u32] {
        let (begin, end) = self.reads_of_nil[key];
        &self.reads[begin as usize..end as usize]
    }
}

/// Returns those of `ops` that say anything of an order.
fn kept<'h>(ops: &[&'h Op]) -> Vec<&'h Op> {
    let mut seen: Vec<ValueId> = ops.iter().filter(|op| op.is_ok_read()).map(|op| op.value).collect();
    let mut written: Vec<ValueId> = ops
        .iter()
        .filter(|op| op.is_possible_write())
        .map(|op| op.value)
        .collect();
    seen.sort_unstable();
    written.sort_unstable();
    let is_kept = |op: &&&Op| match op.action.is_write() {
        true => op.outcome == Outcome::Ok || seen.binary_search(&op.value).is_ok(),
        false => op.value.is_nil() || written.binary_search(&op.value).is_ok(),
    };
    ops.iter().filter(is_kept).copied().collect()
}

fn sources(ops: &[&Op]) -> Vec<u32> {
    let writes = ops.iter().zip(0u32..).filter(|(op, _)| op.action.is_write());
    let mut writes: Vec<(ValueId, u32)> = writes.map(|(op, at)| (op.value, at)).collect();
    writes.sort_unstable();
    let source = |op: &&Op| {
        let found = writes.binary_search_by_key(&op.value, |write| write.0);
        found.map_or(NONE, |found| writes[found].1)
    };
    ops.iter().map(source).collect()
}
