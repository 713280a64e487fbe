//! Coordinating a write: give it its place, have every owner hold it, answer when enough do, keep hints for those that
//! don't.
//!
//! ```text
//!                        one-phase register: stamped by this node's clock
//!   arrived ────────────────────────────────────────────────────────────────────┐
//!     ├── two-phase register ──▶ asking versions ── stamped above them ─────────┤
//!     └── other kinds, and writes with an id ──▶ applying, at one owner ────────┴─▶ holding ──▶ answered
//! ```
//!
//! Up to the end of "asking versions" nothing that changes a replica has been sent, and a write that fails there is not
//! applied. What depends on what is held, or must not happen twice, is applied by one owner, the *origin*; the others
//! get the whole of what it holds then, which merges in any order.

use super::{
    Coordination, State, Terms,
    write_state::{Progress, Slot, Step, WriteState, Written},
};
use crate::{
    Apply, BeforeSend, Cell, ClientToken, Errand, Hint, Key, Kind, Level, Node, NodeId, NotApplied, Now, Operation,
    Plant, Quorum, Reason, Refused, Register, ReplicaRequest, ReplicaResponse, RequestId, Requirement, Response, Stage,
    Unknown, Update, Version, Want, WriteError, WriteId, WriteOk, WritePath, WriteRequest, handoff::Kept,
    journal::Waiter,
};

/// How far ahead the clock is of [`Plant::DeletesStampedAhead`]: less than owners refuse.
const AHEAD_NS: u64 = 400_000_000;

impl Node {
    pub(crate) fn on_write(&mut self, now: Now, client: ClientToken, request: WriteRequest, before: BeforeSend) {
        let (admitted, versions) = match self.admit_write(now, &request) {
            Ok(admitted) => admitted,
            Err(reason) => {
                self.note_refusal(Operation::Write, request.level);
                let error = WriteError::NotApplied(NotApplied::new(&before, Stage::Arrived, reason));
                return self.reply(client, Response::Write(Err(error)));
            }
        };
        let super::Admitted { requirement, accepted } = admitted;
        let slots = self.owners(accepted.at).map(Slot::of).collect();
        let state = WriteState {
            key: request.key,
            id: request.id,
            requirement,
            quorum: self.quorum(request.quorum),
            step: Step::Holding,
            slots,
            written: None,
        };
        let id = self.next_request_id();
        self.begin_coordination(id, client, &accepted, State::Write(Box::new(state)));
        match versions {
            Some((level, requirement)) => self.ask_versions(now, id, request.update, (level, requirement), before),
            None => self.place(now, id, request.update, None, before),
        }
    }

    /// Checks a write, and returns which versions have to be known first, if any.
    fn admit_write(
        &mut self,
        now: Now,
        request: &WriteRequest,
    ) -> Result<(super::Admitted, Option<(Level, Requirement)>), Reason> {
        request.update.check(request.key.kind).map_err(Reason::Invalid)?;
        let admitted = self.admit(
            now,
            &Terms {
                operation: Operation::Write,
                key: &request.key,
                level: request.level,
                preferred: request.preferred,
                quorum: request.quorum,
                token: request.token,
                timeout: request.timeout,
            },
        )?;
        let WritePath::TwoPhase { level } = request.path else {
            return Ok((admitted, None));
        };
        if request.key.kind != Kind::Register {
            let why = "only a register's write has two phases";
            return Err(Reason::Invalid(why.to_owned()));
        }
        let ownership = self.topology().ownership(admitted.accepted.at.partition);
        let requirement = self.reading(ownership, level)?;
        if requirement.is_met_by_hint() {
            let why = "a write has to know at least one version before it can be above it";
            return Err(Reason::Invalid(why.to_owned()));
        }
        self.check_alive(&requirement, &request.key, Quorum::Strict)?;
        Ok((admitted, Some((level, requirement))))
    }

    pub(super) fn ask_versions(
        &mut self,
        now: Now,
        id: RequestId,
        update: Update,
        (level, requirement): (Level, Requirement),
        before: BeforeSend,
    ) {
        let own = self.config.node;
        let owners: Vec<_> = self.write_state(id).owners().collect();
        let (near, away): (Vec<_>, Vec<_>) = owners.into_iter().partition(|owner| self.is_reachable(*owner));
        let state = self.write_state_mut(id);
        let key = state.key.clone();
        state.step = Step::AskingVersions {
            before,
            update,
            level,
            requirement,
            told: Vec::new(),
            lost: away,
        };
        let want = Want::Time;
        for owner in near.iter().filter(|owner| **owner != own) {
            let key = key.clone();
            self.ask(*owner, id, ReplicaRequest::Read { key, want });
        }
        if near.contains(&own) {
            let answer = self.answer_read_request(now, self.partition(&key), &key, want);
            self.on_write_response(now, id, own, answer);
        }
    }

