//! Ops and times in words, so that every witness speaks of them alike.

use std::fmt::Write;

use serde_json::Value;

use super::context::{Context, FaultSpan};
use crate::history::{Action, History, NodeId, Op, Outcome, ValueId, VersionId};

/// How many faults a witness names; of more, the last to begin, as the nearest to what went wrong.
const FAULT_COUNT_MAX: usize = 6;

/// How many items of a list words name: more than siblings ever are, where all goes well.
const LIST_COUNT_MAX: usize = 16;

/// Words for the ops of one history.
#[derive(Clone, Copy)]
pub(crate) struct Words<'h> {
    pub(crate) history: &'h History,
}

impl<'h> Words<'h> {
    pub(crate) fn process(self, op: &Op) -> String {
        self.history.process(op.process).to_string()
    }

    pub(crate) fn key(self, op: &Op) -> &'h str {
        self.history.key(op.key)
    }

    pub(crate) fn node(self, node: NodeId) -> &'h str {
        self.history.node(node)
    }

    pub(crate) fn value(self, value: ValueId) -> String {
        if self.history.is_nothing(value) {
            "nothing".to_owned()
        } else {
            value_text(self.history.value(value))
        }
    }

    pub(crate) fn version(self, version: VersionId) -> String {
        self.history.version(version).to_string()
    }

    /// As in `57's write`, or `p1's delete`.
    pub(crate) fn write_of(self, value: ValueId) -> String {
        match self.history.write_of(value) {
            Some(delete) if self.history.is_nothing(value) => format!("{}'s delete", self.process(delete)),
            _ => format!("{}'s write", self.value(value)),
        }
    }

    /// As in `p1's write of 57 through n4`, `p1's delete through n4`, or `p3's read of 41 through n2`.
    pub(crate) fn op(self, op: &Op) -> String {
        let value = self.value(op.value);
        let process = self.process(op);
        let through = self.through(op);
        match op.action {
            Action::Write => format!("{process}'s write of {value}{through}"),
            Action::Delete => format!("{process}'s delete{through}"),
            Action::Cas | Action::CasMismatch => {
                let expected = self.history.seen(op).first().map_or(ValueId::NIL, |expected| *expected);
                format!("{process}'s change of {} to {value}{through}", self.value(expected))
            }
            Action::Add => format!("{process}'s add of {value}{through}"),
            Action::Remove => format!("{process}'s remove of {value}{through}"),
            Action::Increment => format!("{process}'s increment by {value}{through}"),
            Action::Read | Action::ReadReplica(_) => format!("{process}'s read of {value}{through}"),
        }
    }

    /// As in `p3 read k17 through n2 (3.201 s to 3.204 s) and got 41`.
    pub(crate) fn return_of(self, read: &Op) -> String {
        let (process, key, value) = (self.process(read), self.key(read), self.value(read.value));
        let (through, span) = (self.through(read), self.span(read));
        match read.action {
            Action::ReadReplica(phase) => {
                format!(
                    "{process} looked{through} for {key} in the {} phase {span} and it held {value}",
                    phase.name()
                )
            }
            _ => format!("{process} read {key}{through} {span} and got {value}"),
        }
    }

    /// As in `(3.201 s to 3.204 s)`.
    pub(crate) fn span(self, op: &Op) -> String {
        let start = seconds(op.start_ns);
        match (op.end_ns(), op.outcome) {
            (Some(end_ns), Outcome::Ok | Outcome::Fail) => format!("({start} to {})", seconds(end_ns)),
            (Some(end_ns), Outcome::Info) => format!("(from {start}, given up at {})", seconds(end_ns)),
            (None, _) => format!("(from {start}, never answered)"),
        }
    }

    /// As in `acknowledged at 3.150 s, 51 ms before the read began`; `write` has to have been, and before.
    pub(crate) fn acknowledged_before(self, write: &Op, read: &Op) -> String {
        let end_ns = ended_ns(write);
        let noun = match read.action {
            Action::ReadReplica(_) => "the look",
            _ => "the read",
        };
        format!(
            "acknowledged at {}, {}before {noun} began",
            seconds(end_ns),
            gap(end_ns, read.start_ns)
        )
    }

    /// What was on meanwhile, as a sentence after a space; nothing if the run's faults are not known.
    pub(super) fn faults(self, context: &Context, ops: &[&Op]) -> String {
        Self::faults_of(context, ops.iter().map(|op| (op.start_ns, op.end_ns())))
    }

    /// The same for what began and ended at these times.
    pub(crate) fn faults_of(context: &Context, spans: impl Iterator<Item = (u64, Option<u64>)> + Clone) -> String {
        let start_ns = spans.clone().map(|(start_ns, _)| start_ns).min();
        let end_ns = spans.map(|(start_ns, end_ns)| end_ns.unwrap_or(start_ns)).max();
        let (Some(start_ns), Some(end_ns)) = (start_ns, end_ns) else {
            return String::new();
        };
        let is_on = |fault: &&FaultSpan| fault.start_ns <= end_ns && fault.end_ns.is_none_or(|end| end >= start_ns);
        let mut on: Vec<&FaultSpan> = context.faults.iter().filter(is_on).collect();
        on.sort_by_key(|fault| (fault.start_ns, fault.end_ns));
        let unnamed = on.len().saturating_sub(FAULT_COUNT_MAX);
        let phrases: Vec<String> = on[unnamed..].iter().map(|fault| phrase(fault)).collect();
        if context.faults.is_empty() {
            return String::new();
        } else if phrases.is_empty() {
            return " No fault was on meanwhile.".to_owned();
        }
        let mut text = format!(" Faults meanwhile: {}", phrases.join(", "));
        if unnamed > 0 {
            write!(text, ", and {unnamed} earlier").expect("a String takes all that is written to it");
        }
        text + "."
    }

    /// As in ` through n4`, with the space before; nothing if no node is known.
    pub(crate) fn through(self, op: &Op) -> String {
        let preposition = if matches!(op.action, Action::ReadReplica(_)) {
            "at"
        } else {
            "through"
        };
        op.node
            .map(|node| format!(" {preposition} {}", self.history.node(node)))
            .unwrap_or_default()
    }
}

