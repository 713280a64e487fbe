//! Entries written: a line of EDN as Jepsen's, a line of JSON as ours.

use std::fmt::Write;

use crate::{
    datum::{Datum, is_word},
    history::{Process, Version},
    transcript::Entry,
};

/// Returns the entry as a map of EDN on one line, without a line end: Jepsen's fields in Jepsen's order, then those of ours
/// that it has.
pub fn write_edn(entry: &Entry) -> String {
    let mut line = String::from("{");
    let text = |text: &Option<Box<str>>| text.as_deref().map(Datum::from);
    let integer = |integer: Option<u64>| integer.map(number);
    let fields = [
        ("index", integer(entry.index)),
        ("time", integer(entry.time_ns)),
        ("process", entry.process.as_ref().map(process)),
        ("type", Some(Datum::Keyword(entry.kind.name().into()))),
        ("f", Some(name(&entry.function)).filter(|_| !entry.function.is_empty())),
        ("value", Some(entry.value.clone())),
        ("key", entry.key.clone()),
        ("node", text(&entry.node)),
        ("level", text(&entry.level)),
        ("version", entry.version.as_ref().map(version)),
        ("phase", entry.phase.map(|phase| name(phase.name()))),
        ("seen", entry.seen.clone().map(Datum::List)),
        ("error", entry.error.clone()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let comma = if line.len() == 1 { "" } else { ", " };
            write!(line, "{comma}:{name} {value}").expect("a string takes all");
        }
    }
    line.push('}');
    line
}

/// Returns the entry as an object of JSON on one line, without a line end, in the order of [`Event::to_line`](crate::Event::to_line);
/// the same line if the entry is an event's.
pub fn write_jsonl(entry: &Entry) -> String {
    let mut line = String::from("{");
    let text = |text: &Option<Box<str>>| text.as_deref().map(Datum::from);
    let integer = |integer: Option<u64>| integer.map(number);
    let fields = [
        ("index", integer(entry.index)),
        ("time", integer(entry.time_ns)),
        ("process", entry.process.as_ref().map(process)),
        ("type", Some(Datum::from(entry.kind.name()))),
        (
            "f",
            Some(Datum::from(&*entry.function)).filter(|_| !entry.function.is_empty()),
        ),
        ("key", entry.key.clone()),
        ("value", Some(entry.value.clone())),
        ("seen", entry.seen.clone().map(Datum::List)),
        ("node", text(&entry.node)),
        ("level", text(&entry.level)),
        ("version", entry.version.as_ref().map(version)),
        ("phase", entry.phase.map(|phase| Datum::from(phase.name()))),
        ("error", entry.error.clone()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let comma = if line.len() == 1 { "" } else { "," };
            write!(line, "{comma}\"{name}\":{}", value.to_json()).expect("a string takes all");
        }
    }
    line.push('}');
    line
}

fn number(number: u64) -> Datum {
    i64::try_from(number).map_or_else(|_| Datum::Number(number.to_string().into()), Datum::Int)
}

/// Returns a keyword of this name, or a text if no keyword can be so named.
fn name(name: &str) -> Datum {
    if is_word(name) {
        Datum::Keyword(name.into())
    } else {
        Datum::from(name)
    }
}

fn process(process: &Process) -> Datum {
    match process {
        Process::Client(client) => Datum::Int(*client),
        Process::Other(other) => name(other),
    }
}

fn version(version: &Version) -> Datum {
    match version {
        Version::Integer(integer) => number(*integer),
        Version::Text(text) => Datum::from(text.as_str()),
    }
}
