//! A node's process: running on its disk, paused, or dead beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use quorate_core::{ClientToken, Config, Event, Input, Node, NodeId, Output, Time, invariants};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{
    disk::{Lost, SimDisk, SimFsync, SyncQueue},
    tally::Tally,
    turns::Turn,
    world::Duty,
};

/// One process, over all its lives.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) config: Config,
    pub(crate) disk: SimDisk,
    pub(crate) syncs: SyncQueue,
    /// Whether syncs fail.
    pub(crate) fails: bool,
    /// How much longer syncs take.
    pub(crate) syncs_slower_by: Duration,
    /// Which life this is: what belongs to an earlier one is ignored.
    pub(crate) life: u64,
    /// The earliest wake-up that is on the agenda.
    pub(crate) timer: Option<Time>,
    /// What waits for the end of a pause, while there is one.
    pub(crate) pause: Option<Pause>,
    /// How many pauses there were, so that what belongs to an earlier one can be told.
    pub(crate) pauses: u64,
    /// How it is stopped and let run in turn, if it is.
    pub(crate) duty: Option<Duty>,
    /// Requests whose clients have given up: an answer goes nowhere.
    pub(crate) abandoned: BTreeSet<ClientToken>,
    pub(crate) counts: NodeCounts,
    /// How often it has told what, and what it had counted in the lives that are over.
    past: Tally,
    /// What it has told of the owners of partitions, of what it copied and dropped, and whom it counted for answers, in
    /// order, in all its lives.
    pub(crate) told: Vec<Event>,
    /// What became of it when, in order.
    pub(crate) turns: Vec<(Time, Turn)>,
    /// Who was met at each address in this life, by a node that goes by that: `Plant::AddressBelieved`.
    met: BTreeMap<SocketAddr, NodeId>,
    node: Option<Node>,
    rng: Pcg64Mcg,
}

/// A process that does nothing, and does not know it.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// What has come meanwhile, in its order.
    pub(crate) waiting: Vec<Waiting>,
    /// Whether clients have given up their connections to it.
    pub(crate) is_left: bool,
}

/// What waits for the end of a pause.
#[derive(Debug)]
pub(crate) enum Waiting {
    Input(Box<Input>),
    /// A sync has ended.
    Synced,
}

/// What faults of a node have done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// Inputs that waited for the end of a pause.
    pub inputs_delayed: u64,
    /// Syncs that failed.
    pub syncs_failed: u64,
    /// Syncs that were slowed.
    pub syncs_slowed: u64,
    /// How often the node was told a time that its clock would not have shown.
    pub readings_wrong: u64,
    /// Looks at the disk that failed.
    pub reads_failed: u64,
    /// Requests and answers that did not get through to or from clients.
    pub requests_cut: u64,
}

impl Process {
    pub(crate) fn new(config: Config, fsync: SimFsync, rng: Pcg64Mcg) -> Process {
        Process {
            config,
            disk: SimDisk::new(fsync),
            syncs: SyncQueue::default(),
            fails: false,
            syncs_slower_by: Duration::ZERO,
            life: 0,
            timer: None,
            pause: None,
            pauses: 0,
            duty: None,
            abandoned: BTreeSet::new(),
            counts: NodeCounts::default(),
            past: Tally::default(),
            told: Vec::new(),
            turns: Vec::new(),
            met: BTreeMap::new(),
            node: None,
            rng,
        }
    }

    /// Starts the node on its disk.
    pub(crate) fn start(&mut self, now: quorate_core::Now) {
        assert!(self.node.is_none(), "a running process can't be started");
        let rng = Pcg64Mcg::seed_from_u64(self.rng.random());
        // What it holds is read at the start; a disk that can't be read at all is one to be wiped.
        let reads_fail = self.disk.set_reads_failing(false);
        let node = Node::start(self.config.clone(), self.disk.clone(), rng, now);
        self.disk.set_reads_failing(reads_fail);
        self.node = Some(node.expect("a simulated disk can be read, and the settings were checked"));
        self.life += 1;
        self.timer = None;
        self.met.clear();
        self.turns.push((now.time, Turn::Started));
    }

    /// Whom the node takes for the other end of a new connection, which has proved who it is, unless for just that.
    pub(crate) fn takes_for(&mut self, at: SocketAddr, proved: NodeId) -> Option<NodeId> {
        let believes = self.config.believes_addresses();
        believes.then(|| *self.met.entry(at).or_insert(proved))
    }

    /// Kills it. Chance decides whether a sync that was under way got there.
    pub(crate) fn kill(&mut self, now: Time) {
        let reached = if self.rng.random() {
            self.syncs.under_way_count()
        } else {
            0
        };
        self.end(now, reached);
    }

    /// Ends it, when the first `reached` batches of the sync under way had got there.
    pub(crate) fn end(&mut self, now: Time, reached: usize) -> Lost {
        let node = self.node.take().expect("a dead process can't be killed");
        self.past.add(node.counters());
        self.pause = None;
        self.duty = None;
        self.abandoned.clear();
        self.turns.push((now, Turn::Ended));
        self.syncs.crash(now, &self.disk, reached)
    }

    /// Takes note of what it tells.
    pub(crate) fn note(&mut self, now: Time, event: Event) {
        self.past.note(&event);
        self.turns.extend(Turn::of(&event).map(|turn| (now, turn)));
        let is_of_owners = matches!(
            event,
            Event::OwnersChanged { .. }
                | Event::QuorumCounted(_)
                | Event::PartitionCopied { .. }
                | Event::PartitionDropped { .. }
        );
        if is_of_owners {
            self.told.push(event);
        }
    }

    /// What it has told and counted in all its lives.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.past.clone();
        if let Some(node) = &self.node {
            tally.add(node.counters());
        }
        tally
    }

    pub(crate) fn is_running(&self) -> bool {
        self.node.is_some()
    }

    /// Whether it runs and is not paused.
    pub(crate) fn is_awake(&self) -> bool {
        self.node.is_some() && self.pause.is_none()
    }

    pub(crate) fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    pub(crate) fn node_mut(&mut self) -> Option<&mut Node> {
        self.node.as_mut()
    }

    /// Hands something to the node, or lets it do what is due. Take its outputs afterwards. A dead one does nothing.
    pub(crate) fn handle(&mut self, now: quorate_core::Now, input: Option<Input>) {
        let Some(node) = &mut self.node else {
            return;
        };
        match input {
            Some(input) => node.handle(now, input),
            None => {
                node.handle_timeout(now);
                invariants::check_members(node);
            }
        }
        invariants::check(node);
    }

    /// The next thing that the node wants done; nothing, if it is dead.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.node.as_mut()?.poll_output()
    }

    /// Lets something wait for the end of the pause.
    pub(crate) fn keep_waiting(&mut self, what: Waiting) {
        self.counts.inputs_delayed += 1;
        let pause = self.pause.as_mut().expect("only of a paused process anything waits");
        pause.waiting.push(what);
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.node.as_ref()?.poll_timeout()
    }

    /// Whether its records give the trees that it keeps; true while anything is on its way to the disk.
    pub(crate) fn check_at_rest(&self) {
        if let Some(node) = &self.node
            && node.status().persisting == 0
        {
            invariants::check_trees(node);
            assert!(node.store().memory().is_ok());
        }
    }
}
