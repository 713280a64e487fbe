//! A disk in memory: what was applied to it is durable.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use quorate_core::{
    Hint, HintId, Key, Member, Memory, NodeId, PartitionId, Record, RememberedWrite, Store, StoreError, StoreOp,
    Summaries, WriteId,
};

/// A node's disk. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Rc<RefCell<Durable>>);

#[derive(Debug, Default)]
struct Durable {
    records: BTreeMap<(PartitionId, Key), Record>,
    damaged: BTreeSet<Key>,
    hints: BTreeMap<(NodeId, HintId), Hint>,
    writes: BTreeMap<WriteId, RememberedWrite>,
    memory: Memory,
}

impl Disk {
    /// The disk of a node that knows who founded its ring.
    pub(crate) fn of_founders(founders: Vec<Member>) -> Disk {
        let disk = Disk::default();
        disk.0.borrow_mut().memory.founders = Some(founders);
        disk
    }

    /// Spoils the record of a key.
    pub(crate) fn damage(&self, key: Key) {
        self.0.borrow_mut().damaged.insert(key);
    }

    pub(crate) fn apply(&self, ops: Vec<StoreOp>) {
        let mut durable = self.0.borrow_mut();
        for op in ops {
            match op {
                StoreOp::PutRecord { partition, key, record } => {
                    durable.damaged.remove(&key);
                    durable.records.insert((partition, key), record);
                }
                StoreOp::DropRecord { partition, key } => {
                    durable.damaged.remove(&key);
                    durable.records.remove(&(partition, key));
                }
                StoreOp::PutHint(hint) => {
                    durable.hints.insert((hint.target, hint.id()), hint);
                }
                StoreOp::DropHint { target, hint } => {
                    durable.hints.remove(&(target, hint));
                }
                StoreOp::SetRoster(roster) => durable.memory.roster = Some(*roster),
                StoreOp::SetDown(down) => durable.memory.down = down,
                StoreOp::SetPartition(state) => {
                    durable.memory.partitions.insert(state.ownership.partition, *state);
                }
                StoreOp::RememberWrite(id, write) => {
                    durable.writes.insert(id, write);
                }
                StoreOp::ForgetWrite(id) => {
                    durable.writes.remove(&id);
                }
                StoreOp::SetGeneration(generation) => durable.memory.generation = Some(generation),
                StoreOp::SetFounders(founders) => durable.memory.founders = Some(founders),
                StoreOp::SetForgottenTime(time) => durable.memory.forgotten_time = time,
            }
        }
    }

    /// Everything under keys, and all hints.
    pub(crate) fn contents(&self) -> (Vec<(Key, Record)>, Vec<Hint>) {
        let durable = self.0.borrow();
        let records = durable
            .records
            .iter()
            .map(|((_, key), record)| (key.clone(), record.clone()));
        (records.collect(), durable.hints.values().cloned().collect())
    }
}

impl Store for Disk {
    fn record(&self, partition: PartitionId, key: &Key) -> Result<Option<Record>, StoreError> {
        let durable = self.0.borrow();
        if durable.damaged.contains(key) {
            return Err(StoreError::Damaged(format!("{key} does not fit its checksum")));
        }
        Ok(durable.records.get(&(partition, key.clone())).cloned())
    }

    fn summaries(&self, partition: PartitionId) -> Result<Summaries, StoreError> {
        let durable = self.0.borrow();
        let mut summaries = Summaries::default();
        for ((_, key), record) in durable.records.iter().filter(|((p, _), _)| *p == partition) {
            if durable.damaged.contains(key) {
                summaries.damaged.push(key.clone());
            } else {
                summaries.entries.push((key.clone(), record.summary(key)));
            }
        }
        Ok(summaries)
    }

    fn hints(&self, target: NodeId, after: Option<&HintId>, limit: usize) -> Result<Vec<Hint>, StoreError> {
        let durable = self.0.borrow();
        let hints = durable.hints.iter().filter(|((node, _), _)| *node == target);
        let above = |id: &HintId| after.is_none_or(|after| id > after);
        let hints = hints.filter(|((_, id), _)| above(id)).take(limit);
        Ok(hints.map(|(_, hint)| hint.clone()).collect())
    }

    fn hints_of(&self, target: NodeId, key: &Key) -> Result<Vec<Hint>, StoreError> {
        let hints = self.hints(target, None, usize::MAX)?;
        Ok(hints.into_iter().filter(|hint| hint.key == *key).collect())
    }

    fn hint_counts(&self) -> Result<Vec<(NodeId, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for (target, _) in self.0.borrow().hints.keys() {
            *counts.entry(*target).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn remembered_writes(&self) -> Result<Vec<(WriteId, RememberedWrite)>, StoreError> {
        let durable = self.0.borrow();
        Ok(durable.writes.iter().map(|(id, write)| (*id, write.clone())).collect())
    }

    fn memory(&self) -> Result<Memory, StoreError> {
        Ok(self.0.borrow().memory.clone())
    }
}
