//! The history that checks are given: ops and observations by key, each value with its write.
//!
//! A history can be cut into parts of whole keys, which share all that they hold: what is decided key by key can then be
//! decided part by part, and each part is a history like any other.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde_json::Value;

use super::{
    event::{Process, Version},
    id::{KeyId, NodeId, ProcessId, ValueId, VersionId},
    of_key::{ByValue, OfKey, Writes},
    op::{Action, Observation, Op, Position},
    op_counts::OpCounts,
    seen::Seen,
};

/// A well-formed history, or a part of one. Made by [`HistoryBuilder`](super::HistoryBuilder); ids are of this history
/// and its parts only. A clone is cheap and shares what it holds.
#[derive(Clone, Debug)]
pub struct History {
    whole: Arc<Whole>,
    /// The keys of this part, by their ids.
    keys: Range<usize>,
    in_order: Arc<InOrder>,
}

#[derive(Debug)]
struct Whole {
    of_key: Vec<OfKey>,
    by_value: ByValue,
    names: Names,
    seen: Seen,
}

/// What ids stand for: each table is indexed by its id.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) keys: Vec<Box<str>>,
    pub(super) nodes: Vec<Box<str>>,
    pub(super) processes: Vec<Process>,
}

/// All keys' ops and observations in one order, once somebody has asked for it.
#[derive(Debug, Default)]
struct InOrder {
    ops: OnceLock<Vec<Op>>,
    observations: OnceLock<Vec<Observation>>,
}

impl History {
    pub(super) fn new(of_key: Vec<OfKey>, by_value: ByValue, names: Names, seen: Seen) -> Self {
        assert_eq!(of_key.len(), names.keys.len(), "every key has a name");
        assert_eq!(
            by_value.values.len(),
            by_value.writes.len(),
            "every value has its writes"
        );
        Self {
            keys: 0..of_key.len(),
            whole: Arc::new(Whole {
                of_key,
                by_value,
                names,
                seen,
            }),
            in_order: Arc::default(),
        }
    }

    /// Cuts this history into at most `count` parts of about as many ops each. Every key is in one part, whole; keys
    /// keep their order, and ids mean the same in all parts.
    pub fn parts(&self, count: usize) -> Vec<Self> {
        let of_key = &self.whole.of_key[self.keys.clone()];
        let size = |key: &OfKey| key.ops.len() + key.observations.len();
        let mut left: usize = of_key.iter().map(size).sum();
        let mut parts = Vec::new();
        let (mut start, mut taken) = (self.keys.start, 0);
        for (key, end) in of_key.iter().zip(self.keys.start + 1..) {
            taken += size(key);
            let parts_left = count.saturating_sub(parts.len()).max(1);
            if taken * parts_left >= left || end == self.keys.end {
                parts.push(self.part(start..end));
                (start, left, taken) = (end, left - taken, 0);
            }
        }
        assert_eq!(start, self.keys.end, "every key is in a part");
        parts
    }

    fn part(&self, keys: Range<usize>) -> Self {
        Self {
            whole: Arc::clone(&self.whole),
            keys,
            in_order: Arc::default(),
        }
    }

    /// Returns the reads and writes of clients, in order of invocation.
    ///
    /// Of several keys this makes a copy when first asked for, O(n log n); what goes key by key asks for
    /// [`Self::ops_of`].
    pub fn ops(&self) -> &[Op] {
        if let [only] = &self.whole.of_key[self.keys.clone()]
            && let Some(ops) = only.ops.as_slice()
        {
            return ops;
        }
        self.in_order.ops.get_or_init(|| {
            let mut ops: Vec<Op> = self.keys().flat_map(|key| self.ops_of(key).copied()).collect();
            ops.sort_by_key(|op| op.start);
            ops
        })
    }

    /// Returns how many reads and writes of clients there are.
    pub fn op_count(&self) -> usize {
        self.keys().map(|key| self.ops_of(key).len()).sum()
    }

    /// Returns how the ops on `key` ended.
    pub(crate) fn op_counts(&self, key: KeyId) -> OpCounts {
        self.whole.of_key[key.index()].counts
    }

    /// Returns whether its keys are registers, as far as it shows: all that was done to them was to read and to write, and no value
    /// consists of others.
    pub fn is_of_registers(&self) -> bool {
        self.keys().all(|key| self.op_counts(key).is_of_register()) && self.whole.by_value.values.are_scalars()
    }

    /// Returns the ops on `key`, in order of invocation.
    pub fn ops_of(&self, key: KeyId) -> impl DoubleEndedIterator<Item = &Op> + ExactSizeIterator + Clone {
        self.whole.of_key[key.index()].ops.iter()
    }

    /// Returns what was seen at replicas, in order of invocation. Looks that failed are not in it. It costs what
    /// [`Self::ops`] does.
    pub fn observations(&self) -> &[Observation] {
        if let [only] = &self.whole.of_key[self.keys.clone()] {
            return &only.observations;
        }
        self.in_order.observations.get_or_init(|| {
            let all = self.keys().flat_map(|key| self.observations_of(key));
            let mut observations: Vec<Observation> = all.cloned().collect();
            observations.sort_by_key(|look| look.op.start);
            observations
        })
    }

