//! A cluster in virtual time: the nodes' core, and everything else made up from the seed.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use quorate_checker::cluster::ClusterRecord;
use quorate_core::{
    AdminOk, AdminRequest, ClockMode, ClusterId, Config, Entry, Event, Key, NodeId, Ownership, Request, Response,
    RingShape, Time, WallTime,
};
use quorate_sim::{
    CallId, Completion, Duty, LinkFaults, NodeIndex, Outcome as SimOutcome, PowerLoss, SavedDisk, Sim, SimFsync,
    SimOptions, Tally, Tap, TraceHash, Watch, split_seed,
};

use anyhow::bail;
use quorate_node::control::DiskFailure;
use quorate_workloads::Clock;

use crate::{
    attendance,
    cluster::{
        AskError, ClockChange, Cluster, Counted, DiskFaults, Elapsed, Happening, LinkCounts, NodeCounts, Onlooked,
        Outcome, Reach,
    },
    fault::{DiskLoss, Place},
    fsync::Fsync,
    lags::Lags,
    level::dc_name,
    scenario::Scenario,
    told,
};

/// One-way delays of a fast local network.
const LINK_DELAY: std::ops::Range<Duration> = Duration::from_micros(50)..Duration::from_millis(1);

/// What a sync of a good disk takes.
const SYNC_DELAY: std::ops::Range<Duration> = Duration::from_micros(200)..Duration::from_millis(3);

/// What the clocks show at the start: any time will do, as long as it is the same in every run.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

/// A simulated cluster.
#[derive(Debug)]
pub struct SimulatedCluster {
    sim: Sim,
    identities: Vec<NodeId>,
    /// Whose each request under way is, in the order in which they were submitted, and so of their ids. A few at most times.
    clients: Vec<(CallId, usize)>,
    happened: VecDeque<Happening>,
    bad_links: BTreeSet<(Place, Place)>,
    saved: BTreeMap<Place, SavedDisk>,
}

/// What a simulated cluster is made with.
#[derive(Clone, Debug)]
pub struct SimulatedOptions<'a> {
    /// What the nodes are told.
    pub scenario: &'a Scenario,
    /// The run's seed: who the nodes are, and their clocks.
    pub seed: u64,
    /// Decides delays and the nodes' own choices.
    pub schedule: u64,
    /// Who the nodes are, where that is known already.
    pub identities: &'a [NodeId],
    /// Whether all that happens is hashed.
    pub is_hashed: bool,
}

impl SimulatedCluster {
    /// The cluster of a scenario, with every node still down.
    ///
    /// # Panics
    /// If there are identities, but not as many as nodes.
    pub fn new(made_with: &SimulatedOptions<'_>) -> SimulatedCluster {
        let SimulatedOptions {
            scenario,
            seed,
            schedule,
            identities,
            is_hashed,
        } = *made_with;
        let options = SimOptions {
            seed: split_seed(schedule, "simulation"),
            link_delay: LINK_DELAY,
            sync_delay: SYNC_DELAY,
            fsync: match scenario.fsync {
                Fsync::Always => SimFsync::Always,
                Fsync::Periodic(period) => SimFsync::Periodic(period),
                Fsync::Never => SimFsync::Never,
            },
            epoch: WallTime::from_nanos(EPOCH_NS),
            is_hashed,
        };
        let identity = |place: Place| match identities {
            [] => NodeId(split_seed(seed, &format!("identity of {place}"))),
            identities => identities[place.0],
        };
        let places = Place::all(scenario.place_count());
        let identities: Vec<_> = places.clone().map(identity).collect();
        let configs = places.clone().map(|place| config(scenario, identities[place.0], place));
        let clocks = places.map(|place| scenario.clock_ahead(seed, place));
        SimulatedCluster {
            sim: Sim::new(options, configs.collect(), clocks.collect()),
            identities,
            clients: Vec::new(),
            happened: VecDeque::new(),
            bad_links: BTreeSet::new(),
            saved: BTreeMap::new(),
        }
    }

    /// Shows every event from here on to `watch`.
    pub fn set_watch(&mut self, watch: Box<dyn Watch>) {
        self.sim.set_watch(watch);
    }

