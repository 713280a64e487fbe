//! A cluster of real processes on this machine: `quorate node`, one a node, with the switch between them.
//!
//! Everything that a process leaves is in the run's folder: its log for good, its data for as long as the run lasts. The
//! processes die with the harness, however it ends: each stops when its standard input ends, and is killed when its
//! handle here goes.

mod child;
mod clients;
mod disk;
mod log_tail;
mod lookout;
mod orders;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use quorate_checker::cluster::ClusterRecord;
use quorate_core::{AdminOk, AdminRequest, Entry, Key, NodeId, Request, Response};
use quorate_node::{
    certs::Authority,
    client::{ClientEndpoint, ClientOptions, NodeClient},
    control::{Answer, What},
    identity::Role,
    store,
};
use quorate_sim::{Duty, LinkFaults, split_seed};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::sleep_until,
};

use self::{
    child::{Child, ChildEvent, Life},
    clients::Patience,
    disk::{Copies, Damage},
    lookout::Lookout,
    orders::Ordered,
};
use crate::{
    attendance::{self, Turn},
    cluster::{
        AskError, ClockChange, Cluster, Counted, DiskFaults, Elapsed, Happening, LinkCounts, NodeCounts, Onlooked,
        Outcome, Reach,
    },
    duration,
    fault::{DiskLoss, Need, Place},
    fsync,
    interrupt::Interrupts,
    lags::Lags,
    level::dc_name,
    scenario::Scenario,
    switch::{Counting, EndpointId, LinkCounters, LinkPolicy, Switch},
    told::{self, NodeNames},
    utc,
};

/// How long an administrator waits for an answer: comparing all that two nodes hold takes the longest.
const ASK_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a node may take to answer an order: what its disk is in the middle of, at the longest.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How much longer than the load an order is in force, should the harness neither take it back nor end.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// What a process cluster is made with.
#[derive(Clone, Debug)]
pub struct ProcessOptions<'a> {
    /// What the nodes are told.
    pub scenario: &'a Scenario,
    /// The run's seed.
    pub seed: u64,
    /// The run's folder.
    pub folder: &'a Path,
    /// Another build of the node; by default it is this executable's own.
    pub node_bin: Option<&'a Path>,
}

/// A cluster of real processes.
#[derive(Debug)]
pub struct ProcessCluster {
    began: Instant,
    scenario: Scenario,
    seed: u64,
    command: NodeCommand,
    logs: PathBuf,
    interrupts: Interrupts,
    /// Who asks the nodes for those who look on, if anybody does.
    lookout: Option<Lookout>,
    // Fields are dropped in this order: processes before the switch between them and the folders below them.
    nodes: Vec<NodeSlot>,
    clients: Party,
    admin: Party,
    switch: Switch,
    data: TempDir,
    events: UnboundedReceiver<ProcessEvent>,
    sender: UnboundedSender<ProcessEvent>,
    happened: VecDeque<Happening>,
    failure: Option<String>,
    copies: Copies,
    damage: Damage,
    /// How often power was cut.
    cuts: u64,
    /// What became of processes.
    turns: Vec<attendance::Entry>,
}

/// How a node is started.
#[derive(Clone, Debug)]
struct NodeCommand {
    program: PathBuf,
    /// What comes before the node's own arguments.
    first: Vec<String>,
}

/// A node's place in the cluster, whether or not a process runs there.
#[derive(Debug)]
struct NodeSlot {
    identity: NodeId,
    entry: Entry,
    front: SocketAddr,
    endpoint: EndpointId,
    child: Option<Child>,
    lives: u64,
    /// How often its process was seen to have stopped.
    stops: u64,
    ordered: Ordered,
}

/// The harness's own end of the network: a socket, and a connection to each node.
#[derive(Debug)]
struct Party {
    id: EndpointId,
    endpoint: ClientEndpoint,
    nodes: Vec<NodeClient>,
}

#[derive(Debug)]
enum ProcessEvent {
    Completed { client: usize, outcome: Outcome },
    Child { node: Place, life: Life, event: ChildEvent },
}

