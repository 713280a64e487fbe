//! The coordinator: any node, for any key. It asks the key's owners in parallel and answers when enough have.
//!
//! A coordination outlives its answer: a write until every owner holds it or has a hint kept for it, a read until the
//! owners that it found behind have been sent what they lack. Each ends at its deadline at the latest.

mod cas;
mod cas_state;
mod quorums;
mod read;
mod read_state;
mod retarget;
mod write;
mod write_state;

use std::time::Duration;

pub(crate) use self::quorums::Quorums;
use self::{cas_state::CasState, read_state::ReadState, write_state::WriteState};
use crate::{
    ClientToken, Epoch, Key, Level, LevelError, Node, NodeId, Now, Operation, Ownership, PartitionId, Plant, Preferred,
    Quorum, Reason, ReplicaResponse, RequestId, Requirement, SessionToken, Time, journal::AskedAt, metrics::Ended,
    ownership::requirement, record::KEY_BYTES_MAX, timers::Timer,
};

/// A client's request that this node is busy with.
#[derive(Debug)]
pub(crate) struct Coordination {
    /// Whom to answer; `None` once that is done.
    client: Option<ClientToken>,
    at: At,
    arrived: Time,
    deadline: Time,
    /// For how many answers to wait, and until when, although fewer would do.
    preferred: Option<(usize, Time)>,
    state: State,
}

/// By which record of which partition a request is served, and at which level.
#[derive(Clone, Copy, Debug)]
struct At {
    partition: PartitionId,
    epoch: Epoch,
    level: Level,
}

impl At {
    fn asked(self) -> AskedAt {
        AskedAt {
            partition: self.partition,
            epoch: self.epoch,
        }
    }
}

/// Boxed: coordinations come and go, and a table of them moves them about.
#[derive(Debug)]
enum State {
    Read(Box<ReadState>),
    Write(Box<WriteState>),
    Cas(Box<CasState>),
}

impl Coordination {
    pub(crate) fn deadline(&self) -> Time {
        self.deadline
    }

    /// Whether the client has been answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.client.is_none()
    }

    /// Whether it is worth to wait for more than `count` answers, as long as there are any to come.
    fn prefers_more_than(&self, count: usize) -> bool {
        self.preferred.is_some_and(|(preferred, _)| count < preferred)
    }
}

/// What clients say of every request, whatever they ask.
struct Terms<'a> {
    operation: Operation,
    key: &'a Key,
    level: Level,
    preferred: Option<Preferred>,
    quorum: Quorum,
    token: SessionToken,
    timeout: Duration,
}

/// A request that may be sent: where to, by when, and what will do.
struct Admitted {
    requirement: Requirement,
    accepted: Accepted,
}

/// What a coordination keeps of its terms, whatever it does.
struct Accepted {
    at: At,
    arrived: Time,
    deadline: Time,
    preferred: Option<(usize, Time)>,
}

impl Node {
    /// Checks whether a request can be served at all, before anything is sent.
    fn admit(&mut self, now: Now, terms: &Terms<'_>) -> Result<Admitted, Reason> {
        let key = terms.key;
        if !key.is_valid() {
            let why = format!("a key has 1 to {KEY_BYTES_MAX} bytes, not {}", key.name.len());
            return Err(Reason::Invalid(why));
        }
        if self.is_draining() {
            return Err(Reason::Draining);
        }
        if self.is_banned() || self.is_going() {
            return Err(Reason::Removed);
        }
        let Some(topology) = &self.topology else {
            return Err(self.forming());
        };
        let in_flight = self.coordinations.len();
        if in_flight >= self.config.in_flight_max {
            return Err(Reason::Overloaded { in_flight });
        }
        let ownership = topology.ownership(topology.partition(key));
        let at = At {
            partition: ownership.partition,
            epoch: ownership.epoch,
            level: terms.level,
        };
        let requirement = match terms.operation {
            Operation::Read => self.reading(ownership, terms.level)?,
            Operation::Write => self.holding(ownership, terms.level)?,
        };
        self.check_alive(&requirement, key, terms.quorum)?;
        self.clock.observe(now.wall, terms.token.0).map_err(|_| {
            let why = "the session's token is too far ahead of this node's clock";
            Reason::Invalid(why.to_owned())
        })?;
        let preferred = terms.preferred;
        let accepted = Accepted {
            at,
            arrived: now.time,
            deadline: now.time + terms.timeout.min(self.config.request_timeout),
            preferred: preferred.map(|preferred| (usize::from(preferred.count), now.time + preferred.wait)),
        };
        Ok(Admitted { requirement, accepted })
    }

