//! Transactions in columns of numbers: what every check works on, whatever they were read from.
//!
//! Keys, written values and lists are numbered as they are met. A read of a list is a list and a length: of one key nearly all reads
//! are beginnings of one list, its spine, so that a read takes two numbers however long it is. Only what ok transactions read is
//! kept: what others read is not known.

use std::{borrow::Cow, ops::Range};

use rustc_hash::FxHashMap;

use super::{
    elements::Elements,
    origins::{Origin, Origins},
};
use crate::{
    datum::Datum,
    history::{Outcome, Process},
};

/// No element, list or transaction.
pub(super) const NONE: u32 = u32::MAX;

/// What transactions read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Lists, which are appended to.
    Lists,
    /// Registers, which are overwritten.
    Registers,
}

/// A transaction: when, by whom, and how it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Txn {
    /// The place of its invocation among all entries; 0 if it is not in the record.
    pub(super) start: u32,
    /// The place of its completion; [`NONE`] if it is not known to have ended.
    pub(super) end: u32,
    /// Its session.
    pub(super) session: u32,
    /// Where its steps are; set by the builder.
    pub(super) first_step: u32,
    pub(super) step_count: u32,
    pub(super) outcome: Outcome,
}

/// A read or a write of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) key: u32,
    /// The element or list, and how much of a list: of what is none more than lists can hold.
    of: (u32, u32),
}

impl Step {
    /// In place of the length of a list.
    const WRITE: u32 = u32::MAX;
    const READ_REGISTER: u32 = u32::MAX - 1;

    #[inline]
    pub(super) fn new(key: u32, what: What) -> Self {
        let of = match what {
            What::Write(element) => (element, Self::WRITE),
            What::ReadRegister(element) => (element, Self::READ_REGISTER),
            What::ReadList { list, length } => (list, length),
        };
        Self { key, of }
    }

    #[inline]
    pub(super) fn what(&self) -> What {
        match self.of {
            (element, Self::WRITE) => What::Write(element),
            (element, Self::READ_REGISTER) => What::ReadRegister(element),
            (list, length) => What::ReadList { list, length },
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Appends or writes an element.
    Write(u32),
    /// Reads so many elements of a list.
    ReadList { list: u32, length: u32 },
    /// Reads an element of a register, or [`NONE`] where it holds nothing.
    ReadRegister(u32),
}

/// Elements of a key in the order in which they were read.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) key: u32,
    pub(super) elements: Vec<u32>,
}

/// Transactions, in order of their invocations.
#[derive(Clone, Debug)]
pub struct Txns {
    pub(super) data: Data,
    pub(super) txns: Vec<Txn>,
    origins: Origins,
    /// By session, whose it is.
    pub(super) processes: Vec<Process>,
    pub(super) steps: Vec<Step>,
    pub(super) keys: Vec<Datum>,
    pub(super) elements: Elements,
    pub(super) lists: Vec<List>,
    /// Versions that were reported of elements: each as often as it was.
    pub(super) versions: Vec<(u32, Datum)>,
    /// Those that ended well, in order of their ends, if they were told of in that order.
    ended: Option<Vec<u32>>,
    /// By transaction, which it is a part of, where they are [split](Self::split).
    parts_of: Vec<u32>,
}

impl Txns {
    /// Returns how many transactions there are, failed ones too.
    pub fn count(&self) -> usize {
        self.txns.len()
    }

    /// Returns how many keys they touch.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Returns of each of these whether it writes, and how it ended.
    pub(crate) fn outcomes(&self, txns: Range<u32>) -> impl Iterator<Item = (bool, Outcome)> + '_ {
        let is_write = |step: &Step| matches!(step.what(), What::Write(_));
        txns.map(move |txn| (self.steps(txn).iter().any(is_write), self.txn(txn).outcome))
    }

