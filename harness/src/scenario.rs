//! A scenario: everything that a run is made of, resolved. What is written to `scenario.toml` is read back to the same.

use std::time::Duration;

use quorate_core::{Entry, Level, Plant, Replication, Tombstones as When};
use quorate_sim::split_seed;
use quorate_workloads::{Clock, ReadRepair, Settings, Tombstones as TombstonesClaim, Workload, WritePath};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::{
    duration,
    fault::{Fault, FaultError, FaultKind, KeyName, Need, Place, Role, Target},
    fsync::{self, Fsync},
    level::{LevelName, Levels, dc_name},
    members::Members,
    plan::{self, PlanOptions, PlannedFault},
    run_folder::Backend,
    scripted::{ScriptError, Scripted},
    tombstones::Tombstones,
};

/// The version of the file's form.
const FORMAT: u32 = 1;

/// Everything that a run is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The version of the file's form.
    pub format: u32,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// What clients do.
    pub workload: Workload,
    /// How many nodes found the ring.
    pub nodes: usize,
    /// How many more are there to join it, or to take another's place, when a fault starts them. Where it is not said, 2
    /// if there are faults of membership, and else none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spares: Option<usize>,
    /// Replicas of each key (N).
    pub n: u8,
    /// Replicas that answer a read (R).
    pub r: u8,
    /// Replicas that acknowledge a write (W).
    pub w: u8,
    /// How many data centers, each with N replicas of each key; nodes are dealt to them in turn.
    #[serde(default = "one_dc")]
    pub dcs: u8,
    /// The consistency level of reads, in the place of R.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_level: Option<LevelName>,
    /// The consistency level of writes, in the place of W.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_level: Option<LevelName>,
    /// The data center, from 1, through whose nodes clients read; any, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_in_dc: Option<u8>,
    /// As of reads, of writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_in_dc: Option<u8>,
    /// What reads do for replicas that are behind.
    pub read_repair: ReadRepair,
    /// Whether one replica that has nothing answers a read alone (Riak's `notfound_ok`).
    #[serde(default)]
    pub notfound_ok: bool,
    /// Whether reads ask all but one owner for a digest of what it holds.
    #[serde(default)]
    pub digests: bool,
    /// Whether reads ask no more owners than it takes, and one more when an answer takes longer than so many of 1,000
    /// earlier ones; 1000 for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge_permille: Option<u16>,
    /// The most actors in the context of siblings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_actors_max: Option<usize>,
    /// How a register's write gets its place in the order of writes.
    #[serde(default)]
    pub write_path: WritePath,
    /// Which clock stamps it.
    #[serde(default)]
    pub clock: Clock,
    /// How far the clocks of the nodes are apart: each is ahead of the true time by a share of this, drawn from the seed.
    #[serde(default, with = "duration::text")]
    pub clock_skew: Duration,
    /// Whether nodes that stand in for owners count toward R and W.
    #[serde(default)]
    pub sloppy: bool,
    /// When tombstones go.
    #[serde(default)]
    pub tombstones: Tombstones,
    /// When an acknowledged record reaches the disk.
    #[serde(with = "fsync::text")]
    pub fsync: Fsync,
    /// How long the load lasts.
    #[serde(with = "duration::text")]
    pub time: Duration,
    /// Operations a second, of all clients together; 0 for as many as there can be.
    pub rate: u32,
    /// Whether operations come at that rate whatever became of those before, and latencies count from when they came; else each client
    /// waits for its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_loop: bool,
    /// How many clients.
    pub concurrency: usize,
    /// How many keys.
    pub keys: usize,
    /// Of 100 operations, how many are reads; of transactions, of 100 steps.
    pub reads_percent: u8,
    /// How many steps a transaction has at most, of a workload of such; 4 if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn_length: Option<u8>,
    /// Partitions that the ring is cut into.
    pub partitions: u16,
    /// Time between two rounds of gossip.
    #[serde(with = "duration::text")]
    pub gossip_interval: Duration,
    /// How long a coordinator waits for replicas.
    #[serde(with = "duration::text")]
    pub request_timeout: Duration,
    /// How long the cluster may take to be at rest after the heal.
    #[serde(with = "duration::text")]
    pub quiet_timeout: Duration,
    /// What may be broken, where no plan is given.
    pub faults: Vec<FaultKind>,
    /// Of 100 faults that are drawn and can be, how many are aimed at roles (the owner of the hottest key, a coordinator) in the place of
    /// nodes.
    #[serde(default, skip_serializing_if = "crate::fault::is_zero")]
    pub aimed_percent: u8,
    /// The bug that the nodes are told to have.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "plant_name")]
    pub plant: Option<Plant>,
    /// What is broken, when. Drawn from the seed where it is empty and `faults` is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<PlannedFault>,
    /// What clients are told to ask, in the place of what is drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub script: Vec<Scripted>,
}