    /// Everybody who is to hold the key of a request that was admitted.
    fn owners(&self, at: At) -> impl Iterator<Item = NodeId> + '_ {
        self.topology().ownership(at.partition).nodes()
    }

    /// What a level asks of those who are to hold a write, or what a blocking read returns.
    fn holding(&self, ownership: &Ownership, level: Level) -> Result<Requirement, Reason> {
        if self.has_plant(Plant::QuorumsNotJoint) {
            return refused(requirement(ownership.settled(), level, &self.config.dc));
        }
        if self.ignores_next(level) {
            return refused(requirement(&ownership.owners, level, &self.config.dc));
        }
        refused(ownership.holding(self.level_taken(level), &self.config.dc))
    }

    /// Whether a level takes no notice of those who are to take the owners' place: [`Plant::OneIgnoresNext`],
    /// [`Plant::EachQuorumIgnoresNext`].
    fn ignores_next(&self, level: Level) -> bool {
        match level {
            Level::One | Level::Count(1) => self.has_plant(Plant::OneIgnoresNext),
            Level::EachQuorum => self.has_plant(Plant::EachQuorumIgnoresNext),
            _ => false,
        }
    }

    /// A level as this node takes it: as the client said, but for planted bugs.
    fn level_taken(&self, level: Level) -> Level {
        match level {
            Level::EachQuorum if self.has_plant(Plant::EachQuorumCountsAny) => Level::Quorum,
            Level::LocalQuorum if self.has_plant(Plant::LocalQuorumAsksAll) => Level::Quorum,
            level => level,
        }
    }

    /// What a level asks of those who are read.
    fn reading(&self, ownership: &Ownership, level: Level) -> Result<Requirement, Reason> {
        if self.has_plant(Plant::QuorumsNotJoint) {
            return refused(requirement(ownership.settled(), level, &self.config.dc));
        }
        refused(ownership.reading(self.level_taken(level), &self.config.dc))
    }

    /// Whether enough owners can be reached, or, where that will do, nodes that stand in for them.
    fn check_alive(&self, requirement: &Requirement, key: &Key, quorum: Quorum) -> Result<(), Reason> {
        if requirement.can_be_met(|owner| self.is_reachable(owner)) {
            return Ok(());
        }
        let topology = self.topology();
        let owners = topology.ownership(topology.partition(key)).nodes();
        let away = owners.filter(|owner| !self.is_reachable(*owner));
        let stand_ins = match self.quorum(quorum) {
            Quorum::Strict => 0,
            Quorum::Sloppy => self.stand_ins(key, &[]).count(),
        };
        let replaced: Vec<_> = away.take(stand_ins).collect();
        let is_alive = |owner: NodeId| self.is_reachable(owner) || replaced.contains(&owner);
        if requirement.can_be_met(is_alive) {
            return Ok(());
        }
        Err(Reason::Unavailable {
            required: requirement.needed(),
            alive: requirement.met_count(is_alive),
        })
    }

    /// Who may count toward a level, by what the client asked for.
    fn quorum(&self, asked: Quorum) -> Quorum {
        if self.has_plant(Plant::StrictCountsStandIns) {
            Quorum::Sloppy
        } else {
            asked
        }
    }

    /// Nodes that can stand in for owners of `key` that can't be reached: the next on the ring, but for those that are
    /// taken.
    fn stand_ins<'a>(&'a self, key: &Key, taken: &'a [NodeId]) -> impl Iterator<Item = NodeId> + 'a {
        let topology = self.topology();
        let partition = topology.partition(key);
        let holders = topology.ownership(partition).nodes().count();
        let others = topology.walk(partition).skip(holders);
        others.filter(|node| self.is_reachable(*node) && !taken.contains(node))
    }

    fn alive_count(&self, owners: impl Iterator<Item = NodeId>) -> u8 {
        small(owners.filter(|owner| self.is_reachable(*owner)).count())
    }

    fn begin_coordination(&mut self, id: RequestId, client: ClientToken, terms: &Accepted, state: State) {
        self.timers.set(terms.deadline, Timer::Coordination(id));
        if let Some((_, at)) = terms.preferred {
            self.timers.set(at, Timer::Preferred(id));
        }
        let coordination = Coordination {
            client: Some(client),
            at: terms.at,
            arrived: terms.arrived,
            deadline: terms.deadline,
            preferred: terms.preferred,
            state,
        };
        let earlier = self.coordinations.insert(id, coordination);
        assert!(earlier.is_none(), "request ids are unique");
    }

    /// Gives a request a deadline anew: [`Plant::GoesOnPastDeadline`].
    fn put_off(&mut self, id: RequestId) {
        let deadline = self.present + self.config.request_timeout;
        let coordination = self.coordinations.get_mut(&id).expect("it is under way");
        coordination.deadline = deadline;
        self.timers.set(deadline, Timer::Coordination(id));
    }

    fn end_coordination(&mut self, id: RequestId) {
        let ended = self.coordinations.remove(&id).expect("a coordination ends once");
        assert!(ended.is_answered(), "a coordination ends with an answer");
        self.timers.clear(ended.deadline, Timer::Coordination(id));
        if let Some((_, at)) = ended.preferred {
            self.timers.clear(at, Timer::Preferred(id));
        }
        if let State::Read(state) = ended.state {
            if let Some(at) = state.hedge_at {
                self.timers.clear(at, Timer::Hedge(id));
            }
            // They took as long at least. Without it whoever is always too late would look fast.
            for (node, since) in state.waiting() {
                self.note_latency(node, self.present.since(since));
            }
        }
        self.check_drained();
    }

    /// A replica, perhaps this node's own, has answered a coordination.
    pub(crate) fn on_coordination_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(coordination) = self.coordinations.get(&id) else {
            return;
        };
        if matches!(body, ReplicaResponse::Behind) {
            self.tell_ownership(from, coordination.at.partition);
            return self.ask_again(now, id, from);
        }
        match coordination.state {
            State::Read(_) => self.on_read_response(now, id, from, body),
            State::Write(_) => self.on_write_response(now, id, from, body),
            State::Cas(_) => self.on_cas_response(now, id, from, body),
        }
    }

    pub(crate) fn on_deadline(&mut self, now: Now, id: RequestId) {
        let coordination = self
            .coordinations
            .get(&id)
            .expect("its timer was cleared when it ended");
        match coordination.state {
            State::Read(_) => self.on_read_deadline(id),
            State::Write(_) => self.on_write_deadline(now, id),
            State::Cas(_) => self.fail_cas(id),
        }
    }

    /// Enough may have answered, and it is not worth to wait for more.
    pub(crate) fn on_preferred_deadline(&mut self, now: Now, id: RequestId) {
        let Some(coordination) = self.coordinations.get_mut(&id) else {
            return;
        };
        coordination.preferred = None;
        match coordination.state {
            State::Read(_) => self.advance_read(now, id),
            State::Write(_) => self.advance_write(id),
            State::Cas(_) => {} // It never waits for more than it takes.
        }
    }

    /// Every answer that `peer` still owes will not come.
    pub(crate) fn fail_coordinations_with(&mut self, now: Now, peer: NodeId) {
        for id in self.coordinations_with(|_| true) {
            match self.coordinations.get(&id).map(|c| &c.state) {
                Some(State::Read(_)) => self.lose_read_replica(now, id, peer),
                Some(State::Write(_)) => self.lose_write_replica(now, id, peer),
                Some(State::Cas(_)) => self.lose_voter(now, id, peer),
                None => {}
            }
        }
    }

    /// Those coordinations of which something is so, in the order in which they began.
    fn coordinations_with(&self, is_so: impl Fn(&Coordination) -> bool) -> Vec<RequestId> {
        let ids = self
            .coordinations
            .iter()
            .filter(|(_, coordination)| is_so(coordination));
        let mut ids: Vec<_> = ids.map(|(id, _)| *id).collect();
        ids.sort();
        ids
    }

    /// Whether a request of this node for `key` is under way.
    pub(crate) fn is_coordinating(&self, key: &Key) -> bool {
        self.coordinations
            .values()
            .any(|coordination| match &coordination.state {
                State::Read(state) => state.key == *key,
                State::Write(state) => state.key == *key,
                State::Cas(state) => state.key == *key,
            })
    }

    /// Takes the client out of a request that is about to be answered, and notes how it ended.
    fn take_client(&mut self, id: RequestId, is_ok: bool) -> Option<ClientToken> {
        let coordination = self.coordinations.get_mut(&id)?;
        let client = coordination.client.take()?;
        let operation = match &coordination.state {
            State::Read(_) => Operation::Read,
            State::Write(_) => Operation::Write,
            State::Cas(state) => cas::operation(&state.action),
        };
        let ended = if is_ok {
            Ended::Ok(self.present.since(coordination.arrived))
        } else {
            Ended::Failed
        };
        match (is_ok, operation) {
            (true, Operation::Read) => self.counters.reads += 1,
            (true, Operation::Write) => self.counters.writes += 1,
            (false, _) => self.counters.timeouts += 1,
        }
        self.measurements.note_request(operation, coordination.at.level, ended);
        Some(client)
    }

    fn note_refusal(&mut self, operation: Operation, level: Level) {
        self.counters.refusals += 1;
        self.measurements.note_request(operation, level, Ended::Refused);
    }

    /// Whatever this node's clock has seen.
    fn session_token(&self) -> SessionToken {
        SessionToken(self.clock.latest())
    }
}

impl Node {
    pub(crate) fn forming(&self) -> Reason {
        Reason::Forming {
            known: self.gossip.states().count(),
            founders: self.config.founders,
        }
    }
}

fn refused(requirement: Result<Requirement, LevelError>) -> Result<Requirement, Reason> {
    requirement.map_err(|error| Reason::Invalid(error.to_string()))
}

fn small(count: usize) -> u8 {
    u8::try_from(count).expect("no more than the replicas")
}