    /// Returns those that are known to have ended well, in order of their ends.
    pub(super) fn by_end(&self) -> Cow<'_, [u32]> {
        let is_ended = |txn: &u32| self.is_ok(*txn) && self.txn(*txn).end != NONE;
        match &self.ended {
            Some(ended) => Cow::Borrowed(ended),
            None => {
                let ends = self.numbers().filter(is_ended).map(|txn| (self.txn(txn).end, txn));
                Cow::Owned(by_entry(ends).map(|(_, txn)| txn).collect())
            }
        }
    }

    /// Returns what `txn` did, in its own order.
    pub(super) fn steps(&self, txn: u32) -> &[Step] {
        let txn = self.txn(txn);
        &self.steps[txn.first_step as usize..][..txn.step_count as usize]
    }

    /// Returns whether each transaction is a step of one.
    pub(super) fn is_split(&self) -> bool {
        !self.parts_of.is_empty()
    }

    /// Returns each step as a transaction of its own.
    pub(super) fn split(&self) -> Self {
        let mut split = Self {
            steps: self.steps.clone(),
            processes: self.processes.clone(),
            keys: self.keys.clone(),
            elements: self.elements.clone(),
            lists: self.lists.clone(),
            versions: self.versions.clone(),
            ..Self::empty(self.data)
        };
        for txn in self.numbers() {
            let whole = *self.txn(txn);
            for step in 0..whole.step_count {
                split.txns.push(Txn {
                    first_step: whole.first_step + step,
                    step_count: 1,
                    ..whole
                });
                split.origins.push(&split.txns, self.origin(txn));
                split.parts_of.push(txn);
            }
        }
        split
    }

    /// Returns which transaction of the record `txn` is, or is a part of.
    pub(super) fn whole(&self, txn: u32) -> u32 {
        self.parts_of.get(txn as usize).copied().unwrap_or(txn)
    }

    fn empty(data: Data) -> Self {
        Self {
            data,
            txns: Vec::new(),
            origins: Origins::default(),
            processes: Vec::new(),
            steps: Vec::new(),
            keys: Vec::new(),
            elements: Elements::default(),
            lists: Vec::new(),
            versions: Vec::new(),
            ended: None,
            parts_of: Vec::new(),
        }
    }

    pub(super) fn txn(&self, txn: u32) -> &Txn {
        &self.txns[txn as usize]
    }

    pub(super) fn origin(&self, txn: u32) -> Origin {
        self.origins.of(&self.txns, txn)
    }

    pub(super) fn is_ok(&self, txn: u32) -> bool {
        self.txn(txn).outcome == Outcome::Ok
    }

    pub(super) fn numbers(&self) -> Range<u32> {
        0..self.txns.len() as u32
    }

    /// Returns the elements that a read of a list returned.
    pub(super) fn read(&self, list: u32, length: u32) -> &[u32] {
        match length {
            0 => &[],
            length => &self.lists[list as usize].elements[..length as usize],
        }
    }
}

/// Returns transactions in order of the entries that they are with, and with the same one in the order given.
///
/// Where most entries have one, and none has two, each goes to its entry's place, which takes no comparison.
pub(super) fn by_entry(txns: impl Iterator<Item = (u32, u32)> + Clone) -> impl Iterator<Item = (u32, u32)> {
    let larger =
        |(count, entries): (usize, usize), (entry, _): (u32, u32)| (count + 1, entries.max(entry as usize + 1));
    let (count, entry_count) = txns.clone().fold((0, 0), larger);
    let mut has_place = entry_count <= 4 * count;
    let mut by_place = vec![NONE; if has_place { entry_count } else { 0 }];
    if has_place {
        for (entry, txn) in txns.clone() {
            has_place &= std::mem::replace(&mut by_place[entry as usize], txn) == NONE;
        }
    }
    let mut sorted = Vec::new();
    if !has_place {
        by_place.clear();
        sorted.extend(txns);
        sorted.sort_by_key(|(entry, _)| *entry);
    }
    let placed = (0..).zip(by_place).filter(|(_, txn)| *txn != NONE);
    sorted.into_iter().chain(placed)
}

/// Makes [`Txns`] of what transactions did, one transaction after another.
#[derive(Debug)]
pub(super) struct Builder {
    txns: Txns,
    /// The transaction that steps are of.
    current: u32,
    key_numbers: FxHashMap<Datum, u32>,
    /// By key, its elements that are small integers, as far as they come densely.
    small_ints: Vec<Vec<u32>>,
    /// Other elements that are integers, by their key.
    int_numbers: FxHashMap<(u32, i64), u32>,
    /// Any others.
    other_numbers: FxHashMap<(u32, Datum), u32>,
    /// By key, its lists: the spine, and those that were read and do not fit it.
    lists: Vec<Vec<u32>>,
}

/// Against how many lists of its key a read is held before it is kept as one of its own.
const LISTS_COMPARED_MAX: usize = 8;

impl Builder {
    pub(super) fn new(data: Data) -> Self {
        Self {
            txns: Txns::empty(data),
            current: NONE,
            small_ints: Vec::new(),
            key_numbers: FxHashMap::default(),
            int_numbers: FxHashMap::default(),
            other_numbers: FxHashMap::default(),
            lists: Vec::new(),
        }
    }

    /// Appends a transaction, and returns its number; its steps follow, or are told when it is [resumed](Self::resume).
    ///
    /// # Panics
    /// There are 2^32 steps, which take more memory than machines have.
    pub(super) fn begin(&mut self, txn: Txn, origin: Origin) -> u32 {
        self.txns.txns.push(txn);
        self.txns.origins.push(&self.txns.txns, origin);
        let txn = self.txns.txns.len() as u32 - 1;
        self.current = txn;
        self.txns.txns[txn as usize].first_step = self.step_count();
        txn
    }

    /// Says how a transaction ended that was begun before; its steps follow.
    pub(super) fn resume(&mut self, txn: u32, outcome: Outcome, end: u32) {
        self.current = txn;
        let first_step = self.step_count();
        let txn = &mut self.txns.txns[txn as usize];
        (txn.first_step, txn.outcome, txn.end) = (first_step, outcome, end);
        if let (Some(ended), Outcome::Ok) = (&mut self.txns.ended, outcome) {
            ended.push(self.current);
        }
    }

