//! Which of two values of a key is surely the older: the order of writes, as far as a history shows it.
//!
//! Each of these is alone enough to show it:
//! - what every key holds at first is older than all that was written, a delete's nothing included;
//! - the store's versions: every version reported of the one is less than every version reported of the other. (A store
//!   that stamps one write twice, as when a coordinator sends it again under a greater version, leaves that value
//!   incomparable with what lies between.)
//! - real time: the one's write had been acknowledged before the other's write began.
//!
//! A write of unknown outcome may take effect at any later time, so real time makes it older than nothing. Versions and
//! real time can contradict each other; where they do, the store's order of writes is not that of its clients, and both
//! "older" hold, and what is concluded from versions is said with why they are not to be relied on
//! ([`version_order`]).
//!
//! A nothing of which it is not clear which delete wrote it, if one did, is older than a value if every delete that it
//! may be of had ended before that value's write began; and never newer.

use super::version_order;
use crate::{
    evidence::{Words, ended_ns, seconds},
    history::{History, Op, Position, ValueId, VersionId},
};

/// The order of values. Looking up is O(1); values are to be of one key, and that key without a repeat.
pub(super) struct Ages<'h> {
    history: &'h History,
    /// By value, from the first of the history's keys on.
    versions: Vec<Option<Versions<'h>>>,
    first_value: usize,
}

/// What was reported of one value's versions.
#[derive(Clone, Copy)]
struct Versions<'h> {
    least: VersionId,
    greatest: VersionId,
    /// The first op that reported one.
    reporter: &'h Op,
}

/// Why a value is older than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Nil,
    Version,
    RealTime,
    /// Every delete that the older may be of had ended before the newer's write began.
    Deletes,
}

/// That what `older` wrote or saw is older than what `newer` did.
pub(super) struct Proof<'h> {
    pub(super) why: Why,
    pub(super) older: &'h Op,
    pub(super) newer: &'h Op,
    /// Ops that show it, beyond the two.
    pub(super) others: Vec<&'h Op>,
}

impl<'h> Ages<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let values = history.values_of_keys();
        let mut versions: Vec<Option<Versions>> = vec![None; values.len()];
        let told = history.keys().flat_map(|key| {
            let looks = history.observations_of(key).map(|look| &look.op);
            history.ops_of(key).chain(looks)
        });
        for op in told {
            let Some(version) = op.version.filter(|_| !op.value.is_nil() && !op.value.is_unclear()) else {
                continue;
            };
            let known = versions[op.value.index() - values.start].get_or_insert(Versions {
                least: version,
                greatest: version,
                reporter: op,
            });
            known.least = known.least.min(version);
            known.greatest = known.greatest.max(version);
        }
        Self {
            history,
            versions,
            first_value: values.start,
        }
    }

    pub(super) fn history(&self) -> &'h History {
        self.history
    }

    /// Returns the least version reported of `value`.
    pub(super) fn least_version(&self, value: ValueId) -> Option<VersionId> {
        self.of(value).map(|versions| versions.least)
    }

    /// Returns the greatest version reported of `value`.
    pub(super) fn greatest_version(&self, value: ValueId) -> Option<VersionId> {
        self.of(value).map(|versions| versions.greatest)
    }

    /// Returns the first op that reported a version of `value`.
    pub(super) fn reporter(&self, value: ValueId) -> Option<&'h Op> {
        self.of(value).map(|versions| versions.reporter)
    }

    /// Of what is nothing, and may be of any key, no versions are noted.
    fn of(&self, value: ValueId) -> Option<Versions<'h>> {
        let place = value.index().checked_sub(self.first_value)?;
        self.versions[place]
    }

    /// Returns whether versions show `a` to be older than `b`.
    pub(super) fn is_older_by_version(&self, a: ValueId, b: ValueId) -> bool {
        matches!((self.greatest_version(a), self.least_version(b)), (Some(a), Some(b)) if a < b)
    }

    /// Returns the shortest proof that what `a` wrote or returned is older than what `b` did, if there is one.
    pub(super) fn prove_older(&self, a: &'h Op, b: &'h Op) -> Option<Proof<'h>> {
        // Of two equally short, the one by real time, which needs no trust in the store's versions.
        let proofs = [self.prove_older_by_time(a, b), self.prove_older_by_version(a, b)];
        proofs.into_iter().flatten().min_by_key(|proof| proof.others.len())
    }

    /// Returns the proof that what `a` wrote or returned is older than what `b` did, by versions or because it is nil.
    pub(super) fn prove_older_by_version(&self, a: &'h Op, b: &'h Op) -> Option<Proof<'h>> {
        assert_eq!(a.key, b.key, "values of different keys have no order");
        if a.value.is_nil() && !b.value.is_nil() && !b.value.is_unclear() {
            return Some(Proof {
                why: Why::Nil,
                older: a,
                newer: b,
                others: Vec::new(),
            });
        }
        let others = || {
            [a, b]
                .into_iter()
                .filter(|op| op.version.is_none())
                .filter_map(|op| self.reporter(op.value))
        };
        let is_older = self.is_older_by_version(a.value, b.value);
        is_older.then(|| Proof {
            why: Why::Version,
            older: a,
            newer: b,
            others: others().collect(),
        })
    }

    /// Returns the proof that what `a` wrote or returned is older than what `b` did, as the one's write ended before
    /// the other's began.
    pub(super) fn prove_older_by_time(&self, a: &'h Op, b: &'h Op) -> Option<Proof<'h>> {
        assert_eq!(a.key, b.key, "values of different keys have no order");
        if a.value.is_unclear() {
            return self.prove_older_than_deletes(a, b);
        }
        let writes = [self.history.write_of(a.value)?, self.history.write_of(b.value)?];
        let is_older = writes[0].end < writes[1].start;
        let others = || {
            writes
                .into_iter()
                .filter(|write| write.start != a.start && write.start != b.start)
        };
        is_older.then(|| Proof {
            why: Why::RealTime,
            older: a,
            newer: b,
            others: others().collect(),
        })
    }

    /// Returns the proof that the nothing that `a` returned is older than what `b` wrote or returned, whichever it is.
    /// The deletes are no part of it: without them it would be the initial state, and older still.
    fn prove_older_than_deletes(&self, a: &'h Op, b: &'h Op) -> Option<Proof<'h>> {
        let write = self.history.write_of(b.value)?;
        let is_older = self.history.deletes_end(a) < write.start;
        is_older.then(|| Proof {
            why: Why::Deletes,
            older: a,
            newer: b,
            others: Some(write).filter(|write| write.start != b.start).into_iter().collect(),
        })
    }
}

