//! Reads that are moments of their own, where a transaction may read one key after another and see the second later.
//!
//! Each read from outside has a number, after those of all transactions, and is a node that comes before the next of the same
//! transaction and, at the end, its commit. What was read twice has two.

use super::topology::NONE;
use crate::isolation::{
    registers::{Registers, Version},
    rows::Rows,
    txns,
};

/// Reads from outside, by number.
#[derive(Debug)]
pub(super) struct Moments {
    /// By element, who read it, and by key, who read its initial state.
    of_element: Rows,
    of_initial: Rows,
    /// By number of a transaction, its first read, or its commit if there is none.
    first: Vec<u32>,
    /// By place among the numbers of reads, what is next of its transaction: a read, or the commit.
    next: Vec<u32>,
}

impl Moments {
    /// Gives numbers to the reads of `txns`: appends for each the transaction that it is of, and to `known` what comes next.
    pub(super) fn new(registers: &Registers<'_>, txns: &mut Vec<u32>, known: &mut Vec<(u32, u32)>) -> Self {
        let commit_count = txns.len() as u32;
        let (mut of_element, mut of_initial) = (Vec::new(), Vec::new());
        let (mut first, mut next) = (Vec::new(), Vec::new());
        for commit in 0..commit_count {
            let begin = txns.len() as u32;
            let txn = txns[commit as usize];
            for (key, element) in registers.reads_from_outside(txn) {
                let read = txns.len() as u32;
                match element {
                    txns::NONE => of_initial.push((key, read)),
                    _ => of_element.push((element, read)),
                }
                txns.push(txn);
            }
            let end = txns.len() as u32;
            next.extend((begin..end).map(|read| if read + 1 == end { commit } else { read + 1 }));
            first.push(if begin == end { commit } else { begin });
        }
        known.extend((commit_count..).zip(&next).map(|(read, next)| (read, *next)));
        let all = registers.txns();
        Self {
            of_element: Rows::new(all.elements.len(), of_element.iter().copied()),
            of_initial: Rows::new(all.keys.len(), of_initial.iter().copied()),
            first,
            next,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.next.len()
    }

    pub(super) fn of_initial(&self, key: u32) -> &[u32] {
        self.of_initial.of(key)
    }

    pub(super) fn first_of(&self, number: u32) -> u32 {
        self.first[number as usize]
    }

    /// Returns what follows the read of this place in its transaction.
    pub(super) fn next(&self, place: usize) -> Option<u32> {
        self.next.get(place).copied()
    }
}

/// Returns the numbers of those who read a version: of transactions, of those that have one, or of reads.
pub(super) fn readers_of<'r>(
    registers: &'r Registers<'_>,
    version: &'r Version,
    moments: Option<&'r Moments>,
    numbers: &'r [u32],
) -> impl Iterator<Item = u32> + 'r {
    let (whole, single): (&[u32], &[u32]) = match moments {
        Some(moments) => (&[], moments.of_element.of(version.element)),
        None => (registers.readers(version), &[]),
    };
    let whole = whole.iter().map(|txn| numbers[*txn as usize]);
    whole.filter(|number| *number != NONE).chain(single.iter().copied())
}
