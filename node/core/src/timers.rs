//! What the node has to do at a later time.

use std::collections::BTreeSet;

use crate::{PartitionId, RequestId, Time};

/// A reason to wake up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A round of gossip.
    Gossip,
    /// A coordination has run out of time.
    Coordination(RequestId),
    /// It is not worth to wait for more answers than a coordination has.
    Preferred(RequestId),
    /// A read's answers are late.
    Hedge(RequestId),
    /// A proposal for a key that was outbid may be made again.
    Cas(RequestId),
    /// Damaged records may be mended.
    Mend,
    /// Tombstones may be collected.
    Tombstones,
    /// Remembered writes may be forgotten.
    WriteIds,
    /// Hints for those who stay away may be too old.
    HintExpiry,
    /// Hints may be due for delivery.
    Handoff,
    /// It is time to compare with a peer.
    AntiEntropy,
    /// A step of a comparison has run out of time.
    Comparison(RequestId),
    /// Partitions may have to be moved.
    Moves,
    /// They have, as soon as what is being handled is over.
    MovesSoon,
    /// A proposal has run out of time.
    Proposal(PartitionId),
}

/// Every timer that is set. Each is set at most once.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Time, Timer)>,
    /// When the first of them is due: asked after every step, and mostly the same as before.
    next: Option<Time>,
    /// How many of them are deadlines of coordinations.
    deadline_count: usize,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) {
        if self.due.insert((at, timer)) {
            self.deadline_count += usize::from(timer.is_deadline());
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }

    pub(crate) fn clear(&mut self, at: Time, timer: Timer) {
        if self.due.remove(&(at, timer)) {
            self.deadline_count -= usize::from(timer.is_deadline());
            if self.next == Some(at) {
                self.next = self.due.first().map(|(at, _)| *at);
            }
        }
    }

    #[inline]
    pub(crate) fn next(&self) -> Option<Time> {
        self.next
    }

    /// Takes out the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        if self.next? > now {
            return None;
        }
        let (at, timer) = *self.due.first()?;
        self.clear(at, timer);
        Some(timer)
    }

    pub(crate) fn is_set(&self, at: Time, timer: Timer) -> bool {
        self.due.contains(&(at, timer))
    }

    pub(crate) fn deadline_count(&self) -> usize {
        self.deadline_count
    }
}

impl Timer {
    fn is_deadline(self) -> bool {
        matches!(self, Timer::Coordination(_))
    }
}