impl ProcessCluster {
    /// Makes the network, the certificates and the folders of a cluster; no process runs yet. To be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// If any of these can't be made.
    pub fn new(options: &ProcessOptions<'_>, interrupts: Interrupts) -> anyhow::Result<ProcessCluster> {
        let scenario = options.scenario;
        let (sender, events) = mpsc::unbounded_channel();
        let switch = Switch::start()?;
        let data = tempfile::Builder::new().prefix("data-").tempdir_in(options.folder);
        let data =
            data.with_context(|| format!("create a folder for the nodes' data in {}", options.folder.display()))?;
        let authority = Authority::create()?;
        let mut nodes = Vec::new();
        for place in Place::all(scenario.place_count()) {
            let folder = data.path().join(place.to_string());
            std::fs::create_dir(&folder).with_context(|| format!("create folder {}", folder.display()))?;
            let key = key_seed(options.seed, place);
            let identity = authority.issue_for_seed(&key, Role::Node, &place.to_string())?;
            identity.save(&folder)?;
            let (endpoint, front) = switch.add_endpoint(&place.to_string())?;
            nodes.push(NodeSlot {
                identity: identity.subject().id,
                entry: scenario.entry_of(place),
                front,
                endpoint,
                child: None,
                lives: 0,
                stops: 0,
                ordered: Ordered::default(),
            });
        }
        let fronts: Vec<_> = nodes.iter().map(|slot| slot.front).collect();
        let logs = options.folder.join("nodes");
        std::fs::create_dir_all(&logs).with_context(|| format!("create folder {}", logs.display()))?;
        let party = |role, name| Party::new(&switch, &authority, role, name, &fronts, options);
        Ok(ProcessCluster {
            began: Instant::now(),
            scenario: scenario.clone(),
            seed: options.seed,
            command: NodeCommand::new(options.node_bin)?,
            logs,
            interrupts,
            lookout: None,
            clients: party(Role::Client, "clients")?,
            admin: party(Role::Admin, "harness")?,
            nodes,
            switch,
            data,
            events,
            sender,
            happened: VecDeque::new(),
            failure: None,
            copies: Copies::default(),
            damage: Damage::new(options.seed),
            cuts: 0,
            turns: Vec::new(),
        })
    }

    /// Has nodes be asked from here on how far others are behind ([`Onlooked::lags`]).
    pub fn look_out(&mut self) {
        self.lookout = Some(Lookout::start(&self.admin.nodes));
    }

    /// Counts what passes between the nodes, also while a run holds the cluster.
    pub fn passing(&self) -> Passing {
        Passing {
            counting: self.switch.counting(),
            nodes: self.nodes.iter().map(|slot| slot.endpoint).collect(),
        }
    }