/// A scenario that can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScenarioError {
    /// A file of a form that this build does not know.
    #[error("format {0} is not known: this build reads format {FORMAT}")]
    Format(u32),
    /// Numbers of replicas that can't be.
    #[error(transparent)]
    Settings(#[from] quorate_workloads::SettingsError),
    /// Too few nodes to hold N replicas in each data center.
    #[error("{nodes} nodes can't hold {replicas} replicas of a key (n, in each data center)")]
    TooFewNodes {
        /// How many nodes.
        nodes: usize,
        /// How many replicas, over all data centers.
        replicas: usize,
    },
    /// More replicas than quorums are tried for.
    #[error("{0} replicas of a key are more than {REPLICAS_MAX}")]
    TooManyReplicas(usize),
    /// A level that can't be met.
    #[error(transparent)]
    Level(#[from] quorate_core::LevelError),
    /// A data center that is not there.
    #[error("there is no data center {dc}: there are {dcs}")]
    NoSuchDc {
        /// Which.
        dc: u8,
        /// How many there are.
        dcs: u8,
    },
    /// Something that has to be at least one.
    #[error("{0} has to be above 0")]
    Zero(&'static str),
    /// More than all.
    #[error("{name} is {percent}, more than 100")]
    TooMany {
        /// Of what.
        name: &'static str,
        /// How many.
        percent: u8,
    },
    /// Transactions that nobody would wait for.
    #[error("txn-length is {0}, more than {TXN_LENGTH_MAX}")]
    TooLongTxns(u8),
    /// All steps of a transaction go through one node.
    #[error(
        "reads-in-dc and writes-in-dc differ, but workload {workload} reads and writes through one node",
        workload = .0.name()
    )]
    TxnsOverDcs(Workload),
    /// Owners agree upon registers alone.
    #[error("write-path is cas, but workload {workload} has no registers that owners agree upon", workload = .0.name())]
    NotAgreedUpon(Workload),
    /// Operations that come by themselves come at some rate.
    #[error("open-loop needs a rate above 0: operations come at it, whatever became of those before")]
    NoRate,
    /// More nodes than one machine is asked to bear.
    #[error("{0} nodes are more than {NODES_MAX}")]
    TooManyNodes(usize),
    /// The plan names a node that is not there.
    #[error("the plan names {name}, but there are {nodes} nodes")]
    NoSuchNode {
        /// Which.
        name: String,
        /// How many there are.
        nodes: usize,
    },
    /// The plan has a fault that can't be.
    #[error("the plan's {kind} at {at}: {why}", kind = .kind.name(), at = duration::format(*.at))]
    Fault {
        /// Of which family.
        kind: FaultKind,
        /// When.
        at: Duration,
        /// Why not.
        why: FaultError,
    },
    /// A script that has an operation which can't be.
    #[error("the script's operation {number}: {why}")]
    Script {
        /// Which, from 1.
        number: usize,
        /// Why not.
        why: ScriptError,
    },
    /// What only a cluster of the other kind can have.
    #[error("{who} can't have fault {fault}: only `{verb}` can", who = who(*.backend), verb = other_verb(*.backend))]
    NotOfBackend {
        /// The fault, or the family.
        fault: String,
        /// The kind of cluster that can't.
        backend: Backend,
    },
    /// Faults need somebody to be cut off from.
    #[error("faults need at least two nodes")]
    NobodyToBreak,
}

fn who(backend: Backend) -> &'static str {
    match backend {
        Backend::Processes => "real processes",
        Backend::Simulated => "simulated clusters",
    }
}

fn other_verb(than: Backend) -> &'static str {
    match than {
        Backend::Processes => "quorate sim",
        Backend::Simulated => "quorate run",
    }
}

