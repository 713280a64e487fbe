//! The total queue: what goes in comes out, if it is drained in the end.

use serde::Serialize;

use super::{
    elements::Elements,
    figures,
    report::{Part, Refusal, Report, at},
};
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    history::Outcome,
    transcript::{Call, Transcript},
};

/// The figures of a queue, under Jepsen's names. Elements are in their order, each as often as it is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TotalQueueFigures {
    /// How many enqueues were attempted.
    pub attempt_count: u64,
    /// How many of them were acknowledged.
    pub acknowledged_count: u64,
    /// How many dequeued elements were attempted.
    pub ok_count: u64,
    /// How many dequeued elements nobody meant to enqueue.
    pub unexpected_count: u64,
    /// How many came out more often than they were to go in.
    pub duplicated_count: u64,
    /// How many were acknowledged, and no dequeue is known to have returned them.
    pub lost_count: u64,
    /// How many came out whose enqueue was not acknowledged.
    pub recovered_count: u64,
    /// Those of `lost_count`.
    #[serde(serialize_with = "figures::data")]
    pub lost: Vec<Datum>,
    /// Those of `unexpected_count`.
    #[serde(serialize_with = "figures::data")]
    pub unexpected: Vec<Datum>,
    /// Those of `duplicated_count`.
    #[serde(serialize_with = "figures::data")]
    pub duplicated: Vec<Datum>,
    /// Those of `recovered_count`.
    #[serde(serialize_with = "figures::data")]
    pub recovered: Vec<Datum>,
}

const NAMES: [&str; 4] = ["lost", "unexpected", "failed-visible", "duplicated"];

/// How many calls of one kind a witness shows.
const WITNESS_CALLS_MAX: usize = 32;

/// Judges a queue (`enqueue e`, `dequeue -> e`, `drain -> elements`), whatever its order:
/// - `lost`: acknowledged and never returned, of all acknowledged. A dequeue of unknown outcome may have taken one,
///   and a drain of unknown outcome any number: what they may account for is not found to be lost, but unknown;
/// - `unexpected`: returned, though nobody had begun to enqueue it, of all returned;
/// - `failed-visible`: returned, though all its enqueues failed, of all returned;
/// - `duplicated`: returned more often than it was to be enqueued, of all returned; never claimed, as queues deliver
///   again what they don't know to have been taken.
///
/// What was not drained in the end is taken for lost, as the claim is of histories that end in a drain. O(n log n).
///
/// Deviation: Jepsen's own takes what a crashed dequeue may have taken for lost, dies of a crashed drain, and does
/// not look at times or failures. The figures are counted its way.
pub fn total_queue(transcript: &Transcript, context: &Context) -> Report<TotalQueueFigures> {
    match Queue::new(transcript) {
        Ok(queue) => judge(transcript, context, &queue),
        Err(refusal) => Report::refused(&NAMES, &refusal),
    }
}

/// What went in and what came out.
#[derive(Default)]
struct Queue<'t> {
    elements: Elements<'t>,
    /// By element.
    passages: Vec<Passage<'t>>,
    /// The acknowledged enqueues, in order of invocation.
    acked: Vec<(usize, &'t Call)>,
    /// What came out, in order of invocation.
    taken: Vec<(usize, &'t Call)>,
    /// Dequeues that may have taken an element each.
    crashed: Vec<&'t Call>,
    /// Why anything may have been taken.
    unseen: Option<String>,
}

/// How one element went through the queue.
#[derive(Clone, Copy, Default)]
struct Passage<'t> {
    /// Of the enqueues that did not fail the first to begin; if all failed, the first of them.
    first: Option<&'t Call>,
    attempted: u64,
    acked: u64,
    taken: u64,
}

impl<'t> Queue<'t> {
    fn new(transcript: &'t Transcript) -> Result<Self, Refusal> {
        let mut queue = Self::default();
        for call in transcript.calls() {
            match &*call.function {
                "enqueue" if call.asked.is_nil() => {
                    return Err(Refusal::new(call, "it does not say what it enqueues"));
                }
                "enqueue" => queue.enqueue(call),
                "dequeue" => match call.outcome {
                    Outcome::Ok if call.answered.is_nil() => {}
                    Outcome::Ok => queue.take(call, &call.answered),
                    Outcome::Info => queue.crashed.push(call),
                    Outcome::Fail => {}
                },
                "drain" if call.outcome == Outcome::Fail => {}
                "drain" => match call.answered.items() {
                    Some(items) if call.is_ok() => items.iter().for_each(|item| queue.take(call, item)),
                    _ => {
                        let why = "what it drained is not known, and may be anything";
                        queue.unseen.get_or_insert_with(|| at(call, why));
                    }
                },
                _ => return Err(Refusal::function(call, "a queue")),
            }
        }
        Ok(queue)
    }

