//! Finding the others and forming the ring: the node's side of gossip.
//!
//! The ring is founded once, by as many nodes as the cluster was made for. Until a node knows that many it serves
//! nobody; from then on its ring never changes, whoever comes or goes, and the founders are remembered across
//! restarts. Nodes that founded different rings refuse each other's requests, because their digests differ.

use std::net::SocketAddr;

use crate::{
    Delta, Event, Fact, GossipAck, GossipSyn, Member, MemberStatus, Message, Node, NodeId, Output, Ring, Store,
    StoreOp, Time,
    gossip::{Learned, PEERS_PER_ROUND_MAX, RoundPlan},
    timers::Timer,
};

impl<S: Store> Node<S> {
    /// A round: raise the heartbeat, judge the silent, talk to at most three.
    pub(crate) fn on_gossip_due(&mut self, now: Time) {
        self.timers.set(now + self.config.gossip_interval, Timer::Gossip);
        self.gossip.own().beat();
        for node in self.detector.check(now) {
            self.output(Output::Event(Event::NodeDown { node }));
        }
        let peers = self.round_plan().draw(&mut self.rng);
        let count = peers.len() as u64;
        assert!(peers.len() <= PEERS_PER_ROUND_MAX, "a round has a bound");
        self.counters.gossip_rounds += 1;
        self.counters.gossip_peers_per_round_max = self.counters.gossip_peers_per_round_max.max(count);
        for peer in peers {
            let syn = self.gossip.syn();
            self.send(peer, Message::GossipSyn(syn));
        }
    }

    fn round_plan(&self) -> RoundPlan {
        let (up, down) = self.links.iter().partition(|peer| self.detector.is_up(**peer));
        let is_seed = |peer: &&NodeId| {
            let address = self.gossip.state(**peer).and_then(|state| state.address());
            address.is_some_and(|address| self.config.seeds.contains(&address))
        };
        RoundPlan {
            up,
            down,
            seeds: self.links.iter().filter(is_seed).copied().collect(),
        }
    }

    pub(crate) fn on_gossip_syn(&mut self, from: NodeId, syn: &GossipSyn) {
        match self.gossip.answer(syn) {
            Some(ack) if self.links.contains(&from) => self.send(from, Message::GossipAck(ack)),
            Some(_) => {}
            None => self.output(Output::Event(Event::PeerRefused {
                node: from,
                why: "it belongs to another cluster",
            })),
        }
    }

    pub(crate) fn on_gossip_ack(&mut self, now: Time, from: NodeId, ack: GossipAck) {
        if let Some(ack2) = self.gossip.close(&ack.wanted)
            && self.links.contains(&from)
        {
            self.send(from, Message::GossipAck2(ack2));
        }
        self.on_gossip_news(now, ack.deltas);
    }

    pub(crate) fn on_gossip_news(&mut self, now: Time, deltas: Vec<Delta>) {
        for delta in deltas {
            let node = delta.node;
            match self.gossip.learn(delta) {
                Learned::Nothing => {}
                Learned::Heartbeat => self.on_sign_of_life(now, node),
                Learned::Start => self.on_node_learned(now, node),
            }
        }
        self.form_ring_if_known();
    }

    fn on_node_learned(&mut self, now: Time, node: NodeId) {
        let state = self.gossip.state(node).expect("just learned");
        let name = state.name().unwrap_or_default().to_owned();
        let address = state.address();
        self.output(Output::Event(Event::NodeLearned { node, name }));
        if let Some(address) = address {
            self.connect(address);
        }
        self.detector.restarted(node);
        self.on_sign_of_life(now, node);
    }

    fn on_sign_of_life(&mut self, now: Time, node: NodeId) {
        if self.detector.heard(node, now) {
            self.output(Output::Event(Event::NodeUp { node }));
        }
    }

    /// Founds the ring as soon as enough nodes have told their share of it.
    pub(crate) fn form_ring_if_known(&mut self) {
        if self.ring.is_some() {
            return;
        }
        // A node without weight has not told its share yet, or tells nonsense; either way it can't own anything.
        let member = |(node, state): (NodeId, &crate::NodeState)| {
            let weight = state.weight().filter(|weight| *weight > 0)?;
            Some(Member { node, weight })
        };
        let known: Vec<_> = self.gossip.states().filter_map(member).collect();
        if known.len() >= self.config.founders {
            self.journal.stage_memory(StoreOp::SetFounders(known.clone()));
            self.form_ring(known);
        }
    }

    pub(crate) fn form_ring(&mut self, founders: Vec<Member>) {
        assert!(self.ring.is_none(), "a ring is founded once");
        let ring = Ring::place(self.config.ring, founders);
        self.gossip.own().say(Fact::Ring(ring.digest()));
        let members = ring.members().len();
        self.output(Output::Event(Event::RingFormed { members }));
        self.ring = Some(ring);
    }

    pub(crate) fn connect(&mut self, address: SocketAddr) {
        if address != self.config.address {
            self.output(Output::Connect { address });
        }
    }

    pub(crate) fn member_statuses(&self) -> Vec<MemberStatus> {
        let status = |(node, state): (NodeId, &crate::NodeState)| MemberStatus {
            node,
            name: state.name().map(str::to_owned),
            address: state.address(),
            generation: state.generation,
            ring: state.ring(),
            linked: self.links.contains(&node),
            up: node == self.config.node || self.detector.is_up(node),
        };
        self.gossip.states().map(status).collect()
    }
}
