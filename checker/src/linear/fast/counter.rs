//! Counters whose adds are all by the same number.
//!
//! Then a read says after how many adds it comes, and before which next. What is before what in real time leaves each add a span
//! of places among the adds: after the place of every read that had ended when it began, and not after that of any read that
//! began when it had ended. An order exists exactly if reads don't contradict each other (one before the other, of more adds),
//! and if the adds can be given places, each in its span, so that none is left free below the highest read. To place units
//! with spans, always the one that is due first, is the textbook's schedule (Jackson 1955), and finds one if there is one. Of two adds
//! that follow each other in time, the first has no later span, and with ties by their ends it is placed first: so their own order
//! is kept as well.
//!
//! An add of unknown outcome is due never, and may be left over; it is used only where a place would stay free. A negative number
//! turns everything around; adds of 0 change nothing, and nil read is not known to be 0.
//!
//! Adds by different numbers make a subset-sum problem out of a single read, so these are left to a search.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::Decision;
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    history::Position,
    transcript::{Call, Transcript},
};

/// Decides whether `add n` and `read -> n` are of one linearizable counter, which is 0 at first.
///
/// Tested are all ok calls. Not applicable where adds are by different numbers, 0 apart, or a value is no integer of 64 bits.
pub fn counter(transcript: &Transcript, context: &Context) -> Decision {
    let counter = match Counter::read(transcript) {
        Ok(counter) => counter,
        Err(decision) => return *decision,
    };
    let mut tally = CallTally::new();
    tally.test(transcript.calls().iter().filter(|call| call.is_ok()).count() as u64);
    if let Err(conflict) = counter.place() {
        let calls = conflict.calls();
        tally.violate(transcript, context, calls, |words, _| counter.tell(words, &conflict));
    }
    Decision::Decided(tally.finish())
}

struct Counter<'t> {
    /// What each add adds; 1 if there are none.
    unit: i128,
    adds: Vec<&'t Call>,
    reads: Vec<Read<'t>>,
}

#[derive(Clone, Copy)]
struct Read<'t> {
    call: &'t Call,
    value: i128,
}

/// Which places an add may have among the adds, from 1.
#[derive(Clone, Copy)]
struct Places {
    first: u64,
    last: u64,
}

