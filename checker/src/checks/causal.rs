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
    causal::{self, Level, Names, RegisterSessions, TxnId, Violation, Why},
    evidence::{Context, Doubt, Finding, Tally, Words},
    history::{Action, History, KeyId, Op, ValueId, VersionId},
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
        let reports = reports(history, sessions, &violation);
        tally.violate(ops.chain(reports).collect(), violation);
        for _ in 1..verdict.count {
            tally.violate_again();
        }
    }
    let finding = tally.finish(history, context, |words, violation, _| tell(words, sessions, violation));
    Finding {
        unknown: finding.unknown.or(verdict.unknown.map(Doubt::from)),
        ..finding
    }
}

/// Returns the ops that report the versions by which writes of `violation` have their places, where those don't
/// themselves.
fn reports<'h>(history: &'h History, sessions: &RegisterSessions<'h>, violation: &Violation) -> Vec<&'h Op> {
    let Violation::Cycle { steps } = violation else {
        return Vec::new();
    };
    let known = steps.iter().filter(|step| step.why == Why::Known);
    let mut ops = known
        .flat_map(|step| [step.first, step.then])
        .map(|txn| sessions.op(txn))
        .peekable();
    if ops.peek().is_none() {
        return Vec::new();
    }
    let ages = Ages::new(history);
    let silent = ops.filter(|op| op.version.is_none());
    silent.filter_map(|op| ages.reporter(op.value)).collect()
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
    for of_key in writes.chunk_by(|a, b| a.0 == b.0) {
        // Of two with the same version neither has a place before the other.
        let is_alone = |at: usize| {
            let same = |other: Option<&(KeyId, VersionId, TxnId)>| other.is_some_and(|it| it.1 == of_key[at].1);
            !same(of_key.get(at + 1)) && (at == 0 || !same(of_key.get(at - 1)))
        };
        let placed = (0..of_key.len()).filter(|at| is_alone(*at)).map(|at| of_key[at].2);
        sessions.sessions.order(placed.collect());
    }
    writes.len() as u64
}

fn tell<'h>(words: Words<'h>, sessions: &RegisterSessions<'h>, violation: &Violation) -> String {
    if let Violation::ThinAirRead { reader, .. } = violation {
        return format!("{}, which nobody wrote.", words.return_of(sessions.op(*reader)));
    }
    let ages = Ages::new(words.history);
    violation.tell(&OpNames { words, sessions, ages })
}

struct OpNames<'a, 'h> {
    words: Words<'h>,
    sessions: &'a RegisterSessions<'h>,
    ages: Ages<'h>,
}

impl Names for OpNames<'_, '_> {
    fn txn(&self, txn: TxnId) -> String {
        let op = self.sessions.op(txn);
        let (through, span) = (self.words.through(op), self.words.span(op));
        format!("{}{through} {span}", self.txn_briefly(txn))
    }

    fn txn_briefly(&self, txn: TxnId) -> String {
        let op = self.sessions.op(txn);
        let (process, value, key) = (self.words.process(op), self.words.value(op.value), self.words.key(op));
        match op.action {
            Action::Delete => format!("{process}'s delete of {key}"),
            _ if op.action.is_write() => format!("{process}'s write of {value} to {key}"),
            _ => format!("{process}'s read of {value} from {key}"),
        }
    }

    fn key(&self, key: u64) -> String {
        self.words.history.key(KeyId::new(key as usize)).to_owned()
    }

    fn value(&self, _: u64, value: Option<u64>) -> String {
        value.map_or("nothing".to_owned(), |value| {
            self.words.value(ValueId::new(value as usize))
        })
    }

    fn known(&self, first: TxnId, then: TxnId) -> String {
        let version = |txn| {
            let value = self.sessions.op(txn).value;
            self.ages
                .least_version(value)
                .map(|version| self.words.version(version))
        };
        let [first, then] = [first, then].map(|txn| version(txn).unwrap_or_default());
        format!("as their versions {first} and {then} say")
    }
}
