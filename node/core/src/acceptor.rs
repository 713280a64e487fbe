//! The acceptor: promises and accepts, key by key, for whoever proposes what a key holds (Lamport, *Paxos Made Simple*,
//! 2001, section 2.2). What it answers is durable first: an acceptor that forgot a promise in a crash would let two
//! quorums pass each other.

use crate::{
    CasRegister, Cell, Kind, Node, NodeId, Now, Plant, Record, Refused, ReplicaRequest, ReplicaResponse, RequestId,
    Version,
    journal::{AskedAt, Waiter},
};

/// No proposal has a higher time, by any clock before the year 2262: who is told of one can always go above it.
pub(crate) const BALLOT_TIME_MAX: u64 = u64::MAX / 2;

impl Node {
    /// Promises, or accepts, once that is durable; or says who has outbid the proposal.
    ///
    /// # Errors
    /// The reason why it does neither; nothing was changed.
    pub(crate) fn vote(
        &mut self,
        now: Now,
        (asker, id): (NodeId, RequestId),
        asked_at: AskedAt,
        body: ReplicaRequest,
    ) -> Result<(), Refused> {
        let (key, ballot, proposal) = match body {
            ReplicaRequest::PrepareKey { key, ballot } => (key, ballot, None),
            ReplicaRequest::AcceptKey { key, proposal } => (key, proposal.ballot, Some(*proposal)),
            _ => unreachable!("only proposals for keys are voted upon"),
        };
        let is_fit = proposal.as_ref().is_none_or(|proposal| proposal.is_valid());
        if !key.is_valid() || key.kind != Kind::Cas || ballot.time > BALLOT_TIME_MAX || !is_fit {
            return Err(Refused::Invalid);
        }
        self.last_ballot = self.last_ballot.max(ballot.time);
        let held = self.pending_record(now, &key)?;
        let mut register = match held.as_ref().map(|record| &record.cell) {
            None => Box::new(CasRegister::promising(ballot)),
            Some(Cell::Cas(register)) => register.clone(),
            Some(_) => return Err(Refused::Invalid),
        };
        if register.promised > ballot && !self.has_plant(Plant::PromiseBroken) {
            let promised = register.promised;
            self.tell_vote(now, asker, id, ReplicaResponse::KeyOutbid { ballot, promised });
            return Ok(());
        }
        register.promised = register.promised.max(ballot);
        let vote = match proposal {
            None => ReplicaResponse::KeyPromised {
                ballot,
                accepted: register.accepted.clone().map(Box::new),
            },
            Some(proposal) => {
                let is_lost = self.has_plant(Plant::AcceptLost) && self.journal.newest(&key).is_some();
                register.accepted = if is_lost { register.accepted } else { Some(proposal) };
                ReplicaResponse::KeyAccepted { ballot }
            }
        };
        let waiter = Waiter::Acceptor {
            peer: asker,
            id,
            vote: Box::new(vote),
            asked_at,
        };
        let cell = Cell::Cas(register);
        if held.as_ref().is_some_and(|record| record.cell == cell) {
            return self.wait_or_tell(now, &key, waiter);
        }
        self.check_room()?;
        self.stage(&key, Some(Record::of(cell)), held.as_ref());
        self.journal.wait_for(&key, waiter);
        Ok(())
    }

    /// Tells whoever asked, another node or a coordination of this one.
    pub(crate) fn tell_vote(&mut self, now: Now, asker: NodeId, id: RequestId, vote: ReplicaResponse) {
        if asker == self.config.node {
            self.on_coordination_response(now, id, asker, vote);
        } else {
            self.respond(asker, id, vote);
        }
    }

    /// The next ballot of this node: above all that it gave or voted upon, above the one that it was told of, and, as clocks
    /// go, above those of others.
    pub(crate) fn next_ballot(&mut self, now: Now, above: Option<Version>) -> Version {
        let above = above.map_or(0, |above| above.time);
        let time = self.clock.tick(now.wall).max(above + 1).max(self.last_ballot + 1);
        if self.has_plant(Plant::BallotsClash) {
            return self.whole_ballot(time);
        }
        self.last_ballot = time;
        Version {
            time,
            node: self.config.node,
            generation: self.generation,
        }
    }

    /// A ballot that another node may have as well: [`Plant::BallotsClash`].
    fn whole_ballot(&mut self, time: u64) -> Version {
        self.last_ballot = time.next_multiple_of(1_000_000);
        Version {
            time: self.last_ballot,
            node: NodeId(0),
            generation: crate::Generation(0),
        }
    }
}
