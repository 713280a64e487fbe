//! Who owns a partition: its record, and how one record follows another.
//!
//! Consistent hashing says who should own a partition; its record says who does. A change goes in steps, each of them
//! the next epoch, and each agreed by the owners themselves (`agreement.rs`):
//!
//! ```text
//!   phase        writes, and holders of a blocking read     reads
//!   Stable       W of the owners                            R of the owners
//!   ReadOld      W of the owners, and W of the next         R of the owners            the next copy what there is
//!   ReadBoth     W of the owners, and W of the next         R of both
//!   ReadNew      W of the owners, and W of the next         R of the next
//!   Stable       W of the next                              R of the next
//! ```
//!
//! Two epochs in a row have quorums that meet, and nobody is served by one from before that (NODE.md, A1 to A4). Up to
//! `ReadBoth` a change can be given up; from `ReadNew` on it can't, because readers no longer ask the old owners.

use serde::{Deserialize, Serialize};

use crate::{Level, LevelError, Name, NodeId, PartitionId, Requirement};

/// Which record of a partition this is, counted from 1: each takes the place of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u32);

impl Epoch {
    /// Of the record that the founders begin with.
    pub const FIRST: Epoch = Epoch(1);

    /// The one after.
    #[must_use]
    pub fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

/// How far a change of owners has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// There is none.
    Stable,
    /// Both write, the owners are read.
    ReadOld,
    /// Both write, both are read.
    ReadBoth,
    /// Both write, the next are read.
    ReadNew,
}

impl Phase {
    /// Its name, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Stable => "stable",
            Phase::ReadOld => "read-old",
            Phase::ReadBoth => "read-both",
            Phase::ReadNew => "read-new",
        }
    }
}

/// An owner, and where it is: levels count by data center.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Whom.
    pub node: NodeId,
    /// Its data center.
    pub dc: Name,
}

/// The record of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ownership {
    /// Of which partition.
    pub partition: PartitionId,
    /// Which record of it.
    pub epoch: Epoch,
    /// How far a change has come.
    pub phase: Phase,
    /// The owners, in preference order.
    pub owners: Vec<Owner>,
    /// Those who take their place; nobody while it is stable.
    pub next: Vec<Owner>,
}

impl Ownership {
    /// The record that a partition begins with.
    pub fn first(partition: PartitionId, owners: Vec<Owner>) -> Ownership {
        Ownership {
            partition,
            epoch: Epoch::FIRST,
            phase: Phase::Stable,
            owners,
            next: Vec::new(),
        }
    }

    /// The record after this one, with a change begun.
    ///
    /// # Panics
    /// If one is going on, or there would be no owners.
    pub fn begin(&self, next: Vec<Owner>) -> Ownership {
        assert_eq!(self.phase, Phase::Stable, "one change at a time");
        assert!(!next.is_empty(), "a partition has owners");
        Ownership {
            epoch: self.epoch.next(),
            phase: Phase::ReadOld,
            next,
            ..self.clone()
        }
    }

    /// The record after this one, with the change that is going on a step further.
    ///
    /// # Panics
    /// If none is.
    pub fn advance(&self) -> Ownership {
        let (phase, owners, next) = match self.phase {
            Phase::Stable => panic!("no change is going on"),
            Phase::ReadOld => (Phase::ReadBoth, self.owners.clone(), self.next.clone()),
            Phase::ReadBoth => (Phase::ReadNew, self.owners.clone(), self.next.clone()),
            Phase::ReadNew => (Phase::Stable, self.next.clone(), Vec::new()),
        };
        Ownership {
            partition: self.partition,
            epoch: self.epoch.next(),
            phase,
            owners,
            next,
        }
    }

    /// The record after this one, with the change that is going on given up.
    ///
    /// # Panics
    /// If it can't be.
    pub fn give_up(&self) -> Ownership {
        assert!(self.can_be_given_up(), "readers may not ask the owners any more");
        Ownership {
            epoch: self.epoch.next(),
            phase: Phase::Stable,
            next: Vec::new(),
            ..self.clone()
        }
    }

    /// Whether a change is going on that can be given up.
    pub fn can_be_given_up(&self) -> bool {
        matches!(self.phase, Phase::ReadOld | Phase::ReadBoth)
    }

