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
//! it. So the moments of `emptiness.rs` will do, whichever they are.
//!
//! **Calls of unknown outcome.** Puts are no matter (`ledger.rs`), and nor is any take if all elements put were surely taken. Else
//! a *spare* take, which never ends, may remove what nobody else did (a loose element). One has to be gone before the end of the first
//! take of an element put strictly after it: its deadline. A spare in its place is a take from the spare's start to the end of time,
//! which is out of order with no other: only the spare's start and the deadline count. So spares suffice exactly if, for each
//! deadline, no more elements are due by then than spares have begun (Hall's theorem, for nested neighbourhoods).
//!
//! An empty moment is a deadline as well, for all loose elements put before it; that there are spares enough at the moment itself
//! is seen to in `emptiness.rs`, and the two do not meet elsewhere: if by a later deadline one is due that was put after the moment, for the
//! sake of some element put after it, then for that one's sake so are all that were put before the moment; and if none is, those due were counted
//! at the moment. So any moments will do here too.
//!
//! A drain of unknown outcome may take any number at once. With it and loose elements two shapes are decided: it is broken without
//! the loose elements; or sound without calls of unknown outcome.

use super::{
    Decision,
    emptiness::{self, Watcher},
    ledger::{Ledger, Passage, Trade},
    moment::Moment,
    shrink,
};
use crate::{
    evidence::{CallWords, Context},
    transcript::Transcript,
};

/// Decides whether `enqueue v`, `dequeue -> v` or `-> nil` if there is nothing, and `drain -> [v ...]`, so many dequeues in
/// whatever order, are of one linearizable FIFO queue, which is empty at first.
///
/// Tested are all ok calls. Not applicable where a value is enqueued twice, or where a drain of unknown outcome makes a
/// difference.
pub fn fifo(transcript: &Transcript, context: &Context) -> Decision {
    match Ledger::read(transcript, context, &Trade::QUEUE) {
        Ok(ledger) => decide(&ledger, context),
        Err(decision) => *decision,
    }
}

/// Up to how many elements a shortage is searched for the fewest that are still short.
const SHRUNK_COUNT_MAX: usize = 1_000;

enum Conflict {
    Watcher(Watcher),
    /// The first was put before the second, and has to be taken after it.
    Order(usize, usize),
    Shortage(Shortage),
}

/// More elements are due than spares have begun.
struct Shortage {
    due_by: Moment,
    /// Those that are due, each with the element that was put after it and taken by then.
    due: Vec<(usize, usize)>,
}

fn decide(ledger: &Ledger<'_>, context: &Context) -> Decision {
    if !ledger.has_loose_ends() {
        return judge(&ledger.without_spares(), context);
    }
    if !ledger.has_spare_drain {
        return judge(ledger, context);
    }
    if conflict(&ledger.without_spares()).is_ok() {
        return ledger.sound();
    }
    let taken = ledger.without_untaken();
    if conflict(&taken).is_err() {
        return judge(&taken, context);
    }
    Decision::NotApplicable("a drain of unknown outcome may have removed what nobody else did".to_owned())
}

fn judge(ledger: &Ledger<'_>, context: &Context) -> Decision {
    match conflict(ledger) {
        Ok(()) => ledger.sound(),
        Err(Conflict::Shortage(shortage)) => lacking(ledger, context, &shortage),
        Err(Conflict::Watcher(watcher)) => emptiness::decision(ledger, watcher, context),
        Err(Conflict::Order(first, second)) => {
            let pair = [ledger.passages[first], ledger.passages[second]];
            disorder(ledger, context, &pair)
        }
    }
}

fn conflict(ledger: &Ledger<'_>) -> Result<(), Conflict> {
    emptiness::check(ledger).map_err(Conflict::Watcher)?;
    let passages = &ledger.passages;
    // What nobody took is in the way of all that came after it, unless a spare removes it.
    let stays = |passage: &Passage| passage.is_taken() || ledger.spares.is_empty();
    let mut latest: Option<(Moment, usize)> = None;
    let mut before = by_put_end(passages).into_iter().peekable();
    for (second, passage) in passages.iter().enumerate() {
        while let Some(first) = before.next_if(|it| passages[*it].puts.end < passage.puts.start) {
            let start = passages[first].takes.start;
            if stays(&passages[first]) && latest.is_none_or(|(latest, _)| latest < start) {
                latest = Some((start, first));
            }
        }
        if let Some((_, first)) = latest.filter(|(start, _)| passage.takes.end < *start) {
            return Err(Conflict::Order(first, second));
        }
    }
    if ledger.spares.is_empty() {
        return Ok(());
    }
    shortage(ledger).map_or(Ok(()), |shortage| Err(Conflict::Shortage(shortage)))
}

