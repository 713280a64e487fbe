//! Events paired among themselves, apart from the history that they belong to: so that whoever reads a part of a file can
//! do for the builder what needs no knowledge of the parts before it.
//!
//! A batch is a small history whose ids and positions count from its own first; its builder only moves them. What the
//! builder numbers by key, values and versions, is kept as it was told, in the order of events, so that numbers do not
//! depend on where batches end.
//!
//! It takes what most histories consist of: clients' ops that keep the rules. Any other event it refuses, and says
//! nothing of it: what that event means, and whether it breaks a rule, is for the builder to say.

use super::{
    borrowed::{EventRef, ProcessRef, ValueRef, VersionRef},
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
    pub(super) steps: Vec<Step>,
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

/// What a builder does in its turn, as it numbers what it meets in the order of events.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The next op begins, without a value.
    Begin,
    /// The next op begins, a delete.
    BeginDelete,
    BeginInteger(i64),
    BeginText(Span),
    ReturnInteger {
        op: u32,
        value: i64,
    },
    ReturnText {
        op: u32,
        value: Span,
    },
    VersionInteger {
        op: u32,
        version: u64,
    },
    VersionText {
        op: u32,
        version: Span,
    },
    /// The next of those that are carried completes an op.
    Carried,
}

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

/// A value as it was told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Nothing,
    Integer(i64),
    Text(Span),
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
        self.steps.clear();
        self.clients.clear();
        self.keys.clear();
        self.nodes.clear();
        self.carried.clear();
        self.texts.0.clear();
        (self.version_form, self.has_ok_version, self.event_count) = (None, false, 0);
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
        client.end = End::Open(self.ops.len() as u32, written);
        self.steps.push(match written {
            _ if action == Action::Delete => Step::BeginDelete,
            Told::Nothing => Step::Begin,
            Told::Integer(integer) => Step::BeginInteger(integer),
            Told::Text(text) => Step::BeginText(text),
        });
        let key = self.keys.find_or_add(event.key, &mut self.texts);
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
    fn tell(&mut self, op: u32, event: &EventRef<'_>) {
        match event.version {
            None => {}
            Some(VersionRef::Integer(version)) => self.steps.push(Step::VersionInteger { op, version }),
            Some(VersionRef::Text(text)) => {
                let version = self.texts.keep(text);
                self.steps.push(Step::VersionText { op, version });
            }
        }
        if event.function.is_write() {
            return;
        }
        match self.texts.keep_value(event.value) {
            Told::Nothing => {}
            Told::Integer(value) => self.steps.push(Step::ReturnInteger { op, value }),
            Told::Text(value) => self.steps.push(Step::ReturnText { op, value }),
        }
    }

    /// Keeps the completion of an op that was invoked before: the first event of its client here.
    fn carry(&mut self, number: i64, outcome: Outcome, event: &EventRef<'_>) -> Result<(), NotForBatches> {
        if matches!(event.function, Function::Cas | Function::ReadReplica) {
            return Err(NotForBatches);
        }
        let process = self.clients.find_or_add(number);
        let client = &mut self.clients.met[process];
        client.carried = Some(self.carried.len() as u32);
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
            client: number,
            kind: event.kind,
            function: event.function,
            key: self.texts.keep(event.key),
            value: self.texts.keep_value(event.value),
            node: event.node.map(|node| self.texts.keep(node)),
            version,
        });
        self.steps.push(Step::Carried);
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

/// Names numbered in the order in which they are first met.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Each with its hash.
    met: Vec<(u64, Span)>,
    slots: Slots,
}

impl Names {
    #[inline]
    fn find_or_add(&mut self, name: &str, texts: &mut Texts) -> usize {
        let hash = hash_of(name);
        let found = self.slots.find(hash, |index| self.is(index, name, texts));
        found.unwrap_or_else(|| {
            self.slots.insert(hash, self.met.len());
            self.met.push((hash, texts.keep(name)));
            self.met.len() - 1
        })
    }

    #[inline]
    fn is(&self, index: usize, name: &str, texts: &Texts) -> bool {
        texts.part(self.met[index].1) == name
    }

    /// Returns all names in order, each with its hash.
    pub(super) fn hashed<'t>(&self, texts: &'t Texts) -> impl Iterator<Item = (u64, &'t str)> {
        self.met.iter().map(|(hash, span)| (*hash, texts.part(*span)))
    }

    fn clear(&mut self) {
        self.met.clear();
        self.slots.clear();
    }
}

/// The texts of a batch, one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts(String);

/// The place of a text among all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Texts {
    #[inline]
    fn keep(&mut self, text: &str) -> Span {
        let start = self.0.len() as u32;
        self.0.push_str(text);
        let end = u32::try_from(self.0.len()).expect("a batch is far smaller than 4 GB");
        Span { start, end }
    }

    #[inline]
    fn keep_value(&mut self, value: ValueRef<'_>) -> Told {
        match value {
            ValueRef::Integer(integer) => Told::Integer(integer),
            ValueRef::Text(text) => Told::Text(self.keep(text)),
            ValueRef::Null | ValueRef::Json(_) => Told::Nothing,
        }
    }

    #[inline]
    pub(super) fn part(&self, span: Span) -> &str {
        &self.0[span.start as usize..span.end as usize]
    }

    #[inline]
    fn value(&self, value: Told) -> ValueRef<'_> {
        match value {
            Told::Nothing => ValueRef::Null,
            Told::Integer(integer) => ValueRef::Integer(integer),
            Told::Text(text) => ValueRef::Text(self.part(text)),
        }
    }
}