    /// Ends every process and waits until it is gone. What is there to be said is in the logs; the data go.
    ///
    /// # Errors
    /// If a process can't be ended, or the switch had failed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(lookout) = self.lookout.take() {
            lookout.stop().await;
        }
        self.clients.endpoint.close().await;
        self.admin.endpoint.close().await;
        for slot in &mut self.nodes {
            if let Some(child) = slot.child.take() {
                child.kill().await?;
            }
        }
        self.switch.stop()?;
        let path = self.data.path().to_owned();
        self.data.close().with_context(|| format!("remove {}", path.display()))
    }

    /// The last lines of a node's log, for a message about its end.
    fn log_tail(&self, node: Place) -> String {
        log_tail::of(&self.log_file(node))
    }

    fn log_file(&self, node: Place) -> PathBuf {
        self.logs.join(format!("{node}.log"))
    }

    fn folder(&self, node: Place) -> PathBuf {
        self.data.path().join(node.to_string())
    }

    /// How long an order is in force, should nobody take it back: no fault outlasts the load.
    fn lease(&self) -> Duration {
        self.scenario.time + LEASE_MARGIN
    }

    /// Gives a node an order, and takes in what it has counted. `None` if it does not run, or is paused and will obey
    /// when it goes on, or ends before it answers.
    async fn order(&mut self, node: Place, what: What) -> anyhow::Result<Option<Answer>> {
        let lease = self.lease();
        let slot = &mut self.nodes[node.0];
        let Some(child) = &mut slot.child else {
            return Ok(None);
        };
        let name = format!("{what:?}");
        let answer = child.order(what, lease);
        if slot.ordered.is_paused {
            return Ok(None);
        }
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, answer).await;
        let answer = answer.map_err(|_| anyhow::anyhow!("order {name} of {node}: no answer in {ANSWER_TIMEOUT:?}"))?;
        let Ok(answer) = answer else {
            self.wait_for_end(node).await?;
            return Ok(None);
        };
        if let Some(error) = answer.error {
            bail!("order {name} of {node}: {error}");
        }
        self.nodes[node.0].ordered.take(answer.counts.clone());
        Ok(Some(answer))
    }

    /// Waits until a node that is about to end has ended.
    async fn wait_for_end(&mut self, node: Place) -> anyhow::Result<()> {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        while self.nodes[node.0].child.is_some() {
            let event = tokio::time::timeout_at(deadline.into(), self.events.recv()).await;
            let event = event.map_err(|_| anyhow::anyhow!("end {node}: its disk has failed, and it goes on"))?;
            let happening = self.interpret(event.expect("this cluster holds a sender"))?;
            self.happened.extend(happening);
        }
        Ok(())
    }

    /// What nodes are called, by what their logs call them.
    fn names(&self) -> NodeNames {
        let places = Place::all(self.nodes.len());
        places
            .map(|place| (self.identity(place).to_string(), place.to_string()))
            .collect()
    }

    fn turned(&mut self, node: Place, turn: Turn) {
        let entry = attendance::Entry::new(self.elapsed(), node.to_string(), turn);
        self.turns.push(entry);
    }

    fn endpoint(&self, node: Place) -> EndpointId {
        self.nodes[node.0].endpoint
    }

    /// What a process event means to a run; `None` if it means nothing any more.
    fn interpret(&mut self, event: ProcessEvent) -> anyhow::Result<Option<Happening>> {
        let (node, life, event) = match event {
            ProcessEvent::Completed { client, outcome } => return Ok(Some(Happening::Completed { client, outcome })),
            ProcessEvent::Child { node, life, event } => (node, life, event),
        };
        let slot = &mut self.nodes[node.0];
        if slot.child.as_ref().map(|child| child.life()) != Some(life) {
            return Ok(None);
        }
        match event {
            ChildEvent::Listening { address } => {
                self.switch.attach(slot.endpoint, address)?;
                Ok(Some(Happening::Started { node }))
            }
            ChildEvent::LastWords { counts } => {
                slot.ordered.take(*counts);
                Ok(None)
            }
            ChildEvent::Ended { how } => {
                slot.child = None;
                if slot.ordered.may_have_ended_it() {
                    tracing::debug!(%node, how, "its disk has failed, as ordered");
                    self.switch.detach(slot.endpoint)?;
                    self.turned(node, Turn::Ended);
                    return Ok(None);
                }
                let message = format!("run {node}: its process ended by itself ({how}){}", self.log_tail(node));
                self.failure = Some(message.clone());
                bail!(message)
            }
        }
    }

    fn arguments(&self, node: Place) -> Vec<String> {
        let scenario = &self.scenario;
        let seeds = scenario
            .seed_places()
            .map(|place| ("--seed-node", self.nodes[place.0].front.to_string()));
        let plant = scenario.plant.map(|plant| ("--plant", plant.name().to_owned()));
        let life = self.nodes[node.0].lives;
        let seed = split_seed(self.seed, &format!("{node}, life {life}"));
        let settings = [
            ("--data", self.folder(node).display().to_string()),
            ("--advertise", self.nodes[node.0].front.to_string()),
            ("--name", node.to_string()),
            ("--cluster", scenario.name.clone()),
            ("--founders", scenario.nodes.to_string()),
            ("--replicas", scenario.replication().to_string()),
            ("--dc", dc_name(scenario.dc_of(node)).as_str().to_owned()),
            ("--partitions", scenario.partitions.to_string()),
            ("--gossip-interval", duration::format(scenario.gossip_interval)),
            ("--request-timeout", duration::format(scenario.request_timeout)),
            ("--fsync", fsync::format(scenario.fsync)),
            ("--clock", scenario.clock.name().to_owned()),
            ("--clock-ahead", duration::format(scenario.clock_ahead(self.seed, node))),
            ("--tombstones", scenario.tombstones.into()),
            ("--seed", seed.to_string()),
            ("--step-level", scenario.step_level().to_string()),
        ];
        let actors = scenario
            .context_actors_max
            .map(|max| ("--context-actors-max", max.to_string()));
        let (entry, replaced) = match self.nodes[node.0].entry {
            Entry::Found => (None, None),
            Entry::Join => (Some("--join".to_owned()), None),
            Entry::Replace(gone) => (None, Some(("--replace", gone.to_string()))),
        };
        let settings = settings
            .into_iter()
            .chain(seeds)
            .chain(plant)
            .chain(actors)
            .chain(replaced);
        let pairs = settings.flat_map(|(flag, value)| [flag.to_owned(), value]);
        let first = self.command.first.iter().cloned();
        let control = [(Need::Control, "--control"), (Need::HeldWrites, "--hold-writes")];
        let control = control.into_iter().filter(|(need, _)| scenario.needs(*need));
        let control = control.map(|(_, flag)| flag.to_owned());
        let switches = ["--exit-with-parent".to_owned()]
            .into_iter()
            .chain(entry)
            .chain(control);
        first.chain(pairs).chain(switches).collect()
    }
}

