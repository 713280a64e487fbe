//! Each broken claim as a folder: the words, and the operations that break it as a history of their own.

use std::fmt::Write;

use quorate_checker::{Event, EventKind, Function, WitnessOp};
use quorate_workloads::ClaimReport;

use super::{Report, json::anomaly};
use crate::run_folder::RunFolder;

/// Writes `anomalies/NN-name/` for every claim that was seen broken.
///
/// # Errors
/// If a file can't be written.
pub fn write_anomalies(folder: &RunFolder, report: &Report) -> anyhow::Result<()> {
    for (number, claim) in report.broken().enumerate() {
        let name = format!("anomalies/{:02}-{}", number + 1, anomaly(claim.claim));
        folder.write(&format!("{name}/explain.md"), &explanation(claim))?;
        folder.write(&format!("{name}/minimal.jsonl"), &minimal_history(claim))?;
    }
    Ok(())
}

fn explanation(claim: &ClaimReport) -> String {
    let mut out = String::new();
    let claimed = if claim.claimed { "claimed" } else { "not claimed" };
    let _ = writeln!(out, "# {}\n", anomaly(claim.claim));
    let _ = writeln!(out, "{}: {}.\n", claim.claim.name(), claim.claim.description());
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

fn minimal_history(claim: &ClaimReport) -> String {
    let ops = claim.witness.iter().flat_map(|witness| &witness.ops);
    let mut events: Vec<_> = ops.flat_map(events).collect();
    events.sort_by_key(|event| event.index);
    events.iter().map(|event| event.to_line() + "\n").collect()
}

/// The invocation and the completion of an operation.
fn events(op: &WitnessOp) -> Vec<Event> {
    let (process, key) = (op.process.clone(), op.key.clone());
    let invocation = match op.function {
        "write" => Event::write(process, key, op.value.clone()),
        "read" => Event::read(process, key),
        _ => Event::read_replica(process, key),
    };
    let invocation = Event {
        index: op.index,
        time_ns: op.start_ns,
        node: op.node.clone(),
        phase: op.phase,
        ..invocation
    };
    let kind = match op.outcome {
        "ok" => EventKind::Ok,
        "fail" => EventKind::Fail,
        _ => EventKind::Info,
    };
    let completion = op.completion_index.map(|index| Event {
        index,
        time_ns: op.end_ns.unwrap_or(op.start_ns),
        value: if kind == EventKind::Ok || invocation.function == Function::Write {
            op.value.clone()
        } else {
            serde_json::Value::Null
        },
        version: op.version.clone(),
        ..invocation.completion(kind)
    });
    [invocation].into_iter().chain(completion).collect()
}