    /// An owner has told its version, or, for `None`, never will.
    fn on_version_told(&mut self, now: Now, id: RequestId, from: NodeId, time: Option<u64>) {
        let Step::AskingVersions {
            requirement,
            told,
            lost,
            ..
        } = &mut self.write_state_mut(id).step
        else {
            return;
        };
        if told.iter().any(|(node, _)| *node == from) || lost.contains(&from) {
            return;
        }
        match time {
            Some(time) => told.push((from, time)),
            None => lost.push(from),
        }
        if requirement.is_met(|owner| told.iter().any(|(node, _)| *node == owner)) {
            let above = told.iter().map(|(_, time)| *time).max().unwrap_or(0);
            let above = Some(above).filter(|_| !self.has_plant(Plant::ToldVersionsIgnored));
            let step = std::mem::replace(&mut self.write_state_mut(id).step, Step::Holding);
            let Step::AskingVersions { before, update, .. } = step else {
                unreachable!("looked at above");
            };
            self.place(now, id, update, above, before);
        } else if !requirement.is_met(|owner| !lost.contains(&owner)) {
            self.fail_for_want_of_versions(id);
        }
    }

    fn fail_for_want_of_versions(&mut self, id: RequestId) {
        self.answer_for_want_of_versions(id);
        self.end_coordination(id);
    }

    fn answer_for_want_of_versions(&mut self, id: RequestId) {
        let Step::AskingVersions {
            before,
            requirement,
            told,
            ..
        } = &self.write_state(id).step
        else {
            return;
        };
        let reason = Reason::NoVersions {
            required: requirement.needed(),
            answered: super::small(told.len()),
        };
        let error = NotApplied::new(before, Stage::AskingVersions, reason);
        self.answer_failed(id, WriteError::NotApplied(error));
    }

    /// Answers that the write failed, and ends it: there is nothing to hold.
    fn fail_write(&mut self, id: RequestId, error: WriteError) {
        self.answer_failed(id, error);
        self.end_coordination(id);
    }

    fn answer_failed(&mut self, id: RequestId, error: WriteError) {
        if let Some(client) = self.take_client(id, false) {
            self.reply(client, Response::Write(Err(error)));
        }
    }

    /// Gives the write its place, here or at its origin. `above` is what versions were told.
    fn place(&mut self, now: Now, id: RequestId, update: Update, above: Option<u64>, before: BeforeSend) {
        let state = self.write_state(id);
        let (key, write) = (state.key.clone(), state.id);
        if key.kind != Kind::Register || write.is_some() {
            let apply = Apply {
                key,
                update,
                id: write,
                above,
            };
            return self.apply_at_origin(now, id, apply, before);
        }
        let mut version = self.stamp(now, above);
        if self.has_plant(Plant::DeletesStampedAhead) && matches!(update, Update::Delete { .. }) {
            version.time += AHEAD_NS;
        }
        let cell = Cell::Register(Register {
            version,
            content: update.into_content(now),
        });
        self.write_state_mut(id).written = Some(Written {
            fingerprint: cell.fingerprint(&key.name),
            cell,
            version: Some(version),
        });
        self.send_write(now, id, before);
    }

    /// Has one owner apply the update: a fixed one if the write has an id, so that it is known there when it comes again.
    fn apply_at_origin(&mut self, now: Now, id: RequestId, apply: Apply, before: BeforeSend) {
        let own = self.config.node;
        let owners = self.settled_owners(id);
        let origin = match apply.id {
            Some(write) => Some(pinned_origin(&owners, write)).filter(|origin| self.is_reachable(*origin)),
            None => self.nearest(&owners, &[]),
        };
        let stage = if apply.above.is_some() {
            Stage::AskingVersions
        } else {
            Stage::Arrived
        };
        let Some(origin) = origin else {
            let reason = Reason::Unavailable { required: 1, alive: 0 };
            let error = NotApplied::new(&before, stage, reason);
            return self.fail_write(id, WriteError::NotApplied(error));
        };
        self.write_state_mut(id).step = Step::Applying {
            apply: apply.clone(),
            origin,
            refused: Vec::new(),
            is_stale: false,
        };
        if origin != own {
            return self.send_apply(id, origin, apply, before);
        }
        let asked_at = self.coordinations[&id].at.asked();
        if let Err(refused) = self.apply(now, (own, id), asked_at, apply) {
            let error = NotApplied::new(&before, stage, Reason::Refused(refused));
            self.fail_write(id, WriteError::NotApplied(error));
        }
    }

