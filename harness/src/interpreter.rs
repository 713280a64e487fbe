//! One run on one cluster, from the first process to the last look at a replica.
//!
//! Settle, load while the plan is carried out, heal, wait for quiet, look at every replica; then bring what hints missed
//! by anti-entropy, and look again. Nothing is judged here: the record is all that leaves.

mod ending;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use quorate_checker::{
    Event, EventKind, Phase,
    cluster::{ClusterRecord, Compared, MembersSeen},
};
use quorate_core::{AdminOk, AdminRequest, AntiEntropyReport, NodeId, Status};
use quorate_workloads::Record;

use crate::{
    attendance,
    cluster::{AskError, Cluster, Elapsed, Happening, Onlooked},
    coverage::{Coverage, Outcomes},
    fault::Place,
    fault_log::{FaultLog, Faults},
    load::{Ended, Followed, Load, nanos},
    nemesis::Nemesis,
    operations::{key_name, shown, shown_version, stored_key},
    record::{Recorder, Said},
    report::Report,
    scenario::Scenario,
    scripted::{Scripted, Through},
    tape::{Ask, TapeRecorder},
};

/// How long nodes may take to start and to agree on a ring: some gossip rounds, and processes that start side by side.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long changes of membership may take after the heal: each step of each partition is a few round trips and syncs, and
/// a node that is gone has to be seen as down first.
const MOVES_TIMEOUT: Duration = Duration::from_secs(60);

/// Time between two looks at the nodes' status.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often in a row the cluster has to be found at rest: between two looks, a timer may have put something under way.
const QUIET_LOOKS: usize = 3;

/// How often anti-entropy is asked for again when a node was busy or a peer was lost.
const ANTI_ENTROPY_TRIES: usize = 5;

/// What the phase is called in which clients ask.
pub const LOAD: &str = "load";

/// What the phase is called that follows.
pub const HEALING: &str = "healing";

/// What a run is told.
#[derive(Debug)]
pub struct RunOptions<'a> {
    /// What to do.
    pub scenario: &'a Scenario,
    /// Decides what chance decides.
    pub seed: u64,
    /// Where events go.
    pub recorder: Recorder,
    /// Where faults go.
    pub fault_log: FaultLog,
    /// Where what a replay needs goes.
    pub tape: TapeRecorder,
    /// What clients are told to ask; `None` to draw it from the seed.
    pub asks: Option<&'a [Ask]>,
}

/// What a run leaves.
#[derive(Debug)]
pub struct RunRecord {
    /// Every operation and every look at a replica.
    pub history: Record,
    /// Every fault.
    pub faults: Faults,
    /// How long each successful operation took, in the order of their ends.
    pub latencies: Vec<Duration>,
    /// Every operation, in the order of their ends.
    pub samples: Vec<Sample>,
    /// Of an open loop, operations that came and were never begun.
    pub unbegun: u64,
    /// From when to when there was load, since the start of the run.
    pub load_span: (Elapsed, Elapsed),
    /// From the heal to rest; `None` if there was none in time.
    pub quiet_after: Option<Duration>,
    /// Whether the user ended it early.
    pub interrupted: bool,
    /// Of real processes: what its times are counted from, in nanoseconds since 1970.
    pub zero_unix_ns: Option<u64>,
    /// What it reached, as far as clients and faults tell.
    pub coverage: Coverage,
    /// What nodes told of the owners of partitions, and whom they counted for answers.
    pub told: Arc<ClusterRecord>,
    /// What became of nodes.
    pub attendance: Vec<attendance::Entry>,
}

impl RunRecord {
    /// What the run reached, and how it was judged.
    pub fn coverage_of(&self, report: &Report) -> Coverage {
        let mut coverage = self.coverage.clone();
        coverage.add_verdict(report);
        coverage
    }
}

/// When an operation was to begin, when it ended, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Whether it only reads.
    pub is_read: bool,
    /// When it was to begin.
    pub due: Elapsed,
    /// How long it took from then on.
    pub latency: Duration,
    /// Whether it succeeded.
    pub is_ok: bool,
}

/// What is told while a run goes on. Nothing that is done with it may fail the run.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A part of the run begins.
    Phase(&'static str),
    /// The load goes on.
    Load {
        /// Since its beginning.
        elapsed: Duration,
        /// Operations that have ended.
        ended: u64,
        /// How long each of those took that succeeded, in the order of their ends.
        latencies: &'a [Duration],
        /// Who breaks things, and knows the faults that are on.
        nemesis: &'a Nemesis,
        /// The clients.
        load: &'a Load,
        /// The nodes.
        cluster: &'a dyn Onlooked,
        /// Since the cluster was made.
        now: Elapsed,
    },
}

