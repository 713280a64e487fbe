//! From entries to calls: invocations are paired with completions, in the order of real time.
//!
//! The order of real time is that in which entries are pushed. What is not a client's is passed over: a nemesis does nothing to the
//! data. Two liberties of formats are taken in:
//! - A completion without an invocation is a call that began at some time before, as far as anybody knows at the very
//!   beginning: that is sound, as it orders the call after nothing.
//! - Where entries name no process, every call is a session of its own, and a completion is of the open invocation with the
//!   same function; if several are open, it can't be told of which.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{
    call::{Call, Names, Transcript},
    entry::Entry,
};
use crate::{
    datum::Datum,
    history::{EventKind, NodeId, Outcome, Position, Process, ProcessId},
};

/// Takes entries in the order of real time, one at a time.
#[derive(Debug, Default)]
pub struct TranscriptBuilder {
    calls: Vec<Call>,
    processes: Vec<Process>,
    nodes: Vec<Box<str>>,
    node_ids: FxHashMap<Box<str>, NodeId>,
    functions: FxHashMap<Box<str>, Arc<str>>,
    states: FxHashMap<Process, State>,
    /// Open calls of nobody in particular.
    nameless: Vec<usize>,
    entry_count: usize,
    last_index: Option<u64>,
}

/// What a process is at.
#[derive(Clone, Copy, Debug)]
struct State {
    id: ProcessId,
    open: Option<usize>,
    /// Its last call ended in info: what follows is another session.
    is_crashed: bool,
}

/// The sequence of entries is not a transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// An invocation by a process that has a call open.
    #[error("{process} invokes again before its call of index {open} has ended")]
    InvokedTwice {
        /// Who.
        process: Process,
        /// The open call.
        open: u64,
    },
    /// A completion by a process whose open call is another.
    #[error("{process} ends a {ended:?}, but has a {invoked:?} open")]
    OtherFunction {
        /// Who.
        process: Process,
        /// What the completion names.
        ended: String,
        /// What the invocation named.
        invoked: String,
    },
    /// A completion of nobody in particular that may be of one call or another.
    #[error("it has no process, and more than one {0:?} is open that it may be the end of")]
    Ambiguous(String),
    /// The order of entries contradicts their indices, which count where both are there.
    #[error("its index {index} comes after {last}: real time follows the index")]
    OutOfOrder {
        /// The entry's.
        index: u64,
        /// That of the entry before it.
        last: u64,
    },
    /// There are more entries than a transcript can hold.
    #[error("a transcript holds at most {} entries", Position::COUNT_MAX)]
    TooLong,
}

impl TranscriptBuilder {
    /// Returns a builder of an empty transcript.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// The entry can't follow those before it; the builder is of no further use.
    pub fn push(&mut self, entry: Entry) -> Result<(), TranscriptError> {
        if self.entry_count == Position::COUNT_MAX - 1 {
            return Err(TranscriptError::TooLong);
        }
        if let (Some(index), Some(last)) = (entry.index, self.last_index)
            && index < last
        {
            return Err(TranscriptError::OutOfOrder { index, last });
        }
        self.last_index = entry.index.or(self.last_index);
        match entry.process.clone() {
            Some(Process::Other(_)) => {}
            Some(process) => self.push_named(process, entry)?,
            None => self.push_nameless(entry)?,
        }
        self.entry_count += 1;
        Ok(())
    }

    /// Returns the transcript of all entries so far. Calls without a completion are info.
    pub fn finish(mut self) -> Transcript {
        // Those whose invocation is not in the record began before all others.
        self.calls.sort_by_key(|call| call.start);
        Transcript {
            names: Arc::new(Names {
                processes: self.processes,
                nodes: self.nodes,
            }),
            key: None,
            calls: self.calls,
        }
    }

    fn push_named(&mut self, process: Process, entry: Entry) -> Result<(), TranscriptError> {
        let state = match self.states.get(&process) {
            Some(state) if !(state.is_crashed && entry.kind == EventKind::Invoke) => *state,
            _ => self.new_session(process.clone()),
        };
        let mut next = state;
        match (entry.kind, state.open) {
            (EventKind::Invoke, Some(open)) => {
                let open = self.calls[open].index;
                return Err(TranscriptError::InvokedTwice { process, open });
            }
            (EventKind::Invoke, None) => next.open = Some(self.invoke(state.id, entry)),
            (_, Some(open)) => {
                let invoked = &self.calls[open].function;
                if !entry.function.is_empty() && *entry.function != **invoked {
                    let (ended, invoked) = (entry.function.into(), invoked.to_string());
                    return Err(TranscriptError::OtherFunction {
                        process,
                        ended,
                        invoked,
                    });
                }
                next.is_crashed = entry.kind == EventKind::Info;
                next.open = None;
                self.complete(open, entry);
            }
            (_, None) => {
                next.is_crashed = entry.kind == EventKind::Info;
                self.complete_unasked(state.id, entry);
            }
        }
        self.states.insert(process, next);
        Ok(())
    }

