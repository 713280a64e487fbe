//! How the values, or the versions, of one key are found: they mostly come in their own order, and the latest are met again
//! the most. So a search from the end finds them, in memory that is in the cache already, without hashing; until one comes
//! that is far out of order, or has none.

use std::{cmp::Ordering, hash::Hash};

use super::slots::{Slots, hash_of};

/// How far from the end an item may be put into the order. Moving as many indices costs less than a miss of the cache; more
/// than so many clients rarely have a write of one key open at once.
const REACH: usize = 256;

/// The way to the items of a table, which are numbered as they were met.
#[derive(Debug)]
pub(super) enum Order {
    /// They were met in their own order.
    AsMet,
    /// Their indices in their own order.
    Listed(Vec<u32>),
    /// They are hashed, and have no order here.
    Lost(Box<Slots>),
}

impl Order {
    /// Returns the index of the item that `compare` says is equal, if it is there. Those that are less come before it.
    /// If it is not, it becomes the next, of index `count`.
    ///
    /// An error says that it is not there, and that the order is lost with it.
    pub(super) fn find_or_add(
        &mut self,
        count: usize,
        compare: impl Fn(usize) -> Ordering,
    ) -> Result<Option<usize>, OrderLost> {
        let place = match self {
            Self::AsMet => search(count, &compare),
            Self::Listed(order) => search(count, |place| compare(order[place] as usize)).map(|it| order[it] as usize),
            Self::Lost(_) => return Err(OrderLost),
        };
        let place = match place {
            Ok(index) => return Ok(Some(index)),
            Err(place) if count - place > REACH => return Err(OrderLost),
            Err(place) => place,
        };
        match self {
            Self::AsMet if place < count => {
                let mut order: Vec<u32> = (0..count).map(number).collect();
                order.insert(place, number(count));
                *self = Self::Listed(order);
            }
            Self::Listed(order) => order.insert(place, number(count)),
            Self::AsMet | Self::Lost(_) => {}
        }
        Ok(None)
    }

    /// Returns the index of the item with `hash` that `is` the one looked for. If it is not there, it becomes the next, of
    /// index `count`. The order is lost if it was not yet: `hash_at` tells the hashes of all items.
    pub(super) fn find_or_add_hashed(
        &mut self,
        count: usize,
        hash: u64,
        is: impl Fn(usize) -> bool,
        hash_at: impl Fn(usize) -> u64,
    ) -> Option<usize> {
        let slots = self.lose(count, hash_at);
        let found = slots.find(hash, is);
        if found.is_none() {
            slots.insert(hash, count);
        }
        found
    }

    /// Reads the end of the order: see [`Draft::fetch`](super::of_key::Draft::fetch).
    #[inline]
    pub(super) fn fetch(&self) -> usize {
        match self {
            Self::Listed(order) => order.last().map_or(0, |last| *last as usize),
            Self::AsMet | Self::Lost(_) => 0,
        }
    }

    /// Gives the order up, and finds by hash from here on.
    pub(super) fn lose(&mut self, count: usize, hash_at: impl Fn(usize) -> u64) -> &mut Slots {
        if !matches!(self, Self::Lost(_)) {
            let mut slots = Box::<Slots>::default();
            (0..count).for_each(|index| slots.insert(hash_at(index), index));
            *self = Self::Lost(slots);
        }
        match self {
            Self::Lost(slots) => slots,
            Self::AsMet | Self::Listed(_) => unreachable!("it was lost just above"),
        }
    }

    /// Returns the indices of all items in their own order, as `compare` has it; nothing if they were met in it.
    pub(super) fn into_sorted(self, count: usize, compare: impl Fn(usize, usize) -> Ordering) -> Option<Vec<u32>> {
        match self {
            Self::AsMet => None,
            Self::Listed(order) => Some(order),
            Self::Lost(_) => {
                let mut order: Vec<u32> = (0..count).map(number).collect();
                order.sort_unstable_by(|a, b| compare(*a as usize, *b as usize));
                Some(order)
            }
        }
    }
}

/// An item has no place in the order, or one that is too far away.
#[derive(Debug)]
pub(super) struct OrderLost;

/// Looks among the places `0..count`, from the end in steps that double, for the one that `compare` says is equal; an error
/// is where it belongs.
fn search(count: usize, compare: impl Fn(usize) -> Ordering) -> Result<usize, usize> {
    let (mut low, mut high, mut step) = (0, count, 1);
    while low < high && step > 0 {
        let place = high.saturating_sub(step);
        match compare(place) {
            Ordering::Equal => return Ok(place),
            Ordering::Greater => (high, step) = (place, step * 2),
            Ordering::Less => (low, step) = (place + 1, 0),
        }
    }
    while low < high {
        let place = (low + high) / 2;
        match compare(place) {
            Ordering::Equal => return Ok(place),
            Ordering::Greater => high = place,
            Ordering::Less => low = place + 1,
        }
    }
    Err(high)
}

/// Returns the hash by which an item is found.
pub(super) fn hash(item: impl Hash) -> u64 {
    hash_of(item)
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a table has no more rows than the history has events, a u32")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However far out of order the items come, each is found as what it was met as.
    #[test]
    fn items_are_found_under_the_numbers_that_they_were_met_by() {
        for reach in [1, 2, 7, 100, 5_000] {
            let mut order = Order::AsMet;
            let mut met: Vec<u64> = Vec::new();
            for step in 0..5_000u64 {
                let turn = step / 2; // Each is met twice.
                let item = turn + turn * 7_918 % reach;
                let expected = met.iter().position(|it| *it == item);
                let found = order
                    .find_or_add(met.len(), |index| met[index].cmp(&item))
                    .unwrap_or_else(|OrderLost| {
                        order.find_or_add_hashed(
                            met.len(),
                            hash(item),
                            |index| met[index] == item,
                            |index| hash(met[index]),
                        )
                    });
                assert_eq!(found, expected, "reach {reach}, step {step}");
                met.extend(found.is_none().then_some(item));
            }
            assert_eq!(matches!(order, Order::Lost(_)), reach > 1_000, "reach {reach}");
            if let Some(sorted) = order.into_sorted(met.len(), |a, b| met[a].cmp(&met[b])) {
                assert!(sorted.is_sorted_by_key(|index| met[*index as usize]));
            }
        }
    }
}
