//! Changes of membership: asked of the cluster as often as it takes, and looked at until nothing moves any more.
//!
//! ```text
//!   Join, Replace   start the spare, and wait until it owns its share; LostDisk is a Replace whose node is seen to
//!                   refuse to start on what is left of its disk
//!   Leave, Weigh    ask the node until it agrees, and wait until nothing moves
//!   Remove          kill the node, ask another until it agrees that it is gone, and wait until nothing moves
//! ```
//!
//! Who dies before anybody has heard of it is removed as it is: there is nobody to be asked about it.
//!
//! A node is lost for good only when what the one before it held is held by others: two at a time may be more than a key
//! has replicas.

use std::{collections::BTreeMap, time::Duration};

use quorate_core::{AdminOk, AdminRequest, Entry, Standing, Status};
use serde_json::json;

use super::{Nemesis, Starting};
use crate::{
    cluster::{Cluster, Elapsed},
    fault::{Fault, Place},
    fault_log::{ACCEPTED, Effect, FaultId, REMOVED_ALIVE},
    moves::unmoved,
};

/// Time between two looks at how far changes have come.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long nothing may move before a change is over, in rounds of gossip: who has to move something has heard of it by
/// then (of 30 nodes all have after two).
const REST_ROUNDS: u32 = 5;

/// A change of membership that goes on.
#[derive(Debug)]
pub(super) struct Change {
    id: FaultId,
    pub(super) fault: Fault,
    stage: Stage,
    asked: Elapsed,
    /// Since when it looks as if it were over.
    rest_since: Option<Elapsed>,
    /// Partitions that each node held before.
    before: BTreeMap<Place, u16>,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing has been done yet.
    Planned,
    /// Somebody has to be asked still.
    Asking,
    /// The cluster goes about it.
    Moving,
}

/// What members say of themselves; who is down, or paused, says nothing.
pub(super) type Statuses = BTreeMap<Place, Status>;

impl Nemesis {
    /// Takes note of a change, to begin with it at the next look.
    pub(super) fn begin_change(&mut self, id: FaultId, fault: Fault, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let asked = cluster.elapsed();
        self.changes_due = asked;
        self.changes.push(Change {
            id,
            fault,
            stage: Stage::Planned,
            asked,
            rest_since: None,
            before: BTreeMap::new(),
        });
        Ok(())
    }

    /// Takes every change as far as it can be taken.
    pub(super) async fn drive_changes(&mut self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let statuses = self.statuses(cluster).await;
        let mut left = Vec::new();
        for mut change in std::mem::take(&mut self.changes) {
            // Those before it, and those that are still to be looked at, may have lost a node.
            let is_alone = !left.iter().any(Change::has_lost);
            // What is planned for a node that another change has still to start, or to end, comes after that.
            let has_turn = !left
                .iter()
                .any(|earlier| earlier.stage == Stage::Planned && earlier.shares_a_node(&change));
            if change.stage == Stage::Planned && has_turn && (change.fault.ends().is_none() || is_alone) {
                self.start_change(&mut change, &statuses, cluster).await?;
            }
            if change.stage == Stage::Asking && self.is_overtaken(&change.fault) {
                change.stage = Stage::Moving;
            } else if change.stage == Stage::Asking {
                self.ask_for(&mut change, &statuses, cluster).await?;
            }
            if self.is_over(&mut change, &statuses, cluster) {
                self.end_change(&change, &statuses, cluster.elapsed())?;
            } else {
                left.push(change);
            }
        }
        self.changes = left;
        self.changes_due = cluster.elapsed() + LOOK_INTERVAL;
        Ok(())
    }

    /// The changes that go on, in words, with what is still moving; `None` if there is none.
    async fn unfinished(&self, cluster: &mut impl Cluster) -> Option<String> {
        let changes: Vec<_> = self.changes.iter().map(|change| change.fault.to_string()).collect();
        if changes.is_empty() {
            return None;
        }
        let statuses = self.statuses(cluster).await;
        let silent = self
            .members
            .present()
            .into_iter()
            .filter(|place| !statuses.contains_key(place));
        let silent: Vec<_> = silent.map(|place| format!("{place} says nothing")).collect();
        let still = unmoved(statuses.values()).into_iter().chain(silent);
        let still: Vec<_> = still.collect();
        Some(format!("{} ({})", changes.join(", "), still.join("; ")))
    }

