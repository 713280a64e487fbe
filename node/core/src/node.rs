//! The state machine: one node, driven by whoever holds it.
//!
//! The driver hands in what happens, drains [`Node::poll_output`] until it is empty, and calls
//! [`Node::handle_timeout`] when [`Node::poll_timeout`] is reached. The server does so with sockets and disks, the
//! simulator with queues; the node can't tell. It reads no clock, holds no socket, starts no thread, and draws chance
//! only from the generator that it was given.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use rand_pcg::Pcg64Mcg;
use rustc_hash::FxHashMap;

use crate::{
    BeforeSend, Config, ConfigError, Counters, Epoch, Event, Fact, Generation, Input, Key, Member, Message, Name,
    NodeId, NodeState, Now, Output, PartitionId, PartitionState, PersistToken, Plant, ReplicaRequest, ReplicaResponse,
    Request, RequestId, Response, RingShape, Roster, Standing, Store, StoreError, StoreOp, Time, Topology,
    agreement::Agreements,
    coordinate::{Coordination, Quorums},
    drain::Drain,
    exchange::{AntiEntropy, tree_of},
    gossip::{Detector, Gossip, Isolation},
    handoff::Handoff,
    hlc::HybridClock,
    journal::Journal,
    membership,
    mend::Mends,
    metrics::Measurements,
    moves::Moves,
    origins::Origins,
    repeats::Repeats,
    timers::{Timer, Timers},
    tombstones::Graveyard,
    verdicts::Verdicts,
};

/// Request ids of one start of a node begin at its generation, shifted by this: enough for a million requests a second
/// for twelve days before two starts share one.
const REQUEST_ID_BITS: u32 = 40;

/// A node of the cluster: replica, coordinator and gossip in one.
pub struct Node {
    pub(crate) config: Config,
    pub(crate) generation: Generation,
    pub(crate) rng: Pcg64Mcg,
    pub(crate) store: Box<dyn Store>,
    pub(crate) clock: HybridClock,
    pub(crate) journal: Journal,
    pub(crate) timers: Timers,
    pub(crate) links: BTreeSet<NodeId>,
    pub(crate) gossip: Gossip,
    pub(crate) detector: Detector,
    pub(crate) isolation: Isolation,
    pub(crate) verdicts: Verdicts,
    /// Those among the known nodes whose addresses this node was told at its start.
    pub(crate) seeds: BTreeSet<NodeId>,
    /// Who is in the cluster, as far as this node knows; nobody but itself before it knows the ring's founders.
    pub(crate) roster: Roster,
    /// When identities were banned, where that is forgotten: [`Plant::RemovedComesBack`].
    pub(crate) bans_noted: BTreeMap<NodeId, Time>,
    /// What this node is to the cluster, as it says.
    pub(crate) standing: Standing,
    /// Its share of the ring, relative to others.
    pub(crate) weight: u16,
    /// Whose tokens it has.
    pub(crate) tokens: NodeId,
    /// Why it does not come into the cluster, if it was told.
    pub(crate) entry_refused: Option<&'static str>,
    pub(crate) started_at: Time,
    pub(crate) topology: Option<Topology>,
    pub(crate) agreements: Agreements,
    pub(crate) moves: Moves,
    pub(crate) quorums: Quorums,
    /// Looked up many times by each answer. Whoever goes through them sorts them.
    pub(crate) coordinations: FxHashMap<RequestId, Coordination>,
    pub(crate) handoff: Handoff,
    pub(crate) origins: Origins,
    pub(crate) repeats: Repeats,
    pub(crate) mends: Mends,
    pub(crate) graveyard: Graveyard,
    pub(crate) drain: Drain,
    pub(crate) measurements: Measurements,
    /// The highest time that a two-phase write of this node was stamped with.
    pub(crate) last_above: u64,
    /// The highest time of any ballot that this node gave or voted upon.
    pub(crate) last_ballot: u64,
    /// The highest time of any tombstone that this node has forgotten.
    pub(crate) forgotten_time: u64,
    /// The time of the call that is being dealt with.
    pub(crate) present: Time,
    pub(crate) anti_entropy: AntiEntropy,
    pub(crate) counters: Counters,
    next_request: u64,
    /// The generation that this node goes on with once that is durable, if others know of later starts than its disk.
    pub(crate) rising_to: Option<Generation>,
    /// Holds back everything but the first batch until the new generation is durable: a node that spoke before could
    /// speak twice under one generation.
    starting: Option<PersistToken>,
    outputs: VecDeque<Output>,
}

