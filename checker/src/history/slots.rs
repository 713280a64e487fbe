//! A hash table of indices into a table that lies elsewhere: open addressing, at most three quarters full.
//!
//! It keeps eight bytes for each, and neither the things nor copies of them.

use std::{
    hash::{BuildHasher, Hash},
    num::NonZeroU32,
};

use rustc_hash::FxBuildHasher;

/// Returns the hash of `thing`, the same in every run.
pub(super) fn hash_of(thing: impl Hash) -> u64 {
    FxBuildHasher.hash_one(thing)
}

/// The slots of a table: a power of two of them, or none.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The lower half of the hash: it says where to look, and spares most looks at things that only collide.
    tag: u32,
    /// One more than the index, so that an empty slot takes no more room.
    number: NonZeroU32,
}

impl Slots {
    const COUNT_MIN: usize = 8;

    /// Returns the index of what has `hash` and `is` what is looked for.
    pub(super) fn find(&self, hash: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let (mask, tag) = (self.slots.len() - 1, hash as u32);
        let mut place = tag as usize & mask;
        // It ends: a quarter of the slots is empty.
        while let Some(slot) = self.slots[place] {
            let index = slot.number.get() as usize - 1;
            if slot.tag == tag && is(index) {
                return Some(index);
            }
            place = (place + 1) & mask;
        }
        None
    }

    /// Notes the `index` of what has `hash` and is not there yet.
    pub(super) fn insert(&mut self, hash: u64, index: usize) {
        if (self.count + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.count += 1;
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        self.put(Slot {
            tag: hash as u32,
            number: number.expect("a table has no more rows than the history has events, a u32"),
        });
    }

    /// Empties the table and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.slots.fill(None);
        self.count = 0;
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut place = slot.tag as usize & mask;
        while self.slots[place].is_some() {
            place = (place + 1) & mask;
        }
        self.slots[place] = Some(slot);
    }

    fn grow(&mut self) {
        let count = (self.slots.len() * 2).max(Self::COUNT_MIN);
        let old = std::mem::replace(&mut self.slots, vec![None; count]);
        old.into_iter().flatten().for_each(|slot| self.put(slot));
    }
}
