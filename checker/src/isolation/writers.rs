//! Who wrote what, and what is known to have happened.

use super::txns::{Data, NONE, Txns, What};
use crate::{
    execute::{Execute, both},
    history::Outcome,
};

/// The writers of elements.
pub(super) struct Writers {
    /// By element, the transaction that wrote it and may have happened, or [`NONE`].
    possible: Vec<u32>,
    /// By element, a transaction that failed to write it, or [`NONE`]; empty if none failed to write anything.
    failed: Vec<u32>,
    repeats: Repeats,
    /// By key, whether an element of it was written twice, so that a read does not say which it saw.
    ambiguous: Vec<bool>,
    /// An element that was written twice.
    pub(super) twice: Option<u32>,
    /// By transaction, whether it happened: it ended well, or somebody saw what it wrote.
    pub(super) happened: Vec<bool>,
}

/// Who touches a key more than once.
struct Repeats {
    /// By transaction, whether it does.
    by: Vec<bool>,
    /// By element, whether its writer wrote the key again.
    intermediate: Vec<bool>,
}

/// Who wrote elements, of those that may have happened and of others.
struct Wrote {
    possible: Vec<u32>,
    failed: Vec<u32>,
    ambiguous: Vec<bool>,
    twice: Option<u32>,
}

impl Wrote {
    fn new(txns: &Txns) -> Self {
        let mut wrote = Self {
            possible: vec![NONE; txns.elements.len()],
            failed: Vec::new(),
            ambiguous: vec![false; txns.keys.len()],
            twice: None,
        };
        for txn in txns.numbers() {
            let is_failed = txns.txn(txn).outcome == Outcome::Fail;
            for step in txns.steps(txn) {
                let What::Write(element) = step.what() else { continue };
                if is_failed {
                    wrote.failed.resize(txns.elements.len(), NONE);
                    wrote.failed[element as usize] = txn;
                    continue;
                }
                let writer = &mut wrote.possible[element as usize];
                if std::mem::replace(writer, txn) != NONE {
                    wrote.ambiguous[step.key as usize] = true;
                    wrote.twice.get_or_insert(element);
                }
            }
        }
        wrote
    }
}

impl Repeats {
    fn new(txns: &Txns) -> Self {
        let mut repeats = Self {
            by: vec![false; txns.count()],
            intermediate: vec![false; txns.elements.len()],
        };
        for txn in txns.numbers() {
            let steps = txns.steps(txn);
            for (number, step) in steps.iter().enumerate().skip(1) {
                let mut of_key = steps[..number]
                    .iter()
                    .filter(|before| before.key == step.key)
                    .peekable();
                repeats.by[txn as usize] |= of_key.peek().is_some();
                if matches!(step.what(), What::Write(_)) {
                    for before in of_key {
                        if let What::Write(element) = before.what() {
                            repeats.intermediate[element as usize] = true;
                        }
                    }
                }
            }
        }
        repeats
    }
}

impl Writers {
    pub(super) fn new(txns: &Txns, execute: &dyn Execute) -> Self {
        let (wrote, repeats) = both(execute, || Wrote::new(txns), || Repeats::new(txns));
        let mut writers = Self {
            possible: wrote.possible,
            failed: wrote.failed,
            repeats,
            ambiguous: wrote.ambiguous,
            twice: wrote.twice,
            happened: txns.numbers().map(|txn| txns.is_ok(txn)).collect(),
        };
        writers.see(txns);
        writers
    }

    /// Takes in what was seen to have happened.
    fn see(&mut self, txns: &Txns) {
        if txns.txns.iter().all(|txn| txn.outcome != Outcome::Info) {
            return;
        }
        let mut see = |element: u32| {
            if element != NONE && self.possible[element as usize] != NONE {
                self.happened[self.possible[element as usize] as usize] = true;
            }
        };
        match txns.data {
            Data::Lists => txns
                .lists
                .iter()
                .flat_map(|list| &list.elements)
                .for_each(|element| see(*element)),
            Data::Registers => {
                for step in &txns.steps {
                    if let What::ReadRegister(element) = step.what() {
                        see(element);
                    }
                }
            }
        }
    }

    /// Returns who wrote `element` and may have happened, or [`NONE`].
    pub(super) fn possible(&self, element: u32) -> u32 {
        self.possible[element as usize]
    }

    /// Returns who failed to write `element`, or [`NONE`].
    pub(super) fn failed(&self, element: u32) -> u32 {
        self.failed.get(element as usize).copied().unwrap_or(NONE)
    }

    /// Returns who wrote `element`, or failed to, or [`NONE`].
    pub(super) fn of(&self, element: u32) -> u32 {
        match self.possible(element) {
            NONE => self.failed(element),
            writer => writer,
        }
    }

    /// Returns whether only a failed transaction wrote `element`.
    pub(super) fn is_failed(&self, element: u32) -> bool {
        self.possible(element) == NONE && self.failed(element) != NONE
    }

    pub(super) fn is_of_nobody(&self, element: u32) -> bool {
        self.of(element) == NONE
    }

    /// Returns whether the writer of `element` wrote the key again after it.
    pub(super) fn is_intermediate(&self, element: u32) -> bool {
        self.repeats.intermediate[element as usize]
    }

    /// Returns whether `txn` touches a key more than once.
    pub(super) fn repeats(&self, txn: u32) -> bool {
        self.repeats.by[txn as usize]
    }

    pub(super) fn is_ambiguous(&self, key: u32) -> bool {
        self.ambiguous[key as usize]
    }
}
