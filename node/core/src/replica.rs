//! The replica: reads and holds cells for coordinators, its own node's among them.
//!
//! It acknowledges a cell once what it durably holds covers it, and shows only what is durable. So what it has once
//! shown or acknowledged it shows for ever, or what overwrote it, whatever crash comes between.

use std::cmp::Ordering;

use crate::{
    Applied, Apply, Cell, Epoch, Errand, Key, Message, Node, NodeId, Now, Ownership, PartitionId, Plant, Record,
    Refused, ReplicaRequest, ReplicaResponse, RequestId, RingDigest, StoreError, Want,
    journal::{AskedAt, Waiter},
};

impl Node {
    pub(crate) fn on_replica_request(
        &mut self,
        now: Now,
        (from, id): (NodeId, RequestId),
        ring: RingDigest,
        epoch: Epoch,
        body: ReplicaRequest,
    ) {
        let partition = body.partition(&self.config.ring);
        if let Some(answer) = self.why_not_serve(from, ring, epoch, partition) {
            return self.respond(from, id, answer);
        }
        let partition = partition.unwrap_or(PartitionId(0));
        let asked_at = AskedAt { partition, epoch };
        let answer = match body {
            ReplicaRequest::Read { key, want } => Ok(Some(self.answer_read_request(now, &key, want))),
            ReplicaRequest::ReadKept { key, owner } => Ok(Some(self.answer_read_kept(&key, owner))),
            ReplicaRequest::Hold { key, cell, errand } => {
                let waiter = Waiter::Peer {
                    peer: from,
                    id,
                    fingerprint: cell.fingerprint(&key.name),
                    asked_at,
                };
                self.hold(now, &key, cell, errand, waiter).map(|()| None)
            }
            ReplicaRequest::Keep { owner, key, cell } => {
                let waiter = Waiter::Peer {
                    peer: from,
                    id,
                    fingerprint: cell.fingerprint(&key.name),
                    asked_at,
                };
                self.keep(now, owner, key, cell, waiter).map(|()| None)
            }
            proposal @ (ReplicaRequest::Prepare { .. } | ReplicaRequest::Accept { .. }) => {
                self.answer_proposal(now, from, id, epoch, proposal);
                Ok(None)
            }
            vote @ (ReplicaRequest::PrepareKey { .. } | ReplicaRequest::AcceptKey { .. }) => {
                self.vote(now, (from, id), asked_at, vote).map(|()| None)
            }
            ReplicaRequest::Apply(_) if !self.repeats.is_first(from, id) && !self.has_plant(Plant::RepeatsApplied) => {
                Ok(None)
            }
            ReplicaRequest::Apply(apply) => self.apply(now, (from, id), asked_at, *apply).map(|()| None),
            ReplicaRequest::CompareDigests { digests } => Ok(Some(self.differing(digests))),
            ReplicaRequest::CompareBranches { partition, inner } => {
                let branches = self.anti_entropy.branches(partition, &inner);
                Ok(Some(ReplicaResponse::Branches { branches }))
            }
            ReplicaRequest::CompareSummaries(stretch) => Ok(Some(self.differences(&stretch))),
            ReplicaRequest::Confirm { key, fingerprint } => {
                let yes = self.agrees_to_collect(now, &key, fingerprint);
                Ok(Some(ReplicaResponse::Agreed { yes }))
            }
            ReplicaRequest::Collect { key, fingerprint } => {
                let yes = self.collect(now, &key, fingerprint);
                Ok(Some(ReplicaResponse::Agreed { yes }))
            }
        };
        match answer {
            Ok(None) => {} // Once it is durable, if it came for the first time.
            Ok(Some(response)) => self.respond(from, id, response),
            Err(refused) => self.respond(from, id, ReplicaResponse::Refused(refused)),
        }
    }

    /// Why a request is not served: the asker goes by another ring, was removed, or goes by another record of the
    /// partition, be it an earlier one or a later.
    fn why_not_serve(
        &self,
        from: NodeId,
        ring: RingDigest,
        epoch: Epoch,
        partition: Option<PartitionId>,
    ) -> Option<ReplicaResponse> {
        let Some(topology) = self.topology.as_ref().filter(|topology| topology.founding() == ring) else {
            return Some(ReplicaResponse::Refused(Refused::OtherRing));
        };
        if self.roster.banned.contains(&from) || self.is_banned() {
            return Some(ReplicaResponse::Refused(Refused::Banned));
        }
        let partition = partition?;
        if !topology.has(partition) {
            return Some(ReplicaResponse::Refused(Refused::Invalid));
        }
        let ownership = topology.ownership(partition);
        match ownership.epoch.cmp(&epoch) {
            Ordering::Equal => None,
            Ordering::Less => Some(ReplicaResponse::Behind),
            Ordering::Greater if self.has_plant(Plant::StaleEpochServed) => None,
            Ordering::Greater => Some(ReplicaResponse::Stale {
                ownership: Box::new(ownership.clone()),
            }),
        }
    }

