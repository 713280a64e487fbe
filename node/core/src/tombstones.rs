//! The end of tombstones: when what was deleted can be forgotten without rising again.
//!
//! A tombstone stands until it is older than the grace time. Then the first owner of its key, the *lead*, asks every
//! member of the ring whether it agrees: an owner does if it durably holds exactly this tombstone and has nothing of the
//! key under way; any node does if it keeps no hint of the key, coordinates no request for it, and compares no records
//! of its partition. Only if all do, whether owners or not, are the owners told to forget it. So nothing older than the
//! tombstone is left anywhere that could come back (Scylla's `tombstone_gc = repair` leaves out the hints: S#23712 in
//! CLAIMS.md, X3).
//!
//! A two-phase write is above what it is told, and an owner that has forgotten a tombstone tells of nothing. So it tells
//! the highest time of any that it ever forgot: the write is above them all, and none that is still held elsewhere can
//! delete it.
//!
//! An owner that is not reached then keeps its tombstone, and anti-entropy gives it back to the others until the lead
//! asks again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Key, Node, NodeId, Now, Plant, ReplicaRequest, ReplicaResponse, RequestId, StoreOp, Time, Tombstones, WallTime,
    journal::DigestChange, timers::Timer,
};

/// Tombstones that a node leads to their end at a time.
const UNDER_WAY_MAX: usize = 64;

/// How often a node looks for tombstones of age: four times in the grace time, within these bounds.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// The tombstones that this node holds, and those that it leads to their end.
#[derive(Debug, Default)]
pub(crate) struct Graveyard {
    held: BTreeMap<Key, WallTime>,
    under_way: BTreeMap<Key, Funeral>,
    asked: BTreeMap<RequestId, (Key, NodeId)>,
    /// The last that was begun: the next look goes on behind it, so that those that are refused don't keep others waiting.
    last_begun: Option<Key>,
}

#[derive(Debug)]
struct Funeral {
    fingerprint: u64,
    stage: Stage,
    unanswered: BTreeSet<NodeId>,
    deadline: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Confirming,
    Collecting,
}

impl Graveyard {
    /// Those that are durable, and since when by the clocks of their writers.
    pub(crate) fn new(held: impl IntoIterator<Item = (Key, WallTime)>) -> Graveyard {
        Graveyard {
            held: held.into_iter().collect(),
            ..Graveyard::default()
        }
    }

