//! Drafts made into keys of a history, some keys at a time.
//!
//! Ids of values and versions go through all keys. Once every key knows how many it has, each part of the keys can be
//! numbered apart from the others.

use super::{
    id::ValueId,
    of_key::{Draft, OfKey, WritesRow},
    tombstones::DeleteEnds,
    versions::Versions,
};

/// Drafts that follow each other.
#[derive(Debug)]
pub(super) struct DraftPart<'d> {
    first_key: usize,
    drafts: &'d mut [Draft],
    /// Of each, once [nothings are told apart](Self::tell_nothings_apart).
    delete_ends: Vec<DeleteEnds>,
}

/// How many values and versions come before a part. The nothings that are of no key come before all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offsets {
    values: usize,
    versions: usize,
}

/// What is made of a part.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) of_key: Vec<OfKey>,
    /// From the first of these.
    pub(super) versions: Versions,
    pub(super) first_version: usize,
}

/// Room for what is noted by value, of the values of some keys that follow each other.
#[derive(Debug)]
pub(super) struct Rows<'r> {
    pub(super) writes: &'r mut [WritesRow],
    /// Of a history whose values are all integers.
    pub(super) integers: Option<&'r mut [i64]>,
}

impl<'r> Rows<'r> {
    /// Takes the room of the first `count` values.
    pub(super) fn take(&mut self, count: usize) -> Rows<'r> {
        let take = "there is room for all values";
        Rows {
            writes: self.writes.split_off_mut(..count).expect(take),
            integers: self
                .integers
                .as_mut()
                .map(|integers| integers.split_off_mut(..count).expect(take)),
        }
    }
}

/// Cuts drafts into at most `count` parts, of about as many ops each. No drafts are one part too.
pub(super) fn parts(mut drafts: &mut [Draft], count: usize) -> Vec<DraftPart<'_>> {
    let mut left: usize = drafts.iter().map(|draft| draft.ops.len()).sum();
    let (mut parts, mut first_key) = (Vec::new(), 0);
    while parts.is_empty() || !drafts.is_empty() {
        let share = left.div_ceil(count.saturating_sub(parts.len()).max(1));
        let (mut length, mut taken) = (0, 0);
        while length < drafts.len() && (taken < share || left == taken) {
            taken += drafts[length].ops.len();
            length += 1;
        }
        let (part, rest) = drafts.split_at_mut(length);
        parts.push(DraftPart {
            first_key,
            drafts: part,
            delete_ends: Vec::new(),
        });
        (drafts, left, first_key) = (rest, left - taken, first_key + length);
    }
    parts
}

impl DraftPart<'_> {
    /// Lets each read of nothing tell which it saw. Only then are all values known.
    pub(super) fn tell_nothings_apart(mut self) -> Self {
        let drafts = self.drafts.iter_mut();
        self.delete_ends = drafts.map(Draft::tell_nothings_apart).collect();
        self
    }

    /// Returns the keys as all events leave them, with room for their values in `rows`. Values that are not all integers are left
    /// in the drafts.
    pub(super) fn finish(self, before: Offsets, mut rows: Rows<'_>) -> Finished {
        let mut finished = Finished {
            of_key: Vec::with_capacity(self.drafts.len()),
            versions: Versions::default(),
            first_version: before.versions,
        };
        let mut first_value = before.values;
        let drafts = self.drafts.iter_mut().zip(self.delete_ends);
        for ((draft, delete_ends), number) in drafts.zip(self.first_key..) {
            let count = draft.values.len();
            let of_key = draft.finish((number, first_value), delete_ends, rows.take(count), &mut finished);
            finished.of_key.push(of_key);
            first_value += count;
        }
        finished
    }

    /// Returns how many values its keys have.
    pub(super) fn value_count(&self) -> usize {
        self.drafts.iter().map(|draft| draft.values.len()).sum()
    }

    /// Returns whether all its values are integers.
    pub(super) fn has_only_integers(&self) -> bool {
        self.drafts.iter().all(|draft| draft.values.integers().is_some())
    }

    /// Returns the offsets of the next part.
    pub(super) fn offsets_after(&self, mut offsets: Offsets) -> Offsets {
        for draft in self.drafts.iter() {
            offsets.values += draft.values.len();
            offsets.versions += draft.versions.len();
        }
        offsets
    }
}

impl Offsets {
    /// Of the first part.
    pub(super) const FIRST: Self = Self {
        values: ValueId::COMMON,
        versions: 0,
    };

    pub(super) fn values(self) -> usize {
        self.values
    }
}
