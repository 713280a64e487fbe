//! What was ordered of a node, and what came of it, over all lives of its process.

use std::{collections::BTreeMap, time::Instant};

use quorate_core::NodeId;
use quorate_node::control::{Clock, Counts, DiskFailure, DiskOrder, MessageCounts, MessageOrder, What};
use quorate_sim::LinkFaults;

use crate::cluster::{ClockChange, DiskFaults, NodeCounts};

/// The orders that are in force, and what was counted.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    disk: DiskOrder,
    clock: Option<Skewed>,
    messages: BTreeMap<NodeId, MessageOrder>,
    /// What earlier lives had counted.
    past: Counts,
    /// What this life has.
    present: Counts,
    /// Whether this life was told to fail in a way that ends it.
    has_failing_disk: bool,
    /// Whether the process does nothing, and answers nothing.
    pub(super) is_paused: bool,
}

/// A clock that is wrong, as of a moment.
#[derive(Clone, Copy, Debug)]
struct Skewed {
    order: Clock,
    since: Instant,
}

impl Skewed {
    /// The same from here on, as an order of now.
    fn renewed(self) -> Skewed {
        let drifted = self.order.drifted_ns(self.since.elapsed().as_nanos());
        let drifted = i64::try_from(drifted).unwrap_or(i64::MAX);
        Skewed {
            order: Clock {
                // Of a strobe the jump is what comes and goes; what it has drifted would come and go with it.
                ahead_ns: self.order.ahead_ns.saturating_add(drifted),
                ..self.order
            },
            since: Instant::now(),
        }
    }
}

impl Ordered {
    /// A process begins: what is to be ordered of it.
    pub(super) fn begin_life(&mut self) -> Vec<What> {
        let ended = std::mem::take(&mut self.present);
        self.past = sum(&self.past, &ended);
        self.is_paused = false;
        self.has_failing_disk = ends(&self.disk);
        self.clock = self.clock.map(Skewed::renewed);
        let disk = (self.disk != DiskOrder::default()).then(|| What::Disk(self.disk.clone()));
        let clock = self.clock.map(|clock| What::Clock(clock.order));
        let messages = self.messages.iter().map(|(to, faults)| What::Messages {
            to: *to,
            faults: faults.clone(),
        });
        disk.into_iter().chain(clock).chain(messages).collect()
    }

    /// Takes in what this life has counted so far.
    pub(super) fn take(&mut self, counts: Counts) {
        self.present = counts;
    }

    /// Whether the process ends, or has ended, because its disk failed as ordered.
    pub(super) fn may_have_ended_it(&self) -> bool {
        let failed = self.present.syncs_failed + self.present.writes_failed;
        self.has_failing_disk && failed > 0
    }

    pub(super) fn set_disk(&mut self, faults: &DiskFaults) -> What {
        self.disk = DiskOrder {
            fails: faults.fails.clone(),
            syncs_slower_by_ns: u64::try_from(faults.slower_by.as_nanos()).unwrap_or(u64::MAX),
        };
        self.has_failing_disk |= ends(&self.disk);
        What::Disk(self.disk.clone())
    }

    pub(super) fn change_clock(&mut self, change: ClockChange) -> What {
        let before = self.clock.map(|clock| clock.renewed().order).unwrap_or_default();
        let order = match change {
            ClockChange::Jump(by_ns) => Clock {
                ahead_ns: before.ahead_ns.saturating_add(by_ns),
                ..before
            },
            ClockChange::Drift(ppm) => Clock {
                drift_ppm: ppm,
                ..before
            },
            ClockChange::Strobe(by_ns, interval) => Clock {
                ahead_ns: by_ns,
                strobe_ns: u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX),
                ..before
            },
            ClockChange::Mend => Clock::default(),
        };
        let since = Instant::now();
        self.clock = (order != Clock::default()).then_some(Skewed { order, since });
        What::Clock(order)
    }

    /// What is to be ordered of messages to a node; `None` if nothing is to change.
    pub(super) fn set_messages(&mut self, to: NodeId, faults: &LinkFaults) -> Option<What> {
        let order = MessageOrder {
            late_percent: faults.late_percent,
            twice_percent: faults.twice_percent,
            dropped_percent: faults.dropped_percent,
            spoilt_percent: faults.spoilt_percent,
            late_by_max_ns: u64::try_from(faults.late_by_max.as_nanos()).unwrap_or(u64::MAX),
            kinds: faults.kinds.list(),
        };
        let is_odd = faults.has_odd();
        let before = if is_odd {
            self.messages.insert(to, order.clone())
        } else {
            self.messages.remove(&to)
        };
        let after = is_odd.then_some(&order);
        (before.as_ref() != after).then(|| What::Messages {
            to,
            faults: after.cloned().unwrap_or_default(),
        })
    }

    /// What became of messages to a node.
    pub(super) fn messages_to(&self, to: NodeId) -> MessageCounts {
        let of = |counts: &Counts| {
            counts
                .messages
                .iter()
                .find(|(node, _)| *node == to)
                .map(|(_, counts)| *counts)
        };
        let (past, present) = (
            of(&self.past).unwrap_or_default(),
            of(&self.present).unwrap_or_default(),
        );
        add(past, present)
    }

    pub(super) fn counts(&self) -> NodeCounts {
        let counts = sum(&self.past, &self.present);
        NodeCounts {
            reads_failed: counts.reads_failed,
            syncs_failed: counts.syncs_failed + counts.writes_failed,
            syncs_slowed: counts.syncs_slowed,
            readings_wrong: counts.readings_wrong,
            ..NodeCounts::default()
        }
    }
}

/// Whether a disk that fails so ends its node at the next write.
fn ends(disk: &DiskOrder) -> bool {
    disk.fails.iter().any(|failure| *failure != DiskFailure::Read)
}

fn sum(one: &Counts, other: &Counts) -> Counts {
    let mut messages: BTreeMap<NodeId, MessageCounts> = one.messages.iter().copied().collect();
    for (to, counts) in &other.messages {
        let so_far = messages.entry(*to).or_default();
        *so_far = add(*so_far, *counts);
    }
    Counts {
        writes_failed: one.writes_failed + other.writes_failed,
        reads_failed: one.reads_failed + other.reads_failed,
        syncs_failed: one.syncs_failed + other.syncs_failed,
        syncs_slowed: one.syncs_slowed + other.syncs_slowed,
        readings_wrong: one.readings_wrong + other.readings_wrong,
        messages: messages.into_iter().collect(),
    }
}

fn add(one: MessageCounts, other: MessageCounts) -> MessageCounts {
    MessageCounts {
        late: one.late + other.late,
        twice: one.twice + other.twice,
        dropped: one.dropped + other.dropped,
        spoilt: one.spoilt + other.spoilt,
    }
}