/// A node that can't start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Its settings can't be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its store can't be read.
    #[error("the store can't be read: {0}")]
    Store(#[from] StoreError),
    /// The ring was founded with this node elsewhere: what it owns would change, and nothing would move the records.
    /// Name the place that it had, or start it as another node.
    #[error("the ring was founded with this node on rack {rack} of data center {dc}: it can't be elsewhere")]
    Moved {
        /// The data center that it had.
        dc: Name,
        /// The rack that it had there.
        rack: Name,
    },
}

/// What a node knows of its records once it has looked at all of them.
struct Inventory {
    anti_entropy: AntiEntropy,
    graveyard: Graveyard,
    damaged: Vec<Key>,
    /// The highest stamp among them, for the clock.
    latest: u64,
}

impl Inventory {
    fn take(store: &dyn Store, shape: &RingShape) -> Result<Inventory, StoreError> {
        let (mut trees, mut tombstones, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        let mut latest = 0;
        for partition in (0..shape.partitions).map(PartitionId) {
            let summaries = store.summaries(partition)?;
            trees.push(tree_of(shape, &summaries));
            let versions = summaries.entries.iter().filter_map(|(_, summary)| summary.version);
            latest = versions.fold(latest, |latest, version| latest.max(version.time));
            let deleted = summaries
                .entries
                .into_iter()
                .filter_map(|(key, summary)| Some((key, summary.deleted_at?)));
            tombstones.extend(deleted);
            damaged.extend(summaries.damaged);
        }
        Ok(Inventory {
            anti_entropy: AntiEntropy::new(shape, trees),
            graveyard: Graveyard::new(tombstones),
            damaged,
            latest,
        })
    }
}

impl Node {
    /// Starts a node on its store. `rng` is all the chance that it will ever use.
    ///
    /// # Errors
    /// [`StartError`] if the settings can't be or the store can't be read; nothing has been changed.
    pub fn start(config: Config, store: impl Store + 'static, rng: Pcg64Mcg, now: Now) -> Result<Node, StartError> {
        Node::start_on(config, Box::new(store), rng, now)
    }

