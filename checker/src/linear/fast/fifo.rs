//! FIFO queues with distinct values: what is taken is what has been inside the longest.
//!
//! Without takes that found nothing a history with puts before takes is linearizable exactly if no two elements are out of order:
//!
//! ```text
//!   |- put 1 -|                                       |- take: 1 -|     1 in before 2, 2 out before 1
//!                |- put 2 -|      |- take: 2 -|
//! ```
//!
//! (Gibbons, Bruno and Phillips, *Black-box correctness tests for basic parallel data structures*, SPAA 2002; Henzinger, Sezgin
//! and Vafeiadis, *Aspect-oriented linearizability proofs*, CONCUR 2013.) A sweep over the elements in order of the starts of
//! their puts, which remembers of all those whose put had ended by then the one whose take begins last, meets a pair out of order
//! whenever there is one: O(n log n).
//!
//! **Empty moments.** At a moment that lies in no core, the elements part into those that are gone and those that are yet to come;
//! one whose put and take both reach over the moment is put with the latter. Cutting their spans there leaves no pair out of order
//! that was not so before: two on one side whose spans the cut shortened still overlap at the cut, and two on different sides are
//! in order, because one that has to be late (its take begins after the cut) was not put before the cut, or its core would contain
//! it. So the moments of `emptiness.rs` will do, whichever they are. A drain is such a moment, at which its elements are taken one
//! by one. With those the cut can break the order, of an element put after one of theirs and gone before it; the later the
//! drain, the more of these, so that its earliest moment is again the best.
//!
//! **Calls of unknown outcome.** Puts are no matter (`ledger.rs`), and nor is any take if all elements put were surely taken. Else
//! a *spare* take, which never ends, may remove what nobody else did (loose elements). One has to be gone before the end of the first
//! take of an element put strictly after it: its deadline. A spare in its place is a take from the spare's start to the end of time,
//! which pairs with no other wrongly: only the spare's start and the deadline count. So spares suffice exactly if, for each
//! deadline, no more elements are due by then than spares have begun (Hall's theorem, for nested neighbourhoods).
//!
//! With loose elements *and* takes that found nothing, spares, empty moments and deadlines depend on each other. Then three shapes are decided, in
//! this order, and all else is not applicable: it is broken without the loose elements; it is sound without the spares; some moment fails already for
//! an unordered queue; with the earliest moments, each a deadline for what was put before, spares suffice.

use super::{
    Decision,
    emptiness::{self, Moments, Watcher},
    ledger::{Ledger, Passage, Taken, Trade},
    moment::Moment,
    shrink,
};
use crate::{
    evidence::{CallWords, Context},
    transcript::Transcript,
};

const TRADE: Trade = Trade {
    noun: "queue",
    put: "enqueue",
    take: "dequeue",
    drain: Some("drain"),
    taken: "dequeued",
    did_put: "enqueued",
};

/// Decides whether `enqueue v`, `dequeue -> v` or `-> nil` if there is nothing, and `drain -> [v ...]` of all there is in its
/// order, are of one linearizable FIFO queue, which is empty at first.
///
/// Tested are all ok calls. Not applicable where a value is enqueued twice, and in part of the cases where a dequeue
/// or drain of unknown outcome may have removed what nobody else did (see the module).
pub fn fifo(transcript: &Transcript, context: &Context) -> Decision {
    match Ledger::read(transcript, context, &TRADE) {
        Ok(ledger) => decide(&ledger, context),
        Err(decision) => decision,
    }
}

/// Up to how many elements a shortage is searched for the fewest that are still short.
const SHRUNK_COUNT_MAX: usize = 1_000;

enum Conflict {
    Watcher(Watcher),
    /// The first was put before the second, and has to be taken after it.
    Order(usize, usize),
}

/// More elements are due than spares have begun.
struct Shortage {
    due_by: Moment,
    /// Those that are due, each with the element taken after it, if it is due for that.
    due: Vec<(usize, Option<usize>)>,
}