    /// The record of a partition, where it is a later one than an asker went by.
    fn later_ownership(&self, asked_at: AskedAt) -> Option<Box<Ownership>> {
        let ownership = self.topology().ownership(asked_at.partition);
        let is_later = ownership.epoch > asked_at.epoch && !self.has_plant(Plant::StaleEpochServed);
        is_later.then(|| Box::new(ownership.clone()))
    }

    /// What is under a key here, as an answer.
    pub(crate) fn answer_read_request(&mut self, now: Now, key: &Key, want: Want) -> ReplicaResponse {
        match (self.read_local(now, key), want) {
            (Ok(record), Want::Cell) => ReplicaResponse::Read {
                cell: record.map(|record| record.cell),
            },
            (Ok(record), Want::Time) => ReplicaResponse::Time {
                time: record.map_or(self.forgotten_time, |record| record.cell.time()),
            },
            (Ok(record), Want::Digest) => {
                let omits_tombstones = self.has_plant(Plant::DigestOmitsTombstones);
                let is_told = |record: &Record| !omits_tombstones || record.cell.deleted_at().is_none();
                let summary = record.filter(is_told).map(|record| record.summary(key));
                ReplicaResponse::Digest { summary }
            }
            (Err(_), _) => ReplicaResponse::Refused(Refused::Storage),
        }
    }

    /// This node's own durable record of `key`. A damaged one is reported, and mended from the other owners; it is
    /// never shown. The ring must have formed.
    pub(crate) fn read_local(&mut self, now: Now, key: &Key) -> Result<Option<Record>, StoreError> {
        let record = self.store.record(self.partition(key), key);
        if let Err(StoreError::Damaged(why)) = &record {
            if self.has_plant(Plant::DamageTakenForAbsence) {
                return Ok(None);
            }
            self.mend(now.time, key.clone(), why.clone());
        }
        record
    }

    /// What this node will hold under `key` once everything under way is durable.
    pub(crate) fn pending_record(&mut self, now: Now, key: &Key) -> Result<Option<Record>, Refused> {
        match self.journal.newest(key) {
            Some(record) => Ok(record.cloned()),
            None => self.read_local(now, key).map_err(|_| Refused::Storage),
        }
    }

    /// Makes sure that what is durable here covers `cell`, and then tells `waiter`.
    ///
    /// # Errors
    /// The reason why it never will; nothing was changed, and `waiter` is not told.
    pub(crate) fn hold(
        &mut self,
        now: Now,
        key: &Key,
        cell: Cell,
        errand: Errand,
        waiter: Waiter,
    ) -> Result<(), Refused> {
        self.check_cell(now, key, &cell)?;
        let held = self.pending_record(now, key)?;
        let (merged, is_sent) = match &held {
            Some(record) => match self.merged(&record.cell, cell, errand) {
                None => return self.wait_or_tell(now, key, waiter),
                Some((merged, _)) if !merged.is_valid() => return Err(Refused::Invalid),
                Some(merged) => merged,
            },
            None => (cell, true),
        };
        self.check_room()?;
        let sent = waiter.fingerprint().filter(|_| is_sent);
        let fingerprint = sent.unwrap_or_else(|| merged.fingerprint(&key.name));
        let actor = held.as_ref().and_then(|record| record.actor);
        let record = Record { cell: merged, actor };
        if self.has_plant(Plant::RepairLeavesTreeOld) && errand == Errand::AntiEntropy {
            self.journal.stage_record(self.partition(key), key, Some(record), 0);
        } else {
            self.stage_known(key, Some(record), fingerprint, held.as_ref());
        }
        if self.has_plant(Plant::AckBeforeSync) && errand == Errand::Write {
            self.on_held(now, waiter);
        } else {
            let staged = self.journal.open_token();
            self.journal.wait_for_batch(staged, waiter);
        }
        Ok(())
    }

