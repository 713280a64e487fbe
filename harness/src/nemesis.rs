//! The nemesis: carries out the plan on a cluster, undoes what it did, and logs what came of it.
//!
//! What changes the membership is not undone: it goes on until the cluster has done what it asks for (`changes.rs`).

mod acts;
mod aims;
mod changes;

use std::time::Duration;

use quorate_core::Kind;
use quorate_sim::split_seed;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::{
    cluster::{Cluster, Counted, Elapsed},
    fault::{Fault, Moment, Place},
    fault_log::{Effect, FaultId, FaultLog, Faults},
    load::Load,
    members::Members,
    nemesis::changes::Change,
    operations::stored_kind,
    plan::{self, PlannedFault},
    scenario::Scenario,
};

/// The plan, how far it has come, and what is broken at the moment.
#[derive(Debug)]
pub struct Nemesis {
    begins: Elapsed,
    /// The faults that are still to come, the next one last.
    ahead: Vec<PlannedFault>,
    active: Vec<Active>,
    /// Nodes that are being started again, and the fault that ended them.
    starting: Vec<Starting>,
    /// Changes of membership that go on.
    changes: Vec<Change>,
    /// When it looks next how far they have come.
    changes_due: Elapsed,
    gossip_interval: Duration,
    members: Members,
    /// What keys hold.
    kind: Kind,
    /// Draws who is hit, where several could be.
    rng: Pcg64Mcg,
    log: FaultLog,
}

#[derive(Debug)]
struct Active {
    id: FaultId,
    fault: Fault,
    begun: Elapsed,
    until: Elapsed,
    /// When it changes next, of one that changes while it lasts.
    turns: Option<Elapsed>,
    /// What had been counted, of what the fault does, before it began.
    before: Counted,
}

#[derive(Debug)]
struct Starting {
    node: Place,
    id: FaultId,
    fault: Fault,
}

impl Active {
    fn moment(&self, now: Elapsed) -> Moment {
        Moment {
            since: now.saturating_sub(self.begun),
            lasts: self.until.saturating_sub(self.begun),
        }
    }

    fn set_turn(&mut self, now: Elapsed) {
        let next = self.fault.next_turn(self.moment(now));
        self.turns = next.map(|since| self.begun + since);
    }
}

impl Nemesis {
    /// The nemesis of a scenario, whose plan begins at `begins`.
    pub fn new(scenario: &Scenario, seed: u64, begins: Elapsed, log: FaultLog) -> Nemesis {
        let mut ahead = plan::in_order(&scenario.plan);
        ahead.reverse();
        Nemesis {
            begins,
            ahead,
            active: Vec::new(),
            starting: Vec::new(),
            changes: Vec::new(),
            changes_due: begins,
            gossip_interval: scenario.gossip_interval,
            members: Members::of(scenario),
            kind: stored_kind(scenario),
            rng: Pcg64Mcg::seed_from_u64(split_seed(seed, "whom faults hit")),
            log,
        }
    }

    /// When it wants to act next.
    pub fn next_due(&self) -> Option<Elapsed> {
        let never = Elapsed::MAX;
        let begin = self.ahead.last().map_or(never, |planned| self.begins + planned.at);
        let look = if self.changes.is_empty() {
            never
        } else {
            self.changes_due
        };
        let of_active = |active: &Active| active.turns.map_or(active.until, |turn| turn.min(active.until));
        let due = self.active.iter().map(of_active).fold(begin.min(look), Elapsed::min);
        (due < never).then_some(due)
    }

    /// Who is in the cluster.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Ends the processes of those who have left.
    ///
    /// # Errors
    /// If one can't be ended.
    pub async fn end_left(&mut self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        for node in self.members.left() {
            self.kill_all(&[node], cluster).await?;
            self.members.note_gone(node);
        }
        Ok(())
    }

    /// The faults that are on.
    pub fn active(&self) -> impl Iterator<Item = &Fault> {
        let changes = self.changes.iter().map(|change| &change.fault);
        self.active.iter().map(|active| &active.fault).chain(changes)
    }

    /// Ends and begins what is due at `now`, while clients do what `load` has them do.
    ///
    /// # Errors
    /// If the cluster can't be told, or the log not be written.
    pub async fn act(&mut self, now: Elapsed, load: &Load, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let over: Vec<_> = self.active.extract_if(.., |active| active.until <= now).collect();
        for active in over {
            self.end(active, cluster).await?;
        }
        while let Some(planned) = self.ahead.pop_if(|planned| self.begins + planned.at <= now) {
            self.strike(planned, load, cluster).await?;
        }
        self.turn(now, cluster).await?;
        if !self.changes.is_empty() && self.changes_due <= now {
            self.drive_changes(cluster).await?;
        }
        Ok(())
    }

    /// Ends everything that can be undone, whatever the plan says, and lets nothing more begin.
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

