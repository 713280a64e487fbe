//! Events paired among themselves, apart from the history that they belong to: so that whoever reads a part of a file can
//! do for the builder what needs no knowledge of the parts before it.
//!
//! A batch is a small history whose ids and positions count from its own first; its builder only moves them. What the
//! builder numbers by key, values and versions, is kept as it was told, of each key in the order of events, so that numbers
//! do not depend on where batches end.
//!
//! It takes what most histories consist of: clients' ops that keep the rules. Any other event it refuses, and says
//! nothing of it: what that event means, and whether it breaks a rule, is for the builder to say.

use super::{
    batch_texts::{Names, Span, Texts, Told},
    borrowed::{EventRef, ProcessRef, ValueRef, VersionRef},
    by_key::{ByKey, Step},
    event::{EventKind, Function},
    id::{KeyId, NodeId, ProcessId},
    op::{Action, Invocation, Op, Outcome, Position},
    slots::{Slots, hash_of},
    versions::VersionForm,
};

/// Events that follow each other in a history, paired as far as they are a pair here.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// In order of invocation. Their values and versions are in the steps.
    pub(super) ops: Vec<Op>,
    by_key: ByKey,
    /// In the order in which they are first met, as are all names.
    pub(super) clients: Clients,
    pub(super) keys: Names,
    pub(super) nodes: Names,
    /// Completions of ops that were invoked before this batch.
    pub(super) carried: Vec<Carried>,
    pub(super) texts: Texts,
    /// Of all versions in it.
    pub(super) version_form: Option<VersionForm>,
    /// Whether a version is of an op that went well.
    pub(super) has_ok_version: bool,
    event_count: usize,
}

/// An event is none that a batch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotForBatches;

/// A client and where it stands at either end of the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) number: i64,
    /// Which of the carried completions is its first event, if one is.
    pub(super) carried: Option<u32>,
    pub(super) end: End,
}

/// What a client is at.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Idle,
    /// With the op of this index open, and what it writes.
    Open(u32, Told),
    /// Its op ended in info at the event of this index.
    Crashed(u64),
}

/// A completion whose invocation is elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    pub(super) position: Position,
    pub(super) outcome: Outcome,
    index: u64,
    time_ns: u64,
    client: i64,
    kind: EventKind,
    function: Function,
    key: Span,
    value: Told,
    node: Option<Span>,
    version: Option<CarriedVersion>,
}

#[derive(Clone, Copy, Debug)]
enum CarriedVersion {
    Integer(u64),
    Text(Span),
}