    fn enqueue(&mut self, call: &'t Call) {
        let (number, passage) = self.passage(&call.asked);
        passage.attempted += 1;
        if passage
            .first
            .is_none_or(|first| !first.is_possible() && call.is_possible())
        {
            passage.first = Some(call);
        }
        if call.is_ok() {
            passage.acked += 1;
            self.acked.push((number, call));
        }
    }

    fn take(&mut self, call: &'t Call, element: &'t Datum) {
        let (number, passage) = self.passage(element);
        passage.taken += 1;
        self.taken.push((number, call));
    }

    fn passage(&mut self, element: &'t Datum) -> (usize, &mut Passage<'t>) {
        let number = self.elements.number(element);
        if number == self.passages.len() {
            self.passages.push(Passage::default());
        }
        (number, &mut self.passages[number])
    }

    /// Returns every element with its number and how it went through.
    fn passages(&self) -> impl Iterator<Item = (usize, &'t Datum, &Passage<'t>)> {
        let numbered = self.passages.iter().enumerate();
        numbered.map(|(number, passage)| (number, self.elements.datum(number), passage))
    }
}

impl Passage<'_> {
    fn lost(&self) -> u64 {
        self.acked.saturating_sub(self.taken)
    }

    fn ok(&self) -> u64 {
        self.taken.min(self.attempted)
    }

    fn unexpected(&self) -> u64 {
        if self.attempted == 0 { self.taken } else { 0 }
    }

    fn duplicated(&self) -> u64 {
        self.taken - self.ok() - self.unexpected()
    }
}

fn judge(transcript: &Transcript, context: &Context, queue: &Queue<'_>) -> Report<TotalQueueFigures> {
    let figures = TotalQueueFigures::of(queue);
    let mut tallies = NAMES.map(|_| CallTally::new());
    let [lost, unexpected, failed, duplicated] = &mut tallies;
    judge_lost(transcript, context, queue, lost);
    for (number, call) in &queue.taken {
        let (element, first) = (queue.elements.datum(*number), queue.passages[*number].first);
        unexpected.test(1);
        failed.test(1);
        duplicated.test(1);
        let tally = match first {
            Some(first) if !first.is_possible() => &mut *failed,
            Some(first) if !call.precedes(first) => continue,
            _ => &mut *unexpected,
        };
        let calls = first.into_iter().chain([*call]).collect();
        tally.violate(transcript, context, calls, |words, _| {
            tell_from_nowhere(words, call, element, first)
        });
    }
    judge_duplicated(transcript, context, queue, duplicated);
    let parts = NAMES.into_iter().zip(tallies).map(|(name, tally)| match name {
        "duplicated" => Part::observed(name, tally.finish()),
        _ => Part::claimed(name, tally.finish()),
    });
    Report {
        parts: parts.collect(),
        figures: Some(figures),
    }
}

fn judge_lost(transcript: &Transcript, context: &Context, queue: &Queue<'_>, tally: &mut CallTally) {
    tally.test(queue.passages.iter().map(|passage| passage.acked).sum());
    let missing: u64 = queue.passages.iter().map(Passage::lost).sum();
    let crashed = queue.crashed.len();
    if let Some(why) = queue.unseen.as_ref().filter(|_| missing > 0) {
        tally.doubt(|| format!("{missing} acknowledged elements never came out, but {why}"));
        return;
    }
    let surely = missing.saturating_sub(crashed as u64);
    if missing > 0 && crashed > 0 {
        tally.doubt(|| {
            let dequeues = dequeues(crashed);
            format!("{missing} acknowledged elements never came out, and {dequeues} may have taken one each")
        });
    }
    if surely == 0 {
        return;
    }
    // One element more than may have been taken.
    let mut lost: Vec<u64> = queue.passages.iter().map(Passage::lost).collect();
    let is_lost = |(number, _): &(usize, &Call)| {
        let left = lost[*number].checked_sub(1);
        lost[*number] = left.unwrap_or(0);
        left.is_some()
    };
    let shown: Vec<&Call> = queue
        .acked
        .iter()
        .copied()
        .filter(is_lost)
        .map(|(_, call)| call)
        .take(crashed.saturating_add(1).min(WITNESS_CALLS_MAX))
        .collect();
    let takers = queue.crashed.iter().copied().take(WITNESS_CALLS_MAX);
    let calls = shown.iter().copied().chain(takers).collect();
    tally.violate(transcript, context, calls, |words, _| {
        tell_lost(words, &shown, missing, crashed)
    });
    for _ in 1..surely {
        tally.violate_again();
    }
}

