//! Causal consistency of registers, across keys.
//!
//! Ahamad, Neiger, Burns, Kohli, Hutto, *Causal Memory* (Distributed Computing 1995): a write that depends on another, by a
//! session or by having been read, is nowhere seen without it. What is checked is causal convergence, where besides all
//! agree on one order of writes, as with last-write-wins: see [`crate::causal`] for the definition, the search for a
//! violation, and what counts.
//!
//! Linearizability implies it, and it implies what the session guarantees promise of values: see
//! [`super::sessions_from_values`].

use super::{age::Ages, repeats};
use crate::{
    causal::{self, Level, Names, RegisterSessions, TxnId, Violation},
    evidence::{Context, Finding, Tally, Words},
    history::{History, Op, VersionId},
};

/// Finds sets of ops, over all keys, that no causal order explains in which writes of a key come as their versions say.
///
/// Tested are the ok reads, and the writes whose versions tell their places. A value of which several versions were
/// reported has none.
pub fn causal(history: &History, context: &Context) -> Finding {
    let mut sessions = causal::from_history(history);
    let ordered = order_by_version(history, &mut sessions);
    judge(history, context, &sessions, ordered)
}

/// Finds sets of ops, over all keys, that no causal order explains, whatever the order of concurrent writes.
///
/// Tested are the ok reads.
pub fn causal_from_values(history: &History, context: &Context) -> Finding {
    judge(history, context, &causal::from_history(history), 0)
}

fn judge(history: &History, context: &Context, sessions: &RegisterSessions<'_>, ordered: u64) -> Finding {
    let verdict = causal::check(&sessions.sessions, Level::Causal);
    let mut tally = Tally::new();
    for key in &sessions.left_out {
        tally.doubt(history, *key, &repeats::doubt(history, *key).unwrap_or_default());
    }
    tally.test(verdict.tested + ordered);
    if let Some(violation) = verdict.violation {
        let ops = violation.txns().into_iter().map(|txn| sessions.op(txn));
        tally.violate(ops.collect(), violation);
        for _ in 1..verdict.count {
            tally.violate_again();
        }
    }
    let finding = tally.finish(history, context, |words, violation, _| tell(words, sessions, violation));
    Finding {
        unknown: finding.unknown.or(verdict.unknown),
        ..finding
    }
}

/// Takes the order of versions for known, and returns how many writes have a place in it.
fn order_by_version(history: &History, sessions: &mut RegisterSessions<'_>) -> u64 {
    let ages = Ages::new(history);
    let version = |op: &Op| -> Option<VersionId> {
        let least = ages.least_version(op.value);
        least.filter(|_| least == ages.greatest_version(op.value))
    };
    let writes = sessions.txns().filter(|(_, op)| op.action.is_write());
    let mut writes: Vec<_> = writes
        .filter_map(|(txn, op)| Some((op.key, version(op)?, txn)))
        .collect();
    writes.sort_unstable();
    for pair in writes.windows(2) {
        let [(key, version, first), (next_key, next_version, then)] = [pair[0], pair[1]];
        if key == next_key && version < next_version {
            sessions.sessions.order(first, then);
        }
    }
    writes.len() as u64
}

fn tell<'h>(words: Words<'h>, sessions: &RegisterSessions<'h>, violation: &Violation) -> String {
    if let Violation::ThinAirRead { reader, .. } = violation {
        return format!("{}, which nobody wrote.", words.return_of(sessions.op(*reader)));
    }
    violation.tell(&OpNames { words, sessions })
}

struct OpNames<'a, 'h> {
    words: Words<'h>,
    sessions: &'a RegisterSessions<'h>,
}

impl Names for OpNames<'_, '_> {
    fn txn(&self, txn: TxnId) -> String {
        let op = self.sessions.op(txn);
        format!("{} {}", self.words.op(op), self.words.span(op))
    }

    fn key(&self, key: u64) -> String {
        let mut keys = self.words.history.keys();
        keys.find(|it| it.index() as u64 == key)
            .map(|key| self.words.history.key(key).to_owned())
            .unwrap_or_default()
    }

    fn value(&self, key: u64, value: Option<u64>) -> String {
        let mut ops = self.sessions.txns().map(|(_, op)| op);
        let of_value = ops.find(|op| op.key.index() as u64 == key && Some(op.value.index() as u64) == value);
        of_value.map_or("nothing".to_owned(), |op| self.words.value(op.value))
    }

    fn known(&self, first: TxnId, then: TxnId) -> String {
        let version = |txn| {
            let value = self.sessions.op(txn).value;
            let ages = Ages::new(self.words.history);
            ages.least_version(value).map(|version| self.words.version(version))
        };
        let [first, then] = [first, then].map(|txn| version(txn).unwrap_or_default());
        format!("as their versions {first} and {then} say")
    }
}