    /// Whether this record may follow `earlier`.
    pub fn follows(&self, earlier: &Ownership) -> bool {
        let begun = || {
            earlier.phase == Phase::Stable && !self.next.is_empty() && {
                let begun = earlier.begin(self.next.clone());
                *self == begun
            }
        };
        begun()
            || earlier.phase != Phase::Stable && *self == earlier.advance()
            || earlier.can_be_given_up() && *self == earlier.give_up()
    }

    /// Whether it says something that can be, by itself.
    pub fn is_valid(&self) -> bool {
        // There are a few: to compare each with each takes no longer than to sort them.
        let distinct = |owners: &[Owner]| {
            let is_new = |at: usize| owners[..at].iter().all(|before| before.node != owners[at].node);
            (1..owners.len()).all(is_new)
        };
        self.epoch >= Epoch::FIRST
            && self.next.is_empty() == (self.phase == Phase::Stable)
            && self.owners.len().max(self.next.len()) <= usize::from(u8::MAX)
            && distinct(&self.owners)
            && distinct(&self.next)
    }

    /// Whether a change is going on.
    pub fn is_moving(&self) -> bool {
        self.phase != Phase::Stable
    }

    /// Everybody who is to hold what is written: the owners, and those of the next that are none of them.
    pub fn everyone(&self) -> impl Iterator<Item = &Owner> {
        let added = self.next.iter().filter(|owner| !self.is_owner(owner.node));
        self.owners.iter().chain(added)
    }

    /// Their identities.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.everyone().map(|owner| owner.node)
    }

    /// Whether a node is to hold what is written.
    pub fn holds(&self, node: NodeId) -> bool {
        self.nodes().any(|holder| holder == node)
    }

    /// Whether a node is one of the owners, be it only for a while.
    pub fn is_owner(&self, node: NodeId) -> bool {
        self.owners.iter().any(|owner| owner.node == node)
    }

    /// Those of the next who are not among the owners, and have to copy what there is.
    pub fn added(&self) -> impl Iterator<Item = NodeId> + '_ {
        let added = self.next.iter().filter(|owner| !self.is_owner(owner.node));
        added.map(|owner| owner.node)
    }

    /// The owners who have, together, all that was ever acknowledged: whom reads ask, and who may apply updates. Where
    /// both are read either will do.
    pub fn settled(&self) -> &[Owner] {
        match self.phase {
            Phase::Stable | Phase::ReadOld | Phase::ReadBoth => &self.owners,
            Phase::ReadNew => &self.next,
        }
    }

    /// What a level asks of a write, or of those who hold what a blocking read returns.
    ///
    /// # Errors
    /// [`LevelError`] if nobody could meet it.
    pub fn holding(&self, level: Level, local_dc: &Name) -> Result<Requirement, LevelError> {
        let old = requirement(&self.owners, level, local_dc)?;
        match self.phase {
            Phase::Stable => Ok(old),
            Phase::ReadOld | Phase::ReadBoth | Phase::ReadNew => Ok(old.and(requirement(&self.next, level, local_dc)?)),
        }
    }

    /// What a level asks of a read, or of those who tell the versions that a write has to be above.
    ///
    /// # Errors
    /// As for [`Ownership::holding`].
    pub fn reading(&self, level: Level, local_dc: &Name) -> Result<Requirement, LevelError> {
        match self.phase {
            Phase::Stable | Phase::ReadOld => requirement(&self.owners, level, local_dc),
            Phase::ReadBoth => self.holding(level, local_dc),
            Phase::ReadNew => requirement(&self.next, level, local_dc),
        }
    }
}

