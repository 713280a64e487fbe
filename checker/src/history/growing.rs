//! A list that grows without moving its items: each page of memory is touched once, and nothing is copied.

use std::{
    iter::{self, FusedIterator},
    mem,
    ops::{Index, IndexMut},
    slice,
};

/// A list in chunks, each but the first as long as all before it together.
#[derive(Debug)]
pub(super) struct Growing<T> {
    /// All but the last chunk.
    full: Vec<Vec<T>>,
    last: Vec<T>,
    count: usize,
}

impl<T> Growing<T> {
    /// The length of the first chunk: a key of few ops takes little room. A power of two.
    const FIRST: usize = 4;

    pub(super) fn new() -> Self {
        Self {
            full: Vec::new(),
            last: Vec::new(),
            count: 0,
        }
    }

    /// Appends what `make` makes, where it will stay: to move it there takes longer than to make it.
    #[inline]
    pub(super) fn push_with(&mut self, make: impl FnOnce() -> T) {
        let is_full = self.count >= Self::FIRST && self.count.is_power_of_two();
        if is_full || self.count == 0 {
            let next = Vec::with_capacity(self.count.max(Self::FIRST));
            let full = mem::replace(&mut self.last, next);
            self.full.extend(is_full.then_some(full));
        }
        self.last.extend(iter::once_with(make));
        self.count += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn iter(&self) -> Iter<'_, T> {
        Iter {
            first: [].iter(),
            chunks: self.full.iter(),
            last: self.last.iter(),
            left: self.count,
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.full.iter_mut().flatten().chain(&mut self.last)
    }

    /// Returns all items in one piece, if they are.
    pub(super) fn as_slice(&self) -> Option<&[T]> {
        self.full.is_empty().then_some(&self.last)
    }

    /// Returns how many items come before the last chunk.
    fn full_count(&self) -> usize {
        self.count - self.last.len()
    }

    /// Returns which of the full chunks an item is in, and where there.
    fn place(index: usize) -> (usize, usize) {
        if index < Self::FIRST {
            return (0, index);
        }
        let log = index.ilog2();
        ((log - Self::FIRST.ilog2()) as usize + 1, index - (1 << log))
    }
}

impl<T> Index<usize> for Growing<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        if let Some(place) = index.checked_sub(self.full_count()) {
            return &self.last[place];
        }
        let (chunk, place) = Self::place(index);
        &self.full[chunk][place]
    }
}

impl<T> IndexMut<usize> for Growing<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        if let Some(place) = index.checked_sub(self.full_count()) {
            return &mut self.last[place];
        }
        let (chunk, place) = Self::place(index);
        &mut self.full[chunk][place]
    }
}

/// The items in order.
#[derive(Debug)]
pub(super) struct Iter<'g, T> {
    first: slice::Iter<'g, T>,
    chunks: slice::Iter<'g, Vec<T>>,
    last: slice::Iter<'g, T>,
    left: usize,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self {
            first: self.first.clone(),
            chunks: self.chunks.clone(),
            last: self.last.clone(),
            left: self.left,
        }
    }
}

impl<'g, T> Iterator for Iter<'g, T> {
    type Item = &'g T;

    fn next(&mut self) -> Option<&'g T> {
        loop {
            if let Some(item) = self.first.next() {
                self.left -= 1;
                return Some(item);
            }
            let Some(chunk) = self.chunks.next() else {
                let item = self.last.next();
                self.left -= usize::from(item.is_some());
                return item;
            };
            self.first = chunk.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    /// Chunk by chunk, with nothing to ask between two items of one.
    fn fold<B, F: FnMut(B, &'g T) -> B>(self, init: B, mut f: F) -> B {
        let mut folded = self.first.fold(init, &mut f);
        for chunk in self.chunks {
            folded = chunk.iter().fold(folded, &mut f);
        }
        self.last.fold(folded, f)
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.last.next_back() {
                self.left -= 1;
                return Some(item);
            }
            let Some(chunk) = self.chunks.next_back() else {
                let item = self.first.next_back();
                self.left -= usize::from(item.is_some());
                return item;
            };
            self.last = chunk.iter();
        }
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> FusedIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_where_they_were_pushed() {
        let mut list = Growing::new();
        for count in 0..300 {
            assert!(list.iter().copied().eq(0..count) && list.iter().rev().copied().eq((0..count).rev()));
            assert_eq!((list.len(), list.iter().len()), (count, count));
            assert!((0..count).all(|index| list[index] == index));
            list.push_with(|| count);
        }
        let mut ends = list.iter();
        for front in 0..150 {
            assert_eq!((ends.next(), ends.next_back()), (Some(&front), Some(&(299 - front))));
            assert!(ends.clone().copied().eq(front + 1..299 - front));
            assert_eq!(ends.len(), 298 - 2 * front);
        }
        assert_eq!((ends.next(), ends.next_back()), (None, None));
    }
}
