//! The asker's side of a comparison: with one peer after another, partition by partition, until both have all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Purpose, STRETCH_BYTES_MAX, STRETCH_KEYS_MAX, Stage, Step, Stop, Tour, size_bytes};
use crate::{
    AdminError, AdminOk, AntiEntropyReport, Cell, ClientToken, Errand, Key, Node, NodeId, Now, PartitionDigest,
    PartitionId, Plant, Reason, Refused, ReplicaRequest, ReplicaResponse, RequestId, Response, StoreOp, Stretch, Time,
    journal::Waiter, timers::Timer,
};

impl Node {
    pub(crate) fn set_anti_entropy_timer(&mut self, now: Time) {
        if let Some(interval) = self.config.anti_entropy_interval {
            self.timers.set(now + interval, Timer::AntiEntropy);
        }
    }

    /// Compares with the next peer in turn, unless a comparison is going on.
    pub(crate) fn on_anti_entropy_due(&mut self, now: Time) {
        if self.topology.is_some() && !self.anti_entropy.tours.contains_key(&Purpose::Repair) {
            let last = self.anti_entropy.last_peer;
            let next = self
                .links
                .iter()
                .find(|peer| Some(**peer) > last)
                .or(self.links.first())
                .copied();
            self.anti_entropy.last_peer = next;
            self.begin_repair_tour(now, None, next);
        }
        self.set_anti_entropy_timer(now);
    }

    /// Compares with every linked node, for an administrator.
    pub(crate) fn on_anti_entropy_asked(&mut self, now: Time, client: ClientToken) {
        let refusal = if self.topology.is_none() {
            Some(self.forming())
        } else if self.anti_entropy.tours.contains_key(&Purpose::Repair) {
            Some(Reason::Overloaded { in_flight: 1 })
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.reply(client, Response::Admin(Err(AdminError::Refused(reason))));
        }
        let peers: Vec<_> = self.links.iter().copied().collect();
        self.begin_repair_tour(now, Some(client), peers);
    }

    fn begin_repair_tour(&mut self, now: Time, client: Option<ClientToken>, peers: impl IntoIterator<Item = NodeId>) {
        let members = peers.into_iter().filter(|peer| !self.roster.banned.contains(peer));
        let stops = members.map(|peer| Stop { peer, partitions: None });
        let stops = stops.collect();
        self.begin_tour(now, Purpose::Repair, client, stops);
    }

    /// Compares partitions that are to be copied or given away.
    pub(crate) fn begin_move_tour(&mut self, now: Time, stops: BTreeMap<NodeId, Vec<PartitionId>>) {
        let stops = stops.into_iter().map(|(peer, partitions)| Stop {
            peer,
            partitions: Some(partitions),
        });
        let stops = stops.collect();
        self.begin_tour(now, Purpose::Move, None, stops);
    }

    fn begin_tour(&mut self, now: Time, purpose: Purpose, client: Option<ClientToken>, stops: VecDeque<Stop>) {
        let tour = Tour {
            client,
            stops,
            report: AntiEntropyReport::default(),
            step: None,
        };
        let earlier = self.anti_entropy.tours.insert(purpose, tour);
        assert!(earlier.is_none(), "one comparison of a purpose at a time");
        self.visit_next_peer(now, purpose);
    }

    /// Opens the comparison with the first peer left, or ends the tour.
    fn visit_next_peer(&mut self, now: Time, purpose: Purpose) {
        let tour = self.anti_entropy.tour_mut(purpose);
        assert!(tour.step.is_none(), "one peer at a time");
        let Some(Stop { peer, partitions }) = tour.stops.front() else {
            return self.end_tour(purpose);
        };
        let (peer, partitions) = (*peer, partitions.clone());
        if !self.links.contains(&peer) {
            return self.leave_peer(now, purpose, false);
        }
        let topology = self.topology();
        let compared: BTreeMap<_, _> = match partitions {
            Some(partitions) => partitions.iter().map(|p| (*p, topology.epoch(*p))).collect(),
            None => {
                let shared = topology.shared(self.config.node, peer);
                shared.map(|ownership| (ownership.partition, ownership.epoch)).collect()
            }
        };
        let digests = compared.iter().map(|(partition, epoch)| PartitionDigest {
            partition: *partition,
            epoch: *epoch,
            root: self.anti_entropy.tree(*partition).root(),
        });
        let digests = digests.collect();
        let step = Step {
            id: RequestId(0),
            deadline: now,
            stage: Stage::Roots,
            compared,
            partitions: VecDeque::new(),
            leaves: BTreeSet::new(),
            after: None,
            skipped: false,
            partition_skipped: false,
        };
        self.anti_entropy.tour_mut(purpose).step = Some(step);
        self.take_step(now, purpose, Stage::Roots, ReplicaRequest::CompareDigests { digests });
    }

