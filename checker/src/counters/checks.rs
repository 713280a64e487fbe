//! The checks of counters.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{Bounds, Counter, Increment, Sum, number};
use crate::{
    checks::{self, looks},
    evidence::{Context, Finding, Tally, Words},
    history::{History, KeyId, Op, Phase, ProcessId},
};

/// How many increments a witness shows, the greatest of them. All that a number is made of may be very many.
const WITNESS_INCREMENTS_MAX: usize = 32;

/// For how many violations of a key evidence is gathered, which takes time in the number of its increments.
const EVIDENCE_MAX: usize = 16;

/// Finds reads that returned less than the least or more than the greatest number that they may.
///
/// Tested are all ok reads.
pub fn fresh_reads(history: &History, context: &Context) -> Finding {
    check(history, context, Surely::Acked, client_reads)
}

/// Finds final looks at replicas that saw less than the least or more than the greatest number that they may: all that
/// was acknowledged counts, what is unknown may, and what failed does not.
///
/// Tested are the last final looks at each replica. A key that was incremented and not looked at is unknown.
pub fn exact(history: &History, context: &Context) -> Finding {
    let looks = |history, key| {
        let looks = looks::last(history, key, Phase::Final).into_iter();
        looks.map(|look| &look.op).collect()
    };
    check_all(history, context, Surely::Acked, looks, |key, looks: &[&Op]| {
        let is_missing = looks.is_empty() && history.ops_of(key).any(Op::is_acked_write);
        is_missing.then_some("an increment was acknowledged, and no replica was looked at in the end")
    })
}

/// Finds reads, and looks at replicas, that returned what no part of the increments begun by then can make: more than
/// all positive ones, or less than all negative ones.
///
/// Tested are all ok reads and all looks.
pub fn values_from_nowhere(history: &History, context: &Context) -> Finding {
    check(history, context, Surely::Nothing, |history, key| {
        let looks = history.observations_of(key).map(|look| &look.op);
        client_reads(history, key).into_iter().chain(looks).collect()
    })
}

/// Finds reads that returned what they can't, had their session's own acknowledged increments counted.
///
/// Tested are the ok reads of sessions that had an increment acknowledged.
pub fn read_your_writes(history: &History, context: &Context) -> Finding {
    check(history, context, Surely::Own, |history, key| {
        let mut has_written = BTreeSet::new();
        let mut reads = Vec::new();
        for op in history.ops_of(key) {
            if op.is_acked_write() {
                has_written.insert(op.process);
            } else if op.is_ok_read() && has_written.contains(&op.process) {
                reads.push(op);
            }
        }
        reads
    })
}

/// Finds keys whose replicas hold different numbers at their final looks.
///
/// Tested are the keys that were looked at on two replicas or more.
pub fn converged(history: &History, context: &Context) -> Finding {
    checks::converged_as(history, context, |a, b| {
        let number = |op: &Op| number(history, op).ok();
        number(&a.op) != number(&b.op) || number(&a.op).is_none() && a.op.value != b.op.value
    })
}

/// Which increments surely count in a read.
#[derive(Clone, Copy)]
enum Surely {
    Nothing,
    /// Those of its session that had been acknowledged when it began.
    Own,
    /// Those that had been acknowledged when it began.
    Acked,
}

impl Surely {
    fn counts(self, increment: &Op, read: &Op) -> bool {
        let is_acked = increment.is_acked_write() && increment.end < read.start;
        match self {
            Self::Nothing => false,
            Self::Own => is_acked && increment.process == read.process,
            Self::Acked => is_acked,
        }
    }
}

/// A read out of bounds.
struct Miss<'h> {
    read: &'h Op,
    number: i128,
    bounds: Bounds,
}

fn client_reads(history: &History, key: KeyId) -> Vec<&Op> {
    history.ops_of(key).filter(|op| op.is_ok_read()).collect()
}

fn check<'h>(
    history: &'h History,
    context: &Context,
    surely: Surely,
    reads: impl Fn(&'h History, KeyId) -> Vec<&'h Op>,
) -> Finding {
    check_all(history, context, surely, reads, |_, _| None)
}

