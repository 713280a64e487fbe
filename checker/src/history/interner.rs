//! A table of distinct things, each met many times and kept once.
//!
//! Keys and nodes are found by their hashes. The values and versions of one key mostly come in their own order, and the
//! latest are met again the most: they are found by a search from the end, in memory that is in the cache already, until
//! one arrives that is far out of order.

use std::{cmp::Ordering, hash::Hash};

use serde_json::Value;

use super::{
    borrowed::{ProcessRef, ValueRef, VersionRef},
    event::{Process, Version},
    slots::{Slots, hash_of},
};

/// How far from the end of the order a thing may be put into it. Moving as many indices costs less than a miss of the
/// cache; more than so many clients rarely have a write of one key open at once.
const REACH: usize = 256;

/// What is kept in a table, and met in a borrowed form.
pub(super) trait Item: Sized {
    /// The form in which it is met. Equal things have equal hashes.
    type Ref<'a>: Copy + Hash + Into<Self>;

    fn to_ref(&self) -> Self::Ref<'_>;

    fn is(&self, other: Self::Ref<'_>) -> bool;

    /// How it compares with `other`; nothing if they have no order.
    fn order(&self, other: Self::Ref<'_>) -> Option<Ordering>;
}

/// Things numbered in the order in which they are first met. Looking for one that is there allocates nothing.
#[derive(Debug)]
pub(super) struct Interner<T> {
    items: Vec<T>,
    way: Way,
}

/// How things are found.
#[derive(Debug)]
enum Way {
    /// Their indices in the things' own order, which all of them have.
    Sorted(Vec<u32>),
    Hashed(Box<Slots>),
}

impl<T: Item> Interner<T> {
    /// Returns an empty table of things that come in any order.
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            way: Way::Hashed(Box::default()),
        }
    }

    /// Returns an empty table of things that mostly come in their own order.
    pub(super) fn nearly_sorted() -> Self {
        Self {
            items: Vec::new(),
            way: Way::Sorted(Vec::new()),
        }
    }

    /// Returns the index of `item`, which is new if it was never met.
    pub(super) fn intern(&mut self, item: T::Ref<'_>) -> usize {
        let index = self.items.len();
        if let Way::Sorted(order) = &mut self.way {
            match search(&self.items, order, item) {
                Place::Found(index) => return index,
                Place::Missing(place) if order.len() - place <= REACH => {
                    order.insert(place, number(index));
                    self.items.push(item.into());
                    return index;
                }
                Place::Missing(_) | Place::Nowhere => self.hash_all(),
            }
        }
        let Way::Hashed(slots) = &mut self.way else {
            unreachable!("what is not sorted is hashed")
        };
        let hash = hash_of(item);
        if let Some(index) = slots.find(hash, |index| self.items[index].is(item)) {
            return index;
        }
        slots.insert(hash, index);
        self.items.push(item.into());
        index
    }

    /// Appends `item` as one that is met this once, and returns its index: [`Self::intern`] does not find it.
    pub(super) fn append(&mut self, item: T) -> usize {
        if let Way::Sorted(_) = self.way {
            self.hash_all();
        }
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

    fn hash_all(&mut self) {
        let mut slots = Box::<Slots>::default();
        for (index, item) in self.items.iter().enumerate() {
            slots.insert(hash_of(item.to_ref()), index);
        }
        self.way = Way::Hashed(slots);
    }
}

impl<T: Item + Ord> Interner<T> {
    /// Appends the things to `sorted` in their own order, and returns for each by index which of them it is there; nothing
    /// if they were met in that order.
    pub(super) fn sort_into(self, sorted: &mut Vec<T>) -> Option<Vec<u32>> {
        let order = match self.way {
            Way::Sorted(order) => order,
            Way::Hashed(_) => {
                let mut order: Vec<u32> = (0..self.items.len()).map(number).collect();
                order.sort_unstable_by(|a, b| self.items[*a as usize].cmp(&self.items[*b as usize]));
                order
            }
        };
        if order.is_sorted() {
            sorted.extend(self.items);
            return None;
        }
        let mut ranks = vec![0; order.len()];
        for (rank, index) in (0..).zip(&order) {
            ranks[*index as usize] = rank;
        }
        let mut ranked: Vec<(u32, T)> = ranks.iter().copied().zip(self.items).collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        sorted.extend(ranked.into_iter().map(|(_, item)| item));
        Some(ranks)
    }
}

/// Where a thing is in an order, or belongs.
enum Place {
    /// It has this index.
    Found(usize),
    /// It belongs here.
    Missing(usize),
    /// It has no order with the others.
    Nowhere,
}

/// Looks for `item` from the end of `order`, in steps that double.
fn search<T: Item>(items: &[T], order: &[u32], item: T::Ref<'_>) -> Place {
    let compare = |place: usize| items[order[place] as usize].order(item);
    let (mut low, mut high, mut step) = (0, order.len(), 1);
    while high > 0 && low < high {
        let place = if step > 0 {
            high.saturating_sub(step)
        } else {
            (low + high) / 2
        };
        match compare(place) {
            None => return Place::Nowhere,
            Some(Ordering::Equal) => return Place::Found(order[place] as usize),
            Some(Ordering::Greater) => {
                high = place;
                step *= 2;
            }
            Some(Ordering::Less) => {
                low = place + 1;
                step = 0;
            }
        }
    }
    if order.is_empty() && T::order(&item.into(), item).is_none() {
        return Place::Nowhere;
    }
    Place::Missing(high)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a table has no more rows than the history has events, a u32")
}

impl Item for Box<str> {
    type Ref<'a> = &'a str;

    fn to_ref(&self) -> &str {
        self
    }

    fn is(&self, other: &str) -> bool {
        **self == *other
    }

    fn order(&self, other: &str) -> Option<Ordering> {
        Some((**self).cmp(other))
    }
}

impl Item for Process {
    type Ref<'a> = ProcessRef<'a>;

    fn to_ref(&self) -> ProcessRef<'_> {
        self.into()
    }

    fn is(&self, other: ProcessRef<'_>) -> bool {
        self.to_ref() == other
    }

    fn order(&self, _: ProcessRef<'_>) -> Option<Ordering> {
        None
    }
}

impl Item for Value {
    type Ref<'a> = ValueRef<'a>;

    fn to_ref(&self) -> ValueRef<'_> {
        self.into()
    }

    fn is(&self, other: ValueRef<'_>) -> bool {
        self.to_ref() == other
    }

    fn order(&self, other: ValueRef<'_>) -> Option<Ordering> {
        match (self.to_ref(), other) {
            (ValueRef::Integer(this), ValueRef::Integer(other)) => Some(this.cmp(&other)),
            _ => None,
        }
    }
}

impl Item for Version {
    type Ref<'a> = VersionRef<'a>;

    fn to_ref(&self) -> VersionRef<'_> {
        self.into()
    }

    fn is(&self, other: VersionRef<'_>) -> bool {
        self.to_ref() == other
    }

    fn order(&self, other: VersionRef<'_>) -> Option<Ordering> {
        Some(self.to_ref().cmp(&other))
    }
}