/// Replicas of a key over all data centers: which quorums meet is found by trying all sets of them.
const REPLICAS_MAX: usize = 16;

/// How many steps a transaction has at most, if it is not said: as many as Elle's generators have it.
const TXN_LENGTH: u8 = 4;

/// How many steps a transaction can have: its client is busy with it for two round trips a step, and one that is open when the load ends
/// is given half a minute.
const TXN_LENGTH_MAX: u8 = 12;

fn one_dc() -> u8 {
    1
}

/// Spare nodes where there are faults of membership: one to join, and one to take another's place.
const SPARES: usize = 2;

/// Processes that one machine is asked to bear: each takes a few megabytes and four ports.
const NODES_MAX: usize = 64;

impl Scenario {
    /// The scenario that `quorate run` runs when none is named.
    pub fn quickstart() -> Scenario {
        Scenario {
            format: FORMAT,
            name: "quickstart".to_owned(),
            purpose: "five nodes, quorum reads and writes, partitions and kills: do the claims hold?".to_owned(),
            workload: Workload::Register,
            nodes: 5,
            spares: None,
            n: 3,
            r: 2,
            w: 2,
            dcs: 1,
            read_level: None,
            write_level: None,
            reads_in_dc: None,
            writes_in_dc: None,
            read_repair: ReadRepair::Blocking,
            notfound_ok: false,
            digests: false,
            hedge_permille: None,
            context_actors_max: None,
            write_path: WritePath::Lww,
            clock: Clock::Hlc,
            clock_skew: Duration::ZERO,
            sloppy: false,
            tombstones: Tombstones::default(),
            fsync: Fsync::Always,
            time: Duration::from_secs(20),
            rate: 500,
            open_loop: false,
            concurrency: 10,
            keys: 40,
            reads_percent: 50,
            txn_length: None,
            partitions: 256,
            gossip_interval: Duration::from_millis(200),
            request_timeout: Duration::from_secs(1),
            quiet_timeout: Duration::from_secs(30),
            faults: vec![FaultKind::Partition, FaultKind::Kill],
            aimed_percent: 0,
            plant: None,
            plan: Vec::new(),
            script: Vec::new(),
        }
    }

    /// Every scenario that has a name.
    pub fn library() -> Vec<Scenario> {
        vec![Scenario::quickstart()]
    }

    /// The scenario of that name.
    pub fn from_name(name: &str) -> Option<Scenario> {
        Scenario::library().into_iter().find(|scenario| scenario.name == name)
    }

