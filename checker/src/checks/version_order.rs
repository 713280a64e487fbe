//! Whether the versions that a store reports are an order of the writes that clients could believe.
//!
//! Versions say more of the order of writes than real time can; so what is concluded from them is worth as much as they
//! are. They are an order of a key's writes if each value has one version and each version is of one value. And they are
//! the clients' order if a write that had been acknowledged before another began has not the greater version, nor has a
//! value that a session had read before it wrote another. (A session's own writes are in real time what they are in the
//! session.) The last two are the conditions on writes of Terry et al. (*Session Guarantees for Weakly Consistent
//! Replicated Data*, PDIS 1994), the former across sessions too.
//!
//! A store that keeps the order of its clients, but stamps one write twice, as when a coordinator sends it again under
//! a greater version, breaks the first: v, w, v again is then what its versions allow.
//!
//! What lies in between is not asked here: a read of an old value is the read's fault and not the order's.

use super::repeats;
use crate::{
    evidence::{Context, Finding, Tally, Words, ended_ns, seconds},
    history::{History, KeyId, Op, ValueId, VersionId},
};

/// Finds values whose versions contradict each other, real time, or what the writer had read.
///
/// Tested are the values of which a version was reported, by a client's op or by a look at a replica. A value of two
/// versions counts once; of several values of one version all but the first do; of a write above another or of a read
/// above a write, the later write does. O(n log n).
pub fn version_order(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        let stamps = Stamps::new(history, key);
        tally.test(stamps.of_value.len() as u64);
        stamps.each_conflict(history, key, |conflict| tally.violate(conflict.ops(), conflict));
    }
    tally.finish(history, context, |words, conflict, _| conflict.tell(words) + ".")
}

/// Returns in words why versions are not to be relied on to tell which of `older` and `newer` came first, if so: why they
/// are no order of their key's writes, beyond that they tell these two apart as clients would not.
pub(super) fn distrust(words: Words<'_>, older: &Op, newer: &Op) -> Option<String> {
    let mut first = None;
    Stamps::new(words.history, older.key).each_conflict(words.history, older.key, |conflict| {
        if first.is_none() && !conflict.is_between(newer.value, older.value) {
            first = Some(conflict);
        }
    });
    first.map(|conflict| conflict.tell(words))
}

/// What was reported of the versions of one key's values.
pub(super) struct Stamps<'h> {
    /// In order of value.
    of_value: Vec<Stamp<'h>>,
}

/// What was reported of one value's versions.
#[derive(Clone, Copy)]
pub(super) struct Stamp<'h> {
    value: ValueId,
    least: Report<'h>,
    greatest: Report<'h>,
}

/// That a value has a version, and who says so: its write, if it does, else the first to.
#[derive(Clone, Copy)]
pub(super) struct Report<'h> {
    version: VersionId,
    op: &'h Op,
}

impl<'h> Stamps<'h> {
    pub(super) fn new(history: &'h History, key: KeyId) -> Self {
        let looks = history.observations_of(key).map(|look| &look.op);
        let reports = history.ops_of(key).chain(looks).filter_map(|op| {
            let is_told = !op.value.is_nil() && !op.value.is_unclear();
            op.version.filter(|_| is_told).map(|version| Report { version, op })
        });
        let mut reports: Vec<Report> = reports.collect();
        reports.sort_unstable_by_key(|it| (it.op.value, it.version, !it.op.action.is_write(), it.op.start));
        let of_value = reports.chunk_by(|a, b| a.op.value == b.op.value).map(|reports| {
            let greatest = reports[reports.len() - 1].version;
            Stamp {
                value: reports[0].op.value,
                least: reports[0],
                greatest: reports[reports.partition_point(|it| it.version < greatest)],
            }
        });
        Self {
            of_value: of_value.collect(),
        }
    }

    /// Returns the greatest version reported of `value`: its only one, where there is no conflict. O(log n).
    pub(super) fn version(&self, value: ValueId) -> Option<VersionId> {
        self.get(value).map(|stamp| stamp.greatest.version)
    }