    /// A node that it had ended is up again.
    ///
    /// # Errors
    /// If the log can't be written.
    pub fn on_started(&mut self, now: Elapsed, node: Place) -> anyhow::Result<()> {
        let Some(at) = self.starting.iter().position(|starting| starting.node == node) else {
            return Ok(()); // It was not this one that ended it.
        };
        let Starting { id, fault, .. } = self.starting.remove(at);
        let is_last = self.starting.iter().all(|starting| starting.id != id);
        if is_last && !fault.is_lasting() {
            self.log.undone(id, now, &fault)?;
        }
        Ok(())
    }

    /// Whether nothing that can be undone is broken, and nobody is being started.
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

    /// Has faults that change while they last be as they are by now.
    async fn turn(&mut self, now: Elapsed, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let is_due = |active: &&mut Active| active.turns.is_some_and(|turn| turn <= now);
        let due: Vec<_> = self.active.iter_mut().filter(is_due).collect();
        if due.is_empty() {
            return Ok(());
        }
        due.into_iter().for_each(|active| active.set_turn(now));
        self.reopen(cluster).await
    }

    async fn strike(
        &mut self,
        mut planned: PlannedFault,
        load: &Load,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<()> {
        let id = self.log.asked(cluster.elapsed(), &planned.fault)?;
        self.take_aim(&mut planned, load, cluster).await;
        let is_possible = |fault: &Fault| {
            !self.is_swapped(fault) && (planned.fault.roles().is_empty() || self.members.check(fault).is_ok())
        };
        match planned.fixed().filter(is_possible) {
            None => self.log.missed(id, cluster.elapsed(), &planned.fault),
            Some(fault) if fault.is_lasting() => self.begin_change(id, fault, cluster),
            Some(fault) => {
                self.begin(id, fault, self.begins + planned.at + planned.lasts, cluster)
                    .await
            }
        }
    }

    async fn begin(
        &mut self,
        id: FaultId,
        fault: Fault,
        until: Elapsed,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<()> {
        cluster.look_at_counts(&fault.nodes()).await?;
        let before = self.counted(&fault, cluster);
        let at = cluster.elapsed();
        let done = self.apply(&fault, until.saturating_sub(at), cluster).await?;
        self.log.applied(id, at, &fault, done.evidence)?;
        if let Some(effect) = done.effect {
            self.log.observed(id, cluster.elapsed(), &fault, &effect)?;
        }
        let mut active = Active {
            id,
            fault,
            begun: at,
            until,
            turns: None,
            before,
        };
        active.set_turn(at);
        self.active.push(active);
        Ok(())
    }

    async fn end(&mut self, active: Active, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let Active { id, fault, before, .. } = active;
        cluster.look_at_counts(&fault.nodes()).await?;
        if !before.is_empty() {
            let after = self.counted(&fault, cluster);
            let since = after.into_iter().zip(before);
            let since = since
                .map(|((name, after), (_, before))| (name, after - before))
                .collect();
            let effect = Effect::Counted(since);
            self.log.observed(id, cluster.elapsed(), &fault, &effect)?;
        }
        if let Some(effect) = self.undo(&fault, cluster).await? {
            self.log.observed(id, cluster.elapsed(), &fault, &effect)?;
        }
        let is_over = self.start_again(id, &fault, cluster)?;
        if is_over {
            self.log.undone(id, cluster.elapsed(), &fault)?;
        }
        Ok(())
    }

    /// Starts the nodes that a fault had ended, but for those that another has ended too, or is about to start. Returns
    /// whether there was nobody to be started.
    fn start_again(&mut self, id: FaultId, fault: &Fault, cluster: &mut impl Cluster) -> anyhow::Result<bool> {
        let downs = match fault {
            // One that started meanwhile has ended by itself.
            Fault::FailingDisk { nodes, .. } => nodes.clone(),
            Fault::OldDisk { .. } | Fault::SwappedAddresses { .. } => fault.nodes(),
            _ => fault.downs().to_vec(),
        };
        let mut started = false;
        for node in downs {
            if self.is_down(node) || cluster.is_running(node) {
                continue;
            }
            started = true;
            // One that another fault has started, and that has ended by itself since, is this one's now.
            self.starting.retain(|starting| starting.node != node);
            self.starting.push(Starting {
                node,
                id,
                fault: fault.clone(),
            });
            cluster.start(node)?;
        }
        Ok(!started && fault.downs().is_empty())
    }

    /// Whether a fault that swaps addresses would swap one that is not its node's own, or has one node alone to befall.
    fn is_swapped(&self, fault: &Fault) -> bool {
        let Fault::SwappedAddresses { one, other } = fault else {
            return false;
        };
        let is_away = |node: &Place| self.has(*node, |other| matches!(other, Fault::SwappedAddresses { .. }));
        one == other || is_away(one) || is_away(other)
    }

    /// Whether a fault that is on has ended the node, or one has for good, or none has started it.
    fn is_down(&self, node: Place) -> bool {
        self.members.is_absent(node) || self.active.iter().any(|active| active.fault.downs().contains(&node))
    }
}
