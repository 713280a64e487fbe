//! The set workload: unique elements are added, and those that a client has read are removed.
//!
//! A client removes only what its last read of the set returned, and hands that read's context back: so every remove
//! had seen the add that it takes away, and which of the two wins is no question.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, keys, memory::Memory};

/// Of 100 writes of clients that have something to remove, how many remove it: most, as else sets grow and every read
/// with them.
const REMOVES_PERCENT: u32 = 60;

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct SetLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
    elements: u64,
    memory: Memory,
}

impl SetLoad {
    pub(crate) fn new(options: LoadOptions) -> SetLoad {
        SetLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            elements: 0,
            memory: Memory::default(),
        }
    }

    pub(crate) fn next(&mut self, client: usize, progress: f64) -> Action {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        if self.rng.random_range(0..100) < self.options.reads_percent {
            return Action::Read { key };
        }
        let seen = self.memory.of(client, key).to_vec();
        if !seen.is_empty() && self.rng.random_range(0..100) < REMOVES_PERCENT {
            let element = seen[self.rng.random_range(0..seen.len())];
            return Action::Remove { key, element, seen };
        }
        self.elements += 1;
        let element = self.elements;
        Action::Add { key, element }
    }

    pub(crate) fn on_read(&mut self, client: usize, key: usize, values: &[u64]) {
        self.memory.note(client, key, values);
    }
}
