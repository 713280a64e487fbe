//! A register that changes by agreement: what one acceptor of single-decree Paxos has promised and accepted for its key.
//!
//! The decrees of a key follow one another in the same place, as in CASPaxos (Rystsov, *CASPaxos: Replicated State
//! Machines without logs*, 2018): whoever changes the register prepares with a ballot, learns what was accepted last, and
//! has the owners accept what it makes of that, under its own ballot. Nothing else decides what the register holds; a copy
//! of this cell that comes by anti-entropy or with a partition that moves is news of proposals, and never a vote.
//!
//! Merging takes the greater promise and the later proposal, and is safe at any time: to promise more only costs attempts,
//! and a proposal carries whatever could have been chosen before it. The promise has to travel as well: without it owners
//! that have nobody in common with those who gave it would let an earlier ballot pass.

use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, Sink};
use crate::{Value, Version, capped};

/// What is known of the proposals for a register.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CasRegister {
    /// Nothing below this ballot will be accepted.
    pub promised: Version,
    /// The last proposal that was accepted, if there was one. It need not have been chosen.
    pub accepted: Option<Accepted>,
}

/// What a proposal says that the register holds.
///
/// The order is that of ballots. Honest nodes never propose twice under one ballot; what else there is in the order
/// only makes sure that merging decides such a tie in the same way everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Accepted {
    /// Under which it was accepted. A proposal that only confirms what was accepted before has a new one.
    pub ballot: Version,
    /// The ballot of the change that put the value there; `None` where nothing was ever put there.
    pub written: Option<Version>,
    /// What the register holds; `None` for nothing.
    pub value: Option<Value>,
    /// The ballots of the changes before that one, the last first, as many as are kept: whoever was outbid finds its own
    /// among them, or knows that it was not made.
    #[serde(deserialize_with = "capped::sequence::<EARLIER_CHANGES_MAX, _, _>")]
    pub earlier: Vec<Version>,
}

/// Earlier changes that a proposal names. Who was outbid looks again within milliseconds, in which few others change the same
/// key; and each takes 20 bytes of every message.
pub const EARLIER_CHANGES_MAX: usize = 8;

impl CasRegister {
    /// Of a ballot that is promised, and nothing accepted.
    pub fn promising(ballot: Version) -> CasRegister {
        CasRegister {
            promised: ballot,
            accepted: None,
        }
    }

    /// Takes the greater promise and the later proposal; true if anything changed.
    pub fn merge(&mut self, other: &CasRegister) -> bool {
        let has_changed = !self.covers(other);
        self.promised = self.promised.max(other.promised);
        if self.accepted < other.accepted {
            self.accepted.clone_from(&other.accepted);
        }
        has_changed
    }

    /// Whether merging `other` would change nothing.
    pub fn covers(&self, other: &CasRegister) -> bool {
        self.promised >= other.promised && self.accepted >= other.accepted
    }

    /// What the last proposal says that the register holds.
    pub fn value(&self) -> Option<&Value> {
        self.accepted.as_ref()?.value.as_ref()
    }

    /// The place of that value in the order of the register's values, unless nothing was ever put there.
    pub fn version(&self) -> Option<Version> {
        self.accepted.as_ref()?.written
    }

    /// Whether it is one that an acceptor can have come to.
    pub fn is_valid(&self) -> bool {
        self.accepted
            .as_ref()
            .is_none_or(|accepted| accepted.is_valid() && accepted.ballot <= self.promised)
    }
}

impl Accepted {
    /// The proposal of a change under `ballot`, after what was accepted last.
    pub fn change(ballot: Version, value: Option<Value>, last: Option<&Accepted>) -> Accepted {
        let before = last.into_iter().flat_map(Accepted::changes);
        Accepted {
            ballot,
            written: Some(ballot),
            value,
            earlier: before.take(EARLIER_CHANGES_MAX).collect(),
        }
    }

    /// The proposal, under `ballot`, of what was accepted last.
    pub fn confirm(ballot: Version, last: Option<Accepted>) -> Accepted {
        let nothing = Accepted {
            ballot,
            written: None,
            value: None,
            earlier: Vec::new(),
        };
        Accepted {
            ballot,
            ..last.unwrap_or(nothing)
        }
    }

    /// The ballots of the changes that the value comes from, the last first, as many as are kept.
    pub fn changes(&self) -> impl Iterator<Item = Version> {
        self.written.into_iter().chain(self.earlier.iter().copied())
    }

