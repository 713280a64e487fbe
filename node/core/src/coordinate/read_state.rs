//! What a read knows: whom it has asked, who has answered what, and whether that is enough.
//!
//! Nothing is sent here: `read.rs` acts on it.

use crate::{Absence, Ask, Cell, Fetch, Key, NodeId, Quorum, ReadRepair, Requirement, Summary, Time, Want};

#[derive(Debug)]
pub(super) struct ReadState {
    pub(super) key: Key,
    pub(super) requirement: Requirement,
    /// Who has to hold what is returned, where repair blocks.
    pub(super) holders: Option<Requirement>,
    pub(super) repair: ReadRepair,
    pub(super) fetch: Fetch,
    pub(super) ask: Ask,
    pub(super) absence: Absence,
    pub(super) quorum: Quorum,
    /// All cells that came in, merged.
    pub(super) best: Option<Best>,
    /// The fingerprint of each that is or was not `best` as a whole: whose digest is one of them holds nothing that is not in
    /// that.
    pub(super) taken_in: Vec<u64>,
    /// Whether anybody has anything, be it only a digest that has come in.
    pub(super) is_anything_seen: bool,
    /// The oldest register that came in: [`crate::Plant::RepairWritesOlder`].
    pub(super) oldest: Option<Cell>,
    /// Whether a value will do whatever the digests say: [`crate::Plant::DigestMismatchIgnored`].
    pub(super) ignores_digests: bool,
    /// One an owner, in the order in which they are asked.
    pub(super) replicas: Vec<Replica>,
    /// When the slowest of those asked has taken so long that another is asked as well.
    pub(super) hedge_at: Option<Time>,
}

/// What is returned if nothing more comes.
#[derive(Debug)]
pub(super) struct Best {
    pub(super) cell: Cell,
    pub(super) summary: Summary,
}

#[derive(Debug)]
pub(super) struct Replica {
    pub(super) owner: NodeId,
    /// Who answers: the owner, or who stands in for it.
    pub(super) via: NodeId,
    pub(super) answer: Answer,
    /// What it was sent as a repair last, by fingerprint.
    pub(super) repairing: Option<u64>,
    /// What it has acknowledged of that.
    pub(super) repaired: Option<u64>,
    /// Whether another owner was asked because this one is late.
    pub(super) is_hedged: bool,
    /// Whether it refused a repair, or was lost with one on its way.
    pub(super) repair_lost: bool,
    /// Who has failed to answer for it.
    pub(super) tried: Vec<NodeId>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Not asked yet.
    Spare,
    Waiting {
        since: Time,
        want: Want,
    },
    Lost,
    /// What it holds, or no more than what that amounts to, has come in.
    Here(Option<Summary>),
}

impl Replica {
    pub(super) fn of(owner: NodeId) -> Replica {
        Replica {
            owner,
            via: owner,
            answer: Answer::Spare,
            repairing: None,
            repaired: None,
            is_hedged: false,
            repair_lost: false,
            tried: Vec::new(),
        }
    }

    pub(super) fn summary(&self) -> Option<&Summary> {
        match &self.answer {
            Answer::Here(summary) => summary.as_ref(),
            Answer::Spare | Answer::Waiting { .. } | Answer::Lost => None,
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        matches!(self.answer, Answer::Here(_))
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.answer, Answer::Waiting { .. })
    }

    /// Whether a repair of it may yet be acknowledged.
    pub(super) fn is_being_repaired(&self) -> bool {
        self.repairing.is_some() && self.repaired != self.repairing && !self.repair_lost
    }

    /// Whether it is known to hold `best` durably.
    pub(super) fn holds(&self, best: Option<u64>) -> bool {
        let held = self.summary().map(|summary| summary.fingerprint);
        self.has_answered() && held == best || best.is_some() && self.repaired == best
    }
}

