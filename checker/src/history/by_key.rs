//! What a [batch](super::batch) has of each key, one key after the other.
//!
//! What a builder holds of a key is in no near cache if there are many. It waits for it once if it takes at a time all that
//! the batch has of the key; and what the batch has may be in another processor's cache, which is read fastest in order.

use std::mem;

use super::{batch_texts::Span, op::Op};

/// What a builder does in its turn, as it numbers what it meets of a key in the order of events. Ops are told by their ranks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// An op is a delete.
    Delete {
        rank: u32,
    },
    /// An op writes an integer, or returns it.
    Integer {
        rank: u32,
        value: i64,
    },
    Text {
        rank: u32,
        value: Span,
    },
    VersionInteger {
        rank: u32,
        version: u64,
    },
    VersionText {
        rank: u32,
        version: Span,
    },
    /// The carried completion of this number completes an op from before.
    Carried {
        number: u32,
    },
}

/// Steps, and where ops and steps are by key.
#[derive(Debug, Default)]
pub(super) struct ByKey {
    /// Of each op, how many came before it of its key.
    ranks: Vec<u32>,
    /// In the order of events, each with its key.
    steps: Vec<(u32, Step)>,
    /// By key, how many of both there are.
    counts: Vec<Counts>,
    grouped: Grouped,
}

/// Ops and steps by key, and of a key in the order of events. Both are as long as they ever were: so nothing is written twice.
#[derive(Debug, Default)]
struct Grouped {
    /// None if there is one key alone: then they are in order where they are.
    ops: Vec<Op>,
    steps: Vec<Step>,
    /// By key, where its own end.
    ends: Vec<Counts>,
}

/// How many ops and steps there are, or where they are.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    ops: u32,
    steps: u32,
}

impl ByKey {
    pub(super) fn clear(&mut self) {
        self.ranks.clear();
        self.steps.clear();
        self.counts.clear();
        self.grouped.ends.clear();
    }

    /// Makes room for a key, which may be the next.
    #[inline]
    pub(super) fn meet(&mut self, key: usize) {
        if key == self.counts.len() {
            self.counts.push(Counts::default());
        }
    }

    /// Notes an op of `key`, the next, and returns its rank among those.
    #[inline]
    pub(super) fn push_op(&mut self, key: usize) -> u32 {
        let rank = self.counts[key].ops;
        self.counts[key].ops += 1;
        self.ranks.push(rank);
        rank
    }

    #[inline]
    pub(super) fn push_step(&mut self, key: usize, step: Step) {
        self.steps.push((key as u32, step));
        self.counts[key].steps += 1;
    }

    /// Returns the rank of the op of this number.
    #[inline]
    pub(super) fn rank(&self, op: u32) -> u32 {
        self.ranks[op as usize]
    }

    /// Puts steps and `all` ops in order by key.
    pub(super) fn group(&mut self, all: &[Op]) {
        let Grouped { ops, steps, ends } = &mut self.grouped;
        let mut start = Counts::default();
        ends.extend(self.counts.iter().map(|counts| {
            let begin = start;
            start.ops += counts.ops;
            start.steps += counts.steps;
            begin
        }));
        if let Some(any) = all.first()
            && self.counts.len() > 1
        {
            ops.resize(all.len().max(ops.len()), *any);
            for (op, rank) in all.iter().zip(&self.ranks) {
                ops[(ends[op.key.index()].ops + rank) as usize] = *op;
            }
        }
        steps.resize(self.steps.len().max(steps.len()), Step::Delete { rank: 0 });
        for (key, step) in &self.steps {
            let end = &mut ends[*key as usize].steps;
            steps[*end as usize] = *step;
            *end += 1;
        }
        for (end, counts) in ends.iter_mut().zip(&self.counts) {
            end.ops += counts.ops;
        }
    }

    /// Returns the ops and the steps of each key, by key.
    ///
    /// # Panics
    /// Unless they are [grouped](Self::group), of the same ops.
    pub(super) fn groups<'g>(&'g self, all: &'g [Op]) -> impl Iterator<Item = (&'g [Op], &'g [Step])> {
        let Grouped { ops, steps, ends } = &self.grouped;
        assert_eq!(ends.len(), self.counts.len(), "a batch is grouped when it is whole");
        let ops = if ends.len() > 1 { ops } else { all };
        let mut start = Counts::default();
        ends.iter().map(move |end| {
            let begin = mem::replace(&mut start, *end);
            let ops = &ops[begin.ops as usize..end.ops as usize];
            (ops, &steps[begin.steps as usize..end.steps as usize])
        })
    }
}