    /// What `held` is after `cell` has come, and whether that is `cell` as it came; `None` if it is no more than it was.
    fn merged(&self, held: &Cell, cell: Cell, errand: Errand) -> Option<(Cell, bool)> {
        let is_believed = self.has_plant(Plant::RepairWritesOlder) && errand == Errand::ReadRepair
            || self.has_plant(Plant::HintOverwritesNewer) && errand == Errand::Handoff
            || self.has_plant(Plant::TieWonByLast) && is_tie(held, &cell);
        if is_believed {
            return (cell != *held).then_some((cell, true));
        }
        // Of two registers one stays, whole: nothing of either has to be copied.
        if let (Cell::Register(ours), Cell::Register(theirs)) = (held, &cell) {
            return (!ours.covers(theirs)).then_some((cell, true));
        }
        let mut merged = held.clone();
        let has_changed = if self.has_plant(Plant::RemovedElementKept) {
            merged.merge_keeping_elements(&cell)
        } else if self.has_plant(Plant::CounterMergeAdds) {
            merged.merge_adding(&cell)
        } else {
            merged.merge(&cell)
        };
        has_changed.then_some((merged, false))
    }

    /// Puts a record, or its end, into the open batch in the place of `held`.
    pub(crate) fn stage(&mut self, key: &Key, record: Option<Record>, held: Option<&Record>) {
        let fingerprint = record.as_ref().map_or(0, |record| record.cell.fingerprint(&key.name));
        self.stage_known(key, record, fingerprint, held);
    }

    /// As [`Node::stage`], of a record whose fingerprint is known; of none it is 0.
    fn stage_known(&mut self, key: &Key, record: Option<Record>, fingerprint: u64, held: Option<&Record>) {
        let replaces = held.map_or(0, |held| held.cell.fingerprint(&key.name));
        let partition = self.partition(key);
        self.journal
            .stage_record(partition, key, record, fingerprint ^ replaces);
    }

    /// Tells `waiter` that what is under way for `key`, if anything is, has become durable.
    pub(crate) fn wait_or_tell(&mut self, now: Now, key: &Key, waiter: Waiter) -> Result<(), Refused> {
        if self.journal.newest(key).is_some() {
            self.journal.wait_for(key, waiter);
        } else {
            self.on_held(now, waiter);
        }
        Ok(())
    }

    /// Whether a cell from outside may be held or kept under a key, and lets the clock see its time.
    pub(crate) fn check_cell(&mut self, now: Now, key: &Key, cell: &Cell) -> Result<(), Refused> {
        if !is_fit(key, cell) {
            return Err(Refused::Invalid);
        }
        self.see_time(now, cell)
    }

    /// Lets the clock see the time of a cell from outside.
    pub(crate) fn see_time(&mut self, now: Now, cell: &Cell) -> Result<(), Refused> {
        self.clock
            .observe(now.wall, cell.time())
            .map_err(|_| Refused::ClockSkew)
    }

    /// Whether the disk keeps up.
    pub(crate) fn check_room(&self) -> Result<(), Refused> {
        if self.journal.size_bytes() > self.config.persisting_bytes_max {
            return Err(Refused::Overloaded);
        }
        Ok(())
    }

    /// Applies an update as its origin: merges it into what is held here, and answers with all of that once it is
    /// durable. An update whose id is remembered is not applied again.
    ///
    /// # Errors
    /// The reason why it never will be; nothing was changed.
    pub(crate) fn apply(
        &mut self,
        now: Now,
        (asker, id): (NodeId, RequestId),
        asked_at: AskedAt,
        apply: Apply,
    ) -> Result<(), Refused> {
        let Apply {
            key,
            update,
            id: write,
            above,
        } = apply;
        if !key.is_valid() || update.check(key.kind).is_err() {
            return Err(Refused::Invalid);
        }
        let held = self.pending_record(now, &key)?;
        if let Some(remembered) = write.and_then(|write| self.origins.remembered(write)) {
            let version = remembered.version;
            if remembered.key != key {
                return Err(Refused::Invalid);
            }
            let cell = held.ok_or(Refused::Storage)?.cell;
            let applied = Box::new(Applied {
                cell,
                version,
                ownership: None,
            });
            let waiter = Waiter::Origin {
                peer: asker,
                id,
                applied,
                asked_at,
            };
            return self.wait_or_tell(now, &key, waiter);
        }
        self.check_room()?;
        if write.is_some() && self.origins.is_full() {
            return Err(Refused::Overloaded);
        }
        let (record, version) = self.updated(now, &key, update, above, held.as_ref())?;
        if let Some(write) = write {
            self.remember_write(now, write, key.clone(), version);
        }
        let applied = Box::new(Applied {
            cell: record.cell.clone(),
            version,
            ownership: None,
        });
        self.stage(&key, Some(record), held.as_ref());
        self.journal.wait_for(
            &key,
            Waiter::Origin {
                peer: asker,
                id,
                applied,
                asked_at,
            },
        );
        Ok(())
    }

