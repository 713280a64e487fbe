//! The set that is read all along: what becomes of each element.
//!
//! An element is known from when its add was acknowledged or the first read that has it ended. If the last read to
//! begin has it, it is stable, from the last read that missed it on; if reads that began after it was known miss it
//! and none after them has it, it is lost; else it was never read:
//!
//! ```text
//!   add 5 |----|            known
//!   read       . |- 5 -|    .     |-  -|               |- 5 -|      stable, stale until then
//!   read         |- 5 -|          |-  -|               |-  -|       lost
//! ```
//!
//! That is decided in one pass over the reads, from the last to begin back: those of the elements that have not been
//! missed yet are a list in order of their adds. A read goes along the part of it that had begun when it ended, and
//! takes out what it misses; what it does not take out is among what it returned, so that all walks together take no
//! more steps than there are elements and returned items.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{
    additions::{Added, Additions, Reading, Workload, from_nowhere, reading},
    figures,
    report::{Part, Report},
};
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    transcript::{Call, Transcript},
};

/// What is claimed of a set that is read all along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetFullOptions {
    /// Whether a read has to see all that was known when it began: stale elements are violations.
    pub is_linearizable: bool,
}

/// The figures of a set that is read all along, under Jepsen's names. Latencies are in ms, cut, and absent where the
/// history tells no times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetFullFigures {
    /// How many elements somebody meant to add.
    pub attempt_count: u64,
    /// How many were in the last read that could have them.
    pub stable_count: u64,
    /// How many were known, and then missed until the end.
    pub lost_count: u64,
    /// These, in their order.
    #[serde(serialize_with = "figures::data")]
    pub lost: Vec<Datum>,
    /// Of how many no read tells: none had them, and none that missed them began after they were known.
    pub never_read_count: u64,
    /// These, in their order.
    #[serde(serialize_with = "figures::data")]
    pub never_read: Vec<Datum>,
    /// How many of the stable were missed by a read that began after they were known.
    pub stale_count: u64,
    /// These, in their order.
    #[serde(serialize_with = "figures::data")]
    pub stale: Vec<Datum>,
    /// The stale that took longest to be stable, at most 8, the worst first.
    pub worst_stale: Vec<StaleElement>,
    /// How long the stable took from when they were known.
    pub stable_latencies: Option<Quantiles>,
    /// How long the lost were seen from when they were known.
    pub lost_latencies: Option<Quantiles>,
    /// How many elements a read had more than once.
    pub duplicated_count: u64,
    /// How often the read that had them most often had these.
    #[serde(serialize_with = "figures::counts")]
    pub duplicated: BTreeMap<Datum, u64>,
}

/// An element that took time to be stable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaleElement {
    /// The element.
    #[serde(serialize_with = "figures::datum")]
    pub element: Datum,
    /// From when it was known to the last read that missed it.
    pub stable_latency: u64,
    /// The index of the completion that made it known.
    pub known: Option<u64>,
    /// The index of the invocation of the last read that missed it.
    pub last_absent: u64,
}

/// A distribution: the least, the greatest, and what so many of a hundred are below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// The least.
    #[serde(rename = "0")]
    pub p0: u64,
    /// The median.
    #[serde(rename = "0.5")]
    pub p50: u64,
    /// 95 of a hundred are at most this.
    #[serde(rename = "0.95")]
    pub p95: u64,
    /// 99 of a hundred are at most this.
    #[serde(rename = "0.99")]
    pub p99: u64,
    /// The greatest.
    #[serde(rename = "1")]
    pub p100: u64,
}

const NAMES: [&str; 6] = [
    "lost",
    "stale",
    "duplicated",
    "unexpected",
    "failed-visible",
    "never-read",
];

const SET: Workload = Workload {
    name: "a set",
    add: "add",
};

/// How many stale elements the figures describe.
const WORST_COUNT_MAX: usize = 8;

/// Judges a set (`add e`, `read -> elements`) by all of its ok reads. Findings count elements:
/// - `lost`, of those whose adds did not all fail;
/// - `stale`, of the same; claimed only of a linearizable set;
/// - `duplicated` in one read, of all returned;
/// - `unexpected`: returned, though nobody had begun to add it, of all returned;
/// - `failed-visible`: returned, though all its adds failed, of those whose adds all failed;
/// - `never-read`, of the same as lost; never claimed.
///
/// If no element is lost and none stable, whether any is lost is unknown. Linear in the items returned, and O(n log
/// n) in calls.
///
/// Deviation: Jepsen's own looks for duplicates where an element appears less than once, and so finds none; it looks
/// only at elements that somebody meant to add; it takes staleness of less than a millisecond for none; and it
/// follows elements whose adds had failed, which here count as never read.
pub fn set_full(transcript: &Transcript, context: &Context, options: &SetFullOptions) -> Report<SetFullFigures> {
    match Additions::new(transcript, &SET) {
        Ok(additions) => judge(transcript, context, options, additions),
        Err(refusal) => Report::refused(&NAMES, &refusal),
    }
}

