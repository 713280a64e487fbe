//! One seed for a run, and from it one for each part by name, so that a new part does not reshuffle the others.

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The seed of the part called `name` in the run of `seed`.
pub fn split_seed(seed: u64, name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), seed)
}

pub(crate) fn rng(seed: u64, name: &str) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(split_seed(seed, name))
}
