//! Transcripts as transactions: `txn` with a value such as `[[:r 1 nil] [:append 2 5]]`, and single operations of keys.
//!
//! A step on a register may have a fourth item: the version that the store reports of what was written or read there.

use super::{
    origins::Origin,
    txns::{Builder, Data, NONE, Txn, Txns, What},
};
use crate::{
    datum::Datum,
    history::{Outcome, ProcessId},
    transcript::{Call, Transcript},
};

/// Returns the transactions of `transcript`, in order of its calls.
///
/// # Errors
/// A call is no transaction on such data: its index, and why.
pub fn transactions(transcript: &Transcript, data: Data) -> Result<Txns, String> {
    let mut builder = Builder::new(data);
    for call in transcript.calls() {
        builder.begin(txn(call), origin(call));
        push_steps(&mut builder, call, data).map_err(|why| format!("index {}: {why}", call.index))?;
    }
    let processes = (0..transcript.process_count()).map(ProcessId::new);
    builder.sessions(processes.map(|process| transcript.process(process).clone()).collect());
    Ok(builder.finish())
}

fn txn(call: &Call) -> Txn {
    Txn {
        start: call.start.number(),
        end: call.end.number(),
        session: call.process.index() as u32,
        first_step: 0,
        step_count: 0,
        outcome: call.outcome,
    }
}

fn origin(call: &Call) -> Origin {
    Origin {
        index: call.index,
        completion_index: call.completion_index.unwrap_or(Origin::UNKNOWN),
        start_ns: call.start_ns.unwrap_or(Origin::UNKNOWN),
        end_ns: call.end_ns.unwrap_or(Origin::UNKNOWN),
    }
}

fn push_steps(builder: &mut Builder, call: &Call, data: Data) -> Result<(), String> {
    let is_ok = call.outcome == Outcome::Ok;
    // What a transaction of unknown outcome was asked to do is what it may have done.
    let said = if call.answered.items().is_some_and(|steps| !steps.is_empty()) {
        &call.answered
    } else {
        &call.asked
    };
    if let ("read" | "write" | "append", Some(key)) = (&*call.function, &call.key) {
        let name = match &*call.function {
            "read" => "r",
            "append" => "append",
            _ => "w",
        };
        let value = if name == "r" || call.asked.is_nil() {
            &call.answered
        } else {
            &call.asked
        };
        return push_step(builder, name, key, value, is_ok, data);
    }
    let none = || format!("{:?} is no transaction of {}", call.function, what(data));
    for step in said.items().ok_or_else(none)? {
        let (name, key, value, version) = match step.items().ok_or_else(none)? {
            [name, key, value] => (name, key, value, &Datum::Nil),
            [name, key] => (name, key, &Datum::Nil, &Datum::Nil),
            [name, key, value, version] if data == Data::Registers => (name, key, value, version),
            _ => return Err(none()),
        };
        push_step(builder, name.as_name().ok_or_else(none)?, key, value, is_ok, data)?;
        if is_ok && !version.is_nil() && !value.is_nil() {
            let key = builder.key(key);
            let element = builder.element(key, value);
            builder.report(element, version);
        }
    }
    Ok(())
}

fn push_step(
    builder: &mut Builder,
    name: &str,
    key: &Datum,
    value: &Datum,
    is_ok: bool,
    data: Data,
) -> Result<(), String> {
    let key = builder.key(key);
    let what = match (data, name) {
        (Data::Lists, "append") | (Data::Registers, "w" | "write") if value.is_nil() => {
            return Err("nil was written, which is also the initial state".to_owned());
        }
        (Data::Lists, "append") | (Data::Registers, "w" | "write") => What::Write(builder.element(key, value)),
        (_, "r" | "read") if !is_ok => return Ok(()),
        (Data::Lists, "r" | "read") => {
            let values = match value {
                Datum::Nil => &[],
                value => value
                    .items()
                    .ok_or_else(|| format!("{value} is no list, which a read returns"))?,
            };
            builder.list(key, values)
        }
        (Data::Registers, "r" | "read") if value.is_nil() => What::ReadRegister(NONE),
        (Data::Registers, "r" | "read") => What::ReadRegister(builder.element(key, value)),
        _ => return Err(format!("{name:?} is no step of a transaction of {}", what(data))),
    };
    builder.push(key, what);
    Ok(())
}

fn what(data: Data) -> &'static str {
    match data {
        Data::Lists => "reads of lists (r) and appends to them (append)",
        Data::Registers => "reads (r) and writes (w) of registers",
    }
}