impl<'h> Proof<'h> {
    /// Returns the ops that are the proof.
    pub(super) fn ops(&self) -> Vec<&'h Op> {
        self.others.iter().copied().chain([self.older, self.newer]).collect()
    }

    /// As in `41's write had been acknowledged at 3.100 s, before 57's write began at 3.120 s`.
    pub(super) fn tell(&self, words: Words<'_>) -> String {
        let (older, newer) = (words.value(self.older.value), words.value(self.newer.value));
        match self.why {
            Why::Nil if words.history.is_nothing(self.newer.value) => {
                format!("{} is newer than the key's beginning", words.write_of(self.newer.value))
            }
            Why::Deletes => {
                let write = words.write_of(self.newer.value);
                format!("every delete of the key had ended before {write} began")
            }
            Why::Nil => format!("{newer} is newer than nothing"),
            Why::Version => {
                let version = |value: ValueId, op: &Op| {
                    let all = self.others.iter().copied().chain([op]);
                    all.filter(|op| op.value == value)
                        .find_map(|op| op.version)
                        .map(|version| words.version(version))
                };
                let of_older = version(self.older.value, self.older).unwrap_or_default();
                let of_newer = version(self.newer.value, self.newer).unwrap_or_default();
                let name = |value, word| match words.history.is_nothing(value) {
                    true => words.write_of(value),
                    false => word,
                };
                let (older, newer) = (name(self.older.value, older), name(self.newer.value, newer));
                let caution = version_order::distrust(words, self.older, self.newer)
                    .map(|why| format!(" (the store's versions are not to be relied on: {why})"))
                    .unwrap_or_default();
                format!("{older} has version {of_older}, less than {newer}'s {of_newer}{caution}")
            }
            Why::RealTime => {
                let write = |value: ValueId| words.history.write_of(value).expect("real time compares writes");
                let (first, second) = (write(self.older.value), write(self.newer.value));
                let (ended, began) = (seconds(ended_ns(first)), seconds(second.start_ns));
                let (older, newer) = (words.write_of(self.older.value), words.write_of(self.newer.value));
                format!("{older} had been acknowledged at {ended}, before {newer} began at {began}")
            }
        }
    }
}

/// Returns where the write ended of the value that `read` returned: of nil before all; never if it is not known or its
/// outcome is not.
pub(super) fn write_end(history: &History, read: &Op) -> Position {
    if read.value.is_nil() {
        return Position::BEFORE_ALL;
    } else if read.value.is_unclear() {
        return history.deletes_end(read);
    }
    history.write_of(read.value).map_or(Position::NEVER, |write| write.end)
}

/// Returns where the write of `value` began: before all if there is none, as then it is newer than nothing.
pub(super) fn write_start(history: &History, value: ValueId) -> Position {
    history
        .write_of(value)
        .map_or(Position::BEFORE_ALL, |write| write.start)
}
