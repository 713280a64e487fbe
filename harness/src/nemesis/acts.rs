//! What each fault does to a cluster, how it is undone, and what is counted of it.
//!
//! Faults may overlap, and share links, disks and clocks: what is undone is put as the faults that are still on want it.

use std::collections::BTreeSet;

use quorate_sim::LinkFaults;
use serde_json::{Value, json};

use super::{Counted, Nemesis};
use crate::{
    cluster::{ClockChange, Cluster, DiskFaults, LinkCounts, NodeCounts},
    fault::{Fault, Place},
    fault_log::Effect,
};

/// What has been done to apply a fault.
pub(super) struct Done {
    /// For the log.
    pub(super) evidence: Value,
    /// What has been seen of it at once.
    pub(super) effect: Option<Effect>,
}

impl Nemesis {
    pub(super) async fn apply(&mut self, fault: &Fault, cluster: &mut impl Cluster) -> anyhow::Result<Done> {
        let mut seen = None;
        let evidence = match fault {
            Fault::Isolate { .. } | Fault::Halves { .. } | Fault::OneWay { .. } | Fault::Bridge { .. } => {
                let cuts = fault.cuts(self.members.place_count());
                cuts.iter().try_for_each(|(from, to)| cluster.cut(*from, *to))?;
                json!({ "links_cut": cuts.len() })
            }
            Fault::SlowLinks { .. } | Fault::LossyLinks { .. } | Fault::OddMessages { .. } => {
                let links = fault.bad_links();
                self.set_bad_links(&links, Some(fault), cluster)?;
                json!({ "links": links.len() })
            }
            Fault::Kill { nodes } => {
                let how = self.kill_all(nodes, cluster).await?;
                let counted = Vec::new();
                seen = Some(Effect::Ended { how, counted });
                json!({ "killed": nodes })
            }
            Fault::PowerLoss { nodes } => {
                seen = Some(self.cut_power(nodes, cluster)?);
                json!({ "killed": nodes, "power": "cut" })
            }
            Fault::FlippedBits { node, records } => {
                let how = self.kill_all(&[*node], cluster).await?;
                let flipped = cluster.flip_bits(*node, *records)?;
                let counted = vec![("records_damaged", flipped as u64)];
                seen = Some(Effect::Ended { how, counted });
                json!({ "killed": [node], "records": records })
            }
            Fault::Pause { nodes } => {
                for node in nodes {
                    cluster.pause(*node).await?;
                }
                json!({ "paused": nodes })
            }
            Fault::SlowProcess { node, .. } => {
                cluster.slow_process(*node, fault.duty())?;
                json!({ "slowed": [node] })
            }
            Fault::FailingDisk { nodes } | Fault::SlowDisk { nodes, .. } => {
                self.set_disks(nodes, Some(fault), cluster)?;
                json!({ "disks": nodes })
            }
            Fault::ClockJump { nodes, by } => {
                let jump = ClockChange::Jump(by.0);
                nodes.iter().try_for_each(|node| cluster.change_clock(*node, jump))?;
                json!({ "clocks": nodes })
            }
            Fault::ClockDrift { nodes, ppm } => {
                let drift = ClockChange::Drift(*ppm);
                nodes.iter().try_for_each(|node| cluster.change_clock(*node, drift))?;
                json!({ "clocks": nodes })
            }
            Fault::Join { .. }
            | Fault::Leave { .. }
            | Fault::Replace { .. }
            | Fault::Remove { .. }
            | Fault::Weigh { .. } => unreachable!("changes of membership go their own way"),
        };
        Ok(Done { evidence, effect: seen })
    }

