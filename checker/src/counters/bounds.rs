//! The least and the greatest number that a read may return.

use crate::history::{Action, History, KeyId, Op, Position};

/// The increments of one key that took effect or may have.
pub(crate) struct Counter<'h> {
    /// In order of invocation.
    pub(crate) increments: Vec<Increment<'h>>,
    begun: Sums,
    acked: Sums,
}

/// One increment.
#[derive(Clone, Copy)]
pub(crate) struct Increment<'h> {
    pub(crate) op: &'h Op,
    pub(crate) delta: i128,
}

/// Negative and positive numbers, summed apart: which of them a read saw is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) negative: i128,
    pub(crate) positive: i128,
}

/// The least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: i128,
    pub(crate) greatest: i128,
}

impl<'h> Counter<'h> {
    /// Derives the counter of `key`; an error is why it can't be judged. O(n log n).
    pub(crate) fn new(history: &'h History, key: KeyId) -> Result<Self, String> {
        let is_increment = |op: &&Op| op.action == Action::Increment && op.is_possible_write();
        let increments = history.ops_of(key).filter(is_increment).map(|op| {
            let delta = number(history, op)?;
            Ok(Increment { op, delta })
        });
        let increments = increments.collect::<Result<Vec<_>, String>>()?;
        let acked = increments.iter().filter(|it| it.op.is_acked_write());
        Ok(Self {
            begun: Sums::new(increments.iter().map(|it| (it.op.start, it.delta)).collect()),
            acked: Sums::new(acked.map(|it| (it.op.end, it.delta)).collect()),
            increments,
        })
    }

    /// Returns the sum of those that had begun when `read` ended.
    pub(crate) fn begun(&self, read: &Op) -> Sum {
        self.begun.before(read.end)
    }

    /// Returns the sum of those that had been acknowledged when `read` began.
    pub(crate) fn acked(&self, read: &Op) -> Sum {
        self.acked.before(read.start)
    }
}

impl Sum {
    pub(crate) fn add(&mut self, delta: i128) {
        self.negative += delta.min(0);
        self.positive += delta.max(0);
    }
}

impl Bounds {
    /// Of those that surely count, and those that may, the former among them.
    pub(crate) fn new(surely: Sum, perhaps: Sum) -> Self {
        let bounds = Self {
            least: surely.positive + perhaps.negative,
            greatest: surely.negative + perhaps.positive,
        };
        assert!(bounds.least <= bounds.greatest, "what surely counts may count");
        bounds
    }

    pub(crate) fn contains(self, number: i128) -> bool {
        (self.least..=self.greatest).contains(&number)
    }
}

/// Returns the number that an op adds or returned; an error if it is none.
pub(crate) fn number(history: &History, op: &Op) -> Result<i128, String> {
    let value = history.value(op.value);
    let number = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
    let number = number.or(value.is_null().then_some(0));
    number.ok_or_else(|| format!("{value} is not a whole number"))
}

/// Running sums in the order of positions.
pub(crate) struct Sums {
    up_to: Vec<(Position, Sum)>,
}

impl Sums {
    /// Takes what is added, each at its place.
    pub(crate) fn new(mut deltas: Vec<(Position, i128)>) -> Self {
        deltas.sort_unstable_by_key(|(position, _)| *position);
        let mut sum = Sum::default();
        let up_to = deltas.into_iter().map(|(position, delta)| {
            sum.add(delta);
            (position, sum)
        });
        Self { up_to: up_to.collect() }
    }

    /// Returns the sum of what was added before `position`.
    pub(crate) fn before(&self, position: Position) -> Sum {
        let count = self.up_to.partition_point(|(at, _)| *at < position);
        count.checked_sub(1).map_or(Sum::default(), |last| self.up_to[last].1)
    }
}