    /// Shows what passes between nodes from here on to `tap`.
    pub fn set_tap(&mut self, tap: Box<dyn Tap>) {
        self.sim.set_tap(tap);
    }

    /// A hash of everything that has happened; `None` if nothing is hashed.
    pub fn trace(&self) -> Option<TraceHash> {
        self.sim.trace()
    }

    /// How many events there were.
    pub fn event_count(&self) -> u64 {
        self.sim.event_count()
    }

    /// What each node has told and counted since the start.
    pub fn tallies(&self) -> impl Iterator<Item = Tally> {
        (0..self.sim.node_count()).map(|node| self.sim.tally(NodeIndex(node)))
    }

    /// What a node is called.
    fn name(&self, node: NodeId) -> String {
        let place = self.place_of(node);
        place.map_or_else(|| node.to_string(), |place| place.to_string())
    }

    fn place_of(&self, node: NodeId) -> Option<Place> {
        let place = self.identities.iter().position(|identity| *identity == node);
        place.map(Place)
    }

    /// Takes in the end of a client's request.
    fn take(&mut self, completion: Completion) -> Happening {
        let place = self.clients.binary_search_by_key(&completion.call, |(call, _)| *call);
        let (_, client) = self
            .clients
            .remove(place.expect("clients and administrators alone submit"));
        let outcome = match completion.outcome {
            SimOutcome::Answered(response) => Outcome::Answered(response),
            SimOutcome::NotSent => Outcome::NotSent {
                why: "the node is down or does not answer".to_owned(),
            },
            SimOutcome::Lost => Outcome::Lost {
                why: "the node died, or did nothing, before it answered".to_owned(),
            },
        };
        Happening::Completed { client, outcome }
    }
}

impl Onlooked for SimulatedCluster {
    /// Looks into the nodes: that is no event of the simulation.
    fn lags(&self) -> Lags {
        let mut lags = Lags::default();
        for place in Place::all(self.sim.node_count()) {
            let node = NodeIndex(place.0);
            match self.sim.status(node).filter(|_| !self.sim.is_paused(node)) {
                Some(status) => lags.add(&status.behind, |node| self.place_of(node)),
                None => lags.add_unheard(place),
            }
        }
        lags
    }
}

impl Cluster for SimulatedCluster {
    fn elapsed(&self) -> Elapsed {
        self.sim.now() - Time::ZERO
    }

    fn identity(&self, node: Place) -> NodeId {
        self.identities[node.0]
    }

    fn address(&self, node: Place) -> SocketAddr {
        self.sim.address(NodeIndex(node.0))
    }

    fn swap_addresses(&mut self, one: Place, other: Place) -> anyhow::Result<()> {
        self.sim.swap_addresses(NodeIndex(one.0), NodeIndex(other.0));
        Ok(())
    }

    fn set_entry(&mut self, node: Place, entry: Entry) -> anyhow::Result<()> {
        self.sim.reconfigure(NodeIndex(node.0), |config| config.entry = entry);
        Ok(())
    }

    fn start(&mut self, node: Place) -> anyhow::Result<()> {
        self.sim.start(NodeIndex(node.0));
        self.happened.push_back(Happening::Started { node });
        Ok(())
    }

    async fn kill(&mut self, node: Place) -> anyhow::Result<String> {
        if !self.is_running(node) {
            return Ok("had ended by itself".to_owned());
        }
        self.sim.kill(NodeIndex(node.0));
        assert!(!self.is_running(node), "a killed node does not run");
        Ok("gone".to_owned())
    }

    fn cut(&mut self, from: Place, to: Place) -> anyhow::Result<()> {
        self.sim.cut(NodeIndex(from.0), NodeIndex(to.0));
        Ok(())
    }

    fn hold(&mut self, from: Place, to: Place) -> anyhow::Result<()> {
        // What is cut here waits to be sent again, as long as the connection does.
        self.cut(from, to)
    }

    fn set_reach(&mut self, node: Place, reach: Reach) -> anyhow::Result<()> {
        self.sim.cut_clients(NodeIndex(node.0), reach == Reach::Cut);
        Ok(())
    }

