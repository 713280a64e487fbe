//! Workloads of transactions: each takes a few steps, one after another, over keys that are hot.
//!
//! The store knows of no transaction, and nothing holds the steps of one together: what these workloads show is which anomalies
//! that leaves open, by the names of Adya and of Elle (Kingsbury and Alvaro, VLDB 2020). As Elle's generators do, this one writes each
//! value once, and a key only so often before others take its place.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, Step, Workload, keys};

/// How often a key is appended to at most. An append reads and writes the whole list, and every read of it is recorded whole, so that
/// what a run sends, records and judges grows with the square of this; with about a hundred, a list is some hundreds of bytes. Later a
/// key is only read, until others are hot.
const APPENDS_MAX: u32 = 100;

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct TxnLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
    values: u64,
    /// How often each key was appended to.
    appends: Vec<u32>,
}

impl TxnLoad {
    pub(crate) fn new(options: LoadOptions) -> TxnLoad {
        TxnLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            values: 0,
            appends: vec![0; options.keys],
        }
    }

    pub(crate) fn next(&mut self, progress: f64) -> Action {
        let length = self.rng.random_range(1..=self.options.txn_length);
        Action::Txn {
            steps: (0..length).map(|_| self.step(progress)).collect(),
        }
    }

    fn step(&mut self, progress: f64) -> Step {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        let is_read = self.rng.random_range(0..100) < self.options.reads_percent;
        match self.options.workload {
            _ if is_read => Step::Read { key },
            Workload::Append if self.appends[key] >= APPENDS_MAX => Step::Read { key },
            Workload::Append => {
                self.appends[key] += 1;
                let element = self.new_value();
                Step::Append { key, element }
            }
            _ => {
                let value = self.new_value();
                Step::Write { key, value }
            }
        }
    }

    fn new_value(&mut self) -> u64 {
        self.values += 1;
        self.values
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn steps(workload: Workload, keys: usize, txn_length: u8) -> Vec<Vec<Step>> {
        let mut load = TxnLoad::new(LoadOptions {
            workload,
            seed: 1,
            keys,
            reads_percent: 50,
            txn_length,
        });
        let total = 4_000;
        let txn = |number: usize| match load.next(number as f64 / total as f64) {
            Action::Txn { steps } => steps,
            other => panic!("a transaction, and not {other:?}"),
        };
        (0..total).map(txn).collect()
    }

    #[test]
    fn transactions_are_of_every_length_up_to_the_longest() {
        for longest in [1, 2, 4] {
            let mut lengths = BTreeMap::new();
            for txn in steps(Workload::Txn, 10, longest) {
                *lengths.entry(txn.len()).or_insert(0) += 1;
            }
            let all: Vec<usize> = (1..=usize::from(longest)).collect();
            assert_eq!(lengths.keys().copied().collect::<Vec<_>>(), all);
            assert!(lengths.values().all(|count| *count > 800), "{lengths:?}");
        }
    }

    #[test]
    fn lists_stay_short_and_registers_are_written_all_along() {
        for (workload, keys) in [(Workload::Append, 1), (Workload::Append, 10), (Workload::Txn, 10)] {
            let mut writes = vec![0; keys];
            for step in steps(workload, keys, 4).into_iter().flatten() {
                let is_append = matches!(step, Step::Append { .. });
                assert_eq!(step.is_write() && workload == Workload::Append, is_append);
                writes[step.key()] += u32::from(step.is_write());
            }
            match workload {
                Workload::Append => assert_eq!(writes, vec![APPENDS_MAX; keys]),
                _ => assert!(writes.iter().all(|count| *count > APPENDS_MAX), "{writes:?}"),
            }
        }
    }
}
