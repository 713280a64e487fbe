//! Each broken claim as a folder: the words, the picture, and the operations that break it, alone and as a history.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use anyhow::Context as _;
use quorate_checker::{
    Action, Context, Event, EventKind, History, Op, Transcript, Witness,
    formats::write_jsonl,
    isolation::{self, Anomaly, Data, Txns},
    timeline,
};
use quorate_workloads::{ClaimReport, Record, TxnRecord};
use serde_json::Value;

use super::{Report, showing::showing};
use crate::whole_file;

/// Writes `anomalies/NN-name/` below `folder` for every claim that was seen broken: `explain.md`, `graph.svg`, `ops.jsonl`
/// (the operations of the witness, whole) and `minimal.jsonl` (a history that breaks the claim).
///
/// # Errors
/// If a file can't be written.
pub fn write_anomalies(folder: &Path, report: &Report, record: &Record, context: &Context) -> anyhow::Result<()> {
    for claim in report.broken() {
        let Some(witness) = &claim.witness else {
            continue;
        };
        let folder = folder.join(report.anomaly_folder(claim));
        fs::create_dir_all(&folder).with_context(|| format!("create folder {}", folder.display()))?;
        let minimal = match record {
            Record::Keys(history) => minimal_history(claim, history),
            Record::Calls(transcripts) => match transactions_of(claim, transcripts) {
                Some(txns) => minimal_transactions(claim, &txns),
                None => minimal_transcript(claim, transcripts),
            },
            Record::Txns(txns) => minimal_transactions(claim, txns),
            Record::Own(own) => minimal_own(claim, own),
        };
        let files = evidence_files(claim, witness, context).into_iter();
        for (name, text) in files.chain([("minimal.jsonl", minimal)]) {
            let path = folder.join(name);
            whole_file::replace(&path, &text).with_context(|| format!("write {}", path.display()))?;
        }
    }
    Ok(())
}

