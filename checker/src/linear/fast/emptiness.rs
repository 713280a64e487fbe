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
//! A *drain* takes all there is at one moment: no core of what it did not return may be there, it comes after the start of each
//! put of what it returned, and the cores of these end there. The earlier it comes, the shorter they are, which suits
//! everybody else; and when it can come depends on other drains only in that they should be early. So one sweep through time,
//! in which each drain takes effect as soon as it can, finds the least moments; all others that work are later.
//!
//! *Spare* takes, of unknown outcome, may have removed elements that nobody else took. At an empty moment all of these that were
//! surely put have to be gone, each by a spare of its own that had begun; any will do, as a spare that is in time for one moment
//! is in time for all later ones. So a moment is possible if no more of them had been put (to the end) than spares had begun,
//! again whatever the other moments are.
//!
//! The sweep takes O(n log n) for the sorting, and each watcher leaves it once. Source: the empty-queue pattern of Henzinger,
//! Sezgin and Vafeiadis, *Aspect-oriented linearizability proofs* (CONCUR 2013); drains and spares are our own addition.

use std::collections::BTreeSet;

use super::{
    Decision,
    ledger::{Ledger, Passage, Taken},
    moment::{Moment, Span},
    shrink,
};
use crate::{
    evidence::{CallWords, Context},
    transcript::Call,
};

/// Who saw the collection empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    /// The take of this number that found nothing.
    Empty(usize),
    /// The drain of this number.
    Drain(usize),
}

#[derive(Clone, Copy)]
enum Event {
    /// An element's core begins: of one that some call took, that a drain took, that only a spare can take.
    Open,
    OpenDrained(usize),
    OpenLoose,
    Close,
    SpareBegins,
    /// A drain has begun, or the put of one of its elements has.
    Readies(usize),
    EmptyBegins(usize),
    EmptyEnds(usize),
    DrainEnds(usize),
}

/// Finds a moment for each that saw the collection empty, and returns those of the drains, the earliest that there are: each
/// takes its elements in the steps that follow its moment.
///
/// # Errors
/// The first for whom there is none.
pub(super) fn moments(ledger: &Ledger<'_>) -> Result<Vec<Moment>, Watcher> {
    if ledger.empties.is_empty() && ledger.drains.is_empty() {
        return Ok(Vec::new());
    }
    let mut sweep = Sweep::new(ledger);
    for (at, event) in events(ledger) {
        sweep.take(at, event)?;
    }
    Ok(sweep.drains.iter().filter_map(|drain| drain.fired).collect())
}

fn events(ledger: &Ledger<'_>) -> Vec<(Moment, Event)> {
    let mut events = Vec::new();
    for passage in &ledger.passages {
        match (passage.taken, passage.core()) {
            (Taken::Drained { drain, .. }, _) => {
                let drain = drain as usize;
                events.push((passage.puts.start, Event::Readies(drain)));
                // A drain that began before the put ended may come after it.
                if passage.puts.end < passage.takes.end {
                    events.push((passage.puts.end, Event::OpenDrained(drain)));
                }
            }
            (Taken::Never, _) => events.push((passage.puts.end, Event::OpenLoose)),
            (Taken::By(_), Some(core)) => {
                events.push((core.start, Event::Open));
                events.push((core.end, Event::Close));
            }
            (Taken::By(_), None) => {}
        }
    }
    let span = |place: u32| Span::of(ledger.call(place));
    for (number, empty) in ledger.empties.iter().enumerate() {
        events.push((span(*empty).start, Event::EmptyBegins(number)));
        events.push((span(*empty).end, Event::EmptyEnds(number)));
    }
    for (number, drain) in ledger.drains.iter().enumerate() {
        events.push((span(*drain).start, Event::Readies(number)));
        events.push((span(*drain).end, Event::DrainEnds(number)));
    }
    events.extend(ledger.spares.iter().map(|it| (span(*it).start, Event::SpareBegins)));
    events.sort_by_key(|(at, _)| *at);
    events
}

struct Sweep {
    /// How many cores are open of elements that takes took.
    open: usize,
    /// Elements that nobody surely took, and the spares that may have, begun so far.
    loose: usize,
    spares: usize,
    drains: Vec<DrainState>,
    /// Drains of which a core is open.
    open_drains: BTreeSet<usize>,
    /// Drains that are ready, empties that have begun; those that are past are passed over.
    ready: Vec<usize>,
    waiting: Vec<usize>,
    is_done: Vec<bool>,
    now: Moment,
}

#[derive(Clone, Default)]
struct DrainState {
    /// How many elements it returned, those included that are left out.
    step_count: u32,
    /// Of what has to begin before it can come, what has not: itself, and the puts of its elements.
    missing: u32,
    open: usize,
    fired: Option<Moment>,
}

