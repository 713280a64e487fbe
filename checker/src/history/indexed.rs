//! The history that checks are given: ops and observations, grouped by key, each value with its write.

use serde_json::Value;

use super::{
    event::{Process, Version},
    grouping::Grouping,
    id::{KeyId, NodeId, ProcessId, ValueId, VersionId},
    op::{Action, Observation, Op, Position},
    tombstones::Tombstones,
};

/// A well-formed history. Made by [`HistoryBuilder`](super::HistoryBuilder); ids are of this history only.
#[derive(Clone, Debug)]
pub struct History {
    ops: Vec<Op>,
    observations: Vec<Observation>,
    names: Names,
    ops_by_key: Grouping,
    observations_by_key: Grouping,
    writes: Vec<Writes>,
    repeats: Vec<Option<ValueId>>,
    tombstones: Tombstones,
}

/// What ids stand for: each table is indexed by its id.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) keys: Vec<String>,
    pub(super) nodes: Vec<String>,
    pub(super) processes: Vec<Process>,
    pub(super) values: Vec<Value>,
    pub(super) versions: Vec<Version>,
}

/// The first writes of one value in order of invocation, as indices of ops.
#[derive(Clone, Copy, Debug, Default)]
struct Writes {
    possible: Option<u32>,
    failed: Option<u32>,
}

impl History {
    pub(super) fn new(ops: Vec<Op>, observations: Vec<Observation>, names: Names, tombstones: Tombstones) -> Self {
        assert!(
            ops.is_sorted_by(|a, b| a.start < b.start),
            "ops are in order of invocation"
        );
        let key_count = names.keys.len();
        let (writes, repeats) = index_writes(&ops, names.values.len(), key_count);
        Self {
            ops_by_key: Grouping::new(key_count, ops.iter().map(|op| op.key.index())),
            observations_by_key: Grouping::new(key_count, observations.iter().map(|look| look.op.key.index())),
            ops,
            observations,
            names,
            writes,
            repeats,
            tombstones,
        }
    }

    /// Returns the reads and writes of clients, in order of invocation.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Returns the ops on `key`, in order of invocation.
    pub fn ops_of(&self, key: KeyId) -> impl DoubleEndedIterator<Item = &Op> + ExactSizeIterator + Clone {
        self.ops_by_key.of(key.index()).map(|op| &self.ops[op])
    }

    /// Returns what was seen at replicas, in order of invocation. Looks that failed are not in it.
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// Returns what was seen of `key` at replicas, in order of invocation.
    pub fn observations_of(
        &self,
        key: KeyId,
    ) -> impl DoubleEndedIterator<Item = &Observation> + ExactSizeIterator + Clone {
        self.observations_by_key
            .of(key.index())
            .map(|look| &self.observations[look])
    }

    /// Returns every key, in order of appearance.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> + use<> {
        (0..self.names.keys.len()).map(KeyId::new)
    }

    /// Returns how many values there are, nil included: ids of values run from 0 to below it.
    pub(crate) fn value_count(&self) -> usize {
        self.names.values.len()
    }

    /// Returns the name of `key`.
    pub fn key(&self, key: KeyId) -> &str {
        &self.names.keys[key.index()]
    }

    /// Returns the name of `node`.
    pub fn node(&self, node: NodeId) -> &str {
        &self.names.nodes[node.index()]
    }

    /// Returns the id of the node called `name`, if it is in this history. Takes time in the number of nodes.
    pub(crate) fn node_named(&self, name: &str) -> Option<NodeId> {
        self.names.nodes.iter().position(|node| node == name).map(NodeId::new)
    }

    /// Returns who `process` is.
    pub fn process(&self, process: ProcessId) -> &Process {
        &self.names.processes[process.index()]
    }

    /// Returns the JSON of `value`; null for nil, for what a delete wrote, and where it is not clear which.
    pub fn value(&self, value: ValueId) -> &Value {
        &self.names.values[value.index()]
    }

    /// Returns `version` as the store reported it.
    pub fn version(&self, version: VersionId) -> &Version {
        &self.names.versions[version.index()]
    }

    /// Returns the write of `value` that was invoked first among those that took effect or may have. It is the only one
    /// unless [`Self::repeat`] says otherwise of its key. Nil has none.
    pub fn write_of(&self, value: ValueId) -> Option<&Op> {
        self.writes[value.index()].possible.map(|op| &self.ops[op as usize])
    }

    /// Returns whether `value` is nothing: nil, what a delete wrote, or not clear which.
    pub fn is_nothing(&self, value: ValueId) -> bool {
        self.value(value).is_null()
    }

    /// Returns where the last ended of those deletes that `read`, which found nothing, may have seen: never if one of
    /// them never does, before all if there is none. O(log n).
    pub(crate) fn deletes_end(&self, read: &Op) -> Position {
        self.tombstones.end_of_begun_before(read.key, read.end)
    }

    /// Returns the failed write of `value` that was invoked first.
    pub fn failed_write_of(&self, value: ValueId) -> Option<&Op> {
        self.writes[value.index()].failed.map(|op| &self.ops[op as usize])
    }

    /// Returns a value of `key` that more than one write may have written; nil counts as written once, at first.
    ///
    /// A read of such a value does not say which write it saw. Failed writes don't count, as they wrote nothing.
    pub fn repeat(&self, key: KeyId) -> Option<ValueId> {
        self.repeats[key.index()]
    }
}

/// Returns the first writes by value, and by key a value that more than one write may have written.
fn index_writes(ops: &[Op], value_count: usize, key_count: usize) -> (Vec<Writes>, Vec<Option<ValueId>>) {
    let mut writes = vec![Writes::default(); value_count];
    let mut repeats = vec![None; key_count];
    for (index, op) in (0..)
        .zip(ops)
        .filter(|(_, op)| op.action.is_write() && op.action != Action::Remove)
    {
        let writes = &mut writes[op.value.index()];
        if op.is_failed_write() {
            writes.failed.get_or_insert(index);
        } else if op.value.is_nil() || writes.possible.is_some() {
            repeats[op.key.index()].get_or_insert(op.value);
        } else {
            writes.possible = Some(index);
        }
    }
    (writes, repeats)
}