    /// Undoes all but the end of processes.
    pub(super) async fn undo(&self, fault: &Fault, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        match fault {
            Fault::Isolate { .. } | Fault::Halves { .. } | Fault::OneWay { .. } | Fault::Bridge { .. } => {
                self.reopen(cluster)
            }
            Fault::SlowLinks { .. } | Fault::LossyLinks { .. } | Fault::OddMessages { .. } => {
                self.set_bad_links(&fault.bad_links(), None, cluster)
            }
            Fault::Kill { .. } | Fault::PowerLoss { .. } | Fault::FlippedBits { .. } => Ok(()),
            Fault::Join { .. }
            | Fault::Leave { .. }
            | Fault::Replace { .. }
            | Fault::Remove { .. }
            | Fault::Weigh { .. } => Ok(()),
            Fault::Pause { nodes } => {
                let is_paused = |node: &Place| self.has(*node, |other| matches!(other, Fault::Pause { .. }));
                for node in nodes.iter().filter(|node| !is_paused(node)) {
                    cluster.resume(*node).await?;
                }
                Ok(())
            }
            Fault::SlowProcess { node, .. } => {
                let others = self.active().filter(|other| other.nodes().contains(node));
                let duty = others.filter_map(Fault::duty).next();
                cluster.slow_process(*node, duty)
            }
            Fault::FailingDisk { nodes } | Fault::SlowDisk { nodes, .. } => self.set_disks(nodes, None, cluster),
            Fault::ClockJump { nodes, .. } | Fault::ClockDrift { nodes, .. } => {
                let is_wrong = |node: &Place| {
                    let is_of_clocks =
                        |other: &Fault| matches!(other, Fault::ClockJump { .. } | Fault::ClockDrift { .. });
                    self.has(*node, is_of_clocks)
                };
                let mut over = nodes.iter().filter(|node| !is_wrong(node));
                over.try_for_each(|node| cluster.change_clock(*node, ClockChange::Mend))
            }
        }
    }

    /// What is counted of a fault, up to the present; nothing, if it is seen at once.
    pub(super) fn counted(&self, fault: &Fault, cluster: &impl Cluster) -> Counted {
        let on_links = |links: Vec<(Place, Place)>, count: fn(LinkCounts) -> u64| {
            let counts = links.into_iter().map(|(from, to)| cluster.link_counts(from, to));
            counts.map(count).sum::<u64>()
        };
        let of_nodes = |nodes: &[Place], count: fn(NodeCounts) -> u64| {
            let counts = nodes.iter().map(|node| cluster.node_counts(*node));
            counts.map(count).sum::<u64>()
        };
        match fault {
            Fault::Isolate { .. } | Fault::Halves { .. } | Fault::OneWay { .. } | Fault::Bridge { .. } => {
                vec![(
                    "dropped",
                    on_links(fault.cuts(self.members.place_count()), |counts| counts.held),
                )]
            }
            Fault::SlowLinks { .. } => vec![("slowed", on_links(fault.bad_links(), |counts| counts.slowed))],
            Fault::LossyLinks { .. } => vec![("lost", on_links(fault.bad_links(), |counts| counts.lost))],
            Fault::OddMessages { .. } => vec![
                ("late", on_links(fault.bad_links(), |counts| counts.late)),
                ("twice", on_links(fault.bad_links(), |counts| counts.twice)),
            ],
            Fault::Kill { .. } | Fault::PowerLoss { .. } | Fault::FlippedBits { .. } => Vec::new(),
            Fault::Join { .. }
            | Fault::Leave { .. }
            | Fault::Replace { .. }
            | Fault::Remove { .. }
            | Fault::Weigh { .. } => Vec::new(),
            Fault::Pause { nodes } => vec![("delayed", of_nodes(nodes, |counts| counts.inputs_delayed))],
            Fault::SlowProcess { node, .. } => vec![("delayed", of_nodes(&[*node], |counts| counts.inputs_delayed))],
            Fault::FailingDisk { nodes } => vec![("syncs_failed", of_nodes(nodes, |counts| counts.syncs_failed))],
            Fault::SlowDisk { nodes, .. } => vec![("syncs_slowed", of_nodes(nodes, |counts| counts.syncs_slowed))],
            Fault::ClockJump { nodes, .. } | Fault::ClockDrift { nodes, .. } => {
                vec![("readings_wrong", of_nodes(nodes, |counts| counts.readings_wrong))]
            }
        }
    }