    fn push_nameless(&mut self, entry: Entry) -> Result<(), TranscriptError> {
        if entry.kind == EventKind::Invoke {
            let session = self.nameless_session();
            let call = self.invoke(session, entry);
            self.nameless.push(call);
            return Ok(());
        }
        let is_its = |call: &usize| *self.calls[*call].function == *entry.function;
        let mut open = (0..self.nameless.len()).filter(|place| is_its(&self.nameless[*place]));
        match (open.next(), open.next()) {
            (Some(_), Some(_)) => Err(TranscriptError::Ambiguous(entry.function.into())),
            (Some(place), None) => {
                let call = self.nameless.swap_remove(place);
                self.complete(call, entry);
                Ok(())
            }
            (None, _) => {
                let session = self.nameless_session();
                self.complete_unasked(session, entry);
                Ok(())
            }
        }
    }

    fn new_session(&mut self, process: Process) -> State {
        self.processes.push(process);
        State {
            id: ProcessId::new(self.processes.len() - 1),
            open: None,
            is_crashed: false,
        }
    }

    /// Returns a session for one call of nobody in particular.
    fn nameless_session(&mut self) -> ProcessId {
        let number = i64::try_from(self.processes.len()).unwrap_or(i64::MAX);
        self.new_session(Process::Client(number)).id
    }

    fn invoke(&mut self, process: ProcessId, entry: Entry) -> usize {
        let node = entry.node.map(|node| self.node(node));
        let function = self.function(entry.function);
        self.calls.push(Call {
            index: entry.index.unwrap_or(self.entry_count as u64),
            completion_index: None,
            process,
            function,
            outcome: Outcome::Info,
            key: entry.key,
            asked: entry.value,
            answered: Datum::Nil,
            node,
            error: entry.error,
            start: Position::after(self.entry_count),
            end: Position::NEVER,
            start_ns: entry.time_ns,
            end_ns: None,
        });
        self.calls.len() - 1
    }

    fn complete(&mut self, place: usize, entry: Entry) {
        let node = entry.node.map(|node| self.node(node));
        let end = Position::after(self.entry_count);
        let call = &mut self.calls[place];
        call.completion_index = Some(entry.index.unwrap_or(self.entry_count as u64));
        call.outcome = outcome(entry.kind);
        call.answered = entry.value;
        call.key = call.key.take().or(entry.key);
        call.node = node.or(call.node);
        call.error = entry.error.or(call.error.take());
        call.end = if call.outcome == Outcome::Info {
            Position::NEVER
        } else {
            end
        };
        call.end_ns = entry.time_ns;
        assert!(call.start < call.end, "a completion comes after its invocation");
    }

    /// Takes in a completion whose invocation is not in the record.
    fn complete_unasked(&mut self, process: ProcessId, entry: Entry) {
        let asked = entry.value.clone();
        let place = self.invoke(
            process,
            Entry {
                value: asked,
                time_ns: None,
                ..entry.clone()
            },
        );
        self.calls[place].start = Position::BEFORE_ALL;
        self.complete(place, entry);
    }

    fn node(&mut self, node: Box<str>) -> NodeId {
        if let Some(id) = self.node_ids.get(&node) {
            return *id;
        }
        let id = NodeId::new(self.nodes.len());
        self.nodes.push(node.clone());
        self.node_ids.insert(node, id);
        id
    }

    fn function(&mut self, name: Box<str>) -> Arc<str> {
        if let Some(function) = self.functions.get(&name) {
            return Arc::clone(function);
        }
        let function: Arc<str> = Arc::from(&*name);
        self.functions.insert(name, Arc::clone(&function));
        function
    }
}

fn outcome(kind: EventKind) -> Outcome {
    match kind {
        EventKind::Ok => Outcome::Ok,
        EventKind::Fail => Outcome::Fail,
        EventKind::Info => Outcome::Info,
        EventKind::Invoke => unreachable!("an invocation completes nothing"),
    }
}
