//! When a collection may be empty, and whether all that saw it empty can have.
//!
//! An element is surely inside throughout its core, from the end of its put to the start of its take. Every other moment
//! it can be spared: one without a core goes in and out in an instant. So a take that found nothing needs a moment of its
//! own time that lies in no core, and needs nothing else:
//!
//! ```text
//!     |- put 1 -|···············|- take: 1 -|
//!                      |- put 2 -|········|- take: 2 -|
//!            |- take: nothing -|                            it ends within 1's core, but began before it: fine
//!                 |- take: nothing -|                       no moment is left
//! ```
//!
//! *Spare* takes, of unknown outcome, may have removed elements that nobody else took. At an empty moment all of these that were
//! surely put have to be gone, each by a spare of its own that had begun; any will do, as a spare that is in time for one moment
//! is in time for all later ones. So a moment is possible if no more of them had been put (to the end) than spares had begun,
//! again whatever the other moments are.
//!
//! The sweep takes O(n log n) for the sorting, and each watcher waits once. Source: the empty-queue pattern of Henzinger,
//! Sezgin and Vafeiadis, *Aspect-oriented linearizability proofs* (CONCUR 2013); spares are our own addition.

use super::{
    Decision,
    ledger::{Ledger, Passage},
    moment::{Moment, Span},
    shrink,
};
use crate::evidence::{CallWords, Context};

/// A take that found nothing, by its number among these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watcher(usize);

#[derive(Clone, Copy)]
enum Event {
    /// An element's core begins: of one that somebody took, of one that only a spare can take.
    Open,
    OpenLoose,
    Close,
    SpareBegins,
    WatcherBegins(usize),
    WatcherEnds(usize),
}

/// Finds whether there is a moment for each that saw the collection empty.
///
/// # Errors
/// The first for whom there is none.
pub(super) fn check(ledger: &Ledger<'_>) -> Result<(), Watcher> {
    if ledger.empties.is_empty() {
        return Ok(());
    }
    let (mut open, mut loose, mut spares) = (0, 0, 0);
    let mut waiting = Vec::new();
    let mut is_done = vec![false; ledger.empties.len()];
    for (_, event) in events(ledger) {
        match event {
            Event::Open => open += 1,
            Event::Close => open -= 1,
            Event::OpenLoose => loose += 1,
            Event::SpareBegins => spares += 1,
            Event::WatcherBegins(watcher) => waiting.push(watcher),
            Event::WatcherEnds(watcher) if !is_done[watcher] => return Err(Watcher(watcher)),
            Event::WatcherEnds(_) => {}
        }
        if open == 0 && loose <= spares {
            waiting.drain(..).for_each(|watcher| is_done[watcher] = true);
        }
    }
    Ok(())
}

fn events(ledger: &Ledger<'_>) -> Vec<(Moment, Event)> {
    let mut events = Vec::new();
    for passage in &ledger.passages {
        match passage.core() {
            _ if !passage.is_taken() => events.push((passage.puts.end, Event::OpenLoose)),
            Some(core) => {
                events.push((core.start, Event::Open));
                events.push((core.end, Event::Close));
            }
            None => {}
        }
    }
    let span = |place: u32| Span::of(ledger.call(place));
    for (number, empty) in ledger.empties.iter().enumerate() {
        events.push((span(*empty).start, Event::WatcherBegins(number)));
        events.push((span(*empty).end, Event::WatcherEnds(number)));
    }
    events.extend(ledger.spares.iter().map(|it| (span(*it).start, Event::SpareBegins)));
    events.sort_by_key(|(at, _)| *at);
    events
}

/// Returns that `watcher` can't have seen the collection empty.
pub(super) fn decision(ledger: &Ledger<'_>, watcher: Watcher, context: &Context) -> Decision {
    broken(&evidence(ledger, watcher), context)
}

/// Returns that this evidence breaks the claim.
pub(super) fn broken(least: &Ledger<'_>, context: &Context) -> Decision {
    let watchers = least.empties.iter().chain(&least.spares);
    let passages = least.passages.iter().flat_map(|passage| least.calls_of(passage));
    let calls = watchers.map(|it| least.call(*it)).chain(passages).collect();
    least.broken(context, calls, |words| tell(words, least))
}

