//! The register workload: reads and writes of unique values over many keys.
//!
//! A few keys are hot at a time, so that operations on a key overlap and follow each other closely; which ones are hot
//! moves over all keys as the run goes on. A key that has cooled down is not touched again: what a replica missed of it
//! stays missing unless the store itself brings it.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Keys that are hot at a time, unless there are fewer. With ten clients and some milliseconds an operation, three keep
/// about every second read racing with a write.
const HOT_KEYS: usize = 3;

/// What decides what clients do.
#[derive(Clone, Copy, Debug)]
pub struct RegisterOptions {
    /// Decides all that chance decides.
    pub seed: u64,
    /// How many keys there are; at least 1.
    pub keys: usize,
    /// Of 100 operations, how many are reads.
    pub reads_percent: u8,
}

/// The next thing that a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads the key of this number.
    Read {
        /// From 0.
        key: usize,
    },
    /// Writes the key of this number.
    Write {
        /// From 0.
        key: usize,
        /// Never written before by anyone.
        value: u64,
    },
}

/// Draws what clients do.
#[derive(Debug)]
pub struct RegisterLoad {
    options: RegisterOptions,
    rng: Pcg64Mcg,
    values: u64,
}

impl RegisterLoad {
    /// A load at its beginning.
    ///
    /// # Panics
    /// If there is no key, or more than 100 percent of reads.
    pub fn new(options: RegisterOptions) -> RegisterLoad {
        assert!(options.keys > 0, "a load needs a key");
        assert!(options.reads_percent <= 100, "a share of the whole");
        RegisterLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            values: 0,
        }
    }

    /// What a client does next, when `progress` of the run has passed: from 0 to 1.
    pub fn next(&mut self, progress: f64) -> Action {
        let hot = self.options.keys.min(HOT_KEYS);
        let cold = self.options.keys - hot;
        let first = (progress.clamp(0.0, 1.0) * (cold + 1) as f64) as usize;
        let key = first.min(cold) + self.rng.random_range(0..hot);
        if self.rng.random_range(0..100) < self.options.reads_percent {
            Action::Read { key }
        } else {
            self.values += 1;
            Action::Write {
                key,
                value: self.values,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn load(keys: usize) -> RegisterLoad {
        RegisterLoad::new(RegisterOptions {
            seed: 1,
            keys,
            reads_percent: 50,
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
                    Action::Write { key, value } => {
                        assert!(values.insert(value));
                        touched.insert(key);
                    }
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
                let (Action::Read { key } | Action::Write { key, .. }) = load.next(progress);
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