    /// Sends an update to its origin. From here on its outcome is unknown until the origin has answered.
    fn send_apply(&mut self, id: RequestId, origin: NodeId, mut apply: Apply, _before: BeforeSend) {
        if self.has_plant(Plant::ForwardedWithoutContext) {
            apply.update.forget_context();
        }
        self.ask(origin, id, ReplicaRequest::Apply(Box::new(apply)));
    }

    /// The origin has done nothing: another may, unless it has to be this one.
    fn apply_elsewhere(&mut self, now: Now, id: RequestId) {
        if let Step::Applying { origin, refused, .. } = &mut self.write_state_mut(id).step {
            refused.push(*origin);
        }
        self.apply_at_another(now, id);
    }

    /// Has the nearest owner that has not refused apply an update of which nothing has been applied.
    pub(super) fn apply_at_another(&mut self, now: Now, id: RequestId) {
        let own = self.config.node;
        let owners = self.settled_owners(id);
        let Step::Applying { apply, refused, .. } = &self.write_state(id).step else {
            return;
        };
        let (apply, refused) = (apply.clone(), refused.clone());
        let next = match apply.id {
            Some(write) => Some(pinned_origin(&owners, write)),
            None => self.nearest(&owners, &refused),
        };
        let next = next.filter(|next| self.is_reachable(*next) && !refused.contains(next));
        let Some(next) = next else {
            return self.fail_unknown(id, Stage::Applying);
        };
        if let Step::Applying { origin, is_stale, .. } = &mut self.write_state_mut(id).step {
            *origin = next;
            *is_stale = false;
        }
        let asked_at = self.coordinations[&id].at.asked();
        if next != own {
            self.ask(next, id, ReplicaRequest::Apply(Box::new(apply)));
        } else if self.apply(now, (own, id), asked_at, apply).is_err() {
            self.apply_elsewhere(now, id);
        }
    }

    /// Owners who have all that was acknowledged: an update that depends on what is held is applied by one of them.
    fn settled_owners(&self, id: RequestId) -> Vec<NodeId> {
        let ownership = self.topology().ownership(self.coordinations[&id].at.partition);
        ownership.settled().iter().map(|owner| owner.node).collect()
    }

    /// The owner that is best asked first, but for those left out: this node, or who answers soonest.
    fn nearest(&self, owners: &[NodeId], left_out: &[NodeId]) -> Option<NodeId> {
        let candidates = owners
            .iter()
            .filter(|owner| self.is_reachable(**owner) && !left_out.contains(owner));
        candidates.copied().min_by_key(|owner| self.usual_latency(*owner))
    }

    /// The origin holds the update: the others are to hold it too.
    fn on_applied(&mut self, now: Now, id: RequestId, from: NodeId, cell: Cell, version: Option<Version>) {
        let state = self.write_state_mut(id);
        match &state.step {
            Step::Applying { origin, .. } if *origin == from => {}
            _ => return,
        }
        let time = cell.time();
        state.step = Step::Holding;
        state.written = Some(Written {
            fingerprint: cell.fingerprint(&state.key.name),
            cell,
            version,
        });
        if let Some(slot) = state.slot_mut(from) {
            slot.progress = Progress::Held;
        }
        self.note_time(now, time);
        self.send_to_waiting(now, id);
        if self.coordinations.contains_key(&id) {
            self.advance_write(id);
        }
    }

    /// Sends a write to its owners. From here on its outcome is unknown until enough hold it.
    fn send_write(&mut self, now: Now, id: RequestId, _before: BeforeSend) {
        self.send_to_waiting(now, id);
        if self.has_plant(Plant::ReplyBeforeAcks) && self.coordinations.contains_key(&id) {
            self.answer_write(id);
        }
    }

    pub(super) fn send_to_waiting(&mut self, now: Now, id: RequestId) {
        for place in 0..self.write_state(id).slots.len() {
            let Some(Coordination {
                state: State::Write(state),
                ..
            }) = self.coordinations.get(&id)
            else {
                return; // It has ended meanwhile: every owner before was held or lost, and this is the last.
            };
            let Slot { owner, progress, .. } = state.slots[place];
            if progress == Progress::Waiting {
                self.send_share(now, id, owner);
            }
        }
    }