impl Onlooked for ProcessCluster {
    fn lags(&self) -> Lags {
        let place_of = |node| Place::all(self.nodes.len()).find(|place| self.identity(*place) == node);
        let lookout = self.lookout.as_ref();
        lookout.map_or_else(Lags::default, |lookout| lookout.lags(place_of))
    }
}

impl Cluster for ProcessCluster {
    fn elapsed(&self) -> Elapsed {
        self.began.elapsed()
    }

    fn identity(&self, node: Place) -> NodeId {
        self.nodes[node.0].identity
    }

    fn address(&self, node: Place) -> SocketAddr {
        self.nodes[node.0].front
    }

    fn swap_addresses(&mut self, one: Place, other: Place) -> anyhow::Result<()> {
        let places = [one.0, other.0];
        let runs = places.map(|place| self.nodes[place].child.is_some());
        assert_eq!(runs, [false, false], "who runs stays where it is");
        self.switch.swap_fronts(self.endpoint(one), self.endpoint(other))?;
        let [front, other_front] = places.map(|place| self.nodes[place].front);
        self.nodes[one.0].front = other_front;
        self.nodes[other.0].front = front;
        // Their connections are by address.
        self.clients.nodes.swap(one.0, other.0);
        self.admin.nodes.swap(one.0, other.0);
        Ok(())
    }

    fn set_entry(&mut self, node: Place, entry: Entry) -> anyhow::Result<()> {
        let slot = &mut self.nodes[node.0];
        assert!(slot.child.is_none(), "it is told at the start");
        slot.entry = entry;
        Ok(())
    }

    fn start(&mut self, node: Place) -> anyhow::Result<()> {
        assert!(self.nodes[node.0].child.is_none(), "{node} runs already");
        self.nodes[node.0].lives += 1;
        let life = Life(self.nodes[node.0].lives);
        let arguments = self.arguments(node);
        let log = self.log_file(node);
        let child = Child::spawn(&self.command.program, &arguments, &log, node, life, self.sender.clone());
        let mut child = child.with_context(|| format!("start {node}"))?;
        let lease = self.lease();
        // What was ordered of the life before goes on, from the first moment.
        for what in self.nodes[node.0].ordered.begin_life() {
            drop(child.order(what, lease));
        }
        self.nodes[node.0].child = Some(child);
        self.turned(node, Turn::Started);
        Ok(())
    }

