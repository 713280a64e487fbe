//! Workloads in which elements are added one by one and read all at once: what was added, and what each read returned.

use super::{
    elements::Elements,
    report::{Refusal, at},
};
use crate::{
    datum::Datum,
    evidence::CallWords,
    transcript::{Call, Transcript},
};

/// The functions of such a workload.
pub(super) struct Workload {
    /// As in `a set`.
    pub(super) name: &'static str,
    /// The function that adds.
    pub(super) add: &'static str,
}

/// All additions and reads of a transcript.
pub(super) struct Additions<'t> {
    /// First those that somebody meant to add, then others that reads returned.
    pub(super) elements: Elements<'t>,
    /// By element.
    pub(super) added: Vec<Added<'t>>,
    /// The ok reads, in order of their ends.
    pub(super) reads: Vec<Reading<'t>>,
    /// Why some reads can't be judged.
    pub(super) doubt: Option<String>,
    pub(super) acked_count: u64,
}

/// How an element was added.
#[derive(Clone, Copy)]
pub(super) struct Added<'t> {
    /// Of the adds that did not fail the first to begin; if all failed, the first of them.
    pub(super) first: &'t Call,
    /// Of those acknowledged the first to end.
    pub(super) acked: Option<&'t Call>,
}

/// An ok read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'t> {
    pub(super) call: &'t Call,
    /// What it returned; none if that is no collection.
    pub(super) items: Option<&'t [Datum]>,
}

impl<'t> Additions<'t> {
    /// Sorts the calls of a transcript by what they do to elements. O(n log n).
    pub(super) fn new(transcript: &'t Transcript, workload: &Workload) -> Result<Self, Refusal> {
        let mut it = Self {
            elements: Elements::new(),
            added: Vec::new(),
            reads: Vec::new(),
            doubt: None,
            acked_count: 0,
        };
        for call in transcript.calls() {
            if *call.function == *workload.add {
                it.add(call)?;
            } else if *call.function == *"read" {
                it.read(call);
            } else {
                return Err(Refusal::function(call, workload.name));
            }
        }
        it.acked_count = it.added.iter().filter(|added| added.acked.is_some()).count() as u64;
        it.reads.sort_by_key(|read| read.call.end);
        Ok(it)
    }

    fn add(&mut self, call: &'t Call) -> Result<(), Refusal> {
        if call.asked.is_nil() {
            return Err(Refusal::new(call, "it does not say what it adds"));
        }
        let number = self.elements.number(&call.asked);
        if number == self.added.len() {
            self.added.push(Added {
                first: call,
                acked: None,
            });
        }
        let added = &mut self.added[number];
        if !added.is_possible() && call.is_possible() {
            added.first = call;
        }
        if call.is_ok() && added.acked.is_none_or(|acked| call.end < acked.end) {
            added.acked = Some(call);
        }
        Ok(())
    }

    fn read(&mut self, call: &'t Call) {
        if !call.is_ok() {
            return;
        }
        let items = call.answered.items();
        if items.is_none() {
            self.doubt
                .get_or_insert_with(|| at(call, "it returned no collection of elements"));
        }
        self.reads.push(Reading { call, items });
    }
}

impl Added<'_> {
    /// Returns whether any add of it took effect or may have.
    pub(super) fn is_possible(&self) -> bool {
        self.first.is_possible()
    }
}

/// A read in words, as in `p3's read of 12 elements through n2 (3.201 s to 3.204 s)`.
pub(super) fn reading(words: CallWords<'_>, call: &Call) -> String {
    let process = words.transcript.process(call.process);
    let what = match call.answered.items().map(<[Datum]>::len) {
        Some(1) => "1 element".to_owned(),
        Some(count) => format!("{count} elements"),
        None => "no collection".to_owned(),
    };
    format!("{process}'s read of {what}{} {}", words.through(call), words.span(call))
}

/// Words for a read that returned an element which nobody meant to add, or which was added too late or not at all.
pub(super) fn from_nowhere(words: CallWords<'_>, read: &Call, element: &Datum, added: Option<&Call>) -> String {
    let (reading, element) = (reading(words, read), words.value(element));
    match added {
        None => format!("{reading} returned {element}, which nobody had added."),
        Some(add) if add.is_possible() => format!(
            "{reading} returned {element}, but {} began later, {}.",
            words.call(add),
            words.span(add)
        ),
        Some(add) => format!(
            "{reading} returned {element}, but {} {} had failed, and no other was made.",
            words.call(add),
            words.span(add)
        ),
    }
}