fn by_put_end(passages: &[Passage]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..passages.len()).collect();
    order.sort_unstable_by_key(|it| passages[*it].puts.end);
    order
}

/// Finds the first deadline for which spares don't suffice.
fn shortage(ledger: &Ledger<'_>) -> Option<Shortage> {
    let passages = &ledger.passages;
    // Of the elements put after a place in their order, the one whose take ends first.
    let mut first_after: Vec<usize> = (0..passages.len()).collect();
    for place in (1..passages.len()).rev() {
        let (this, next) = (first_after[place - 1], first_after[place]);
        if passages[next].takes.end < passages[this].takes.end {
            first_after[place - 1] = next;
        }
    }
    let mut due: Vec<(Moment, usize, usize)> = Vec::new();
    for (number, passage) in passages.iter().enumerate().filter(|(_, passage)| !passage.is_taken()) {
        let after = passages.partition_point(|it| it.puts.start < passage.puts.end);
        let follower = first_after.get(after).filter(|it| passages[**it].is_taken());
        due.extend(follower.map(|it| (passages[*it].takes.end, number, *it)));
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
        if place == begun {
            let due_by = *due_by;
            let due = due[..=place].iter().map(|(_, number, follower)| (*number, *follower));
            return Some(Shortage {
                due_by,
                due: due.collect(),
            });
        }
    }
    None
}

/// Returns that spares don't suffice, with the fewest elements for which they don't.
fn lacking(ledger: &Ledger<'_>, context: &Context, shortage: &Shortage) -> Decision {
    let passages_start = ledger.part_count() - ledger.passages.len();
    let due = shortage
        .due
        .iter()
        .flat_map(|(first, second)| [passages_start + *first, passages_start + *second]);
    let mut parts: Vec<usize> = due.collect();
    parts.sort_unstable();
    parts.dedup();
    if parts.len() <= SHRUNK_COUNT_MAX {
        let of = |places: &[usize]| -> Vec<usize> { places.iter().map(|it| parts[*it]).collect() };
        let needed = shrink::least(parts.len(), |places| {
            self::shortage(&ledger.only(&of(places))).is_some()
        });
        parts = of(&needed);
    }
    let mut least = ledger.only(&parts);
    let shortage = self::shortage(&least).expect("what was left is broken");
    least
        .spares
        .retain(|it| Moment::at(ledger.call(*it).start) < shortage.due_by);
    if least.spares.is_empty() {
        let (first, second) = shortage.due[0];
        return disorder(&least, context, &[least.passages[first], least.passages[second]]);
    }
    let spares = least.spares.iter().map(|it| ledger.call(*it));
    let calls = least
        .passages
        .iter()
        .flat_map(|it| least.calls_of(it))
        .chain(spares)
        .collect();
    ledger.broken(context, calls, |words| {
        let mut text = String::new();
        for (first, second) in &shortage.due {
            text.push_str(&order(words, &least, &least.passages[*first], &least.passages[*second]));
        }
        let count = least.spares.len();
        let noun = if count == 1 { "dequeue" } else { "dequeues" };
        text.push_str(&format!(
            " Only {count} {noun} of unknown outcome had begun by then, and can have removed as many of these."
        ));
        text.trim_start().to_owned()
    })
}

/// Returns that these two are out of order.
fn disorder(ledger: &Ledger<'_>, context: &Context, [first, second]: &[Passage; 2]) -> Decision {
    let calls = ledger.calls_of(first).chain(ledger.calls_of(second)).collect();
    ledger.broken(context, calls, |words| {
        order(words, ledger, first, second).trim_start().to_owned()
    })
}

fn order(words: CallWords<'_>, ledger: &Ledger<'_>, first: &Passage, second: &Passage) -> String {
    let (one, other) = (words.value(ledger.value(first)), words.value(ledger.value(second)));
    let (put, next_put) = (ledger.call(first.put), ledger.call(second.put));
    let next = ledger.take_of(second).expect("what is taken too early is taken");
    let but = match ledger.take_of(first) {
        Some(take) => format!("before {} began at {}", words.call(take), words.began(take)),
        None => format!("and nobody took {one}"),
    };
    let but = format!("{} ended at {}, {but}", words.call(next), words.ended(next));
    format!(
        " {one} was in the queue before {other}, because {} ended at {}, before {} began at {}; but {but}.",
        words.call(put),
        words.ended(put),
        words.call(next_put),
        words.began(next_put)
    )
}
