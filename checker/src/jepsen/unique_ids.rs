//! Unique ids: whoever asks for one gets one that nobody else gets.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;

use super::{
    elements::Elements,
    figures,
    report::{Part, Refusal, Report, at},
};
use crate::{
    datum::Datum,
    evidence::{CallTally, Context},
    transcript::{Call, Transcript},
};

/// The figures of unique ids, under Jepsen's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UniqueIdsFigures {
    /// How many ids were asked for.
    pub attempted_count: u64,
    /// How many were given.
    pub acknowledged_count: u64,
    /// How many ids were given more than once.
    pub duplicated_count: u64,
    /// How often these were, at most 48, those given most often.
    #[serde(serialize_with = "figures::counts")]
    pub duplicated: BTreeMap<Datum, u64>,
    /// The least and the greatest id; nil if there is none.
    #[serde(serialize_with = "figures::data")]
    pub range: Vec<Datum>,
}

/// How many duplicates the figures name, as Jepsen's.
const DUPLICATES_MAX: usize = 48;

/// Judges generated ids (`generate -> id`): `duplicated` are ids that were given more than once, tested by the ids
/// given. O(n log n).
pub fn unique_ids(transcript: &Transcript, context: &Context) -> Report<UniqueIdsFigures> {
    match judge(transcript, context) {
        Ok(report) => report,
        Err(refusal) => Report::refused(&["duplicated"], &refusal),
    }
}

fn judge(transcript: &Transcript, context: &Context) -> Result<Report<UniqueIdsFigures>, Refusal> {
    let mut tally = CallTally::new();
    let mut figures = UniqueIdsFigures::default();
    let mut ids = Elements::new();
    let mut given: Vec<(u64, &Call)> = Vec::new();
    for call in transcript.calls() {
        if *call.function != *"generate" {
            return Err(Refusal::function(call, "a generator of ids"));
        }
        figures.attempted_count += 1;
        if !call.is_ok() {
            continue;
        }
        figures.acknowledged_count += 1;
        if call.answered.is_nil() {
            tally.doubt(|| at(call, "it ended well without an id"));
            continue;
        }
        let id = ids.number(&call.answered);
        if id == given.len() {
            tally.test(1);
            given.push((0, call));
        }
        let (count, first) = &mut given[id];
        *count += 1;
        if *count == 2 {
            tally.violate(transcript, context, vec![first, call], |words, _| {
                let of = |call: &Call| format!("{} {}", words.transcript.process(call.process), words.span(call));
                format!(
                    "{} and {} were both given {}.",
                    of(first),
                    of(call),
                    words.value(&call.answered)
                )
            });
        }
    }
    let all = || (0..ids.len()).map(|id| ids.datum(id));
    let least = all().min_by(|a, b| order(a, b)).cloned().unwrap_or_default();
    let greatest = all().max_by(|a, b| order(a, b)).cloned().unwrap_or_default();
    figures.range = vec![least, greatest];
    let counts = given.iter().enumerate().map(|(id, (count, _))| (*count, ids.datum(id)));
    let mut duplicates: Vec<(u64, &Datum)> = counts.filter(|(count, _)| *count > 1).collect();
    figures.duplicated_count = duplicates.len() as u64;
    duplicates.sort_unstable_by_key(|(count, id)| (std::cmp::Reverse(*count), *id));
    let first = duplicates.into_iter().take(DUPLICATES_MAX);
    figures.duplicated = first.map(|(count, id)| (id.clone(), count)).collect();
    Ok(Report {
        parts: vec![Part::claimed("duplicated", tally.finish())],
        figures: Some(figures),
    })
}

/// Orders ids: whole numbers of up to 128 bits by what they are, all else as values are ordered.
fn order(a: &Datum, b: &Datum) -> Ordering {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

fn whole(id: &Datum) -> Option<i128> {
    match id {
        Datum::Int(int) => Some((*int).into()),
        Datum::Number(text) => text.trim_end_matches('N').parse().ok(),
        _ => None,
    }
}
