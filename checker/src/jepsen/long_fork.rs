//! Long forks: two reads that see two writes in opposite orders.
//!
//! Every key is written once, and reads are of groups of keys. What a read of a group saw is then the set of its
//! writes that had happened; states that follow each other in time contain each other, so that two reads neither of
//! which contains the other can't both be right (Sovran, Power, Aguilera, Li, *Transactional Storage for
//! Geo-replicated Systems*, SOSP 2011, section 3, where parallel snapshot isolation allows it). Sets that contain
//! each other are a chain in order of their sizes: once sorted, each has to contain the one before it, and no other
//! pairs need be looked at.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::report::{Part, Refusal, Report, at};
use crate::{
    datum::Datum,
    evidence::{CallTally, CallWords, Context},
    transcript::{Call, Transcript},
};

/// What is known of the workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongForkOptions {
    /// How many keys each read is of. Unless known, any number will do.
    pub group_size: Option<usize>,
}

/// The figures of long forks, under Jepsen's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LongForkFigures {
    /// How many ok reads there are.
    pub reads_count: u64,
    /// How many of them came too early to tell anything, as they saw no write.
    pub early_read_count: u64,
    /// How many came too late, as they saw every write of their group.
    pub late_read_count: u64,
    /// Pairs of reads that fork, by the indices of their invocations: of each two states that follow each other by
    /// size and fork the first reads, at most 48.
    pub forks: Vec<[u64; 2]>,
}

/// How many forks the figures name.
const FORKS_MAX: usize = 48;

/// Judges writes of one key each (`[[:w k v]]`) and reads of groups (`[[:r k v] ...]`), whatever the functions are
/// called: `long-fork` is broken by a group two of whose reads fork, tested by the groups with two reads or more. A
/// key that is written twice, or a transaction that both reads and writes, is refused; a group whose reads see two
/// values of one key is unknown. Linear in what is read, but for sorting.
pub fn long_fork(transcript: &Transcript, context: &Context, options: &LongForkOptions) -> Report<LongForkFigures> {
    match judge(transcript, context, options) {
        Ok(report) => report,
        Err(refusal) => Report::refused(&["long-fork"], &refusal),
    }
}

/// A read: which keys of its group it saw written, by their places.
struct State<'t> {
    call: &'t Call,
    seen: Vec<u32>,
}

/// What one read of a key found there; none for nothing.
type Found<'t> = BTreeMap<&'t Datum, Option<&'t Datum>>;

fn judge<'t>(
    transcript: &'t Transcript,
    context: &Context,
    options: &LongForkOptions,
) -> Result<Report<LongForkFigures>, Refusal> {
    let mut tally = CallTally::new();
    let mut figures = LongForkFigures::default();
    let mut written = FxHashMap::<&Datum, &Call>::default();
    // In order of their keys, so that the same history gives the same witness.
    let mut groups = BTreeMap::<Vec<&'t Datum>, Vec<(&'t Call, Found<'t>)>>::new();
    for call in transcript.calls() {
        match Transaction::of(call)? {
            Transaction::Write(_) if !call.is_possible() => {}
            Transaction::Write(key) => {
                if let Some(other) = written.insert(key, call) {
                    let why = format!("it writes the key that the call of index {} writes too", other.index);
                    return Err(Refusal::new(call, &why));
                }
            }
            Transaction::Read if !call.is_ok() => {}
            Transaction::Read => match found(call, options) {
                Ok(found) => {
                    figures.reads_count += 1;
                    figures.early_read_count += u64::from(found.values().all(Option::is_none));
                    figures.late_read_count += u64::from(found.values().all(Option::is_some));
                    groups
                        .entry(found.keys().copied().collect())
                        .or_default()
                        .push((call, found));
                }
                Err(why) => tally.doubt(|| at(call, &why)),
            },
        }
    }
    for (keys, reads) in groups.iter().filter(|(_, reads)| reads.len() > 1) {
        match states(keys, reads) {
            Ok(states) => judge_group(transcript, context, keys, states, &mut tally, &mut figures),
            Err(why) => tally.doubt(|| why),
        }
    }
    Ok(Report {
        parts: vec![Part::claimed("long-fork", tally.finish())],
        figures: Some(figures),
    })
}