    /// Kills those of `nodes` that no other fault has ended, and says how each was seen to end.
    pub(super) async fn kill_all(
        &mut self,
        nodes: &[Place],
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<Vec<(Place, String)>> {
        let mut how = Vec::new();
        for node in nodes {
            if !self.is_down(*node) {
                self.starting.retain(|starting| starting.node != *node);
                how.push((*node, cluster.kill(*node).await?));
            }
        }
        Ok(how)
    }

    fn cut_power(&mut self, nodes: &[Place], cluster: &mut impl Cluster) -> anyhow::Result<Effect> {
        let (mut how, mut batches_lost, mut batches_kept, mut records_lost) = (Vec::new(), 0, 0, 0);
        for node in nodes {
            if cluster.is_running(*node) {
                self.starting.retain(|starting| starting.node != *node);
                let loss = cluster.cut_power(*node)?;
                how.push((*node, "without power".to_owned()));
                batches_lost += loss.batches_lost as u64;
                batches_kept += loss.batches_kept as u64;
                records_lost += loss.records_lost as u64;
            }
        }
        let counted = vec![
            ("batches_lost", batches_lost),
            ("batches_kept", batches_kept),
            ("records_lost", records_lost),
        ];
        Ok(Effect::Ended { how, counted })
    }

    /// Opens all links, and cuts and spoils again what other faults keep so.
    fn reopen(&self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        cluster.heal()?;
        let cuts: BTreeSet<_> = self
            .active()
            .flat_map(|fault| fault.cuts(self.members.place_count()))
            .collect();
        cuts.into_iter().try_for_each(|(from, to)| cluster.cut(from, to))?;
        let bad: BTreeSet<_> = self.active().flat_map(Fault::bad_links).collect();
        self.set_bad_links(&Vec::from_iter(bad), None, cluster)
    }

    /// Has links be as bad as the faults that are on, and `new`, want them.
    fn set_bad_links(
        &self,
        links: &[(Place, Place)],
        new: Option<&Fault>,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<()> {
        for link in links {
            let wanting = self
                .active()
                .chain(new)
                .filter(|fault| fault.bad_links().contains(link));
            let faults = wanting.map(Fault::link_faults).fold(LinkFaults::default(), worse);
            cluster.set_link_faults(link.0, link.1, &faults)?;
        }
        Ok(())
    }

    /// Has disks be as bad as the faults that are on, and `new`, want them.
    fn set_disks(&self, nodes: &[Place], new: Option<&Fault>, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        for node in nodes {
            let mut faults = DiskFaults::default();
            for fault in self.active().chain(new).filter(|fault| fault.nodes().contains(node)) {
                match fault {
                    Fault::FailingDisk { .. } => faults.fails = true,
                    Fault::SlowDisk { delay, .. } => faults.slower_by = faults.slower_by.max(*delay),
                    _ => {}
                }
            }
            cluster.set_disk_faults(*node, faults)?;
        }
        Ok(())
    }

    /// Whether a fault of some sort that is on names a node.
    fn has(&self, node: Place, sort: impl Fn(&Fault) -> bool) -> bool {
        self.active().any(|fault| sort(fault) && fault.nodes().contains(&node))
    }
}

/// A link with the faults of two.
fn worse(one: LinkFaults, other: LinkFaults) -> LinkFaults {
    LinkFaults {
        slower_by: one.slower_by.max(other.slower_by),
        jitter: one.jitter.max(other.jitter),
        loss_percent: one.loss_percent.max(other.loss_percent),
        late_percent: one.late_percent.max(other.late_percent),
        twice_percent: one.twice_percent.max(other.twice_percent),
        late_by_max: one.late_by_max.max(other.late_by_max),
    }
}
