//! The workloads: what keys hold, and who draws what clients do with them.

use serde::{Deserialize, Serialize};

use crate::{
    Action, WritePath, cas::CasLoad, counter::CounterLoad, deletes::DeletesLoad, register::RegisterLoad, set::SetLoad,
    siblings::SiblingsLoad, txn::TxnLoad,
};

/// What keys hold and what clients do with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Registers that are read and written.
    #[default]
    Register,
    /// Registers that are deleted too.
    Deletes,
    /// Registers with siblings.
    Siblings,
    /// Sets of elements that are added and removed.
    Set,
    /// Counters.
    Counter,
    /// Registers whose owners agree upon each change, with compare-and-set.
    Cas,
    /// Registers that hold lists, read and appended to by transactions of independent steps.
    Append,
    /// Registers that are read and written by transactions of independent steps.
    Txn,
}

impl Workload {
    /// Every workload.
    pub const ALL: [Workload; 8] = [
        Workload::Register,
        Workload::Deletes,
        Workload::Siblings,
        Workload::Set,
        Workload::Counter,
        Workload::Cas,
        Workload::Append,
        Workload::Txn,
    ];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Register => "register",
            Workload::Deletes => "deletes",
            Workload::Siblings => "siblings",
            Workload::Set => "set",
            Workload::Counter => "counter",
            Workload::Cas => "cas",
            Workload::Append => "append",
            Workload::Txn => "txn",
        }
    }

    /// The workload of this name.
    pub fn from_name(name: &str) -> Option<Workload> {
        Workload::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// Whether clients do several things under one name, so that the record is one of transactions.
    pub fn is_of_transactions(self) -> bool {
        matches!(self, Workload::Append | Workload::Txn)
    }

    /// Whether owners agree upon what keys hold, where writes get their place by `path`.
    pub fn is_agreed_upon(self, path: WritePath) -> bool {
        self == Workload::Cas || path == WritePath::Cas
    }

    /// Whether keys hold registers, whose writes are ordered by versions, and not what merges.
    pub fn is_of_registers(self) -> bool {
        matches!(self, Workload::Register | Workload::Deletes) || self.is_of_transactions()
    }
}

/// What decides what clients do.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// What keys hold.
    pub workload: Workload,
    /// Decides all that chance decides.
    pub seed: u64,
    /// How many keys there are; at least 1.
    pub keys: usize,
    /// Of 100 operations, how many are reads; of transactions, of 100 steps.
    pub reads_percent: u8,
    /// How many steps a transaction has at most.
    pub txn_length: u8,
}

/// Draws what clients do.
#[derive(Debug)]
pub struct ActionLoad {
    drawer: Drawer,
}

#[derive(Debug)]
enum Drawer {
    Register(RegisterLoad),
    Deletes(DeletesLoad),
    Siblings(SiblingsLoad),
    Set(SetLoad),
    Counter(CounterLoad),
    Cas(CasLoad),
    Txn(TxnLoad),
}

impl ActionLoad {
    /// A load at its beginning.
    ///
    /// # Panics
    /// If there is no key, or more than 100 percent of reads, or transactions have no step.
    pub fn new(options: LoadOptions) -> ActionLoad {
        assert!(options.keys > 0, "a load needs a key");
        assert!(options.reads_percent <= 100, "a share of the whole");
        assert!(options.txn_length > 0, "a transaction has a step");
        let drawer = match options.workload {
            Workload::Register => Drawer::Register(RegisterLoad::new(options)),
            Workload::Deletes => Drawer::Deletes(DeletesLoad::new(options)),
            Workload::Siblings => Drawer::Siblings(SiblingsLoad::new(options)),
            Workload::Set => Drawer::Set(SetLoad::new(options)),
            Workload::Counter => Drawer::Counter(CounterLoad::new(options)),
            Workload::Cas => Drawer::Cas(CasLoad::new(options)),
            Workload::Append | Workload::Txn => Drawer::Txn(TxnLoad::new(options)),
        };
        ActionLoad { drawer }
    }

    /// What `client` does next, when `progress` of the run has passed: from 0 to 1.
    pub fn next(&mut self, client: usize, progress: f64) -> Action {
        match &mut self.drawer {
            Drawer::Register(load) => load.next(progress),
            Drawer::Deletes(load) => load.next(progress),
            Drawer::Siblings(load) => load.next(client, progress),
            Drawer::Set(load) => load.next(client, progress),
            Drawer::Counter(load) => load.next(progress),
            Drawer::Cas(load) => load.next(progress),
            Drawer::Txn(load) => load.next(progress),
        }
    }

