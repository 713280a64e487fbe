//! Coordinating a read: ask every owner, answer from the first R, and bring those behind up to date.
//!
//! With blocking repair the answer waits until as many replicas as the client asked for durably hold what is returned, by
//! their own answer or by acknowledging the repair; if they are so many that the R of any later read include one of them,
//! that read can't return less. This is the read of Attiya, Bar-Noy and Dolev (*Sharing Memory Robustly in
//! Message-Passing Systems*, JACM 1995) with its second phase left out where the first shows it to be needless.

use super::{Coordination, State};
use crate::{
    ClientToken, Errand, Key, Node, NodeId, Now, Plant, ReadError, ReadOk, ReadRepair, ReadRequest, Reason, Record,
    Refused, ReplicaRequest, ReplicaResponse, RequestId, Response, Store, Version, journal::Waiter,
};

#[derive(Debug)]
pub(super) struct ReadState {
    key: Key,
    required: u8,
    repair: ReadRepair,
    replicas: Vec<Replica>,
}

#[derive(Debug)]
struct Replica {
    node: NodeId,
    answer: Answer,
    /// The highest version sent to it as a repair.
    repairing: Option<Version>,
    /// The highest version that it has acknowledged since.
    repaired: Option<Version>,
}

#[derive(Debug)]
enum Answer {
    Waiting,
    Lost,
    Here(Option<Record>),
}

impl Replica {
    fn record(&self) -> Option<&Record> {
        match &self.answer {
            Answer::Here(record) => record.as_ref(),
            Answer::Waiting | Answer::Lost => None,
        }
    }

    fn has_answered(&self) -> bool {
        matches!(self.answer, Answer::Here(_))
    }

    /// The highest version that it is known to hold durably.
    fn held(&self) -> Option<Version> {
        self.record().map(|record| record.version).max(self.repaired)
    }
}

impl ReadState {
    fn newest(&self) -> Option<&Record> {
        self.records().max_by_key(|record| record.version)
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.replicas.iter().filter_map(Replica::record)
    }

    fn answers(&self) -> Vec<NodeId> {
        let answered = self.replicas.iter().filter(|replica| replica.has_answered());
        answered.map(|replica| replica.node).collect()
    }

    fn waiting(&self) -> usize {
        let waiting = |replica: &&Replica| matches!(replica.answer, Answer::Waiting);
        self.replicas.iter().filter(waiting).count()
    }

    /// Whether enough have answered, and enough hold what would be returned.
    fn is_answerable(&self) -> bool {
        let newest = self.newest().map(|record| record.version);
        let answered = self.replicas.iter().filter(|replica| replica.has_answered());
        let holders = self
            .replicas
            .iter()
            .filter(|r| (r.has_answered() || r.repaired.is_some()) && r.held() >= newest);
        let holders_required = match self.repair {
            ReadRepair::Blocking { holders } => holders,
            ReadRepair::Off | ReadRepair::Async => 0,
        };
        answered.count() >= usize::from(self.required) && holders.count() >= usize::from(holders_required)
    }

    /// The newest record, and those that answered with less and have not been sent it; from now on they have.
    fn take_repairs(&mut self) -> Option<(Record, Vec<NodeId>)> {
        let winner = self.newest()?.clone();
        let behind = |r: &&mut Replica| r.has_answered() && r.held().max(r.repairing) < Some(winner.version);
        let targets = self.replicas.iter_mut().filter(behind).map(|replica| {
            replica.repairing = Some(winner.version);
            replica.node
        });
        let targets = targets.collect();
        Some((winner, targets))
    }

    /// As [`ReadState::take_repairs`], with the oldest record for the winner: [`Plant::RepairWritesOlder`].
    fn take_repairs_backwards(&mut self) -> Option<(Record, Vec<NodeId>)> {
        let loser = self.records().min_by_key(|record| record.version)?.clone();
        let differing = |r: &&mut Replica| r.has_answered() && r.repairing.is_none() && r.held() != Some(loser.version);
        let targets = self.replicas.iter_mut().filter(differing).map(|replica| {
            replica.repairing = Some(loser.version);
            replica.node
        });
        let targets = targets.collect();
        Some((loser, targets))
    }

    fn replica_mut(&mut self, node: NodeId) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.node == node)
    }
}

impl<S: Store> Node<S> {
    pub(crate) fn on_read(&mut self, now: Now, client: ClientToken, request: &ReadRequest) {
        let admitted = match self.admit_read(now, request) {
            Ok(admitted) => admitted,
            Err(reason) => {
                self.counters.refusals += 1;
                return self.reply(client, Response::Read(Err(ReadError::Refused(reason))));
            }
        };
        let replicas = admitted.owners.iter().map(|node| Replica {
            node: *node,
            answer: if self.is_reachable(*node) {
                Answer::Waiting
            } else {
                Answer::Lost
            },
            repairing: None,
            repaired: None,
        });
        let state = ReadState {
            key: request.key.clone(),
            required: request.r,
            repair: request.repair,
            replicas: replicas.collect(),
        };
        let id = self.next_request_id();
        self.begin_coordination(id, client, admitted.deadline, State::Read(state));
        for node in admitted.owners {
            if node != self.config.node && self.is_reachable(node) {
                let key = request.key.clone();
                self.ask(node, id, ReplicaRequest::Read { key });
            }
        }
        if self
            .read_state(id)
            .replicas
            .iter()
            .any(|replica| replica.node == self.config.node)
        {
            self.read_own(now, id, &request.key);
        }
    }