fn judge(
    transcript: &Transcript,
    context: &Context,
    options: &SetFullOptions,
    mut additions: Additions<'_>,
) -> Report<SetFullFigures> {
    let lives = Lives::new(&mut additions);
    let mut judge = Judge {
        transcript,
        context,
        additions: &additions,
        tallies: std::array::from_fn(|_| CallTally::new()),
        figures: SetFullFigures {
            attempt_count: additions.added.len() as u64,
            ..SetFullFigures::default()
        },
        latencies: Latencies::default(),
    };
    for (element, life) in lives.lives.iter().enumerate() {
        judge.seen(element, life);
        if let Some(added) = additions.added.get(element) {
            judge.fate(element, added, life);
        }
    }
    let mut duplicated: Vec<_> = lives.duplicates.iter().collect();
    duplicated.sort_unstable();
    for (&element, &duplicate) in duplicated {
        judge.duplicate(element as usize, duplicate);
    }
    let (mut tallies, figures) = judge.finish();
    if let Some(why) = &additions.doubt {
        tallies.iter_mut().for_each(|tally| tally.doubt(|| why.clone()));
    }
    let parts = NAMES.into_iter().zip(tallies).map(|(name, tally)| match name {
        "never-read" => Part::observed(name, tally.finish()),
        "stale" if !options.is_linearizable => Part::observed(name, tally.finish()),
        _ => Part::claimed(name, tally.finish()),
    });
    Report {
        parts: parts.collect(),
        figures: Some(figures),
    }
}

/// What reads tell of all elements.
struct Lives<'t> {
    /// By element.
    lives: Vec<Life<'t>>,
    /// Elements that one read had more than once: the greatest number of times, and the first read that had it so
    /// often.
    duplicates: FxHashMap<u32, (u64, u32)>,
}

/// What reads tell of one element. Reads are told by their ends.
#[derive(Clone, Copy, Default)]
struct Life<'t> {
    /// The read that had it and ended first.
    first_seen: Option<&'t Call>,
    /// A read that had it and ended before its add began.
    early: Option<&'t Call>,
    /// The read that had it and began last.
    last_present: Option<&'t Call>,
    /// The read that missed it, though its add had begun, and began last.
    last_absent: Option<&'t Call>,
}

impl<'t> Lives<'t> {
    fn new(additions: &mut Additions<'t>) -> Self {
        let mut reads: Vec<(u32, Reading<'t>)> = (0..).zip(additions.reads.iter().copied()).collect();
        reads.sort_unstable_by_key(|(_, read)| std::cmp::Reverse((read.call.start, read.call.end)));
        let mut lives = vec![Life::default(); additions.added.len()];
        let mut duplicates = FxHashMap::default();
        let mut unmissed = Unmissed::new(&additions.added);
        // By element, the last read that had it: its place among all, from 1.
        let mut stamps = vec![0_u32; additions.added.len()];
        for (stamp, (number, read)) in (1..).zip(reads) {
            let Some(items) = read.items else {
                continue;
            };
            for item in items {
                let element = additions.elements.number(item);
                if element == lives.len() {
                    lives.push(Life::default());
                    stamps.push(0);
                }
                if stamps[element] == stamp {
                    duplicates.entry(element as u32).or_insert((1, number));
                } else {
                    stamps[element] = stamp;
                    lives[element].see(read.call, additions.added.get(element));
                }
            }
            unmissed.take_out(&additions.added, read.call, &stamps, stamp, &mut lives);
        }
        Self {
            duplicates: multiplicities(additions, duplicates),
            lives,
        }
    }
}

/// Counts how often reads have the elements that some read has twice.
fn multiplicities(
    additions: &mut Additions<'_>,
    mut duplicates: FxHashMap<u32, (u64, u32)>,
) -> FxHashMap<u32, (u64, u32)> {
    if duplicates.is_empty() {
        return duplicates;
    }
    for (number, read) in (0..).zip(additions.reads.clone()) {
        let mut counts = FxHashMap::<u32, u64>::default();
        for item in read.items.unwrap_or_default() {
            *counts.entry(additions.elements.number(item) as u32).or_default() += 1;
        }
        for (element, count) in counts {
            if let Some(greatest) = duplicates.get_mut(&element)
                && count > greatest.0
            {
                *greatest = (count, number);
            }
        }
    }
    duplicates
}

impl<'t> Life<'t> {
    fn see(&mut self, read: &'t Call, added: Option<&Added<'t>>) {
        if added.is_some_and(|added| read.precedes(added.first)) {
            self.early = Some(read);
            return;
        }
        if self.first_seen.is_none_or(|seen| read.end < seen.end) {
            self.first_seen = Some(read);
        }
        self.last_present.get_or_insert(read);
    }

