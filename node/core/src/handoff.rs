//! Hinted handoff: records kept for owners that missed them, delivered when they are back (*Dynamo*, section 4.6).
//!
//! Quorums here are strict: a hint never counts toward W. It is durable, bounded in number, dropped when it grows too
//! old, and forgotten only once its target has acknowledged the record as durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Errand, Event, Hint, HintId, Node, NodeId, Now, Output, Plant, ReplicaRequest, ReplicaResponse, RequestId, Store,
    StoreError, Time, WallTime, journal::HintChanges, timers::Timer,
};

/// Hints under way to one target at a time: enough to fill a round trip, few enough to leave it room for its clients.
const UNDER_WAY_MAX: usize = 64;

/// How long to leave a target alone after a delivery that failed or was refused.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The hints of this node, by target.
#[derive(Debug)]
pub(crate) struct Handoff {
    targets: BTreeMap<NodeId, Target>,
    under_way: BTreeMap<RequestId, (NodeId, HintId)>,
    timer_set: bool,
}

#[derive(Debug, Default)]
struct Target {
    /// Hints kept, those not yet durable and those under way among them.
    count: u64,
    under_way: BTreeSet<HintId>,
    /// Delivered or too old, and still visible in the store until the batch that drops them is durable.
    dropping: BTreeSet<HintId>,
    /// Not before this time.
    resume: Time,
}

impl Handoff {
    pub(crate) fn load(store: &impl Store) -> Result<Handoff, StoreError> {
        let counts = store.hint_counts()?.into_iter();
        let target = |count| Target {
            count,
            ..Target::default()
        };
        Ok(Handoff {
            targets: counts.map(|(node, count)| (node, target(count))).collect(),
            under_way: BTreeMap::new(),
            timer_set: false,
        })
    }

    /// Hints kept for all targets together.
    pub(crate) fn count(&self) -> u64 {
        self.targets.values().map(|target| target.count).sum()
    }

    pub(crate) fn is_under_way(&self, id: RequestId) -> bool {
        self.under_way.contains_key(&id)
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
        for (node, hint) in &changes.dropped {
            self.target(*node).dropping.remove(hint);
        }
    }

    /// Nothing of `changes` happened: what was dropped is still there, and what was put is not.
    pub(crate) fn on_not_persisted(&mut self, changes: &HintChanges) {
        for (node, hint) in &changes.dropped {
            let target = self.target(*node);
            target.dropping.remove(hint);
            target.count += 1;
        }
        for node in &changes.put {
            self.target(*node).uncount();
        }
    }

    fn target(&mut self, node: NodeId) -> &mut Target {
        self.targets.get_mut(&node).expect("hints are counted by target")
    }
}

impl Target {
    fn uncount(&mut self) {
        assert!(self.count > 0, "no more hints are forgotten than were kept");
        self.count -= 1;
    }
}

impl<S: Store> Node<S> {
    /// Keeps a hint, if there is room. It is durable with the open batch.
    pub(crate) fn keep_hint(&mut self, hint: Hint) -> bool {
        if self.handoff.count() >= self.config.hint_count_max {
            self.counters.hints_refused += 1;
            self.output(Output::Event(Event::HintRefused { target: hint.target }));
            return false;
        }
        self.counters.hints_stored += 1;
        if self.has_plant(Plant::HintDropped) {
            return true;
        }
        self.handoff.targets.entry(hint.target).or_default().count += 1;
        self.journal.stage_hint(hint);
        true
    }

    pub(crate) fn on_handoff_timer(&mut self, now: Now) {
        self.handoff.timer_set = false;
        self.on_handoff_due(now);
    }

    /// Sends what is due to every target that can be reached, and sets the timer for what is left.
    pub(crate) fn on_handoff_due(&mut self, now: Now) {
        let due = self
            .handoff
            .targets
            .iter()
            .filter(|(node, target)| target.count > 0 && target.resume <= now.time && self.links.contains(node));
        let due: Vec<_> = due.map(|(node, _)| *node).collect();
        for target in due {
            self.deliver_hints(now, target);
        }
        self.set_handoff_timer(now.time);
    }

    /// Looks again after a pause, as long as there is anything to deliver to anyone who can be reached.
    pub(crate) fn set_handoff_timer(&mut self, now: Time) {
        let due = |(node, target): (&NodeId, &Target)| target.count > 0 && self.links.contains(node);
        if !self.handoff.timer_set && self.handoff.targets.iter().any(due) {
            self.timers.set(now + RETRY_PAUSE, Timer::Handoff);
            self.handoff.timer_set = true;
        }
    }

    /// Fills the window of one target. Goes on from the last hint under way; what came in below it meanwhile has its
    /// turn once the window has emptied.
    fn deliver_hints(&mut self, now: Now, node: NodeId) {
        let target = self.handoff.target(node);
        let room = UNDER_WAY_MAX - target.under_way.len();
        let after = target.under_way.last().max(target.dropping.last()).cloned();
        let hints = self.store.hints(node, after.as_ref(), room);
        let hints = match hints {
            Ok(hints) if hints.is_empty() && target.under_way.is_empty() && target.dropping.is_empty() => {
                self.store.hints(node, None, room)
            }
            hints => hints,
        };
        match hints {
            Ok(hints) => hints
                .into_iter()
                .for_each(|hint| self.deliver_hint(now.wall, node, hint)),
            Err(error) => {
                self.output(Output::Event(Event::StorageFailed { why: error.0 }));
                self.handoff.target(node).resume = now.time + RETRY_PAUSE;
            }
        }
    }

    fn deliver_hint(&mut self, wall: WallTime, node: NodeId, hint: Hint) {
        let id = hint.id();
        let written = WallTime::from_nanos(hint.record.version.time);
        if written + self.config.hint_window < wall {
            self.counters.hints_expired += 1;
            self.output(Output::Event(Event::HintExpired { target: node }));
            return self.drop_hint(node, id);
        }
        let request = self.next_request_id();
        self.handoff.under_way.insert(request, (node, id.clone()));
        self.handoff.target(node).under_way.insert(id);
        let errand = Errand::Handoff;
        let (key, record) = (hint.key, hint.record);
        self.ask(node, request, ReplicaRequest::Hold { key, record, errand });
    }

    pub(crate) fn on_handoff_response(&mut self, now: Now, id: RequestId, body: &ReplicaResponse) {
        let (node, hint) = self.handoff.under_way.remove(&id).expect("the caller has looked");
        match body {
            ReplicaResponse::Held { version } if *version == hint.version => {
                self.counters.hints_delivered += 1;
                self.drop_hint(node, hint);
            }
            _ => {
                let target = self.handoff.target(node);
                target.under_way.remove(&hint);
                target.resume = now.time + RETRY_PAUSE;
            }
        }
        let target = self.handoff.target(node);
        if target.under_way.is_empty() && target.resume <= now.time {
            self.deliver_hints(now, node);
        }
    }

    fn drop_hint(&mut self, node: NodeId, hint: HintId) {
        let target = self.handoff.target(node);
        target.under_way.remove(&hint);
        target.uncount();
        target.dropping.insert(hint.clone());
        self.journal.stage_hint_drop(node, hint);
    }
}
