//! Finding the others and forming the ring: the node's side of gossip.
//!
//! The ring is founded once, by as many nodes as the cluster was made for. Until a node knows that many it serves
//! nobody; from then on its ring never changes, whoever comes or goes, and the founders are remembered across
//! restarts. Nodes that founded different rings refuse each other's requests, because their digests differ.

use std::net::SocketAddr;

use crate::{
    Config, Delta, Event, Fact, GossipAck, GossipSyn, Member, MemberStatus, Message, Node, NodeId, Output, Ring,
    StartError, Store, StoreOp, Time,
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

    /// Founds the ring as soon as enough nodes have told their share of it and where they are.
    pub(crate) fn form_ring_if_known(&mut self) {
        if self.ring.is_some() {
            return;
        }
        // A node without weight has not told its share yet, or tells nonsense; either way it can't own anything.
        let member = |(node, state): (NodeId, &crate::NodeState)| {
            let weight = state.weight().filter(|weight| *weight > 0)?;
            let (dc, rack) = (state.dc()?.clone(), state.rack()?.clone());
            Some(Member {
                node,
                weight,
                dc,
                rack,
                tokens: node,
            })
        };
        let known: Vec<_> = self.gossip.states().filter_map(member).collect();
        if known.len() >= self.config.founders {
            self.journal.stage_memory(StoreOp::SetFounders(known.clone()));
            self.form_ring(known);
        }
    }

    pub(crate) fn form_ring(&mut self, founders: Vec<Member>) {
        assert!(self.ring.is_none(), "a ring is founded once");
        let ring = Ring::place(&self.config.ring, founders);
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

/// Refuses a place other than the one that the ring was founded with (CASSANDRA-10238). Until a node has heard of the
/// founding it can still be moved: founders that took it for elsewhere then serve by another ring, and are refused.
pub(crate) fn check_place(config: &Config, founders: &[Member]) -> Result<(), StartError> {
    match founders.iter().find(|founder| founder.node == config.node) {
        Some(Member { dc, rack, .. }) if (dc, rack) != (&config.dc, &config.rack) => Err(StartError::Moved {
            dc: dc.clone(),
            rack: rack.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        ClusterId, Generation, GossipAck2, Hint, HintId, Input, Key, Memory, Name, Now, PartitionId, Record,
        RememberedWrite, Replication, RingShape, Stamped, StoreError, Summaries, WallTime, WriteId,
    };

    fn now() -> Now {
        Now {
            time: Time::ZERO,
            wall: WallTime::from_nanos(0),
        }
    }

    /// A disk that holds nothing but founders.
    struct Disk(Option<Vec<Member>>);

    impl Store for Disk {
        fn record(&self, _: PartitionId, _: &Key) -> Result<Option<Record>, StoreError> {
            Ok(None)
        }

        fn summaries(&self, _: PartitionId) -> Result<Summaries, StoreError> {
            Ok(Summaries::default())
        }

        fn hints(&self, _: NodeId, _: Option<&HintId>, _: usize) -> Result<Vec<Hint>, StoreError> {
            Ok(Vec::new())
        }

        fn hints_of(&self, _: NodeId, _: &Key) -> Result<Vec<Hint>, StoreError> {
            Ok(Vec::new())
        }

        fn remembered_writes(&self) -> Result<Vec<(WriteId, RememberedWrite)>, StoreError> {
            Ok(Vec::new())
        }

        fn hint_counts(&self) -> Result<Vec<(NodeId, u64)>, StoreError> {
            Ok(Vec::new())
        }

        fn memory(&self) -> Result<Memory, StoreError> {
            Ok(Memory {
                founders: self.0.clone(),
                ..Memory::default()
            })
        }
    }

    fn member(node: u64, rack: &str) -> Member {
        Member {
            rack: rack.parse().unwrap(),
            ..Member::new(NodeId(node))
        }
    }

    /// Node 1, on rack r1, of a cluster of two.
    fn start(founders: Option<Vec<Member>>) -> Result<Node<Disk>, StartError> {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let ring = RingShape {
            partitions: 4,
            replication: Replication::Simple(2),
        };
        let config = Config {
            rack: "r1".parse().unwrap(),
            ..Config::new(ClusterId(1), NodeId(1), address, ring, 2)
        };
        Node::start(config, Disk(founders), Pcg64Mcg::seed_from_u64(1), now())
    }

    #[test]
    fn a_node_counts_as_a_founder_once_its_share_and_its_place_are_known() {
        let mut node = start(None).unwrap();
        let rack = Fact::Rack("r2".parse().unwrap());
        for (fact, version) in [Fact::Weight(3), Fact::Dc("dc2".parse().unwrap()), rack]
            .into_iter()
            .zip(1..)
        {
            assert!(node.ring.is_none());
            let delta = Delta {
                node: NodeId(2),
                generation: Generation(1),
                heartbeat: 0,
                facts: vec![Stamped { version, fact }],
            };
            let message = Box::new(Message::GossipAck2(GossipAck2 { deltas: vec![delta] }));
            let from = NodeId(2);
            node.handle(now(), Input::Message { from, message });
        }
        let newcomer = Member {
            weight: 3,
            dc: "dc2".parse().unwrap(),
            ..member(2, "r2")
        };
        let ring = node.ring.expect("both are known");
        assert_eq!(ring.members(), [member(1, "r1"), newcomer]);
    }

    #[test]
    fn a_founder_that_was_moved_does_not_start() {
        assert!(start(Some(vec![member(1, "r1"), member(2, "r2")])).is_ok());
        assert!(
            start(Some(vec![member(2, "r2"), member(3, "r2")])).is_ok(),
            "no founder"
        );
        let moved = start(Some(vec![member(1, "r0"), member(2, "r1")])).err();
        let rack = "r0".parse().unwrap();
        let dc = Name::default_dc();
        assert_eq!(moved, Some(StartError::Moved { dc, rack }));
    }
}