impl Batch {
    /// Forgets all events and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.ops.clear();
        self.by_key.clear();
        self.clients.clear();
        self.keys.clear();
        self.nodes.clear();
        self.carried.clear();
        self.texts.clear();
        (self.version_form, self.has_ok_version, self.event_count) = (None, false, 0);
    }

    /// Puts ops and steps in order by key, after the last event.
    pub(crate) fn group(&mut self) {
        self.by_key.group(&self.ops);
    }

    /// Returns the ops and the steps of each key, by key.
    ///
    /// # Panics
    /// Unless they are [grouped](Self::group).
    pub(super) fn groups(&self) -> impl Iterator<Item = (&[Op], &[Step])> {
        self.by_key.groups(&self.ops)
    }

    /// Returns of which of its key's ops in the batch an op is, from 0.
    pub(super) fn rank(&self, op: u32) -> u32 {
        self.by_key.rank(op)
    }

    /// Returns the number of a key, in the batch.
    #[inline]
    fn key(&mut self, name: &str) -> usize {
        let key = self.keys.find_or_add(name, &mut self.texts);
        self.by_key.meet(key);
        key
    }

    /// Returns how many events there are.
    pub(crate) fn event_count(&self) -> usize {
        self.event_count
    }

    /// Appends an event.
    ///
    /// # Errors
    /// It is none that a batch takes. The batch is then of no use, and all its events are for the builder itself.
    #[inline]
    pub(crate) fn push(&mut self, event: &EventRef<'_>) -> Result<(), NotForBatches> {
        let ProcessRef::Client(number) = event.process else {
            return Err(NotForBatches);
        };
        if !event.seen.is_empty() || matches!(event.value, ValueRef::Json(_)) {
            return Err(NotForBatches);
        }
        match event.kind {
            EventKind::Invoke => self.invoke(number, event)?,
            EventKind::Ok => self.complete(number, Outcome::Ok, event)?,
            EventKind::Fail => self.complete(number, Outcome::Fail, event)?,
            EventKind::Info => self.complete(number, Outcome::Info, event)?,
        }
        self.event_count += 1;
        Ok(())
    }

    #[inline]
    fn invoke(&mut self, number: i64, event: &EventRef<'_>) -> Result<(), NotForBatches> {
        let (action, written) = match event.function {
            Function::Read => (Action::Read, ValueRef::Null),
            Function::Write => (Action::Write, event.value),
            Function::Delete => (Action::Delete, ValueRef::Null),
            Function::Add => (Action::Add, event.value),
            Function::Remove => (Action::Remove, event.value),
            Function::Increment => (Action::Increment, event.value),
            Function::Cas | Function::ReadReplica => return Err(NotForBatches),
        };
        let process = self.clients.find_or_add(number);
        let written = self.texts.keep_value(written);
        let client = &mut self.clients.met[process];
        let End::Idle = client.end else {
            return Err(NotForBatches);
        };
        let number = self.ops.len() as u32;
        client.end = End::Open(number, written);
        let key = self.key(event.key);
        let rank = self.by_key.push_op(key);
        match written {
            _ if action == Action::Delete => self.by_key.push_step(key, Step::Delete { rank }),
            Told::Nothing => {}
            Told::Integer(value) => self.by_key.push_step(key, Step::Integer { rank, value }),
            Told::Text(value) => self.by_key.push_step(key, Step::Text { rank, value }),
        }
        let node = event.node.map(|node| self.nodes.find_or_add(node, &mut self.texts));
        let mut op = Op::invoked(Invocation {
            index: event.index,
            time_ns: event.time_ns,
            position: Position::after(self.event_count),
            process: ProcessId::new(process),
            key: KeyId::new(key),
            action,
        });
        op.node = node.map(NodeId::new);
        self.ops.push(op);
        Ok(())
    }

    #[inline]
    fn complete(&mut self, number: i64, outcome: Outcome, event: &EventRef<'_>) -> Result<(), NotForBatches> {
        self.note_version_form(outcome, event)?;
        let Some(process) = self.clients.find(number) else {
            return self.carry(number, outcome, event);
        };
        let client = &mut self.clients.met[process];
        let End::Open(place, written) = client.end else {
            return Err(NotForBatches);
        };
        client.end = match outcome {
            Outcome::Info => End::Crashed(event.index),
            Outcome::Ok | Outcome::Fail => End::Idle,
        };
        let op = &mut self.ops[place as usize];
        let is_same = event.function == op.action.function()
            && self.keys.is(op.key.index(), event.key, &self.texts)
            && (!op.action.is_write() || event.value.is_null() || self.texts.value(written) == event.value);
        if !is_same {
            return Err(NotForBatches);
        }
        if let Some(node) = event.node {
            op.node = Some(NodeId::new(self.nodes.find_or_add(node, &mut self.texts)));
        }
        op.complete(outcome, event.index, event.time_ns, Position::after(self.event_count));
        if outcome == Outcome::Ok {
            self.tell(place, event);
        }
        Ok(())
    }

    /// Notes what the completion of an op tells that goes well.
    #[inline]
    fn tell(&mut self, place: u32, event: &EventRef<'_>) {
        let (key, rank) = (self.ops[place as usize].key.index(), self.rank(place));
        match event.version {
            None => {}
            Some(VersionRef::Integer(version)) => self.by_key.push_step(key, Step::VersionInteger { rank, version }),
            Some(VersionRef::Text(text)) => {
                let version = self.texts.keep(text);
                self.by_key.push_step(key, Step::VersionText { rank, version });
            }
        }
        if event.function.is_write() {
            return;
        }
        match self.texts.keep_value(event.value) {
            Told::Nothing => {}
            Told::Integer(value) => self.by_key.push_step(key, Step::Integer { rank, value }),
            Told::Text(value) => self.by_key.push_step(key, Step::Text { rank, value }),
        }
    }

    /// Keeps the completion of an op that was invoked before: the first event of its client here.
    fn carry(&mut self, client_number: i64, outcome: Outcome, event: &EventRef<'_>) -> Result<(), NotForBatches> {
        if matches!(event.function, Function::Cas | Function::ReadReplica) {
            return Err(NotForBatches);
        }
        let process = self.clients.find_or_add(client_number);
        let client = &mut self.clients.met[process];
        let number = self.carried.len() as u32;
        client.carried = Some(number);
        if outcome == Outcome::Info {
            client.end = End::Crashed(event.index);
        }
        if let Some(node) = event.node {
            self.nodes.find_or_add(node, &mut self.texts);
        }
        let version = event.version.map(|version| match version {
            VersionRef::Integer(number) => CarriedVersion::Integer(number),
            VersionRef::Text(text) => CarriedVersion::Text(self.texts.keep(text)),
        });
        self.carried.push(Carried {
            position: Position::after(self.event_count),
            outcome,
            index: event.index,
            time_ns: event.time_ns,
            client: client_number,
            kind: event.kind,
            function: event.function,
            key: self.texts.keep(event.key),
            value: self.texts.keep_value(event.value),
            node: event.node.map(|node| self.texts.keep(node)),
            version,
        });
        // Its op is of the same key, or the batch is refused: so the builder has met the key before.
        let key = self.key(event.key);
        self.by_key.push_step(key, Step::Carried { number });
        Ok(())
    }

    /// Refuses versions of two forms, and keeps which it is.
    #[inline]
    fn note_version_form(&mut self, outcome: Outcome, event: &EventRef<'_>) -> Result<(), NotForBatches> {
        let Some(version) = event.version else {
            return Ok(());
        };
        let form = VersionForm::from(version);
        self.has_ok_version |= outcome == Outcome::Ok;
        if *self.version_form.get_or_insert(form) != form {
            return Err(NotForBatches);
        }
        Ok(())
    }

    /// Returns the carried completion of this number as the event that it was.
    pub(super) fn carried_event(&self, number: usize) -> EventRef<'_> {
        let carried = &self.carried[number];
        EventRef {
            index: carried.index,
            time_ns: carried.time_ns,
            process: ProcessRef::Client(carried.client),
            kind: carried.kind,
            function: carried.function,
            key: self.texts.part(carried.key),
            value: self.texts.value(carried.value),
            seen: &[],
            node: carried.node.map(|node| self.texts.part(node)),
            version: carried.version.map(|version| match version {
                CarriedVersion::Integer(number) => VersionRef::Integer(number),
                CarriedVersion::Text(text) => VersionRef::Text(self.texts.part(text)),
            }),
            phase: None,
        }
    }
}

/// The clients of a batch.
#[derive(Debug, Default)]
pub(super) struct Clients {
    pub(super) met: Vec<Client>,
    slots: Slots,
}

impl Clients {
    #[inline]
    fn find(&self, number: i64) -> Option<usize> {
        self.slots
            .find(hash_of(number), |index| self.met[index].number == number)
    }

    #[inline]
    fn find_or_add(&mut self, number: i64) -> usize {
        self.find(number).unwrap_or_else(|| {
            self.slots.insert(hash_of(number), self.met.len());
            self.met.push(Client {
                number,
                carried: None,
                end: End::Idle,
            });
            self.met.len() - 1
        })
    }

    fn clear(&mut self) {
        self.met.clear();
        self.slots.clear();
    }
}
