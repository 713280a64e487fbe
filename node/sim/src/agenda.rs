//! What is to happen, and in which order: by time, and at one time as it was put on the agenda.
//!
//! What happens is large and waits in a slot, where it is put and taken once; what is sorted is small.

use std::{cmp::Reverse, collections::BinaryHeap};

use quorate_core::Time;

/// All that is to happen.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    /// The next first. The numbers rise, so that no two entries are equal.
    order: BinaryHeap<Reverse<Entry>>,
    slots: Vec<Option<T>>,
    free_slots: Vec<usize>,
    scheduled: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Time,
    number: u64,
    slot: usize,
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
        let number = self.scheduled;
        self.order.push(Reverse(Entry { at, number, slot }));
    }

    /// Takes out what is next, if that is not after `until`.
    pub(crate) fn pop_until(&mut self, until: Time) -> Option<(Time, T)> {
        if self.order.peek()?.0.at > until {
            return None;
        }
        let Reverse(Entry { at, slot, .. }) = self.order.pop()?;
        let happening = self.slots[slot].take().expect("an entry has its slot to itself");
        self.free_slots.push(slot);
        Some((at, happening))
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
