//! Coordinating a request by agreement: single-decree Paxos among the owners of one key, once for each request.
//!
//! ```text
//!   arrived ──▶ preparing ── a quorum has promised ──▶ accepting ── a quorum has accepted ──▶ answered
//!                  ▲  │                                    │
//!                  │  └───────────── outbid ───────────────┤
//!                  └── pausing ◀───────────────────────────┘
//! ```
//!
//! What a quorum tells with its promises decides what is proposed: the change, or, for a read or a comparison that fails,
//! once more what was accepted last. That too needs a quorum to accept it: a proposal that a minority has accepted could be
//! brought up again by somebody else, after the answer (CASSANDRA-12126).
//!
//! A request that was outbid after it had proposed its change goes on, and knows from what it is told whether that was
//! made, or can't be any more ([`CasState::next`]): each proposal names the last changes before it. Where it can't know, its
//! outcome is unknown. It is never made a second time on the chance that the first did not count. Both rounds go by one
//! record of the partition: when the owners change, it begins again, because those who would accept are not those who have
//! promised.

use std::time::Duration;

use rand::RngExt;

use super::{
    Coordination, State, Terms,
    cas_state::{CasState, Made, Next, Round, Votes},
    small,
};
use crate::{
    Accepted, BeforeSend, CasAction, CasOk, CasOutcome, CasRequest, ClientToken, Kind, Level, Node, NodeId, NotApplied,
    Now, Operation, Plant, Quorum, Reason, ReplicaRequest, ReplicaResponse, RequestId, Response, SessionToken, Stage,
    Unknown, Value, Version, WriteError, timers::Timer,
};

/// How long who was outbid for the first time pauses at most: about as long as a proposal takes, so that one of two that
/// outbid each other gets through.
const PAUSE: Duration = Duration::from_millis(4);

/// How often that doubles.
const DOUBLINGS_MAX: u32 = 5;

impl Node {
    pub(crate) fn on_cas(&mut self, now: Now, client: ClientToken, request: CasRequest, before: BeforeSend) {
        let admitted = match self.admit_cas(now, &request) {
            Ok(admitted) => admitted,
            Err(reason) => {
                self.note_refusal(operation(&request.action), request.level);
                let error = WriteError::NotApplied(NotApplied::new(&before, Stage::Arrived, reason));
                return self.reply(client, Response::Cas(Err(error)));
            }
        };
        let state = CasState {
            key: request.key,
            action: request.action,
            requirement: admitted.requirement,
            voters: self.owners(admitted.accepted.at).collect(),
            before: Some(before),
            proposed: Vec::new(),
            outbid: None,
            outbid_count: 0,
            round: Round::Pausing { until: now.time },
        };
        let id = self.next_request_id();
        self.begin_coordination(id, client, &admitted.accepted, State::Cas(Box::new(state)));
        self.prepare_key(now, id);
    }

    fn admit_cas(&mut self, now: Now, request: &CasRequest) -> Result<super::Admitted, Reason> {
        check(request).map_err(Reason::Invalid)?;
        self.admit(
            now,
            &Terms {
                operation: Operation::Write, // Both rounds go to everybody who is to hold the key.
                key: &request.key,
                level: request.level,
                preferred: None,
                quorum: Quorum::Strict,
                token: SessionToken::default(),
                timeout: request.timeout,
            },
        )
    }

    /// Begins a proposal, above all that the request was told of.
    fn prepare_key(&mut self, now: Now, id: RequestId) {
        let above = self.cas_state(id).outbid;
        let ballot = self.next_ballot(now, above);
        let state = self.cas_state_mut(id);
        state.round = Round::Preparing {
            ballot,
            votes: Votes::default(),
            highest: None,
        };
        let key = state.key.clone();
        self.ask_voters(now, id, ReplicaRequest::PrepareKey { key, ballot });
    }

    /// Has every voter vote, this node last: it may answer at once.
    fn ask_voters(&mut self, now: Now, id: RequestId, body: ReplicaRequest) {
        let own = self.config.node;
        let voters = self.cas_state(id).voters.clone();
        for voter in voters.iter().copied().filter(|voter| *voter != own) {
            if self.is_reachable(voter) {
                self.ask(voter, id, body.clone());
            } else if let Some(votes) = self.cas_state_mut(id).votes_mut() {
                votes.lose(voter);
            }
        }
        if voters.contains(&own) {
            self.vote_oneself(now, id, body);
        } else {
            self.advance_cas(now, id);
        }
    }

    fn vote_oneself(&mut self, now: Now, id: RequestId, body: ReplicaRequest) {
        let own = self.config.node;
        let asked_at = self.coordinations[&id].at.asked();
        match self.vote(now, (own, id), asked_at, body) {
            Ok(()) if self.coordinations.contains_key(&id) => self.advance_cas(now, id),
            Ok(()) => {}
            Err(refused) => self.on_cas_response(now, id, own, ReplicaResponse::Refused(refused)),
        }
    }

