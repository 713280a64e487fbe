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

use super::call::{Call, Names, Transcript};
use crate::{
    datum::Datum,
    history::{
        Action, Event, EventKind, Function, History, HistoryBuilder, HistoryError, KeyId, NodeId, Op, Outcome,
        Position, Process, ProcessId, ValueId,
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
    let mut events = Vec::new();
    let mut sessions = Sessions::new(parts);
    for part in parts {
        let key = part.key().map_or_else(
            || ONLY_KEY.to_owned(),
            |key| key.as_name().map_or_else(|| key.to_string(), str::to_owned),
        );
        for call in part.calls() {
            let function = match &*call.function {
                "read" => Function::Read,
                "write" => Function::Write,
                other => {
                    let (index, function) = (call.index, other.to_owned());
                    return Err(NotRegisters::Function { index, function });
                }
            };
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
            let process = sessions.process(part, call);
            let event = Event {
                node: call.node.map(|node| part.node(node).to_owned()),
                error: call.error.as_ref().map(ToString::to_string),
                ..Event::read(process, key.clone())
            };
            push_call(&mut events, call, function, initial, event, has_times);
        }
    }
    events.sort_by_key(|(position, event)| (*position, event.kind != EventKind::Invoke, event.index));
    let mut builder = HistoryBuilder::new();
    for (_, event) in events {
        builder.push(event)?;
    }
    Ok(builder.finish())
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

/// Appends the invocation and, if there was one, the completion of `call`; `event` has what both share.
fn push_call(
    events: &mut Vec<(Position, Event)>,
    call: &Call,
    function: Function,
    initial: &Datum,
    event: Event,
    has_times: bool,
) {
    let time = |time_ns: Option<u64>, index: u64| match has_times {
        true => time_ns.unwrap_or(0),
        false => index.saturating_mul(PLACE_NS),
    };
    let of = |value: &Datum| if value == initial { Datum::Nil } else { value.clone() }.to_json();
    let written = of(&call.asked);
    let is_write = function == Function::Write;
    let invocation = Event {
        function,
        index: call.index,
        time_ns: time(call.start_ns, call.index),
        value: if is_write {
            written.clone()
        } else {
            serde_json::Value::Null
        },
        ..event
    };
    let kind = EventKind::from(call.outcome);
    let completion = call.completion_index.map(|index| Event {
        index,
        time_ns: time(call.end_ns, index),
        value: if is_write { written } else { of(&call.answered) },
        ..invocation.completion(kind)
    });
    events.push((call.start, invocation));
    events.extend(call.completion.zip(completion));
}

/// Gives each session a process of its own, its own name where that is free.
struct Sessions {
    /// By session, once it has one.
    processes: Vec<Option<Process>>,
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

    fn process(&mut self, part: &Transcript, call: &Call) -> Process {
        let session = call.process.index();
        if let Some(process) = &self.processes[session] {
            return process.clone();
        }
        let own = number(part.process(call.process)).filter(|number| self.taken.insert(*number));
        let number = own.unwrap_or_else(|| {
            while !self.taken.insert(self.next) {
                self.next = self.next.wrapping_add(1);
            }
            self.next
        });
        let process = Process::Client(number);
        self.processes[session] = Some(process.clone());
        process
    }
}

fn number(process: &Process) -> Option<i64> {
    match process {
        Process::Client(number) => Some(*number),
        Process::Other(_) => None,
    }
}