/// What a broken claim's folder holds beside the history, by name.
pub(crate) fn evidence_files(claim: &ClaimReport, witness: &Witness, context: &Context) -> [(&'static str, String); 3] {
    let ops = witness.ops.iter().map(|op| {
        let line = serde_json::to_string(op).expect("an op is numbers, texts and JSON");
        line + "\n"
    });
    [
        ("explain.md", explanation(claim)),
        (
            "graph.svg",
            witness.picture.clone().unwrap_or_else(|| timeline(witness, context)),
        ),
        ("ops.jsonl", ops.collect()),
    ]
}

fn explanation(claim: &ClaimReport) -> String {
    let mut out = String::new();
    let claimed = if claim.claimed { "claimed" } else { "not claimed" };
    let _ = writeln!(out, "# {}\n", claim.claim.anomaly);
    let _ = writeln!(out, "{}: {}.\n", claim.claim.name, claim.claim.promise);
    let _ = writeln!(out, "It is {claimed}: {}.", claim.reason);
    let _ = writeln!(out, "Seen broken {} times in {} tested.\n", claim.count, claim.tested);
    if let Some(witness) = &claim.witness {
        let _ = writeln!(out, "{}\n", witness.text);
        let _ = writeln!(out, "![The operations](graph.svg)\n");
        let _ = writeln!(
            out,
            "`minimal.jsonl` holds these operations as a history: `quorate check` it. `ops.jsonl` has each with all that is \
             known of it."
        );
    }
    out
}

/// The transactions of a witness as a history in which no others were.
fn minimal_transactions(claim: &ClaimReport, txns: &Txns) -> String {
    let entries = showing(claim, &cited(claim), txns).entries();
    entries.iter().map(|entry| write_jsonl(entry) + "\n").collect()
}

/// The transactions of a witness, as of [`minimal_transactions`], and the looks that it cites.
fn minimal_own(claim: &ClaimReport, own: &TxnRecord) -> String {
    let txns = as_transactions(&own.calls);
    let cited = cited(claim);
    let mut lines: Vec<(u64, String)> = Vec::new();
    let mut is_cited = false;
    for look in &own.looks {
        // Each is an invocation and its completion, and cited by the first.
        is_cited = match look.kind {
            EventKind::Invoke => cited.contains(&look.index),
            _ => is_cited,
        };
        if is_cited {
            lines.push((look.index, look.to_line()));
        }
    }
    if let Some(txns) = txns {
        let entries = showing(claim, &cited, &txns).entries();
        lines.extend(
            entries
                .iter()
                .map(|entry| (entry.index.unwrap_or(0), write_jsonl(entry))),
        );
    }
    lines.sort_unstable_by_key(|(index, _)| *index);
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

/// The transactions that the calls of a witness are, if its claim is of such.
fn transactions_of(claim: &ClaimReport, transcripts: &[Transcript]) -> Option<Txns> {
    let [transcript] = transcripts else { return None };
    let anomaly = anomaly_of(claim)?;
    as_transactions(transcript).filter(|_| claim.claim.name.contains(anomaly.name()))
}

/// The anomaly of transactions that a claim is about, if it is about one.
pub(super) fn anomaly_of(claim: &ClaimReport) -> Option<Anomaly> {
    Anomaly::all().find(|it| it.name() == claim.claim.anomaly)
}

/// Calls as transactions on lists, or else on registers.
fn as_transactions(calls: &Transcript) -> Option<Txns> {
    let mut data = [Data::Lists, Data::Registers].into_iter();
    data.find_map(|data| isolation::transactions(calls, data).ok())
}

/// The calls of a witness as a transcript of their own.
fn minimal_transcript(claim: &ClaimReport, transcripts: &[Transcript]) -> String {
    let cited = cited(claim);
    let parts = transcripts.iter().map(|transcript| {
        let calls = transcript.calls().iter().enumerate();
        let places = calls
            .filter(|(_, call)| cited.contains(&call.index))
            .map(|(place, _)| place);
        transcript.only(places)
    });
    let entries = parts.flat_map(|part| part.entries()).collect::<Vec<_>>();
    entries.iter().map(|entry| write_jsonl(entry) + "\n").collect()
}

fn cited(claim: &ClaimReport) -> BTreeSet<u64> {
    let ops = claim.witness.iter().flat_map(|witness| &witness.ops);
    ops.map(|op| op.index).collect()
}

/// The operations of a witness, and the writes of what they read, as a history that breaks the claim and no other for
/// want of them. Of a counter these are all its increments: any of them may be in the sum.
fn minimal_history(claim: &ClaimReport, history: &History) -> String {
    let cited = cited(claim);
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
    let mut events: Vec<_> = ops.into_values().flat_map(|op| op_events(history, op)).collect();
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
        Action::Write | Action::Add | Action::Cas => listed || history.seen(cited).contains(&op.value),
        _ => false,
    }
}

/// The invocation and the completion of an operation.
pub(crate) fn op_events(history: &History, op: &Op) -> Vec<Event> {
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
    let compared = history.compared(op);
    let value = compared.clone().unwrap_or(value);
    let invocation = Event {
        function,
        value: if function.takes_value() {
            value.clone()
        } else {
            Value::Null
        },
        seen: (!seen.is_empty() && compared.is_none()).then_some(seen),
        index: op.index,
        time_ns: op.start_ns,
        node: op.node.map(|node| history.node(node).to_owned()),
        phase,
        ..Event::read(process, key)
    };
    let is_mismatch = op.action == Action::CasMismatch;
    let kind = if is_mismatch {
        EventKind::Ok
    } else {
        EventKind::from(op.outcome)
    };
    let completion = op.completion_index().map(|index| Event {
        index,
        time_ns: op.end_ns().unwrap_or(op.start_ns),
        value: if is_mismatch { false.into() } else { value },
        seen: None,
        version: op.version.map(|version| history.version(version)),
        ..invocation.completion(kind)
    });
    [invocation].into_iter().chain(completion).collect()
}