    /// Checks what the types can't say.
    ///
    /// # Errors
    /// [`ScenarioError`] with the first thing that can't be.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        if self.format != FORMAT {
            return Err(ScenarioError::Format(self.format));
        }
        let zero = [
            ("dcs", self.dcs == 0),
            ("time", self.time.is_zero()),
            ("concurrency", self.concurrency == 0),
            ("keys", self.keys == 0),
            ("partitions", self.partitions == 0),
            ("gossip-interval", self.gossip_interval.is_zero()),
            ("request-timeout", self.request_timeout.is_zero()),
        ];
        if let Some((name, _)) = zero.into_iter().find(|(_, zero)| *zero) {
            return Err(ScenarioError::Zero(name));
        }
        let percents = [
            ("reads-percent", self.reads_percent),
            ("aimed-percent", self.aimed_percent),
        ];
        if let Some((name, percent)) = percents.into_iter().find(|(_, percent)| *percent > 100) {
            return Err(ScenarioError::TooMany { name, percent });
        }
        if self.open_loop && self.rate == 0 {
            return Err(ScenarioError::NoRate);
        }
        if self.nodes.saturating_add(self.spares()) > NODES_MAX {
            return Err(ScenarioError::TooManyNodes(self.nodes.saturating_add(self.spares())));
        }
        self.validate_settings()?;
        if self.nodes < self.replicas() {
            return Err(ScenarioError::TooFewNodes {
                nodes: self.nodes,
                replicas: self.replicas(),
            });
        }
        for (scripted, number) in self.script.iter().zip(1..) {
            let refuse = |why| ScenarioError::Script { number, why };
            scripted.check(self).map_err(refuse)?;
        }
        self.validate_faults()
    }

    /// Checks what decides the claims.
    ///
    /// # Errors
    /// [`ScenarioError`] with the first thing that can't be.
    pub fn validate_settings(&self) -> Result<(), ScenarioError> {
        let dcs = self.dcs;
        if dcs == 0 {
            return Err(ScenarioError::Zero("dcs"));
        }
        let named = [self.reads_in_dc, self.writes_in_dc].into_iter().flatten();
        if let Some(dc) = named.into_iter().find(|dc| *dc == 0 || *dc > dcs) {
            return Err(ScenarioError::NoSuchDc { dc, dcs });
        }
        if self.workload.is_of_transactions() && self.reads_in_dc != self.writes_in_dc {
            return Err(ScenarioError::TxnsOverDcs(self.workload));
        }
        let is_of_registers = matches!(
            self.workload,
            Workload::Register | Workload::Append | Workload::Txn | Workload::Cas
        );
        if self.write_path == WritePath::Cas && !is_of_registers {
            return Err(ScenarioError::NotAgreedUpon(self.workload));
        }
        if self.txn_length() == 0 {
            return Err(ScenarioError::Zero("txn-length"));
        }
        if self.txn_length() > TXN_LENGTH_MAX {
            return Err(ScenarioError::TooLongTxns(self.txn_length()));
        }
        if self.replicas() > REPLICAS_MAX {
            return Err(ScenarioError::TooManyReplicas(self.replicas()));
        }
        let (r, w) = (self.r, self.w);
        Settings::strict(self.n, r, w, self.read_repair).validate()?;
        self.levels().quorums()?;
        Ok(())
    }

    /// How many hold a key at most: its owners, and where they change those who are next.
    fn holders_max(&self) -> usize {
        let changes = |fault: &PlannedFault| fault.fault.is_lasting();
        match self.plan.iter().any(changes) {
            true => 2 * self.replicas(),
            false => self.replicas(),
        }
    }

    /// How many founders do not own a key.
    pub fn stranger_count(&self) -> usize {
        self.nodes.saturating_sub(self.replicas())
    }

    /// Whether the owners of a key agree upon what it holds.
    pub fn is_agreed_upon(&self) -> bool {
        self.workload.is_agreed_upon(self.write_path)
    }

    /// Replicas of a key over all data centers.
    pub fn replicas(&self) -> usize {
        usize::from(self.n) * usize::from(self.dcs)
    }

    /// How many nodes there are beside the founders.
    pub fn spares(&self) -> usize {
        let usual =
            if self.may_have(FaultKind::Membership, |_| true) || self.may_have(FaultKind::Wipe, Fault::is_lasting) {
                SPARES
            } else {
                0
            };
        self.spares.unwrap_or(usual)
    }

    /// How many nodes there are, founders first, whether or not anything starts them.
    pub fn place_count(&self) -> usize {
        self.nodes + self.spares()
    }

    /// How many owners agree to each step of a change of owners, and how many a new one copies from: such a set has to
    /// meet every set that a read or a write gets by with. Where one of these can be less than a majority of the owners,
    /// that takes all of them, and nobody can be lost for good.
    pub fn step_level(&self) -> Level {
        self.levels().step_level()
    }

    /// Whether a node can be lost for good and nothing with it that was acknowledged: changes of owners go on without
    /// it, and what is held by as many as agree to them is held by another.
    pub fn may_lose_a_node(&self) -> bool {
        self.n >= 3 && self.step_level() != Level::All
    }

    /// How many steps a transaction has at most.
    pub fn txn_length(&self) -> u8 {
        self.txn_length.unwrap_or(TXN_LENGTH)
    }

    /// At which level clients read.
    pub fn read_level(&self) -> Level {
        self.read_level.map_or(Level::Count(self.r), |level| level.0)
    }

    /// At which level clients write.
    pub fn write_level(&self) -> Level {
        self.write_level.map_or(Level::Count(self.w), |level| level.0)
    }

    /// Every level at which clients read, or write: that of the scenario, but where a script says another of all that it asks.
    fn levels_of(&self, usual: fn(&Scenario) -> Level, is_read: bool) -> Vec<Level> {
        let asked = self.script.iter().filter(|asked| asked.action.is_read() == is_read);
        let mut levels: Vec<_> = asked
            .map(|asked| asked.level.map_or_else(|| usual(self), |level| level.0))
            .collect();
        if levels.is_empty() {
            levels.push(usual(self));
        }
        levels
    }

    /// The same, as if all were asked at one level.
    pub(crate) fn at_level(&self, level: LevelName) -> Scenario {
        Scenario {
            read_level: Some(level),
            write_level: Some(level),
            plan: Vec::new(),
            script: Vec::new(),
            ..self.clone()
        }
    }

    fn levels(&self) -> Levels {
        let in_dcs = |dc: Option<u8>| dc.map_or_else(|| (0..self.dcs).collect(), |dc| vec![dc - 1]);
        Levels {
            replicas: self.n,
            dcs: self.dcs,
            read: self.levels_of(Scenario::read_level, true),
            write: self.levels_of(Scenario::write_level, false),
            read_dcs: in_dcs(self.reads_in_dc),
            write_dcs: in_dcs(self.writes_in_dc),
        }
    }

    /// The data center of a node, counted from 0.
    pub fn dc_of(&self, place: Place) -> u8 {
        let dc = place.0 % usize::from(self.dcs);
        u8::try_from(dc).expect("below the number of data centers")
    }

    /// How a node comes in, unless something else is said before it starts.
    pub fn entry_of(&self, place: Place) -> Entry {
        if place.0 < self.nodes {
            Entry::Found
        } else {
            Entry::Join
        }
    }

    /// The nodes that others look for the cluster at: two, or all founders, where some may go.
    pub fn seed_places(&self) -> impl Iterator<Item = Place> {
        let count = if self.spares() > 0 { self.nodes } else { 2 };
        Place::all(count)
    }

    /// How keys are replicated.
    pub fn replication(&self) -> Replication {
        if self.dcs == 1 {
            return Replication::Simple(self.n);
        }
        Replication::PerDc((0..self.dcs).map(|dc| (dc_name(dc), self.n)).collect())
    }

    fn validate_faults(&self) -> Result<(), ScenarioError> {
        if self.nodes < 2 && !(self.faults.is_empty() && self.plan.is_empty()) {
            return Err(ScenarioError::NobodyToBreak);
        }
        let named = self.plan.iter().flat_map(|planned| planned.fault.places());
        if let Some(place) = named.into_iter().find(|place| place.0 >= self.place_count()) {
            return Err(ScenarioError::NoSuchNode {
                name: place.to_string(),
                nodes: self.place_count(),
            });
        }
        let mut members = Members::of(self);
        let mut swaps: Vec<(Duration, Fault)> = Vec::new();
        for planned in plan::in_order(&self.plan) {
            let (kind, at) = (planned.fault.kind(), planned.at);
            let refuse = |why| ScenarioError::Fault { kind, at, why };
            planned.validate().map_err(refuse)?;
            self.check_roles(&planned.fault).map_err(refuse)?;
            // Whom one that is aimed at a role befalls is checked when it strikes.
            if let Some(fault) = planned.fixed() {
                members.check(&fault).map_err(refuse)?;
                members.take(&fault);
                swaps.retain(|(until, _)| *until > at);
                let mut swapped = swaps.iter().flat_map(|(_, swap)| swap.nodes());
                if matches!(fault, Fault::SwappedAddresses { .. }) {
                    let is_swapped = swapped.find(|node| fault.nodes().contains(node));
                    is_swapped.map_or(Ok(()), |node| Err(refuse(FaultError::SwappedAlready(node))))?;
                    swaps.push((at + planned.lasts, fault));
                }
            }
        }
        Ok(())
    }

    /// Checks that somebody can have each role.
    fn check_roles(&self, fault: &Fault<Target>) -> Result<(), FaultError> {
        let is_there = |key: KeyName| !matches!(key, KeyName::Number(number) if number >= self.keys);
        let is_possible = |role: &Role| match *role {
            // While owners change, as many again may be next.
            Role::Owner(key, place) => is_there(key) && usize::from(place) <= self.holders_max(),
            Role::Owners(key) => is_there(key),
            Role::Stranger(key, None) => is_there(key),
            Role::Stranger(key, Some(place)) => is_there(key) && usize::from(place) <= self.stranger_count(),
            Role::Coordinator(client) => client < self.concurrency,
            Role::Dc(dc) => dc <= self.dcs,
            _ => true,
        };
        if let Fault::LostRecord { key, .. } = fault
            && key.0 >= self.keys
        {
            return Err(FaultError::NoSuchKey(*key));
        }
        match fault.roles().into_iter().find(|role| !is_possible(role)) {
            Some(role) => Err(FaultError::NoSuchRole(role)),
            None => Ok(()),
        }
    }

    /// Checks that a cluster of that kind can have every fault that the scenario asks for.
    ///
    /// # Errors
    /// [`ScenarioError::NotOfBackend`] with the first that it can't.
    pub fn check_backend(&self, backend: Backend) -> Result<(), ScenarioError> {
        let kinds = self.faults.iter().filter(|kind| !kind.is_of(backend));
        let planned = self.plan.iter().filter(|planned| !planned.fault.is_of(backend));
        let mut beyond = kinds
            .map(|kind| kind.name().to_owned())
            .chain(planned.map(|planned| planned.fault.shape()));
        match beyond.next() {
            Some(fault) => Err(ScenarioError::NotOfBackend { fault, backend }),
            None => Ok(()),
        }
    }

    /// Whether a fault of the plan takes that; before there is a plan, whether one may.
    pub fn needs(&self, need: Need) -> bool {
        let takes = |fault: &Fault| fault.needs().contains(&need);
        if self.plan.is_empty() {
            return Fault::examples()
                .iter()
                .any(|fault| takes(fault) && self.may_have(fault.kind(), |_| true));
        }
        self.plan.iter().any(|planned| planned.fault.needs().contains(&need))
    }

    /// Puts some families that a cluster of that kind can have, drawn from the seed, in the place of a swarm.
    pub fn resolve_swarm(&mut self, seed: u64, backend: Backend) {
        let before = self.faults.len();
        self.faults.retain(|kind| *kind != FaultKind::Swarm);
        if self.faults.len() == before {
            return;
        }
        let families = FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::Swarm);
        let families: Vec<_> = families.filter(|kind| kind.is_of(backend)).collect();
        self.faults.extend(plan::draw_swarm(seed, &families));
        self.faults.sort();
        self.faults.dedup();
    }

    /// Draws the plan from the seed, unless there is one; and a swarm of all that a simulation can have, unless it has
    /// been resolved before.
    pub fn resolve_plan(&mut self, seed: u64) {
        self.resolve_swarm(seed, Backend::Simulated);
        // Said from here on: less of the plan may be left than asks for them.
        self.spares = Some(self.spares()).filter(|spares| *spares > 0 || self.spares.is_some());
        if self.plan.is_empty() {
            self.plan = plan::draw(&PlanOptions {
                seed,
                members: Members::of(self),
                time: self.time,
                kinds: &self.faults,
                aimed_percent: self.aimed_percent,
            });
        }
    }

    /// What decides what may be claimed.
    pub fn settings(&self) -> Settings {
        let quorums = self.levels().quorums();
        Settings {
            quorums: quorums.expect("a scenario is validated before its settings are asked for"),
            absence_answers_alone: self.notfound_ok,
            contexts_are_cut: self.context_actors_max.is_some(),
            n: self.n,
            r: self.r,
            w: self.w,
            read_repair: self.read_repair,
            write_path: self.write_path,
            clock: self.clock,
            clocks_are_skewed: !self.clock_skew.is_zero() || self.may_have(FaultKind::Clock, |_| true),
            nodes_are_away: self.nodes_may_be_away(),
            nodes_are_lost: self.may_lose_a_node()
                && [FaultKind::Membership, FaultKind::Wipe]
                    .into_iter()
                    .any(|kind| self.may_have(kind, |fault| fault.ends().is_some())),
            owners_change: self.may_have(FaultKind::Membership, Fault::is_lasting)
                || self.may_have(FaultKind::Wipe, Fault::is_lasting),
            disks_go_back: self.may_have(FaultKind::Wipe, |fault| matches!(fault, Fault::OldDisk { .. })),
            records_are_lost: {
                let mut planned = self.plan.iter();
                planned.any(|planned| matches!(planned.fault, Fault::LostRecord { .. })) // It is never drawn.
            },
            disks_fail: self.may_have(FaultKind::Disk, |fault| matches!(fault, Fault::FailingDisk { .. })),
            records_are_damaged: self.may_have(FaultKind::Disk, |fault| matches!(fault, Fault::FlippedBits { .. })),
            sloppy: self.sloppy,
            acks_are_synced: self.fsync == Fsync::Always,
            tombstones: match self.tombstones.0 {
                When::CollectAfter(grace) if grace <= self.message_age_max() => TombstonesClaim::Outlived,
                When::Keep | When::CollectAfter(_) => TombstonesClaim::Safe,
                When::ForgetAfter(_) => TombstonesClaim::Forgotten,
            },
            tombstones_go: self.tombstones.0 != When::Keep,
            txn_length: self.txn_length(),
        }
    }

    /// How long after a request came in a message for it may arrive; zero where messages are not late.
    fn message_age_max(&self) -> Duration {
        match self.lateness_max() {
            Duration::ZERO => Duration::ZERO,
            late_by => self.request_timeout + late_by,
        }
    }

    /// How late a message may come, where messages may be late.
    pub fn lateness_max(&self) -> Duration {
        let late_by = |planned: &PlannedFault| match planned.fault {
            Fault::OddMessages { by, .. } => by,
            _ => Duration::ZERO,
        };
        match self.plan.iter().map(late_by).max() {
            Some(planned) => planned,
            None if self.may_have(FaultKind::Message, |_| true) => plan::LATE_MAX,
            None => Duration::ZERO,
        }
    }

    /// Whether a fault may have a node be down, paused or out of reach.
    fn nodes_may_be_away(&self) -> bool {
        let is_away = |fault: &Fault<Target>| match fault.kind() {
            FaultKind::Disk => !fault.downs().is_empty(),
            FaultKind::Membership => fault.ends().is_some(),
            _ => true,
        };
        [
            FaultKind::Partition,
            FaultKind::Kill,
            FaultKind::Pause,
            FaultKind::PowerLoss,
            FaultKind::Disk,
            FaultKind::Membership,
            FaultKind::Wipe,
        ]
        .into_iter()
        .any(|kind| self.may_have(kind, is_away))
    }

    /// Whether a fault of a family, and of that sort, is planned; or, where there is no plan yet, may be drawn.
    fn may_have(&self, kind: FaultKind, sort: impl Fn(&Fault<Target>) -> bool) -> bool {
        if self.plan.is_empty() {
            return self.faults.contains(&kind) || self.faults.contains(&FaultKind::Swarm);
        }
        let mut planned = self.plan.iter().map(|planned| &planned.fault);
        planned.any(|fault| fault.kind() == kind && sort(fault))
    }

    /// How far ahead of the true time the clock of `place` is.
    pub fn clock_ahead(&self, seed: u64, place: Place) -> Duration {
        let mut rng = Pcg64Mcg::seed_from_u64(split_seed(seed, &format!("clock of {place}")));
        self.clock_skew.mul_f64(rng.random())
    }

    /// Reads a scenario from the text of a file.
    ///
    /// # Errors
    /// Where and why the text is not a scenario.
    pub fn from_toml(text: &str) -> Result<Scenario, toml::de::Error> {
        toml::from_str(text)
    }

    /// The text of its file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a scenario holds what TOML can")
    }
}

