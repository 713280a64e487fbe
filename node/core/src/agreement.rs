//! How the record of a partition changes: single-decree Paxos, one instance for each next record, among those who hold
//! the partition (Lamport, *Paxos Made Simple*, 2001). No node leads; whoever proposes may be outbid.
//!
//! A quorum of an instance is as many of the owners as `step_level` says; and to accept, as many of those who are next, before
//! and in the proposed record. Two such quorums have an old owner in common, so that one record is chosen; and the
//! new owners have taken part, so that they are ready for it. Whoever prepares tells the record that it goes out from:
//! so each record has been learned by a quorum before the next is chosen, and a coordinator that missed two of them
//! finds no quorum that still goes by its own (NODE.md, A1 to A3).
//!
//! What an acceptor answers, and the record that a node serves by, are durable before anybody is told: a node that
//! forgot them in a crash would let two quorums pass each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    Epoch, Event, Generation, Message, Node, NodeId, Now, Output, Owner, Ownership, PartitionId, Refused,
    ReplicaRequest, ReplicaResponse, RequestId, StoreOp, Time, journal::Waiter, ownership::requirement, timers::Timer,
};

/// The rank of a proposal: a higher one outbids it. No two nodes give the same, nor does one in two of its lives: rounds are
/// counted from nothing at each start, and two proposals of one rank could both be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// Raised above whatever the proposer has heard of.
    pub round: u32,
    /// Whose.
    pub node: NodeId,
    /// In which of its lives.
    pub generation: Generation,
}

/// What a holder of a partition has promised and accepted for its next record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Acceptor {
    /// Nothing below it will be accepted.
    pub promised: Option<Ballot>,
    /// What was accepted last.
    pub accepted: Option<(Ballot, Ownership)>,
}

/// What a node has on its disk of a partition, beside the partition's records: what has been chosen, and what may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionState {
    /// The last record that was chosen, as far as is known.
    pub ownership: Ownership,
    /// Of the next.
    pub acceptor: Acceptor,
}

/// The proposals of this node, and what is on its way to its disk.
#[derive(Debug, Default)]
pub(crate) struct Agreements {
    /// What states will be once everything is durable, where that differs.
    staged: BTreeMap<PartitionId, Arc<PartitionState>>,
    proposals: BTreeMap<PartitionId, Proposal>,
    asked: BTreeMap<RequestId, PartitionId>,
    /// The highest round heard of.
    round: u32,
}

#[derive(Debug)]
struct Proposal {
    ballot: Ballot,
    /// The record that it goes out from.
    base: Ownership,
    /// The record that is to follow.
    value: Ownership,
    /// The highest that any acceptor had accepted.
    found: Option<(Ballot, Ownership)>,
    stage: Stage,
    agreed: BTreeSet<NodeId>,
    deadline: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Preparing,
    Accepting,
}

impl Agreements {
    pub(crate) fn is_under_way(&self, id: RequestId) -> bool {
        self.asked.contains_key(&id)
    }

    /// Whether this node is proposing the next record of a partition.
    pub(crate) fn is_proposing(&self, partition: PartitionId) -> bool {
        self.proposals.contains_key(&partition)
    }

    /// A state is on its way to the disk no more. What was staged after it still is, unless it is the same.
    fn end_staging(&mut self, state: &Arc<PartitionState>) {
        let partition = state.ownership.partition;
        if self.staged.get(&partition) == Some(state) {
            self.staged.remove(&partition);
        }
    }

    /// How many proposals are under way.
    pub(crate) fn count(&self) -> usize {
        self.proposals.len()
    }
}

