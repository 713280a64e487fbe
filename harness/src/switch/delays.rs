//! Packets that wait for their time on a slow link.

use std::collections::BTreeMap;
use std::time::Instant;

use super::front::Kept;
use super::links::EndpointId;

/// How many packets wait at most, over all links: what five nodes exchange at full speed in the slowest link's time. A
/// network that is slower than that loses what comes on top of it, and so does this one.
const WAITING_MAX: usize = 1 << 16;

/// A packet on its way.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) from: EndpointId,
    pub(super) to: EndpointId,
    pub(super) packet: Kept,
}

/// Packets in the order in which they are to be sent on; those of one moment in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Delays {
    waiting: BTreeMap<(Instant, u64), Waiting>,
    count: u64,
}

impl Delays {
    /// Adds a packet; false if there is no room.
    pub(super) fn add(&mut self, due: Instant, packet: Waiting) -> bool {
        if self.waiting.len() == WAITING_MAX {
            return false;
        }
        self.count += 1;
        self.waiting.insert((due, self.count), packet);
        true
    }

    /// When the next is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// The next, if it is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Waiting> {
        let entry = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
