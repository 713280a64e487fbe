//! k-atomic registers: reads that return one of the last k values written.
//!
//! Aiyer, Alvisi and Bazzi (*On the Availability of Non-strict Quorum Systems*, DISC 2005): a history is k-atomic if
//! there is an order of its ops that real time allows in which each read returns the value of one of the last k writes
//! before it. 1-atomic is linearizable. For which k a history is, is decided in part:
//!
//! - k = 1 exactly, by zones (`linearizable`);
//! - k = 2 exactly, as Golab, Hurwitz and Li do (*On the k-Atomicity-Verification Problem*, ICDCS 2013, section IV):
//!   only a handful of orders come into question ([`orders`]), and each is judged ([`schedule`]);
//! - k = 3 and above, of which no such way is known, by bounds: what no order can do ([`bounds`]), and what the best of
//!   some orders does. What lies between is unknown.
//!
//! All is decided chunk by chunk ([`chunk`]): a history is k-atomic exactly if each of its chunks is.
//!
//! Everything takes O(n log n) time and linear memory. The initial state counts as a write; a write of unknown outcome
//! that nobody read does not.

mod bounds;
mod chunk;
mod orders;
mod schedule;

use serde::Serialize;

use super::{clusters, phantoms, zones};
use crate::{
    evidence::{Context, Finding, Tally, Words, shrink},
    history::{History, KeyId, Op},
};
use chunk::Chunk;

/// Of so many chunks evidence is sought; those after are counted. Enough for a small one to be among them, and few
/// enough for the search, which costs several times what finding the violation did.
const EVIDENCE_COUNT_MAX: usize = 100;

/// Words name so many ops; of more, the rest is counted. A violation for k = 2 has 8 at most.
const TOLD_COUNT_MAX: usize = 12;

/// Finds keys that are not k-atomic registers.
///
/// Tested are the ok reads of which it is known what they saw, and the acknowledged writes of keys with such. A
/// violation is a read of what was not written by then, or a chunk of values that touch in time and have no order. For
/// k = 1 this is [`linearizable`](super::linearizable), and violations are counted as there. For k > 2 a key whose least
/// k may lie above or below is unknown, with the bounds.
///
/// # Panics
/// If `k` is 0: no read returns one of no values.
pub fn k_atomic(history: &History, context: &Context, k: u64) -> Finding {
    assert!(k > 0, "a read returns one of at least one value");
    if k == 1 {
        return zones::linearizable(history, context);
    }
    let mut tally = Tally::new();
    let mut evidence_count = 0;
    for key in history.keys() {
        if !clusters::can_judge(history, key, &mut tally) {
            continue;
        }
        let acked_count = history.ops_of(key).filter(|op| op.is_acked_write()).count();
        let mut read_count = 0;
        for read in clusters::clear_reads(history, key) {
            read_count += 1;
            tally.test(1);
            if !phantoms::is_known(history, read) {
                tally.violate(phantoms::evidence(history, read), Violation::Phantom(read));
            }
        }
        if read_count == 0 {
            continue;
        }
        tally.test(acked_count as u64);
        let mut unknown: Option<Bounds> = None;
        for chunk in chunk::chunks(&clusters::by_value(history, key)) {
            let bounds = Bounds::of(&chunk, k);
            if bounds.lower <= k {
                if bounds.upper > k {
                    unknown = Some(unknown.map_or(bounds, |known| known.and(bounds)));
                }
                continue;
            }
            evidence_count += 1;
            if evidence_count <= EVIDENCE_COUNT_MAX {
                tally.violate(evidence(&chunk, k), Violation::Chunk);
            } else {
                tally.violate_again();
            }
        }
        if let Some(Bounds { lower, upper }) = unknown {
            let why = format!("it is k-atomic for some k from {lower} to {upper}; whether for {k} is not known");
            tally.doubt(history, key, &why);
        }
    }
    tally.finish(history, context, |words, violation, ops| match violation {
        Violation::Phantom(read) => phantoms::tell(words, read),
        Violation::Chunk => tell(words, k, ops),
    })
}