    fn rebind_clients(&mut self) -> anyhow::Result<String> {
        bail!("move simulated clients: they have no address")
    }

    async fn set_link_faults(&mut self, from: Place, to: Place, faults: &LinkFaults) -> anyhow::Result<()> {
        self.bad_links.insert((from, to));
        self.sim.set_link_faults(NodeIndex(from.0), NodeIndex(to.0), *faults);
        Ok(())
    }

    fn heal(&mut self) -> anyhow::Result<()> {
        self.sim.heal();
        let good = LinkFaults::default();
        for (from, to) in std::mem::take(&mut self.bad_links) {
            self.sim.set_link_faults(NodeIndex(from.0), NodeIndex(to.0), good);
        }
        Ok(())
    }

    async fn look_at_counts(&mut self, _nodes: &[Place]) -> anyhow::Result<()> {
        Ok(())
    }

    fn link_counts(&self, from: Place, to: Place) -> LinkCounts {
        self.sim.link_counts(NodeIndex(from.0), NodeIndex(to.0))
    }

    fn node_counts(&self, node: Place) -> NodeCounts {
        self.sim.node_counts(NodeIndex(node.0))
    }

    fn is_running(&self, node: Place) -> bool {
        self.sim.is_running(NodeIndex(node.0))
    }

    fn can_be_asked(&self, node: Place) -> bool {
        self.is_running(node)
    }

    async fn pause(&mut self, node: Place) -> anyhow::Result<()> {
        self.sim.pause(NodeIndex(node.0));
        Ok(())
    }

    async fn resume(&mut self, node: Place) -> anyhow::Result<()> {
        self.sim.resume(NodeIndex(node.0));
        Ok(())
    }

    fn slow_process(&mut self, node: Place, duty: Option<Duty>) -> anyhow::Result<()> {
        self.sim.slow_process(NodeIndex(node.0), duty);
        Ok(())
    }

    async fn cut_power(&mut self, node: Place) -> anyhow::Result<(String, Counted)> {
        let PowerLoss {
            batches_lost,
            batches_kept,
            records_lost,
        } = self.sim.cut_power(NodeIndex(node.0));
        let counted = vec![
            ("batches_lost", batches_lost as u64),
            ("batches_kept", batches_kept as u64),
            ("records_lost", records_lost as u64),
        ];
        Ok(("without power".to_owned(), counted))
    }

    async fn set_disk_faults(&mut self, node: Place, faults: DiskFaults) -> anyhow::Result<()> {
        let node = NodeIndex(node.0);
        // Whatever keeps a batch from the disk is the same to a node.
        let fails = faults.fails.iter().any(|failure| *failure != DiskFailure::Read);
        self.sim.set_disk_failing(node, fails);
        self.sim
            .set_reads_failing(node, faults.fails.contains(&DiskFailure::Read));
        self.sim.slow_disk(node, faults.slower_by);
        Ok(())
    }

    fn flip_bits(&mut self, node: Place, records: usize) -> anyhow::Result<usize> {
        Ok(self.sim.flip_bits(NodeIndex(node.0), records))
    }

    fn lose_record(&mut self, node: Place, key: &Key) -> anyhow::Result<bool> {
        Ok(self.sim.lose_record(NodeIndex(node.0), key))
    }

    fn save_disk(&mut self, node: Place) -> anyhow::Result<()> {
        self.saved.insert(node, self.sim.save_disk(NodeIndex(node.0)));
        Ok(())
    }

    fn restore_disk(&mut self, node: Place) -> anyhow::Result<Counted> {
        let Some(saved) = self.saved.remove(&node) else {
            return Ok(Counted::new());
        };
        let changed = self.sim.restore_disk(NodeIndex(node.0), saved);
        Ok(vec![("records_gone_back", changed as u64)])
    }

    async fn lose_disk(&mut self, node: Place, _how: DiskLoss) -> anyhow::Result<String> {
        let lost = self.sim.wipe_disk(NodeIndex(node.0));
        Ok(format!("{lost} records lost; it is not started again"))
    }

