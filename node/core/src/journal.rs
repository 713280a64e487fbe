//! What is on its way to the disk, and who waits for it.
//!
//! Changes gather in an open batch until the node has nothing else to say; then the batch goes out whole, so that one
//! sync serves everything that came in together. Batches become durable in the order in which they went out.
//! Invariant: `newest` names, for each key with a record under way, the newest such record and its batch.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    Hint, HintId, Key, NodeId, PartitionId, PersistToken, Record, RequestId, StoreOp, Version, exchange::record_digest,
};

/// Who waits for a record to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A request of another node.
    Peer {
        peer: NodeId,
        id: RequestId,
        version: Version,
    },
    /// A coordination of this node.
    Coordination { id: RequestId, version: Version },
    /// A comparison of this node.
    Comparison { id: RequestId },
}

/// What a batch does to the hints.
#[derive(Debug, Default)]
pub(crate) struct HintChanges {
    /// For whom one was put.
    pub(crate) put: Vec<NodeId>,
    /// Which were dropped.
    pub(crate) dropped: Vec<(NodeId, HintId)>,
}

/// A batch of changes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    ops: Vec<StoreOp>,
    staged: Vec<(Key, Version)>,
    pub(crate) hints: HintChanges,
    /// What the batch does to the digests of partitions.
    pub(crate) digests: Vec<(PartitionId, u64)>,
    pub(crate) waiters: Vec<Waiter>,
}

/// All batches that are not durable yet.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    next: u64,
    open: Batch,
    under_way: VecDeque<(PersistToken, Batch)>,
    newest: BTreeMap<Key, (Version, PersistToken)>,
}

impl Journal {
    /// Adds a record, which takes the place of version `replaces` (as of the end of all batches before it).
    pub(crate) fn stage_record(
        &mut self,
        partition: PartitionId,
        key: &Key,
        record: Record,
        replaces: Option<Version>,
    ) {
        let version = record.version;
        let mut change = record_digest(key, version);
        if let Some(old) = replaces {
            change ^= record_digest(key, old);
        }
        self.open.digests.push((partition, change));
        self.open.staged.push((key.clone(), version));
        self.newest.insert(key.clone(), (version, PersistToken(self.next)));
        self.open.ops.push(StoreOp::PutRecord {
            partition,
            key: key.clone(),
            record,
        });
    }

    /// Adds a hint.
    pub(crate) fn stage_hint(&mut self, hint: Hint) {
        self.open.hints.put.push(hint.target);
        self.open.ops.push(StoreOp::PutHint(hint));
    }

    /// Drops a hint.
    pub(crate) fn stage_hint_drop(&mut self, target: NodeId, hint: HintId) {
        self.open.hints.dropped.push((target, hint.clone()));
        self.open.ops.push(StoreOp::DropHint { target, hint });
    }

    /// Adds a change of what the node remembers of itself.
    pub(crate) fn stage_memory(&mut self, op: StoreOp) {
        assert!(
            matches!(op, StoreOp::SetGeneration(_) | StoreOp::SetFounders(_)),
            "records and hints are staged with what they change"
        );
        self.open.ops.push(op);
    }

    /// The newest record of `key` that is under way.
    pub(crate) fn newest(&self, key: &Key) -> Option<Version> {
        self.newest.get(key).map(|(version, _)| *version)
    }

    /// Lets `waiter` know when the newest record of `key` that is under way is durable.
    ///
    /// # Panics
    /// If none is.
    pub(crate) fn wait_for(&mut self, key: &Key, waiter: Waiter) {
        let (_, token) = self.newest.get(key).expect("a record of the key is under way");
        let batch = if token.0 == self.next {
            &mut self.open
        } else {
            let (_, batch) = self
                .under_way
                .iter_mut()
                .find(|(under_way, _)| under_way == token)
                .expect("a batch is open, under way or durable");
            batch
        };
        batch.waiters.push(waiter);
    }

    /// Sends the open batch on its way, if there is anything in it.
    pub(crate) fn close(&mut self) -> Option<(PersistToken, Vec<StoreOp>)> {
        if self.open.ops.is_empty() {
            assert!(self.open.waiters.is_empty(), "somebody waits for nothing");
            return None;
        }
        let mut batch = std::mem::take(&mut self.open);
        let ops = std::mem::take(&mut batch.ops);
        let token = PersistToken(self.next);
        self.next += 1;
        self.under_way.push_back((token, batch));
        Some((token, ops))
    }

    /// Takes out the batch that has just become durable, or failed.
    ///
    /// # Panics
    /// If it is not the oldest under way: the disk broke its promise of order.
    pub(crate) fn finish(&mut self, token: PersistToken) -> Batch {
        let (oldest, batch) = self.under_way.pop_front().expect("a batch is under way");
        assert_eq!(oldest, token, "batches become durable in order");
        for (key, _) in &batch.staged {
            if self.newest.get(key).is_some_and(|(_, newest)| *newest == token) {
                self.newest.remove(key);
            }
        }
        batch
    }

    /// Batches that are not durable yet, the open one among them.
    pub(crate) fn len(&self) -> usize {
        self.under_way.len() + usize::from(!self.open.ops.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Generation, Value};

    fn record(time: u64) -> Record {
        Record {
            version: Version {
                time,
                node: NodeId(1),
                generation: Generation(1),
            },
            value: Value(bytes::Bytes::new()),
        }
    }

    #[test]
    fn whoever_waits_for_a_key_waits_for_the_batch_of_its_newest_record() {
        let (mut journal, key) = (Journal::default(), Key::copy_from(b"k"));
        let waiter = |id| Waiter::Comparison { id: RequestId(id) };
        journal.stage_record(PartitionId(0), &key, record(1), None);
        journal.wait_for(&key, waiter(1));
        let (first, ops) = journal.close().expect("not empty");
        assert_eq!(ops.len(), 1);
        journal.wait_for(&key, waiter(2));
        journal.stage_record(PartitionId(0), &key, record(2), Some(record(1).version));
        journal.wait_for(&key, waiter(3));
        let (second, _) = journal.close().expect("not empty");
        assert_eq!(journal.finish(first).waiters, [waiter(1), waiter(2)]);
        assert_eq!(journal.newest(&key), Some(record(2).version));
        assert_eq!(journal.finish(second).waiters, [waiter(3)]);
        assert_eq!(journal.newest(&key), None);
        assert!(journal.close().is_none());
    }

    #[test]
    #[should_panic(expected = "in order")]
    fn a_disk_that_reorders_is_noticed() {
        let mut journal = Journal::default();
        journal.stage_memory(StoreOp::SetGeneration(Generation(1)));
        journal.close();
        journal.stage_memory(StoreOp::SetGeneration(Generation(2)));
        let (second, _) = journal.close().expect("not empty");
        journal.finish(second);
    }
}
