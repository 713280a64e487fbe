//! What is on its way to the disk, and who waits for it.
//!
//! Changes gather in an open batch until the node has nothing else to say; then the batch goes out whole, so that one
//! sync serves everything that came in together. Batches become durable in the order in which they went out.
//! Invariant: `newest` names, for each key with a change under way, what it will hold then, and the batch that does it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    Applied, ClientToken, Epoch, Generation, Hint, HintId, Key, LeafId, NodeId, PartitionId, PartitionState,
    PersistToken, Record, RememberedWrite, ReplicaResponse, RequestId, StoreOp, WallTime, WriteId,
};

/// Who waits for something to be durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A request of another node, which sent a cell of this fingerprint and goes by this record of its partition.
    Peer {
        peer: NodeId,
        id: RequestId,
        fingerprint: u64,
        asked_at: AskedAt,
    },
    /// A coordination of this node, as if it had sent a cell of this fingerprint to itself.
    Coordination { id: RequestId, fingerprint: u64 },
    /// A hint of this node for itself, as if it had sent a cell of this fingerprint to itself.
    Handoff { id: RequestId, fingerprint: u64 },
    /// A comparison of this node.
    Comparison { id: RequestId },
    /// Another node, or a coordination of this one, that had an update applied here.
    Origin {
        peer: NodeId,
        id: RequestId,
        applied: Box<Applied>,
        asked_at: AskedAt,
    },
    /// Another node, or a coordination of this one, that asked an acceptor of a key.
    Acceptor {
        peer: NodeId,
        id: RequestId,
        vote: Box<ReplicaResponse>,
        asked_at: AskedAt,
    },
    /// A write of this node, which keeps a hint for one of the owners.
    OwnHint { id: RequestId, owner: NodeId },
    /// A record that was damaged, and is being put in order.
    Mending { key: Key },
    /// An administrator who changed the members.
    Admin { client: ClientToken },
    /// This node, to go on as another start of itself.
    Generation(Generation),
    /// A partition's state, and perhaps somebody who is to be told.
    Partition {
        state: Arc<PartitionState>,
        reply: Option<Box<(NodeId, RequestId, ReplicaResponse)>>,
    },
}

impl Waiter {
    /// The fingerprint of the cell that was sent, where that is known.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        match self {
            Waiter::Peer { fingerprint, .. }
            | Waiter::Coordination { fingerprint, .. }
            | Waiter::Handoff { fingerprint, .. } => Some(*fingerprint),
            Waiter::Comparison { .. }
            | Waiter::Origin { .. }
            | Waiter::Acceptor { .. }
            | Waiter::OwnHint { .. }
            | Waiter::Mending { .. }
            | Waiter::Admin { .. }
            | Waiter::Generation(_)
            | Waiter::Partition { .. } => None,
        }
    }
}

/// Which partition a request is about, and which record of it the asker goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskedAt {
    pub(crate) partition: PartitionId,
    pub(crate) epoch: Epoch,
}

/// What a batch does to the hints.
#[derive(Debug, Default)]
pub(crate) struct HintChanges {
    /// Which were put.
    pub(crate) put: Vec<(NodeId, HintId)>,
    /// Which were dropped.
    pub(crate) dropped: Vec<(NodeId, HintId)>,
}

/// What a change does to the tree of a partition, and to the tombstones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DigestChange {
    pub(crate) partition: PartitionId,
    pub(crate) leaf: LeafId,
    pub(crate) key: Key,
    /// The exclusive or of the fingerprints of what was there and of what will be.
    pub(crate) change: u64,
    /// Of what will be there, if it is a tombstone.
    pub(crate) deleted_at: Option<WallTime>,
}

/// A batch of changes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    ops: Vec<StoreOp>,
    pub(crate) hints: HintChanges,
    pub(crate) digests: Vec<DigestChange>,
    /// Writes that the batch remembers by their ids.
    pub(crate) remembered: Vec<WriteId>,
    pub(crate) waiters: Vec<Waiter>,
    size_bytes: usize,
}

impl Batch {
    fn clear(&mut self) {
        self.ops.clear();
        self.hints.put.clear();
        self.hints.dropped.clear();
        self.digests.clear();
        self.remembered.clear();
        self.waiters.clear();
        self.size_bytes = 0;
    }
}

