//! What the core has to say, as lines of the log.

use std::time::{Duration, Instant};

use quorate_core::{Event, NodeId, Owner};

/// Time between two lines about hints: there is an event for each hint, and a node that is away costs thousands.
const HINT_LINES_INTERVAL: Duration = Duration::from_secs(1);

/// The log, and what it has kept back.
#[derive(Debug, Default)]
pub(super) struct Log {
    last_hint_line: Option<Instant>,
    hints_unsaid: u64,
}

impl Log {
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        match event {
            Event::RingFormed { members } => tracing::info!(members, "ring formed"),
            Event::NodeLearned { node, name } => tracing::info!(%node, name, "node learned"),
            Event::NodeUp { node } => tracing::info!(%node, "node up"),
            Event::NodeDown { node } => tracing::warn!(%node, "node down"),
            Event::HintRefused { target } => self.note_hint(now, |unsaid| {
                tracing::warn!(%target, unsaid, "hint refused: there are as many as may be");
            }),
            Event::HintExpired { target } => self.note_hint(now, |unsaid| {
                tracing::warn!(%target, unsaid, "hint expired");
            }),
            Event::PeerRefused { node, why } => tracing::warn!(%node, why, "peer refused"),
            Event::GossipRefused { from, about, why } => tracing::warn!(%from, %about, why, "gossip refused"),
            Event::Isolated => tracing::warn!("isolated: no other node is heard"),
            Event::Rejoined => tracing::info!("no longer isolated: another node is heard"),
            Event::GenerationRaised { from, to } => {
                let (from, to) = (from.0, to.0);
                tracing::warn!(
                    from,
                    to,
                    "generation raised: others know of later starts of this node than its disk"
                );
            }
            Event::RecordDamaged { why } => tracing::error!(why, "record damaged: the other owners are asked for it"),
            Event::RecordLost { key } => {
                tracing::error!(%key, "record lost: it was damaged, and no other owner has anything");
            }
            Event::OwnersChanged { ownership } => {
                let (partition, epoch, phase) = (ownership.partition.0, ownership.epoch.0, ownership.phase.name());
                let (owners, next) = (list(&ownership.owners), list(&ownership.next));
                tracing::info!(partition, epoch, phase, owners, next, "owners changed");
            }
            Event::PartitionCopied { partition, epoch, with } => {
                let (partition, epoch, with) = (partition.0, epoch.0, joined(with));
                tracing::info!(partition, epoch, with, "partition copied");
            }
            Event::PartitionDropped {
                partition,
                epoch,
                with,
                records,
            } => {
                let (partition, epoch, with) = (partition.0, epoch.0, joined(with));
                tracing::info!(partition, epoch, with, records, "partition dropped");
            }
            Event::StandingChanged { standing } => tracing::info!(standing = standing.name(), "standing changed"),
            Event::Banned { node } => tracing::warn!(%node, "node removed from the cluster, for good"),
            Event::EntryRefused { why } => tracing::error!(why, "entry refused"),
            Event::QuorumCounted(counted) => {
                let (partition, epoch, level) = (counted.partition.0, counted.epoch.0, counted.level);
                let (operation, nodes) = (counted.operation.name(), joined(&counted.nodes));
                tracing::info!(partition, epoch, operation, %level, nodes, "quorum counted");
            }
            Event::Draining => tracing::info!("draining: no more requests are taken"),
            Event::StorageFailed { why } => tracing::error!(why, "storage failed"),
        }
    }

    /// One line now and then, with the number of those that were left out since the last.
    fn note_hint(&mut self, now: Instant, line: impl Fn(u64)) {
        let due = self.last_hint_line.is_none_or(|last| now - last >= HINT_LINES_INTERVAL);
        if due {
            line(std::mem::take(&mut self.hints_unsaid));
            self.last_hint_line = Some(now);
        } else {
            self.hints_unsaid += 1;
        }
    }
}

/// Owners as a line has them: their identities, joined.
fn list(owners: &[Owner]) -> String {
    let nodes: Vec<_> = owners.iter().map(|owner| owner.node).collect();
    joined(&nodes)
}

fn joined(nodes: &[NodeId]) -> String {
    let nodes: Vec<_> = nodes.iter().map(NodeId::to_string).collect();
    nodes.join("+")
}
