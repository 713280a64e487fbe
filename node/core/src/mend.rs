//! Damaged records: what a disk gives back that is not what was written there is never shown. It is reported, and put
//! in order with what the key's other owners hold.
//!
//! All of them are asked, and all have to answer: what any one of them lacks another may have, and this owner may have
//! acknowledged it. What no other owner holds is lost here; that is reported too.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Cell, Event, Key, Node, NodeId, Now, Output, Plant, Record, ReplicaRequest, ReplicaResponse, RequestId, Time, Want,
    handoff::RETRY_PAUSE, journal::Waiter, timers::Timer,
};

/// Damaged records mended at a time; the others wait until they are looked at again, or for the timer.
const MENDING_MAX: usize = 64;

/// The records that are known to be damaged.
#[derive(Debug, Default)]
pub(crate) struct Mends {
    waiting: BTreeSet<Key>,
    under_way: BTreeMap<Key, Mend>,
    asked: BTreeMap<RequestId, (Key, NodeId)>,
    timer_set: bool,
}

#[derive(Debug, Default)]
struct Mend {
    unanswered: BTreeSet<NodeId>,
    best: Option<Cell>,
}

impl Mends {
    pub(crate) fn is_under_way(&self, id: RequestId) -> bool {
        self.asked.contains_key(&id)
    }

    /// Whether a record of this node is known to be damaged.
    pub(crate) fn is_damaged(&self, key: &Key) -> bool {
        self.waiting.contains(key) || self.under_way.contains_key(key)
    }

    /// A record that was damaged is not to be held any more.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.waiting.remove(key);
        self.under_way.remove(key);
        self.asked.retain(|_, (asked, _)| asked != key);
    }

    pub(crate) fn count(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }
}

impl Node {
    /// A record of this node's own was found damaged.
    pub(crate) fn mend(&mut self, now: Time, key: Key, why: String) {
        if self.mends.is_damaged(&key) || self.has_plant(Plant::DamageTakenForAbsence) {
            return;
        }
        self.counters.damaged_records += 1;
        self.output(Output::Event(Event::RecordDamaged { why }));
        self.mends.waiting.insert(key);
        self.set_mend_timer(now, std::time::Duration::ZERO);
    }

    pub(crate) fn on_mend_due(&mut self, now: Now) {
        self.mends.timer_set = false;
        if self.topology.is_some() {
            let room = MENDING_MAX - self.mends.under_way.len();
            let can_be = |key: &&Key| self.other_owners(key).iter().all(|owner| self.is_reachable(*owner));
            let due: Vec<_> = self.mends.waiting.iter().filter(can_be).take(room).cloned().collect();
            for key in due {
                self.mends.waiting.remove(&key);
                self.begin_mend(&key);
            }
        }
        if !self.mends.waiting.is_empty() {
            self.set_mend_timer(now.time, RETRY_PAUSE);
        }
    }

    fn set_mend_timer(&mut self, now: Time, pause: std::time::Duration) {
        if !self.mends.timer_set {
            self.timers.set(now + pause, Timer::Mend);
            self.mends.timer_set = true;
        }
    }

    fn other_owners(&self, key: &Key) -> BTreeSet<NodeId> {
        let owners = self.topology().ownership(self.partition(key)).nodes();
        owners.filter(|owner| *owner != self.config.node).collect()
    }

    fn begin_mend(&mut self, key: &Key) {
        let others = self.other_owners(key);
        let mend = Mend {
            unanswered: others.clone(),
            best: None,
        };
        self.mends.under_way.insert(key.clone(), mend);
        for owner in others {
            let id = self.next_request_id();
            self.mends.asked.insert(id, (key.clone(), owner));
            let (key, want) = (key.clone(), Want::Cell);
            self.ask(owner, id, ReplicaRequest::Read { key, want });
        }
        self.finish_mend_if_answered(key);
    }

    fn mend_later(&mut self, now: Time, key: Key) {
        self.mends.asked.retain(|_, (asked, _)| *asked != key);
        self.mends.under_way.remove(&key);
        self.mends.waiting.insert(key);
        self.set_mend_timer(now, RETRY_PAUSE);
    }

    pub(crate) fn on_mend_response(&mut self, now: Now, id: RequestId, body: ReplicaResponse) {
        let (key, from) = self.mends.asked.remove(&id).expect("the caller has looked");
        let ReplicaResponse::Read { cell } = body else {
            return self.mend_later(now.time, key);
        };
        if let Some(cell) = &cell
            && self.check_cell(now, &key, cell).is_err()
        {
            return self.mend_later(now.time, key);
        }
        let mend = self.mends.under_way.get_mut(&key).expect("what is asked is under way");
        mend.unanswered.remove(&from);
        match (&mut mend.best, cell) {
            (Some(best), Some(cell)) => {
                best.merge(&cell);
            }
            (best @ None, cell) => *best = cell,
            (Some(_), None) => {}
        }
        self.finish_mend_if_answered(&key);
    }

    fn finish_mend_if_answered(&mut self, key: &Key) {
        let Some(mend) = self.mends.under_way.get(key).filter(|mend| mend.unanswered.is_empty()) else {
            return;
        };
        let best = mend.best.clone();
        let held = self.written_since(key);
        if best.is_none() && held.is_none() {
            let key = key.clone();
            self.output(Output::Event(Event::RecordLost { key }));
        }
        let mended = match (&held, best) {
            (Some(record), Some(best)) => {
                let mut record = record.clone();
                record.cell.merge(&best);
                Some(record)
            }
            (Some(record), None) => Some(record.clone()),
            // Its own actor is not among what the others hold: this owner writes the key as somebody new.
            (None, best) => best.map(Record::of),
        };
        self.stage(key, mended, held.as_ref());
        self.journal.wait_for(key, Waiter::Mending { key: key.clone() });
    }

    /// What took the damaged record's place while the others were asked: it was on its way to the disk when the damage
    /// was found.
    fn written_since(&self, key: &Key) -> Option<Record> {
        match self.journal.newest(key) {
            Some(record) => record.cloned(),
            None => self.store.record(self.partition(key), key).unwrap_or_default(),
        }
    }

    /// The record is in order again, or could not be written.
    pub(crate) fn on_mended(&mut self, now: Now, key: &Key, mended: bool) {
        if !mended {
            return self.mend_later(now.time, key.clone());
        }
        self.mends.under_way.remove(key);
        self.counters.mended_records += 1;
        // What the damaged record had added to its digest is not known.
        let partition = self.partition(key);
        self.anti_entropy.distrust([partition].into_iter());
    }

    /// Nothing that `peer` was asked will be answered.
    pub(crate) fn fail_mends_with(&mut self, now: Time, peer: NodeId) {
        let lost = self.mends.asked.values().filter(|(_, node)| *node == peer);
        let lost: Vec<_> = lost.map(|(key, _)| key.clone()).collect();
        for key in lost {
            self.mend_later(now, key);
        }
    }

    /// Records that were found damaged at the start.
    pub(crate) fn mend_all(&mut self, now: Time, damaged: Vec<Key>) {
        for key in damaged {
            let why = format!("key {key} does not fit its checksum");
            self.mend(now, key, why);
        }
    }
}
