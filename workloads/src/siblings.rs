//! The siblings workload: keys that hold every value that no later write knew of.
//!
//! Most writes are of clients that have read the key and hand the context back, as a shop does with its basket; some are
//! blind, and make siblings; a few are deletes. What a client has read once it hands back again and again, so that
//! contexts grow old while others write.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, keys, memory::Memory};

/// Of 100 writes, how many are blind: enough that most keys have siblings now and then, and few enough that they are
/// resolved.
const BLIND_PERCENT: u32 = 25;

/// Of 100 writes that know of something, how many delete it.
const DELETES_PERCENT: u32 = 15;

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct SiblingsLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
    values: u64,
    memory: Memory,
}

impl SiblingsLoad {
    pub(crate) fn new(options: LoadOptions) -> SiblingsLoad {
        SiblingsLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            values: 0,
            memory: Memory::default(),
        }
    }

    pub(crate) fn next(&mut self, client: usize, progress: f64) -> Action {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        if self.rng.random_range(0..100) < self.options.reads_percent {
            return Action::Read { key };
        }
        let seen = self.memory.of(client, key).to_vec();
        if seen.is_empty() || self.rng.random_range(0..100) < BLIND_PERCENT {
            let seen = Vec::new();
            return Action::Write {
                key,
                value: self.value(),
                seen,
            };
        }
        if self.rng.random_range(0..100) < DELETES_PERCENT {
            return Action::Delete { key, seen };
        }
        let value = self.value();
        Action::Write { key, value, seen }
    }

    pub(crate) fn on_read(&mut self, client: usize, key: usize, values: &[u64]) {
        self.memory.note(client, key, values);
    }

    fn value(&mut self) -> u64 {
        self.values += 1;
        self.values
    }
}
