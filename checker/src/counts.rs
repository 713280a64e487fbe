//! How much a history holds: whether a finding of nothing means anything.

use serde::Serialize;

use crate::{
    execute::{Execute, map_ranges},
    history::{History, KeyId, Op, Outcome, Position},
    isolation::Txns,
    transcript::Transcript,
};

/// Counts of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Reads and writes of clients.
    pub ops: u64,
    /// Keys that an op or an observation is of.
    pub keys: u64,
    /// Reads by outcome.
    pub reads: OutcomeCounts,
    /// Writes of every kind by outcome: deletes, adds, removes and increments too.
    pub writes: OutcomeCounts,
    /// Ok reads that overlapped an acknowledged write of their key in real time. A write of unknown outcome would overlap
    /// all that comes after its start, and say nothing of how closely reads and writes met.
    pub reads_racing: u64,
    /// Looks at replicas that saw something, nil included.
    pub observations: u64,
}

/// How many ops ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutcomeCounts {
    /// It happened.
    pub ok: u64,
    /// It surely did not happen.
    pub fail: u64,
    /// Unknown.
    pub info: u64,
}

impl Counts {
    /// Returns what a history holds, from what two parts of it do.
    pub fn merge(self, other: Self) -> Self {
        Self {
            ops: self.ops + other.ops,
            keys: self.keys + other.keys,
            reads: self.reads.merge(other.reads),
            writes: self.writes.merge(other.writes),
            reads_racing: self.reads_racing + other.reads_racing,
            observations: self.observations + other.observations,
        }
    }

    /// Counts what `history` holds. O(n log n).
    pub fn of(history: &History) -> Self {
        Self {
            reads_racing: history.keys().map(|key| reads_racing(history, key)).sum(),
            ..Self::of_outcomes(history)
        }
    }

    /// Counts what `history` holds, but for the reads that raced a write. O(k) of k keys.
    pub fn of_outcomes(history: &History) -> Self {
        let of_key = |key| {
            let counts = history.op_counts(key);
            let (reads, writes) = (counts.reads(), counts.writes());
            Self {
                ops: reads.total() + writes.total(),
                keys: 1,
                reads,
                writes,
                reads_racing: 0,
                observations: history.observations_of(key).len() as u64,
            }
        };
        history.keys().map(of_key).reduce(Self::merge).unwrap_or_default()
    }

    /// Counts the calls of `transcripts`, one a key; what is called `read` or `get` is a read, and anything else a write.
    pub fn of_calls(transcripts: &[Transcript]) -> Self {
        let mut counts = Self {
            keys: transcripts.len() as u64,
            ..Self::default()
        };
        for call in transcripts.iter().flat_map(Transcript::calls) {
            counts.add(!matches!(&*call.function, "read" | "get"), call.outcome);
        }
        counts
    }

    /// Counts transactions, and the keys that they touch; those that only read are reads.
    pub fn of_transactions(txns: &Txns, execute: &dyn Execute) -> Self {
        let parts = map_ranges(execute, txns.count(), |part| {
            let mut counts = Self::default();
            txns.outcomes(part)
                .for_each(|(is_write, outcome)| counts.add(is_write, outcome));
            counts
        });
        Self {
            keys: txns.key_count() as u64,
            ..parts.into_iter().fold(Self::default(), Self::merge)
        }
    }

    fn add(&mut self, is_write: bool, outcome: Outcome) {
        self.ops += 1;
        let of_kind = if is_write { &mut self.writes } else { &mut self.reads };
        of_kind.add(outcome);
    }
}

impl OutcomeCounts {
    /// Returns how many there are of all outcomes.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }

    fn merge(self, other: Self) -> Self {
        Self {
            ok: self.ok + other.ok,
            fail: self.fail + other.fail,
            info: self.info + other.info,
        }
    }

    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::Info => self.info += 1,
        }
    }
}

/// Spans of writes, to be asked whether another span overlaps one.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// By start, each with the latest end so far.
    latest_ends: Vec<(Position, Position)>,
}

impl Spans {
    /// Returns these, each from its start to its end.
    pub fn new(mut spans: Vec<(Position, Position)>) -> Self {
        spans.sort_unstable();
        let mut latest_end = Position::BEFORE_ALL;
        for (_, end) in &mut spans {
            latest_end = latest_end.max(*end);
            *end = latest_end;
        }
        Self { latest_ends: spans }
    }

    /// Returns whether one began before `end` and ended after `start`.
    pub fn overlap(&self, start: Position, end: Position) -> bool {
        let begun = self.latest_ends.partition_point(|(begin, _)| *begin < end);
        begun > 0 && self.latest_ends[begun - 1].1 > start
    }
}

/// Counts the ok reads of `key` that overlapped an acknowledged write: one that began before the read's end and ended
/// after its start.
fn reads_racing(history: &History, key: KeyId) -> u64 {
    let writes = history.ops_of(key).filter(|op| op.is_acked_write());
    let writes = Spans::new(writes.map(|write| (write.start, write.end)).collect());
    let races = |read: &&Op| writes.overlap(read.start, read.end);
    history.ops_of(key).filter(|op| op.is_ok_read()).filter(races).count() as u64
}
