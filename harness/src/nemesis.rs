//! The nemesis: carries out the plan on a cluster, undoes what it did, and logs what came of it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    cluster::{Cluster, Elapsed},
    fault::{Fault, Place},
    fault_log::{Effect, FaultId, FaultLog, Faults},
    plan::PlannedFault,
};

/// The plan, how far it has come, and what is broken at the moment.
#[derive(Debug)]
pub struct Nemesis {
    begins: Elapsed,
    /// The faults that are still to come, the next one last.
    ahead: Vec<PlannedFault>,
    active: Vec<Active>,
    /// Nodes that are being started again, and the fault that killed them.
    starting: Vec<(Place, FaultId)>,
    nodes: usize,
    log: FaultLog,
}

#[derive(Debug)]
struct Active {
    id: FaultId,
    fault: Fault,
    until: Elapsed,
    /// What had been dropped on the links that it cuts before it cut them.
    dropped_before: u64,
}

impl Nemesis {
    /// A nemesis for a cluster of `nodes`, whose plan begins at `begins`.
    pub fn new(plan: &[PlannedFault], nodes: usize, begins: Elapsed, log: FaultLog) -> Nemesis {
        let mut ahead = plan.to_vec();
        ahead.sort_by_key(|planned| std::cmp::Reverse(planned.at));
        Nemesis {
            begins,
            ahead,
            active: Vec::new(),
            starting: Vec::new(),
            nodes,
            log,
        }
    }

    /// When it wants to act next.
    pub fn next_due(&self) -> Option<Elapsed> {
        let begin = self.ahead.last().map(|planned| self.begins + planned.at);
        let end = self.active.iter().map(|active| active.until).min();
        begin.into_iter().chain(end).min()
    }

    /// The faults that are on.
    pub fn active(&self) -> impl Iterator<Item = &Fault> {
        self.active.iter().map(|active| &active.fault)
    }

    /// Ends and begins what is due at `now`.
    ///
    /// # Errors
    /// If the cluster can't be told, or the log not be written.
    pub async fn act(&mut self, now: Elapsed, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let over: Vec<_> = self.active.extract_if(.., |active| active.until <= now).collect();
        for active in over {
            self.end(active, cluster).await?;
        }
        while let Some(planned) = self.ahead.pop_if(|planned| self.begins + planned.at <= now) {
            self.begin(planned, cluster).await?;
        }
        Ok(())
    }

    /// Ends everything, whatever the plan says, and lets nothing more begin.
    ///
    /// # Errors
    /// If the cluster can't be told, or the log not be written.
    pub async fn end_all(&mut self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        self.ahead.clear();
        for active in std::mem::take(&mut self.active) {
            self.end(active, cluster).await?;
        }
        cluster.heal()
    }

    /// A node that it killed is up again.
    ///
    /// # Errors
    /// If the log can't be written.
    pub fn on_started(&mut self, now: Elapsed, node: Place) -> anyhow::Result<()> {
        let Some(at) = self.starting.iter().position(|(starting, _)| *starting == node) else {
            return Ok(()); // It was not this one that killed it.
        };
        let (_, id) = self.starting.remove(at);
        let is_last = self.starting.iter().all(|(_, other)| *other != id);
        if is_last {
            let nodes = self.log.nodes_of(id);
            self.log.undone(id, now, &Fault::Kill { nodes })?;
        }
        Ok(())
    }

    /// Whether nothing is broken and nobody is being started.
    pub fn is_idle(&self) -> bool {
        self.active.is_empty() && self.starting.is_empty()
    }

    /// Ends the log.
    ///
    /// # Errors
    /// If it can't be synced.
    pub fn finish(self) -> anyhow::Result<Faults> {
        self.log.finish()
    }

    async fn begin(&mut self, planned: PlannedFault, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let fault = planned.fault;
        let id = self.log.asked(cluster.elapsed(), &fault)?;
        let cuts = fault.cuts(self.nodes);
        let dropped_before = dropped(&cuts, cluster);
        for (from, to) in &cuts {
            cluster.cut(*from, *to)?;
        }
        let at = cluster.elapsed();
        let mut how = Vec::new();
        for node in fault.kills() {
            if !self.is_down(*node) {
                self.starting.retain(|(starting, _)| starting != node);
                how.push((*node, cluster.kill(*node).await?));
            }
        }
        if fault.kills().is_empty() {
            self.log.applied(id, at, &fault, json!({ "links_cut": cuts.len() }))?;
        } else {
            self.log.applied(id, at, &fault, json!({ "killed": fault.kills() }))?;
            let effect = Effect::Ended { how };
            self.log.observed(id, cluster.elapsed(), &fault, &effect)?;
        }
        self.active.push(Active {
            id,
            fault,
            until: self.begins + planned.at + planned.lasts,
            dropped_before,
        });
        Ok(())
    }

    async fn end(&mut self, active: Active, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let Active { id, fault, .. } = active;
        if fault.kills().is_empty() {
            let cuts = fault.cuts(self.nodes);
            let count = dropped(&cuts, cluster) - active.dropped_before;
            self.log
                .observed(id, cluster.elapsed(), &fault, &Effect::Dropped { count })?;
            self.reopen(cluster)?;
            self.log.undone(id, cluster.elapsed(), &fault)?;
        }
        for node in fault.kills() {
            if !self.is_down(*node) && !self.starting.iter().any(|(starting, _)| starting == node) {
                self.starting.push((*node, id));
                cluster.start(*node)?;
            }
        }
        Ok(())
    }

    /// Opens all links and cuts again what other faults keep cut.
    fn reopen(&self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        cluster.heal()?;
        let cuts: BTreeSet<_> = self
            .active
            .iter()
            .flat_map(|active| active.fault.cuts(self.nodes))
            .collect();
        cuts.into_iter().try_for_each(|(from, to)| cluster.cut(from, to))
    }

    /// Whether a fault that is on has killed the node.
    fn is_down(&self, node: Place) -> bool {
        self.active.iter().any(|active| active.fault.kills().contains(&node))
    }
}

fn dropped(cuts: &[(Place, Place)], cluster: &impl Cluster) -> u64 {
    cuts.iter().map(|(from, to)| cluster.dropped(*from, *to)).sum()
}
