//! Entries written: a line of EDN as Jepsen's, a line of JSON as ours.

use std::fmt::Write;

use crate::transcript::Entry;

/// Returns the entry as a map of EDN on one line, without a line end: Jepsen's fields in Jepsen's order, then those of ours
/// that it has. Read back, it is the entry.
pub fn write_edn(entry: &Entry) -> String {
    let mut fields = entry.fields();
    let is_key = |(name, _): &(&str, _)| *name == "key";
    let key = fields.iter().position(is_key).expect("it is a field");
    fields[key..key + 2].reverse();
    let mut line = String::from("{");
    for (name, value) in fields {
        if let Some(value) = value {
            let comma = if line.len() == 1 { "" } else { ", " };
            write!(line, "{comma}:{name} {value}").expect("a string takes all");
        }
    }
    line.push('}');
    line
}

/// Returns the entry as an object of JSON on one line, without a line end, in the order of
/// [`Event::to_line`](crate::Event::to_line), and the same line if the entry is an event's. Read back, it is the entry as far as
/// JSON can say it.
pub fn write_jsonl(entry: &Entry) -> String {
    let mut line = String::from("{");
    for (name, value) in entry.fields() {
        if let Some(value) = value {
            let comma = if line.len() == 1 { "" } else { "," };
            write!(line, "{comma}\"{name}\":{}", value.to_json()).expect("a string takes all");
        }
    }
    line.push('}');
    line
}
