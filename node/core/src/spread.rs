//! Spreading who owns what: beside each exchange of gossip, with the same peers, two nodes compare digests of all records
//! and of those who are banned, and where these differ send each other what is newer.
//!
//! ```text
//! opener ── digest ──▶ peer      peer ── epochs of all partitions, the banned; founders, to who knows none ──▶ opener
//!        ── records that are newer here, and which are wanted ──▶      ── those records ──▶
//! ```
//!
//! Nothing depends on how soon that is: a coordinator with an old record is told the new one by the first replica that
//! it asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ClusterId, Enrolled, Epoch, Event, Fact, Member, Message, Node, NodeId, NodeState, Output, Ownership, PartitionId,
    Plant, Roster, Standing, StoreOp, Topology, TopologyDigest,
};

/// For how long [`Plant::RemovedComesBack`] remembers who was banned, in rounds of gossip.
const QUARANTINE_ROUNDS: u32 = 10;

/// Tells how much the sender knows of who owns what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopologySyn {
    /// The sender's cluster; checked before the rest is looked at.
    pub cluster: ClusterId,
    /// What it knows; `None` if not even the founders.
    pub digest: Option<TopologyDigest>,
}

/// What the answerer knows, where that is something else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopologyAck {
    /// Who founded the ring, and who is in the cluster: for who knows nothing.
    pub origin: Option<Box<Origin>>,
    /// Of the record of each partition.
    pub epochs: Vec<Epoch>,
    /// Who must never be in the cluster again.
    pub banned: Vec<NodeId>,
}

/// What a node has to know before all else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Who founded the ring.
    pub founders: Vec<Member>,
    /// Who is in the cluster.
    pub members: Vec<Enrolled>,
}

/// What the answerer lacks, and what the opener does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TopologyAck2 {
    /// Records that are newer here.
    pub ownerships: Vec<Ownership>,
    /// Partitions whose records are newer there.
    pub wanted: Vec<PartitionId>,
    /// Who must never be in the cluster again.
    pub banned: Vec<NodeId>,
}

impl Node {
    pub(crate) fn topology_syn(&self) -> TopologySyn {
        let digest = self.topology.as_ref().map(|topology| topology.digest(&self.roster));
        TopologySyn {
            cluster: self.config.cluster,
            digest,
        }
    }

    pub(crate) fn on_topology_syn(&mut self, from: NodeId, syn: &TopologySyn) {
        if syn.cluster != self.config.cluster || !self.links.contains(&from) {
            return;
        }
        let Some(topology) = &self.topology else {
            if syn.digest.is_some() {
                let syn = self.topology_syn();
                self.send(from, Message::TopologySyn(syn));
            }
            return;
        };
        let own = topology.digest(&self.roster);
        let is_known = self.roster.banned.contains(&from);
        match syn.digest {
            Some(digest) if digest == own => return,
            Some(digest) if digest.founding != own.founding => {
                return self.output(Output::Event(Event::PeerRefused {
                    node: from,
                    why: "its ring was founded by others",
                }));
            }
            _ => {}
        }
        let origin = Origin {
            founders: topology.founders().to_vec(),
            members: self.roster.members.values().cloned().collect(),
        };
        let ack = TopologyAck {
            origin: Some(Box::new(origin)).filter(|_| syn.digest.is_none() && !is_known),
            epochs: topology.epochs(),
            banned: self.roster.banned.iter().copied().collect(),
        };
        self.send(from, Message::TopologyAck(ack));
    }

    pub(crate) fn on_topology_ack(&mut self, from: NodeId, ack: TopologyAck) {
        self.learn_banned(&ack.banned);
        if self.topology.is_none() {
            let Some(origin) = ack.origin else {
                return;
            };
            if !self.adopt(*origin) {
                return;
            }
        }
        let mine = self.topology().epochs();
        let mut ack2 = TopologyAck2 {
            ownerships: Vec::new(),
            wanted: Vec::new(),
            banned: self.roster.banned.iter().copied().collect(),
        };
        let pairs = mine.iter().zip(&ack.epochs).zip((0..).map(PartitionId));
        for ((mine, theirs), partition) in pairs {
            if mine > theirs {
                ack2.ownerships.push(self.topology().ownership(partition).clone());
            } else if mine < theirs {
                ack2.wanted.push(partition);
            }
        }
        if self.links.contains(&from) {
            self.send(from, Message::TopologyAck2(ack2));
        }
        self.on_moves_changed();
    }

    pub(crate) fn on_topology_ack2(&mut self, from: NodeId, ack2: TopologyAck2) {
        self.learn_banned(&ack2.banned);
        self.learn_ownerships(ack2.ownerships);
        let Some(topology) = &self.topology else {
            return;
        };
        let wanted = ack2.wanted.iter().filter(|partition| topology.has(**partition));
        let ownerships = wanted.map(|partition| topology.ownership(*partition).clone());
        let ownerships = ownerships.collect();
        self.tell(from, ownerships);
    }