/// Runs a scenario.
///
/// # Errors
/// If the harness failed, or a node did that nobody broke. The record's file holds all that happened until then.
pub async fn run<C: Cluster>(
    cluster: &mut C,
    options: RunOptions<'_>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> anyhow::Result<RunRecord> {
    let mut run = Run {
        scenario: options.scenario,
        recorder: options.recorder,
        tape: options.tape,
        cluster,
        watch,
        interrupted: false,
        members: Place::all(options.scenario.nodes).collect(),
        pretenders: Vec::new(),
        latencies: Vec::new(),
        samples: Vec::new(),
        outcomes: Outcomes::default(),
        ended: 0,
        members_seen: BTreeSet::new(),
        comparisons: BTreeSet::new(),
    };
    run.phase("settling");
    run.start_all().await?;
    run.settle(SETTLE_TIMEOUT).await?;
    let places = Place::all(options.scenario.place_count());
    let identities = places.map(|place| run.cluster.identity(place)).collect();
    run.tape.begin(identities)?;
    let scripted = match options.asks {
        Some(asks) => Some(asks.to_vec()),
        None => run.scripted().await?,
    };
    run.phase(LOAD);
    let begins = run.cluster.elapsed();
    let plan = &options.scenario.plan;
    let mut nemesis = Nemesis::new(options.scenario, options.seed, begins, options.fault_log);
    let mut load = match &scripted {
        None => Load::new(options.scenario, options.seed, begins),
        Some(asks) => Load::told(options.scenario, asks, begins),
    };
    run.drive(&mut load, &mut nemesis).await?;
    let healed = run.cluster.elapsed();
    let unbegun = load.unbegun();
    run.phase(HEALING);
    run.heal(&mut load, &mut nemesis).await?;
    let have_moved = run.wait_for_moves(&mut load, &mut nemesis).await?;
    run.look_at_members().await?;
    let quiet_after = match have_moved {
        true => run.look_twice(healed).await?,
        false => None, // Who owns what is still changing: whoever was looked at now would tell nothing.
    };
    let faults = nemesis.finish()?;
    run.tape.finish(faults.entries())?;
    let mut coverage = Coverage::default();
    coverage.add_outcomes(&run.outcomes);
    coverage.add_faults(&faults, plan);
    let mut told = run.cluster.told()?;
    told.members = run.members_seen;
    told.comparisons = run.comparisons;
    Ok(RunRecord {
        history: run.recorder.finish()?,
        faults,
        latencies: run.latencies,
        samples: run.samples,
        unbegun,
        load_span: (begins, healed),
        quiet_after,
        interrupted: run.interrupted,
        zero_unix_ns: None,
        coverage,
        told: Arc::new(told),
        attendance: run.cluster.attendance()?,
    })
}

struct Run<'a, C> {
    scenario: &'a Scenario,
    cluster: &'a mut C,
    recorder: Recorder,
    tape: TapeRecorder,
    watch: &'a mut dyn FnMut(Progress<'_>),
    interrupted: bool,
    /// Whom the observer asks: at the end, those who are in the cluster then.
    members: Vec<Place>,
    /// Those who only say that they are of them.
    pretenders: Vec<Place>,
    latencies: Vec<Duration>,
    samples: Vec<Sample>,
    outcomes: Outcomes,
    ended: u64,
    members_seen: BTreeSet<MembersSeen>,
    comparisons: BTreeSet<Compared>,
}