    /// Returns whether a read that began after `known` had ended misses it, and none that began later has it.
    fn is_lost(&self, known: Option<&Call>) -> bool {
        let is_missed_after = self.last_absent.zip(known);
        is_missed_after.is_some_and(|(absent, known)| known.precedes(absent)) && !self.is_stable()
    }

    fn is_stable(&self) -> bool {
        match (self.last_present, self.last_absent) {
            (Some(present), Some(absent)) => absent.start < present.start,
            (present, _) => present.is_some(),
        }
    }
}

/// The elements that no read so far misses, as a list in order of their adds.
struct Unmissed {
    /// After each element the next, and before all the first, at the end. Beyond the last, [`Self::END`].
    next: Vec<u32>,
}

impl Unmissed {
    const END: u32 = u32::MAX;

    fn new(added: &[Added<'_>]) -> Self {
        let mut order: Vec<u32> = (0..).take(added.len()).collect();
        order.sort_by_key(|element| added[*element as usize].first.start);
        let mut next = vec![Self::END; added.len() + 1];
        let mut before = added.len();
        for element in order {
            next[before] = element;
            before = element as usize;
        }
        Self { next }
    }

    /// Takes out what `read` misses: those of the elements begun when it ended that do not bear its stamp.
    fn take_out<'t>(
        &mut self,
        added: &[Added<'t>],
        read: &'t Call,
        stamps: &[u32],
        stamp: u32,
        lives: &mut [Life<'t>],
    ) {
        let mut before = added.len();
        loop {
            let element = self.next[before] as usize;
            if element == Self::END as usize || read.precedes(added[element].first) {
                break;
            } else if stamps[element] == stamp {
                before = element;
            } else {
                lives[element].last_absent = Some(read);
                self.next[before] = self.next[element];
            }
        }
    }
}

struct Judge<'t> {
    transcript: &'t Transcript,
    context: &'t Context,
    additions: &'t Additions<'t>,
    /// In the order of [`NAMES`].
    tallies: [CallTally; 6],
    figures: SetFullFigures,
    latencies: Latencies,
}

#[derive(Default)]
struct Latencies {
    stable: Vec<u64>,
    lost: Vec<u64>,
    stale: Vec<StaleElement>,
}

impl<'t> Judge<'t> {
    /// Judges whether an element may have been seen at all.
    fn seen(&mut self, element: usize, life: &Life<'t>) {
        let added = self.additions.added.get(element).copied();
        let datum = self.additions.elements.datum(element);
        let [_, _, _, unexpected, failed, _] = &mut self.tallies;
        let is_failed = added.is_some_and(|added| !added.is_possible());
        failed.test(u64::from(is_failed));
        let Some(seen) = life.early.or(life.first_seen) else {
            return;
        };
        unexpected.test(u64::from(!is_failed));
        let first = added.map(|added| added.first);
        let tally = if is_failed {
            failed
        } else if life.early.is_some() || added.is_none() {
            unexpected
        } else {
            return;
        };
        let calls = first.into_iter().chain([seen]).collect();
        tally.violate(self.transcript, self.context, calls, |words, _| {
            from_nowhere(words, seen, datum, first)
        });
    }

    /// Judges what became of an element.
    fn fate(&mut self, element: usize, added: &Added<'t>, life: &Life<'t>) {
        let datum = self.additions.elements.datum(element);
        if !added.is_possible() {
            self.figures.never_read.push(datum.clone());
            return;
        }
        let known = known(added, life);
        let figures = &mut self.figures;
        let [lost, stale, _, _, _, never_read] = &mut self.tallies;
        lost.test(1);
        stale.test(1);
        never_read.test(1);
        if life.is_stable() {
            figures.stable_count += 1;
            let latency = latency_ms(known, life.last_absent);
            self.latencies.stable.extend(latency);
            let missed = life
                .last_absent
                .zip(known)
                .filter(|(absent, known)| known.precedes(absent));
            let Some((absent, known)) = missed else {
                return;
            };
            figures.stale.push(datum.clone());
            self.latencies.stale.push(StaleElement {
                element: datum.clone(),
                stable_latency: latency.unwrap_or(0),
                known: known.completion_index,
                last_absent: absent.index,
            });
            let present = life.last_present.expect("a stable element was seen");
            let (add, known) = tellers(added, known, absent);
            let calls = vec![add, known, absent, present];
            stale.violate(self.transcript, self.context, calls, |words, _| {
                let later = format!("; {} has it", reading(words, present));
                tell_missed(words, add, known, absent) + &later + "."
            });
        } else if life.is_lost(known) {
            let (known, absent) = known
                .zip(life.last_absent)
                .expect("a lost element was known and missed");
            figures.lost.push(datum.clone());
            self.latencies.lost.extend(latency_ms(Some(known), life.last_present));
            let (add, known) = tellers(added, known, absent);
            let calls = vec![add, known, absent];
            lost.violate(self.transcript, self.context, calls, |words, _| {
                tell_missed(words, add, known, absent) + ", and no later read has it."
            });
        } else {
            figures.never_read.push(datum.clone());
            let first = added.first;
            never_read.violate(self.transcript, self.context, vec![first], |words, _| {
                let (call, span) = (words.call(first), words.span(first));
                format!("No read that had to see {call} {span} was made.")
            });
        }
    }

