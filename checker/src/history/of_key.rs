//! What a history holds of one key, and how it comes to it.
//!
//! While events come in, ids of values and versions count from the key's first; in the end those of all keys follow each
//! other, so that whatever is noted by value or version can be noted key by key.

use std::mem;

use serde_json::Value;

use super::{
    borrowed::ValueRef,
    growing::Growing,
    id::{ValueId, VersionId},
    of_part::{Finished, Rows},
    op::{Action, Observation, Op, Outcome, Position},
    op_counts::OpCounts,
    tombstones::{DeleteEnds, Deletes},
    values::{AllValues, Values},
    versions::{MetVersions, Versions},
};

/// One key of a history in the making. In this order in memory, so that what every event needs lies in two lines of the
/// cache.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Draft {
    /// Of clients, in order of invocation.
    pub(super) ops: Growing<Op>,
    pub(super) values: Values,
    pub(super) versions: MetVersions,
    /// Of observers, in order of invocation.
    pub(super) looks: Growing<Op>,
    pub(super) has_deletes: bool,
}

/// One key of a history.
#[derive(Debug)]
pub(super) struct OfKey {
    pub(super) ops: Growing<Op>,
    pub(super) observations: Vec<Observation>,
    /// A value that more than one write may have written.
    pub(super) repeat: Option<ValueId>,
    pub(super) delete_ends: DeleteEnds,
    pub(super) counts: OpCounts,
    /// One past the last value.
    pub(super) values_end: usize,
}

/// What is noted by value and version, all keys' one after the other.
#[derive(Debug)]
pub(super) struct ByValue {
    pub(super) values: AllValues,
    pub(super) writes: Vec<WritesRow>,
    pub(super) versions: Versions,
}

/// The first writes of one value in order of invocation, as they are kept: the key, and one more than the number of the first write
/// that took effect or may have, and of the first that failed. All are 0 where there is none, since zeros are pages that the system
/// hands out only once somebody writes to them, on whatever thread.
pub(super) type WritesRow = [u32; 3];

/// The first writes of one value in order of invocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writes {
    pub(super) key: usize,
    /// Which of its key's ops is the first write that took effect or may have.
    pub(super) possible: Option<usize>,
    /// Which of its key's ops is the first write that failed.
    pub(super) failed: Option<usize>,
}