enum Conflict<'t> {
    /// No number of adds makes this.
    NoSum(Read<'t>),
    /// A read, and another after it, of fewer adds.
    Backwards(Read<'t>, Read<'t>),
    /// More than all adds begun by its end, which were so many.
    TooMuch(Read<'t>, usize),
    /// More adds lie between two reads, or before the second, than these say.
    TooLittle {
        before: Option<Read<'t>>,
        after: Read<'t>,
        adds: Vec<&'t Call>,
    },
}

impl<'t> Counter<'t> {
    fn read(transcript: &'t Transcript) -> Result<Self, Box<Decision>> {
        let not_applicable = |call: &Call, what: &str| Err(Box::new(Decision::not_applicable(transcript, call, what)));
        let mut this = Self {
            unit: 0,
            adds: Vec::new(),
            reads: Vec::new(),
        };
        let possible = transcript.calls().iter().filter(|call| call.is_possible());
        for call in possible {
            match (&*call.function, &call.asked, &call.answered) {
                ("add", Datum::Int(0), _) => {}
                ("add", Datum::Int(number), _) => {
                    let number = i128::from(*number);
                    if this.unit != 0 && this.unit != number {
                        return not_applicable(call, "adds another number than those before");
                    }
                    this.unit = number;
                    this.adds.push(call);
                }
                ("read", ..) if !call.is_ok() => {}
                ("read", _, Datum::Int(value)) => this.reads.push(Read {
                    call,
                    value: i128::from(*value),
                }),
                ("add" | "read", ..) => return not_applicable(call, "has a value that is no integer"),
                _ => return not_applicable(call, "is no function of this object"),
            }
        }
        if this.unit == 0 {
            this.unit = 1;
        }
        Ok(this)
    }

    /// Returns how many adds `read` counts, if that is a number.
    fn count(&self, read: &Read<'_>) -> Option<u64> {
        let is_whole = read.value % self.unit == 0;
        u64::try_from(read.value / self.unit).ok().filter(|_| is_whole)
    }

    fn place(&self) -> Result<(), Conflict<'t>> {
        let mut reads = Vec::with_capacity(self.reads.len());
        for read in &self.reads {
            reads.push((self.count(read).ok_or(Conflict::NoSum(*read))?, *read));
        }
        let by_end = running_most(&reads);
        let by_start = running_least(&reads);
        for (count, read) in &reads {
            if let Some((_, before)) = latest(&by_end, read.call.start).filter(|(most, _)| most > count) {
                return Err(Conflict::Backwards(before, *read));
            }
        }
        let Some(highest) = reads.iter().map(|(count, _)| *count).max() else {
            return Ok(());
        };
        let places = |add: &&Call| Places {
            first: latest(&by_end, add.start).map_or(0, |(most, _)| most) + 1,
            last: earliest(&by_start, add.end).map_or(u64::MAX, |(least, _)| least),
        };
        let places: Vec<Places> = self.adds.iter().map(places).collect();
        match schedule(&self.adds, &places, highest) {
            Ok(()) => Ok(()),
            Err(Failure::Free(place)) => {
                // Whoever counts that many ended before more adds began.
                let of_more = reads.iter().filter(|(count, _)| *count >= place);
                let (_, read) = of_more.min_by_key(|(_, read)| read.call.end).expect("the highest does");
                let begun = self.adds.iter().filter(|add| add.start < read.call.end).count();
                Err(Conflict::TooMuch(*read, begun))
            }
            Err(Failure::Crowded { after, until }) => {
                let before = reads.iter().filter(|(count, _)| after > 0 && *count >= after);
                let before = before.min_by_key(|(_, read)| read.call.end).copied();
                let next = reads.iter().filter(|(count, _)| *count <= until);
                let (least, next) = *next
                    .max_by_key(|(_, read)| read.call.start)
                    .expect("somebody bounds it");
                let spare = least - before.map_or(0, |(count, _)| count);
                let is_between = |add: &&&Call| {
                    let is_after = before.is_none_or(|(_, before)| before.call.precedes(add));
                    is_after && add.is_ok() && add.precedes(next.call)
                };
                let adds = self.adds.iter().filter(is_between).copied();
                Err(Conflict::TooLittle {
                    before: before.map(|(_, read)| read),
                    after: next,
                    adds: adds
                        .take(usize::try_from(spare).map_or(usize::MAX, |spare| spare + 1))
                        .collect(),
                })
            }
        }
    }

    fn tell(&self, words: CallWords<'_>, conflict: &Conflict<'_>) -> String {
        let whole = |read: &Read<'_>| {
            let call = read.call;
            let process = words.transcript.process(call.process);
            format!("{process} read {} {}", read.value, words.span(call))
        };
        let unit = self.unit;
        match conflict {
            Conflict::NoSum(read) => format!("{}, which no number of adds of {unit} makes.", whole(read)),
            Conflict::Backwards(before, after) => format!(
                "{}, and after it {}, although all adds are of {unit}.",
                whole(before),
                whole(after)
            ),
            Conflict::TooMuch(read, begun) => {
                let begun = match begun {
                    0 => format!("no add of {unit}"),
                    1 => format!("only one add of {unit}"),
                    count => format!("only {count} adds of {unit}"),
                };
                format!("{}, although {begun} had begun by its end.", whole(read))
            }
            Conflict::TooLittle { before, after, adds } => {
                let adds = match adds.len() {
                    1 => format!("an add of {unit}"),
                    count => format!("{count} adds of {unit}"),
                };
                match before {
                    None => format!("{}, although {adds} had ended before it began.", whole(after)),
                    Some(before) => format!(
                        "{}, and after it {}, although in between {adds} had begun and ended.",
                        whole(before),
                        whole(after)
                    ),
                }
            }
        }
    }
}

