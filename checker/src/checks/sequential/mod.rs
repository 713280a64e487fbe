//! Sequentially consistent registers: one order of all ops, of all keys, that keeps the order of each session.
//!
//! Lamport, *How to Make a Multiprocessor Computer That Correctly Executes Multiprocess Programs* (IEEE Transactions on
//! Computers C-28, 1979). Nothing is asked of real time, so a read may even return what was written later. Unlike
//! linearizability it is not local: keys each of which is sequentially consistent may not be so together. To decide it
//! is NP-complete even where it is known which write each read saw (Gibbons and Korach, *Testing Shared Memories*, SIAM
//! J. Computing 26, 1997, section 4), so part of the answers is "unknown":
//!
//! 1. A linearizable history is sequentially consistent, as the order of a session is one of real time; and that is
//!    quickly said ([`zones`](super::zones)).
//! 2. One order is tried: at each step what real time would have had first ([`search`]).
//! 3. What every order has to keep is followed to the end ([`saturation`]): sessions, reads after the writes that they
//!    saw, and for a read of w and another write v of the key, v before w if it is before the read, and the read before v
//!    if w is. A cycle is a violation.
//! 4. With all of that to keep, an order is searched for, and given up where the steps allowed are used up.
//!
//! Left out are writes of unknown outcome that nobody read, which may never have happened, and reads that don't tell
//! what they saw: of keys with a value written more than once, and of nothing where the key was deleted, unless its
//! version tells the delete. What is found without them is broken with them.

mod program;
mod saturation;
mod search;

use super::{phantoms, repeats, zones};
use crate::{
    evidence::{Context, Finding, Tally, Words, shrink},
    history::{Action, History, KeyId, Op, Position},
};
use program::Program;
use saturation::{Edge, Saturated, Why};
use search::Found;

/// Words name so many ops; of more, the rest is counted.
const TOLD_COUNT_MAX: usize = 12;

/// Of so many keys evidence is sought, where they are broken one by one.
const EVIDENCE_COUNT_MAX: usize = 16;

/// Finds whether there is no order of all ops that keeps that of each session and explains what was read.
///
/// Tested are the ok reads of which it is known what they saw. Violations are the reads of what nobody wrote, each by
/// itself, and the lack of an order of all others, which counts as one.
///
/// `step_count_max` is how many steps deciding may take, a step being an op put into an order, or its place among the
/// sessions found; a million ops of a store that is nearly linearizable take some ten million. The witness, if there is
/// one, may cost several times that. Memory goes with the number of ops times that of sessions, up to a limit above
/// which no more than an order that happens to be found is known.
pub fn sequential(history: &History, context: &Context, step_count_max: u64) -> Finding {
    let mut tally = Tally::new();
    let ops = taken(history, &mut tally);
    let test_count = ops.iter().filter(|op| op.is_ok_read()).count() as u64;
    tally.test(test_count);
    if test_count > 0 && zones::linearizable(history, &Context::default()).count > 0 {
        match decide(&ops, step_count_max) {
            Verdict::Sequential => {}
            Verdict::Unknown(why) => tally.doubt_whole(why),
            Verdict::Broken(is_broken) => {
                tally.violate(evidence(&ops, |ops| is_broken(ops, step_count_max)), Violation::NoOrder);
            }
        }
    }
    tally.finish(history, context, |words, violation, ops| match violation {
        Violation::Phantom(read) => phantoms::tell(words, read),
        Violation::NoOrder => tell(words, ops),
    })
}

enum Violation<'h> {
    /// A read of what nobody wrote.
    Phantom(&'h Op),
    /// Ops that have no order.
    NoOrder,
}

/// Returns the ops that have to have an order, session by session, and notes what is broken or in doubt by itself.
fn taken<'h>(history: &'h History, tally: &mut Tally<'h, Violation<'h>>) -> Vec<&'h Op> {
    let mut taken: Vec<&Op> = Vec::new();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
            continue;
        }
        if !take(history, key, &mut taken, tally) {
            tally.doubt(
                history,
                key,
                "of a read of nothing it is not clear which delete it saw, if any",
            );
        }
    }
    taken.sort_unstable_by_key(|op| (op.process, op.start));
    taken
}

/// Takes of the ops on `key` what can be judged, and returns whether that is all.
fn take<'h>(history: &'h History, key: KeyId, taken: &mut Vec<&'h Op>, tally: &mut Tally<'h, Violation<'h>>) -> bool {
    let is_delete = |op: &Op| op.action == Action::Delete && op.is_possible_write();
    let is_deleted = history.ops_of(key).any(is_delete);
    let mut is_all = true;
    for op in history.ops_of(key) {
        if op.is_possible_write() {
            taken.push(op);
        } else if op.is_ok_read() {
            let has_write = history.write_of(op.value).is_some();
            let is_initial = op.value.is_nil() && !is_deleted;
            if has_write || is_initial {
                taken.push(op);
            } else if history.is_nothing(op.value) {
                is_all = false;
            } else {
                tally.test(1);
                tally.violate(phantoms::evidence(history, op), Violation::Phantom(op));
            }
        }
    }
    is_all
}

