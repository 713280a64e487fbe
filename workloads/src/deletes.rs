//! The deletes workload: registers that are read, written with unique values, and deleted.
//!
//! Every third write is a delete: often enough that each key is deleted, written again and deleted again while a replica
//! is away, and seldom enough that most deletes have a value to delete.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, keys};

/// One in so many writes is a delete.
const WRITES_PER_DELETE: u32 = 3;

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct DeletesLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
    values: u64,
}

impl DeletesLoad {
    pub(crate) fn new(options: LoadOptions) -> DeletesLoad {
        DeletesLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
            values: 0,
        }
    }

    pub(crate) fn next(&mut self, progress: f64) -> Action {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        let seen = Vec::new();
        if self.rng.random_range(0..100) < self.options.reads_percent {
            Action::Read { key }
        } else if self.rng.random_range(0..WRITES_PER_DELETE) == 0 {
            Action::Delete { key, seen }
        } else {
            self.values += 1;
            let value = self.values;
            Action::Write { key, value, seen }
        }
    }
}
