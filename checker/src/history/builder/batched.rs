//! Taking a whole batch of events at once.

use std::hint::black_box;

use super::{HistoryBuilder, Place, State};
use crate::history::{
    batch::{Batch, End, Step},
    borrowed::{ProcessRef, ValueRef, VersionRef},
    id::{KeyId, NodeId, ProcessId, ValueId, VersionId},
    of_key::Draft,
    op::{Op, Position},
};

/// A batch can't follow what came before, or one of its events can't: which, and why, shows when they are pushed one by one.
/// The builder holds no event of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchRefused;

/// What the ids of a batch are in the history.
struct Ids {
    processes: Vec<ProcessId>,
    keys: Vec<KeyId>,
    nodes: Vec<NodeId>,
    /// How many events came before.
    offset: usize,
}

impl HistoryBuilder {
    /// Appends all events of `batch`, as if each was pushed.
    ///
    /// # Errors
    /// They can't follow those before them. The history is then as it was.
    pub(crate) fn push_batch(&mut self, batch: &Batch) -> Result<(), BatchRefused> {
        let processes = self.processes_of(batch)?;
        let keys = batch.keys.hashed(&batch.texts);
        let keys: Vec<KeyId> = keys
            .map(|(hash, name)| KeyId::new(self.keys.intern_hashed(hash, name)))
            .collect();
        self.of_key.resize_with(self.keys.items().len(), Draft::new);
        black_box(keys.iter().fold(0, |all, key| all ^ self.of_key[key.index()].fetch()));
        let nodes = batch.nodes.hashed(&batch.texts);
        let nodes = nodes
            .map(|(hash, name)| NodeId::new(self.nodes.intern_hashed(hash, name)))
            .collect();
        let ids = Ids {
            processes,
            keys,
            nodes,
            offset: self.event_count,
        };
        let places = self.take_steps(batch, &ids);
        for (client, process) in batch.clients.met.iter().zip(&ids.processes) {
            self.states[process.index()] = match client.end {
                End::Idle => State::Idle,
                End::Open(op, _) => State::Open(places[op as usize]),
                End::Crashed(index) => State::Crashed(index),
            };
        }
        self.event_count += batch.event_count();
        if batch.has_ok_version {
            self.version_form = self.version_form.or(batch.version_form);
        }
        Ok(())
    }

    /// Returns the ids of the batch's processes, if each of them may go on as it does there.
    fn processes_of(&mut self, batch: &Batch) -> Result<Vec<ProcessId>, BatchRefused> {
        let forms = (self.version_form, batch.version_form);
        let is_mixed = matches!(forms, (Some(own), Some(other)) if own != other);
        if is_mixed || batch.event_count() >= Position::COUNT_MAX - self.event_count {
            return Err(BatchRefused);
        }
        let mut processes = Vec::with_capacity(batch.clients.met.len());
        for client in &batch.clients.met {
            let process = self.process(ProcessRef::Client(client.number));
            let is_next = match (client.carried, self.states[process.index()]) {
                (None, State::Idle) => true,
                (Some(carried), State::Open(place)) => {
                    let event = batch.carried_event(carried as usize);
                    self.require_completes(self.op(place), &event).is_ok()
                }
                (None | Some(_), _) => false,
            };
            if !is_next {
                return Err(BatchRefused);
            }
            processes.push(process);
        }
        Ok(processes)
    }

    /// Does what the steps say, and returns where the ops of the batch are.
    fn take_steps(&mut self, batch: &Batch, ids: &Ids) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::with_capacity(batch.ops.len());
        let mut carried = 0..batch.carried.len();
        for step in &batch.steps {
            match *step {
                Step::Begin => places.push(self.begin(&batch.ops[places.len()], ids, |_| ValueId::NIL)),
                Step::BeginDelete => places.push(self.begin(&batch.ops[places.len()], ids, Draft::new_nothing)),
                Step::BeginInteger(value) => {
                    let value = ValueRef::Integer(value);
                    places.push(self.begin(&batch.ops[places.len()], ids, |draft| draft.intern(&value)));
                }
                Step::BeginText(value) => {
                    let value = ValueRef::Text(batch.texts.part(value));
                    places.push(self.begin(&batch.ops[places.len()], ids, |draft| draft.intern(&value)));
                }
                Step::ReturnInteger { op, value } => self.return_value(places[op as usize], &ValueRef::Integer(value)),
                Step::ReturnText { op, value } => {
                    self.return_value(places[op as usize], &ValueRef::Text(batch.texts.part(value)));
                }
                Step::VersionInteger { op, version } => {
                    self.tell_version(places[op as usize], VersionRef::Integer(version));
                }
                Step::VersionText { op, version } => {
                    self.tell_version(places[op as usize], VersionRef::Text(batch.texts.part(version)));
                }
                Step::Carried => {
                    let number = carried.next().expect("there are as many as steps that take one");
                    self.complete_carried(batch, number, ids.offset);
                }
            }
        }
        places
    }

    #[inline]
    fn begin(&mut self, op: &Op, ids: &Ids, value: impl FnOnce(&mut Draft) -> ValueId) -> Place {
        let key = ids.keys[op.key.index()];
        let draft = &mut self.of_key[key.index()];
        let value = value(draft);
        let number = draft.ops.len() as u32;
        draft.ops.push_with(|| {
            let mut op = *op;
            (op.key, op.value) = (key, value);
            op.process = ids.processes[op.process.index()];
            op.node = op.node.map(|node| ids.nodes[node.index()]);
            (op.start, op.end) = (op.start.moved_by(ids.offset), op.end.moved_by(ids.offset));
            op
        });
        Place {
            key,
            is_look: false,
            number,
        }
    }

    #[inline]
    fn return_value(&mut self, place: Place, value: &ValueRef<'_>) {
        let draft = &mut self.of_key[place.key.index()];
        draft.ops[place.number as usize].value = draft.intern(value);
    }

    #[inline]
    fn tell_version(&mut self, place: Place, version: VersionRef<'_>) {
        let draft = &mut self.of_key[place.key.index()];
        let version = VersionId::new(draft.versions.intern(version));
        draft.ops[place.number as usize].version = Some(version);
    }

    /// Ends an op that was open before the batch.
    fn complete_carried(&mut self, batch: &Batch, number: usize, offset: usize) {
        let carried = &batch.carried[number];
        let event = batch.carried_event(number);
        let process = self.process(event.process);
        let State::Open(place) = self.states[process.index()] else {
            unreachable!("a batch is refused unless the op is open that it completes")
        };
        self.complete(place, carried.outcome, &event, carried.position.moved_by(offset));
    }
}
