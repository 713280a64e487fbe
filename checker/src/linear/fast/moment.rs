//! Moments: places among all entries, and some beyond them all, for what never comes.

use crate::{history::Position, transcript::Call};

/// A place in the order of real time, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    entry: Position,
    /// 0 but beyond all entries.
    step: u32,
}

impl Moment {
    /// Before every entry, or at the beginning of what began before the record.
    pub(super) const FIRST: Self = Self::at(Position::BEFORE_ALL);

    /// After all that has an end, and after what never ends.
    pub(super) const AFTER_ALL: Self = Self {
        entry: Position::NEVER,
        step: 1,
    };

    /// Later than all others.
    pub(super) const LAST: Self = Self {
        entry: Position::NEVER,
        step: 2,
    };

    pub(super) const fn at(entry: Position) -> Self {
        Self { entry, step: 0 }
    }
}

/// When something may take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Moment,
    pub(super) end: Moment,
}

impl Span {
    /// Of what is put off for ever.
    pub(super) const NEVER: Self = Self {
        start: Moment::AFTER_ALL,
        end: Moment::LAST,
    };

    pub(super) fn of(call: &Call) -> Self {
        Self {
            start: Moment::at(call.start),
            end: Moment::at(call.end),
        }
    }
}
