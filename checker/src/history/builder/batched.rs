//! Taking a whole batch of events at once.

use std::hint::black_box;

use super::{HistoryBuilder, Place, State};
use crate::history::{
    batch::{Batch, End},
    borrowed::{ProcessRef, ValueRef, VersionRef},
    by_key::Step,
    id::{KeyId, NodeId, ProcessId, VersionId},
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
        let befores = self.take_groups(batch, &ids);
        for (client, process) in batch.clients.met.iter().zip(&ids.processes) {
            self.states[process.index()] = match client.end {
                End::Idle => State::Idle,
                End::Open(op, _) => {
                    let key = batch.ops[op as usize].key.index();
                    State::Open(Place {
                        key: ids.keys[key],
                        is_look: false,
                        number: befores[key] as u32 + batch.rank(op),
                    })
                }
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

    /// Takes ops and steps key by key, and returns how many ops there were of each key before.
    fn take_groups(&mut self, batch: &Batch, ids: &Ids) -> Vec<usize> {
        let groups = ids.keys.iter().zip(batch.groups());
        groups
            .map(|(key, (ops, steps))| {
                let draft = &mut self.of_key[key.index()];
                let before = draft.ops.len();
                ops.iter().for_each(|op| ids.append(draft, op, *key));
                for step in steps {
                    self.take_step(*step, *key, before, batch, ids.offset);
                }
                before
            })
            .collect()
    }

    /// Does what a step says of one of the ops of `key` from the batch, which `before` others came before.
    #[inline]
    fn take_step(&mut self, step: Step, key: KeyId, before: usize, batch: &Batch, offset: usize) {
        let draft = &mut self.of_key[key.index()];
        let op = |rank: u32| before + rank as usize;
        match step {
            Step::Delete { rank } => {
                let value = draft.new_nothing();
                draft.ops[op(rank)].value = value;
            }
            Step::Integer { rank, value } => {
                let value = draft.intern(&ValueRef::Integer(value));
                draft.ops[op(rank)].value = value;
            }
            Step::Text { rank, value } => {
                let value = draft.intern(&ValueRef::Text(batch.texts.part(value)));
                draft.ops[op(rank)].value = value;
            }
            Step::VersionInteger { rank, version } => {
                tell_version(draft, op(rank), VersionRef::Integer(version));
            }
            Step::VersionText { rank, version } => {
                tell_version(draft, op(rank), VersionRef::Text(batch.texts.part(version)));
            }
            Step::Carried { number } => self.complete_carried(batch, number as usize, offset),
        }
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

impl Ids {
    /// Appends an op of the batch to those of its key.
    #[inline]
    fn append(&self, draft: &mut Draft, op: &Op, key: KeyId) {
        draft.ops.push_with(|| {
            let mut op = *op;
            op.key = key;
            op.process = self.processes[op.process.index()];
            op.node = op.node.map(|node| self.nodes[node.index()]);
            (op.start, op.end) = (op.start.moved_by(self.offset), op.end.moved_by(self.offset));
            op
        });
    }
}

#[inline]
fn tell_version(draft: &mut Draft, number: usize, version: VersionRef<'_>) {
    let version = VersionId::new(draft.versions.intern(version));
    draft.ops[number].version = Some(version);
}