    /// What somebody waited for is durable.
    pub(crate) fn on_held(&mut self, now: Now, waiter: Waiter) {
        match waiter {
            Waiter::Peer {
                peer,
                id,
                fingerprint,
                asked_at,
            } => {
                // Whoever has copied from here meanwhile may have missed it: it counts only by the later record.
                let answer = match self.later_ownership(asked_at) {
                    Some(ownership) => ReplicaResponse::Stale { ownership },
                    None => ReplicaResponse::Held { fingerprint },
                };
                self.respond(peer, id, answer);
            }
            Waiter::Coordination { id, fingerprint } => {
                self.on_coordination_response(now, id, self.config.node, ReplicaResponse::Held { fingerprint });
            }
            Waiter::Handoff { id, fingerprint } => {
                self.on_handoff_response(now, id, &ReplicaResponse::Held { fingerprint });
            }
            Waiter::Comparison { id } => self.on_comparison_held(now, id, Ok(())),
            Waiter::Origin { peer, id, applied, .. } if peer == self.config.node => {
                self.on_coordination_response(now, id, peer, ReplicaResponse::Applied(applied));
            }
            Waiter::Origin {
                peer,
                id,
                mut applied,
                asked_at,
            } => {
                applied.ownership = self.later_ownership(asked_at);
                self.respond(peer, id, ReplicaResponse::Applied(applied));
            }
            Waiter::Partition { state, reply } => {
                self.on_partition_durable(now, *state, reply.map(|reply| *reply));
            }
            Waiter::Acceptor {
                peer,
                id,
                vote,
                asked_at,
            } => {
                // Whoever has copied from here meanwhile may have missed it: it counts only by the later record.
                let later = self.later_ownership(asked_at);
                let vote = later.map_or(*vote, |ownership| ReplicaResponse::Stale { ownership });
                self.tell_vote(now, peer, id, vote);
            }
            Waiter::OwnHint { id, owner } => self.on_own_hint(id, owner, true),
            Waiter::Mending { key } => self.on_mended(now, &key, true),
            Waiter::Admin { client } => self.on_change_of_members(client, true),
            Waiter::Generation(generation) => self.on_risen(generation),
        }
    }

    /// What somebody waited for failed.
    pub(crate) fn on_not_held(&mut self, now: Now, waiter: Waiter) {
        let refused = ReplicaResponse::Refused(Refused::NotDurable);
        let own = self.config.node;
        match waiter {
            Waiter::Coordination { id, .. } => self.on_coordination_response(now, id, own, refused),
            Waiter::Origin { peer, id, .. } if peer == own => self.on_coordination_response(now, id, own, refused),
            Waiter::Peer { peer, id, .. } | Waiter::Origin { peer, id, .. } => self.respond(peer, id, refused),
            Waiter::Acceptor { peer, id, .. } => self.tell_vote(now, peer, id, refused),
            Waiter::Handoff { id, .. } => self.on_handoff_response(now, id, &refused),
            Waiter::Comparison { id } => self.on_comparison_held(now, id, Err(Refused::NotDurable)),
            Waiter::OwnHint { id, owner } => self.on_own_hint(id, owner, false),
            Waiter::Mending { key } => self.on_mended(now, &key, false),
            Waiter::Admin { client } => self.on_change_of_members(client, false),
            Waiter::Generation(_) => self.rising_to = None,
            Waiter::Partition { state, reply } => {
                self.on_partition_not_durable(now, &state, reply.map(|reply| (reply.0, reply.1)));
            }
        }
    }

    pub(crate) fn partition(&self, key: &Key) -> PartitionId {
        self.config.ring.partition(key)
    }

    /// Answers a node. If its link is gone, so is the answer, and the asker knows.
    pub(crate) fn respond(&mut self, to: NodeId, id: RequestId, body: ReplicaResponse) {
        if self.links.contains(&to) {
            self.send(to, Message::Response { id, body });
        }
    }
}

/// Whether two registers were written at the same time, as far as clocks tell: [`Plant::TieWonByLast`].
fn is_tie(held: &Cell, cell: &Cell) -> bool {
    held.version().is_some() && held.time() == cell.time()
}

/// Whether a cell from outside can be what is under a key.
pub(crate) fn is_fit(key: &Key, cell: &Cell) -> bool {
    key.is_valid() && cell.kind() == key.kind && cell.is_valid()
}
