//! From entries to calls: invocations are paired with completions, in the order of real time.
//!
//! The order of real time is that in which entries are pushed. What is not a client's is passed over: a nemesis does nothing to the
//! data. Three liberties of formats are taken in:
//! - A completion without an invocation is a call that began at some time before, as far as anybody knows at the very
//!   beginning: that is sound, as it orders the call after nothing.
//! - Where entries name no process, every call is a session of its own.
//! - A process that invokes again while a call of its is open is more than one thread of control: what overlaps is a session
//!   of its own, and so is what follows. Jepsen's own tests have such histories (`causal_reverse_test.clj`), where no
//!   completion is ever paired.
//!
//! In the last two, a completion is of the open call whose function it names and whose question it may answer. If there are
//! several such, it can't be told of which, and the history is refused: either pairing would claim an order that may be wrong.

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
    /// The number of an entry that has none of its own.
    next_index: u64,
}

/// What a process is at.
#[derive(Debug)]
struct State {
    id: ProcessId,
    /// Open calls, in order of invocation.
    open: Vec<usize>,
    /// Its last call ended in info, or it had two calls open: what follows is another session.
    is_over: bool,
}

/// The sequence of entries is not a transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// A completion by a process that has several calls open which it may end.
    #[error("{process} has several {function:?} open that this may be the end of: a process is one thread of control")]
    Overlapping {
        /// Who.
        process: Process,
        /// What the completion names.
        function: String,
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
    /// More calls are open at once than a completion is looked for among.
    #[error(
        "more than {} calls are open that only their functions and values tell apart",
        TranscriptBuilder::OPEN_COUNT_MAX
    )]
    TooManyOpen,
    /// There are more entries than a transcript can hold.
    #[error("a transcript holds at most {} entries", Position::COUNT_MAX)]
    TooLong,
}

impl TranscriptBuilder {
    /// How many calls may be open at once of one process, or of none: far more than any test has clients, and few enough to look
    /// through them all at each completion.
    pub const OPEN_COUNT_MAX: usize = 1024;

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
        self.next_index = entry.index.unwrap_or(self.next_index);
        match entry.process.clone() {
            Some(Process::Other(_)) => {}
            Some(process) => self.push_named(process, entry)?,
            None => self.push_nameless(entry)?,
        }
        self.entry_count += 1;
        self.next_index = self.next_index.saturating_add(1);
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
        let mut state = match self.states.remove(&process) {
            Some(state) => state,
            None => self.new_session(process.clone()),
        };
        if entry.kind == EventKind::Invoke {
            self.push_invocation(&process, &mut state, entry)?;
        } else {
            self.push_completion(&process, &mut state, entry)?;
        }
        self.states.insert(process, state);
        Ok(())
    }

    fn push_invocation(&mut self, process: &Process, state: &mut State, entry: Entry) -> Result<(), TranscriptError> {
        check_room(&state.open)?;
        let is_alone = state.open.is_empty();
        let session = match (is_alone, state.is_over) {
            (true, false) => state.id,
            _ => self.new_session(process.clone()).id,
        };
        if is_alone {
            state.id = session;
        }
        state.is_over = !is_alone;
        let call = self.invoke(session, entry);
        state.open.push(call);
        Ok(())
    }

    fn push_completion(&mut self, process: &Process, state: &mut State, entry: Entry) -> Result<(), TranscriptError> {
        state.is_over |= entry.kind == EventKind::Info;
        match (&state.open[..], self.answered_by(&state.open, &entry)) {
            ([], _) => self.complete_unasked(state.id, entry),
            (_, Answered::One(place)) => {
                let call = state.open.remove(place);
                self.complete(call, entry);
            }
            (_, Answered::Several) => {
                return Err(TranscriptError::Overlapping {
                    process: process.clone(),
                    function: entry.function.into(),
                });
            }
            ([open, ..], Answered::None) => {
                return Err(TranscriptError::OtherFunction {
                    process: process.clone(),
                    ended: entry.function.into(),
                    invoked: self.calls[*open].function.to_string(),
                });
            }
        }
        Ok(())
    }

    fn push_nameless(&mut self, entry: Entry) -> Result<(), TranscriptError> {
        if entry.kind == EventKind::Invoke {
            check_room(&self.nameless)?;
            let session = self.nameless_session();
            let call = self.invoke(session, entry);
            self.nameless.push(call);
            return Ok(());
        }
        match self.answered_by(&self.nameless, &entry) {
            Answered::Several => return Err(TranscriptError::Ambiguous(entry.function.into())),
            Answered::One(place) => {
                let call = self.nameless.remove(place);
                self.complete(call, entry);
            }
            Answered::None => {
                let session = self.nameless_session();
                self.complete_unasked(session, entry);
            }
        }
        Ok(())
    }

    /// Returns the place in `open` of the call that a completion is of.
    fn answered_by(&self, open: &[usize], completion: &Entry) -> Answered {
        let has_function = |place: &usize| {
            let function = &self.calls[open[*place]].function;
            completion.function.is_empty() || **function == *completion.function
        };
        let answers = |place: &usize| may_answer(&self.calls[open[*place]].asked, &completion.value);
        let mut of_function = (0..open.len()).filter(has_function);
        match (of_function.next(), of_function.next()) {
            (None, _) => Answered::None,
            (Some(place), None) => Answered::One(place),
            _ => {
                let mut answered = (0..open.len()).filter(has_function).filter(answers);
                match (answered.next(), answered.next()) {
                    (Some(place), None) => Answered::One(place),
                    _ => Answered::Several,
                }
            }
        }
    }

    fn new_session(&mut self, process: Process) -> State {
        self.processes.push(process);
        State {
            id: ProcessId::new(self.processes.len() - 1),
            open: Vec::new(),
            is_over: false,
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
            index: entry.index.unwrap_or(self.next_index),
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
            completion: None,
            start_ns: entry.time_ns,
            end_ns: None,
        });
        self.calls.len() - 1
    }

    fn complete(&mut self, place: usize, entry: Entry) {
        let node = entry.node.map(|node| self.node(node));
        let end = Position::after(self.entry_count);
        let call = &mut self.calls[place];
        call.completion_index = Some(entry.index.unwrap_or(self.next_index));
        call.completion = Some(end);
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

fn check_room(open: &[usize]) -> Result<(), TranscriptError> {
    if open.len() < TranscriptBuilder::OPEN_COUNT_MAX {
        Ok(())
    } else {
        Err(TranscriptError::TooManyOpen)
    }
}

/// Which of some open calls a completion is of.
enum Answered {
    None,
    /// That at this place.
    One(usize),
    /// It can't be told.
    Several,
}

/// Returns whether a completion of value `answered` may be of a call that asked `asked`: it fills in nothing but what was nil.
fn may_answer(asked: &Datum, answered: &Datum) -> bool {
    match (asked, answered) {
        (Datum::Nil, _) => true,
        (Datum::List(asked), Datum::List(answered)) => {
            asked.len() == answered.len()
                && asked
                    .iter()
                    .zip(answered)
                    .all(|(asked, answered)| may_answer(asked, answered))
        }
        _ => asked == answered,
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
