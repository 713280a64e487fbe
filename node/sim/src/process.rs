//! A node's process: running on its disk, or dead beside it.

use quorate_core::{Config, Input, Node, Output, Store, Time, invariants};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{
    disk::{SimDisk, SimFsync, SyncQueue},
    tally::Tally,
};

/// One process, over all its lives.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) config: Config,
    pub(crate) disk: SimDisk,
    pub(crate) syncs: SyncQueue,
    /// Whether syncs fail.
    pub(crate) fails: bool,
    /// Which life this is: what belongs to an earlier one is ignored.
    pub(crate) life: u64,
    /// The earliest wake-up that is on the agenda.
    pub(crate) timer: Option<Time>,
    /// What it has told, and what it had counted in the lives that are over.
    pub(crate) past: Tally,
    node: Option<Node<SimDisk>>,
    rng: Pcg64Mcg,
}

impl Process {
    pub(crate) fn new(config: Config, fsync: SimFsync, rng: Pcg64Mcg) -> Process {
        Process {
            config,
            disk: SimDisk::new(fsync),
            syncs: SyncQueue::default(),
            fails: false,
            life: 0,
            timer: None,
            past: Tally::default(),
            node: None,
            rng,
        }
    }

    /// Starts the node on its disk.
    pub(crate) fn start(&mut self, now: quorate_core::Now) {
        assert!(self.node.is_none(), "a running process can't be started");
        let rng = Pcg64Mcg::seed_from_u64(self.rng.random());
        let node = Node::start(self.config.clone(), self.disk.clone(), rng, now);
        self.node = Some(node.expect("a simulated disk can be read, and the settings were checked"));
        self.life += 1;
        self.timer = None;
    }

    /// Kills it. Chance decides whether a sync that was under way got there.
    pub(crate) fn kill(&mut self, now: Time) {
        let node = self.node.take().expect("a dead process can't be killed");
        self.past.add(node.metrics().counters);
        let reached = self.rng.random();
        self.syncs.crash(now, &self.disk, reached);
    }

    /// What it has told and counted in all its lives.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.past.clone();
        if let Some(node) = &self.node {
            tally.add(node.metrics().counters);
        }
        tally
    }

    pub(crate) fn is_running(&self) -> bool {
        self.node.is_some()
    }

    pub(crate) fn node(&self) -> Option<&Node<SimDisk>> {
        self.node.as_ref()
    }

    /// Hands something to the node and collects what it wants done; nothing, if it is dead.
    pub(crate) fn handle(&mut self, now: quorate_core::Now, input: Option<Input>) -> Vec<Output> {
        let Some(node) = &mut self.node else {
            return Vec::new();
        };
        match input {
            Some(input) => node.handle(now, input),
            None => node.handle_timeout(now),
        }
        invariants::check(node);
        std::iter::from_fn(|| node.poll_output()).collect()
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
