//! Hinted handoff: cells kept for owners that missed them, delivered when they are back (*Dynamo*, section 4.6).
//!
//! A coordinator keeps a hint for every owner that did not take its write, itself among them: its disk may have failed,
//! or had too much to do (CA-6510 in docs/mutants.md). In a sloppy quorum, nodes that stand in for owners keep them too, and
//! are counted. Hints are durable, bounded in number, delivered no faster than is allowed,
//! dropped when they grow too old, and forgotten only once their target has acknowledged them as durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Behind, Cell, Errand, Event, Hint, HintId, Key, Node, NodeId, Now, Output, PersistToken, Plant, Refused,
    ReplicaRequest, ReplicaResponse, RequestId, Store, StoreError, Time,
    journal::{HintChanges, Waiter},
    timers::Timer,
};

/// Hints under way to one target at a time: enough to fill a round trip, few enough to leave it room for its clients.
const UNDER_WAY_MAX: usize = 64;

/// How long to leave a target alone after a delivery that failed or was refused.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// How long a target may answer none of the hints that are under way to it before they are sent again: many times what a slow
/// disk takes. A message or its answer can be lost on a link that is whole, and nobody else would send the hint again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often hints for those who stay away are looked through: eight times in their window, within these bounds.
const EXPIRY_INTERVAL_MIN: Duration = Duration::from_secs(1);
const EXPIRY_INTERVAL_MAX: Duration = Duration::from_secs(10 * 60);

/// How many looks are taken at the hints of one target each time, of as many hints as a window has: all that are kept
/// for it, unless there are more than 65,536.
const EXPIRY_LOOKS_MAX: usize = 1024;

/// The hints of this node, by target.
#[derive(Debug)]
pub(crate) struct Handoff {
    targets: BTreeMap<NodeId, Target>,
    /// Hints kept for all targets together.
    count: u64,
    under_way: BTreeMap<RequestId, (NodeId, HintId)>,
    timer_set: bool,
    throttle: Throttle,
}

/// What has become of a hint that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is on its way to the disk, with this batch.
    Put(PersistToken),
    /// It was there before.
    Already,
    /// There is no room.
    Refused,
}

/// How fast hints may be delivered. What was not used is saved up for [`THROTTLE_SAVED_MAX`] at most.
#[derive(Debug, Default)]
struct Throttle {
    /// When all that was sent has been paid for.
    paid_at: Time,
}

/// Two of the pauses after which delivery goes on, so that none of the rate is lost to them.
const THROTTLE_SAVED_MAX: Duration = Duration::from_millis(400);

impl Throttle {
    /// Whether `bytes` may be sent now, at so many bytes a second. Whatever is sent has to be paid for before the next.
    fn admits(&mut self, now: Time, rate: u64, bytes: u64) -> bool {
        if self.paid_at > now {
            return false;
        }
        let saved = now.since(self.paid_at).min(THROTTLE_SAVED_MAX);
        let cost = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        let cost = Duration::from_nanos(u64::try_from(cost).unwrap_or(u64::MAX));
        self.paid_at = now + cost.saturating_sub(saved);
        if cost < saved {
            let left = saved - cost;
            self.paid_at = Time::from_nanos(now.as_nanos().saturating_sub(left.as_nanos() as u64));
        }
        true
    }
}

#[derive(Debug, Default)]
struct Target {
    /// Hints kept, those not yet durable and those under way among them.
    count: u64,
    /// Since when there has been one at all times, if there is one.
    since: Time,
    under_way: BTreeSet<HintId>,
    /// When it last answered one of them, or they began to be under way.
    heard: Time,
    /// The last that was sent. Delivery goes on behind it and begins anew at the end, so that hints which the target
    /// refuses again and again don't hold up those behind them.
    last_sent: Option<HintId>,
    /// On their way to the disk, and with which batch.
    putting: BTreeMap<HintId, PersistToken>,
    /// Delivered or too old, and still visible in the store until the batch that drops them is durable.
    dropping: BTreeSet<HintId>,
    /// Not before this time.
    resume: Time,
}