    /// Sends an owner its share, or who stands in for it already.
    pub(super) fn send_share(&mut self, now: Now, id: RequestId, owner: NodeId) {
        if self.has_plant(Plant::NewcomerSentNoWrites) && self.is_newcomer(id, owner) {
            return self.settle_slot(id, owner, Progress::Held);
        }
        let Some(Coordination {
            at,
            state: State::Write(state),
            ..
        }) = self.coordinations.get(&id)
        else {
            unreachable!("the write is under way");
        };
        let partition = at.partition;
        let written = state.written.as_ref().expect("it has its place");
        let (key, cell, errand) = (state.key.clone(), written.cell.clone(), Errand::Write);
        let fingerprint = written.fingerprint;
        let slot = state.slots.iter().find(|slot| slot.owner == owner);
        let via = slot.expect("owners have slots").via;
        if !self.is_reachable(via) {
            self.replace_owner(now, id, owner);
        } else if via != owner && via != self.config.node {
            self.ask(via, id, ReplicaRequest::Keep { owner, key, cell });
        } else if via != owner {
            self.stand_in(now, id, owner);
        } else if owner == self.config.node {
            self.hold_own_write(now, id, &key, (cell, fingerprint));
        } else {
            self.ask_in(partition, owner, id, ReplicaRequest::Hold { key, cell, errand });
        }
    }

    /// Whether a node is to own what is written, and does not yet.
    fn is_newcomer(&self, id: RequestId, owner: NodeId) -> bool {
        let partition = self.coordinations[&id].at.partition;
        self.topology().ownership(partition).added().any(|added| added == owner)
    }

    fn hold_own_write(&mut self, now: Now, id: RequestId, key: &Key, (cell, fingerprint): (Cell, u64)) {
        let waiter = Waiter::Coordination { id, fingerprint };
        if let Err(refused) = self.hold(now, key, cell, Errand::Write, waiter) {
            self.on_write_response(now, id, self.config.node, ReplicaResponse::Refused(refused));
        }
    }

