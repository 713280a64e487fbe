//! Bare nodes on a table: every message and every batch lies there until it is told to go on.
//!
//! The ring has one partition, so that every key has the same owners: a, b, c and so on in the order of preference, and
//! then those that stand in for them. Gossip is left out: all nodes know their ring from the start.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use quorate_core::{
    Cell, ClientToken, ClusterId, Config, Context, Input, Key, Member, Message, Node, NodeId, Now, Output, PartitionId,
    PersistToken, ReplicaRequest, Replication, Request, RequestId, Response, Ring, RingShape, StoreError, StoreOp,
    Time, WallTime, invariants,
};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::{
    disk::Disk,
    words::{EPOCH_NS, Words},
};

/// By its place: 0 for a.
pub(crate) type Place = usize;

/// Steps after which a script that should have come to rest is taken for one that never will.
const STEPS_MAX: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Nodes {
    configs: Vec<Config>,
    disks: Vec<Disk>,
    running: Vec<Option<Node>>,
    persisting: Vec<VecDeque<(PersistToken, Vec<StoreOp>)>>,
    /// Pairs whose link was taken down, the lower first.
    cut: BTreeSet<(Place, Place)>,
    sent: BTreeMap<(Place, Place), VecDeque<Message>>,
    /// What requests that were sent are about, so that responses can be told.
    asked: BTreeMap<(Place, RequestId), Key>,
    calls: Vec<Call>,
    /// What each client has read last of each key.
    seen: BTreeMap<(String, Key), Context>,
    now: Duration,
    words: Words,
    lines: Vec<String>,
}

#[derive(Debug)]
struct Call {
    client: String,
    key: Option<Key>,
}

impl Nodes {
    /// Starts so many nodes, each key on `replicas` of them. All are linked.
    pub(crate) fn start(count: usize, replicas: u8, settings: impl Fn(&mut Config)) -> Nodes {
        let shape = RingShape {
            partitions: 1,
            replication: Replication::Simple(replicas),
        };
        let founders: Vec<_> = (1..=count as u64).map(|id| member(NodeId(id))).collect();
        let ring = Ring::place(&shape, founders.clone());
        let ids: Vec<_> = ring.walk(PartitionId(0)).collect();
        let config = |(place, node): (Place, &NodeId)| {
            let address = SocketAddr::from(([127, 0, 0, 1], 1 + place as u16));
            let cluster = ClusterId::from_name("script");
            let mut config = Config {
                gossip_interval: Duration::from_secs(365 * 24 * 60 * 60),
                ..Config::new(cluster, *node, address, shape.clone(), count)
            };
            settings(&mut config);
            config
        };
        let mut nodes = Nodes {
            configs: ids.iter().enumerate().map(config).collect(),
            disks: ids.iter().map(|_| Disk::of_founders(founders.clone())).collect(),
            running: ids.iter().map(|_| None).collect(),
            persisting: ids.iter().map(|_| VecDeque::new()).collect(),
            cut: BTreeSet::new(),
            sent: BTreeMap::new(),
            asked: BTreeMap::new(),
            calls: Vec::new(),
            seen: BTreeMap::new(),
            now: Duration::ZERO,
            words: Words::new(ids),
            lines: Vec::new(),
        };
        (0..count).for_each(|place| nodes.start_node(place));
        nodes
    }

    /// What has been said since this was last asked.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Starts a node on its disk, and links it with those that run.
    pub(crate) fn start_node(&mut self, place: Place) {
        assert!(self.running[place].is_none(), "it runs");
        let rng = Pcg64Mcg::seed_from_u64(place as u64);
        let node = Node::start(self.configs[place].clone(), self.disks[place].clone(), rng, self.now());
        self.running[place] = Some(node.expect("settings and disk are in order"));
        self.carry_out(place);
        self.sync(place); // Its generation: before, it says nothing.
        for peer in self.places().filter(|peer| *peer != place) {
            self.link(place, peer);
        }
    }

    /// Kills a node: what it had not synced is gone, and so is all that was on its way to it and from it.
    pub(crate) fn kill(&mut self, place: Place) {
        assert!(self.running[place].take().is_some(), "it does not run");
        self.persisting[place].clear();
        for peer in self.places().filter(|peer| *peer != place) {
            self.unlink(place, peer);
        }
    }

    pub(crate) fn take_link_down(&mut self, one: Place, other: Place) {
        assert!(self.cut.insert(pair(one, other)), "it is down");
        self.unlink(one, other);
    }

    pub(crate) fn bring_link_up(&mut self, one: Place, other: Place) {
        assert!(self.cut.remove(&pair(one, other)), "it is up");
        self.link(one, other);
    }