    fn duplicate(&mut self, element: usize, (count, read): (u64, u32)) {
        let datum = self.additions.elements.datum(element);
        let read = self.additions.reads[read as usize].call;
        self.figures.duplicated.insert(datum.clone(), count);
        let [_, _, duplicated, ..] = &mut self.tallies;
        duplicated.test(1);
        duplicated.violate(self.transcript, self.context, vec![read], |words, _| {
            let element = words.value(datum);
            format!("{} has {count} copies of {element}.", reading(words, read))
        });
    }

    fn finish(mut self) -> ([CallTally; 6], SetFullFigures) {
        let mut figures = self.figures;
        for elements in [&mut figures.lost, &mut figures.stale, &mut figures.never_read] {
            elements.sort_unstable();
        }
        figures.lost_count = figures.lost.len() as u64;
        figures.stale_count = figures.stale.len() as u64;
        figures.never_read_count = figures.never_read.len() as u64;
        figures.duplicated_count = figures.duplicated.len() as u64;
        figures.stable_latencies = Quantiles::of(self.latencies.stable);
        figures.lost_latencies = Quantiles::of(self.latencies.lost);
        self.latencies
            .stale
            .sort_by_key(|stale| std::cmp::Reverse(stale.stable_latency));
        self.latencies.stale.truncate(WORST_COUNT_MAX);
        figures.worst_stale = self.latencies.stale;
        let [lost, _, duplicated, ..] = &mut self.tallies;
        duplicated.test((self.additions.elements.len() as u64).saturating_sub(figures.duplicated_count));
        if figures.lost_count == 0 && figures.stable_count == 0 {
            let count = figures.attempt_count;
            lost.doubt(|| format!("no read tells what became of any element, of {count} that were to be added"));
        }
        (self.tallies, figures)
    }
}

/// Returns the call whose end first told of an element.
fn known<'t>(added: &Added<'t>, life: &Life<'t>) -> Option<&'t Call> {
    let tellers = added.acked.into_iter().chain(life.first_seen);
    tellers.min_by_key(|call| call.end)
}

/// Returns the add of an element, and what tells that it had been there when `absent` began: the add itself, if it
/// had been acknowledged.
fn tellers<'t>(added: &Added<'t>, known: &'t Call, absent: &Call) -> (&'t Call, &'t Call) {
    match added.acked.filter(|add| add.precedes(absent)) {
        Some(add) => (add, add),
        None => (added.first, known),
    }
}

/// Returns how long after `known` ended `last` began, in ms; 0 if there is none, and nothing if times are not known.
fn latency_ms(known: Option<&Call>, last: Option<&Call>) -> Option<u64> {
    let known_ns = known?.end_ns?;
    let last_ns = match last {
        Some(last) => last.start_ns?.saturating_add(1),
        None => 0,
    };
    Some(last_ns.saturating_sub(known_ns) / 1_000_000)
}

/// As in `p1's add 5 (...) had been acknowledged, but p2's read of 3 elements (...) misses it`.
fn tell_missed(words: CallWords<'_>, add: &Call, known: &Call, absent: &Call) -> String {
    let (call, span) = (words.call(add), words.span(add));
    let absent = reading(words, absent);
    if known.index == add.index {
        format!("{call} {span} had been acknowledged, but {absent} misses it")
    } else {
        let known = reading(words, known);
        format!("{call} {span} is known from {known}, but {absent} misses it")
    }
}

impl Quantiles {
    /// Takes them of `values`; none of none.
    fn of(mut values: Vec<u64>) -> Option<Self> {
        values.sort_unstable();
        let last = values.len().checked_sub(1)?;
        // As Jepsen rounds: the place is the floor of the product.
        let at = |point: f64| values[((values.len() as f64 * point) as usize).min(last)];
        Some(Self {
            p0: at(0.0),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p100: at(1.0),
        })
    }
}