impl Node {
    /// Proposes the next record of a partition. Another may be chosen, or none in time: the caller looks again.
    pub(crate) fn propose(&mut self, now: Now, value: Ownership) {
        let partition = value.partition;
        let base = self.topology().ownership(partition).clone();
        assert!(value.follows(&base), "{value:?} does not follow {base:?}");
        if self.agreements.is_proposing(partition) {
            return;
        }
        self.agreements.round += 1;
        let ballot = Ballot {
            round: self.agreements.round,
            node: self.config.node,
            generation: self.generation,
        };
        let deadline = now.time + self.config.request_timeout;
        let asked: Vec<_> = base.nodes().collect();
        self.agreements.proposals.insert(
            partition,
            Proposal {
                ballot,
                base,
                value,
                found: None,
                stage: Stage::Preparing,
                agreed: BTreeSet::new(),
                deadline,
            },
        );
        self.timers.set(deadline, Timer::Proposal(partition));
        self.ask_acceptors(now, partition, asked, &ReplicaRequest::Prepare { partition, ballot });
    }

    fn ask_acceptors(&mut self, now: Now, partition: PartitionId, nodes: Vec<NodeId>, body: &ReplicaRequest) {
        for node in nodes {
            if !self.agreements.is_proposing(partition) {
                return;
            }
            if node == self.config.node {
                let id = self.next_request_id();
                self.agreements.asked.insert(id, partition);
                let epoch = self.agreements.proposals[&partition].base.epoch;
                self.answer_proposal(now, node, id, epoch, body.clone());
            } else if self.is_reachable(node) {
                let id = self.next_request_id();
                self.agreements.asked.insert(id, partition);
                self.ask(node, id, body.clone());
            }
        }
    }

    /// As an acceptor: promises or accepts, once that is durable, or says who has outbid the proposal. `epoch` is of the
    /// record that the proposal goes out from: of any other, an acceptor has nothing to say.
    pub(crate) fn answer_proposal(
        &mut self,
        now: Now,
        from: NodeId,
        id: RequestId,
        epoch: Epoch,
        body: ReplicaRequest,
    ) {
        let (partition, ballot, value) = match body {
            ReplicaRequest::Prepare { partition, ballot } => (partition, ballot, None),
            ReplicaRequest::Accept {
                partition,
                ballot,
                value,
            } => (partition, ballot, Some(*value)),
            _ => unreachable!("only proposals are answered here"),
        };
        let state = self.staged_state(partition);
        if state.ownership.epoch != epoch {
            let ownership = Box::new(state.ownership.clone());
            return self.tell_proposer(now, from, id, ReplicaResponse::Stale { ownership });
        }
        let is_fit = value
            .as_ref()
            .is_none_or(|value| value.is_valid() && value.follows(&state.ownership));
        if !is_fit {
            return self.tell_proposer(now, from, id, ReplicaResponse::Refused(Refused::Invalid));
        }
        let outbid = state.acceptor.promised.filter(|promised| *promised > ballot);
        if let Some(ballot) = outbid {
            return self.tell_proposer(now, from, id, ReplicaResponse::Outbid { ballot });
        }
        let mut state = state.clone();
        state.acceptor.promised = Some(ballot);
        let response = match value {
            None => ReplicaResponse::Promised {
                accepted: state.acceptor.accepted.clone().map(Box::new),
            },
            Some(value) => {
                state.acceptor.accepted = Some((ballot, value));
                ReplicaResponse::Accepted
            }
        };
        self.stage_state(state, Some((from, id, response)));
    }

    fn tell_proposer(&mut self, now: Now, to: NodeId, id: RequestId, response: ReplicaResponse) {
        if to == self.config.node {
            self.on_proposal_response(now, id, to, response);
        } else {
            self.respond(to, id, response);
        }
    }

    /// What the state of a partition will be once all that is on its way is durable.
    fn staged_state(&self, partition: PartitionId) -> &PartitionState {
        let staged = self.agreements.staged.get(&partition);
        staged.map_or_else(|| self.topology().state(partition), AsRef::as_ref)
    }