impl Handoff {
    pub(crate) fn load(store: &dyn Store, now: Time) -> Result<Handoff, StoreError> {
        let counts = store.hint_counts()?;
        let target = |count| Target {
            count,
            since: now,
            ..Target::default()
        };
        Ok(Handoff {
            count: counts.iter().map(|(_, count)| count).sum(),
            targets: counts.into_iter().map(|(node, count)| (node, target(count))).collect(),
            under_way: BTreeMap::new(),
            timer_set: false,
            throttle: Throttle::default(),
        })
    }

    /// Hints kept for all targets together.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// For whom hints are kept.
    pub(crate) fn targets(&self) -> impl Iterator<Item = NodeId> + '_ {
        let kept = self.targets.iter().filter(|(_, target)| target.count > 0);
        kept.map(|(node, _)| *node)
    }

    /// Who is behind, by the hints that are kept for them.
    pub(crate) fn behind(&self, now: Time) -> Vec<Behind> {
        let kept = self.targets.iter().filter(|(_, target)| target.count > 0);
        kept.map(|(node, target)| Behind {
            node: *node,
            hints: target.count,
            lasting: now.since(target.since),
        })
        .collect()
    }

    /// Whether a hint is durable, and neither on its way to its target nor to its end.
    pub(crate) fn is_settled(&self, node: NodeId, hint: &HintId) -> bool {
        self.targets.get(&node).is_some_and(|target| {
            !target.putting.contains_key(hint) && !target.dropping.contains(hint) && !target.under_way.contains(hint)
        })
    }

    pub(crate) fn is_under_way(&self, id: RequestId) -> bool {
        self.under_way.contains_key(&id)
    }

    /// Waits no longer for answers of those that have given none for too long; for its own disk a node waits.
    fn give_up_silent(&mut self, now: Time, own: NodeId) {
        let is_silent = |target: &Target| !target.under_way.is_empty() && now.since(target.heard) >= PATIENCE;
        let silent = self
            .targets
            .iter()
            .filter(|(node, target)| **node != own && is_silent(target));
        let silent: Vec<_> = silent.map(|(node, _)| *node).collect();
        silent.into_iter().for_each(|node| self.lose_link(node));
    }

    /// Nothing that was under way to `node` will be answered.
    pub(crate) fn lose_link(&mut self, node: NodeId) {
        self.under_way.retain(|_, (target, _)| *target != node);
        if let Some(target) = self.targets.get_mut(&node) {
            target.under_way.clear();
        }
    }

    /// Hints became durable, or stopped being so.
    pub(crate) fn on_persisted(&mut self, changes: &HintChanges) {
        for (node, hint) in &changes.put {
            self.target(*node).putting.remove(hint);
        }
        for (node, hint) in &changes.dropped {
            self.target(*node).dropping.remove(hint);
        }
    }

    /// Nothing of `changes` happened: what was dropped is still there, and what was put is not.
    pub(crate) fn on_not_persisted(&mut self, now: Time, changes: &HintChanges) {
        for (node, hint) in &changes.dropped {
            self.target(*node).dropping.remove(hint);
            self.count_one(now, *node);
        }
        for (node, hint) in &changes.put {
            self.target(*node).putting.remove(hint);
            self.uncount_one(*node);
        }
    }

    /// One more hint is kept for a node.
    fn count_one(&mut self, now: Time, node: NodeId) {
        let target = self.targets.entry(node).or_default();
        if target.count == 0 {
            target.since = now;
        }
        target.count += 1;
        self.count += 1;
    }

    /// One less is.
    fn uncount_one(&mut self, node: NodeId) {
        let target = self.target(node);
        assert!(target.count > 0, "no more hints are forgotten than were kept");
        target.count -= 1;
        self.count -= 1;
    }

    /// Checks that the count of all is that of each together.
    pub(crate) fn check(&self) {
        let sum: u64 = self.targets.values().map(|target| target.count).sum();
        assert_eq!(self.count, sum, "hints are counted as they are kept");
    }

    fn target(&mut self, node: NodeId) -> &mut Target {
        self.targets.get_mut(&node).expect("hints are counted by target")
    }
}