mod plant_name {
    use quorate_core::Plant;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(plant: &Option<Plant>, serializer: S) -> Result<S::Ok, S::Error> {
        match plant {
            Some(plant) => serializer.serialize_str(plant.name()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Plant>, D::Error> {
        let name = String::deserialize(deserializer)?;
        match Plant::from_name(&name) {
            Some(plant) => Ok(Some(plant)),
            None => Err(D::Error::custom(format!("unknown bug {name:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut scenario = Scenario::quickstart();
        scenario.resolve_plan(7);
        scenario.plant = Some(Plant::HintDropped);
        scenario.fsync = Fsync::Periodic(Duration::from_secs(3));
        scenario.tombstones = Tombstones(When::ForgetAfter(Duration::from_millis(1500)));
        scenario.clock_skew = Duration::from_millis(20);
        let text = scenario.to_toml();
        assert_eq!(Scenario::from_toml(&text).expect("its own text"), scenario, "{text}");
    }

    #[test]
    fn every_scenario_of_the_library_can_be() {
        for scenario in Scenario::library() {
            assert_eq!(scenario.validate(), Ok(()), "{}", scenario.name);
            assert_eq!(Scenario::from_name(&scenario.name), Some(scenario));
        }
    }

    type Breaking = (fn(&mut Scenario), &'static str);

    #[test]
    fn what_can_not_be_is_said() {
        let broken: [Breaking; 10] = [
            (|s| s.r = 0, "r is 0"),
            (|s| s.w = 4, "w is 4"),
            (|s| s.n = 0, "n is 0"),
            (|s| s.nodes = 2, "2 nodes can't hold 3"),
            (|s| s.nodes = 65, "65 nodes"),
            (|s| s.time = Duration::ZERO, "time has to be above 0"),
            (|s| s.keys = 0, "keys has to be above 0"),
            (|s| s.reads_percent = 101, "more than 100"),
            (|s| s.format = 2, "format 2"),
            (
                |s| {
                    s.resolve_plan(1);
                    s.nodes = 3;
                },
                "but there are 3 nodes",
            ),
        ];
        for (breaking, expected) in broken {
            let mut scenario = Scenario::quickstart();
            breaking(&mut scenario);
            let error = scenario.validate().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }

    #[test]
    fn a_swarm_becomes_what_the_cluster_can_have() {
        let mut drawn = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let mut scenario = Scenario::quickstart();
            scenario.faults = vec![FaultKind::Kill, FaultKind::Swarm];
            scenario.resolve_swarm(seed, Backend::Processes);
            assert_eq!(scenario.check_backend(Backend::Processes), Ok(()));
            assert!(
                scenario.faults.contains(&FaultKind::Kill),
                "it was asked for by its name"
            );
            let families = scenario.faults.clone();
            scenario.resolve_plan(seed);
            assert_eq!(scenario.faults, families, "and not drawn again");
            drawn.extend(families);
        }
        let all: Vec<_> = FaultKind::ALL
            .into_iter()
            .filter(|kind| *kind != FaultKind::Swarm)
            .collect();
        assert!(
            drawn
                .into_iter()
                .eq(all.into_iter().filter(|kind| kind.is_of(Backend::Processes)))
        );
    }

    #[test]
    fn what_is_claimed_follows_from_the_faults_that_are_planned() {
        let mut scenario = Scenario::quickstart();
        scenario.faults = vec![FaultKind::Clock, FaultKind::Disk];
        let settings = scenario.settings();
        assert!(settings.clocks_are_skewed && settings.disks_fail && settings.records_are_damaged);
        let slow_disk = Fault::SlowDisk {
            nodes: vec![Place(0)],
            delay: Duration::from_millis(20),
        };
        scenario.plan = vec![PlannedFault::new(Duration::ZERO, Duration::from_secs(1), slow_disk)];
        let settings = scenario.settings();
        assert!(!settings.clocks_are_skewed && !settings.disks_fail && !settings.records_are_damaged);
        assert!(!settings.nodes_are_away);
    }

    #[test]
    fn late_messages_outlive_a_short_grace() {
        let mut scenario = Scenario::quickstart();
        let mut tombstones = |grace, plan: &[PlannedFault]| {
            scenario.faults = vec![FaultKind::Message];
            scenario.tombstones = Tombstones(When::CollectAfter(Duration::from_millis(grace)));
            scenario.plan = plan.to_vec();
            scenario.settings().tombstones
        };
        let late = Fault::OddMessages {
            from: vec![Place(0)],
            to: vec![Place(1)],
            late_percent: 10,
            twice_percent: 0,
            dropped_percent: 0,
            spoilt_percent: 0,
            kinds: Vec::new(),
            by: Duration::from_millis(200),
        };
        let late = PlannedFault::new(Duration::ZERO, Duration::from_secs(1), late);
        assert_eq!(
            tombstones(2000, &[]),
            TombstonesClaim::Outlived,
            "up to 1.5 s are drawn"
        );
        assert_eq!(tombstones(3000, &[]), TombstonesClaim::Safe);
        assert_eq!(tombstones(1200, std::slice::from_ref(&late)), TombstonesClaim::Outlived);
        assert_eq!(tombstones(1201, &[late]), TombstonesClaim::Safe);
    }

    #[test]
    fn a_misspelt_setting_is_not_passed_over() {
        let text = Scenario::quickstart().to_toml().replace("concurrency", "concurency");
        let error = Scenario::from_toml(&text).expect_err("no such setting").to_string();
        assert!(error.contains("concurency"), "{error}");
    }
}
