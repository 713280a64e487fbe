//! Coordinating a read: ask owners, answer with all that enough of them hold, and bring those behind up to date.
//!
//! With blocking repair the answer waits until as many replicas as the client asked for durably hold what is returned,
//! by their own answer or by acknowledging the repair; if they are so many that the R of any later read include one of
//! them, that read can't return less. This is the read of Attiya, Bar-Noy and Dolev (*Sharing Memory Robustly in
//! Message-Passing Systems*, JACM 1995) with its second phase left out where the first shows it to be needless.

use rustc_hash::FxHashMap;

use super::{
    Coordination, State, Terms,
    read_state::{Answer, ReadState, Replica},
};
use crate::{
    Absence, Ask, Cell, ClientToken, Errand, Fetch, Key, Kind, Node, NodeId, Now, Operation, PartitionId, Plant,
    Quorum, ReadError, ReadOk, ReadRepair, ReadRequest, Reason, ReplicaRequest, ReplicaResponse, RequestId,
    Requirement, Response, Stage, Time, Want, journal::Waiter, replica::is_fit, timers::Timer,
};

impl Node {
    pub(crate) fn on_read(&mut self, now: Now, client: ClientToken, request: &ReadRequest) {
        let (admitted, holders) = match self.admit_read(now, request) {
            Ok(admitted) => admitted,
            Err(reason) => {
                self.note_refusal(Operation::Read, request.level);
                return self.reply(client, Response::Read(Err(ReadError::Refused(reason))));
            }
        };
        let super::Admitted { requirement, accepted } = admitted;
        let mut replicas: Vec<_> = self.owners(accepted.at).map(Replica::of).collect();
        if let Ask::Hedged { .. } = request.ask {
            replicas.sort_by_key(|Replica { owner, .. }| (!self.is_reachable(*owner), self.usual_latency(*owner)));
        }
        let state = ReadState {
            key: request.key.clone(),
            requirement,
            holders,
            repair: request.repair,
            fetch: request.fetch,
            ask: request.ask,
            absence: self.absence(request.absence),
            quorum: self.quorum(request.quorum),
            best: None,
            taken_in: Vec::new(),
            is_anything_seen: false,
            oldest: None,
            ignores_digests: self.has_plant(Plant::DigestMismatchIgnored),
            replicas,
            hedge_at: None,
        };
        let id = self.next_request_id();
        self.begin_coordination(id, client, &accepted, State::Read(Box::new(state)));
        self.ask_first(now, id);
    }

    fn admit_read(
        &mut self,
        now: Now,
        request: &ReadRequest,
    ) -> Result<(super::Admitted, Option<Requirement>), Reason> {
        if request.key.kind == Kind::Cas {
            let why = "what owners agree upon is read by agreement";
            return Err(Reason::Invalid(why.to_owned()));
        }
        let admitted = self.admit(
            now,
            &Terms {
                operation: Operation::Read,
                key: &request.key,
                level: request.level,
                preferred: request.preferred,
                quorum: request.quorum,
                token: request.token,
                timeout: request.timeout,
            },
        )?;
        if admitted.requirement.is_met_by_hint() {
            let why = "a read at ANY would not have to ask anyone";
            return Err(Reason::Invalid(why.to_owned()));
        }
        let ReadRepair::Blocking { holders } = request.repair else {
            return Ok((admitted, None));
        };
        if self.has_plant(Plant::ReplyBeforeReadRepair) {
            return Ok((admitted, None));
        }
        let ownership = self.topology().ownership(admitted.accepted.at.partition);
        let holders = self.holding(ownership, holders)?;
        self.check_alive(&holders, &request.key, request.quorum)?;
        Ok((admitted, Some(holders)))
    }

    /// What one answer of nothing says, by what the client asked for.
    fn absence(&self, asked: Absence) -> Absence {
        if self.has_plant(Plant::FirstAbsenceWins) {
            Absence::AnswersAlone
        } else {
            asked
        }
    }

    /// Asks every owner, or as many as it takes.
    pub(super) fn ask_first(&mut self, now: Now, id: RequestId) {
        for place in 0..self.read_state(id).replicas.len() {
            let Some(Coordination {
                state: State::Read(state),
                ..
            }) = self.coordinations.get(&id)
            else {
                return;
            };
            let owner = state.replicas[place].owner;
            if state.ask == Ask::All || state.is_of_use(owner) {
                self.ask_replica(now, id, owner);
            }
        }
        self.set_hedge(now, id);
    }

