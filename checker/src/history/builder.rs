//! From events to a history: invocations are paired with completions, names become ids.
//!
//! The builder keeps Jepsen's rules of a well-formed history (one op open per process, and a client whose op ended in
//! info never acts again) and refuses the first event that breaks one, so that no check has to doubt them. The order in
//! which events are pushed is the order of real time.

use std::mem;

use serde_json::Value;

use super::{
    event::{Event, EventKind, Function, Process, Version},
    id::{KeyId, NodeId, ProcessId, ValueId, VersionId},
    indexed::{History, Names},
    interner::Interner,
    irregular::{HistoryError, Irregularity},
    op::{Action, Observation, Op, Outcome, Position},
    tombstones::Tombstones,
};

/// Takes events in the order of real time, one at a time.
#[derive(Debug)]
pub struct HistoryBuilder {
    /// Of clients and of observers, in order of invocation.
    ops: Vec<Op>,
    /// What each process is at, by [`ProcessId`].
    states: Vec<State>,
    event_count: usize,
    keys: Interner<String>,
    nodes: Interner<String>,
    processes: Interner<Process>,
    /// The first values are [`ValueId::NIL`] and [`ValueId::UNCLEAR`], of no key.
    values: Interner<(Option<KeyId>, Value)>,
    /// In order of appearance; ids take the versions' own order in [`Self::finish`].
    versions: Interner<Version>,
}

/// What a process is at.
#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// The op at this place is open.
    Open(usize),
    /// A client's op ended in info at the event of this index.
    Crashed(u64),
}

impl HistoryBuilder {
    /// Returns a builder of an empty history.
    pub fn new() -> Self {
        let mut values = Interner::new();
        assert_eq!(
            values.intern((None, Value::Null)),
            ValueId::NIL.index(),
            "nil is the first value"
        );
        assert_eq!(
            values.append((None, Value::Null)),
            ValueId::UNCLEAR.index(),
            "unclear is the second"
        );
        Self {
            ops: Vec::new(),
            states: Vec::new(),
            event_count: 0,
            keys: Interner::new(),
            nodes: Interner::new(),
            processes: Interner::new(),
            values,
            versions: Interner::new(),
        }
    }

    /// Appends an event.
    ///
    /// # Errors
    /// The event can't follow those before it. It is left out, and the builder is as it was; but what other events make
    /// of the rest is no longer what happened, so a caller should give the history up.
    pub fn push(&mut self, event: Event) -> Result<(), HistoryError> {
        let index = event.index;
        self.try_push(event)
            .map_err(|irregularity| HistoryError { index, irregularity })
    }

    /// Returns the history of all events so far. Ops without a completion are info.
    pub fn finish(mut self) -> History {
        let versions = self.rank_versions();
        let tombstones = Tombstones::new(&self.ops, self.keys.items().len());
        tombstones.tell_apart(&mut self.ops, |key| {
            ValueId::new(self.values.append((Some(key), Value::Null)))
        });
        let looks: Vec<Observation> = self
            .ops
            .extract_if(.., |op| matches!(op.action, Action::ReadReplica(_)))
            .filter_map(observation)
            .collect();
        let names = Names {
            keys: self.keys.into_items(),
            nodes: self.nodes.into_items(),
            processes: self.processes.into_items(),
            values: self.values.into_items().into_iter().map(|(_, value)| value).collect(),
            versions,
        };
        History::new(self.ops, looks, names, tombstones)
    }

    fn try_push(&mut self, event: Event) -> Result<(), Irregularity> {
        if self.event_count == Position::COUNT_MAX - 1 {
            return Err(Irregularity::TooLong);
        }
        let process = ProcessId::new(self.processes.intern(event.process.clone()));
        if process.index() == self.states.len() {
            self.states.push(State::Idle);
        }
        let state = self.states[process.index()];
        self.states[process.index()] = match (outcome(event.kind), state) {
            (None, State::Idle) => State::Open(self.invoke(process, event)?),
            (None, State::Open(op)) => {
                return Err(Irregularity::InvokedTwice {
                    open: self.ops[op].index,
                });
            }
            (None, State::Crashed(at)) => return Err(Irregularity::InvokedAfterCrash { at }),
            (Some(_), State::Idle | State::Crashed(_)) => return Err(Irregularity::CompletedNothing),
            (Some(outcome), State::Open(op)) => self.complete(op, outcome, event)?,
        };
        self.event_count += 1;
        Ok(())
    }

