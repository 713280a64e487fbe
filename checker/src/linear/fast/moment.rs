//! Moments: places among all entries, and as many more as are wanted between one entry and the next.
//!
//! Calls begin and end at entries; what takes effect does so between two of them. A moment is after an entry, and after so
//! many others that were chosen in the same gap.

use crate::{history::Position, transcript::Call};

/// A place in the order of real time, entries and what is chosen between them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    entry: Position,
    /// 0 is the entry itself.
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

    /// Returns the moment `steps` after this one, in the same gap between entries.
    pub(super) fn plus(self, steps: u32) -> Self {
        Self {
            entry: self.entry,
            step: self.step.saturating_add(steps),
        }
    }

    /// Returns whether both are in the gap after the same entry.
    pub(super) fn shares_gap(self, other: Self) -> bool {
        self.entry == other.entry
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
