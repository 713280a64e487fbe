//! Deletes: which of them a read of nothing saw.
//!
//! A delete is a write of nothing, and every key holds nothing at first; so unlike other values nothing may have been
//! written more than once. The store's version of what was read tells which delete it was, where it is reported:
//! - a version that exactly one acknowledged delete of the key reported too is that delete's;
//! - one that none reported belongs to the delete without a reported version, if exactly one may have taken effect; if
//!   several may have, to one of them, and all reads with that version to the same: their nothing is a value of its own
//!   whose write is not known;
//! - where no delete that may have taken effect had begun when the read ended, it is the initial state;
//! - so it is where the read tells no version and began before any write of the key had ended, and any read that saw
//!   one. It can't break anything then: whatever else there is may have happened after the read's beginning.
//!
//! In all other cases it is [`ValueId::UNCLEAR`], of which nothing is concluded that does not hold of every delete that
//! it may be, and of the initial state.

use std::collections::BTreeMap;

use super::{
    id::{ValueId, VersionId},
    op::{Action, Op, Outcome, Position},
};

/// The deletes of one key that took effect or may have.
#[derive(Debug, Default)]
pub(super) struct Deletes {
    ends: DeleteEnds,
    /// By reported version, the value of the delete, or unclear if there are several.
    by_version: BTreeMap<VersionId, ValueId>,
    /// The first of which no version was reported: where it began, and its value if it is the only one.
    unversioned: Option<(Position, Option<ValueId>)>,
    /// Where the first op ended that shows the key not to be in its initial state.
    first_end: Option<Position>,
}

/// In order of invocation, where each delete of one key began that may have taken effect, and where the last of it and
/// those before it ended.
#[derive(Debug, Default)]
pub(super) struct DeleteEnds(Vec<(Position, Position)>);

impl DeleteEnds {
    /// Returns where the last of those deletes ended that had begun before `position`.
    pub(super) fn of_begun_before(&self, position: Position) -> Position {
        let begun = self.0.partition_point(|(start, _)| *start < position);
        begun.checked_sub(1).map_or(Position::BEFORE_ALL, |last| self.0[last].1)
    }
}

/// Which nothing a read returned.
enum Source {
    Value(ValueId),
    /// What one of the deletes without a reported version wrote, under this one.
    OneOf(VersionId),
}

impl Deletes {
    /// Notes the deletes of a key among all that was done to it: by clients in order of invocation, then by observers.
    pub(super) fn new<'o>(ops: impl Iterator<Item = &'o Op>) -> Self {
        let mut deletes = Self::default();
        for op in ops {
            if op.action == Action::Delete && op.is_possible_write() {
                deletes.note(op);
            }
            let is_untold = op.value.is_nil() && op.version.is_none();
            if op.outcome == Outcome::Ok && (op.action.is_write() || !is_untold) {
                deletes.first_end = Some(deletes.first_end.map_or(op.end, |end| end.min(op.end)));
            }
        }
        deletes
    }

    /// Lets every read of nothing among `reads` return the nothing that it saw.
    /// `new_value` makes a nothing whose delete is not known.
    pub(super) fn tell_apart<'o>(
        &self,
        reads: impl Iterator<Item = &'o mut Op>,
        mut new_value: impl FnMut() -> ValueId,
    ) {
        let mut orphans = BTreeMap::new();
        for op in reads {
            let is_read = !op.action.is_write() && op.outcome == Outcome::Ok;
            if is_read && op.value.is_nil() {
                op.value = match self.seen_by(op) {
                    Source::Value(value) => value,
                    Source::OneOf(version) => *orphans.entry(version).or_insert_with(&mut new_value),
                };
            }
        }
    }

    pub(super) fn into_ends(self) -> DeleteEnds {
        self.ends
    }

    fn note(&mut self, delete: &Op) {
        let end = self.ends.0.last().map_or(delete.end, |(_, end)| delete.end.max(*end));
        self.ends.0.push((delete.start, end));
        match delete.version {
            Some(version) => {
                let known = self.by_version.entry(version).or_insert(delete.value);
                if *known != delete.value {
                    *known = ValueId::UNCLEAR;
                }
            }
            None => {
                let first = self.unversioned.map(|(start, _)| (start, None));
                self.unversioned = Some(first.unwrap_or((delete.start, Some(delete.value))));
            }
        }
    }

    fn seen_by(&self, read: &Op) -> Source {
        let by_version = read.version.and_then(|version| self.by_version.get(&version));
        let has_begun = self.ends.0.first().is_some_and(|(start, _)| *start < read.end);
        let is_first = self.first_end.is_none_or(|end| read.start < end);
        match (by_version, read.version) {
            (Some(value), _) => Source::Value(*value),
            _ if !has_begun => Source::Value(ValueId::NIL),
            (None, None) if is_first => Source::Value(ValueId::NIL),
            (None, None) => Source::Value(ValueId::UNCLEAR),
            (None, Some(version)) => match self.unversioned {
                Some((start, Some(value))) if start < read.end => Source::Value(value),
                Some((start, None)) if start < read.end => Source::OneOf(version),
                _ => Source::Value(ValueId::UNCLEAR),
            },
        }
    }
}