    /// Returns what was seen of `key` at replicas, in order of invocation.
    pub fn observations_of(
        &self,
        key: KeyId,
    ) -> impl DoubleEndedIterator<Item = &Observation> + ExactSizeIterator + Clone {
        self.whole.of_key[key.index()].observations.iter()
    }

    /// Returns every key, in order of appearance.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = KeyId> + ExactSizeIterator + Clone + use<> {
        self.keys.clone().map(KeyId::new)
    }

    /// Returns how many values the whole history has, nil included: ids of values run from 0 to below it.
    pub(crate) fn value_count(&self) -> usize {
        self.whole.by_value.values.len()
    }

    /// Returns the indices of the values of `key`, those that are nothing and may be of any key left out.
    pub(crate) fn values_of(&self, key: KeyId) -> Range<usize> {
        let before = key.index().checked_sub(1);
        let start = before.map_or(ValueId::COMMON, |before| self.whole.of_key[before].values_end);
        start..self.whole.of_key[key.index()].values_end
    }

    /// Returns the indices of the values of all keys of this part.
    pub(crate) fn values_of_keys(&self) -> Range<usize> {
        match (self.keys().next(), self.keys().next_back()) {
            (Some(first), Some(last)) => self.values_of(first).start..self.values_of(last).end,
            _ => ValueId::COMMON..ValueId::COMMON,
        }
    }

    /// Returns the name of `key`.
    pub fn key(&self, key: KeyId) -> &str {
        &self.whole.names.keys[key.index()]
    }

    /// Returns the name of `node`.
    pub fn node(&self, node: NodeId) -> &str {
        &self.whole.names.nodes[node.index()]
    }

    /// Returns the names of all nodes, by their ids.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.whole.names.nodes.iter().map(AsRef::as_ref)
    }

    /// Returns the id of the node called `name`, if it is in this history. Takes time in the number of nodes.
    pub(crate) fn node_named(&self, name: &str) -> Option<NodeId> {
        let nodes = &self.whole.names.nodes;
        nodes.iter().position(|node| **node == *name).map(NodeId::new)
    }

    /// Returns who `process` is.
    pub fn process(&self, process: ProcessId) -> &Process {
        &self.whole.names.processes[process.index()]
    }

    /// Returns the JSON of `value`; null for nil, for what a delete wrote, and where it is not clear which.
    pub fn value(&self, value: ValueId) -> &Value {
        self.whole.by_value.values.get(value.index())
    }

    /// Returns `version` as the store reported it.
    pub fn version(&self, version: VersionId) -> Version {
        self.whole.by_value.versions.get(version.index()).into()
    }

    /// Returns the values that the client of `op`, a write, had read and now overwrites. O(log n) where it had any.
    pub fn seen(&self, op: &Op) -> &[ValueId] {
        if op.has_seen { self.whole.seen.by(op.start) } else { &[] }
    }

    /// Returns what a compare-and-set expects and what it sets, as its event names them; nothing for any other op.
    pub fn compared(&self, op: &Op) -> Option<Value> {
        matches!(op.action, Action::Cas | Action::CasMismatch).then(|| {
            let expected = self
                .seen(op)
                .first()
                .map_or(Value::Null, |expected| self.value(*expected).clone());
            Value::Array(vec![expected, self.value(op.value).clone()])
        })
    }

    /// Returns the write of `value` that was invoked first among those that took effect or may have. It is the only one
    /// unless [`Self::repeat`] says otherwise of its key. Nil has none.
    pub fn write_of(&self, value: ValueId) -> Option<&Op> {
        let writes = Writes::from(self.whole.by_value.writes[value.index()]);
        writes.possible.map(|op| &self.whole.of_key[writes.key].ops[op])
    }

    /// Returns whether `value` is nothing: nil, what a delete wrote, or not clear which.
    pub fn is_nothing(&self, value: ValueId) -> bool {
        self.whole.by_value.values.is_null(value.index())
    }

    /// Returns where the last ended of those deletes that `read`, which found nothing, may have seen: never if one of
    /// them never does, before all if there is none. O(log n).
    pub(crate) fn deletes_end(&self, read: &Op) -> Position {
        self.whole.of_key[read.key.index()]
            .delete_ends
            .of_begun_before(read.end)
    }

    /// Returns the failed write of `value` that was invoked first. Nil has none.
    pub fn failed_write_of(&self, value: ValueId) -> Option<&Op> {
        let writes = Writes::from(self.whole.by_value.writes[value.index()]);
        writes.failed.map(|op| &self.whole.of_key[writes.key].ops[op])
    }

    /// Returns a value of `key` that more than one write may have written; nil counts as written once, at first.
    ///
    /// A read of such a value does not say which write it saw. Failed writes don't count, as they wrote nothing.
    pub fn repeat(&self, key: KeyId) -> Option<ValueId> {
        self.whole.of_key[key.index()].repeat
    }
}
