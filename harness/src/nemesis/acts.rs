//! What each fault does to a cluster, how it is undone, and what is counted of it.
//!
//! Faults may overlap, and share links, disks and clocks: what is undone is put as the faults that are still on want it.

use std::{collections::BTreeSet, time::Duration};

use quorate_core::{AdminOk, AdminRequest, Entry, Key};
use quorate_node::control::DiskFailure;
use quorate_sim::LinkFaults;
use serde_json::{Value, json};

use super::Nemesis;
use crate::{
    cluster::{ClockChange, Cluster, Counted, DiskFaults, LinkCounts, NodeCounts, Reach},
    fault::{Fault, FaultKind, Moment, Place, cuts_links, lasts_for_good},
    fault_log::Effect,
    operations::key_name,
};

/// What has been done to apply a fault.
pub(super) struct Done {
    /// For the log.
    pub(super) evidence: Value,
    /// What has been seen of it at once.
    pub(super) effect: Option<Effect>,
}

impl Nemesis {
    pub(super) async fn apply(
        &mut self,
        fault: &Fault,
        lasts: Duration,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<Done> {
        let mut seen = None;
        let evidence = match fault {
            cuts_links!() => {
                let beginning = Moment {
                    since: Duration::ZERO,
                    lasts,
                };
                let cuts = fault.cuts_at(self.members.place_count(), beginning);
                cuts.iter().try_for_each(|(from, to)| cluster.cut(*from, *to))?;
                json!({ "links_cut": cuts.len() })
            }
            Fault::ClientsCut { nodes } => {
                nodes.iter().try_for_each(|node| cluster.set_reach(*node, Reach::Cut))?;
                json!({ "out_of_reach": nodes })
            }
            Fault::ClientsRebound => {
                let address = cluster.rebind_clients()?;
                seen = Some(Effect::Counted(vec![("rebound", 1)]));
                json!({ "address": address })
            }
            Fault::HeldLinks { .. } => {
                let links = fault.held_links();
                links.iter().try_for_each(|(from, to)| cluster.hold(*from, *to))?;
                json!({ "links_held": links.len() })
            }
            Fault::SlowLinks { .. }
            | Fault::ThrottledLinks { .. }
            | Fault::LossyLinks { .. }
            | Fault::OddMessages { .. } => {
                let links = fault.bad_links();
                self.set_bad_links(&links, Some(fault), cluster).await?;
                json!({ "links": links.len() })
            }
            Fault::Kill { nodes } => {
                let how = self.kill_all(nodes, cluster).await?;
                let counted = Vec::new();
                seen = Some(Effect::Ended { how, counted });
                json!({ "killed": nodes })
            }
            Fault::PowerLoss { nodes } => {
                seen = Some(self.cut_power(nodes, cluster).await?);
                json!({ "killed": nodes, "power": "cut" })
            }
            Fault::FlippedBits { node, records } => {
                let how = self.kill_all(&[*node], cluster).await?;
                let flipped = cluster.flip_bits(*node, *records)?;
                let counted = vec![("records_damaged", flipped as u64)];
                seen = Some(Effect::Ended { how, counted });
                json!({ "killed": [node], "records": records })
            }
            Fault::LostRecord { node, key } => {
                let how = self.kill_all(&[*node], cluster).await?;
                let key = Key::of(self.kind, key_name(key.0).as_bytes());
                let is_lost = cluster.lose_record(*node, &key)?;
                let counted = vec![("records_lost", u64::from(is_lost))];
                seen = Some(Effect::Ended { how, counted });
                json!({ "killed": [node], "lost": is_lost })
            }
            Fault::OldDisk { node } => {
                let how = self.kill_all(&[*node], cluster).await?;
                if !how.is_empty() {
                    cluster.save_disk(*node)?;
                    cluster.start(*node)?;
                }
                json!({ "killed": [node], "copied": !how.is_empty() })
            }
            Fault::SwappedAddresses { one, other } => {
                self.swap_addresses(*one, *other, cluster).await?;
                for node in [*one, *other] {
                    if !self.is_down(node) {
                        cluster.start(node)?;
                    }
                }
                json!({ "killed": [one, other], "addresses": [cluster.address(*one), cluster.address(*other)] })
            }
            Fault::Pretenders { nodes } => {
                self.members.take(fault);
                for node in nodes {
                    cluster.set_entry(*node, Entry::Found)?;
                    cluster.start(*node)?;
                }
                json!({ "started": nodes })
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
            Fault::FailingDisk { nodes, .. } | Fault::SlowDisk { nodes, .. } => {
                self.set_disks(nodes, Some(fault), cluster).await?;
                json!({ "disks": nodes })
            }
            Fault::ClockJump { nodes, by } => {
                let jump = ClockChange::Jump(by.0);
                change_clocks(nodes, jump, cluster).await?;
                json!({ "clocks": nodes })
            }
            Fault::ClockDrift { nodes, ppm } => {
                let drift = ClockChange::Drift(*ppm);
                change_clocks(nodes, drift, cluster).await?;
                json!({ "clocks": nodes })
            }
            Fault::ClockStrobe { nodes, by, every } => {
                let strobe = ClockChange::Strobe(by.0, *every);
                change_clocks(nodes, strobe, cluster).await?;
                json!({ "clocks": nodes })
            }
            lasts_for_good!() => unreachable!("changes of membership go their own way"),
        };
        Ok(Done { evidence, effect: seen })
    }

    /// Undoes all but the end of processes. What was seen of it only then.
    pub(super) async fn undo(&mut self, fault: &Fault, cluster: &mut impl Cluster) -> anyhow::Result<Option<Effect>> {
        match fault {
            cuts_links!() | Fault::HeldLinks { .. } => self.reopen(cluster).await?,
            Fault::ClientsCut { nodes } => {
                let is_cut = |node: &Place| self.has(*node, |other| matches!(other, Fault::ClientsCut { .. }));
                let mut over = nodes.iter().filter(|node| !is_cut(node));
                over.try_for_each(|node| cluster.set_reach(*node, Reach::Open))?;
            }
            Fault::SlowLinks { .. }
            | Fault::ThrottledLinks { .. }
            | Fault::LossyLinks { .. }
            | Fault::OddMessages { .. } => self.set_bad_links(&fault.bad_links(), None, cluster).await?,
            Fault::OldDisk { node } => return self.put_back(*node, cluster).await.map(Some),
            Fault::SwappedAddresses { one, other } => {
                let found = self.found_at_their_addresses(&[*one, *other], cluster).await;
                let how = self.swap_addresses(*one, *other, cluster).await?;
                let counted = vec![("found_there", found)];
                return Ok(Some(Effect::Ended { how, counted }));
            }
            Fault::Pretenders { nodes } => return end_pretenders(nodes, cluster).await.map(Some),
            Fault::Pause { nodes } => {
                let is_paused = |node: &Place| self.has(*node, |other| matches!(other, Fault::Pause { .. }));
                for node in nodes.iter().filter(|node| !is_paused(node)) {
                    cluster.resume(*node).await?;
                }
            }
            Fault::SlowProcess { node, .. } => {
                let others = self.active().filter(|other| other.nodes().contains(node));
                let duty = others.filter_map(Fault::duty).next();
                cluster.slow_process(*node, duty)?;
            }
            Fault::FailingDisk { nodes, .. } | Fault::SlowDisk { nodes, .. } => {
                self.set_disks(nodes, None, cluster).await?;
            }
            Fault::ClockJump { nodes, .. } | Fault::ClockDrift { nodes, .. } | Fault::ClockStrobe { nodes, .. } => {
                let is_wrong = |node: &Place| self.has(*node, |other| other.kind() == FaultKind::Clock);
                let over: Vec<_> = nodes.iter().copied().filter(|node| !is_wrong(node)).collect();
                change_clocks(&over, ClockChange::Mend, cluster).await?;
            }
            Fault::ClientsRebound | Fault::Kill { .. } | Fault::PowerLoss { .. } => {}
            Fault::FlippedBits { .. } | Fault::LostRecord { .. } => {}
            lasts_for_good!() => {}
        }
        Ok(None)
    }

    /// Kills a node, and puts back the copy of its disk; it is started by whoever starts those that are down.
    async fn put_back(&mut self, node: Place, cluster: &mut impl Cluster) -> anyhow::Result<Effect> {
        let mut how = Vec::new();
        if cluster.is_running(node) {
            how = self.kill_all(&[node], cluster).await?;
        }
        let counted = if cluster.is_running(node) || self.members.is_absent(node) {
            Vec::new() // It was lost for good meanwhile.
        } else {
            cluster.restore_disk(node)?
        };
        Ok(Effect::Ended { how, counted })
    }

    /// Kills two nodes, and has each be found where the other was. Says how they were seen to end.
    async fn swap_addresses(
        &mut self,
        one: Place,
        other: Place,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<Vec<(Place, String)>> {
        let how = self.kill_all(&[one, other], cluster).await?;
        cluster.swap_addresses(one, other)?;
        Ok(how)
    }

    /// How many of `nodes` another member knows to be at the address that they have now.
    async fn found_at_their_addresses(&self, nodes: &[Place], cluster: &mut impl Cluster) -> u64 {
        let is_paused = |node: Place| self.has(node, |fault| matches!(fault, Fault::Pause { .. }));
        let asked = self
            .members
            .present()
            .into_iter()
            .find(|node| !nodes.contains(node) && !is_paused(*node) && cluster.can_be_asked(*node));
        let Some(asked) = asked else {
            return 0;
        };
        let Ok(AdminOk::Status(status)) = cluster.ask(asked, AdminRequest::Status).await else {
            return 0;
        };
        let is_found = |node: &&Place| {
            let (identity, address) = (cluster.identity(**node), cluster.address(**node));
            let mut members = status.members.iter();
            members.any(|member| member.node == identity && member.address == Some(address))
        };
        nodes.iter().filter(is_found).count() as u64
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
            cuts_links!() => {
                let links = fault.cuts(self.members.place_count());
                vec![("dropped", on_links(links, |counts| counts.held))]
            }
            Fault::HeldLinks { .. } => vec![("held", on_links(fault.held_links(), |counts| counts.held))],
            Fault::ClientsCut { nodes } => vec![("dropped", of_nodes(nodes, |counts| counts.requests_cut))],
            Fault::SlowLinks { .. } | Fault::ThrottledLinks { .. } => {
                vec![("slowed", on_links(fault.bad_links(), |counts| counts.slowed))]
            }
            Fault::LossyLinks { .. } => vec![("lost", on_links(fault.bad_links(), |counts| counts.lost))],
            Fault::OddMessages { .. } => vec![
                ("late", on_links(fault.bad_links(), |counts| counts.late)),
                ("twice", on_links(fault.bad_links(), |counts| counts.twice)),
                ("dropped", on_links(fault.bad_links(), |counts| counts.dropped)),
                ("spoilt", on_links(fault.bad_links(), |counts| counts.spoilt)),
            ],
            Fault::Kill { .. } | Fault::PowerLoss { .. } | Fault::SwappedAddresses { .. } => Vec::new(),
            Fault::FlippedBits { .. } | Fault::LostRecord { .. } => Vec::new(),
            Fault::OldDisk { .. } | Fault::Pretenders { .. } | Fault::ClientsRebound => Vec::new(),
            lasts_for_good!() => Vec::new(),
            Fault::Pause { nodes } => vec![("delayed", of_nodes(nodes, |counts| counts.inputs_delayed))],
            Fault::SlowProcess { node, .. } => vec![("delayed", of_nodes(&[*node], |counts| counts.inputs_delayed))],
            Fault::FailingDisk { nodes, on } => {
                let failed = of_nodes(nodes, |counts| counts.syncs_failed);
                match on {
                    DiskFailure::Sync => vec![("syncs_failed", failed)],
                    DiskFailure::Write | DiskFailure::Full => vec![("writes_failed", failed)],
                    DiskFailure::Read => vec![("reads_failed", of_nodes(nodes, |counts| counts.reads_failed))],
                }
            }
            Fault::SlowDisk { nodes, .. } => vec![("syncs_slowed", of_nodes(nodes, |counts| counts.syncs_slowed))],
            Fault::ClockJump { nodes, .. } | Fault::ClockDrift { nodes, .. } | Fault::ClockStrobe { nodes, .. } => {
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

    async fn cut_power(&mut self, nodes: &[Place], cluster: &mut impl Cluster) -> anyhow::Result<Effect> {
        let (mut how, mut counted) = (Vec::new(), Counted::new());
        for node in nodes {
            if cluster.is_running(*node) {
                self.starting.retain(|starting| starting.node != *node);
                let (end, lost) = cluster.cut_power(*node).await?;
                how.push((*node, end));
                for (name, count) in lost {
                    match counted.iter_mut().find(|(other, _)| *other == name) {
                        Some((_, sum)) => *sum += count,
                        None => counted.push((name, count)),
                    }
                }
            }
        }
        Ok(Effect::Ended { how, counted })
    }

    /// Opens all links, and cuts and spoils again what other faults keep so at this moment.
    pub(super) async fn reopen(&self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        cluster.heal()?;
        let now = cluster.elapsed();
        let count = self.members.place_count();
        let cuts = self
            .active
            .iter()
            .flat_map(|active| active.fault.cuts_at(count, active.moment(now)));
        let cuts: BTreeSet<_> = cuts.collect();
        cuts.into_iter().try_for_each(|(from, to)| cluster.cut(from, to))?;
        let held: BTreeSet<_> = self.active().flat_map(Fault::held_links).collect();
        held.into_iter().try_for_each(|(from, to)| cluster.hold(from, to))?;
        for fault in self.active() {
            if let Fault::ClientsCut { nodes } = fault {
                nodes.iter().try_for_each(|node| cluster.set_reach(*node, Reach::Cut))?;
            }
        }
        let bad: BTreeSet<_> = self.active().flat_map(Fault::bad_links).collect();
        self.set_bad_links(&Vec::from_iter(bad), None, cluster).await
    }

    /// Has links be as bad as the faults that are on, and `new`, want them.
    async fn set_bad_links(
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
            let faults = wanting.map(Fault::link_faults).reduce(worse).unwrap_or_default();
            cluster.set_link_faults(link.0, link.1, &faults).await?;
        }
        Ok(())
    }

    /// Has disks be as bad as the faults that are on, and `new`, want them.
    async fn set_disks(&self, nodes: &[Place], new: Option<&Fault>, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        for node in nodes {
            let mut faults = DiskFaults::default();
            for fault in self.active().chain(new).filter(|fault| fault.nodes().contains(node)) {
                match fault {
                    Fault::FailingDisk { on, .. } => faults.fails.push(*on),
                    Fault::SlowDisk { delay, .. } => faults.slower_by = faults.slower_by.max(*delay),
                    _ => {}
                }
            }
            cluster.set_disk_faults(*node, faults).await?;
        }
        Ok(())
    }

    /// Whether a fault of some sort that is on names a node.
    pub(super) fn has(&self, node: Place, sort: impl Fn(&Fault) -> bool) -> bool {
        self.active().any(|fault| sort(fault) && fault.nodes().contains(&node))
    }
}

/// Kills those who pretend to have founded the ring, and counts how many of them say that it was founded without them.
async fn end_pretenders(nodes: &[Place], cluster: &mut impl Cluster) -> anyhow::Result<Effect> {
    let mut refused = 0;
    for node in nodes {
        if let Ok(AdminOk::Status(status)) = cluster.ask(*node, AdminRequest::Status).await {
            refused += u64::from(status.moves.refused.is_some());
        }
        cluster.kill(*node).await?;
    }
    Ok(Effect::Counted(vec![("refused", refused)]))
}

async fn change_clocks(nodes: &[Place], change: ClockChange, cluster: &mut impl Cluster) -> anyhow::Result<()> {
    for node in nodes {
        cluster.change_clock(*node, change).await?;
    }
    Ok(())
}

/// A link with the faults of two.
fn worse(one: LinkFaults, other: LinkFaults) -> LinkFaults {
    let slower = if one.jitter >= other.jitter { one } else { other };
    let fewest = [one.packets_per_second, other.packets_per_second];
    let fewest = fewest.into_iter().filter(|packets| *packets > 0).min();
    LinkFaults {
        slower_by: one.slower_by.max(other.slower_by),
        jitter: slower.jitter,
        jitter_is: slower.jitter_is,
        packets_per_second: fewest.unwrap_or(0),
        loss_percent: one.loss_percent.max(other.loss_percent),
        late_percent: one.late_percent.max(other.late_percent),
        twice_percent: one.twice_percent.max(other.twice_percent),
        dropped_percent: one.dropped_percent.max(other.dropped_percent),
        spoilt_percent: one.spoilt_percent.max(other.spoilt_percent),
        kinds: match (one.has_odd(), other.has_odd()) {
            (true, true) => one.kinds.with(other.kinds),
            (true, false) => one.kinds,
            (false, _) => other.kinds,
        },
        late_by_max: one.late_by_max.max(other.late_by_max),
    }
}
