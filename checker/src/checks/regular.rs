//! Regular registers with several writers: weakly, each read for itself, and with one order of the writes for all.
//!
//! Lamport (*On Interprocess Communication*, part II, Distributed Computing 1986) calls a register of one writer regular
//! if a read returns the last value written before it or one being written meanwhile. Shao, Welch, Pierce and Lee
//! (*Multiwriter Consistency Conditions for Shared Memory Registers*, SIAM J. Computing 40, 2011) extend it to several
//! writers, by what orders of the writes the reads have to agree on. Here are two conditions:
//!
//! - **weakly regular**, their weakest: for each read there is an order of the writes and of that read, one that real
//!   time allows, in which it returns the last value written before it. Another read may have another order. That is so
//!   exactly if the read's value is of a possible write that began before the read ended, and no acknowledged write came
//!   wholly between the two: what `values_from_nowhere`, `failed_writes_visible` and `fresh_reads` say together.
//! - **regular**: one order of all the writes serves all reads, each of which has its place in it by its own real time.
//!   That is linearizability but for the order among reads, and at least what their write-order condition asks (that the
//!   orders of any two reads agree on the writes that began before either of them ended).
//!
//! In one order a comes before b exactly if one of these forces it, for reads come right after what they return:
//!
//! - a's write ended before b's write or a read of b began;
//! - a read of a ended before b's write began.
//!
//! So it exists exactly if what is forced has no cycle. With e and s the end and start of a value's write, f the first
//! end of its reads, and l the last start of any of its ops, a before b is `e(a) < l(b)` or `f(a) < s(b)`: a value may be
//! next if no other one left has its e before its l, nor its f before its s, and of those left only the least e and the
//! least f have to be known. Where none may be next, going from a value to the one of least e (or f) that has to come
//! before it ends among three: so every cycle that there is leads to one of at most three values. One that orders cannot
//! mend, yet each two of whose values can be ordered:
//!
//! ```text
//!   |------------------------ write 1 ------------------------|
//!     |- read: 1 -| |------ write 3 ------|                        1 before 3, as a read of it ended before
//!   |--- write 2 ---|                       |- read: 2 -|          3 before 2
//!                    |- read: 1 -|                                 2 before 1
//! ```
//!
//! A read of nothing of which it is not clear which delete it saw is judged for itself, and left out of the order; then
//! that there is one says less, and the key is in doubt.
//!
//! O(n log n) time and linear memory, a write of unknown outcome as one that never ends.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{clusters, fresh, phantoms, repeats};
use crate::{
    evidence::{Context, Finding, Tally, Words, ended_ns, seconds},
    history::{History, KeyId, Op, Position},
};

/// Finds reads that no order of the writes explains, be it for each read another.
///
/// Tested are the ok reads. One of nothing, of which it is not clear which delete it saw, is broken if it is whichever
/// it saw. O(n log n).
pub fn weakly_regular(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        if let Some(why) = repeats::doubt(history, key) {
            tally.doubt(history, key, &why);
        } else {
            check_reads(history, key, &mut tally);
        }
    }
    tally.finish(history, context, tell)
}

/// Finds reads that no order of the writes explains together.
///
/// Tested are the ok reads. A violation is a read that no order explains; or, of a
/// key without such, all of its reads together, which count as one. O(n log n).
pub fn regular(history: &History, context: &Context) -> Finding {
    let mut tally = Tally::new();
    for key in history.keys() {
        if !clusters::can_judge(history, key, &mut tally) || check_reads(history, key, &mut tally) {
            continue;
        }
        let ops = clusters::by_value(history, key);
        let values: Vec<Value> = ops.chunk_by(|a, b| a.value == b.value).map(Value::new).collect();
        if let Some(cycle) = pair(&values).or_else(|| knot(&values)) {
            tally.violate(cycle.ops(history), Violation::Cycle(cycle));
        }
    }
    tally.finish(history, context, tell)
}

enum Violation<'h> {
    Phantom(&'h Op),
    /// A read, and a write that it missed.
    Stale(&'h Op, &'h Op),
    Cycle(Cycle<'h>),
}

/// Judges each read of `key` for itself, and returns whether one was found broken.
fn check_reads<'h>(history: &'h History, key: KeyId, tally: &mut Tally<'h, Violation<'h>>) -> bool {
    let writes = fresh::newest_by_end(history, key);
    let mut is_broken = false;
    for read in history.ops_of(key).filter(|op| op.is_ok_read()) {
        tally.test(1);
        if !phantoms::is_known(history, read) {
            is_broken = true;
            tally.violate(phantoms::evidence(history, read), Violation::Phantom(read));
            continue;
        }
        let newest = fresh::newest_before(&writes, read);
        if let Some(newest) = newest.filter(|newest| clusters::seen_end(history, read) < newest.start) {
            is_broken = true;
            let returned = history.write_of(read.value);
            let ops = [read, newest].into_iter().chain(returned).collect();
            tally.violate(ops, Violation::Stale(read, newest));
        }
    }
    is_broken
}