    /// Says that every transaction is begun before it ends, and [resumed](Self::resume) in order of the ends.
    pub(super) fn in_order_of_ends(mut self) -> Self {
        self.txns.ended = Some(Vec::new());
        self
    }

    /// Says under which index and when its completion is recorded.
    pub(super) fn completed(&mut self, txn: u32, index: u64, time_ns: u64) {
        self.txns.origins.complete(&self.txns.txns, txn, index, time_ns);
    }

    fn step_count(&self) -> u32 {
        u32::try_from(self.txns.steps.len()).expect("there are fewer than 2^32 steps")
    }

    /// Says whose the sessions are.
    pub(super) fn sessions(&mut self, processes: Vec<Process>) {
        self.txns.processes = processes;
    }

    pub(super) fn push(&mut self, key: u32, what: What) {
        self.txns.steps.push(Step::new(key, what));
        self.txns.txns[self.current as usize].step_count += 1;
    }

    pub(super) fn key(&mut self, key: &Datum) -> u32 {
        if let Some(number) = self.key_numbers.get(key) {
            return *number;
        }
        let number = self.txns.keys.len() as u32;
        self.txns.keys.push(key.clone());
        self.lists.push(Vec::new());
        self.small_ints.push(Vec::new());
        self.key_numbers.insert(key.clone(), number);
        number
    }

    pub(super) fn element(&mut self, key: u32, value: &Datum) -> u32 {
        if let Datum::Int(int) = value {
            return self.int_element(key, *int);
        }
        let next = self.txns.elements.len() as u32;
        let number = *self.other_numbers.entry((key, value.clone())).or_insert(next);
        if number == next {
            self.txns.elements.push(key, value);
        }
        number
    }

    #[inline]
    pub(super) fn int_element(&mut self, key: u32, int: i64) -> u32 {
        /// How far beyond those that there are an integer may be to be found by its place.
        const GAP_MAX: usize = 1024;
        let next = self.txns.elements.len() as u32;
        let small = &mut self.small_ints[key as usize];
        let number = match usize::try_from(int) {
            Ok(place) if place < small.len() + GAP_MAX => {
                if place >= small.len() {
                    small.resize((place + 1).next_power_of_two(), NONE);
                }
                let known = &mut small[place];
                if *known == NONE {
                    // It may have been too far away when it was first met.
                    let is_far = |numbers: &FxHashMap<(u32, i64), u32>| numbers.get(&(key, int)).copied();
                    let far = if self.int_numbers.is_empty() {
                        None
                    } else {
                        is_far(&self.int_numbers)
                    };
                    *known = far.unwrap_or(next);
                }
                *known
            }
            _ => *self.int_numbers.entry((key, int)).or_insert(next),
        };
        if number == next {
            self.txns.elements.push_int(key, int);
        }
        number
    }

    /// Takes note of the version that was reported of an element.
    pub(super) fn report(&mut self, element: u32, version: &Datum) {
        self.txns.versions.push((element, version.clone()));
    }

    pub(super) fn extend(&mut self, list: u32, element: u32) {
        self.txns.lists[list as usize].elements.push(element);
    }

    /// Returns the read of these values of `key`.
    pub(super) fn list(&mut self, key: u32, values: &[Datum]) -> What {
        let length = values.len() as u32;
        if values.is_empty() {
            return What::ReadList { list: NONE, length };
        }
        for place in 0..self.lists[key as usize].len().min(LISTS_COMPARED_MAX) {
            let list = self.lists[key as usize][place];
            let known = &self.txns.lists[list as usize].elements;
            let is_same = |(element, value): (&u32, &Datum)| *self.txns.elements.value(*element) == *value;
            if known.iter().zip(values).all(is_same) {
                for value in &values[known.len().min(values.len())..] {
                    let element = self.element(key, value);
                    self.txns.lists[list as usize].elements.push(element);
                }
                return What::ReadList { list, length };
            }
        }
        let elements = values.iter().map(|value| self.element(key, value)).collect();
        let list = self.txns.lists.len() as u32;
        self.txns.lists.push(List { key, elements });
        self.lists[key as usize].push(list);
        What::ReadList { list, length }
    }

    /// Returns all that was told, and leaves nothing.
    pub(super) fn finish(&mut self) -> Txns {
        let nothing = Txns::empty(self.txns.data);
        std::mem::replace(&mut self.txns, nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_in_order_of_their_entries_and_else_as_given() {
        let few = vec![(900, 0), (7, 1), (900, 2), (0, 3)];
        let ordered = |txns: &[(u32, u32)]| by_entry(txns.iter().copied()).collect::<Vec<(u32, u32)>>();
        assert_eq!(ordered(&few), [(0, 3), (7, 1), (900, 0), (900, 2)]);
        for entry_count in [50, 101] {
            let many: Vec<(u32, u32)> = (0..100).map(|txn| (txn * 37 % entry_count, txn)).collect();
            let mut expected = many.clone();
            expected.sort();
            assert_eq!(ordered(&many), expected);
        }
        assert_eq!(ordered(&[]), []);
    }
}
