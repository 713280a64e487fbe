//! The simulation itself: an agenda of what is to happen, and what happens when it does.

mod faults;
mod pauses;

pub use self::{faults::PowerLoss, pauses::Duty};

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    hash::Hash,
    net::SocketAddr,
    ops::Range,
    time::Duration,
};

use quorate_core::{
    ClientToken, Config, Event, Input, Key, MemberStatus, Message, Metrics, NodeId, Now, Output, Ownership,
    PersistToken, Request, Response, Status, StoreError, Time, WallTime,
};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use rustc_hash::FxHashMap;

use crate::{
    agenda::Agenda,
    chance::Chance,
    clock::Clock,
    disk::{SimDisk, SimFsync},
    link::{Distribution, Link, LinkFaults, Links, REDIAL, RESET, RETRANSMISSION, SUSPICION, Side},
    process::{Process, Waiting},
    seed::rng,
    tally::Tally,
    tap::{Sent, Tap},
    trace::{Trace, TraceEvent, TraceHash, Watch, What},
    turns::Turn,
};

/// A node, by its place in the list that the simulation was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIndex(pub usize);

/// A client's request, as whoever submitted it knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

/// The end of a client's request.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Which.
    pub call: CallId,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a client's request ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The node answered.
    Answered(Box<Response>),
    /// The node was not there: nothing was sent.
    NotSent,
    /// The node died with the request in its hands, or did nothing for so long that its client gave it up.
    Lost,
}

/// What a simulation is made with.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// One-way delays, drawn evenly for each message.
    pub link_delay: Range<Duration>,
    /// Durations of a disk sync, drawn evenly for each.
    pub sync_delay: Range<Duration>,
    /// When what is finished survives a crash.
    pub fsync: SimFsync,
    /// What true clocks show at the start.
    pub epoch: WallTime,
    /// Whether all that happens is hashed. It takes a twentieth of the time, and is for whoever compares runs or watches one.
    pub is_hashed: bool,
}

/// Many nodes in virtual time.
#[derive(Debug)]
pub struct Sim {
    options: SimOptions,
    /// Of the options, as each message draws from it.
    link_delay_ns: Range<u64>,
    now: Time,
    agenda: Agenda<Happening>,
    processes: Vec<Process>,
    /// Where each node is in the list, by its identity.
    indices: FxHashMap<NodeId, NodeIndex>,
    addresses: BTreeMap<SocketAddr, NodeIndex>,
    clocks: Vec<Clock>,
    links: Links,
    /// Requests that clients wait for, and where. Whoever goes through them sorts them.
    calls: FxHashMap<CallId, NodeIndex>,
    /// Nodes that no client reaches.
    unreached: BTreeSet<NodeIndex>,
    next_call: u64,
    delays: Chance,
    // One each, so that what one kind of fault draws does not depend on the others.
    losses: Chance,
    jitters: Chance,
    framing: Chance,
    power: Pcg64Mcg,
    flips: Pcg64Mcg,
    wakings: Pcg64Mcg,
    /// Room for the batches of a sync that ends.
    ended: Vec<PersistToken>,
    trace: Trace,
    tap: Option<Box<dyn Tap>>,
}

