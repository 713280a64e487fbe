//! Locks that clients acquire and release, by what is acquired when.
//!
//! Acquires and releases take turns, beginning with an acquire; who releases does not matter. All acquires are alike, and all
//! releases: so of those that may come next, the one that ends first can do so. If in some order another one does, exchange the
//! two: the one that ends later is moved to where the other was, which it can be, as all that began after its end began after the
//! other's as well. One of unknown outcome ends never, and is taken only if no other can come next: in an order that has it earlier,
//! the same exchange delays it. So the greedy order is an order if there is one: O(n log n) with a heap for each of the two functions.
//!
//! Where the greedy order fails, there is a window of time with too many of one function in it for those of the other that touch it: at least two
//! more, or one more for releases from the very beginning. The narrowest that ends there is the witness.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::Decision;
use crate::{
    evidence::{CallTally, CallWords, Context},
    history::Position,
    transcript::{Call, Transcript},
};

/// Decides whether `acquire` and `release` are of one linearizable lock, which is free at first and which anybody may
/// release.
///
/// Tested are all ok calls. Always applicable.
pub fn mutex(transcript: &Transcript, context: &Context) -> Decision {
    let possible = || transcript.calls().iter().filter(|call| call.is_possible());
    let is_known = |call: &&Call| matches!(&*call.function, "acquire" | "release");
    if let Some(call) = possible().find(|call| !is_known(call)) {
        return Decision::not_applicable(transcript, call, "does what is not known here");
    }
    let calls: Vec<&Call> = possible().collect();
    let mut tally = CallTally::new();
    tally.test(calls.iter().filter(|call| call.is_ok()).count() as u64);
    if let Err(stuck) = take_turns(&calls) {
        let window = window(&calls, &stuck);
        let evidence = window.evidence(&calls);
        tally.violate(transcript, context, evidence, |words, _| window.tell(words, &calls));
    }
    Decision::Decided(tally.finish())
}

fn is_acquire(call: &Call) -> bool {
    *call.function == *"acquire"
}

/// Who has to come next is of the one function, but all that can are of the other.
struct Stuck {
    needs_acquire: bool,
    /// When one of them ends at the latest.
    end: Position,
}

/// Finds an order in which acquires and releases take turns. `calls` are in order of their starts.
fn take_turns(calls: &[&Call]) -> Result<(), Stuck> {
    let mut by_end: Vec<usize> = (0..calls.len()).filter(|it| calls[*it].is_ok()).collect();
    by_end.sort_unstable_by_key(|it| calls[*it].end);
    let mut is_placed = vec![false; calls.len()];
    let mut acquires = BinaryHeap::new();
    let mut releases = BinaryHeap::new();
    let mut begun = calls.iter().enumerate().peekable();
    let mut needs_acquire = true;
    for next in by_end {
        // Others may have to come before this one can.
        while !is_placed[next] {
            let end = calls[next].end;
            while let Some((number, call)) = begun.next_if(|(_, call)| call.start < end) {
                let heap = if is_acquire(call) { &mut acquires } else { &mut releases };
                heap.push(Reverse((call.end, number)));
            }
            let heap = if needs_acquire { &mut acquires } else { &mut releases };
            let Some(Reverse((_, number))) = heap.pop() else {
                return Err(Stuck { needs_acquire, end });
            };
            is_placed[number] = true;
            needs_acquire = !needs_acquire;
        }
    }
    Ok(())
}

/// A span of time with too many calls of one function.
struct Window {
    has_many_acquires: bool,
    /// Nothing for the beginning.
    start: Option<Position>,
    end: Position,
}

/// Returns the narrowest window that ends where the order got stuck.
fn window(calls: &[&Call], stuck: &Stuck) -> Window {
    let (has_many_acquires, end) = (!stuck.needs_acquire, stuck.end);
    let is_of_many = |call: &Call| is_acquire(call) == has_many_acquires;
    let mut few: Vec<Position> = calls
        .iter()
        .filter(|call| !is_of_many(call) && call.start < end)
        .map(|call| call.end)
        .collect();
    few.sort_unstable_by_key(|end| Reverse(*end));
    let mut few = few.into_iter().peekable();
    let (mut many_count, mut few_count) = (0, 0);
    for call in calls.iter().rev().filter(|call| is_of_many(call) && call.end <= end) {
        many_count += 1;
        while few.next_if(|end| *end > call.start).is_some() {
            few_count += 1;
        }
        if many_count >= few_count + 2 {
            return Window {
                has_many_acquires,
                start: Some(call.start),
                end,
            };
        }
    }
    Window {
        has_many_acquires,
        start: None,
        end,
    }
}

impl Window {
    fn evidence<'t>(&self, calls: &[&'t Call]) -> Vec<&'t Call> {
        calls.iter().copied().filter(|call| self.has(call)).collect()
    }

    /// Returns whether the call lies within, or is one of the others and touches it.
    fn has(&self, call: &Call) -> bool {
        if self.is_of_many(call) {
            call.end <= self.end && self.start.is_none_or(|start| call.start >= start)
        } else {
            call.start < self.end && self.start.is_none_or(|start| call.end > start)
        }
    }

    fn is_of_many(&self, call: &Call) -> bool {
        is_acquire(call) == self.has_many_acquires
    }

    fn tell(&self, words: CallWords<'_>, calls: &[&Call]) -> String {
        let evidence = self.evidence(calls);
        let (many, few): (Vec<&Call>, Vec<&Call>) = evidence.iter().partition(|call| self.is_of_many(call));
        let (verb, other) = if self.has_many_acquires {
            ("acquired", "release")
        } else {
            ("released", "acquire")
        };
        let whole = |call: &Call| format!("{} {}", words.call(call), words.span(call));
        let others = match few.len() {
            0 => format!("no {other} can have come between"),
            1 => format!("only one {other} can have come between"),
            count => format!("only {count} {other}s can have come between"),
        };
        match (&many[..], self.start) {
            ([first, last], Some(_)) => {
                format!(
                    "The lock was {verb} twice, by {} and by {}, and {others}.",
                    whole(first),
                    whole(last)
                )
            }
            ([first], None) => format!(
                "The lock was {verb} by {}, and {others_before}.",
                whole(first),
                others_before = others.replace("between", "before")
            ),
            (_, Some(start)) => {
                let first = many.iter().find(|call| call.start == start);
                format!(
                    "The lock was {verb} {} times from {}, when {} began, to its end or that of others at {}, and {others}.",
                    many.len(),
                    first.map(|call| words.began(call)).unwrap_or_default(),
                    first.map(|call| words.call(call)).unwrap_or_default(),
                    many.iter()
                        .max_by_key(|call| call.end)
                        .map(|call| words.ended(call))
                        .unwrap_or_default()
                )
            }
            (_, None) => format!(
                "The lock, free at first, was {verb} {} times by {}, and {}.",
                many.len(),
                many.iter()
                    .max_by_key(|call| call.end)
                    .map(|call| words.ended(call))
                    .unwrap_or_default(),
                others.replace("between", "by then")
            ),
        }
    }
}
