//! A disk that forgets what was not synced.
//!
//! Batches queue up; one write at a time takes all that wait (group commit) and finishes them together. A crash loses
//! what waits; of a write that was under way, chance decides whether it reached the platter. Where not each is synced,
//! a crash loses too what was finished since the last sync.
//!
//! A write that power loss tears leaves a prefix of its batches, each of them whole, and takes nothing with it that was
//! there before: what a store shows that writes beside what it has and trusts what fits its checksum (redb, which the
//! server uses, shows all of them or none; a checksummed log could show any prefix).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    rc::Rc,
    time::Duration,
};

use quorate_core::{
    Hint, HintId, Key, Memory, NodeId, PartitionId, PersistToken, Record, RememberedWrite, Store, StoreError, StoreOp,
    Summaries, Time, WriteId,
};

/// When what is finished is synced, so that a crash does not lose it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SimFsync {
    /// At once.
    #[default]
    Always,
    /// Within this time.
    Periodic(Duration),
    /// Never: a crash loses all but what the node remembers of itself, which is always synced with all before it.
    Never,
}

/// The state of one node's disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    /// What the node sees.
    durable: Rc<RefCell<Durable>>,
    unsynced: Rc<RefCell<Unsynced>>,
    reads: Rc<Reads>,
}

/// Whether looks fail, and how many have.
#[derive(Debug, Default)]
struct Reads {
    fail: Cell<bool>,
    failed: Cell<u64>,
}

/// What a disk held when it was copied.
#[derive(Clone, Debug)]
pub struct SavedDisk(Durable);

/// What a crash would go back to.
#[derive(Debug, Default)]
struct Unsynced {
    fsync: SimFsync,
    synced: Durable,
    /// When the first change came that is not in `synced`.
    since: Option<Time>,
}

#[derive(Clone, Debug, Default)]
struct Durable {
    /// By partition, as far as there was ever one.
    records: Vec<BTreeMap<Key, Record>>,
    /// Records that don't fit their checksum.
    damaged: BTreeSet<(PartitionId, Key)>,
    hints: BTreeMap<NodeId, BTreeMap<HintId, Hint>>,
    writes: BTreeMap<WriteId, RememberedWrite>,
    memory: Memory,
}

impl SimDisk {
    /// An empty disk.
    pub(crate) fn new(fsync: SimFsync) -> SimDisk {
        let disk = SimDisk::default();
        disk.unsynced.borrow_mut().fsync = fsync;
        disk
    }

    /// How many records are durable.
    pub fn record_count(&self) -> usize {
        self.durable.borrow().records().count()
    }

    /// Whether there is a record under a key, spoilt or not.
    pub fn has(&self, key: &Key) -> bool {
        self.durable.borrow().partition_of(key).is_some()
    }

    /// Spoils the record under a key: it is there, and can't be read.
    ///
    /// # Panics
    /// If there is none.
    pub fn damage(&self, key: &Key) {
        let mut durable = self.durable.borrow_mut();
        let partition = durable.partition_of(key).expect("there is a record to damage");
        durable.damaged.insert((partition, key.clone()));
    }

    /// Loses the record under a key: as if it had never been.
    ///
    /// # Panics
    /// If there is none.
    pub fn lose(&self, key: &Key) {
        let mut durable = self.durable.borrow_mut();
        let partition = durable.partition_of(key).expect("there is a record to lose");
        durable.drop_record(partition, key);
    }

    /// The keys whose records are there and not spoilt, in order.
    pub(crate) fn whole_keys(&self) -> Vec<Key> {
        let durable = self.durable.borrow();
        let whole = durable
            .records()
            .filter(|(partition, key, _)| !durable.is_damaged(*partition, key));
        whole.map(|(_, key, _)| key.clone()).collect()
    }

    /// Whether the record under a key is spoilt.
    pub(crate) fn is_damaged(&self, key: &Key) -> bool {
        self.durable.borrow().damaged.iter().any(|(_, damaged)| damaged == key)
    }

    /// Has looks fail, or no longer. Whether they did before.
    pub(crate) fn set_reads_failing(&self, fail: bool) -> bool {
        self.reads.fail.replace(fail)
    }

    /// How many looks have failed.
    pub(crate) fn reads_failed(&self) -> u64 {
        self.reads.failed.get()
    }

    /// A copy of all that is on it.
    pub(crate) fn save(&self) -> SavedDisk {
        SavedDisk(self.durable.borrow().clone())
    }

    /// Puts back what a copy holds. How many records that changes.
    pub(crate) fn restore(&self, saved: SavedDisk) -> usize {
        let mut durable = self.durable.borrow_mut();
        let records = durable.records();
        let differ = records.filter(|(partition, key, record)| saved.0.record(*partition, key) != Some(*record));
        let count = differ.count();
        self.unsynced.borrow_mut().synced = saved.0.clone();
        *durable = saved.0;
        count
    }

    /// Loses all that is on it. How many records that were.
    pub(crate) fn wipe(&self) -> usize {
        self.restore(SavedDisk(Durable::default()))
    }

