//! Figures that have values of the history in them, as JSON and as Jepsen writes them.

use std::{collections::BTreeMap, fmt::Write};

use serde::{Serialize, Serializer};

use crate::datum::Datum;

pub(super) fn datum<S: Serializer>(datum: &Datum, serializer: S) -> Result<S::Ok, S::Error> {
    datum.to_json().serialize(serializer)
}

pub(super) fn data<S: Serializer>(data: &[Datum], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(data.iter().map(Datum::to_json))
}

pub(super) fn counts<S: Serializer>(counts: &BTreeMap<Datum, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(key, count)| (name(key), count)))
}

fn name(key: &Datum) -> String {
    key.as_name().map_or_else(|| key.to_string(), str::to_owned)
}

/// Returns a set as Jepsen writes one, in which integers that follow each other are one interval: `#{0..2 5}`.
pub(super) fn intervals(mut elements: Vec<Datum>) -> String {
    elements.sort_unstable();
    elements.dedup();
    let mut text = String::from("#{");
    let mut rest = &elements[..];
    while let Some(first) = rest.first() {
        let run = 1 + rest.windows(2).take_while(|pair| is_next(&pair[0], &pair[1])).count();
        let space = if text.len() == 2 { "" } else { " " };
        let written = match run {
            1 => write!(text, "{space}{first}"),
            _ => write!(text, "{space}{first}..{}", rest[run - 1]),
        };
        written.expect("a String takes all that is written to it");
        rest = &rest[run..];
    }
    text + "}"
}

fn is_next(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Int(a), Datum::Int(b)) => a.checked_add(1) == Some(*b),
        _ => false,
    }
}