    /// A client's request arrives.
    pub(crate) fn call(&mut self, client: &str, place: Place, key: Option<Key>, request: Request) {
        let client = client.to_owned();
        self.calls.push(Call { client, key });
        let token = ClientToken(self.calls.len() as u64 - 1);
        let request = Box::new(request);
        self.hand(place, Input::Client { token, request });
    }

    /// What a client read last of a key.
    pub(crate) fn seen(&self, client: &str, key: &Key) -> Context {
        let seen = self.seen.get(&(client.to_owned(), key.clone()));
        seen.cloned().expect("the client has read the key")
    }

    /// Delivers what is on its way from one node to another by now.
    pub(crate) fn deliver(&mut self, from: Place, to: Place) {
        let messages = self.sent.remove(&(from, to)).unwrap_or_default();
        if messages.is_empty() {
            self.say("nothing was on its way".to_owned());
        }
        for message in messages {
            let from = self.configs[from].node;
            let message = Box::new(message);
            self.hand(to, Input::Message { from, message });
        }
    }

    /// Delivers all that is on its way, and all that comes of it.
    pub(crate) fn deliver_all(&mut self) {
        for _ in 0..STEPS_MAX {
            let Some((from, to)) = self.sent.keys().next().copied() else {
                return;
            };
            self.deliver(from, to);
        }
        panic!("the nodes never stop to talk");
    }

    /// Makes all durable that is on its way to a disk by now.
    pub(crate) fn sync(&mut self, place: Place) {
        for (token, ops) in std::mem::take(&mut self.persisting[place]) {
            self.disks[place].apply(ops);
            self.hand(place, Input::Persisted { token, result: Ok(()) });
        }
    }

    /// Fails all that is on its way to a disk by now.
    pub(crate) fn fail(&mut self, place: Place) {
        for (token, _) in std::mem::take(&mut self.persisting[place]) {
            let result = Err(StoreError::Failed("no space".to_owned()));
            self.hand(place, Input::Persisted { token, result });
        }
    }

    /// Delivers and syncs until there is nothing left to do but wait.
    pub(crate) fn run(&mut self) {
        for _ in 0..STEPS_MAX {
            self.deliver_all();
            let Some(place) = self.places().find(|place| !self.persisting[*place].is_empty()) else {
                return;
            };
            self.sync(place);
        }
        panic!("the nodes never come to rest");
    }