    async fn change_clock(&mut self, node: Place, change: ClockChange) -> anyhow::Result<()> {
        let node = NodeIndex(node.0);
        match change {
            ClockChange::Jump(by_ns) => self.sim.jump_clock(node, by_ns),
            ClockChange::Drift(ppm) => self.sim.drift_clock(node, ppm),
            ClockChange::Strobe(by_ns, interval) => self.sim.strobe_clock(node, by_ns, interval),
            ClockChange::Mend => self.sim.mend_clock(node),
        }
        Ok(())
    }

    fn submit(&mut self, client: usize, node: Place, request: Box<Request>) {
        let call = self.sim.submit(NodeIndex(node.0), request);
        self.clients.push((call, client));
    }

    async fn next(&mut self, until: Elapsed) -> anyhow::Result<Happening> {
        if let Some(happening) = self.happened.pop_front() {
            return Ok(happening);
        }
        match self.sim.advance(Time::ZERO + until) {
            Some(completion) => Ok(self.take(completion)),
            None => Ok(Happening::Due),
        }
    }

    fn told(&self) -> anyhow::Result<ClusterRecord> {
        let mut record = ClusterRecord::default();
        // Everybody tells each change of owners: it is put into words once.
        let mut changes: HashSet<&Ownership> = HashSet::new();
        for place in Place::all(self.sim.node_count()) {
            let teller = place.to_string();
            for event in self.sim.told(NodeIndex(place.0)) {
                let is_new = match event {
                    Event::OwnersChanged { ownership } => changes.insert(ownership),
                    _ => true,
                };
                if is_new {
                    told::add_event(&mut record, event, &teller, |node| self.name(node));
                }
            }
        }
        Ok(record)
    }

    fn attendance(&self) -> anyhow::Result<Vec<attendance::Entry>> {
        let mut entries = Vec::new();
        for place in Place::all(self.sim.node_count()) {
            let teller = place.to_string();
            let turns = self.sim.turns(NodeIndex(place.0)).iter();
            entries.extend(turns.map(|(at, turn)| {
                let at = *at - Time::ZERO;
                attendance::Entry::of_simulated(at, &teller, *turn, |node| self.name(node))
            }));
        }
        Ok(attendance::in_order(entries))
    }

    async fn ask(&mut self, node: Place, request: AdminRequest) -> Result<AdminOk, AskError> {
        let asked = self.sim.submit(NodeIndex(node.0), Request::Admin(request));
        let error = |why: String| AskError { node, why };
        loop {
            let forever = self.sim.now() + Duration::from_secs(3600);
            let completion = self.sim.advance(forever).ok_or_else(|| error("no answer".to_owned()))?;
            if completion.call != asked {
                let happening = self.take(completion);
                self.happened.push_back(happening);
                continue;
            }
            return match completion.outcome {
                SimOutcome::Answered(response) => match *response {
                    Response::Admin(Ok(ok)) => Ok(ok),
                    Response::Admin(Err(refusal)) => Err(error(refusal.to_string())),
                    other => Err(error(format!("{other:?}"))),
                },
                other => Err(error(format!("{other:?}"))),
            };
        }
    }
}

fn address(place: Place) -> SocketAddr {
    let port = 10_000 + u16::try_from(place.0).expect("few nodes");
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn config(scenario: &Scenario, node: NodeId, place: Place) -> Config {
    let ring = RingShape {
        partitions: scenario.partitions,
        replication: scenario.replication(),
    };
    let cluster = ClusterId::from_name(&scenario.name);
    Config {
        name: place.to_string(),
        seeds: scenario.seed_places().map(address).collect(),
        entry: scenario.entry_of(place),
        step_level: scenario.step_level(),
        gossip_interval: scenario.gossip_interval,
        request_timeout: scenario.request_timeout,
        clock: match scenario.clock {
            Clock::Hlc => ClockMode::Hybrid,
            Clock::Wall => ClockMode::Wall,
        },
        dc: dc_name(scenario.dc_of(place)),
        context_actors_max: scenario.context_actors_max,
        tombstones: scenario.tombstones.0,
        acks_are_durable: scenario.fsync == Fsync::Always,
        plant: scenario.plant,
        ..Config::new(cluster, node, address(place), ring, scenario.nodes)
    }
}
