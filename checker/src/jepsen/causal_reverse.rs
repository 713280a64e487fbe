//! Causal reverse: a read that sees a write, and misses one that had ended before that one began.
//!
//! Strict serializability rules it out; serializability alone does not (Jepsen's analysis of CockroachDB, 2017). What
//! a read has to see are the acknowledged writes that had ended before the last to begin of those that it saw. In
//! order of their ends they are the first so many of all; the read is right if it saw that many of them.

use serde::Serialize;

use super::{
    additions::{Added, Additions, Reading, Workload, reading},
    figures,
    report::{Part, Report, at},
};
use crate::{
    datum::Datum,
    evidence::{CallTally, Context},
    transcript::{Call, Transcript},
};

/// The figures of causal reverses, under Jepsen's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CausalReverseFigures {
    /// How many ok reads are wrong.
    pub error_count: u64,
    /// These in order of their ends, at most 48.
    pub errors: Vec<CausalReverseError>,
}

/// A wrong read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CausalReverseError {
    /// The index of its completion.
    pub index: Option<u64>,
    /// What it had to see and missed, in order.
    #[serde(serialize_with = "figures::data")]
    pub missing: Vec<Datum>,
    /// How many writes it had to see.
    pub expected_count: u64,
}

const BLIND_WRITES: Workload = Workload {
    name: "writes that are read together",
    add: "write",
};

/// How many wrong reads the figures describe, and evidence is looked for in. Each may miss all writes.
const ERRORS_MAX: usize = 48;

/// Judges blind writes (`write k`, `read -> keys`): `causal-reverse` is broken by ok reads that see a write and miss
/// one that had ended before it began. Tested are the ok reads that had to see any. Linear in what is read, but for
/// sorting.
pub fn causal_reverse(transcript: &Transcript, context: &Context) -> Report<CausalReverseFigures> {
    match Additions::new(transcript, &BLIND_WRITES) {
        Ok(additions) => judge(transcript, context, additions),
        Err(refusal) => Report::refused(&["causal-reverse"], &refusal),
    }
}

fn judge(transcript: &Transcript, context: &Context, mut additions: Additions<'_>) -> Report<CausalReverseFigures> {
    let mut tally = CallTally::new();
    let mut figures = CausalReverseFigures::default();
    if let Some(why) = additions.doubt.take() {
        tally.doubt(|| why);
    }
    let writes = Writes::new(&additions);
    // By write, the last read that saw it: its place among all, from 1.
    let mut stamps = vec![0; additions.added.len()];
    for (stamp, read) in (1..).zip(additions.reads.clone()) {
        let Some(newest) = see(&mut additions, read, stamp, &mut stamps, &mut tally) else {
            continue;
        };
        let expected = &writes.acked[..writes.ended_before(newest)];
        if expected.is_empty() {
            continue;
        }
        tally.test(1);
        let mut seen_count = 0;
        let mut missing = Vec::new();
        for item in read.items.unwrap_or_default() {
            let number = additions.elements.number(item);
            // A read may return one twice.
            if stamps.get(number) == Some(&stamp) {
                stamps[number] = stamp | COUNTED;
                seen_count += usize::from(writes.rank[number].is_some_and(|rank| rank < expected.len()));
            }
        }
        if seen_count == expected.len() {
            continue;
        }
        figures.error_count += 1;
        if figures.errors.len() == ERRORS_MAX {
            tally.violate_again();
            continue;
        }
        missing.extend(expected.iter().filter(|number| stamps[**number] != stamp | COUNTED));
        let first = additions.added[missing[0]];
        figures.errors.push(CausalReverseError {
            index: read.call.completion_index,
            missing: missing
                .iter()
                .map(|number| additions.elements.datum(*number).clone())
                .collect(),
            expected_count: expected.len() as u64,
        });
        violate(transcript, context, read.call, first, newest, &mut tally);
    }
    Report {
        parts: vec![Part::claimed("causal-reverse", tally.finish())],
        figures: Some(figures),
    }
}

/// Of a stamp: what bears it has been counted.
const COUNTED: u64 = 1 << 63;

/// Stamps what `read` saw, and returns the write among it that began last.
fn see<'t>(
    additions: &mut Additions<'t>,
    read: Reading<'t>,
    stamp: u64,
    stamps: &mut [u64],
    tally: &mut CallTally,
) -> Option<&'t Call> {
    let mut newest: Option<&Call> = None;
    for item in read.items? {
        let number = additions.elements.number(item);
        let Some(added) = additions.added.get(number).filter(|added| added.is_possible()) else {
            tally.doubt(|| at(read.call, "it sees a write that nobody made"));
            continue;
        };
        stamps[number] = stamp;
        if newest.is_none_or(|newest| added.first.start > newest.start) {
            newest = Some(added.first);
        }
    }
    newest
}

fn violate(
    transcript: &Transcript,
    context: &Context,
    read: &Call,
    missed: Added<'_>,
    newest: &Call,
    tally: &mut CallTally,
) {
    let missed = missed.acked.expect("what has to be seen was acknowledged");
    tally.violate(transcript, context, vec![missed, newest, read], |words, _| {
        format!(
            "{} sees {} and misses {}, although that had ended at {}, before the other began at {}.",
            reading(words, read),
            words.call(newest),
            words.call(missed),
            words.ended(missed),
            words.began(newest)
        )
    });
}

/// The acknowledged writes in order of their ends.
struct Writes {
    /// By their numbers.
    acked: Vec<usize>,
    ends: Vec<crate::history::Position>,
    /// By number, the place in `acked`.
    rank: Vec<Option<usize>>,
}

impl Writes {
    fn new(additions: &Additions<'_>) -> Self {
        let numbered = additions.added.iter().enumerate();
        let mut by_end: Vec<_> = numbered
            .filter_map(|(number, added)| Some((added.acked?.end, number)))
            .collect();
        by_end.sort_unstable();
        let mut rank = vec![None; additions.added.len()];
        for (place, (_, number)) in by_end.iter().enumerate() {
            rank[*number] = Some(place);
        }
        Self {
            acked: by_end.iter().map(|(_, number)| *number).collect(),
            ends: by_end.iter().map(|(end, _)| *end).collect(),
            rank,
        }
    }

    /// Returns how many had ended before `write` began.
    fn ended_before(&self, write: &Call) -> usize {
        self.ends.partition_point(|end| *end < write.start)
    }
}