    pub(super) fn on_cas_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let believes_first = self.has_plant(Plant::FirstPromiseBelieved);
        let state = self.cas_state_mut(id);
        match (&mut state.round, body) {
            (
                Round::Preparing { ballot, votes, highest },
                ReplicaResponse::KeyPromised {
                    ballot: asked,
                    accepted,
                },
            ) if *ballot == asked => {
                let accepted = accepted.map(|accepted| *accepted);
                if accepted > *highest && !(believes_first && highest.is_some()) {
                    *highest = accepted;
                }
                votes.give(from);
            }
            (Round::Accepting { proposal, votes, .. }, ReplicaResponse::KeyAccepted { ballot })
                if proposal.ballot == ballot =>
            {
                votes.give(from);
            }
            (round, ReplicaResponse::KeyOutbid { ballot, promised }) if round.ballot() == Some(ballot) => {
                state.outbid = state.outbid.max(Some(promised));
                state.votes_mut().expect("a round with a ballot has votes").lose(from);
            }
            (_, ReplicaResponse::Refused(_)) => return self.lose_voter(now, id, from),
            _ => return,
        }
        self.advance_cas(now, id);
    }

    /// A node will not answer.
    pub(super) fn lose_voter(&mut self, now: Now, id: RequestId, node: NodeId) {
        if let Some(votes) = self.cas_state_mut(id).votes_mut() {
            votes.lose(node);
            self.advance_cas(now, id);
        }
    }

    /// Goes on where a quorum has agreed, and pauses or gives up where none can.
    fn advance_cas(&mut self, now: Now, id: RequestId) {
        let state = self.cas_state(id);
        if state.is_agreed() {
            self.on_agreed(now, id);
        } else if state.votes().is_some() && !state.can_be_agreed() {
            match state.outbid {
                Some(_) => self.pause_cas(now, id),
                None => self.fail_cas(id),
            }
        }
    }

    fn on_agreed(&mut self, now: Now, id: RequestId) {
        let until = now.time;
        match std::mem::replace(&mut self.cas_state_mut(id).round, Round::Pausing { until }) {
            Round::Preparing { ballot, votes, highest } => {
                self.propose_for_key(now, id, (ballot, highest), votes.given);
            }
            Round::Accepting {
                proposal,
                made,
                votes,
                promised_by,
            } => self.answer_cas(id, proposal, made, (promised_by, votes.given)),
            Round::Pausing { .. } => unreachable!("nobody is asked while it pauses"),
        }
    }

    /// A quorum has promised: has everybody accept what becomes of what they told.
    fn propose_for_key(
        &mut self,
        now: Now,
        id: RequestId,
        (ballot, highest): (Version, Option<Accepted>),
        promised_by: Vec<NodeId>,
    ) {
        if self.has_plant(Plant::CasRetriedBlindly) {
            self.cas_state_mut(id).proposed.clear();
        }
        let state = self.cas_state_mut(id);
        let (made, proposal) = match state.next(highest.as_ref()) {
            Next::Unclear => return self.fail_cas(id),
            Next::Confirm(outcome) => (Made::Nothing(outcome), Accepted::confirm(ballot, highest)),
            Next::Made(change) => (Made::Change(change), Accepted::confirm(ballot, highest)),
            Next::Change(value) => {
                state.before = None;
                state.proposed.push(ballot);
                (Made::Change(ballot), Accepted::change(ballot, value, highest.as_ref()))
            }
        };
        if proposal.written != Some(ballot) && self.has_plant(Plant::SerialReadUnconfirmed) {
            return self.answer_cas(id, proposal, made, (promised_by.clone(), promised_by));
        }
        let state = self.cas_state_mut(id);
        state.round = Round::Accepting {
            proposal: proposal.clone(),
            made,
            votes: Votes::default(),
            promised_by,
        };
        let (key, proposal) = (state.key.clone(), Box::new(proposal));
        self.ask_voters(now, id, ReplicaRequest::AcceptKey { key, proposal });
    }

    /// Somebody has outbid it: tries again, when they may be done.
    fn pause_cas(&mut self, now: Now, id: RequestId) {
        let state = self.cas_state_mut(id);
        let longest = PAUSE * 2_u32.pow(state.outbid_count.min(DOUBLINGS_MAX));
        state.outbid_count += 1;
        let until = now.time + longest.mul_f64(self.rng.random());
        self.cas_state_mut(id).round = Round::Pausing { until };
        self.timers.set(until, Timer::Cas(id));
    }

    pub(crate) fn on_cas_due(&mut self, now: Now, id: RequestId) {
        self.prepare_key(now, id);
    }

    /// The owners have changed: those who are asked now have promised nothing.
    pub(super) fn retarget_cas(&mut self, now: Now, id: RequestId) {
        let at = self.coordinations[&id].at;
        let ownership = self.topology().ownership(at.partition).clone();
        let requirement = self.holding(&ownership, at.level);
        let until = now.time;
        let state = self.cas_state_mut(id);
        if let Round::Pausing { until } = std::mem::replace(&mut state.round, Round::Pausing { until }) {
            self.timers.clear(until, Timer::Cas(id));
        }
        let Ok(requirement) = requirement else {
            return; // The new owners can't meet it: it runs out of time.
        };
        let state = self.cas_state_mut(id);
        state.requirement = requirement;
        state.voters = ownership.nodes().collect();
        self.prepare_key(now, id);
    }

    /// Asks a node once more that did not know the record, and has been told it.
    pub(super) fn cas_again(&mut self, id: RequestId, node: NodeId) {
        let state = self.cas_state(id);
        let key = state.key.clone();
        let body = match &state.round {
            Round::Pausing { .. } => return,
            Round::Preparing { ballot, .. } => ReplicaRequest::PrepareKey { key, ballot: *ballot },
            Round::Accepting { proposal, .. } => ReplicaRequest::AcceptKey {
                key,
                proposal: Box::new(proposal.clone()),
            },
        };
        if state.voters.contains(&node) && self.is_reachable(node) {
            self.ask(node, id, body);
        }
    }

    fn answer_cas(
        &mut self,
        id: RequestId,
        proposal: Accepted,
        made: Made,
        (promised_by, accepted_by): (Vec<NodeId>, Vec<NodeId>),
    ) {
        let at = self.coordinations[&id].at;
        self.note_quorum(at, Operation::Read, &promised_by);
        self.note_quorum(at, Operation::Write, &accepted_by);
        let (outcome, value, version) = match (made, &self.cas_state(id).action) {
            (Made::Nothing(outcome), _) => (outcome, proposal.value, proposal.written),
            (Made::Change(change), CasAction::Put { value } | CasAction::CompareAndSet { value, .. }) => {
                (CasOutcome::Done, value.clone(), Some(change))
            }
            (Made::Change(_), CasAction::Read) => unreachable!("a read proposes no change"),
        };
        let ok = CasOk {
            outcome,
            value,
            version,
            acks: accepted_by,
            token: self.session_token(),
        };
        self.end_cas(id, Ok(ok));
    }

    /// No quorum agrees in time. Where no change was ever sent, none was made.
    pub(super) fn fail_cas(&mut self, id: RequestId) {
        let error = self.cas_error(id);
        self.end_cas(id, Err(error));
    }

    fn end_cas(&mut self, id: RequestId, result: Result<CasOk, WriteError>) {
        if let Round::Pausing { until } = self.cas_state(id).round {
            self.timers.clear(until, Timer::Cas(id));
        }
        if let Some(client) = self.take_client(id, result.is_ok()) {
            self.reply(client, Response::Cas(result));
        }
        self.end_coordination(id);
    }

    fn cas_error(&self, id: RequestId) -> WriteError {
        let state = self.cas_state(id);
        let (required, alive) = (
            state.requirement.needed(),
            self.alive_count(state.voters.iter().copied()),
        );
        let given = state.votes().map_or(&[][..], |votes| &votes.given);
        let Some(before) = &state.before else {
            if self.has_plant(Plant::UnknownCalledFailure) {
                let reason = Reason::Unavailable { required, alive };
                return WriteError::NotApplied(NotApplied::new(&BeforeSend::on_arrival(), Stage::Arrived, reason));
            }
            return WriteError::Unknown(Unknown {
                stage: Stage::Accepting,
                version: state.proposed.last().copied(),
                acks: given.to_vec(),
                hinted: Vec::new(),
                required,
                alive,
            });
        };
        let stage = match state.round {
            Round::Accepting { .. } => Stage::Confirming,
            Round::Pausing { .. } | Round::Preparing { .. } => Stage::Promising,
        };
        let answered = small(given.len());
        WriteError::NotApplied(NotApplied::new(
            before,
            stage,
            Reason::NoAgreement { required, answered },
        ))
    }

    fn cas_state(&self, id: RequestId) -> &CasState {
        match self.coordinations.get(&id) {
            Some(Coordination {
                state: State::Cas(state),
                ..
            }) => state,
            _ => unreachable!("the request is under way"),
        }
    }

    fn cas_state_mut(&mut self, id: RequestId) -> &mut CasState {
        match self.coordinations.get_mut(&id) {
            Some(Coordination {
                state: State::Cas(state),
                ..
            }) => state,
            _ => unreachable!("the request is under way"),
        }
    }
}

/// What a request counts as where requests are counted.
pub(super) fn operation(action: &CasAction) -> Operation {
    match action {
        CasAction::Read => Operation::Read,
        CasAction::Put { .. } | CasAction::CompareAndSet { .. } => Operation::Write,
    }
}

/// Whether a request can be at all.
fn check(request: &CasRequest) -> Result<(), String> {
    let CasRequest { key, action, level, .. } = request;
    if key.kind != Kind::Cas {
        return Err(format!("nobody agrees upon what a {} holds", key.kind.name()));
    }
    if !matches!(
        level,
        Level::Quorum | Level::LocalQuorum | Level::EachQuorum | Level::All
    ) {
        return Err(format!(
            "two times {level} need not meet: it takes QUORUM, LOCAL_QUORUM, EACH_QUORUM or ALL"
        ));
    }
    let values = match action {
        CasAction::Read => [None, None],
        CasAction::Put { value } => [None, value.as_ref()],
        CasAction::CompareAndSet { expected, value } => [expected.as_ref(), value.as_ref()],
    };
    values.into_iter().flatten().try_for_each(Value::check)
}