#[derive(Debug, Hash)]
enum Happening {
    /// A message arrives.
    Arrive {
        from: NodeIndex,
        to: NodeIndex,
        era: u64,
        message: Box<Message>,
    },
    /// A side may have been silent for too long.
    Suspect { low: NodeIndex, high: NodeIndex, era: u64 },
    /// A connection ends because one of its processes was started anew.
    Reset { low: NodeIndex, high: NodeIndex, era: u64 },
    /// A connection can perhaps be made.
    Redial { low: NodeIndex, high: NodeIndex },
    /// A sync ends.
    Synced { node: NodeIndex, life: u64 },
    /// A node wants to be woken.
    Wake { node: NodeIndex, life: u64 },
    /// A client's request arrives.
    Request { call: CallId, request: Box<Request> },
    /// A client learns how its request ended.
    Answer { call: CallId, outcome: AnswerKind },
    /// A message arrives that has left its place in the stream, or that has arrived before.
    ArriveOddly {
        from: NodeIndex,
        to: NodeIndex,
        era: u64,
        message: Box<Message>,
        oddity: Oddity,
    },
    /// Clients may have heard nothing of a paused node for too long.
    Leave { node: NodeIndex, pause: u64 },
    /// A process that is slow stops for a while.
    Doze { node: NodeIndex, life: u64 },
    /// It goes on.
    Rouse { node: NodeIndex, life: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Oddity {
    Late,
    Twice,
}

#[derive(Debug, Hash)]
enum AnswerKind {
    Answered(Box<Response>),
    NotSent,
    Lost,
}

impl Happening {
    /// What is about to happen, to whom, and on whose account.
    fn described(&self, at: Time, calls: &FxHashMap<CallId, NodeIndex>) -> TraceEvent {
        let (what, node, peer) = match self {
            Happening::Arrive { from, to, .. } => (What::Arrive, Some(*to), Some(*from)),
            Happening::Suspect { low, high, .. } => (What::Suspect, Some(*low), Some(*high)),
            Happening::Reset { low, high, .. } => (What::Reset, Some(*low), Some(*high)),
            Happening::Redial { low, high } => (What::Redial, Some(*low), Some(*high)),
            Happening::Synced { node, .. } => (What::Synced, Some(*node), None),
            Happening::Wake { node, .. } => (What::Wake, Some(*node), None),
            Happening::Request { call, .. } => (What::Request, calls.get(call).copied(), None),
            Happening::Answer { .. } => (What::Answer, None, None),
            Happening::ArriveOddly { from, to, .. } => (What::ArriveOddly, Some(*to), Some(*from)),
            Happening::Leave { node, .. } => (What::Leave, Some(*node), None),
            Happening::Doze { node, .. } => (What::Pause, Some(*node), None),
            Happening::Rouse { node, .. } => (What::Resume, Some(*node), None),
        };
        TraceEvent { at, what, node, peer }
    }
}

impl Sim {
    /// Makes a cluster of nodes, all of them dead. Their clocks are ahead of the true time by `clock_offsets`, which
    /// may be shorter than the list of nodes.
    ///
    /// # Panics
    /// If a node's settings can't be.
    pub fn new(options: SimOptions, configs: Vec<Config>, clock_offsets: Vec<Duration>) -> Sim {
        for config in &configs {
            assert_eq!(config.validate(), Ok(()), "settings of {}", config.name);
        }
        let mut clocks: Vec<_> = clock_offsets.into_iter().map(Clock::ahead_by).collect();
        clocks.resize(configs.len(), Clock::default());
        let seed = options.seed;
        let process = |config: Config| {
            let rng = rng(seed, &format!("process {}", config.name));
            Process::new(config, options.fsync, rng)
        };
        let nodes = configs.iter().map(|config| config.node);
        let indices = nodes.zip((0..).map(NodeIndex)).collect();
        let addresses = configs.iter().map(|config| config.address);
        let addresses = addresses.zip((0..).map(NodeIndex)).collect();
        Sim {
            now: Time::ZERO,
            agenda: Agenda::new(),
            clocks,
            links: Links::new(configs.len()),
            indices,
            addresses,
            processes: configs.into_iter().map(process).collect(),
            calls: FxHashMap::default(),
            unreached: BTreeSet::new(),
            next_call: 0,
            delays: Chance::new(seed, "delays"),
            losses: Chance::new(seed, "losses"),
            jitters: Chance::new(seed, "jitters"),
            framing: Chance::new(seed, "framing"),
            power: rng(seed, "power"),
            flips: rng(seed, "flips"),
            wakings: rng(seed, "wakings"),
            ended: Vec::new(),
            trace: Trace::new(options.is_hashed),
            tap: None,
            link_delay_ns: in_ns(&options.link_delay),
            options,
        }
    }

    /// Starts a dead node on what its disk holds.
    pub fn start(&mut self, node: NodeIndex) {
        let now = self.readings(node);
        self.processes[node.0].start(now);
        self.note(What::Start, Some(node), None, &());
        for peer in self.peers(node) {
            let (low, high) = pair(node, peer);
            let link = self.link(low, high);
            if link.up {
                let era = link.era;
                self.schedule(RESET, Happening::Reset { low, high, era });
            } else {
                self.schedule(REDIAL, Happening::Redial { low, high });
            }
        }
        self.wake(node, None);
    }

    /// Changes what a dead node will be told at its next start.
    ///
    /// # Panics
    /// If it runs, or the settings can't be.
    pub fn reconfigure(&mut self, node: NodeIndex, change: impl FnOnce(&mut Config)) {
        let process = &mut self.processes[node.0];
        assert!(!process.is_running(), "settings are told at the start");
        change(&mut process.config);
        assert_eq!(process.config.validate(), Ok(()), "settings of {}", process.config.name);
        let known = self.addresses.get(&process.config.address);
        assert_eq!(known, Some(&node), "a node stays where it is");
    }

    /// Kills a running node: what it had not synced is gone.
    pub fn kill(&mut self, node: NodeIndex) {
        self.note(What::Kill, Some(node), None, &());
        let now = self.now;
        self.processes[node.0].kill(now);
        self.bury(node);
    }

    /// Does what follows from the end of a process.
    fn bury(&mut self, node: NodeIndex) {
        for peer in self.peers(node) {
            let (low, high) = pair(node, peer);
            let side = side(node, peer);
            let end = self.link(low, high).end_mut(side);
            end.told = false;
            end.held.clear(); // Nobody is left to resend it.
            self.grow_silent(low, high);
        }
        for call in self.take_calls(node) {
            let outcome = AnswerKind::Lost;
            self.schedule(SUSPICION, Happening::Answer { call, outcome });
        }
    }

    /// Takes out the requests that clients have sent to a node, in the order in which they did.
    fn take_calls(&mut self, node: NodeIndex) -> Vec<CallId> {
        let mut calls: Vec<_> = self
            .calls
            .extract_if(|_, at| *at == node)
            .map(|(call, _)| call)
            .collect();
        calls.sort();
        calls
    }

    /// Holds back everything that `from` sends to `to`, until it is healed.
    pub fn cut(&mut self, from: NodeIndex, to: NodeIndex) {
        self.note(What::Cut, Some(to), Some(from), &());
        let (low, high) = pair(from, to);
        self.link(low, high).end_mut(side(from, to)).cut = true;
        self.grow_silent(low, high);
    }

    /// Lets everything through again, everywhere.
    pub fn heal(&mut self) {
        self.note(What::Heal, None, None, &());
        for (low, high) in self.links.cut() {
            for (side, from, to) in [(Side::Low, low, high), (Side::High, high, low)] {
                let end = self.link(low, high).end_mut(side);
                end.cut = false;
                let held = std::mem::take(&mut end.held);
                held.into_iter()
                    .for_each(|message| self.transmit(from, to, Box::new(message)));
            }
            if self.processes[low.0].is_awake() && self.processes[high.0].is_awake() {
                self.link(low, high).silent_since = None;
            }
            self.schedule(REDIAL, Happening::Redial { low, high });
        }
    }

    /// Sends a client's request to a node.
    pub fn submit(&mut self, node: NodeIndex, request: impl Into<Box<Request>>) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        self.calls.insert(call, node);
        let delay = self.client_delay(node);
        let request = request.into();
        self.schedule(delay, Happening::Request { call, request });
        call
    }

    /// Lets time pass until a client's request ends or `until` is reached, whichever is first.
    pub fn advance(&mut self, until: Time) -> Option<Completion> {
        while let Some((at, happening)) = self.agenda.pop_until(until) {
            assert!(at >= self.now, "time does not go back");
            self.now = at;
            let calls = &self.calls;
            self.trace.note(|| happening.described(at, calls), &happening);
            if let Some(completion) = self.happen(happening) {
                return Some(completion);
            }
        }
        self.now = self.now.max(until);
        None
    }

    /// The present, in virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many nodes there are, dead ones among them.
    pub fn node_count(&self) -> usize {
        self.processes.len()
    }

    /// Whether a node runs.
    pub fn is_running(&self, node: NodeIndex) -> bool {
        self.processes[node.0].is_running()
    }

    /// How a node is; `None` while it is dead.
    pub fn status(&self, node: NodeIndex) -> Option<Status> {
        self.processes[node.0].node().map(|node| node.status())
    }

    /// The record of the partition that a key is in, as a node serves by it; `None` if it is dead or knows no ring.
    pub fn ownership(&self, node: NodeIndex, key: &Key) -> Option<&Ownership> {
        self.processes[node.0].node()?.ownership(key)
    }

    /// What a node thinks of another; `None` while it is dead, or has not heard of it.
    pub fn opinion(&self, node: NodeIndex, of: NodeIndex) -> Option<MemberStatus> {
        let of = self.processes[of.0].config.node;
        self.processes[node.0].node()?.member(of)
    }

    /// Has people call a running node by another name: a change that others have to hear of.
    ///
    /// # Panics
    /// If it is dead, or the name can't be.
    pub fn rename(&mut self, node: NodeIndex, name: &str) {
        self.note(What::Rename, Some(node), None, &name);
        let running = self.processes[node.0]
            .node_mut()
            .expect("a dead node has no name to change");
        running.rename(name.to_owned());
    }

    /// What a node has done and how long it took; `None` while it is dead.
    pub fn metrics(&self, node: NodeIndex) -> Option<Metrics> {
        self.processes[node.0].node().map(|node| node.metrics())
    }

    /// What a node has told of owners and quorums since the start, in all its lives, in order.
    pub fn told(&self, node: NodeIndex) -> &[Event] {
        &self.processes[node.0].told
    }

    /// What has become of a node since the start, in order.
    pub fn turns(&self, node: NodeIndex) -> &[(Time, Turn)] {
        &self.processes[node.0].turns
    }

    /// What a node has told and counted since the start, in all its lives.
    pub fn tally(&self, node: NodeIndex) -> Tally {
        self.processes[node.0].tally()
    }

    /// A node's disk, to be spoilt.
    pub fn disk(&self, node: NodeIndex) -> &SimDisk {
        &self.processes[node.0].disk
    }

    /// Everything so far, as a hash; `None` if nothing is hashed.
    pub fn trace(&self) -> Option<TraceHash> {
        self.trace.so_far()
    }

    /// How many events there were so far.
    pub fn event_count(&self) -> u64 {
        self.trace.event_count()
    }

    /// Shows every event from here on to `watch`, as it happens. Nothing that it does can change the run.
    ///
    /// # Panics
    /// If nothing is hashed.
    pub fn set_watch(&mut self, watch: Box<dyn Watch>) {
        self.trace.set_watch(watch);
    }

    /// Shows what passes between nodes from here on to `tap`. Nothing that it does can change the run.
    pub fn set_tap(&mut self, tap: Box<dyn Tap>) {
        self.tap = Some(tap);
    }

    /// Checks what has to hold of every node that has nothing on its way to its disk.
    ///
    /// # Panics
    /// If it does not: a bug in the core.
    pub fn check_at_rest(&self) {
        self.processes.iter().for_each(Process::check_at_rest);
    }

    fn note(&mut self, what: What, node: Option<NodeIndex>, peer: Option<NodeIndex>, more: &(impl Hash + fmt::Debug)) {
        let at = self.now;
        let event = TraceEvent { at, what, node, peer };
        self.trace.note(|| event, more);
    }

    fn happen(&mut self, happening: Happening) -> Option<Completion> {
        match happening {
            Happening::Arrive { from, to, era, message } => self.arrive(from, to, era, message),
            Happening::Suspect { low, high, era } => self.suspect(low, high, era),
            Happening::Reset { low, high, era } => {
                if self.link(low, high).era == era {
                    self.disconnect(low, high);
                }
            }
            Happening::Redial { low, high } => self.redial(low, high),
            Happening::Synced { node, life } => self.synced(node, life),
            Happening::Wake { node, life } => self.wake_up(node, life),
            Happening::Request { call, request } => self.deliver_request(call, request),
            Happening::Answer { call, outcome } => {
                let outcome = match outcome {
                    AnswerKind::Answered(response) => Outcome::Answered(response),
                    AnswerKind::NotSent => Outcome::NotSent,
                    AnswerKind::Lost => Outcome::Lost,
                };
                return Some(Completion { call, outcome });
            }
            Happening::ArriveOddly {
                from,
                to,
                era,
                message,
                oddity,
            } => self.arrive_oddly(from, to, era, message, oddity),
            Happening::Leave { node, pause } => self.leave(node, pause),
            Happening::Doze { node, life } => self.doze(node, life),
            Happening::Rouse { node, life } => self.rouse(node, life),
        }
        None
    }

    fn wake_up(&mut self, node: NodeIndex, life: u64) {
        let process = &mut self.processes[node.0];
        if process.life == life {
            process.timer = None;
            if process.is_awake() {
                self.wake(node, None);
            }
        }
    }

    fn arrive(&mut self, from: NodeIndex, to: NodeIndex, era: u64, message: Box<Message>) {
        if self.is_awaited(from, to, era) {
            let from = self.taken_for(to, from);
            self.give(to, Input::Message { from, message });
        }
    }

    fn arrive_oddly(&mut self, from: NodeIndex, to: NodeIndex, era: u64, message: Box<Message>, oddity: Oddity) {
        if self.is_awaited(from, to, era) {
            let (low, high) = pair(from, to);
            let counts = &mut self.link(low, high).end_mut(side(from, to)).counts;
            match oddity {
                Oddity::Late => counts.late += 1,
                Oddity::Twice => counts.twice += 1,
            }
            self.arrive(from, to, era, message);
        }
    }

    /// Whether the connection that a message was sent on is there, and known to the receiver.
    fn is_awaited(&mut self, from: NodeIndex, to: NodeIndex, era: u64) -> bool {
        let (low, high) = pair(from, to);
        let link = self.link(low, high);
        link.era == era && link.end(side(to, from)).told
    }

    fn deliver_request(&mut self, call: CallId, request: Box<Request>) {
        let Some(node) = self.calls.get(&call).copied() else {
            return; // The node died, or was given up, and the client has been told so.
        };
        if self.unreached.contains(&node) {
            return self.lose_call(call, node);
        }
        let process = &self.processes[node.0];
        if process.is_running() && process.pause.as_ref().is_none_or(|pause| !pause.is_left) {
            let token = ClientToken(call.0);
            self.give(node, Input::Client { token, request });
        } else {
            self.calls.remove(&call);
            let outcome = AnswerKind::NotSent;
            let delay = self.link_delay(node, node);
            self.schedule(delay, Happening::Answer { call, outcome });
        }
    }

    /// A client hears nothing of its request, and gives it up.
    fn lose_call(&mut self, call: CallId, node: NodeIndex) {
        self.calls.remove(&call).expect("a request is answered once");
        self.processes[node.0].counts.requests_cut += 1;
        let outcome = AnswerKind::Lost;
        self.schedule(SUSPICION, Happening::Answer { call, outcome });
    }

    /// Hands something to a node now, or, if it is paused, once it goes on.
    fn give(&mut self, node: NodeIndex, input: Input) {
        let process = &mut self.processes[node.0];
        if process.pause.is_some() {
            process.keep_waiting(Waiting::Input(Box::new(input)));
        } else {
            self.wake(node, Some(input));
        }
    }

    /// Hands something to a node, or lets it do what is due, and does what it asks for.
    fn wake(&mut self, node: NodeIndex, input: Option<Input>) {
        let now = self.readings(node);
        self.processes[node.0].handle(now, input);
        while let Some(output) = self.processes[node.0].poll_output() {
            self.carry_out(node, output);
        }
        self.set_timer(node);
    }

    fn carry_out(&mut self, node: NodeIndex, output: Output) {
        match output {
            Output::Send { to, message } => {
                let to = self.index_of(node, to);
                self.transmit(node, to, message);
            }
            Output::Reply { token, response } => {
                if self.processes[node.0].abandoned.remove(&token) {
                    return;
                }
                let call = CallId(token.0);
                if self.unreached.contains(&node) {
                    return self.lose_call(call, node);
                }
                self.calls.remove(&call).expect("a request is answered once");
                let outcome = AnswerKind::Answered(response);
                let delay = self.client_delay(node);
                self.schedule(delay, Happening::Answer { call, outcome });
            }
            Output::Persist { token, ops } => {
                self.processes[node.0].syncs.push(token, ops);
                self.begin_sync(node);
            }
            Output::Connect { address } => {
                let Some(peer) = self.addresses.get(&address) else {
                    return; // A spoilt one is dialled in vain.
                };
                let (low, high) = pair(node, *peer);
                if !std::mem::replace(&mut self.link(low, high).wanted, true) {
                    self.schedule(REDIAL, Happening::Redial { low, high });
                }
            }
            Output::Event(event) => self.processes[node.0].note(self.now, event),
            Output::Stop { why } => self.stop(node, &why),
        }
    }

    /// A node ends by itself. What it had on the way to its disk had failed, or was never begun.
    fn stop(&mut self, node: NodeIndex, why: &str) {
        self.note(What::Stop, Some(node), None, &why);
        let now = self.now;
        self.processes[node.0].end(now, 0);
        self.bury(node);
    }

    /// Puts a message on its way. Without a connection it goes nowhere, and the sender has been told or will be.
    fn transmit(&mut self, from: NodeIndex, to: NodeIndex, message: Box<Message>) {
        let at = self.now + self.link_delay(from, to);
        let (low, high) = pair(from, to);
        let link = self.links.between_mut(low, high);
        let era = link.era;
        if !link.up {
            return;
        }
        let end = link.end_mut(side(from, to));
        if end.cut {
            self.tap_message(from, to, &message, None);
            let end = self.links.between_mut(low, high).end_mut(side(from, to));
            end.held.push(*message);
            end.counts.held += 1;
            return;
        }
        if let Some(faults) = end.faults().copied() {
            return self.transmit_faultily(from, to, &faults, at, message);
        }
        let arrives = end.put_in_stream(at);
        self.tap_message(from, to, &message, Some(arrives));
        self.agenda.put(arrives, Happening::Arrive { from, to, era, message });
    }

    /// Puts a message on its way where it may be slowed, lost and sent again, or disturbed otherwise.
    fn transmit_faultily(
        &mut self,
        from: NodeIndex,
        to: NodeIndex,
        faults: &LinkFaults,
        at: Time,
        message: Box<Message>,
    ) {
        let (low, high) = pair(from, to);
        let link = self.links.between_mut(low, high);
        let era = link.era;
        let end = link.end_mut(side(from, to));
        let mut at = at + faults.slower_by;
        if !faults.jitter.is_zero() {
            let mut jitters = self.jitters.between(self.now, from, to);
            at = at
                + match faults.jitter_is {
                    Distribution::Uniform => draw(&mut jitters, &(Duration::ZERO..faults.jitter)),
                    other => other.draw(&mut jitters, faults.jitter),
                };
        }
        if faults.packets_per_second > 0 {
            at = at.max(end.next_packet);
            end.next_packet = at + Duration::from_secs(1) / faults.packets_per_second;
            if at - self.now > SUSPICION {
                // More than the connection bears waits for its turn.
                end.counts.slowed += 1;
                return self.schedule(SUSPICION, Happening::Reset { low, high, era });
            }
        }
        end.counts.slowed += u64::from(faults.is_slow());
        if faults.loss_percent > 0 {
            let (losses, late) = retransmissions(&mut self.losses.between(self.now, from, to), faults.loss_percent);
            end.counts.lost += losses;
            at = at + late;
            if late > SUSPICION {
                return self.schedule(SUSPICION, Happening::Reset { low, high, era });
            }
        }
        if faults.is_odd(message.kind()) {
            self.arrange_oddly(from, to, faults, at, message);
        } else {
            self.arrange(from, to, at, message);
        }
    }

    /// Has a message arrive in its place in the stream.
    fn arrange(&mut self, from: NodeIndex, to: NodeIndex, at: Time, message: Box<Message>) {
        let (low, high) = pair(from, to);
        let link = self.links.between_mut(low, high);
        let era = link.era;
        let arrives = link.end_mut(side(from, to)).put_in_stream(at);
        self.tap_message(from, to, &message, Some(arrives));
        self.agenda.put(arrives, Happening::Arrive { from, to, era, message });
    }

    /// Has a message arrive in its place in the stream, or late, and perhaps a second time; or spoilt, or never.
    fn arrange_oddly(
        &mut self,
        from: NodeIndex,
        to: NodeIndex,
        faults: &LinkFaults,
        at: Time,
        mut message: Box<Message>,
    ) {
        let (low, high) = pair(from, to);
        let link = self.links.between_mut(low, high);
        let era = link.era;
        let mut framing = self.framing.between(self.now, from, to);
        if faults.dropped_percent > 0 && framing.random_ratio(u32::from(faults.dropped_percent), 100) {
            link.end_mut(side(from, to)).counts.dropped += 1;
            return;
        }
        if faults.spoilt_percent > 0 && framing.random_ratio(u32::from(faults.spoilt_percent), 100) {
            let counts = &mut link.end_mut(side(from, to)).counts;
            counts.spoilt += u64::from(message.flip_fact(framing.random()));
        }
        let late = odd_delay(&mut framing, faults.late_percent, faults.late_by_max);
        let again = odd_delay(&mut framing, faults.twice_percent, faults.late_by_max);
        let arrive_oddly = |agenda: &mut Agenda<Happening>, at: Time, message: Box<Message>, oddity| {
            let happening = Happening::ArriveOddly {
                from,
                to,
                era,
                message,
                oddity,
            };
            agenda.put(at, happening);
        };
        if let Some(by) = again {
            arrive_oddly(&mut self.agenda, at + by, message.clone(), Oddity::Twice);
        }
        if let Some(by) = late {
            self.tap_message(from, to, &message, None);
            return arrive_oddly(&mut self.agenda, at + by, message, Oddity::Late);
        }
        self.arrange(from, to, at, message);
    }

    fn grow_silent(&mut self, low: NodeIndex, high: NodeIndex) {
        let now = self.now;
        let link = self.link(low, high);
        if link.up && link.silent_since.is_none() {
            link.silent_since = Some(now);
            let era = link.era;
            self.schedule(SUSPICION, Happening::Suspect { low, high, era });
        }
    }

    fn suspect(&mut self, low: NodeIndex, high: NodeIndex, era: u64) {
        let now = self.now;
        let link = self.link(low, high);
        if link.era != era {
            return;
        }
        let Some(since) = link.silent_since else {
            return;
        };
        let left = (since + SUSPICION) - now;
        if left.is_zero() {
            self.disconnect(low, high);
        } else {
            self.schedule(left, Happening::Suspect { low, high, era });
        }
    }

    fn disconnect(&mut self, low: NodeIndex, high: NodeIndex) {
        let link = self.link(low, high);
        let told = Side::BOTH.map(|side| link.end(side).told);
        link.disconnect();
        self.schedule(REDIAL, Happening::Redial { low, high });
        for (node, peer, told) in [(low, high, told[0]), (high, low, told[1])] {
            if told {
                let peer = self.taken_for(node, peer);
                self.give(node, Input::LinkDown { peer });
            }
        }
    }

    /// Makes a connection, if everything that it needs is there; a heal or a start tries again.
    fn redial(&mut self, low: NodeIndex, high: NodeIndex) {
        let awake = [low, high].iter().all(|node| self.processes[node.0].is_awake());
        let link = self.link(low, high);
        if link.up || !link.wanted || link.is_cut() || !awake {
            return;
        }
        link.connect();
        for (node, peer) in [(low, high), (high, low)] {
            let Config {
                address, node: proved, ..
            } = self.processes[peer.0].config;
            let taken_for = self.processes[node.0].takes_for(address, proved);
            self.link(low, high).end_mut(side(node, peer)).taken_for = taken_for;
        }
        for (node, peer) in [(low, high), (high, low)] {
            let peer = self.taken_for(node, peer);
            self.wake(node, Some(Input::LinkUp { peer }));
        }
    }

    fn begin_sync(&mut self, node: NodeIndex) {
        if self.processes[node.0].syncs.begin() {
            let delay = draw(&mut self.delays.at(self.now, node), &self.options.sync_delay);
            let process = &mut self.processes[node.0];
            let (life, slower_by) = (process.life, process.syncs_slower_by);
            process.counts.syncs_slowed += u64::from(!slower_by.is_zero());
            self.schedule(delay + slower_by, Happening::Synced { node, life });
        }
    }

    fn synced(&mut self, node: NodeIndex, life: u64) {
        let now = self.now;
        let process = &mut self.processes[node.0];
        if process.life != life || !process.is_running() {
            return;
        }
        if process.pause.is_some() {
            return process.keep_waiting(Waiting::Synced);
        }
        let mut ended = std::mem::take(&mut self.ended);
        let result = if process.fails {
            process.counts.syncs_failed += 1;
            process.syncs.fail(&mut ended);
            Err(StoreError::Failed("the disk was told to fail".to_owned()))
        } else {
            process.syncs.finish(now, &process.disk, &mut ended);
            Ok(())
        };
        for token in ended.drain(..) {
            let result = result.clone();
            self.wake(node, Some(Input::Persisted { token, result }));
        }
        self.ended = ended;
        self.begin_sync(node);
    }

    fn set_timer(&mut self, node: NodeIndex) {
        let process = &mut self.processes[node.0];
        let Some(due) = process.next_timeout() else {
            return;
        };
        if process.timer.is_none_or(|set| due < set) {
            process.timer = Some(due);
            let life = process.life;
            let delay = due - self.now;
            self.schedule(delay, Happening::Wake { node, life });
        }
    }

    fn schedule(&mut self, delay: Duration, happening: Happening) {
        self.agenda.put(self.now + delay, happening);
    }

    /// How long what is sent now takes from one node to another, or from or to a client of the one that is both.
    fn link_delay(&self, from: NodeIndex, to: NodeIndex) -> Duration {
        draw_ns(&mut self.delays.between(self.now, from, to), &self.link_delay_ns)
    }

    /// How long it takes from or to a client of a node.
    fn client_delay(&mut self, node: NodeIndex) -> Duration {
        let delay = self.link_delay(node, node);
        if let Some(tap) = &mut self.tap {
            tap.on_client(delay);
        }
        delay
    }

    fn tap_message(&mut self, from: NodeIndex, to: NodeIndex, message: &Message, arrives: Option<Time>) {
        let at = self.now;
        if let Some(tap) = &mut self.tap {
            tap.on_message(&Sent {
                at,
                from,
                to,
                message,
                arrives,
            });
        }
    }

    fn link(&mut self, low: NodeIndex, high: NodeIndex) -> &mut Link {
        self.links.between_mut(low, high)
    }

    fn peers(&self, node: NodeIndex) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.processes.len())
            .map(NodeIndex)
            .filter(move |peer| *peer != node)
    }

    fn readings(&mut self, node: NodeIndex) -> Now {
        let (wall, is_wrong) = self.clocks[node.0].reading(self.options.epoch, self.now);
        if is_wrong {
            self.processes[node.0].counts.readings_wrong += 1;
        }
        Now { time: self.now, wall }
    }

    /// Whom `node` takes for the other end of its link with `peer`: whom that has proved to be, unless it goes by addresses.
    fn taken_for(&self, node: NodeIndex, peer: NodeIndex) -> NodeId {
        let (low, high) = pair(node, peer);
        let taken_for = self.links.between(low, high).end(side(node, peer)).taken_for;
        taken_for.unwrap_or(self.processes[peer.0].config.node)
    }

    /// Whom what `node` sends to another reaches.
    fn index_of(&self, node: NodeIndex, to: NodeId) -> NodeIndex {
        if self.processes[node.0].config.believes_addresses() {
            let is_up = |peer: &NodeIndex| {
                let (low, high) = pair(node, *peer);
                self.links.between(low, high).up
            };
            let taken = self
                .peers(node)
                .filter(is_up)
                .find(|peer| self.taken_for(node, *peer) == to);
            if let Some(taken) = taken {
                return taken;
            }
        }
        *self.indices.get(&to).expect("nodes send to nodes")
    }
}