    /// Waits for no change any more: notes of each that goes on that it did not come to its end, and what still moves.
    ///
    /// # Errors
    /// If the log can't be written.
    pub async fn give_up_changes(&mut self, cluster: &mut impl Cluster) -> anyhow::Result<()> {
        let Some(still) = self.unfinished(cluster).await else {
            return Ok(());
        };
        for change in std::mem::take(&mut self.changes) {
            let still = still.clone();
            let effect = Effect::Unfinished { still };
            self.log
                .observed(change.id, cluster.elapsed(), &change.fault, &effect)?;
        }
        Ok(())
    }

    /// The members that can answer: those that are up, and not paused.
    pub(super) fn askable(&self, cluster: &impl Cluster) -> Vec<Place> {
        let is_paused = |place: Place| {
            let is_of = |fault: &Fault| matches!(fault, Fault::Pause { nodes } if nodes.contains(&place));
            self.active().any(is_of)
        };
        let present = self.members.present().into_iter();
        present
            .filter(|place| !is_paused(*place) && cluster.can_be_asked(*place))
            .collect()
    }

    /// Asks every member that can answer how it is.
    pub(super) async fn statuses(&self, cluster: &mut impl Cluster) -> Statuses {
        let mut statuses = Statuses::new();
        for place in self.askable(cluster) {
            // One that dies meanwhile says nothing, as if it had been down before.
            if let Ok(AdminOk::Status(status)) = cluster.ask(place, AdminRequest::Status).await {
                statuses.insert(place, *status);
            }
        }
        statuses
    }

