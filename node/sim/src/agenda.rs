//! What is to happen, and in which order: by time, and at one time as it was put on the agenda.
//!
//! What happens is large and waits in a slot, where it is put and taken once; what is sorted is small.

use std::{cmp::Reverse, collections::BinaryHeap};

use quorate_core::Time;

/// How many things can ever be put on an agenda: enough for ten thousand a second over three years.
const NUMBER_BITS: u32 = 40;

/// How many can be on it at once: each message on its way and each timer of each node is one.
const SLOT_BITS: u32 = 24;

/// All that is to happen.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    /// The next first. The numbers rise, so that no two entries are equal.
    order: BinaryHeap<Reverse<Entry>>,
    slots: Vec<Option<T>>,
    free_slots: Vec<usize>,
    scheduled: u64,
}

/// The time, how many were put before, and the slot, from the highest bits of one number to the lowest: what comes first is the
/// least, and one comparison tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

impl Entry {
    fn new(at: Time, number: u64, slot: usize) -> Entry {
        let slot = slot as u64;
        assert!(
            number >> NUMBER_BITS == 0 && slot >> SLOT_BITS == 0,
            "an agenda has an end"
        );
        Entry(u128::from(at.as_nanos()) << 64 | u128::from(number << SLOT_BITS | slot))
    }

    fn at(self) -> Time {
        Time::from_nanos((self.0 >> 64) as u64)
    }

    fn slot(self) -> usize {
        self.0 as usize & ((1 << SLOT_BITS) - 1)
    }
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Agenda<T> {
        Agenda {
            order: BinaryHeap::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            scheduled: 0,
        }
    }

    /// Puts something on the agenda, behind all that is to happen at that time already.
    pub(crate) fn put(&mut self, at: Time, happening: T) {
        let slot = match self.free_slots.pop() {
            Some(slot) => {
                self.slots[slot] = Some(happening);
                slot
            }
            None => {
                self.slots.push(Some(happening));
                self.slots.len() - 1
            }
        };
        self.scheduled += 1;
        self.order.push(Reverse(Entry::new(at, self.scheduled, slot)));
    }

    /// Takes out what is next, if that is not after `until`.
    pub(crate) fn pop_until(&mut self, until: Time) -> Option<(Time, T)> {
        let Reverse(next) = *self.order.peek()?;
        if next.at() > until {
            return None;
        }
        self.order.pop();
        let happening = self.slots[next.slot()].take().expect("an entry has its slot to itself");
        self.free_slots.push(next.slot());
        Some((next.at(), happening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn popped(agenda: &mut Agenda<u32>, until: u64) -> Vec<(u64, u32)> {
        let next = || agenda.pop_until(Time::from_nanos(until));
        std::iter::from_fn(next)
            .map(|(at, what)| (at.as_nanos(), what))
            .collect()
    }

    #[test]
    fn what_is_due_comes_by_time_and_at_one_time_as_it_was_put() {
        let mut agenda = Agenda::new();
        for (what, at) in [5, 3, 5, 1, 3, 5].into_iter().enumerate() {
            agenda.put(Time::from_nanos(at), what as u32);
        }
        assert_eq!(popped(&mut agenda, 3), [(1, 3), (3, 1), (3, 4)]);
        // In slots that were in use before: which slot something is in does not matter.
        for (what, at) in [(6, 5), (7, 4), (8, 5)] {
            agenda.put(Time::from_nanos(at), what);
        }
        assert_eq!(popped(&mut agenda, 9), [(4, 7), (5, 0), (5, 2), (5, 5), (5, 6), (5, 8)]);
        assert_eq!(popped(&mut agenda, u64::MAX), []);
    }
}
