//! The counter workload: increments by numbers of both signs.
//!
//! Increments are of many sizes, so that one that is lost or counted twice is seldom made up for by others.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::{Action, LoadOptions, keys};

/// The greatest increment.
const DELTA_MAX: i64 = 1_000;

/// One in so many increments is negative.
const INCREMENTS_PER_DECREMENT: u32 = 4;

/// Draws what clients do.
#[derive(Debug)]
pub(crate) struct CounterLoad {
    options: LoadOptions,
    rng: Pcg64Mcg,
}

impl CounterLoad {
    pub(crate) fn new(options: LoadOptions) -> CounterLoad {
        CounterLoad {
            rng: Pcg64Mcg::seed_from_u64(options.seed),
            options,
        }
    }

    pub(crate) fn next(&mut self, progress: f64) -> Action {
        let key = keys::draw(&mut self.rng, self.options.keys, progress);
        if self.rng.random_range(0..100) < self.options.reads_percent {
            return Action::Read { key };
        }
        let size = self.rng.random_range(1..=DELTA_MAX);
        let is_negative = self.rng.random_range(0..INCREMENTS_PER_DECREMENT) == 0;
        let delta = if is_negative { -size } else { size };
        Action::Increment { key, delta }
    }
}
