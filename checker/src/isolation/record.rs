//! Transactions as calls again, for what shows or keeps some of them.

use super::txns::{Origin, Step, Txns, What};
use crate::{
    datum::Datum,
    history::{EventKind, Outcome},
    transcript::{Entry, Transcript, TranscriptBuilder},
};

impl Txns {
    /// Returns the transactions whose invocations have indices that are wanted, as a transcript.
    pub fn transcript(&self, wants: impl Fn(u64) -> bool) -> Transcript {
        let mut entries = Vec::new();
        for txn in self.numbers().filter(|txn| wants(self.origins[*txn as usize].index)) {
            let origin = &self.origins[txn as usize];
            let outcome = self.txn(txn).outcome;
            let time = |time_ns: u64| Some(time_ns).filter(|time_ns| *time_ns != Origin::UNKNOWN);
            let entry = |kind, index, time_ns, value| Entry {
                index: Some(index),
                time_ns: time(time_ns),
                process: Some(self.processes[self.txn(txn).session as usize].clone()),
                ..Entry::new(kind, "txn", value)
            };
            let asked = self.asked(txn);
            if self.txn(txn).start > 0 {
                entries.push(entry(EventKind::Invoke, origin.index, origin.start_ns, asked.clone()));
            }
            if origin.completion_index != Origin::UNKNOWN {
                let (kind, value) = match outcome {
                    Outcome::Ok => (EventKind::Ok, self.datum(txn)),
                    Outcome::Fail => (EventKind::Fail, asked),
                    Outcome::Info => (EventKind::Info, asked),
                };
                entries.push(entry(kind, origin.completion_index, origin.end_ns, value));
            }
        }
        entries.sort_by_key(|entry| entry.index);
        let mut builder = TranscriptBuilder::new();
        for entry in entries {
            builder.push(entry).expect("entries of a transcript follow each other");
        }
        builder.finish()
    }

    /// Returns what a transaction was asked to do: what it did, without what it read.
    fn asked(&self, txn: u32) -> Datum {
        let asked = |step: &Step| {
            let datum = self.step_datum(step);
            match (step.what, &datum) {
                (What::Write(_), _) => datum,
                (_, Datum::List(items)) => Datum::list([items[0].clone(), items[1].clone(), Datum::Nil]),
                _ => unreachable!("a step is a list"),
            }
        };
        Datum::list(self.steps(txn).iter().map(asked))
    }
}
