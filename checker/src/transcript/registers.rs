//! Transcripts of registers as histories, so that what is known of registers alone can judge them; and back, for what only a
//! search can.
//!
//! A read that returned the register's initial value found nothing, as a history has it; and where a nil answer tells nothing,
//! its read is left out. Where a transcript has no times, the place of an entry stands for milliseconds: that keeps the order,
//! which is all that verdicts rest on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::call::{Call, Names, Transcript};
use crate::{
    datum::Datum,
    history::{
        Action, EventKind, EventRef, Function, History, HistoryBuilder, HistoryError, KeyId, NodeId, Op, Outcome,
        Position, Process, ProcessId, ProcessRef, ValueId, ValueRef,
    },
    linear::Nil,
};

/// The name of the key where a transcript is of one register.
const ONLY_KEY: &str = "register";

/// How long one place is where no time is known.
const PLACE_NS: u64 = 1_000_000;

/// A transcript is not of registers that are read and written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRegisters {
    /// A call of something else.
    #[error("index {index}: {function:?} is no function of a register, which has read and write")]
    Function {
        /// The call's.
        index: u64,
        /// What it does.
        function: String,
    },
    /// A nil where registers hold something else at first: a history has only one nothing.
    #[error(
        "index {index}: nil is neither written nor read where registers hold {initial} at first: ask for model cas-register"
    )]
    Nil {
        /// The call's.
        index: u64,
        /// What they hold at first.
        initial: String,
    },
    /// The calls make no history.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Returns the history of what `parts`, one a register, say, where each register holds `initial` at first.
///
/// # Errors
/// A call is neither a read nor a write.
pub fn register_history(parts: &[Transcript], initial: &Datum, nil: Nil) -> Result<History, NotRegisters> {
    let has_times = parts
        .iter()
        .flat_map(Transcript::calls)
        .any(|call| call.start_ns.is_some());
    let of = |value: &Datum| if value == initial { Datum::Nil } else { value.clone() }.to_json();
    let keys: Vec<String> = parts.iter().map(key_name).collect();
    let mut sessions = Sessions::new(parts);
    let mut entries = Vec::new();
    for (part, transcript) in (0..).zip(parts) {
        for (number, call) in (0..).zip(transcript.calls()) {
            let function = function_of(call)?;
            let is_untold = nil == Nil::Any && function == Function::Read && call.answered.is_nil();
            if is_untold && call.is_ok() {
                continue;
            }
            let value = if function == Function::Write {
                &call.asked
            } else {
                &call.answered
            };
            if !initial.is_nil() && value.is_nil() && (function == Function::Write || call.is_ok()) {
                let (index, initial) = (call.index, initial.to_string());
                return Err(NotRegisters::Nil { index, initial });
            }
            let process = sessions.process(transcript, call);
            let entry = |position: Position, kind: EventKind, index: u64| Entry {
                order: (position, kind != EventKind::Invoke, index),
                kind,
                process,
                call: (part, number),
            };
            entries.push(entry(call.start, EventKind::Invoke, call.index));
            let completion = call.completion.zip(call.completion_index);
            entries.extend(completion.map(|(position, index)| entry(position, call.outcome.into(), index)));
        }
    }
    entries.sort_by_key(|entry| entry.order);
    let mut builder = HistoryBuilder::new();
    for entry in entries {
        let (part, number) = entry.call;
        let transcript = &parts[part as usize];
        let call = &transcript.calls()[number as usize];
        let (_, is_completion, index) = entry.order;
        let function = function_of(call)?;
        let value = match function {
            Function::Write => &call.asked,
            _ if is_completion => &call.answered,
            _ => &Datum::Nil,
        };
        // Most values are integers, which need no other form.
        let json = if matches!(value, Datum::Int(_)) {
            Value::Null
        } else {
            of(value)
        };
        let time_ns = if is_completion { call.end_ns } else { call.start_ns };
        builder.push_ref(EventRef {
            index,
            time_ns: match has_times {
                true => time_ns.unwrap_or(0),
                false => index.saturating_mul(PLACE_NS),
            },
            process: ProcessRef::Client(entry.process),
            kind: entry.kind,
            function,
            key: &keys[part as usize],
            value: match value {
                Datum::Int(int) if value != initial => ValueRef::Integer(*int),
                _ => ValueRef::from(&json),
            },
            seen: &[],
            node: call.node.map(|node| transcript.node(node)),
            version: None,
            phase: None,
        })?;
    }
    Ok(builder.finish())
}