    async fn kill(&mut self, node: Place) -> anyhow::Result<String> {
        // What was counted goes with it.
        self.look_at_counts(&[node]).await?;
        let Some(child) = self.nodes[node.0].child.take() else {
            return Ok("had ended by itself".to_owned());
        };
        let how = child.kill().await.with_context(|| format!("kill {node}"))?;
        self.turned(node, Turn::Ended);
        self.switch.detach(self.endpoint(node))?;
        Ok(how)
    }

    fn cut(&mut self, from: Place, to: Place) -> anyhow::Result<()> {
        self.switch
            .set_link(self.endpoint(from), self.endpoint(to), LinkPolicy::Cut)?;
        Ok(())
    }

    fn hold(&mut self, from: Place, to: Place) -> anyhow::Result<()> {
        self.switch
            .set_link(self.endpoint(from), self.endpoint(to), LinkPolicy::Held)?;
        Ok(())
    }

    fn set_reach(&mut self, node: Place, reach: Reach) -> anyhow::Result<()> {
        let policy = match reach {
            Reach::Open => LinkPolicy::Open,
            Reach::Cut => LinkPolicy::Cut,
        };
        let (clients, node) = (self.clients.id, self.endpoint(node));
        self.switch.set_link(clients, node, policy)?;
        self.switch.set_link(node, clients, policy)?;
        Ok(())
    }

    fn rebind_clients(&mut self) -> anyhow::Result<String> {
        Ok(self.switch.rebind(self.clients.id)?.to_string())
    }

    fn heal(&mut self) -> anyhow::Result<()> {
        self.switch.heal_all()?;
        Ok(())
    }

    async fn set_link_faults(&mut self, from: Place, to: Place, faults: &LinkFaults) -> anyhow::Result<()> {
        let policy = if faults.is_slow() || faults.loss_percent > 0 {
            LinkPolicy::Bad {
                delay: faults.slower_by,
                jitter: faults.jitter,
                jitter_is: faults.jitter_is,
                packets_per_second: faults.packets_per_second,
                loss_percent: faults.loss_percent,
            }
        } else {
            LinkPolicy::Open
        };
        self.switch.set_link(self.endpoint(from), self.endpoint(to), policy)?;
        let receiver = self.identity(to);
        match self.nodes[from.0].ordered.set_messages(receiver, faults) {
            Some(what) => self.order(from, what).await.map(drop),
            None => Ok(()),
        }
    }

    async fn look_at_counts(&mut self, nodes: &[Place]) -> anyhow::Result<()> {
        if !self.scenario.needs(Need::Control) {
            return Ok(());
        }
        for node in nodes {
            self.order(*node, What::Count).await?;
        }
        Ok(())
    }

    fn link_counts(&self, from: Place, to: Place) -> LinkCounts {
        let counters = self.switch.link_counters(self.endpoint(from), self.endpoint(to));
        let messages = self.nodes[from.0].ordered.messages_to(self.identity(to));
        LinkCounts {
            held: counters.cut_packets + counters.held_packets,
            lost: counters.lost_packets,
            slowed: counters.slowed_packets,
            late: messages.late,
            twice: messages.twice,
            dropped: messages.dropped,
            spoilt: messages.spoilt,
        }
    }

    fn node_counts(&self, node: Place) -> NodeCounts {
        let (clients, endpoint) = (self.clients.id, self.endpoint(node));
        let ways = [(clients, endpoint), (endpoint, clients)];
        let cut = ways.map(|(from, to)| self.switch.link_counters(from, to).cut_packets);
        NodeCounts {
            inputs_delayed: self.nodes[node.0].stops,
            requests_cut: cut.iter().sum(),
            ..self.nodes[node.0].ordered.counts()
        }
    }

    fn is_running(&self, node: Place) -> bool {
        self.nodes[node.0].child.is_some()
    }

    fn can_be_asked(&self, node: Place) -> bool {
        self.is_running(node) && self.admin.nodes[node.0].is_connected()
    }

    async fn pause(&mut self, node: Place) -> anyhow::Result<()> {
        let slot = &mut self.nodes[node.0];
        if let Some(child) = &slot.child
            && child.pause().await.with_context(|| format!("pause {node}"))?
        {
            slot.ordered.is_paused = true;
            slot.stops += 1;
            self.turned(node, Turn::Paused);
        }
        Ok(())
    }