impl From<WritesRow> for Writes {
    fn from([key, possible, failed]: WritesRow) -> Self {
        let before = |number: u32| number.checked_sub(1).map(|index| index as usize);
        Self {
            key: key as usize,
            possible: before(possible),
            failed: before(failed),
        }
    }
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            ops: Growing::new(),
            values: Values::new(),
            versions: MetVersions::new(),
            looks: Growing::new(),
            has_deletes: false,
        }
    }

    /// Reads what the next event of this key will need, and returns something made of it.
    ///
    /// What many keys need is in no near cache. Who knows which keys are next and reads of all of them waits for them all
    /// at a time, where event by event it would wait for each.
    #[inline]
    pub(super) fn fetch(&self) -> usize {
        self.ops.len() ^ self.values.fetch() ^ self.versions.fetch()
    }

    /// Returns the id, among the key's own, of `value`: by reference, as most are read in part, an integer.
    #[inline]
    pub(super) fn intern(&mut self, value: &ValueRef<'_>) -> ValueId {
        let index = match *value {
            ValueRef::Null => return ValueId::NIL,
            ValueRef::Integer(integer) => self.values.intern_integer(integer),
            ValueRef::Text(_) | ValueRef::Json(_) => self.values.intern(*value),
        };
        ValueId::new(ValueId::COMMON + index)
    }

    /// Returns the id, among the key's own, of a nothing that is new: what a delete writes.
    pub(super) fn new_nothing(&mut self) -> ValueId {
        self.has_deletes = true;
        ValueId::new(ValueId::COMMON + self.values.push_nothing())
    }

    /// Returns the value if it is not `other`.
    pub(super) fn unless_is(&self, value: ValueId, other: ValueRef<'_>) -> Option<Value> {
        match value.index().checked_sub(ValueId::COMMON) {
            None => (!other.is_null()).then_some(Value::Null),
            Some(index) => (!self.values.is(index, other)).then(|| self.values.get(index)),
        }
    }

    /// Returns the key, the `number`-th of its history, as all events leave it. `rows` are of its values, which begin with
    /// `first_value`; its versions go to the end of `finished`. Values that are not all integers stay here.
    pub(super) fn finish(
        &mut self,
        (number, first_value): (usize, usize),
        delete_ends: DeleteEnds,
        rows: Rows<'_>,
        finished: &mut Finished,
    ) -> OfKey {
        if let (Some(room), Some(integers)) = (rows.integers, self.values.integers()) {
            room.copy_from_slice(integers);
        }
        // A page that is read before it is written is handed out twice, and every other thread is told of it.
        rows.writes.fill([0; 3]);
        let offset = first_value - ValueId::COMMON;
        let version_offset = finished.first_version + finished.versions.len();
        let ranks = self.versions.sort_into(&mut finished.versions);

        let renumber = |op: &mut Op| {
            op.value = op.value.moved_by(offset);
            if let Some(version) = op.version {
                let index = version.index();
                let rank = ranks.as_ref().map_or(index, |ranks| ranks[index] as usize);
                op.version = Some(VersionId::new(version_offset + rank));
            }
        };
        let mut ops = mem::replace(&mut self.ops, Growing::new());
        // In one pass, as all ops of a long history are in no cache.
        let mut first_writes = FirstWrites::of(number, rows.writes);
        let mut counts = OpCounts::default();
        let mut last_start = Position::BEFORE_ALL;
        for (index, op) in (0..).zip(ops.iter_mut()) {
            assert!(last_start < op.start, "ops are in order of invocation");
            last_start = op.start;
            counts.add(op);
            first_writes.note(index, op);
            renumber(op);
        }
        let repeat = first_writes.repeat.map(|value| value.moved_by(offset));
        for look in self.looks.iter_mut() {
            counts.add_look();
            renumber(look);
        }
        let observations = self.looks.iter().filter_map(observation);
        OfKey {
            observations: observations.collect(),
            ops,
            repeat,
            delete_ends,
            counts,
            values_end: first_value + self.values.len(),
        }
    }

    /// Lets each read of nothing tell which it saw.
    pub(super) fn tell_nothings_apart(&mut self) -> DeleteEnds {
        let is_delete = |op: &Op| op.action == Action::Delete && op.is_possible_write();
        if !self.has_deletes || !self.ops.iter().any(is_delete) {
            return DeleteEnds::default(); // All that is nothing is the initial state.
        }
        let deletes = Deletes::new(self.ops.iter().chain(self.looks.iter()));
        let values = &mut self.values;
        deletes.tell_apart(self.ops.iter_mut().chain(self.looks.iter_mut()), || {
            ValueId::new(ValueId::COMMON + values.push_nothing())
        });
        deletes.into_ends()
    }
}

/// The first writes of each value among the ops of one key, whose ids are still the key's own.
struct FirstWrites<'w> {
    key: u32,
    of_own: &'w mut [WritesRow],
    /// A value that more than one write may have written.
    repeat: Option<ValueId>,
}

impl<'w> FirstWrites<'w> {
    fn of(key: usize, of_own: &'w mut [WritesRow]) -> Self {
        Self {
            key: u32::try_from(key).expect("a history has no more keys than events, a u32"),
            of_own,
            repeat: None,
        }
    }

    /// Notes the op of this `index`, the next in order of invocation.
    fn note(&mut self, index: u32, op: &Op) {
        if !op.action.is_write() || op.action == Action::Remove {
            return;
        }
        let own = op.value.index().checked_sub(ValueId::COMMON);
        match own.map(|own| &mut self.of_own[own]) {
            None if op.is_failed_write() => {}
            Some([key, _, failed]) if op.is_failed_write() => {
                if *failed == 0 {
                    (*key, *failed) = (self.key, index + 1);
                }
            }
            Some([key, possible, _]) if *possible == 0 => (*key, *possible) = (self.key, index + 1),
            None | Some(_) => {
                self.repeat.get_or_insert(op.value);
            }
        }
    }
}

/// Returns the look as an observation, if it saw anything.
fn observation(look: &Op) -> Option<Observation> {
    let Action::ReadReplica(phase) = look.action else {
        panic!("{look:?} is a look")
    };
    let node = look.node.expect("a look is refused unless it names its replica");
    (look.outcome == Outcome::Ok).then_some(Observation { node, phase, op: *look })
}
