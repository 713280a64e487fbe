//! Finding the others and forming the ring: the node's side of gossip.
//!
//! The ring is founded once, by as many nodes as the cluster was made for. Until a node knows that many it serves
//! nobody; from then on the founding never changes, and the founders are remembered across restarts. Who comes later
//! joins (`moves.rs`). Nodes that founded different rings refuse each other's requests, because their digests differ.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    Config, Delta, Entry, Event, Fact, GossipAck, GossipSyn, Member, MemberStatus, Message, Node, NodeId, Output,
    PartitionId, PartitionState, Ring, Roster, Standing, StartError, Store, Time,
    gossip::{Learned, PEERS_PER_ROUND_MAX, RoundPlan},
    spread::enrolled,
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
            let syn = self.topology_syn();
            self.send(peer, Message::TopologySyn(syn));
        }
        self.remove_silent(now);
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
            if self.roster.banned.contains(&node) {
                continue;
            }
            let has_facts = !delta.facts.is_empty();
            match self.gossip.learn(delta) {
                Learned::Nothing => {}
                Learned::Heartbeat => self.on_sign_of_life(now, node),
                Learned::Start => self.on_node_learned(now, node),
            }
            if has_facts {
                self.enroll(node);
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

    /// Founds the ring as soon as enough nodes have told their share of it and where they are. If one of them goes by a
    /// ring already that these would not make, this node asks for that one's founders instead.
    pub(crate) fn form_ring_if_known(&mut self) {
        if self.topology.is_some() || self.config.entry != Entry::Found || self.is_banned() {
            return;
        }
        // A node without weight has not told its share yet, or tells nonsense; either way it can't own anything.
        let is_founder = |standing: Standing| matches!(standing, Standing::Waiting | Standing::Normal);
        let founders = self.gossip.states().filter_map(|(node, state)| {
            let (member, standing) = enrolled(node, state)?;
            is_founder(standing).then_some(member)
        });
        let known: Vec<_> = founders.collect();
        if known.len() < self.config.founders {
            return;
        }
        let digest = Ring::place(&self.config.ring, known.clone()).digest();
        let told = self.gossip.states().filter_map(|(_, state)| state.ring());
        let is_theirs = { told }.all(|ring| ring == digest);
        if is_theirs {
            self.found(known);
        }
    }

    /// This node as a member.
    pub(crate) fn own_member(&self) -> Member {
        Member {
            node: self.config.node,
            weight: self.weight,
            dc: self.config.dc.clone(),
            rack: self.config.rack.clone(),
            tokens: self.tokens,
        }
    }

    /// Removes members that have been silent for as long as the settings say, if more than half of all are there: on
    /// the smaller side of a partition nobody is removed.
    fn remove_silent(&mut self, now: Time) {
        let Some(after) = self.config.auto_remove_after else {
            return;
        };
        let members: Vec<_> = self.roster.members.keys().copied().collect();
        let is_here = |node: &&NodeId| **node == self.config.node || self.detector.is_up(**node);
        if members.iter().filter(is_here).count() * 2 <= members.len() {
            return;
        }
        let started = self.started_at;
        let silent = members.into_iter().filter(|node| {
            let heard = self.detector.last_heard(*node).unwrap_or(started);
            *node != self.config.node && !self.detector.is_up(*node) && now.since(heard) >= after
        });
        let silent: Vec<_> = silent.collect();
        for node in silent {
            if self.why_not_remove(node).is_none() {
                self.ban(node);
            }
        }
    }

    /// Serves again by what the disk says.
    pub(crate) fn resume(&mut self, founders: Vec<Member>, partitions: BTreeMap<PartitionId, PartitionState>) {
        if self.roster.members.is_empty() && self.roster.banned.is_empty() {
            self.roster = Roster::founded_by(&founders);
        }
        if self.standing == Standing::Waiting && founders.iter().any(|founder| founder.node == self.config.node) {
            self.standing = Standing::Normal;
            self.gossip.own().say(Fact::Standing(Standing::Normal));
        }
        self.form_topology(founders, partitions);
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
            standing: state.standing(),
            linked: self.links.contains(&node),
            up: node == self.config.node || self.detector.is_up(node),
        };
        self.gossip.states().map(status).collect()
    }
}

/// Refuses a place other than the one that the ring was founded with, or that this node came in with (CASSANDRA-10238).
/// Until a node has heard of the founding it can still be moved: founders that took it for elsewhere then serve by
/// another ring, and are refused.
pub(crate) fn check_place<'a>(
    config: &Config,
    mut members: impl Iterator<Item = &'a Member>,
) -> Result<(), StartError> {
    match members.find(|member| member.node == config.node) {
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
        let dc = Fact::Dc("dc2".parse().unwrap());
        for (fact, version) in [Fact::Standing(Standing::Waiting), Fact::Weight(3), dc, rack]
            .into_iter()
            .zip(1..)
        {
            assert!(node.topology.is_none());
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
        let topology = node.topology.expect("both are known");
        assert_eq!(topology.founders(), [member(1, "r1"), newcomer]);
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