impl Node {
    /// Keeps a hint, if there is room and it is not kept already.
    pub(crate) fn keep_hint(&mut self, hint: Hint) -> Kept {
        if self.has_plant(Plant::HintDropped) {
            self.counters.hints_stored += 1;
            return Kept::Already;
        }
        if self.has_plant(Plant::DeletesNotHinted) && hint.cell.deleted_at().is_some() {
            return Kept::Already;
        }
        let id = hint.id();
        if let Some(target) = self.handoff.targets.get(&hint.target) {
            if let Some(token) = target.putting.get(&id) {
                return Kept::Put(*token);
            }
            if !target.dropping.contains(&id) && target.count > 0 && self.is_kept(&hint, &id) {
                return Kept::Already;
            }
        }
        if self.handoff.count() >= self.config.hint_count_max {
            self.counters.hints_refused += 1;
            self.output(Output::Event(Event::HintRefused { target: hint.target }));
            return Kept::Refused;
        }
        self.counters.hints_stored += 1;
        let token = self.journal.open_token();
        self.handoff.count_one(self.present, hint.target);
        self.handoff.target(hint.target).putting.insert(id.clone(), token);
        self.journal.stage_hint(hint, id);
        Kept::Put(token)
    }

    /// Whether a hint is in the store. A key may have many: it is looked for behind the name that is next below its own.
    fn is_kept(&self, hint: &Hint, id: &HintId) -> bool {
        let one_will_do = self.has_plant(Plant::SecondHintDropped);
        let kept = match id.fingerprint.checked_sub(1) {
            Some(fingerprint) if !one_will_do => {
                let key = id.key.clone();
                self.store.hints(hint.target, Some(&HintId { key, fingerprint }), 1)
            }
            _ => self.store.hints_of(hint.target, &hint.key),
        };
        let kept = kept.unwrap_or_default();
        kept.iter()
            .any(|kept| kept.key == hint.key && (kept.cell == hint.cell || one_will_do))
    }

    /// Keeps a cell for an owner in whose stead this node counts, and tells `waiter` once it is durable.
    ///
    /// # Errors
    /// The reason why it never will be; `waiter` is not told.
    pub(crate) fn keep(
        &mut self,
        now: Now,
        owner: NodeId,
        key: Key,
        cell: Cell,
        waiter: Waiter,
    ) -> Result<(), Refused> {
        self.check_cell(now, &key, &cell)?;
        self.check_room()?;
        let hint = Hint {
            target: owner,
            key,
            cell,
            stored_at: now.wall,
        };
        match self.keep_hint(hint) {
            Kept::Put(token) => self.journal.wait_for_batch(token, waiter),
            Kept::Already => self.on_held(now, waiter),
            Kept::Refused => return Err(Refused::Overloaded),
        }
        Ok(())
    }

    /// What this node keeps under a key for an owner, merged, as an answer.
    pub(crate) fn answer_read_kept(&self, key: &Key, owner: NodeId) -> ReplicaResponse {
        let Ok(hints) = self.store.hints_of(owner, key) else {
            return ReplicaResponse::Refused(Refused::Storage);
        };
        let cells = hints.into_iter().map(|hint| hint.cell);
        let cell = cells.reduce(|mut merged, cell| {
            merged.merge(&cell);
            merged
        });
        ReplicaResponse::Read { cell }
    }

    /// Whether a hint for `key` is kept here, or about to be, whoever it is for. What can't be read may be one.
    pub(crate) fn has_hint_of(&self, key: &Key) -> bool {
        self.handoff.targets.iter().any(|(node, target)| {
            target.putting.keys().any(|hint| hint.key == *key)
                || self.store.hints_of(*node, key).map_or(true, |hints| !hints.is_empty())
        })
    }

    pub(crate) fn on_handoff_timer(&mut self, now: Now) {
        self.handoff.timer_set = false;
        self.on_handoff_due(now);
    }

