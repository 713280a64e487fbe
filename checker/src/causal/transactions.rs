//! Transcripts of transactions on registers as sessions: `txn` with a value such as `[[:r 1 nil] [:w 2 5]]`, and single reads
//! and writes of keys.
//!
//! A session is a process, and its transactions are in the order in which they were begun. Failed ones did nothing. One of
//! unknown outcome counts exactly if somebody read what it wrote, and then for its writes alone. Transactions called `init` are
//! the initial state. Real time plays no part.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    check::check,
    sessions::{Access, Names, Sessions, TxnId},
    verdict::Level,
};
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context, Finding},
    transcript::{Call, Transcript},
};

/// The function of what a store holds before all transactions.
pub(crate) const INITIAL: &str = "init";

/// Finds sets of transactions that no order of commits explains as `level` wants it.
///
/// Tested are the reads. A transcript with anything else than reads and writes in it is unknown, as is one in which a key has a
/// value written to it twice, so that a read does not say which write it saw.
pub fn transactions(transcript: &Transcript, level: Level, context: &Context) -> Finding {
    let reading = match Reading::new(transcript) {
        Ok(reading) => reading,
        Err(why) => return Finding::unknown(why),
    };
    let verdict = check(&reading.sessions, level);
    let mut tally = CallTally::new();
    tally.test(verdict.tested.max(verdict.count));
    if let Some(violation) = &verdict.violation {
        let calls: Vec<&Call> = violation.txns().into_iter().map(|txn| reading.call(txn)).collect();
        let tell = |_: CallWords<'_>, _: &[&Call]| violation.tell(&reading);
        tally.violate(transcript, context, calls, tell);
        for _ in 1..verdict.count {
            tally.violate_again();
        }
    }
    if let Some(why) = verdict.unknown {
        tally.doubt(|| why);
    }
    tally.finish()
}

/// A read or write of a key, as a step of a transaction says it.
#[derive(Clone, Copy)]
struct Step<'t> {
    is_write: bool,
    key: &'t Datum,
    value: &'t Datum,
}

/// A transcript as sessions, and what their numbers stand for.
struct Reading<'t> {
    transcript: &'t Transcript,
    sessions: Sessions,
    keys: Numbers<&'t Datum>,
    values: Numbers<(u64, &'t Datum)>,
    /// By session, its calls.
    calls: Vec<Vec<&'t Call>>,
}

/// Things by numbers, in order of their appearance.
struct Numbers<T> {
    things: Vec<T>,
    numbers: FxHashMap<T, u64>,
}

impl<T: Copy + Eq + std::hash::Hash> Numbers<T> {
    fn new() -> Self {
        Self {
            things: Vec::new(),
            numbers: FxHashMap::default(),
        }
    }

    fn number(&mut self, thing: T) -> u64 {
        let things = &mut self.things;
        *self.numbers.entry(thing).or_insert_with(|| {
            things.push(thing);
            things.len() as u64 - 1
        })
    }
}

impl<'t> Reading<'t> {
    /// An error is why the transcript can't be judged.
    fn new(transcript: &'t Transcript) -> Result<Self, String> {
        let mut reading = Self {
            transcript,
            sessions: Sessions::new(),
            keys: Numbers::new(),
            values: Numbers::new(),
            calls: Vec::new(),
        };
        let mut txns: Vec<(&Call, Vec<Access>)> = Vec::new();
        let mut written = FxHashSet::default();
        let mut read = FxHashSet::default();
        for call in transcript.calls().iter().filter(|call| call.is_possible()) {
            let accesses = reading.accesses(call)?;
            for access in &accesses {
                match *access {
                    Access::Write { key, value } if !written.insert((key, value)) => {
                        let (key, value) = (reading.key(key), reading.value(key, Some(value)));
                        return Err(format!("index {}: {value} was written to {key} twice", call.index));
                    }
                    Access::Read {
                        key,
                        value: Some(value),
                    } => {
                        read.insert((key, value));
                    }
                    _ => {}
                }
            }
            txns.push((call, accesses));
        }
        let is_read =
            |access: &Access| matches!(access, Access::Write { key, value } if read.contains(&(*key, *value)));
        txns.retain(|(call, accesses)| call.is_ok() || accesses.iter().any(is_read));
        txns.sort_by_key(|(call, _)| call.process);
        for (call, accesses) in txns {
            reading.push(call, &accesses);
        }
        Ok(reading)
    }

    fn push(&mut self, call: &'t Call, accesses: &[Access]) {
        if *call.function == *INITIAL {
            for access in accesses {
                if let Access::Write { key, value } = *access {
                    self.sessions.initially(key, value);
                }
            }
            return;
        }
        let txn = self.sessions.push(call.process.index() as u64, accesses);
        if txn.index == 0 {
            self.calls.push(Vec::new());
        }
        self.calls[txn.session as usize].push(call);
    }

    /// Returns what `call` read and wrote; of one that may not have happened what it may have written.
    fn accesses(&mut self, call: &'t Call) -> Result<Vec<Access>, String> {
        let steps = steps(call).ok_or_else(|| {
            let function = &call.function;
            format!(
                "index {}: {function:?} is no transaction of reads and writes of registers",
                call.index
            )
        })?;
        let mut accesses = Vec::with_capacity(steps.len());
        for step in steps.into_iter().filter(|step| step.is_write || call.is_ok()) {
            let key = self.keys.number(step.key);
            accesses.push(match (step.is_write, step.value) {
                (true, Datum::Nil) => {
                    return Err(format!(
                        "index {}: nil was written, which is also the initial state",
                        call.index
                    ));
                }
                (true, value) => Access::write(key, self.values.number((key, value))),
                (false, Datum::Nil) => Access::read_nothing(key),
                (false, value) => Access::read(key, self.values.number((key, value))),
            });
        }
        Ok(accesses)
    }

    fn call(&self, txn: TxnId) -> &'t Call {
        self.calls[txn.session as usize][txn.index as usize]
    }
}

/// Returns the steps of `call`, if it is of steps.
fn steps(call: &Call) -> Option<Vec<Step<'_>>> {
    let said = if call.is_ok() && !call.answered.is_nil() {
        &call.answered
    } else {
        &call.asked
    };
    if let ("read" | "write", Some(key)) = (&*call.function, &call.key) {
        let is_write = *call.function == *"write";
        let value = if is_write { &call.asked } else { said };
        return Some(vec![Step { is_write, key, value }]);
    }
    let step = |item| match Datum::items(item)? {
        [name, key, value] => {
            let is_write = match name.as_name()? {
                "r" | "read" => false,
                "w" | "write" => true,
                _ => return None,
            };
            Some(Step { is_write, key, value })
        }
        _ => None,
    };
    said.items()?.iter().map(step).collect()
}

impl Names for Reading<'_> {
    fn txn(&self, txn: TxnId) -> String {
        let words = CallWords {
            transcript: self.transcript,
        };
        words.call(self.call(txn))
    }

    fn key(&self, key: u64) -> String {
        self.keys.things[key as usize].to_string()
    }

    fn value(&self, _: u64, value: Option<u64>) -> String {
        value.map_or("nothing".to_owned(), |value| {
            self.values.things[value as usize].1.to_string()
        })
    }
}
