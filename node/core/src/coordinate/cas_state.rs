//! What a request by agreement knows: how far its proposal has come, and what it has proposed before.
//!
//! Nothing is sent here: `cas.rs` acts on it.

use crate::{Accepted, BeforeSend, CasAction, CasOutcome, Key, NodeId, Requirement, Time, Value, Version};

#[derive(Debug)]
pub(super) struct CasState {
    pub(super) key: Key,
    pub(super) action: CasAction,
    /// Of both rounds.
    pub(super) requirement: Requirement,
    pub(super) voters: Vec<NodeId>,
    /// Taken when the first change is sent: the proof that there was none before.
    pub(super) before: Option<BeforeSend>,
    /// The ballots under which this request has proposed its change, from the lowest.
    pub(super) proposed: Vec<Version>,
    /// The highest ballot that it was told of.
    pub(super) outbid: Option<Version>,
    /// How often it was outbid.
    pub(super) outbid_count: u32,
    pub(super) round: Round,
}

#[derive(Debug)]
pub(super) enum Round {
    /// It was outbid, and waits for a while.
    Pausing { until: Time },
    /// The owners are asked to promise.
    Preparing {
        ballot: Version,
        votes: Votes,
        /// The last proposal that any of them had accepted.
        highest: Option<Accepted>,
    },
    /// The owners are asked to accept.
    Accepting {
        proposal: Accepted,
        made: Made,
        votes: Votes,
        /// Who had promised.
        promised_by: Vec<NodeId>,
    },
}

/// What comes of a request once its proposal is accepted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// Nothing was to change.
    Nothing(CasOutcome),
    /// Its change, which it proposed under this ballot, now or before.
    Change(Version),
}

/// What the owners have answered in a round.
#[derive(Debug, Default)]
pub(super) struct Votes {
    pub(super) given: Vec<NodeId>,
    /// Refused, or lost.
    pub(super) lost: Vec<NodeId>,
}

impl Votes {
    pub(super) fn give(&mut self, node: NodeId) {
        if !self.has_answered(node) {
            self.given.push(node);
        }
    }

    pub(super) fn lose(&mut self, node: NodeId) {
        if !self.has_answered(node) {
            self.lost.push(node);
        }
    }

    fn has_answered(&self, node: NodeId) -> bool {
        self.given.contains(&node) || self.lost.contains(&node)
    }
}

/// What is to be proposed after what the owners have told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// What they had accepted last: nothing changes but the ballot.
    Confirm(CasOutcome),
    /// The same, and that the change of this request, proposed under this ballot, was made.
    Made(Version),
    /// That the key holds this from here on.
    Change(Option<Value>),
    /// An earlier proposal of this request may have been chosen, and overwritten so often since that nobody can tell.
    Unclear,
}

impl Round {
    /// The ballot that the owners are asked with.
    pub(super) fn ballot(&self) -> Option<Version> {
        match self {
            Round::Pausing { .. } => None,
            Round::Preparing { ballot, .. } => Some(*ballot),
            Round::Accepting { proposal, .. } => Some(proposal.ballot),
        }
    }
}

impl CasState {
    pub(super) fn votes_mut(&mut self) -> Option<&mut Votes> {
        match &mut self.round {
            Round::Pausing { .. } => None,
            Round::Preparing { votes, .. } | Round::Accepting { votes, .. } => Some(votes),
        }
    }

    pub(super) fn votes(&self) -> Option<&Votes> {
        match &self.round {
            Round::Pausing { .. } => None,
            Round::Preparing { votes, .. } | Round::Accepting { votes, .. } => Some(votes),
        }
    }

    /// Whether enough have agreed.
    pub(super) fn is_agreed(&self) -> bool {
        let given = |votes: &Votes| self.requirement.is_met(|node| votes.given.contains(&node));
        self.votes().is_some_and(given)
    }

    /// Whether enough may yet.
    pub(super) fn can_be_agreed(&self) -> bool {
        let possible = |votes: &Votes| self.requirement.can_be_met(|node| !votes.lost.contains(&node));
        self.votes().is_some_and(possible)
    }