    fn admit_read(&self, now: Now, request: &ReadRequest) -> Result<super::Admitted, Reason> {
        let replicas = self.config.ring.replication.total();
        match request.repair {
            ReadRepair::Blocking { holders } if holders == 0 || holders > replicas => {
                let why = format!("{holders} holders asked for, of {replicas} replicas");
                Err(Reason::Invalid(why))
            }
            ReadRepair::Blocking { holders } => {
                self.admit(now, &request.key, request.r, request.timeout)?;
                self.admit(now, &request.key, request.r.max(holders), request.timeout)
            }
            ReadRepair::Off | ReadRepair::Async => self.admit(now, &request.key, request.r, request.timeout),
        }
    }

    fn read_own(&mut self, now: Now, id: RequestId, key: &Key) {
        let body = match self.read_local(key) {
            Ok(record) => ReplicaResponse::Read { record },
            Err(_) => ReplicaResponse::Refused(Refused::Storage),
        };
        self.on_read_response(now, id, self.config.node, body);
    }

    pub(super) fn on_read_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(replica) = self.read_state_mut(id).replica_mut(from) else {
            return;
        };
        match body {
            ReplicaResponse::Read { record } if !replica.has_answered() => {
                if let Some(record) = &record {
                    // Whoever has seen a version stamps above it from now on, even if it was not asked to hold it.
                    let seen = self.clock.observe(now.wall, record.version.time);
                    if seen.is_err() {
                        return self.lose_read_replica(id, from);
                    }
                }
                let replica = self.read_state_mut(id).replica_mut(from).expect("found above");
                replica.answer = Answer::Here(record);
            }
            ReplicaResponse::Held { version } => replica.repaired = replica.repaired.max(Some(version)),
            ReplicaResponse::Refused(_) => return self.lose_read_replica(id, from),
            _ => return,
        }
        self.advance_read(now, id);
    }

    /// Sends repairs, answers and ends, as far as the answers so far allow.
    fn advance_read(&mut self, now: Now, id: RequestId) {
        let state = self.read_state(id);
        if state.repair != ReadRepair::Off && state.answers().len() >= usize::from(state.required) {
            self.repair_read(now, id);
        }
        let Some(coordination) = self.coordinations.get(&id) else {
            return;
        };
        if !coordination.is_answered() && self.read_state(id).is_answerable() {
            self.answer_read(id);
        }
        self.end_read_if_done(id);
    }

    /// Sends the newest record to those that answered with less.
    fn repair_read(&mut self, now: Now, id: RequestId) {
        let backwards = self.has_plant(Plant::RepairWritesOlder);
        let state = self.read_state_mut(id);
        let key = state.key.clone();
        let repairs = if backwards {
            state.take_repairs_backwards()
        } else {
            state.take_repairs()
        };
        // The state is not looked at below: a repair of this node's own copy can end the read at once.
        for (record, target) in repairs
            .into_iter()
            .flat_map(|(r, targets)| targets.into_iter().map(move |t| (r.clone(), t)))
        {
            self.counters.read_repairs += 1;
            self.send_repair(now, id, target, key.clone(), record);
        }
    }

    fn send_repair(&mut self, now: Now, id: RequestId, node: NodeId, key: Key, record: Record) {
        let (version, errand) = (record.version, Errand::ReadRepair);
        if node == self.config.node {
            let waiter = Waiter::Coordination { id, version };
            // Refused or failed, it is as if the repair had been lost: the read then waits for the other replicas.
            let _ = self.hold(now, &key, record, errand, waiter);
        } else if self.is_reachable(node) {
            self.ask(node, id, ReplicaRequest::Hold { key, record, errand });
        }
    }

    /// A replica will not answer, or not acknowledge its repair.
    pub(super) fn lose_read_replica(&mut self, id: RequestId, node: NodeId) {
        let Some(replica) = self.read_state_mut(id).replica_mut(node) else {
            return;
        };
        if matches!(replica.answer, Answer::Waiting) {
            replica.answer = Answer::Lost;
        }
        let state = self.read_state(id);
        let hopeless = state.answers().len() + state.waiting() < usize::from(state.required);
        if hopeless {
            self.answer_read(id);
        }
        self.end_read_if_done(id);
    }

    pub(super) fn on_read_deadline(&mut self, id: RequestId) {
        self.answer_read(id);
        self.end_coordination(id);
    }

    fn end_read_if_done(&mut self, id: RequestId) {
        let answered = self.coordinations.get(&id).is_some_and(Coordination::is_answered);
        if answered {
            let state = self.read_state(id);
            if state.waiting() == 0 || state.repair == ReadRepair::Off {
                self.end_coordination(id);
            }
        }
    }

    /// Tells the client what was read, if it has not been told.
    fn answer_read(&mut self, id: RequestId) {
        let Some(client) = self.coordinations.get_mut(&id).and_then(|c| c.client.take()) else {
            return;
        };
        let state = self.read_state(id);
        let (record, answers, required) = (state.newest().cloned(), state.answers(), state.required);
        let result = if state.is_answerable() {
            self.counters.reads += 1;
            Ok(ReadOk { record, answers })
        } else {
            self.counters.timeouts += 1;
            Err(ReadError::Timeout { answers, required })
        };
        self.reply(client, Response::Read(result));
    }

    fn read_state(&self, id: RequestId) -> &ReadState {
        match self.coordinations.get(&id) {
            Some(Coordination {
                state: State::Read(state),
                ..
            }) => state,
            _ => unreachable!("the read is under way"),
        }
    }

    fn read_state_mut(&mut self, id: RequestId) -> &mut ReadState {
        match self.coordinations.get_mut(&id) {
            Some(Coordination {
                state: State::Read(state),
                ..
            }) => state,
            _ => unreachable!("the read is under way"),
        }
    }
}