    /// Sends what is due to every target that can be reached, and sets the timer for what is left.
    pub(crate) fn on_handoff_due(&mut self, now: Now) {
        if self.has_plant(Plant::HandoffWaitsForOne) && !self.handoff.under_way.is_empty() {
            return self.set_handoff_timer(now.time);
        }
        self.handoff.give_up_silent(now.time, self.config.node);
        let due = self
            .handoff
            .targets
            .iter()
            .filter(|(node, target)| target.count > 0 && target.resume <= now.time && self.is_reachable(**node));
        let due: Vec<_> = due.map(|(node, _)| *node).collect();
        let count = if self.has_plant(Plant::HandoffWaitsForOne) {
            1
        } else {
            due.len()
        };
        for target in due.into_iter().take(count) {
            self.deliver_hints(now, target);
        }
        self.set_handoff_timer(now.time);
    }

    /// Looks again after a pause, as long as there is anything to deliver to anyone who can be reached.
    pub(crate) fn set_handoff_timer(&mut self, now: Time) {
        let due = |(node, target): (&NodeId, &Target)| target.count > 0 && self.is_reachable(*node);
        if !self.handoff.timer_set && self.handoff.targets.iter().any(due) {
            self.timers.set(now + RETRY_PAUSE, Timer::Handoff);
            self.handoff.timer_set = true;
        }
    }

    pub(crate) fn set_hint_expiry_timer(&mut self, now: Time) {
        let interval = (self.config.hint_window / 8).clamp(EXPIRY_INTERVAL_MIN, EXPIRY_INTERVAL_MAX);
        self.timers.set(now + interval, Timer::HintExpiry);
    }

    /// Drops what has grown too old for those who can't be reached: nothing is delivered to them, and what is kept for
    /// them takes the room of others.
    pub(crate) fn on_hint_expiry_due(&mut self, now: Now) {
        self.set_hint_expiry_timer(now.time);
        let kept = self.handoff.targets.iter().filter(|(_, target)| target.count > 0);
        let away = kept.filter(|(node, _)| !self.is_reachable(**node));
        let away: Vec<_> = away.map(|(node, _)| *node).collect();
        for node in away {
            self.expire_hints(now, node);
        }
    }

    fn expire_hints(&mut self, now: Now, node: NodeId) {
        let mut after = None;
        for _ in 0..EXPIRY_LOOKS_MAX {
            // What can't be read now may be the next time.
            let hints = self
                .store
                .hints(node, after.as_ref(), UNDER_WAY_MAX)
                .unwrap_or_default();
            let Some(last) = hints.last() else {
                return;
            };
            after = Some(last.id());
            for hint in hints {
                let (id, target) = (hint.id(), self.handoff.target(node));
                let settled = !target.dropping.contains(&id) && !target.putting.contains_key(&id);
                if settled && self.has_expired(now, &hint) {
                    self.expire_hint(node, id);
                }
            }
        }
    }

    fn has_expired(&self, now: Now, hint: &Hint) -> bool {
        let window = match self.has_plant(Plant::HintsExpireEarly) {
            true => self.config.hint_window / 10_000,
            false => self.config.hint_window,
        };
        hint.stored_at + window < now.wall
    }

    fn expire_hint(&mut self, node: NodeId, hint: HintId) {
        self.counters.hints_expired += 1;
        self.output(Output::Event(Event::HintExpired { target: node }));
        self.drop_hint(node, hint);
    }

    /// Fills the window of one target, from behind the last that was sent. What came in before it meanwhile, and what was
    /// refused, has its turn once the window has emptied.
    fn deliver_hints(&mut self, now: Now, node: NodeId) {
        let target = self.handoff.target(node);
        let room = UNDER_WAY_MAX - target.under_way.len();
        let after = target.last_sent.clone();
        let is_at_rest = target.under_way.is_empty() && target.dropping.is_empty();
        let hints = self.store.hints(node, after.as_ref(), room);
        let hints = match hints {
            Ok(hints) if hints.is_empty() && is_at_rest => self.store.hints(node, None, room),
            hints => hints,
        };
        match hints {
            Ok(hints) => {
                for hint in hints {
                    if !self.deliver_hint(now, node, hint) {
                        break;
                    }
                }
            }
            Err(error) => {
                self.output(Output::Event(Event::StorageFailed { why: error.to_string() }));
                self.handoff.target(node).resume = now.time + RETRY_PAUSE;
            }
        }
    }