/// One is open, and while it fills others are under way: a few of them at most times.
const SPARE_BATCHES_MAX: usize = 4;

/// What a spell of many changes has made large is not kept for ever.
const SPARE_CHANGES_MAX: usize = 1024;

/// All batches that are not durable yet.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    next: u64,
    /// In a box, as all of them: they go from here to there and back.
    open: Box<Batch>,
    under_way: VecDeque<(PersistToken, Box<Batch>)>,
    /// Batches that are done with, emptied, whose room is used again: most hold a change or two, and there are many.
    #[expect(
        clippy::vec_box,
        reason = "they wait in the boxes in which they go from here to there"
    )]
    spare: Vec<Box<Batch>>,
    newest: BTreeMap<Key, (Option<Record>, PersistToken)>,
    size_bytes: usize,
}

impl Journal {
    /// Adds a record, or, for `None`, the end of one. `change` is the exclusive or of its fingerprint and of that of what
    /// it takes the place of (as of the end of all batches before).
    pub(crate) fn stage_record(
        &mut self,
        (partition, leaf): (PartitionId, LeafId),
        key: &Key,
        record: Option<Record>,
        change: u64,
    ) {
        self.open.digests.push(DigestChange {
            partition,
            leaf,
            key: key.clone(),
            change,
            deleted_at: record.as_ref().and_then(|record| record.cell.deleted_at()),
        });
        let key = key.clone();
        self.newest
            .insert(key.clone(), (record.clone(), PersistToken(self.next)));
        self.weigh(record.as_ref().map_or(0, |record| record.cell.size_bytes()));
        self.open.ops.push(match record {
            Some(record) => StoreOp::PutRecord { partition, key, record },
            None => StoreOp::DropRecord { partition, key },
        });
    }

    /// Adds a hint of this name.
    pub(crate) fn stage_hint(&mut self, hint: Hint, id: HintId) {
        self.weigh(hint.cell.size_bytes());
        self.open.hints.put.push((hint.target, id));
        self.open.ops.push(StoreOp::PutHint(hint));
    }

    /// Drops a hint.
    pub(crate) fn stage_hint_drop(&mut self, target: NodeId, hint: HintId) {
        self.open.hints.dropped.push((target, hint.clone()));
        self.open.ops.push(StoreOp::DropHint { target, hint });
    }

    /// Remembers a write by its id.
    pub(crate) fn stage_write_id(&mut self, id: WriteId, write: RememberedWrite) {
        self.open.remembered.push(id);
        self.open.ops.push(StoreOp::RememberWrite(id, write));
    }

    /// Forgets a write.
    pub(crate) fn stage_write_id_drop(&mut self, id: WriteId) {
        self.open.ops.push(StoreOp::ForgetWrite(id));
    }

    /// Adds a change of what the node remembers of itself.
    pub(crate) fn stage_memory(&mut self, op: StoreOp) {
        assert!(
            matches!(
                op,
                StoreOp::SetGeneration(_)
                    | StoreOp::SetFounders(_)
                    | StoreOp::SetForgottenTime(_)
                    | StoreOp::SetRoster(_)
                    | StoreOp::SetPartition(_)
                    | StoreOp::SetDown(_)
            ),
            "records and hints are staged with what they change"
        );
        self.open.ops.push(op);
    }

    /// What `key` will hold once all that is under way is durable; `None` if nothing of it is under way.
    pub(crate) fn newest(&self, key: &Key) -> Option<Option<&Record>> {
        self.newest.get(key).map(|(record, _)| record.as_ref())
    }

    /// Lets `waiter` know when the newest record of `key` that is under way is durable.
    ///
    /// # Panics
    /// If none is.
    pub(crate) fn wait_for(&mut self, key: &Key, waiter: Waiter) {
        let (_, token) = self.newest.get(key).expect("a record of the key is under way");
        self.wait_for_batch(*token, waiter);
    }

    /// The batch that is open.
    pub(crate) fn open_token(&self) -> PersistToken {
        PersistToken(self.next)
    }

