//! The transactions of a witness as a history that shows by itself what it is the witness of.
//!
//! What others wrote is left out of what the transactions read. Mostly that is well: a cycle, say, is made of what its own transactions
//! wrote. Where it is not, as where a transaction contradicts itself about what another wrote, or registers were written in an order that
//! others show, some of these others have to be there too.

use std::collections::BTreeSet;

use quorate_checker::{
    Call, Context, Datum, Transcript,
    isolation::{self, Anomaly, Data, Keys, Txns},
};
use quorate_workloads::ClaimReport;

use super::anomalies::anomaly_of;

/// The cited transactions of `txns`, and as few others as are tried until the anomaly of `claim` is there; the cited alone if it never
/// is, as for want of what is not in any transaction.
pub(super) fn showing(claim: &ClaimReport, cited: &BTreeSet<u64>, txns: &Txns) -> Transcript {
    let alone = txns.transcript(|index| cited.contains(&index));
    let Some(anomaly) = anomaly_of(claim).filter(|anomaly| !shows(&alone, *anomaly)) else {
        return alone;
    };
    let whole = txns.transcript(|_| true);
    let others: [IsNeeded; 4] = [
        |call, cited| writes_any(call, &last_read(cited)),
        |call, cited| writes_any(call, &read(cited)),
        |call, cited| touches_any(call, &touched(cited)),
        is_meanwhile,
    ];
    let cited_calls: Vec<&Call> = whole
        .calls()
        .iter()
        .filter(|call| cited.contains(&call.index))
        .collect();
    let grown = others.into_iter().map(|is_needed| {
        let needed = whole.calls().iter().filter(|call| is_needed(call, &cited_calls));
        let needed: BTreeSet<u64> = needed.map(|call| call.index).collect();
        txns.transcript(|index| cited.contains(&index) || needed.contains(&index))
    });
    let found = { grown }.find(|transcript| shows(transcript, anomaly));
    found.unwrap_or(alone)
}

/// Whether a transaction is to be there beside those that are cited.
type IsNeeded = fn(&Call, &[&Call]) -> bool;

/// Whether `anomaly` is found, whatever may be assumed of registers.
fn shows(transcript: &Transcript, anomaly: Anomaly) -> bool {
    let question = isolation::Question {
        keys: Keys {
            writes_follow_reads: true,
            sequential: true,
            linearizable: true,
            reported: true,
        },
        ..isolation::Question::of(isolation::Model::STRICT_SERIALIZABLE)
    };
    let finds = |data: Data| {
        let txns = isolation::transactions(transcript, data);
        let report = txns.map(|txns| isolation::check(&txns, &question, &Context::default()));
        report.is_ok_and(|report| report.anomalies.iter().any(|found| found.anomaly == anomaly))
    };
    finds(Data::Lists) || finds(Data::Registers)
}

/// A key and what was read of it or written to it.
type Values<'c> = BTreeSet<(&'c Datum, &'c Datum)>;

/// The steps of a transaction, as far as they are known: whether each reads, its key, and its value.
fn steps(call: &Call) -> impl Iterator<Item = (bool, &Datum, &Datum)> {
    let said = if call.is_ok() { &call.answered } else { &call.asked };
    let steps = said.items().unwrap_or_default().iter();
    steps.filter_map(|step| match step.items()? {
        [name, key, value] => Some((name.as_name() == Some("r"), key, value)),
        _ => None,
    })
}

/// What was read; of a list, its elements.
fn read<'c>(calls: &[&'c Call]) -> Values<'c> {
    let reads = calls
        .iter()
        .flat_map(|call| steps(call))
        .filter(|(is_read, ..)| *is_read);
    let elements = reads.flat_map(|(_, key, value)| {
        let elements = value.items().unwrap_or(std::slice::from_ref(value)).iter();
        elements.map(move |element| (key, element))
    });
    elements.collect()
}

/// The same, but of a list its last element alone.
fn last_read<'c>(calls: &[&'c Call]) -> Values<'c> {
    let reads = calls
        .iter()
        .flat_map(|call| steps(call))
        .filter(|(is_read, ..)| *is_read);
    let last = |(_, key, value): (bool, &'c Datum, &'c Datum)| match value.items() {
        Some(elements) => elements.last().map(|element| (key, element)),
        None => Some((key, value)),
    };
    reads.filter_map(last).collect()
}

/// What was read or written.
fn touched<'c>(calls: &[&'c Call]) -> Values<'c> {
    let written = calls
        .iter()
        .flat_map(|call| steps(call))
        .filter(|(is_read, ..)| !is_read);
    written.map(|(_, key, value)| (key, value)).chain(read(calls)).collect()
}

fn writes_any(call: &Call, values: &Values<'_>) -> bool {
    steps(call).any(|(is_read, key, value)| !is_read && values.contains(&(key, value)))
}

fn touches_any(call: &Call, values: &Values<'_>) -> bool {
    steps(call).any(|(_, key, value)| !value.is_nil() && values.contains(&(key, value)))
}

/// Whether a transaction touches a key of the cited while these went on.
fn is_meanwhile(call: &Call, cited: &[&Call]) -> bool {
    let keys: BTreeSet<&Datum> = cited
        .iter()
        .flat_map(|call| steps(call))
        .map(|(_, key, _)| key)
        .collect();
    let began = cited.iter().map(|call| call.start).min();
    let ended = cited.iter().map(|call| call.end).max();
    let is_then = began.is_some_and(|began| call.end > began) && ended.is_some_and(|ended| call.start < ended);
    is_then && steps(call).any(|(_, key, _)| keys.contains(key))
}