/// A value by the ops that force its place.
#[derive(Clone, Copy)]
struct Value<'h> {
    /// None of nil, which was written before all.
    write: Option<&'h Op>,
    first_read_to_end: Option<&'h Op>,
    last_read_to_start: Option<&'h Op>,
}

impl<'h> Value<'h> {
    fn new(ops: &[&'h Op]) -> Self {
        let (write, reads) = match ops.split_first() {
            Some((first, rest)) if first.action.is_write() => (Some(*first), rest),
            _ => (None, ops),
        };
        Self {
            write,
            first_read_to_end: reads.iter().copied().min_by_key(|read| read.end),
            last_read_to_start: reads.last().copied(),
        }
    }

    fn write_start(&self) -> Position {
        self.write.map_or(Position::BEFORE_ALL, |write| write.start)
    }

    fn write_end(&self) -> Position {
        self.write.map_or(Position::BEFORE_ALL, |write| write.end)
    }

    fn first_read_end(&self) -> Position {
        self.first_read_to_end.map_or(Position::NEVER, |read| read.end)
    }

    fn last_read_start(&self) -> Position {
        self.last_read_to_start.map_or(Position::BEFORE_ALL, |read| read.start)
    }

    fn last_start(&self) -> Position {
        self.write_start().max(self.last_read_start())
    }

    fn low(&self) -> Position {
        self.write_end().min(self.last_start())
    }

    /// Returns why this value comes before `other`, if it has to.
    fn before(&self, other: &Self) -> Option<Forced<'h>> {
        let by_write = self.write_end() < other.last_start();
        let by_read = self.first_read_end() < other.write_start();
        let (first, then) = if by_write && self.write_end() < other.write_start() {
            (self.write, other.write)
        } else if by_write {
            (self.write, other.last_read_to_start)
        } else if by_read {
            (self.first_read_to_end, other.write)
        } else {
            return None;
        };
        Some(Forced { first, then: then? })
    }
}

/// That one value comes before another: an op of the one ended before one of the other began. Nil's write goes without
/// saying.
#[derive(Clone, Copy)]
struct Forced<'h> {
    first: Option<&'h Op>,
    then: &'h Op,
}

/// Values each of which comes before the next, and the last before the first.
struct Cycle<'h>(Vec<Forced<'h>>);

impl<'h> Cycle<'h> {
    fn of(values: &[&Value<'h>]) -> Option<Self> {
        let pairs = (0..values.len()).map(|at| (values[at], values[(at + 1) % values.len()]));
        pairs.map(|(a, b)| a.before(b)).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Returns the ops that force the cycle, and the writes of their values.
    fn ops(&self, history: &'h History) -> Vec<&'h Op> {
        let forcing = self
            .0
            .iter()
            .flat_map(|forced| [forced.first, Some(forced.then)])
            .flatten();
        forcing
            .flat_map(|op| [Some(op), history.write_of(op.value)])
            .flatten()
            .collect()
    }

    /// Of two cycles the one with fewer ops is the lesser, or else the one that is whole earlier.
    fn rank(&self) -> (usize, Position) {
        (
            self.0.len(),
            self.0
                .iter()
                .map(|forced| forced.then.start)
                .max()
                .unwrap_or(Position::NEVER),
        )
    }
}

/// Returns two values each of which has to come before the other, if there are two.
///
/// Such two are met where the time in which the one must have been in force, from the end of its write (or of its first
/// read) to the start of its last read, overlaps that of the other or holds its whole write.
fn pair<'h>(values: &[Value<'h>]) -> Option<Cycle<'h>> {
    let mut best: Option<Cycle> = None;
    let mut meet = |a: &Value<'h>, b: &Value<'h>| {
        let cycle = Cycle::of(&[a, b]);
        if let Some(cycle) = cycle.filter(|it| best.as_ref().is_none_or(|best| it.rank() < best.rank())) {
            best = Some(cycle);
        }
    };
    let mut zones: Vec<&Value> = values.iter().collect();
    zones.sort_unstable_by_key(|value| value.low());
    let mut furthest: Option<&Value> = None;
    for value in zones {
        if let Some(furthest) = furthest {
            meet(furthest, value);
        }
        let is_forward = value.write_end() < value.last_start();
        if is_forward && furthest.is_none_or(|it| it.last_start() < value.last_start()) {
            furthest = Some(value);
        }
    }

    let is_seen_long = |value: &&Value| value.first_read_end() < value.last_read_start();
    let mut seen: Vec<&Value> = values.iter().filter(is_seen_long).collect();
    seen.sort_unstable_by_key(|value| value.first_read_end());
    let mut seen = seen.into_iter().peekable();
    let mut written: Vec<&Value> = values.iter().filter(|value| value.write.is_some()).collect();
    written.sort_unstable_by_key(|value| value.write_start());
    let mut furthest: Option<&Value> = None;
    for value in written {
        while let Some(next) = seen.next_if(|it| it.first_read_end() < value.write_start()) {
            if furthest.is_none_or(|it| it.last_read_start() < next.last_read_start()) {
                furthest = Some(next);
            }
        }
        if let Some(furthest) = furthest {
            meet(furthest, value);
        }
    }
    best
}