    fn stage_state(&mut self, state: PartitionState, reply: Option<(NodeId, RequestId, ReplicaResponse)>) {
        self.journal
            .stage_memory(StoreOp::SetPartition(Box::new(state.clone())));
        let state = Arc::new(state);
        self.agreements
            .staged
            .insert(state.ownership.partition, Arc::clone(&state));
        let token = self.journal.open_token();
        let waiter = Waiter::Partition {
            state,
            reply: reply.map(Box::new),
        };
        self.journal.wait_for_batch(token, waiter);
    }

    /// Takes over a record that was chosen, if it is newer than what is known; it is served by once it is durable.
    pub(crate) fn learn_ownership(&mut self, ownership: Ownership) {
        if self.is_news(&ownership) {
            self.stage_state(PartitionState::of(ownership), None);
        }
    }

    /// Whether a record that was chosen is newer than what is known.
    pub(crate) fn is_news(&self, ownership: &Ownership) -> bool {
        let partition = ownership.partition;
        self.topology.as_ref().is_some_and(|topology| topology.has(partition))
            && self.staged_state(partition).ownership.epoch < ownership.epoch
            && ownership.is_valid()
    }

    /// A state is durable: from here on this node serves by its record.
    pub(crate) fn on_partition_durable(
        &mut self,
        now: Now,
        state: Arc<PartitionState>,
        reply: Option<(NodeId, RequestId, ReplicaResponse)>,
    ) {
        let partition = state.ownership.partition;
        self.agreements.end_staging(&state);
        if self.topology_mut().set_state(Arc::unwrap_or_clone(state)) {
            let ownership = self.topology().ownership(partition).clone();
            self.output(Output::Event(Event::OwnersChanged {
                ownership: Box::new(ownership),
            }));
            self.drop_stale_proposal(partition);
            self.on_owners_changed(now, partition);
        }
        if let Some((from, id, response)) = reply {
            self.tell_proposer(now, from, id, response);
        }
    }

    /// A state could not be written.
    pub(crate) fn on_partition_not_durable(
        &mut self,
        now: Now,
        state: &Arc<PartitionState>,
        asker: Option<(NodeId, RequestId)>,
    ) {
        self.agreements.end_staging(state);
        if let Some((from, id)) = asker {
            self.tell_proposer(now, from, id, ReplicaResponse::Refused(Refused::NotDurable));
        }
    }

    /// A proposal that goes out from a record which has been followed by another is over.
    fn drop_stale_proposal(&mut self, partition: PartitionId) {
        let epoch = self.topology().epoch(partition);
        let is_stale = |proposal: &Proposal| proposal.base.epoch < epoch;
        if self.agreements.proposals.get(&partition).is_some_and(is_stale) {
            self.end_proposal(partition);
        }
    }

    fn end_proposal(&mut self, partition: PartitionId) {
        if let Some(ended) = self.agreements.proposals.remove(&partition) {
            self.timers.clear(ended.deadline, Timer::Proposal(partition));
            self.agreements.asked.retain(|_, asked| *asked != partition);
        }
    }

    pub(crate) fn on_proposal_deadline(&mut self, partition: PartitionId) {
        self.end_proposal(partition);
    }

    pub(crate) fn on_proposal_response(&mut self, now: Now, id: RequestId, from: NodeId, body: ReplicaResponse) {
        let Some(partition) = self.agreements.asked.remove(&id) else {
            return;
        };
        let Some(proposal) = self.agreements.proposals.get_mut(&partition) else {
            return;
        };
        match (proposal.stage, body) {
            (Stage::Preparing, ReplicaResponse::Promised { accepted }) => {
                let accepted = accepted.map(|accepted| *accepted);
                if accepted.as_ref().map(|(ballot, _)| *ballot) > proposal.found.as_ref().map(|(ballot, _)| *ballot) {
                    proposal.found = accepted;
                }
                proposal.agreed.insert(from);
            }
            (Stage::Accepting, ReplicaResponse::Accepted) => {
                proposal.agreed.insert(from);
            }
            (_, ReplicaResponse::Outbid { ballot }) => {
                self.agreements.round = self.agreements.round.max(ballot.round);
                return self.end_proposal(partition);
            }
            (stage, ReplicaResponse::Behind) => {
                let body = proposal.request(stage);
                self.tell_ownership(from, partition);
                return self.ask_acceptors(now, partition, vec![from], &body);
            }
            _ => return,
        }
        self.advance_proposal(now, partition);
    }

