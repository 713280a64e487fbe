//! What can be done to links, disks, clocks and power. What it did is counted, so that a fault can be seen to have had an
//! effect.

use std::{net::SocketAddr, time::Duration};

use quorate_core::Key;
use rand::{RngExt, seq::SliceRandom};

use super::{NodeIndex, Sim, pair, side};
use crate::{
    clock::nanos,
    disk::SavedDisk,
    link::{LinkCounts, LinkFaults},
    process::NodeCounts,
    trace::What,
};

/// What a power cut has taken from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLoss {
    /// Batches that were on their way to the disk, and did not get there.
    pub batches_lost: usize,
    /// Batches of the sync under way that did get there, though the node was never told.
    pub batches_kept: usize,
    /// Records that were written and not synced.
    pub records_lost: usize,
}

impl Sim {
    /// Moves a node's clock: from here on it is ahead of the true time by `offset`.
    pub fn set_clock(&mut self, node: NodeIndex, offset: Duration) {
        self.note(What::Clock, Some(node), None, &("set", offset.as_nanos()));
        self.clocks[node.0].set(self.now, nanos(offset));
    }

    /// Has a node's clock jump, ahead or, below 0, back.
    pub fn jump_clock(&mut self, node: NodeIndex, by_ns: i64) {
        self.note(What::Clock, Some(node), None, &("jump", by_ns));
        self.clocks[node.0].jump(self.now, by_ns);
    }

    /// Has a node's clock gain so many nanoseconds a millisecond, or, below 0, lose them.
    pub fn drift_clock(&mut self, node: NodeIndex, ppm: i64) {
        self.note(What::Clock, Some(node), None, &("drift", ppm));
        self.clocks[node.0].drift(self.now, ppm);
    }

    /// Has a node's clock jump by so much and back again at the end of every interval.
    pub fn strobe_clock(&mut self, node: NodeIndex, by_ns: i64, interval: Duration) {
        self.note(What::Clock, Some(node), None, &("strobe", by_ns, interval.as_nanos()));
        self.clocks[node.0].strobe(self.now, by_ns, interval);
    }

    /// Puts a node's clock right: it shows what it would, had nobody touched it.
    pub fn mend_clock(&mut self, node: NodeIndex) {
        self.note(What::Clock, Some(node), None, &"mended");
        self.clocks[node.0].mend(self.now);
    }

    /// Lets a node's syncs fail, or succeed again. One that fails writes nothing.
    pub fn set_disk_failing(&mut self, node: NodeIndex, fails: bool) {
        self.note(What::Disk, Some(node), None, &("fails", fails));
        self.processes[node.0].fails = fails;
    }

    /// Has looks at a node's disk fail, or succeed again.
    pub fn set_reads_failing(&mut self, node: NodeIndex, fail: bool) {
        self.note(What::Disk, Some(node), None, &("reads fail", fail));
        self.disk(node).set_reads_failing(fail);
    }

    /// A copy of the disk of a node that is dead.
    pub fn save_disk(&mut self, node: NodeIndex) -> SavedDisk {
        self.note(What::Disk, Some(node), None, &"saved");
        assert!(!self.is_running(node), "what is copied is at rest");
        self.disk(node).save()
    }

    /// Puts back an old copy of the disk of a node that is dead. How many records that changes.
    pub fn restore_disk(&mut self, node: NodeIndex, saved: SavedDisk) -> usize {
        self.note(What::Disk, Some(node), None, &"restored");
        assert!(!self.is_running(node), "nobody's disk is changed below him");
        self.disk(node).restore(saved)
    }

    /// Loses the disk of a node that is dead, which is not to be started on it. How many records were on it.
    pub fn wipe_disk(&mut self, node: NodeIndex) -> usize {
        self.note(What::Disk, Some(node), None, &"wiped");
        assert!(!self.is_running(node), "nobody's disk is changed below him");
        self.disk(node).wipe()
    }

    /// Has no client reach a node, or all again.
    pub fn cut_clients(&mut self, node: NodeIndex, is_cut: bool) {
        self.note(What::Cut, Some(node), None, &("clients", is_cut));
        if is_cut {
            self.unreached.insert(node);
        } else {
            self.unreached.remove(&node);
        }
    }

    /// Has each of a node's syncs that begins from here on take so much longer.
    pub fn slow_disk(&mut self, node: NodeIndex, by: Duration) {
        self.note(What::Disk, Some(node), None, &("slower", by.as_nanos()));
        self.processes[node.0].syncs_slower_by = by;
    }