/// Returns three values (or two) that can't be put in an order, if there are such.
fn knot<'h>(values: &[Value<'h>]) -> Option<Cycle<'h>> {
    let mut left = Left::new(values);
    let mut by_start: Vec<usize> = (0..values.len()).collect();
    by_start.sort_unstable_by_key(|&value| values[value].write_start());
    let mut by_start = by_start.into_iter().peekable();
    // Of those whose write may be next, the one whose last op began first.
    let mut ready = BinaryHeap::new();
    for _ in 0..values.len() {
        let first_read_end = left
            .least_read_end()
            .map_or(Position::NEVER, |it| values[it].first_read_end());
        while let Some(value) = by_start.next_if(|&it| values[it].write_start() < first_read_end) {
            ready.push(Reverse((values[value].last_start(), value)));
        }
        while ready.peek().is_some_and(|Reverse((_, value))| left.is_gone[*value]) {
            ready.pop();
        }
        let (least, second) = left.least_write_ends();
        let earliest = ready.peek().map(|Reverse((_, value))| *value);
        let candidates = [earliest, least.filter(|&it| values[it].write_start() < first_read_end)];
        let is_next = |value: &usize| {
            let other = if Some(*value) == least { second } else { least };
            other.is_none_or(|other| values[*value].last_start() < values[other].write_end())
        };
        match candidates.into_iter().flatten().find(is_next) {
            Some(next) => left.is_gone[next] = true,
            None => return Some(left.cycle(values)),
        }
    }
    None
}

/// The values without a place yet, by the two ends that force those after them.
struct Left {
    is_gone: Vec<bool>,
    by_write_end: Vec<usize>,
    /// Where in `by_write_end` the first two may be that are left.
    least: usize,
    second: usize,
    by_read_end: Vec<usize>,
    least_read: usize,
}

impl Left {
    fn new(values: &[Value<'_>]) -> Self {
        let all: Vec<usize> = (0..values.len()).collect();
        let (mut by_write_end, mut by_read_end) = (all.clone(), all);
        by_write_end.sort_unstable_by_key(|&value| values[value].write_end());
        by_read_end.sort_unstable_by_key(|&value| values[value].first_read_end());
        Self {
            is_gone: vec![false; values.len()],
            by_write_end,
            least: 0,
            second: 1,
            by_read_end,
            least_read: 0,
        }
    }

    fn least_read_end(&mut self) -> Option<usize> {
        self.least_read = skip(&self.by_read_end, self.least_read, &self.is_gone);
        self.by_read_end.get(self.least_read).copied()
    }

    fn least_write_ends(&mut self) -> (Option<usize>, Option<usize>) {
        self.least = skip(&self.by_write_end, self.least, &self.is_gone);
        self.second = skip(&self.by_write_end, self.second.max(self.least + 1), &self.is_gone);
        let value = |at: usize| self.by_write_end.get(at).copied();
        (value(self.least), value(self.second))
    }

    /// Returns a cycle among those left, each of which another one left has to come before.
    fn cycle<'h>(&mut self, values: &[Value<'h>]) -> Cycle<'h> {
        let (least, second) = self.least_write_ends();
        let sources = [least, second, self.least_read_end()];
        let before = |value: usize| {
            let mut others = sources.into_iter().flatten().filter(|&it| it != value);
            others.find(|&it| values[it].before(&values[value]).is_some())
        };
        let mut path = vec![least.expect("values are left where none may be next")];
        loop {
            let last = path[path.len() - 1];
            let next = before(last).expect("each value left has one left before it");
            if let Some(at) = path.iter().position(|&it| it == next) {
                // The path goes back in time.
                let around: Vec<&Value> = path[at..].iter().rev().map(|&it| &values[it]).collect();
                return Cycle::of(&around).expect("each comes before the next");
            }
            path.push(next);
        }
    }
}

fn skip(order: &[usize], from: usize, is_gone: &[bool]) -> usize {
    let gone = order[from.min(order.len())..]
        .iter()
        .take_while(|&&value| is_gone[value]);
    from + gone.count()
}

fn tell<'h>(words: Words<'h>, violation: &Violation<'h>, ops: &[&'h Op]) -> String {
    match violation {
        Violation::Phantom(read) => phantoms::tell(words, read),
        Violation::Stale(read, newest) => fresh::tell(words, read, newest),
        Violation::Cycle(Cycle(forced)) => {
            let reasons: Vec<String> = forced.iter().map(|forced| tell_forced(words, forced)).collect();
            let key = words.key(ops[0]);
            format!(
                "No one order of the writes to {key} explains all reads: {}.",
                reasons.join("; but ")
            )
        }
    }
}

fn tell_forced(words: Words<'_>, forced: &Forced<'_>) -> String {
    let then = words.op(forced.then);
    let Some(first) = forced.first else {
        return format!(
            "it held nothing only at first, before {}",
            words.value(forced.then.value)
        );
    };
    let (a, b) = (words.value(first.value), words.value(forced.then.value));
    let (ended, began) = (seconds(ended_ns(first)), seconds(forced.then.start_ns));
    let first = words.op(first);
    format!("{a} comes before {b}, because {first} ended at {ended}, before {then} began at {began}")
}
