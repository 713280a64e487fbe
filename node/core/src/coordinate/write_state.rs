//! What a write knows: how far it has come, and what has become of each owner's share.
//!
//! Nothing is sent here: `write.rs` acts on it.

use crate::{Apply, BeforeSend, Cell, Key, Level, NodeId, Quorum, Requirement, StandIn, Update, Version, WriteId};

#[derive(Debug)]
pub(super) struct WriteState {
    pub(super) key: Key,
    pub(super) id: Option<WriteId>,
    pub(super) requirement: Requirement,
    pub(super) quorum: Quorum,
    pub(super) step: Step,
    /// One an owner.
    pub(super) slots: Vec<Slot>,
    pub(super) written: Option<Written>,
}

#[derive(Debug)]
pub(super) enum Step {
    AskingVersions {
        before: BeforeSend,
        update: Update,
        level: Level,
        requirement: Requirement,
        /// The time of the version that each owner told, 0 for none.
        told: Vec<(NodeId, u64)>,
        lost: Vec<NodeId>,
    },
    Applying {
        apply: Apply,
        origin: NodeId,
        refused: Vec<NodeId>,
        /// Whether the origin goes by a later record, and has done nothing.
        is_stale: bool,
    },
    Holding,
}

/// What the owners are to hold.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) cell: Cell,
    pub(super) fingerprint: u64,
    pub(super) version: Option<Version>,
}

/// What has become of an owner's share.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) owner: NodeId,
    /// Who was sent it: the owner, or who stands in for it.
    pub(super) via: NodeId,
    pub(super) progress: Progress,
    /// Who has failed to stand in for it.
    pub(super) tried: Vec<NodeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Sent, or about to be.
    Waiting,
    /// Durable there.
    Held,
    /// Lost or refused, and a hint is on its way to this node's disk.
    Hinting,
    /// Lost or refused, and a hint kept here.
    Hinted,
    /// Lost or refused, and no hint kept.
    Lost,
}

impl Slot {
    pub(super) fn of(owner: NodeId) -> Slot {
        Slot {
            owner,
            via: owner,
            progress: Progress::Waiting,
            tried: Vec::new(),
        }
    }
}

impl WriteState {
    pub(super) fn owners(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.slots.iter().map(|slot| slot.owner)
    }

    pub(super) fn with(&self, progress: Progress) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(move |slot| slot.progress == progress)
    }

    pub(super) fn slot_mut(&mut self, owner: NodeId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.owner == owner)
    }

    /// The owner whose share `node` was sent and has not answered.
    pub(super) fn awaited_from(&self, node: NodeId) -> Option<NodeId> {
        let awaited = self.with(Progress::Waiting).find(|slot| slot.via == node);
        awaited.map(|slot| slot.owner)
    }

    pub(super) fn is_met_by(&self, does: impl Fn(Progress) -> bool) -> bool {
        let progress = |owner| {
            self.slots
                .iter()
                .find(|slot| slot.owner == owner)
                .map(|slot| slot.progress)
        };
        self.requirement.is_met(|owner| progress(owner).is_some_and(&does))
    }

    /// Whether enough hold it. At ANY, a hint will do.
    pub(super) fn is_met(&self) -> bool {
        self.is_met_by(|progress| progress == Progress::Held)
            || self.requirement.is_met_by_hint() && self.with(Progress::Hinted).next().is_some()
    }

    /// Whether enough may yet.
    pub(super) fn can_be_met(&self) -> bool {
        self.is_met_by(|progress| matches!(progress, Progress::Held | Progress::Waiting))
            || self.requirement.is_met_by_hint()
                && (self.with(Progress::Hinted).next().is_some() || self.with(Progress::Hinting).next().is_some())
    }

    pub(super) fn is_over(&self) -> bool {
        let over = |slot: &Slot| !matches!(slot.progress, Progress::Waiting | Progress::Hinting);
        self.slots.iter().all(over)
    }

    pub(super) fn acks(&self) -> Vec<NodeId> {
        let held = self.with(Progress::Held).filter(|slot| slot.via == slot.owner);
        held.map(|slot| slot.owner).collect()
    }

    pub(super) fn stand_ins(&self) -> Vec<StandIn> {
        let held = self.with(Progress::Held).filter(|slot| slot.via != slot.owner);
        held.map(|slot| StandIn {
            node: slot.via,
            owner: slot.owner,
        })
        .collect()
    }

    /// For whom a hint is kept, or on its way to this node's disk.
    pub(super) fn hinted(&self) -> Vec<NodeId> {
        let is_hinted = |slot: &&Slot| matches!(slot.progress, Progress::Hinted | Progress::Hinting);
        self.slots.iter().filter(is_hinted).map(|slot| slot.owner).collect()
    }
}
