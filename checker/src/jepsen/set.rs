//! The set that is read in the end: elements are added, and the last read returns them all.

use rustc_hash::FxHashSet;
use serde::Serialize;

use super::{
    additions::{Added, Additions, Workload, from_nowhere, reading},
    figures,
    report::{Part, Report, at},
};
use crate::{
    datum::Datum,
    evidence::{CallTally, Context},
    transcript::{Call, Transcript},
};

/// The figures of a set, under Jepsen's names. The sets are written as Jepsen does: `#{0..2 5}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetFigures {
    /// How many elements somebody meant to add.
    pub attempt_count: u64,
    /// How many adds were acknowledged.
    pub acknowledged_count: u64,
    /// How many elements of the last read somebody meant to add.
    pub ok_count: u64,
    /// How many acknowledged elements the last read misses.
    pub lost_count: u64,
    /// How many elements of the last read had adds of unknown outcome only, or failed.
    pub recovered_count: u64,
    /// How many elements of the last read nobody meant to add.
    pub unexpected_count: u64,
    /// Those of `ok_count`.
    pub ok: String,
    /// Those of `lost_count`.
    pub lost: String,
    /// Those of `unexpected_count`.
    pub unexpected: String,
    /// Those of `recovered_count`.
    pub recovered: String,
}

const NAMES: [&str; 3] = ["lost", "unexpected", "failed-visible"];

const SET: Workload = Workload {
    name: "a set",
    add: "add",
};

/// Judges a set (`add e`, `read -> elements`) by its last ok read: `lost` are acknowledged elements that it misses,
/// tested by those acknowledged before it began; `unexpected` those that nobody had begun to add, tested by all that
/// it returned; `failed-visible` those whose adds all failed, tested by these. Without a read all is unknown. O(n log
/// n).
///
/// Deviation: Jepsen's own takes an element for lost that was acknowledged after the last read had begun, which the
/// read need not have seen; and for merely recovered what was returned although its add had surely failed.
pub fn set(transcript: &Transcript, context: &Context) -> Report<SetFigures> {
    match Additions::new(transcript, &SET) {
        Ok(additions) => judge(transcript, context, additions),
        Err(refusal) => Report::refused(&NAMES, &refusal),
    }
}

fn judge(transcript: &Transcript, context: &Context, mut additions: Additions<'_>) -> Report<SetFigures> {
    let mut figures = SetFigures {
        attempt_count: additions.added.len() as u64,
        acknowledged_count: additions.acked_count,
        ..SetFigures::default()
    };
    let Some(last) = additions.reads.last().copied() else {
        return unread("the set was never read", figures);
    };
    let Some(items) = last.items else {
        let why = at(last.call, "the last read returned no collection of elements");
        return unread(&why, figures);
    };
    let mut judge = Judge::new(transcript, context, last.call);
    let mut is_read = vec![false; additions.added.len()];
    let mut strangers = FxHashSet::default();
    for item in items {
        let number = additions.elements.number(item);
        match is_read.get_mut(number) {
            Some(is_read) => *is_read = true,
            None if strangers.insert(number) => judge.stranger(item),
            None => {}
        }
    }
    for (number, (added, is_read)) in additions.added.iter().zip(is_read).enumerate() {
        judge.element(additions.elements.datum(number), added, is_read);
    }
    figures.count(judge.sets);
    report([judge.lost, judge.unexpected, judge.failed], figures)
}

/// The last read, and what is known of it so far.
struct Judge<'t> {
    transcript: &'t Transcript,
    context: &'t Context,
    read: &'t Call,
    lost: CallTally,
    unexpected: CallTally,
    failed: CallTally,
    sets: Sets,
}

#[derive(Default)]
struct Sets {
    ok: Vec<Datum>,
    lost: Vec<Datum>,
    unexpected: Vec<Datum>,
    recovered: Vec<Datum>,
}

impl<'t> Judge<'t> {
    fn new(transcript: &'t Transcript, context: &'t Context, read: &'t Call) -> Self {
        Self {
            transcript,
            context,
            read,
            lost: CallTally::new(),
            unexpected: CallTally::new(),
            failed: CallTally::new(),
            sets: Sets::default(),
        }
    }

    /// Judges an element that was returned and that nobody meant to add.
    fn stranger(&mut self, element: &Datum) {
        let read = self.read;
        self.sets.unexpected.push(element.clone());
        self.unexpected.test(1);
        self.unexpected
            .violate(self.transcript, self.context, vec![read], |words, _| {
                from_nowhere(words, read, element, None)
            });
    }

    /// Judges an element that somebody meant to add.
    fn element(&mut self, element: &Datum, added: &Added<'t>, is_read: bool) {
        let (transcript, context, read, first) = (self.transcript, self.context, self.read, added.first);
        let acked_before = added.acked.filter(|add| add.precedes(read));
        self.lost.test(u64::from(acked_before.is_some()));
        self.unexpected.test(u64::from(is_read));
        self.failed.test(u64::from(!added.is_possible()));
        if is_read {
            self.sets.ok.push(element.clone());
            if added.acked.is_none() {
                self.sets.recovered.push(element.clone());
            }
            let tally = if !added.is_possible() {
                &mut self.failed
            } else if read.precedes(first) {
                &mut self.unexpected
            } else {
                return;
            };
            tally.violate(transcript, context, vec![first, read], |words, _| {
                from_nowhere(words, read, element, Some(first))
            });
        } else if let Some(add) = acked_before {
            self.sets.lost.push(element.clone());
            self.lost.violate(transcript, context, vec![add, read], |words, _| {
                let (add, span, read) = (words.call(add), words.span(add), reading(words, read));
                format!("{add} {span} had been acknowledged, but {read}, the last, misses it.")
            });
        }
    }
}

impl SetFigures {
    fn count(&mut self, sets: Sets) {
        self.ok_count = sets.ok.len() as u64;
        self.lost_count = sets.lost.len() as u64;
        self.unexpected_count = sets.unexpected.len() as u64;
        self.recovered_count = sets.recovered.len() as u64;
        self.ok = figures::intervals(sets.ok);
        self.lost = figures::intervals(sets.lost);
        self.unexpected = figures::intervals(sets.unexpected);
        self.recovered = figures::intervals(sets.recovered);
    }
}

fn unread(why: &str, figures: SetFigures) -> Report<SetFigures> {
    let tallies = [(); 3].map(|()| {
        let mut tally = CallTally::new();
        tally.doubt(|| why.to_owned());
        tally
    });
    report(tallies, figures)
}

fn report(tallies: [CallTally; 3], figures: SetFigures) -> Report<SetFigures> {
    let parts = NAMES.into_iter().zip(tallies);
    Report {
        parts: parts.map(|(name, tally)| Part::claimed(name, tally.finish())).collect(),
        figures: Some(figures),
    }
}