    async fn resume(&mut self, node: Place) -> anyhow::Result<()> {
        if std::mem::take(&mut self.nodes[node.0].ordered.is_paused) {
            self.turned(node, Turn::Resumed);
        }
        match &self.nodes[node.0].child {
            Some(child) => child.resume().await.with_context(|| format!("resume {node}")),
            None => Ok(()),
        }
    }

    fn slow_process(&mut self, node: Place, duty: Option<Duty>) -> anyhow::Result<()> {
        let slot = &mut self.nodes[node.0];
        if let Some(child) = &slot.child {
            slot.stops += u64::from(duty.is_some());
            child.slow(duty);
        }
        Ok(())
    }

    async fn cut_power(&mut self, node: Place) -> anyhow::Result<(String, Counted)> {
        self.cuts += 1;
        let seed = split_seed(self.seed, &format!("power cut {}", self.cuts));
        let cut = self
            .order(node, What::CutPower { seed })
            .await?
            .and_then(|answer| answer.cut);
        let how = self.kill(node).await?;
        let cut = cut.unwrap_or_default();
        Ok((
            how,
            vec![("bytes_lost", cut.bytes_lost), ("bytes_kept", cut.bytes_kept)],
        ))
    }

    async fn set_disk_faults(&mut self, node: Place, faults: DiskFaults) -> anyhow::Result<()> {
        let what = self.nodes[node.0].ordered.set_disk(&faults);
        self.order(node, what).await?;
        if faults.fails.is_empty() && self.nodes[node.0].ordered.may_have_ended_it() {
            self.wait_for_end(node).await?;
        }
        Ok(())
    }

    fn flip_bits(&mut self, node: Place, records: usize) -> anyhow::Result<usize> {
        self.damage.flip_bits(node, &self.folder(node), records)
    }

    fn lose_record(&mut self, node: Place, key: &Key) -> anyhow::Result<bool> {
        let lost = store::lose_record(&self.folder(node), key);
        lost.with_context(|| format!("take a record from the store of {node}"))
    }

    fn save_disk(&mut self, node: Place) -> anyhow::Result<()> {
        let folder = self.folder(node);
        self.copies.save(node, &folder)
    }

    fn restore_disk(&mut self, node: Place) -> anyhow::Result<Counted> {
        let folder = self.folder(node);
        self.copies.restore(node, &folder)
    }

    async fn lose_disk(&mut self, node: Place, how: DiskLoss) -> anyhow::Result<String> {
        disk::lose(&self.folder(node), how)?;
        disk::try_to_start(&self.command.program, &self.arguments(node), &self.log_file(node))
            .await
            .with_context(|| format!("start {node} on a disk that was lost"))
    }

    async fn change_clock(&mut self, node: Place, change: ClockChange) -> anyhow::Result<()> {
        let what = self.nodes[node.0].ordered.change_clock(change);
        self.order(node, what).await.map(drop)
    }

    fn submit(&mut self, client: usize, node: Place, request: Box<Request>) {
        let (connection, sender) = (self.clients.nodes[node.0].clone(), self.sender.clone());
        let patience = Patience::of(self.scenario.request_timeout);
        tokio::spawn(async move {
            let outcome = clients::request(&connection, &request, patience).await;
            // Nobody listens any more when the run has been given up.
            let _ = sender.send(ProcessEvent::Completed { client, outcome });
        });
    }

    async fn next(&mut self, until: Elapsed) -> anyhow::Result<Happening> {
        if let Some(failure) = &self.failure {
            bail!("{failure}");
        }
        if let Some(happening) = self.happened.pop_front() {
            return Ok(happening);
        }
        let deadline = self.began + until;
        loop {
            let event = tokio::select! {
                biased;
                () = self.interrupts.first() => return Ok(Happening::Interrupted),
                event = self.events.recv() => event.expect("this cluster holds a sender"),
                () = sleep_until(deadline.into()) => return Ok(Happening::Due),
            };
            if let Some(happening) = self.interpret(event)? {
                return Ok(happening);
            }
        }
    }

