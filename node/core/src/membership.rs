//! Finding the others and forming the ring: the node's side of gossip.
//!
//! The ring is founded once, by as many nodes as the cluster was made for. Until a node knows that many it serves
//! nobody; from then on the founding never changes, and the founders are remembered across restarts. Who comes later
//! joins (`moves.rs`). Nodes that founded different rings refuse each other's requests, because their digests differ.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    Config, Delta, Entry, Event, Fact, GossipAck, GossipAck2, GossipSyn, Member, MemberStatus, Message, Node, NodeId,
    Now, Output, PartitionId, PartitionState, Plant, Ring, Roster, Standing, StartError, Time,
    gossip::{Flaw, Learned, PEERS_PER_ROUND_MAX, RoundPlan, generation_max},
    spread::enrolled,
    timers::Timer,
};

impl Node {
    /// A round: raise the heartbeat, judge the silent, talk to at most three.
    pub(crate) fn on_gossip_due(&mut self, now: Time) {
        self.timers.set(now + self.config.gossip_interval, Timer::Gossip);
        self.gossip.show_late();
        self.forget_bans();
        self.gossip.own().beat();
        for node in self.detector.check(now) {
            self.note_down(node);
            self.output(Output::Event(Event::NodeDown { node }));
        }
        if self.isolation.check(now, self.should_hear_somebody()) {
            self.output(Output::Event(Event::Isolated));
        }
        for peer in self.detector.wanting_echo(now) {
            self.echo_if_wanted(now, peer);
        }
        let peers = self.round_plan().draw(self.config.gossip_fan_out, &mut self.rng);
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

    /// Says something of this node that has changed.
    pub(crate) fn say(&mut self, fact: Fact) {
        if self.has_plant(Plant::VersionBeforeFact) {
            self.gossip.say_late(fact);
        } else {
            self.gossip.own().say(fact);
        }
    }

    /// Whether there is anybody to be heard, as far as this node knows: it knows of one, was told where to look, or is to
    /// found a ring with others.
    fn should_hear_somebody(&self) -> bool {
        let elsewhere = |seed: &SocketAddr| *seed != self.config.address;
        self.gossip.count() > 1 || self.config.founders > 1 || self.config.seeds.iter().any(elsewhere)
    }

    fn round_plan(&self) -> RoundPlan {
        let (up, down) = self.links.iter().partition(|peer| self.detector.is_up(**peer));
        let seeds = self.seeds.intersection(&self.links).copied().collect();
        RoundPlan { up, down, seeds }
    }

    pub(crate) fn on_gossip_syn(&mut self, now: Now, from: NodeId, syn: &GossipSyn) {
        match self.gossip.answer(syn, generation_max(now.wall)) {
            Ok(ack) => {
                self.on_word(now.time);
                if self.links.contains(&from) {
                    self.send(from, Message::GossipAck(ack));
                }
            }
            Err(flaw) => self.refuse_peer(from, flaw),
        }
    }

    pub(crate) fn on_gossip_ack(&mut self, now: Now, from: NodeId, ack: GossipAck) {
        if let Err(flaw) = self.gossip.check(ack.head) {
            return self.refuse_peer(from, flaw);
        }
        if let Some(ack2) = self.gossip.close(&ack.wanted)
            && self.links.contains(&from)
        {
            self.send(from, Message::GossipAck2(ack2));
        }
        self.on_gossip_news(now, from, ack.deltas);
    }

    pub(crate) fn on_gossip_ack2(&mut self, now: Now, from: NodeId, ack2: GossipAck2) {
        match self.gossip.check(ack2.head) {
            Ok(()) => self.on_gossip_news(now, from, ack2.deltas),
            Err(flaw) => self.refuse_peer(from, flaw),
        }
    }

    fn refuse_peer(&mut self, node: NodeId, flaw: Flaw) {
        let why = flaw.why();
        self.output(Output::Event(Event::PeerRefused { node, why }));
    }

    fn on_gossip_news(&mut self, now: Now, from: NodeId, deltas: Vec<Delta>) {
        self.on_word(now.time);
        let generation_max = generation_max(now.wall);
        for delta in deltas {
            let node = delta.node;
            if self.roster.banned.contains(&node) {
                continue;
            }
            let known = self.gossip.state(node).map(|state| state.generation);
            if self.has_plant(Plant::RestartsRefused) && known.is_some_and(|known| known < delta.generation) {
                continue;
            }
            let is_acted_upon = !delta.facts.is_empty() && !self.comes_too_early(&delta);
            let own_standing = (node == self.config.node).then(|| delta.standing()).flatten();
            match self.gossip.learn(delta, generation_max) {
                Ok(Learned::Nothing) => {}
                Ok(Learned::Heartbeat) => self.on_sign_of_life(now.time, node),
                Ok(Learned::Start) => self.on_node_learned(now.time, node),
                Ok(Learned::OwnLater(known)) => self.rise_above(known, own_standing),
                Err(flaw) => {
                    self.counters.gossip_refused += 1;
                    let (about, why) = (node, flaw.why());
                    self.output(Output::Event(Event::GossipRefused { from, about, why }));
                }
            }
            if is_acted_upon {
                self.enroll(node);
            }
        }
        self.counters.gossip_facts_ignored = self.gossip.facts_ignored();
        self.form_ring_if_known();
    }

    /// Whether a node acts upon what another is before it knows the rest: [`Plant::StandingTakenFirst`].
    fn comes_too_early(&self, delta: &Delta) -> bool {
        let known = self.gossip.state(delta.node);
        let knows_share = known.is_some_and(|state| state.generation == delta.generation && state.weight().is_some());
        self.has_plant(Plant::StandingTakenFirst) && !(knows_share && delta.standing().is_some())
    }

    fn on_node_learned(&mut self, now: Time, node: NodeId) {
        let state = self.gossip.state(node).expect("just learned");
        let name = state.name().unwrap_or_default().to_owned();
        let address = state.address();
        let generation = state.generation;
        self.output(Output::Event(Event::NodeLearned { node, name }));
        self.note_start(node, generation);
        if let Some(address) = address {
            self.connect(address);
        }
        if address.is_some_and(|address| self.config.seeds.contains(&address)) {
            self.seeds.insert(node);
        } else {
            self.seeds.remove(&node);
        }
        self.detector.restarted(node);
        self.on_sign_of_life(now, node);
    }

    fn on_sign_of_life(&mut self, now: Time, node: NodeId) {
        if !self.detector.heard(node, now) {
            self.echo_if_wanted(now, node);
        }
    }

    /// Somebody has said something that this node understands.
    fn on_word(&mut self, now: Time) {
        if self.isolation.heard(now) {
            self.output(Output::Event(Event::Rejoined));
        }
    }

    /// Asks a node that has been heard, and is not up, to answer over the link.
    pub(crate) fn echo_if_wanted(&mut self, now: Time, node: NodeId) {
        if self.links.contains(&node) && self.detector.wants_echo(node, now) && !self.is_held_dead(node) {
            let number = self.next_request_id().0;
            self.detector.await_echo(node, number, now);
            self.send(node, Message::Echo { number });
        }
    }

    pub(crate) fn on_echo(&mut self, from: NodeId, number: u64) {
        if self.links.contains(&from) {
            self.send(from, Message::EchoAck { number });
        }
    }

    pub(crate) fn on_echo_ack(&mut self, now: Time, from: NodeId, number: u64) {
        self.on_word(now);
        if self.detector.echoed(from, number) {
            self.note_up(from);
            self.output(Output::Event(Event::NodeUp { node: from }));
        }
    }

    /// Founds the ring as soon as enough nodes have told their share of it and where they are. If one of them goes by a
    /// ring already that these would not make, this node asks for that one's founders instead.
    pub(crate) fn form_ring_if_known(&mut self) {
        let cannot_found = self.config.entry != Entry::Found || self.is_banned();
        if self.topology.is_some() || cannot_found || self.gossip.count() < self.config.founders {
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
        let digest = Ring::digest_of(&self.config.ring, known.clone());
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
        let states = self.gossip.states();
        states.map(|(node, state)| self.member_status(node, state)).collect()
    }

    /// What this node thinks of another, or of itself; `None` if it has not heard of it.
    pub fn member(&self, node: NodeId) -> Option<MemberStatus> {
        let state = self.gossip.state(node)?;
        Some(self.member_status(node, state))
    }

    fn member_status(&self, node: NodeId, state: &crate::NodeState) -> MemberStatus {
        MemberStatus {
            node,
            name: state.name().map(str::to_owned),
            address: state.address(),
            generation: state.generation,
            ring: state.ring(),
            standing: state.standing(),
            linked: self.links.contains(&node),
            up: node == self.config.node || self.detector.is_up(node),
        }
    }

    /// Has people call this node by another name, until its next start. Nothing depends on it but what they read, so that
    /// whoever measures how fast a change gets around may change it.
    ///
    /// # Panics
    /// If it is empty, or longer than [`crate::NODE_NAME_BYTES_MAX`].
    pub fn rename(&mut self, name: String) {
        self.gossip.own().say(Fact::Name(name.clone()));
        self.config.name = name;
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
    use std::time::Duration;

    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        ClusterId, ConfigError, Digest, Generation, Hint, HintId, Input, Key, Memory, Name, NodeState, PartitionId,
        Record, RememberedWrite, Replication, RingShape, StoreError, Summaries, WallTime, WriteId, gossip::Gossip,
    };

    fn now() -> Now {
        Now {
            time: Time::ZERO,
            wall: WallTime::from_nanos(0),
        }
    }

    /// A disk that holds nothing but founders.
    struct Disk(Option<Vec<Member>>);

    impl crate::Store for Disk {
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
    fn start(founders: Option<Vec<Member>>) -> Result<Node, StartError> {
        start_as(founders, |_| {})
    }

    fn start_as(founders: Option<Vec<Member>>, settings: impl FnOnce(&mut Config)) -> Result<Node, StartError> {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let ring = RingShape {
            partitions: 4,
            replication: Replication::Simple(2),
        };
        let mut config = Config {
            rack: "r1".parse().unwrap(),
            ..Config::new(ClusterId(1), NodeId(1), address, ring, 2)
        };
        settings(&mut config);
        Node::start(config, Disk(founders), Pcg64Mcg::seed_from_u64(1), now())
    }

    fn at(seconds: u64) -> Now {
        Now {
            time: Time::ZERO + Duration::from_secs(seconds),
            ..now()
        }
    }

    /// What the node sends to others, and what it logs, with everything persisted at once.
    fn drain(node: &mut Node) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = node.poll_output() {
            match output {
                Output::Persist { token, .. } => node.handle(now(), Input::Persisted { token, result: Ok(()) }),
                output => outputs.push(output),
            }
        }
        outputs
    }

    fn hear(node: &mut Node, now: Now, from: u64, message: Message) -> Vec<Output> {
        let (from, message) = (NodeId(from), Box::new(message));
        node.handle(now, Input::Message { from, message });
        drain(node)
    }

    fn events(outputs: &[Output]) -> Vec<&Event> {
        let is_event = |output: &&Output| matches!(output, Output::Event(_));
        let event = outputs.iter().filter(is_event).map(|output| match output {
            Output::Event(event) => event,
            other => panic!("{other:?} is an event"),
        });
        event.collect()
    }

    fn echo_number(outputs: &[Output]) -> Option<u64> {
        outputs.iter().find_map(|output| match output {
            Output::Send { message, .. } => match **message {
                Message::Echo { number } => Some(number),
                _ => None,
            },
            _ => None,
        })
    }

    fn is_up(node: &Node, other: u64) -> bool {
        let members = node.status().members;
        let member = members.iter().find(|member| member.node == NodeId(other));
        member.expect("it is known").up
    }

    /// Another node, as far as it gossips.
    struct Other(Gossip);

    impl Other {
        fn new(node: u64, generation: u32) -> Other {
            Other::of(ClusterId(1), node, generation)
        }

        fn of(cluster: ClusterId, node: u64, generation: u32) -> Other {
            let node = NodeId(node);
            let mut own = NodeState::new(node, Generation(generation));
            own.beat();
            Other(Gossip::new(cluster, node, own))
        }

        /// Its whole account of itself.
        fn news(&mut self) -> Message {
            let nothing = Digest {
                version: 0,
                ..self.0.syn().digests[0]
            };
            Message::GossipAck2(self.0.close(&[nothing]).expect("it has said something"))
        }
    }

    #[test]
    fn a_node_counts_as_a_founder_once_its_share_and_its_place_are_known() {
        let mut node = start(None).unwrap();
        let rack = Fact::Rack("r2".parse().unwrap());
        let dc = Fact::Dc("dc2".parse().unwrap());
        let mut newcomer = Other::new(2, 1);
        for fact in [Fact::Standing(Standing::Waiting), Fact::Weight(3), dc, rack] {
            assert!(node.topology.is_none());
            newcomer.0.own().say(fact);
            hear(&mut node, now(), 2, newcomer.news());
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

    #[test]
    fn a_node_is_up_only_after_an_echo_over_its_own_link() {
        let mut node = start(None).unwrap();
        drain(&mut node);
        let mut other = Other::new(2, 1);
        // A third node passes on what it says. Without a link there is nothing to be echoed.
        let outputs = hear(&mut node, at(1), 3, other.news());
        assert_eq!((echo_number(&outputs), is_up(&node, 2)), (None, false));
        node.handle(at(2), Input::LinkUp { peer: NodeId(2) });
        let number = echo_number(&drain(&mut node)).expect("it was heard");
        assert!(!is_up(&node, 2));
        // Of no use: an echo by another node, and one that was not asked for.
        hear(&mut node, at(2), 3, Message::EchoAck { number });
        hear(&mut node, at(2), 2, Message::EchoAck { number: number + 1 });
        assert!(!is_up(&node, 2));
        let outputs = hear(&mut node, at(2), 2, Message::EchoAck { number });
        assert_eq!(events(&outputs), [&Event::NodeUp { node: NodeId(2) }]);
        assert!(is_up(&node, 2));
        // A new start is not up because the one before was.
        let outputs = hear(&mut node, at(3), 2, Other::new(2, 2).news());
        assert!(echo_number(&outputs).is_some() && !is_up(&node, 2));
    }

    #[test]
    fn a_lost_echo_is_asked_for_again_with_the_next_round() {
        let mut node = start(None).unwrap();
        node.handle(at(0), Input::LinkUp { peer: NodeId(2) });
        let outputs = hear(&mut node, at(0), 2, Other::new(2, 1).news());
        let first = echo_number(&outputs).expect("it was heard");
        node.handle_timeout(at(1));
        let second = echo_number(&drain(&mut node)).expect("the first did not come back");
        assert_ne!(first, second);
        hear(&mut node, at(1), 2, Message::EchoAck { number: second });
        assert!(is_up(&node, 2));
        node.handle_timeout(at(2));
        assert_eq!(echo_number(&drain(&mut node)), None, "it is up");
    }

    #[test]
    fn echoes_are_answered() {
        let mut node = start(None).unwrap();
        drain(&mut node);
        node.handle(at(0), Input::LinkUp { peer: NodeId(2) });
        let outputs = hear(&mut node, at(0), 2, Message::Echo { number: 7 });
        let message = Box::new(Message::EchoAck { number: 7 });
        let to = NodeId(2);
        assert_eq!(outputs, [Output::Send { to, message }]);
    }

    #[test]
    fn a_node_that_hears_nobody_says_so_and_takes_it_back() {
        let mut node = start(None).unwrap();
        let mut isolated_at = None;
        for second in 0..30 {
            node.handle_timeout(at(second));
            if events(&drain(&mut node)).contains(&&Event::Isolated) {
                assert_eq!(isolated_at.replace(second), None, "it is said once");
            }
        }
        assert_eq!(isolated_at, Some(11), "ten rounds of silence");
        assert!(node.status().isolated);
        let strange = Other::of(ClusterId(2), 3, 1).news();
        assert!(!events(&hear(&mut node, at(30), 3, strange)).contains(&&Event::Rejoined));
        let outputs = hear(&mut node, at(30), 2, Other::new(2, 1).news());
        assert!(events(&outputs).contains(&&Event::Rejoined));
        assert!(!node.status().isolated);
    }

    #[test]
    fn the_only_node_of_a_cluster_is_not_isolated() {
        let mut node = start_as(None, |config| {
            config.founders = 1;
            config.ring.replication = Replication::Simple(1);
            config.seeds = vec![config.address];
        })
        .unwrap();
        (0..60).for_each(|second| node.handle_timeout(at(second)));
        assert!(!node.status().isolated);
    }

    #[test]
    fn gossip_that_can_not_be_is_refused_counted_and_logged() {
        let mut node = start(None).unwrap();
        drain(&mut node);
        let strange = Other::of(ClusterId(2), 3, 1).news();
        let node_id = NodeId(3);
        let why = "it belongs to another cluster";
        let outputs = hear(&mut node, now(), 3, strange);
        assert_eq!(events(&outputs), [&Event::PeerRefused { node: node_id, why }]);
        let absurd = Other::new(4, u32::MAX).news();
        let mut spoilt = Other::new(5, 1).news();
        if let Message::GossipAck2(ack2) = &mut spoilt {
            ack2.deltas[0].heartbeat.version ^= 1 << 40;
        }
        for (about, message) in [(4, absurd), (5, spoilt)] {
            let outputs = hear(&mut node, now(), 3, message);
            let [Event::GossipRefused { from, about: of, .. }] = events(&outputs)[..] else {
                panic!("it is refused: {outputs:?}");
            };
            assert_eq!((*from, *of), (NodeId(3), NodeId(about)));
        }
        let status = node.status();
        assert_eq!((status.members.len(), status.counters.gossip_refused), (1, 2));
    }

    /// It says nothing under the generation that it takes before that is durable; and where the disk refuses it, it is told
    /// again, and tries again.
    #[test]
    fn a_node_whose_later_starts_are_known_goes_on_above_them_once_that_is_durable() {
        let mut node = start(None).unwrap();
        drain(&mut node);
        let mut other = Other::new(2, 1);
        let later = Other::new(1, 5)
            .0
            .close(&[nothing_of(1, 5)])
            .expect("it has said something");
        let message = Message::GossipAck2(later);
        node.handle(now(), Input::LinkUp { peer: NodeId(2) });
        let mut rise = |node: &mut Node, result| {
            let (from, message) = (NodeId(2), Box::new(message.clone()));
            node.handle(now(), Input::Message { from, message });
            let Some(Output::Persist { token, ops }) = node.poll_output() else {
                panic!("it is made durable");
            };
            assert_eq!(ops, [crate::StoreOp::SetGeneration(Generation(6))]);
            let syn = Message::GossipSyn(other.0.syn());
            let told = hear(node, now(), 2, syn);
            assert!(format!("{told:?}").contains("generation: Generation(1)"), "{told:?}");
            node.handle(now(), Input::Persisted { token, result });
            (node.generation(), drain(node))
        };
        let failed = Err(StoreError::Failed("no space left".to_owned()));
        assert_eq!(rise(&mut node, failed).0, Generation(1));
        let (generation, outputs) = rise(&mut node, Ok(()));
        assert_eq!(generation, Generation(6));
        let (from, to) = (Generation(1), Generation(6));
        assert_eq!(events(&outputs), [&Event::GenerationRaised { from, to }]);
        let state = node.member(NodeId(1)).expect("it knows itself");
        assert_eq!(state.generation, Generation(6));
        // What it goes beyond is no news any more, nor is its own echo.
        assert_eq!(drain(&mut node), []);
        hear(&mut node, now(), 2, message);
        assert_eq!(node.generation(), Generation(6));
        crate::invariants::check(&node);
    }

    fn nothing_of(node: u64, generation: u32) -> Digest {
        Digest {
            node: NodeId(node),
            generation: Generation(generation),
            version: 0,
        }
    }

    #[test]
    fn a_node_that_others_would_not_listen_to_does_not_start() {
        let error = |settings: fn(&mut Config)| match start_as(None, settings).err() {
            Some(StartError::Config(ConfigError::Illegal(fact))) => *fact,
            other => panic!("it says something illegal: {other:?}"),
        };
        assert_eq!(error(|config| config.weight = 1001), Fact::Weight(1001));
        assert_eq!(error(|config| config.name = String::new()), Fact::Name(String::new()));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(
            error(|config| config.address.set_port(0)),
            Fact::Address(nowhere),
            "where it listens is known by now"
        );
    }
}