    fn look(&self) -> Result<(), StoreError> {
        if !self.reads.fail.get() {
            return Ok(());
        }
        self.reads.failed.set(self.reads.failed.get() + 1);
        Err(StoreError::Failed("the disk was told to fail".to_owned()))
    }

    /// How many records a crash would take back to what they were, or to nothing.
    fn unsynced_record_count(&self) -> usize {
        let (durable, unsynced) = (self.durable.borrow(), self.unsynced.borrow());
        if unsynced.fsync == SimFsync::Always {
            return 0;
        }
        let synced = &unsynced.synced;
        let records = durable.records();
        let is_new =
            |(partition, key, record): &(PartitionId, &Key, &Record)| synced.record(*partition, key) != Some(*record);
        records.filter(is_new).count()
    }

    /// Syncs what is due after changes, or asked for, if not everything is synced at once.
    fn sync_if_due(&self, now: Time, is_asked: bool) {
        let mut unsynced = self.unsynced.borrow_mut();
        let since = *unsynced.since.get_or_insert(now);
        let due = match unsynced.fsync {
            SimFsync::Always => return,
            SimFsync::Periodic(period) => since + period <= now,
            SimFsync::Never => false,
        };
        if due || is_asked {
            unsynced.synced = self.durable.borrow().clone();
            unsynced.since = None;
        }
    }

    /// Loses what is not synced.
    fn lose_unsynced(&self, now: Time) {
        let mut unsynced = self.unsynced.borrow_mut();
        let synced_by_now = match unsynced.fsync {
            SimFsync::Always => return,
            SimFsync::Periodic(period) => unsynced.since.is_none_or(|since| since + period <= now),
            SimFsync::Never => false,
        };
        if !synced_by_now {
            *self.durable.borrow_mut() = unsynced.synced.clone();
        }
        unsynced.since = None;
    }

    fn apply(&self, now: Time, ops: Vec<StoreOp>) {
        let is_asked = ops.iter().any(StoreOp::is_always_synced);
        self.apply_all(ops);
        self.sync_if_due(now, is_asked);
    }

    fn apply_all(&self, ops: Vec<StoreOp>) {
        let mut durable = self.durable.borrow_mut();
        for op in ops {
            match op {
                StoreOp::PutRecord { partition, key, record } => {
                    durable.mend(partition, &key);
                    durable.partition_mut(partition).insert(key, record);
                }
                StoreOp::DropRecord { partition, key } => {
                    durable.mend(partition, &key);
                    durable.drop_record(partition, &key);
                }
                StoreOp::RememberWrite(id, write) => {
                    durable.writes.insert(id, write);
                }
                StoreOp::ForgetWrite(id) => {
                    durable.writes.remove(&id);
                }
                StoreOp::PutHint(hint) => {
                    durable.hints.entry(hint.target).or_default().insert(hint.id(), hint);
                }
                StoreOp::DropHint { target, hint } => {
                    durable.hints.entry(target).or_default().remove(&hint);
                }
                StoreOp::SetGeneration(generation) => durable.memory.generation = Some(generation),
                StoreOp::SetFounders(founders) => durable.memory.founders = Some(founders),
                StoreOp::SetForgottenTime(time) => durable.memory.forgotten_time = time,
                StoreOp::SetRoster(roster) => durable.memory.roster = Some(*roster),
                StoreOp::SetDown(down) => durable.memory.down = down,
                StoreOp::SetPartition(state) => {
                    durable.memory.partitions.insert(state.ownership.partition, *state);
                }
            }
        }
    }
}

impl Durable {
    /// Every record, by partition and key.
    fn records(&self) -> impl Iterator<Item = (PartitionId, &Key, &Record)> {
        let partitions = self.records.iter().zip((0..).map(PartitionId));
        partitions.flat_map(|(records, partition)| records.iter().map(move |(key, record)| (partition, key, record)))
    }

    /// The records of a partition; `None` where there was never one.
    fn partition(&self, partition: PartitionId) -> Option<&BTreeMap<Key, Record>> {
        self.records.get(usize::from(partition.0))
    }

    fn partition_mut(&mut self, partition: PartitionId) -> &mut BTreeMap<Key, Record> {
        let place = usize::from(partition.0);
        if self.records.len() <= place {
            self.records.resize_with(place + 1, BTreeMap::new);
        }
        &mut self.records[place]
    }

    fn record(&self, partition: PartitionId, key: &Key) -> Option<&Record> {
        self.partition(partition)?.get(key)
    }

    fn drop_record(&mut self, partition: PartitionId, key: &Key) {
        self.partition_mut(partition).remove(key);
    }

    fn partition_of(&self, key: &Key) -> Option<PartitionId> {
        let mut partitions = self.records.iter().zip((0..).map(PartitionId));
        let found = partitions.find(|(records, _)| records.contains_key(key));
        found.map(|(_, partition)| partition)
    }

    // Most disks have nothing damaged: to look for it, nothing has to be put together.
    fn is_damaged(&self, partition: PartitionId, key: &Key) -> bool {
        !self.damaged.is_empty() && self.damaged.contains(&(partition, key.clone()))
    }