/// Checks every key; `missing` says why the reads of one are not all there should be.
fn check_all<'h>(
    history: &'h History,
    context: &Context,
    surely: Surely,
    reads: impl Fn(&'h History, KeyId) -> Vec<&'h Op>,
    missing: impl Fn(KeyId, &[&'h Op]) -> Option<&'static str>,
) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        let counter = match Counter::new(history, key) {
            Ok(counter) => counter,
            Err(why) => {
                tally.doubt(history, key, &why);
                continue;
            }
        };
        let reads = reads(history, key);
        if let Err(why) = check_key(history, &counter, surely, &reads, &mut tally) {
            tally.doubt(history, key, &why);
        } else if let Some(why) = missing(key, &reads) {
            tally.doubt(history, key, why);
        }
    }
    tally.finish(history, context, |words, miss, _| tell(words, surely, miss))
}

fn check_key<'h>(
    history: &'h History,
    counter: &Counter<'h>,
    surely: Surely,
    reads: &[&'h Op],
    tally: &mut Tally<'h, Miss<'h>>,
) -> Result<(), String> {
    let mut own = OwnSums::default();
    let mut evidence_count = 0;
    let mut result = Ok(());
    for read in reads {
        let number = match number(history, read) {
            Ok(number) => number,
            Err(why) => {
                result = Err(why);
                continue;
            }
        };
        let counted = match surely {
            Surely::Nothing => Sum::default(),
            Surely::Own => own.acked(counter, read),
            Surely::Acked => counter.acked(read),
        };
        let bounds = Bounds::new(counted, counter.begun(read));
        tally.test(1);
        if bounds.contains(number) {
            continue;
        }
        if evidence_count < EVIDENCE_MAX {
            let miss = Miss { read, number, bounds };
            tally.violate(evidence(counter, surely, &miss), miss);
            evidence_count += 1;
        } else {
            tally.violate_again();
        }
    }
    result
}

/// What each session has had acknowledged, while reads pass in order of invocation.
#[derive(Default)]
struct OwnSums {
    next: usize,
    by_process: BTreeMap<ProcessId, Sum>,
}

impl OwnSums {
    /// Returns the sum of those of the session of `read`, which is invoked after those asked for before. A session's
    /// ops follow each other, so what it invoked before the read had ended then.
    fn acked(&mut self, counter: &Counter<'_>, read: &Op) -> Sum {
        while let Some(increment) = counter.increments.get(self.next).filter(|it| it.op.start < read.start) {
            if increment.op.is_acked_write() {
                self.by_process
                    .entry(increment.op.process)
                    .or_default()
                    .add(increment.delta);
            }
            self.next += 1;
        }
        self.by_process.get(&read.process).copied().unwrap_or_default()
    }
}

/// Returns the read with the greatest increments that count against it: for a number too low the positive ones that
/// surely count, for one too high the negative ones; as few as break the claim without the rest of the history, and at
/// most [`WITNESS_INCREMENTS_MAX`].
fn evidence<'h>(counter: &Counter<'h>, surely: Surely, miss: &Miss<'h>) -> Vec<&'h Op> {
    let is_low = miss.number < miss.bounds.least;
    let is_against = |it: &&Increment| (it.delta > 0) == is_low && surely.counts(it.op, miss.read);
    let mut against: Vec<&Increment> = counter.increments.iter().filter(is_against).collect();
    against.sort_by_key(|it| (-it.delta.abs(), it.op.start));
    let mut sum = 0;
    let is_needed = |it: &&&Increment| {
        let is_broken = if is_low { miss.number < sum } else { miss.number > sum };
        sum += it.delta;
        !is_broken
    };
    let needed = against.iter().take_while(is_needed).take(WITNESS_INCREMENTS_MAX);
    needed.map(|it| it.op).chain([miss.read]).collect()
}

fn tell(words: Words<'_>, surely: Surely, miss: &Miss<'_>) -> String {
    let Miss { read, number, bounds } = miss;
    let returned = words.return_of(read);
    let (bound, sign) = if *number < bounds.least {
        (format!("at least {}", bounds.least), "negative")
    } else {
        (format!("at most {}", bounds.greatest), "positive")
    };
    let counted = match surely {
        Surely::Nothing => format!("all {sign} increments begun before it ended"),
        Surely::Own => format!("its own acknowledged increments, and every {sign} one begun before it ended,"),
        Surely::Acked => {
            format!("the increments acknowledged before it began, and every {sign} one begun before it ended,")
        }
    };
    format!("{returned}, although {counted} make {bound}.")
}
