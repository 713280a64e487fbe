//! Calls: an invocation and its completion joined, in their place in real time.

use std::sync::Arc;

use super::entry::Entry;
use crate::{
    datum::Datum,
    history::{EventKind, NodeId, Outcome, Position, Process, ProcessId},
};

/// What was asked of a store and answered, in order of invocation: of the whole store, or of one of its keys.
#[derive(Clone, Debug)]
pub struct Transcript {
    pub(super) names: Arc<Names>,
    pub(super) key: Option<Datum>,
    pub(super) calls: Vec<Call>,
}

/// What ids stand for: each table is indexed by its id.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) processes: Vec<Process>,
    pub(super) nodes: Vec<Box<str>>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number of the invocation.
    pub index: u64,
    /// The number of the completion, if there was one.
    pub completion_index: Option<u64>,
    /// Who called. One that acts again after a call of unknown outcome is another from there on.
    pub process: ProcessId,
    /// What was done, such as `read` or `enqueue`.
    pub function: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// To which key, where the format has a field for it.
    pub key: Option<Datum>,
    /// What the invocation said.
    pub asked: Datum,
    /// What the completion said; nil where there was none.
    pub answered: Datum,
    /// The node that was asked.
    pub node: Option<NodeId>,
    /// Why it failed, or why its outcome is not known.
    pub error: Option<Datum>,
    /// Where the invocation stands among all entries; before all if it is not in the record.
    pub start: Position,
    /// Where the completion stands; [`Position::NEVER`] for info, as it may yet take effect.
    pub end: Position,
    /// Where the completion stands, of whatever kind it is.
    pub completion: Option<Position>,
    /// The invocation's time, in nanoseconds since the start of the run, where it is known.
    pub start_ns: Option<u64>,
    /// The completion's time, of whatever kind it is.
    pub end_ns: Option<u64>,
}

impl Call {
    /// Returns whether it happened.
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Returns whether it happened or may have: all but the failed.
    pub fn is_possible(&self) -> bool {
        self.outcome != Outcome::Fail
    }

    /// Returns whether this call had ended before `other` began.
    pub fn precedes(&self, other: &Self) -> bool {
        self.end < other.start
    }
}

/// Where a call says which key it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keying {
    /// Nowhere: the whole transcript is of one thing.
    Whole,
    /// In its field for that, if it has one.
    Field,
    /// In its value, which is a pair of the key and the value proper (Jepsen's `independent`).
    Pairs,
}

impl Transcript {
    /// Returns the calls of clients, in order of invocation.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Returns which key all calls are of, if the transcript was split by key.
    pub fn key(&self) -> Option<&Datum> {
        self.key.as_ref()
    }

    /// Returns who `process` is.
    pub fn process(&self, process: ProcessId) -> &Process {
        &self.names.processes[process.index()]
    }

    /// Returns how many processes there are in the record that this is of; ids run from 0 to below it.
    pub fn process_count(&self) -> usize {
        self.names.processes.len()
    }

    /// Returns the name of `node`.
    pub fn node(&self, node: NodeId) -> &str {
        &self.names.nodes[node.index()]
    }

    /// Returns the transcript of these calls alone, each by its place in [`Self::calls`], in rising order.
    pub fn only(&self, places: impl IntoIterator<Item = usize>) -> Self {
        Self {
            names: Arc::clone(&self.names),
            key: self.key.clone(),
            calls: places.into_iter().map(|place| self.calls[place].clone()).collect(),
        }
    }

    /// Returns the invocations and completions of all calls, in the order of real time: read back, they are this transcript.
    /// An entry has what calls keep of it; a key that was taken out of a value stands in its own field.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(2 * self.calls.len());
        for call in &self.calls {
            if call.start > Position::BEFORE_ALL {
                entries.push((call.start, self.invocation(call)));
            }
            if let (Some(position), Some(index)) = (call.completion, call.completion_index) {
                entries.push((position, self.completion(call, index)));
            }
        }
        entries.sort_by_key(|(position, _)| *position);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    fn invocation(&self, call: &Call) -> Entry {
        Entry {
            index: Some(call.index),
            time_ns: call.start_ns,
            process: Some(self.process(call.process).clone()),
            key: call.key.clone(),
            node: call.node.map(|node| self.node(node).into()),
            error: call.error.clone().filter(|_| call.completion.is_none()),
            ..Entry::new(EventKind::Invoke, &*call.function, call.asked.clone())
        }
    }

    fn completion(&self, call: &Call, index: u64) -> Entry {
        let kind = EventKind::from(call.outcome);
        Entry {
            index: Some(index),
            time_ns: call.end_ns,
            kind,
            value: call.answered.clone(),
            error: call.error.clone(),
            ..self.invocation(call)
        }
    }

    /// Splits the transcript by key, in order of the keys' first appearance; for [`Keying::Whole`] it stays whole.
    ///
    /// # Errors
    /// A call does not say its key where it should: its index.
    pub fn by_key(self, keying: Keying) -> Result<Vec<Self>, u64> {
        if keying == Keying::Whole {
            return Ok(vec![self]);
        }
        let mut parts: Vec<Self> = Vec::new();
        let mut places = rustc_hash::FxHashMap::<Datum, usize>::default();
        for mut call in self.calls {
            let key = match keying {
                Keying::Pairs => take_key(&mut call).ok_or(call.index)?,
                _ => call.key.clone().ok_or(call.index)?,
            };
            let place = *places.entry(key).or_insert_with_key(|key| {
                parts.push(Self {
                    names: Arc::clone(&self.names),
                    key: Some(key.clone()),
                    calls: Vec::new(),
                });
                parts.len() - 1
            });
            parts[place].calls.push(call);
        }
        Ok(parts)
    }

    /// Returns whether every call's value is a pair, and so may name a key ([`Keying::Pairs`]).
    pub fn is_all_pairs(&self) -> bool {
        !self.calls.is_empty() && self.calls.iter().all(|call| call.asked.as_pair().is_some())
    }
}

/// Takes the key out of both values of `call`.
fn take_key(call: &mut Call) -> Option<Datum> {
    let (key, asked) = call.asked.as_pair()?;
    let (key, asked) = (key.clone(), asked.clone());
    if let Some((answered_key, answered)) = call.answered.as_pair() {
        if *answered_key != key {
            return None;
        }
        call.answered = answered.clone();
    } else if !call.answered.is_nil() {
        return None;
    }
    call.asked = asked;
    call.key = Some(key.clone());
    Some(key)
}