/// Returns why `watcher` can't have seen the collection empty: the fewest parts of `ledger`, and those spares that had
/// begun.
pub(super) fn evidence<'t>(ledger: &Ledger<'t>, watcher: Watcher) -> Ledger<'t> {
    let number = watcher.0;
    let end = ledger.call(ledger.empties[number]).end;
    if !ledger.spares.is_empty() {
        let parts = shrink::least(ledger.part_count(), |parts| check(&ledger.only(parts)).is_err());
        let mut least = ledger.only(&parts);
        let is_loose = least.passages.iter().any(|passage| !passage.is_taken());
        let end = least.empties.iter().map(|it| ledger.call(*it).end).max().unwrap_or(end);
        least.spares.retain(|it| is_loose && ledger.call(*it).start < end);
        return least;
    }
    let span = Span::of(ledger.call(ledger.empties[number]));
    let cores = ledger.passages.iter().enumerate();
    let mut cores: Vec<(Span, usize)> = cores.filter_map(|(it, passage)| Some((passage.core()?, it))).collect();
    cores.retain(|(core, _)| core.start < span.end && core.end > span.start);
    cores.sort_by_key(|(core, _)| core.start);
    let passages_start = ledger.part_count() - ledger.passages.len();
    let covering = cover(&cores, span).into_iter().map(|it| passages_start + it);
    let mut parts: Vec<usize> = std::iter::once(number).chain(covering).collect();
    parts.sort_unstable();
    ledger.only(&parts)
}

/// Returns the fewest of `cores`, which are in order of their starts, that leave no moment of `span` free: each time the one
/// that reaches furthest.
pub(super) fn cover(cores: &[(Span, usize)], span: Span) -> Vec<usize> {
    let mut chosen = Vec::new();
    let mut covered = span.start;
    let mut next = 0;
    while covered < span.end {
        let mut furthest: Option<(Span, usize)> = None;
        while let Some(core) = cores.get(next).filter(|(core, _)| core.start <= covered) {
            if furthest.is_none_or(|(best, _)| best.end < core.0.end) {
                furthest = Some(*core);
            }
            next += 1;
        }
        let (core, number) = furthest.expect("every moment of it lies in a core");
        assert!(core.end > covered, "every moment of it lies in a core");
        covered = core.end;
        chosen.push(number);
    }
    chosen
}

/// Says why the watcher of this evidence saw what it can't have.
fn tell(words: CallWords<'_>, ledger: &Ledger<'_>) -> String {
    let empty = ledger.call(ledger.empties[0]);
    let mut text = format!(
        "{} {} found nothing, although there is no moment of it at which the {} can have been empty:",
        words.call(empty),
        words.span(empty),
        ledger.trade.noun
    );
    for passage in &ledger.passages {
        text.push(' ');
        text.push_str(&inside(words, ledger, passage));
        text.push(';');
    }
    text.pop();
    match ledger.spares.len() {
        0 => {}
        1 => text.push_str("; and a call of unknown outcome can have removed only one of what nobody took"),
        count => text.push_str(&format!(
            "; and {count} calls of unknown outcome can have removed only as many of what nobody took"
        )),
    }
    text + "."
}

/// As in `1 was in it from 0.010 s, when p1's enqueue 1 ended, to 0.040 s, when p2's dequeue of 1 began`.
pub(super) fn inside(words: CallWords<'_>, ledger: &Ledger<'_>, passage: &Passage) -> String {
    let (value, put) = (words.value(ledger.value(passage)), ledger.call(passage.put));
    match ledger.take_of(passage) {
        None => format!(
            "{value} was in it from {}, when {} ended, and nobody took it",
            words.ended(put),
            words.call(put)
        ),
        Some(take) if passage.core().is_some() => format!(
            "{value} was in it from {}, when {} ended, to {}, when {} began",
            words.ended(put),
            words.call(put),
            words.began(take),
            words.call(take)
        ),
        Some(take) => format!(
            "{value} was put in by {} and taken by {}",
            words.call(put),
            words.call(take)
        ),
    }
}
