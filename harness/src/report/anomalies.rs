//! Each broken claim as a folder: the words, and the operations that break it as a history of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use quorate_checker::{Action, Event, EventKind, History, Op, Outcome};
use quorate_workloads::ClaimReport;
use serde_json::Value;

use super::Report;
use crate::run_folder::RunFolder;

/// Writes `anomalies/NN-name/` for every claim that was seen broken.
///
/// # Errors
/// If a file can't be written.
pub fn write_anomalies(folder: &RunFolder, report: &Report, history: &History) -> anyhow::Result<()> {
    for (number, claim) in report.broken().enumerate() {
        let name = format!("anomalies/{:02}-{}", number + 1, claim.claim.anomaly);
        folder.write(&format!("{name}/explain.md"), &explanation(claim))?;
        folder.write(&format!("{name}/minimal.jsonl"), &minimal_history(claim, history))?;
    }
    Ok(())
}

fn explanation(claim: &ClaimReport) -> String {
    let mut out = String::new();
    let claimed = if claim.claimed { "claimed" } else { "not claimed" };
    let _ = writeln!(out, "# {}\n", claim.claim.anomaly);
    let _ = writeln!(out, "{}: {}.\n", claim.claim.name, claim.claim.promise);
    let _ = writeln!(out, "At these settings it is {claimed}: {}.", claim.reason);
    let _ = writeln!(out, "Seen broken {} times in {} tested.\n", claim.count, claim.tested);
    if let Some(witness) = &claim.witness {
        let _ = writeln!(out, "{}\n", witness.text);
        let _ = writeln!(
            out,
            "`minimal.jsonl` holds these operations as a history: `quorate check` it."
        );
    }
    out
}

/// The operations of a witness, and the writes of what they read, as a history that breaks the claim and no other for
/// want of them. Of a counter these are all its increments: any of them may be in the sum.
fn minimal_history(claim: &ClaimReport, history: &History) -> String {
    let cited: BTreeSet<_> = claim
        .witness
        .iter()
        .flat_map(|witness| &witness.ops)
        .map(|op| op.index)
        .collect();
    let all_ops = || history.keys().flat_map(|key| history.ops_of(key));
    let looks = history.keys().flat_map(|key| history.observations_of(key));
    let all = all_ops().chain(looks.map(|look| &look.op));
    let cited: Vec<_> = all.filter(|op| cited.contains(&op.index)).collect();
    let with_writes = cited
        .iter()
        .flat_map(|op| [Some(*op), history.write_of(op.value)])
        .flatten();
    let items = all_ops().filter(|op| cited.iter().any(|cited| is_in(history, op, cited)));
    let with_writes = with_writes.chain(items);
    let ops: BTreeMap<_, _> = with_writes.map(|op| (op.index, op)).collect();
    let mut events: Vec<_> = ops.into_values().flat_map(|op| events(history, op)).collect();
    events.sort_by_key(|event| event.index);
    events.iter().map(|event| event.to_line() + "\n").collect()
}

/// Whether `op` put there something that `cited` shows or has seen: a value of a list, or a part of a sum.
fn is_in(history: &History, op: &Op, cited: &Op) -> bool {
    if op.key != cited.key {
        return false;
    }
    let value = history.value(op.value);
    let listed = history
        .value(cited.value)
        .as_array()
        .is_some_and(|items| items.contains(value));
    match op.action {
        Action::Increment => cited.action != Action::Increment,
        Action::Write | Action::Add => listed || history.seen(cited).contains(&op.value),
        _ => false,
    }
}

/// The invocation and the completion of an operation.
fn events(history: &History, op: &Op) -> Vec<Event> {
    let (process, key) = (history.process(op.process).clone(), history.key(op.key).to_owned());
    let value = history.value(op.value).clone();
    let phase = match op.action {
        Action::ReadReplica(phase) => Some(phase),
        _ => None,
    };
    let function = op.action.function();
    let seen: Vec<_> = history
        .seen(op)
        .iter()
        .map(|value| history.value(*value).clone())
        .collect();
    let invocation = Event {
        function,
        value: if function.takes_value() {
            value.clone()
        } else {
            Value::Null
        },
        seen: (!seen.is_empty()).then_some(seen),
        index: op.index,
        time_ns: op.start_ns,
        node: op.node.map(|node| history.node(node).to_owned()),
        phase,
        ..Event::read(process, key)
    };
    let kind = match op.outcome {
        Outcome::Ok => EventKind::Ok,
        Outcome::Fail => EventKind::Fail,
        Outcome::Info => EventKind::Info,
    };
    let completion = op.completion_index().map(|index| Event {
        index,
        time_ns: op.end_ns().unwrap_or(op.start_ns),
        value,
        seen: None,
        version: op.version.map(|version| history.version(version)),
        ..invocation.completion(kind)
    });
    [invocation].into_iter().chain(completion).collect()
}