    /// Takes in what a batch that became durable did.
    pub(crate) fn apply(&mut self, changes: &[DigestChange]) {
        for change in changes {
            match change.deleted_at {
                Some(at) => self.held.insert(change.key.clone(), at),
                None => self.held.remove(&change.key),
            };
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn is_under_way(&self, id: RequestId) -> bool {
        self.asked.contains_key(&id)
    }
}

impl Node {
    pub(crate) fn set_tombstones_timer(&mut self, now: Time) {
        let (Tombstones::CollectAfter(grace) | Tombstones::ForgetAfter(grace)) = self.config.tombstones else {
            return;
        };
        let interval = (grace / 4).clamp(INTERVAL_MIN, INTERVAL_MAX);
        self.timers.set(now + interval, Timer::Tombstones);
    }

    pub(crate) fn on_tombstones_due(&mut self, now: Now) {
        self.set_tombstones_timer(now.time);
        if self.topology.is_none() {
            return;
        }
        self.give_up_late_funerals(now.time);
        match self.config.tombstones {
            Tombstones::Keep => {}
            Tombstones::ForgetAfter(grace) => {
                for key in self.tombstones_older_than(now, grace) {
                    self.forget(now, &key);
                }
            }
            Tombstones::CollectAfter(grace) => {
                let mut keys = self.tombstones_older_than(now, grace);
                let first = keys.partition_point(|key| Some(key) <= self.graveyard.last_begun.as_ref());
                keys.rotate_left(first);
                for key in keys {
                    if self.graveyard.under_way.len() >= UNDER_WAY_MAX {
                        break;
                    }
                    self.begin_funeral(now, &key);
                    self.graveyard.last_begun = Some(key);
                }
            }
        }
    }

    fn tombstones_older_than(&self, now: Now, grace: Duration) -> Vec<Key> {
        let of_age = self.graveyard.held.iter().filter(|(_, at)| **at + grace <= now.wall);
        of_age.map(|(key, _)| key.clone()).collect()
    }

    /// Drops a tombstone, whoever else may have it.
    fn forget(&mut self, now: Now, key: &Key) {
        let fingerprint = self.settled_fingerprint(now, key);
        if let Some(fingerprint) = fingerprint {
            self.collect(now, key, fingerprint);
        }
    }

    /// What is durable under a key here, if nothing else is under way.
    fn settled_fingerprint(&mut self, now: Now, key: &Key) -> Option<u64> {
        if self.journal.newest(key).is_some() {
            return None;
        }
        let record = self.read_local(now, key).ok()??;
        Some(record.summary(key).fingerprint)
    }

    /// Asks every member whether a tombstone may go, if this node is to lead.
    fn begin_funeral(&mut self, now: Now, key: &Key) {
        let ownership = self.topology().ownership(self.partition(key));
        let leads = ownership
            .owners
            .first()
            .is_some_and(|owner| owner.node == self.config.node);
        // Whoever holds the key, and whoever may keep hints of it.
        let mut members: BTreeSet<_> = self.roster.members.keys().copied().chain(ownership.nodes()).collect();
        if !leads || ownership.is_moving() || self.graveyard.under_way.contains_key(key) {
            return;
        }
        let Some(fingerprint) = self.settled_fingerprint(now, key) else {
            return;
        };
        if self.has_plant(Plant::TombstoneCollectedEarly) {
            members.retain(|member| self.is_reachable(*member));
        }
        let all_there = members.iter().all(|member| self.is_reachable(*member));
        if !all_there || !self.agrees_to_collect(now, key, fingerprint) {
            return;
        }
        let others: BTreeSet<_> = members.into_iter().filter(|node| *node != self.config.node).collect();
        if others.is_empty() {
            self.collect(now, key, fingerprint);
        } else {
            self.ask_all(now.time, key, fingerprint, Stage::Confirming, others);
        }
    }

    fn ask_all(&mut self, now: Time, key: &Key, fingerprint: u64, stage: Stage, nodes: BTreeSet<NodeId>) {
        let funeral = Funeral {
            fingerprint,
            stage,
            unanswered: nodes.clone(),
            deadline: now + self.config.request_timeout,
        };
        self.graveyard.under_way.insert(key.clone(), funeral);
        for node in nodes {
            let id = self.next_request_id();
            self.graveyard.asked.insert(id, (key.clone(), node));
            let key = key.clone();
            let body = match stage {
                Stage::Confirming => ReplicaRequest::Confirm { key, fingerprint },
                Stage::Collecting => ReplicaRequest::Collect { key, fingerprint },
            };
            self.ask(node, id, body);
        }
    }

    pub(crate) fn on_funeral_response(&mut self, now: Now, id: RequestId, body: &ReplicaResponse) {
        let (key, from) = self.graveyard.asked.remove(&id).expect("the caller has looked");
        let Some(funeral) = self.graveyard.under_way.get_mut(&key) else {
            return;
        };
        if !matches!(body, ReplicaResponse::Agreed { yes: true }) {
            return self.end_funeral(&key);
        }
        funeral.unanswered.remove(&from);
        if !funeral.unanswered.is_empty() {
            return;
        }
        let (fingerprint, stage) = (funeral.fingerprint, funeral.stage);
        self.end_funeral(&key);
        if stage == Stage::Confirming && self.agrees_to_collect(now, &key, fingerprint) {
            let owners = self.topology().ownership(self.partition(&key)).nodes();
            let others: BTreeSet<_> = owners.filter(|node| *node != self.config.node).collect();
            self.collect(now, &key, fingerprint);
            if !others.is_empty() {
                self.ask_all(now.time, &key, fingerprint, Stage::Collecting, others);
            }
        }
    }

    fn end_funeral(&mut self, key: &Key) {
        self.graveyard.under_way.remove(key);
        self.graveyard.asked.retain(|_, (asked, _)| asked != key);
    }

    fn give_up_late_funerals(&mut self, now: Time) {
        let late = self
            .graveyard
            .under_way
            .iter()
            .filter(|(_, funeral)| funeral.deadline <= now);
        let late: Vec<_> = late.map(|(key, _)| key.clone()).collect();
        late.iter().for_each(|key| self.end_funeral(key));
    }

    /// Whether a tombstone may go as far as this node knows.
    pub(crate) fn agrees_to_collect(&mut self, now: Now, key: &Key, fingerprint: u64) -> bool {
        let partition = self.partition(key);
        let ownership = self.topology().ownership(partition);
        let (owns, is_moving) = (ownership.holds(self.config.node), ownership.is_moving());
        if is_moving {
            return false; // Whoever copies may bring back what is older.
        }
        let settled = self.settled_fingerprint(now, key);
        // Who holds the key no more may still have something older, and be about to give it away.
        let is_free = settled.is_none() && self.journal.newest(key).is_none();
        let holds = settled == Some(fingerprint) || !owns && is_free;
        let is_hinted = self.has_hint_of(key) && !self.has_plant(Plant::TombstoneCollectedEarly);
        holds && !is_hinted && !self.is_coordinating(key) && !self.anti_entropy.is_comparing(partition)
    }

    /// Forgets a tombstone, if it is all that there is of the key.
    pub(crate) fn collect(&mut self, now: Now, key: &Key, fingerprint: u64) -> bool {
        if self.settled_fingerprint(now, key) != Some(fingerprint) {
            return false;
        }
        let Ok(Some(record)) = self.read_local(now, key) else {
            return false;
        };
        if record.cell.deleted_at().is_none() {
            return false;
        }
        self.counters.tombstones_collected += 1;
        if record.cell.time() > self.forgotten_time {
            self.forgotten_time = record.cell.time();
            self.journal
                .stage_memory(StoreOp::SetForgottenTime(self.forgotten_time));
        }
        self.stage(key, None, Some(&record));
        true
    }
}