    fn told(&self) -> anyhow::Result<ClusterRecord> {
        let names = self.names();
        let mut record = ClusterRecord::default();
        for place in Place::all(self.nodes.len()) {
            let log = self.log_file(place);
            told::add_log(&mut record, &log, &place.to_string(), &names)
                .with_context(|| format!("read {}", log.display()))?;
        }
        Ok(record)
    }

    fn attendance(&self) -> anyhow::Result<Vec<attendance::Entry>> {
        let names = self.names();
        let mut entries = self.turns.clone();
        // Without a clock nothing that logs tell has a place in the run.
        let Some(zero) = utc::unix_ns_before(self.elapsed()) else {
            return Ok(attendance::in_order(entries));
        };
        for place in Place::all(self.nodes.len()) {
            let log = self.log_file(place);
            let told = attendance::of_log(&log, &place.to_string(), &names, zero);
            entries.extend(told.with_context(|| format!("read {}", log.display()))?);
        }
        Ok(attendance::in_order(entries))
    }

    async fn ask(&mut self, node: Place, request: AdminRequest) -> Result<AdminOk, AskError> {
        let connection = self.admin.nodes[node.0].clone();
        let request = Request::Admin(request);
        let deadline = Instant::now() + ASK_TIMEOUT;
        let error = |why: String| AskError { node, why };
        let mut answer = std::pin::pin!(connection.request(&request, deadline.into()));
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut answer => break answer,
                event = self.events.recv() => {
                    let event = event.expect("this cluster holds a sender");
                    match self.interpret(event) {
                        Ok(happening) => self.happened.extend(happening),
                        Err(failure) => return Err(error(failure.to_string())),
                    }
                }
            }
        };
        match answer {
            Ok(Response::Admin(Ok(ok))) => Ok(ok),
            Ok(Response::Admin(Err(refusal))) => Err(error(refusal.to_string())),
            Ok(other) => Err(error(format!("an answer to another question: {other:?}"))),
            Err(why) => Err(error(why.to_string())),
        }
    }
}

/// Counts what passes between nodes.
#[derive(Clone, Debug)]
pub struct Passing {
    counting: Counting,
    nodes: Vec<EndpointId>,
}

impl Passing {
    /// What has passed since the cluster was made, on all links together.
    pub fn so_far(&self) -> LinkCounters {
        self.counting.among(&self.nodes)
    }
}

/// What a node's key is made from. It comes from the run's seed, so that another run of the same seed has the same nodes on
/// the same ring; the cluster takes no strangers for that, as its authority's key is a new one each time.
fn key_seed(seed: u64, place: Place) -> [u8; 32] {
    let mut key = [0; 32];
    for (number, part) in key.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&split_seed(seed, &format!("key of {place}, part {number}")).to_le_bytes());
    }
    key
}

impl Party {
    fn new(
        switch: &Switch,
        authority: &Authority,
        role: Role,
        name: &str,
        fronts: &[SocketAddr],
        options: &ProcessOptions<'_>,
    ) -> anyhow::Result<Party> {
        let identity = authority.issue(role, name)?;
        let client = ClientOptions {
            cluster: options.scenario.name.clone(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: split_seed(options.seed, name),
        };
        let endpoint = ClientEndpoint::new(&identity, &client)?;
        let (id, _) = switch.add_endpoint(name)?;
        switch.attach(id, endpoint.local_address())?;
        Ok(Party {
            id,
            nodes: fronts.iter().map(|front| endpoint.node(*front)).collect(),
            endpoint,
        })
    }
}

impl NodeCommand {
    fn new(node_bin: Option<&Path>) -> anyhow::Result<NodeCommand> {
        match node_bin {
            Some(path) => Ok(NodeCommand {
                program: path.to_owned(),
                first: Vec::new(),
            }),
            None => Ok(NodeCommand {
                program: std::env::current_exe().context("find this executable, to run it as a node")?,
                first: vec!["node".to_owned()],
            }),
        }
    }
}