    /// Appends the op that `event` invokes and returns its place.
    fn invoke(&mut self, process: ProcessId, event: Event) -> Result<usize, Irregularity> {
        let is_client = matches!(event.process, Process::Client(_));
        let action = match event.function {
            Function::ReadReplica if event.node.is_none() => return Err(Irregularity::NoReplica),
            Function::ReadReplica => Action::ReadReplica(event.phase.ok_or(Irregularity::NoPhase)?),
            _ if !is_client => return Err(Irregularity::NotAClient),
            Function::Read => Action::Read,
            Function::Write => Action::Write,
            Function::Delete => Action::Delete,
            Function::Add => Action::Add,
            Function::Remove => Action::Remove,
            Function::Increment => Action::Increment,
        };
        let key = KeyId::new(self.keys.intern(event.key));
        let value = match action {
            Action::Read | Action::ReadReplica(_) => ValueId::NIL,
            Action::Delete => ValueId::new(self.values.append((Some(key), Value::Null))),
            Action::Write | Action::Add | Action::Remove | Action::Increment => self.intern_value(key, event.value),
        };
        let seen = event.seen.unwrap_or_default();
        let seen = seen.into_iter().map(|value| self.intern_value(key, value)).collect();
        self.ops.push(Op {
            index: event.index,
            completion_index: None,
            process,
            action,
            outcome: Outcome::Info,
            key,
            value,
            seen,
            node: event.node.map(|node| NodeId::new(self.nodes.intern(node))),
            version: None,
            start: Position::after(self.event_count),
            end: Position::NEVER,
            start_ns: event.time_ns,
            end_ns: None,
        });
        Ok(self.ops.len() - 1)
    }

    /// Ends the op at `place` and returns what its process is then at.
    fn complete(&mut self, place: usize, outcome: Outcome, event: Event) -> Result<State, Irregularity> {
        self.require_completes(&self.ops[place], &event)?;
        let Op {
            key,
            action,
            mut value,
            mut version,
            mut node,
            ..
        } = self.ops[place];
        if outcome == Outcome::Ok {
            version = event
                .version
                .map(|version| VersionId::new(self.versions.intern(version)));
            if !action.is_write() {
                value = self.intern_value(key, event.value);
            }
        }
        if let Some(coordinator) = event.node {
            node = Some(NodeId::new(self.nodes.intern(coordinator)));
        }
        let op = &mut self.ops[place];
        let end = Position::after(self.event_count);
        assert!(op.start < end, "a completion comes after its invocation");
        *op = Op {
            completion_index: Some(event.index),
            outcome,
            value,
            seen: mem::take(&mut op.seen),
            node,
            version,
            end: if outcome == Outcome::Info { Position::NEVER } else { end },
            end_ns: Some(event.time_ns),
            ..op.clone()
        };
        let is_client_op = !matches!(action, Action::ReadReplica(_));
        Ok(if is_client_op && outcome == Outcome::Info {
            State::Crashed(event.index)
        } else {
            State::Idle
        })
    }

    /// Returns `Ok` if `event`, a completion by the process of the open `op`, can be the completion of `op`.
    fn require_completes(&self, op: &Op, event: &Event) -> Result<(), Irregularity> {
        let function = op.action.function();
        if event.function != function {
            return Err(Irregularity::OtherFunction { invoked: function });
        }
        let key = &self.keys.items()[op.key.index()];
        if event.key != *key {
            return Err(Irregularity::OtherKey { invoked: key.clone() });
        }
        let (_, written) = &self.values.items()[op.value.index()];
        if op.action.is_write() && !event.value.is_null() && event.value != *written {
            return Err(Irregularity::OtherValue {
                invoked: written.to_string(),
            });
        }
        if let Action::ReadReplica(phase) = op.action {
            let replica = op.node.map(|node| &self.nodes.items()[node.index()]);
            if event.node.is_some() && event.node.as_ref() != replica || event.phase.is_some_and(|it| it != phase) {
                return Err(Irregularity::OtherReplica);
            }
        }
        if let (Some(version), Some(known)) = (&event.version, self.versions.items().first())
            && mem::discriminant(version) != mem::discriminant(known)
        {
            return Err(Irregularity::MixedVersions);
        }
        Ok(())
    }

    fn intern_value(&mut self, key: KeyId, value: Value) -> ValueId {
        if value.is_null() {
            return ValueId::NIL;
        }
        ValueId::new(self.values.intern((Some(key), value)))
    }

    /// Renumbers the versions in their own order, so that comparing ids compares versions, and returns them in it.
    fn rank_versions(&mut self) -> Vec<Version> {
        let versions = mem::replace(&mut self.versions, Interner::new()).into_items();
        let mut ranked: Vec<(Version, usize)> = versions.into_iter().zip(0..).collect();
        ranked.sort_unstable();
        let mut ranks = vec![0; ranked.len()];
        for (rank, (_, appearance)) in ranked.iter().enumerate() {
            ranks[*appearance] = rank;
        }
        for op in &mut self.ops {
            op.version = op.version.map(|version| VersionId::new(ranks[version.index()]));
        }
        ranked.into_iter().map(|(version, _)| version).collect()
    }
}

impl Default for HistoryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns how a completion says that its op ended; nothing for an invocation.
fn outcome(kind: EventKind) -> Option<Outcome> {
    match kind {
        EventKind::Invoke => None,
        EventKind::Ok => Some(Outcome::Ok),
        EventKind::Fail => Some(Outcome::Fail),
        EventKind::Info => Some(Outcome::Info),
    }
}

/// Returns the look as an observation, if it saw anything.
fn observation(look: Op) -> Option<Observation> {
    let Action::ReadReplica(phase) = look.action else {
        panic!("{look:?} is a look")
    };
    let node = look.node.expect("a look is refused unless it names its replica");
    (look.outcome == Outcome::Ok).then_some(Observation { node, phase, op: look })
}
