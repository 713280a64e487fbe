//! The register workload: reads and writes of unique values over many keys.
//!
//! Which keys are hot is told in `keys.rs`.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, keys};

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct RegisterLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
    values: u64,
}

impl RegisterLoad {
    pub(crate) fn new(options: LoadOptions) -> RegisterLoad {
        RegisterLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            values: 0,
        }
    }

    pub(crate) fn next(&mut self, progress: f64) -> Action {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        if self.rng.random_range(0..100) < self.options.reads_percent {
            Action::Read { key }
        } else {
            self.values += 1;
            Action::Write {
                key,
                value: self.values,
                seen: Vec::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Workload;

    fn load(keys: usize) -> RegisterLoad {
        RegisterLoad::new(LoadOptions {
            workload: Workload::Register,
            seed: 1,
            keys,
            reads_percent: 50,
            txn_length: 1,
        })
    }

    #[test]
    fn values_are_unique_and_every_key_has_its_time() {
        for keys in [1, 2, 3, 4, 40] {
            let (mut load, mut values, mut touched) = (load(keys), BTreeSet::new(), BTreeSet::new());
            let (mut reads, total) = (0, 4000);
            for i in 0..total {
                match load.next(i as f64 / total as f64) {
                    Action::Read { key } => {
                        reads += 1;
                        touched.insert(key);
                    }
                    Action::Write { key, value, seen } => {
                        assert!(values.insert(value) && seen.is_empty());
                        touched.insert(key);
                    }
                    other => panic!("a register is read and written, and not {other:?}"),
                }
            }
            assert_eq!(touched, (0..keys).collect());
            assert!((total * 4 / 10..total * 6 / 10).contains(&reads), "{reads} reads");
        }
    }

    #[test]
    fn few_keys_are_hot_at_a_time_and_a_cold_one_stays_cold() {
        let mut load = load(40);
        for (progress, hot) in [(0.0, 0..3), (0.5, 19..22), (1.0, 37..40)] {
            for _ in 0..100 {
                let key = load.next(progress).key();
                assert!(hot.contains(&key), "{key} at {progress}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_load() {
        let draw = || {
            let mut load = load(10);
            (0..100).map(|i| load.next(f64::from(i) / 100.0)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