    fn start_on(config: Config, store: Box<dyn Store>, rng: Pcg64Mcg, now: Now) -> Result<Node, StartError> {
        config.validate()?;
        config.check_facts(|_| true)?;
        let memory = store.memory()?;
        let roster = memory.roster.unwrap_or_default();
        let enrolled = roster.members.get(&config.node);
        let places = memory
            .founders
            .iter()
            .flatten()
            .chain(enrolled.map(|enrolled| &enrolled.member));
        membership::check_place(&config, places)?;
        let standing = match enrolled {
            _ if roster.banned.contains(&config.node) => Standing::Left,
            Some(enrolled) => enrolled.standing,
            None => Standing::Waiting,
        };
        let replaced = config.entry.replaces().unwrap_or(config.node);
        let tokens = enrolled.map_or(replaced, |enrolled| enrolled.member.tokens);
        let weight = enrolled.map_or(config.weight, |enrolled| enrolled.member.weight);
        let inventory = Inventory::take(&*store, &config.ring)?;
        let is_forgotten = config.has_plant(Plant::GenerationForgotten);
        let last = memory.generation.filter(|_| !is_forgotten);
        let generation = Generation(last.map_or(1, |last| last.0 + 1));
        let mut own = NodeState::new(config.node, generation);
        config.own_facts().into_iter().for_each(|fact| own.say(fact));
        own.say(Fact::Weight(weight));
        own.say(Fact::Standing(standing));
        if tokens != config.node {
            own.say(Fact::Tokens(tokens));
        }
        let mut clock = HybridClock::new(config.clock, config.clock_skew_max);
        // What is further ahead than the allowed skew was stamped before this node's wall clock was set back: others
        // would refuse what it stamped above that.
        let _ = clock.observe(now.wall, inventory.latest);
        let mut node = Node {
            generation,
            clock,
            journal: Journal::default(),
            timers: Timers::default(),
            links: BTreeSet::new(),
            gossip: Gossip::new(config.cluster, config.node, own),
            detector: Detector::new(config.gossip_interval, now.time),
            seeds: BTreeSet::new(),
            isolation: Isolation::new(config.gossip_interval, config.isolation_intervals, now.time),
            verdicts: Verdicts::of(memory.down),
            roster,
            bans_noted: BTreeMap::new(),
            standing,
            weight,
            tokens,
            entry_refused: None,
            started_at: now.time,
            topology: None,
            agreements: Agreements::default(),
            moves: Moves::default(),
            quorums: Quorums::default(),
            coordinations: FxHashMap::default(),
            handoff: Handoff::load(&*store, now.time)?,
            origins: Origins::load(&*store, config.write_id_count_max)?,
            repeats: Repeats::default(),
            mends: Mends::default(),
            graveyard: inventory.graveyard,
            drain: Drain::default(),
            measurements: Measurements::default(),
            last_above: 0,
            last_ballot: 0,
            forgotten_time: memory.forgotten_time,
            present: now.time,
            anti_entropy: inventory.anti_entropy,
            counters: Counters::default(),
            next_request: u64::from(generation.0) << REQUEST_ID_BITS,
            rising_to: None,
            starting: None,
            outputs: VecDeque::new(),
            config,
            rng,
            store,
        };
        if node.has_plant(Plant::GossipUnsealed) {
            node.gossip.believe_all();
        }
        node.begin(memory.founders, memory.partitions, inventory.damaged, now.time);
        Ok(node)
    }

    /// Takes in something that happened. Drain [`Node::poll_output`] afterwards.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.present = now.time;
        match input {
            Input::Client { token, request } => match *request {
                Request::Read(read) => self.on_read(now, token, &read),
                Request::Write(write) => self.on_write(now, token, write, BeforeSend::on_arrival()),
                Request::Cas(cas) => self.on_cas(now, token, cas, BeforeSend::on_arrival()),
                Request::Admin(admin) => self.on_admin(now, token, admin),
            },
            Input::Message { from, message } => self.on_message(now, from, message),
            Input::Persisted { token, result } => self.on_persisted(now, token, result),
            Input::LinkUp { peer } => {
                self.links.insert(peer);
                self.echo_if_wanted(now.time, peer);
                self.on_handoff_due(now);
            }
            Input::LinkDown { peer } => self.on_link_down(now, peer),
        }
    }

    /// Does what has become due. Drain [`Node::poll_output`] afterwards.
    pub fn handle_timeout(&mut self, now: Now) {
        self.present = now.time;
        while let Some(timer) = self.timers.pop_due(now.time) {
            match timer {
                Timer::Gossip => self.on_gossip_due(now.time),
                Timer::Coordination(id) => self.on_deadline(now, id),
                Timer::Preferred(id) => self.on_preferred_deadline(now, id),
                Timer::Hedge(id) => self.on_hedge_due(now, id),
                Timer::Cas(id) => self.on_cas_due(now, id),
                Timer::Mend => self.on_mend_due(now),
                Timer::Tombstones => self.on_tombstones_due(now),
                Timer::WriteIds => self.on_write_ids_due(now),
                Timer::Handoff => self.on_handoff_timer(now),
                Timer::HintExpiry => self.on_hint_expiry_due(now),
                Timer::AntiEntropy => self.on_anti_entropy_due(now.time),
                Timer::Comparison(id) => self.on_comparison_deadline(now.time, id),
                Timer::Moves => self.on_moves_timer(now),
                Timer::MovesSoon => self.on_moves_soon(now),
                Timer::Proposal(partition) => self.on_proposal_deadline(partition),
            }
        }
    }