    /// What to propose, when a quorum has promised and `highest` is the last that any of them had accepted.
    ///
    /// Whatever was chosen before is `highest`, or `highest` was made of it. So a proposal of this request that is not among
    /// the changes which `highest` comes from was not chosen; and now that a quorum has promised more, it never will be.
    pub(super) fn next(&self, highest: Option<&Accepted>) -> Next {
        let mut changes = highest.into_iter().flat_map(Accepted::changes);
        if let Some(made) = changes.find(|change| self.proposed.contains(change)) {
            return Next::Made(made);
        }
        let is_told = |first: &Version| highest.is_none_or(|highest| highest.tells_of(*first));
        if !self.proposed.first().is_none_or(is_told) {
            return Next::Unclear;
        }
        let holds = highest.and_then(|highest| highest.value.as_ref());
        match &self.action {
            CasAction::Read => Next::Confirm(CasOutcome::Done),
            CasAction::Put { value } => Next::Change(value.clone()),
            CasAction::CompareAndSet { expected, value } if expected.as_ref() == holds => Next::Change(value.clone()),
            CasAction::CompareAndSet { .. } => Next::Confirm(CasOutcome::Unmet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EARLIER_CHANGES_MAX, Generation, Level, Name};

    fn ballot(time: u64) -> Version {
        Version {
            time,
            node: NodeId(1),
            generation: Generation(1),
        }
    }

    fn value(text: &'static str) -> Option<Value> {
        Some(Value(text.as_bytes().into()))
    }

    fn accepted(time: u64, written: u64, text: &'static str) -> Accepted {
        Accepted {
            ballot: ballot(time),
            written: Some(ballot(written)),
            value: value(text),
            earlier: Vec::new(),
        }
    }

    /// A change from `a` to `b` that was proposed under these ballots.
    fn state(proposed: &[u64]) -> CasState {
        let (node, dc) = (NodeId(1), Name::default_dc());
        let votes = Votes::default();
        CasState {
            key: Key::of(crate::Kind::Cas, b"k"),
            action: CasAction::CompareAndSet {
                expected: value("a"),
                value: value("b"),
            },
            requirement: Level::Quorum.requirement(&[(node, &dc)], &dc).expect("one owner"),
            voters: vec![node],
            before: Some(BeforeSend::on_arrival()),
            proposed: proposed.iter().copied().map(ballot).collect(),
            outbid: None,
            outbid_count: 0,
            round: Round::Preparing {
                ballot: ballot(100),
                votes,
                highest: None,
            },
        }
    }

    #[test]
    fn a_first_attempt_compares_with_what_was_accepted_last() {
        assert_eq!(state(&[]).next(Some(&accepted(5, 5, "a"))), Next::Change(value("b")));
        let unmet = Next::Confirm(CasOutcome::Unmet);
        assert_eq!(state(&[]).next(Some(&accepted(5, 5, "c"))), unmet);
        assert_eq!(state(&[]).next(None), unmet);
    }

    /// ```text
    /// ballots   4: a    7: b, proposed by this request    8 and later: others
    /// ```
    #[test]
    fn a_later_attempt_knows_whether_an_earlier_one_was_or_could_have_been_chosen() {
        let next = |highest: Accepted| state(&[7]).next(Some(&highest));
        let (made, first) = (Next::Made(ballot(7)), accepted(4, 4, "a"));
        let second = Accepted::change(ballot(7), value("b"), Some(&first));
        assert_eq!(next(second.clone()), made, "it may have been, and is proposed again");
        let again = Accepted::confirm(ballot(9), Some(second.clone()));
        assert_eq!(next(again), made, "somebody else has proposed it again");
        let over = Accepted::change(ballot(9), value("c"), Some(&second));
        assert_eq!(next(over), made, "it was overwritten");
        assert_eq!(next(first.clone()), Next::Change(value("b")), "it was not");
        let without = Accepted::confirm(ballot(9), Some(first.clone()));
        assert_eq!(
            next(without),
            Next::Change(value("b")),
            "somebody has confirmed what was before it"
        );
        let without = Accepted::change(ballot(9), value("c"), Some(&first));
        assert_eq!(
            next(without),
            Next::Confirm(CasOutcome::Unmet),
            "what came after does not come from it"
        );
    }

    #[test]
    fn after_many_changes_nobody_can_tell() {
        let overwritten = |times: u64| {
            let first = accepted(4, 4, "a");
            (10..10 + times).fold(first, |last, time| {
                Accepted::change(ballot(time), value("a"), Some(&last))
            })
        };
        let kept = EARLIER_CHANGES_MAX as u64;
        assert_eq!(state(&[7]).next(Some(&overwritten(kept))), Next::Change(value("b")));
        assert_eq!(state(&[7]).next(Some(&overwritten(kept + 1))), Next::Unclear);
    }
}
