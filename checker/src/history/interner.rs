//! A table of distinct things, each met many times and kept once.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Numbers things in the order in which they are first met.
#[derive(Debug)]
pub(super) struct Interner<T> {
    items: Vec<T>,
    indices: FxHashMap<T, usize>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            indices: FxHashMap::default(),
        }
    }

    /// Returns the index of `item`, which is new if it was never met.
    pub(super) fn intern(&mut self, item: T) -> usize {
        if let Some(&index) = self.indices.get(&item) {
            return index;
        }
        let index = self.items.len();
        self.items.push(item.clone());
        self.indices.insert(item, index);
        index
    }

    /// Appends `item` as one that is met this once, and returns its index: [`Self::intern`] does not find it.
    pub(super) fn append(&mut self, item: T) -> usize {
        self.items.push(item);
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
