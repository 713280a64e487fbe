//! From events to a history: invocations are paired with completions, names become ids.
//!
//! The builder keeps Jepsen's rules of a well-formed history (one op open per process, and a client whose op ended in
//! info never acts again) and refuses the first event that breaks one, so that no check has to doubt them. The order in
//! which events are pushed is the order of real time.
//!
//! Ops are kept by key from the beginning, as checks will read them.

mod batched;

use std::mem;

use serde_json::Value;

use super::{
    borrowed::{EventRef, ProcessRef, ValueRef},
    event::{Event, EventKind, Function, Process},
    id::{KeyId, NodeId, ProcessId, ValueId, VersionId},
    indexed::{History, Names},
    interner::Interner,
    irregular::{HistoryError, Irregularity},
    of_key::{ByValue, Draft, OfKey},
    of_part::{DraftPart, Finished, Offsets, Rows, parts},
    op::{Action, Invocation, Op, Outcome, Position},
    seen::Seen,
    values::AllValues,
    versions::{VersionForm, Versions},
};
use crate::execute::{self, Execute, InOrder};

/// Takes events in the order of real time, one at a time.
#[derive(Debug)]
pub struct HistoryBuilder {
    /// By [`KeyId`]. Ids of values and versions count from the first of their key.
    of_key: Vec<Draft>,
    /// What each process is at, by [`ProcessId`].
    states: Vec<State>,
    event_count: usize,
    keys: Interner<Box<str>>,
    nodes: Interner<Box<str>>,
    processes: Interner<Process>,
    seen: Seen,
    /// Of the first version that was reported.
    version_form: Option<VersionForm>,
}

/// What a process is at.
#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Open(Place),
    /// A client's op ended in info at the event of this index.
    Crashed(u64),
}

/// Where an op is kept.
#[derive(Clone, Copy, Debug)]
struct Place {
    key: KeyId,
    is_look: bool,
    number: u32,
}

impl HistoryBuilder {
    /// Returns a builder of an empty history.
    pub fn new() -> Self {
        Self {
            of_key: Vec::new(),
            states: Vec::new(),
            event_count: 0,
            keys: Interner::new(),
            nodes: Interner::new(),
            processes: Interner::new(),
            seen: Seen::default(),
            version_form: None,
        }
    }

