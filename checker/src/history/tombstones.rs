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
    id::{KeyId, ValueId, VersionId},
    op::{Action, Op, Outcome, Position},
};

/// The deletes of a history that took effect or may have, by key.
#[derive(Clone, Debug)]
pub(super) struct Tombstones {
    of_key: Vec<Deletes>,
}

/// The deletes of one key.
#[derive(Clone, Debug, Default)]
struct Deletes {
    /// In order of invocation, where each began, and where the last of it and those before it ended.
    ends: Vec<(Position, Position)>,
    /// By reported version, the value of the delete, or unclear if there are several.
    by_version: BTreeMap<VersionId, ValueId>,
    /// The first of which no version was reported: where it began, and its value if it is the only one.
    unversioned: Option<(Position, Option<ValueId>)>,
    /// Where the first op ended that shows the key not to be in its initial state.
    first_end: Option<Position>,
}

impl Tombstones {
    /// Notes the deletes among `ops`, which are in order of invocation.
    pub(super) fn new(ops: &[Op], key_count: usize) -> Self {
        let mut of_key = vec![Deletes::default(); key_count];
        for op in ops {
            let deletes = &mut of_key[op.key.index()];
            if op.action == Action::Delete && op.is_possible_write() {
                deletes.note(op);
            }
            let is_untold = op.value.is_nil() && op.version.is_none();
            if op.outcome == Outcome::Ok && (op.action.is_write() || !is_untold) {
                deletes.first_end = Some(deletes.first_end.map_or(op.end, |end| end.min(op.end)));
            }
        }
        Self { of_key }
    }

    /// Lets every read of nothing among `ops` return the nothing that it saw.
    /// `new_value` makes a nothing of a key whose delete is not known.
    pub(super) fn tell_apart(&self, ops: &mut [Op], mut new_value: impl FnMut(KeyId) -> ValueId) {
        let mut orphans = BTreeMap::new();
        for op in ops {
            let is_read = !op.action.is_write() && op.outcome == Outcome::Ok;
            if is_read && op.value.is_nil() {
                op.value = match self.of_key[op.key.index()].seen_by(op) {
                    Source::Value(value) => value,
                    Source::OneOf(version) => *orphans.entry((op.key, version)).or_insert_with(|| new_value(op.key)),
                };
            }
        }
    }

    /// Returns where the last of those deletes of `key` ended that had begun before `position`.
    pub(super) fn end_of_begun_before(&self, key: KeyId, position: Position) -> Position {
        let ends = &self.of_key[key.index()].ends;
        let begun = ends.partition_point(|(start, _)| *start < position);
        begun.checked_sub(1).map_or(Position::BEFORE_ALL, |last| ends[last].1)
    }
}

/// Which nothing a read returned.
enum Source {
    Value(ValueId),
    /// What one of the deletes without a reported version wrote, under this one.
    OneOf(VersionId),
}

impl Deletes {
    fn note(&mut self, delete: &Op) {
        let end = self.ends.last().map_or(delete.end, |(_, end)| delete.end.max(*end));
        self.ends.push((delete.start, end));
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
        let has_begun = self.ends.first().is_some_and(|(start, _)| *start < read.end);
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
