//! The cas workload: registers whose owners agree upon each change are read, written, and compared and set.
//!
//! A comparison expects what any client was last told that the key holds, so that most succeed, and many clients expect the
//! same at the same time, of whom one at most may succeed. All values are unique: which change a read saw is never in doubt.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, keys};

/// Of 100 changes, how many compare: enough blind writes are left to break what comparisons expect.
const COMPARING_PERCENT: u8 = 75;

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct CasLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
    values: u64,
    /// What each key was last told to hold.
    last: BTreeMap<usize, u64>,
}

impl CasLoad {
    pub(crate) fn new(options: LoadOptions) -> CasLoad {
        CasLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            values: 0,
            last: BTreeMap::new(),
        }
    }

    pub(crate) fn next(&mut self, progress: f64) -> Action {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        if self.rng.random_range(0..100) < self.options.reads_percent {
            return Action::Read { key };
        }
        self.values += 1;
        let value = self.values;
        if self.rng.random_range(0..100) < COMPARING_PERCENT {
            let expected = self.last.get(&key).copied();
            Action::Cas { key, expected, value }
        } else {
            let seen = Vec::new();
            Action::Write { key, value, seen }
        }
    }

    pub(crate) fn on_read(&mut self, key: usize, values: &[u64]) {
        self.last.extend(values.last().map(|value| (key, *value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workload;

    #[test]
    fn a_comparison_expects_what_was_told_last() {
        let mut load = CasLoad::new(LoadOptions {
            workload: Workload::Cas,
            seed: 1,
            keys: 2,
            reads_percent: 50,
            txn_length: 1,
        });
        let mut last = BTreeMap::new();
        for i in 0..1_000_u64 {
            match load.next(i as f64 / 1_000.0) {
                Action::Read { key } => {
                    load.on_read(key, &[i]);
                    last.insert(key, i);
                }
                Action::Cas { key, expected, .. } => assert_eq!(expected, last.get(&key).copied()),
                Action::Write { seen, .. } => assert!(seen.is_empty()),
                other => panic!("nobody does this to what owners agree upon: {other:?}"),
            }
        }
        load.on_read(0, &[]);
        assert_eq!(load.last.get(&0), last.get(&0), "nothing told is nothing learned");
    }
}