    pub(super) fn on_write_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let state = self.write_state(id);
        match (&state.step, body) {
            (Step::AskingVersions { .. }, ReplicaResponse::Time { time }) => {
                self.on_version_told(now, id, from, Some(time));
            }
            (Step::AskingVersions { .. }, ReplicaResponse::Refused(_)) => self.on_version_told(now, id, from, None),
            (Step::Applying { .. }, ReplicaResponse::Applied(applied)) => {
                if let Some(ownership) = applied.ownership {
                    self.learn_ownership(*ownership);
                }
                self.on_applied(now, id, from, applied.cell, applied.version);
            }
            (Step::Applying { origin, .. }, ReplicaResponse::Refused(Refused::NotDurable)) if *origin == from => {
                self.fail_unknown(id, Stage::Applying);
            }
            (Step::Applying { origin, .. }, ReplicaResponse::Refused(_)) if *origin == from => {
                self.apply_elsewhere(now, id);
            }
            (Step::Applying { origin, .. }, ReplicaResponse::Stale { ownership }) if *origin == from => {
                self.on_apply_stale(now, id, ownership.epoch);
            }
            (Step::Holding, ReplicaResponse::Held { fingerprint }) => {
                let sent = state.written.as_ref().map(|written| written.fingerprint);
                if let Some(owner) = state.awaited_from(from).filter(|_| sent == Some(fingerprint)) {
                    self.settle_slot(id, owner, Progress::Held);
                }
            }
            (Step::Holding, ReplicaResponse::Refused(_)) => self.lose_write_replica(now, id, from),
            _ => {}
        }
    }

    /// A node will not answer.
    pub(super) fn lose_write_replica(&mut self, now: Now, id: RequestId, node: NodeId) {
        let state = self.write_state(id);
        match &state.step {
            Step::AskingVersions { .. } => self.on_version_told(now, id, node, None),
            Step::Applying { origin, .. } if *origin == node && self.has_plant(Plant::LostUpdateReapplied) => {
                self.apply_elsewhere(now, id);
            }
            Step::Applying { origin, .. } if *origin == node && self.has_plant(Plant::LostOriginCalledFailure) => {
                let reason = Reason::Unavailable { required: 1, alive: 0 };
                let error = NotApplied::new(&BeforeSend::on_arrival(), Stage::Arrived, reason);
                self.fail_write(id, WriteError::NotApplied(error));
            }
            Step::Applying { origin, .. } if *origin == node => self.fail_unknown(id, Stage::Applying),
            Step::Applying { .. } => {}
            Step::Holding => {
                if let Some(owner) = state.awaited_from(node) {
                    self.replace_owner(now, id, owner);
                }
            }
        }
    }

    /// An owner, or who stands in for it, can't take its share: lets another stand in where that counts, and otherwise
    /// keeps a hint.
    fn replace_owner(&mut self, now: Now, id: RequestId, owner: NodeId) {
        let state = self.write_state_mut(id);
        let quorum = state.quorum;
        let key = state.key.clone();
        let slot = state.slot_mut(owner).expect("the caller has looked");
        let failed = slot.via;
        slot.tried.push(failed);
        let taken: Vec<_> = state.slots.iter().flat_map(|slot| &slot.tried).copied().collect();
        let in_use: Vec<_> = state.slots.iter().map(|slot| slot.via).chain(taken).collect();
        let next = match quorum {
            Quorum::Strict => None,
            Quorum::Sloppy => self.stand_ins(&key, &in_use).next(),
        };
        match next {
            Some(node) if node == self.config.node => self.stand_in(now, id, owner),
            Some(node) => {
                let state = self.write_state_mut(id);
                state.slot_mut(owner).expect("found above").via = node;
                let cell = state.written.as_ref().expect("it has its place").cell.clone();
                self.ask(node, id, ReplicaRequest::Keep { owner, key, cell });
            }
            None => self.keep_own_hint(now, id, owner),
        }
    }

    /// This node stands in for an owner: its hint counts once it is durable.
    fn stand_in(&mut self, now: Now, id: RequestId, owner: NodeId) {
        let own = self.config.node;
        let state = self.write_state_mut(id);
        state.slot_mut(owner).expect("the caller has looked").via = own;
        let (key, written) = (state.key.clone(), state.written.as_ref().expect("it has its place"));
        let (cell, fingerprint) = (written.cell.clone(), written.fingerprint);
        let waiter = Waiter::Coordination { id, fingerprint };
        if self.keep(now, owner, key, cell, waiter).is_err() {
            self.replace_owner(now, id, owner);
        }
    }

    /// Keeps a hint for an owner, which counts at ANY alone.
    fn keep_own_hint(&mut self, now: Now, id: RequestId, owner: NodeId) {
        let kept = self.put_own_hint(now, id, owner);
        let progress = match kept {
            Kept::Put(token) => {
                self.journal.wait_for_batch(token, Waiter::OwnHint { id, owner });
                Progress::Hinting
            }
            Kept::Already => Progress::Hinted,
            Kept::Refused => Progress::Lost,
        };
        self.settle_slot(id, owner, progress);
    }

    fn put_own_hint(&mut self, now: Now, id: RequestId, owner: NodeId) -> Kept {
        let state = self.write_state(id);
        let hint = Hint {
            target: owner,
            key: state.key.clone(),
            cell: state.written.as_ref().expect("it has its place").cell.clone(),
            stored_at: now.wall,
        };
        self.keep_hint(hint)
    }

    /// A hint of this node for an owner is durable, or never will be.
    pub(crate) fn on_own_hint(&mut self, id: RequestId, owner: NodeId, kept: bool) {
        if let Some(Coordination {
            state: State::Write(state),
            ..
        }) = self.coordinations.get_mut(&id)
            && let Some(slot) = state.slot_mut(owner)
            && slot.progress == Progress::Hinting
        {
            slot.progress = if kept { Progress::Hinted } else { Progress::Lost };
            self.advance_write(id);
        }
    }

    pub(super) fn on_write_deadline(&mut self, now: Now, id: RequestId) {
        match self.write_state(id).step {
            Step::AskingVersions { .. } if self.has_plant(Plant::GoesOnPastDeadline) => {
                self.answer_for_want_of_versions(id);
                return self.put_off(id);
            }
            Step::AskingVersions { .. } => return self.fail_for_want_of_versions(id),
            Step::Applying { .. } => return self.fail_unknown(id, Stage::Applying),
            Step::Holding => {}
        }
        let late: Vec<_> = self
            .write_state(id)
            .with(Progress::Waiting)
            .map(|slot| slot.owner)
            .collect();
        for owner in late {
            let progress = match self.put_own_hint(now, id, owner) {
                Kept::Put(_) => Progress::Hinting, // It may count only once it is durable, and that is too late.
                Kept::Already => Progress::Hinted,
                Kept::Refused => Progress::Lost,
            };
            let slot = self.write_state_mut(id).slot_mut(owner);
            slot.expect("it was waiting").progress = progress;
        }
        self.answer_write(id);
        self.end_coordination(id);
    }

    fn settle_slot(&mut self, id: RequestId, owner: NodeId, progress: Progress) {
        let slot = self.write_state_mut(id).slot_mut(owner).expect("owners have slots");
        assert_eq!(slot.progress, Progress::Waiting, "a share is settled once");
        slot.progress = progress;
        self.advance_write(id);
    }

    /// Answers and ends, as far as the owners have got.
    pub(super) fn advance_write(&mut self, id: RequestId) {
        let coordination = &self.coordinations[&id];
        let State::Write(state) = &coordination.state else {
            unreachable!("the write is under way");
        };
        if !matches!(state.step, Step::Holding) {
            return;
        }
        let over = state.is_over();
        if !coordination.is_answered() {
            let patient = coordination.prefers_more_than(state.with(Progress::Held).count());
            let is_met = state.is_met();
            let can_wait = state.can_be_met() || self.has_plant(Plant::TooFewAsked);
            if over || is_met && !patient || !can_wait {
                self.tell_written(id, is_met);
            }
        }
        if over {
            self.end_coordination(id);
        }
    }

    /// Tells the client how its write stands, if it has not been told.
    fn answer_write(&mut self, id: RequestId) {
        if self.coordinations.get(&id).is_none_or(Coordination::is_answered) {
            return;
        }
        self.tell_written(id, self.write_state(id).is_met());
    }

    /// Tells the client, which has not been told, how its write stands: whether enough hold it.
    fn tell_written(&mut self, id: RequestId, is_met: bool) {
        let is_ok = is_met || self.has_plant(Plant::ReplyBeforeAcks);
        let Some(client) = self.take_client(id, is_ok) else {
            return;
        };
        let result = if is_ok {
            let acks = self.write_state(id).acks();
            self.note_write_quorum(id, &acks);
            let state = self.write_state(id);
            let written = state.written.as_ref().expect("it has its place");
            Ok(WriteOk {
                version: written.version,
                acks,
                stand_ins: state.stand_ins(),
                token: self.session_token(),
            })
        } else {
            Err(self.unmet(id))
        };
        self.reply(client, Response::Write(result));
    }

    /// Tells which owners hold it, where it is not for those who stand in, or keep hints, that it counts.
    fn note_write_quorum(&mut self, id: RequestId, acks: &[NodeId]) {
        let at = self.coordinations[&id].at;
        if at.level != Level::Any && self.write_state(id).stand_ins().is_empty() {
            self.note_quorum(at, Operation::Write, acks);
        }
    }

    /// Too few hold it.
    fn unmet(&self, id: RequestId) -> WriteError {
        let unknown = self.unknown(id, Stage::Holding);
        if self.has_plant(Plant::UnknownCalledFailure) {
            let Unknown { required, alive, .. } = unknown;
            let reason = Reason::Unavailable { required, alive };
            return WriteError::NotApplied(NotApplied::new(&BeforeSend::on_arrival(), Stage::Arrived, reason));
        }
        WriteError::Unknown(unknown)
    }

    fn fail_unknown(&mut self, id: RequestId, stage: Stage) {
        let unknown = self.unknown(id, stage);
        self.fail_write(id, WriteError::Unknown(unknown));
    }

    fn unknown(&self, id: RequestId, stage: Stage) -> Unknown {
        let state = self.write_state(id);
        Unknown {
            stage,
            version: state.written.as_ref().and_then(|written| written.version),
            acks: state.acks(),
            hinted: state.hinted(),
            required: state.requirement.needed(),
            alive: self.alive_count(state.owners()),
        }
    }

    pub(super) fn write_state(&self, id: RequestId) -> &WriteState {
        match self.coordinations.get(&id) {
            Some(Coordination {
                state: State::Write(state),
                ..
            }) => state,
            _ => unreachable!("the write is under way"),
        }
    }

    pub(super) fn write_state_mut(&mut self, id: RequestId) -> &mut WriteState {
        match self.coordinations.get_mut(&id) {
            Some(Coordination {
                state: State::Write(state),
                ..
            }) => state,
            _ => unreachable!("the write is under way"),
        }
    }
}

/// Where a write of this id is always applied.
fn pinned_origin(owners: &[NodeId], id: WriteId) -> NodeId {
    let at = id.0 % owners.len() as u128;
    owners[usize::try_from(at).expect("below the number of owners")]
}