    async fn start_change(
        &mut self,
        change: &mut Change,
        statuses: &Statuses,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<()> {
        let held = statuses.iter().map(|(place, status)| (*place, status.moves.owned));
        change.before = held.collect();
        change.stage = Stage::Asking;
        let fault = change.fault.clone();
        let mut evidence = serde_json::Map::new();
        if let Fault::Remove { node } = fault
            && let Some(refusal) = self.try_to_remove_the_living(node, statuses, cluster).await
        {
            evidence.insert(REMOVED_ALIVE.to_owned(), refusal.into());
        }
        if let Some(node) = fault.ends() {
            let how = self.kill_all(&[node], cluster).await?;
            let how = how.into_iter().map(|(_, how)| how).next();
            evidence.insert("killed".to_owned(), json!([node]));
            evidence.insert("ended".to_owned(), json!(how));
        }
        if let Fault::LostDisk { node, how, .. } = fault {
            let came = cluster.lose_disk(node, how).await?;
            evidence.insert("started_on_what_is_left".to_owned(), came.into());
        }
        if let Some(node) = fault.starts() {
            let entry = fault
                .ends()
                .map_or(Entry::Join, |gone| Entry::Replace(cluster.identity(gone)));
            cluster.set_entry(node, entry)?;
            cluster.start(node)?;
            self.starting.push(Starting {
                node,
                id: change.id,
                fault: fault.clone(),
            });
            evidence.insert("started".to_owned(), json!([node]));
            change.stage = Stage::Moving;
        }
        self.members.take(&fault);
        self.log.applied(change.id, cluster.elapsed(), &fault, evidence.into())
    }

    /// Asks a member that sees the node as up to remove it, which has to be refused, and says what came of that.
    async fn try_to_remove_the_living(
        &self,
        node: Place,
        statuses: &Statuses,
        cluster: &mut impl Cluster,
    ) -> Option<String> {
        let identity = cluster.identity(node);
        let sees_it = |status: &Status| {
            let mut members = status.members.iter();
            members.any(|member| member.node == identity && member.up && member.linked)
        };
        let mut others = statuses
            .iter()
            .filter(|(place, status)| **place != node && sees_it(status));
        let (asked, _) = others.next()?;
        if !statuses.contains_key(&node) {
            return None; // It is down, and not yet seen to be.
        }
        match cluster.ask(*asked, AdminRequest::Remove { node: identity }).await {
            Ok(_) => Some(ACCEPTED.to_owned()),
            Err(refusal) => Some(refusal.why),
        }
    }

    /// Asks for a change, if whoever has to be asked can be; it may refuse until it sees what makes the change safe.
    async fn ask_for(
        &mut self,
        change: &mut Change,
        statuses: &Statuses,
        cluster: &mut impl Cluster,
    ) -> anyhow::Result<()> {
        let (asked, request) = match change.fault {
            Fault::Leave { node } => (Some(node), AdminRequest::Leave),
            Fault::Weigh { node, weight } => (Some(node), AdminRequest::Weigh { weight }),
            Fault::Remove { node } => {
                let placed = self.members.placed();
                let other = placed.into_iter().find(|place| statuses.contains_key(place));
                let node = cluster.identity(node);
                (other, AdminRequest::Remove { node })
            }
            _ => unreachable!("nobody is asked for {}", change.fault),
        };
        let Some(asked) = asked.filter(|place| statuses.contains_key(place)) else {
            return Ok(());
        };
        if let Ok(AdminOk::Done) = cluster.ask(asked, request).await {
            change.stage = Stage::Moving;
        }
        Ok(())
    }

    /// Whether the cluster has done what a change asks for, and nothing has moved for a while.
    fn is_over(&self, change: &mut Change, statuses: &Statuses, cluster: &impl Cluster) -> bool {
        // Who has just started may not know yet whom it knew: it is asked all the same, until it has had the time to.
        let is_granted = change.stage == Stage::Moving
            || change.stage == Stage::Asking && self.is_forgotten(&change.fault, statuses, cluster);
        if !is_granted || !self.is_at_rest(change, statuses, cluster) {
            change.rest_since = None;
            return false;
        }
        let now = cluster.elapsed();
        let since = *change.rest_since.get_or_insert(now);
        now - since >= self.gossip_interval * REST_ROUNDS
    }

    fn is_at_rest(&self, change: &Change, statuses: &Statuses, cluster: &impl Cluster) -> bool {
        let is_heard = self.are_all_heard(statuses);
        let standing = |place: Place| statuses.get(&place).map(|status| status.moves.standing);
        let is_done = match &change.fault {
            Fault::Leave { node } => standing(*node) == Some(Standing::Left),
            Fault::Remove { .. } => self.is_forgotten(&change.fault, statuses, cluster),
            Fault::Join { node }
            | Fault::Replace { by: node, .. }
            | Fault::LostDisk { by: node, .. }
            | Fault::Weigh { node, .. } => {
                matches!(standing(*node), Some(Standing::Normal | Standing::Left))
            }
            _ => unreachable!("{} is no change", change.fault),
        };
        let is_done = is_done || self.is_overtaken(&change.fault);
        is_heard && is_done && unmoved(statuses.values()).is_empty()
    }

    /// Whether a node that is to be removed is no member to anybody: it was, or it died before anybody had heard of it.
    fn is_forgotten(&self, change: &Fault, statuses: &Statuses, cluster: &impl Cluster) -> bool {
        let Fault::Remove { node } = change else {
            return false;
        };
        let gone = cluster.identity(*node);
        let mut known = statuses.values().flat_map(|status| &status.members);
        self.are_all_heard(statuses) && known.all(|member| member.node != gone)
    }

    fn are_all_heard(&self, statuses: &Statuses) -> bool {
        let present = self.members.present();
        present.iter().all(|place| statuses.contains_key(place))
    }

    /// Whether the node that was to do something has been lost for good since.
    fn is_overtaken(&self, change: &Fault) -> bool {
        let doer = match change {
            Fault::Leave { node } | Fault::Weigh { node, .. } => Some(*node),
            _ => change.starts(),
        };
        doer.is_some_and(|node| self.members.is_absent(node))
    }

    fn end_change(&mut self, change: &Change, statuses: &Statuses, now: Elapsed) -> anyhow::Result<()> {
        if let Fault::Leave { node } = change.fault
            && !self.members.is_absent(node)
        {
            self.members.note_left(node);
        }
        let differences = statuses.iter().map(|(place, status)| {
            let before = change.before.get(place).copied().unwrap_or(0);
            i64::from(status.moves.owned) - i64::from(before)
        });
        let of_sign = |sign: i64| {
            let those = differences.clone().filter(|difference| difference.signum() == sign);
            those.sum::<i64>().unsigned_abs()
        };
        let effect = Effect::Moved {
            gained: of_sign(1),
            lost: of_sign(-1),
            took: change.rest_since.unwrap_or(now) - change.asked,
        };
        self.log.observed(change.id, now, &change.fault, &effect)?;
        self.log.undone(change.id, now, &change.fault)
    }
}

impl Change {
    /// Whether a node is gone, and not all of what it held is held by others yet.
    fn has_lost(&self) -> bool {
        self.fault.ends().is_some() && self.stage != Stage::Planned
    }

    /// Whether the two name a node in common.
    fn shares_a_node(&self, other: &Change) -> bool {
        let nodes = self.fault.nodes();
        other.fault.nodes().iter().any(|node| nodes.contains(node))
    }
}