    pub(crate) fn learn_ownerships(&mut self, ownerships: Vec<Ownership>) {
        ownerships
            .into_iter()
            .for_each(|ownership| self.learn_ownership(ownership));
    }

    /// Takes over the ring that others founded, if this node may. Returns whether it did.
    fn adopt(&mut self, origin: Origin) -> bool {
        let is_founder = origin.founders.iter().any(|founder| founder.node == self.config.node);
        if self.config.entry == crate::Entry::Found && !is_founder {
            self.refuse_entry("the ring was founded without it: it can only join");
            return false;
        }
        let fits = |member: &Member| member.weight > 0;
        if origin.founders.is_empty() || !origin.founders.iter().all(fits) || self.is_banned() {
            return false;
        }
        for Enrolled { member, standing } in origin.members {
            if member.node != self.config.node && member.weight > 0 {
                self.roster.enroll(member, standing);
            }
        }
        self.found(origin.founders);
        true
    }

    /// Serves by the ring of these founders from here on.
    pub(crate) fn found(&mut self, founders: Vec<Member>) {
        self.journal.stage_memory(StoreOp::SetFounders(founders.clone()));
        let mut roster = Roster::founded_by(&founders);
        roster.members.retain(|node, _| !self.roster.banned.contains(node));
        for Enrolled { member, standing } in std::mem::take(&mut self.roster.members).into_values() {
            roster.enroll(member, standing);
        }
        self.roster.members = roster.members;
        let is_founder = founders.iter().any(|founder| founder.node == self.config.node);
        self.form_topology(founders, BTreeMap::new());
        if is_founder && self.standing == Standing::Waiting {
            self.set_standing(Standing::Normal);
        }
        self.enroll_self();
        self.on_roster_changed();
    }

    pub(crate) fn form_topology(&mut self, founders: Vec<Member>, since: BTreeMap<PartitionId, crate::PartitionState>) {
        assert!(self.topology.is_none(), "a ring is founded once");
        let topology = Topology::new(
            self.config.node,
            &self.config.ring,
            founders,
            &self.roster,
            since.into_values().collect(),
        );
        self.gossip.own().say(Fact::Ring(topology.founding()));
        let members = self.roster.members.len();
        self.output(Output::Event(Event::RingFormed { members }));
        self.topology = Some(topology);
    }

    /// Takes in what a node says of itself into the roster.
    pub(crate) fn enroll(&mut self, node: NodeId) {
        if node == self.config.node || self.topology.is_none() {
            return;
        }
        let Some((member, standing)) = self.gossip.state(node).and_then(|state| enrolled(node, state)) else {
            return;
        };
        if standing == Standing::Left {
            self.ban(node);
        } else if self.roster.enroll(member, standing) {
            self.on_roster_changed();
        }
    }

    /// Bans an identity for good: it was removed, has left, or was replaced.
    pub(crate) fn ban(&mut self, node: NodeId) {
        self.learn_banned(&[node]);
    }

    pub(crate) fn learn_banned(&mut self, banned: &[NodeId]) {
        let mut is_news = false;
        for node in banned {
            if !self.is_ban_over(*node) && self.roster.ban(*node) {
                is_news = true;
                self.note_ban(*node);
                self.output(Output::Event(Event::Banned { node: *node }));
                self.gossip.forget(*node);
                self.detector.restarted(*node);
                if *node == self.config.node {
                    self.standing = Standing::Left; // It may have been just about to learn that itself.
                }
            }
        }
        if is_news {
            self.on_roster_changed();
        }
    }

    /// Whether a ban that nothing ends is forgotten by now: [`Plant::RemovedComesBack`].
    fn is_ban_over(&self, node: NodeId) -> bool {
        let quarantine = self.config.gossip_interval * QUARANTINE_ROUNDS;
        let banned_at = self.bans_noted.get(&node);
        banned_at.is_some_and(|at| self.present.since(*at) >= quarantine)
    }

    fn note_ban(&mut self, node: NodeId) {
        if self.has_plant(Plant::RemovedComesBack) {
            self.bans_noted.insert(node, self.present);
        }
    }

    /// Forgets those who were banned long ago: [`Plant::RemovedComesBack`].
    pub(crate) fn forget_bans(&mut self) {
        let noted = self.bans_noted.keys().copied();
        let over: Vec<_> = noted.filter(|node| self.is_ban_over(*node)).collect();
        for node in over {
            self.roster.banned.remove(&node);
        }
    }

    /// Whether this node was removed from the cluster.
    pub(crate) fn is_banned(&self) -> bool {
        self.roster.banned.contains(&self.config.node)
    }
}

/// What a node's account of itself says for the roster, if it says all of it.
pub(crate) fn enrolled(node: NodeId, state: &NodeState) -> Option<(Member, Standing)> {
    let weight = state.weight().filter(|weight| *weight > 0)?;
    let (dc, rack) = (state.dc()?.clone(), state.rack()?.clone());
    let tokens = state.tokens().unwrap_or(node);
    let member = Member {
        node,
        weight,
        dc,
        rack,
        tokens,
    };
    Some((member, state.standing()?))
}