    /// Sends the next request of a comparison, under an id and a deadline of its own.
    fn take_step(&mut self, now: Time, purpose: Purpose, stage: Stage, body: ReplicaRequest) {
        let id = self.renew_step(now, purpose, stage);
        let stop = self.anti_entropy.tour_mut(purpose).stops.front();
        let peer = stop.expect("a step has a peer").peer;
        self.ask(peer, id, body);
    }

    fn renew_step(&mut self, now: Time, purpose: Purpose, stage: Stage) -> RequestId {
        let id = self.next_request_id();
        let deadline = now + self.config.request_timeout;
        let step = self.anti_entropy.step_mut(purpose);
        let (old_deadline, old_id) = (step.deadline, step.id);
        step.id = id;
        step.deadline = deadline;
        step.stage = stage;
        self.timers.clear(old_deadline, Timer::Comparison(old_id));
        self.timers.set(deadline, Timer::Comparison(id));
        id
    }

    pub(crate) fn on_comparison_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(purpose) = self.anti_entropy.purpose_of(id) else {
            return;
        };
        match (&self.anti_entropy.step_mut(purpose).stage, body) {
            (
                Stage::Roots,
                ReplicaResponse::Differing {
                    partitions,
                    unlike,
                    forgotten_time,
                },
            ) => self.on_roots_compared(now, purpose, from, partitions, &unlike, forgotten_time),
            (Stage::Branches, ReplicaResponse::Branches { branches }) => {
                let partition = self.anti_entropy.first_partition(purpose);
                let leaves = self.anti_entropy.differing_leaves(partition, &branches);
                self.anti_entropy.step_mut(purpose).leaves = leaves;
                self.compare_next_stretch(now, purpose);
            }
            (
                Stage::Summaries { .. },
                ReplicaResponse::Differences {
                    newer,
                    wanted,
                    truncated,
                },
            ) => self.even_out(now, purpose, from, (newer, wanted, truncated)),
            (Stage::Records { .. }, ReplicaResponse::Held { .. }) => self.on_comparison_held(now, id, Ok(())),
            (Stage::Records { .. }, ReplicaResponse::Refused(why)) => self.on_comparison_held(now, id, Err(why)),
            (_, ReplicaResponse::Stale { .. } | ReplicaResponse::Behind) => {
                self.on_other_epoch(now, purpose, id);
            }
            _ => self.leave_peer(now.time, purpose, false),
        }
    }

    fn on_roots_compared(
        &mut self,
        now: Now,
        purpose: Purpose,
        from: NodeId,
        mut differing: Vec<PartitionId>,
        unlike: &[PartitionId],
        forgotten_time: u64,
    ) {
        let stops_early = purpose == Purpose::Repair && self.has_plant(Plant::ExchangeStopsEarly);
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped |= !unlike.is_empty();
        for partition in unlike {
            step.compared.remove(partition);
        }
        differing.retain(|partition| step.compared.contains_key(partition));
        if stops_early {
            differing.truncate(1);
        }
        step.partitions = differing.iter().copied().collect();
        let alike = step.compared.clone().into_iter();
        let alike: Vec<_> = alike.filter(|(partition, _)| !differing.contains(partition)).collect();
        let report = &mut self.anti_entropy.tour_mut(purpose).report;
        report.partitions_differing += differing.len() as u64;
        // What it has forgotten nobody may bring back below it: a newcomer inherits that.
        if purpose == Purpose::Move && forgotten_time > self.forgotten_time {
            self.forgotten_time = forgotten_time;
            self.journal.stage_memory(StoreOp::SetForgottenTime(forgotten_time));
        }
        if purpose == Purpose::Move {
            for partition in unlike {
                self.tell_ownership(from, *partition);
            }
            for (partition, epoch) in alike {
                self.on_partition_compared(now, from, partition, epoch);
            }
        }
        self.compare_next_partition(now, purpose);
    }

    /// One of the two goes by another record of a partition by now: it is left as it is.
    fn on_other_epoch(&mut self, now: Now, purpose: Purpose, id: RequestId) {
        if matches!(self.anti_entropy.step_mut(purpose).stage, Stage::Records { .. }) {
            return self.on_comparison_held(now, id, Err(Refused::OtherEpoch));
        }
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped = true;
        step.partition_skipped = true;
        self.leave_partition(now, purpose);
    }

    /// Sends what is below the root of the next partition that differs, or ends with this peer.
    fn compare_next_partition(&mut self, now: Now, purpose: Purpose) {
        let step = self.anti_entropy.step_mut(purpose);
        let Some(partition) = step.partitions.front().copied() else {
            let complete = !step.skipped;
            return self.leave_peer(now.time, purpose, complete);
        };
        let inner = Box::new(self.anti_entropy.tree(partition).inner());
        let body = ReplicaRequest::CompareBranches { partition, inner };
        self.take_step(now.time, purpose, Stage::Branches, body);
    }

    /// Ends with a partition.
    fn leave_partition(&mut self, now: Now, purpose: Purpose) {
        let peer = self.anti_entropy.tour_mut(purpose).stops.front().map(|stop| stop.peer);
        let step = self.anti_entropy.step_mut(purpose);
        let left = step.partitions.pop_front();
        step.leaves.clear();
        step.after = None;
        let is_complete = !std::mem::take(&mut step.partition_skipped);
        let epoch = left.and_then(|partition| step.compared.get(&partition).copied());
        if let (Purpose::Move, true, Some(peer), Some(partition), Some(epoch)) =
            (purpose, is_complete, peer, left, epoch)
        {
            self.on_partition_compared(now, peer, partition, epoch);
        }
        self.compare_next_partition(now, purpose);
    }

    /// Sends the summaries of the next stretch, or ends with this partition.
    fn compare_next_stretch(&mut self, now: Now, purpose: Purpose) {
        let step = self.anti_entropy.step_mut(purpose);
        if step.leaves.is_empty() {
            return self.leave_partition(now, purpose);
        }
        let partition = *step.partitions.front().expect("a stretch has a partition");
        let (after, leaves) = (step.after.clone(), step.leaves.clone());
        let Ok(summaries) = self.store.summaries(partition) else {
            return self.leave_peer(now.time, purpose, false);
        };
        let mut mine = summaries.entries;
        self.omit_overlooked(&mut mine);
        mine.retain(|(key, _)| {
            after.as_ref().is_none_or(|after| key > after) && leaves.contains(&self.config.ring.leaf(key))
        });
        let through = (mine.len() > STRETCH_KEYS_MAX).then(|| mine[STRETCH_KEYS_MAX - 1].0.clone());
        mine.truncate(STRETCH_KEYS_MAX);
        let body = ReplicaRequest::CompareSummaries(Box::new(Stretch {
            partition,
            leaves: leaves.into_iter().collect(),
            after,
            through: through.clone(),
            summaries: mine.clone(),
        }));
        self.take_step(now.time, purpose, Stage::Summaries { through, mine }, body);
    }

    /// Takes in what the peer has newer, sends what it lacks, and waits until all of that is durable.
    fn even_out(
        &mut self,
        now: Now,
        purpose: Purpose,
        peer: NodeId,
        (newer, wanted, truncated): (Vec<(Key, Cell)>, Vec<Key>, bool),
    ) {
        let stage = std::mem::replace(&mut self.anti_entropy.step_mut(purpose).stage, Stage::Roots);
        let Stage::Summaries { through, mine } = stage else {
            unreachable!("the caller has looked");
        };
        let partition = self.anti_entropy.first_partition(purpose);
        let wanted: Vec<_> = wanted
            .into_iter()
            .filter(|key| mine.iter().any(|(k, _)| k == key))
            .collect();
        let given = self.records_to_give(partition, &wanted);
        let is_given_away = self.moves.gives_away(partition);
        let unlike = truncated && !is_given_away || given.len() < wanted.len();
        let newer: Vec<_> = newer
            .into_iter()
            .filter(|(key, _)| !self.mends.is_damaged(key) && !is_given_away)
            .collect();
        // If nothing comes or goes, again would be no different.
        let truncated = unlike && !(given.is_empty() && newer.is_empty());
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped |= unlike && !truncated;
        step.partition_skipped |= unlike && !truncated;
        let report = &mut self.anti_entropy.tour_mut(purpose).report;
        report.records_given += given.len() as u64;
        report.records_taken += newer.len() as u64;
        let exchanged = (given.len() + newer.len()) as u64;
        match purpose {
            Purpose::Repair => self.counters.anti_entropy_records += exchanged,
            Purpose::Move => self.counters.moved_records += exchanged,
        }
        // One more than there are records, so that the step can't end while they are handed out.
        let outstanding = given.len() + newer.len() + 1;
        let id = self.renew_step(
            now.time,
            purpose,
            Stage::Records {
                outstanding,
                through,
                truncated,
            },
        );
        let errand = Errand::AntiEntropy;
        for (key, cell) in given {
            self.ask(peer, id, ReplicaRequest::Hold { key, cell, errand });
        }
        for (key, cell) in newer {
            let waiter = Waiter::Comparison { id };
            if let Err(why) = self.hold(now, &key, cell, errand, waiter) {
                self.on_comparison_held(now, id, Err(why));
            }
        }
        self.on_comparison_held(now, id, Ok(()));
    }

    /// This node's records of `keys`, up to what is sent at a time. What can't be read counts as held back: another
    /// comparison will find it lacking again.
    fn records_to_give(&self, partition: PartitionId, keys: &[Key]) -> Vec<(Key, Cell)> {
        let (mut given, mut bytes) = (Vec::new(), 0);
        for key in keys {
            if bytes >= STRETCH_BYTES_MAX {
                break;
            }
            if let Ok(Some(record)) = self.store.record(partition, key) {
                bytes += size_bytes(key, &record.cell);
                given.push((key.clone(), record.cell));
            }
        }
        given
    }

    /// One record of a comparison is durable where it was lacking, or can't be. One that can't is left alone, and the
    /// comparison goes on: what ails one record must not keep the others apart.
    pub(crate) fn on_comparison_held(&mut self, now: Now, id: RequestId, held: Result<(), Refused>) {
        let Some(purpose) = self.anti_entropy.purpose_of(id) else {
            return;
        };
        if held == Err(Refused::Overloaded) {
            return self.leave_peer(now.time, purpose, false);
        }
        let step = self.anti_entropy.step_mut(purpose);
        step.skipped |= held.is_err();
        step.partition_skipped |= held.is_err();
        let Stage::Records {
            outstanding,
            through,
            truncated,
        } = &mut step.stage
        else {
            return;
        };
        *outstanding -= 1;
        *truncated &= held.is_ok(); // What was refused would be found lacking again and again.
        if *outstanding > 0 {
            return;
        }
        if !*truncated {
            step.after = through.take();
            if step.after.is_none() {
                return self.leave_partition(now, purpose);
            }
        }
        self.compare_next_stretch(now, purpose);
    }

    pub(crate) fn on_comparison_deadline(&mut self, now: Time, id: RequestId) {
        if let Some(purpose) = self.anti_entropy.purpose_of(id) {
            self.leave_peer(now, purpose, false);
        }
    }

    pub(crate) fn fail_comparison_with(&mut self, now: Time, peer: NodeId) {
        for purpose in [Purpose::Repair, Purpose::Move] {
            let tour = self.anti_entropy.tours.get(&purpose);
            let is_with = |tour: &Tour| tour.step.is_some() && tour.stops.front().is_some_and(|stop| stop.peer == peer);
            if tour.is_some_and(is_with) {
                self.leave_peer(now, purpose, false);
            }
        }
    }

    /// Ends the comparison with the first peer, and goes on to the next.
    fn leave_peer(&mut self, now: Time, purpose: Purpose, complete: bool) {
        let tour = self.anti_entropy.tour_mut(purpose);
        tour.stops.pop_front();
        if complete {
            tour.report.peers += 1;
        } else {
            tour.report.peers_failed += 1;
        }
        if let Some(step) = tour.step.take() {
            self.timers.clear(step.deadline, Timer::Comparison(step.id));
        }
        self.visit_next_peer(now, purpose);
    }

    fn end_tour(&mut self, purpose: Purpose) {
        let tour = self.anti_entropy.tours.remove(&purpose);
        let tour = tour.expect("a tour is going on");
        if purpose == Purpose::Move && tour.report.peers_failed == 0 {
            self.look_for_moves_soon(); // Whoever failed is tried again after a while.
        }
        if let Some(client) = tour.client {
            let report = AdminOk::AntiEntropy(tour.report);
            self.reply(client, Response::Admin(Ok(report)));
        }
    }
}