    fn get(&self, value: ValueId) -> Option<Stamp<'h>> {
        let at = self.of_value.binary_search_by_key(&value, |stamp| stamp.value).ok()?;
        Some(self.of_value[at])
    }

    /// Gives `meet` a conflict of each value that has one: of several the plainest, and of those one of fewest ops.
    pub(super) fn each_conflict(&self, history: &'h History, key: KeyId, meet: impl FnMut(Conflict<'h>)) {
        let mut found: Vec<Option<Conflict>> = vec![None; self.of_value.len()];
        let mut note = |value: ValueId, conflict: Conflict<'h>| {
            let at = self.of_value.binary_search_by_key(&value, |stamp| stamp.value);
            let known = &mut found[at.expect("a value in conflict has a version")];
            if known.is_none_or(|known| conflict.rank() < known.rank()) {
                *known = Some(conflict);
            }
        };
        for stamp in &self.of_value {
            if stamp.least.version < stamp.greatest.version {
                note(stamp.value, Conflict::TwoVersions(stamp.least, stamp.greatest));
            }
        }
        let mut by_version: Vec<Report> = self.of_value.iter().map(|stamp| stamp.greatest).collect();
        by_version.sort_unstable_by_key(|report| (report.version, report.op.start));
        for pair in by_version.windows(2).filter(|pair| pair[0].version == pair[1].version) {
            note(pair[1].op.value, Conflict::TwoValues(pair[0], pair[1]));
        }
        self.each_inversion(history, key, |first, then, is_read| {
            let (above, below) = (self.get(first.value), self.get(then.value));
            if let (Some(above), Some(below)) = (above, below) {
                let reports = [above.least, below.greatest];
                let inverted = Conflict::Inverted {
                    first,
                    then,
                    reports,
                    is_read,
                };
                note(then.value, inverted);
            }
        });
        found.into_iter().flatten().for_each(meet);
    }

    /// Gives `meet` each write whose versions are less than all of one that had been acknowledged before it began, or
    /// of a value that its session had read before: what came first, the write, and whether a read did.
    fn each_inversion(&self, history: &'h History, key: KeyId, mut meet: impl FnMut(&'h Op, &'h Op, bool)) {
        let least = |op: &Op| self.get(op.value).map(|stamp| stamp.least.version);
        // Of two of the same version, one that reports it itself needs no other op to prove it.
        let rank = |op: &Op| least(op).map(|version| (version, op.version.is_some()));
        let mut acked: Vec<&Op> = history.ops_of(key).filter(|op| op.is_acked_write()).collect();
        acked.sort_unstable_by_key(|write| write.end);
        let mut acked = acked.into_iter().peekable();
        let mut greatest: Option<&Op> = None;
        let mut reads: Vec<&Op> = Vec::new();
        for op in history
            .ops_of(key)
            .filter(|op| op.is_possible_write() || op.is_ok_read())
        {
            if op.is_ok_read() {
                reads.push(op);
                continue;
            }
            while let Some(write) = acked.next_if(|write| write.end < op.start) {
                if rank(write) > greatest.and_then(rank) {
                    greatest = Some(write);
                }
            }
            if let Some((first, below)) = greatest.zip(self.version(op.value))
                && least(first) > Some(below)
            {
                meet(first, op, false);
            }
        }
        // A session's reads and writes, in order: of its reads so far the one of the greatest version.
        let writes = history.ops_of(key).filter(|op| op.is_possible_write());
        let mut by_session: Vec<&Op> = reads.into_iter().chain(writes).collect();
        by_session.sort_unstable_by_key(|op| (op.process, op.start));
        for session in by_session.chunk_by(|a, b| a.process == b.process) {
            let mut greatest: Option<&Op> = None;
            for op in session.iter().copied() {
                if op.is_ok_read() {
                    if rank(op) > greatest.and_then(rank) {
                        greatest = Some(op);
                    }
                } else if let Some((first, below)) = greatest.zip(self.version(op.value))
                    && least(first) > Some(below)
                {
                    meet(first, op, true);
                }
            }
        }
    }
}

/// Why versions are not an order of the writes.
#[derive(Clone, Copy)]
pub(super) enum Conflict<'h> {
    /// One value has two.
    TwoVersions(Report<'h>, Report<'h>),
    /// One is of two values.
    TwoValues(Report<'h>, Report<'h>),
    /// What came first is above what came then.
    Inverted {
        first: &'h Op,
        then: &'h Op,
        reports: [Report<'h>; 2],
        /// Whether what came first is a read by the writer's session, or an acknowledged write.
        is_read: bool,
    },
}

impl<'h> Conflict<'h> {
    fn ops(&self) -> Vec<&'h Op> {
        match *self {
            Self::TwoVersions(a, b) | Self::TwoValues(a, b) => vec![a.op, b.op],
            Self::Inverted {
                first, then, reports, ..
            } => {
                // One that reports the version itself needs no other to.
                let [of_first, of_then] = [(first, reports[0]), (then, reports[1])].map(|(op, report)| {
                    if op.version == Some(report.version) {
                        op
                    } else {
                        report.op
                    }
                });
                vec![first, then, of_first, of_then]
            }
        }
    }

    /// Of two conflicts the one that is told is of the lesser rank.
    fn rank(&self) -> (u8, usize) {
        let kind = match self {
            Self::TwoVersions(..) => 0,
            Self::TwoValues(..) => 1,
            Self::Inverted { .. } => 2,
        };
        let mut starts: Vec<_> = self.ops().iter().map(|op| op.start).collect();
        starts.sort_unstable();
        starts.dedup();
        (kind, starts.len())
    }

    /// Returns whether all it says is that `first` came first, and has the greater version.
    fn is_between(&self, first: ValueId, then: ValueId) -> bool {
        matches!(self, Self::Inverted { first: a, then: b, .. } if (a.value, b.value) == (first, then))
    }

    /// Returns the conflict in words, as the end of a sentence or as one without its full stop.
    pub(super) fn tell(&self, words: Words<'_>) -> String {
        let report = |it: &Report| format!("{} {}", words.op(it.op), words.span(it.op));
        let version = |it: &Report| words.version(it.version);
        match self {
            Self::TwoVersions(a, b) => format!(
                "{} of {} has two versions, {} by {}, and {} by {}",
                words.value(a.op.value),
                words.key(a.op),
                version(a),
                report(a),
                version(b),
                report(b)
            ),
            Self::TwoValues(a, b) => format!(
                "two values of {} have version {}, {} by {}, and {} by {}",
                words.key(a.op),
                version(a),
                words.value(a.op.value),
                report(a),
                words.value(b.op.value),
                report(b)
            ),
            Self::Inverted {
                first,
                then,
                reports,
                is_read,
            } => {
                let (above, below) = (version(&reports[0]), version(&reports[1]));
                let (first_op, then_op, key) = (words.op(first), words.op(then), words.key(then));
                let (ended, began) = (seconds(ended_ns(first)), seconds(then.start_ns));
                let session = if *is_read { " in the same session" } else { "" };
                format!(
                    "{first_op} ended at {ended}, before {then_op} to {key} began at {began}{session}, yet what came \
                     first has version {above}, greater than the other's {below}"
                )
            }
        }
    }
}