fn decide(ledger: &Ledger<'_>, context: &Context) -> Decision {
    if !ledger.has_loose_ends() {
        return judge(&ledger.without_spares(), context);
    }
    let taken = ledger.without_untaken();
    if conflict(&taken).is_err() {
        return judge(&taken, context);
    }
    let is_plain = ledger.empties.is_empty() && ledger.drains.is_empty() && !ledger.has_spare_drain;
    if is_plain {
        return match shortage(ledger, &[]) {
            None => ledger.sound(),
            Some(shortage) => lacking(ledger, context, &shortage),
        };
    }
    if conflict(&ledger.without_spares()).is_ok() {
        return ledger.sound();
    }
    if !ledger.has_spare_drain {
        match emptiness::moments(ledger) {
            Err(watcher) => return emptiness::decision(ledger, watcher, context),
            Ok(moments) if ledger.drains.is_empty() && shortage(ledger, &moments.of_empties).is_none() => {
                return ledger.sound();
            }
            Ok(_) => {}
        }
    }
    Decision::NotApplicable(
        "a call of unknown outcome may have removed what nobody else did, and some found the queue empty".to_owned(),
    )
}

/// Decides on a ledger without spares, or one that does not need them.
fn judge(ledger: &Ledger<'_>, context: &Context) -> Decision {
    match conflict(ledger) {
        Ok(()) => ledger.sound(),
        Err(Conflict::Watcher(watcher)) => emptiness::decision(ledger, watcher, context),
        Err(Conflict::Order(first, second)) if ledger.drains.is_empty() => {
            let pair = [ledger.passages[first], ledger.passages[second]];
            disorder(ledger, context, &pair)
        }
        Err(Conflict::Order(..)) => {
            let parts = shrink::least(ledger.part_count(), |parts| conflict(&ledger.only(parts)).is_err());
            let least = ledger.only(&parts);
            match conflict(&least) {
                Err(Conflict::Watcher(watcher)) => emptiness::decision(&least, watcher, context),
                _ => disorder(&least, context, &least.passages),
            }
        }
    }
}

fn conflict(ledger: &Ledger<'_>) -> Result<(), Conflict> {
    let moments = emptiness::moments(ledger).map_err(Conflict::Watcher)?;
    let ends = take_ends(ledger, &moments);
    let starts = |passage: &Passage| match passage.taken {
        Taken::Drained { drain, place } => moments.of_drains[drain as usize].plus(place + 1),
        _ => passage.takes.start,
    };
    let passages = &ledger.passages;
    let mut latest: Option<(Moment, usize)> = None;
    let mut before = by_put_end(passages).into_iter().peekable();
    for (second, passage) in passages.iter().enumerate() {
        while let Some(first) = before.next_if(|it| passages[*it].puts.end < passage.puts.start) {
            let start = starts(&passages[first]);
            if latest.is_none_or(|(latest, _)| latest < start) {
                latest = Some((start, first));
            }
        }
        if let Some((_, first)) = latest.filter(|(start, _)| ends[second] < *start) {
            return Err(Conflict::Order(first, second));
        }
    }
    Ok(())
}

/// Returns by when each element has to be taken: by the end of its take, and before the next drain of others.
fn take_ends(ledger: &Ledger<'_>, moments: &Moments) -> Vec<Moment> {
    let mut drains = moments.of_drains.clone();
    drains.sort_unstable();
    let end = |passage: &Passage| match passage.taken {
        Taken::Drained { drain, place } => moments.of_drains[drain as usize].plus(place + 1),
        Taken::Never => passage.takes.end,
        Taken::By(_) => {
            let next = drains.partition_point(|drain| *drain < passage.puts.end);
            drains
                .get(next)
                .map_or(passage.takes.end, |drain| passage.takes.end.min(*drain))
        }
    };
    ledger.passages.iter().map(end).collect()
}

fn by_put_end(passages: &[Passage]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..passages.len()).collect();
    order.sort_unstable_by_key(|it| passages[*it].puts.end);
    order
}

