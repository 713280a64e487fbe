//! A table of distinct things, each met many times and kept once.

use std::hash::Hash;

use super::{
    borrowed::ProcessRef,
    event::Process,
    slots::{Slots, hash_of},
};

/// What is kept in a table, and met in a borrowed form.
pub(super) trait Item: Sized {
    /// The form in which it is met. Equal things have equal hashes.
    type Ref<'a>: Copy + Hash + Into<Self>;

    fn is(&self, other: Self::Ref<'_>) -> bool;
}

/// Things numbered in the order in which they are first met. Looking for one that is there allocates nothing.
#[derive(Debug)]
pub(super) struct Interner<T> {
    items: Vec<T>,
    slots: Slots,
}

impl<T: Item> Interner<T> {
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            slots: Slots::default(),
        }
    }

    /// Returns the index of `item`, which is new if it was never met.
    pub(super) fn intern(&mut self, item: T::Ref<'_>) -> usize {
        self.intern_hashed(hash_of(item), item)
    }

    /// Returns the index of `item`, whose hash is known.
    pub(super) fn intern_hashed(&mut self, hash: u64, item: T::Ref<'_>) -> usize {
        if let Some(index) = self.slots.find(hash, |index| self.items[index].is(item)) {
            return index;
        }
        self.slots.insert(hash, self.items.len());
        self.items.push(item.into());
        self.items.len() - 1
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    /// Drops the way in, keeps the table.
    pub(super) fn into_items(self) -> Vec<T> {
        self.items
    }
}

impl Item for Box<str> {
    type Ref<'a> = &'a str;

    fn is(&self, other: &str) -> bool {
        **self == *other
    }
}

impl Item for Process {
    type Ref<'a> = ProcessRef<'a>;

    fn is(&self, other: ProcessRef<'_>) -> bool {
        ProcessRef::from(self) == other
    }
}
