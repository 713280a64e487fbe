//! What writes had seen: few ops have it, so it lies beside them.

use super::{
    id::{KeyId, ValueId},
    op::{Op, Position},
};

/// The values that ops had seen, by where the ops began.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// In order, and where in `values` those of each end.
    ops: Vec<(Position, KeyId, u32)>,
    values: Vec<ValueId>,
}

impl Seen {
    /// Notes what `op` had seen, which began after all others.
    pub(super) fn push(&mut self, op: &Op, values: impl Iterator<Item = ValueId>) {
        self.values.extend(values);
        let end = u32::try_from(self.values.len()).expect("histories of 2^32 values seen do not fit into memory");
        self.ops.push((op.start, op.key, end));
    }

    /// Puts `offset` other values before those of each key.
    pub(super) fn renumber(&mut self, offset: impl Fn(KeyId) -> usize) {
        let mut start = 0;
        for (_, key, end) in &self.ops {
            let offset = offset(*key);
            for value in &mut self.values[start..*end as usize] {
                *value = value.moved_by(offset);
            }
            start = *end as usize;
        }
    }

    /// Returns what the op had seen that began at `start`. O(log n).
    pub(super) fn by(&self, start: Position) -> &[ValueId] {
        let Ok(place) = self.ops.binary_search_by_key(&start, |(start, ..)| *start) else {
            return &[];
        };
        let from = place.checked_sub(1).map_or(0, |before| self.ops[before].2);
        &self.values[from as usize..self.ops[place].2 as usize]
    }
}