impl<'t> Conflict<'t> {
    fn calls(&self) -> Vec<&'t Call> {
        match self {
            Self::NoSum(read) | Self::TooMuch(read, _) => vec![read.call],
            Self::Backwards(before, after) => vec![before.call, after.call],
            Self::TooLittle { before, after, adds } => {
                let reads = before.iter().chain([after]).map(|read| read.call);
                reads.chain(adds.iter().copied()).collect()
            }
        }
    }
}

type Bound<'t> = (Position, u64, Read<'t>);

/// Returns, in order of their ends, the reads that count more than all before them.
fn running_most<'t>(reads: &[(u64, Read<'t>)]) -> Vec<Bound<'t>> {
    let mut bounds: Vec<Bound<'t>> = reads
        .iter()
        .map(|(count, read)| (read.call.end, *count, *read))
        .collect();
    bounds.sort_unstable_by_key(|(end, ..)| *end);
    let mut most = None;
    bounds.retain(|(_, count, _)| {
        let is_more = most.is_none_or(|most| *count > most);
        most = most.max(Some(*count));
        is_more
    });
    bounds
}

/// Returns, in order of their starts from the last on, the reads that count less than all that begin later.
fn running_least<'t>(reads: &[(u64, Read<'t>)]) -> Vec<Bound<'t>> {
    let mut bounds: Vec<Bound<'t>> = reads
        .iter()
        .map(|(count, read)| (read.call.start, *count, *read))
        .collect();
    bounds.sort_unstable_by_key(|(start, ..)| Reverse(*start));
    let mut least = u64::MAX;
    bounds.retain(|(_, count, _)| {
        let is_less = *count < least;
        least = least.min(*count);
        is_less
    });
    bounds
}

/// Returns the most that was counted by reads that had ended at `start`.
fn latest<'t>(by_end: &[Bound<'t>], start: Position) -> Option<(u64, Read<'t>)> {
    let ended = by_end.partition_point(|(end, ..)| *end < start);
    by_end[..ended].last().map(|(_, count, read)| (*count, *read))
}

/// Returns the least that was counted by reads that began after `end`.
fn earliest<'t>(by_start: &[Bound<'t>], end: Position) -> Option<(u64, Read<'t>)> {
    let begun = by_start.partition_point(|(start, ..)| *start > end);
    by_start[..begun].last().map(|(_, count, read)| (*count, *read))
}

enum Failure {
    /// No add can have this place.
    Free(u64),
    /// More adds than there are places have to be in those after the one and until the other.
    Crowded { after: u64, until: u64 },
}

/// Gives the places up to `highest` to adds, and no add a place out of its span.
fn schedule(adds: &[&Call], places: &[Places], highest: u64) -> Result<(), Failure> {
    let mut order: Vec<usize> = (0..adds.len()).collect();
    order.sort_unstable_by_key(|add| places[*add].first);
    let mut order = order.into_iter().peekable();
    let mut due = BinaryHeap::new();
    let mut placed: Vec<u64> = Vec::new();
    let crowded = |placed: &[u64], until: u64| {
        let place = |place: u64| usize::try_from(place).expect("no more places than adds were given");
        let before = &placed[..place(until)];
        let after = before
            .iter()
            .rposition(|last| *last > until)
            .map_or(0, |index| index as u64 + 1);
        Err(Failure::Crowded { after, until })
    };
    for place in 1..=highest {
        while let Some(add) = order.next_if(|add| places[*add].first <= place) {
            due.push(Reverse((places[add].last, adds[add].end, add)));
        }
        let Some(Reverse((last, ..))) = due.pop() else {
            return Err(Failure::Free(place));
        };
        if last < place {
            return crowded(&placed, last);
        }
        placed.push(last);
    }
    // An add between two reads of the same has no place at all.
    due.extend(order.map(|add| Reverse((places[add].last, adds[add].end, add))));
    match due.pop() {
        Some(Reverse((last, ..))) if last <= highest => crowded(&placed, last),
        _ => Ok(()),
    }
}