/// An invocation or a completion of a call, as far as it takes to put it in its place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where it stands, and of what stands in one place what comes first: whether it is a completion, and its index.
    order: (Position, bool, u64),
    kind: EventKind,
    process: i64,
    /// The number of the transcript, and that of the call there.
    call: (u32, u32),
}

fn key_name(part: &Transcript) -> String {
    part.key().map_or_else(
        || ONLY_KEY.to_owned(),
        |key| key.as_name().map_or_else(|| key.to_string(), str::to_owned),
    )
}

fn function_of(call: &Call) -> Result<Function, NotRegisters> {
    match &*call.function {
        "read" => Ok(Function::Read),
        "write" => Ok(Function::Write),
        other => {
            let (index, function) = (call.index, other.to_owned());
            Err(NotRegisters::Function { index, function })
        }
    }
}

/// Returns the reads, writes and compare-and-sets of `key` as a transcript; a delete writes nil.
pub fn register_transcript(history: &History, key: KeyId) -> Transcript {
    let mut names = Names::default();
    let mut processes = BTreeMap::new();
    let mut nodes = BTreeMap::new();
    let datum = |value: ValueId| Datum::from(history.value(value));
    let call = |op: &Op| {
        let process = *processes.entry(op.process).or_insert_with(|| {
            names.processes.push(history.process(op.process).clone());
            ProcessId::new(names.processes.len() - 1)
        });
        let node = op.node.map(|node| {
            *nodes.entry(node).or_insert_with(|| {
                names.nodes.push(history.node(node).into());
                NodeId::new(names.nodes.len() - 1)
            })
        });
        let is_write = op.action.is_write();
        let is_mismatch = op.action == Action::CasMismatch;
        let (function, asked) = match history.compared(op) {
            Some(pair) => ("cas", Datum::from(&pair)),
            None if is_write => ("write", datum(op.value)),
            None => ("read", Datum::Nil),
        };
        let answered = match is_mismatch {
            true => Datum::Bool(false),
            false if is_write => Datum::Nil,
            false => datum(op.value),
        };
        Call {
            index: op.index,
            completion_index: op.completion_index(),
            process,
            function: function.into(),
            outcome: if is_mismatch { Outcome::Ok } else { op.outcome },
            key: None,
            asked,
            answered,
            node,
            error: None,
            start: op.start,
            end: op.end,
            completion: op.completion_index().map(|_| op.end),
            start_ns: Some(op.start_ns),
            end_ns: op.end_ns(),
        }
    };
    let calls = history.ops_of(key).map(call).collect();
    Transcript {
        names: Arc::new(names),
        key: Some(Datum::from(history.key(key))),
        calls,
    }
}

/// Gives each session a process of its own, its own name where that is free.
struct Sessions {
    /// By session, once it has one.
    processes: Vec<Option<i64>>,
    taken: BTreeSet<i64>,
    next: i64,
}

impl Sessions {
    fn new(parts: &[Transcript]) -> Self {
        let count = parts.first().map_or(0, Transcript::process_count);
        let numbers = parts.iter().flat_map(|part| {
            part.calls()
                .iter()
                .filter_map(|call| number(part.process(call.process)))
        });
        Self {
            processes: vec![None; count],
            taken: BTreeSet::new(),
            next: numbers.max().map_or(0, |greatest| greatest.saturating_add(1)),
        }
    }

    fn process(&mut self, part: &Transcript, call: &Call) -> i64 {
        let session = call.process.index();
        if let Some(process) = self.processes[session] {
            return process;
        }
        let own = number(part.process(call.process)).filter(|number| self.taken.insert(*number));
        let number = own.unwrap_or_else(|| {
            while !self.taken.insert(self.next) {
                self.next = self.next.wrapping_add(1);
            }
            self.next
        });
        self.processes[session] = Some(number);
        number
    }
}

fn number(process: &Process) -> Option<i64> {
    match process {
        Process::Client(number) => Some(*number),
        Process::Other(_) => None,
    }
}