fn judge_group(
    transcript: &Transcript,
    context: &Context,
    keys: &[&Datum],
    mut states: Vec<State<'_>>,
    tally: &mut CallTally,
    figures: &mut LongForkFigures,
) {
    tally.test(1);
    states.sort_by(|a, b| (a.seen.len(), &a.seen, a.call.start).cmp(&(b.seen.len(), &b.seen, b.call.start)));
    states.dedup_by(|later, first| later.seen == first.seen);
    // The pair that was complete first makes the evidence.
    let mut first: Option<(&State<'_>, &State<'_>)> = None;
    for pair in states.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        if contains(&b.seen, &a.seen) {
            continue;
        }
        if figures.forks.len() < FORKS_MAX {
            figures.forks.push([a.call.index, b.call.index]);
        }
        let ended = |(a, b): (&State<'_>, &State<'_>)| a.call.end.max(b.call.end);
        if first.is_none_or(|first| ended((a, b)) < ended(first)) {
            first = Some((a, b));
        }
    }
    if let Some((a, b)) = first {
        tally.violate(transcript, context, vec![a.call, b.call], |words, _| {
            tell(words, keys, a, b)
        });
    }
}

/// What a call does.
enum Transaction<'t> {
    /// It writes one key.
    Write(&'t Datum),
    Read,
}

impl<'t> Transaction<'t> {
    fn of(call: &'t Call) -> Result<Self, Refusal> {
        let steps = call
            .asked
            .items()
            .map(|items| items.iter().map(step).collect::<Option<Vec<_>>>());
        let steps = steps.flatten().filter(|steps| !steps.is_empty());
        let steps = steps.ok_or_else(|| Refusal::new(call, "it is no transaction of reads or of one write"))?;
        match &steps[..] {
            [("w" | "write", key, _)] => Ok(Self::Write(key)),
            reads if reads.iter().all(|(name, _, _)| matches!(*name, "r" | "read")) => Ok(Self::Read),
            _ => Err(Refusal::new(call, "it writes, and not just one key")),
        }
    }
}

/// Takes a step apart into what it does, its key and its value.
fn step(step: &Datum) -> Option<(&str, &Datum, &Datum)> {
    match step {
        Datum::List(items) => match &items[..] {
            [name, key, value] => Some((name.as_name()?, key, value)),
            _ => None,
        },
        _ => None,
    }
}

/// Returns what an ok read found; an error is why that can't be judged.
fn found<'t>(call: &'t Call, options: &LongForkOptions) -> Result<Found<'t>, String> {
    let mut found = Found::new();
    let steps = call.answered.items().ok_or("it returned no reads")?;
    for item in steps {
        let (_, key, value) = step(item).ok_or("it returned something else than reads")?;
        let value = Some(value).filter(|value| !value.is_nil());
        if found.insert(key, value).is_some_and(|other| other != value) {
            return Err("it read a key twice and found different values".to_owned());
        }
    }
    match options.group_size {
        Some(size) if size != found.len() => Err(format!("it reads {} keys, not {size}", found.len())),
        _ => Ok(found),
    }
}

/// Turns what reads of one group found into states; an error is why that can't be done.
fn states<'t>(keys: &[&'t Datum], reads: &[(&'t Call, Found<'t>)]) -> Result<Vec<State<'t>>, String> {
    let mut values: Vec<Option<&Datum>> = vec![None; keys.len()];
    let mut states = Vec::with_capacity(reads.len());
    for (call, found) in reads {
        let mut seen = Vec::new();
        for ((place, value), known) in (0..).zip(found.values()).zip(&mut values) {
            let Some(value) = value else {
                continue;
            };
            if *known.get_or_insert(value) != *value {
                let why = "it sees a second value of a key, where each is written once";
                return Err(at(call, why));
            }
            seen.push(place);
        }
        states.push(State { call, seen });
    }
    Ok(states)
}

/// Whether all of `part` is in `whole`; both rise.
fn contains(whole: &[u32], part: &[u32]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|place| whole.any(|it| it == place))
}

fn tell(words: CallWords<'_>, keys: &[&Datum], a: &State<'_>, b: &State<'_>) -> String {
    let only = |a: &State<'_>, b: &State<'_>| {
        let place = a.seen.iter().find(|place| b.seen.binary_search(place).is_err());
        let place = place.expect("neither contains the other");
        words.value(keys[*place as usize])
    };
    let (x, y) = (only(a, b), only(b, a));
    let read = |it: &State<'_>| {
        let process = words.transcript.process(it.call.process);
        format!("{process}'s read{} {}", words.through(it.call), words.span(it.call))
    };
    format!(
        "{} saw the write of {x} and not yet that of {y}, but {} saw that of {y} and not yet that of {x}: no order of \
         the two writes allows both.",
        read(a),
        read(b)
    )
}