/// Finds the first deadline for which spares don't suffice, if the queue is empty at `moments`.
fn shortage(ledger: &Ledger<'_>, moments: &[Moment]) -> Option<Shortage> {
    let passages = &ledger.passages;
    let mut moments = moments.to_vec();
    moments.sort_unstable();
    // Of the elements put after a place in their order, the one whose take ends first.
    let mut first_after: Vec<usize> = (0..passages.len()).collect();
    for place in (1..passages.len()).rev() {
        let (this, next) = (first_after[place - 1], first_after[place]);
        if passages[next].takes.end < passages[this].takes.end {
            first_after[place - 1] = next;
        }
    }
    let mut due: Vec<(Moment, usize, Option<usize>)> = Vec::new();
    for (number, passage) in passages.iter().enumerate().filter(|(_, passage)| !passage.is_taken()) {
        let after = passages.partition_point(|it| it.puts.start < passage.puts.end);
        let follower = first_after.get(after).copied().filter(|it| passages[*it].is_taken());
        let by_order = follower.map(|it| passages[it].takes.end);
        let by_empty = moments
            .get(moments.partition_point(|it| *it < passage.puts.end))
            .copied();
        match (by_order, by_empty) {
            (Some(order), empty) if empty.is_none_or(|empty| order < empty) => due.push((order, number, follower)),
            (_, Some(empty)) => due.push((empty, number, None)),
            (_, None) => {}
        }
    }
    due.sort_unstable();
    let mut spares = ledger
        .spares
        .iter()
        .map(|it| Moment::at(ledger.call(*it).start))
        .peekable();
    let mut begun = 0;
    for (place, (due_by, ..)) in due.iter().enumerate() {
        while spares.next_if(|start| start < due_by).is_some() {
            begun += 1;
        }
        if place + 1 > begun {
            let due = due[..=place]
                .iter()
                .map(|(_, number, follower)| (*number, *follower))
                .collect();
            return Some(Shortage { due_by: *due_by, due });
        }
    }
    None
}

/// Returns that spares don't suffice, with the fewest elements for which they don't.
fn lacking(ledger: &Ledger<'_>, context: &Context, shortage: &Shortage) -> Decision {
    let due = shortage.due.iter().flat_map(|(first, second)| [Some(*first), *second]);
    let mut parts: Vec<usize> = due.flatten().collect();
    parts.sort_unstable();
    parts.dedup();
    // There are no other parts than passages.
    let mut least = ledger.only(&parts);
    if parts.len() <= SHRUNK_COUNT_MAX {
        let parts = shrink::least(parts.len(), |parts| self::shortage(&least.only(parts), &[]).is_some());
        least = least.only(&parts);
    }
    let shortage = self::shortage(&least, &[]).expect("what was left is broken");
    least
        .spares
        .retain(|it| Moment::at(ledger.call(*it).start) < shortage.due_by);
    if least.spares.is_empty() {
        return disorder(&least, context, &least.passages);
    }
    let spares = least.spares.iter().map(|it| ledger.call(*it));
    let calls = least
        .passages
        .iter()
        .flat_map(|it| ledger.calls_of(it))
        .chain(spares)
        .collect();
    ledger.broken(context, calls, |words| {
        let mut text = String::new();
        for (first, second) in &shortage.due {
            if let Some(second) = second {
                let (first, second) = (&least.passages[*first], &least.passages[*second]);
                text.push_str(&order(words, &least, first, second));
            }
        }
        let count = least.spares.len();
        let noun = if count == 1 { "dequeue" } else { "dequeues" };
        text.push_str(&format!(
            " Only {count} {noun} of unknown outcome had begun by then, and can have removed as many of these."
        ));
        text.trim_start().to_owned()
    })
}

/// Returns that elements are out of order; of more than two, some because drains leave no room for them.
fn disorder(ledger: &Ledger<'_>, context: &Context, passages: &[Passage]) -> Decision {
    let calls = passages.iter().flat_map(|it| ledger.calls_of(it)).collect();
    ledger.broken(context, calls, |words| match passages {
        [first, second] => order(words, ledger, first, second).trim_start().to_owned(),
        _ => {
            let list: Vec<String> = passages.iter().map(|it| emptiness::inside(words, ledger, it)).collect();
            format!("No order of the queue explains these calls: {}.", list.join("; "))
        }
    })
}

fn order(words: CallWords<'_>, ledger: &Ledger<'_>, first: &Passage, second: &Passage) -> String {
    let (one, other) = (words.value(ledger.value(first)), words.value(ledger.value(second)));
    let (put, next_put) = (ledger.call(first.put), ledger.call(second.put));
    let (take, next_take) = (ledger.take_of(first), ledger.take_of(second));
    let next_take = next_take.expect("what is taken too early is taken");
    let end = match take {
        None => format!("and nobody took {one}"),
        Some(take) if take.index == next_take.index => format!("which returned {one} after it"),
        Some(take) => format!("before {} began at {}", words.call(take), words.began(take)),
    };
    format!(
        " {one} was in the queue before {other}, because {} ended at {}, before {} began at {}; but {} ended at {}, {end}.",
        words.call(put),
        words.ended(put),
        words.call(next_put),
        words.began(next_put),
        words.call(next_take),
        words.ended(next_take)
    )
}