impl Sweep {
    fn new(ledger: &Ledger<'_>) -> Self {
        let itself = DrainState {
            missing: 1,
            ..DrainState::default()
        };
        let mut drains = vec![itself; ledger.drains.len()];
        for passage in &ledger.passages {
            if let Taken::Drained { drain, place } = passage.taken {
                let state = &mut drains[drain as usize];
                state.missing += 1;
                state.step_count = state.step_count.max(place + 1);
            }
        }
        Self {
            open: 0,
            loose: 0,
            spares: 0,
            drains,
            open_drains: BTreeSet::new(),
            ready: Vec::new(),
            waiting: Vec::new(),
            is_done: vec![false; ledger.empties.len()],
            now: Moment::FIRST,
        }
    }

    fn take(&mut self, at: Moment, event: Event) -> Result<(), Watcher> {
        if !at.shares_gap(self.now) {
            self.now = at;
        }
        match event {
            Event::Open => self.open += 1,
            Event::Close => self.open -= 1,
            Event::OpenLoose => self.loose += 1,
            Event::SpareBegins => self.spares += 1,
            Event::OpenDrained(drain) => {
                let state = &mut self.drains[drain];
                if state.fired.is_none() {
                    state.open += 1;
                    self.open_drains.insert(drain);
                }
            }
            Event::Readies(drain) => {
                self.drains[drain].missing -= 1;
                if self.drains[drain].missing == 0 {
                    self.ready.push(drain);
                }
            }
            Event::EmptyBegins(empty) => self.waiting.push(empty),
            Event::EmptyEnds(empty) if !self.is_done[empty] => return Err(Watcher::Empty(empty)),
            Event::DrainEnds(drain) if self.drains[drain].fired.is_none() => return Err(Watcher::Drain(drain)),
            Event::EmptyEnds(_) | Event::DrainEnds(_) => {}
        }
        if self.open == 0 && self.loose <= self.spares {
            self.fire();
        }
        Ok(())
    }

    /// Lets take effect what can, where no cores are open but those of drains.
    fn fire(&mut self) {
        let only_open = self
            .open_drains
            .first()
            .copied()
            .filter(|_| self.open_drains.len() == 1);
        if let Some(drain) = only_open.filter(|drain| self.drains[*drain].missing == 0) {
            self.fire_drain(drain);
        }
        if !self.open_drains.is_empty() {
            return;
        }
        for empty in std::mem::take(&mut self.waiting) {
            self.is_done[empty] = true;
        }
        for drain in std::mem::take(&mut self.ready) {
            if self.drains[drain].fired.is_none() {
                self.fire_drain(drain);
            }
        }
    }

    fn fire_drain(&mut self, drain: usize) {
        let state = &mut self.drains[drain];
        self.now = self.now.plus(1);
        state.fired = Some(self.now);
        state.open = 0;
        self.now = self.now.plus(state.step_count);
        self.open_drains.remove(&drain);
    }
}

/// Returns that `watcher` can't have seen the collection empty.
pub(super) fn decision(ledger: &Ledger<'_>, watcher: Watcher, context: &Context) -> Decision {
    broken(&evidence(ledger, watcher), context)
}

/// Returns that this evidence breaks the claim.
pub(super) fn broken(least: &Ledger<'_>, context: &Context) -> Decision {
    let watchers = least.empties.iter().chain(&least.drains).chain(&least.spares);
    let passages = least.passages.iter().flat_map(|passage| least.calls_of(passage));
    let calls = watchers.map(|it| least.call(*it)).chain(passages).collect();
    least.broken(context, calls, |words| tell(words, least))
}

/// Returns why `watcher` can't have seen the collection empty: the fewest parts of `ledger`, and those spares that had
/// begun.
pub(super) fn evidence<'t>(ledger: &Ledger<'t>, watcher: Watcher) -> Ledger<'t> {
    let number = match watcher {
        Watcher::Empty(number) if ledger.drains.is_empty() && ledger.spares.is_empty() => number,
        _ => {
            let parts = shrink::least(ledger.part_count(), |parts| moments(&ledger.only(parts)).is_err());
            let mut least = ledger.only(&parts);
            let ends = least.empties.iter().chain(&least.drains).map(|it| ledger.call(*it).end);
            let end = ends.max().expect("somebody saw it empty");
            let is_loose = least.passages.iter().any(|passage| !passage.is_taken());
            least.spares.retain(|it| is_loose && ledger.call(*it).start < end);
            return least;
        }
    };
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

/// Says why the watchers of this evidence saw what they can't have.
fn tell(words: CallWords<'_>, ledger: &Ledger<'_>) -> String {
    let whole = |call: &Call| format!("{} {}", words.call(call), words.span(call));
    let mut text = match (&ledger.empties[..], &ledger.drains[..]) {
        ([empty], []) => format!(
            "{} found nothing, although there is no moment of it at which the {} can have been empty:",
            whole(ledger.call(*empty)),
            ledger.trade.noun
        ),
        ([], [drain]) => format!(
            "{} took all there was, although there is no moment of it at which what it returned can have been all:",
            whole(ledger.call(*drain))
        ),
        _ => format!(
            "There are no moments for all these calls to have found the {} empty, or left it so:",
            ledger.trade.noun
        ),
    };
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