impl ReadState {
    /// Who has not answered, and since when it was asked.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (NodeId, Time)> {
        self.replicas.iter().filter_map(|replica| match replica.answer {
            Answer::Waiting { since, .. } => Some((replica.via, since)),
            _ => None,
        })
    }

    pub(super) fn best_fingerprint(&self) -> Option<u64> {
        self.best.as_ref().map(|best| best.summary.fingerprint)
    }

    pub(super) fn answers(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.has_answered())
    }

    /// Whether nobody is to answer any more, those among them who are about to be asked.
    pub(super) fn is_over(&self) -> bool {
        let may_answer = |replica: &Replica| match replica.answer {
            Answer::Waiting { .. } => true,
            Answer::Spare => self.ask == Ask::All,
            Answer::Lost | Answer::Here(_) => false,
        };
        !self.replicas.iter().any(may_answer)
    }

    pub(super) fn is_met_by(&self, requirement: &Requirement, does: impl Fn(&Replica) -> bool) -> bool {
        requirement.is_met(|owner| {
            self.replicas
                .iter()
                .any(|replica| replica.owner == owner && does(replica))
        })
    }

    /// Whether some answer was only a digest, of something that has not come in.
    pub(super) fn lacks_values(&self) -> bool {
        self.behind_digests().next().is_some()
    }

    /// Replicas whose digest says that they may hold something that is not in what came in.
    pub(super) fn behind_digests(&self) -> impl Iterator<Item = &Replica> {
        let best = self.best.as_ref().map(|best| &best.summary);
        let is_known = move |summary: &Summary| {
            best.is_some_and(|best| self.ignores_digests || summary.is_covered_by(best))
                || self.taken_in.contains(&summary.fingerprint)
        };
        let may_have_more = move |replica: &&Replica| replica.summary().is_some_and(|summary| !is_known(summary));
        self.replicas.iter().filter(may_have_more)
    }

    /// Whether enough have answered.
    pub(super) fn has_enough(&self) -> bool {
        let answers_alone =
            self.absence == Absence::AnswersAlone && !self.is_anything_seen && self.answers().next().is_some();
        answers_alone || self.is_met_by(&self.requirement, Replica::has_answered) && !self.lacks_values()
    }

    /// Whether enough have answered, and enough hold what would be returned.
    pub(super) fn is_answerable(&self) -> bool {
        self.has_enough() && self.is_held()
    }

    /// Whether enough hold what would be returned.
    pub(super) fn is_held(&self) -> bool {
        let best = self.best_fingerprint();
        let held = |holders: &Requirement| self.is_met_by(holders, |replica| replica.holds(best));
        self.holders.as_ref().is_none_or(held)
    }

    /// Whether enough may yet answer, and hold what is returned.
    pub(super) fn can_be_met(&self) -> bool {
        let best = self.best_fingerprint();
        let may_hold =
            |replica: &Replica| replica.holds(best) || replica.answer != Answer::Lost && !replica.repair_lost;
        self.is_met_by(&self.requirement, |replica| replica.answer != Answer::Lost)
            && self
                .holders
                .as_ref()
                .is_none_or(|holders| self.is_met_by(holders, may_hold))
    }

    /// Whether the answer of an owner would bring the read nearer to what it needs.
    pub(super) fn is_of_use(&self, owner: NodeId) -> bool {
        let is_asked = |replica: &Replica| match replica.answer {
            Answer::Waiting { .. } | Answer::Here(_) => !replica.repair_lost,
            Answer::Spare | Answer::Lost => false,
        };
        let asked: Vec<_> = self.replicas.iter().filter(|r| is_asked(r)).map(|r| r.owner).collect();
        let is_nearer = |requirement: &Requirement| {
            let without = requirement.met_count(|node| asked.contains(&node));
            requirement.met_count(|node| node == owner || asked.contains(&node)) > without
        };
        is_nearer(&self.requirement) || self.holders.as_ref().is_some_and(is_nearer)
    }

    /// Whether the read counts the answer of an owner at all.
    pub(super) fn counts(&self, owner: NodeId) -> bool {
        self.requirement.counts(owner) || self.holders.as_ref().is_some_and(|holders| holders.counts(owner))
    }

    /// Takes note of the oldest: [`crate::Plant::RepairWritesOlder`].
    pub(super) fn note_oldest(&mut self, cell: &Cell) {
        let oldest = self.oldest.as_ref();
        if oldest.is_none_or(|oldest| cell.version() < oldest.version()) {
            self.oldest = Some(cell.clone());
        }
    }

    /// Takes in what a replica holds.
    pub(super) fn learn(&mut self, cell: Option<Cell>) -> Option<Summary> {
        let cell = cell?;
        // Most copies are alike, and which of them are is seen sooner than a summary is made.
        if let Some(best) = self.best.as_ref().filter(|best| best.cell == cell) {
            return Some(best.summary);
        }
        let summary = Summary::of(&self.key, &cell);
        match &mut self.best {
            None => self.best = Some(Best { cell, summary }),
            Some(best) => {
                self.taken_in.extend([best.summary.fingerprint, summary.fingerprint]);
                if best.cell.merge(&cell) {
                    best.summary = Summary::of(&self.key, &best.cell);
                }
            }
        }
        Some(summary)
    }

    /// What is best, and those that answered with less and have not been sent it, if there are any; from now on they have.
    pub(super) fn take_repairs(&mut self) -> Option<(Cell, Vec<NodeId>)> {
        let best = self.best.as_ref()?;
        let fingerprint = Some(best.summary.fingerprint);
        let behind = |r: &&mut Replica| {
            r.has_answered() && !r.repair_lost && !r.holds(fingerprint) && r.repairing != fingerprint
        };
        let targets = repairing(self.replicas.iter_mut().filter(behind), fingerprint);
        (!targets.is_empty()).then(|| (best.cell.clone(), targets))
    }

    /// As [`ReadState::take_repairs`], with the oldest for the best: [`crate::Plant::RepairWritesOlder`].
    pub(super) fn take_repairs_backwards(&mut self) -> Option<(Cell, Vec<NodeId>)> {
        let oldest = self.oldest.clone()?;
        let fingerprint = Some(Summary::of(&self.key, &oldest).fingerprint);
        let differing = |r: &&mut Replica| r.has_answered() && r.repairing.is_none() && !r.holds(fingerprint);
        let targets = repairing(self.replicas.iter_mut().filter(differing), fingerprint);
        Some((oldest, targets))
    }

    pub(super) fn replica_mut(&mut self, owner: NodeId) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.owner == owner)
    }

    /// The owner for which `node` answers.
    pub(super) fn owner_of(&self, node: NodeId) -> Option<NodeId> {
        let replica = self.replicas.iter().find(|replica| replica.via == node);
        replica.map(|replica| replica.owner)
    }
}

/// Takes note that these are sent a repair, and returns their owners.
fn repairing<'a>(replicas: impl Iterator<Item = &'a mut Replica>, fingerprint: Option<u64>) -> Vec<NodeId> {
    let sent = replicas.map(|replica| {
        replica.repairing = fingerprint;
        replica.owner
    });
    sent.collect()
}