    /// Appends an event.
    ///
    /// # Errors
    /// The event can't follow those before it. It is left out, and the builder is as it was; but what other events make
    /// of the rest is no longer what happened, so a caller should give the history up.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "who has no use for the event any more need not borrow it"
    )]
    pub fn push(&mut self, event: Event) -> Result<(), HistoryError> {
        self.push_ref(EventRef::from(&event))
    }

    /// Appends an event whose texts lie elsewhere; none is copied that is known.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_ref(&mut self, event: EventRef<'_>) -> Result<(), HistoryError> {
        self.try_push(&event).map_err(|irregularity| HistoryError {
            index: event.index,
            irregularity,
        })
    }

    /// Returns the history of all events so far. Ops without a completion are info.
    pub fn finish(self) -> History {
        self.finish_with(&InOrder)
    }

    /// As [`Self::finish`], some keys here and some there.
    ///
    /// # Panics
    /// A unit of `execute` does.
    pub fn finish_with(mut self, execute: &dyn Execute) -> History {
        let parts = parts(&mut self.of_key, execute.part_count());
        let parts = execute::map_each(execute, parts, DraftPart::tell_nothings_apart);
        let mut offsets = Offsets::FIRST;
        let with_offsets: Vec<(Offsets, DraftPart<'_>)> = parts
            .into_iter()
            .map(|part| {
                let after = part.offsets_after(offsets);
                (mem::replace(&mut offsets, after), part)
            })
            .collect();
        let value_count = offsets.values();
        let is_integers = with_offsets.iter().all(|(_, part)| part.has_only_integers());
        // Nobody has touched these zeros yet: each part's thread is the first to.
        let mut writes = vec![[0; 3]; value_count];
        let mut integers = is_integers.then(|| vec![0; value_count - ValueId::COMMON]);
        let mut rows = Rows {
            writes: &mut writes[ValueId::COMMON..],
            integers: integers.as_deref_mut(),
        };
        let with_rows = with_offsets.into_iter().map(|(before, part)| {
            let rows = rows.take(part.value_count());
            (before, part, rows)
        });
        let with_rows = with_rows.collect();
        let finish = |(before, part, rows): (Offsets, DraftPart<'_>, Rows<'_>)| part.finish(before, rows);
        let finished = execute::map_each(execute, with_rows, finish);

        let values = match integers {
            Some(integers) => AllValues::of_integers(integers),
            None => AllValues::of(value_count, self.of_key.into_iter().map(|draft| draft.values)),
        };
        let (of_key, versions) = joined(finished);
        let by_value = ByValue {
            values,
            writes,
            versions,
        };
        let mut seen = self.seen;
        seen.renumber(|key| match key.index() {
            0 => 0,
            after => of_key[after - 1].values_end - ValueId::COMMON,
        });
        let names = Names {
            keys: self.keys.into_items(),
            nodes: self.nodes.into_items(),
            processes: self.processes.into_items(),
        };
        History::new(of_key, by_value, names, seen)
    }

    fn try_push(&mut self, event: &EventRef<'_>) -> Result<(), Irregularity> {
        if self.event_count == Position::COUNT_MAX - 1 {
            return Err(Irregularity::TooLong);
        }
        let process = self.process(event.process);
        self.states[process.index()] = match (outcome(event.kind), self.states[process.index()]) {
            (None, State::Idle) => State::Open(self.invoke(process, event)?),
            (None, State::Open(place)) => {
                return Err(Irregularity::InvokedTwice {
                    open: self.op(place).index,
                });
            }
            (None, State::Crashed(at)) => return Err(Irregularity::InvokedAfterCrash { at }),
            (Some(_), State::Idle | State::Crashed(_)) => return Err(Irregularity::CompletedNothing),
            (Some(outcome), State::Open(place)) => {
                self.require_completes(self.op(place), event)?;
                let position = Position::after(self.event_count);
                self.complete(place, outcome, event, position)
            }
        };
        self.event_count += 1;
        Ok(())
    }

    /// Returns the id of `process`, which is idle if it was never met.
    fn process(&mut self, process: ProcessRef<'_>) -> ProcessId {
        let process = ProcessId::new(self.processes.intern(process));
        if process.index() == self.states.len() {
            self.states.push(State::Idle);
        }
        process
    }

    /// Appends the op that `event` invokes and returns its place.
    fn invoke(&mut self, process: ProcessId, event: &EventRef<'_>) -> Result<Place, Irregularity> {
        let is_client = matches!(event.process, ProcessRef::Client(_));
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
            Function::Cas => Action::Cas,
        };
        let key = KeyId::new(self.keys.intern(event.key));
        if key.index() == self.of_key.len() {
            self.of_key.push(Draft::new());
        }
        let draft = &mut self.of_key[key.index()];
        let value = match action {
            Action::Read | Action::ReadReplica(_) => ValueId::NIL,
            Action::Delete => draft.new_nothing(),
            Action::Write | Action::Add | Action::Remove | Action::Increment => draft.intern(&event.value),
            Action::Cas | Action::CasMismatch => draft.intern(&pair(event.value)?[1]),
        };
        let node = event.node.map(|node| NodeId::new(self.nodes.intern(node)));
        let mut seen: Vec<ValueId> = event.seen.iter().map(|value| draft.intern(&value.into())).collect();
        if action == Action::Cas {
            seen = vec![draft.intern(&pair(event.value)?[0])];
        }
        let is_look = matches!(action, Action::ReadReplica(_));
        let ops = if is_look { &mut draft.looks } else { &mut draft.ops };
        let number = ops.len();
        let invocation = Invocation {
            index: event.index,
            time_ns: event.time_ns,
            position: Position::after(self.event_count),
            process,
            key,
            action,
        };
        ops.push_with(|| {
            let mut op = Op::invoked(invocation);
            (op.value, op.node, op.has_seen) = (value, node, !seen.is_empty());
            op
        });
        if !seen.is_empty() {
            self.seen.push(&ops[number], seen.into_iter());
        }
        Ok(Place {
            key,
            is_look,
            number: number as u32,
        })
    }

    /// Ends the op at `place`, which `event` can complete, and returns what its process is then at.
    fn complete(&mut self, place: Place, outcome: Outcome, event: &EventRef<'_>, position: Position) -> State {
        let is_mismatch = outcome == Outcome::Ok && is_mismatch(event);
        let outcome = if is_mismatch { Outcome::Fail } else { outcome };
        if let (None, Some(version)) = (self.version_form, event.version)
            && outcome == Outcome::Ok
        {
            self.version_form = Some(version.into());
        }
        let node = event.node.map(|node| NodeId::new(self.nodes.intern(node)));
        let draft = &mut self.of_key[place.key.index()];
        let version = event.version.filter(|_| outcome == Outcome::Ok);
        let version = version.map(|version| VersionId::new(draft.versions.intern(version)));
        let returned = (outcome == Outcome::Ok && !event.function.is_write()).then(|| draft.intern(&event.value));

        let ops = if place.is_look {
            &mut draft.looks
        } else {
            &mut draft.ops
        };
        let op = &mut ops[place.number as usize];
        op.version = version;
        op.value = returned.unwrap_or(op.value);
        op.node = node.or(op.node);
        if is_mismatch {
            op.action = Action::CasMismatch;
        }
        op.complete(outcome, event.index, event.time_ns, position);
        if !place.is_look && outcome == Outcome::Info {
            State::Crashed(event.index)
        } else {
            State::Idle
        }
    }

    /// Returns `Ok` if `event`, a completion by the process of the open `op`, can be the completion of `op`.
    fn require_completes(&self, op: &Op, event: &EventRef<'_>) -> Result<(), Irregularity> {
        let function = op.action.function();
        if event.function != function {
            return Err(Irregularity::OtherFunction { invoked: function });
        }
        let key = &self.keys.items()[op.key.index()];
        if *event.key != **key {
            return Err(Irregularity::OtherKey {
                invoked: key.to_string(),
            });
        }
        if op.action.is_write() && !event.value.is_null() && !is_mismatch(event) {
            let written = match op.action {
                Action::Cas => pair(event.value)?[1],
                _ => event.value,
            };
            let other = self.of_key[op.key.index()].unless_is(op.value, written);
            if let Some(written) = other {
                return Err(Irregularity::OtherValue {
                    invoked: written.to_string(),
                });
            }
        }
        if let Action::ReadReplica(phase) = op.action {
            let replica = op.node.map(|node| &*self.nodes.items()[node.index()]);
            if event.node.is_some() && event.node != replica || event.phase.is_some_and(|it| it != phase) {
                return Err(Irregularity::OtherReplica);
            }
        }
        if let (Some(version), Some(form)) = (event.version, self.version_form)
            && VersionForm::from(version) != form
        {
            return Err(Irregularity::MixedVersions);
        }
        Ok(())
    }

    fn op(&self, place: Place) -> &Op {
        let draft = &self.of_key[place.key.index()];
        let ops = if place.is_look { &draft.looks } else { &draft.ops };
        &ops[place.number as usize]
    }
}

/// Puts parts behind each other. There is at least one.
fn joined(parts: Vec<Finished>) -> (Vec<OfKey>, Versions) {
    let whole = parts.into_iter().reduce(|mut first, next| {
        first.of_key.extend(next.of_key);
        first.versions.append(next.versions);
        first
    });
    let whole = whole.expect("an empty history is one empty part");
    (whole.of_key, whole.versions)
}

impl Default for HistoryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns what a compare-and-set expects and what it sets.
fn pair(value: ValueRef<'_>) -> Result<[ValueRef<'_>; 2], Irregularity> {
    match value {
        ValueRef::Json(Value::Array(pair)) if pair.len() == 2 => Ok([(&pair[0]).into(), (&pair[1]).into()]),
        _ => Err(Irregularity::NoPair),
    }
}

/// Returns whether a completion says that a compare-and-set found something else than it expected.
fn is_mismatch(event: &EventRef<'_>) -> bool {
    event.function == Function::Cas && matches!(event.value, ValueRef::Json(Value::Bool(false)))
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
