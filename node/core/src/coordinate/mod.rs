//! The coordinator: any node, for any key. It asks the key's owners in parallel and answers when enough have.
//!
//! A coordination outlives its answer: a write until every owner holds it or has a hint kept for it, a read until the
//! owners that it found behind have been sent the newest record. Each ends at its deadline at the latest.

mod read;
mod write;

use std::time::Duration;

use self::{read::ReadState, write::WriteState};
use crate::{
    ClientToken, Key, Node, NodeId, Now, Reason, ReplicaResponse, RequestId, Store, Time, record::KEY_BYTES_MAX,
    timers::Timer,
};

/// A client's request that this node is busy with.
#[derive(Debug)]
pub(crate) struct Coordination {
    /// Whom to answer; `None` once that is done.
    client: Option<ClientToken>,
    deadline: Time,
    state: State,
}

#[derive(Debug)]
enum State {
    Read(ReadState),
    Write(WriteState),
}

impl Coordination {
    pub(crate) fn deadline(&self) -> Time {
        self.deadline
    }

    /// Whether the client has been answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.client.is_none()
    }
}

/// A request that may be sent: where to, and by when.
struct Admitted {
    owners: Vec<NodeId>,
    deadline: Time,
}

impl<S: Store> Node<S> {
    /// Checks whether a request can be served at all, before anything is sent.
    fn admit(&self, now: Now, key: &Key, required: u8, timeout: Duration) -> Result<Admitted, Reason> {
        if !key.is_valid() {
            let why = format!("a key has 1 to {KEY_BYTES_MAX} bytes, not {}", key.0.len());
            return Err(Reason::Invalid(why));
        }
        let replicas = self.config.ring.replication.total();
        if required == 0 || required > replicas {
            let why = format!("{required} replicas asked for, of {replicas}");
            return Err(Reason::Invalid(why));
        }
        let Some(ring) = &self.ring else {
            return Err(self.forming());
        };
        let in_flight = self.coordinations.len();
        if in_flight >= self.config.in_flight_max {
            return Err(Reason::Overloaded { in_flight });
        }
        let owners = ring.owners(ring.partition(key)).to_vec();
        let alive = owners.iter().filter(|owner| self.is_reachable(**owner)).count();
        let alive = u8::try_from(alive).expect("no more than the replicas");
        if alive < required {
            return Err(Reason::Unavailable { required, alive });
        }
        Ok(Admitted {
            owners,
            deadline: now.time + timeout.min(self.config.request_timeout),
        })
    }

    fn begin_coordination(&mut self, id: RequestId, client: ClientToken, deadline: Time, state: State) {
        self.timers.set(deadline, Timer::Coordination(id));
        let coordination = Coordination {
            client: Some(client),
            deadline,
            state,
        };
        let earlier = self.coordinations.insert(id, coordination);
        assert!(earlier.is_none(), "request ids are unique");
    }

    fn end_coordination(&mut self, id: RequestId) {
        let ended = self.coordinations.remove(&id).expect("a coordination ends once");
        assert!(ended.is_answered(), "a coordination ends with an answer");
        self.timers.clear(ended.deadline, Timer::Coordination(id));
    }

    /// A replica, perhaps this node's own, has answered a coordination.
    pub(crate) fn on_coordination_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(coordination) = self.coordinations.get(&id) else {
            return;
        };
        match coordination.state {
            State::Read(_) => self.on_read_response(now, id, from, body),
            State::Write(_) => self.on_write_response(id, from, &body),
        }
    }

    pub(crate) fn on_deadline(&mut self, id: RequestId) {
        let coordination = self
            .coordinations
            .get(&id)
            .expect("its timer was cleared when it ended");
        match coordination.state {
            State::Read(_) => self.on_read_deadline(id),
            State::Write(_) => self.on_write_deadline(id),
        }
    }

    /// Every answer that `peer` still owes will not come.
    pub(crate) fn fail_coordinations_with(&mut self, peer: NodeId) {
        let ids: Vec<_> = self.coordinations.keys().copied().collect();
        for id in ids {
            match self.coordinations.get(&id).map(|c| &c.state) {
                Some(State::Read(_)) => self.lose_read_replica(id, peer),
                Some(State::Write(_)) => self.lose_write_replica(id, peer),
                None => {}
            }
        }
    }
}

impl<S> Node<S> {
    pub(crate) fn forming(&self) -> Reason {
        Reason::Forming {
            known: self.gossip.states().count(),
            founders: self.config.founders,
        }
    }
}