    /// The next thing to be done outside, if there is one.
    // Asked twice or more for each thing that happens, and mostly in vain: worth to be a part of the loop that asks.
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.starting.is_none()
            && let Some(output) = self.outputs.pop_front()
        {
            return Some(output);
        }
        let (token, ops) = self.journal.close()?;
        Some(Output::Persist { token, ops })
    }

    /// When [`Node::handle_timeout`] has to be called, if nothing happens before.
    #[inline]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The disk below.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    fn begin(
        &mut self,
        founders: Option<Vec<Member>>,
        partitions: BTreeMap<PartitionId, PartitionState>,
        damaged: Vec<Key>,
        now: Time,
    ) {
        self.journal.stage_memory(StoreOp::SetGeneration(self.generation));
        self.starting = Some(PersistToken(0));
        if let Some(founders) = founders {
            self.resume(founders, partitions);
        }
        for address in self.config.seeds.clone() {
            self.connect(address);
        }
        self.timers.set(now, Timer::Gossip);
        self.set_moves_timer(now);
        self.set_anti_entropy_timer(now);
        self.set_tombstones_timer(now);
        self.set_hint_expiry_timer(now);
        self.set_write_ids_timer(now);
        if self.has_plant(Plant::HintsForgottenAtStart) {
            self.forget_hints();
        }
        self.mend_all(now, damaged);
        self.form_ring_if_known();
    }

    #[expect(
        clippy::boxed_local,
        reason = "taken apart where it lies, each part of it is moved once"
    )]
    fn on_message(&mut self, now: Now, from: NodeId, message: Box<Message>) {
        match *message {
            Message::GossipSyn(syn) => self.on_gossip_syn(now, from, &syn),
            Message::GossipAck(ack) => self.on_gossip_ack(now, from, ack),
            Message::GossipAck2(ack2) => self.on_gossip_ack2(now, from, ack2),
            Message::Echo { number } => self.on_echo(from, number),
            Message::EchoAck { number } => self.on_echo_ack(now.time, from, number),
            Message::TopologySyn(syn) => self.on_topology_syn(from, &syn),
            Message::TopologyAck(ack) => self.on_topology_ack(from, ack),
            Message::TopologyAck2(ack2) => self.on_topology_ack2(from, ack2),
            Message::Ownerships { ownerships } => self.learn_ownerships(ownerships),
            Message::Request { id, ring, epoch, body } => self.on_replica_request(now, (from, id), ring, epoch, body),
            Message::Response { id, body } => {
                if let ReplicaResponse::Stale { ownership } = &body
                    && self.is_news(ownership)
                {
                    self.learn_ownership((**ownership).clone());
                }
                if self.agreements.is_under_way(id) {
                    self.on_proposal_response(now, id, from, body);
                } else if self.coordinations.contains_key(&id) {
                    self.on_coordination_response(now, id, from, body);
                } else if self.handoff.is_under_way(id) {
                    self.on_handoff_response(now, id, &body);
                } else if self.mends.is_under_way(id) {
                    self.on_mend_response(now, id, body);
                } else if self.graveyard.is_under_way(id) {
                    self.on_funeral_response(now, id, &body);
                } else {
                    self.on_comparison_response(now, id, from, body);
                }
            }
        }
    }

    fn on_persisted(&mut self, now: Now, token: PersistToken, result: Result<(), StoreError>) {
        let mut batch = self.journal.finish(token);
        let starting = self.starting.take_if(|first| *first == token).is_some();
        match result {
            Ok(()) => {
                self.anti_entropy.apply(&batch.digests);
                self.graveyard.apply(&batch.digests);
                self.handoff.on_persisted(&batch.hints);
                self.set_handoff_timer(now.time);
                batch.waiters.drain(..).for_each(|waiter| self.on_held(now, waiter));
            }
            Err(error) if starting => {
                self.outputs.clear();
                let why = error.to_string();
                self.output(Output::Stop { why });
            }
            Err(error) => {
                let why = error.to_string();
                self.output(Output::Event(Event::StorageFailed { why }));
                let partitions = batch.digests.iter().map(|change| change.partition);
                self.anti_entropy.distrust(partitions);
                self.handoff.on_not_persisted(now.time, &batch.hints);
                self.set_handoff_timer(now.time);
                self.origins.on_not_persisted(&batch.remembered);
                let is_ignored = self.has_plant(Plant::FailedSyncAcknowledged);
                batch.waiters.drain(..).for_each(|waiter| match is_ignored {
                    true => self.on_held(now, waiter),
                    false => self.on_not_held(now, waiter),
                });
            }
        }
        self.journal.recycle(batch);
        let journal = &self.journal;
        self.anti_entropy
            .reload(&*self.store, |partition| journal.changes(partition));
        self.check_drained();
    }

    fn on_link_down(&mut self, now: Now, peer: NodeId) {
        if self.links.remove(&peer) {
            self.detector.lose_link(peer);
            self.fail_coordinations_with(now, peer);
            self.fail_mends_with(now.time, peer);
            if self.has_plant(Plant::HintsLostWithLink) {
                self.drop_hints_under_way(peer);
            }
            if !self.has_plant(Plant::HandoffWaitsForOne) {
                self.handoff.lose_link(peer);
            }
            self.repeats.forget(peer);
            self.fail_comparison_with(now.time, peer);
        }
    }
}