/// Returns few of `ops` that are broken by themselves: of one key if there is a key whose ops are, of several such the
/// fewest.
fn evidence<'h>(ops: &[&'h Op], is_broken: impl Fn(&[&Op]) -> bool) -> Vec<&'h Op> {
    let mut by_key = ops.to_vec();
    by_key.sort_by_key(|op| op.key);
    let broken = by_key.chunk_by(|a, b| a.key == b.key).filter(|ops| is_broken(ops));
    let of_keys = broken
        .take(EVIDENCE_COUNT_MAX)
        .map(|ops| shrink(ops.to_vec(), &is_broken));
    of_keys
        .min_by_key(Vec::len)
        .unwrap_or_else(|| shrink(ops.to_vec(), is_broken))
}

enum Verdict {
    Sequential,
    /// There is no order, as this says of any part of the ops that shows it.
    Broken(fn(&[&Op], u64) -> bool),
    Unknown(String),
}

/// Decides whether `ops`, session by session, have an order.
fn decide(ops: &[&Op], step_count_max: u64) -> Verdict {
    let program = Program::new(ops);
    if search::guess(&program) {
        return Verdict::Sequential;
    }
    let mut steps = step_count_max;
    let mut edges = match saturation::saturate(&program, &mut steps) {
        Saturated::Cycle(_) => return Verdict::Broken(has_cycle),
        Saturated::Edges(edges) => edges,
        Saturated::OutOfSteps => {
            let why =
                "not decided whether all ops have an order that keeps those of sessions: the steps allowed were used";
            return Verdict::Unknown(format!("{why} up by what every order has to keep ({step_count_max})"));
        }
        Saturated::TooLarge { ops, sessions } => {
            return Verdict::Unknown(format!(
                "not decided whether all ops have an order that keeps those of sessions: {ops} ops in {sessions} sessions \
                 are too many to follow what every order has to keep"
            ));
        }
    };
    edges.sort_unstable_by_key(|edge| edge.first);
    match search::search(&program, &edges, &mut steps) {
        Found::Order => Verdict::Sequential,
        Found::NoOrder => Verdict::Broken(has_no_order),
        Found::OutOfSteps => Verdict::Unknown(format!(
            "not decided whether all ops have an order that keeps those of sessions: none was found in the steps allowed \
             ({step_count_max}), and nothing forbids one"
        )),
    }
}

fn has_cycle(ops: &[&Op], step_count_max: u64) -> bool {
    let mut steps = step_count_max;
    matches!(
        saturation::saturate(&Program::new(ops), &mut steps),
        Saturated::Cycle(_)
    )
}

fn has_no_order(ops: &[&Op], step_count_max: u64) -> bool {
    matches!(decide(ops, step_count_max), Verdict::Broken(_))
}

fn tell(words: Words<'_>, ops: &[&Op]) -> String {
    let mut by_session = ops.to_vec();
    by_session.sort_unstable_by_key(|op| (op.process, op.start));
    let begin = "No order of all operations that keeps that of each session explains what was read";
    let program = Program::new(&by_session);
    let mut steps = u64::MAX;
    let saturated = saturation::saturate(&program, &mut steps);
    let Saturated::Cycle(cycle) = saturated else {
        return format!("{begin}, as was found by trying all: {}.", list(words, ops));
    };
    let reasons: Vec<String> = cycle
        .iter()
        .take(TOLD_COUNT_MAX)
        .map(|edge| tell_edge(words, &program, edge))
        .collect();
    let told = cycle.iter().flat_map(|edge| edge.ops()).map(|at| program.op(at).start);
    let told: Vec<Position> = told.collect();
    let others: Vec<&Op> = by_session.into_iter().filter(|op| !told.contains(&op.start)).collect();
    let others = match others.len() {
        0 => String::new(),
        _ => format!(" That follows with {}.", list(words, &others)),
    };
    format!("{begin}: {}.{others}", reasons.join("; "))
}

/// As in `p1's write of 57 through n4 to k17, and p3's read of 41 through n2 from k17`.
fn list(words: Words<'_>, ops: &[&Op]) -> String {
    let mut told: Vec<String> = ops.iter().take(TOLD_COUNT_MAX).map(|op| tell_op(words, op)).collect();
    if ops.len() > TOLD_COUNT_MAX {
        told.push(format!("{} more", ops.len() - TOLD_COUNT_MAX));
    }
    match told.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{}, and {last}", rest.join(", ")),
        _ => told.join(""),
    }
}

fn tell_op(words: Words<'_>, op: &Op) -> String {
    let preposition = if op.action.is_write() { "to" } else { "from" };
    format!("{} {preposition} {}", words.op(op), words.key(op))
}

fn tell_edge(words: Words<'_>, program: &Program<'_>, edge: &Edge) -> String {
    let op = |at: u32| tell_op(words, program.op(at));
    let (first, then) = (op(edge.first), op(edge.then));
    match edge.why {
        Why::Session => format!("{first} comes before {then} in its session"),
        Why::ReadsFrom => format!("{first} comes before {then}, which saw it"),
        Why::Overwritten { read } => {
            format!(
                "{first} comes before {then}, as {} comes after the one and saw the other",
                op(read)
            )
        }
        Why::NotYet { write: Some(write) } => {
            format!(
                "{first} comes before {then}, as it saw {}, which comes before that",
                op(write)
            )
        }
        Why::NotYet { write: None } => format!("{first} comes before {then}, as it saw nothing"),
    }
}
