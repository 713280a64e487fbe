//! Transactions as calls again, for what shows or keeps some of them.

use super::{
    origins::Origin,
    txns::{NONE, Step, Txns, What},
};
use crate::{
    datum::Datum,
    history::{EventKind, Outcome},
    transcript::{Entry, Transcript, TranscriptBuilder},
};

impl Txns {
    /// Returns the transactions whose invocations have indices that are wanted, as a transcript in which the others never were: what
    /// they wrote is in no read. So the order of those that are left is what it was, and nothing is read that nobody wrote who had.
    pub fn transcript(&self, wants: impl Fn(u64) -> bool) -> Transcript {
        let kept: Vec<u32> = self.numbers().filter(|txn| wants(self.origin(*txn).index)).collect();
        let mut entries = Vec::new();
        let is_left_out = self.left_out(&kept);
        for txn in kept {
            let origin = self.origin(txn);
            let outcome = self.txn(txn).outcome;
            let time = |time_ns: u64| Some(time_ns).filter(|time_ns| *time_ns != Origin::UNKNOWN);
            let entry = |kind, index, time_ns, value| Entry {
                index: Some(index),
                time_ns: time(time_ns),
                process: Some(self.processes[self.txn(txn).session as usize].clone()),
                ..Entry::new(kind, "txn", value)
            };
            let answered = self.answered(txn, &is_left_out);
            let asked = asked(&answered);
            if self.txn(txn).start > 0 {
                entries.push(entry(EventKind::Invoke, origin.index, origin.start_ns, asked.clone()));
            }
            if origin.completion_index != Origin::UNKNOWN {
                let (kind, value) = match outcome {
                    Outcome::Ok => (EventKind::Ok, answered),
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

    /// Returns, by element, whether only others than these transactions wrote it.
    fn left_out(&self, kept: &[u32]) -> Vec<bool> {
        let mut is_left_out = vec![false; self.elements.len()];
        let mut mark = |txn: u32, is_out: bool| {
            for step in self.steps(txn) {
                if let What::Write(element) = step.what() {
                    is_left_out[element as usize] = is_out;
                }
            }
        };
        self.numbers().for_each(|txn| mark(txn, true));
        kept.iter().for_each(|txn| mark(*txn, false));
        is_left_out
    }

    /// Returns what a transaction did, without what was left out.
    fn answered(&self, txn: u32, is_left_out: &[bool]) -> Datum {
        let is_in = |element: &u32| *element == NONE || !is_left_out[*element as usize];
        let step = |step: &Step| match step.what() {
            What::ReadList { list, length } => {
                let elements = self.read(list, length).iter().filter(|element| is_in(element));
                let values = elements.map(|element| self.value(*element).into_owned());
                let key = self.keys[step.key as usize].clone();
                Some(Datum::list([Datum::Keyword("r".into()), key, Datum::list(values)]))
            }
            What::ReadRegister(element) => is_in(&element).then(|| self.step_datum(step)),
            What::Write(_) => Some(self.step_datum(step)),
        };
        Datum::list(self.steps(txn).iter().filter_map(step))
    }
}

/// Returns what was asked by a transaction that did this: the same, without what it read.
fn asked(answered: &Datum) -> Datum {
    let step = |step: &Datum| match step.items() {
        Some([name, key, _]) if name.as_name() == Some("r") => Datum::list([name.clone(), key.clone(), Datum::Nil]),
        _ => step.clone(),
    };
    Datum::list(answered.items().unwrap_or_default().iter().map(step))
}
