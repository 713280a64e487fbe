//! Locks that clients acquire and release, by what is acquired when.
//!
//! Acquires and releases take turns, beginning with an acquire; who releases does not matter. All acquires are alike, and all
//! releases: so of those that may come next, the one that ends first can do so. If in some order another one does, exchange the
//! two: the one that ends later is moved to where the other was, which it can be, as all that began after its end began after the
//! other's as well. One of unknown outcome ends never, and is taken only if no other can come next: in an order that has it earlier,
//! the same exchange delays it. So the greedy order is an order if there is one: O(n log n) with a heap for each of the two functions.
//!
//! Where the greedy order fails, there is a window of time with too many calls of one function in it for those of the other that touch
//! it: at least two more, or one more for releases from the very beginning. Any such window is a proof. The one that ends where the order got
//! stuck can be wide where much is concurrent, so the least among those that end soon after is the witness.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::Decision;
use crate::{
    evidence::{CallTally, CallWords, Context},
    history::Position,
    transcript::{Call, Transcript},
};

/// How many windows are looked at for a small one, and how many calls back: enough for what some hundred clients do at once.
const WINDOW_COUNT_MAX: usize = 1_000;
const WINDOW_LENGTH_MAX: usize = 1_000;

/// Decides whether `acquire` and `release` are of one linearizable lock, which is free at first and which anybody may
/// release.
///
/// Tested are all ok calls. Always applicable.
pub fn mutex(transcript: &Transcript, context: &Context) -> Decision {
    let possible = || transcript.calls().iter().filter(|call| call.is_possible());
    let is_known = |call: &&Call| matches!(&*call.function, "acquire" | "release");
    if let Some(call) = possible().find(|call| !is_known(call)) {
        return Decision::not_applicable(transcript, call, "is no function of this object");
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

/// Returns the least window with too many that ends where the order got stuck, or is found near by.
fn window(calls: &[&Call], stuck: &Stuck) -> Window {
    let has_many_acquires = !stuck.needs_acquire;
    let (many, few): (Vec<&Call>, Vec<&Call>) = calls.iter().partition(|call| is_acquire(call) == has_many_acquires);
    let mut few_ends: Vec<Position> = few.iter().map(|call| call.end).collect();
    few_ends.sort_unstable();
    let least = |end: Position, length_max: usize| {
        let begun = few.partition_point(|call| call.start < end);
        let within = many[..many.partition_point(|call| call.start < end)].iter().rev();
        let mut many_count = 0;
        for call in within.take(length_max).filter(|call| call.end <= end) {
            many_count += 1;
            // Who ended before began before: what is left touches.
            let few_count = begun - few_ends.partition_point(|end| *end < call.start);
            if many_count >= few_count + 2 {
                return Some((many_count + few_count, call.start));
            }
        }
        None
    };
    let ended = many.iter().filter(|call| call.is_ok() && call.end >= stuck.end);
    let mut ends: Vec<Position> = ended.map(|call| call.end).collect();
    ends.sort_unstable();
    let near = ends.iter().take(WINDOW_COUNT_MAX);
    let found = near.filter_map(|end| least(*end, WINDOW_LENGTH_MAX).map(|(count, start)| (count, start, *end)));
    let (start, end) = match found.min() {
        Some((_, start, end)) => (Some(start), end),
        None => (least(stuck.end, many.len()).map(|(_, start)| start), stuck.end),
    };
    Window {
        has_many_acquires,
        start,
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
        let last = many.iter().max_by_key(|call| call.end).expect("a window is of many");
        match (&many[..], self.start) {
            ([first, last], Some(_)) => {
                format!(
                    "The lock was {verb} twice, by {} and by {}, and {others}.",
                    whole(first),
                    whole(last)
                )
            }
            ([only], None) => format!(
                "The lock, free at first, was {verb} by {}, and {}.",
                whole(only),
                others.replace("between", "before")
            ),
            ([first, ..], Some(_)) => format!(
                "The lock was {verb} {} times between {}, when {} began, and {}, when {} ended, and {others}.",
                many.len(),
                words.began(first),
                words.call(first),
                words.ended(last),
                words.call(last)
            ),
            (_, _) => format!(
                "The lock, free at first, was {verb} {} times by {}, when {} ended, and {}.",
                many.len(),
                words.ended(last),
                words.call(last),
                others.replace("between", "before")
            ),
        }
    }
}