    /// Takes in what `client` was told that a key holds: the values of siblings, the elements of a set, what owners agreed
    /// upon. Of other registers, of counters and transactions nothing is remembered. The caller keeps the context of the same read, and hands it back with each action
    /// that has `seen` something.
    pub fn on_read(&mut self, client: usize, key: usize, values: &[u64]) {
        match &mut self.drawer {
            Drawer::Siblings(load) => load.on_read(client, key, values),
            Drawer::Set(load) => load.on_read(client, key, values),
            Drawer::Cas(load) => load.on_read(key, values),
            Drawer::Register(_) | Drawer::Deletes(_) | Drawer::Counter(_) | Drawer::Txn(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::Step;

    /// Draws for four clients whose every read returns all that was put there and not taken away.
    fn run(workload: Workload, seed: u64) -> Vec<(usize, Action)> {
        let mut load = ActionLoad::new(LoadOptions {
            workload,
            seed,
            keys: 6,
            reads_percent: 40,
            txn_length: 4,
        });
        let mut held: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
        let draw = |number: usize| {
            let client = number % 4;
            let action = load.next(client, number as f64 / 2_000.0);
            let held = held.entry(action.key()).or_default();
            match &action {
                Action::Read { key } => {
                    let values: Vec<u64> = held.iter().copied().collect();
                    load.on_read(client, *key, &values);
                }
                Action::Write { value, seen, .. } => {
                    held.retain(|value| !seen.contains(value));
                    held.insert(*value);
                }
                Action::Delete { seen, .. } => held.retain(|value| !seen.contains(value)),
                Action::Add { element, .. } => {
                    held.insert(*element);
                }
                Action::Remove { element, .. } => {
                    held.remove(element);
                }
                Action::Cas { key, expected, value } => {
                    if held.first() == expected.as_ref() {
                        *held = [*value].into();
                    }
                    load.on_read(client, *key, &[*value]);
                }
                Action::Increment { .. } | Action::Txn { .. } => {}
            }
            (client, action)
        };
        (0..2_000).map(draw).collect()
    }

    #[test]
    fn names_are_read_back() {
        for workload in Workload::ALL {
            assert_eq!(Workload::from_name(workload.name()), Some(workload));
        }
        assert_eq!(Workload::from_name("queue"), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_actions_and_another_others() {
        for workload in Workload::ALL {
            assert_eq!(run(workload, 1), run(workload, 1));
            assert_ne!(run(workload, 1), run(workload, 2));
        }
    }

    #[test]
    fn each_workload_does_what_its_keys_hold_in_fair_shares() {
        type Is = fn(&Action) -> bool;
        let read: Is = |it| matches!(it, Action::Read { .. });
        let blind: Is = |it| matches!(it, Action::Write { seen, .. } if seen.is_empty());
        let knowing: Is = |it| matches!(it, Action::Write { seen, .. } if !seen.is_empty());
        let delete: Is = |it| matches!(it, Action::Delete { .. });
        let add: Is = |it| matches!(it, Action::Add { .. });
        let remove: Is = |it| matches!(it, Action::Remove { .. });
        let up: Is = |it| matches!(it, Action::Increment { delta, .. } if *delta > 0);
        let down: Is = |it| matches!(it, Action::Increment { delta, .. } if *delta < 0);
        let cas: Is = |it| matches!(it, Action::Cas { .. });
        let short: Is = |it| matches!(it, Action::Txn { steps } if steps.len() < 3);
        let long: Is = |it| matches!(it, Action::Txn { steps } if steps.len() >= 3);
        let shares: [(Workload, &[Is]); Workload::ALL.len()] = [
            (Workload::Register, &[read, blind]),
            (Workload::Deletes, &[read, blind, delete]),
            (Workload::Siblings, &[read, blind, knowing, delete]),
            (Workload::Set, &[read, add, remove]),
            (Workload::Counter, &[read, up, down]),
            (Workload::Cas, &[read, blind, cas]),
            (Workload::Append, &[short, long]),
            (Workload::Txn, &[short, long]),
        ];
        for (workload, kinds) in shares {
            let actions = run(workload, 3);
            let counts: Vec<usize> = kinds
                .iter()
                .map(|is| actions.iter().filter(|(_, action)| is(action)).count())
                .collect();
            assert_eq!(counts.iter().sum::<usize>(), actions.len(), "{workload:?}: {counts:?}");
            assert!(counts.iter().all(|count| *count > 60), "{workload:?}: {counts:?}");
        }
    }

    #[test]
    fn what_is_written_is_unique_and_what_is_removed_was_read() {
        for workload in Workload::ALL {
            let mut written = BTreeSet::new();
            for (_, action) in run(workload, 4) {
                match action {
                    Action::Write { value: new, seen, .. } => {
                        assert!(seen.iter().all(|value| written.contains(value)));
                        assert!(written.insert(new));
                    }
                    Action::Add { element, .. } => assert!(written.insert(element)),
                    Action::Cas { expected, value, .. } => {
                        assert!(expected.is_none_or(|expected| written.contains(&expected)));
                        assert!(written.insert(value));
                    }
                    Action::Remove { element, seen, .. } => assert!(seen.contains(&element)),
                    Action::Txn { steps } => {
                        for step in steps {
                            if let Step::Write { value: new, .. } | Step::Append { element: new, .. } = step {
                                assert!(written.insert(new));
                            }
                        }
                    }
                    Action::Read { .. } | Action::Delete { .. } | Action::Increment { .. } => {}
                }
            }
        }
    }
}