    /// Lets time pass; nothing arrives meanwhile.
    pub(crate) fn tick(&mut self, span: Duration) {
        let until = self.now + span;
        for _ in 0..STEPS_MAX {
            let due = |place: &Place| self.running[*place].as_ref().and_then(Node::poll_timeout);
            let next = self.places().filter_map(|place| Some((due(&place)?, place))).min();
            let Some((at, place)) = next.filter(|(at, _)| *at <= Time::ZERO + until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(at - Time::ZERO);
            let now = self.now();
            self.running[place].as_mut().expect("it has timers").handle_timeout(now);
            self.carry_out(place);
        }
        panic!("the nodes never stop to wake");
    }

    pub(crate) fn damage(&mut self, place: Place, key: Key) {
        self.disks[place].damage(key);
    }

    /// Says what is durable at a node.
    pub(crate) fn show(&mut self, place: Place) {
        let (records, hints) = self.disks[place].contents();
        let mut held: Vec<_> = records
            .iter()
            .map(|(key, record)| self.words.cell(key, &record.cell))
            .collect();
        held.extend(hints.iter().map(|hint| self.words.hint(hint)));
        let held = if held.is_empty() {
            "nothing".to_owned()
        } else {
            held.join(", ")
        };
        self.say(format!("{} has {held}", letter(place)));
    }

    fn places(&self) -> std::ops::Range<Place> {
        0..self.configs.len()
    }

    fn now(&self) -> Now {
        Now {
            time: Time::ZERO + self.now,
            wall: WallTime::from_nanos(EPOCH_NS) + self.now,
        }
    }

    fn place_of(&self, node: NodeId) -> Place {
        let place = self.configs.iter().position(|config| config.node == node);
        place.expect("nodes send to nodes")
    }

    fn are_linked(&self, one: Place, other: Place) -> bool {
        let run = |place: Place| self.running[place].is_some();
        run(one) && run(other) && !self.cut.contains(&pair(one, other))
    }

    fn link(&mut self, one: Place, other: Place) {
        if self.are_linked(one, other) {
            for (place, peer) in [(one, other), (other, one)] {
                let peer = self.configs[peer].node;
                self.hand(place, Input::LinkUp { peer });
            }
        }
    }

    fn unlink(&mut self, one: Place, other: Place) {
        for (place, peer) in [(one, other), (other, one)] {
            self.sent.remove(&(place, peer));
            let peer = self.configs[peer].node;
            self.hand(place, Input::LinkDown { peer });
        }
    }

    /// Hands something to a node, if it runs, and says what comes of it.
    fn hand(&mut self, place: Place, input: Input) {
        let now = self.now();
        if let Some(node) = &mut self.running[place] {
            node.handle(now, input);
            self.carry_out(place);
        }
    }

    fn carry_out(&mut self, place: Place) {
        let node = self.running[place].as_mut().expect("the caller has looked");
        let outputs: Vec<_> = std::iter::from_fn(|| node.poll_output()).collect();
        invariants::check(node);
        for output in outputs {
            match output {
                Output::Send { to, message } => self.send(place, to, *message),
                Output::Reply { token, response } => self.reply(place, token, &response),
                Output::Persist { token, ops } => {
                    let words = self.words.ops(&ops);
                    if !words.is_empty() {
                        self.say(format!("{} to disk: {words}", letter(place)));
                    }
                    self.persisting[place].push_back((token, ops));
                }
                Output::Event(event) => {
                    let words = self.words.event(&event);
                    if !words.is_empty() {
                        self.say(format!("{} notes: {words}", letter(place)));
                    }
                }
                Output::Connect { .. } => {}
                Output::Stop { why } => panic!("{} stops: {why}", letter(place)),
            }
        }
    }

    fn send(&mut self, from: Place, to: NodeId, message: Message) {
        let to = self.place_of(to);
        let words = match &message {
            Message::Request { id, body, .. } => {
                if let Some(key) = key_of(body) {
                    self.asked.insert((from, *id), key.clone());
                }
                self.words.request(body)
            }
            Message::Response { id, body } => {
                let asked = self.asked.get(&(to, *id));
                self.words.response(asked, body)
            }
            Message::Ownerships { ownerships } => {
                let told: Vec<_> = ownerships.iter().map(|o| self.words.ownership(o)).collect();
                format!("told {}", told.join("; "))
            }
            Message::GossipSyn(_)
            | Message::GossipAck(_)
            | Message::GossipAck2(_)
            | Message::Echo { .. }
            | Message::EchoAck { .. }
            | Message::TopologySyn(_)
            | Message::TopologyAck(_)
            | Message::TopologyAck2(_) => return,
        };
        self.say(format!("{} > {}: {words}", letter(from), letter(to)));
        assert!(self.are_linked(from, to), "nothing is sent without a link");
        self.sent.entry((from, to)).or_default().push_back(message);
    }

    fn reply(&mut self, place: Place, token: ClientToken, response: &Response) {
        let Call { client, key } = &self.calls[token.0 as usize];
        if let (Some(key), Response::Read(Ok(read))) = (key, response) {
            let context = match &read.cell {
                Some(Cell::Siblings(siblings)) => siblings.context().clone(),
                Some(Cell::Set(set)) => set.context().clone(),
                _ => Context::new(),
            };
            self.seen.insert((client.clone(), key.clone()), context);
        }
        let words = self.words.reply(key.as_ref(), response);
        self.lines.push(format!("{} > {client}: {words}", letter(place)));
    }

    fn say(&mut self, line: String) {
        self.lines.push(line);
    }
}

fn member(node: NodeId) -> Member {
    Member::new(node)
}

fn key_of(request: &ReplicaRequest) -> Option<&Key> {
    match request {
        ReplicaRequest::Read { key, .. }
        | ReplicaRequest::ReadKept { key, .. }
        | ReplicaRequest::Hold { key, .. }
        | ReplicaRequest::Keep { key, .. }
        | ReplicaRequest::PrepareKey { key, .. }
        | ReplicaRequest::AcceptKey { key, .. }
        | ReplicaRequest::Confirm { key, .. }
        | ReplicaRequest::Collect { key, .. } => Some(key),
        ReplicaRequest::Apply(apply) => Some(&apply.key),
        ReplicaRequest::Prepare { .. }
        | ReplicaRequest::Accept { .. }
        | ReplicaRequest::CompareDigests { .. }
        | ReplicaRequest::CompareBranches { .. }
        | ReplicaRequest::CompareSummaries(_) => None,
    }
}

fn letter(place: Place) -> char {
    char::from(b'a' + u8::try_from(place).expect("few nodes"))
}

fn pair(one: Place, other: Place) -> (Place, Place) {
    (one.min(other), one.max(other))
}