    /// Lets `waiter` know when a batch that is open or under way is durable.
    ///
    /// # Panics
    /// If it is neither, or empty.
    pub(crate) fn wait_for_batch(&mut self, token: PersistToken, waiter: Waiter) {
        let batch = if token.0 == self.next {
            assert!(!self.open.ops.is_empty(), "somebody waits for nothing");
            &mut self.open
        } else {
            let (_, batch) = self
                .under_way
                .iter_mut()
                .find(|(under_way, _)| *under_way == token)
                .expect("a batch is open, under way or durable");
            batch
        };
        batch.waiters.push(waiter);
    }

    /// Sends the open batch on its way, if there is anything in it. Asked after every step, and mostly there is nothing.
    #[inline]
    pub(crate) fn close(&mut self) -> Option<(PersistToken, Vec<StoreOp>)> {
        if self.open.ops.is_empty() {
            assert!(self.open.waiters.is_empty(), "somebody waits for nothing");
            return None;
        }
        Some(self.close_open())
    }

    fn close_open(&mut self) -> (PersistToken, Vec<StoreOp>) {
        let next = self.spare.pop().unwrap_or_default();
        let mut batch = std::mem::replace(&mut self.open, next);
        let ops = std::mem::take(&mut batch.ops);
        let token = PersistToken(self.next);
        self.next += 1;
        self.under_way.push_back((token, batch));
        (token, ops)
    }

    /// Takes out the batch that has just become durable, or failed.
    ///
    /// # Panics
    /// If it is not the oldest under way: the disk broke its promise of order.
    pub(crate) fn finish(&mut self, token: PersistToken) -> Box<Batch> {
        let (oldest, batch) = self.under_way.pop_front().expect("a batch is under way");
        assert_eq!(oldest, token, "batches become durable in order");
        for DigestChange { key, .. } in &batch.digests {
            if self.newest.get(key).is_some_and(|(_, newest)| *newest == token) {
                self.newest.remove(key);
            }
        }
        self.size_bytes -= batch.size_bytes;
        batch
    }

    /// Takes back a batch that was finished, once all that it tells is done.
    pub(crate) fn recycle(&mut self, mut batch: Box<Batch>) {
        if self.spare.len() < SPARE_BATCHES_MAX && batch.digests.capacity() <= SPARE_CHANGES_MAX {
            batch.clear();
            self.spare.push(batch);
        }
    }

    fn weigh(&mut self, bytes: usize) {
        self.open.size_bytes += bytes;
        self.size_bytes += bytes;
    }

    /// Whether anything under way changes a record of a partition.
    pub(crate) fn changes(&self, partition: PartitionId) -> bool {
        let batches = self.under_way.iter().map(|(_, batch)| batch).chain([&self.open]);
        let mut changes = batches.flat_map(|batch| &batch.digests);
        changes.any(|change| change.partition == partition)
    }

    /// About how much is not durable yet, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Batches that are not durable yet, the open one among them.
    pub(crate) fn len(&self) -> usize {
        self.under_way.len() + usize::from(!self.open.ops.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Content, Generation, Register, Value, Version};

    fn record(time: u64) -> Record {
        Record::of(Cell::Register(Register {
            version: Version {
                time,
                node: NodeId(1),
                generation: Generation(1),
            },
            content: Content::Value(Value(bytes::Bytes::new())),
        }))
    }

    #[test]
    fn whoever_waits_for_a_key_waits_for_the_batch_of_its_newest_record() {
        let (mut journal, key) = (Journal::default(), Key::copy_from(b"k"));
        let place = (PartitionId(0), LeafId(0));
        let waiter = |id| Waiter::Comparison { id: RequestId(id) };
        journal.stage_record(place, &key, Some(record(1)), 1);
        journal.wait_for(&key, waiter(1));
        let (first, ops) = journal.close().expect("not empty");
        assert_eq!(ops.len(), 1);
        journal.wait_for(&key, waiter(2));
        journal.stage_record(place, &key, Some(record(2)), 3);
        journal.wait_for(&key, waiter(3));
        let (second, _) = journal.close().expect("not empty");
        assert_eq!(journal.finish(first).waiters, [waiter(1), waiter(2)]);
        assert_eq!(journal.newest(&key), Some(Some(&record(2))));
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