    /// Sends a hint to its target, or drops it as too old. False if nothing more may be sent for now.
    fn deliver_hint(&mut self, now: Now, node: NodeId, hint: Hint) -> bool {
        let id = hint.id();
        if self.has_expired(now, &hint) {
            self.handoff.target(node).last_sent = Some(id.clone());
            self.expire_hint(node, id);
            return true;
        }
        if self.is_misdirected(&hint) {
            self.handoff.target(node).last_sent = Some(id);
            self.hand_on_hint(now, &hint);
            return true;
        }
        if self.has_plant(Plant::HintSentToItself) {
            self.counters.hints_delivered += 1;
            self.drop_hint(node, id);
            return true;
        }
        let bytes = (hint.key.name.len() + hint.cell.size_bytes()) as u64;
        if let Some(rate) = self.config.hint_bytes_per_second
            && !self.handoff.throttle.admits(now.time, rate, bytes)
        {
            return false;
        }
        let request = self.next_request_id();
        self.handoff.under_way.insert(request, (node, id.clone()));
        let target = self.handoff.target(node);
        target.last_sent = Some(id.clone());
        if target.under_way.is_empty() {
            target.heard = now.time;
        }
        target.under_way.insert(id);
        let errand = Errand::Handoff;
        let Hint { key, cell, .. } = hint;
        if node == self.config.node {
            self.deliver_own_hint(now, request, &key, cell);
            return true;
        }
        self.ask(node, request, ReplicaRequest::Hold { key, cell, errand });
        true
    }

    /// Tries again what this node's own disk could not take.
    fn deliver_own_hint(&mut self, now: Now, request: RequestId, key: &Key, cell: Cell) {
        let fingerprint = cell.fingerprint(&key.name);
        let waiter = Waiter::Handoff {
            id: request,
            fingerprint,
        };
        if let Err(refused) = self.hold(now, key, cell, Errand::Handoff, waiter) {
            self.on_handoff_response(now, request, &ReplicaResponse::Refused(refused));
        }
    }

    pub(crate) fn on_handoff_response(&mut self, now: Now, id: RequestId, body: &ReplicaResponse) {
        let (node, hint) = self.handoff.under_way.remove(&id).expect("the caller has looked");
        self.handoff.target(node).heard = now.time;
        match body {
            ReplicaResponse::Held { fingerprint } if *fingerprint == hint.fingerprint => {
                self.counters.hints_delivered += 1;
                self.drop_hint(node, hint);
            }
            _ => {
                let target = self.handoff.target(node);
                target.under_way.remove(&hint);
                target.resume = now.time + RETRY_PAUSE;
            }
        }
        let is_own = node == self.config.node; // It may have answered while its hints are handed out: the timer goes on.
        let target = self.handoff.target(node);
        if target.under_way.is_empty() && target.resume <= now.time && !is_own {
            self.deliver_hints(now, node);
        }
    }

    /// Drops every hint: [`Plant::HintsForgottenAtStart`].
    pub(crate) fn forget_hints(&mut self) {
        let targets: Vec<_> = self.handoff.targets.keys().copied().collect();
        for node in targets {
            let hints = self.store.hints(node, None, usize::MAX).unwrap_or_default();
            hints.iter().for_each(|hint| self.drop_hint(node, hint.id()));
        }
    }

    /// Drops the hints that are under way to a node: [`Plant::HintsLostWithLink`].
    pub(crate) fn drop_hints_under_way(&mut self, node: NodeId) {
        let target = self.handoff.targets.get(&node);
        let under_way: Vec<_> = target
            .map(|target| target.under_way.iter().cloned().collect())
            .unwrap_or_default();
        for hint in under_way {
            self.drop_hint(node, hint);
        }
    }

    pub(crate) fn drop_hint(&mut self, node: NodeId, hint: HintId) {
        let target = self.handoff.target(node);
        target.under_way.remove(&hint);
        target.dropping.insert(hint.clone());
        self.handoff.uncount_one(node);
        self.journal.stage_hint_drop(node, hint);
    }
}