/// What a level asks of owners.
pub(crate) fn requirement(owners: &[Owner], level: Level, local_dc: &Name) -> Result<Requirement, LevelError> {
    let nodes = owners.iter().map(|owner| owner.node).collect();
    let dc_of = |node: NodeId| {
        let found = owners.iter().find(|owner| owner.node == node);
        &found.expect("asked of owners alone").dc
    };
    level.requirement_of(nodes, dc_of, local_dc)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn owners(nodes: &str) -> Vec<Owner> {
        let owner = |id: u8| Owner {
            node: NodeId(u64::from(id)),
            dc: Name::default_dc(),
        };
        nodes.bytes().map(owner).collect()
    }

    /// All records of a change from `old` to `new`, that before and that after among them.
    fn change(old: &str, new: &str) -> Vec<Ownership> {
        let mut records = vec![Ownership::first(PartitionId(0), owners(old))];
        records.push(records[0].begin(owners(new)));
        while records[records.len() - 1].is_moving() {
            records.push(records[records.len() - 1].advance());
        }
        records
    }

    /// The sets of nodes that meet a requirement.
    fn quorums(requirement: &Requirement, nodes: &BTreeSet<NodeId>) -> Vec<BTreeSet<NodeId>> {
        let nodes: Vec<_> = nodes.iter().copied().collect();
        let subsets = (0..1_u32 << nodes.len()).map(|set| {
            let of_set = nodes.iter().enumerate().filter(move |(at, _)| set & (1 << at) != 0);
            of_set.map(|(_, node)| *node).collect::<BTreeSet<_>>()
        });
        subsets
            .filter(|set| requirement.is_met(|node| set.contains(&node)))
            .collect()
    }

    #[test]
    fn quorums_of_two_epochs_in_a_row_meet() {
        let dc = Name::default_dc();
        for (old, new) in [
            ("abc", "bcd"),
            ("abc", "def"),
            ("abc", "cba"),
            ("ab", "abc"),
            ("abcde", "abcdf"),
        ] {
            let records = change(old, new);
            assert_eq!(records.len(), 5);
            let nodes = (old.to_owned() + new).bytes().map(|id| NodeId(u64::from(id))).collect();
            for pair in records.windows(2) {
                assert!(pair[1].follows(&pair[0]));
                for (one, other) in [(&pair[0], &pair[1]), (&pair[1], &pair[0]), (&pair[1], &pair[1])] {
                    let writes = quorums(&one.holding(Level::Quorum, &dc).unwrap(), &nodes);
                    let reads = quorums(&other.reading(Level::Quorum, &dc).unwrap(), &nodes);
                    let meet = |write: &BTreeSet<_>, read: &BTreeSet<_>| !write.is_disjoint(read);
                    assert!(
                        writes.iter().all(|write| reads.iter().all(|read| meet(write, read))),
                        "{old} to {new}: {:?} and {:?}",
                        one.phase,
                        other.phase
                    );
                }
            }
        }
    }

    #[test]
    fn quorums_that_skip_a_step_do_not_always_meet() {
        let records = change("abc", "def");
        let dc = Name::default_dc();
        let write = records[0].holding(Level::Quorum, &dc).unwrap();
        let read = records[3].reading(Level::Quorum, &dc).unwrap();
        assert!(!write.always_meets(&read), "which is why no step is skipped");
    }

    #[test]
    fn a_change_that_is_given_up_meets_what_was_before() {
        let dc = Name::default_dc();
        let records = change("abc", "def");
        for moving in &records[1..3] {
            let back = moving.give_up();
            assert!(back.follows(moving) && back.owners == records[0].owners);
            for (write, read) in [(moving, &back), (&back, moving)] {
                let write = write.holding(Level::Quorum, &dc).unwrap();
                assert!(write.always_meets(&read.reading(Level::Quorum, &dc).unwrap()));
            }
        }
        assert!(!records[3].can_be_given_up() && !records[4].can_be_given_up());
    }

    #[test]
    fn what_does_not_follow_is_no_successor() {
        let records = change("abc", "bcd");
        for (at, earlier) in records.iter().enumerate() {
            for (later_at, later) in records.iter().enumerate() {
                assert_eq!(later.follows(earlier), later_at == at + 1, "{at} to {later_at}");
            }
        }
        let mut other = records[2].clone();
        other.next = owners("bce");
        assert!(other.is_valid() && !other.follows(&records[1]), "its next are others");
    }

    #[test]
    fn everyone_holds_and_only_the_added_copy() {
        let moving = &change("abc", "bcd")[1];
        let names = |nodes: Vec<NodeId>| nodes.iter().map(|node| node.0 as u8 as char).collect::<String>();
        assert_eq!(names(moving.nodes().collect()), "abcd");
        assert_eq!(names(moving.added().collect()), "d");
        assert!(moving.holds(NodeId(u64::from(b'd'))) && !moving.is_owner(NodeId(u64::from(b'd'))));
    }

    #[test]
    fn a_record_that_contradicts_itself_is_not_valid() {
        let stable = Ownership::first(PartitionId(0), owners("abc"));
        assert!(stable.is_valid());
        let twice = Ownership {
            owners: owners("aba"),
            ..stable.clone()
        };
        let aimless = Ownership {
            phase: Phase::ReadOld,
            ..stable.clone()
        };
        let early = Ownership {
            epoch: Epoch(0),
            ..stable
        };
        assert!([twice, aimless, early].iter().all(|record| !record.is_valid()));
    }
}