    fn advance_proposal(&mut self, now: Now, partition: PartitionId) {
        let proposal = &self.agreements.proposals[&partition];
        if !self.has_quorum(proposal) {
            return;
        }
        match proposal.stage {
            Stage::Preparing => {
                let proposal = self.agreements.proposals.get_mut(&partition).expect("looked at above");
                if let Some((_, found)) = proposal.found.take() {
                    proposal.value = found; // It may have been chosen.
                }
                proposal.stage = Stage::Accepting;
                proposal.agreed.clear();
                let body = proposal.request(Stage::Accepting);
                let nodes: BTreeSet<_> = proposal.base.nodes().chain(proposal.value.nodes()).collect();
                self.ask_acceptors(now, partition, nodes.into_iter().collect(), &body);
            }
            Stage::Accepting => {
                let chosen = proposal.value.clone();
                let nodes: BTreeSet<_> = proposal.base.nodes().chain(chosen.nodes()).collect();
                self.end_proposal(partition);
                self.learn_ownership(chosen.clone());
                for node in nodes {
                    self.tell(node, vec![chosen.clone()]);
                }
            }
        }
    }

    /// Whether enough have agreed to a proposal. Any two quorums have an old owner in common, which is all that one record
    /// takes to be chosen; that the next ones take part too makes sure that they are ready to be read. Of a change that
    /// is given up they need not know: they may be why.
    fn has_quorum(&self, proposal: &Proposal) -> bool {
        let Proposal { base, value, .. } = proposal;
        let agreed = |node| proposal.agreed.contains(&node);
        let is_given_up = base.can_be_given_up() && !value.is_moving();
        if proposal.stage == Stage::Preparing || is_given_up {
            return self.is_quorum_of(&base.owners, agreed);
        }
        self.is_step_met(base, agreed) && self.is_step_met(value, agreed)
    }

    /// Whether nodes make a quorum of owners.
    pub(crate) fn is_quorum_of(&self, owners: &[Owner], agreed: impl Fn(NodeId) -> bool) -> bool {
        let needed = requirement(owners, self.config.step_level, &self.config.dc);
        needed.is_ok_and(|needed| needed.is_met(agreed))
    }

    /// Whether nodes make a quorum of a record, for its next step: of the owners, and of those who are next.
    pub(crate) fn is_step_met(&self, record: &Ownership, agreed: impl Fn(NodeId) -> bool) -> bool {
        let is_ready = record.next.is_empty() || self.is_quorum_of(&record.next, &agreed);
        is_ready && self.is_quorum_of(&record.owners, &agreed)
    }

    /// Sends the record of a partition to a node that goes by an older one.
    pub(crate) fn tell_ownership(&mut self, to: NodeId, partition: PartitionId) {
        let ownership = self.topology().ownership(partition).clone();
        self.tell(to, vec![ownership]);
    }

    /// Sends records that were chosen.
    pub(crate) fn tell(&mut self, to: NodeId, ownerships: Vec<Ownership>) {
        if to != self.config.node && self.links.contains(&to) && !ownerships.is_empty() {
            self.send(to, Message::Ownerships { ownerships });
        }
    }
}

impl Proposal {
    fn request(&self, stage: Stage) -> ReplicaRequest {
        let (partition, ballot) = (self.base.partition, self.ballot);
        match stage {
            Stage::Preparing => ReplicaRequest::Prepare { partition, ballot },
            Stage::Accepting => ReplicaRequest::Accept {
                partition,
                ballot,
                value: Box::new(self.value.clone()),
            },
        }
    }
}
