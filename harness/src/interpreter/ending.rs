//! What members say once all is over: whom they take for members, and whether anything differs still between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use quorate_checker::cluster::{ClusterRecord, Compared, MembersSeen, members_agree};

use quorate_core::{AdminOk, AdminRequest, AntiEntropyReport, Member, NodeId, RingView};

use super::{Run, misunderstood};
use crate::{
    cluster::{AskError, Cluster},
    fault::Place,
};

/// How long members may take to hear of one another once nothing moves any more: many rounds of gossip.
const HEARING_TIMEOUT: Duration = Duration::from_secs(10);

/// How often all compare with all once everything is exchanged: what is collected meanwhile differs for a moment.
const COMPARISONS_MAX: u64 = 5;

impl<C: Cluster> Run<'_, C> {
    /// Asks every member whom it takes for one, until all know one another or it has been long enough.
    pub(super) async fn look_at_members(&mut self) -> anyhow::Result<()> {
        let deadline = self.cluster.elapsed() + HEARING_TIMEOUT;
        loop {
            match self.members_seen().await {
                Ok(members) => {
                    let record = ClusterRecord {
                        members,
                        ..ClusterRecord::default()
                    };
                    let agree = members_agree(&record).count == 0;
                    self.members_seen = record.members;
                    if agree {
                        return Ok(());
                    }
                }
                // Who does not answer is told of where it is waited for.
                Err(_) => self.members_seen.clear(),
            }
            if self.cluster.elapsed() >= deadline {
                return Ok(());
            }
            self.pause().await?;
        }
    }

    async fn members_seen(&mut self) -> Result<BTreeSet<MembersSeen>, AskError> {
        let mut seen = BTreeSet::new();
        for place in self.members.clone() {
            let ring = match self.cluster.ask(place, AdminRequest::Ring).await? {
                AdminOk::Ring(ring) => ring,
                other => return Err(misunderstood(place, &other)),
            };
            let node = place.to_string();
            let members = self.named(&ring);
            seen.insert(MembersSeen { node, members });
        }
        Ok(seen)
    }

    /// Who is on a ring, by the name of their place, and their shares in words.
    fn named(&self, ring: &RingView) -> BTreeMap<String, String> {
        let name = |node: NodeId| {
            let mut places = Place::all(self.scenario.place_count());
            let place = places.find(|place| self.cluster.identity(*place) == node);
            place.map_or_else(|| node.to_string(), |place| place.to_string())
        };
        let said = |member: &Member| {
            let Member { weight, dc, rack, .. } = member;
            let said = format!("weight {weight} in {dc}/{rack}");
            match member.tokens {
                own if own == member.node => said,
                other => format!("{said}, the tokens of {}", name(other)),
            }
        };
        let members = ring.members.iter().map(|share| &share.member);
        members.map(|member| (name(member.node), said(member))).collect()
    }

    /// Has all compare with all until nothing differs, or often enough.
    pub(super) async fn compare_once_more(&mut self) -> anyhow::Result<()> {
        for tries in 1..=COMPARISONS_MAX {
            let reports = self.anti_entropy().await?;
            let compared = |(place, report): (Place, AntiEntropyReport)| Compared {
                node: place.to_string(),
                peers: report.peers,
                differing: report.partitions_differing,
                tries,
            };
            let compared = reports.into_iter().map(compared);
            self.comparisons = compared.filter(|compared| compared.peers > 0).collect();
            if self.comparisons.iter().all(|compared| compared.differing == 0) {
                break;
            }
            self.pause().await?;
        }
        Ok(())
    }
}