    /// Flips bits in a node's records, at random, in `count` of them or as many as there are: they are there, and don't
    /// fit their checksum. Spares what is damaged at another node. Returns how many were damaged.
    pub fn flip_bits(&mut self, node: NodeIndex, count: usize) -> usize {
        let is_damaged_elsewhere = |key: &_| {
            let others = self.peers(node);
            others.into_iter().any(|other| self.disk(other).is_damaged(key))
        };
        let mut keys = self.disk(node).whole_keys();
        keys.retain(|key| !is_damaged_elsewhere(key));
        keys.shuffle(&mut self.flips);
        keys.truncate(count);
        for key in &keys {
            self.note(What::Disk, Some(node), None, &("flip", key));
            self.disk(node).damage(key);
        }
        keys.len()
    }

    /// Has two nodes that are dead be found, from their next start on, each where the other was.
    pub fn swap_addresses(&mut self, one: NodeIndex, other: NodeIndex) {
        self.note(What::Address, Some(one), Some(other), &());
        let pair = [one, other];
        assert!(
            pair.iter().all(|node| !self.is_running(*node)),
            "who runs stays where it is"
        );
        let [at_one, at_other] = pair.map(|node| self.processes[node.0].config.address);
        for (node, address) in [(one, at_other), (other, at_one)] {
            self.processes[node.0].config.address = address;
            self.addresses.insert(address, node);
        }
        // Who wants a link with whoever is at either address finds somebody else there.
        for peer in self.peers(one).filter(|peer| *peer != other) {
            let [to_one, to_other] = pair.map(|node| super::pair(peer, node));
            let wanted = self.link(to_one.0, to_one.1).wanted || self.link(to_other.0, to_other.1).wanted;
            self.link(to_one.0, to_one.1).wanted = wanted;
            self.link(to_other.0, to_other.1).wanted = wanted;
        }
    }

    /// Where a node is found.
    pub fn address(&self, node: NodeIndex) -> SocketAddr {
        self.processes[node.0].config.address
    }

    /// Takes what a dead node holds of a key from its disk, as if it had never been there. Whether there was anything.
    pub fn lose_record(&mut self, node: NodeIndex, key: &Key) -> bool {
        assert!(!self.is_running(node), "nobody's disk is changed below him");
        let is_there = self.disk(node).has(key);
        if is_there {
            self.note(What::Disk, Some(node), None, &("lose", key));
            self.disk(node).lose(key);
        }
        is_there
    }

    /// Cuts a running node's power: what was not synced is gone, and the sync under way is torn. Any prefix of its
    /// batches may have got there.
    pub fn cut_power(&mut self, node: NodeIndex) -> PowerLoss {
        self.note(What::PowerLoss, Some(node), None, &());
        let process = &mut self.processes[node.0];
        let under_way = process.syncs.under_way_count();
        let reached = if process.fails {
            0
        } else {
            self.power.random_range(0..=under_way)
        };
        let lost = process.end(self.now, reached);
        self.bury(node);
        PowerLoss {
            batches_lost: lost.batch_count,
            batches_kept: reached,
            records_lost: lost.record_count,
        }
    }

    /// Has everything that `from` sends to `to` take so much longer from here on.
    pub fn slow(&mut self, from: NodeIndex, to: NodeIndex, by: Duration) {
        self.note(What::Link, Some(to), Some(from), &by);
        let (low, high) = pair(from, to);
        self.link(low, high).end_mut(side(from, to)).slow(by);
    }

    /// Says what becomes of everything that `from` sends to `to` from here on.
    ///
    /// # Panics
    /// If more than all is to go wrong, or something to come late by no time.
    pub fn set_link_faults(&mut self, from: NodeIndex, to: NodeIndex, faults: LinkFaults) {
        let percents = [
            faults.loss_percent,
            faults.late_percent,
            faults.twice_percent,
            faults.dropped_percent,
            faults.spoilt_percent,
        ];
        assert!(percents.iter().all(|percent| *percent <= 100), "{faults:?}");
        let is_odd = faults.late_percent + faults.twice_percent > 0;
        assert!(!is_odd || !faults.late_by_max.is_zero(), "{faults:?}");
        self.note(What::Link, Some(to), Some(from), &faults);
        let (low, high) = pair(from, to);
        self.link(low, high).end_mut(side(from, to)).set_faults(faults);
    }

    /// What has gone wrong between two nodes.
    pub fn link_counts(&self, from: NodeIndex, to: NodeIndex) -> LinkCounts {
        let (low, high) = pair(from, to);
        self.links.between(low, high).end(side(from, to)).counts
    }

    /// How many messages from `from` to `to` a cut has ever held back, delivered later or not.
    pub fn held_count(&self, from: NodeIndex, to: NodeIndex) -> u64 {
        self.link_counts(from, to).held
    }

    /// What faults of a node have done.
    pub fn node_counts(&self, node: NodeIndex) -> NodeCounts {
        let process = &self.processes[node.0];
        NodeCounts {
            reads_failed: process.disk.reads_failed(),
            ..process.counts
        }
    }
}