    fn mend(&mut self, partition: PartitionId, key: &Key) {
        if !self.damaged.is_empty() {
            self.damaged.remove(&(partition, key.clone()));
        }
    }
}

impl Store for SimDisk {
    fn record(&self, partition: PartitionId, key: &Key) -> Result<Option<Record>, StoreError> {
        self.look()?;
        let durable = self.durable.borrow();
        if durable.is_damaged(partition, key) {
            return Err(StoreError::Damaged(format!("key {key} does not fit its checksum")));
        }
        Ok(durable.record(partition, key).cloned())
    }

    fn summaries(&self, partition: PartitionId) -> Result<Summaries, StoreError> {
        self.look()?;
        let durable = self.durable.borrow();
        let records = durable.partition(partition).into_iter().flatten();
        let mut summaries = Summaries::default();
        for (key, record) in records {
            if durable.is_damaged(partition, key) {
                summaries.damaged.push(key.clone());
            } else {
                summaries.entries.push((key.clone(), record.summary(key)));
            }
        }
        Ok(summaries)
    }

    fn hints_of(&self, target: NodeId, key: &Key) -> Result<Vec<Hint>, StoreError> {
        self.look()?;
        let durable = self.durable.borrow();
        let Some(hints) = durable.hints.get(&target) else {
            return Ok(Vec::new());
        };
        if hints.is_empty() {
            return Ok(Vec::new());
        }
        let first = HintId {
            key: key.clone(),
            fingerprint: 0,
        };
        let of_key = hints.range(first..).take_while(|(id, _)| id.key == *key);
        Ok(of_key.map(|(_, hint)| hint.clone()).collect())
    }

    fn remembered_writes(&self) -> Result<Vec<(WriteId, RememberedWrite)>, StoreError> {
        self.look()?;
        let durable = self.durable.borrow();
        Ok(durable.writes.iter().map(|(id, write)| (*id, write.clone())).collect())
    }

    fn hints(&self, target: NodeId, after: Option<&HintId>, limit: usize) -> Result<Vec<Hint>, StoreError> {
        self.look()?;
        let durable = self.durable.borrow();
        let Some(hints) = durable.hints.get(&target) else {
            return Ok(Vec::new());
        };
        let above = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        Ok(hints
            .range::<HintId, _>(above)
            .take(limit)
            .map(|(_, hint)| hint.clone())
            .collect())
    }

    fn hint_counts(&self) -> Result<Vec<(NodeId, u64)>, StoreError> {
        self.look()?;
        let durable = self.durable.borrow();
        Ok(durable
            .hints
            .iter()
            .map(|(node, hints)| (*node, hints.len() as u64))
            .collect())
    }

    fn memory(&self) -> Result<Memory, StoreError> {
        self.look()?;
        Ok(self.durable.borrow().memory.clone())
    }
}

/// What a crash has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Batches that were on their way.
    pub(crate) batch_count: usize,
    /// Records that were written and not synced.
    pub(crate) record_count: usize,
}

/// What is on its way to a disk.
#[derive(Debug, Default)]
pub(crate) struct SyncQueue {
    waiting: VecDeque<(PersistToken, Vec<StoreOp>)>,
    under_way: VecDeque<(PersistToken, Vec<StoreOp>)>,
}

impl SyncQueue {
    pub(crate) fn push(&mut self, token: PersistToken, ops: Vec<StoreOp>) {
        self.waiting.push_back((token, ops));
    }

    /// Starts a sync of all that waits. False if one is under way or nothing waits.
    pub(crate) fn begin(&mut self) -> bool {
        if !self.under_way.is_empty() || self.waiting.is_empty() {
            return false;
        }
        std::mem::swap(&mut self.under_way, &mut self.waiting); // Nothing is under way: all goes there as it lies.
        true
    }

    /// Ends the sync that is under way: its batches are durable. Adds them to `ended`.
    pub(crate) fn finish(&mut self, now: Time, disk: &SimDisk, ended: &mut Vec<PersistToken>) {
        for (token, ops) in self.under_way.drain(..) {
            disk.apply(now, ops);
            ended.push(token);
        }
    }

    /// Ends the sync that is under way: it failed, and nothing of its batches was written. Adds them to `ended`.
    pub(crate) fn fail(&mut self, ended: &mut Vec<PersistToken>) {
        ended.extend(self.under_way.drain(..).map(|(token, _)| token));
    }

    /// How many batches the sync under way writes.
    pub(crate) fn under_way_count(&self) -> usize {
        self.under_way.len()
    }

    /// Loses what was not synced. Of the sync under way, the first `reached` batches got there before the crash.
    pub(crate) fn crash(&mut self, now: Time, disk: &SimDisk, reached: usize) -> Lost {
        let batch_count = self.under_way.len() + self.waiting.len() - reached;
        self.waiting.clear();
        self.under_way.truncate(reached);
        self.finish(now, disk, &mut Vec::new());
        let record_count = disk.unsynced_record_count();
        disk.lose_unsynced(now);
        Lost {
            batch_count,
            record_count,
        }
    }
}