    /// Whether a change that was proposed under `ballot`, or later, would be among those that are kept.
    pub fn tells_of(&self, ballot: Version) -> bool {
        self.earlier.len() < EARLIER_CHANGES_MAX || self.changes().last().is_some_and(|oldest| oldest <= ballot)
    }

    /// Whether it is one that can be proposed: no value without a change that put it there, before or by this proposal, and
    /// no change before that one which was later.
    pub fn is_valid(&self) -> bool {
        let is_earlier = self.written.is_none_or(|written| written <= self.ballot);
        let is_by_nobody = self.written.is_none() && (self.value.is_some() || !self.earlier.is_empty());
        let is_in_order = self.changes().is_sorted_by(|later, earlier| later > earlier);
        is_in_order
            && self.earlier.len() <= EARLIER_CHANGES_MAX
            && is_earlier
            && !is_by_nobody
            && self.value.as_ref().is_none_or(Value::is_valid)
    }
}

impl Canonical for CasRegister {
    fn write(&self, sink: &mut impl Sink) {
        self.promised.write(sink);
        self.accepted.write(sink);
    }
}

impl Canonical for Accepted {
    fn write(&self, sink: &mut impl Sink) {
        self.ballot.write(sink);
        self.written.write(sink);
        self.value.write(sink);
        (self.earlier.len() as u64).write(sink);
        self.earlier.iter().for_each(|version| version.write(sink));
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{Generation, NodeId};

    impl CasRegister {
        /// Any that is valid, from so few that equal ones, and different ones of equal ballots, are common.
        pub(in super::super) fn any(rng: &mut Pcg64Mcg) -> CasRegister {
            let promised = rng.random_range(1..5);
            let accepted = rng.random_range(0..=promised);
            let written = rng.random_range(0..=accepted);
            let value = [None, Some(b"a"), Some(b"b")][rng.random_range(0..3)];
            let is_second = written > 1 && rng.random();
            let accepted = (accepted > 0).then(|| Accepted {
                ballot: ballot(accepted),
                written: (written > 0).then(|| ballot(written)),
                value: value
                    .filter(|_| written > 0)
                    .map(|value| Value(value.as_slice().into())),
                earlier: is_second.then(|| ballot(1)).into_iter().collect(),
            });
            CasRegister {
                promised: ballot(promised),
                accepted,
            }
        }
    }

    fn ballot(time: u64) -> Version {
        Version {
            time,
            node: NodeId(1),
            generation: Generation(1),
        }
    }

    fn accepted(time: u64, written: Option<u64>, value: Option<&'static [u8]>) -> Accepted {
        Accepted {
            ballot: ballot(time),
            written: written.map(ballot),
            value: value.map(|value| Value(value.into())),
            earlier: Vec::new(),
        }
    }

    #[test]
    fn a_copy_takes_the_greater_promise_and_the_later_proposal_by_themselves() {
        let mut ours = CasRegister {
            promised: ballot(9),
            accepted: Some(accepted(2, Some(2), Some(b"a"))),
        };
        let theirs = CasRegister {
            promised: ballot(5),
            accepted: Some(accepted(5, Some(5), Some(b"b"))),
        };
        assert!(ours.merge(&theirs) && !ours.merge(&theirs));
        assert_eq!(ours.promised, ballot(9));
        assert_eq!(ours.accepted, theirs.accepted);
        assert_eq!((ours.value(), ours.version()), (theirs.value(), Some(ballot(5))));
    }

    #[test]
    fn what_no_acceptor_comes_to_is_not_valid() {
        assert!(accepted(3, None, None).is_valid() && accepted(3, Some(2), None).is_valid());
        assert!(!accepted(3, None, Some(b"a")).is_valid(), "a value that nobody wrote");
        assert!(
            !accepted(3, Some(4), Some(b"a")).is_valid(),
            "a value from a later ballot"
        );
        let later_before_earlier = Accepted {
            earlier: vec![ballot(1), ballot(2)],
            ..accepted(3, Some(3), None)
        };
        assert!(!later_before_earlier.is_valid());
        let beyond_promise = CasRegister {
            promised: ballot(2),
            accepted: Some(accepted(3, None, None)),
        };
        assert!(!beyond_promise.is_valid());
        assert!(CasRegister::promising(ballot(1)).is_valid());
    }
}