    /// Asks an owner, or who stands in for it.
    fn ask_replica(&mut self, now: Now, id: RequestId, owner: NodeId) {
        let state = self.read_state(id);
        // A value is asked of the first, and digests of the rest as long as that one may answer.
        let is_source = |replica: &Replica| match replica.answer {
            Answer::Waiting { want, .. } => want == Want::Cell,
            Answer::Here(_) => true,
            Answer::Spare | Answer::Lost => false,
        };
        let want = match state.fetch {
            Fetch::Digests if state.replicas.iter().any(is_source) => Want::Digest,
            Fetch::Digests | Fetch::Values => Want::Cell,
        };
        if self.is_reachable(owner) {
            self.send_read(now, id, owner, want);
        } else {
            self.replace_replica(now, id, owner);
        }
    }

    fn send_read(&mut self, now: Now, id: RequestId, owner: NodeId, want: Want) {
        let since = now.time;
        let (partition, state) = placed_state_of(&mut self.coordinations, id);
        let key = state.key.clone();
        let replica = state.replica_mut(owner).expect("owners are replicas");
        replica.answer = Answer::Waiting { since, want };
        if owner == self.config.node {
            let answer = self.answer_read_request(now, partition, &key, want);
            self.on_read_response(now, id, owner, answer);
        } else {
            self.ask_in(partition, owner, id, ReplicaRequest::Read { key, want });
        }
    }

    /// Asks again who did not know the record by which it was asked.
    pub(super) fn read_from_again(&mut self, now: Now, id: RequestId, (owner, via): (NodeId, NodeId), want: Want) {
        if !self.is_reachable(via) {
            return self.lose_read_replica(now, id, via);
        }
        let key = self.read_state(id).key.clone();
        if via == owner {
            self.ask(via, id, ReplicaRequest::Read { key, want });
        } else {
            self.ask(via, id, ReplicaRequest::ReadKept { key, owner });
        }
    }

    /// An owner, or who stands in for it, can't be asked: lets another stand in, where that counts.
    fn replace_replica(&mut self, now: Now, id: RequestId, owner: NodeId) {
        let own = self.config.node;
        let state = self.read_state_mut(id);
        let (key, quorum) = (state.key.clone(), state.quorum);
        let replica = state.replica_mut(owner).expect("owners are replicas");
        let failed = replica.via;
        replica.tried.push(failed);
        replica.answer = Answer::Lost;
        let tried = state.replicas.iter().flat_map(|replica| &replica.tried).copied();
        let in_use: Vec<_> = state.replicas.iter().map(|replica| replica.via).chain(tried).collect();
        let next = match quorum {
            Quorum::Strict => None,
            Quorum::Sloppy => self.stand_ins(&key, &in_use).next(),
        };
        let Some(node) = next else {
            return;
        };
        let replica = self.read_state_mut(id).replica_mut(owner).expect("found above");
        replica.via = node;
        let (since, want) = (now.time, Want::Cell);
        replica.answer = Answer::Waiting { since, want };
        if node == own {
            let answer = self.answer_read_kept(&key, owner);
            self.on_read_response(now, id, node, answer);
        } else {
            self.ask(node, id, ReplicaRequest::ReadKept { key, owner });
        }
    }