fn pair(one: NodeIndex, other: NodeIndex) -> (NodeIndex, NodeIndex) {
    assert_ne!(one, other, "a link has two ends");
    (one.min(other), one.max(other))
}

/// The side of `node` on its link with `peer`.
fn side(node: NodeIndex, peer: NodeIndex) -> Side {
    if node < peer { Side::Low } else { Side::High }
}

fn draw(rng: &mut Pcg64Mcg, range: &Range<Duration>) -> Duration {
    draw_ns(rng, &in_ns(range))
}

fn draw_ns(rng: &mut Pcg64Mcg, range_ns: &Range<u64>) -> Duration {
    Duration::from_nanos(rng.random_range(range_ns.clone()))
}

fn in_ns(range: &Range<Duration>) -> Range<u64> {
    range.start.as_nanos() as u64..range.end.as_nanos() as u64
}

/// How often in a row a packet is lost, and how late that makes it; once it is too late for its connection to last, no
/// more is drawn.
fn retransmissions(rng: &mut Pcg64Mcg, percent: u8) -> (u64, Duration) {
    let (mut count, mut late) = (0u64, Duration::ZERO);
    while late <= SUSPICION && rng.random_ratio(u32::from(percent), 100) {
        late += draw(rng, &RETRANSMISSION) * (1 << count);
        count += 1;
    }
    (count, late)
}

/// How much later a message comes, if it is one of `percent`. Draws nothing if there are none.
fn odd_delay(rng: &mut Pcg64Mcg, percent: u8, by_max: Duration) -> Option<Duration> {
    let is_odd = percent > 0 && rng.random_ratio(u32::from(percent), 100);
    is_odd.then(|| draw(rng, &(Duration::ZERO..by_max)))
}
