//! Coordinating a write: stamp it, send it to every owner, answer when W hold it, keep hints for those that don't.

use super::{Coordination, State};
use crate::{
    BeforeSend, ClientToken, Errand, Hint, Key, Node, NodeId, NotApplied, Now, Plant, Reason, Record, ReplicaRequest,
    ReplicaResponse, RequestId, Response, Store, Version, WriteError, WriteOk, WriteRequest, journal::Waiter,
    record::VALUE_BYTES_MAX,
};

#[derive(Debug)]
pub(super) struct WriteState {
    key: Key,
    record: Record,
    required: u8,
    owners: Vec<Owner>,
}

#[derive(Debug)]
struct Owner {
    node: NodeId,
    progress: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Sent, or about to be.
    Waiting,
    /// Durable there.
    Held,
    /// Lost or refused, and a hint kept.
    Hinted,
    /// Lost or refused, and no hint kept.
    Lost,
}

impl WriteState {
    fn with(&self, progress: Progress) -> Vec<NodeId> {
        let owners = self.owners.iter().filter(|owner| owner.progress == progress);
        owners.map(|owner| owner.node).collect()
    }

    fn count(&self, progress: Progress) -> usize {
        self.owners.iter().filter(|owner| owner.progress == progress).count()
    }
}

impl<S: Store> Node<S> {
    pub(crate) fn on_write(&mut self, now: Now, client: ClientToken, request: WriteRequest, before: BeforeSend) {
        let admitted = if !request.value.is_valid() {
            let why = format!(
                "a value has at most {VALUE_BYTES_MAX} bytes, not {}",
                request.value.0.len()
            );
            Err(Reason::Invalid(why))
        } else {
            self.admit(now, &request.key, request.w, request.timeout)
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(reason) => {
                self.counters.refusals += 1;
                let error = WriteError::NotApplied(NotApplied::new(&before, reason));
                return self.reply(client, Response::Write(Err(error)));
            }
        };
        let owners = admitted.owners.into_iter().map(|node| Owner {
            node,
            progress: Progress::Waiting,
        });
        let state = WriteState {
            key: request.key,
            record: Record {
                version: self.stamp(now),
                value: request.value,
            },
            required: request.w,
            owners: owners.collect(),
        };
        let id = self.next_request_id();
        self.begin_coordination(id, client, admitted.deadline, State::Write(state));
        self.send_write(now, id, before);
    }

    /// Sends a write to its owners. From here on its outcome is unknown until W hold it.
    fn send_write(&mut self, now: Now, id: RequestId, _before: BeforeSend) {
        let state = self.write_state(id);
        let (key, record) = (state.key.clone(), state.record.clone());
        for node in state.with(Progress::Waiting) {
            if node == self.config.node {
                self.hold_own_write(now, id, &key, record.clone());
            } else if self.is_reachable(node) {
                let (key, record) = (key.clone(), record.clone());
                let errand = Errand::Write;
                self.ask(node, id, ReplicaRequest::Hold { key, record, errand });
            } else {
                self.lose_write_replica(id, node);
            }
        }
        if self.has_plant(Plant::ReplyBeforeAcks) && self.coordinations.contains_key(&id) {
            self.answer_write(id);
        }
    }

    fn hold_own_write(&mut self, now: Now, id: RequestId, key: &Key, record: Record) {
        let version = record.version;
        let waiter = Waiter::Coordination { id, version };
        if let Err(refused) = self.hold(now, key, record, Errand::Write, waiter) {
            self.on_write_response(id, self.config.node, &ReplicaResponse::Refused(refused));
        }
    }

    pub(super) fn on_write_response(&mut self, id: RequestId, from: NodeId, body: &ReplicaResponse) {
        match body {
            ReplicaResponse::Held { version } => {
                let state = self.write_state(id);
                if *version == state.record.version {
                    self.settle_owner(id, from, Progress::Held);
                }
            }
            _ => self.lose_write_replica(id, from),
        }
    }

    /// An owner will not answer: keeps a hint for it.
    pub(super) fn lose_write_replica(&mut self, id: RequestId, node: NodeId) {
        let state = self.write_state(id);
        if !state
            .owners
            .iter()
            .any(|o| o.node == node && o.progress == Progress::Waiting)
        {
            return;
        }
        let hint = Hint {
            target: node,
            key: state.key.clone(),
            record: state.record.clone(),
        };
        let kept = self.keep_hint(hint);
        self.settle_owner(id, node, if kept { Progress::Hinted } else { Progress::Lost });
    }

    pub(super) fn on_write_deadline(&mut self, id: RequestId) {
        let late = self.write_state(id).with(Progress::Waiting);
        assert!(!late.is_empty(), "a write with nothing outstanding has ended");
        for node in late {
            self.lose_write_replica(id, node);
        }
    }

    fn settle_owner(&mut self, id: RequestId, node: NodeId, progress: Progress) {
        let state = self.write_state_mut(id);
        let owner = state.owners.iter_mut().find(|owner| owner.node == node);
        match owner {
            Some(owner) if owner.progress == Progress::Waiting => owner.progress = progress,
            _ => return,
        }
        let (held, waiting) = (state.count(Progress::Held), state.count(Progress::Waiting));
        let required = usize::from(state.required);
        if held >= required || held + waiting < required {
            self.answer_write(id);
        }
        if waiting == 0 {
            self.end_coordination(id);
        }
    }

    /// Tells the client how its write stands, if it has not been told.
    fn answer_write(&mut self, id: RequestId) {
        let Some(client) = self.coordinations.get_mut(&id).and_then(|c| c.client.take()) else {
            return;
        };
        let state = self.write_state(id);
        let version = state.record.version;
        let (acks, hinted) = (state.with(Progress::Held), state.with(Progress::Hinted));
        let required = state.required;
        let result = if acks.len() >= usize::from(required) || self.has_plant(Plant::ReplyBeforeAcks) {
            self.counters.writes += 1;
            Ok(WriteOk { version, acks })
        } else {
            self.counters.timeouts += 1;
            Err(WriteError::Unknown {
                version,
                acks,
                hinted,
                required,
            })
        };
        self.reply(client, Response::Write(result));
    }

    fn stamp(&mut self, now: Now) -> Version {
        Version {
            time: self.clock.tick(now.wall),
            node: self.config.node,
            generation: self.generation,
        }
    }

    fn write_state(&self, id: RequestId) -> &WriteState {
        match self.coordinations.get(&id) {
            Some(Coordination {
                state: State::Write(state),
                ..
            }) => state,
            _ => unreachable!("the write is under way"),
        }
    }

    fn write_state_mut(&mut self, id: RequestId) -> &mut WriteState {
        match self.coordinations.get_mut(&id) {
            Some(Coordination {
                state: State::Write(state),
                ..
            }) => state,
            _ => unreachable!("the write is under way"),
        }
    }
}