impl Node {
    /// This node's identity.
    pub fn id(&self) -> NodeId {
        self.config.node
    }

    /// Which start of the node this is.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn send(&mut self, to: NodeId, message: Message) {
        assert_ne!(to, self.config.node, "a node does not send to itself");
        let message = Box::new(message);
        self.outputs.push_back(Output::Send { to, message });
    }

    /// Sends a request to another replica. The ring must have formed.
    pub(crate) fn ask(&mut self, to: NodeId, id: RequestId, body: ReplicaRequest) {
        match body.partition(&self.config.ring) {
            Some(partition) => self.ask_in(partition, to, id, body),
            None => {
                let (ring, epoch) = (self.topology().founding(), Epoch::default());
                self.send(to, Message::Request { id, ring, epoch, body });
            }
        }
    }

    /// As [`Node::ask`], where it is known which partition is asked about.
    pub(crate) fn ask_in(&mut self, partition: PartitionId, to: NodeId, id: RequestId, body: ReplicaRequest) {
        let topology = self.topology();
        let (ring, epoch) = (topology.founding(), topology.epoch(partition));
        self.send(to, Message::Request { id, ring, epoch, body });
    }

    /// Who owns what. The ring must have formed.
    pub(crate) fn topology(&self) -> &Topology {
        let topology = self.topology.as_ref();
        topology.expect("nothing is asked before the ring has formed")
    }

    pub(crate) fn topology_mut(&mut self) -> &mut Topology {
        let topology = self.topology.as_mut();
        topology.expect("nothing is asked before the ring has formed")
    }

    pub(crate) fn reply(&mut self, token: crate::ClientToken, response: Response) {
        let response = Box::new(response);
        self.outputs.push_back(Output::Reply { token, response });
    }

    /// Begins the ids of requests anew, as a start of this generation does, unless they are higher already.
    pub(crate) fn begin_request_ids(&mut self) {
        self.next_request = self.next_request.max(u64::from(self.generation.0) << REQUEST_ID_BITS);
    }

    pub(crate) fn next_request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    /// Whether a message to `node` would go somewhere.
    pub(crate) fn is_reachable(&self, node: NodeId) -> bool {
        node == self.config.node || self.links.contains(&node) && !self.is_held_dead(node)
    }

    /// Whether this node was told to have the bug. Where there are bugs it is never inlined: from all its comparisons of one
    /// value the optimiser draws conclusions for minutes.
    #[cfg_attr(feature = "plants", inline(never))]
    pub(crate) fn has_plant(&self, plant: Plant) -> bool {
        self.config.has_plant(plant)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.config.name)
            .field("generation", &self.generation)
            .field("links", &self.links)
            .field("coordinations", &self.coordinations)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}