impl<C: Cluster> Run<'_, C> {
    fn phase(&mut self, name: &'static str) {
        (self.watch)(Progress::Phase(name));
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        let mut waiting = self.members.clone();
        waiting.iter().try_for_each(|node| self.cluster.start(*node))?;
        let deadline = self.cluster.elapsed() + SETTLE_TIMEOUT;
        while !waiting.is_empty() {
            match self.cluster.next(deadline).await? {
                Happening::Started { node } => waiting.retain(|other| *other != node),
                Happening::Due => bail!("start {}: no sign of life in {SETTLE_TIMEOUT:?}", waiting[0]),
                other => self.set_aside(&other),
            }
        }
        Ok(())
    }

    /// Waits until all members go by one ring and every one is linked with every other.
    async fn settle(&mut self, timeout: Duration) -> anyhow::Result<()> {
        let deadline = self.cluster.elapsed() + timeout;
        loop {
            let unsettled = match self.statuses().await {
                Ok(statuses) => match unsettled(&statuses) {
                    None => return Ok(()),
                    Some(why) => why,
                },
                Err(error) => error.to_string(),
            };
            match unsettled {
                why if self.cluster.elapsed() >= deadline => {
                    bail!("the ring did not settle in {timeout:?}: {why}")
                }
                _ => self.pause().await?,
            }
        }
    }

    async fn statuses(&mut self) -> Result<Vec<Status>, AskError> {
        let mut statuses = Vec::with_capacity(self.members.len());
        for node in self.members.clone() {
            match self.cluster.ask(node, AdminRequest::Status).await? {
                AdminOk::Status(status) => statuses.push(*status),
                other => return Err(misunderstood(node, &other)),
            }
        }
        Ok(statuses)
    }

    async fn pause(&mut self) -> anyhow::Result<()> {
        let until = self.cluster.elapsed() + POLL_INTERVAL;
        loop {
            match self.cluster.next(until).await? {
                Happening::Due => return Ok(()),
                other => self.set_aside(&other),
            }
        }
    }

    /// Takes note of what happens outside the load.
    fn set_aside(&mut self, happening: &Happening) {
        self.interrupted |= matches!(happening, Happening::Interrupted);
    }

    /// What clients are told to ask by the scenario, if they are, now that it is known who owns which key.
    async fn scripted(&mut self) -> anyhow::Result<Option<Vec<Ask>>> {
        if self.scenario.script.is_empty() {
            return Ok(None);
        }
        let mut asks = Vec::new();
        for scripted in &self.scenario.script {
            let node = match scripted.role() {
                None => scripted.node(),
                Some((key, through)) => {
                    let owners = self.owners(&key_name(key)).await?;
                    let mut strangers = self.members.iter().filter(|member| !owners.contains(member));
                    match through {
                        Through::Owner(place) => owners.get(place).copied(),
                        Through::Stranger(place) => strangers.nth(place).copied(),
                    }
                }
            };
            let node = node.with_context(|| format!("script: nobody is {}", scripted.through))?;
            let Scripted {
                at,
                client,
                level,
                action,
                ..
            } = scripted.clone();
            asks.push(Ask {
                at,
                client,
                node,
                level,
                action,
            });
        }
        asks.sort_by_key(|ask| ask.at);
        Ok(Some(asks))
    }

    /// Lets the clients work and the nemesis break things, until the time is over or the user has had enough.
    async fn drive(&mut self, load: &mut Load, nemesis: &mut Nemesis) -> anyhow::Result<()> {
        while !self.interrupted {
            let now = self.cluster.elapsed();
            if now >= load.ends() {
                break;
            }
            let mut fault_due = nemesis.next_due();
            if fault_due.is_some_and(|due| due <= now) {
                nemesis.act(now, load, self.cluster).await?;
                self.note_members(load, nemesis);
                self.tell(load, nemesis);
                fault_due = nemesis.next_due();
            }
            self.submit_due(load, now)?;
            let due = [load.next_due(), fault_due].into_iter().flatten().min();
            let until = due.unwrap_or(load.ends()).min(load.ends());
            self.wait(until, load, nemesis).await?;
        }
        Ok(())
    }

    /// Clients go to whoever may answer: to those as well who have left, and refuse.
    fn note_members(&mut self, load: &mut Load, nemesis: &Nemesis) {
        let members = nemesis.members();
        let mut coordinators = members.present();
        coordinators.extend(members.left());
        load.set_coordinators(coordinators);
        self.members = members.present();
        self.pretenders = members.pretenders();
    }

    fn submit_due(&mut self, load: &mut Load, now: Elapsed) -> anyhow::Result<()> {
        while let Some(call) = load.take_due(now) {
            self.recorder.push_said(load.said_mut(call.client))?;
            self.tape.ask(|| call.ask)?;
            self.cluster.submit(call.client, call.node, call.request);
        }
        Ok(())
    }

    /// Waits for one thing to happen, and takes it in.
    async fn wait(&mut self, until: Elapsed, load: &mut Load, nemesis: &mut Nemesis) -> anyhow::Result<()> {
        match self.cluster.next(until).await? {
            Happening::Completed { client, outcome } => match load.complete(self.cluster.elapsed(), client, outcome) {
                Followed::Asks { node, request } => self.cluster.submit(client, node, request),
                Followed::Ended(ended) => {
                    self.take_end(&ended, load.said_mut(client))?;
                    self.tell(load, nemesis);
                }
            },
            Happening::Started { node } => nemesis.on_started(self.cluster.elapsed(), node)?,
            Happening::Due => {}
            Happening::Interrupted => self.interrupted = true,
        }
        Ok(())
    }

    /// An operation has ended.
    fn take_end(&mut self, ended: &Ended, completion: &mut Said) -> anyhow::Result<()> {
        self.ended += 1;
        let is_ok = completion.kind() == EventKind::Ok;
        self.samples.push(Sample {
            is_read: ended.is_read,
            due: ended.due,
            latency: ended.latency,
            is_ok,
        });
        if is_ok {
            self.latencies.push(ended.latency);
        }
        self.outcomes.add(completion);
        self.recorder.push_said(completion)
    }

    fn tell(&mut self, load: &Load, nemesis: &Nemesis) {
        let now = self.cluster.elapsed();
        let left = load.ends().saturating_sub(now);
        (self.watch)(Progress::Load {
            elapsed: self.scenario.time.saturating_sub(left),
            ended: self.ended,
            latencies: &self.latencies,
            nemesis,
            load,
            cluster: &*self.cluster,
            now,
        });
    }

    /// Undoes every fault, and waits until the last operation has ended and the last killed node is up.
    async fn heal(&mut self, load: &mut Load, nemesis: &mut Nemesis) -> anyhow::Result<()> {
        nemesis.end_all(self.cluster).await?;
        let deadline = self.cluster.elapsed() + SETTLE_TIMEOUT;
        while load.is_busy() || !nemesis.is_idle() {
            if self.cluster.elapsed() >= deadline {
                bail!("after the heal, not every operation has ended and every node come up in {SETTLE_TIMEOUT:?}");
            }
            self.wait(deadline, load, nemesis).await?;
        }
        Ok(())
    }

    /// Waits until every change of membership has come to its end, and ends the processes of those who have left. Returns
    /// whether it did; that it did not is noted.
    async fn wait_for_moves(&mut self, load: &mut Load, nemesis: &mut Nemesis) -> anyhow::Result<bool> {
        let deadline = self.cluster.elapsed() + MOVES_TIMEOUT;
        while let Some(due) = nemesis.next_due() {
            let now = self.cluster.elapsed();
            if now >= deadline {
                nemesis.give_up_changes(self.cluster).await?;
                self.members = nemesis.members().present();
                return Ok(false);
            }
            if due <= now {
                nemesis.act(now, load, self.cluster).await?;
            } else {
                self.wait(due.min(deadline), load, nemesis).await?;
            }
        }
        nemesis.end_left(self.cluster).await?;
        self.members = nemesis.members().present();
        Ok(true)
    }

    /// Looks at every replica once the cluster is at rest, and again after anti-entropy. Says how long after `healed` it was
    /// at rest.
    async fn look_twice(&mut self, healed: Elapsed) -> anyhow::Result<Option<Duration>> {
        self.settle(SETTLE_TIMEOUT).await?;
        self.wait_for_late_messages(healed).await?;
        self.phase("waiting for quiet");
        let quiet_after = self.wait_for_quiet(healed).await?;
        self.phase("looking at every replica");
        self.look(Phase::Handoff).await?;
        self.phase("anti-entropy");
        self.anti_entropy().await?;
        self.look(Phase::Final).await?;
        self.compare_once_more().await?;
        Ok(quiet_after)
    }

    /// Waits until what a fault has made late has come: no node knows of it, and it may still change what they hold.
    async fn wait_for_late_messages(&mut self, healed: Elapsed) -> anyhow::Result<()> {
        let until = healed + self.scenario.lateness_max();
        while self.cluster.elapsed() < until {
            self.pause().await?;
        }
        Ok(())
    }

    /// Waits until no node keeps a hint or has anything under way, and says how long after `healed` that was.
    async fn wait_for_quiet(&mut self, healed: Elapsed) -> anyhow::Result<Option<Duration>> {
        let deadline = healed + self.scenario.quiet_timeout;
        let mut looks = 0;
        while self.cluster.elapsed() < deadline {
            let statuses = self.statuses().await?;
            let at_rest = |s: &Status| s.hints_pending == 0 && s.coordinating == 0 && s.persisting == 0;
            looks = if statuses.iter().all(at_rest) { looks + 1 } else { 0 };
            if looks == QUIET_LOOKS {
                return Ok(Some(self.cluster.elapsed() - healed));
            }
            self.pause().await?;
        }
        Ok(None)
    }

    /// Has every node compare with every other, and says how that came out.
    async fn anti_entropy(&mut self) -> anyhow::Result<Vec<(Place, AntiEntropyReport)>> {
        let mut reports = Vec::with_capacity(self.members.len());
        for node in self.members.clone() {
            let mut tries = 0;
            loop {
                tries += 1;
                let report = match self.cluster.ask(node, AdminRequest::AntiEntropy).await {
                    Ok(AdminOk::AntiEntropy(report)) => Ok(report),
                    Ok(other) => Err(misunderstood(node, &other)),
                    Err(error) => Err(error),
                };
                match report {
                    Ok(report) if report.peers_failed == 0 => break reports.push((node, report)),
                    Ok(report) if tries == ANTI_ENTROPY_TRIES => {
                        bail!(
                            "anti-entropy at {node}: {} peers were lost on the way",
                            report.peers_failed
                        )
                    }
                    Err(error) if tries == ANTI_ENTROPY_TRIES => return Err(error).context("anti-entropy"),
                    _ => self.pause().await?,
                }
            }
        }
        Ok(reports)
    }

    /// Reads every key at every one of its owners.
    async fn look(&mut self, phase: Phase) -> anyhow::Result<()> {
        for key in (0..self.scenario.keys).map(key_name) {
            for owner in self.owners(&key).await? {
                self.look_at(owner, &key, phase).await?;
            }
        }
        Ok(())
    }

    async fn owners(&mut self, key: &str) -> anyhow::Result<Vec<Place>> {
        let node = *self.members.first().context("look at replicas: no member is left")?;
        let request = AdminRequest::Owners {
            key: stored_key(self.scenario, key),
        };
        let owners = match self.cluster.ask(node, request).await? {
            AdminOk::Owners(owners) => owners,
            other => return Err(misunderstood(node, &other).into()),
        };
        let place = |owner: NodeId| {
            let mut members = self.members.iter();
            members.find(|member| self.cluster.identity(**member) == owner).copied()
        };
        let owners: Option<Vec<_>> = owners.into_iter().map(place).collect();
        owners.with_context(|| format!("look at {key}: {node} names an owner that is none of the members"))
    }

    async fn look_at(&mut self, node: Place, key: &str, phase: Phase) -> anyhow::Result<()> {
        let mut invocation = Event {
            time_ns: nanos(self.cluster.elapsed()),
            node: Some(node.to_string()),
            phase: Some(phase),
            ..Event::read_replica("observer", key)
        };
        self.recorder.push(&mut invocation)?;
        let key = stored_key(self.scenario, key);
        let cell = match self.cluster.ask(node, AdminRequest::ReadReplica { key }).await? {
            AdminOk::Replica(cell) => cell,
            other => return Err(misunderstood(node, &other).into()),
        };
        self.recorder.push(&mut Event {
            time_ns: nanos(self.cluster.elapsed()),
            value: shown(self.scenario.workload, cell.as_ref()),
            version: cell.and_then(|cell| cell.version()).map(shown_version),
            kind: EventKind::Ok,
            ..invocation
        })
    }
}

/// Why the nodes do not make one whole cluster yet, if they don't.
fn unsettled(statuses: &[Status]) -> Option<String> {
    for status in statuses {
        let linked = status.members.iter().filter(|member| member.linked).count();
        let others = statuses.len() - 1;
        if status.ring.is_none() {
            let known = status.members.len();
            return Some(format!("{} knows {known} of {} nodes", status.name, statuses.len()));
        }
        if status.ring != statuses[0].ring {
            return Some(format!(
                "{} goes by another ring than {}",
                status.name, statuses[0].name
            ));
        }
        if linked < others {
            return Some(format!("{} is linked with {linked} of {others} nodes", status.name));
        }
    }
    None
}

fn misunderstood(node: Place, answer: &AdminOk) -> AskError {
    AskError {
        node,
        why: format!("an answer to another question: {answer:?}"),
    }
}