/// Returns `value` as JSON; of a long list, its beginning and how many there are.
fn value_text(value: &Value) -> String {
    match value {
        Value::Array(list) if list.len() > LIST_COUNT_MAX => {
            let first = Value::from(&list[..LIST_COUNT_MAX]).to_string();
            format!("{}, ... {} in all]", first.trim_end_matches(']'), list.len())
        }
        _ => value.to_string(),
    }
}

/// Returns when an op ended that did.
pub(crate) fn ended_ns(op: &Op) -> u64 {
    op.end_ns().expect("an op ends where it is completed")
}

/// As in `3.201 s`: cut, not rounded, to the millisecond.
pub(crate) fn seconds(time_ns: u64) -> String {
    format!(
        "{}.{:03} s",
        time_ns / 1_000_000_000,
        time_ns % 1_000_000_000 / 1_000_000
    )
}

/// As in `51 ms `, with the space; nothing where the clock shows no time between.
fn gap(from_ns: u64, to_ns: u64) -> String {
    match to_ns.saturating_sub(from_ns) {
        0 => String::new(),
        ns @ 1..1_000 => format!("{ns} ns "),
        ns @ 1_000..1_000_000 => format!("{} µs ", ns / 1_000),
        ns @ 1_000_000..1_000_000_000 => format!("{} ms ", ns / 1_000_000),
        ns => format!("{} ", seconds(ns)),
    }
}

fn phrase(fault: &FaultSpan) -> String {
    let start = seconds(fault.start_ns);
    match fault.end_ns {
        Some(end_ns) => format!("{} ({start} to {})", fault.label, seconds(end_ns)),
        None => format!("{} (from {start} on)", fault.label),
    }
}