    pub(super) fn on_read_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let notes_oldest = self.has_plant(Plant::RepairWritesOlder);
        let state = state_of(&mut self.coordinations, id);
        let Some(place) = state.replicas.iter().position(|replica| replica.via == from) else {
            return;
        };
        state.is_anything_seen |= matches!(
            body,
            ReplicaResponse::Read { cell: Some(_) } | ReplicaResponse::Digest { summary: Some(_) }
        );
        let replica = &mut state.replicas[place];
        let since = match replica.answer {
            Answer::Waiting { since, .. } => Some(since),
            _ => None,
        };
        match body {
            ReplicaResponse::Read { cell } if since.is_some() => {
                if let Some(cell) = &cell {
                    // Whoever has seen a version stamps above it from now on, even if it was not asked to hold it.
                    if !is_fit(&state.key, cell) || self.clock.observe(now.wall, cell.time()).is_err() {
                        return self.lose_read_replica(now, id, from);
                    }
                    if notes_oldest {
                        state.note_oldest(cell);
                    }
                }
                let summary = state.learn(cell);
                state.replicas[place].answer = Answer::Here(summary);
            }
            ReplicaResponse::Digest { summary } if since.is_some() => replica.answer = Answer::Here(summary),
            ReplicaResponse::Held { fingerprint } => replica.repaired = Some(fingerprint),
            ReplicaResponse::Refused(_) => return self.lose_read_replica(now, id, from),
            // The record has been learned, and everybody is asked again by it.
            ReplicaResponse::Stale { .. } => return,
            _ => return,
        }
        if let Some(since) = since {
            self.note_latency(from, now.time.since(since));
        }
        self.advance_read(now, id);
    }

    /// Asks for values, sends repairs, answers and ends, as far as the answers so far allow.
    pub(super) fn advance_read(&mut self, now: Now, id: RequestId) {
        let state = self.read_state(id);
        if state.lacks_values() && state.is_met_by(&state.requirement, Replica::has_answered) {
            self.ask_for_values(now, id);
            if !self.coordinations.contains_key(&id) {
                return;
            }
        }
        let state = self.read_state(id);
        if state.has_enough() {
            let has_sent = state.repair != ReadRepair::Off && self.repair_read(now, id);
            self.tell_read_if_held(id, has_sent);
        }
        self.end_read_if_done(id);
    }

    /// Answers a read for which enough have answered, if enough hold what is returned. Where repairs were sent, that may be
    /// so no more, nor the read be under way: a repair of this node's own copy can end or fail at once.
    fn tell_read_if_held(&mut self, id: RequestId, has_sent: bool) {
        let Some(coordination) = self.coordinations.get(&id) else {
            return;
        };
        if coordination.is_answered() {
            return;
        }
        let state = self.read_state(id);
        let patient = coordination.prefers_more_than(state.answers().count());
        if state.is_held() && (state.is_over() || !patient) && (!has_sent || state.has_enough()) {
            self.tell_read(id, true);
        }
    }

    /// Asks those whose digest differs for what they hold.
    fn ask_for_values(&mut self, now: Now, id: RequestId) {
        let owners: Vec<_> = self
            .read_state(id)
            .behind_digests()
            .map(|replica| replica.owner)
            .collect();
        for owner in owners {
            if !self.coordinations.contains_key(&id) {
                return;
            }
            if self.is_reachable(owner) {
                self.send_read(now, id, owner, Want::Cell);
            } else {
                let (since, want) = (now.time, Want::Cell);
                let replica = self.read_state_mut(id).replica_mut(owner);
                replica.expect("owners are replicas").answer = Answer::Waiting { since, want };
                self.lose_read_replica(now, id, owner);
            }
        }
    }

    /// Sends what is best to those that answered with less. Returns whether there were any.
    fn repair_read(&mut self, now: Now, id: RequestId) -> bool {
        let backwards = self.has_plant(Plant::RepairWritesOlder);
        let state = self.read_state_mut(id);
        let repairs = if backwards {
            state.take_repairs_backwards()
        } else {
            state.take_repairs()
        };
        let Some((cell, targets)) = repairs else {
            return false;
        };
        // The state is not looked at below: a repair of this node's own copy can end the read at once.
        let key = state.key.clone();
        for target in targets {
            if !self.coordinations.contains_key(&id) {
                break;
            }
            self.counters.read_repairs += 1;
            self.send_repair(now, id, target, key.clone(), cell.clone());
        }
        true
    }

    /// Sends an owner what it lacks, or has who stands in for it keep that.
    pub(super) fn send_repair(&mut self, now: Now, id: RequestId, owner: NodeId, key: Key, cell: Cell) {
        let errand = Errand::ReadRepair;
        let replica = self.read_state_mut(id).replica_mut(owner);
        let node = replica.expect("owners are replicas").via;
        if node == self.config.node {
            let fingerprint = cell.fingerprint(&key.name);
            let waiter = Waiter::Coordination { id, fingerprint };
            let result = if node == owner {
                self.hold(now, &key, cell, errand, waiter)
            } else {
                self.keep(now, owner, key, cell, waiter)
            };
            if result.is_err() {
                self.lose_read_replica(now, id, node);
            }
        } else if self.is_reachable(node) {
            let body = if node == owner {
                ReplicaRequest::Hold { key, cell, errand }
            } else {
                ReplicaRequest::Keep { owner, key, cell }
            };
            self.ask(node, id, body);
        } else {
            self.lose_read_replica(now, id, node);
        }
    }

    /// A replica will not answer, or not acknowledge its repair.
    pub(super) fn lose_read_replica(&mut self, now: Now, id: RequestId, node: NodeId) {
        let state = self.read_state_mut(id);
        let Some(replica) = state.owner_of(node).and_then(|owner| state.replica_mut(owner)) else {
            return;
        };
        let (owner, waiting, repairing) = (replica.owner, replica.is_waiting(), replica.is_being_repaired());
        replica.repair_lost |= repairing;
        if repairing && self.has_plant(Plant::FailedRepairFailsRead) {
            return self.fail_read(id);
        }
        if waiting {
            self.replace_replica(now, id, owner);
        }
        let hedges = |state: &ReadState| matches!(state.ask, Ask::Hedged { .. });
        if (waiting || repairing) && self.coordinations.contains_key(&id) && hedges(self.read_state(id)) {
            self.ask_another(now, id);
        }
        if !self.coordinations.contains_key(&id) {
            return;
        }
        if !self.read_state(id).can_be_met() && !self.has_plant(Plant::TooFewAsked) {
            self.answer_read(id);
        }
        self.advance_read(now, id);
    }

    /// Ends a read badly, whoever may answer yet: [`Plant::FailedRepairFailsRead`].
    fn fail_read(&mut self, id: RequestId) {
        self.answer_read(id);
        self.end_coordination(id);
    }

    /// Asks one more owner of those that were spared, if any of them counts: the first that may make up for one that was
    /// lost, or else any.
    fn ask_another(&mut self, now: Now, id: RequestId) {
        let state = self.read_state(id);
        let spares = state.replicas.iter().filter(|replica| replica.answer == Answer::Spare);
        let spares: Vec<_> = spares.map(|replica| replica.owner).collect();
        let of_use = spares.iter().find(|owner| state.is_of_use(**owner));
        let next = of_use.or_else(|| spares.iter().find(|owner| state.counts(**owner)));
        if let Some(owner) = next.copied() {
            self.ask_replica(now, id, owner);
            self.set_hedge(now, id);
        }
    }

    /// Sets the hedge for when the next of those asked is late.
    fn set_hedge(&mut self, now: Now, id: RequestId) {
        let Some(Coordination {
            state: State::Read(state),
            ..
        }) = self.coordinations.get(&id)
        else {
            return;
        };
        let (earlier, next) = (state.hedge_at, self.next_hedge(now, state));
        if let Some(at) = earlier {
            self.timers.clear(at, Timer::Hedge(id));
        }
        if let Some(at) = next {
            self.timers.set(at, Timer::Hedge(id));
        }
        self.read_state_mut(id).hedge_at = next;
    }

    /// When the next of those asked is late, if there is anybody left to ask then.
    fn next_hedge(&self, now: Now, state: &ReadState) -> Option<Time> {
        let is_left = |replica: &Replica| replica.answer == Answer::Spare && state.counts(replica.owner);
        if !state.replicas.iter().any(is_left) {
            return None;
        }
        let late_at = state.replicas.iter().filter_map(|replica| self.late_at(state, replica));
        late_at.min().map(|at| at.max(now.time))
    }

    /// When a replica that was asked and has not answered has taken so long that another is asked as well.
    fn late_at(&self, state: &ReadState, replica: &Replica) -> Option<Time> {
        match (state.ask, &replica.answer) {
            (Ask::Hedged { permille }, Answer::Waiting { since, .. }) if permille < 1000 && !replica.is_hedged => {
                let span = self.latency_quantile(replica.via, permille)?;
                Some(*since + span)
            }
            _ => None,
        }
    }

    /// An answer may be late: if one is, asks one more.
    pub(crate) fn on_hedge_due(&mut self, now: Now, id: RequestId) {
        if !self.coordinations.contains_key(&id) {
            return;
        }
        self.read_state_mut(id).hedge_at = None;
        if self.coordinations[&id].is_answered() {
            return;
        }
        let state = self.read_state(id);
        let is_late = |replica: &&Replica| self.late_at(state, replica).is_some_and(|at| at <= now.time);
        if let Some(late) = state.replicas.iter().find(is_late).map(|replica| replica.owner) {
            let replica = self.read_state_mut(id).replica_mut(late);
            replica.expect("found above").is_hedged = true;
            self.counters.hedges += 1;
            self.ask_another(now, id);
        }
        self.set_hedge(now, id);
    }

    pub(super) fn on_read_deadline(&mut self, id: RequestId) {
        self.answer_read(id);
        self.end_coordination(id);
    }

    /// Ends an answered read once nobody is late, and every repair has arrived: as long as one is on its way, what it
    /// brings may be older than what its replica has by then, and no tombstone of the key may go.
    fn end_read_if_done(&mut self, id: RequestId) {
        let answered = self.coordinations.get(&id).is_some_and(Coordination::is_answered);
        if answered {
            let state = self.read_state(id);
            let repairs = state.replicas.iter().any(Replica::is_being_repaired);
            if state.repair == ReadRepair::Off || state.is_over() && !repairs {
                self.end_coordination(id);
            }
        }
    }

    /// Tells the client what was read, if it has not been told.
    fn answer_read(&mut self, id: RequestId) {
        if self.coordinations.get(&id).is_none_or(Coordination::is_answered) {
            return;
        }
        self.tell_read(id, self.read_state(id).is_answerable());
    }

    /// Tells the client, which has not been told, what was read, or that too little was.
    fn tell_read(&mut self, id: RequestId, is_ok: bool) {
        let Some(client) = self.take_client(id, is_ok) else {
            return;
        };
        let answers: Vec<_> = self.read_state(id).answers().map(|replica| replica.via).collect();
        if is_ok {
            self.note_read_quorum(id, &answers);
        }
        let token = self.session_token();
        let state = self.read_state(id);
        let result = if is_ok {
            Ok(ReadOk {
                cell: state.best.as_ref().map(|best| best.cell.clone()),
                answers,
                stand_ins: state.answers().filter(|r| r.via != r.owner).map(|r| r.via).collect(),
                token,
            })
        } else {
            Err(ReadError::Timeout {
                stage: if state.has_enough() {
                    Stage::Repairing
                } else {
                    Stage::Reading
                },
                answers,
                required: state.requirement.needed(),
                alive: self.alive_count(state.replicas.iter().map(|replica| replica.owner)),
            })
        };
        self.reply(client, Response::Read(result));
    }

    /// Tells which owners have answered, where none but owners have.
    fn note_read_quorum(&mut self, id: RequestId, answers: &[NodeId]) {
        let at = self.coordinations[&id].at;
        let state = self.read_state(id);
        if state.absence != Absence::AnswersAlone && state.answers().all(|replica| replica.via == replica.owner) {
            self.note_quorum(at, Operation::Read, answers);
        }
    }

    pub(super) fn read_state(&self, id: RequestId) -> &ReadState {
        match self.coordinations.get(&id) {
            Some(Coordination {
                state: State::Read(state),
                ..
            }) => state,
            _ => unreachable!("the read is under way"),
        }
    }

    pub(super) fn read_state_mut(&mut self, id: RequestId) -> &mut ReadState {
        state_of(&mut self.coordinations, id)
    }
}

/// What a read that is under way knows.
fn state_of(coordinations: &mut FxHashMap<RequestId, Coordination>, id: RequestId) -> &mut ReadState {
    placed_state_of(coordinations, id).1
}

/// The same, and in which partition its key is.
fn placed_state_of(
    coordinations: &mut FxHashMap<RequestId, Coordination>,
    id: RequestId,
) -> (PartitionId, &mut ReadState) {
    match coordinations.get_mut(&id) {
        Some(Coordination {
            at,
            state: State::Read(state),
            ..
        }) => (at.partition, state),
        _ => unreachable!("the read is under way"),
    }
}