/// For which k a history is k-atomic, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Atomicity {
    /// It is not for any lesser k.
    pub lower: u64,
    /// It is for this k and every greater one. None if it is for no k at all, as a read returned what was not written by
    /// then.
    pub upper: Option<u64>,
    /// How many keys could be judged.
    pub keys: u64,
    /// Why keys were left out, or reads of them.
    pub unknown: Option<String>,
}

/// Returns the least k for which `history` is k-atomic, between bounds. They are the same where that k is 1 or 2, and
/// often else; of a history without a read that can be judged both are 1.
pub fn atomicity(history: &History) -> Atomicity {
    let mut tally: Tally<'_, ()> = Tally::new();
    let mut all = Bounds { lower: 1, upper: 1 };
    let mut is_possible = true;
    let mut keys = 0;
    for key in history.keys() {
        if clusters::can_judge(history, key, &mut tally) {
            keys += 1;
            all = all.and(least_k(history, key));
            is_possible &= clusters::clear_reads(history, key).all(|read| phantoms::is_known(history, read));
        }
    }
    let finding = tally.finish(history, &Context::default(), |_, (), _| String::new());
    Atomicity {
        lower: all.lower,
        upper: is_possible.then_some(all.upper),
        keys,
        unknown: finding.unknown,
    }
}

/// Returns bounds of the least k for which `key` is k-atomic, but for its reads of what was not written by then.
fn least_k(history: &History, key: KeyId) -> Bounds {
    let chunks = chunk::chunks(&clusters::by_value(history, key));
    let one = Bounds { lower: 1, upper: 1 };
    chunks
        .iter()
        .fold(one, |all, chunk| all.and(Bounds::of(chunk, u64::MAX)))
}

enum Violation<'h> {
    /// A read of what was not written when it ended.
    Phantom(&'h Op),
    /// Values that touch in time and have no order.
    Chunk,
}

/// Between what the least k of a part of a history lies.
#[derive(Clone, Copy)]
struct Bounds {
    lower: u64,
    upper: u64,
}

impl Bounds {
    /// Returns bounds for `chunk`. No upper bound is sought where the lower is above `k`: it is then the greatest number
    /// that there is, unless another is known.
    fn of(chunk: &Chunk<'_>, k: u64) -> Self {
        if chunk.clusters.len() == 1 {
            return Self { lower: 1, upper: 1 };
        } else if orders::is_two_atomic(chunk) {
            return Self { lower: 2, upper: 2 };
        }
        let lower = bounds::lower(chunk).max(3);
        let upper = if lower > k { u64::MAX } else { bounds::upper(chunk) };
        assert!(lower <= upper, "what an order does is not impossible");
        Self { lower, upper }
    }

    /// Returns the bounds of two parts together.
    fn and(self, other: Self) -> Self {
        Self {
            lower: self.lower.max(other.lower),
            upper: self.upper.max(other.upper),
        }
    }
}

/// Returns the fewest ops of `chunk` that are not k-atomic, as far as that shows.
fn evidence<'h>(chunk: &Chunk<'h>, k: u64) -> Vec<&'h Op> {
    let mut ops: Vec<&Op> = chunk.ops().collect();
    ops.sort_unstable_by_key(|op| op.start);
    shrink(ops, |ops| {
        let mut ops = ops.to_vec();
        ops.sort_unstable_by_key(|op| (op.value, !op.action.is_write(), op.start));
        // Without its write a read would break the claim too, but for another reason.
        let values = ops.chunk_by(|a, b| a.value == b.value);
        let is_whole = |of_value: &&[&Op]| of_value[0].action.is_write() || of_value[0].value.is_nil();
        let whole: Vec<&Op> = values.filter(is_whole).flatten().copied().collect();
        chunk::chunks(&whole).iter().any(|chunk| Bounds::of(chunk, k).lower > k)
    })
}

fn tell(words: Words<'_>, k: u64, ops: &[&Op]) -> String {
    let key = words.key(ops[0]);
    let told: Vec<String> = ops
        .iter()
        .take(TOLD_COUNT_MAX)
        .map(|op| format!("{} {}", words.op(op), words.span(op)))
        .collect();
    let rest = match ops.len().saturating_sub(TOLD_COUNT_MAX) {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    let told = told.join(", ");
    format!(
        "No order of the operations on {key} lets each read return one of the last {k} values written before it: \
         {told}{rest}."
    )
}
