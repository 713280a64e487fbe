//! The same of real processes: how soon the others miss one that is killed, and know one that is started again.

use std::{path::Path, time::Duration};

use anyhow::bail;
use quorate_core::{AdminOk, AdminRequest, MemberStatus, Status};

use super::Spans;
use crate::{
    backend::{ProcessCluster, ProcessOptions},
    cluster::{Cluster, Happening},
    fault::Place,
    interrupt::Interrupts,
    scenario::Scenario,
};

/// Time between two looks at what nodes say: what is measured is too long by as much.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Longer than anything that is waited for takes: a dead node is missed within half of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nodes have lived when one of them is killed, in rounds: whoever has just started takes two rounds for the usual silence
/// of all others, and misses a node that dies then only after 37.
const LIFE_ROUNDS: u32 = 20;

/// What was found about one cluster of real processes.
#[derive(Clone, Debug)]
pub struct ProcessFindings {
    /// Of each node that was killed, and each of the others, the time until it is held to be down.
    pub detection: Spans,
    /// Of each that was started again, the time until all others know of its new start, and hold it to be up.
    pub arrival: Spans,
    /// The most peers that any node has contacted in any round.
    pub peers_per_round_max: u64,
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct ProcessMeasurement<'a> {
    /// How many nodes there are.
    pub nodes: usize,
    /// How often one is killed and started again, each in turn.
    pub deaths: usize,
    /// Time between two rounds of gossip.
    pub interval: Duration,
    /// Decides who the nodes are.
    pub seed: u64,
    /// Where data and logs go while it is measured.
    pub folder: &'a Path,
}

/// Measures one cluster. To be called within a tokio runtime.
///
/// # Errors
/// If a process can't be started or ended, or something that has to come does not.
pub async fn measure(measurement: &ProcessMeasurement<'_>) -> anyhow::Result<ProcessFindings> {
    let scenario = Scenario {
        nodes: measurement.nodes,
        n: u8::try_from(measurement.nodes.min(3))?,
        gossip_interval: measurement.interval,
        plan: Vec::new(),
        faults: Vec::new(),
        ..Scenario::quickstart()
    };
    let options = ProcessOptions {
        scenario: &scenario,
        seed: measurement.seed,
        folder: measurement.folder,
        node_bin: None,
    };
    let mut cluster = ProcessCluster::new(&options, Interrupts::never())?;
    let mut looks = Looks {
        cluster: &mut cluster,
        nodes: measurement.nodes,
    };
    let found = looks
        .measure(measurement.deaths, measurement.interval * LIFE_ROUNDS)
        .await;
    let stopped = cluster.stop().await;
    let found = found?;
    stopped?;
    Ok(found)
}

struct Looks<'a> {
    cluster: &'a mut ProcessCluster,
    nodes: usize,
}

impl Looks<'_> {
    async fn measure(&mut self, deaths: usize, life: Duration) -> anyhow::Result<ProcessFindings> {
        for place in Place::all(self.nodes) {
            self.start(place).await?;
        }
        let all = self.nodes;
        self.wait("signs of life of all", None, |status| {
            status.members.len() == all && status.members.iter().all(|member| member.up)
        })
        .await?;
        let (mut detection, mut arrival) = (Vec::new(), Vec::new());
        for victim in (0..deaths).map(|death| Place(death % all)) {
            self.let_live(life).await?;
            let name = victim.to_string();
            let is_victim = move |member: &&MemberStatus| member.name.as_deref() == Some(name.as_str());
            self.cluster.kill(victim).await?;
            let missed = self
                .wait("a dead node to be missed", Some(victim), |status| {
                    !status.members.iter().any(|member| is_victim(&member) && member.up)
                })
                .await?;
            detection.extend(missed);
            self.start(victim).await?;
            let AdminOk::Status(own) = self.cluster.ask(victim, AdminRequest::Status).await? else {
                bail!("ask {victim} how it is: it says something else");
            };
            let known = self
                .wait("a new start to be known", Some(victim), |status| {
                    let member = status.members.iter().find(&is_victim);
                    member.is_some_and(|member| member.up && member.generation == own.generation)
                })
                .await?;
            arrival.extend(known.into_iter().max());
        }
        Ok(ProcessFindings {
            detection: Spans::new(detection),
            arrival: Spans::new(arrival),
            peers_per_round_max: self.peers_per_round_max().await?,
        })
    }

    async fn let_live(&mut self, life: Duration) -> anyhow::Result<()> {
        let until = self.cluster.elapsed() + life;
        while self.cluster.elapsed() < until {
            self.cluster.next(until).await?;
        }
        Ok(())
    }

    /// Starts a node, and waits until it listens.
    async fn start(&mut self, place: Place) -> anyhow::Result<()> {
        self.cluster.start(place)?;
        let deadline = self.cluster.elapsed() + PATIENCE;
        loop {
            match self.cluster.next(deadline).await? {
                Happening::Started { node } if node == place => return Ok(()),
                Happening::Due => bail!("start {place}: no sign of life in {PATIENCE:?}"),
                _ => {}
            }
        }
    }

    /// Waits until every node but one says what is waited for, and returns how long each took.
    async fn wait(
        &mut self,
        what: &str,
        but: Option<Place>,
        is_so: impl Fn(&Status) -> bool,
    ) -> anyhow::Result<Vec<Duration>> {
        let began = self.cluster.elapsed();
        let mut waiting: Vec<_> = Place::all(self.nodes).filter(|place| Some(*place) != but).collect();
        let mut spans = Vec::new();
        while !waiting.is_empty() {
            let mut left = Vec::new();
            for place in waiting {
                match self.cluster.ask(place, AdminRequest::Status).await {
                    Ok(AdminOk::Status(status)) if is_so(&status) => spans.push(self.cluster.elapsed() - began),
                    _ => left.push(place),
                }
            }
            waiting = left;
            if self.cluster.elapsed() - began > PATIENCE {
                bail!("see {what} within {PATIENCE:?}: {} waits still", waiting[0]);
            }
            let until = self.cluster.elapsed() + LOOK_INTERVAL;
            self.cluster.next(until).await?;
        }
        Ok(spans)
    }

    async fn peers_per_round_max(&mut self) -> anyhow::Result<u64> {
        let mut most = 0;
        for place in Place::all(self.nodes) {
            if let AdminOk::Status(status) = self.cluster.ask(place, AdminRequest::Status).await? {
                most = most.max(status.counters.gossip_peers_per_round_max);
            }
        }
        Ok(most)
    }
}