fn judge_duplicated(transcript: &Transcript, context: &Context, queue: &Queue<'_>, tally: &mut CallTally) {
    let is_duplicated = |(_, _, passage): &(usize, &Datum, &Passage<'_>)| passage.duplicated() > 0;
    let total: u64 = queue.passages.iter().map(Passage::duplicated).sum();
    let simplest = queue
        .passages()
        .filter(is_duplicated)
        .min_by_key(|(_, _, passage)| passage.attempted + passage.taken);
    let Some((number, element, passage)) = simplest else {
        return;
    };
    let takes = queue.taken.iter().filter(|(taken, _)| *taken == number);
    let enqueues = transcript
        .calls()
        .iter()
        .filter(|call| *call.function == *"enqueue" && call.asked == *element);
    let takes = takes.map(|(_, call)| *call).take(WITNESS_CALLS_MAX);
    let calls = enqueues.take(WITNESS_CALLS_MAX).chain(takes).collect();
    tally.violate(transcript, context, calls, |words, _| {
        let (element, taken, attempted) = (words.value(element), passage.taken, passage.attempted);
        format!("{element} was to go in {attempted} times at most, and came out {taken} times.")
    });
    for _ in 1..total {
        tally.violate_again();
    }
}

impl TotalQueueFigures {
    fn of(queue: &Queue<'_>) -> Self {
        let mut figures = Self::default();
        for (_, element, passage) in queue.passages() {
            figures.attempt_count += passage.attempted;
            figures.acknowledged_count += passage.acked;
            figures.ok_count += passage.ok();
            let repeat = |list: &mut Vec<Datum>, count: u64| list.extend((0..count).map(|_| element.clone()));
            repeat(&mut figures.lost, passage.lost());
            repeat(&mut figures.unexpected, passage.unexpected());
            repeat(&mut figures.duplicated, passage.duplicated());
            repeat(&mut figures.recovered, passage.ok().saturating_sub(passage.acked));
        }
        for list in [
            &mut figures.lost,
            &mut figures.unexpected,
            &mut figures.duplicated,
            &mut figures.recovered,
        ] {
            list.sort_unstable();
        }
        figures.lost_count = figures.lost.len() as u64;
        figures.unexpected_count = figures.unexpected.len() as u64;
        figures.duplicated_count = figures.duplicated.len() as u64;
        figures.recovered_count = figures.recovered.len() as u64;
        figures
    }
}

fn tell_lost(words: CallWords<'_>, shown: &[&Call], missing: u64, crashed: usize) -> String {
    let first = shown[0];
    let (call, span) = (words.call(first), words.span(first));
    if crashed == 0 {
        return format!("{call} {span} had been acknowledged, and nobody got it out.");
    }
    format!(
        "{call} {span} had been acknowledged, and others, and nobody is known to have got them out: {missing} \
         in all, more than {} can have taken.",
        dequeues(crashed)
    )
}

fn dequeues(crashed: usize) -> String {
    let plural = if crashed == 1 { "" } else { "s" };
    format!("{crashed} dequeue{plural} of unknown outcome")
}

fn tell_from_nowhere(words: CallWords<'_>, take: &Call, element: &Datum, first: Option<&Call>) -> String {
    let process = words.transcript.process(take.process);
    let (function, span, element) = (&take.function, words.span(take), words.value(element));
    let returned = format!(
        "{process}'s {function}{} {span} returned {element}",
        words.through(take)
    );
    match first {
        None => format!("{returned}, which nobody had enqueued."),
        Some(first) if first.is_possible() => {
            let (call, span) = (words.call(first), words.span(first));
            format!("{returned}, but {call} began later, {span}.")
        }
        Some(first) => {
            let (call, span) = (words.call(first), words.span(first));
            format!("{returned}, but {call} {span} had failed, and no other was made.")
        }
    }
}
